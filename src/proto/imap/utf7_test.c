/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Modified UTF-7 both ways, and what is not canonical.
 */
#include "proto/imap/utf7.h"

#include "base/codec.h"
#include "base/test.h"

static void
both_ways(void)
{
	static const struct {
		const char *utf8, *utf7;
	} cases[] = {
		{ "", "" },
		{ "INBOX", "INBOX" },
		{ "a&b", "a&-b" },
		{ "&&", "&-&-" },
		{ "~peter/mail/\xe5\x8f\xb0\xe5\x8c\x97/\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e",
		    "~peter/mail/&U,BTFw-/&ZeVnLIqe-" }, /* RFC 3501 5.1.3 */
		{ "Entw\xc3\xbcrfe", "Entw&APw-rfe" },
		{ "\xe2\x98\xba!", "&Jjo-!" },
		{ "\xf0\x9f\x93\xac", "&2D3c7A-" }, /* beyond the BMP: a surrogate pair */
		{ "\x01", "&AAE-" },
		{ "\xc3\xa4\xc3\xb6\xc3\xbc", "&AOQA9gD8-" },
	};
	for (size_t i = 0; i < LEN(cases); i++) {
		test_case = cases[i].utf7;
		struct buf b;
		buf_init(&b, 1000);
		imap_utf7_encode(&b, str_from(cases[i].utf8));
		CHECK_STR(buf_view(&b), str_from(cases[i].utf7));
		buf_reset(&b);
		CHECK_ERR(imap_utf7_decode(&b, str_from(cases[i].utf7)), ERR_OK);
		CHECK_STR(buf_view(&b), str_from(cases[i].utf8));
		buf_done(&b);
	}
}

static void
refuses(void)
{
	static const char *const cases[] = {
		"&",
		"&AGE",
		"&AGE-" /* "a" must stand for itself */,
		"&U,BTFw-&ZeVnLIqe-" /* null shift */,
		"&AAA=-",
		"&A-",
		"&2D0-" /* lonely high surrogate */,
		"&3Kw-" /* lonely low */,
		"\xc3\xbc",
		"a\001b",
		"&Jjp-" /* bits left over */,
		"&Jjo!-",
		"&ACY-" /* "&" */,
	};
	for (size_t i = 0; i < LEN(cases); i++) {
		test_case = cases[i];
		struct buf b;
		buf_init(&b, 1000);
		buf_cstr(&b, "x");
		CHECK_ERR(imap_utf7_decode(&b, str_from(cases[i])), ERR_CHARSET);
		CHECK_STR(buf_view(&b), S("x"));
		buf_done(&b);
	}
}

static void
every_code_point_returns(void)
{
	unsigned wrong = 0;
	struct buf plain, wire, back;
	buf_init(&plain, 64);
	buf_init(&wire, 64);
	buf_init(&back, 64);
	for (uint32_t cp = 1; cp < 0x110000; cp += cp < 0x3000 ? 1 : 251) {
		if (cp >= 0xd800 && cp < 0xe000) {
			continue;
		}
		buf_reset(&plain);
		buf_reset(&wire);
		buf_reset(&back);
		utf8_put(&plain, 'x');
		utf8_put(&plain, cp);
		utf8_put(&plain, cp);
		imap_utf7_encode(&wire, buf_view(&plain));
		wrong += imap_utf7_decode(&back, buf_view(&wire)) != ERR_OK ||
		    !str_eq(buf_view(&plain), buf_view(&back));
	}
	CHECK_U64(wrong, 0);
	buf_done(&plain);
	buf_done(&wire);
	buf_done(&back);
}

TEST_MAIN(both_ways, refuses, every_code_point_returns)
