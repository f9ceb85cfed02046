/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of the table message and the records they name, one by one or ahead: who asks for messages
 * in the order of their ids while a read is held gets rows by the hundred, records by the quarter
 * megabyte. Private to this folder; included by store_priv.h. Code: read.c.
 */
#ifndef STORE_ROWS_H
#define STORE_ROWS_H

#include "base/buf.h"
#include "store/record.h"

struct store;

struct store_place {
	uint32_t pack;
	uint64_t off;
	uint64_t octets; /* of the whole record */
};

struct store_row { /* of the table message */
	uint64_t id, thread;
	int64_t internal_s;
	struct store_place place;
	uint32_t refs, size, header_octets;
	str results; /* to be added; loading leaves it empty */
};

enum {
	STORE_AHEAD_ROWS = 128,
	STORE_AHEAD_OCTETS = 256 << 10, /* of a pack, read at once */
	STORE_AHEAD_STREAK = 4,         /* questions in order that make it worth it */
	STORE_AHEAD_GAP = 4096,         /* ids that lie farther apart are not in order */
};

struct store_ahead {
	struct store_row *rows; /* those of the read that is held; memory until it ends */
	size_t n, at;
	size_t used;   /* of these rows */
	uint64_t last; /* id asked for last */
	unsigned streak;
	uint32_t pack; /* where `octets` come from */
	uint64_t off;
	struct buf octets;
};

/* Within a transaction: one row. NOTFOUND, DB. */
enum err store_row_load(struct store *s, uint64_t id, struct store_row *ret);
/* The same, from what was read ahead or reading on ahead. */
enum err store_row_next(struct store *s, uint64_t id, struct store_row *ret);
/* What was read ahead is of a read that ends; with `free` its memory goes, too. */
void store_ahead_forget(struct store *s, bool free);

#endif
