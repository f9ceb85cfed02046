/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Several processes search one account and add to it, while the parent keeps the texts up, makes
 * files again and the index, too; then processes that are killed while they take texts. Every
 * search must find exactly the messages that hold what it looks for.
 */
#include "base/mem.h"
#include "base/test.h"
#include "store/care.h"
#include "store/text/text_priv.h"
#include "store/trial.h"
#include "store/workers_test.h"
#include "sys/file.h"

enum { WORKERS = 3, ROUNDS = 8, EACH = 40, MOST = 4096, KILLS = 8 };

static struct store_conf conf;
static struct store_msg msgs[MOST];
static uint64_t ids[MOST], hits[MOST];

static void
add(struct store *s, unsigned worker, unsigned round)
{
	char room[128];
	struct store_added added;
	for (unsigned i = 0; i < EACH; i++) {
		int n = snprintf(room, sizeof room, "Subject: x\r\n\r\nw%uw and w%ur%ur\r\n",
		    worker, worker, round);
		struct store_new msg = { .body = str_make(room, (size_t)n), .internal_s = 1 };
		must(store_append(s, 1, &msg, 1, &added) == ERR_OK);
	}
}

static size_t
all_ids(struct store *s)
{
	struct store_scan scan = { .mailbox = 1, .lo = 1, .hi = UINT32_MAX };
	size_t n = 0;
	must(store_msgs(s, &scan, msgs, LEN(msgs), &n) == ERR_OK);
	for (size_t i = 0; i < n; i++) {
		ids[i] = msgs[i].id;
	}
	return n;
}

/* How many messages hold the needle. */
static size_t
count(struct store *s, const char *needle)
{
	struct store_text_key key = { .where = STORE_TEXT_BODY, .needle = str_from(needle) };
	struct store_text_ask ask = {
		.keys = &key, .keys_n = 1, .ids = ids, .n = all_ids(s), .hits = hits
	};
	size_t found = 0;
	must(store_text_find(s, &ask) == ERR_OK);
	for (size_t i = 0; i < ask.n; i++) {
		found += hits[i] != 0;
	}
	return found;
}

static void
work(unsigned worker, unsigned rounds, int acks)
{
	char needle[32];
	struct store *s = NULL;
	must(store_open(&conf, &s) == ERR_OK);
	for (unsigned round = 0; round < rounds; round++) {
		bool more;
		add(s, worker, round);
		snprintf(needle, sizeof needle, "w%ur%ur", worker, round);
		must(count(s, needle) == EACH);
		snprintf(needle, sizeof needle, "w%uw", worker);
		must(acks >= 0 || count(s, needle) == (size_t)EACH * (round + 1));
		must(store_text_keep_up(s, &more) == ERR_OK);
		must(acks < 0 || write(acks, "x", 1) == 1);
	}
	store_close(&s);
}

/* Make the last file again, as if a quarter of it were dead. */
static void
remake_last(struct store *s)
{
	struct store_text t;
	struct store_text_file f;
	CHECK_ERR(store_text_begin(&t, s), ERR_OK);
	CHECK_ERR(sys_file_lock(t.lock, true, true), ERR_OK);
	if (store_text_file_last(s, &f) == ERR_OK) {
		CHECK_ERR(store_text_remake(&t, &f), ERR_OK);
	}
	sys_file_unlock(t.lock);
	store_text_end(&t);
}

static void
all_at_once(void)
{
	struct sys_child workers[WORKERS];
	conf = store_trial_conf("together");
	conf.wall_s = NULL;
	struct store *s = store_trial_open(&conf);
	store_close(&s); /* no descriptor of a database goes through a fork */
	for (unsigned i = 0; i < WORKERS; i++) {
		workers[i] = start(work, i, ROUNDS, -1);
	}
	s = store_trial_open(&conf);
	for (unsigned turn = 0; living(workers, WORKERS) > 0; turn++) {
		struct store_report r = { 0 };
		bool more;
		CHECK_ERR(store_text_keep_up(s, &more), ERR_OK);
		remake_last(s);
		if (turn % 4 == 3) {
			CHECK_ERR(store_repair(s, &r), ERR_OK);
		}
	}
	CHECK_U64(count(s, "w0w"), ROUNDS * EACH);
	CHECK_U64(count(s, " and "), WORKERS * ROUNDS * EACH);
	store_close(&s);
	store_trial_remove(&conf);
}

static void
killed_in_the_middle(void)
{
	conf = store_trial_conf("textkilled");
	conf.wall_s = NULL;
	for (unsigned i = 0; i < KILLS; i++) {
		int acks[2];
		CHECK(pipe(acks) == 0);
		struct store *s = store_trial_open(&conf);
		store_close(&s);
		struct sys_child child = start(work, 100 + i, 100, acks[1]);
		close(acks[1]);
		kill_after(&child, acks[0], 1 + i % 3);
		close(acks[0]);
		s = store_trial_open(&conf);
		size_t n = all_ids(s);
		CHECK_U64(count(s, " and "), n);
		CHECK(n < MOST && count(s, "w100r0r") == EACH);
		store_close(&s);
	}
	store_trial_remove(&conf);
}

TEST_MAIN(all_at_once, killed_in_the_middle)
