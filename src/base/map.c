/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Chains over a power-of-two table that doubles at full load. Number keys are stored as their
 * eight octets, so there is one code path.
 */
#include "base/map.h"
#include "base/codec.h"
#include "base/mem.h"

struct entry {
	struct entry *next;
	uint64_t hash;
	void *value;
	size_t n;
	char key[];
};

struct map {
	uint8_t key[16];
	size_t count, max, slots;
	struct entry **table;
};

struct map *
map_new(const uint8_t key[16], size_t max_entries)
{
	struct map *m = mem_zalloc(1, sizeof *m);
	if (m == NULL) {
		return NULL;
	}
	memcpy(m->key, key, sizeof m->key);
	m->max = max_entries;
	m->slots = 16;
	m->table = mem_zalloc(m->slots, sizeof *m->table);
	if (m->table == NULL) {
		MEM_FREE(m);
	}
	return m;
}

void
map_free(struct map **mp)
{
	struct map *m = *mp;
	if (m == NULL) {
		return;
	}
	for (size_t i = 0; i < m->slots; i++) {
		for (struct entry *e = m->table[i], *next; e != NULL; e = next) {
			next = e->next;
			mem_drop(e);
		}
	}
	mem_drop(m->table);
	MEM_FREE(*mp);
}

/* The link that points at the entry, or at the NULL where it would go. */
static struct entry **
find(const struct map *m, str key, uint64_t hash)
{
	struct entry **at = &m->table[hash & (m->slots - 1)];
	for (struct entry *e = *at; e != NULL; e = *at) {
		if (e->hash == hash && str_eq((str){ e->key, e->n }, key)) {
			break;
		}
		at = &e->next;
	}
	return at;
}

static enum err
widen(struct map *m)
{
	size_t slots = m->slots * 2;
	struct entry **table = mem_zalloc(slots, sizeof *table);
	if (table == NULL) {
		return ERR_NOMEM;
	}
	for (size_t i = 0; i < m->slots; i++) {
		for (struct entry *e = m->table[i], *next; e != NULL; e = next) {
			next = e->next;
			e->next = table[e->hash & (slots - 1)];
			table[e->hash & (slots - 1)] = e;
		}
	}
	mem_drop(m->table);
	m->table = table;
	m->slots = slots;
	return ERR_OK;
}

enum err
map_set_str(struct map *m, str key, void *value)
{
	uint64_t hash = siphash(m->key, key);
	struct entry **at = find(m, key, hash);
	if (*at != NULL) {
		(*at)->value = value;
		return ERR_OK;
	}
	if (m->count >= m->max) {
		return ERR_TOOMANY;
	}
	if (m->count >= m->slots) {
		TRY(widen(m));
		at = find(m, key, hash);
	}
	struct entry *e = mem_zalloc(1, sizeof *e + key.n);
	if (e == NULL) {
		return ERR_NOMEM;
	}
	e->hash = hash;
	e->value = value;
	e->n = key.n;
	if (key.n != 0) {
		memcpy(e->key, key.p, key.n);
	}
	*at = e;
	m->count++;
	return ERR_OK;
}

void *
map_get_str(const struct map *m, str key)
{
	struct entry *e = *find(m, key, siphash(m->key, key));
	return e == NULL ? NULL : e->value;
}

void *
map_del_str(struct map *m, str key)
{
	struct entry **at = find(m, key, siphash(m->key, key)), *e = *at;
	if (e == NULL) {
		return NULL;
	}
	void *value = e->value;
	*at = e->next;
	mem_drop(e);
	m->count--;
	return value;
}

enum err
map_set(struct map *m, uint64_t key, void *value)
{
	return map_set_str(m, str_make(&key, sizeof key), value);
}

void *
map_get(const struct map *m, uint64_t key)
{
	return map_get_str(m, str_make(&key, sizeof key));
}

void *
map_del(struct map *m, uint64_t key)
{
	return map_del_str(m, str_make(&key, sizeof key));
}

size_t
map_count(const struct map *m)
{
	return m->count;
}

void
map_each(struct map *m, void (*fn)(void *value, void *ctx), void *ctx)
{
	for (size_t i = 0; i < m->slots; i++) {
		for (struct entry *e = m->table[i], *next; e != NULL; e = next) {
			next = e->next;
			fn(e->value, ctx);
		}
	}
}
