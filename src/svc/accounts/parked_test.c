/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sessions that rest, with gate played by the test and real processes: only what accounts sealed
 * for this very rest opens the account, no change is lost on the way, and revocation reaches all.
 */
#include "ipc/accounts_account.h"
#include "ipc/adm_accounts.h"
#include "ipc/gate_accounts.h"
#include "svc/accounts/world_test.h"
#include "sys/sys.h"

#include <signal.h>
#include <unistd.h>

enum { SEALED_ROOM = 2000 };

static struct {
	int fd; /* gate's end */
	unsigned parks, wakes, drops, kepts, resumeds;
	enum err kept, resumed;
	uint64_t session, octets, left_ms;
	char sealed[SEALED_ROOM];
	size_t sealed_n;
} gate;

static enum err
on_park(void *ctx, const struct ipc_gate_accounts_park *m, int *fd)
{
	gate.parks++;
	gate.session = m->session;
	gate.octets = m->octets;
	gate.left_ms = m->left_ms;
	gate.sealed_n = MIN(m->sealed.n, sizeof gate.sealed);
	memcpy(gate.sealed, m->sealed.p, gate.sealed_n);
	return ERR_OK;
}

static enum err
on_wake(void *ctx, const struct ipc_gate_accounts_wake *m, int *fd)
{
	gate.wakes++;
	return ERR_OK;
}

static enum err
on_drop(void *ctx, const struct ipc_gate_accounts_drop *m, int *fd)
{
	gate.drops++;
	return ERR_OK;
}

static enum err
on_kept(void *ctx, const struct ipc_gate_accounts_kept *m, int *fd)
{
	gate.kepts++;
	gate.kept = m->result;
	return ERR_OK;
}

static enum err
on_resumed(void *ctx, const struct ipc_gate_accounts_resumed *m, int *fd)
{
	gate.resumeds++;
	gate.resumed = m->result;
	return ERR_OK;
}

static void
gate_listens(void)
{
	static const struct ipc_gate_accounts_at_gate handlers = { .park = on_park,
		.wake = on_wake,
		.drop = on_drop,
		.kept = on_kept,
		.resumed = on_resumed };
	enum err e = ERR_OK;
	while (e == ERR_OK && gate.fd >= 0) {
		int fd = -1;
		e = sys_chan_recv(gate.fd, &w.in, &fd);
		if (e == ERR_OK) {
			CHECK_ERR(ipc_gate_accounts_gate_dispatch(&handlers, NULL, buf_view(&w.in),
				      &fd, w.arena),
			    ERR_OK);
		}
		sys_close(&fd);
	}
}

struct count {
	const unsigned *at;
	unsigned n;
};

static bool
came(const void *ctx)
{
	const struct count *c = ctx;
	gate_listens();
	return *c->at >= c->n;
}

static bool
gate_hears(const unsigned *at, unsigned n)
{
	struct count c = { at, n };
	return world_until(came, &c) && *at == n;
}

static bool
is_zero(const void *count)
{
	gate_listens();
	return *(const size_t *)count == 0;
}

static bool
zero(const size_t *count)
{
	return world_until(is_zero, count);
}

static void
wire_gate(void)
{
	int pair[2] = { -1, -1 };
	memset(&gate, 0, sizeof gate);
	CHECK_ERR(sys_chan_pair(pair), ERR_OK);
	gate.fd = pair[0];
	CHECK_ERR(svc_common_wire(&w.sc, S("gate_accounts"), 0, pair[1]), ERR_OK);
}

/* A session of account 7 that has offered itself; `idle`: in IDLE with INBOX selected. */
static void
setup(struct world_client *c, bool idle)
{
	world_new();
	wire_gate();
	world_park_after(300); /* time enough to say what follows, on a busy machine too */
	world_log_in(7, c);
	if (idle) {
		world_say(c, "s SELECT INBOX\r\ni IDLE\r\n");
		CHECK(world_hears(c, "+ "));
	}
	CHECK(gate_hears(&gate.parks, 1));
}

static void
finish(struct world_client *c)
{
	world_client_done(c);
	world_free();
	sys_close(&gate.fd);
}

static void
answer(enum err result)
{
	struct ipc_gate_accounts_parked m = { .session = gate.session, .result = result };
	buf_reset(&w.out);
	ipc_gate_accounts_parked_put(&w.out, &m);
	CHECK_ERR(sys_chan_send_wait(gate.fd, &w.out, -1, 0), ERR_OK);
	buf_reset(&w.out);
}

/* Gate takes the session, whose process then ends. */
static void
rest(void)
{
	answer(ERR_OK);
	CHECK(zero(&w.s->sessions));
	CHECK_U64(w.s->parked_n, 1);
	CHECK(zero(&w.s->left));
}

static void
resume_as(struct world_client *c, uint64_t session, str sealed)
{
	int pair[2] = { -1, -1 };
	struct ipc_gate_accounts_resume m = { .session = session, .sealed = sealed };
	sys_close(&c->fd);
	CHECK_ERR(sys_sock_pair(pair), ERR_OK);
	*c = (struct world_client){ .fd = pair[0] };
	buf_reset(&w.out);
	ipc_gate_accounts_resume_put(&w.out, &m);
	CHECK_ERR(sys_chan_send_wait(gate.fd, &w.out, pair[1], 0), ERR_OK);
	buf_reset(&w.out);
}

static str
seal(void)
{
	return str_make(gate.sealed, gate.sealed_n);
}

static void
goes_on_in_another_process(void)
{
	struct world_client c;
	setup(&c, true);
	CHECK_U64(gate.octets, strlen("s SELECT INBOX\r\ni IDLE\r\n"));
	rest();
	resume_as(&c, gate.session, seal());
	world_say(&c, "DONE\r\n");
	CHECK(world_hears(&c, "i OK IDLE done"));
	CHECK_U64(w.s->parked_n, 0);
	CHECK_U64(w.s->sessions, 1);
	CHECK(gate_hears(&gate.parks, 2)); /* and rests again */
	CHECK_U64(gate.octets, 6);
	rest();
	finish(&c);
}

static void
refused_it_goes_on(void)
{
	struct world_client c;
	setup(&c, false);
	answer(ERR_BUSY);
	CHECK(gate_hears(&gate.parks, 2)); /* it tries again */
	answer(ERR_BUSY);
	world_say(&c, "b NOOP\r\n");
	CHECK(world_hears(&c, "b OK NOOP"));
	CHECK_U64(w.s->parked_n, 0);
	finish(&c);
}

/* The process may have been taken over: no time that it says is before the clock's beginning. */
static void
its_time_was_over_long_ago(void)
{
	struct ipc_accounts_account_park m = { .deadline_ms = INT64_MIN };
	struct world_client c;
	int fd = -1;
	world_new();
	wire_gate();
	world_park_after(0);
	world_log_in(7, &c);
	struct svc_accounts_child *child = LIST_ENTRY(w.s->children.next, struct svc_accounts_child,
	    node);
	CHECK_ERR(svc_accounts_on_park(child, &m, &fd), ERR_OK);
	CHECK(gate_hears(&gate.parks, 1));
	CHECK_U64(gate.left_ms, 0);
	finish(&c);
}

/* A seal is good for one rest of one session, unchanged. */
static void
seals(void)
{
	static const char *const cases[] = { "changed", "cut", "of another rest", "empty",
		"of a session that does not rest" };
	for (size_t i = 0; i < LEN(cases); i++) {
		struct world_client c;
		char old[SEALED_ROOM];
		test_case = cases[i];
		setup(&c, false);
		rest();
		str use = seal();
		uint64_t session = gate.session;
		if (i == 0) {
			gate.sealed[gate.sealed_n / 2] ^= 1;
		} else if (i == 1) {
			use.n--;
		} else if (i == 2) {
			memcpy(old, gate.sealed, gate.sealed_n);
			use.p = old;
			resume_as(&c, gate.session, seal());
			CHECK(gate_hears(&gate.parks, 2));
			rest();
			CHECK_U64(use.n, gate.sealed_n);
		} else if (i == 3) {
			use = S("");
		} else {
			session++;
		}
		uint64_t refused = w.s->refused;
		resume_as(&c, session, use);
		CHECK(world_over(&c));
		CHECK_U64(w.s->refused, refused + 1);
		CHECK_U64(w.s->sessions, 0);
		finish(&c);
	}
	test_case = "";
}

static void
one_seal_opens_once(void)
{
	struct world_client c, again = { .fd = -1 };
	setup(&c, false);
	rest();
	resume_as(&c, gate.session, seal());
	resume_as(&again, gate.session, seal());
	CHECK(world_over(&again));
	world_say(&c, "b NOOP\r\n");
	CHECK(world_hears(&c, "b OK NOOP"));
	CHECK_U64(w.s->sessions, 1);
	world_client_done(&again);
	finish(&c);
}

/* Another session of the account makes a change. */
static void
change(struct world_client *other)
{
	world_say(other, "x APPEND INBOX {12+}\r\nSubject: x\r\n\r\n\r\n");
	CHECK(world_hears(other, "x OK"));
}

static void
changes_wake(void)
{
	struct world_client c, other;
	setup(&c, true);
	world_park_after(0); /* for those that start from now on */
	rest();
	world_log_in(7, &other);
	change(&other);
	change(&other);
	CHECK(gate_hears(&gate.wakes, 1)); /* once: it is on its way */
	resume_as(&c, gate.session, seal());
	CHECK(world_hears(&c, "* 2 EXISTS"));
	world_client_done(&other);
	finish(&c);
}

/* Where the index of account 7 is, and where nobody looks for it. */
static void
move_index(const char *from, const char *to)
{
	char old[sizeof w.folder + 32], new[sizeof w.folder + 32];
	snprintf(old, sizeof old, "%s/accounts/7/%s", w.folder, from);
	snprintf(new, sizeof new, "%s/accounts/7/%s", w.folder, to);
	CHECK(rename(old, new) == 0);
}

static bool
index_is_there(void)
{
	char path[sizeof w.folder + 32];
	snprintf(path, sizeof path, "%s/accounts/7/index.db", w.folder);
	return access(path, F_OK) == 0;
}

/* Whoever missed nothing ends IDLE without looking anything up. */
static void
without_changes_nothing_is_opened(void)
{
	struct world_client c;
	setup(&c, true);
	rest();
	move_index("index.db", "away");
	resume_as(&c, gate.session, seal());
	world_say(&c, "DONE\r\n");
	CHECK(world_hears(&c, "i OK IDLE done"));
	CHECK(!index_is_there());
	move_index("away", "index.db");
	world_say(&c, "n STATUS INBOX (MESSAGES)\r\n");
	CHECK(world_hears(&c, "n OK"));
	finish(&c);
}

/* A change nobody was woken for, as it was about another mailbox: now it is looked at. */
static void
any_change_is_reason_to_look(void)
{
	struct world_client c, other;
	setup(&c, true);
	world_park_after(0);
	rest();
	world_log_in(7, &other);
	world_say(&other, "x CREATE elsewhere\r\n");
	CHECK(world_hears(&other, "x OK"));
	world_client_done(&other);
	CHECK(zero(&w.s->sessions));
	CHECK_U64(gate.wakes, 0);
	move_index("index.db", "away");
	resume_as(&c, gate.session, seal());
	world_say(&c, "DONE\r\n");
	CHECK(world_hears(&c, "i OK IDLE done"));
	CHECK(index_is_there()); /* made anew, as it was not found */
	finish(&c);
}

static void
a_change_before_gate_has_answered(void)
{
	struct world_client c, other;
	setup(&c, true);
	world_park_after(0);
	world_log_in(7, &other);
	change(&other);
	CHECK_U64(gate.wakes, 0);
	answer(ERR_OK);
	CHECK(gate_hears(&gate.wakes, 1));
	resume_as(&c, gate.session, seal());
	CHECK(world_hears(&c, "* 1 EXISTS"));
	world_client_done(&other);
	finish(&c);
}

static void
without_idle_nobody_is_woken(void)
{
	struct world_client c, other;
	setup(&c, false);
	world_park_after(0);
	rest();
	world_log_in(7, &other);
	change(&other);
	world_turn();
	gate_listens();
	CHECK_U64(gate.wakes, 0);
	world_client_done(&other);
	finish(&c);
}

static void
revoked(void)
{
	struct world_client c;
	setup(&c, true);
	rest();
	world_revoke(7, false);
	CHECK(gate_hears(&gate.drops, 1));
	CHECK_U64(w.s->parked_n, 0);
	resume_as(&c, gate.session, seal());
	CHECK(world_over(&c));
	finish(&c);
}

static void
revoked_on_the_way(void)
{
	struct world_client c;
	setup(&c, true);
	world_revoke(7, false);
	CHECK(zero(&w.s->sessions)); /* its process was told */
	answer(ERR_OK);
	CHECK(gate_hears(&gate.drops, 1));
	CHECK_U64(w.s->parked_n, 0);
	finish(&c);
}

static void
the_process_dies_on_the_way(void)
{
	struct world_client c;
	setup(&c, true);
	struct svc_accounts_child *child = LIST_ENTRY(w.s->children.next, struct svc_accounts_child,
	    node);
	CHECK_ERR(sys_child_signal(&child->process, SIGKILL), ERR_OK);
	CHECK(zero(&w.s->sessions));
	answer(ERR_OK); /* gate has it all: nothing is lost */
	resume_as(&c, gate.session, seal());
	world_say(&c, "DONE\r\n");
	CHECK(world_hears(&c, "i OK IDLE done"));
	finish(&c);
}

/* It rests, and its process is none of the account: one that hangs would never be revoked. */
static void
the_process_does_not_end(void)
{
	struct world_client c;
	setup(&c, true);
	struct svc_accounts_child *child = LIST_ENTRY(w.s->children.next, struct svc_accounts_child,
	    node);
	CHECK_ERR(sys_child_signal(&child->process, SIGSTOP), ERR_OK);
	answer(ERR_OK);
	CHECK(zero(&w.s->sessions));
	CHECK_U64(w.s->left, 1);
	CHECK(zero(&w.s->left));
	CHECK_U64(w.s->parked_n, 1);
	finish(&c);
}

static void
gate_ends(void)
{
	struct world_client c;
	setup(&c, true);
	sys_close(&gate.fd);
	world_say(&c, "DONE\r\n"); /* on its way: it goes on and will see its stream's end */
	CHECK(world_hears(&c, "i OK IDLE done"));
	wire_gate();
	CHECK(gate_hears(&gate.parks, 1));
	rest();
	sys_close(&gate.fd);
	CHECK(zero(&w.s->parked_n));
	CHECK_U64(map_count(w.s->families), 0);
	finish(&c);
}

static void
a_client_that_left(void)
{
	struct world_client c;
	struct ipc_gate_accounts_gone m;
	setup(&c, false);
	rest();
	m.session = gate.session;
	buf_reset(&w.out);
	ipc_gate_accounts_gone_put(&w.out, &m);
	CHECK_ERR(sys_chan_send_wait(gate.fd, &w.out, -1, 0), ERR_OK);
	CHECK(zero(&w.s->parked_n));
	CHECK_U64(map_count(w.s->families) + map_count(w.s->parked), 0);
	finish(&c);
}

/* Gate brings back what it keeps, to a process that has no rows. */
static void
bring_back(uint64_t session, str sealed)
{
	struct ipc_gate_accounts_keep m = { .session = session, .sealed = sealed };
	sys_close(&gate.fd);
	wire_gate();
	CHECK(zero(&w.s->parked_n));
	buf_reset(&w.out);
	ipc_gate_accounts_keep_put(&w.out, &m);
	CHECK_ERR(sys_chan_send_wait(gate.fd, &w.out, -1, 0), ERR_OK);
	buf_reset(&w.out);
}

static void
kept(void)
{
	static const struct {
		const char *name;
		bool change;
		int64_t since_ms;
		enum err want;
	} cases[] = {
		{ "good", false, 0, ERR_OK },
		{ "revoked meanwhile", false, INT64_MAX, ERR_DENIED },
		{ "not our seal", true, 0, ERR_DENIED },
	};
	for (size_t i = 0; i < LEN(cases); i++) {
		struct world_client c;
		char old[SEALED_ROOM];
		test_case = cases[i].name;
		setup(&c, true);
		rest();
		str sealed = str_make(old, gate.sealed_n);
		uint64_t session = gate.session;
		memcpy(old, gate.sealed, gate.sealed_n);
		old[gate.sealed_n / 2] ^= cases[i].change ? 1 : 0;
		bring_back(session, sealed);
		if (!cases[i].change) {
			CHECK(world_heard(&w.questions_n, 1));
			CHECK_U64(gate.kepts, 0);
			w.since_ms = cases[i].since_ms;
			world_tell_account(ERR_OK, true);
		}
		CHECK(gate_hears(&gate.kepts, 1));
		CHECK_ERR(gate.kept, cases[i].want);
		CHECK_U64(w.s->parked_n, cases[i].want == ERR_OK);
		if (cases[i].want == ERR_OK) {
			CHECK(gate_hears(&gate.wakes, 1)); /* a notice may have been lost */
			resume_as(&c, session, sealed);
			world_say(&c, "DONE\r\n");
			CHECK(world_hears(&c, "i OK IDLE done"));
		}
		finish(&c);
	}
	test_case = "";
}

/* Who rests counts, and nobody else takes a session's number. */
static void
limits(void)
{
	struct world_client c, more;
	setup(&c, false);
	rest();
	w.conf.accounts_sessions_per_account = 1;
	world_grant('1', 7, 1);
	world_attach('1', SYS_IMAPS, &more);
	CHECK(world_heard(&w.attached_n, 2));
	CHECK_ERR(w.attached[1].result, ERR_BUSY);
	world_client_done(&more);
	w.session = gate.session - 1;
	world_grant('2', 8, 1);
	world_attach('2', SYS_IMAPS, &more);
	CHECK(world_heard(&w.attached_n, 3));
	CHECK_ERR(w.attached[2].result, ERR_DENIED);
	world_client_done(&more);
	finish(&c);
}

/* ---- what the administrator sees and ends ---- */

static struct ipc_adm_accounts_page seen;
static uint64_t killed;

/* The list goes with its dispatch, the texts lie in w.in. */
static enum err
on_page(void *ctx, const struct ipc_adm_accounts_page *m, int *fd)
{
	static struct ipc_adm_accounts_row rows[100];
	seen = *m;
	seen.rows = m->rows_n > 0 ? memcpy(rows, m->rows, m->rows_n * sizeof *rows) : rows;
	return ERR_OK;
}

static enum err
on_killed(void *ctx, const struct ipc_adm_accounts_killed *m, int *fd)
{
	killed = m->count;
	return ERR_OK;
}

static enum err
no_message(void *ctx, str datagram, int *fd)
{
	return ERR_PROTOCOL;
}

static void
no_end(void *ctx, enum err why)
{
}

/* Ask what lies in w.out, and take the answer. */
static void
admin_asks(void)
{
	static const struct ipc_adm_accounts_at_admin handlers = { .page = on_page,
		.killed = on_killed };
	static const struct sys_chan_handler quiet = { .on_message = no_message,
		.on_closed = no_end };
	struct sys_chan *chan = NULL;
	int pair[2] = { -1, -1 }, fd = -1;
	CHECK_ERR(sys_chan_pair(pair), ERR_OK);
	CHECK_ERR(sys_chan_new(w.sc.loop, pair[1], &quiet, &chan), ERR_OK);
	enum err e = svc_accounts_service.on_admin(&w.sc, chan, buf_view(&w.out), &fd);
	CHECK_ERR(e, ERR_OK);
	buf_reset(&w.out);
	CHECK_ERR(sys_chan_recv_wait(pair[0], &w.in, &fd, 1000), ERR_OK);
	CHECK_ERR(ipc_adm_accounts_admin_dispatch(&handlers, NULL, buf_view(&w.in), &fd, w.arena),
	    ERR_OK);
	sys_chan_free(&chan);
	sys_close(&pair[0]);
}

static void
list_sessions(uint64_t after, const char *name)
{
	struct ipc_adm_accounts_list m = { .request = 1, .after = after, .name = str_from(name) };
	ipc_adm_accounts_list_put(&w.out, &m);
	admin_asks();
}

static uint64_t
kill_sessions(uint64_t session, const char *name)
{
	struct ipc_adm_accounts_kill m = { 1, session, str_from(name) };
	ipc_adm_accounts_kill_put(&w.out, &m);
	admin_asks();
	return killed;
}

/* One session rests, another one has a process. */
static void
the_administrator_sees_both(void)
{
	struct world_client c, other;
	world_new();
	wire_gate();
	world_park_after(300);
	world_log_in(7, &c);
	world_say(&c, "n ID (\"name\" \"Tester\")\r\n");
	CHECK(gate_hears(&gate.parks, 1));
	rest();
	world_log_in(8, &other);
	list_sessions(0, "");
	CHECK_U64(seen.rows_n, 2);
	CHECK(seen.rows[0].resting && !seen.rows[1].resting && !seen.more);
	CHECK(seen.rows[0].session == gate.session && seen.rows[0].account == 7);
	CHECK_STR(seen.rows[0].client, S("Tester"));
	CHECK_STR(seen.rows[0].protocol, S("imaps"));
	CHECK_STR(seen.rows[0].prefix, S("::/48"));
	CHECK_STR(seen.rows[0].tls, S("TLSv1.3"));
	CHECK(seen.rows[0].since_s > 1700000000);
	CHECK_STR(seen.rows[0].name, seen.rows[1].name);
	list_sessions(gate.session, "");
	CHECK_U64(seen.rows_n, 1);
	list_sessions(0, "nobody@example.org");
	CHECK_U64(seen.rows_n, 0);
	resume_as(&c, gate.session, seal()); /* nothing is forgotten on the way back */
	world_say(&c, "b NOOP\r\n");
	CHECK(world_hears(&c, "b OK NOOP"));
	list_sessions(0, "");
	CHECK_STR(seen.rows[0].client, S("Tester"));
	CHECK(!seen.rows[0].resting);
	world_client_done(&other);
	finish(&c);
}

static void
the_administrator_ends_them(void)
{
	struct world_client c, other;
	setup(&c, true);
	world_park_after(0);
	rest();
	world_log_in(8, &other);
	CHECK_U64(kill_sessions(12345, ""), 0);
	CHECK_U64(kill_sessions(0, "nobody@example.org"), 0);
	CHECK_U64(kill_sessions(gate.session, ""), 1);
	CHECK(gate_hears(&gate.drops, 1));
	CHECK_U64(w.s->parked_n, 0);
	CHECK_U64(kill_sessions(0, ""), 0);
	list_sessions(0, "");
	CHECK_U64(seen.rows_n, 1);
	char name[400];
	snprintf(name, sizeof name, "%.*s", STR_ARG(seen.rows[0].name));
	CHECK_U64(kill_sessions(0, name), 1);
	CHECK(world_hears(&other, "* BYE the administrator has ended this session"));
	CHECK(world_over(&other));
	CHECK(zero(&w.s->sessions));
	world_client_done(&other);
	finish(&c);
}

/* Its process is told, and what it offered is void. */
static void
ended_on_the_way_to_rest(void)
{
	struct world_client c;
	setup(&c, true);
	CHECK_U64(kill_sessions(gate.session, ""), 1);
	CHECK(world_hears(&c, "* BYE the administrator"));
	answer(ERR_OK);
	CHECK(gate_hears(&gate.drops, 1));
	CHECK(zero(&w.s->sessions));
	CHECK_U64(w.s->parked_n, 0);
	finish(&c);
}

enum { MANY = 102 };

/* More than a page, whose rows come in order. */
static void
pages_of_sessions(void)
{
	static struct world_client c[MANY];
	uint64_t last = 0;
	world_new();
	wire_gate();
	world_park_after(0);
	w.conf.accounts_sessions_per_account = MANY;
	for (size_t i = 0; i < MANY; i++) {
		world_log_in(7, &c[i]);
	}
	list_sessions(0, "");
	CHECK(seen.rows_n == 100 && seen.more);
	for (size_t i = 0; i < seen.rows_n; i++) {
		CHECK(seen.rows[i].session > last);
		last = seen.rows[i].session;
	}
	list_sessions(last, "");
	CHECK(seen.rows_n == MANY - 100 && !seen.more);
	CHECK(seen.rows[0].session > last);
	for (size_t i = 0; i < MANY; i++) {
		world_client_done(&c[i]);
	}
	world_free();
	sys_close(&gate.fd);
}

TEST_MAIN(goes_on_in_another_process, refused_it_goes_on, its_time_was_over_long_ago, seals,
    one_seal_opens_once, changes_wake, without_changes_nothing_is_opened,
    any_change_is_reason_to_look, a_change_before_gate_has_answered, without_idle_nobody_is_woken,
    revoked, revoked_on_the_way, the_process_dies_on_the_way, the_process_does_not_end, gate_ends,
    a_client_that_left, kept, limits, the_administrator_sees_both, the_administrator_ends_them,
    ended_on_the_way_to_rest, pages_of_sessions)
