/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys that are replaced: the newest of a name is used, those before it are believed for as long as
 * something made with them may come back.
 */
#ifndef DIRECTORY_RING_H
#define DIRECTORY_RING_H

#include "directory/directory.h"

enum { DIRECTORY_RING_MAX = 4 };

struct directory_ring_key {
	uint8_t value[DIRECTORY_SECRET_OCTETS];
	int64_t made_s;  /* 0: before there were rings */
	int64_t until_s; /* believed so long; 0: the one that is used */
};

struct directory_ring {
	struct directory_ring_key keys[DIRECTORY_RING_MAX]; /* the one that is used first */
	size_t n;
};

/* Those of a name that are used or believed; a name without any gets its first. */
enum err directory_ring_load(struct directory *d, str name, int64_t now_s,
    struct directory_ring *ret);

/*
 * A new key; the one it replaces is believed for keep_s. With keep_s 0 none of those before is.
 *
 * Errors  ERR_BUSY: DIRECTORY_RING_MAX would be exceeded; and nothing was changed on any error
 */
enum err directory_ring_turn(struct directory *d, str name, int64_t now_s, int64_t keep_s);

#endif
