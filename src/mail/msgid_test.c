/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Identifiers as RFC 5322 3.6.4 has them, and as they arrive.
 */
#include "base/test.h"
#include "mail/msgid.h"

static void
reading(void)
{
	static const struct {
		str in, want;
	} rows[] = {
		{ S_INIT("<1234@local.machine.example>"), S_INIT("1234@local.machine.example|") },
		{ S_INIT("<a@b> <c@d>\t<e@f>"), S_INIT("a@b|c@d|e@f|") },
		{ S_INIT("<a@b><c@d>"), S_INIT("a@b|c@d|") },
		{ S_INIT("Your message of Monday <a@b> (x)"), S_INIT("a@b|") },
		{ S_INIT("<a b@c> <d@e>"), S_INIT("d@e|") },
		{ S_INIT("<> <d@e>"), S_INIT("d@e|") },
		{ S_INIT("<broken <d@e>"), S_INIT("d@e|") },
		{ S_INIT("<no-at>"), S_INIT("no-at|") },
		{ S_INIT("a@b"), S_INIT("") },
		{ S_INIT("<a@b"), S_INIT("") },
		{ S_INIT(""), S_INIT("") },
	};
	for (size_t i = 0; i < LEN(rows); i++) {
		char room[200];
		struct buf b;
		str value = rows[i].in, id;
		buf_init_fixed(&b, room, sizeof room);
		test_case = rows[i].in.p;
		while (mail_msgid_next(&value, &id)) {
			buf_str(&b, id);
			buf_ch(&b, '|');
		}
		CHECK_STR(buf_view(&b), rows[i].want);
	}
}

static void
writing(void)
{
	static const uint8_t random[16] = { 0, 1, 0xff };
	char room[100];
	struct buf b;
	buf_init_fixed(&b, room, sizeof room);
	mail_msgid_put(&b, random, S("mail.example.org"));
	CHECK_STR(buf_view(&b), S("<0001ff00000000000000000000000000@mail.example.org>"));
	str value = buf_view(&b), id;
	CHECK(mail_msgid_next(&value, &id));
	CHECK_STR(id, S("0001ff00000000000000000000000000@mail.example.org"));
}

TEST_MAIN(reading, writing)
