/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fields, folds, ends and faults of headers, with CRLF and with bare LF.
 */
#include "base/test.h"
#include "mail/header.h"

static const struct {
	const char *name;
	str in, want;
	size_t length;
} rows[] = {
	{ "plain", S_INIT("A: 1\r\nB: 2\r\n\r\nbody: no\r\n"), S_INIT("0A= 1;6B= 2;"), 14 },
	{ "bare LF", S_INIT("A: 1\nB: 2\n\nbody"), S_INIT("0A= 1;5B= 2;"), 11 },
	{ "folds", S_INIT("A: 1\r\n 2\r\n\t3\r\nB:\r\n\r\n"), S_INIT("0A= 1\r\n 2\r\n\t3;14B=;"),
	    20 },
	{ "space before colon", S_INIT("A \t: 1\r\n\r\n"), S_INIT("0A= 1;"), 10 },
	{ "no colon", S_INIT("hello\r\nA: 1\r\n\r\n"), S_INIT("0=hello;7A= 1;"), 15 },
	{ "continuation first", S_INIT(" x: y\r\nA: 1\r\n\r\n"), S_INIT("0= x: y;7A= 1;"), 15 },
	{ "empty name", S_INIT(": x\r\n\r\n"), S_INIT("0=: x;"), 7 },
	{ "space in name", S_INIT("A b: x\r\n\r\n"), S_INIT("0=A b: x;"), 10 },
	{ "no end", S_INIT("A: 1\r\nB: 2"), S_INIT("0A= 1;6B= 2;"), 10 },
	{ "no header", S_INIT("\r\nbody"), S_INIT(""), 2 },
	{ "nothing", S_INIT(""), S_INIT(""), 0 },
	{ "CR alone is text", S_INIT("A: 1\rB: 2\r\n\r\n"), S_INIT("0A= 1\rB: 2;"), 13 },
	{ "blank continuation", S_INIT("A: 1\r\n \r\nB: 2\r\n\r\n"), S_INIT("0A= 1\r\n ;9B= 2;"),
	    17 },
};

static void
fields(void)
{
	for (size_t i = 0; i < LEN(rows); i++) {
		char room[200];
		struct buf b;
		struct mail_header h = mail_header_make(rows[i].in);
		struct mail_field f;
		size_t end = 0;
		buf_init_fixed(&b, room, sizeof room);
		test_case = rows[i].name;
		while (mail_header_next(&h, &f)) {
			CHECK_U64(f.offset, end);
			CHECK(f.raw.p == rows[i].in.p + f.offset);
			end = f.offset + f.raw.n;
			buf_u64(&b, f.offset);
			buf_str(&b, f.name);
			buf_ch(&b, '=');
			buf_str(&b, f.value);
			buf_ch(&b, ';');
		}
		CHECK(!mail_header_next(&h, &f));
		CHECK_STR(buf_view(&b), rows[i].want);
		CHECK_U64(mail_header_length(rows[i].in), rows[i].length);
	}
}

static void
finding(void)
{
	str m = S("From: a\r\nfrom : b\r\nFROM: c\r\nX: d\r\n\r\nFrom: no\r\n");
	struct mail_field f;
	CHECK_U64(mail_header_count(m, S("From")), 3);
	CHECK(mail_header_find(m, S("fRoM"), &f));
	CHECK_STR(f.value, S(" a"));
	CHECK(mail_header_find(m, S("x"), &f));
	CHECK_U64(f.offset, 29 - 1);
	CHECK(!mail_header_find(m, S("Y"), &f));
	CHECK(!mail_header_find(m, S(""), &f));
}

static void
unfolding(void)
{
	static const struct {
		str in, want;
	} folds[] = {
		{ S_INIT(" a\r\n b\r\n\tc "), S_INIT("a b\tc") },
		{ S_INIT("a\n b"), S_INIT("a b") },
		{ S_INIT(" \r\n "), S_INIT("") },
		{ S_INIT("a\rb"), S_INIT("a\rb") },
		{ S_INIT(""), S_INIT("") },
	};
	for (size_t i = 0; i < LEN(folds); i++) {
		char room[40];
		struct buf b;
		buf_init_fixed(&b, room, sizeof room);
		mail_header_unfold(&b, folds[i].in);
		CHECK_STR(buf_view(&b), folds[i].want);
	}
}

TEST_MAIN(fields, finding, unfolding)
