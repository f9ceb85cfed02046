/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hashes of features and the set that holds those of one letter: each once, no more than the limit,
 * sorted at the end. The hash need not withstand anybody: the tables that are kept hash again with
 * a secret (model.c). Start at filter_set_add.
 */
#include "filter/filter_priv.h"

#define HASH_PRIME 0x100000001b3ull

uint64_t
filter_hash_begin(enum filter_place place)
{
	return (0xcbf29ce484222325ull ^ place) * HASH_PRIME;
}

uint64_t
filter_hash(uint64_t h, str s)
{
	for (size_t i = 0; i < s.n; i++) {
		h = (h ^ (uint8_t)s.p[i]) * HASH_PRIME;
	}
	return h;
}

uint64_t
filter_hash_lower(uint64_t h, str s)
{
	for (size_t i = 0; i < s.n; i++) {
		uint8_t c = (uint8_t)s.p[i];
		c |= (uint8_t)((uint8_t)(c - 'A') < 26 ? 0x20 : 0);
		h = (h ^ c) * HASH_PRIME;
	}
	return h;
}

uint64_t
filter_hash_number(uint64_t h, uint64_t n)
{
	return (h ^ n) * HASH_PRIME;
}

/* All bits of the sum stir all bits of the feature. 0 means a free slot, so it becomes 1. */
uint32_t
filter_hash_end(uint64_t h)
{
	h ^= h >> 32;
	h *= 0xd6e8feb86659fd93ull;
	h ^= h >> 32;
	return (uint32_t)h == 0 ? 1 : (uint32_t)h;
}

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

/* By octets from the lowest, eleven bits at a time: thousands of numbers in a few microseconds. */
void
filter_set_sort(struct filter_look *l)
{
	uint32_t *from = l->seen->features, *to = l->slots, n = l->seen->n;
	static_assert((int)FILTER_SLOTS >= (int)FILTER_FEATURES_MAX, "a copy while sorting");
	for (uint32_t shift = 0; shift < 33; shift += 11) {
		uint32_t starts[2048] = { 0 }, sum = 0;
		for (uint32_t i = 0; i < n; i++) {
			starts[(from[i] >> shift) & 2047]++;
		}
		for (uint32_t i = 0; i < LEN(starts); i++) {
			uint32_t here = starts[i];
			starts[i] = sum;
			sum += here;
		}
		for (uint32_t i = 0; i < n; i++) {
			to[starts[(from[i] >> shift) & 2047]++] = from[i];
		}
		uint32_t *other = from;
		from = to;
		to = other;
	}
	memcpy(to, from, n * sizeof(*to));
	l->seen->features = to;
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
