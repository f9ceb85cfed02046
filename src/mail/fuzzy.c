/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A word is first looked for as it stands, which is as fast as any search. Only where a text does
 * not have it, the words of the text that begin with the same octet are compared: by the letters
 * that stand about where they should, sixteen at a time, then by length and the letters they have,
 * and what passes by edit distance. Start with mail_fuzzy_look.
 */
#include "mail/fuzzy.h"

#include "base/codec.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

/* What a word of the query is worth where it was found, before the weight of the place. */
enum {
	WHOLE = 100,
	BEGIN = 90,  /* of a longer word */
	INSIDE = 70, /* another place in a word */
	ONE = 60,    /* an error */
	ENDING = 50,
	TWO = 40 /* errors */
};

enum {
	ERRORS_MAX = 2,
	LONGER = 2, /* letters a word with another ending may have more */
	STEM_MIN = 7,
	FAR = 100, /* no distance of words */
	ROOM = MAIL_FUZZY_LETTERS + LONGER,
	SCATTERED =
	    90, /* percent of the score when the words do not stand as they were asked for */
};
static_assert((int)ERRORS_MAX <= (int)LONGER, "letters of a compared word fit in ROOM");

/*
 * Octets of words: letters and digits of ASCII, and what is beyond it but U+0080 to U+00BF and
 * U+2000 to U+2FFF, by their first octet: punctuation and signs.
 */
static bool
is_word(char c)
{
	uint8_t u = (uint8_t)c;
	return ascii_is_alpha(c) || ascii_is_digit(c) || (u >= 0x80 && u != 0xc2 && u != 0xe2);
}

static bool
is_inner(char c)
{
	return ((uint8_t)c & 0xc0) == 0x80;
}

/* Is there no letter in front of this place? */
static bool
begins(str text, size_t at)
{
	size_t last = at;
	while (last > 0 && at - last < 3 && is_inner(text.p[last - 1])) {
		last--;
	}
	return last == 0 || !is_word(text.p[last - 1]);
}

static size_t
word_end(str text, size_t at)
{
	while (at < text.n && is_word(text.p[at])) {
		at++;
	}
	return at;
}

bool
mail_fuzzy_next(str *rest, str *ret)
{
	size_t at = 0;
	while (at < rest->n && (!is_word(rest->p[at]) || is_inner(rest->p[at]))) {
		at++;
	}
	size_t end = word_end(*rest, at);
	*ret = str_sub(*rest, at, end - at);
	*rest = str_from_off(*rest, end);
	return ret->n > 0;
}

/* ---- the query ---------------------------------------------------------------------------- */

static uint32_t
next_letter(str *rest)
{
	uint32_t c = (uint8_t)*rest->p;
	if (c >= 0x80) {
		return utf8_next(rest);
	}
	*rest = str_make(rest->p + 1, rest->n - 1);
	return c;
}

static uint64_t
bit_of(uint32_t letter)
{
	return UINT64_C(1) << (letter & 63);
}

/* Octets of the first n letters. */
static size_t
octets_of(str word, size_t n)
{
	str rest = word;
	for (size_t i = 0; i < n; i++) {
		(void)utf8_next(&rest);
	}
	return word.n - rest.n;
}

static bool
has_digit(str word)
{
	for (size_t i = 0; i < word.n; i++) {
		if (ascii_is_digit(word.p[i])) {
			return true;
		}
	}
	return false;
}

static unsigned
bits_below(size_t n)
{
	return (1u << n) - 1;
}

static void
add_word(struct mail_fuzzy *f, str word)
{
	struct mail_fuzzy_word *w = &f->word[f->n++];
	*w = (struct mail_fuzzy_word){ .find = find_make(word) };
	for (str rest = word; rest.n > 0; w->n++) {
		uint32_t letter = next_letter(&rest);
		if (w->n < MAIL_FUZZY_LETTERS) {
			w->letter[w->n] = letter;
			w->letters |= bit_of(letter);
		}
	}
	bool short_one = w->n <= 2 && word.n <= 2 * w->n; /* two of Chinese are a word */
	bool exact = w->n > MAIL_FUZZY_LETTERS || has_digit(word);
	w->decides = !short_one;
	w->errors = exact || w->n < 4 ? 0 : w->n < 8 ? 1 : ERRORS_MAX;
	w->stem = exact || w->n < STEM_MIN ? 0 : octets_of(word, w->n - w->n / 3);
	if (w->n == word.n) {
		memcpy(w->head, word.p, MIN(word.n, sizeof w->head));
		w->head_bits = bits_below(MIN(word.n, sizeof w->head));
		w->stem_bits = bits_below(MIN(w->stem, sizeof w->head));
	}
	f->deciding += w->decides;
}

void
mail_fuzzy_init(struct mail_fuzzy *f, str query)
{
	str word;
	*f = (struct mail_fuzzy){ .whole = find_make(query) };
	while (f->n < MAIL_FUZZY_WORDS && mail_fuzzy_next(&query, &word)) {
		add_word(f, word);
	}
	if (f->deciding == 0) {
		f->deciding = f->n;
		for (size_t i = 0; i < f->n; i++) {
			f->word[i].decides = true;
		}
	}
	f->needed = f->deciding - f->deciding / 4;
}

/* ---- a word in a text --------------------------------------------------------------------- */

/* The word as it stands. Places cannot overlap one that is better: that would begin in them. */
static unsigned
find_exact(const struct mail_fuzzy_word *w, str text)
{
	unsigned best = 0;
	for (size_t at = 0; best < WHOLE;) {
		ptrdiff_t hit = find_in(&w->find, str_from_off(text, at));
		if (hit < 0) {
			break;
		}
		size_t begin = at + (size_t)hit;
		at = begin + w->find.needle.n;
		bool ends = at == text.n || !is_word(text.p[at]);
		unsigned value = !begins(text, begin) ? INSIDE : ends ? WHOLE : BEGIN;
		best = MAX(best, value);
	}
	return best;
}

/*
 * Edit distance, where two neighbours that changed places count once (optimal string alignment):
 * row i has the distances of the first i letters of a from the beginnings of b that are `most`
 * letters longer or shorter at most; what is beyond could not matter. FAR: more than `most`.
 *
 * In      n and m are at most `most` apart
 */
static unsigned
distance(const uint32_t *a, size_t n, const uint32_t *b, size_t m, size_t most)
{
	uint8_t rows[3][ROOM + 1] = { 0 };
	bool hopeless = false; /* nothing in the row before was near enough */
	for (size_t k = 0; k <= MIN(m, most); k++) {
		rows[0][k] = (uint8_t)k;
	}
	for (size_t i = 1; i <= n; i++) {
		uint8_t *now = rows[i % 3], *last = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];
		size_t lo = i > most ? i - most : 1;
		unsigned least = now[lo - 1] = lo == 1 ? (uint8_t)i : FAR;
		for (size_t k = lo; k <= MIN(m, i + most); k++) {
			unsigned d = MIN(last[k - 1] + (a[i - 1] != b[k - 1]), now[k - 1] + 1);
			d = k < i + most ? MIN(d, last[k] + 1u) : d;
			bool swapped = i > 1 && k > 1 && a[i - 1] == b[k - 2] &&
			    a[i - 2] == b[k - 1];
			d = swapped ? MIN(d, before[k - 2] + 1u) : d;
			now[k] = (uint8_t)d;
			least = MIN(least, d);
		}
		if (least > most && hopeless) {
			return FAR;
		}
		hopeless = least > most;
	}
	return rows[n % 3][m];
}

/* What a word of the text that begins with the same octet is worth. */
static unsigned
compare(const struct mail_fuzzy_word *w, str word)
{
	uint32_t letter[ROOM];
	uint64_t letters = 0;
	size_t n = 0;
	if (word.n + LONGER < w->n && (w->stem == 0 || word.n < w->stem)) {
		return 0;
	}
	for (str rest = word; rest.n > 0; n++) {
		if (n == w->n + LONGER) {
			return 0;
		}
		letter[n] = next_letter(&rest);
		letters |= bit_of(letter[n]);
	}
	bool ending = w->stem > 0 && str_starts(word, str_sub(w->find.needle, 0, w->stem));
	unsigned value = ending ? ENDING : 0;
	unsigned others = (unsigned)__builtin_popcountll(letters ^ w->letters);
	if (n + w->errors < w->n || n > w->n + w->errors || others > 2 * w->errors ||
	    letter[0] != w->letter[0]) {
		return value;
	}
	unsigned errors = distance(w->letter, w->n, letter, n, w->errors);
	return errors > w->errors ? value : MAX(value, errors <= 1 ? (unsigned)ONE : TWO);
}

bool
mail_fuzzy_fits(const struct mail_fuzzy_word *w, str word)
{
	return w->errors > 0 && word.n > 0 && compare(w, word) > 0;
}

#if defined(__SSE2__)
enum { LANES = 16 };

/* A bit for each of sixteen places from p on that have this octet behind no small letter. */
static unsigned
places(const char *p, __m128i first)
{
	__m128i at = _mm_loadu_si128((const __m128i *)(const void *)p);
	__m128i before = _mm_loadu_si128((const __m128i *)(const void *)(p - 1));
	__m128i other = _mm_or_si128(_mm_cmplt_epi8(before, _mm_set1_epi8('a')),
	    _mm_cmpgt_epi8(before, _mm_set1_epi8('z')));
	return (unsigned)_mm_movemask_epi8(_mm_and_si128(_mm_cmpeq_epi8(at, first), other));
}

/* From `at` on, which is not the beginning, as far as that can be said sixteen at a time. */
static size_t
skip_fast(str text, size_t at, char first)
{
	const __m128i all = _mm_set1_epi8(first);
	for (; at + LANES <= text.n; at += LANES) {
		unsigned hits = places(text.p + at, all);
		if (hits != 0) {
			return at + (size_t)__builtin_ctz(hits);
		}
	}
	return at;
}

static __m128i
octets_at(const char *p)
{
	return _mm_loadu_si128((const __m128i *)(const void *)p);
}

static bool
has_at_most(unsigned bits, unsigned n)
{
	for (; bits != 0 && n > 0; n--) {
		bits &= bits - 1;
	}
	return bits == 0;
}

/*
 * Can what begins at `at` be the word with errors or another ending? With n errors at most n of its
 * letters are not there within n places of where they should be: an error moves what is behind it
 * by one, and of two that changed places each is one off. Places are octets, so this is said of
 * ASCII alone; true where it is not looked at.
 */
static bool
may_be(const struct mail_fuzzy_word *w, str text, size_t at)
{
	if (w->head_bits == 0 || at < ERRORS_MAX || text.n - at < LANES + ERRORS_MAX) {
		return true;
	}
	const char *p = text.p + at;
	__m128i head = octets_at(w->head), here = octets_at(p), one = octets_at(p + 1);
	__m128i two = octets_at(p + 2);
	if (_mm_movemask_epi8(_mm_or_si128(here, two)) != 0) {
		return true;
	}
	__m128i same = _mm_cmpeq_epi8(here, head);
	__m128i near = _mm_or_si128(_mm_cmpeq_epi8(one, head),
	    _mm_cmpeq_epi8(octets_at(p - 1), head));
	if (w->errors == ERRORS_MAX) {
		near = _mm_or_si128(near, _mm_cmpeq_epi8(two, head));
		near = _mm_or_si128(near, _mm_cmpeq_epi8(octets_at(p - 2), head));
	}
	unsigned equal = (unsigned)_mm_movemask_epi8(same);
	unsigned found = equal | (unsigned)_mm_movemask_epi8(near);
	return has_at_most(w->head_bits & ~found, w->errors) ||
	    (w->stem > 0 && (w->stem_bits & ~equal) == 0);
}
#else
static size_t
skip_fast(str text, size_t at, char first)
{
	return at;
}

static bool
may_be(const struct mail_fuzzy_word *w, str text, size_t at)
{
	return true;
}
#endif

/* The next place from `at` on that has this octet, or the end; words begin at no other place. */
static size_t
next_place(str text, size_t at, char first)
{
	at = at == 0 ? 0 : skip_fast(text, at, first);
	const char *p = at < text.n ? memchr(text.p + at, first, text.n - at) : NULL;
	return p == NULL ? text.n : (size_t)(p - text.p);
}

/* The word with errors or another ending. */
static unsigned
find_nearly(const struct mail_fuzzy_word *w, str text)
{
	unsigned best = 0;
	for (size_t at = 0; best < ONE;) {
		at = next_place(text, at, w->find.needle.p[0]);
		if (at == text.n) {
			break;
		}
		size_t end = at + 1;
		if (may_be(w, text, at) && begins(text, at)) {
			end = word_end(text, at);
			best = MAX(best, compare(w, str_sub(text, at, end - at)));
		}
		at = end;
	}
	return best;
}

static unsigned
weigh(unsigned value, unsigned weight)
{
	return value == 0 ? 0 : MAX(value * weight / MAIL_FUZZY_BEST, 1u);
}

void
mail_fuzzy_look(const struct mail_fuzzy *f, str text, unsigned weight,
    struct mail_fuzzy_found *found)
{
	bool all = true;
	str near = str_sub(text, 0, MIN(text.n, (size_t)MAIL_FUZZY_NEAR));
	for (size_t i = 0; i < f->n; i++) {
		const struct mail_fuzzy_word *w = &f->word[i];
		unsigned best = found->word[i];
		if (best < weigh(WHOLE, weight)) {
			best = MAX(best, weigh(find_exact(w, text), weight));
		}
		if (w->errors > 0 && best < weigh(ONE, weight)) {
			best = MAX(best, weigh(find_nearly(w, near), weight));
		}
		found->word[i] = (uint8_t)best;
		all = all && best > 0;
	}
	if (all && f->n != 1 && found->whole < weight && find_in(&f->whole, text) >= 0) {
		found->whole = (uint8_t)weight;
	}
}

unsigned
mail_fuzzy_score(const struct mail_fuzzy *f, const struct mail_fuzzy_found *found)
{
	unsigned sum = 0;
	size_t n = 0;
	if (f->n == 0) {
		return found->whole;
	}
	for (size_t i = 0; i < f->n; i++) {
		sum += found->word[i];
		n += f->word[i].decides && found->word[i] > 0;
	}
	if (n < f->needed) {
		return 0;
	}
	unsigned score = sum / (unsigned)f->n;
	score = f->n > 1 && found->whole == 0 ? score * SCATTERED / 100 : score;
	return MAX(score, 1u);
}
