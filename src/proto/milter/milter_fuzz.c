/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A letter told to a filter that says anything. The first octet chooses the sizes of pieces and
 * whether the options are negotiated before. Asserted: it ends, what is kept is bounded and fit to
 * be sent, and no field can end the header or begin another one.
 */
#include "mail/header.h"
#include "proto/milter/milter.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct milter_field fields[] = { { S_INIT("Subject"), S_INIT(" hi\r\n\tthere") } };
static const str rcpts[] = { S_INIT("bob@b.test"), S_INIT("eve@b.test") };
static const struct milter_letter letter = { .hostname = S_INIT("mx.a.test"),
	.address = S_INIT("2001:db8::1"),
	.ipv6 = true,
	.port = 25,
	.mail = S_INIT("alice@a.test"),
	.rcpts = rcpts,
	.rcpts_n = 2,
	.fields = fields,
	.fields_n = 1,
	.body = S_INIT("body\r\n") };

static void
check_text(str s)
{
	ASSERT(s.n <= MILTER_TEXT_MAX);
	for (size_t i = 0; i < s.n; i++) {
		ASSERT(s.p[i] >= ' ' && s.p[i] <= '~');
	}
}

/* Written out, each change is one field and nothing else. */
static void
check_change(const struct milter_change *c)
{
	struct buf b;
	buf_init(&b, 1 << 20);
	buf_str(&b, c->name);
	buf_str(&b, S(": "));
	buf_str(&b, c->value);
	buf_str(&b, S("\r\n"));
	str text = buf_view(&b);
	for (size_t i = 0; i < text.n; i++) {
		ASSERT(text.p[i] != '\n' || (i > 0 && text.p[i - 1] == '\r'));
		ASSERT(text.p[i] != '\r' || text.p[i + 1] == '\n');
		ASSERT(text.p[i] != '\0');
	}
	struct mail_header h = mail_header_make(text);
	struct mail_field f;
	ASSERT(mail_header_next(&h, &f) && str_eq(f.name, c->name) && f.raw.n == text.n);
	buf_done(&b);
}

static void
check(const struct milter *m, const struct arena *a)
{
	ASSERT(milter_output(m).n <= MILTER_OUT_MAX && arena_used(a) <= 256 << 10);
	if (!milter_ended(m)) {
		return;
	}
	const struct milter_result *r = milter_result(m);
	ASSERT((r->verdict == MILTER_BROKEN) == (r->fault != NULL) && !milter_waiting(m));
	ASSERT(r->code == 0 || (r->code >= 400 && r->code <= 599));
	ASSERT(r->changes_n <= MILTER_CHANGES_MAX && r->rcpts_refused <= letter.rcpts_n);
	check_text(r->enhanced);
	check_text(r->text);
	check_text(r->quarantine_why);
	for (size_t i = 0; i < r->changes_n; i++) {
		check_change(&r->changes[i]);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 4) {
		return 0;
	}
	struct arena *a = arena_new(NULL, "fuzz", 512 << 10, 0);
	struct milter m;
	ASSERT(milter_init(&m, &letter, a) == ERR_OK);
	milter_sent(&m, milter_output(&m).n);
	str in = str_make(data + 1, size - 1);
	if ((data[0] & 1) != 0) {
		const char head[] = { 0, 0, 0, 13, 'O', 0, 0, 0, 6, 0, 0, 0, 0x31, 0, in.p[0],
			in.p[1], in.p[2] };
		milter_feed(&m, str_make(head, sizeof head));
		in = str_from_off(in, 3);
	}
	size_t step = (size_t)(data[0] >> 1) + 1;
	while (in.n > 0) {
		milter_feed(&m, str_sub(in, 0, step));
		milter_sent(&m, MIN(milter_output(&m).n, step * 16));
		check(&m, a);
		in = str_from_off(in, step);
	}
	milter_lost(&m);
	ASSERT(milter_ended(&m));
	check(&m, a);
	milter_done(&m);
	arena_free(&a);
	return 0;
}
