/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shared mailboxes: sessions ask who an address is, who shares with them, and to visit. Auth knows;
 * its answers find their way back to the session that asked. A visit is a guest process, forked and
 * locked into the owner's folder like any other; the session gets the other end of a channel, never
 * the folder. Whose question it is, is ours to say: a session cannot ask for somebody else.
 */
#include "svc/accounts/share.h"

#include <signal.h>

#include "ipc/accounts_account.h"
#include "ipc/accounts_auth.h"
#include "base/mem.h"
#include "sys/sock.h"
#include "sys/sys.h"

struct svc_accounts_question {
	struct list node; /* in svc_accounts.questions */
	struct svc_accounts_child *child;
	uint64_t ours, theirs; /* numbers of the request at auth and at the session */
	uint64_t owner;        /* of a visit */
};

static struct svc_accounts_question *
question_new(struct svc_accounts_child *c, uint64_t theirs)
{
	struct svc_accounts *s = c->s;
	bool room = s->auth.chan != NULL && s->questions_n < SVC_ACCOUNTS_ASKED_MAX &&
	    c->asked < SVC_ACCOUNTS_ASKED_EACH;
	struct svc_accounts_question *q = room ? mem_zalloc(1, sizeof *q) : NULL;
	if (q != NULL) {
		*q = (struct svc_accounts_question){
			.child = c, .ours = s->next_request++, .theirs = theirs
		};
		list_init(&q->node);
		list_push(&s->questions, &q->node);
		s->questions_n++;
		c->asked++;
	}
	return q;
}

static void
question_free(struct svc_accounts *s, struct svc_accounts_question *q)
{
	list_remove(&q->node);
	s->questions_n--;
	q->child->asked--;
	mem_drop(q);
}

static struct svc_accounts_question *
question_of(struct svc_accounts *s, uint64_t ours)
{
	LIST_EACH(it, &s->questions) {
		struct svc_accounts_question *q = LIST_ENTRY(it, struct svc_accounts_question,
		    node);
		if (q->ours == ours) {
			return q;
		}
	}
	return NULL;
}

void
svc_accounts_questions_drop(struct svc_accounts *s, const struct svc_accounts_child *child)
{
	LIST_EACH(it, &s->questions) {
		struct svc_accounts_question *q = LIST_ENTRY(it, struct svc_accounts_question,
		    node);
		if (child == NULL || q->child == child) {
			question_free(s, q);
		}
	}
}

/* The session waits for an answer; one that cannot be told is ended. */
static void
answer(struct svc_accounts_child *c, int fd)
{
	if (c->control == NULL) {
		sys_close(&fd); /* it was killed for that, and ends */
	} else if (sys_chan_send(c->control, &c->s->out, fd) != ERR_OK) {
		(void)(sys_child_signal(&c->process, SIGKILL) == ERR_OK);
	}
}

/* False: it could not be asked, and is none any more. */
static bool
send_to_auth(struct svc_accounts *s, struct svc_accounts_question *q)
{
	enum err e = svc_common_link_send(&s->auth, &s->out, -1);
	if (e != ERR_OK) {
		question_free(s, q);
	}
	return e == ERR_OK;
}

/* ---- who is this, and who shares with me? -------------------------------------------------- */

static void
tell_shared(struct svc_accounts_child *c, const struct ipc_accounts_account_shared *m)
{
	buf_reset(&c->s->out);
	ipc_accounts_account_shared_put(&c->s->out, m);
	answer(c, -1);
}

static bool
ask_share(struct svc_accounts_child *c, const struct ipc_accounts_account_share *m)
{
	bool serves = c->kind == SVC_ACCOUNTS_SESSION || c->kind == SVC_ACCOUNTS_GUEST;
	struct svc_accounts_question *q = serves ? question_new(c, m->request) : NULL;
	if (q == NULL) {
		return false;
	}
	struct ipc_accounts_auth_share ask = { .request = q->ours,
		.owner = c->account,
		.guest = c->guest,
		.on = m->on,
		.name = m->name };
	buf_reset(&c->s->out);
	ipc_accounts_auth_share_put(&c->s->out, &ask);
	return send_to_auth(c->s, q);
}

enum err
svc_accounts_on_share(void *ctx, const struct ipc_accounts_account_share *m, int *fd)
{
	struct svc_accounts_child *c = ctx;
	if (!ask_share(c, m)) {
		struct ipc_accounts_account_shared no = { .request = m->request,
			.result = ERR_UNAVAILABLE };
		tell_shared(c, &no);
	}
	return ERR_OK;
}

enum err
svc_accounts_on_shared(void *ctx, const struct ipc_accounts_auth_shared *m, int *fd)
{
	struct svc_accounts *s = ctx;
	struct svc_accounts_question *q = question_of(s, m->request);
	if (q != NULL) {
		struct ipc_accounts_account_shared reply = { .request = q->theirs,
			.result = m->result,
			.account = m->account,
			.name = m->name };
		tell_shared(q->child, &reply);
		question_free(s, q);
	}
	return ERR_OK;
}

static void
tell_sharers(struct svc_accounts_child *c, const struct ipc_accounts_account_sharers *m)
{
	buf_reset(&c->s->out);
	ipc_accounts_account_sharers_put(&c->s->out, m);
	answer(c, -1);
}

/* A guest process acts for somebody else and is not asked on. */
static bool
ask_sharers(struct svc_accounts_child *c, uint64_t request)
{
	bool serves = c->kind == SVC_ACCOUNTS_SESSION;
	struct svc_accounts_question *q = serves ? question_new(c, request) : NULL;
	if (q == NULL) {
		return false;
	}
	struct ipc_accounts_auth_sharers_get ask = { .request = q->ours, .guest = c->account };
	buf_reset(&c->s->out);
	ipc_accounts_auth_sharers_get_put(&c->s->out, &ask);
	return send_to_auth(c->s, q);
}

enum err
svc_accounts_on_sharers_get(void *ctx, const struct ipc_accounts_account_sharers_get *m, int *fd)
{
	struct svc_accounts_child *c = ctx;
	if (!ask_sharers(c, m->request)) {
		struct ipc_accounts_account_sharers no = { .request = m->request,
			.result = ERR_UNAVAILABLE };
		tell_sharers(c, &no);
	}
	return ERR_OK;
}

enum err
svc_accounts_on_sharers(void *ctx, const struct ipc_accounts_auth_sharers *m, int *fd)
{
	struct svc_accounts *s = ctx;
	struct svc_accounts_question *q = question_of(s, m->request);
	if (q != NULL) {
		struct ipc_accounts_account_sharers reply = { .request = q->theirs,
			.result = m->result,
			.sharers = m->sharers,
			.sharers_n = m->sharers_n };
		tell_sharers(q->child, &reply);
		question_free(s, q);
	}
	return ERR_OK;
}

/* ---- a visit ------------------------------------------------------------------------------- */

static void
tell_visiting(struct svc_accounts_child *c, uint64_t request, enum err e, int fd)
{
	struct ipc_accounts_account_visiting m = { .request = request, .result = e };
	buf_reset(&c->s->out);
	ipc_accounts_account_visiting_put(&c->s->out, &m);
	answer(c, fd);
}

static size_t
guests_of(const struct svc_accounts *s, uint64_t account)
{
	size_t n = 0;
	LIST_EACH(it, &s->children) {
		const struct svc_accounts_child *c = LIST_ENTRY(it, struct svc_accounts_child,
		    node);
		n += c->kind == SVC_ACCOUNTS_GUEST && c->guest == account;
	}
	return n;
}

static enum err
ask_visit(struct svc_accounts_child *c, const struct ipc_accounts_account_visit *m)
{
	struct svc_accounts *s = c->s;
	if (c->kind != SVC_ACCOUNTS_SESSION ||
	    guests_of(s, c->account) >= s->sc->conf->accounts_sessions_per_account) {
		return ERR_BUSY;
	}
	struct svc_accounts_question *q = question_new(c, m->request);
	if (q == NULL) {
		return ERR_UNAVAILABLE;
	}
	q->owner = m->account;
	struct ipc_accounts_auth_visit ask = {
		.request = q->ours, .owner = m->account, .guest = c->account
	};
	buf_reset(&s->out);
	ipc_accounts_auth_visit_put(&s->out, &ask);
	return send_to_auth(s, q) ? ERR_OK : ERR_UNAVAILABLE;
}

enum err
svc_accounts_on_visit(void *ctx, const struct ipc_accounts_account_visit *m, int *fd)
{
	struct svc_accounts_child *c = ctx;
	enum err e = ask_visit(c, m);
	if (e != ERR_OK) {
		tell_visiting(c, m->request, e, -1);
	}
	return ERR_OK;
}

static enum err
start_guest(const struct svc_accounts_question *q, const struct ipc_accounts_auth_visit_result *m,
    int visit, int stream)
{
	struct svc_account_start start = { .name = m->name,
		.account = q->owner,
		.session = q->child->ident.session,
		.guest = q->child->account,
		.quota_octets = m->quota_octets,
		.quota_messages = m->quota_messages,
		.queue = -1,
		.stream = stream,
		.visit = visit,
		.protocol = SYS_IMAP };
	return svc_accounts_child_new(q->child->s, &start, SVC_ACCOUNTS_GUEST, 0);
}

/* Two descriptors, two messages: the stream first. */
static void
hand_over(const struct svc_accounts_question *q, int stream, int visit)
{
	struct ipc_accounts_account_visiting m = { .request = q->theirs, .stream = true };
	buf_reset(&q->child->s->out);
	ipc_accounts_account_visiting_put(&q->child->s->out, &m);
	answer(q->child, stream);
	tell_visiting(q->child, q->theirs, ERR_OK, visit);
}

enum err
svc_accounts_on_visit_result(void *ctx, const struct ipc_accounts_auth_visit_result *m, int *fd)
{
	struct svc_accounts *s = ctx;
	struct svc_accounts_question *q = question_of(s, m->request);
	int visit[2] = { -1, -1 }, stream[2] = { -1, -1 };
	if (q == NULL || q->child->control == NULL) { /* nobody to visit it any more */
		return ERR_OK;
	}
	enum err e = m->result;
	e = e == ERR_OK ? sys_chan_pair(visit) : e;
	e = e == ERR_OK ? sys_sock_pair(stream) : e;
	e = e == ERR_OK ? start_guest(q, m, visit[1], stream[1]) : e;
	sys_close(&visit[1]);
	sys_close(&stream[1]);
	if (e == ERR_OK) {
		hand_over(q, stream[0], visit[0]);
	} else {
		bool known = e == ERR_NOTFOUND || e == ERR_DISABLED || e == ERR_BUSY;
		sys_close(&visit[0]);
		sys_close(&stream[0]);
		tell_visiting(q->child, q->theirs, known ? e : ERR_UNAVAILABLE, -1);
	}
	question_free(s, q);
	return ERR_OK;
}
