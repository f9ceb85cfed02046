/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A table is a tree of pages. An inner page has for each page below it the highest key in there;
 * leaves have the rows, and what does not fit into one goes on in pages of its own. We go down to
 * the inner page above the leaf of a key and ask for the leaves from there on, then look into those
 * for what goes on elsewhere. The layout is the engine's (https://www.sqlite.org/fileformat2.html
 * 1.6), below; start with db_ahead_more.
 */
#include "db/ahead.h"

#include "base/wire.h"
#include "sys/file.h"

/*
 *	OFFSET SIZE  MEANING (big-endian; the first 100 octets of page 1 are the file's)
 *	0      1     5: inner page of a table, 13: leaf
 *	3      2     cells, n
 *	8      4     inner page: the page below with the highest keys
 *	12, 8  2 n   where each cell is
 *
 *	inner cell: page below (4), highest key in it (varint)
 *	leaf cell: octets of the row (varint), its key (varint), the row, or its beginning and then
 *	the page where it goes on (4)
 */
enum {
	PAGE = 4096,
	DEPTH = 12, /* no tree of ours has more levels */
	FILE_HEAD = 100,
	INNER = 5,
	LEAF = 13,
	INNER_HEAD = 12,
	LEAF_HEAD = 8,
	WHOLE_MAX = PAGE - 35,                  /* a row up to here is all in its leaf */
	PART_MIN = (PAGE - 12) * 32 / 255 - 23, /* of a longer one, at least this */
	MORE = PAGE - 4,                        /* octets of it in each page that follows */
	ROW_MAX = 1 << 24,
	SPARSE = 4, /* a row for so many pages asked for is too little */
};

struct page {
	char octets[PAGE];
	size_t cells; /* where their places are */
	uint32_t n;
	bool leaf;
};

static uint32_t
big(struct rd *r, unsigned octets)
{
	uint32_t v = 0;
	while (octets-- > 0) {
		v = v << 8 | rd_u8(r);
	}
	return v;
}

static uint64_t
varint(struct rd *r)
{
	uint64_t v = 0;
	for (int i = 0; i < 8; i++) {
		uint8_t one = rd_u8(r);
		v = v << 7 | (one & 0x7f);
		if (one < 0x80) {
			return v;
		}
	}
	return v << 8 | rd_u8(r);
}

static struct rd
at(const struct page *p, size_t off)
{
	return rd_make(str_from_off(str_make(p->octets, PAGE), MIN(off, (size_t)PAGE)));
}

static bool
read_page(int fd, uint32_t number, struct page *ret)
{
	if (number == 0 ||
	    sys_file_read_exact(fd, (uint64_t)(number - 1) * PAGE, ret->octets, PAGE) != ERR_OK) {
		return false;
	}
	size_t head = number == 1 ? FILE_HEAD : 0;
	uint8_t type = (uint8_t)ret->octets[head];
	struct rd r = at(ret, head + 3);
	ret->n = big(&r, 2);
	ret->leaf = type == LEAF;
	ret->cells = head + (ret->leaf ? LEAF_HEAD : INNER_HEAD);
	return (ret->leaf || type == INNER) && ret->cells + 2 * (size_t)ret->n <= PAGE;
}

static struct rd
cell(const struct page *p, uint32_t i)
{
	struct rd r = at(p, p->cells + 2 * (size_t)i);
	return at(p, big(&r, 2));
}

/* Page i below an inner page, and the highest key in it; the last one has no limit of its own. */
static bool
below(const struct page *p, uint32_t i, uint32_t *ret_number, uint64_t *ret_key)
{
	struct rd r = i < p->n ? cell(p, i) : at(p, p->cells - 4);
	*ret_number = big(&r, 4);
	*ret_key = i < p->n ? varint(&r) : UINT64_MAX;
	return !r.bad;
}

/* ---- what is asked for -------------------------------------------------------------------- */

struct asking {
	const struct db_ahead_ask *ask;
	uint32_t from, n; /* a run of pages that was not asked for yet */
	uint32_t all;     /* pages so far */
};

static void
ask_now(struct asking *x)
{
	if (x->n > 0) {
		x->ask->want(x->ask->fd, (uint64_t)(x->from - 1) * PAGE, (uint64_t)x->n * PAGE);
	}
	x->n = 0;
}

static void
want(struct asking *x, uint32_t number, uint32_t n)
{
	if (number == 0) {
		return;
	}
	if (x->n == 0 || number != x->from + x->n) {
		ask_now(x);
		x->from = number;
	}
	x->n += n;
	x->all += n;
}

/* Pages where a row goes on; they follow each other, or else it is not worth it. */
static bool
want_rest(struct asking *x, const struct page *p, uint32_t i)
{
	struct rd r = cell(p, i);
	uint64_t octets = varint(&r);
	(void)varint(&r);
	if (r.bad || octets <= WHOLE_MAX || octets > ROW_MAX) {
		return false;
	}
	size_t part = PART_MIN + (size_t)(octets - PART_MIN) % MORE;
	part = part <= WHOLE_MAX ? part : PART_MIN;
	(void)rd_bytes(&r, part);
	uint32_t number = big(&r, 4), n = (uint32_t)((octets - part + MORE - 1) / MORE);
	if (!r.bad) {
		want(x, number, MIN(n, (uint32_t)DB_AHEAD_PAGES));
	}
	return true;
}

static uint64_t
last_key(const struct page *p)
{
	struct rd r = p->n > 0 ? cell(p, p->n - 1) : at(p, PAGE);
	(void)varint(&r);
	return varint(&r);
}

/*
 * What goes on behind the rows of these leaves. When the first one has nothing of the kind the
 * others are not read. Out: the last key that was got to; `until` if that is all.
 */
static uint64_t
want_rests(struct asking *x, const uint32_t *leaf, size_t n, uint64_t until)
{
	struct page p;
	for (size_t i = 0; i < n; i++) {
		bool any = false;
		if (!read_page(x->ask->fd, leaf[i], &p) || !p.leaf) {
			break;
		}
		for (uint32_t k = 0; k < p.n; k++) {
			any |= want_rest(x, &p, k);
		}
		if (!any && i == 0) {
			break;
		}
		if (x->all >= DB_AHEAD_PAGES && i + 1 < n) {
			until = last_key(&p);
			break;
		}
	}
	ask_now(x);
	return until;
}

/* ---- finding ------------------------------------------------------------------------------ */

/* The inner page above the leaf of a key. */
struct spot {
	struct page page, next;
	uint32_t i;     /* the leaf is below it here */
	uint64_t bound; /* no key below the page is higher */
};

static bool
find(const struct db_ahead_ask *ask, uint64_t key, struct spot *s)
{
	uint64_t highest;
	uint32_t number;
	s->bound = UINT64_MAX;
	if (!read_page(ask->fd, ask->root, &s->page) || s->page.leaf) {
		return false;
	}
	for (int depth = 0; depth < DEPTH; depth++) {
		for (s->i = 0; below(&s->page, s->i, &number, &highest) && highest < key;) {
			s->i++;
		}
		if (!read_page(ask->fd, number, &s->next)) {
			return false;
		}
		if (s->next.leaf) {
			return true;
		}
		s->bound = MIN(s->bound, highest);
		s->page = s->next;
	}
	return false;
}

/* Leaves from the spot on, but none of another page above. Out: which, and how many. */
static size_t
want_leaves(struct asking *x, const struct spot *s, struct db_ahead *a, uint32_t leaf[])
{
	size_t n = 0;
	for (uint32_t i = s->i; i <= s->page.n && n < a->leaves; i++) {
		uint64_t highest;
		if (!below(&s->page, i, &leaf[n], &highest)) {
			break;
		}
		want(x, leaf[n++], 1);
		a->until = MIN(highest, s->bound);
		if (a->until >= a->last) {
			break;
		}
	}
	ask_now(x);
	return n;
}

bool
db_ahead_is_due(struct db_ahead *a, uint64_t key, uint64_t last)
{
	if (key < a->key || last != a->last) {
		*a = (struct db_ahead){ .last = last };
	}
	a->rows += key > a->key;
	a->key = key;
	return a->rows >= DB_AHEAD_ROWS && key >= a->mark;
}

void
db_ahead_more(struct db_ahead *a, const struct db_ahead_ask *ask)
{
	uint32_t leaf[DB_AHEAD_MANY];
	struct spot s;
	struct asking x = { .ask = ask };
	bool sparse = a->rows * SPARSE < a->leaves;
	uint64_t from = MAX(a->key, a->until + 1);
	a->leaves = a->leaves == 0 || sparse ? DB_AHEAD_FEW : MIN(2 * a->leaves, DB_AHEAD_MANY);
	a->rows = DB_AHEAD_ROWS;
	a->mark = UINT64_MAX;
	if (from > a->last || a->until == UINT64_MAX || !find(ask, from, &s)) {
		return;
	}
	size_t n = want_leaves(&x, &s, a, leaf);
	if (n > 0) {
		a->until = want_rests(&x, leaf, n, a->until);
		a->mark = from;
	}
}
