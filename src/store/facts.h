/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Facts: what others computed from messages and want to read of very many of them at a time (search
 * texts, sort keys, envelopes). Up to STORE_FACT_KINDS strings per message, opaque to the store;
 * strings of one kind lie together in compressed blocks of a few hundred messages. A cache: filled
 * in bulk, in ascending order of message ids, never complete, lost when the index is rebuilt.
 */
#ifndef STORE_FACTS_H
#define STORE_FACTS_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "db/db.h"

struct store;

enum { STORE_FACT_KINDS = 8, STORE_FACT_BLOCK = 256 };

struct store_fact {
	uint64_t id; /* of the message */
	str v[STORE_FACT_KINDS];
};

/*
 * Ids of messages behind the last one that has facts, ascending, at most cap.
 *
 * Errors  DB
 */
enum err store_facts_missing(struct store *s, uint64_t *ids, size_t cap, size_t *ret_n);

/*
 * Keep the facts of messages that store_facts_missing named; all of them, or a first part. Not
 * durable.
 *
 * In      list: ascending ids
 * Limits  STORE_FACT_MAX octets per string: longer ones are kept as empty
 * Errors  EXISTS (another process has added them meanwhile: fine), DB, NOMEM, BUSY, NOSPACE
 */
enum err store_facts_add(struct store *s, const struct store_fact *list, size_t n);

/* Drop blocks whose messages are all gone; part of compacting. Errors: DB, BUSY. */
enum err store_facts_prune(struct store *s);

/* Reading one kind; the block read last is kept. */
struct store_fact_reader {
	struct store *store;
	unsigned kind;
	struct buf block;
	size_t n, at;      /* messages in the block; where the last answer was */
	uint64_t end_from; /* ids from here on had no facts when last asked */
	struct db_ahead ahead;
	uint64_t id[STORE_FACT_BLOCK];
	uint32_t off[STORE_FACT_BLOCK + 1];
};

/* No memory is taken before the first answer. Done gives it back; fine on a zeroed reader. */
void store_fact_reader_init(struct store_fact_reader *r, struct store *s, unsigned kind);
/* Free the block. */
void store_fact_reader_done(struct store_fact_reader *r);

/*
 * The fact of one message. Cheap when ids ascend.
 *
 * Out     ret: borrowed until the next call on this reader
 * Errors  NOTFOUND (none was kept); CORRUPT (the block is damaged), DB, NOMEM
 */
enum err store_fact_get(struct store_fact_reader *r, uint64_t id, str *ret);

#endif
