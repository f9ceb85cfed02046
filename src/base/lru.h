/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bounded table of fixed-size values by octet string: the one least recently used makes room when
 * it is full. For caches and counters that strangers may fill. Keyed like map.h.
 */
#ifndef BASE_LRU_H
#define BASE_LRU_H

#include "base/str.h"

struct lru;

/*
 * In      key: 16 random octets; max: entries, at least 1; value_octets: size of each value
 *         drop: called with every value that goes (evicted, removed, cleared, freed); may be NULL
 * Out     NULL: no memory
 */
struct lru *lru_new(const uint8_t key[16], size_t max, size_t value_octets, void (*drop)(void *))
    NODISCARD;
void lru_free(struct lru **l);

/* The value, which becomes the youngest; NULL: absent. Lives until it is removed or makes room. */
void *lru_get(struct lru *l, str key);

/* The same without making it younger. */
void *lru_peek(const struct lru *l, str key);

/*
 * The value, made zeroed when absent (the oldest goes if need be); the youngest. NULL: no memory.
 */
void *lru_put(struct lru *l, str key) NODISCARD;

/* Nothing happens when it is absent. */
void lru_del(struct lru *l, str key);
/* Remove every entry. */
void lru_clear(struct lru *l);
/* Entries now. */
size_t lru_count(const struct lru *l);

/*
 * The value that was touched next after `value` (NULL: the one not touched for longest), and its
 * key; NULL at the end.
 */
void *lru_next(const struct lru *l, const void *value, str *ret_key);

#endif
