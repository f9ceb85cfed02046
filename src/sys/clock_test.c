/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The calendar of log lines, the error table, and descriptor helpers.
 */
#include "base/test.h"
#include "sys/clock.h"
#include "sys/random.h"
#include "sys/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static void
dates(void)
{
	static const struct {
		int64_t ms;
		const char *want;
	} cases[] = {
		{ 0, "1970-01-01T00:00:00.000Z" },
		{ 951782399999, "2000-02-28T23:59:59.999Z" },
		{ 951782400000, "2000-02-29T00:00:00.000Z" },
		{ 951868800000, "2000-03-01T00:00:00.000Z" },
		{ 1709164800123, "2024-02-29T00:00:00.123Z" },
		{ 1735689599000, "2024-12-31T23:59:59.000Z" },
		{ 4107542400000, "2100-03-01T00:00:00.000Z" },
		{ 4107456000000, "2100-02-28T00:00:00.000Z" },
		{ -5, "1970-01-01T00:00:00.000Z" },
		{ INT64_MAX, "9999-12-31T23:59:59.999Z" },
	};
	for (size_t i = 0; i < LEN(cases); i++) {
		char text[SYS_CLOCK_TEXT_MAX];
		struct buf b;
		buf_init_fixed(&b, text, sizeof text);
		sys_clock_text(&b, cases[i].ms);
		CHECK_STR(buf_view(&b), str_from(cases[i].want));
	}
}

static void
clocks_agree(void)
{
	int64_t a = sys_clock_us();
	int64_t b = sys_clock_us();
	CHECK(b >= a && sys_clock_ms() >= a / 1000);
	CHECK(sys_clock_wall_s() > 1700000000);
	CHECK(sys_clock_wall_ms() / 1000 >= sys_clock_wall_s() - 1);
}

static void
errors(void)
{
	static const struct {
		int errnum;
		enum err want;
	} cases[] = { { ENOSPC, ERR_NOSPACE }, { EDQUOT, ERR_NOSPACE }, { EMFILE, ERR_NOFD },
		{ ENFILE, ERR_NOFD }, { EAGAIN, ERR_AGAIN }, { ENOENT, ERR_NOTFOUND },
		{ EACCES, ERR_DENIED }, { EIO, ERR_IO }, { ECONNRESET, ERR_IO },
		{ ENOMEM, ERR_NOMEM } };
	for (size_t i = 0; i < LEN(cases); i++) {
		CHECK_ERR(sys_err(cases[i].errnum), cases[i].want);
	}
}

static bool
is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

static void
keeps_only_named(void)
{
	int fds[6];
	int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (size_t i = 0; i < LEN(fds); i++) {
		CHECK_ERR(sys_dup(null_fd, &fds[i]), ERR_OK);
	}
	uint64_t before = sys_count_fds(1000);
	int one_more = dup(0);
	CHECK_U64(sys_count_fds(1000), before + 1);
	CHECK_U64(sys_count_fds(2), 2);
	close(one_more);
	int keep[] = { fds[4], fds[1], -1, fds[1] };
	CHECK_ERR(sys_close_except(keep, LEN(keep)), ERR_OK);
	for (size_t i = 0; i < LEN(fds); i++) {
		CHECK(is_open(fds[i]) == (i == 1 || i == 4));
	}
	CHECK(!is_open(null_fd) && is_open(0) && is_open(1) && is_open(2));
	sys_close(&fds[1]);
	CHECK(fds[1] == -1);
	CHECK_ERR(sys_close_except(NULL, 0), ERR_OK);
	CHECK(!is_open(fds[4]));
}

static void
waits(void)
{
	int p[2];
	CHECK(pipe2(p, O_CLOEXEC) == 0);
	CHECK_ERR(sys_wait(p[0], true, 0), ERR_TIMEOUT);
	CHECK(write(p[1], "x", 1) == 1);
	CHECK_ERR(sys_wait(p[0], true, -1), ERR_OK);
	CHECK_ERR(sys_wait(p[1], false, -1), ERR_OK);
	sys_close(&p[0]);
	sys_close(&p[1]);
}

static void
random_differs(void)
{
	uint8_t a[600] = { 0 }, b[600] = { 0 };
	sys_random(a, sizeof a);
	sys_random(b, sizeof b);
	CHECK(memcmp(a, b, sizeof a) != 0);
	CHECK(memcmp(a + 500, b + 500, 100) != 0);
	CHECK(sys_random_u64() != sys_random_u64());
	CHECK(sys_cores() >= 1);
	CHECK(sys_raise_fd_limit() >= 64);
}

TEST_MAIN(dates, clocks_agree, errors, keeps_only_named, waits, random_differs)
