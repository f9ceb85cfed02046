/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The SQLite driver: handles, statements, transactions. Only this file and warm.c include
 * sqlite3.h. Write-ahead log, small automatic checkpoints, on close only of a long log; synchronous
 * FULL or NORMAL is chosen per transaction. Statements are kept by the address of their text.
 */
#include "db/db.h"

#include "base/codec.h"
#include "base/mem.h"
#include "db/ahead.h"
#include "db/kept.h"
#include "db/warm.h"
#include "sys/file.h"
#include "sys/sys.h"

#include <sqlite3.h>

enum {
	CHECKPOINT_PAGES = 256,
	CLOSE_PAGES = 96, /* a log this long costs the next opening more than emptying it us */
	DEFAULT_PAGE = 4096,
};
static_assert((DB_STATEMENTS_MAX & (DB_STATEMENTS_MAX - 1)) == 0, "a mask is used");

struct db_stmt {
	struct db *db;
	const char *sql;
	sqlite3_stmt *stmt;
	enum err err; /* sticky until db_done */
	bool in_use;
};

/* What "synchronous" is set to; the driver's own default is not known. */
enum level { LEVEL_UNKNOWN, LEVEL_NORMAL, LEVEL_FULL };

struct db {
	sqlite3 *h;
	enum level level;
	bool readonly;
	int wal_frames; /* in the log after our last commit */
	struct db_kept kept;
	size_t stmts_n;
	struct db_stmt *stmts[DB_STATEMENTS_MAX];
	struct db_stmt bad; /* handed out when preparing failed */
	struct root {
		const char *table; /* by address */
		uint32_t page;     /* 0: not known */
	} roots[4];                /* of tables that are read ahead */
};

static sqlite3_mem_methods engine_heap;
static uint64_t fail_in;

static bool
must_fail(void)
{
	return fail_in != 0 && --fail_in == 0;
}

static void *
heap_alloc(int n)
{
	return must_fail() ? NULL : engine_heap.xMalloc(n);
}

static void *
heap_resize(void *p, int n)
{
	return must_fail() ? NULL : engine_heap.xRealloc(p, n);
}

void
db_fail_after(uint64_t n)
{
	if (engine_heap.xMalloc == NULL) {
		sqlite3_shutdown();
		sqlite3_config(SQLITE_CONFIG_GETMALLOC, &engine_heap);
		sqlite3_mem_methods ours = engine_heap;
		ours.xMalloc = heap_alloc;
		ours.xRealloc = heap_resize;
		sqlite3_config(SQLITE_CONFIG_MALLOC, &ours);
		sqlite3_initialize();
	}
	fail_in = n;
}

static enum err
err_of(int rc)
{
	switch (rc & 0xff) {
	case SQLITE_OK:
	case SQLITE_DONE:
	case SQLITE_ROW: return ERR_OK;
	case SQLITE_BUSY:
	case SQLITE_LOCKED: return ERR_BUSY;
	case SQLITE_FULL: return ERR_NOSPACE;
	case SQLITE_NOMEM: return ERR_NOMEM;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB: return ERR_CORRUPT;
	case SQLITE_CANTOPEN: return ERR_NOTFOUND;
	case SQLITE_CONSTRAINT: return ERR_EXISTS;
	case SQLITE_READONLY:
	case SQLITE_PERM: return ERR_DENIED;
	case SQLITE_TOOBIG: return ERR_TOOBIG;
	case SQLITE_IOERR: return rc == SQLITE_IOERR_NOMEM ? ERR_NOMEM : ERR_IO;
	default: return ERR_DB;
	}
}

/* A pragma with a number, on a handle without statement cache needs. */
static enum err
pragma(struct db *db, const char *name, long long value)
{
	char sql[96];
	snprintf(sql, sizeof sql, "PRAGMA %s = %lld", name, value);
	return err_of(sqlite3_exec(db->h, sql, NULL, NULL, NULL));
}

/* After each commit: how long the log is. Long enough, it moves into the file. */
static int
committed(void *ctx, sqlite3 *h, const char *name, int frames)
{
	struct db *db = ctx;
	db->wal_frames = frames;
	db_kept_mark(&db->kept);
	if (frames >= CHECKPOINT_PAGES) {
		/* Busy or failing: the next commit tries again. */
		(void)sqlite3_wal_checkpoint_v2(h, name, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
	}
	return SQLITE_OK;
}

/*
 * What was moved is forgotten when the last process closes, and then the log would never begin
 * anew and every opening would read all of it: so whoever closes on a long log empties it. When
 * the index of the log is kept nothing is forgotten, and openings do not read the log.
 */
static void
empty_long_log(struct db *db)
{
	if (db->h != NULL && db->kept.boot == 0 && db->wal_frames >= CLOSE_PAGES) {
		sqlite3_busy_timeout(db->h, 0); /* others use it: they will do it */
		(void)sqlite3_wal_checkpoint_v2(db->h, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL,
		    NULL);
	}
}

static enum err
set_up(struct db *db, const struct db_conf *conf)
{
	sqlite3_extended_result_codes(db->h, 1);
	sqlite3_busy_timeout(db->h, conf->busy_ms != 0 ? (int)conf->busy_ms : DB_BUSY_MS);
	sqlite3_db_config(db->h, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	sqlite3_db_config(db->h, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(db->h, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_wal_hook(db->h, committed, db);
	if (conf->cache_octets != 0) {
		TRY(pragma(db, "cache_size", -(long long)(conf->cache_octets / 1024)));
	}
	/* Temporary files in memory: a sandboxed process has no folder for them. */
	TRY(pragma(db, "temp_store", 2));
	if ((conf->flags & DB_CREATE) != 0) {
		/*
		 * These say nothing about a file that has its first page already. That page is
		 * not
		 * synced: a crash leaves an empty file, which is as good as none.
		 */
		bool scratch = (conf->flags & DB_SCRATCH) != 0;
		db->level = scratch ? LEVEL_NORMAL : LEVEL_UNKNOWN;
		TRY(pragma(db, "synchronous", 0));
		TRY(pragma(db, "page_size",
		    conf->page_octets != 0 ? conf->page_octets : DEFAULT_PAGE));
		return db_exec(db,
		    scratch ? "PRAGMA journal_mode = OFF" : "PRAGMA journal_mode = WAL");
	}
	return ERR_OK;
}

/* No thread of this program touches the engine, and nobody asks how much memory it uses. */
void
db_start(void)
{
	static bool started;
	if (!started) {
		started = true;
		sqlite3_config(SQLITE_CONFIG_SINGLETHREAD);
		sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
		sqlite3_config(SQLITE_CONFIG_PAGECACHE, NULL, 0, 0); /* pages one by one */
		sqlite3_initialize();
	}
}

/*
 * The engine makes files that all may read, and follows links; what we keep is for one user alone.
 * Its log and shared memory get the mode of the file.
 */
static enum err
make_private(str path)
{
	int fd SYS_FD_AUTO = -1;
	if (str_eq(path, S(":memory:"))) {
		return ERR_OK;
	}
	return sys_file_open(SYS_CWD, path, SYS_READ | SYS_WRITE | SYS_CREATE, &fd);
}

/* ---- a handle made before its file is known ----------------------------------------------- */

static struct {
	struct db *db; /* NULL: none, or taken */
	uint64_t schema;
} warm;

static uint64_t prepared; /* statements, of all handles */

/* What the engine has read of the tables: their texts, and at which page each begins. */
static enum err
schema_of(struct db *db, uint64_t *ret)
{
	static const uint8_t key[16] = "schema";
	uint64_t sum = 0;
	enum err e;
	struct db_stmt *q = db_query(db, "SELECT rootpage, name, sql FROM sqlite_master");
	while ((e = db_row(q)) == ERR_OK) {
		uint64_t row[] = { sum, db_u64(q, 0), siphash(key, db_str(q, 1)),
			siphash(key, db_str(q, 2)) };
		sum = siphash(key, str_make((const char *)row, sizeof row));
	}
	db_done(q);
	*ret = sum;
	return e == ERR_NOTFOUND ? ERR_OK : e;
}

/* The octets of a new database with these tables. */
static enum err
image_of(const struct db_migration *steps, size_t n, char **ret, size_t *ret_n)
{
	struct db *db = NULL;
	sqlite3_int64 size = 0;
	struct db_conf conf = { .path = S(":memory:") };
	TRY(db_open(&conf, &db));
	enum err e = db_migrate(db, steps, n);
	unsigned char *octets = e == ERR_OK ? sqlite3_serialize(db->h, "main", &size, 0) : NULL;
	char *copy = octets != NULL ? mem_zalloc(1, (size_t)size) : NULL;
	if (copy != NULL) {
		memcpy(copy, octets, (size_t)size);
		*ret = copy;
		*ret_n = (size_t)size;
	} else {
		e = e == ERR_OK ? ERR_NOMEM : e;
	}
	sqlite3_free(octets);
	db_close(&db);
	return e;
}

static enum err version_get(struct db *db, uint64_t *ret);

static enum err
warm_up(struct db *db, enum err (*rehearse)(void *ctx, struct db *db), void *ctx)
{
	struct db_conf conf = { .flags = 0 };
	int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE | SQLITE_OPEN_EXRESCODE |
	    SQLITE_OPEN_READWRITE;
	TRY(err_of(sqlite3_open_v2(DB_WARM_NAME, &db->h, flags, DB_WARM_DOOR)));
	TRY(set_up(db, &conf));
	/* Until there is a log; then this counts no more. */
	TRY(db_exec(db, "PRAGMA journal_mode = MEMORY"));
	uint64_t version;
	TRY(version_get(db, &version));
	TRY(rehearse(ctx, db));
	TRY(schema_of(db, &warm.schema));
	return err_of(sqlite3_db_release_memory(db->h)); /* its pages are of no database */
}

enum err
db_warm(const struct db_migration *steps, size_t n, enum err (*rehearse)(void *ctx, struct db *db),
    void *ctx)
{
	static bool tried;
	char *image = NULL;
	size_t image_n = 0;
	db_start();
	if (tried) {
		return warm.db != NULL ? ERR_OK : ERR_UNAVAILABLE;
	}
	tried = true;
	TRY(image_of(steps, n, &image, &image_n));
	TRY(db_warm_file(image, image_n));
	struct db *db = mem_zalloc(1, sizeof *db);
	if (db == NULL) {
		return ERR_NOMEM;
	}
	db_kept_begin(&db->kept, STR_NONE, STR_NONE);
	enum err e = warm_up(db, rehearse, ctx);
	if (e != ERR_OK) {
		db_close(&db);
		return e;
	}
	db_kept_end(&db->kept);
	warm.db = db;
	return ERR_OK;
}

/* The warm handle, on this file. When the file does not suit it, NULL, and the handle is gone. */
static struct db *
take_warm(const struct db_conf *conf)
{
	uint64_t schema = 0;
	struct db *db = warm.db;
	bool plain = conf->flags == 0 && conf->page_octets == 0 && conf->cache_octets == 0 &&
	    !str_eq(conf->path, S(":memory:"));
	if (db == NULL || !plain) {
		return NULL;
	}
	warm.db = NULL;
	db_kept_begin(&db->kept, conf->path, conf->boot_id);
	sqlite3_randomness(0, NULL); /* not what our siblings draw */
	sqlite3_busy_timeout(db->h, conf->busy_ms != 0 ? (int)conf->busy_ms : DB_BUSY_MS);
	if (db_warm_attach(conf->path) == ERR_OK && schema_of(db, &schema) == ERR_OK &&
	    schema == warm.schema) {
		return db;
	}
	db_close(&db);
	return NULL;
}

enum err
db_open(const struct db_conf *conf, struct db **ret)
{
	db_start();
	char path[DB_PATH_MAX + 1];
	if (conf->path.n == 0 || conf->path.n > DB_PATH_MAX || str_chr(conf->path, 0) >= 0) {
		return ERR_TOOBIG;
	}
	struct db *taken = take_warm(conf);
	if (taken != NULL) {
		*ret = taken;
		return ERR_OK;
	}
	memcpy(path, conf->path.p, conf->path.n);
	path[conf->path.n] = 0;
	if ((conf->flags & DB_CREATE) != 0) {
		TRY(make_private(conf->path));
	}
	struct db *db = mem_zalloc(1, sizeof *db);
	if (db == NULL) {
		return ERR_NOMEM;
	}
	db->readonly = (conf->flags & DB_READONLY) != 0;
	int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE | SQLITE_OPEN_EXRESCODE |
	    (db->readonly ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE) |
	    ((conf->flags & DB_CREATE) != 0 ? SQLITE_OPEN_CREATE : 0);
	db_kept_begin(&db->kept, conf->path, conf->boot_id);
	enum err e = err_of(sqlite3_open_v2(path, &db->h, flags, NULL));
	if (e == ERR_OK) {
		e = set_up(db, conf);
	}
	if (e != ERR_OK) {
		db_close(&db);
		return e;
	}
	*ret = db;
	return ERR_OK;
}

void
db_leave(struct db *db)
{
	if (db != NULL) {
		empty_long_log(db);
	}
}

void
db_close(struct db **dbp)
{
	struct db *db = *dbp;
	if (db == NULL) {
		return;
	}
	empty_long_log(db);
	for (size_t i = 0; i < DB_STATEMENTS_MAX; i++) {
		if (db->stmts[i] != NULL) {
			sqlite3_finalize(db->stmts[i]->stmt);
			mem_drop(db->stmts[i]);
		}
	}
	sqlite3_close(db->h);
	db_kept_end(&db->kept);
	MEM_FREE(*dbp);
}

enum err
db_exec(struct db *db, const char *sql)
{
	return err_of(sqlite3_exec(db->h, sql, NULL, NULL, NULL));
}

static enum err
version_get(struct db *db, uint64_t *ret)
{
	struct db_stmt *q = db_query(db, "PRAGMA user_version");
	enum err e = db_row(q);
	if (e == ERR_OK) {
		*ret = db_u64(q, 0);
	}
	db_done(q);
	return e;
}

static enum err
migrate_from(struct db *db, const struct db_migration *steps, size_t n)
{
	uint64_t version = 0;
	TRY(version_get(db, &version)); /* again: another process may have been first */
	for (size_t i = (size_t)version; i < n; i++) {
		TRY(db_exec(db, steps[i].sql));
	}
	return pragma(db, "user_version", (long long)n);
}

enum err
db_migrate(struct db *db, const struct db_migration *steps, size_t n)
{
	uint64_t version = 0;
	TRY(version_get(db, &version));
	if (version == n) {
		return ERR_OK;
	}
	if (version > n) {
		return ERR_VERSION;
	}
	TRY(db_begin(db, version == 0 ? DB_WRITE : DB_DURABLE));
	enum err e = migrate_from(db, steps, n);
	if (e != ERR_OK) {
		db_rollback(db);
		return e;
	}
	return db_commit(db);
}

static struct db_stmt *
bad_stmt(struct db *db, enum err e)
{
	db->bad.db = db;
	db->bad.err = e;
	return &db->bad;
}

/* The slot of a statement, or the free one where it goes. */
static struct db_stmt **
slot_of(struct db *db, const char *sql)
{
	size_t at = ((uintptr_t)sql >> 3) * 0x9e3779b97f4a7c15u >> 40;
	for (;; at++) {
		struct db_stmt **slot = &db->stmts[at & (DB_STATEMENTS_MAX - 1)];
		if (*slot == NULL || (*slot)->sql == sql) {
			return slot;
		}
	}
}

struct db_stmt *
db_query(struct db *db, const char *sql)
{
	struct db_stmt **slot = slot_of(db, sql), *q = *slot;
	if (q != NULL) {
		ASSERT(!q->in_use);
		q->in_use = true;
		q->err = ERR_OK;
		return q;
	}
	ASSERT(db->stmts_n < DB_STATEMENTS_MAX - 1); /* the program's own texts are counted */
	q = mem_zalloc(1, sizeof *q);
	if (q == NULL) {
		return bad_stmt(db, ERR_NOMEM);
	}
	int rc = sqlite3_prepare_v3(db->h, sql, -1, SQLITE_PREPARE_PERSISTENT, &q->stmt, NULL);
	if (rc != SQLITE_OK || q->stmt == NULL) {
		MEM_FREE(q);
		return bad_stmt(db, rc == SQLITE_OK ? ERR_DB : err_of(rc));
	}
	q->db = db;
	q->sql = sql;
	q->in_use = true;
	db->stmts_n++;
	prepared++;
	*slot = q;
	return q;
}

static void
bound(struct db_stmt *q, int rc)
{
	if (rc != SQLITE_OK) {
		q->err = err_of(rc);
	}
}

void
db_bind_i64(struct db_stmt *q, int at, int64_t v)
{
	if (q->err == ERR_OK) {
		bound(q, sqlite3_bind_int64(q->stmt, at, v));
	}
}

void
db_bind_u64(struct db_stmt *q, int at, uint64_t v)
{
	if (v > INT64_MAX) {
		q->err = ERR_TOOBIG;
		return;
	}
	db_bind_i64(q, at, (int64_t)v);
}

void
db_bind_str(struct db_stmt *q, int at, str s)
{
	if (q->err == ERR_OK) {
		bound(q,
		    sqlite3_bind_text64(q->stmt, at, s.p == NULL ? "" : s.p, s.n, SQLITE_STATIC,
			SQLITE_UTF8));
	}
}

void
db_bind_blob(struct db_stmt *q, int at, str s)
{
	if (q->err == ERR_OK) {
		bound(q,
		    sqlite3_bind_blob64(q->stmt, at, s.p == NULL ? "" : s.p, s.n, SQLITE_STATIC));
	}
}

void
db_bind_null(struct db_stmt *q, int at)
{
	if (q->err == ERR_OK) {
		bound(q, sqlite3_bind_null(q->stmt, at));
	}
}

enum err
db_row(struct db_stmt *q)
{
	if (q->err != ERR_OK) {
		return q->err;
	}
	int rc = sqlite3_step(q->stmt);
	if (rc == SQLITE_ROW) {
		return ERR_OK;
	}
	q->err = rc == SQLITE_DONE ? ERR_NOTFOUND : err_of(rc);
	return q->err;
}

uint64_t
db_u64(struct db_stmt *q, int col)
{
	int64_t v = db_i64(q, col);
	return v < 0 ? 0 : (uint64_t)v;
}

int64_t
db_i64(struct db_stmt *q, int col)
{
	return sqlite3_column_type(q->stmt, col) == SQLITE_INTEGER
	    ? sqlite3_column_int64(q->stmt, col)
	    : 0;
}

static str
octets_of(struct db_stmt *q, int col, int type)
{
	if (sqlite3_column_type(q->stmt, col) != type) {
		return STR_NONE;
	}
	const void *p = sqlite3_column_blob(q->stmt, col);
	return str_make(p, p == NULL ? 0 : (size_t)sqlite3_column_bytes(q->stmt, col));
}

str
db_str(struct db_stmt *q, int col)
{
	return octets_of(q, col, SQLITE_TEXT);
}

str
db_blob(struct db_stmt *q, int col)
{
	return octets_of(q, col, SQLITE_BLOB);
}

bool
db_is_null(struct db_stmt *q, int col)
{
	return sqlite3_column_type(q->stmt, col) == SQLITE_NULL;
}

void
db_done(struct db_stmt *q)
{
	q->err = ERR_OK;
	q->in_use = false;
	if (q->stmt != NULL) {
		sqlite3_reset(q->stmt);
		sqlite3_clear_bindings(q->stmt);
	}
}

enum err
db_run(struct db_stmt *q)
{
	enum err e;
	do {
		e = db_row(q);
	} while (e == ERR_OK);
	db_done(q);
	return e == ERR_NOTFOUND ? ERR_OK : e;
}

/* The first page of a table; it stays while the file is not made anew. 0: none. */
static uint32_t
root_of(struct db *db, const char *table)
{
	size_t i = 0;
	while (i < LEN(db->roots) && db->roots[i].table != table && db->roots[i].table != NULL) {
		i++;
	}
	if (i < LEN(db->roots) && db->roots[i].table == NULL) {
		struct db_stmt *q = db_query(db,
		    "SELECT rootpage FROM sqlite_master WHERE type = 'table' AND name = ?");
		db_bind_str(q, 1, str_from(table));
		db->roots[i] = (struct root){ table,
			db_row(q) == ERR_OK ? (uint32_t)db_u64(q, 0) : 0 };
		db_done(q);
	}
	return i < LEN(db->roots) ? db->roots[i].page : 0;
}

void
db_ahead(struct db *db, struct db_ahead *a, const char *table, uint64_t key, uint64_t last)
{
	if (!db_ahead_is_due(a, key, last)) {
		return;
	}
	struct db_ahead_ask ask = {
		.fd = db_kept_file(&db->kept), .root = root_of(db, table), .want = sys_file_ahead
	};
	db_ahead_more(a, &ask);
}

uint64_t
db_changes(struct db *db)
{
	return (uint64_t)sqlite3_changes64(db->h);
}

enum err
db_begin(struct db *db, enum db_mode mode)
{
	ASSERT(!db_in_transaction(db));
	enum level level = mode == DB_DURABLE ? LEVEL_FULL : LEVEL_NORMAL;
	if (mode != DB_READ && level != db->level) {
		/* Two texts: the cache goes by address. */
		TRY(db_run(level == LEVEL_FULL ? db_query(db, "PRAGMA synchronous = FULL")
					       : db_query(db, "PRAGMA synchronous = NORMAL")));
		db->level = level;
	}
	return db_run(mode == DB_READ ? db_query(db, "BEGIN") : db_query(db, "BEGIN IMMEDIATE"));
}

enum err
db_commit(struct db *db)
{
	enum err e = db_run(db_query(db, "COMMIT"));
	if (e != ERR_OK) {
		db_rollback(db);
	}
	return e;
}

void
db_rollback(struct db *db)
{
	if (db_in_transaction(db)) {
		/* Nothing to do about a failure: the engine rolls back by itself then. */
		(void)!db_run(db_query(db, "ROLLBACK"));
	}
}

bool
db_in_transaction(const struct db *db)
{
	return sqlite3_get_autocommit(db->h) == 0;
}

enum err
db_checkpoint(struct db *db)
{
	return err_of(sqlite3_wal_checkpoint_v2(db->h, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL,
	    NULL));
}

enum err
db_seal(struct db *db)
{
	return db_exec(db, "PRAGMA journal_mode = WAL");
}

enum err
db_check(struct db *db)
{
	struct db_stmt *q = db_query(db, "PRAGMA quick_check(1)");
	enum err e = db_row(q);
	if (e == ERR_OK && !str_eq(db_str(q, 0), S("ok"))) {
		e = ERR_CORRUPT;
	}
	db_done(q);
	return e;
}

uint64_t
db_prepared(void)
{
	return prepared;
}

str
db_error_text(const struct db *db)
{
	return str_from(sqlite3_errmsg(db->h));
}
