/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Merge sort from small runs up: stable, so that mailbox order breaks ties, and without a worst
 * case.
 */
#include "proto/imap/sort.h"

enum { RUN = 8 }; /* runs of this length are sorted by insertion */

struct imap_sort_value
imap_sort_text(str prepared)
{
	struct imap_sort_value v = { .p = prepared.p, .n = (uint32_t)MIN(prepared.n, UINT32_MAX) };
	for (size_t i = 0; i < 8; i++) {
		v.number = v.number << 8 | (i < v.n ? (uint8_t)v.p[i] : 0);
	}
	return v;
}

static int
compare(const struct imap_sort_value *a, const struct imap_sort_value *b)
{
	if (a->number != b->number) {
		return a->number < b->number ? -1 : 1;
	}
	return str_cmp(str_make(a->p, a->n), str_make(b->p, b->n));
}

/* Must b stand before a, which comes first in the mailbox? */
static bool
is_before(const struct imap_sort_list *l, uint32_t b, uint32_t a)
{
	const struct imap_sort_value *va = &l->v[a * l->keys], *vb = &l->v[b * l->keys];
	for (size_t i = 0; i < l->keys; i++) {
		int d = compare(&vb[i], &va[i]);
		if (d != 0) {
			return l->key[i].reverse ? d > 0 : d < 0;
		}
	}
	return false;
}

static void
sort_run(const struct imap_sort_list *l, uint32_t *at, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		uint32_t one = at[i];
		size_t k = i;
		for (; k > 0 && is_before(l, one, at[k - 1]); k--) {
			at[k] = at[k - 1];
		}
		at[k] = one;
	}
}

/* Merge in[0, half) and in[half, n) to out. */
static void
merge(const struct imap_sort_list *l, const uint32_t *in, size_t half, size_t n, uint32_t *out)
{
	size_t a = 0, b = half;
	for (size_t i = 0; i < n; i++) {
		bool second = a == half || (b < n && is_before(l, in[b], in[a]));
		out[i] = second ? in[b++] : in[a++];
	}
}

enum err
imap_sort(struct imap_sort_list *l, struct arena *a)
{
	uint32_t *from = l->at, *to = arena_array(a, l->n, sizeof *to);
	if (to == NULL) {
		return ERR_BUDGET;
	}
	for (size_t i = 0; i < l->n; i += RUN) {
		sort_run(l, from + i, MIN((size_t)RUN, l->n - i));
	}
	for (size_t width = RUN; width < l->n; width *= 2) {
		for (size_t i = 0; i < l->n; i += 2 * width) {
			size_t n = MIN(2 * width, l->n - i);
			merge(l, from + i, MIN(width, n), n, to + i);
		}
		uint32_t *other = from;
		from = to;
		to = other;
	}
	if (from != l->at && l->n > 0) {
		memcpy(l->at, from, l->n * sizeof *from);
	}
	return ERR_OK;
}
