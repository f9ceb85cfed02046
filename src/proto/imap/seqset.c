/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parsing counts the commas first, so that one array of the right size is allocated.
 */
#include "proto/imap/seqset.h"

#include "proto/imap/limits.h"

/* nz-number / "*" (as 0) */
static bool
parse_number(str s, uint32_t *ret)
{
	if (str_eq(s, S("*"))) {
		*ret = 0;
		return true;
	}
	return s.n > 0 && s.p[0] != '0' && str_u32(s, ret);
}

static bool
parse_range(str s, struct imap_range *ret)
{
	str lo, hi;
	bool pair = str_cut(s, ':', &lo, &hi);
	if (!parse_number(lo, &ret->lo)) {
		return false;
	}
	ret->hi = ret->lo;
	return !pair || parse_number(hi, &ret->hi);
}

enum err
imap_seqset_parse(struct arena *a, str in, struct imap_seqset *ret)
{
	struct imap_seqset set = { 0 };
	if (str_eq(in, S("$"))) {
		set.saved = true;
		*ret = set;
		return ERR_OK;
	}
	size_t n = 1;
	for (size_t i = 0; i < in.n; i++) {
		n += in.p[i] == ',';
	}
	if (n > IMAP_SET_RANGES_MAX) {
		return ERR_TOOMANY;
	}
	set.r = arena_array(a, n, sizeof *set.r);
	if (set.r == NULL) {
		return ERR_BUDGET;
	}
	while (set.n < n) {
		str piece;
		(void)str_cut(in, ',', &piece, &in);
		if (!parse_range(piece, &set.r[set.n++])) {
			return ERR_SYNTAX;
		}
	}
	*ret = set;
	return ERR_OK;
}

static int
compare(const void *a, const void *b)
{
	const struct imap_range *x = a, *y = b;
	return x->lo < y->lo ? -1 : x->lo > y->lo;
}

void
imap_seqset_resolve(struct imap_seqset *set, uint32_t max)
{
	bool sorted = true;
	for (size_t i = 0; i < set->n; i++) {
		struct imap_range *r = &set->r[i];
		uint32_t lo = r->lo == 0 ? max : r->lo, hi = r->hi == 0 ? max : r->hi;
		*r = (struct imap_range){ MIN(lo, hi), MAX(lo, hi) };
		sorted = sorted && (i == 0 || set->r[i - 1].lo <= r->lo);
	}
	if (!sorted) {
		qsort(set->r, set->n, sizeof *set->r, compare);
	}
	size_t n = 0;
	for (size_t i = 0; i < set->n; i++) {
		struct imap_range r = set->r[i];
		if (n > 0 && (uint64_t)r.lo <= (uint64_t)set->r[n - 1].hi + 1) {
			set->r[n - 1].hi = MAX(set->r[n - 1].hi, r.hi);
		} else {
			set->r[n++] = r;
		}
	}
	set->n = n;
}

bool
imap_seqset_has(const struct imap_seqset *set, uint32_t v)
{
	size_t lo = 0, hi = set->n;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (set->r[mid].hi < v) {
			lo = mid + 1;
		} else {
			hi = mid;
		}
	}
	return lo < set->n && set->r[lo].lo <= v;
}

uint32_t
imap_seqset_largest(const struct imap_seqset *set)
{
	uint32_t v = 0;
	for (size_t i = 0; i < set->n; i++) {
		v = MAX(v, MAX(set->r[i].lo, set->r[i].hi));
	}
	return v;
}

bool
imap_seqset_has_star(const struct imap_seqset *set)
{
	bool star = false;
	for (size_t i = 0; i < set->n; i++) {
		star = star || set->r[i].lo == 0 || set->r[i].hi == 0;
	}
	return star;
}

static void
write_range(struct imap_set_writer *w)
{
	if (w->any) {
		buf_ch(w->out, ',');
	}
	buf_u64(w->out, w->lo);
	if (w->hi != w->lo) {
		buf_ch(w->out, ':');
		buf_u64(w->out, w->hi);
	}
	w->any = true;
}

void
imap_set_writer_put(struct imap_set_writer *w, uint32_t v)
{
	if (w->lo != 0 && v == w->hi + 1) {
		w->hi = v;
		return;
	}
	if (w->lo != 0) {
		write_range(w);
	}
	w->lo = w->hi = v;
}

void
imap_set_writer_end(struct imap_set_writer *w)
{
	if (w->lo != 0) {
		write_range(w);
	}
	w->lo = w->hi = 0;
}
