/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Known cases, and all short needles in all short hays against str_find, which looks plainly. The
 * hay ends with its memory, so that the sanitizer sees a look beyond it.
 */
#include "base/find.h"
#include "base/mem.h"
#include "base/test.h"

static void
known(void)
{
	static const struct {
		str name, needle, hay;
		ptrdiff_t want;
	} rows[] = {
		{ S_INIT("empty needle"), S_INIT(""), S_INIT("abc"), 0 },
		{ S_INIT("both empty"), S_INIT(""), S_INIT(""), 0 },
		{ S_INIT("empty hay"), S_INIT("a"), S_INIT(""), -1 },
		{ S_INIT("longer than the hay"), S_INIT("abcd"), S_INIT("abc"), -1 },
		{ S_INIT("the same"), S_INIT("abc"), S_INIT("abc"), 0 },
		{ S_INIT("one octet"), S_INIT("c"), S_INIT("abc"), 2 },
		{ S_INIT("at the end, past sixteen"), S_INIT("needle"),
		    S_INIT("a hay of more than sixteen octets with a needle"), 41 },
		{ S_INIT("first of two"), S_INIT("ab"), S_INIT("xxabxxab"), 2 },
		{ S_INIT("beginnings that fail"), S_INIT("aab"), S_INIT("aaaaaaaaaaaaaaaaaaaaab"),
		    19 },
		{ S_INIT("NUL is an octet"), S_INIT("\0b"), S_INIT("a\0c\0b"), 3 },
	};
	for (size_t i = 0; i < LEN(rows); i++) {
		test_case = rows[i].name.p;
		struct find f = find_make(rows[i].needle);
		CHECK(find_in(&f, rows[i].hay) == rows[i].want);
	}
	test_case = NULL;
}

static uint64_t state = 88172645463325252u;

static size_t
any(size_t below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (size_t)(state % below);
}

/* Few letters, so that needles are found, nearly found, and found at every place. */
static void
as_plainly(void)
{
	bool same = true;
	for (int round = 0; round < 20000 && same; round++) {
		size_t hay_n = any(100), needle_n = 1 + any(6);
		char needle[8], *hay = mem_zalloc(1, hay_n + 1);
		CHECK(hay != NULL);
		char *at = hay + 1; /* unaligned, and ending with the block */
		for (size_t i = 0; i < hay_n; i++) {
			at[i] = (char)('a' + any(3));
		}
		for (size_t i = 0; i < needle_n; i++) {
			needle[i] = (char)('a' + any(3));
		}
		str n = str_make(needle, needle_n), h = str_make(at, hay_n);
		struct find f = find_make(n);
		same = find_in(&f, h) == str_find(h, n);
		mem_drop(hay);
	}
	CHECK(same);
}

TEST_MAIN(known, as_plainly)
