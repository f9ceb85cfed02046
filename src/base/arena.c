/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arenas: chunks in a singly linked list, children in another. The budget of a child is charged
 * chunk by chunk to every ancestor, so a tree can never hold more than its root allows.
 */
#include "base/arena.h"
#include "base/mem.h"

#define ARENA_MAGIC 0x41524e41u
#define CHUNK_MIN 1024u
#define CHUNK_MAX 65536u

struct chunk {
	struct chunk *next;
	size_t cap, used;
	_Alignas(16) char data[];
};

struct arena {
	uint32_t magic;
	unsigned flags;
	const char *name;
	struct arena *parent, *child, *sibling;
	struct arena **at; /* what points to us among the parent's children */
	struct chunk *chunks;
	size_t budget, held;
};

static bool
charge(struct arena *a, size_t n)
{
	for (struct arena *x = a; x != NULL; x = x->parent) {
		if (n > x->budget - x->held) {
			return false;
		}
	}
	for (struct arena *x = a; x != NULL; x = x->parent) {
		x->held += n;
	}
	return true;
}

static void
refund(struct arena *a, size_t n)
{
	for (struct arena *x = a; x != NULL; x = x->parent) {
		ASSERT(x->held >= n);
		x->held -= n;
	}
}

struct arena *
arena_new(struct arena *parent, const char *name, size_t budget, unsigned flags)
{
	struct arena *a = mem_zalloc(1, sizeof *a);
	if (a == NULL) {
		return NULL;
	}
	*a = (struct arena){ .magic = ARENA_MAGIC, .flags = flags, .name = name };
	a->budget = budget;
	if (parent != NULL) {
		ASSERT(parent->magic == ARENA_MAGIC);
		a->flags |= parent->flags & ARENA_WIPE;
		a->parent = parent;
		a->sibling = parent->child;
		a->at = &parent->child;
		if (a->sibling != NULL) {
			a->sibling->at = &a->sibling;
		}
		parent->child = a;
	}
	return a;
}

static void
drop_chunks(struct arena *a, struct chunk *keep)
{
	for (struct chunk *c = a->chunks, *next; c != NULL; c = next) {
		next = c->next;
		if (a->flags & ARENA_WIPE) {
			mem_wipe(c->data, c->used);
		}
		if (c != keep) {
			refund(a, c->cap);
			mem_drop(c);
		}
	}
	a->chunks = keep;
	if (keep != NULL) {
		keep->next = NULL;
		keep->used = 0;
	}
}

static void
unlink_from_parent(struct arena *a)
{
	if (a->parent == NULL) {
		return;
	}
	*a->at = a->sibling;
	if (a->sibling != NULL) {
		a->sibling->at = a->at;
	}
}

/* Free every descendant without recursion: always the deepest first child. */
static void
drop_children(struct arena *a)
{
	while (a->child != NULL) {
		struct arena *leaf = a->child;
		while (leaf->child != NULL) {
			leaf = leaf->child;
		}
		drop_chunks(leaf, NULL);
		unlink_from_parent(leaf);
		leaf->magic = 0;
		mem_drop(leaf);
	}
}

void
arena_free(struct arena **ap)
{
	struct arena *a = *ap;
	if (a == NULL) {
		return;
	}
	ASSERT(a->magic == ARENA_MAGIC);
	drop_children(a);
	drop_chunks(a, NULL);
	unlink_from_parent(a);
	a->magic = 0;
	MEM_FREE(*ap);
}

void
arena_reset(struct arena *a)
{
	ASSERT(a->magic == ARENA_MAGIC);
	drop_children(a);
	struct chunk *keep = a->chunks;
	while (keep != NULL && keep->cap > CHUNK_MAX) {
		keep = keep->next;
	}
	drop_chunks(a, keep);
}

static struct chunk *
add_chunk(struct arena *a, size_t need)
{
	size_t cap = a->chunks == NULL ? CHUNK_MIN : MIN(a->chunks->cap * 2, CHUNK_MAX);
	if (cap < need) {
		cap = need;
	}
	if (!charge(a, cap)) {
		cap = need;
		if (!charge(a, cap)) {
			return NULL;
		}
	}
	struct chunk *c = mem_resize(NULL, sizeof *c + cap); /* arena_alloc zeroes what it gives */
	if (c == NULL) {
		refund(a, cap);
		return NULL;
	}
	c->used = 0;
	c->cap = cap;
	c->used = 0;
	c->next = a->chunks;
	a->chunks = c;
	return c;
}

void *
arena_alloc(struct arena *a, size_t n)
{
	ASSERT(a->magic == ARENA_MAGIC);
	if (n > SIZE_MAX / 2) {
		return NULL;
	}
	size_t need = (n + 15) & ~(size_t)15;
	struct chunk *c = a->chunks;
	if (c == NULL || c->cap - c->used < need) {
		c = add_chunk(a, need);
		if (c == NULL) {
			return NULL;
		}
	}
	void *p = c->data + c->used;
	c->used += need;
	return memset(p, 0, n);
}

void *
arena_array(struct arena *a, size_t n, size_t size)
{
	size_t total;
	return __builtin_mul_overflow(n, size, &total) ? NULL : arena_alloc(a, total);
}

void *
arena_grow(struct arena *a, void *v, size_t n, size_t *cap, size_t size)
{
	if (n < *cap) {
		return v;
	}
	size_t more = MAX(*cap * 2, 8);
	void *p = arena_array(a, more, size);
	if (p == NULL) {
		return NULL;
	}
	if (n > 0) {
		memcpy(p, v, n * size);
	}
	*cap = more;
	return p;
}

str
arena_dup(struct arena *a, str s)
{
	char *p = arena_alloc(a, s.n + 1);
	if (p == NULL) {
		return STR_NONE;
	}
	if (s.n != 0) {
		memcpy(p, s.p, s.n);
	}
	return (str){ p, s.n };
}

str
arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	char *p = n < 0 ? NULL : arena_alloc(a, (size_t)n + 1);
	if (p == NULL) {
		return STR_NONE;
	}
	va_start(ap, fmt);
	vsnprintf(p, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return (str){ p, (size_t)n };
}

size_t
arena_used(const struct arena *a)
{
	return a->held;
}
