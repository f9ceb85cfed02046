/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the rows of a table lie in the engine's file, so that the system can be asked for many
 * pages at a time before the engine asks for one after the other. All of it is a hint: the file is
 * read beside the engine, without its log, so what is found may be old, torn or damaged.
 */
#ifndef DB_AHEAD_H
#define DB_AHEAD_H

#include "db/db.h"

enum {
	DB_AHEAD_ROWS = 3,   /* in order, before anything is asked for */
	DB_AHEAD_FEW = 16,   /* leaves of the table asked for at first; twice as many each time, */
	DB_AHEAD_MANY = 512, /* up to these, */
	DB_AHEAD_PAGES = 1024, /* and as many pages with what goes on behind them: 4 MB */
};

/* Is it time to ask for more, when the row with this key is about to be read? */
bool db_ahead_is_due(struct db_ahead *a, uint64_t key, uint64_t last);

struct db_ahead_ask {
	int fd;        /* of the database */
	uint32_t root; /* the table's first page */
	/* Called for each run of pages. */
	void (*want)(int fd, uint64_t off, uint64_t n);
};

/* Ask for what comes next. When that cannot be told, nothing more is due. */
void db_ahead_more(struct db_ahead *a, const struct db_ahead_ask *ask);

#endif
