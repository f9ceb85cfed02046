/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Words of text. A word is a run of letters, digits and octets beyond ASCII; a few signs may stand
 * inside of it and "$" before it. Words count folded; those in capitals once more as such, and each
 * pair of neighbours. Start at filter_words_take.
 */
#include "filter/filter_priv.h"
#include "mail/charset.h"

enum { LOUD_MIN = 3, LOUD_COUNTED = 4 };

enum { C_OTHER, C_LETTER, C_INSIDE };

/* Of an octet: part of a word, possible inside of one, or neither. */
static int
class_of(char c)
{
	if (ascii_is_alnum(c) || (uint8_t)c >= 0x80 || c == '$') {
		return C_LETTER;
	}
	return c == '\'' || c == '-' || c == '.' || c == '_' || c == '@' ? C_INSIDE : C_OTHER;
}

/* Signs inside of a word stand between two letters. */
static size_t
length(str in, bool *ret_loud)
{
	size_t n = 0, upper = 0, lower = 0;
	while (n < in.n) {
		char c = in.p[n];
		int class = class_of(c);
		bool inside = class == C_INSIDE && n + 1 < in.n &&
		    class_of(in.p[n + 1]) == C_LETTER;
		if (class == C_OTHER || (class == C_INSIDE && !inside)) {
			break;
		}
		upper += (uint8_t)(c - 'A') < 26;
		lower += (uint8_t)(c - 'a') < 26;
		n++;
	}
	*ret_loud = upper >= LOUD_MIN && lower == 0;
	return n;
}

bool
filter_word_next(struct filter_words *w, str *ret)
{
	size_t at = 0;
	while (at < w->in.n && class_of(w->in.p[at]) != C_LETTER) {
		at++;
	}
	w->in = str_from_off(w->in, at);
	*ret = str_sub(w->in, 0, length(w->in, &w->loud));
	w->in = str_from_off(w->in, ret->n);
	return ret->n > 0;
}

static bool
is_ascii(str s)
{
	uint8_t all = 0;
	for (size_t i = 0; i < s.n; i++) {
		all |= (uint8_t)s.p[i];
	}
	return all < 0x80;
}

/* The hash of a word, whatever its case and accents. */
static uint64_t
hash_folded(uint64_t h, str word)
{
	word = str_sub(word, 0, FILTER_WORD_MAX);
	if (is_ascii(word)) {
		return filter_hash_lower(h, word);
	}
	char room[8 * FILTER_WORD_MAX];
	struct buf folded;
	buf_init_fixed(&folded, room, sizeof(room));
	mail_charset_fold(&folded, word);
	return filter_hash(h, buf_view(&folded));
}

static uint64_t
hash_pair(uint64_t before, uint64_t word)
{
	return filter_hash_number(filter_hash_number(filter_hash_begin(FILTER_AT_PAIR), before),
	    word);
}

uint32_t
filter_words_feature(str a, str b)
{
	uint64_t h = hash_folded(filter_hash_begin(FILTER_AT_BODY), a);
	if (b.n == 0) {
		return filter_hash_end(h);
	}
	return filter_hash_end(hash_pair(h, hash_folded(filter_hash_begin(FILTER_AT_BODY), b)));
}

uint32_t
filter_words_take(struct filter_look *l, str utf8)
{
	struct filter_words w = { .in = utf8 };
	uint64_t body = filter_hash_begin(FILTER_AT_BODY), loud = filter_hash_begin(FILTER_AT_LOUD);
	uint32_t n = 0;
	str word;
	while (l->seen->n < l->limit && filter_word_next(&w, &word)) {
		uint64_t h = hash_folded(body, word);
		filter_set_add(l, filter_hash_end(h));
		if (w.before != 0) {
			filter_set_add(l, filter_hash_end(hash_pair(w.before, h)));
		}
		if (w.loud) {
			filter_set_add(l, filter_hash_end(hash_folded(loud, word)));
			l->signs.loud_words += word.n >= LOUD_COUNTED;
		}
		w.before = h;
		n++;
	}
	l->signs.words += n;
	return n;
}

void
filter_words_at(struct filter_look *l, enum filter_place place, str utf8)
{
	struct filter_words w = { .in = utf8 };
	str word;
	while (filter_word_next(&w, &word)) {
		filter_set_add(l, filter_hash_end(hash_folded(filter_hash_begin(place), word)));
	}
}
