/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One small SQL interface. The driver today is sqlite.c; nothing outside this folder sees it.
 * Keep SQL to what PostgreSQL runs too. A handle belongs to one process and is never carried over
 * a fork, but for the one of db_warm.
 */
#ifndef DB_DB_H
#define DB_DB_H

#include "base/err.h"
#include "base/str.h"

/*
 *	struct db_stmt *q = db_query(db, "SELECT name FROM mailbox WHERE id = ?");
 *	db_bind_u64(q, 1, id);
 *	enum err e = db_row(q);			ERR_OK: a row; ERR_NOTFOUND: no more
 *	... db_str(q, 0) ...
 *	db_done(q);				always, it ends the read
 *
 * Binding errors and a failed preparation stick to the statement and come out of db_row or
 * db_run.
 */

struct db;
struct db_stmt;

enum {
	DB_CREATE = 1, /* make the file when it is missing */
	DB_READONLY = 2,
	DB_SCRATCH = 4, /* no journal, no sync: for a file that is built, sealed, synced,
		renamed */
};

struct db_conf {
	str path;
	unsigned flags;
	uint32_t busy_ms;      /* how long to wait for another writer; 0: DB_BUSY_MS */
	uint32_t page_octets;  /* for new files; 0: the driver's choice */
	uint32_t cache_octets; /* page cache ceiling; 0: the driver's choice */
	str boot_id;           /* of the machine: while it is the same, openings need not read the
		log; empty: each does that no other process has open */
};

enum {
	DB_BUSY_MS = 10000,
	DB_STATEMENTS_MAX = 256, /* distinct statements cached per handle */
	DB_PATH_MAX = 4000,
};

/*
 * Open a database. Closing does not checkpoint a short log, so open, one transaction and close
 * stay cheap.
 *
 * Errors  NOTFOUND (no file, no DB_CREATE), CORRUPT, IO, NOSPACE, NOMEM, BUSY, TOOBIG (path)
 */
enum err db_open(const struct db_conf *conf, struct db **ret);
void db_close(struct db **db);
/* Instead of db_close, when the process ends now: what the kernel frees is left to it. */
void db_leave(struct db *db);

/* Ready the engine, which opening does by itself; a process that forks saves its children that. */
void db_start(void);

struct db_migration {
	const char *sql; /* may hold several statements */
};

/*
 * For a process that forks others, each of which opens one database with the same tables: make one
 * handle before that, without a file, which has read the schema and prepared what `rehearse` uses.
 * The first db_open of a child that asks for nothing special takes it, if the schema of its file is
 * exactly that one; all others open as ever. Once in a process.
 *
 * In      rehearse: works on empty tables; what it writes goes nowhere
 * Errors  those of rehearse, NOMEM, DB: then nothing is warm
 */
enum err db_warm(const struct db_migration *steps, size_t n,
    enum err (*rehearse)(void *ctx, struct db *db), void *ctx);

/*
 * Bring the schema to version n by running the steps the file has not seen, in one durable
 * transaction.
 *
 * Errors  VERSION (the file is newer than n), and those of db_run
 */
enum err db_migrate(struct db *db, const struct db_migration *steps, size_t n);

/* Run statements without parameters or results. */
enum err db_exec(struct db *db, const char *sql);

/* ---- statements --------------------------------------------------------------------------- */

/*
 * A prepared statement, from the handle's cache. Never NULL. Not to be used again before db_done.
 *
 * In      sql: static text; the cache goes by its address
 */
struct db_stmt *db_query(struct db *db, const char *sql);

/* Parameters count from 1; octets are borrowed until db_done. */
void db_bind_u64(struct db_stmt *q, int at, uint64_t v); /* above INT64_MAX: ERR_TOOBIG */
void db_bind_i64(struct db_stmt *q, int at, int64_t v);
void db_bind_str(struct db_stmt *q, int at, str s); /* UTF-8 text */
void db_bind_blob(struct db_stmt *q, int at, str s);
void db_bind_null(struct db_stmt *q, int at);

/*
 * The next row.
 *
 * Errors  NOTFOUND (no more rows), BUSY, EXISTS (a unique column), NOSPACE, CORRUPT, IO, NOMEM,
 *         DB
 */
enum err db_row(struct db_stmt *q);

/* Columns count from 0; NULL and wrong types give 0 and empty. A str lives until the next row. */
uint64_t db_u64(struct db_stmt *q, int col);
int64_t db_i64(struct db_stmt *q, int col);
str db_str(struct db_stmt *q, int col);
str db_blob(struct db_stmt *q, int col);
bool db_is_null(struct db_stmt *q, int col);

/* Give the statement back. Fine in every state. */
void db_done(struct db_stmt *q);

/* Run to the end and give back: for statements without rows. Errors as db_row, without NOTFOUND.
 * */
enum err db_run(struct db_stmt *q);

/* Rows changed by the last db_run. */
uint64_t db_changes(struct db *db);

/*
 * For who reads many rows of a table one after the other by its integer key: before each of them,
 * say so. When it goes on for a while, the system is asked for what comes next, more and more at a
 * time, so that what it has not in memory is read in one go and not page by page. A hint: it never
 * fails, and costs next to nothing where there is nothing to do.
 *
 * In      a: begins zeroed; one for each reading; table: static text; last: the highest key that
 *         will be of interest
 */
struct db_ahead {
	uint64_t key, last;   /* of the row read last; of the last one of interest */
	uint64_t mark, until; /* asked again from here on; asked for up to here */
	uint32_t rows, leaves;
};
void db_ahead(struct db *db, struct db_ahead *a, const char *table, uint64_t key, uint64_t last);

/* ---- transactions ------------------------------------------------------------------------- */

enum db_mode {
	DB_READ,   /* a consistent look; never waits */
	DB_WRITE,  /* takes the write lock now; durable later (db_sync, the next durable one) */
	DB_DURABLE /* on disk when db_commit returns */
};

/* One transaction at a time per handle; a bug otherwise. BUSY after busy_ms, NOMEM, IO. */
enum err db_begin(struct db *db, enum db_mode mode);
enum err db_commit(struct db *db); /* on failure the transaction was rolled back */
void db_rollback(struct db *db);   /* fine when none is open */
/* False also after the engine rolled back by itself. */
bool db_in_transaction(const struct db *db);

/* ---- care --------------------------------------------------------------------------------- */

/* Move the log into the database file, as far as readers allow. */
enum err db_checkpoint(struct db *db);
/*
 * Turn a DB_SCRATCH file into an ordinary one. Close it then, and remove what lies beside it with
 * the tails "-wal" and "-shm".
 */
enum err db_seal(struct db *db);
/* The engine's own check of the whole file. CORRUPT, IO. */
enum err db_check(struct db *db);
/* Text of the last error, for the log. Never for a peer. */
str db_error_text(const struct db *db);

/* Tests only: how many statements this process has prepared. */
uint64_t db_prepared(void);
/* Tests only: the n-th allocation of the engine from now fails (0: never). */
void db_fail_after(uint64_t n);

#endif
