/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kept index of a log: believed when everything fits, read anew when anything does not, and
 * right in both cases, also when processes die in the middle of their transactions.
 */
#include "base/test.h"
#include "db/db.h"
#include "sys/file.h"
#include "sys/spawn.h"
#include "sys/sys.h"

#include <unistd.h>

enum { MARK_AT = 120, LOG_FRAME = 4096 + 24, ROWS = 40, WRITERS = 4, TURNS = 60 };

static char path[64];

static str
beside(const char *tail)
{
	static char room[96];
	int n = snprintf(room, sizeof room, "%s%s", path, tail);
	return str_make(room, (size_t)n);
}

static struct db *
open_at(const char *boot)
{
	struct db *db = NULL;
	struct db_conf conf = {
		.path = str_from(path), .boot_id = str_from(boot), .busy_ms = 20000
	};
	CHECK_ERR(db_open(&conf, &db), ERR_OK);
	return db;
}

static void
fresh(void)
{
	static const char *const tails[] = { "", "-wal", "-shm" };
	struct db *db = NULL;
	snprintf(path, sizeof path, "kept_test.%ld.db", (long)getpid());
	for (size_t i = 0; i < LEN(tails); i++) {
		(void)(sys_file_unlink(SYS_CWD, beside(tails[i])) == ERR_OK);
	}
	struct db_conf conf = { .path = str_from(path), .flags = DB_CREATE };
	CHECK_ERR(db_open(&conf, &db), ERR_OK);
	CHECK_ERR(db_exec(db, "CREATE TABLE t(a INTEGER)"), ERR_OK);
	db_close(&db);
}

static enum err
insert(struct db *db)
{
	TRY(db_begin(db, DB_WRITE));
	TRY(db_exec(db, "INSERT INTO t VALUES(1)"));
	return db_commit(db);
}

static uint64_t
count(struct db *db)
{
	struct db_stmt *q = db_query(db, "SELECT count(*) FROM t");
	uint64_t n = db_row(q) == ERR_OK ? db_u64(q, 0) : UINT64_MAX;
	db_done(q);
	return n;
}

/* The engine erases the mark when it empties the index. */
static bool
is_marked(void)
{
	int fd SYS_FD_AUTO = -1;
	uint64_t mark = 0;
	CHECK_ERR(sys_file_open(SYS_CWD, beside("-shm"), SYS_READ, &fd), ERR_OK);
	CHECK_ERR(sys_file_read_exact(fd, MARK_AT, &mark, sizeof mark), ERR_OK);
	return mark != 0;
}

static void
change(const char *tail, uint64_t at)
{
	int fd SYS_FD_AUTO = -1;
	char c;
	CHECK_ERR(sys_file_open(SYS_CWD, beside(tail), SYS_READ | SYS_WRITE, &fd), ERR_OK);
	CHECK_ERR(sys_file_read_exact(fd, at, &c, 1), ERR_OK);
	c = (char)(c ^ 0x20);
	CHECK_ERR(sys_file_write(fd, at, str_make(&c, 1)), ERR_OK);
}

static void
cut_log(uint64_t size)
{
	int fd SYS_FD_AUTO = -1;
	CHECK_ERR(sys_file_open(SYS_CWD, beside("-wal"), SYS_WRITE, &fd), ERR_OK);
	CHECK_ERR(sys_file_truncate(fd, size), ERR_OK);
}

static void
nothing(void)
{
}

static void
first_head(void)
{
	change("-shm", 17);
}

static void
both_heads(void)
{
	change("-shm", 17);
	change("-shm", 48 + 17);
}

static void
salts_of_log(void)
{
	change("-wal", 16);
}

/* Each row is one frame. */
static void
shorter_log(void)
{
	struct sys_stat st;
	CHECK_ERR(sys_file_stat(SYS_CWD, beside("-wal"), &st), ERR_OK);
	cut_log(st.size - LOG_FRAME);
}

static void
copied_log(void)
{
	struct buf b;
	buf_init(&b, 4 << 20);
	CHECK_ERR(sys_file_load(SYS_CWD, beside("-wal"), &b), ERR_OK);
	CHECK_ERR(sys_file_replace(SYS_CWD, beside("-wal"), buf_view(&b)), ERR_OK);
	buf_done(&b);
}

static void
what_is_believed(void)
{
	static const struct {
		const char *name;
		void (*tamper)(void);
		const char *boot;
		uint64_t rows;
		bool believed;
	} cases[] = {
		{ "as it was left", nothing, "one", ROWS, true },
		{ "another boot", nothing, "two", ROWS, false },
		{ "no boot named", nothing, "", ROWS, false },
		{ "heads differ", first_head, "one", ROWS, false },
		{ "both heads wrong", both_heads, "one", ROWS, false },
		{ "another log: no transaction of it counts", salts_of_log, "one", 0, false },
		{ "the last transaction is not in the log", shorter_log, "one", ROWS - 1, false },
		{ "the log is a copy", copied_log, "one", ROWS, false },
	};
	for (size_t i = 0; i < LEN(cases); i++) {
		test_case = cases[i].name;
		fresh();
		struct db *db = open_at("one");
		CHECK_U64(count(db), 0);
		CHECK_ERR(db_checkpoint(db), ERR_OK); /* the table is not in the log alone */
		for (int n = 0; n < ROWS; n++) {
			CHECK_ERR(insert(db), ERR_OK);
		}
		db_close(&db);
		CHECK(is_marked());
		cases[i].tamper();
		db = open_at(cases[i].boot);
		CHECK_U64(count(db), cases[i].rows);
		CHECK(is_marked() == cases[i].believed);
		CHECK_ERR(insert(db), ERR_OK);
		CHECK_ERR(db_check(db), ERR_OK);
		db_close(&db);
		db = open_at("one");
		CHECK_U64(count(db), cases[i].rows + 1);
		db_close(&db);
	}
	test_case = "";
}

/* Others have it open: the engine shares their index, with and without us. */
static void
together(void)
{
	fresh();
	struct db *one = open_at("one");
	CHECK_ERR(insert(one), ERR_OK);
	pid_t mine = getpid();
	struct sys_child c;
	struct sys_child_end end;
	bool in_child = false;
	CHECK_ERR(sys_fork(&in_child, &c), ERR_OK);
	if (in_child) {
		struct db *two = open_at("one");
		bool good = mine != getpid() && insert(two) == ERR_OK && count(two) == 2;
		db_close(&two);
		sys_exit(good ? 0 : 1);
	}
	CHECK_ERR(sys_child_wait(&c, &end), ERR_OK);
	CHECK(!end.signalled && end.code == 0);
	CHECK_U64(count(one), 2);
	db_close(&one);
}

/* The n-th turn of a writer: commit and close, leave, or die in the middle. */
static void
one_turn(int n)
{
	struct db *db = open_at("one");
	if (n % 3 == 2) {
		CHECK_ERR(db_begin(db, DB_WRITE), ERR_OK);
		CHECK_ERR(db_exec(db, "INSERT INTO t VALUES(2)"), ERR_OK);
		return; /* the transaction ends with the process */
	}
	CHECK_ERR(insert(db), ERR_OK);
	if (n % 3 == 1) {
		db_leave(db);
	} else {
		db_close(&db);
	}
}

static void
turn_in_child(int n)
{
	unsigned before = test_failed;
	struct sys_child c;
	struct sys_child_end end;
	bool in_child = false;
	CHECK_ERR(sys_fork(&in_child, &c), ERR_OK);
	if (in_child) {
		one_turn(n);
		sys_exit(test_failed > before);
	}
	CHECK_ERR(sys_child_wait(&c, &end), ERR_OK);
	CHECK(!end.signalled && end.code == 0);
}

static void
several_that_die(void)
{
	struct sys_child writers[WRITERS];
	unsigned before = test_failed;
	fresh();
	for (int i = 0; i < WRITERS; i++) {
		bool in_child = false;
		CHECK_ERR(sys_fork(&in_child, &writers[i]), ERR_OK);
		if (in_child) {
			for (int n = 0; n < TURNS; n++) {
				turn_in_child(n + i);
			}
			sys_exit(test_failed > before);
		}
	}
	for (int i = 0; i < WRITERS; i++) {
		struct sys_child_end end;
		CHECK_ERR(sys_child_wait(&writers[i], &end), ERR_OK);
		CHECK(!end.signalled && end.code == 0);
	}
	static const char *const boots[] = { "one", "two" };
	for (size_t i = 0; i < LEN(boots); i++) { /* the index, and then the log itself */
		struct db *db = open_at(boots[i]);
		CHECK_U64(count(db), WRITERS * TURNS * 2 / 3);
		CHECK_ERR(db_check(db), ERR_OK);
		db_close(&db);
	}
}

/* It begins anew by itself once it was taken over, though no process stays. */
static void
the_log_stays_short(void)
{
	struct sys_stat st;
	fresh();
	for (int i = 0; i < 1200; i++) {
		struct db *db = open_at("one");
		CHECK_ERR(insert(db), ERR_OK);
		db_close(&db);
	}
	CHECK_ERR(sys_file_stat(SYS_CWD, beside("-wal"), &st), ERR_OK);
	CHECK(st.size < 300 * LOG_FRAME);
	struct db *db = open_at("one");
	CHECK_U64(count(db), 1200);
	db_close(&db);
}

static void
tidy(void)
{
	static const char *const tails[] = { "", "-wal", "-shm" };
	for (size_t i = 0; i < LEN(tails); i++) {
		CHECK_ERR(sys_file_unlink(SYS_CWD, beside(tails[i])), ERR_OK);
	}
}

TEST_MAIN(what_is_believed, together, several_that_die, the_log_stays_short, tidy)
