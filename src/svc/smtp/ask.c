/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Questions to auth and its answers. A session has one question at a time; its number says which
 * session and which question, so an answer that comes too late finds nobody.
 */
#include "directory/verdict.h"
#include "svc/smtp/server.h"

static_assert((int)SMTP_KNOWN == (int)DIRECTORY_KNOWN && (int)SMTP_TEMP == (int)DIRECTORY_TEMP &&
	(int)SMTP_REMOTE == (int)DIRECTORY_REMOTE && (int)SMTP_UNKNOWN == (int)DIRECTORY_UNKNOWN &&
	(int)SMTP_DISABLED == (int)DIRECTORY_DISABLED &&
	(int)SMTP_OVERQUOTA == (int)DIRECTORY_OVERQUOTA &&
	(int)SMTP_SENDER == (int)DIRECTORY_SENDER,
    "verdicts travel as numbers");

static void
put_start(struct svc_smtp_session *x, const struct smtp_action *a)
{
	const struct ipc_smtp_auth_sasl_start m = { .request = x->request,
		.session = x->info,
		.mechanism = a->mechanism,
		.has_initial = a->has_initial,
		.initial = a->text };
	ipc_smtp_auth_sasl_start_put(&x->server->out, &m);
	x->sasl = x->request;
}

/* All steps of an exchange carry the number it began with. */
static void
put_step(struct svc_smtp_session *x, const struct smtp_action *a)
{
	const struct ipc_smtp_auth_sasl_step m = { .request = x->sasl, .data = a->text };
	ipc_smtp_auth_sasl_step_put(&x->server->out, &m);
}

static void
put(struct svc_smtp_session *x, const struct smtp_action *a)
{
	struct buf *out = &x->server->out;
	const struct ipc_smtp_auth_rcpt rcpt = { .request = x->request,
		.address = a->text,
		.reverse_path = smtp_txn(&x->engine)->reverse_path };
	const struct ipc_smtp_auth_sender sender = {
		.request = x->request, .account = x->engine.account, .address = a->text
	};
	switch (a->kind) {
	case SMTP_ASK_RCPT: ipc_smtp_auth_rcpt_put(out, &rcpt); break;
	case SMTP_ASK_SENDER: ipc_smtp_auth_sender_put(out, &sender); break;
	case SMTP_ASK_SASL_START: put_start(x, a); break;
	default: put_step(x, a); break;
	}
}

void
svc_smtp_ask(struct svc_smtp_session *x, const struct smtp_action *a)
{
	struct svc_smtp *sv = x->server;
	bool step = a->kind == SMTP_ASK_SASL_STEP;
	x->request = step ? x->sasl : svc_smtp_session_request(x);
	buf_reset(&sv->out);
	if (step && x->sasl == 0) {
		svc_smtp_no_answer(x);
		return;
	}
	put(x, a);
	enum err e = svc_common_link_send(&sv->auth, &sv->out, -1);
	if (step || a->kind == SMTP_ASK_SASL_START) {
		buf_wipe(&sv->out);
	}
	if (e != ERR_OK) {
		svc_smtp_no_answer(x);
	}
}

void
svc_smtp_ask_abort(struct svc_smtp_session *x)
{
	struct svc_smtp *sv = x->server;
	const struct ipc_smtp_auth_sasl_abort m = { .request = x->sasl };
	if (x->sasl != 0 && sv->auth.chan != NULL) {
		buf_reset(&sv->out);
		ipc_smtp_auth_sasl_abort_put(&sv->out, &m);
		/* Lost, it costs auth an exchange that ends by its own time limit. */
		(void)(sys_chan_send(sv->auth.chan, &sv->out, -1) == ERR_OK);
	}
	x->sasl = 0;
}

void
svc_smtp_no_answer(struct svc_smtp_session *x)
{
	const struct smtp_auth_result failed = { .result = ERR_UNAVAILABLE, .name = S("") };
	x->request = 0;
	switch (x->engine.wait) {
	case SMTP_WAIT_RCPT: smtp_answer_rcpt(&x->engine, SMTP_TEMP, NULL, 0); break;
	case SMTP_WAIT_SENDER: smtp_answer_sender(&x->engine, ERR_UNAVAILABLE); break;
	case SMTP_WAIT_PEER:
	case SMTP_WAIT_POLICY: svc_smtp_policy_absent(x); break;
	case SMTP_WAIT_SCAN: svc_smtp_scan_absent(x); break;
	case SMTP_WAIT_COMMIT: smtp_answer_commit(&x->engine, ERR_UNAVAILABLE, S("")); break;
	case SMTP_WAIT_SASL:
		svc_smtp_ask_abort(x);
		smtp_answer_auth(&x->engine, &failed);
		break;
	default: break;
	}
}

/* Does the session wait for an answer of this peer? */
static bool
waits_for(const struct svc_smtp_session *x, const struct svc_common_link *link)
{
	const struct svc_smtp *sv = x->server;
	switch (x->engine.wait) {
	case SMTP_WAIT_PEER:
	case SMTP_WAIT_POLICY: return link == &sv->policy;
	case SMTP_WAIT_SCAN: return link == x->scan;
	case SMTP_WAIT_COMMIT: return link == &sv->queue;
	default: return link == &sv->auth;
	}
}

void
svc_smtp_peer_gone(struct svc_common_link *gone)
{
	struct svc_smtp *sv = svc_smtp_of(gone);
	LIST_EACH(it, &sv->sessions) {
		struct svc_smtp_session *x = LIST_ENTRY(it, struct svc_smtp_session, node);
		if (gone == &sv->auth) {
			x->sasl = 0;
		}
		if (x->request != 0 && waits_for(x, gone)) {
			svc_smtp_no_answer(x);
			svc_smtp_session_run(x);
		}
	}
}

static enum err
on_challenge(void *ctx, const struct ipc_smtp_auth_sasl_challenge *m, int *fd)
{
	struct svc_smtp_session *x = svc_smtp_session_answered(ctx, m->request);
	if (x != NULL && x->engine.wait == SMTP_WAIT_SASL) {
		smtp_answer_challenge(&x->engine, m->data);
		svc_smtp_session_run(x);
	}
	return ERR_OK;
}

static enum err
on_done(void *ctx, const struct ipc_smtp_auth_sasl_done *m, int *fd)
{
	struct svc_smtp_session *x = svc_smtp_session_answered(ctx, m->request);
	const struct smtp_auth_result r = { .result = m->result,
		.account = m->account,
		.name = m->name,
		.language = m->language,
		.has_final = m->has_final,
		.final = m->final,
		.delay_ms = m->delay_ms };
	if (m->result == ERR_OK && m->account == 0) {
		return ERR_PROTOCOL;
	}
	if (x != NULL && x->engine.wait == SMTP_WAIT_SASL) {
		x->sasl = 0;
		smtp_answer_auth(&x->engine, &r);
		svc_smtp_session_run(x);
	}
	return ERR_OK;
}

enum { TARGETS_MAX = 100, ALL_MAX = 2 * TARGETS_MAX };

static size_t
take_accounts(const struct ipc_smtp_auth_rcpt_result *m, struct smtp_target *to)
{
	for (size_t i = 0; i < m->targets_n; i++) {
		to[i] = (struct smtp_target){ .account = m->targets[i].account,
			.address = m->targets[i].address,
			.detail = m->targets[i].detail };
	}
	for (size_t i = 0; i < MIN(m->filters_n, m->targets_n); i++) {
		to[i].junk_at = m->filters[i].junk_at;
		to[i].reject_at = m->filters[i].reject_at;
		to[i].domain_policy = m->filters[i].domain_policy;
	}
	return m->targets_n;
}

/*
 * Where the address leads to elsewhere. What an account of ours sends there is that author's own
 * letter, as if he had given the address himself: his reverse-path, his signature, his reports.
 */
static size_t
take_forwards(const struct svc_smtp_session *x, const struct ipc_smtp_auth_rcpt_result *m,
    struct smtp_target *to)
{
	bool own = x->engine.peer.submission;
	for (size_t i = 0; i < m->forwards_n; i++) {
		to[i] = (struct smtp_target){ .address = m->forwards[i].address,
			.detail = S(""),
			.domain_policy = S(""),
			.sender = own ? S("") : m->sender,
			.via = own ? S("") : m->via,
			.reports = own ? 0 : m->reports };
	}
	return m->forwards_n;
}

static enum err
on_rcpt(void *ctx, const struct ipc_smtp_auth_rcpt_result *m, int *fd)
{
	struct svc_smtp_session *x = svc_smtp_session_answered(ctx, m->request);
	struct smtp_target targets[ALL_MAX];
	size_t n = m->targets_n + m->forwards_n;
	if (n > LEN(targets) || (m->verdict == SMTP_KNOWN && n == 0) ||
	    (m->forwards_n > 0 && m->via.n == 0)) {
		return ERR_PROTOCOL;
	}
	if (x != NULL && x->engine.wait == SMTP_WAIT_RCPT) {
		n = take_accounts(m, targets);
		n += take_forwards(x, m, targets + n);
		smtp_answer_rcpt(&x->engine, m->verdict, targets, n);
		svc_smtp_session_run(x);
	}
	return ERR_OK;
}

static enum err
on_sender(void *ctx, const struct ipc_smtp_auth_sender_result *m, int *fd)
{
	struct svc_smtp_session *x = svc_smtp_session_answered(ctx, m->request);
	if (x != NULL && x->engine.wait == SMTP_WAIT_SENDER) {
		smtp_answer_sender(&x->engine, m->result);
		svc_smtp_session_run(x);
	}
	return ERR_OK;
}

/* The account was locked, disabled or deleted, or its password changed: who is in goes. */
static enum err
on_revoke(void *ctx, const struct ipc_smtp_auth_revoke *m, int *fd)
{
	struct svc_smtp *sv = ctx;
	LIST_EACH(it, &sv->sessions) {
		struct svc_smtp_session *x = LIST_ENTRY(it, struct svc_smtp_session, node);
		if (m->account != 0 && x->engine.account == m->account) {
			x->request = 0;
			smtp_end(&x->engine, SMTP_END_REVOKED);
			svc_smtp_session_run(x);
		}
	}
	return ERR_OK;
}

enum err
svc_smtp_from_auth(struct svc_common_link *from, str datagram, int *fd)
{
	static const struct ipc_smtp_auth_at_smtp handlers = { .sasl_challenge = on_challenge,
		.sasl_done = on_done,
		.rcpt_result = on_rcpt,
		.sender_result = on_sender,
		.revoke = on_revoke };
	struct svc_smtp *sv = svc_smtp_of(from);
	enum err e = ipc_smtp_auth_smtp_dispatch(&handlers, sv, datagram, fd, sv->scratch);
	arena_reset(sv->scratch);
	return e;
}
