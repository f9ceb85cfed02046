/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shared inside src/directory only: the struct, and the helpers of directory.c.
 */
#ifndef DIRECTORY_DIRECTORY_PRIV_H
#define DIRECTORY_DIRECTORY_PRIV_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/lru.h"
#include "base/map.h"
#include "db/db.h"
#include "directory/directory.h"

enum { DIRECTORY_NAME_MAX = DIRECTORY_ADDRESS_MAX };

struct directory {
	uint32_t magic;
	struct db *db;
	struct lru *cache; /* address as asked -> struct directory_kept * */
	struct map *full;  /* accounts over quota */
	struct buf delimiter, default_domain;
	bool batch;
	struct directory_answer answer; /* the last one, when it is not cached; its parts: */
	char address[DIRECTORY_NAME_MAX], detail[DIRECTORY_NAME_MAX];
	struct directory_target targets[DIRECTORY_TARGETS_MAX];
	str forwards[DIRECTORY_TARGETS_MAX];
	char forward_text[DIRECTORY_TARGETS_MAX][DIRECTORY_NAME_MAX];
};

extern const struct db_migration directory_schema[];
extern const size_t directory_schema_n;

/* Something changed: forget every cached answer. */
void directory_changed(struct directory *d);

/* A durable transaction, unless a batch is open. Every change is framed by these two. */
enum err directory_change_begin(struct directory *d);
/*
 * Commit when e is ERR_OK, else roll back (in a batch: this change alone). Forgets cached answers.
 * Returns e or the commit's error.
 */
enum err directory_change_end(struct directory *d, enum err e);
/* The same for changes that no answer depends on. */
enum err directory_change_finish(struct directory *d, enum err e);

/* The next number of a sequence: 1, 2, ... never again the same. Inside a transaction. */
enum err directory_next_id(struct directory *d, str sequence, uint64_t *ret);

/* Run a statement that must find its row: ERR_NOTFOUND when it changed none. */
enum err directory_run_one(struct directory *d, struct db_stmt *q);

/* One number: column 0 of the only row, then done. ERR_NOTFOUND. */
enum err directory_number(struct db_stmt *q, uint64_t *ret);

/* ERR_NOTFOUND: not local; ERR_EXISTS: address or alias; ERR_DENIED: tombstone. For new addresses.
 */
struct directory_claim {
	str address;
	bool force;
	bool alias_ok; /* an alias of that name may be there */
	int64_t now_s;
};
enum err directory_claim(struct directory *d, const struct directory_claim *claim);

#endif
