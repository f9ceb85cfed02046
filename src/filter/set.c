/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The set that holds the features of one letter: each once, no more than the limit, sorted at the
 * end. Start at filter_set_add.
 */
#include "filter/filter_priv.h"

static uint32_t
place_of(const struct filter_look *l, uint32_t feature)
{
	uint32_t at = feature % FILTER_SLOTS;
	while (l->slots[at] != 0 && l->slots[at] != feature) {
		at = (at + 1) % FILTER_SLOTS;
	}
	return at;
}

void
filter_set_add(struct filter_look *l, uint32_t feature)
{
	struct filter_seen *seen = l->seen;
	if (seen->n >= l->limit) {
		return;
	}
	uint32_t at = place_of(l, feature);
	if (l->slots[at] == 0) {
		l->slots[at] = feature;
		seen->features[seen->n++] = feature;
	}
}

bool
filter_set_has(const struct filter_look *l, uint32_t feature)
{
	return l->slots[place_of(l, feature)] != 0;
}

/* Where the numbers with each value of octet `k` begin, when they are sorted by it. */
static void
find_starts(const struct filter_seen *seen, uint32_t starts[4][256])
{
	for (uint32_t i = 0; i < seen->n; i++) {
		uint32_t f = seen->features[i];
		starts[0][f & 255]++;
		starts[1][f >> 8 & 255]++;
		starts[2][f >> 16 & 255]++;
		starts[3][f >> 24]++;
	}
	for (uint32_t k = 0; k < 4; k++) {
		uint32_t sum = 0;
		for (uint32_t i = 0; i < 256; i++) {
			uint32_t here = starts[k][i];
			starts[k][i] = sum;
			sum += here;
		}
	}
}

/* By octets from the lowest: thousands of numbers in a few microseconds. */
void
filter_set_sort(struct filter_look *l)
{
	uint32_t *from = l->seen->features, *to = l->slots, n = l->seen->n;
	uint32_t starts[4][256] = { 0 };
	static_assert((int)FILTER_SLOTS >= (int)FILTER_FEATURES_MAX, "a copy while sorting");
	find_starts(l->seen, starts);
	for (uint32_t k = 0; k < 4; k++) { /* an even number: it ends where it began */
		for (uint32_t i = 0; i < n; i++) {
			to[starts[k][from[i] >> (8 * k) & 255]++] = from[i];
		}
		uint32_t *other = from;
		from = to;
		to = other;
	}
}

void
filter_add(struct filter_look *l, enum filter_place place, str s)
{
	filter_set_add(l, filter_hash_end(filter_hash_lower(filter_hash_begin(place), s)));
}

void
filter_add_number(struct filter_look *l, enum filter_place place, const char *what, uint64_t n)
{
	uint64_t h = filter_hash(filter_hash_begin(place), str_from(what));
	filter_set_add(l, filter_hash_end(filter_hash_number(h, n)));
}

uint32_t
filter_log2(uint64_t n)
{
	return n == 0 ? 0 : 63 - (uint32_t)__builtin_clzll(n);
}
