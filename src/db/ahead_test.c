/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asking for pages ahead: of a file of which only what was asked for is left, every row that should
 * have been asked for can be read; and whatever a file holds, asking ends.
 */
#include "base/test.h"
#include "db/ahead.h"
#include "sys/file.h"
#include "sys/sys.h"

#include <unistd.h>

enum { PAGE = 4096, PAGES = 40000 };

static bool asked[PAGES];
static size_t asked_n;

static void
note(int fd, uint64_t off, uint64_t n)
{
	CHECK(off % PAGE == 0 && n % PAGE == 0 && n > 0);
	for (uint64_t i = off / PAGE; i < (off + n) / PAGE && i < PAGES; i++) {
		asked_n += !asked[i];
		asked[i] = true;
	}
}

static void
forget(void)
{
	memset(asked, 0, sizeof asked);
	asked_n = 0;
}

static const char path[] = "ahead_test.db", copy_path[] = "ahead_test.copy";

static void
clear(void)
{
	static const char *const tails[] = { "", "-wal", "-shm" };
	char name[64];
	for (size_t i = 0; i < LEN(tails); i++) {
		snprintf(name, sizeof name, "%s%s", path, tails[i]);
		unlink(name);
		snprintf(name, sizeof name, "%s%s", copy_path, tails[i]);
		unlink(name);
	}
}

static struct db *
open_at(const char *name, unsigned flags)
{
	struct db *db = NULL;
	struct db_conf conf = { .path = str_from(name), .flags = flags };
	CHECK_ERR(db_open(&conf, &db), ERR_OK);
	return db;
}

/* Rows of `octets` with keys 10, 20, 30 ..., and rows of another table between them. */
static struct db *
make(size_t rows, size_t octets)
{
	static char room[100000];
	clear();
	struct db *db = open_at(path, DB_CREATE);
	CHECK_ERR(db_exec(db, "CREATE TABLE t(key INTEGER PRIMARY KEY, data BLOB NOT NULL)"),
	    ERR_OK);
	CHECK_ERR(db_exec(db, "CREATE TABLE u(key INTEGER PRIMARY KEY, data BLOB NOT NULL)"),
	    ERR_OK);
	CHECK_ERR(db_begin(db, DB_WRITE), ERR_OK);
	for (size_t i = 1; i <= rows; i++) {
		struct db_stmt *q = db_query(db, "INSERT INTO t VALUES(?, ?)");
		memset(room, (int)('a' + i % 26), octets);
		db_bind_u64(q, 1, i * 10);
		db_bind_blob(q, 2, str_make(room, octets));
		CHECK_ERR(db_run(q), ERR_OK);
		q = db_query(db, "INSERT INTO u VALUES(?, ?)");
		db_bind_u64(q, 1, i);
		db_bind_blob(q, 2, str_make(room, 300));
		CHECK_ERR(db_run(q), ERR_OK);
	}
	CHECK_ERR(db_commit(db), ERR_OK);
	CHECK_ERR(db_checkpoint(db), ERR_OK);
	return db;
}

static uint32_t
root_of_t(struct db *db)
{
	struct db_stmt *q = db_query(db, "SELECT rootpage FROM sqlite_master WHERE name = 't'");
	CHECK_ERR(db_row(q), ERR_OK);
	uint32_t root = (uint32_t)db_u64(q, 0);
	db_done(q);
	return root;
}

/* A copy of the file, with nothing but inner pages, the first one, and what was asked for. */
static void
copy_what_was_asked_for(void)
{
	char page[PAGE];
	int from = -1, to = -1;
	CHECK_ERR(sys_file_open(SYS_CWD, str_from(path), SYS_READ, &from), ERR_OK);
	CHECK_ERR(sys_file_open(SYS_CWD, str_from(copy_path), SYS_WRITE | SYS_CREATE | SYS_EMPTY,
		      &to),
	    ERR_OK);
	for (uint64_t i = 0; sys_file_read_exact(from, i * PAGE, page, PAGE) == ERR_OK; i++) {
		if (i > 0 && page[0] != 5 && !asked[i]) {
			memset(page, 0xff, sizeof page);
		}
		CHECK_ERR(sys_file_write(to, i * PAGE, str_make(page, PAGE)), ERR_OK);
	}
	sys_close(&from);
	sys_close(&to);
}

/* Can the rows up to the key be read, and are they right? */
static void
check_rows(uint64_t from, uint64_t until, size_t octets)
{
	struct db *db = open_at(copy_path, 0);
	uint64_t n = 0;
	struct db_stmt *q = db_query(db, "SELECT data FROM t WHERE key = ?");
	for (uint64_t key = from; key <= until; key += 10) {
		db_bind_u64(q, 1, key);
		CHECK_ERR(db_row(q), ERR_OK);
		str data = db_blob(q, 0);
		CHECK(data.n == octets && data.p[data.n - 1] == (char)('a' + key / 10 % 26));
		db_done(q);
		n++;
	}
	CHECK(n > 0);
	db_close(&db);
}

static const struct {
	const char *name;
	size_t rows, octets;
	uint64_t last;
} cases[] = { { "a few in a leaf", 20000, 400, 200000 }, { "one in a leaf", 4000, 3000, 40000 },
	{ "one and a bit", 3000, 4200, 30000 }, { "several behind it", 500, 30000, 5000 },
	{ "at the limit", 600, 4056, 6000 }, { "above the limit", 600, 4060, 6000 },
	{ "up to a key", 20000, 400, 70000 } };

/* As somebody reads who reads all: what was asked for until then is enough for what he reads. */
static void
all_is_asked_for(void)
{
	for (size_t i = 0; i < LEN(cases); i++) {
		test_case = cases[i].name;
		forget();
		struct db *db = make(cases[i].rows, cases[i].octets);
		struct db_ahead a = { 0 };
		struct db_ahead_ask ask = { .root = root_of_t(db), .want = note };
		CHECK_ERR(sys_file_open(SYS_CWD, str_from(path), SYS_READ, &ask.fd), ERR_OK);
		unsigned times = 0;
		for (uint64_t key = 10; key <= cases[i].last; key += 10) {
			bool due = db_ahead_is_due(&a, key, cases[i].last);
			CHECK(!due || key >= 10 * DB_AHEAD_ROWS);
			if (due) {
				times++;
				db_ahead_more(&a, &ask);
			}
			CHECK(key < 10 * DB_AHEAD_ROWS || key <= a.until);
		}
		CHECK(times > 1 && times < 60);
		copy_what_was_asked_for();
		check_rows(10 * DB_AHEAD_ROWS, cases[i].last, cases[i].octets);
		/* Nothing of the other table, and no more than there is. */
		size_t most = cases[i].rows * (cases[i].octets / PAGE + 2);
		CHECK(asked_n <= most);
		forget();
		CHECK_ERR(db_exec(db, "SELECT 1"), ERR_OK);
		sys_close(&ask.fd);
		db_close(&db);
	}
	test_case = NULL;
	clear();
}

/* Few rows, far from each other: little is asked for, again and again from the beginning. */
static void
sparse(void)
{
	struct db *db = make(20000, 3000);
	struct db_ahead a = { 0 };
	struct db_ahead_ask ask = { .root = root_of_t(db), .want = note };
	CHECK_ERR(sys_file_open(SYS_CWD, str_from(path), SYS_READ, &ask.fd), ERR_OK);
	forget();
	for (uint64_t key = 10; key <= 200000; key += 4000) {
		if (db_ahead_is_due(&a, key, 200000)) {
			db_ahead_more(&a, &ask);
			CHECK(a.leaves <= 4 * DB_AHEAD_FEW);
		}
	}
	CHECK(asked_n < 50 * 4 * DB_AHEAD_FEW);
	forget();
	CHECK(!db_ahead_is_due(&a, 10, 200000)); /* from the beginning */
	CHECK(!db_ahead_is_due(&a, 20, 200000));
	CHECK(!db_ahead_is_due(&a, 20, 200000)); /* the same row again */
	CHECK(db_ahead_is_due(&a, 30, 200000));
	CHECK(!db_ahead_is_due(&a, 40, 300000)); /* up to another key */
	sys_close(&ask.fd);
	db_close(&db);
	clear();
}

/* A table of one page, a table that is not there, a handle without a file: nothing happens. */
static void
nothing_to_ask_for(void)
{
	static const char *const tables[] = { "t", "none", "t", "u", "v", "w", "x" };
	struct db *db = make(10, 100);
	for (size_t i = 0; i < LEN(tables); i++) {
		struct db_ahead a = { 0 };
		for (uint64_t key = 1; key < 20; key++) {
			db_ahead(db, &a, tables[i], key, 1000);
		}
		CHECK_U64(a.until, 0);
	}
	db_close(&db);
	clear();
	db = open_at(":memory:", DB_CREATE);
	struct db_ahead a = { 0 };
	for (uint64_t key = 1; key < 20; key++) {
		db_ahead(db, &a, "t", key, 1000);
	}
	CHECK_U64(a.until, 0);
	db_close(&db);
}

/* Octets of the file changed at random: whatever is asked for, it comes to an end. */
static void
damaged(void)
{
	struct db *db = make(3000, 4200);
	uint32_t root = root_of_t(db);
	struct buf b;
	uint32_t random = 7;
	db_close(&db);
	buf_init(&b, (size_t)PAGES * PAGE);
	CHECK_ERR(sys_file_load(SYS_CWD, str_from(path), &b), ERR_OK);
	for (int round = 0; round < 200; round++) {
		int fd = -1;
		CHECK_ERR(sys_file_open(SYS_CWD, str_from(copy_path),
			      SYS_READ | SYS_WRITE | SYS_CREATE | SYS_EMPTY, &fd),
		    ERR_OK);
		for (int i = 0; i < 60; i++) {
			random = random * 1664525 + 1013904223;
			size_t page = i < 20 ? root - 1 : (random >> 8) % (b.n / PAGE);
			size_t off = i % 2 == 0 ? (random >> 4) % 16 : (random >> 4) % PAGE;
			b.p[page * PAGE + off] ^= (char)(random >> 24 | 1);
		}
		CHECK_ERR(sys_file_write(fd, 0, buf_view(&b)), ERR_OK);
		struct db_ahead a = { 0 };
		struct db_ahead_ask ask = { .fd = fd, .root = root, .want = sys_file_ahead };
		for (uint64_t key = 10; key < 30000; key += 10) {
			if (db_ahead_is_due(&a, key, 30000)) {
				db_ahead_more(&a, &ask);
			}
		}
		sys_close(&fd);
		if (round % 10 == 9) {
			buf_reset(&b);
			CHECK_ERR(sys_file_load(SYS_CWD, str_from(path), &b), ERR_OK);
		}
	}
	buf_done(&b);
	clear();
}

TEST_MAIN(all_is_asked_for, sparse, nothing_to_ask_for, damaged)
