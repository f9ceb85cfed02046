/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Processes forked after store_start: they open, deliver and read without preparing a statement,
 * each its own account; and an index that is not like the rehearsed one opens all the same.
 */
#include "base/test.h"
#include "db/db.h"
#include "store/care.h"
#include "store/store.h"
#include "store/trial.h"
#include "sys/file.h"
#include "sys/spawn.h"
#include "sys/sys.h"

static bool
in_child(void (*deed)(const struct store_conf *conf), const struct store_conf *conf)
{
	struct sys_child c;
	struct sys_child_end end;
	bool inside = false;
	fflush(stdout);
	CHECK_ERR(sys_fork(&inside, &c), ERR_OK);
	if (inside) {
		unsigned before = test_failed;
		deed(conf);
		fflush(stdout);
		sys_exit(test_failed > before);
	}
	CHECK_ERR(sys_child_wait(&c, &end), ERR_OK);
	return !end.signalled && end.code == 0;
}

static enum err
deliver(struct store *s, uint64_t entry, struct store_added *ret)
{
	struct store_delivery d = { .entry = entry,
		.oldest_live = 1,
		.msg = { .body = S("Subject: x\r\nMessage-ID: <x@y>\r\n\r\nx\r\n"),
		    .message_id = S("x@y") } };
	return store_deliver(s, &d, 1, ret);
}

static uint32_t
messages_of(struct store *s)
{
	struct arena *a = arena_new(NULL, "test", 1 << 20, 0);
	struct store_mailbox box = { 0 };
	CHECK_ERR(store_mailbox_find(s, S("INBOX"), a, &box), ERR_OK);
	arena_free(&a);
	return box.messages;
}

/* Everything a delivery process and a short session do. */
static void
work(const struct store_conf *conf)
{
	struct store *s = NULL;
	struct store_quota quota;
	struct store_added added;
	CHECK_ERR(store_open(conf, &s), ERR_OK);
	uint32_t before = messages_of(s);
	CHECK_ERR(deliver(s, 100 + before, &added), ERR_OK);
	CHECK(added.uid > before); /* more after a rebuild */
	CHECK_U64(messages_of(s), before + 1);
	CHECK_ERR(store_quota(s, &quota), ERR_OK);
	CHECK_ERR(store_tidy(s), ERR_OK);
	store_leave(s);
}

static void
work_prepared(const struct store_conf *conf)
{
	uint64_t before = db_prepared();
	work(conf);
	CHECK_U64(db_prepared(), before);
}

/* Twice: with its handle taken, the next store is opened like any other. */
static void
work_twice(const struct store_conf *conf)
{
	struct store *s = NULL;
	work(conf);
	uint64_t before = db_prepared();
	CHECK_ERR(store_open(conf, &s), ERR_OK);
	CHECK(db_prepared() > before);
	store_close(&s);
}

static void
nothing_is_prepared(void)
{
	struct store_conf one = store_trial_conf("warm-one"), two = store_trial_conf("warm-two");
	store_start();
	CHECK(in_child(work, &one)); /* made */
	CHECK(in_child(work, &two));
	for (int i = 0; i < 20; i++) {
		CHECK(in_child(work_prepared, i % 2 == 0 ? &one : &two));
	}
	CHECK(in_child(work_twice, &one));
	store_trial_remove(&one);
	store_trial_remove(&two);
}

static void
swap_tables(const struct store_conf *conf)
{
	store_trial_sql(conf,
	    "ALTER TABLE pack RENAME TO p; CREATE TABLE pack(id INTEGER PRIMARY KEY,"
	    " dead INTEGER NOT NULL); INSERT INTO pack SELECT * FROM p; DROP TABLE p");
}

/* The same tables on other pages: what an index has that went through migrations. */
static void
another_order_of_pages(void)
{
	struct store_conf conf = store_trial_conf("warm-other");
	CHECK(in_child(work, &conf));
	CHECK(in_child(swap_tables, &conf));
	for (int i = 0; i < 4; i++) {
		CHECK(in_child(work, &conf));
	}
	store_trial_remove(&conf);
}

static void
newer_index(const struct store_conf *conf)
{
	struct store *s = NULL;
	store_trial_sql(conf, "PRAGMA user_version = 1000");
	CHECK_ERR(store_open(conf, &s), ERR_VERSION);
}

static void
index_of_a_newer_program(void)
{
	struct store_conf conf = store_trial_conf("warm-newer");
	CHECK(in_child(work, &conf));
	CHECK(in_child(newer_index, &conf));
	store_trial_remove(&conf);
}

static void
index_is_rubbish(void)
{
	struct store_conf conf = store_trial_conf("warm-rubbish");
	char rubbish[8192];
	memset(rubbish, 'x', sizeof rubbish);
	CHECK(in_child(work, &conf));
	CHECK(in_child(work, &conf));
	store_trial_save(&conf, "index.db", str_make(rubbish, sizeof rubbish));
	store_trial_save(&conf, "index.db-wal", S(""));
	CHECK(in_child(work, &conf)); /* it is made anew from the packs, nothing is lost */
	CHECK(in_child(work, &conf));
	struct store *s = store_trial_open(&conf);
	CHECK_U64(messages_of(s), 4);
	store_close(&s);
	store_trial_remove(&conf);
}

TEST_MAIN(nothing_is_prepared, another_order_of_pages, index_of_a_newer_program, index_is_rubbish)
