/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Words of text. A word is a run of letters, digits and octets beyond ASCII; a few signs may stand
 * inside of it and "$" before it. Words count folded; those in capitals once more as such, and each
 * pair of neighbours. Start at filter_words_take.
 */
#include "filter/filter_priv.h"
#include "mail/charset.h"

enum { LOUD_MIN = 3, LOUD_COUNTED = 4 };

/* Of an octet: part of a word, possible inside of one, or (0) neither. */
enum { C_LETTER = 1, C_INSIDE = 2, C_UPPER = 4, C_LOWER = 8, C_BEYOND = 16 };

static const uint8_t classes[256] = {
	['0' ... '9'] = C_LETTER,
	['A' ... 'Z'] = C_LETTER | C_UPPER,
	['a' ... 'z'] = C_LETTER | C_LOWER,
	[0x80 ... 0xff] = C_LETTER | C_BEYOND,
	['$'] = C_LETTER,
	['\''] = C_INSIDE,
	['-'] = C_INSIDE,
	['.'] = C_INSIDE,
	['_'] = C_INSIDE,
	['@'] = C_INSIDE,
};

static unsigned
class_at(str s, size_t i)
{
	return i < s.n ? classes[(uint8_t)s.p[i]] : 0;
}

static bool
is_loud(str word)
{
	size_t upper = 0;
	for (size_t i = 0; i < word.n; i++) {
		upper += (uint8_t)(word.p[i] - 'A') < 26;
	}
	return upper >= LOUD_MIN;
}

/* Signs inside of a word stand between two letters. */
static str
first_word(struct filter_words *w)
{
	const str in = w->in;
	size_t n = 0;
	unsigned seen = 0;
	for (; n < in.n; n++) {
		unsigned class = classes[(uint8_t)in.p[n]];
		if (!(class & C_LETTER) &&
		    (class != C_INSIDE || !(class_at(in, n + 1) & C_LETTER))) {
			break;
		}
		seen |= class;
	}
	str word = str_sub(in, 0, n);
	w->loud = !(seen & C_LOWER) && is_loud(word);
	w->ascii = !(seen & C_BEYOND);
	return word;
}

bool
filter_word_next(struct filter_words *w, str *ret)
{
	const str in = w->in;
	size_t at = 0;
	while (at < in.n && !(classes[(uint8_t)in.p[at]] & C_LETTER)) {
		at++;
	}
	w->in = str_from_off(in, at);
	*ret = first_word(w);
	w->in = str_from_off(w->in, ret->n);
	return ret->n > 0;
}

static uint64_t
hash_beyond_ascii(uint64_t h, str word)
{
	char room[8 * FILTER_WORD_MAX];
	struct buf folded;
	buf_init_fixed(&folded, room, sizeof(room));
	mail_charset_fold(&folded, word);
	return filter_hash(h, buf_view(&folded));
}

/* The hash of a word, whatever its case and accents; `ascii`: it has none. */
static uint64_t
hash_folded(uint64_t h, str word, bool ascii)
{
	word = str_sub(word, 0, FILTER_WORD_MAX);
	return ascii ? filter_hash_lower(h, word) : hash_beyond_ascii(h, word);
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
	uint64_t h = hash_folded(filter_hash_begin(FILTER_AT_BODY), a, str_is_ascii(a));
	if (b.n == 0) {
		return filter_hash_end(h);
	}
	return filter_hash_end(hash_pair(h,
	    hash_folded(filter_hash_begin(FILTER_AT_BODY), b, str_is_ascii(b))));
}

uint32_t
filter_words_take(struct filter_look *l, str utf8)
{
	struct filter_words w = { .in = utf8 };
	uint64_t body = filter_hash_begin(FILTER_AT_BODY), loud = filter_hash_begin(FILTER_AT_LOUD);
	uint32_t n = 0;
	str word;
	while (l->seen->n < l->limit && filter_word_next(&w, &word)) {
		uint64_t h = hash_folded(body, word, w.ascii);
		filter_set_add(l, filter_hash_end(h));
		if (w.before != 0) {
			filter_set_add(l, filter_hash_end(hash_pair(w.before, h)));
		}
		if (w.loud) {
			filter_set_add(l, filter_hash_end(hash_folded(loud, word, w.ascii)));
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
		filter_set_add(l,
		    filter_hash_end(hash_folded(filter_hash_begin(place), word, w.ascii)));
	}
}
