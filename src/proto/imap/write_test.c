/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The form strings and names take.
 */
#include "proto/imap/write.h"

#include "base/test.h"
#include "proto/imap/command.h"

static void
strings(void)
{
	static const struct {
		str in;
		bool utf8;
		const char *want;
	} cases[] = {
		{ S_INIT(""), false, "\"\"" },
		{ S_INIT("plain text"), false, "\"plain text\"" },
		{ S_INIT("a\"b\\c"), false, "\"a\\\"b\\\\c\"" },
		{ S_INIT("a\r\nb"), false, "{4}\r\na\r\nb" },
		{ S_INIT("\xc3\xbc"), false, "{2}\r\n\xc3\xbc" },
		{ S_INIT("\xc3\xbc"), true, "\"\xc3\xbc\"" },
		{ S_INIT("\xc3\xbc\n"), true, "{3}\r\n\xc3\xbc\n" },
		{ S_INIT("\xff"), true, "{1}\r\n\xff" },
		{ S_INIT("a\0b"), false, "\"ab\"" },
		{ S_INIT("\xff\0b\0"), false,
		    "{2}\r\n\xff"
		    "b" },
	};
	for (size_t i = 0; i < LEN(cases); i++) {
		struct buf b;
		buf_init(&b, 1000);
		imap_put_string(&b, cases[i].in, cases[i].utf8);
		CHECK_STR(buf_view(&b), str_from(cases[i].want));
		buf_done(&b);
	}
}

static void
long_strings_are_literals(void)
{
	static char text[5000];
	memset(text, 'x', sizeof text);
	struct buf b;
	buf_init(&b, 10000);
	imap_put_string(&b, (str){ text, sizeof text }, true);
	CHECK(str_starts(buf_view(&b), S("{5000}\r\nxxx")));
	buf_done(&b);
}

static void
names(void)
{
	static const struct {
		const char *in;
		bool utf8;
		const char *want;
	} cases[] = {
		{ "INBOX", false, "INBOX" },
		{ "Sent Items", false, "\"Sent Items\"" },
		{ "Entw\xc3\xbcrfe", false, "Entw&APw-rfe" },
		{ "Entw\xc3\xbcrfe", true, "\"Entw\xc3\xbcrfe\"" },
		{ "a&b", false, "a&-b" },
		{ "a&b", true, "a&b" },
		{ "NIL", false, "\"NIL\"" },
		{ "a]b", true, "a]b" },
	};
	for (size_t i = 0; i < LEN(cases); i++) {
		test_case = cases[i].in;
		struct buf b;
		buf_init(&b, 1000);
		imap_put_mailbox(&b, str_from(cases[i].in), cases[i].utf8);
		CHECK_STR(buf_view(&b), str_from(cases[i].want));
		buf_done(&b);
	}
}

static void
small_words(void)
{
	struct buf b;
	buf_init(&b, 1000);
	CHECK(!imap_put_system_flags(&b, 0));
	CHECK(imap_put_system_flags(&b, IMAP_FLAG_SEEN | IMAP_FLAG_ANSWERED));
	imap_put_uses(&b, IMAP_USE_SENT | IMAP_USE_ALL, true);
	imap_put_nstring(&b, STR_NONE, true);
	imap_put_internaldate(&b, 0);
	CHECK_STR(buf_view(&b),
	    S("\\Answered \\Seen \\All \\SentNIL\" 1-Jan-1970 00:00:00 +0000\""));
	buf_done(&b);
}

TEST_MAIN(strings, long_strings_are_literals, names, small_words)
