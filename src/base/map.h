/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hash map from a 64-bit key or an octet string to a pointer. Keyed SipHash, so strangers cannot aim
 * collisions; a ceiling on entries, so strangers cannot fill it. It owns copies of string keys, never
 * the values.
 */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include "base/err.h"
#include "base/str.h"

struct map;

/* key: 16 random octets (sys/random). max_entries: more gives ERR_TOOMANY. NULL: no memory. */
struct map *map_new(const uint8_t key[16], size_t max_entries) NODISCARD;
void map_free(struct map **m);

enum err map_set_str(struct map *m, str key, void *value);	/* replaces; ERR_TOOMANY, ERR_NOMEM */
void *map_get_str(const struct map *m, str key);		/* NULL: absent */
void *map_del_str(struct map *m, str key);			/* the removed value or NULL */
enum err map_set(struct map *m, uint64_t key, void *value);
void *map_get(const struct map *m, uint64_t key);
void *map_del(struct map *m, uint64_t key);
size_t map_count(const struct map *m);

/*
 * Call fn for every value; fn may delete the entry it was given, nothing else.
 */
void map_each(struct map *m, void (*fn)(void *value, void *ctx), void *ctx);

#endif
