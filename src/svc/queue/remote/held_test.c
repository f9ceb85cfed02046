/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is held, by policy or by hand, and what is let go, here and elsewhere: whoever is killed in
 * between and whatever the disk does, a letter ends in one way.
 */
#include <errno.h>

#include "ipc/adm_queue.h"
#include "ipc/policy_queue.h"
#include "svc/queue/remote/world_test.h"

/* ---- an account that policy holds ---- */

static int
wire_policy(void)
{
	int fds[2];
	CHECK_ERR(sys_chan_pair(fds), ERR_OK);
	CHECK_ERR(svc_common_wire(&w->sc, S("policy_queue"), 0, fds[0]), ERR_OK);
	return fds[1];
}

static void
policy_says(int fd, uint64_t account, bool on)
{
	const struct ipc_policy_queue_hold m = { .account = account, .on = on };
	buf_reset(&w->out);
	ipc_policy_queue_hold_put(&w->out, &m);
	CHECK_ERR(sys_chan_send_wait(fd, &w->out, -1, 0), ERR_OK);
	world_go();
}

/* What waits and what comes is held, over a restart too; what others send goes. */
static void
a_suspect_account_is_held(void)
{
	world_open();
	int fd = wire_policy();
	policy_says(fd, 7, true);
	world_commit_to(S("a@example.net"));
	CHECK_U64(w->got_n, 0);
	CHECK_U64(w->q->held, 1);
	policy_says(fd, 8, true);
	policy_says(fd, 8, false);
	CHECK_U64(w->q->held, 1);
	sys_close(&fd);
	world_restart();
	CHECK_U64(w->q->held, 1);
	CHECK_U64(w->got_n, 0);
	fd = wire_policy();
	policy_says(fd, 7, true); /* policy says it again */
	world_commit_to(S("b@example.net"));
	CHECK_U64(w->q->held, 2);
	policy_says(fd, 7, false);
	CHECK_U64(w->q->held, 0);
	CHECK(world_await_letters(2));
	world_answer(0, 1, "", false);
	world_answer(1, 1, "", false);
	CHECK_U64(world_live(), 0);
	sys_close(&fd);
	world_close();
}

/* The same for letters to accounts here; a crash in between changes nothing. */
static void
a_suspect_account_is_held_here(void)
{
	struct spool_rcpt to = { .account = 3, .address = S("c@example.org") };
	const struct spool_envelope e = world_envelope(&to, 1);
	struct spool_envelope other = e;
	other.account = 8;
	world_open();
	int fd = wire_policy();
	policy_says(fd, 7, true);
	world_commit(&e);
	world_commit(&e);
	CHECK_U64(w->here, 0);
	CHECK_U64(w->q->held, 2);
	world_commit(&other);
	world_go();
	CHECK_U64(w->here, 1);
	svc_queue_lane_retry(svc_queue_lane_get(w->q, 3)); /* as for a letter of somebody else */
	world_go();
	CHECK_U64(w->q->held, 2);
	sys_close(&fd);
	world_restart();
	CHECK_U64(w->q->held, 2);
	w->here = 0; /* what the other one sent may come again */
	fd = wire_policy();
	policy_says(fd, 7, true);
	CHECK_U64(w->q->held, 2);
	policy_says(fd, 7, false);
	CHECK_U64(w->q->held, 0);
	world_go();
	CHECK(w->here == 2 || w->here == 3);
	sys_close(&fd);
	world_close();
}

/* ---- one of them is failed while policy lets it go ---- */

enum { FAILED = 1, RELEASED = 2, HELD = 4, CUT = 8, DISK = 16 };

static enum err
no_message(void *ctx, str datagram, int *fd)
{
	return ERR_OK;
}

static void
no_end(void *ctx, enum err why)
{
}

/* Who asks has gone before the answer comes. */
static void
admin_moves(const struct ipc_adm_queue_move *m)
{
	struct sys_chan *admin;
	int fds[2], none = -1;
	buf_reset(&w->out);
	ipc_adm_queue_move_put(&w->out, m);
	CHECK_ERR(sys_chan_pair(fds), ERR_OK);
	const struct sys_chan_handler handler = { .on_message = no_message, .on_closed = no_end };
	CHECK_ERR(sys_chan_new(w->sc.loop, fds[0], &handler, &admin), ERR_OK);
	CHECK_ERR(svc_queue_on_admin(&w->sc, admin, buf_view(&w->out), &none), ERR_OK);
	svc_queue_on_admin_closed(&w->sc, admin);
	sys_chan_free(&admin);
	sys_close(&fds[1]);
}

/* Both edges are handled before the loop turns, so that the report is not durable in between. */
static void
says(int what)
{
	const struct ipc_policy_queue_hold hold = { .account = 7, .on = what == HELD };
	const struct ipc_adm_queue_move fail = { .request = 1, .what = SVC_QUEUE_FAIL };
	int none = -1;
	buf_reset(&w->out);
	if (what != FAILED) {
		ipc_policy_queue_hold_put(&w->out, &hold);
		CHECK_ERR(svc_queue_remote_from_policy(&w->q->policy, buf_view(&w->out), &none),
		    ERR_OK);
		return;
	}
	admin_moves(&fail);
}

/*
 * A held letter to an account here ends in one way: delivered, or with a report, never both and
 * never none; whoever was first, whatever the disk does, and wherever the process is killed.
 */
static void
failed_and_released(void)
{
	static const struct {
		const char *name;
		int steps[3];
		int then;
		size_t here, reports, held;
	} cases[] = {
		{ "failed, then released", { FAILED, RELEASED }, 0, 0, 1, 0 },
		{ "released, then failed", { RELEASED, FAILED }, 0, 0, 1, 0 },
		{ "failed twice", { FAILED, FAILED }, 0, 0, 1, 0 },
		{ "failed, released, held", { FAILED, RELEASED, HELD }, 0, 0, 1, 0 },
		{ "failed, released, failed", { FAILED, RELEASED, FAILED }, 0, 0, 1, 0 },
		{ "failed, then killed", { FAILED }, CUT, 0, 0, 1 },
		{ "failed, released, then killed", { FAILED, RELEASED }, CUT, 0, 0, 1 },
		{ "released, failed, then killed", { RELEASED, FAILED }, CUT, 0, 0, 1 },
		{ "failed, and the disk fails", { FAILED }, DISK, 0, 0, 1 },
		{ "failed, released, and the disk fails", { FAILED, RELEASED }, DISK, 1, 0, 0 },
		{ "released, failed, and the disk fails", { RELEASED, FAILED }, DISK, 1, 0, 0 },
		{ "failed, released, held, and the disk fails", { FAILED, RELEASED, HELD }, DISK, 0,
		    0, 1 },
	};
	for (size_t i = 0; i < LEN(cases); i++) {
		struct spool_rcpt to = { .account = 3, .address = S("c@example.org") };
		const struct spool_envelope e = world_envelope(&to, 1);
		test_case = cases[i].name;
		world_open();
		int fd = wire_policy();
		says(HELD);
		world_commit(&e);
		CHECK_U64(w->q->held, 1);
		for (size_t k = 0; k < LEN(cases[i].steps) && cases[i].steps[k] != 0; k++) {
			says(cases[i].steps[k]);
		}
		sys_close(&fd);
		if (cases[i].then == CUT) {
			world_restart();
		} else if (cases[i].then == DISK) {
			sys_fail_after(1, EIO);
			(void)(sys_loop_turn(w->sc.loop, 0) == ERR_OK);
			sys_fail_after(0, 0);
		}
		world_go();
		CHECK_U64(w->here, cases[i].here);
		CHECK_U64(w->reports, cases[i].reports);
		CHECK_U64(w->q->held, cases[i].held);
		CHECK_U64(world_live(), 1); /* the letter, or the report until it is synced */
		world_restart();            /* what is held stays held, what is told stays told */
		CHECK_U64(w->q->held, cases[i].held);
		CHECK_U64(world_live(), 1);
		world_close();
	}
}

/* The same for one to another server: what was held is not sent because a report failed. */
static void
failed_and_held_elsewhere(void)
{
	static const struct {
		const char *name;
		int steps[3];
		bool operator, room;
		size_t held;
	} cases[] = {
		{ "failed, and the disk fails", { FAILED }, false, true, 1 },
		{ "held by hand, failed, and the disk fails", { FAILED }, true, true, 1 },
		{ "failed, released, and the disk fails", { FAILED, RELEASED }, false, true, 0 },
		{ "failed, released, held, and the disk fails", { FAILED, RELEASED, HELD }, false,
		    true, 1 },
		{ "failed, and there is no room", { FAILED }, false, false, 1 },
		{ "held by hand, failed, and there is no room", { FAILED }, true, false, 1 },
	};
	const struct ipc_adm_queue_move hold = { .request = 1, .what = SVC_QUEUE_HOLD };
	for (size_t i = 0; i < LEN(cases); i++) {
		test_case = cases[i].name;
		world_open();
		int fd = wire_policy();
		sys_close(&w->send);
		world_go();
		if (!cases[i].operator) {
			says(HELD);
		}
		world_commit_to(S("b@example.net"));
		if (cases[i].operator) {
			admin_moves(&hold);
		}
		world_go();
		CHECK_U64(w->q->held, 1);
		world_wire_send();
		w->q->low_space = !cases[i].room;
		for (size_t k = 0; k < LEN(cases[i].steps) && cases[i].steps[k] != 0; k++) {
			says(cases[i].steps[k]);
		}
		sys_fail_after(cases[i].room ? 1 : 0, EIO);
		(void)(sys_loop_turn(w->sc.loop, 0) == ERR_OK);
		sys_fail_after(0, 0);
		if (cases[i].held > 0) {
			for (int k = 0; k < 20; k++) {
				world_turn(1);
				world_go();
			}
			CHECK_U64(w->got_n, 0);
		} else {
			CHECK(world_await_letters(1));
		}
		CHECK(w->q->held == cases[i].held && w->reports == 0 && world_live() == 1);
		sys_close(&fd);
		world_restart();
		CHECK_U64(w->q->held, cases[i].held);
		world_close();
	}
}

/* One of two that are held for the same account is let go; and trying everything is no release. */
static void
only_what_is_named_is_released(void)
{
	struct spool_rcpt to = { .account = 3, .address = S("c@example.org") };
	const struct spool_envelope e = world_envelope(&to, 1);
	struct ipc_adm_queue_move m = { .request = 1, .what = SVC_QUEUE_HOLD };
	world_open();
	int fd = wire_policy();
	says(HELD);
	world_commit(&e);
	world_commit(&e);
	world_commit_to(S("b@example.net"));
	CHECK_U64(w->q->held, 3);
	m.what = SVC_QUEUE_RETRY;
	admin_moves(&m);
	world_go();
	CHECK(w->q->held == 3 && w->here == 0 && w->got_n == 0);
	m.what = SVC_QUEUE_RELEASE;
	m.which.only = LIST_ENTRY(w->q->parcels.next, struct svc_queue_parcel, node)->entry;
	admin_moves(&m);
	world_go();
	CHECK(w->q->held == 2 && w->here == 1);
	says(RELEASED);
	says(HELD);
	world_go();
	m = (struct ipc_adm_queue_move){ .request = 1, .what = SVC_QUEUE_RELEASE };
	admin_moves(&m);
	world_go();
	CHECK(w->q->held == 0);
	sys_close(&fd);
	world_close();
}

/* By hand: of three held for an account one is named, and the others stay. */
static void
others_by_hand_stay_held(void)
{
	struct spool_rcpt to = { .account = 3, .address = S("c@example.org") };
	const struct spool_envelope e = world_envelope(&to, 1);
	struct ipc_adm_queue_move m = { .request = 1, .what = SVC_QUEUE_HOLD };
	world_open();
	sys_close(&w->accounts);
	world_go();
	for (int i = 0; i < 3; i++) {
		world_commit(&e);
	}
	admin_moves(&m);
	world_go();
	CHECK_U64(w->q->held, 3);
	m.which.only = LIST_ENTRY(w->q->parcels.next, struct svc_queue_parcel, node)->entry;
	m.what = SVC_QUEUE_RELEASE;
	admin_moves(&m);
	world_go();
	CHECK_U64(w->q->held, 2);
	world_restart();
	CHECK_U64(w->q->held, 2);
	world_close();
}

/* ---- what was released stays released ---- */

struct heard {
	size_t n;
	uint64_t account;
	uint32_t mark;
};

static enum err
got_released(void *ctx, const struct ipc_policy_queue_released *m, int *fd)
{
	struct heard *h = ctx;
	*h = (struct heard){ h->n + 1, m->account, m->mark };
	return ERR_OK;
}

static void
hear(int fd, struct heard *h)
{
	static const struct ipc_policy_queue_at_policy handlers = { .released = got_released };
	int none = -1;
	while (sys_chan_recv(fd, &w->in, &none) == ERR_OK) {
		CHECK_ERR(ipc_policy_queue_policy_dispatch(&handlers, h, buf_view(&w->in), &none,
			      w->arena),
		    ERR_OK);
	}
}

static void
policy_releases(int fd, uint32_t mark)
{
	const struct ipc_policy_queue_hold m = { .account = 7, .on = false, .mark = mark };
	buf_reset(&w->out);
	ipc_policy_queue_hold_put(&w->out, &m);
	CHECK_ERR(sys_chan_send_wait(fd, &w->out, -1, 0), ERR_OK);
}

/*
 * Killed before the flush, or the disk fails: policy is not told that it is durable, says it once
 * more to the next queue, and the letters that queue found held go on.
 */
static void
an_overtaken_release_is_taken_up_again(void)
{
	static const struct {
		const char *name;
		unsigned fail; /* the n-th call; 0: killed before any */
	} cases[] = { { "killed", 0 }, { "the write fails", 1 }, { "the sync fails", 2 } };
	struct spool_rcpt to[2] = { { .account = 3, .address = S("c@example.org") },
		{ .address = S("b@example.net") } };
	const struct spool_envelope e = world_envelope(to, 2);
	for (size_t i = 0; i < LEN(cases); i++) {
		struct heard heard = { 0 };
		test_case = cases[i].name;
		world_open();
		int fd = wire_policy();
		policy_says(fd, 7, true);
		world_commit(&e);
		CHECK_U64(w->q->held, 2);
		if (cases[i].fail == 0) {
			says(RELEASED);
		} else {
			policy_releases(fd, 5);
			sys_fail_after(cases[i].fail, EIO);
			for (int k = 0; k < 3; k++) {
				(void)(sys_loop_turn(w->sc.loop, 0) == ERR_OK);
			}
			sys_fail_after(0, 0);
			hear(fd, &heard);
		}
		CHECK_U64(heard.n, 0);
		sys_close(&fd);
		world_restart();
		CHECK_U64(w->q->held, 2);
		fd = wire_policy();
		policy_releases(fd, 6);
		world_go();
		hear(fd, &heard);
		CHECK(heard.n == 1 && heard.account == 7 && heard.mark == 6);
		CHECK_U64(w->q->held, 0);
		CHECK(world_await_letters(1));
		sys_close(&fd);
		world_restart(); /* now the journal knows it, whatever policy says */
		CHECK_U64(w->q->held, 0);
		world_close();
	}
}

/* ---- the administrator is told when it is durable ---- */

static enum err
got_moved(void *ctx, const struct ipc_adm_queue_moved *m, int *fd)
{
	*(struct ipc_adm_queue_moved *)ctx = *m;
	return ERR_OK;
}

static void
moves_are_told_when_durable(void)
{
	static const struct ipc_adm_queue_at_admin handlers = { .moved = got_moved };
	const struct sys_chan_handler handler = { .on_message = no_message, .on_closed = no_end };
	for (unsigned n = 0; n < 3; n++) {
		struct ipc_adm_queue_move m = { .request = 7, .what = SVC_QUEUE_HOLD };
		struct ipc_adm_queue_moved told = { 0 };
		struct sys_chan *admin;
		int fds[2], none = -1;
		world_open();
		sys_close(&w->send);
		world_go();
		world_commit_to(S("b@example.net"));
		CHECK_ERR(sys_chan_pair(fds), ERR_OK);
		CHECK_ERR(sys_chan_new(w->sc.loop, fds[0], &handler, &admin), ERR_OK);
		for (unsigned i = 0; i < SVC_COMMON_ADMINS_MAX + 1; i++) {
			buf_reset(&w->out);
			ipc_adm_queue_move_put(&w->out, &m);
			CHECK_ERR(svc_queue_on_admin(&w->sc, admin, buf_view(&w->out), &none),
			    ERR_OK);
			if (i == 0) {
				CHECK(sys_chan_recv(fds[1], &w->in, &none) != ERR_OK);
			}
			if (n > 0) {
				break;
			}
		}
		sys_fail_after(n, EIO);
		(void)(sys_loop_turn(w->sc.loop, 0) == ERR_OK);
		sys_fail_after(0, 0);
		CHECK_ERR(sys_chan_recv(fds[1], &w->in, &none), ERR_OK);
		CHECK_ERR(ipc_adm_queue_admin_dispatch(&handlers, &told, buf_view(&w->in), &none,
			      w->arena),
		    ERR_OK);
		CHECK(told.request == 7 && told.count == 1);
		CHECK_ERR(told.result, n == 0 ? ERR_OK : ERR_IO);
		CHECK_U64(w->q->held, 1);
		svc_queue_on_admin_closed(&w->sc, admin);
		sys_chan_free(&admin);
		sys_close(&fds[1]);
		world_restart();
		CHECK(n > 0 || w->q->held == 1);
		world_close();
	}
}

struct told {
	enum err result;
	uint64_t entry, txn;
};

static enum err
got_noticed(void *ctx, const struct ipc_policy_queue_noticed *m, int *fd)
{
	*(struct told *)ctx = (struct told){ m->result, 0, m->txn };
	return ERR_OK;
}

static void
notices_of_policy(void)
{
	static const struct ipc_policy_queue_at_policy handlers = { .noticed = got_noticed };
	struct ipc_common_id readers[] = { { 1 }, { 2 } };
	struct ipc_policy_queue_notice m = { .txn = 9,
		.accounts = readers,
		.accounts_n = LEN(readers),
		.recipient = S("postmaster@example.net"),
		.body = BODY };
	struct told told = { ERR_BUG, 0, 0 };
	int none = -1;
	world_open();
	int fd = wire_policy();
	for (int i = 0; i < 3; i++) {
		buf_reset(&w->out);
		ipc_policy_queue_notice_put(&w->out, &m);
		CHECK_ERR(sys_chan_send_wait(fd, &w->out, -1, 0), ERR_OK);
		world_go();
		CHECK_ERR(sys_chan_recv(fd, &w->in, &none), ERR_OK);
		CHECK_ERR(ipc_policy_queue_policy_dispatch(&handlers, &told, buf_view(&w->in),
			      &none, w->arena),
		    ERR_OK);
		CHECK(told.result == (i == 0 ? ERR_OK : ERR_SYNTAX) && told.txn == 9);
		m.recipient = i == 0 ? S("nobody") : S("postmaster@example.net");
		readers[1].id = 0; /* not here: nothing of this leaves the machine */
	}
	CHECK_U64(w->got_n, 0);
	CHECK_U64(w->reports, 2);
	sys_close(&fd);
	world_close();
}

TEST_MAIN(a_suspect_account_is_held, a_suspect_account_is_held_here, failed_and_released,
    failed_and_held_elsewhere, only_what_is_named_is_released, others_by_hand_stay_held,
    an_overtaken_release_is_taken_up_again, moves_are_told_when_durable, notices_of_policy)
