/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The map against 10,000 keys, its ceiling, and deletion.
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

TEST_MAIN(holds_many, string_keys)
