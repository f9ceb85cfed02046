/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hash map from a 64-bit key or an octet string to a pointer. Keyed SipHash, so strangers cannot
 * aim collisions; a ceiling on entries, so strangers cannot fill it. It owns copies of string keys,
 * never the values. One map is used with one kind of key.
 */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include "base/err.h"
#include "base/str.h"

struct map;

/*
 * An empty map.
 *
 * In      key: 16 random octets (sys/random.h), copied; max_entries: the ceiling
 * Out     NULL: no memory
 */
struct map *map_new(const uint8_t key[16], size_t max_entries) NODISCARD;

/* Free the map and its keys, not the values; *m becomes NULL. NULL is fine. */
void map_free(struct map **m);

/*
 * Set or replace. The other two give the value and the removed value; NULL: absent.
 *
 * Errors  ERR_TOOMANY: at the ceiling; ERR_NOMEM; either way the map is as it was
 */
enum err map_set_str(struct map *m, str key, void *value);
void *map_get_str(const struct map *m, str key);
void *map_del_str(struct map *m, str key);

/* The same for number keys. */
enum err map_set(struct map *m, uint64_t key, void *value);
void *map_get(const struct map *m, uint64_t key);
void *map_del(struct map *m, uint64_t key);

/* Entries in the map. */
size_t map_count(const struct map *m);

/* Call fn for every value; fn may delete the entry it was given, nothing else. */
void map_each(struct map *m, void (*fn)(void *value, void *ctx), void *ctx);

#endif
