/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of this folder share. Reading order: block.c, file.c (files, their rows, the
 * lock), take.c (from messages to files), look.c (keys in blocks), trigram.c,
 * find.c (the whole of a search), keep.c (what is done in quiet moments).
 */
#ifndef STORE_TEXT_TEXT_PRIV_H
#define STORE_TEXT_TEXT_PRIV_H

#include "base/arena.h"
#include "base/find.h"
#include "store/text/block.h"
#include "store/text/text.h"

enum {
	STORE_TEXT_FILE_OCTETS = 8 << 20, /* a file that reached this is closed */
	STORE_TEXT_FEW = 64,    /* messages that are looked at without taking them into blocks */
	STORE_TEXT_BATCH = 512, /* messages taken at a time */
	STORE_TEXT_BATCH_OCTETS = 8 << 20, /* of messages taken at a time */
	STORE_TEXT_SHARE = 16, /* taking everything is worth it when one in so many is asked for */
	STORE_TEXT_OUT_OCTETS = 32 << 20, /* of blocks made at a time, and one message's more */
	STORE_TEXT_TREE = 64 << 20,       /* memory of one message's MIME tree */
	STORE_TEXT_LOOK_S = 24 * 3600,    /* a file's dead messages are counted so often */
	STORE_TEXT_TRIES = 4,             /* of a search that meets damage or files that went */
};

/* ---- file.c ------------------------------------------------------------------------------- */

/* A row of the table text: one file. The files' ranges of ids do not overlap. */
struct store_text_file {
	uint32_t number;
	uint64_t first, last;      /* ids that were looked at for it; those with text are in it */
	uint64_t end;              /* committed octets */
	uint64_t messages, octets; /* in it; octets of text */
	int64_t checked_s;         /* when its dead messages were counted */
};

/* What one operation of this folder needs; begin and end it around everything. */
struct store_text {
	struct store *store;
	int dir, lock; /* the folder; its lock file */
	struct mail_text text;
	struct arena *tree;
	struct store_text_new block;
	struct buf out; /* blocks that are not written yet */
};

/* Open the folder, made when missing. Errors: IO, NOSPACE, NOMEM. End it in any case. */
enum err store_text_begin(struct store_text *t, struct store *s);
void store_text_end(struct store_text *t);

/* The first file whose range begins above `after`, or the one with the highest. NOTFOUND. */
enum err store_text_file_next(struct store *s, uint64_t after, struct store_text_file *ret);
enum err store_text_file_last(struct store *s, struct store_text_file *ret);
/* Within a write transaction: this row instead of row `old` (0: of itself, if it is there). */
enum err store_text_file_save(struct store *s, const struct store_text_file *f, uint32_t old);

/* With the lock held: a new, empty file under a number never used; what no row names is removed. */
enum err store_text_file_make(struct store_text *t, uint32_t *ret_number, int *ret_fd);
enum err store_text_file_open(struct store_text *t, uint32_t number, bool write, int *ret_fd);
void store_text_file_remove(struct store_text *t, uint32_t number);

struct store_text_ids {
	uint64_t v[STORE_TEXT_BATCH];
	size_t n;
};

/* Message ids above `after` and up to `last`, ascending: the first batch of them. */
enum err store_text_ids(struct store *s, uint64_t after, uint64_t last, struct store_text_ids *ret);
/* How many there are, but no more than `most`. */
enum err store_text_count(struct store *s, uint64_t after, uint64_t last, uint64_t most,
    uint64_t *ret);

/* ---- take.c ------------------------------------------------------------------------------- */

/* The text of one message in t->text. NOTFOUND: gone or damaged. */
enum err store_text_read(struct store_text *t, uint64_t id);
/* With the lock held: take the next batch. NOTFOUND: none was left. Out: the row's last id. */
enum err store_text_take(struct store_text *t, uint64_t *ret_last);
/* With the lock held: make a file again from the messages that are left of its range. */
enum err store_text_remake(struct store_text *t, const struct store_text_file *old);

/* ---- look.c ------------------------------------------------------------------------------- */

/* Where is looked: entry of the block, place in ask->ids, column. */
struct store_text_spot {
	size_t entry, at;
	int column;
};

struct store_text_look {
	struct store_text_ask *ask;
	struct find finds[STORE_TEXT_KEYS_MAX];
	unsigned columns[STORE_TEXT_KEYS_MAX]; /* a bit for each that the key looks at */
	struct buf in, stored, column;
	size_t
	    *wanted; /* of the block at hand: the place in ask->ids of each entry; SIZE_MAX: no */
	size_t wanted_cap;
	size_t fuzzy[STORE_TEXT_KEYS_MAX]; /* of each fuzzy key: which one of them it is */
	size_t fuzzy_n;
	struct mail_fuzzy_found *found; /* of each entry, and each fuzzy key */
};

/* The first place in ask->ids with an id of at least `id`. */
size_t store_text_place_of(const struct store_text_ask *ask, uint64_t id);

void store_text_look_init(struct store_text_look *l, struct store_text_ask *ask);
void store_text_look_done(struct store_text_look *l);
/* One message, whose columns are in memory; `at` is its place in ask->ids. NOMEM. */
enum err store_text_look_at(struct store_text_look *l, size_t at, const struct mail_text *text);
/* All blocks of a file up to `end`. CORRUPT, NOMEM, IO, or what breathe gave. */
enum err store_text_look_file(struct store_text_look *l, int fd, uint64_t end);

/* ---- trigram.c ---------------------------------------------------------------------------- */

/* With the lock held: bring the trigram index nearer to `mark`, or make it anew. */
enum err store_text_trigram_keep_up(struct store_text *t, uint64_t mark, bool *ret_more);
enum err store_text_trigram_remove(struct store_text *t);
/*
 * Mark the messages that may have any of the keys; ask->n marks, false before. False: there is no
 * such index, or it is of no use here, and everything has to be looked at.
 */
bool store_text_trigram_narrow(struct store *s, const struct store_text_ask *ask, bool *marks);

#endif
