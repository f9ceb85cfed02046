/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Delivery processes and syncers of the accounts service: who questions one, who hears of a
 * delivery, and what the queue is told when one ends.
 */
#include "store/arrivals/arrivals.h"
#include "svc/accounts/world_test.h"

#include <signal.h>

#include "sys/file.h"
#include "sys/sys.h"

#define LETTER "Subject: x\r\nMessage-ID: <a@b>\r\n\r\nHello\r\n"

static struct svc_accounts_child *
delivery_of(uint64_t account)
{
	LIST_EACH(it, &w.s->children) {
		struct svc_accounts_child *c = LIST_ENTRY(it, struct svc_accounts_child, node);
		if (c->account == account && c->kind == SVC_ACCOUNTS_DELIVERY) {
			return c;
		}
	}
	return NULL;
}

static bool
is_zero(const void *count)
{
	return *(const size_t *)count == 0;
}

/* A delivery process for an account auth knows. */
static int
open_known(uint64_t job, uint64_t account)
{
	size_t before = w.questions_n;
	int process = world_open(job, account);
	CHECK(world_heard(&w.questions_n, before + 1));
	CHECK_U64(w.questions[before].account, account);
	world_tell_account(ERR_OK, true);
	return process;
}

static void
what_auth_says_of_an_account(void)
{
	static const struct {
		const char *name;
		enum err said, ended; /* OK: it takes letters */
	} cases[] = {
		{ "active", ERR_OK, ERR_OK },
		{ "disabled: what was accepted is kept", ERR_DISABLED, ERR_OK },
		{ "unknown", ERR_NOTFOUND, ERR_NOTFOUND },
		{ "auth failed", ERR_DB, ERR_UNAVAILABLE },
	};
	for (size_t i = 0; i < LEN(cases); i++) {
		test_case = cases[i].name;
		world_new();
		int process = world_open(3, 7);
		CHECK(world_heard(&w.questions_n, 1));
		world_tell_account(cases[i].said, false);
		if (cases[i].ended == ERR_OK) {
			CHECK_ERR(world_deliver(process, 9, LETTER), ERR_OK);
			sys_close(&process);
		} else {
			CHECK(world_closed(process));
		}
		CHECK(world_heard(&w.ended_n, 1));
		CHECK_U64(w.ended[0].job, 3);
		CHECK_U64(w.ended[0].account, 7);
		CHECK_ERR(w.ended[0].result, cases[i].ended);
		sys_close(&process);
		world_free();
	}
	test_case = "";
}

/* Facts are asked for once a minute, and again after a revocation. */
static void
facts_are_remembered(void)
{
	world_new();
	int one = open_known(1, 7);
	CHECK_ERR(world_deliver(one, 1, LETTER), ERR_OK);
	sys_close(&one);
	int two = world_open(2, 7);
	CHECK_ERR(world_deliver(two, 2, LETTER), ERR_OK);
	CHECK_U64(w.questions_n, 1);
	sys_close(&two);
	world_revoke(7, false);
	world_turn();
	int three = open_known(3, 7);
	CHECK_U64(w.questions_n, 2);
	sys_close(&three);
	world_free();
}

static void
auth_dies_with_a_question(void)
{
	world_new();
	int process = world_open(4, 7);
	CHECK(world_heard(&w.questions_n, 1));
	sys_close(&w.auth);
	CHECK(world_heard(&w.ended_n, 1));
	CHECK_ERR(w.ended[0].result, ERR_UNAVAILABLE);
	CHECK(world_closed(process));
	sys_close(&process);
	process = world_open(5, 7); /* and nobody is there to be asked */
	CHECK(world_heard(&w.ended_n, 2));
	CHECK_U64(w.ended[1].job, 5);
	CHECK(world_closed(process));
	CHECK_U64(map_count(w.s->asked), 0);
	sys_close(&process);
	world_free();
}

static void
only_siblings_hear_of_it(void)
{
	struct world_client mine, other;
	world_new();
	world_log_in(7, &mine);
	world_log_in(8, &other);
	world_say(&mine, "a2 SELECT INBOX\r\n");
	CHECK(world_hears(&mine, "a2 OK"));
	world_say(&mine, "a3 IDLE\r\n");
	CHECK(world_hears(&mine, "+"));
	world_say(&other, "a2 SELECT INBOX\r\n");
	CHECK(world_hears(&other, "a2 OK"));
	world_say(&other, "a3 IDLE\r\n");
	CHECK(world_hears(&other, "+"));
	size_t heard = other.n;
	int process = open_known(1, 7);
	CHECK_ERR(world_deliver(process, 1, LETTER), ERR_OK);
	CHECK(world_hears(&mine, "* 1 EXISTS"));
	world_say(&other, "DONE\r\n");
	CHECK(world_hears(&other, "a3 OK"));
	CHECK(heard > 0 && strstr(other.text, "EXISTS") == NULL);
	sys_close(&process);
	world_client_done(&mine);
	world_client_done(&other);
	world_free();
}

static void
a_crash_is_told_from_a_kill(void)
{
	static const struct {
		const char *name;
		int signal;
		enum err want;
	} cases[] = {
		{ "killed from outside", SIGKILL, ERR_UNAVAILABLE },
		{ "terminated", SIGTERM, ERR_UNAVAILABLE },
		{ "wild pointer", SIGSEGV, ERR_BUG },
		{ "assertion", SIGABRT, ERR_BUG },
		{ "forbidden system call", SIGSYS, ERR_BUG },
	};
	signal(SIGSEGV, SIG_DFL); /* the sanitizer would make an exit of it */
	world_new();
	for (size_t i = 0; i < LEN(cases); i++) {
		test_case = cases[i].name;
		int process = i == 0 ? open_known(i + 1, 7) : world_open(i + 1, 7);
		CHECK_ERR(world_deliver(process, 100 + i, LETTER), ERR_OK);
		CHECK_ERR(sys_child_signal(&delivery_of(7)->process, cases[i].signal), ERR_OK);
		CHECK(world_heard(&w.ended_n, i + 1));
		CHECK_U64(w.ended[i].job, i + 1);
		CHECK_ERR(w.ended[i].result, cases[i].want);
		CHECK(world_closed(process));
		sys_close(&process);
	}
	test_case = "";
	CHECK_U64(w.s->crashed, LEN(cases));
	world_free();
}

/*
 * The kernel must not tell us of a child that is freed while another process still holds its
 * descriptor, as one does that was forked a moment ago.
 */
static void
a_copy_of_a_pidfd_does_no_harm(void)
{
	int copy = -1;
	world_new();
	int process = open_known(1, 7);
	CHECK_ERR(world_deliver(process, 1, LETTER), ERR_OK);
	CHECK_ERR(sys_dup(delivery_of(7)->process.pidfd, &copy), ERR_OK);
	sys_close(&process);
	CHECK(world_until(is_zero, &w.s->deliveries));
	for (int i = 0; i < 10; i++) {
		world_turn();
	}
	CHECK_U64(w.ended_n, 1);
	sys_close(&copy);
	world_free();
}

/* Two could deliver a letter twice: the younger wins. */
static void
one_delivery_process_an_account(void)
{
	world_new();
	int one = open_known(1, 7);
	CHECK_ERR(world_deliver(one, 1, LETTER), ERR_OK);
	int two = world_open(2, 7);
	CHECK(world_closed(one));
	CHECK_ERR(world_deliver(two, 2, LETTER), ERR_OK);
	CHECK_U64(w.s->deliveries, 1);
	CHECK_U64(w.s->crashed, 0);
	sys_close(&one);
	sys_close(&two);
	world_free();
}

static void
ask_sync(uint64_t job, const uint64_t *ids, size_t n)
{
	struct ipc_common_id list[8];
	struct ipc_queue_accounts_sync m = { .job = job, .accounts = list, .accounts_n = n };
	for (size_t i = 0; i < n; i++) {
		list[i].id = ids[i];
	}
	ipc_queue_accounts_sync_put(&w.out, &m);
	CHECK_ERR(sys_chan_send_wait(w.queue, &w.out, -1, 0), ERR_OK);
	buf_reset(&w.out);
}

static void
syncers_answer_for_each(void)
{
	static const uint64_t ids[] = { 7, 4711 };
	world_new();
	int process = open_known(1, 7);
	CHECK_ERR(world_deliver(process, 1, LETTER), ERR_OK);
	ask_sync(20, ids, LEN(ids));
	CHECK(world_heard(&w.syncs, 1));
	CHECK_U64(w.synced_n, 2);
	CHECK(w.synced[0].id == 7 && w.synced[0].result == ERR_OK);
	CHECK(w.synced[1].id == 4711 && w.synced[1].result == ERR_NOTFOUND);
	CHECK(world_until(is_zero, &w.s->syncers));
	CHECK_U64(w.syncs, 1);
	ask_sync(21, ids, 1);
	sys_close(&w.queue); /* the syncer has nobody to tell */
	CHECK(world_until(is_zero, &w.s->syncers));
	sys_close(&process);
	world_free();
}

/* A syncer that dies has synced nothing as far as the queue is concerned. */
static void
a_dead_syncer_answers_nothing(void)
{
	static const struct svc_accounts_sync sync = { .job = 30, .ids = { 7 }, .n = 1, .full = 1 };
	world_new();
	CHECK_ERR(svc_accounts_syncer_new(w.s, &sync), ERR_OK);
	struct svc_accounts_child *c = LIST_ENTRY(w.s->children.next, struct svc_accounts_child,
	    node);
	CHECK_ERR(sys_child_signal(&c->process, SIGKILL), ERR_OK);
	CHECK(world_heard(&w.syncs, 1));
	CHECK(world_until(is_zero, &w.s->syncers));
	for (size_t i = 0; i < w.synced_n; i++) { /* unless it was faster than the signal */
		CHECK_ERR(w.synced[i].result, ERR_NOTFOUND);
	}
	world_free();
}

/* ---- slots ---- */

/* Ask for one; true when it came. */
static bool
get_slot(uint64_t job, uint64_t account)
{
	struct ipc_queue_accounts_slot m = { .job = job, .account = account };
	size_t before = w.slotted_n, asked = w.questions_n;
	ipc_queue_accounts_slot_put(&w.out, &m);
	CHECK_ERR(sys_chan_send_wait(w.queue, &w.out, -1, 0), ERR_OK);
	buf_reset(&w.out);
	for (int i = 0; i < 1000 && w.slotted_n == before && w.questions_n == asked; i++) {
		world_turn();
	}
	if (w.slotted_n == before) {
		world_tell_account(ERR_OK, true);
	}
	CHECK(world_heard(&w.slotted_n, before + 1));
	CHECK(w.slotted[before].job == job && w.slotted[before].account == account);
	CHECK((w.slotted[before].result == ERR_OK) == (w.slot >= 0));
	return w.slot >= 0;
}

static enum err
leave(uint64_t entry)
{
	struct store_arrival a = { .entry = entry, .internal_s = 1, .body = S(LETTER) };
	return store_arrivals_add(w.slot, &a);
}

/* One delivery, after which nobody is there. */
static void
live_once(uint64_t account)
{
	int process = open_known(1, account);
	CHECK_ERR(world_deliver(process, 1, LETTER), ERR_OK);
	sys_close(&process);
	CHECK(world_until(is_zero, &w.s->deliveries));
}

static void
who_gets_a_slot(void)
{
	struct world_client c;
	static const uint64_t seven = 7;
	world_new();
	CHECK(!get_slot(2, 7)); /* its folder was never made */
	int process = world_open(3, 7);
	CHECK_ERR(world_deliver(process, 1, LETTER), ERR_OK);
	CHECK(!get_slot(4, 7)); /* a process is at it */
	sys_close(&process);
	CHECK(world_until(is_zero, &w.s->deliveries));
	CHECK(get_slot(5, 7));
	CHECK_ERR(leave(2), ERR_OK);
	sys_close(&w.slot);
	world_log_in(7, &c);
	CHECK(!get_slot(6, 7)); /* somebody reads it, and found what was left */
	world_say(&c, "a2 SELECT INBOX\r\n");
	CHECK(world_hears(&c, "* 2 EXISTS"));
	world_say(&c, "a3 LOGOUT\r\n");
	CHECK(world_over(&c));
	world_client_done(&c);
	CHECK(world_until(is_zero, &w.s->sessions));
	CHECK(get_slot(7, 7));
	sys_close(&w.slot);
	w.quota = 1000000;
	world_revoke(7, false); /* facts are asked for anew */
	world_turn();
	CHECK(!get_slot(8, 7)); /* nobody knows how full it is */
	process = world_open(9, 7);
	CHECK_ERR(world_deliver(process, 3, LETTER), ERR_OK);
	sys_close(&process);
	CHECK(world_until(is_zero, &w.s->deliveries));
	CHECK(!get_slot(10, 7)); /* too full for a file of arrivals */
	w.quota = 100000000;
	world_revoke(7, false);
	world_turn();
	CHECK(get_slot(11, 7));
	sys_close(&w.slot);
	CHECK_U64(map_count(w.s->asked), 0);
	CHECK(lru_get(w.s->facts, str_make(&seven, sizeof seven)) != NULL);
	world_free();
}

static void
auth_dies_with_a_wish(void)
{
	world_new();
	struct ipc_queue_accounts_slot m = { .job = 3, .account = 7 };
	ipc_queue_accounts_slot_put(&w.out, &m);
	CHECK_ERR(sys_chan_send_wait(w.queue, &w.out, -1, 0), ERR_OK);
	buf_reset(&w.out);
	CHECK(world_heard(&w.questions_n, 1));
	sys_close(&w.auth);
	CHECK(world_heard(&w.slotted_n, 1));
	CHECK(w.slotted[0].result != ERR_OK && w.slot < 0);
	world_free();
}

/* A session that began between the answer and the letter is told, and the letter is there. */
static void
left_beside_a_session(void)
{
	struct world_client c;
	struct ipc_queue_accounts_arrived m = { .account = 7 };
	world_new();
	live_once(7);
	CHECK(get_slot(2, 7));
	world_log_in(7, &c);
	world_say(&c, "a2 SELECT INBOX\r\n");
	CHECK(world_hears(&c, "a2 OK"));
	world_say(&c, "a3 IDLE\r\n");
	CHECK(world_hears(&c, "+"));
	CHECK_ERR(leave(2), ERR_OK);
	ipc_queue_accounts_arrived_put(&w.out, &m);
	CHECK_ERR(sys_chan_send_wait(w.queue, &w.out, -1, 0), ERR_OK);
	buf_reset(&w.out);
	CHECK(world_hears(&c, "* 2 EXISTS"));
	sys_close(&w.slot);
	world_client_done(&c);
	world_free();
}

static void
what_was_left_is_synced(void)
{
	struct ipc_common_id left[] = { { 7 }, { 4711 } };
	struct ipc_queue_accounts_sync m = { .job = 9, .arrivals = left, .arrivals_n = 2 };
	world_new();
	live_once(7);
	CHECK(get_slot(2, 7));
	CHECK_ERR(leave(2), ERR_OK);
	sys_close(&w.slot);
	ipc_queue_accounts_sync_put(&w.out, &m);
	CHECK_ERR(sys_chan_send_wait(w.queue, &w.out, -1, 0), ERR_OK);
	buf_reset(&w.out);
	CHECK(world_heard(&w.syncs, 1));
	CHECK(w.synced[0].id == 7 && w.synced[0].result == ERR_OK);
	CHECK(w.synced[1].id == 4711 && w.synced[1].result == ERR_NOTFOUND);
	CHECK(world_until(is_zero, &w.s->syncers));
	world_free();
}

TEST_MAIN(who_gets_a_slot, auth_dies_with_a_wish, left_beside_a_session, what_was_left_is_synced,
    what_auth_says_of_an_account, facts_are_remembered, auth_dies_with_a_question,
    only_siblings_hear_of_it, a_crash_is_told_from_a_kill, a_copy_of_a_pidfd_does_no_harm,
    one_delivery_process_an_account, syncers_answer_for_each, a_dead_syncer_answers_nothing)
