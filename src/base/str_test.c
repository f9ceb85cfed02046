/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tables over every function of str.h, the empty str and octets above 127 among them.
 */
#include "base/str.h"
#include "base/test.h"

static const struct {
	str a, b;
	int cmp, icmp;
} orders[] = {
	{ S_INIT(""), S_INIT(""), 0, 0 },
	{ STR_NONE, S_INIT(""), 0, 0 },
	{ S_INIT(""), S_INIT("a"), -1, -1 },
	{ S_INIT("a"), S_INIT("b"), -1, -1 },
	{ S_INIT("a"), S_INIT("aa"), -1, -1 },
	{ S_INIT("A"), S_INIT("a"), -1, 0 },
	{ S_INIT("aBc"), S_INIT("AbC"), 1, 0 },
	{ S_INIT("Z"), S_INIT("a"), -1, 1 },
	{ S_INIT("a\0b"), S_INIT("a\0c"), -1, -1 },
	{ S_INIT("\x7f"), S_INIT("\x80"), -1, -1 },
	{ S_INIT("@"), S_INIT("`"), -1, -1 },
	{ S_INIT("["), S_INIT("{"), -1, -1 },
	{ S_INIT("\xc4"), S_INIT("\xe4"), -1, -1 },
};

static int
sign(int v)
{
	return (v > 0) - (v < 0);
}

static void
compares(void)
{
	for (size_t i = 0; i < LEN(orders); i++) {
		str a = orders[i].a, b = orders[i].b;
		test_case = a.p == NULL ? "NONE" : a.p;
		CHECK(sign(str_cmp(a, b)) == orders[i].cmp);
		CHECK(sign(str_cmp(b, a)) == -orders[i].cmp);
		CHECK(sign(str_icmp(a, b)) == orders[i].icmp);
		CHECK(sign(str_icmp(b, a)) == -orders[i].icmp);
		CHECK(str_eq(a, b) == (orders[i].cmp == 0));
		CHECK(str_ieq(a, b) == (orders[i].icmp == 0));
		CHECK(str_eq_secret(a, b) == (orders[i].cmp == 0));
		CHECK(str_eq_secret(b, a) == (orders[i].cmp == 0));
	}
}

static void
searches(void)
{
	static const struct {
		str s, needle;
		ptrdiff_t at, iat;
	} rows[] = {
		{ S_INIT(""), S_INIT(""), 0, 0 },
		{ STR_NONE, S_INIT(""), 0, 0 },
		{ STR_NONE, S_INIT("a"), -1, -1 },
		{ S_INIT("abc"), S_INIT(""), 0, 0 },
		{ S_INIT("abc"), S_INIT("abc"), 0, 0 },
		{ S_INIT("abc"), S_INIT("c"), 2, 2 },
		{ S_INIT("abC"), S_INIT("c"), -1, 2 },
		{ S_INIT("abc"), S_INIT("abcd"), -1, -1 },
		{ S_INIT("aab"), S_INIT("ab"), 1, 1 },
		{ S_INIT("a\0b"), S_INIT("\0b"), 1, 1 },
	};
	for (size_t i = 0; i < LEN(rows); i++) {
		CHECK(str_find(rows[i].s, rows[i].needle) == rows[i].at);
		CHECK(str_ifind(rows[i].s, rows[i].needle) == rows[i].iat);
	}
	CHECK(str_chr(S("abca"), 'a') == 0);
	CHECK(str_rchr(S("abca"), 'a') == 3);
	CHECK(str_chr(S("abc"), 'x') == -1);
	CHECK(str_rchr(S("abc"), 'x') == -1);
	CHECK(str_chr(STR_NONE, '\0') == -1);
	CHECK(str_rchr(STR_NONE, '\0') == -1);
	CHECK(str_chr(S("a\xff"), '\xff') == 1);
}

static void
begins_and_ends(void)
{
	CHECK(str_starts(S("RCPT TO"), S("RCPT")));
	CHECK(!str_starts(S("rcpt to"), S("RCPT")));
	CHECK(str_istarts(S("rcpt to"), S("RCPT")));
	CHECK(str_istarts(S("rcpt"), S("RCPT")));
	CHECK(!str_istarts(S("rcp"), S("RCPT")));
	CHECK(str_starts(STR_NONE, STR_NONE));
	CHECK(str_ends(S("a.txt"), S(".txt")));
	CHECK(str_ends(S("a"), S("")));
	CHECK(!str_ends(S("t"), S("txt")));
	CHECK(!str_ends(STR_NONE, S("t")));
}

static void
clips(void)
{
	str s = S("0123456789");
	CHECK_STR(str_sub(s, 2, 3), S("234"));
	CHECK_STR(str_sub(s, 8, 5), S("89"));
	CHECK_STR(str_sub(s, 10, 1), S(""));
	CHECK(str_sub(s, 10, 1).p == s.p + 10);
	CHECK_STR(str_sub(s, SIZE_MAX, SIZE_MAX), S(""));
	CHECK_STR(str_sub(s, 1, SIZE_MAX), S("123456789"));
	CHECK(str_sub(STR_NONE, 3, 3).p == NULL);
	CHECK_STR(str_from_off(s, 9), S("9"));
	CHECK_STR(str_from_off(s, 11), S(""));
	CHECK_STR(str_from(NULL), S(""));
	CHECK_STR(str_from("x"), S("x"));
	CHECK_STR(str_trim(S(" \t\r\n a b \r\n")), S("a b"));
	CHECK_STR(str_trim(S(" \t ")), S(""));
	CHECK_STR(str_trim(STR_NONE), S(""));
	CHECK_STR(str_trim(S("\v")), S("\v"));
}

static void
splits(void)
{
	static const struct {
		str in;
		size_t n;
		str pieces[4];
	} rows[] = {
		{ STR_NONE, 0, { STR_NONE } },
		{ S_INIT(""), 1, { S_INIT("") } },
		{ S_INIT("a"), 1, { S_INIT("a") } },
		{ S_INIT(","), 2, { S_INIT(""), S_INIT("") } },
		{ S_INIT("a,b"), 2, { S_INIT("a"), S_INIT("b") } },
		{ S_INIT(",a,,b"), 4, { S_INIT(""), S_INIT("a"), S_INIT(""), S_INIT("b") } },
	};
	for (size_t i = 0; i < LEN(rows); i++) {
		str left = rows[i].in, piece;
		size_t n = 0;
		while (n < LEN(rows[i].pieces) && str_next(&left, ',', &piece)) {
			CHECK_STR(piece, rows[i].pieces[n]);
			n++;
		}
		CHECK_U64(n, rows[i].n);
	}
	str head, tail;
	CHECK(str_cut(S("k=v=w"), '=', &head, &tail));
	CHECK_STR(head, S("k"));
	CHECK_STR(tail, S("v=w"));
	CHECK(!str_cut(S("kv"), '=', &head, &tail));
	CHECK_STR(head, S("kv"));
	CHECK(tail.p == NULL && tail.n == 0);
}

static void
reads_numbers(void)
{
	static const struct {
		str in;
		bool ok64, ok32;
		uint64_t v;
	} rows[] = {
		{ S_INIT("0"), true, true, 0 },
		{ S_INIT("007"), true, true, 7 },
		{ S_INIT("4294967295"), true, true, 4294967295 },
		{ S_INIT("4294967296"), true, false, 4294967296 },
		{ S_INIT("18446744073709551615"), true, false, UINT64_MAX },
		{ S_INIT("18446744073709551616"), false, false, 0 },
		{ S_INIT("99999999999999999999999999"), false, false, 0 },
		{ S_INIT(""), false, false, 0 },
		{ S_INIT("-1"), false, false, 0 },
		{ S_INIT("+1"), false, false, 0 },
		{ S_INIT(" 1"), false, false, 0 },
		{ S_INIT("1a"), false, false, 0 },
		{ S_INIT("1\0"), false, false, 0 },
	};
	for (size_t i = 0; i < LEN(rows); i++) {
		uint64_t wide = 77;
		uint32_t narrow = 77;
		test_case = rows[i].in.p;
		CHECK(str_u64(rows[i].in, &wide) == rows[i].ok64);
		CHECK_U64(wide, rows[i].ok64 ? rows[i].v : 77);
		CHECK(str_u32(rows[i].in, &narrow) == rows[i].ok32);
		CHECK_U64(narrow, rows[i].ok32 ? rows[i].v : 77);
	}
	CHECK(!str_u64(STR_NONE, &(uint64_t){ 0 }));
}

/* Against the definition, for all 256 octets. */
static void
folds_ascii_only(void)
{
	static const char upper[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
			  lower[] = "abcdefghijklmnopqrstuvwxyz";
	for (int c = 0; c < 256; c++) {
		const char *u = memchr(upper, c, 26), *l = memchr(lower, c, 26);
		bool digit = memchr("0123456789", c, 10) != NULL, alpha = u != NULL || l != NULL;
		bool ok = ascii_lower((char)c) == (u != NULL ? lower[u - upper] : (char)c);
		ok = ok && ascii_upper((char)c) == (l != NULL ? upper[l - lower] : (char)c);
		ok = ok && ascii_is_alpha((char)c) == alpha && ascii_is_digit((char)c) == digit;
		CHECK(ok && ascii_is_alnum((char)c) == (digit || alpha));
	}
}

static void
tells_ascii(void)
{
	char text[40];
	memset(text, 0x7f, sizeof text);
	CHECK(str_is_ascii(STR_NONE) && str_is_ascii(S("")) && str_is_ascii(S("a\0b")));
	CHECK(str_is_ascii(str_make(text, sizeof text)));
	for (size_t i = 0; i < sizeof text; i++) {
		text[i] = (char)0x80;
		CHECK(!str_is_ascii(str_make(text, sizeof text)));
		CHECK(str_is_ascii(str_make(text, i)));
		text[i] = 0x7f;
	}
}

TEST_MAIN(compares, searches, begins_and_ends, clips, splits, reads_numbers, folds_ascii_only,
    tells_ascii)
