/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of RFC 2047 section 8, and what real senders get wrong.
 */
#include "base/test.h"
#include "mail/word.h"

static void
decodes(void)
{
	static const struct {
		str in, want;
	} rows[] = {
		{ S_INIT("(=?ISO-8859-1?Q?a?=)"), S_INIT("(a)") },
		{ S_INIT("(=?ISO-8859-1?Q?a?= b)"), S_INIT("(a b)") },
		{ S_INIT("(=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=)"), S_INIT("(ab)") },
		{ S_INIT("(=?ISO-8859-1?Q?a?=  \t =?ISO-8859-1?Q?b?=)"), S_INIT("(ab)") },
		{ S_INIT("(=?ISO-8859-1?Q?a_b?=)"), S_INIT("(a b)") },
		{ S_INIT("=?utf-8?q?a=5Fb_c?="), S_INIT("a_b c") },
		{ S_INIT("=?UTF-8*de?B?R3LDvMOfZQ==?="),
		    S_INIT("Gr\xc3\xbc\xc3\x9f"
			   "e") },
		{ S_INIT("=?utf-8?q?=C3?= =?utf-8?q?=BC?="), S_INIT("\xc3\xbc") },
		{ S_INIT("=?utf-8?b?w7w=?= =?iso-8859-1?q?=FC?="), S_INIT("\xc3\xbc\xc3\xbc") },
		{ S_INIT("=?utf-8?x?abc?= =? =?utf-8?q?open"),
		    S_INIT("=?utf-8?x?abc?= =? =?utf-8?q?open") },
		{ S_INIT("=?utf-8?q?a=?="), S_INIT("a") },
		{ S_INIT("=?utf-8?q?what?"
			 "?="),
		    S_INIT("what?") },
		{ S_INIT("=?utf-8?q?a =?utf-8?q?b?="), S_INIT("=?utf-8?q?a b") },
		{ S_INIT("raw \xfc"), S_INIT("raw \xc3\xbc") },
		{ S_INIT("=?utf-8?q?with space?="), S_INIT("with space") },
	};
	for (size_t i = 0; i < LEN(rows); i++) {
		struct buf b;
		buf_init(&b, 1024);
		test_case = rows[i].in.p;
		mail_word_decode(&b, rows[i].in);
		CHECK_STR(buf_view(&b), rows[i].want);
		buf_done(&b);
	}
}

TEST_MAIN(decodes)
