/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The SQL interface: types come back as they went in, transactions, migrations, two writers, and
 * every allocation of the engine failing once.
 */
#include "base/test.h"
#include "db/db.h"

#include <sys/stat.h>
#include <unistd.h>

static char path[64];

static void
remove_files(void)
{
	static const char *const tails[] = { "", "-wal", "-shm", "-journal" };
	for (size_t i = 0; i < LEN(tails); i++) {
		char name[96];
		snprintf(name, sizeof name, "%s%s", path, tails[i]);
		unlink(name);
	}
}

static struct db *
open_fresh(void)
{
	struct db *db = NULL;
	snprintf(path, sizeof path, "db_test.%ld.db", (long)getpid());
	remove_files();
	struct db_conf conf = { .path = str_from(path), .flags = DB_CREATE, .busy_ms = 1 };
	CHECK_ERR(db_open(&conf, &db), ERR_OK);
	return db;
}

static struct db *
open_again(void)
{
	struct db *db = NULL;
	struct db_conf conf = { .path = str_from(path), .busy_ms = 1 };
	CHECK_ERR(db_open(&conf, &db), ERR_OK);
	return db;
}

/* Nobody else may read it, whatever the umask; a link in its place is not followed. */
static void
files_are_private(void)
{
	static const char *const tails[] = { "", "-wal", "-shm" };
	mode_t old = umask(0);
	struct db *db = open_fresh();
	CHECK_ERR(db_exec(db, "CREATE TABLE t(a INTEGER)"), ERR_OK);
	for (size_t i = 0; i < LEN(tails); i++) {
		char name[96];
		struct stat s;
		snprintf(name, sizeof name, "%s%s", path, tails[i]);
		CHECK(stat(name, &s) == 0 && (s.st_mode & 0777) == 0600);
	}
	db_close(&db);
	umask(old);
	remove_files();
	CHECK(symlink("elsewhere", path) == 0);
	struct db_conf conf = { .path = str_from(path), .flags = DB_CREATE };
	CHECK_ERR(db_open(&conf, &db), ERR_DENIED);
	CHECK(access("elsewhere", F_OK) != 0);
	remove_files();
}

static void
types_come_back(void)
{
	struct db *db = open_fresh();
	CHECK_ERR(db_exec(db, "CREATE TABLE t(a INTEGER, b INTEGER, c TEXT, d BLOB, e TEXT)"),
	    ERR_OK);
	struct db_stmt *q = db_query(db, "INSERT INTO t VALUES(?, ?, ?, ?, ?)");
	db_bind_u64(q, 1, INT64_MAX);
	db_bind_i64(q, 2, -5);
	db_bind_str(q, 3, S("ten \xc3\xa4"));
	db_bind_blob(q, 4, S("a\0b"));
	db_bind_null(q, 5);
	CHECK_ERR(db_run(q), ERR_OK);
	CHECK_U64(db_changes(db), 1);
	q = db_query(db, "SELECT a, b, c, d, e FROM t");
	CHECK_ERR(db_row(q), ERR_OK);
	CHECK_U64(db_u64(q, 0), INT64_MAX);
	CHECK(db_i64(q, 1) == -5);
	CHECK_U64(db_u64(q, 1), 0);
	CHECK_STR(db_str(q, 2), S("ten \xc3\xa4"));
	CHECK_STR(db_blob(q, 2), S("")); /* text is not a blob */
	CHECK_STR(db_blob(q, 3), S("a\0b"));
	CHECK(db_is_null(q, 4));
	CHECK_ERR(db_row(q), ERR_NOTFOUND);
	CHECK_ERR(db_row(q), ERR_NOTFOUND);
	db_done(q);
	db_close(&db);
	CHECK(db == NULL);
}

static void
errors_stick(void)
{
	struct db *db = open_fresh();
	CHECK_ERR(db_run(db_query(db, "SELECT nonsense FROM nowhere")), ERR_DB);
	CHECK_ERR(db_exec(db, "CREATE TABLE t(a INTEGER PRIMARY KEY)"), ERR_OK);
	static const char insert[] = "INSERT INTO t VALUES(?)";
	struct db_stmt *q = db_query(db, insert);
	db_bind_u64(q, 1, (uint64_t)INT64_MAX + 1);
	CHECK_ERR(db_run(q), ERR_TOOBIG);
	q = db_query(db, insert);
	db_bind_u64(q, 7, 1); /* no such parameter */
	CHECK_ERR(db_run(q), ERR_DB);
	for (int i = 0; i < 2; i++) {
		q = db_query(db, insert);
		db_bind_u64(q, 1, 1);
		CHECK_ERR(db_run(q), i == 0 ? ERR_OK : ERR_EXISTS);
	}
	db_close(&db);
	struct db_conf conf = { .path = S("no-such-folder/x.db") };
	CHECK_ERR(db_open(&conf, &db), ERR_NOTFOUND);
}

static uint64_t
count(struct db *db)
{
	struct db_stmt *q = db_query(db, "SELECT count(*) FROM t");
	enum err e = db_row(q);
	uint64_t n = e == ERR_OK ? db_u64(q, 0) : UINT64_MAX;
	db_done(q);
	return n;
}

static void
transactions(void)
{
	struct db *a = open_fresh(), *b;
	CHECK_ERR(db_exec(a, "CREATE TABLE t(a INTEGER)"), ERR_OK);
	b = open_again();
	CHECK_ERR(db_begin(a, DB_DURABLE), ERR_OK);
	CHECK(db_in_transaction(a));
	CHECK_ERR(db_exec(a, "INSERT INTO t VALUES(1)"), ERR_OK);
	CHECK_ERR(db_begin(b, DB_WRITE), ERR_BUSY);
	CHECK_U64(count(b), 0);
	db_rollback(a);
	CHECK_U64(count(a), 0);
	CHECK_ERR(db_begin(b, DB_READ), ERR_OK);
	CHECK_U64(count(b), 0);
	CHECK_ERR(db_begin(a, DB_WRITE), ERR_OK);
	CHECK_ERR(db_exec(a, "INSERT INTO t VALUES(1)"), ERR_OK);
	CHECK_ERR(db_commit(a), ERR_OK);
	CHECK_U64(count(b), 0); /* a consistent look */
	CHECK_ERR(db_commit(b), ERR_OK);
	CHECK_U64(count(b), 1);
	CHECK_ERR(db_checkpoint(a), ERR_OK);
	CHECK_ERR(db_check(a), ERR_OK);
	db_close(&a);
	db_close(&b);
}

static void
migrations(void)
{
	static const struct db_migration steps[] = {
		{ "CREATE TABLE t(a INTEGER); INSERT INTO t VALUES(1)" },
		{ "INSERT INTO t VALUES(2)" },
		{ "INSERT INTO nowhere VALUES(2)" },
	};
	struct db *db = open_fresh();
	CHECK_ERR(db_migrate(db, steps, 1), ERR_OK);
	CHECK_U64(count(db), 1);
	CHECK_ERR(db_migrate(db, steps, 2), ERR_OK);
	CHECK_ERR(db_migrate(db, steps, 2), ERR_OK);
	CHECK_U64(count(db), 2);
	CHECK_ERR(db_migrate(db, steps, 1), ERR_VERSION);
	CHECK_ERR(db_migrate(db, steps, 3), ERR_DB);
	CHECK(!db_in_transaction(db));
	CHECK_ERR(db_migrate(db, steps, 2), ERR_OK); /* still version 2 */
	db_close(&db);
}

static void
no_wal_and_not_a_database(void)
{
	struct db *db = NULL;
	snprintf(path, sizeof path, "db_test.%ld.db", (long)getpid());
	remove_files();
	struct db_conf conf = { .path = str_from(path), .flags = DB_CREATE | DB_SCRATCH };
	CHECK_ERR(db_open(&conf, &db), ERR_OK);
	CHECK_ERR(db_exec(db, "CREATE TABLE t(a INTEGER)"), ERR_OK);
	CHECK_U64(count(db), 0);
	db_close(&db);
	char wal[96];
	snprintf(wal, sizeof wal, "%s-wal", path);
	CHECK(access(wal, F_OK) != 0);
	FILE *f = fopen(path, "wb");
	for (int i = 0; f != NULL && i < 8192; i++) {
		fputc('x', f);
	}
	if (f != NULL) {
		fclose(f);
	}
	conf.flags = 0;
	enum err e = db_open(&conf, &db);
	if (e == ERR_OK) {
		e = db_run(db_query(db, "SELECT count(*) FROM t"));
		db_close(&db);
	}
	CHECK_ERR(e, ERR_CORRUPT);
}

/*
 * Opening, one transaction, closing, again and again: the log must not grow without end. In
 * the first half the process ends without closing.
 */
static void
the_log_stays_short(void)
{
	struct db *db = open_fresh();
	char wal[96];
	long longest = 0;
	CHECK_ERR(db_exec(db, "CREATE TABLE t(a INTEGER)"), ERR_OK);
	db_close(&db);
	snprintf(wal, sizeof wal, "%s-wal", path);
	for (int i = 0; i < 1000; i++) {
		db = open_again();
		CHECK_ERR(db_begin(db, DB_WRITE), ERR_OK);
		CHECK_ERR(db_exec(db, "INSERT INTO t VALUES(1)"), ERR_OK);
		CHECK_ERR(db_commit(db), ERR_OK);
		if (i < 500) {
			db_leave(db);
		} else {
			db_close(&db);
		}
		FILE *f = fopen(wal, "rb");
		if (f != NULL) {
			fseek(f, 0, SEEK_END);
			longest = MAX(longest, ftell(f));
			fclose(f);
		}
		db_close(&db);
	}
	CHECK(longest > 100000 && longest < 450000);
	db = open_again();
	CHECK_U64(count(db), 1000);
	db_close(&db);
}

static enum err
work(struct db *db)
{
	TRY(db_begin(db, DB_WRITE));
	struct db_stmt *q = db_query(db, "INSERT INTO t VALUES(?)");
	db_bind_i64(q, 1, 9);
	enum err e = db_run(q);
	if (e != ERR_OK) {
		db_rollback(db);
		return e;
	}
	return db_commit(db);
}

/* With the n-th allocation failing there is either an error and no row, or a row. */
static void
every_allocation_fails(void)
{
	struct db *db = open_fresh();
	CHECK_ERR(db_exec(db, "CREATE TABLE t(a INTEGER)"), ERR_OK);
	db_close(&db);
	bool failed = true;
	for (uint64_t n = 1; failed && n < 2000; n++) {
		db_fail_after(n);
		struct db_conf conf = { .path = str_from(path), .busy_ms = 1 };
		enum err e = db_open(&conf, &db);
		if (e == ERR_OK) {
			uint64_t before = count(db);
			e = work(db);
			failed = e != ERR_OK || before == UINT64_MAX;
			CHECK(!db_in_transaction(db));
			db_close(&db);
		}
		db_fail_after(0);
		CHECK(e == ERR_OK || e == ERR_NOMEM || e == ERR_NOTFOUND || e == ERR_IO ||
		    e == ERR_DB);
	}
	CHECK(!failed);
	remove_files();
}

TEST_MAIN(files_are_private, types_come_back, errors_stick, transactions, migrations,
    no_wal_and_not_a_database, the_log_stays_short, every_allocation_fails)
