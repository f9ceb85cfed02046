/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The only door to the heap. Sizes are checked, memory comes zeroed, and tests can make the n-th
 * request fail. Prefer an arena; use this for long-lived buffers and tables.
 */
#ifndef BASE_MEM_H
#define BASE_MEM_H

/* Zeroed memory for n items of `size` octets; NULL: the system has none, or n * size overflows. */
void *mem_zalloc(size_t n, size_t size) NODISCARD;

/* Grow or shrink to n octets; NULL leaves the old block as it was. New octets are not zeroed. */
void *mem_resize(void *p, size_t n) NODISCARD;

/* Give back (NULL is fine); the macro also sets p to NULL. */
#define MEM_FREE(p)          \
	do {                 \
		mem_drop(p); \
		(p) = NULL;  \
	} while (0)
void mem_drop(void *p);

/* Overwrite secrets; never optimised away. */
void mem_wipe(void *p, size_t n);

/* Give free memory back to the system; takes milliseconds, for after a flood. */
void mem_trim(void);

/*
 * For a process that takes large blocks for each letter: up to `octets` of what is free stay with
 * the process instead of going back to the system and coming again, page by page.
 */
void mem_keep(size_t octets);

/*
 * For a process that forks many short-lived ones: the heap is left so that a child's first large
 * request does not sort, and so copy, every free block of its parent; and it grows in larger steps.
 */
void mem_for_forks(void);

/*
 * Before such a process forks: take every free block between those in use, for good. What a child
 * asks for then lies together and is new, instead of in many pages that must be copied first.
 */
void mem_fill_holes(void);

/* Tests only: the n-th request from now fails (0: never). */
void mem_fail_after(uint64_t n);

#endif
