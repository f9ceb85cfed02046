/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arenas form a tree (process > connection > session > transaction), each with a budget in octets.
 * Resetting or freeing one ends everything in it and below it. Running out gives NULL: the caller
 * ends that level with a temporary error, never the process.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/str.h"

struct arena;

enum { ARENA_WIPE = 1 }; /* flags: overwrite memory before it is given back (secrets) */

/*
 * A new arena below `parent` (NULL: a root). Chunks grow from 1 KB to 64 KB as needed.
 *
 * In      name: static text for reports; budget: octets this arena and its children may hold;
 *         flags: ARENA_WIPE, which the children inherit
 * Out     NULL when the heap is used up; the budget is charged when memory is taken, not here
 */
struct arena *arena_new(struct arena *parent, const char *name, size_t budget, unsigned flags)
    NODISCARD;

/* Free it with all its children; *a becomes NULL. NULL is fine. */
void arena_free(struct arena **a);

/* Forget everything allocated and free all children; one chunk of at most 64 KB stays for reuse. */
void arena_reset(struct arena *a);

/* Zeroed memory, aligned to 16 octets; an array of n items. NULL: over budget. Not freed alone. */
void *arena_alloc(struct arena *a, size_t n) NODISCARD;
void *arena_array(struct arena *a, size_t n, size_t size) NODISCARD;
#define ARENA_NEW(a, type) ((type *)arena_alloc((a), sizeof(type)))

/*
 * Room for one more in a list of n items: v as long as n < *cap, then a copy with twice the room.
 * NULL: over budget, and v and *cap are what they were.
 */
void *arena_grow(struct arena *a, void *v, size_t n, size_t *cap, size_t size) NODISCARD;

/* A copy that lives in the arena, with a NUL behind it for system calls; p == NULL over budget. */
str arena_dup(struct arena *a, str s) NODISCARD;
str arena_printf(struct arena *a, const char *fmt, ...) PRINTF(2, 3) NODISCARD;

/* Octets held by this arena and everything below it, unused parts of chunks included. */
size_t arena_used(const struct arena *a);

#endif
