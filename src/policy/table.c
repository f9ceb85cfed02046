/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Buckets of eight rows, four cache lines each. A key names two buckets; a new row goes into the
 * emptier of both, so that the table is nine tenths full before rows are lost. Growing doubles the
 * buckets, so it loses none.
 */
#include "policy/table.h"

#include "base/mem.h"

enum { WAYS = 8, FIRST = 64 };

static_assert(sizeof(struct policy_row) == 32, "the memory that is promised");

struct bucket {
	struct policy_row rows[WAYS];
};

struct policy_table {
	struct bucket *buckets;
	size_t n, most; /* buckets now, and at most */
	size_t count;
};

struct policy_table *
policy_table_new(size_t max)
{
	struct policy_table *t = mem_zalloc(1, sizeof *t);
	unsigned doublings = 0;

	if (t == NULL) {
		return NULL;
	}
	t->most = MAX(max / WAYS * 10 / 9 + 1, (size_t)2);
	for (t->n = t->most; t->n >= 2 * FIRST; t->n /= 2) {
		doublings++;
	}
	t->most = t->n << doublings;
	t->buckets = mem_zalloc(t->n, sizeof *t->buckets);
	if (t->buckets == NULL) {
		MEM_FREE(t);
	}
	return t;
}

void
policy_table_free(struct policy_table **t)
{
	if (*t != NULL) {
		mem_drop((*t)->buckets);
		MEM_FREE(*t);
	}
}

/*
 * The first or second bucket of a key, of n: mixed once more, as keys also come in order, out of
 * the database.
 */
static size_t
place(uint64_t key, bool second, size_t n)
{
	uint64_t mixed = key * (second ? 0x9e3779b97f4a7c15U : 0xc2b2ae3d27d4eb4fU);

	return (size_t)(((mixed >> 32) * n) >> 32);
}

static struct policy_row *
find(const struct policy_table *t, uint64_t key, size_t bucket)
{
	struct policy_row *rows = t->buckets[bucket].rows;

	for (size_t i = 0; i < WAYS; i++) {
		if (rows[i].key == key) {
			return &rows[i];
		}
	}
	return NULL;
}

struct policy_row *
policy_table_get(const struct policy_table *t, uint64_t key)
{
	struct policy_row *row = find(t, key, place(key, false, t->n));

	return row != NULL ? row : find(t, key, place(key, true, t->n));
}

static size_t
used(const struct bucket *b)
{
	size_t n = 0;

	for (size_t i = 0; i < WAYS; i++) {
		n += b->rows[i].key != 0;
	}
	return n;
}

static struct policy_row *
oldest(struct bucket *b)
{
	struct policy_row *row = &b->rows[0];

	for (size_t i = 1; i < WAYS; i++) {
		row = b->rows[i].last_s < row->last_s ? &b->rows[i] : row;
	}
	return row;
}

/* Where a key that is in no row goes. A free row has a last_s of 0, so it is the oldest. */
static struct policy_row *
room(struct bucket *buckets, size_t n, uint64_t key)
{
	struct bucket *a = &buckets[place(key, false, n)];
	struct bucket *b = &buckets[place(key, true, n)];
	struct policy_row *x = oldest(a), *y = oldest(b);

	if (x->key == 0 && y->key == 0) {
		return used(a) <= used(b) ? x : y;
	}
	return x->last_s <= y->last_s ? x : y;
}

/* Twice as large; without memory it stays as it is, and old rows make room. */
static void
grow(struct policy_table *t)
{
	size_t n = t->n * 2;
	struct bucket *to = mem_zalloc(n, sizeof *to);

	if (to == NULL) {
		return;
	}
	t->count = 0;
	for (size_t i = 0; i < t->n * WAYS; i++) {
		const struct policy_row *row = &t->buckets[i / WAYS].rows[i % WAYS];
		struct policy_row *r;
		if (row->key == 0) {
			continue;
		}
		r = room(to, n, row->key);
		t->count += r->key == 0;
		*r = *row;
	}
	mem_drop(t->buckets);
	t->buckets = to;
	t->n = n;
}

struct policy_row *
policy_table_put(struct policy_table *t, uint64_t key, uint32_t now_s, struct policy_row *ret_gone)
{
	struct policy_row *row = policy_table_get(t, key);

	ASSERT(key != 0);
	*ret_gone = (struct policy_row){ 0 };
	if (row != NULL) {
		row->last_s = MAX(now_s, 1U);
		return row;
	}
	if (t->n < t->most && t->count >= t->n * WAYS / 4 * 3) {
		grow(t);
	}
	row = room(t->buckets, t->n, key);
	*ret_gone = *row;
	t->count += row->key == 0;
	*row = (struct policy_row){ .key = key, .last_s = MAX(now_s, 1U) };
	return row;
}

void
policy_table_del(struct policy_table *t, struct policy_row *row)
{
	ASSERT(row->key != 0);
	*row = (struct policy_row){ 0 };
	t->count--;
}

struct policy_row *
policy_table_next(struct policy_table *t, size_t *at)
{
	for (; *at < t->n * WAYS; ++*at) {
		struct policy_row *row = &t->buckets[*at / WAYS].rows[*at % WAYS];
		if (row->key != 0) {
			++*at;
			return row;
		}
	}
	return NULL;
}

size_t
policy_table_count(const struct policy_table *t)
{
	return t->count;
}

size_t
policy_table_octets(const struct policy_table *t)
{
	return sizeof *t + t->n * sizeof *t->buckets;
}
