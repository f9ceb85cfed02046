/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A map of entries that also hang on a list, oldest first. Each entry holds its value and its key.
 */
#include "base/lru.h"

#include "base/list.h"
#include "base/map.h"
#include "base/mem.h"

struct entry {
	struct list node;
	str key; /* behind the value */
	max_align_t value[];
};

struct lru {
	struct map *map;
	struct list age; /* oldest first */
	size_t max, value_octets;
	void (*drop)(void *);
};

struct lru *
lru_new(const uint8_t key[16], size_t max, size_t value_octets, void (*drop)(void *))
{
	struct lru *l = mem_zalloc(1, sizeof(*l));

	ASSERT(max > 0);
	if (l == NULL) {
		return NULL;
	}
	l->map = map_new(key, max);
	if (l->map == NULL) {
		mem_drop(l);
		return NULL;
	}
	list_init(&l->age);
	l->max = max;
	l->value_octets = value_octets;
	l->drop = drop;
	return l;
}

static void
remove_entry(struct lru *l, struct entry *e)
{
	list_remove(&e->node);
	(void)map_del_str(l->map, e->key);
	if (l->drop != NULL) {
		l->drop(e->value);
	}
	mem_drop(e);
}

void
lru_clear(struct lru *l)
{
	while (!list_empty(&l->age)) {
		remove_entry(l, LIST_ENTRY(l->age.next, struct entry, node));
	}
}

void
lru_free(struct lru **lp)
{
	struct lru *l = *lp;

	if (l == NULL) {
		return;
	}
	lru_clear(l);
	map_free(&l->map);
	mem_drop(l);
	*lp = NULL;
}

static void
make_youngest(struct lru *l, struct entry *e)
{
	list_remove(&e->node);
	list_push(&l->age, &e->node);
}

void *
lru_get(struct lru *l, str key)
{
	struct entry *e = map_get_str(l->map, key);

	if (e == NULL) {
		return NULL;
	}
	make_youngest(l, e);
	return e->value;
}

void *
lru_peek(const struct lru *l, str key)
{
	struct entry *e = map_get_str(l->map, key);

	return e == NULL ? NULL : e->value;
}

void *
lru_put(struct lru *l, str key)
{
	struct entry *e = map_get_str(l->map, key);

	if (e != NULL) {
		make_youngest(l, e);
		return e->value;
	}
	if (map_count(l->map) >= l->max) {
		remove_entry(l, LIST_ENTRY(l->age.next, struct entry, node));
	}
	e = mem_zalloc(1, sizeof(*e) + l->value_octets + key.n);
	if (e == NULL) {
		return NULL;
	}
	if (key.n > 0) {
		memcpy((char *)e->value + l->value_octets, key.p, key.n);
	}
	e->key = str_make((char *)e->value + l->value_octets, key.n);
	list_init(&e->node);
	if (map_set_str(l->map, e->key, e) != ERR_OK) {
		mem_drop(e);
		return NULL;
	}
	list_push(&l->age, &e->node);
	return e->value;
}

void
lru_del(struct lru *l, str key)
{
	struct entry *e = map_get_str(l->map, key);

	if (e != NULL) {
		remove_entry(l, e);
	}
}

size_t
lru_count(const struct lru *l)
{
	return map_count(l->map);
}

void *
lru_next(const struct lru *l, const void *value, str *ret_key)
{
	const struct list *at = value == NULL
	    ? &l->age
	    : &((const struct entry *)(const void *)((const char *)value -
		    offsetof(struct entry, value)))
		   ->node;
	struct entry *e;

	if (at->next == &l->age) {
		return NULL;
	}
	e = LIST_ENTRY(at->next, struct entry, node);
	*ret_key = e->key;
	return e->value;
}
