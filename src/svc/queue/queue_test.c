/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The queue process between a played smtp and a played accounts service: commits are answered after
 * the flush, letters arrive once, crashes bring them back as replays, syncs make them done, nothing
 * is dropped.
 */
#include "svc/queue/world_test.h"
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

static void
one_letter_to_the_end(void)
{
	struct queue_world *w = queue_world_new();
	queue_world_commit(w, 5, 42, S("hello"));
	queue_world_read(w);
	CHECK(w->answers_n == 1 && w->answers[0].txn == 5 && w->answers[0].result == ERR_OK);
	queue_world_read(w);
	CHECK_U64(w->opened_account, 42);
	CHECK(w->got_n == 1 && !w->got[0].replay && strcmp(w->got[0].body, "hello") == 0);
	queue_world_answer(w, 0, ERR_OK);
	CHECK_U64(w->q->unsynced, 1);
	CHECK_U64(spool_live(w->q->spool), 1);
	svc_queue_settle_now(w->q);
	queue_world_read(w);
	CHECK(w->last_sync_n == 1 && w->sync_ids[0] == 42);
	queue_world_synced(w, ERR_OK);
	CHECK_U64(spool_live(w->q->spool), 0);
	CHECK_U64(w->q->letters, 0);
	queue_world_free(w);
}

/* A sealed file goes on as it came; what is tried again, or was not sealed, comes from the disk. */
static void
files_go_on(void)
{
	struct queue_world *w = queue_world_new();
	uint64_t crc = 0, inode = queue_world_commit_file(w, S("Above: 1\r\n"), true, &crc);
	CHECK_U64(w->got_n, 2);
	for (size_t i = 0; i < 2; i++) {
		CHECK(w->got[i].file_inode == inode && w->got[i].crc == crc);
		CHECK(strcmp(w->got[i].body, "Above: 1\r\n") == 0);
	}
	CHECK_U64(w->q->kept_octets, 100010);
	queue_world_answer(w, 0, ERR_OK);
	queue_world_answer(w, 1, ERR_NOSPACE);
	svc_queue_settle_now(w->q);
	queue_world_read(w);
	queue_world_synced(w, ERR_OK);
	svc_queue_lane_retry(svc_queue_lane_get(w->q, 7));
	queue_world_read(w);
	CHECK(w->got_n == 3 && w->got[2].file_inode == inode && w->q->kept_octets == 0);
	queue_world_answer(w, 2, ERR_NOSPACE);
	svc_queue_lane_retry(svc_queue_lane_get(w->q, 7));
	queue_world_read(w);
	CHECK(w->got_n == 4 && w->got[3].file_inode != inode && w->got[3].crc == crc);
	inode = queue_world_commit_file(w, S("Above: 22\r\n"), false, &crc);
	CHECK(w->got_n == 6 && w->got[5].file_inode != inode && w->got[5].crc == crc);
	queue_world_free(w);
}

static void
commits_of_a_turn_share_a_flush(void)
{
	struct queue_world *w = queue_world_new();
	for (uint64_t i = 0; i < 20; i++) {
		queue_world_commit(w, i, 1, S("x"));
	}
	queue_world_commit(w, 99, 0, S("nobody"));
	queue_world_read(w);
	CHECK_U64(w->answers_n, 21);
	CHECK(w->q->flushes <= 2);
	unsigned refused = 0;
	for (size_t i = 0; i < w->answers_n; i++) {
		refused += w->answers[i].result == ERR_TOOBIG && w->answers[i].txn == 99;
	}
	CHECK_U64(refused, 1);
	queue_world_free(w);
}

static void
a_dead_process_brings_replays(void)
{
	struct queue_world *w = queue_world_new();
	queue_world_commit(w, 1, 7, S("one"));
	queue_world_commit(w, 2, 7, S("two"));
	queue_world_read(w);
	queue_world_read(w);
	CHECK_U64(w->got_n, 2);
	sys_close(&w->account); /* killed from outside: nobody's fault */
	queue_world_turn(w);
	queue_world_ended(w, ERR_UNAVAILABLE);
	struct svc_queue_lane *lane = svc_queue_lane_get(w->q, 7);
	CHECK(lane->state == LANE_BACKOFF && lane->one_by_one);
	svc_queue_lane_retry(lane);
	queue_world_read(w);
	queue_world_read(w);
	CHECK(w->got_n == 3 && w->got[2].replay && w->got[2].entry == w->got[0].entry);
	queue_world_answer(w, 2, ERR_OK);
	queue_world_read(w);
	CHECK(w->got_n == 4 && w->got[3].replay && w->got[3].entry == w->got[1].entry);
	queue_world_free(w);
}

static void
a_killer_is_held_and_the_others_pass(void)
{
	struct queue_world *w = queue_world_new();
	queue_world_commit(w, 1, 7, S("killer"));
	queue_world_commit(w, 2, 7, S("good"));
	queue_world_read(w);
	struct svc_queue_lane *lane = svc_queue_lane_get(w->q, 7);
	int crash = 0;
	for (; crash < 10 && w->q->held == 0; crash++) {
		if (crash > 0) {
			svc_queue_lane_retry(lane);
		}
		queue_world_read(w);
		queue_world_read(w);
		sys_close(&w->account);
		queue_world_turn(w);
		queue_world_ended(w, ERR_BUG);
	}
	CHECK_U64(crash, 1 + SVC_QUEUE_CRASHES_MAX); /* the first crash had both letters in hand */
	CHECK_U64(w->q->letters, 2);
	CHECK(!list_empty(&lane->held) && !list_empty(&lane->waiting));
	struct svc_queue_letter *held = LIST_ENTRY(lane->held.next, struct svc_queue_letter, node);
	CHECK_U64(held->parcel->entry, w->got[0].entry);
	svc_queue_lane_retry(lane);
	CHECK_U64(w->q->held, 1); /* that one is to be named */
	svc_queue_lane_release(held);
	CHECK_U64(w->q->held, 0);
	queue_world_free(w);
}

static void
failed_sync_keeps_the_letter(void)
{
	struct queue_world *w = queue_world_new();
	queue_world_commit(w, 1, 3, S("x"));
	queue_world_read(w);
	queue_world_read(w);
	queue_world_answer(w, 0, ERR_OK);
	svc_queue_settle_now(w->q);
	queue_world_read(w);
	queue_world_synced(w, ERR_IO);
	CHECK_U64(spool_live(w->q->spool), 1);
	svc_queue_settle_now(w->q);
	queue_world_read(w);
	queue_world_synced(w, ERR_OK);
	CHECK_U64(spool_live(w->q->spool), 0);
	queue_world_free(w);
}

/* It rests, and new letters do not wait with it: they may be smaller, or the reader tidied up. */
static void
a_full_mailbox_waits(void)
{
	struct queue_world *w = queue_world_new();
	queue_world_commit(w, 1, 3, S("x"));
	queue_world_read(w);
	queue_world_read(w);
	queue_world_answer(w, 0, ERR_QUOTA);
	struct svc_queue_lane *lane = svc_queue_lane_get(w->q, 3);
	CHECK(!list_empty(&lane->resting) && lane->rest_ms == SVC_QUEUE_BACKOFF_MIN_MS);
	CHECK(lane->state == LANE_LINGER);
	queue_world_commit(w, 2, 3, S("small"));
	queue_world_read(w);
	queue_world_read(w);
	CHECK(w->got_n == 2 && strcmp(w->got[1].body, "small") == 0);
	queue_world_answer(w, 1, ERR_OK);
	CHECK_U64(w->q->unsynced, 1);
	svc_queue_lane_retry(lane);
	queue_world_read(w);
	queue_world_read(w);
	CHECK(w->got_n == 3 && strcmp(w->got[2].body, "x") == 0);
	queue_world_answer(w, 2, ERR_QUOTA);
	CHECK_U64(lane->rest_ms, 2 * SVC_QUEUE_BACKOFF_MIN_MS);
	sys_timer_set(w->sc.loop, &lane->rest, 0);
	queue_world_read(w);
	queue_world_read(w);
	CHECK(w->got_n == 4 && strcmp(w->got[3].body, "x") == 0);
	CHECK_U64(w->q->letters, 2);
	queue_world_free(w);
}

/* Between commit and flush a letter is in no list of its lane, and its lane had nothing to do. */
static void
a_lane_lives_as_long_as_its_letters(void)
{
	struct queue_world *w = queue_world_new();
	queue_world_commit(w, 1, 3, S("x"));
	queue_world_read(w);
	queue_world_read(w);
	queue_world_answer(w, 0, ERR_OK);
	svc_queue_settle_now(w->q);
	queue_world_read(w);
	queue_world_synced(w, ERR_OK);
	struct svc_queue_lane *lane = svc_queue_lane_get(w->q, 3);
	CHECK(lane->state == LANE_LINGER && lane->letters == 0);
	sys_timer_set(w->sc.loop, &lane->timer, 0);
	queue_world_commit(w, 2, 3, S("y"));
	queue_world_read(w);
	queue_world_read(w);
	CHECK(w->got_n == 2 && strcmp(w->got[1].body, "y") == 0);
	queue_world_free(w);
}

static void
a_silent_process_loses_its_letters(void)
{
	struct queue_world *w = queue_world_new();
	queue_world_commit(w, 1, 3, S("x"));
	queue_world_commit(w, 2, 4, S("waits for its turn"));
	queue_world_read(w);
	queue_world_read(w);
	CHECK_U64(w->opened_account, 3);
	struct svc_queue_lane *lane = svc_queue_lane_get(w->q, 3);
	CHECK(lane->state == LANE_WORKING && sys_timer_is_set(&lane->timer));
	sys_timer_set(w->sc.loop, &lane->timer, 0);
	queue_world_read(w);
	queue_world_read(w);
	CHECK(lane->state == LANE_BACKOFF);
	CHECK_U64(w->opened_account, 4);
	CHECK(w->got_n == 2 && strcmp(w->got[1].body, "waits for its turn") == 0);
	queue_world_answer(w, 1, ERR_OK);
	svc_queue_lane_retry(lane);
	queue_world_read(w);
	queue_world_read(w);
	CHECK(w->got_n == 3 && w->got[2].replay && w->got[2].entry == w->got[0].entry);
	queue_world_free(w);
}

/* The folder of an account is gone: what was delivered into it is not taken for done. */
static void
a_lost_folder_brings_the_letters_back(void)
{
	struct queue_world *w = queue_world_new();
	queue_world_commit(w, 1, 3, S("x"));
	queue_world_read(w);
	queue_world_read(w);
	queue_world_answer(w, 0, ERR_OK);
	svc_queue_settle_now(w->q);
	queue_world_read(w);
	queue_world_synced(w, ERR_NOTFOUND);
	CHECK_U64(spool_live(w->q->spool), 1);
	CHECK_U64(w->q->unsynced, 0);
	queue_world_read(w);
	queue_world_read(w);
	CHECK(w->got_n == 2 && w->got[1].replay && w->got[1].entry == w->got[0].entry);
	queue_world_free(w);
}

/* The interval passed while accounts was away: it is not forgotten. */
static void
a_sync_waits_for_accounts(void)
{
	struct queue_world *w = queue_world_new();
	queue_world_commit(w, 1, 3, S("x"));
	queue_world_read(w);
	queue_world_read(w);
	queue_world_answer(w, 0, ERR_OK);
	sys_close(&w->accounts);
	queue_world_turn(w);
	CHECK(w->q->accounts.chan == NULL);
	sys_timer_set(w->sc.loop, &w->q->sync_timer, 0);
	queue_world_turn(w);
	CHECK(sys_timer_is_set(&w->q->sync_timer));
	queue_world_free(w);
}

static void
a_restart_replays_what_is_not_done(void)
{
	struct queue_world *w = queue_world_new();
	queue_world_commit(w, 1, 3, S("delivered, never synced"));
	queue_world_read(w);
	queue_world_read(w);
	queue_world_answer(w, 0, ERR_OK);
	uint64_t entry = w->got[0].entry;
	queue_world_kill(w);
	w->got_n = 0;
	queue_world_start(w);
	queue_world_read(w);
	queue_world_read(w);
	CHECK(w->got_n == 1 && w->got[0].entry == entry && w->got[0].replay);
	queue_world_free(w);
}

/* ---- without a process ---- */

static struct queue_world *
world_with_slot(void)
{
	struct queue_world *w = queue_world_new();
	int dir = -1;
	CHECK_ERR(sys_dir_open(SYS_CWD, str_from(w->folder), &dir), ERR_OK);
	CHECK_ERR(sys_file_open(dir, S("slot"), SYS_READ | SYS_WRITE | SYS_CREATE, &w->slot),
	    ERR_OK);
	sys_close(&dir);
	return w;
}

/* The letters in the file, as who takes them in reads them. */
static size_t
left(struct queue_world *w, struct store_arrival *ret, struct buf *b)
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
	struct queue_world *w = world_with_slot();
	struct store_arrival got[8];
	struct buf b;
	queue_world_commit(w, 5, 42, S("Subject: x\r\n\r\nhello"));
	queue_world_commit(w, 6, 42, S("second"));
	queue_world_read(w);
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
	queue_world_read(w);
	CHECK(w->last_sync_n == 0 && w->last_sync_left == 1 && w->sync_ids[0] == 42);
	queue_world_synced(w, ERR_OK);
	CHECK_U64(spool_live(w->q->spool), 0);
	CHECK_U64(map_count(w->q->lanes), 0);
	buf_done(&b);
	sys_close(&w->slot);
	queue_world_free(w);
}

/* A second letter of the lane goes another way: both ways are synced, and stay so on a failure. */
static void
left_and_delivered(void)
{
	struct queue_world *w = world_with_slot();
	queue_world_commit(w, 1, 42, S("one"));
	queue_world_read(w);
	sys_close(&w->slot);
	queue_world_commit(w, 2, 42, S("two"));
	queue_world_read(w);
	CHECK(w->got_n == 1 && w->opened_account == 42);
	queue_world_answer(w, 0, ERR_OK);
	svc_queue_settle_now(w->q);
	queue_world_read(w);
	CHECK(w->last_sync_n == 1 && w->last_sync_left == 0);
	queue_world_synced(w, ERR_IO);
	svc_queue_settle_now(w->q);
	queue_world_read(w);
	CHECK(w->last_sync_n == 1 && w->last_sync_left == 0);
	queue_world_synced(w, ERR_OK);
	CHECK_U64(spool_live(w->q->spool), 0);
	queue_world_free(w);
}

/* The mark comes along both ways, and through the journal. */
static void
junk(void)
{
	struct queue_world *w = world_with_slot();
	struct store_arrival got[8];
	struct buf b;
	w->junk = true;
	queue_world_commit(w, 5, 42, S("one"));
	queue_world_read(w);
	w->junk = false;
	queue_world_commit(w, 6, 42, S("two"));
	queue_world_read(w);
	CHECK_U64(left(w, got, &b), 2);
	CHECK(got[0].junk && !got[1].junk);
	buf_done(&b);
	sys_close(&w->slot);
	queue_world_kill(w);
	queue_world_start(w);
	queue_world_read(w);
	CHECK(w->got_n == 2 && w->got[0].replay);
	CHECK(w->got[0].junk && !w->got[1].junk);
	queue_world_free(w);
}

/* Whatever may be there already is for a process. */
static void
not_for_a_slot(void)
{
	struct queue_world *w = world_with_slot();
	queue_world_commit(w, 1, 7, S("one"));
	queue_world_read(w);
	CHECK_U64(w->slots, 1);
	svc_queue_settle_now(w->q);
	queue_world_read(w);
	queue_world_synced(w, ERR_NOTFOUND); /* the folder is gone: once more, as a replay */
	queue_world_read(w);
	CHECK_U64(w->slots, 1);
	CHECK(w->opened_account == 7 && w->got_n == 1 && w->got[0].replay);
	queue_world_answer(w, 0, ERR_QUOTA);
	sys_close(&w->account);
	queue_world_turn(w);
	svc_queue_lane_retry(svc_queue_lane_get(w->q, 7));
	queue_world_read(w);
	CHECK(w->slots == 1 && w->got_n == 2);
	sys_close(&w->slot);
	queue_world_free(w);
}

/* A file that takes nothing more: the rest goes by a process. */
static void
full_slot(void)
{
	struct queue_world *w = world_with_slot();
	struct store_arrival got[8];
	struct buf b;
	CHECK_ERR(sys_file_write(w->slot, 0, S("not a file of arrivals, but long enough for it")),
	    ERR_OK);
	queue_world_commit(w, 1, 7, S("one"));
	queue_world_read(w);
	queue_world_read(w);
	CHECK(w->slots == 1 && w->opened_account == 7 && w->got_n == 1 && !w->got[0].replay);
	CHECK_U64(w->arrived, 0);
	CHECK_ERR(sys_file_truncate(w->slot, 0), ERR_OK);
	queue_world_answer(w, 0, ERR_OK);
	queue_world_commit(w, 2, 7, S("two")); /* the process is there: it gets it */
	queue_world_read(w);
	CHECK(w->slots == 1 && w->got_n == 2);
	CHECK_U64(left(w, got, &b), 0);
	buf_done(&b);
	sys_close(&w->slot);
	queue_world_free(w);
}

/* accounts dies with the question: asked again, and what came late is not used. */
static void
accounts_dies_asked(void)
{
	struct queue_world *w = world_with_slot();
	struct store_arrival got[8];
	struct buf b;
	int accounts[2];
	w->slot_silent = true;
	queue_world_commit(w, 1, 7, S("one"));
	queue_world_read(w);
	CHECK_U64(w->slots, 1);
	CHECK_U64(left(w, got, &b), 0);
	buf_done(&b);
	sys_close(&w->accounts);
	queue_world_turn(w);
	CHECK_U64(w->q->working, 0);
	w->slot_silent = false;
	CHECK_ERR(sys_chan_pair(accounts), ERR_OK);
	CHECK_ERR(svc_common_wire(&w->sc, S("queue_accounts"), 0, accounts[0]), ERR_OK);
	w->accounts = accounts[1];
	queue_world_read(w);
	CHECK_U64(w->slots, 2);
	CHECK_U64(left(w, got, &b), 1);
	struct ipc_queue_accounts_slotted late = { .job = 1, .account = 7, .result = ERR_OK };
	buf_reset(&w->out);
	ipc_queue_accounts_slotted_put(&w->out, &late);
	CHECK_ERR(sys_chan_send_wait(w->accounts, &w->out, dup(w->slot), 0), ERR_OK);
	queue_world_read(w);
	buf_done(&b);
	CHECK_U64(left(w, got, &b), 1);
	buf_done(&b);
	sys_close(&w->slot);
	queue_world_free(w);
}

/* RFC 3461 4.1: who asked for it is told when the mailbox has it. */
static void
a_delivery_is_reported(void)
{
	struct queue_world *w = queue_world_new();
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
	queue_world_read(w);
	queue_world_read(w);
	CHECK_U64(w->got_n, 1);
	queue_world_answer(w, 0, ERR_OK);
	svc_queue_settle_now(w->q);
	queue_world_read(w);
	queue_world_synced(w, ERR_OK);
	queue_world_read(w);
	queue_world_read(w);
	CHECK(w->got_n == 2 && w->opened_account == 9);
	CHECK(strncmp(w->got[1].body, "From: Mail delivery <postmaster@", 32) == 0);
	CHECK_U64(spool_live(w->q->spool), 1); /* the report */
	queue_world_free(w);
}

TEST_MAIN(a_delivery_is_reported, left_to_the_end, left_and_delivered, junk, not_for_a_slot,
    full_slot, accounts_dies_asked, one_letter_to_the_end, files_go_on,
    commits_of_a_turn_share_a_flush, a_dead_process_brings_replays,
    a_killer_is_held_and_the_others_pass, failed_sync_keeps_the_letter, a_full_mailbox_waits,
    a_restart_replays_what_is_not_done, a_lane_lives_as_long_as_its_letters,
    a_silent_process_loses_its_letters, a_lost_folder_brings_the_letters_back,
    a_sync_waits_for_accounts)
