/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What rebuild.c (reading packs, putting the new index in place) and restore.c (turning what was
 * read into mailboxes and pages) share. Private to this folder.
 */
#ifndef STORE_REBUILD_H
#define STORE_REBUILD_H

#include "store/care.h"
#include "store/store_priv.h"

struct rebuild {
	const struct store_conf *conf;
	struct store_report *r;
	struct store *new, *old; /* facades: only db, pages and scratch are used */
	bool has_old;            /* the old index can be read, at least in parts */
	bool old_sound;          /* and the engine finds nothing wrong with it */
	struct store_account old_account;
	uint32_t pack; /* read up to here */
	uint64_t off;
	bool has_key;
	uint8_t key[16];
	uint64_t clock;       /* highest number seen or reserved */
	uint64_t modseq;      /* of what the rebuild itself changes */
	uint32_t uidvalidity; /* highest seen */
	uint64_t mailbox_max;
};

/* Tell whoever asked for the report; cut at 500 octets. */
void store_report_line(struct store_report *r, const char *fmt, ...) PRINTF(2, 3);

/* Scratch tables of the new index; dropped by store_restore. */
enum err store_restore_begin(struct rebuild *b);
/* Take one record into the new index. */
enum err store_restore_record(struct rebuild *b, const struct store_record *r,
    const struct store_place *at);
/* All records are read: make mailboxes, pages and counters, and take over what the old index
 * gives.
 */
enum err store_restore_end(struct rebuild *b);

#endif
