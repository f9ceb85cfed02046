/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Several processes on one account, as in life: deliveries, a session, one that reads, while the
 * parent verifies, rebuilds and compacts. Then the same with processes that are killed in the
 * middle: what they had acknowledged must be there.
 */
#include "base/test.h"
#include "store/arrivals/arrivals.h"
#include "store/trial.h"
#include "store/workers_test.h"

enum { WORKERS = 4, ROUNDS = 60, KILLS = 12 };

static struct store_conf conf;

/* Every other letter arrives beside the index; a replay of it finds it there. */
static bool
arrives(uint64_t entry)
{
	struct buf body;
	int fd SYS_FD_AUTO = -1;
	buf_init(&body, 1 << 20);
	store_trial_text(entry, &body);
	struct store_arrival a = {
		.entry = entry, .prefix = S("Return-Path: <>\r\n"), .body = buf_view(&body)
	};
	enum err e = store_arrivals_open(conf.path, &fd);
	e = e == ERR_OK ? store_arrivals_add(fd, &a) : e;
	buf_done(&body);
	must(e == ERR_OK || e == ERR_BUSY);
	return e == ERR_OK;
}

static void
deliver(struct store *s, uint64_t entry)
{
	if (entry % 2 == 0 && arrives(entry) && entry % 4 == 0) {
		return;
	}
	struct store_added added;
	must(store_trial_deliver(s, entry, entry % 3 == 0, &added) == ERR_OK &&
	    added.err == ERR_OK);
}

/* Flags, moves and removals on the messages of one worker's own mailbox. */
static void
churn(struct store *s, uint64_t box, uint32_t n)
{
	struct store_range r = { 1, UINT32_MAX };
	struct store_set uids = { .v = &r, .n = 1 };
	struct store_change c = { .mailbox = box, .uids = &uids, .flags = n & 31 };
	struct store_copying copy = { .from = box, .to = box, .uids = &uids, .move = true };
	struct store_copied copied;
	struct store_changed changed;
	must(store_flags(s, &c, &changed, NULL) == ERR_OK);
	if (n % 7 == 0) {
		must(store_copy(s, &copy, &copied, NULL) == ERR_OK);
	}
	if (n % 20 == 19) {
		must(store_expunge(s, box, NULL, false, NULL) == ERR_OK);
	}
}

static void
read_all(struct store *s, struct store_view *v, struct arena *a)
{
	struct store_news news;
	struct store_scan scan = { .mailbox = v->mailbox, .lo = 1, .hi = UINT32_MAX };
	struct store_msg m[16];
	size_t n = 0;
	str text;
	must(store_view_refresh(v, true, a, &news) == ERR_OK);
	must(store_msgs(s, &scan, m, 16, &n) == ERR_OK);
	for (size_t i = 0; i < n; i++) {
		enum err e = store_text(s, m[i].id, &text);
		must(e == ERR_OK || e == ERR_NOTFOUND);
	}
	arena_reset(a);
}

/* Tells through `acks` how many deliveries were answered. */
static void
work(unsigned worker, unsigned rounds, int acks)
{
	struct store *s = NULL;
	struct store_view v = { 0 };
	struct arena *a = arena_new(NULL, "work", 1 << 20, 0);
	char name[16];
	uint64_t box;
	int len = snprintf(name, sizeof name, "w%u", worker);
	must(store_open(&conf, &s) == ERR_OK);
	must(store_mailbox_create(s, str_make(name, (size_t)len), 0, &box) == ERR_OK);
	must(store_view_init(&v, s, 1) == ERR_OK);
	for (unsigned n = 0; n < rounds; n++) {
		struct store_new msg = { .body = S("a: b\r\n\r\nmine\r\n") };
		struct store_added added;
		deliver(s, (uint64_t)worker * 100000 + n + 1);
		must(acks < 0 || write(acks, "x", 1) == 1);
		must(store_append(s, box, &msg, 1, &added) == ERR_OK);
		churn(s, box, n);
		read_all(s, &v, a);
		if (n % 16 == 15) { /* processes come and go */
			store_view_done(&v);
			store_close(&s);
			must(store_open(&conf, &s) == ERR_OK);
			must(store_view_init(&v, s, 1) == ERR_OK);
		}
	}
	store_view_done(&v);
	store_close(&s);
	arena_free(&a);
}

static void
is_sound(struct store *s)
{
	struct store_report r = { 0 };
	CHECK_ERR(store_verify(s, &r), ERR_OK);
	CHECK_U64(r.bad_counts + r.lost + r.found + r.bad_records, 0);
}

static void
look_after(struct store *s)
{
	struct store_report r = { 0 };
	uint64_t octets;
	is_sound(s);
	CHECK_ERR(store_repair(s, &r), ERR_OK);
	CHECK_U64(r.lost + r.bad_records, 0);
	CHECK_ERR(store_compact(s, &octets), ERR_OK);
}

static void
all_at_once(void)
{
	struct sys_child workers[WORKERS];
	conf = store_trial_conf("concurrent");
	conf.wall_s = NULL;
	conf.pack_octets = 50000;
	for (unsigned i = 0; i < WORKERS; i++) {
		workers[i] = start(work, i, ROUNDS, -1); /* they also race for making the account */
	}
	struct store *s = store_trial_open(&conf);
	while (living(workers, WORKERS) > 0) {
		look_after(s);
	}
	look_after(s);
	CHECK_U64(store_trial_count(s), WORKERS * ROUNDS);
	store_close(&s);
	store_trial_remove(&conf);
}

static void
killed_in_the_middle(void)
{
	conf = store_trial_conf("killed");
	conf.wall_s = NULL;
	conf.pack_octets = 50000;
	for (unsigned i = 0; i < KILLS; i++) {
		int acks[2];
		CHECK(pipe(acks) == 0);
		struct store *s = store_trial_open(&conf);
		uint32_t before = store_trial_count(s);
		store_close(&s); /* no descriptor of a database goes through a fork */
		struct sys_child child = start(work, i, 1000, acks[1]);
		close(acks[1]);
		size_t told = kill_after(&child, acks[0], 3 + i * 2);
		close(acks[0]);
		s = store_trial_open(&conf);
		is_sound(s);
		uint32_t now = store_trial_count(s);
		CHECK(now - before == told || now - before == told + 1);
		if (i % 4 == 3) {
			look_after(s);
			CHECK_U64(store_trial_count(s), now);
		}
		store_close(&s);
	}
	store_trial_remove(&conf);
}

TEST_MAIN(all_at_once, killed_in_the_middle)
