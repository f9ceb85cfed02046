/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The heap, behind one door. This is the only file of the tree that may call the C allocator.
 */
#include "base/mem.h"

#include "base/heap.h"

#include <malloc.h>

static uint64_t fail_in;

static bool
must_fail(void)
{
	return fail_in != 0 && --fail_in == 0;
}

void *
mem_zalloc(size_t n, size_t size)
{
	size_t total;
	if (must_fail() || __builtin_mul_overflow(n, size, &total)) {
		return NULL;
	}
	return calloc(1, total == 0 ? 1 : total);
}

void *
mem_resize(void *p, size_t n)
{
	return must_fail() ? NULL : realloc(p, n == 0 ? 1 : n);
}

void
mem_drop(void *p)
{
	free(p);
}

void
mem_wipe(void *p, size_t n)
{
	if (n != 0) {
		explicit_bzero(p, n);
	}
}

void
mem_fail_after(uint64_t n)
{
	fail_in = n;
}

void
mem_trim(void)
{
	malloc_trim(0);
}

void
mem_keep(size_t octets)
{
	mallopt(M_MMAP_THRESHOLD, (int)octets / 4);
	mallopt(M_TRIM_THRESHOLD, (int)octets);
}

void
mem_for_forks(void)
{
	mallopt(M_MXFAST, 0);
	mallopt(M_TOP_PAD, 256 << 10);
	mallopt(M_TRIM_THRESHOLD, 16 << 20);
}

#if defined HEAP_OTHER
void
mem_fill_holes(void)
{
}
#else
void
mem_fill_holes(void)
{
	size_t n = 512 << 10;
	mallopt(M_MMAP_THRESHOLD, 1 << 20);
	void *last = malloc(n); /* larger than any hole: it lies behind them all */
	uintptr_t end = (uintptr_t)last;
	free(last);
	while (end != 0 && n >= 24) {
		void *p = malloc(n);
		if (p == NULL || (uintptr_t)p >= end) {
			free(p);
			n = n > 1024 ? n - n / 4 : n - 8;
		}
	}
}
#endif
