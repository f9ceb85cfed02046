/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bounded table: what is put is found, memory never passes its bound, the young outlive the
 * old, and want of memory loses rows and nothing else.
 */
#include "policy/table.h"

#include "base/codec.h"
#include "base/mem.h"
#include "base/test.h"

static uint64_t
key_of(uint64_t i)
{
	static const uint8_t secret[16] = "0123456789abcdef";

	return siphash(secret, str_make(&i, sizeof i)) | 1;
}

static void
finds_what_was_put(void)
{
	struct policy_table *t = policy_table_new(5000);
	struct policy_row gone;

	for (uint32_t i = 0; i < 4000; i++) {
		struct policy_row *row = policy_table_put(t, key_of(i), 100 + i, &gone);
		CHECK(row != NULL && row->v[0] == 0);
		row->v[0] = i;
		CHECK_U64(gone.key, 0);
	}
	CHECK_U64(policy_table_count(t), 4000);
	for (uint32_t i = 0; i < 4000; i++) {
		struct policy_row *row = policy_table_get(t, key_of(i));
		CHECK(row != NULL && row->v[0] == i && row->last_s == 100 + i);
	}
	CHECK(policy_table_get(t, key_of(4001)) == NULL);
	policy_table_del(t, policy_table_get(t, key_of(7)));
	CHECK(policy_table_get(t, key_of(7)) == NULL);
	CHECK_U64(policy_table_count(t), 3999);
	size_t at = 0, n = 0;
	while (policy_table_next(t, &at) != NULL) {
		n++;
	}
	CHECK_U64(n, 3999);
	policy_table_free(&t);
	CHECK(t == NULL);
}

/* Ten times as many as there is room for: the bound holds, and the last ones are there. */
static void
old_rows_make_room(void)
{
	enum { MAX_ROWS = 10000, RECENT = 5000 };
	struct policy_table *t = policy_table_new(MAX_ROWS);
	struct policy_row gone;
	size_t lost = 0, there = 0;

	for (uint32_t i = 1; i <= 10 * MAX_ROWS; i++) {
		policy_table_put(t, key_of(i), i, &gone);
		lost += gone.key != 0;
	}
	CHECK(policy_table_octets(t) <= MAX_ROWS * 37 + 4096);
	CHECK_U64(policy_table_count(t), 10 * MAX_ROWS - lost);
	CHECK(policy_table_count(t) > MAX_ROWS * 9 / 10);
	for (uint32_t i = 10 * MAX_ROWS - RECENT + 1; i <= 10 * MAX_ROWS; i++) {
		there += policy_table_get(t, key_of(i)) != NULL;
	}
	CHECK(there > RECENT * 98 / 100);
	policy_table_free(&t);
}

static void
memory_fails(void)
{
	struct policy_row gone;

	for (uint64_t n = 1; n <= 2; n++) {
		mem_fail_after(n);
		CHECK(policy_table_new(1000) == NULL);
		mem_fail_after(0);
	}
	struct policy_table *t = policy_table_new(100000);
	for (uint32_t i = 0; i < 20000; i++) {
		mem_fail_after(1); /* it can never grow */
		CHECK(policy_table_put(t, key_of(i), i, &gone) != NULL);
		mem_fail_after(0);
	}
	CHECK(policy_table_count(t) <= 1016);
	CHECK(policy_table_get(t, key_of(19999)) != NULL);
	policy_table_free(&t);
}

TEST_MAIN(finds_what_was_put, old_rows_make_room, memory_fails)
