/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LIST wildcards: cases from the RFC, and every short pattern against every short name compared
 * with a slow matcher that tries everything.
 */
#include "proto/imap/match.h"

#include "base/test.h"

static void
matches(void)
{
	static const struct {
		const char *pattern, *name;
		bool want;
	} cases[] = {
		{ "*", "INBOX", true },
		{ "*", "a/b/c", true },
		{ "%", "a", true },
		{ "%", "a/b", false },
		{ "%/%", "a/b", true },
		{ "%/%", "a/b/c", false },
		{ "a/*", "a/b/c", true },
		{ "a/*", "a", false },
		{ "a*", "a", true },
		{ "a%", "ab/c", false },
		{ "*c", "a/b/c", true },
		{ "%c", "a/b/c", false },
		{ "*%c", "a/b/c", true },
		{ "", "", true },
		{ "", "a", false },
		{ "inbox", "INBOX", true },
		{ "iNbOx/*", "INBOX/a", true },
		{ "inbox*", "INBOX/a", true },
		{ "Inbox", "inboxes", false },
		{ "inbo%", "INBOX", false },
		{ "A", "a", false },
		{ "*a*a*a*a*a*a*a*b",
		    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false },
	};
	for (size_t i = 0; i < LEN(cases); i++) {
		test_case = cases[i].pattern;
		CHECK(imap_match(str_from(cases[i].pattern), str_from(cases[i].name)) ==
		    cases[i].want);
	}
}

enum { LONG = 7 };

/* can[i][j]: the pattern from i matches the name from j. */
static bool
slow(str pattern, str name)
{
	bool can[LONG + 1][LONG + 1] = { 0 };
	for (size_t i = pattern.n + 1; i-- > 0;) {
		for (size_t j = name.n + 1; j-- > 0;) {
			if (i == pattern.n) {
				can[i][j] = j == name.n;
				continue;
			}
			char p = pattern.p[i];
			bool eats = j < name.n && (p == '*' || (p == '%' && name.p[j] != '/'));
			bool wild = p == '*' || p == '%';
			can[i][j] = wild ? can[i + 1][j] || (eats && can[i][j + 1])
					 : j < name.n && p == name.p[j] && can[i + 1][j + 1];
		}
	}
	return can[0][0];
}

/* The n-th word over `alphabet`, counting up; false when it is longer than LONG - 1. */
static str
word(char *room, const char *alphabet, uint32_t n)
{
	size_t base = strlen(alphabet), len = 0;
	while (n > 0) {
		n--;
		room[len++] = alphabet[n % base];
		n /= (uint32_t)base;
	}
	return (str){ room, len };
}

static void
agrees_with_the_slow_way(void)
{
	char p[32], s[32];
	unsigned wrong = 0;
	for (uint32_t i = 0; i < 1365; i++) { /* patterns of up to 5 over 4 letters */
		str pattern = word(p, "a/%*", i);
		for (uint32_t j = 0; j < 1093; j++) { /* names of up to 6 over 3 letters */
			str name = word(s, "ab/", j);
			wrong += imap_match(pattern, name) != slow(pattern, name);
		}
	}
	CHECK_U64(wrong, 0);
}

/* As long as a client can make them; going back and forth, each took more than a second. */
static void
long_ones(void)
{
	char pattern[1000], name[IMAP_MATCH_NAME_MAX + 1];
	memset(name, 'a', sizeof name);
	for (size_t n = 300; n < 500; n++) {
		memset(pattern, 'a', sizeof pattern);
		pattern[0] = '*';
		pattern[2] = '%';
		pattern[n] = 'b';
		CHECK(!imap_match(str_make(pattern, n + 1), str_make(name, 1000)));
		CHECK(imap_match(str_make(pattern, n), str_make(name, 1000)));
	}
	CHECK(imap_match(S("*a"), str_make(name, IMAP_MATCH_NAME_MAX)));
	CHECK(!imap_match(S("*a"), str_make(name, IMAP_MATCH_NAME_MAX + 1)));
}

TEST_MAIN(matches, agrees_with_the_slow_way, long_ones)
