/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Budgets hold over the whole tree, levels end in one call, memory comes zeroed and aligned, and a
 * wiping arena passes that on to its children.
 */
#include "base/arena.h"
#include "base/mem.h"
#include "base/test.h"

static void
gives_zeroed_aligned_memory(void)
{
	static const uint8_t zeros[300];
	struct arena *a = arena_new(NULL, "test", 1 << 20, 0);
	for (size_t n = 0; n < 300; n++) {
		uint8_t *p = arena_alloc(a, n);
		CHECK(p != NULL);
		CHECK_U64((uintptr_t)p % 16, 0);
		CHECK(memcmp(p, zeros, n) == 0);
		memset(p, 0xff, n);
	}
	arena_reset(a);
	uint8_t *again = arena_alloc(a, 64);
	CHECK_U64(again[0] | again[63], 0);
	arena_free(&a);
	CHECK(a == NULL);
	arena_free(&a);
}

static void
keeps_the_budget(void)
{
	struct arena *a = arena_new(NULL, "test", 4096, 0);
	CHECK(arena_alloc(a, 4097) == NULL);
	CHECK(arena_alloc(a, SIZE_MAX) == NULL);
	CHECK(arena_alloc(a, SIZE_MAX / 2 + 1) == NULL);
	CHECK(arena_array(a, SIZE_MAX / 8, 16) == NULL);
	CHECK_U64(arena_used(a), 0);
	size_t got = 0;
	while (got < 1000 && arena_alloc(a, 64) != NULL) {
		got++;
	}
	CHECK_U64(got, 64);
	CHECK_U64(arena_used(a), 4096);
	CHECK(arena_dup(a, S("x")).p == NULL);
	CHECK(arena_printf(a, "%d", 1).p == NULL);
	arena_free(&a);
}

static void
charges_every_ancestor(void)
{
	struct arena *root = arena_new(NULL, "root", 8192, 0);
	struct arena *mid = arena_new(root, "mid", 6000, 0);
	struct arena *leaf = arena_new(mid, "leaf", 1 << 20, 0);
	CHECK(arena_alloc(leaf, 6001) == NULL);
	CHECK(arena_alloc(leaf, 5984) != NULL);
	CHECK_U64(arena_used(leaf), 5984);
	CHECK_U64(arena_used(mid), 5984);
	CHECK_U64(arena_used(root), 5984);
	CHECK(arena_alloc(root, 4096) == NULL);
	CHECK(arena_alloc(root, 2048) != NULL);
	arena_reset(mid);
	CHECK_U64(arena_used(mid), 0);
	CHECK_U64(arena_used(root), 2048);
	CHECK(arena_alloc(root, 4096) != NULL);
	arena_free(&root);
}

static void
frees_any_child_first(void)
{
	struct arena *root = arena_new(NULL, "root", 1 << 20, 0);
	struct arena *kids[5];
	for (size_t i = 0; i < LEN(kids); i++) {
		kids[i] = arena_new(root, "kid", 1 << 20, 0);
		CHECK(arena_alloc(kids[i], 100) != NULL);
		CHECK(arena_new(kids[i], "grandchild", 1 << 20, 0) != NULL);
	}
	arena_free(&kids[2]);
	arena_free(&kids[4]);
	arena_free(&kids[0]);
	CHECK_U64(arena_used(root), 2048);
	arena_reset(root);
	CHECK_U64(arena_used(root), 0);
	arena_free(&root);
}

static void
resets_to_one_chunk(void)
{
	struct arena *a = arena_new(NULL, "test", 1 << 24, 0);
	for (size_t i = 0; i < 1000; i++) {
		CHECK(arena_alloc(a, 1000) != NULL);
	}
	CHECK(arena_alloc(a, 1 << 20) != NULL);
	CHECK(arena_used(a) > 2000000);
	arena_reset(a);
	CHECK(arena_used(a) <= 65536);
	CHECK(arena_used(a) > 0);
	arena_free(&a);
}

static void
wipes_on_reset(void)
{
	static const unsigned flags[] = { ARENA_WIPE, 0 };
	for (size_t i = 0; i < LEN(flags); i++) {
		/* The second row's parent wipes: the child must have learned it. */
		struct arena *parent = arena_new(NULL, "parent", 4096, ARENA_WIPE);
		struct arena *a = arena_new(parent, "secret", 4096, flags[i]);
		str secret = arena_dup(a, S("hunter2"));
		CHECK_STR(secret, S("hunter2"));
		arena_reset(a);
		/* The chunk is kept for reuse, so looking at it is allowed. */
		CHECK_STR(secret, S("\0\0\0\0\0\0\0"));
		arena_free(&parent);
	}
}

static void
copies_and_prints(void)
{
	struct arena *a = arena_new(NULL, "test", 65536, 0);
	str copy = arena_dup(a, S("a\0b"));
	CHECK_STR(copy, S("a\0b"));
	CHECK_U64(copy.p[3], 0);
	str empty = arena_dup(a, STR_NONE);
	CHECK(empty.p != NULL);
	CHECK_U64(empty.n, 0);
	str said = arena_printf(a, "%s-%d-%.*s", "x", 42, STR_ARG(S("yz")));
	CHECK_STR(said, S("x-42-yz"));
	CHECK_U64(strlen(said.p), said.n);
	struct pair {
		uint64_t a, b;
	} *p = ARENA_NEW(a, struct pair);
	CHECK_U64(p->a | p->b, 0);
	arena_free(&a);
}

static void
grows_lists(void)
{
	struct arena *a = arena_new(NULL, "test", 65536, 0);
	uint32_t *v = NULL;
	size_t cap = 0;
	for (uint32_t n = 0;; n++) {
		uint32_t *more = arena_grow(a, v, n, &cap, sizeof *v);
		if (more == NULL) {
			CHECK(n == cap && n > 1000); /* over budget: all is as it was */
			break;
		}
		CHECK(n < cap && (more == v || n == 0 || n == cap / 2));
		v = more;
		v[n] = n;
	}
	for (uint32_t i = 0; i < cap; i++) {
		CHECK_U64(v[i], i);
	}
	arena_free(&a);
}

TEST_MAIN(gives_zeroed_aligned_memory, keeps_the_budget, charges_every_ancestor,
    frees_any_child_first, resets_to_one_chunk, wipes_on_reset, copies_and_prints, grows_lists)
