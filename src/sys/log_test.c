/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a log line looks like, and that no value can forge another line or key.
 */
#include "base/test.h"
#include "sys/log.h"
#include "sys/sock.h"
#include "sys/sys.h"

#include <fcntl.h>
#include <unistd.h>

/* Write one line with a single field through a pipe in place of descriptor 2; without its date. */
static str
line_of(enum sys_log_level level, struct sys_log_field field)
{
	static char got[SYS_LOG_LINE_MAX + 1];
	struct sys_log_field fields[] = { field, { 0 } };
	int p[2], old = dup(2);
	CHECK(pipe2(p, O_CLOEXEC | O_NONBLOCK) == 0);
	CHECK(dup2(p[1], 2) == 2);
	sys_log_write(level, "event", fields);
	CHECK(dup2(old, 2) == 2);
	ssize_t n = read(p[0], got, sizeof got);
	sys_close(&p[0]);
	sys_close(&p[1]);
	close(old);
	return n < 25 ? S("") : str_make(got + 25, (size_t)n - 25);
}

static void
values(void)
{
	struct sys_addr a = { .port = 55 };
	CHECK_ERR(sys_addr_parse(S("192.0.2.1:55"), 0, &a), ERR_OK);
	const struct {
		const char *want;
		struct sys_log_field f;
	} cases[] = {
		{ "k=plain.word-1", F_STR("k", S("plain.word-1")) },
		{ "k=\"\"", F_STR("k", S("")) },
		{ "k=\"two words\"", F_STR("k", S("two words")) },
		{ "k=\"a=b\"", F_STR("k", S("a=b")) },
		{ "k=\"a\\\"b\\\\c\"", F_STR("k", S("a\"b\\c")) },
		{ "k=\"a\\x0d\\x0ab\\x00\\x7f\"", F_STR("k", S("a\r\nb\0\x7f")) },
		{ "k=\"\xc3\xbc\"", F_STR("k", S("\xc3\xbc")) },
		{ "k=\"\\xc3(\"", F_STR("k", S("\xc3(")) },
		{ "k=\"\xc3\xbc\\xc2\\x85x\\xc2\\x9b2J\"",
		    F_STR("k",
			S("\xc3\xbc\xc2\x85x\xc2\x9b"
			  "2J")) },
		{ "k=\"a\\xe2\\x80\\xa8\\xe2\\x80\\xaez\"",
		    F_STR("k", S("a\xe2\x80\xa8\xe2\x80\xaez")) },
		{ "k=18446744073709551615", F_U64("k", UINT64_MAX) },
		{ "k=-9223372036854775808", F_I64("k", INT64_MIN) },
		{ "k=00000000000000ff", F_ID("k", 255) },
		{ "error=NOSPACE", F_ERR(ERR_NOSPACE) },
		{ "k=192.0.2.1", F_IP("k", a.ip) },
		{ "k=192.0.2.1:55", F_ADDR("k", &a) },
	};
	sys_log_init(S("test[1]"), SYS_LOG_INFO);
	for (size_t i = 0; i < LEN(cases); i++) {
		char want[200];
		test_case = cases[i].want;
		snprintf(want, sizeof want, "test[1] warn event %s\n", cases[i].want);
		CHECK_STR(line_of(SYS_LOG_WARN, cases[i].f), str_from(want));
	}
}

static void
cuts_long_values(void)
{
	static char octets[5000];
	memset(octets, 'x', sizeof octets);
	str line = line_of(SYS_LOG_ERROR, (struct sys_log_field)F_STR("k", str_make(octets, 257)));
	CHECK(str_ends(line, S("x...\n")));
	CHECK_U64(line.n, sizeof "test[1] error event k=" - 1 + 256 + 4);
	memset(octets, '\n', sizeof octets);
	line = line_of(SYS_LOG_ERROR, (struct sys_log_field)F_STR("k", str_make(octets, 5000)));
	CHECK_U64(str_chr(line, '\n'), line.n - 1);
}

static void
levels(void)
{
	enum sys_log_level l;
	CHECK_ERR(sys_log_level_find(S("debug"), &l), ERR_OK);
	CHECK_U64(l, SYS_LOG_DEBUG);
	CHECK_ERR(sys_log_level_find(S("loud"), &l), ERR_NOTFOUND);
	sys_log_init(S("t"), SYS_LOG_WARN);
	CHECK_STR(line_of(SYS_LOG_INFO, (struct sys_log_field)F_U64("k", 1)), S(""));
	CHECK_STR(line_of(SYS_LOG_WARN, (struct sys_log_field)F_U64("k", 1)),
	    S("t warn event k=1\n"));
}

TEST_MAIN(values, cuts_long_values, levels)
