/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The index of a write-ahead log (the file with the tail "-shm") kept for whoever opens the
 * database next. The engine empties it when nobody else has it open and reads the whole log again.
 * That is needed after a crash of the machine; within one boot what the last process left is as
 * good as it is while others have it open. Read kept.c for what makes it believable.
 */
#ifndef DB_KEPT_H
#define DB_KEPT_H

#include "base/err.h"
#include "base/str.h"

struct db_kept {
	int fd;      /* of the index, -1: not open. Open it stays until the engine's is closed */
	int file;    /* the same of the database, for db_kept_file */
	bool marked; /* it says that it is of this boot */
	char path[4096]; /* of the database */
	uint64_t boot;   /* what stands for this boot; 0: nothing is kept */
};

/*
 * Before the engine opens the database: when the index is of this boot and fits the log, hold it,
 * so that the engine believes it too. Everything else leaves it to the engine.
 *
 * In      path: of the database; boot: names this boot of the machine; empty: keep nothing
 */
void db_kept_begin(struct db_kept *k, str path, str boot);

/* The engine uses the index, and a transaction is written: say that it is of this boot. */
void db_kept_mark(struct db_kept *k);

/* The database, for reading beside the engine; -1: it cannot be. */
int db_kept_file(struct db_kept *k);

/* After the engine has closed: closing earlier would take its locks away. */
void db_kept_end(struct db_kept *k);

#endif
