/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looking after an account: checking, mending, rebuilding the index from the packs, giving back
 * the room of dead records, and making recent deliveries durable. All of it works while sessions
 * are live.
 */
#ifndef STORE_CARE_H
#define STORE_CARE_H

#include "store/store.h"

struct store_report {
	uint64_t messages, records, octets; /* looked at */
	uint64_t bad_records;               /* checksum or layout */
	uint64_t bad_counts;                /* counters and page directories that do not add up */
	uint64_t lost, found; /* index entries without record; records without index entry */
	uint64_t mended;
	void (*line)(void *ctx, str text); /* one call per finding; may be NULL */
	void *ctx;
};

/* Every record against the index, every counter against the pages. Changes nothing. DB, IO,
 * NOMEM. */
enum err store_verify(struct store *s, struct store_report *r);

/*
 * Fix counters, drop index entries whose record is bad (each costs that one message), add
 * messages whose record the index lacks.
 */
enum err store_repair(struct store *s, struct store_report *r);

/*
 * Make a new index from the packs, then take over what the old index still gives (flags, caches,
 * modseqs, dedupe pairs). The folder need not be openable by store_open. Open stores of other
 * processes notice and reopen. UIDs, UIDVALIDITY and ids stay.
 */
enum err store_rebuild(const struct store_conf *conf, struct store_report *r);

/* Rewrite packs of which more than half is dead. Out: octets given back to the file system. */
enum err store_compact(struct store *s, uint64_t *ret_octets);
/*
 * The same at the end of a session, when nobody waits: nothing but one look when there is nothing
 * to gain or another process is at it.
 */
enum err store_tidy(struct store *s);

/*
 * Make everything of an account durable that was written before the call: what the syncer does.
 * Needs only the folder, opens no database.
 *
 * In      account: the account's folder
 * Errors  NOTFOUND, IO, NOSPACE
 */
enum err store_sync(str account);

#endif
