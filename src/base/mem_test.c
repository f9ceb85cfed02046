/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The heap's door: sizes, failing on demand, and a heap without holes for a process that forks.
 */
#include "base/mem.h"

#include "base/heap.h"
#include "base/test.h"

enum { BLOCKS = 400 };

static void
sizes_are_checked(void)
{
	size_t much = SIZE_MAX / 2;
	char *p = mem_zalloc(3, 5);
	CHECK(mem_zalloc(much, 3) == NULL);
	CHECK(p != NULL && p[0] == 0 && p[14] == 0);
	char *q = mem_zalloc(0, 5);
	CHECK(q != NULL);
	MEM_FREE(p);
	MEM_FREE(q);
	CHECK(p == NULL);
}

static void
the_nth_request_fails(void)
{
	mem_fail_after(2);
	void *one = mem_zalloc(1, 8), *two = mem_zalloc(1, 8), *three = mem_zalloc(1, 8);
	CHECK(one != NULL && two == NULL && three != NULL);
	mem_fail_after(0);
	mem_drop(one);
	mem_drop(three);
}

static uintptr_t
highest_of(void *const *blocks, size_t n)
{
	uintptr_t highest = 0;
	for (size_t i = 0; i < n; i++) {
		highest = MAX(highest, (uintptr_t)blocks[i]);
	}
	return highest;
}

/* The sanitizer has a heap of its own, where nothing happens. */
static void
what_is_asked_for_lies_behind_all(void)
{
	static void *old[BLOCKS], *new[BLOCKS];
	size_t lower = 0;
	mem_for_forks();
	for (size_t i = 0; i < BLOCKS; i++) {
		old[i] = mem_zalloc(1, 40 + i * 10);
	}
	uintptr_t highest = highest_of(old, BLOCKS);
	for (size_t i = 0; i < BLOCKS; i += 2) {
		MEM_FREE(old[i]);
	}
	mem_fill_holes();
	for (size_t i = 0; i < BLOCKS; i++) {
		new[i] = mem_zalloc(1, 40 + i * 10);
		lower += (uintptr_t) new[i] < highest;
	}
#if defined HEAP_OTHER
	lower = 0;
#endif
	CHECK_U64(lower, 0);
	for (size_t i = 0; i < BLOCKS; i++) {
		MEM_FREE(old[i]);
		MEM_FREE(new[i]);
	}
}

TEST_MAIN(sizes_are_checked, the_nth_request_fails, what_is_asked_for_lies_behind_all)
