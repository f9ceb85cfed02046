/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Questions to policy: may this peer, this recipient go on? It answers from memory or after DNS;
 * when it is not there everything goes on, and is counted. What it says of a sender is kept for
 * scan.
 */
#include "ipc/smtp_policy.h"
#include "svc/smtp/server.h"

static_assert((int)SMTP_GO_ON == 1 && (int)SMTP_LATER == 2 && (int)SMTP_REFUSE == 3,
    "verdicts travel as numbers: record reply");

/* --- what is known of the transaction ------------------------------------------------------ */

struct arena *
svc_smtp_facts_arena(struct svc_smtp_session *x)
{
	if (x->facts.arena == NULL) {
		x->facts.arena = arena_new(x->arena, "facts", SVC_SMTP_FACTS_BUDGET, 0);
	}
	return x->facts.arena;
}

void
svc_smtp_facts_reset(struct svc_smtp_session *x)
{
	struct arena *a = x->facts.arena;
	if (a != NULL) {
		arena_reset(a);
	}
	x->facts = (struct svc_smtp_facts){ .arena = a };
	x->facts.trust.manners = x->info.manners;
}

/* The answers to later recipients say again what the first ones said, and more. */
static enum err
keep(struct svc_smtp_session *x, const struct ipc_smtp_policy_judged *m)
{
	svc_smtp_facts_reset(x);
	struct arena *a = svc_smtp_facts_arena(x);
	struct ipc_common_listed *listed = a == NULL
	    ? NULL
	    : arena_array(a, MAX(m->listed_n, (size_t)1), sizeof *listed);
	if (listed == NULL) {
		return ERR_BUDGET;
	}
	for (size_t i = 0; i < m->listed_n; i++) {
		listed[i] = m->listed[i];
		listed[i].zone = arena_dup(a, m->listed[i].zone);
		listed[i].what = arena_dup(a, m->listed[i].what);
		listed[i].answer = arena_dup(a, m->listed[i].answer);
		if (listed[i].answer.p == NULL) {
			return ERR_BUDGET;
		}
	}
	struct ipc_common_trust t = m->trust;
	t.name = arena_dup(a, m->trust.name);
	t.spf_domain = arena_dup(a, m->trust.spf_domain);
	t.spf_why = arena_dup(a, m->trust.spf_why);
	if (t.name.p == NULL || t.spf_domain.p == NULL || t.spf_why.p == NULL) {
		return ERR_BUDGET;
	}
	t.manners |= x->info.manners;
	x->facts.trust = t;
	x->facts.listed = listed;
	x->facts.listed_n = m->listed_n;
	return ERR_OK;
}

/* --- asking -------------------------------------------------------------------------------- */

static void
put_peer(struct svc_smtp_session *x)
{
	const struct ipc_smtp_policy_peer m = { .request = x->request,
		.session = x->info.id,
		.ip = x->info.peer_ip,
		.submission = x->engine.peer.submission,
		.manners = x->info.manners };
	ipc_smtp_policy_peer_put(&x->server->out, &m);
}

/* Accounts behind the recipient that is asked about. */
static size_t
accounts_of(const struct smtp_rcpt *r, struct ipc_common_id *ret, size_t cap)
{
	size_t n = 0;
	for (size_t i = 0; i < r->targets_n && n < cap; i++) {
		ret[n].id = r->targets[i].account;
		n += ret[n].id != 0; /* not those elsewhere */
	}
	return n;
}

static void
put_rcpt(struct svc_smtp_session *x, str address)
{
	struct ipc_common_id accounts[100];
	const struct smtp_txn *t = smtp_txn(&x->engine);
	const struct ipc_smtp_policy_rcpt m = { .request = x->request,
		.session = x->info.id,
		.ip = x->info.peer_ip,
		.helo = x->engine.helo,
		.literal = str_starts(x->engine.helo, S("[")),
		.reverse_path = t->canonical,
		.address = address,
		.first = t->rcpts_n == 0,
		.accounts = accounts,
		.accounts_n = accounts_of(t->pending, accounts, LEN(accounts)) };
	ipc_smtp_policy_rcpt_put(&x->server->out, &m);
}

static void
put_submit(struct svc_smtp_session *x, str address)
{
	const struct ipc_smtp_policy_submit m = { .request = x->request,
		.session = x->info.id,
		.account = x->engine.account,
		.name = x->engine.account_name,
		.address = address,
		.first = smtp_txn(&x->engine)->rcpts_n == 0 };
	ipc_smtp_policy_submit_put(&x->server->out, &m);
}

void
svc_smtp_policy_ask(struct svc_smtp_session *x, const struct smtp_action *a)
{
	struct svc_smtp *sv = x->server;
	buf_reset(&sv->out);
	x->request = svc_smtp_session_request(x);
	if (a->kind == SMTP_ASK_POLICY && smtp_txn(&x->engine)->rcpts_n == 0) {
		svc_smtp_facts_reset(x);
	}
	if (a->kind == SMTP_ASK_PEER) {
		put_peer(x);
	} else if (x->engine.peer.submission) {
		put_submit(x, a->text);
	} else {
		put_rcpt(x, a->text);
	}
	if (svc_common_link_send(&sv->policy, &sv->out, -1) != ERR_OK) {
		svc_smtp_no_answer(x);
	}
}

void
svc_smtp_policy_absent(struct svc_smtp_session *x)
{
	const struct smtp_told go_on = { .verdict = SMTP_GO_ON };
	x->server->counters.policy_absent++;
	smtp_answer_reply(&x->engine, &go_on);
}

void
svc_smtp_policy_ended(struct svc_smtp_session *x)
{
	struct svc_smtp *sv = x->server;
	const struct ipc_smtp_policy_ended m = { .session = x->info.id,
		.ip = x->info.peer_ip,
		.submission = x->engine.peer.submission,
		.account = x->engine.account,
		.messages = x->engine.messages,
		.recipients = x->rcpts,
		.unknown = x->engine.unknown,
		.errors = x->engine.errors };
	buf_reset(&sv->out);
	ipc_smtp_policy_ended_put(&sv->out, &m);
	/* Lost, it costs policy a session in its sums. */
	(void)(svc_common_link_send(&sv->policy, &sv->out, -1) == ERR_OK);
}

/* --- answers ------------------------------------------------------------------------------- */

static void
answer(struct svc_smtp_session *x, const struct ipc_common_reply *r)
{
	const struct smtp_told told = { r->verdict, r->code, r->enhanced, r->text };
	smtp_answer_reply(&x->engine, &told);
	svc_smtp_session_run(x);
}

static bool
waits(const struct svc_smtp_session *x, bool or_peer)
{
	return x != NULL &&
	    (x->engine.wait == SMTP_WAIT_POLICY || (or_peer && x->engine.wait == SMTP_WAIT_PEER));
}

static enum err
on_replied(void *ctx, const struct ipc_smtp_policy_replied *m, int *fd)
{
	struct svc_smtp_session *x = svc_smtp_session_answered(ctx, m->request);
	if (waits(x, true)) {
		answer(x, &m->reply);
	}
	return ERR_OK;
}

static enum err
on_judged(void *ctx, const struct ipc_smtp_policy_judged *m, int *fd)
{
	struct svc_smtp_session *x = svc_smtp_session_answered(ctx, m->request);
	if (!waits(x, false)) {
		return ERR_OK;
	}
	if (keep(x, m) != ERR_OK) {
		svc_smtp_facts_reset(x); /* scan knows less then; the letter is not lost for it */
	}
	answer(x, &m->reply);
	return ERR_OK;
}

enum err
svc_smtp_from_policy(struct svc_common_link *from, str datagram, int *fd)
{
	static const struct ipc_smtp_policy_at_smtp handlers = { .replied = on_replied,
		.judged = on_judged };
	struct svc_smtp *sv = svc_smtp_of(from);
	enum err e = ipc_smtp_policy_smtp_dispatch(&handlers, sv, datagram, fd, sv->scratch);
	arena_reset(sv->scratch);
	return e;
}
