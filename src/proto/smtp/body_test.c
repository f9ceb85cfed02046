/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text behind DATA: every smuggling variant, every split point, the counters.
 */
#include "base/buf.h"
#include "base/test.h"
#include "proto/smtp/body.h"
#include "proto/smtp/limits.h"

enum { CLEAN = 0, BAD = 1, NUL = 2, OPEN = 4 };

/* `out` has "|" where the header ended; what stands behind the end mark is in `rest`. */
static const struct {
	const char *name;
	str in, out, rest;
	unsigned flags;
} rows[] = {
	{ "empty", S_INIT(".\r\n"), S_INIT(""), S_INIT(""), CLEAN },
	{ "one line", S_INIT("a\r\n.\r\nQUIT\r\n"), S_INIT("a\r\n"), S_INIT("QUIT\r\n"), CLEAN },
	{ "header and body", S_INIT("A: b\r\n\r\nc\r\n.\r\n"), S_INIT("A: b\r\n|c\r\n"), S_INIT(""),
	    CLEAN },
	{ "no header", S_INIT("\r\nc\r\n.\r\n"), S_INIT("|c\r\n"), S_INIT(""), CLEAN },
	{ "empty lines", S_INIT("\r\n\r\n\r\n.\r\n"), S_INIT("|\r\n\r\n"), S_INIT(""), CLEAN },
	/* RFC 5321 4.5.2 */
	{ "stuffed", S_INIT("..\r\n...\r\n..a\r\n.\r\n"), S_INIT(".\r\n..\r\n.a\r\n"), S_INIT(""),
	    CLEAN },
	{ "stuffed in body", S_INIT("\r\n..\r\n..a.\r\n.\r\n"), S_INIT("|.\r\n.a.\r\n"), S_INIT(""),
	    CLEAN },
	{ "dot not stuffed", S_INIT(".a\r\n.\r\n"), S_INIT("a\r\n"), S_INIT(""), CLEAN },
	{ "dots within", S_INIT("a.\r\na.b\r\n.\r\n"), S_INIT("a.\r\na.b\r\n"), S_INIT(""), CLEAN },
	{ "no end", S_INIT("a\r\n."), S_INIT("a\r\n"), S_INIT(""), OPEN },
	{ "no end, CR", S_INIT("a\r\n.\r"), S_INIT("a\r\n"), S_INIT(""), OPEN },
	/* smuggling: none of these ends the data */
	{ "LF . LF", S_INIT("a\n.\nX\r\n.\r\n"), S_INIT("a\n.\nX\r\n"), S_INIT(""), BAD },
	{ "CR . CR", S_INIT("a\r.\rX\r\n.\r\n"), S_INIT("a\r.\rX\r\n"), S_INIT(""), BAD },
	{ "CRLF . LF", S_INIT("a\r\n.\nX\r\n.\r\n"), S_INIT("a\r\n\nX\r\n"), S_INIT(""), BAD },
	{ "LF . CRLF", S_INIT("a\n.\r\nX\r\n.\r\n"), S_INIT("a\n.\r\nX\r\n"), S_INIT(""), BAD },
	{ "CRLF . CR", S_INIT("a\r\n.\rX\r\n.\r\n"), S_INIT("a\r\nX\r\n"), S_INIT(""), BAD },
	{ "CR . CRLF", S_INIT("a\r.\r\nX\r\n.\r\n"), S_INIT("a\r.\r\nX\r\n"), S_INIT(""), BAD },
	{ "LF CR . CRLF", S_INIT("a\n\r.\r\nX\r\n.\r\n"), S_INIT("a\n\r.\r\nX\r\n"), S_INIT(""),
	    BAD },
	{ "CR CR LF . CRLF", S_INIT("a\r\r\n.\r\nX"), S_INIT("a\r\r\n"), S_INIT("X"), BAD },
	{ "CRLF . CR CR LF", S_INIT("a\r\n.\r\r\nX\r\n.\r\n"), S_INIT("a\r\n\r\nX\r\n"), S_INIT(""),
	    BAD },
	{ "CRLF . NUL CRLF", S_INIT("a\r\n.\0\r\n.\r\n"), S_INIT("a\r\n\0\r\n"), S_INIT(""), NUL },
	{ "CRLF NUL . CRLF", S_INIT("a\r\n\0.\r\n.\r\n"), S_INIT("a\r\n\0.\r\n"), S_INIT(""), NUL },
	{ "CRLF . space CRLF", S_INIT("a\r\n. \r\n.\r\n"), S_INIT("a\r\n \r\n"), S_INIT(""),
	    CLEAN },
	{ "CRLF .. CRLF", S_INIT("a\r\n..\r\n.\r\n"), S_INIT("a\r\n.\r\n"), S_INIT(""), CLEAN },
	{ "bare CR in empty line", S_INIT("a\r\n\rb\r\n.\r\n"), S_INIT("a\r\nb\r\n"), S_INIT(""),
	    BAD },
	{ "bare LF first", S_INIT("\n.\r\n.\r\n"), S_INIT("\n.\r\n"), S_INIT(""), BAD },
	{ "bare CR last", S_INIT("a\r\r\n.\r\n"), S_INIT("a\r\r\n"), S_INIT(""), BAD },
	{ "bare CR in body", S_INIT("\r\na\rb\r\n.\r\n"), S_INIT("|a\rb\r\n"), S_INIT(""), BAD },
	{ "bare LF in body", S_INIT("\r\na\nb\r\n.\r\n"), S_INIT("|a\nb\r\n"), S_INIT(""), BAD },
	{ "UTF-8 dot", S_INIT("a\r\n\xe2\x80\xa4\r\n.\r\n"), S_INIT("a\r\n\xe2\x80\xa4\r\n"),
	    S_INIT(""), CLEAN },
};

/* Feed in two parts cut at `cut`, each in its own memory, and the second in steps of `step`. */
static bool
run(struct smtp_body *b, str in, size_t cut, size_t step, struct buf *out)
{
	size_t at = 0, used;
	str piece;
	smtp_body_init(b);
	while (at < in.n) {
		size_t n = at < cut ? cut - at : MIN(step, in.n - at);
		struct buf copy;
		buf_init(&copy, n);
		buf_add(&copy, in.p + at, n);
		enum smtp_body_event e = smtp_body_take(b, buf_view(&copy), &piece, &used);
		CHECK(used > 0 && used <= n);
		buf_str(out, piece);
		buf_done(&copy);
		at += used;
		if (e == SMTP_BODY_HEADER_END) {
			buf_ch(out, '|');
		} else if (e == SMTP_BODY_END) {
			buf_printf(out, "[%zu]", at);
			return true;
		}
	}
	return false;
}

static void
one(size_t i, size_t cut, size_t step)
{
	struct smtp_body b;
	char room[200], want_room[200];
	struct buf out, want;
	buf_init_fixed(&out, room, sizeof room);
	buf_init_fixed(&want, want_room, sizeof want_room);
	bool ended = run(&b, rows[i].in, cut, step, &out);
	buf_str(&want, rows[i].out);
	if ((rows[i].flags & OPEN) == 0) {
		buf_printf(&want, "[%zu]", rows[i].in.n - rows[i].rest.n);
	}
	CHECK(ended == ((rows[i].flags & OPEN) == 0));
	CHECK(smtp_body_bare(&b) == ((rows[i].flags & BAD) != 0));
	CHECK(b.nul == ((rows[i].flags & NUL) != 0));
	/* A refused message need not be kept whole: a held CR may be missing from it. */
	if ((rows[i].flags & BAD) == 0) {
		CHECK_STR(buf_view(&out), buf_view(&want));
		CHECK_U64(b.octets, rows[i].out.n + (str_chr(rows[i].out, '|') >= 0));
	} else if (ended) {
		CHECK(str_ends(buf_view(&out), str_from_off(buf_view(&want), want.n - 4)));
	}
}

static void
every_split(void)
{
	for (size_t i = 0; i < LEN(rows); i++) {
		test_case = rows[i].name;
		for (size_t cut = 0; cut <= rows[i].in.n; cut++) {
			one(i, cut, 1);
			one(i, cut, 7);
			one(i, cut, 1000);
		}
	}
}

static uint32_t
hops_of(str in, size_t step)
{
	struct smtp_body b;
	struct buf out;
	buf_init(&out, 10000);
	run(&b, in, 0, step, &out);
	buf_done(&out);
	return b.hops;
}

static void
hops(void)
{
	static const struct {
		str in;
		uint32_t want;
	} cases[] = {
		{ S_INIT("Received: a\r\nRECEIVED: b\r\nreceived:\r\n\r\n.\r\n"), 3 },
		{ S_INIT("Received-SPF: a\r\nX-Received: b\r\nReceive: c\r\nRec\r\n\r\n.\r\n"), 0 },
		{ S_INIT("A: Received: a\r\n Received: b\r\n\r\nReceived: c\r\n.\r\n"), 0 },
		{ S_INIT("Received: a\r\nRReceived: b\r\nReceived: c\r\n.\r\n"), 2 },
	};
	for (size_t i = 0; i < LEN(cases); i++) {
		for (size_t step = 1; step < 80; step++) {
			CHECK_U64(hops_of(cases[i].in, step), cases[i].want);
		}
	}
}

static void
limits(void)
{
	struct smtp_body b;
	struct buf in;
	str piece;
	size_t used;
	buf_init(&in, 4 << 20);
	for (size_t i = 0; i < SMTP_TEXT_LINE_MAX - 2; i++) {
		buf_ch(&in, 'x');
	}
	buf_cstr(&in, "\r\n");
	smtp_body_init(&b);
	CHECK(smtp_body_take(&b, buf_view(&in), &piece, &used) == SMTP_BODY_MORE);
	CHECK(!b.long_line && used == in.n && piece.n == in.n);
	smtp_body_take(&b, S("x"), &piece, &used);
	smtp_body_take(&b, buf_view(&in), &piece, &used);
	CHECK(b.long_line && !b.header_big);
	for (int i = 0; i < 16; i++) {
		smtp_body_take(&b, buf_view(&in), &piece, &used);
	}
	CHECK(b.header_big && !smtp_body_bare(&b) && !b.eight_bit);
	smtp_body_take(&b, S("\xc3\xbc"), &piece, &used);
	CHECK(b.eight_bit);
	buf_done(&in);
}

/* The vector pass counts as a plain loop does, at every length and alignment. */
static void
tallies(void)
{
	char text[700];
	for (size_t i = 0; i < sizeof text; i++) {
		text[i] = "\rabc\r\r.d"[i % 8];
	}
	bool ok = true;
	for (size_t off = 0; off < 16; off++) {
		for (size_t n = 1; n < sizeof text - off; n++) {
			struct smtp_body b;
			str piece;
			size_t used, want = 0;
			smtp_body_init(&b);
			b.at = SMTP_AT_LINE;
			b.in_body = true;
			smtp_body_take(&b, str_make(text + off, n), &piece, &used);
			for (size_t i = 0; i < n; i++) {
				want += text[off + i] == '\r';
			}
			ok = ok && b.cr == want && piece.n == n && !b.nul && !b.eight_bit;
		}
	}
	CHECK(ok);
	struct smtp_body b;
	struct buf big;
	str piece;
	size_t used;
	buf_init(&big, 1 << 20);
	for (int i = 0; i < 100000; i++) {
		buf_ch(&big, '\r');
	}
	smtp_body_init(&b);
	b.at = SMTP_AT_LINE;
	smtp_body_take(&b, buf_view(&big), &piece, &used);
	CHECK_U64(b.cr, 100000);
	buf_done(&big);
}

static bool
header_bits_of(str in, size_t step)
{
	struct smtp_body b;
	str piece;
	size_t used;
	smtp_body_init(&b);
	for (size_t at = 0; at < in.n; at += used) {
		(void)smtp_body_take(&b, str_sub(in, at, step), &piece, &used);
	}
	return b.header_eight_bit;
}

/* Octets beyond ASCII in the header and behind it are told apart. */
static void
header_bits(void)
{
	static const struct {
		str in;
		bool want;
	} cases[] = { { S_INIT("A: b\r\n\r\n\xc3\xbc\r\n.\r\n"), false },
		{ S_INIT("A: \xc3\xbc\r\n\r\nb\r\n.\r\n"), true },
		{ S_INIT("..\xc3: b\r\n\r\nb\r\n.\r\n"), true },
		{ S_INIT("\r\n\xc3\xbc\r\n.\r\n"), false },
		{ S_INIT("A: \xc3\xbc\r\n.\r\n"), true }, { S_INIT("A: b\r\n.\r\n"), false } };
	for (size_t i = 0; i < LEN(cases); i++) {
		for (size_t step = 1; step <= cases[i].in.n; step++) {
			CHECK(header_bits_of(cases[i].in, step) == cases[i].want);
		}
	}
}

TEST_MAIN(every_split, hops, limits, tallies, header_bits)
