/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The queue process between a played smtp and a played accounts service: commits are answered after
 * the flush, letters arrive once, crashes bring them back as replays, syncs make them done, nothing
 * is dropped.
 */
#include "svc/queue/start_test.h"
#include "base/mem.h"
#include "base/test.h"
#include "ipc/queue_account.h"
#include "ipc/queue_accounts.h"
#include "ipc/smtp_queue.h"
#include "store/arrivals/arrivals.h"
#include "store/arrivals/file.h"
#include "store/record.h"
#include "sys/file.h"
#include "sys/sys.h"

#include <unistd.h>

/* One played world: the queue, and our ends of its channels. */
struct world {
	char folder[64];
	struct svc_common sc;
	struct conf conf;
	struct svc_queue *q;
	int smtp, accounts, account; /* account: the process the queue opened last */
	uint64_t job, opened_account;
	struct buf in, out;
	struct arena *arena;
	int64_t last_sync_n, last_sync_left;
	int slot; /* what to hand out when the queue asks; -1: nothing */
	uint64_t slot_account, slots, arrived;
	bool slot_silent; /* do not even answer */
	bool junk;        /* what is committed */
	uint64_t sync_job, sync_ids[8];
	struct {
		uint64_t entry;
		uint16_t rcpt;
		bool replay, junk;
		char body[64];
	} got[64];
	size_t got_n;
	struct {
		uint64_t txn, entry;
		enum err result;
	} answers[64];
	size_t answers_n;
};

static void
turn(struct world *w)
{
	for (int i = 0; i < 5; i++) {
		CHECK_ERR(sys_loop_turn(w->sc.loop, 0), ERR_OK);
	}
}

static void
start_queue(struct world *w)
{
	int smtp[2], accounts[2];
	w->sc.conf = &w->conf;
	w->q = queue_test_start(&w->sc, w->folder);
	CHECK_ERR(sys_chan_pair(smtp), ERR_OK);
	CHECK_ERR(sys_chan_pair(accounts), ERR_OK);
	CHECK_ERR(svc_common_wire(&w->sc, S("smtp_queue"), 0, smtp[0]), ERR_OK);
	CHECK_ERR(svc_common_wire(&w->sc, S("queue_accounts"), 0, accounts[0]), ERR_OK);
	w->smtp = smtp[1];
	w->accounts = accounts[1];
	w->account = -1;
	w->slot = -1;
}

/* As after SIGKILL: no quit, no last flush. */
static void
kill_queue(struct world *w)
{
	spool_close(&w->q->spool);
	sys_close(&w->smtp);
	sys_close(&w->accounts);
	sys_close(&w->account);
	turn(w);
	queue_test_kill(w->q);
	queue_test_bury(w);
}

static struct world *
world_new(void)
{
	struct world *w = mem_zalloc(1, sizeof *w);
	snprintf(w->folder, sizeof w->folder, "queue-test-XXXXXX");
	CHECK(mkdtemp(w->folder) != NULL);
	w->conf = (struct conf){ .smtp_max_size = 1 << 20,
		.queue_deliveries = 1,
		.queue_keep_open = 4,
		.queue_linger = 60000,
		.queue_sync_interval = 60000,
		.queue_sync_octets = 1 << 30,
		.queue_expiry = 432000000,
		.send_processes = 1 };
	w->arena = arena_new(NULL, "world", 8 << 20, 0);
	buf_init(&w->in, SYS_CHAN_MESSAGE_MAX);
	buf_init(&w->out, SYS_CHAN_MESSAGE_MAX);
	start_queue(w);
	return w;
}

static void
world_free(struct world *w)
{
	kill_queue(w);
	CHECK_ERR(sys_dir_remove_tree(SYS_CWD, str_from(w->folder)), ERR_OK);
}

/* ---- our ends ---- */

static enum err
got_answer(void *ctx, const struct ipc_smtp_queue_commit_result *m, int *fd)
{
	struct world *w = ctx;
	w->answers[w->answers_n].txn = m->txn;
	w->answers[w->answers_n].entry = m->entry;
	w->answers[w->answers_n++].result = m->result;
	return ERR_OK;
}

static enum err
got_open(void *ctx, const struct ipc_queue_accounts_open *m, int *fd)
{
	struct world *w = ctx;
	sys_close(&w->account);
	w->account = *fd;
	*fd = -1;
	w->job = m->job;
	w->opened_account = m->account;
	return ERR_OK;
}

static enum err
got_slot(void *ctx, const struct ipc_queue_accounts_slot *m, int *fd)
{
	struct world *w = ctx;
	struct ipc_queue_accounts_slotted answer = { .job = m->job,
		.account = m->account,
		.result = w->slot < 0 ? ERR_UNAVAILABLE : ERR_OK };
	w->slots++;
	w->slot_account = m->account;
	if (!w->slot_silent) {
		buf_reset(&w->out);
		ipc_queue_accounts_slotted_put(&w->out, &answer);
		CHECK_ERR(sys_chan_send_wait(w->accounts, &w->out, w->slot < 0 ? -1 : dup(w->slot),
			      0),
		    ERR_OK);
	}
	return ERR_OK;
}

static enum err
got_arrived(void *ctx, const struct ipc_queue_accounts_arrived *m, int *fd)
{
	struct world *w = ctx;
	w->arrived = m->account;
	return ERR_OK;
}

static enum err
got_sync(void *ctx, const struct ipc_queue_accounts_sync *m, int *fd)
{
	struct world *w = ctx;
	w->sync_job = m->job;
	w->last_sync_n = (int64_t)m->accounts_n;
	w->last_sync_left = (int64_t)m->arrivals_n;
	for (size_t i = 0; i < m->accounts_n; i++) {
		w->sync_ids[i] = m->accounts[i].id;
	}
	for (size_t i = 0; i < m->arrivals_n; i++) {
		w->sync_ids[m->accounts_n + i] = m->arrivals[i].id;
	}
	return ERR_OK;
}

static enum err
got_letter(void *ctx, const struct ipc_queue_account_deliver *m, int *fd)
{
	struct world *w = ctx;
	w->got[w->got_n].entry = m->entry;
	w->got[w->got_n].rcpt = m->rcpt;
	w->got[w->got_n].replay = m->replay;
	w->got[w->got_n].junk = m->junk;
	snprintf(w->got[w->got_n++].body, 64, "%.*s", STR_ARG(m->body));
	return ERR_OK;
}

static void
read_once(struct world *w)
{
	static const struct ipc_smtp_queue_at_smtp at_smtp = { .commit_result = got_answer };
	static const struct ipc_queue_accounts_at_accounts at_accounts = {
		.open = got_open, .sync = got_sync, .slot = got_slot, .arrived = got_arrived
	};
	static const struct ipc_queue_account_at_account at_account = { .deliver = got_letter };
	turn(w);
	for (int *ends[] = { &w->smtp, &w->accounts, &w->account }, k = 0; k < 3; k++) {
		int fd = -1;
		while (*ends[k] >= 0 && sys_chan_recv(*ends[k], &w->in, &fd) == ERR_OK) {
			str m = buf_view(&w->in);
			arena_reset(w->arena);
			enum err e = k == 0
			    ? ipc_smtp_queue_smtp_dispatch(&at_smtp, w, m, &fd, w->arena)
			    : k == 1
			    ? ipc_queue_accounts_accounts_dispatch(&at_accounts, w, m, &fd,
				  w->arena)
			    : ipc_queue_account_account_dispatch(&at_account, w, m, &fd, w->arena);
			CHECK_ERR(e, ERR_OK);
			sys_close(&fd);
		}
	}
}

static void
read_all(struct world *w)
{
	read_once(w); /* an answer to a wish for a slot may bring a wish for a process */
	read_once(w);
}

static void
commit(struct world *w, uint64_t txn, uint64_t account, str body)
{
	struct ipc_common_rcpt rcpt = {
		.account = account, .address = S("a@example.org"), .junk = w->junk
	};
	struct ipc_smtp_queue_commit m = { .txn = txn,
		.reverse_path = S("from@example.net"),
		.rcpts = &rcpt,
		.rcpts_n = account == 0 ? 0 : 1,
		.size = body.n,
		.body = body };
	buf_reset(&w->out);
	ipc_smtp_queue_commit_put(&w->out, &m);
	CHECK_ERR(sys_chan_send_wait(w->smtp, &w->out, -1, 0), ERR_OK);
}

static void
answer_letter(struct world *w, size_t i, enum err result)
{
	struct ipc_queue_account_delivered m = {
		.entry = w->got[i].entry, .rcpt = w->got[i].rcpt, .result = result
	};
	buf_reset(&w->out);
	ipc_queue_account_delivered_put(&w->out, &m);
	CHECK_ERR(sys_chan_send_wait(w->account, &w->out, -1, 0), ERR_OK);
	turn(w);
}

static void
say_ended(struct world *w, enum err result)
{
	struct ipc_queue_accounts_ended m = {
		.job = w->job, .account = w->opened_account, .result = result
	};
	buf_reset(&w->out);
	ipc_queue_accounts_ended_put(&w->out, &m);
	CHECK_ERR(sys_chan_send_wait(w->accounts, &w->out, -1, 0), ERR_OK);
	turn(w);
}

static void
say_synced(struct world *w, enum err result)
{
	struct ipc_common_result r = { .id = w->sync_ids[0], .result = result };
	struct ipc_queue_accounts_synced m = { .job = w->sync_job, .results = &r, .results_n = 1 };
	buf_reset(&w->out);
	ipc_queue_accounts_synced_put(&w->out, &m);
	CHECK_ERR(sys_chan_send_wait(w->accounts, &w->out, -1, 0), ERR_OK);
	turn(w);
}

/* ---- the cases ---- */

static void
one_letter_to_the_end(void)
{
	struct world *w = world_new();
	commit(w, 5, 42, S("hello"));
	read_all(w);
	CHECK(w->answers_n == 1 && w->answers[0].txn == 5 && w->answers[0].result == ERR_OK);
	read_all(w);
	CHECK_U64(w->opened_account, 42);
	CHECK(w->got_n == 1 && !w->got[0].replay && strcmp(w->got[0].body, "hello") == 0);
	answer_letter(w, 0, ERR_OK);
	CHECK_U64(w->q->unsynced, 1);
	CHECK_U64(spool_live(w->q->spool), 1);
	svc_queue_settle_now(w->q);
	read_all(w);
	CHECK(w->last_sync_n == 1 && w->sync_ids[0] == 42);
	say_synced(w, ERR_OK);
	CHECK_U64(spool_live(w->q->spool), 0);
	CHECK_U64(w->q->letters, 0);
	world_free(w);
}

static void
commits_of_a_turn_share_a_flush(void)
{
	struct world *w = world_new();
	for (uint64_t i = 0; i < 20; i++) {
		commit(w, i, 1, S("x"));
	}
	commit(w, 99, 0, S("nobody"));
	read_all(w);
	CHECK_U64(w->answers_n, 21);
	CHECK(w->q->flushes <= 2);
	unsigned refused = 0;
	for (size_t i = 0; i < w->answers_n; i++) {
		refused += w->answers[i].result == ERR_TOOBIG && w->answers[i].txn == 99;
	}
	CHECK_U64(refused, 1);
	world_free(w);
}

static void
a_dead_process_brings_replays(void)
{
	struct world *w = world_new();
	commit(w, 1, 7, S("one"));
	commit(w, 2, 7, S("two"));
	read_all(w);
	read_all(w);
	CHECK_U64(w->got_n, 2);
	sys_close(&w->account); /* killed from outside: nobody's fault */
	turn(w);
	say_ended(w, ERR_UNAVAILABLE);
	struct svc_queue_lane *lane = svc_queue_lane_get(w->q, 7);
	CHECK(lane->state == LANE_BACKOFF && lane->one_by_one);
	svc_queue_lane_retry(lane);
	read_all(w);
	read_all(w);
	CHECK(w->got_n == 3 && w->got[2].replay && w->got[2].entry == w->got[0].entry);
	answer_letter(w, 2, ERR_OK);
	read_all(w);
	CHECK(w->got_n == 4 && w->got[3].replay && w->got[3].entry == w->got[1].entry);
	world_free(w);
}

static void
a_killer_is_held_and_the_others_pass(void)
{
	struct world *w = world_new();
	commit(w, 1, 7, S("killer"));
	commit(w, 2, 7, S("good"));
	read_all(w);
	struct svc_queue_lane *lane = svc_queue_lane_get(w->q, 7);
	int crash = 0;
	for (; crash < 10 && w->q->held == 0; crash++) {
		if (crash > 0) {
			svc_queue_lane_retry(lane);
		}
		read_all(w);
		read_all(w);
		sys_close(&w->account);
		turn(w);
		say_ended(w, ERR_BUG);
	}
	CHECK_U64(crash, 1 + SVC_QUEUE_CRASHES_MAX); /* the first crash had both letters in hand */
	CHECK_U64(w->q->letters, 2);
	CHECK(!list_empty(&lane->held) && !list_empty(&lane->waiting));
	struct svc_queue_letter *held = LIST_ENTRY(lane->held.next, struct svc_queue_letter, node);
	CHECK_U64(held->parcel->entry, w->got[0].entry);
	svc_queue_lane_retry(lane);
	CHECK_U64(w->q->held, 0);
	world_free(w);
}

static void
failed_sync_keeps_the_letter(void)
{
	struct world *w = world_new();
	commit(w, 1, 3, S("x"));
	read_all(w);
	read_all(w);
	answer_letter(w, 0, ERR_OK);
	svc_queue_settle_now(w->q);
	read_all(w);
	say_synced(w, ERR_IO);
	CHECK_U64(spool_live(w->q->spool), 1);
	svc_queue_settle_now(w->q);
	read_all(w);
	say_synced(w, ERR_OK);
	CHECK_U64(spool_live(w->q->spool), 0);
	world_free(w);
}

/* It rests, and new letters do not wait with it: they may be smaller, or the reader tidied up. */
static void
a_full_mailbox_waits(void)
{
	struct world *w = world_new();
	commit(w, 1, 3, S("x"));
	read_all(w);
	read_all(w);
	answer_letter(w, 0, ERR_QUOTA);
	struct svc_queue_lane *lane = svc_queue_lane_get(w->q, 3);
	CHECK(!list_empty(&lane->resting) && lane->rest_ms == SVC_QUEUE_BACKOFF_MIN_MS);
	CHECK(lane->state == LANE_LINGER);
	commit(w, 2, 3, S("small"));
	read_all(w);
	read_all(w);
	CHECK(w->got_n == 2 && strcmp(w->got[1].body, "small") == 0);
	answer_letter(w, 1, ERR_OK);
	CHECK_U64(w->q->unsynced, 1);
	svc_queue_lane_retry(lane);
	read_all(w);
	read_all(w);
	CHECK(w->got_n == 3 && strcmp(w->got[2].body, "x") == 0);
	answer_letter(w, 2, ERR_QUOTA);
	CHECK_U64(lane->rest_ms, 2 * SVC_QUEUE_BACKOFF_MIN_MS);
	sys_timer_set(w->sc.loop, &lane->rest, 0);
	read_all(w);
	read_all(w);
	CHECK(w->got_n == 4 && strcmp(w->got[3].body, "x") == 0);
	CHECK_U64(w->q->letters, 2);
	world_free(w);
}

/* Between commit and flush a letter is in no list of its lane, and its lane had nothing to do. */
static void
a_lane_lives_as_long_as_its_letters(void)
{
	struct world *w = world_new();
	commit(w, 1, 3, S("x"));
	read_all(w);
	read_all(w);
	answer_letter(w, 0, ERR_OK);
	svc_queue_settle_now(w->q);
	read_all(w);
	say_synced(w, ERR_OK);
	struct svc_queue_lane *lane = svc_queue_lane_get(w->q, 3);
	CHECK(lane->state == LANE_LINGER && lane->letters == 0);
	sys_timer_set(w->sc.loop, &lane->timer, 0);
	commit(w, 2, 3, S("y"));
	read_all(w);
	read_all(w);
	CHECK(w->got_n == 2 && strcmp(w->got[1].body, "y") == 0);
	world_free(w);
}

static void
a_silent_process_loses_its_letters(void)
{
	struct world *w = world_new();
	commit(w, 1, 3, S("x"));
	commit(w, 2, 4, S("waits for its turn"));
	read_all(w);
	read_all(w);
	CHECK_U64(w->opened_account, 3);
	struct svc_queue_lane *lane = svc_queue_lane_get(w->q, 3);
	CHECK(lane->state == LANE_WORKING && sys_timer_is_set(&lane->timer));
	sys_timer_set(w->sc.loop, &lane->timer, 0);
	read_all(w);
	read_all(w);
	CHECK(lane->state == LANE_BACKOFF);
	CHECK_U64(w->opened_account, 4);
	CHECK(w->got_n == 2 && strcmp(w->got[1].body, "waits for its turn") == 0);
	answer_letter(w, 1, ERR_OK);
	svc_queue_lane_retry(lane);
	read_all(w);
	read_all(w);
	CHECK(w->got_n == 3 && w->got[2].replay && w->got[2].entry == w->got[0].entry);
	world_free(w);
}

/* The folder of an account is gone: what was delivered into it is not taken for done. */
static void
a_lost_folder_brings_the_letters_back(void)
{
	struct world *w = world_new();
	commit(w, 1, 3, S("x"));
	read_all(w);
	read_all(w);
	answer_letter(w, 0, ERR_OK);
	svc_queue_settle_now(w->q);
	read_all(w);
	say_synced(w, ERR_NOTFOUND);
	CHECK_U64(spool_live(w->q->spool), 1);
	CHECK_U64(w->q->unsynced, 0);
	read_all(w);
	read_all(w);
	CHECK(w->got_n == 2 && w->got[1].replay && w->got[1].entry == w->got[0].entry);
	world_free(w);
}

/* The interval passed while accounts was away: it is not forgotten. */
static void
a_sync_waits_for_accounts(void)
{
	struct world *w = world_new();
	commit(w, 1, 3, S("x"));
	read_all(w);
	read_all(w);
	answer_letter(w, 0, ERR_OK);
	sys_close(&w->accounts);
	turn(w);
	CHECK(w->q->accounts.chan == NULL);
	sys_timer_set(w->sc.loop, &w->q->sync_timer, 0);
	turn(w);
	CHECK(sys_timer_is_set(&w->q->sync_timer));
	world_free(w);
}

static void
a_restart_replays_what_is_not_done(void)
{
	struct world *w = world_new();
	commit(w, 1, 3, S("delivered, never synced"));
	read_all(w);
	read_all(w);
	answer_letter(w, 0, ERR_OK);
	uint64_t entry = w->got[0].entry;
	kill_queue(w);
	w->got_n = 0;
	start_queue(w);
	read_all(w);
	read_all(w);
	CHECK(w->got_n == 1 && w->got[0].entry == entry && w->got[0].replay);
	world_free(w);
}

/* ---- without a process ---- */

static struct world *
world_with_slot(void)
{
	struct world *w = world_new();
	int dir = -1;
	CHECK_ERR(sys_dir_open(SYS_CWD, str_from(w->folder), &dir), ERR_OK);
	CHECK_ERR(sys_file_open(dir, S("slot"), SYS_READ | SYS_WRITE | SYS_CREATE, &w->slot),
	    ERR_OK);
	sys_close(&dir);
	return w;
}

/* The letters in the file, as who takes them in reads them. */
static size_t
left(struct world *w, struct store_arrival *ret, struct buf *b)
{
	struct store_arrivals_head h = { 0 };
	struct store_record r;
	size_t n = 0;
	buf_init(b, 2 << 20);
	CHECK_ERR(sys_file_load_fd(w->slot, b), ERR_OK);
	if (b->n == 0) {
		return 0;
	}
	CHECK_ERR(store_arrivals_head_get(buf_view(b), &h), ERR_OK);
	str rest = str_sub(buf_view(b), STORE_ARRIVALS_HEAD, (size_t)h.end - STORE_ARRIVALS_HEAD);
	while (rest.n > 0 && CHECK_ERR(store_record_get(rest, &r), ERR_OK)) {
		CHECK_ERR(store_arrivals_record_get(&r, &ret[n++]), ERR_OK);
		rest = str_from_off(rest, STORE_RECORD_HEAD + r.meta.n + r.payload.n);
	}
	CHECK_U64(n, h.letters);
	return n;
}

static void
left_to_the_end(void)
{
	struct world *w = world_with_slot();
	struct store_arrival got[8];
	struct buf b;
	commit(w, 5, 42, S("Subject: x\r\n\r\nhello"));
	commit(w, 6, 42, S("second"));
	read_all(w);
	CHECK(w->slots >= 1 && w->slot_account == 42 && w->arrived == 42);
	CHECK_U64(w->opened_account, 0);
	CHECK_U64(left(w, got, &b), 2);
	CHECK_STR(got[0].body, S("Return-Path: <from@example.net>\r\nSubject: x\r\n\r\nhello"));
	CHECK_U64(got[0].entry, w->answers[0].entry);
	CHECK_U64(got[1].entry, w->answers[1].entry);
	CHECK(got[0].rcpt == 0 && got[0].saved_s > 0);
	CHECK_U64(w->q->unsynced, 2);
	CHECK_U64(spool_live(w->q->spool), 2);
	svc_queue_settle_now(w->q);
	read_all(w);
	CHECK(w->last_sync_n == 0 && w->last_sync_left == 1 && w->sync_ids[0] == 42);
	say_synced(w, ERR_OK);
	CHECK_U64(spool_live(w->q->spool), 0);
	CHECK_U64(map_count(w->q->lanes), 0);
	buf_done(&b);
	sys_close(&w->slot);
	world_free(w);
}

/* A second letter of the lane goes another way: both ways are synced, and stay so on a failure. */
static void
left_and_delivered(void)
{
	struct world *w = world_with_slot();
	commit(w, 1, 42, S("one"));
	read_all(w);
	sys_close(&w->slot);
	commit(w, 2, 42, S("two"));
	read_all(w);
	CHECK(w->got_n == 1 && w->opened_account == 42);
	answer_letter(w, 0, ERR_OK);
	svc_queue_settle_now(w->q);
	read_all(w);
	CHECK(w->last_sync_n == 1 && w->last_sync_left == 0);
	say_synced(w, ERR_IO);
	svc_queue_settle_now(w->q);
	read_all(w);
	CHECK(w->last_sync_n == 1 && w->last_sync_left == 0);
	say_synced(w, ERR_OK);
	CHECK_U64(spool_live(w->q->spool), 0);
	world_free(w);
}

/* The mark comes along both ways, and through the journal. */
static void
junk(void)
{
	struct world *w = world_with_slot();
	struct store_arrival got[8];
	struct buf b;
	w->junk = true;
	commit(w, 5, 42, S("one"));
	read_all(w);
	w->junk = false;
	commit(w, 6, 42, S("two"));
	read_all(w);
	CHECK_U64(left(w, got, &b), 2);
	CHECK(got[0].junk && !got[1].junk);
	buf_done(&b);
	sys_close(&w->slot);
	kill_queue(w);
	start_queue(w);
	read_all(w);
	CHECK(w->got_n == 2 && w->got[0].replay);
	CHECK(w->got[0].junk && !w->got[1].junk);
	world_free(w);
}

/* Whatever may be there already is for a process. */
static void
not_for_a_slot(void)
{
	struct world *w = world_with_slot();
	commit(w, 1, 7, S("one"));
	read_all(w);
	CHECK_U64(w->slots, 1);
	svc_queue_settle_now(w->q);
	read_all(w);
	say_synced(w, ERR_NOTFOUND); /* the folder is gone: once more, as a replay */
	read_all(w);
	CHECK_U64(w->slots, 1);
	CHECK(w->opened_account == 7 && w->got_n == 1 && w->got[0].replay);
	answer_letter(w, 0, ERR_QUOTA);
	sys_close(&w->account);
	turn(w);
	svc_queue_lane_retry(svc_queue_lane_get(w->q, 7));
	read_all(w);
	CHECK(w->slots == 1 && w->got_n == 2);
	sys_close(&w->slot);
	world_free(w);
}

/* A file that takes nothing more: the rest goes by a process. */
static void
full_slot(void)
{
	struct world *w = world_with_slot();
	struct store_arrival got[8];
	struct buf b;
	CHECK_ERR(sys_file_write(w->slot, 0, S("not a file of arrivals, but long enough for it")),
	    ERR_OK);
	commit(w, 1, 7, S("one"));
	read_all(w);
	read_all(w);
	CHECK(w->slots == 1 && w->opened_account == 7 && w->got_n == 1 && !w->got[0].replay);
	CHECK_U64(w->arrived, 0);
	CHECK_ERR(sys_file_truncate(w->slot, 0), ERR_OK);
	answer_letter(w, 0, ERR_OK);
	commit(w, 2, 7, S("two")); /* the process is there: it gets it */
	read_all(w);
	CHECK(w->slots == 1 && w->got_n == 2);
	CHECK_U64(left(w, got, &b), 0);
	buf_done(&b);
	sys_close(&w->slot);
	world_free(w);
}

/* accounts dies with the question: asked again, and what came late is not used. */
static void
accounts_dies_asked(void)
{
	struct world *w = world_with_slot();
	struct store_arrival got[8];
	struct buf b;
	int accounts[2];
	w->slot_silent = true;
	commit(w, 1, 7, S("one"));
	read_all(w);
	CHECK_U64(w->slots, 1);
	CHECK_U64(left(w, got, &b), 0);
	buf_done(&b);
	sys_close(&w->accounts);
	turn(w);
	CHECK_U64(w->q->working, 0);
	w->slot_silent = false;
	CHECK_ERR(sys_chan_pair(accounts), ERR_OK);
	CHECK_ERR(svc_common_wire(&w->sc, S("queue_accounts"), 0, accounts[0]), ERR_OK);
	w->accounts = accounts[1];
	read_all(w);
	CHECK_U64(w->slots, 2);
	CHECK_U64(left(w, got, &b), 1);
	struct ipc_queue_accounts_slotted late = { .job = 1, .account = 7, .result = ERR_OK };
	buf_reset(&w->out);
	ipc_queue_accounts_slotted_put(&w->out, &late);
	CHECK_ERR(sys_chan_send_wait(w->accounts, &w->out, dup(w->slot), 0), ERR_OK);
	read_all(w);
	buf_done(&b);
	CHECK_U64(left(w, got, &b), 1);
	buf_done(&b);
	sys_close(&w->slot);
	world_free(w);
}

/* RFC 3461 4.1: who asked for it is told when the mailbox has it. */
static void
a_delivery_is_reported(void)
{
	struct world *w = world_new();
	struct ipc_common_rcpt rcpt = { .account = 3, .address = S("b@example.org"), .notify = 2 };
	const struct ipc_smtp_queue_commit m = { .txn = 1,
		.submission = true,
		.account = 9,
		.reverse_path = S("a@example.org"),
		.rcpts = &rcpt,
		.rcpts_n = 1,
		.size = 5,
		.body = S("hello") };
	buf_reset(&w->out);
	ipc_smtp_queue_commit_put(&w->out, &m);
	CHECK_ERR(sys_chan_send_wait(w->smtp, &w->out, -1, 0), ERR_OK);
	read_all(w);
	read_all(w);
	CHECK_U64(w->got_n, 1);
	answer_letter(w, 0, ERR_OK);
	svc_queue_settle_now(w->q);
	read_all(w);
	say_synced(w, ERR_OK);
	read_all(w);
	read_all(w);
	CHECK(w->got_n == 2 && w->opened_account == 9);
	CHECK(strncmp(w->got[1].body, "From: Mail delivery <postmaster@", 32) == 0);
	CHECK_U64(spool_live(w->q->spool), 1); /* the report */
	world_free(w);
}

TEST_MAIN(a_delivery_is_reported, left_to_the_end, left_and_delivered, junk, not_for_a_slot,
    full_slot, accounts_dies_asked, one_letter_to_the_end, commits_of_a_turn_share_a_flush,
    a_dead_process_brings_replays, a_killer_is_held_and_the_others_pass,
    failed_sync_keeps_the_letter, a_full_mailbox_waits, a_restart_replays_what_is_not_done,
    a_lane_lives_as_long_as_its_letters, a_silent_process_loses_its_letters,
    a_lost_folder_brings_the_letters_back, a_sync_waits_for_accounts)
