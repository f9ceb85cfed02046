/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What stays, what goes, and that every value that goes is dropped once.
 */
#include "base/lru.h"
#include "base/mem.h"
#include "base/test.h"

static const uint8_t key[16] = { 1, 2, 3 };
static unsigned dropped;
static uint64_t dropped_sum;

static void
count_drop(void *value)
{
	dropped++;
	dropped_sum += *(uint64_t *)value;
}

static void
put(struct lru *l, str k, uint64_t v)
{
	uint64_t *value = lru_put(l, k);

	if (CHECK(value != NULL)) {
		*value = v;
	}
}

static void
the_oldest_makes_room(void)
{
	struct lru *l = lru_new(key, 3, sizeof(uint64_t), count_drop);
	str oldest;

	dropped = 0;
	dropped_sum = 0;
	put(l, S("a"), 1);
	put(l, S("b"), 2);
	put(l, S("c"), 4);
	CHECK(lru_get(l, S("a")) != NULL);
	CHECK(lru_peek(l, S("b")) != NULL);
	put(l, S("d"), 8);
	CHECK_U64(dropped_sum, 2);
	CHECK(lru_peek(l, S("b")) == NULL);
	CHECK_U64(*(uint64_t *)lru_peek(l, S("a")), 1);
	CHECK_U64(lru_count(l), 3);
	CHECK_U64(*(uint64_t *)lru_next(l, NULL, &oldest), 4);
	CHECK_STR(oldest, S("c"));
	put(l, S("c"), 16);
	CHECK_U64(dropped, 1);
	CHECK_U64(*(uint64_t *)lru_next(l, NULL, &oldest), 1);
	CHECK_U64(*(uint64_t *)lru_next(l, lru_peek(l, S("a")), &oldest), 8);
	CHECK_STR(oldest, S("d"));
	CHECK(lru_next(l, lru_peek(l, S("c")), &oldest) == NULL);
	lru_del(l, S("a"));
	lru_del(l, S("nobody"));
	CHECK_U64(dropped, 2);
	lru_free(&l);
	CHECK_U64(dropped, 4);
	CHECK_U64(dropped_sum, 1 + 2 + 8 + 16);
	CHECK(l == NULL);
}

static void
survives_want_of_memory(void)
{
	for (uint64_t n = 1; n <= 6; n++) {
		struct lru *l;

		mem_fail_after(n);
		l = lru_new(key, 4, 8, NULL);
		if (l != NULL) {
			bool there = lru_put(l, S("k")) != NULL;
			mem_fail_after(0);
			CHECK(there == (lru_count(l) == 1));
			CHECK(lru_count(l) <= 1);
			CHECK((lru_peek(l, S("k")) != NULL) == (lru_count(l) == 1));
		}
		mem_fail_after(0);
		lru_free(&l);
	}
}

TEST_MAIN(the_oldest_makes_room, survives_want_of_memory)
