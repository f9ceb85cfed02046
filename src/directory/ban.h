/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Banned address prefixes, so that bans survive a restart. Who is banned and for how long is auth's
 * decision; this only keeps the rows.
 */
#ifndef DIRECTORY_BAN_H
#define DIRECTORY_BAN_H

#include "directory/directory.h"

struct directory_ban {
	uint8_t ip[16]; /* IPv4 as v4-mapped; bits behind the prefix are zero */
	uint8_t bits;   /* of 128 */
	int64_t since_s, until_s;
	uint32_t times; /* in a row; decides how long the next one is */
	str reason;
};

/* Insert or replace. */
enum err directory_ban_put(struct directory *d, const struct directory_ban *ban);
/* ERR_NOTFOUND. */
enum err directory_ban_remove(struct directory *d, const struct directory_ban *ban);
/* Forget rows that ended before `before_s`. */
enum err directory_ban_expire(struct directory *d, int64_t before_s);
/* All rows; an answer other than ERR_OK ends the list and is returned. */
enum err directory_ban_each(struct directory *d,
    enum err (*each)(void *ctx, const struct directory_ban *), void *ctx);

#endif
