/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sorting by digits, stable, so that mailbox order breaks ties: by the last criterion first. A
 * string is a number of seven octets, then, among those it is equal to, of the next seven, and so
 * on. Nothing is ever compared with anything far away in memory. Start at imap_sort.
 */
#include "proto/imap/sort.h"

#include <endian.h>

enum {
	FEW = 48,   /* so many are sorted by insertion */
	OCTETS = 7, /* of a string at a time */
	MORE = OCTETS + 1,
};

struct one {
	uint64_t digits; /* what it is sorted by now */
	uint32_t at;     /* the message */
};

/* Neighbours that are equal so far. */
struct group {
	uint32_t from, n;
};

struct sorting {
	const struct imap_sort_list *l;
	size_t key;
	uint64_t flip; /* all ones: REVERSE */
	struct one *v, *room;
	struct group *now, *next;
	size_t now_n, next_n;
};

static bool
is_text(enum imap_sort_by by)
{
	return by != IMAP_SORT_ARRIVAL && by != IMAP_SORT_DATE && by != IMAP_SORT_SIZE &&
	    by != IMAP_SORT_RELEVANCY;
}

/* Octets from `depth` on and how many there are, MORE when it goes on: shorter ones come first. */
static uint64_t
digits_of(const struct imap_sort_value *v, size_t depth)
{
	size_t n = v->n - depth;
	uint64_t d = 0;
	if (n > OCTETS) {
		memcpy(&d, v->p + depth, sizeof d);
		return (be64toh(d) & ~UINT64_C(0xff)) | MORE;
	}
	for (size_t i = 0; i < OCTETS; i++) {
		d = d << 8 | (i < n ? (uint8_t)v->p[depth + i] : 0);
	}
	return d << 8 | n;
}

static void
insert_few(struct one *v, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		struct one x = v[i];
		size_t k = i;
		for (; k > 0 && v[k - 1].digits > x.digits; k--) {
			v[k] = v[k - 1];
		}
		v[k] = x;
	}
}

/* One octet of the digits; false when all have the same: nothing was moved. */
static bool
sort_by_octet(const struct one *v, struct one *to, size_t n, unsigned shift)
{
	size_t place[256] = { 0 }, sum = 0;
	for (size_t i = 0; i < n; i++) {
		place[v[i].digits >> shift & 0xff]++;
	}
	if (place[v[0].digits >> shift & 0xff] == n) {
		return false;
	}
	for (size_t i = 0; i < LEN(place); i++) {
		size_t count = place[i];
		place[i] = sum;
		sum += count;
	}
	for (size_t i = 0; i < n; i++) {
		to[place[v[i].digits >> shift & 0xff]++] = v[i];
	}
	return true;
}

static void
sort_group(struct sorting *x, const struct group *g)
{
	struct one *v = x->v + g->from, *to = x->room;
	if (g->n <= FEW) {
		insert_few(v, g->n);
		return;
	}
	for (unsigned shift = 0; shift < 64; shift += 8) {
		if (sort_by_octet(v, to, g->n, shift)) {
			struct one *other = v;
			v = to;
			to = other;
		}
	}
	if (v == x->room) {
		memcpy(x->v + g->from, v, g->n * sizeof *v);
	}
}

/* In a sorted group: those that are equal and go on are to be looked at again. */
static void
split(struct sorting *x, const struct group *g)
{
	const struct one *v = x->v + g->from;
	for (uint32_t i = 0, n; i < g->n; i += n) {
		n = 1;
		while (i + n < g->n && v[i + n].digits == v[i].digits) {
			n++;
		}
		if (n > 1 && ((v[i].digits ^ x->flip) & 0xff) == MORE) {
			x->next[x->next_n++] = (struct group){ g->from + i, n };
		}
	}
}

/* All groups, as numbers or as strings from this depth on. */
static void
sort_at_depth(struct sorting *x, bool text, size_t depth)
{
	const struct imap_sort_list *l = x->l;
	x->next_n = 0;
	for (size_t i = 0; i < x->now_n; i++) {
		const struct group *g = &x->now[i];
		for (size_t k = g->from; k < (size_t)g->from + g->n; k++) {
			const struct imap_sort_value *v = &l->v[x->v[k].at * l->keys + x->key];
			x->v[k].digits = x->flip ^ (text ? digits_of(v, depth) : v->number);
		}
		sort_group(x, g);
		if (text) {
			split(x, g);
		}
	}
}

/* By one criterion; what is equal in it stays in the order it is in. */
static void
sort_by_key(struct sorting *x)
{
	const struct imap_sort_key *key = &x->l->key[x->key];
	bool text = is_text(key->by);
	x->flip = key->reverse ? UINT64_MAX : 0;
	x->now[0] = (struct group){ 0, (uint32_t)x->l->n };
	x->now_n = 1;
	for (size_t depth = 0; x->now_n > 0; depth += OCTETS) {
		sort_at_depth(x, text, depth);
		struct group *other = x->now;
		x->now = x->next;
		x->now_n = x->next_n;
		x->next = other;
	}
}

enum err
imap_sort(struct imap_sort_list *l, struct arena *a)
{
	struct sorting x = { .l = l };
	if (l->n == 0) {
		return ERR_OK;
	}
	x.v = arena_array(a, l->n, sizeof *x.v);
	x.room = arena_array(a, l->n, sizeof *x.room);
	x.now = arena_array(a, l->n / 2 + 1, sizeof *x.now); /* a group has two at least */
	x.next = arena_array(a, l->n / 2 + 1, sizeof *x.next);
	if (x.v == NULL || x.room == NULL || x.now == NULL || x.next == NULL) {
		return ERR_BUDGET;
	}
	for (size_t i = 0; i < l->n; i++) {
		x.v[i].at = l->at[i];
	}
	for (size_t k = l->keys; k > 0; k--) {
		x.key = k - 1;
		sort_by_key(&x);
	}
	for (size_t i = 0; i < l->n; i++) {
		l->at[i] = x.v[i].at;
	}
	return ERR_OK;
}

struct imap_sort_value
imap_sort_text(str prepared)
{
	return (struct imap_sort_value){ .p = prepared.p,
		.n = (uint32_t)MIN(prepared.n, UINT32_MAX) };
}
