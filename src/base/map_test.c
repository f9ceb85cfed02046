/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The map against 10,000 keys, its ceiling, deletion, and walks that delete.
 */
#include "base/map.h"
#include "base/test.h"

static const uint8_t key[16] = { 7 };

static void
holds_many(void)
{
	struct map *m = map_new(key, 10000);
	static int values[10000];
	uint64_t set = 0;
	while (set < 10000 && map_set(m, set, &values[set]) == ERR_OK) {
		set++;
	}
	CHECK_U64(set, 10000);
	CHECK_ERR(map_set(m, 10000, &values[0]), ERR_TOOMANY);
	CHECK_ERR(map_set(m, 5, &values[6]), ERR_OK);
	CHECK(map_get(m, 5) == &values[6]);
	CHECK(map_get(m, 9999) == &values[9999]);
	CHECK(map_get(m, 10000) == NULL);
	CHECK(map_del(m, 5) == &values[6]);
	CHECK(map_del(m, 5) == NULL);
	CHECK_U64(map_count(m), 9999);
	map_free(&m);
	CHECK(m == NULL);
}

static void
string_keys(void)
{
	struct map *m = map_new(key, 3);
	int a, b;
	CHECK_ERR(map_set_str(m, S(""), &a), ERR_OK);
	CHECK_ERR(map_set_str(m, S("x"), &b), ERR_OK);
	CHECK(map_get_str(m, S("")) == &a);
	CHECK(map_get_str(m, S("x")) == &b);
	CHECK(map_get_str(m, S("xx")) == NULL);
	map_free(&m);
}

struct walk {
	struct map *m;
	uint64_t seen, sum;
};

/* Values are pointers into this array; the key of a value is its place. */
static char places[50];

static void
visit(void *value, void *ctx)
{
	struct walk *w = ctx;
	uint64_t n = (uint64_t)((char *)value - places);
	w->seen++;
	w->sum += n;
	if (n % 2 == 0) {
		CHECK(map_del(w->m, n) == value);
	}
}

static void
walks_while_deleting(void)
{
	struct map *m = map_new(key, LEN(places));
	for (uint64_t i = 0; i < LEN(places); i++) {
		CHECK_ERR(map_set(m, i, &places[i]), ERR_OK);
	}
	struct walk first = { .m = m }, second = { .m = m };
	map_each(m, visit, &first);
	CHECK_U64(first.seen, 50);
	CHECK_U64(first.sum, 1225);
	CHECK_U64(map_count(m), 25);
	map_each(m, visit, &second);
	CHECK_U64(second.seen, 25);
	CHECK_U64(second.sum, 625);
	map_free(&m);
	map_free(&m);
}

/* Octets, not C strings; and a short key is not its longer neighbour. */
static void
keys_are_any_octets(void)
{
	static const str keys[] = { S_INIT("a\0b"), S_INIT("a\0c"), S_INIT("a"), S_INIT("a\0"),
		S_INIT("12345678"), S_INIT("123456789") };
	struct map *m = map_new(key, LEN(keys));
	for (size_t i = 0; i < LEN(keys); i++) {
		CHECK_ERR(map_set_str(m, keys[i], &places[i]), ERR_OK);
	}
	CHECK_U64(map_count(m), LEN(keys));
	for (size_t i = 0; i < LEN(keys); i++) {
		CHECK(map_get_str(m, keys[i]) == &places[i]);
	}
	CHECK(map_del_str(m, S("a")) == &places[2]);
	CHECK(map_get_str(m, S("a")) == NULL);
	CHECK(map_get_str(m, S("a\0")) == &places[3]);
	map_free(&m);
}

TEST_MAIN(holds_many, string_keys, walks_while_deleting, keys_are_any_octets)
