/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ordering: every kind of key, several of them, REVERSE, ties by mailbox order; and random lists
 * against what each pair of neighbours must fulfil.
 */
#include "proto/imap/sort.h"

#include "base/test.h"

enum { MANY = 5000 };

static void
orders(const struct imap_sort_key *key, size_t keys, const struct imap_sort_value *v, size_t n,
    const char *want)
{
	struct arena *a = arena_new(NULL, "sort", 1 << 20, 0);
	uint32_t at[16];
	char got[64] = "";
	for (uint32_t i = 0; i < n; i++) {
		at[i] = i;
	}
	struct imap_sort_list l = { key, keys, v, at, n };
	CHECK_ERR(imap_sort(&l, a), ERR_OK);
	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(got);
		snprintf(got + len, sizeof got - len, i == 0 ? "%u" : " %u", at[i]);
	}
	CHECK_STR(str_from(got), str_from(want));
	arena_free(&a);
}

static void
one_key(void)
{
	struct imap_sort_key up = { IMAP_SORT_SIZE, false }, down = { IMAP_SORT_SIZE, true };
	struct imap_sort_value n[] = { { .number = 5 }, { .number = 1 }, { .number = 5 },
		{ .number = 3 } };
	orders(&up, 1, n, 4, "1 3 0 2");
	orders(&down, 1, n, 4, "0 2 3 1"); /* REVERSE does not turn ties round */
	orders(&up, 1, n, 0, "");
	orders(&up, 1, n, 1, "0");
	struct imap_sort_value s[] = { imap_sort_text(S("PREFIX-LONG-B")),
		imap_sort_text(S("PREFIX-LONG-A")), imap_sort_text(S("")),
		imap_sort_text(S("PREFIX")), imap_sort_text(S("\xff")),
		imap_sort_text(S("PREFIX\0")) };
	up.by = IMAP_SORT_SUBJECT;
	orders(&up, 1, s, 6, "2 3 5 1 0 4"); /* the empty string is first */
	struct imap_sort_value d[] = { { .number = imap_sort_date(0) },
		{ .number = imap_sort_date(-1) }, { .number = imap_sort_date(INT64_MAX) },
		{ .number = imap_sort_date(INT64_MIN) } };
	up.by = IMAP_SORT_DATE;
	orders(&up, 1, d, 4, "3 1 0 2");
}

static void
two_keys(void)
{
	struct imap_sort_key keys[] = { { IMAP_SORT_SUBJECT, false }, { IMAP_SORT_DATE, true } };
	struct imap_sort_value v[] = { imap_sort_text(S("B")), { .number = 1 },
		imap_sort_text(S("A")), { .number = 1 }, imap_sort_text(S("B")), { .number = 2 },
		imap_sort_text(S("A")), { .number = 1 } };
	orders(keys, 2, v, 4, "1 3 2 0");
}

static void
many(void)
{
	static struct imap_sort_value v[2 * MANY];
	static uint32_t at[MANY];
	static bool seen[MANY];
	struct imap_sort_key keys[] = { { IMAP_SORT_SIZE, true }, { IMAP_SORT_DATE, false } };
	struct arena *a = arena_new(NULL, "sort", 1 << 20, 0);
	uint32_t seed = 5;
	for (size_t n = 0; n < MANY; n += n / 3 + 1) {
		for (uint32_t i = 0; i < 2 * n; i++) {
			seed = seed * 1664525u + 1013904223u;
			v[i].number = (seed >> 20) % 50;
		}
		for (uint32_t i = 0; i < n; i++) {
			at[i] = i;
			seen[i] = false;
		}
		struct imap_sort_list l = { keys, 2, v, at, n };
		CHECK_ERR(imap_sort(&l, a), ERR_OK);
		for (size_t i = 0; i < n; i++) {
			CHECK(at[i] < n && !seen[at[i]]);
			seen[at[i]] = true;
			if (i == 0) {
				continue;
			}
			const struct imap_sort_value *x = &v[2 * at[i - 1]], *y = &v[2 * at[i]];
			CHECK(x[0].number > y[0].number ||
			    (x[0].number == y[0].number && x[1].number < y[1].number) ||
			    (x[0].number == y[0].number && x[1].number == y[1].number &&
				at[i - 1] < at[i]));
		}
		arena_reset(a);
	}
	arena_free(&a);
}

/* Strings with long equal beginnings, of every length, both ways, against comparing them. */
static void
texts(void)
{
	static const char letters[] = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB";
	static struct imap_sort_value v[MANY];
	static uint32_t at[MANY];
	uint32_t seed = 7;
	for (int reverse = 0; reverse < 2; reverse++) {
		struct imap_sort_key key = { IMAP_SORT_SUBJECT, reverse != 0 };
		struct arena *a = arena_new(NULL, "sort", 1 << 20, 0);
		for (uint32_t i = 0; i < MANY; i++) {
			seed = seed * 1664525u + 1013904223u;
			size_t from = (seed >> 8) % (sizeof letters - 1);
			size_t n = (seed >> 20) % (sizeof letters - from);
			v[i] = imap_sort_text(str_make(letters + from, n));
			at[i] = i;
		}
		struct imap_sort_list l = { &key, 1, v, at, MANY };
		CHECK_ERR(imap_sort(&l, a), ERR_OK);
		for (size_t i = 1; i < MANY; i++) {
			const struct imap_sort_value *x = &v[at[i - 1]], *y = &v[at[i]];
			int d = str_cmp(str_make(x->p, x->n), str_make(y->p, y->n));
			d = reverse != 0 ? -d : d;
			CHECK(d < 0 || (d == 0 && at[i - 1] < at[i]));
		}
		arena_free(&a);
	}
}

static void
out_of_budget(void)
{
	static uint32_t at[MANY];
	struct imap_sort_key key = { IMAP_SORT_SIZE, false };
	static struct imap_sort_value v[MANY];
	struct arena *a = arena_new(NULL, "small", 1024, 0);
	struct imap_sort_list l = { &key, 1, v, at, MANY };
	CHECK_ERR(imap_sort(&l, a), ERR_BUDGET);
	arena_free(&a);
}

TEST_MAIN(one_key, two_keys, many, texts, out_of_budget)
