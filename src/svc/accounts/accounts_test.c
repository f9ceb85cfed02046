/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who questions into an account and who is put out of it, whatever peer dies meanwhile; real
 * processes, played peers.
 */
#include "svc/accounts/world_test.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "base/mem.h"
#include "ipc/accounts_account.h"
#include "ipc/accounts_policy.h"
#include "svc/accounts/nursery.h"
#include "svc/accounts/share.h"
#include "sys/file.h"
#include "sys/sys.h"

enum { FDS_MAX = 4096 };

static struct svc_accounts_child *
child_of(uint64_t account, enum svc_accounts_kind kind)
{
	LIST_EACH(it, &w.s->children) {
		struct svc_accounts_child *c = LIST_ENTRY(it, struct svc_accounts_child, node);
		if (c->account == account && c->kind == kind) {
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

/* ---- tickets ---- */

static void
tickets(void)
{
	static const struct {
		const char *name;
		char grant, ticket; /* 0: none is granted */
		uint32_t scope;
		enum sys_protocol protocol;
		bool expired;
		enum err want;
	} cases[] = {
		{ "good", 'a', 'a', 1, SYS_IMAPS, false, ERR_OK },
		{ "another", 'z', 'b', 1, SYS_IMAPS, false, ERR_DENIED },
		{ "the same again", 0, 'a', 1, SYS_IMAPS, false, ERR_DENIED },
		{ "expired", 'c', 'c', 1, SYS_IMAPS, true, ERR_DENIED },
		{ "expired, again", 0, 'c', 1, SYS_IMAPS, false, ERR_DENIED },
		{ "for POP3 only", 'd', 'd', 2, SYS_IMAP, false, ERR_DENIED },
		{ "for IMAP, used for POP3", 'e', 'e', 1, SYS_POP3S, false, ERR_DENIED },
		{ "for submission, which needs none", 'f', 'f', 15, SYS_SUBMISSION, false,
		    ERR_DENIED },
		{ "for all", 'g', 'g', 15, SYS_IMAP, false, ERR_OK },
	};
	world_new();
	for (size_t i = 0; i < LEN(cases); i++) {
		struct world_client c;
		test_case = cases[i].name;
		if (cases[i].grant != 0) {
			world_grant(cases[i].grant, 7, cases[i].scope);
			world_turn();
		}
		if (cases[i].expired) {
			char room[16];
			memset(room, cases[i].grant, 16);
			struct svc_accounts_ticket *t = lru_peek(w.s->tickets, str_make(room, 16));
			t->until_ms = sys_loop_now_ms(w.sc.loop);
		}
		world_attach(cases[i].ticket, cases[i].protocol, &c);
		CHECK(world_heard(&w.attached_n, i + 1));
		CHECK_U64(w.attached[i].request, 5);
		CHECK_ERR(w.attached[i].result, cases[i].want);
		CHECK(cases[i].want == ERR_OK ? world_hears(&c, "a1 OK") : world_over(&c));
		world_client_done(&c);
	}
	test_case = "";
	CHECK_U64(w.s->refused, 7);
	CHECK_U64(lru_count(w.s->tickets), 1); /* the other one's, of case 2 */
	world_free();
}

static void
a_ticket_may_come_after_its_session(void)
{
	struct world_client c;
	world_new();
	world_attach('x', SYS_IMAPS, &c);
	world_turn();
	CHECK_U64(w.attached_n, 0);
	world_grant('x', 7, 1);
	CHECK(world_heard(&w.attached_n, 1));
	CHECK_ERR(w.attached[0].result, ERR_OK);
	CHECK(world_hears(&c, "a1 OK"));
	world_client_done(&c);
	world_free();
}

static void
sessions_are_counted(void)
{
	struct world_client c[3], more;
	world_new();
	w.conf.accounts_sessions_per_account = 2;
	w.conf.accounts_sessions = 3;
	world_log_in(7, &c[0]);
	world_log_in(7, &c[1]);
	world_grant('1', 7, 1);
	world_attach('1', SYS_IMAPS, &more);
	CHECK(world_heard(&w.attached_n, 3));
	CHECK_ERR(w.attached[2].result, ERR_BUSY);
	CHECK(world_over(&more));
	world_client_done(&more);
	world_log_in(8, &c[2]);
	world_grant('2', 9, 1);
	world_attach('2', SYS_IMAPS, &more);
	CHECK(world_heard(&w.attached_n, 5));
	CHECK_ERR(w.attached[4].result, ERR_BUSY);
	world_client_done(&more);
	for (size_t i = 0; i < LEN(c); i++) {
		world_client_done(&c[i]);
	}
	CHECK(world_until(is_zero, &w.s->sessions));
	CHECK_U64(map_count(w.s->families), 0);
	CHECK_U64(w.s->crashed, 0);
	world_free();
}

/* ---- the nursery ---- */

/* Whoever ends it, the next session gets another one, and those before it go on. */
static void
another_nursery(void)
{
	struct world_client c[2];
	world_new();
	world_log_in(7, &c[0]);
	int32_t first = w.s->nursery_process.pid;
	CHECK(kill(first, SIGKILL) == 0);
	world_log_in(8, &c[1]);
	CHECK(w.s->nursery_process.pid != first);
	for (size_t i = 0; i < LEN(c); i++) {
		world_say(&c[i], "n NOOP\r\n");
		CHECK(world_hears(&c[i], "n OK"));
		world_client_done(&c[i]);
	}
	CHECK(world_until(is_zero, &w.s->sessions));
	CHECK_U64(w.s->crashed, 0);
	world_free();
}

/* It has read nothing of what was asked, so another one may do it. */
static void
a_nursery_that_stands_still(void)
{
	struct world_client c;
	world_new();
	int32_t first = w.s->nursery_process.pid;
	w.s->nursery_ms = 200;
	CHECK(kill(first, SIGSTOP) == 0);
	world_log_in(7, &c);
	CHECK(w.s->nursery_process.pid != first);
	world_client_done(&c);
	CHECK(world_until(is_zero, &w.s->sessions));
	world_free();
}

/* Starts a process, which serves until its control channel ends, and does not say so in time. */
NORETURN static void
late_nursery(int chan)
{
	struct buf in;
	int fds[2] = { -1, -1 }; /* stream, control */
	buf_init(&in, SYS_CHAN_MESSAGE_MAX);
	for (size_t i = 0; i < LEN(fds); i++) {
		if (sys_chan_recv_wait(chan, &in, &fds[i], -1) != ERR_OK) {
			sys_exit(1);
		}
	}
	if (fork() == 0) {
		sys_close(&chan);
		bool good = sys_file_append(fds[0], S("late\r\n")) == ERR_OK &&
		    sys_wait(fds[1], true, -1) == ERR_OK;
		sys_exit(good ? 0 : 1);
	}
	for (;;) {
		pause();
	}
}

static void
a_nursery_that_answers_late(void)
{
	struct world_client c;
	int pair[2] = { -1, -1 };
	bool in_child = false;
	world_new();
	w.s->nursery_ms = 200;
	svc_accounts_nursery_done(w.s);
	CHECK_ERR(sys_chan_pair(pair), ERR_OK);
	CHECK_ERR(sys_fork(&in_child, &w.s->nursery_process), ERR_OK);
	if (in_child) {
		sys_close(&pair[0]);
		late_nursery(pair[1]);
	}
	sys_close(&pair[1]);
	w.s->nursery = pair[0];
	world_grant('l', 7, 1);
	world_attach('l', SYS_IMAPS, &c);
	CHECK(world_heard(&w.attached_n, 1));
	CHECK_ERR(w.attached[0].result, ERR_UNAVAILABLE);
	CHECK(world_over(&c));
	CHECK_STR(str_make(c.text, c.n), S("late\r\n")); /* nobody else served it */
	world_client_done(&c);
	world_log_in(8, &c);
	world_client_done(&c);
	CHECK(world_until(is_zero, &w.s->sessions));
	world_free();
}

/* It serves no setting that was replaced. */
static void
a_reload_reaches_the_nursery(void)
{
	struct world_client c;
	world_new();
	int32_t first = w.s->nursery_process.pid;
	w.conf.imap_append_max = 1234567;
	world_reload();
	world_log_in(7, &c);
	world_say(&c, "n CAPABILITY\r\n");
	CHECK(world_hears(&c, "n OK"));
	CHECK(strstr(c.text, "APPENDLIMIT=1234567") != NULL);
	CHECK_U64(w.s->nursery_process.pid, first);
	world_client_done(&c);
	world_free();
}

/* ---- putting out ---- */

static void
revoked_sessions_end(void)
{
	struct world_client mine[2], other, late;
	world_new();
	world_log_in(7, &mine[0]);
	world_log_in(7, &mine[1]);
	world_log_in(8, &other);
	world_grant('l', 7, 1);
	world_revoke(7, false);
	for (int i = 0; i < 2; i++) {
		CHECK(world_hears(&mine[i], "* BYE"));
		CHECK(world_over(&mine[i]));
		world_client_done(&mine[i]);
	}
	size_t before = w.attached_n;
	world_attach('l', SYS_IMAPS, &late); /* a ticket from before opens nothing */
	CHECK(world_heard(&w.attached_n, before + 1));
	CHECK_ERR(w.attached[before].result, ERR_DENIED);
	world_say(&other, "a2 NOOP\r\n");
	CHECK(world_hears(&other, "a2 OK"));
	world_client_done(&late);
	world_client_done(&other);
	world_free();
}

static enum err
on_forget(void *ctx, const struct ipc_accounts_policy_forget *m, int *fd)
{
	CHECK_U64(m->account, 7);
	++*(unsigned *)ctx;
	return ERR_OK;
}

/* Only an account that is no more is forgotten, not one that is locked. */
static void
what_deleted_accounts_taught_is_forgotten(void)
{
	static const struct ipc_accounts_policy_at_policy handlers = { .forget = on_forget };
	struct world_client mine;
	unsigned told = 0;
	int fd = -1;
	world_new();
	world_wire("accounts_policy");
	world_log_in(7, &mine);
	world_revoke(7, false);
	CHECK(world_over(&mine));
	CHECK_ERR(sys_chan_recv(w.policy, &w.in, &fd), ERR_AGAIN);
	world_revoke(7, true);
	world_turn();
	CHECK_ERR(sys_chan_recv(w.policy, &w.in, &fd), ERR_OK);
	CHECK_ERR(ipc_accounts_policy_policy_dispatch(&handlers, &told, buf_view(&w.in), &fd,
		      w.arena),
	    ERR_OK);
	CHECK_U64(told, 1);
	world_client_done(&mine);
	world_free();
}

/* It may be stuck, or not ours any more. */
static void
one_that_does_not_obey_is_killed(void)
{
	struct world_client c;
	world_new();
	world_log_in(7, &c);
	CHECK_ERR(sys_child_signal(&child_of(7, SVC_ACCOUNTS_SESSION)->process, SIGSTOP), ERR_OK);
	world_revoke(7, false);
	CHECK(world_over(&c));
	CHECK(world_until(is_zero, &w.s->sessions));
	CHECK_U64(w.s->crashed, 0);
	world_client_done(&c);
	world_free();
}

/* What auth decided while it could not tell us is found out when it is back. */
static void
auth_comes_back_with_another_opinion(void)
{
	struct world_client active, locked, unclear;
	world_new();
	world_log_in(7, &active);
	world_log_in(8, &locked);
	world_log_in(9, &unclear);
	world_wire("accounts_auth");
	CHECK(world_heard(&w.questions_n, 3));
	for (size_t i = 0; i < 3; i++) {
		uint64_t who = w.questions[i].account;
		w.questions[w.questions_n] = w.questions[i];
		w.questions_n++;
		world_tell_account(who == 9 ? ERR_DB : ERR_OK, who == 7);
		w.questions_n--;
	}
	CHECK(world_over(&locked));
	world_say(&active, "a2 NOOP\r\n");
	world_say(&unclear, "a2 NOOP\r\n");
	CHECK(world_hears(&active, "a2 OK") && world_hears(&unclear, "a2 OK"));
	CHECK_U64(w.s->checks, 0);
	world_client_done(&active);
	world_client_done(&locked);
	world_client_done(&unclear);
	world_free();
}

static void
sessions_survive_their_peers(void)
{
	struct world_client c;
	world_new();
	world_log_in(7, &c);
	sys_close(&w.login);
	sys_close(&w.queue);
	sys_close(&w.auth);
	world_turn();
	world_say(&c, "a2 NOOP\r\n");
	CHECK(world_hears(&c, "a2 OK"));
	world_wire("accounts_auth");
	world_wire("login_accounts");
	world_wire("login_accounts"); /* the second replaces the first */
	struct world_client again;
	world_log_in(7, &again);
	CHECK(w.s->login.chan != NULL);
	world_client_done(&c);
	world_client_done(&again);
	world_free();
}

static void
quit_waits_for_the_last(void)
{
	struct world_client c;
	world_new();
	world_log_in(7, &c);
	int process = world_open(1, 8);
	CHECK(world_heard(&w.questions_n, 1));
	world_tell_account(ERR_OK, true);
	CHECK_ERR(world_deliver(process, 5, "Subject: x\r\n\r\nx\r\n"), ERR_OK);
	svc_accounts_service.on_quit(&w.sc, 10000);
	CHECK_U64(w.s->sessions, 1);
	CHECK_ERR(sys_loop_run(w.sc.loop), ERR_OK);
	CHECK(list_empty(&w.s->children));
	CHECK(world_hears(&c, "* BYE"));
	struct world_client late;
	world_grant('l', 7, 1);
	world_attach('l', SYS_IMAPS, &late);
	CHECK(world_heard(&w.attached_n, 2));
	CHECK_ERR(w.attached[1].result, ERR_BUSY);
	sys_close(&process);
	world_client_done(&late);
	world_client_done(&c);
	world_free();
}

/* ---- when there is no memory, no descriptor, no process ---- */

static void
attach_once(uint64_t n, void (*fail)(uint64_t n))
{
	struct world_client c;
	world_grant('t', 7, 1);
	world_turn();
	world_attach('t', SYS_IMAPS, &c);
	fail(n);
	CHECK_ERR(sys_loop_turn(w.sc.loop, 1000), ERR_OK);
	fail(0);
	world_client_done(&c);
	world_turn();
	CHECK(world_until(is_zero, &w.s->sessions));
	CHECK_U64(map_count(w.s->families), 0);
	lru_clear(w.s->tickets);
	if (w.s->login.chan == NULL) {
		world_wire("login_accounts"); /* it closed when the answer failed */
	}
}

static void
fail_call(uint64_t n)
{
	sys_fail_after(n, EMFILE);
}

static void
nothing_is_left_of_a_failure(void)
{
	world_new();
	for (uint64_t n = 1; n < 12; n++) {
		attach_once(n, mem_fail_after);
		attach_once(n, fail_call);
		w.attached_n = 0;
	}
	struct world_client c;
	world_log_in(7, &c);
	world_client_done(&c);
	world_free();
}

/* Auth answers a session that has closed its channel and is about to end. */
static void
nobody_visits_any_more(void)
{
	struct ipc_accounts_account_visit ask = { .request = 1, .account = 8 };
	struct ipc_accounts_auth_visit_result yes = { .result = ERR_OK,
		.name = S("owner@example.org") };
	struct world_client c;
	int fd = -1;
	world_new();
	world_log_in(7, &c);
	struct svc_accounts_child *child = child_of(7, SVC_ACCOUNTS_SESSION);
	CHECK_ERR(svc_accounts_on_visit(child, &ask, &fd), ERR_OK);
	CHECK_U64(w.s->questions_n, 1);
	yes.request = w.s->next_request - 1;
	sys_close(&w.auth); /* it cannot be asked here, we are auth */
	sys_chan_free(&child->control);
	uint64_t before = sys_count_fds(FDS_MAX);
	CHECK_ERR(svc_accounts_on_visit_result(w.s, &yes, &fd), ERR_OK);
	CHECK_U64(w.s->guests, 0);
	CHECK_U64(sys_count_fds(FDS_MAX), before);
	world_client_done(&c);
	world_free();
}

/* One process that was taken over asks and asks: the others are still answered. */
static void
nobody_asks_for_all(void)
{
	struct ipc_accounts_account_share ask = { .name = S("friend@example.org") };
	struct ipc_accounts_account_sharers_get sharers = { .request = 1 };
	struct ipc_accounts_auth_shared answer = { .result = ERR_NOTFOUND };
	struct world_client c[2];
	int fd = -1;
	world_new();
	world_log_in(7, &c[0]);
	world_log_in(8, &c[1]);
	struct svc_accounts_child *bad = child_of(7, SVC_ACCOUNTS_SESSION);
	struct svc_accounts_child *other = child_of(8, SVC_ACCOUNTS_SESSION);
	for (unsigned i = 0; i < 50; i++) {
		ask.request = i;
		CHECK_ERR(svc_accounts_on_share(bad, &ask, &fd), ERR_OK);
	}
	CHECK_U64(w.s->questions_n, SVC_ACCOUNTS_ASKED_EACH);
	CHECK_ERR(svc_accounts_on_sharers_get(other, &sharers, &fd), ERR_OK);
	CHECK_U64(w.s->questions_n, SVC_ACCOUNTS_ASKED_EACH + 1);
	answer.request = w.s->next_request - 2; /* the last one it may ask */
	CHECK_ERR(svc_accounts_on_shared(w.s, &answer, &fd), ERR_OK);
	CHECK_U64(w.s->questions_n, SVC_ACCOUNTS_ASKED_EACH);
	CHECK_ERR(svc_accounts_on_share(bad, &ask, &fd), ERR_OK);
	CHECK_U64(w.s->questions_n, SVC_ACCOUNTS_ASKED_EACH + 1);
	sys_close(&w.auth); /* it cannot be asked here, we are auth */
	svc_accounts_questions_drop(w.s, NULL);
	CHECK(bad->asked == 0 && other->asked == 0);
	world_client_done(&c[0]);
	world_client_done(&c[1]);
	world_free();
}

/* What auth cannot be asked is answered, and holds no place that only its answer would free. */
static void
a_question_that_does_not_reach_auth(void)
{
	struct ipc_accounts_account_share share = { .name = S("friend@example.org") };
	struct ipc_accounts_account_sharers_get sharers = { .request = 1 };
	struct ipc_accounts_account_visit visit = { .request = 2, .account = 8 };
	struct world_client c;
	int fd = -1;
	world_new();
	world_log_in(7, &c);
	struct svc_accounts_child *child = child_of(7, SVC_ACCOUNTS_SESSION);
	sys_close(&w.auth); /* not noticed yet */
	CHECK(w.s->auth.chan != NULL);
	CHECK_ERR(svc_accounts_on_share(child, &share, &fd), ERR_OK);
	CHECK_U64(w.s->questions_n, 0);
	CHECK_ERR(svc_accounts_on_sharers_get(child, &sharers, &fd), ERR_OK);
	CHECK_U64(w.s->questions_n, 0);
	CHECK_ERR(svc_accounts_on_visit(child, &visit, &fd), ERR_OK);
	CHECK_U64(w.s->questions_n, 0);
	CHECK_U64(child->asked, 0);
	world_client_done(&c);
	world_free();
}

TEST_MAIN(another_nursery, a_nursery_that_stands_still, a_nursery_that_answers_late,
    a_reload_reaches_the_nursery, tickets, a_ticket_may_come_after_its_session,
    sessions_are_counted, revoked_sessions_end, what_deleted_accounts_taught_is_forgotten,
    one_that_does_not_obey_is_killed, auth_comes_back_with_another_opinion,
    sessions_survive_their_peers, quit_waits_for_the_last, nobody_visits_any_more,
    nobody_asks_for_all, a_question_that_does_not_reach_auth, nothing_is_left_of_a_failure)
