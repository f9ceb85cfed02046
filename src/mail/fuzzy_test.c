/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What inexact matching finds and how it ranks it: tables; one error against a list of everything
 * that has one; and that a query is always found in a text that contains it.
 */
#include "mail/fuzzy.h"

#include "base/buf.h"
#include "base/test.h"

static unsigned
score_at(str query, str text, unsigned weight)
{
	struct mail_fuzzy f;
	struct mail_fuzzy_found found = { 0 };
	mail_fuzzy_init(&f, query);
	mail_fuzzy_look(&f, text, weight, &found);
	return mail_fuzzy_score(&f, &found);
}

struct row {
	const char *query, *text;
	unsigned score;
};

static void
run(const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		test_case = rows[i].query;
		if (score_at(str_from(rows[i].query), str_from(rows[i].text), MAIL_FUZZY_BEST) !=
		    rows[i].score) {
			test_case = rows[i].text;
		}
		CHECK_U64(score_at(str_from(rows[i].query), str_from(rows[i].text),
			      MAIL_FUZZY_BEST),
		    rows[i].score);
	}
	test_case = NULL;
}

static void
one_word(void)
{
	static const struct row rows[] = {
		{ "helo", "helo", 100 },
		{ "helo", "say helo!", 100 },
		{ "helo", "helos", 90 },
		{ "helo", "othelo", 70 },
		{ "helo", "othelo helos", 90 },
		{ "helo", "othelo helos <helo>", 100 },
		{ "helo", "hello world", 60 }, /* RFC 6203 4 */
		{ "helo", "i need help", 60 },
		{ "helo", "heol", 60 },
		{ "helo", "hel", 60 },
		{ "helo", "jelo", 0 }, /* never the first letter */
		{ "helo", "ehlo", 0 },
		{ "helo", "hole", 0 },
		{ "helo", "hellos", 0 },
		{ "helo", "wheel hotel", 0 },
		{ "hel", "hal", 0 }, /* too short for errors */
		{ "recieve", "to receive", 60 },
		{ "recieve", "recipe", 0 },
		{ "acomodation", "accommodation", 40 },
		{ "acomodation", "accommodations", 0 },
		{ "postmaster", "potsmasetr", 40 },
		{ "searching", "a search", 50 },
		{ "searching", "searchers", 50 },
		{ "searching", "searchlights", 0 },
		{ "searching", "research", 0 },
		{ "meetings", "meeting", 60 },
		{ "search", "searching", 90 },
		{ "2024", "2023", 0 }, /* another number */
		{ "inv48213", "inv48214", 0 },
		{ "48213", "no. 48213.", 100 },
		{ "a", "banana", 70 },
		{ "aaaaaaaaaabbbbbbbbbbccccccccccddd", "aaaaaaaaaabbbbbbbbbbccccccccccdd", 0 },
		{ "aaaaaaaaaabbbbbbbbbbccccccccccdd", "aaaaaaaaaabbbbbbbbbbcccccccccddd", 60 },
		{ "aaaaaaaaaabbbbbbbbbbccccccccccdd", "aaaaaaaaaabbbbbbbbbbccccccccccddddd", 90 },
		{ "helo", "", 0 },
		{ "", "anything", 100 },
		{ "", "", 100 },
		{ "!!", "wow!!", 100 },
		{ "!!", "wow!", 0 },
	};
	run(rows, LEN(rows));
}

static void
letters_beyond_ascii(void)
{
	static const struct row rows[] = {
		{ "\xd0\xbf\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82",
		    "\xd0\xbf\xd1\x80\xd0\xb5\xd0\xb2\xd0\xb5\xd1\x82", 60 },
		{ "\xd0\xbf\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82", /* a quarter of the octets */
		    "\xd0\xbf\xd0\xbe\xd0\xb5\xd0\xb2\xd0\xb5\xd1\x82", 0 },
		{ "\xd1\x80\xd1\x80\xd1\x80\xd1\x80", "\xd1\x80\xd1\x80\xd1\x80\xd1\x80\xd1\x80",
		    90 },
		{ "s\xc3\xb8ren", "soren", 60 },
		{ "hello", "\xe2\x80\x9chello\xe2\x80\x9d", 100 }, /* quotation marks */
		{ "hello", "\xc2\xabhelo\xc2\xbb", 60 },
		{ "\xe2\x80\x9chello\xe2\x80\x9d", "hello", 100 },
		{ "hello", "x\xe4\xbc\x9ahello", 70 },
		{ "\xe4\xbc\x9a\xe8\xad\xb0", "\xe6\x9c\xac\xe4\xbc\x9a\xe8\xad\xb0\xe5\xae\xa4",
		    70 },
		{ "\xe4\xbc\x9a\xe8\xad\xb0 abc", "abc", 0 }, /* two of them are a word */
		{ "hello", "h\xff\xfelo", 0 },
		{ "hello", "\x80hello\xe2", 100 },
	};
	run(rows, LEN(rows));
}

static void
several_words(void)
{
	static const struct row rows[] = {
		{ "imap broken", "imap broken", 100 },
		{ "imap broken", "the imap broken again", 100 },
		{ "imap broken", "broken imap", 90 }, /* RFC 6203 3 */
		{ "imap broken", "imap is broken", 90 },
		{ "imap broken", "imap is borken", 72 },
		{ "imap broken", "imap works", 0 },
		{ "imap is broken", "broken imap", 59 }, /* a short word need not be there */
		{ "a b", "b a", 90 },
		{ "a b", "a", 0 }, /* nothing but short ones: all */
		{ "one two three", "three one", 0 },
		{ "alpha beta gamma delta", "delta beta alpha", 67 },
		{ "alpha beta gamma delta", "delta beta", 0 },
		{ "dave@exmaple.com", "dave <dave@example.com>", 77 },
		{ "dave@exmaple.com", "dave <dave@example.org>", 0 },
		{ "n1 n2 n3 n4 n5 n6 n7 n8 n9 n10 n11 n12 n13",
		    "n1 n2 n3 n4 n5 n6 n7 n8 n9 n10 n11 n12", 90 },
	};
	run(rows, LEN(rows));
}

/* Words may be in several texts of a message, and count as much as the best place of each. */
static void
several_texts(void)
{
	struct mail_fuzzy f;
	struct mail_fuzzy_found found = { 0 };
	mail_fuzzy_init(&f, S("imap broken"));
	mail_fuzzy_look(&f, S("imap"), 50, &found);
	CHECK_U64(mail_fuzzy_score(&f, &found), 0);
	mail_fuzzy_look(&f, S("it is broken"), 100, &found);
	CHECK_U64(mail_fuzzy_score(&f, &found), 67);
	mail_fuzzy_look(&f, S("imap"), 100, &found);
	CHECK_U64(mail_fuzzy_score(&f, &found), 90);
	mail_fuzzy_look(&f, S("nothing"), 100, &found);
	CHECK_U64(mail_fuzzy_score(&f, &found), 90);
	mail_fuzzy_look(&f, S("imap broken"), 30, &found);
	CHECK_U64(mail_fuzzy_score(&f, &found), 100);
	CHECK_U64(score_at(S("imap"), S("imap"), 70), 70);
	CHECK_U64(score_at(S("imap"), S("imao"), 1), 1);
	CHECK_U64(score_at(S("?"), S("what?"), 70), 70);
}

/* Everything with one error, made by making it: position by position, not by distance. */
static bool
has_one_error(str word, str text)
{
	char b[16];
	for (size_t i = 1; i <= word.n; i++) {
		for (char c = 'a'; c <= 'd'; c++) {
			memcpy(b, word.p, i); /* a letter more */
			b[i] = c;
			memcpy(b + i + 1, word.p + i, word.n - i);
			if (str_eq(text, str_make(b, word.n + 1))) {
				return true;
			}
			memcpy(b, word.p, word.n); /* another letter */
			b[i] = c;
			if (i < word.n && str_eq(text, str_make(b, word.n))) {
				return true;
			}
		}
		memcpy(b, word.p, i); /* one less; two that changed places */
		memcpy(b + i, word.p + MIN(i + 1, word.n), word.n - MIN(i + 1, word.n));
		if (i < word.n && str_eq(text, str_make(b, word.n - 1))) {
			return true;
		}
		memcpy(b, word.p, word.n);
		if (i + 1 < word.n) {
			b[i] = word.p[i + 1];
			b[i + 1] = word.p[i];
		}
		if (str_eq(text, str_make(b, word.n))) {
			return true;
		}
	}
	return false;
}

/* Number `code` of all words of n letters a to d. */
static str
spell(char *room, size_t n, unsigned code)
{
	for (size_t i = 0; i < n; i++) {
		room[i] = (char)('a' + (code & 3));
		code >>= 2;
	}
	return str_make(room, n);
}

static void
errors_as_listed(void)
{
	static const str words[] = { S_INIT("abcd"), S_INIT("abab"), S_INIT("aabca"),
		S_INIT("dcdaa") };
	unsigned wrong = 0, near = 0;
	char room[8];
	for (size_t k = 0; k < LEN(words); k++) {
		for (size_t n = 3; n <= 6; n++) {
			for (unsigned code = 0; code < 1u << 2 * n; code++) {
				str text = spell(room, n, code);
				bool exact = str_find(text, words[k]) >= 0;
				bool want = has_one_error(words[k], text);
				unsigned got = score_at(words[k], text, 100);
				near += !exact && got == 60;
				wrong += exact ? got < 70 : got != (want ? 60u : 0u);
			}
		}
	}
	CHECK_U64(wrong, 0);
	CHECK(near > 60);
}

/* The whole table of optimal string alignment, for words up to 15 letters. */
static unsigned
plain_distance(str a, str b)
{
	unsigned d[16][16];
	for (size_t i = 0; i <= a.n; i++) {
		for (size_t k = 0; k <= b.n; k++) {
			if (i == 0 || k == 0) {
				d[i][k] = (unsigned)(i + k);
				continue;
			}
			d[i][k] = d[i - 1][k - 1] + (a.p[i - 1] != b.p[k - 1]);
			d[i][k] = MIN(d[i][k], MIN(d[i - 1][k], d[i][k - 1]) + 1);
			if (i > 1 && k > 1 && a.p[i - 1] == b.p[k - 2] &&
			    a.p[i - 2] == b.p[k - 1]) {
				d[i][k] = MIN(d[i][k], d[i - 2][k - 2] + 1);
			}
		}
	}
	return d[a.n][b.n];
}

static uint32_t seed = 3;

static uint32_t
roll(uint32_t n)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 8) % n;
}

static str
any_word(char *room, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		room[i] = (char)('a' + roll(3));
	}
	return str_make(room, n);
}

/* Two errors: as often as the whole table says, and never else but for another ending. */
static void
errors_as_measured(void)
{
	char a[16], b[16];
	unsigned wrong = 0, near = 0;
	for (int round = 0; round < 200000; round++) {
		str word = any_word(a, 8 + roll(4)), text = any_word(b, word.n - 2 + roll(5));
		memcpy(b, a, roll((uint32_t)MIN(word.n, text.n)));
		unsigned d = plain_distance(word, text), got = score_at(word, text, 100);
		if (str_find(text, word) >= 0) {
			continue;
		}
		bool fits = d <= 2 && a[0] == b[0];
		near += fits;
		wrong += fits ? got != (d == 1 ? 60u : 40u) && got != 50 : got != 0 && got != 50;
		wrong += fits && d == 1 && got != 60;
	}
	CHECK_U64(wrong, 0);
	CHECK(near > 5000);
}

/* Up to four errors, some with letters of several octets. */
static void
misspell(struct buf *out, str word)
{
	static const char *const letters[] = { "a", "b", "c", "\xd1\x8f", "\xe4\xb8\xad" };
	uint32_t errors = roll(5), rate = (uint32_t)word.n / (errors + 1) + 1;
	for (size_t i = 0; i < word.n; i++) {
		uint32_t kind = i == 0 || roll(rate) != 0 ? 9 : roll(4);
		if (kind == 3 && i + 1 < word.n) {
			buf_ch(out, word.p[i + 1]);
			buf_ch(out, word.p[i]);
			i++;
			continue;
		}
		if (kind == 1 || kind == 2) {
			buf_cstr(out, letters[roll(LEN(letters))]);
		}
		if (kind != 0 && kind != 1) {
			buf_ch(out, word.p[i]);
		}
	}
	for (uint32_t n = roll(3); n > 0; n--) {
		buf_cstr(out, letters[roll(LEN(letters))]);
	}
}

/* Words that none of a, b or c is like. */
static void
surround(struct buf *out, size_t least)
{
	static const char *const around[] = { "xx ", "yxy", " x", " ", "\xd1\x8fy ", "xab " };
	for (size_t end = out->n + least; out->n < end;) {
		buf_cstr(out, around[roll(LEN(around))]);
	}
}

/* In the midst of a text, where sixteen octets are looked at, a word is worth what it is alone. */
static void
alone_and_among_others(void)
{
	char room[40], one[128], all[512];
	unsigned wrong = 0, near = 0;
	for (int round = 0; round < 100000; round++) {
		struct buf word, text;
		str query = any_word(room, 4 + roll(30));
		buf_init_fixed(&word, one, sizeof one);
		misspell(&word, query);
		buf_init_fixed(&text, all, sizeof all);
		surround(&text, roll(40));
		buf_ch(&text, ' ');
		buf_str(&text, buf_view(&word));
		buf_ch(&text, ' ');
		surround(&text, roll(40));
		CHECK_ERR(buf_err(&text), ERR_OK);
		unsigned alone = score_at(query, buf_view(&word), 100);
		wrong += score_at(query, buf_view(&text), 100) != alone;
		near += alone > 0 && alone <= 60;
	}
	CHECK_U64(wrong, 0);
	CHECK(near > 20000);
}

/* A text that has a word not as it stands has it when one of its words fits, and only then. */
static void
cut_into_words(void)
{
	static const char *const pieces[] = { "ab", "abca", "c", " ", "-", "\xd1\x8f", "\xc2\xa0",
		"\xe2\x80\x99", "\xe4\xb8\xad", "\x80", "\xc2", "7", "bab" };
	char room[16], octets[256];
	unsigned wrong = 0, fit = 0;
	for (int round = 0; round < 100000; round++) {
		struct mail_fuzzy f;
		struct buf b;
		bool any = false;
		str query = any_word(room, 4 + roll(6)), word;
		buf_init_fixed(&b, octets, sizeof octets);
		for (uint32_t n = roll(14); n > 0; n--) {
			buf_cstr(&b, pieces[roll(LEN(pieces))]);
		}
		mail_fuzzy_init(&f, query);
		for (str rest = buf_view(&b); mail_fuzzy_next(&rest, &word);) {
			any = any || mail_fuzzy_fits(&f.word[0], word);
		}
		bool exact = str_find(buf_view(&b), query) >= 0;
		unsigned got = score_at(query, buf_view(&b), 100);
		wrong += !exact && (got > 0) != any;
		fit += any;
	}
	CHECK_U64(wrong, 0);
	CHECK(fit > 500);
}

/* Errors count in the first megabyte of a text, words as they stand everywhere. */
static void
long_text(void)
{
	struct buf b;
	buf_init(&b, MAIL_FUZZY_NEAR + 100);
	while (b.n < MAIL_FUZZY_NEAR) {
		buf_ch(&b, ' ');
	}
	buf_cstr(&b, "hello");
	CHECK_U64(score_at(S("hello"), buf_view(&b), 100), 100);
	CHECK_U64(score_at(S("helo"), buf_view(&b), 100), 0);
	memcpy(b.p + MAIL_FUZZY_NEAR - 9, "hello", 5);
	CHECK_U64(score_at(S("helo"), buf_view(&b), 100), 60);
	buf_done(&b);
}

/* What SEARCH finds without FUZZY it finds with it, wherever the query is cut out. */
static void
finds_what_is_there(void)
{
	static const char *const pieces[] = { "ab", "abc", " ", ", ", "\xd0\xbf", "\xe2\x80\x9c",
		"\xc2\xab", "7", "wonderful", "@", "\xe4\xbc\x9a", "a", "\n", "some" };
	char room[400];
	unsigned missed = 0;
	for (int round = 0; round < 20000; round++) {
		struct buf b;
		buf_init_fixed(&b, room, sizeof room);
		for (uint32_t i = 0, n = roll(30); i < n; i++) {
			buf_cstr(&b, pieces[roll(LEN(pieces))]);
		}
		size_t from = roll((uint32_t)b.n + 1), to = from + roll((uint32_t)(b.n - from) + 1);
		missed += score_at(str_sub(buf_view(&b), from, to - from), buf_view(&b), 100) == 0;
	}
	CHECK_U64(missed, 0);
}

TEST_MAIN(one_word, letters_beyond_ascii, several_words, several_texts, errors_as_listed,
    errors_as_measured, alone_and_among_others, cut_into_words, long_text, finds_what_is_there)
