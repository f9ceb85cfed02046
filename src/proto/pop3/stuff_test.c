/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages as bodies of replies, at every split point; lines for TOP.
 */
#include "proto/pop3/stuff.h"

#include "base/buf.h"
#include "base/test.h"

static const struct {
	const char *name, *in, *want;
} cases[] = {
	{ "empty", "", ".\r\n" },
	{ "a line", "a\r\n", "a\r\n.\r\n" },
	{ "a dot", ".\r\n", "..\r\n.\r\n" },
	{ "dots", "..\r\n.a\r\na.\r\n", "...\r\n..a\r\na.\r\n.\r\n" },
	{ "dots behind an empty line", "a\r\n\r\n.\r\n\r\n", "a\r\n\r\n..\r\n\r\n.\r\n" },
	{ "no last line end", "a\r\nb", "a\r\nb\r\n.\r\n" },
	{ "nothing but a dot", ".", "..\r\n.\r\n" },
	{ "ends in CR", "a\r", "a\r\r\n.\r\n" },
	{ "ends in a bare LF", "a\n", "a\n\r\n.\r\n" },
	{ "only LF", "\n", "\n\r\n.\r\n" },
	{ "the end of a reply in a message", "a\r\n.\r\nb\r\n", "a\r\n..\r\nb\r\n.\r\n" },
	{ "the same with bare LFs", "a\n.\nb\n.\r\n", "a\n..\nb\n..\r\n.\r\n" },
	{ "dots inside lines", "a.b..c\r\n", "a.b..c\r\n.\r\n" },
};

static void
put(struct pop3_stuff *x, str in, struct buf *out)
{
	str piece;
	while (pop3_stuff_next(x, &in, &piece)) {
		CHECK(piece.n > 0);
		buf_str(out, piece);
	}
	CHECK_U64(in.n, 0);
}

static void
stuffs(void)
{
	struct buf got;
	buf_init(&got, 4096);
	for (size_t i = 0; i < LEN(cases); i++) {
		str in = str_from(cases[i].in);
		test_case = cases[i].name;
		for (size_t a = 0; a <= in.n; a++) {
			for (size_t b = a; b <= in.n; b++) {
				struct pop3_stuff x;
				pop3_stuff_init(&x);
				buf_reset(&got);
				put(&x, str_sub(in, 0, a), &got);
				put(&x, str_sub(in, a, b - a), &got);
				put(&x, str_from_off(in, b), &got);
				buf_str(&got, pop3_stuff_end(&x));
				CHECK_STR(buf_view(&got), str_from(cases[i].want));
			}
		}
	}
	buf_done(&got);
}

static void
counts_lines(void)
{
	static const struct {
		const char *body;
		uint32_t lines;
		size_t want;
		bool all;
	} tops[] = {
		{ "", 0, 0, true },
		{ "", 1, 0, false },
		{ "a\r\nb\r\n", 0, 0, true },
		{ "a\r\nb\r\n", 1, 3, true },
		{ "a\r\nb\r\n", 2, 6, true },
		{ "a\r\nb\r\n", 3, 6, false },
		{ "a\r\nb", 2, 4, false },
		{ "a\r\nb", UINT32_MAX, 4, false },
		{ "a\nb\r\n", 1, 2, true },
	};
	for (size_t i = 0; i < LEN(tops); i++) {
		bool all;
		test_case = tops[i].body;
		CHECK_U64(pop3_top_octets(str_from(tops[i].body), tops[i].lines, &all),
		    tops[i].want);
		CHECK(all == tops[i].all);
	}
}

TEST_MAIN(stuffs, counts_lines)
