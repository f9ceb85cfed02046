/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sorted ranges in one array. Additions at the end are the common case and cost nothing; others
 * move the tail of the array.
 */
#include "store/set.h"

#include "base/mem.h"

void
store_set_init(struct store_set *t)
{
	*t = (struct store_set){ 0 };
}

void
store_set_done(struct store_set *t)
{
	mem_drop(t->v);
	*t = (struct store_set){ 0 };
}

void
store_set_reset(struct store_set *t)
{
	t->n = 0;
	t->err = ERR_OK;
}

enum err
store_set_err(const struct store_set *t)
{
	return t->err;
}

size_t
store_set_from(const struct store_set *t, uint32_t v)
{
	size_t lo = 0, hi = t->n;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (t->v[mid].hi < v) {
			lo = mid + 1;
		} else {
			hi = mid;
		}
	}
	return lo;
}

bool
store_set_has(const struct store_set *t, uint32_t v)
{
	size_t at = store_set_from(t, v);
	return at < t->n && t->v[at].lo <= v;
}

uint64_t
store_set_count(const struct store_set *t)
{
	uint64_t n = 0;
	for (size_t i = 0; i < t->n; i++) {
		n += (uint64_t)t->v[i].hi - t->v[i].lo + 1;
	}
	return n;
}

static bool
make_room(struct store_set *t)
{
	if (t->n < t->cap) {
		return true;
	}
	size_t cap = t->cap == 0 ? 16 : t->cap * 2;
	struct store_range *v = mem_resize(t->v, cap * sizeof *v);
	if (v == NULL) {
		t->err = ERR_NOMEM;
		return false;
	}
	t->v = v;
	t->cap = cap;
	return true;
}

/* Put [lo, hi], which meets nothing, at index `at`. */
static void
insert(struct store_set *t, size_t at, uint32_t lo, uint32_t hi)
{
	if (!make_room(t)) {
		return;
	}
	memmove(&t->v[at + 1], &t->v[at], (t->n - at) * sizeof *t->v);
	t->v[at] = (struct store_range){ lo, hi };
	t->n++;
}

void
store_set_add(struct store_set *t, uint32_t lo, uint32_t hi)
{
	if (t->err != ERR_OK) {
		return;
	}
	if (lo > hi) {
		uint32_t swap = lo;
		lo = hi;
		hi = swap;
	}
	size_t first = store_set_from(t, lo == 0 ? 0 : lo - 1), last = first; /* touching counts */
	while (last < t->n && (hi == UINT32_MAX || t->v[last].lo <= hi + 1)) {
		last++;
	}
	if (first == last) {
		insert(t, first, lo, hi);
		return;
	}
	t->v[first].lo = MIN(lo, t->v[first].lo);
	t->v[first].hi = MAX(hi, t->v[last - 1].hi);
	memmove(&t->v[first + 1], &t->v[last], (t->n - last) * sizeof *t->v);
	t->n -= last - first - 1;
}

void
store_set_both(const struct store_set *a, const struct store_set *b, struct store_set *out)
{
	size_t i = 0, k = 0;
	while (i < a->n && k < b->n) {
		uint32_t lo = MAX(a->v[i].lo, b->v[k].lo), hi = MIN(a->v[i].hi, b->v[k].hi);
		if (lo <= hi) {
			store_set_add(out, lo, hi);
		}
		if (a->v[i].hi < b->v[k].hi) {
			i++;
		} else {
			k++;
		}
	}
}

void
store_set_minus(const struct store_set *a, const struct store_set *b, struct store_set *out)
{
	size_t k = 0;
	for (size_t i = 0; i < a->n; i++) {
		uint64_t lo = a->v[i].lo, hi = a->v[i].hi; /* wider: lo may pass UINT32_MAX */
		while (k < b->n && b->v[k].hi < lo) {
			k++;
		}
		for (; k < b->n && b->v[k].lo <= hi; k++) {
			if (b->v[k].lo > lo) {
				store_set_add(out, (uint32_t)lo, b->v[k].lo - 1);
			}
			lo = (uint64_t)b->v[k].hi + 1;
			if (lo > hi) {
				break; /* this range of b may cut the next one of a too */
			}
		}
		if (lo <= hi) {
			store_set_add(out, (uint32_t)lo, (uint32_t)hi);
		}
	}
}
