/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sessions without a process. A session offers itself (accounts_account.park); we make a row, seal
 * what it left and offer that to its gate; when gate has it, the process may end. A change that the
 * session watches, or gate itself, wakes it: gate brings the seal and a new stream, and a process
 * goes on. A row is what we believe, not gate: without one, or with another seal, nothing opens.
 */
#include "ipc/accounts_account.h"
#include "ipc/gate_accounts.h"
#include "base/mem.h"
#include "svc/accounts/leave.h"
#include "svc/accounts/sessions.h"
#include "svc/accounts/seal.h"
#include "sys/random.h"
#include "sys/sys.h"

/* Bits of accounts_account.park. */
enum { WATCH_MAILBOX = 1, WATCH_LIST = 2, WATCH_ANY = 4 };

static_assert(offsetof(struct svc_accounts_gate, link) == 0, "a link is its gate");

/* A session that rests, or is on its way there. */
struct svc_accounts_parked {
	struct list at_gate, sibling;
	struct svc_accounts_gate *gate;
	struct svc_accounts_family *family;
	struct svc_accounts_child *child; /* that offers itself; NULL: it has ended */
	uint64_t session, rest, mailbox;
	uint8_t watch;
	bool resting; /* gate has it */
	bool changed; /* to be woken as soon as it rests, and as gate can hear it */
	bool woken;
	bool dropped;  /* gate is to be told as soon as it can hear it */
	bool unproved; /* we were started anew; auth has not said yet that it may go on */
	bool stale;    /* a change may have been missed: to be woken in its turn */
	bool heard;    /* of a change of the account, watched or not, or one may have been missed */
	int64_t granted_ms, since_s;
	struct sys_prefix prefix;
	uint8_t protocol;
	uint16_t name_n, tls_n, client_n;
	char text[]; /* name, version of TLS, the program's name */
};

/* ---- rows ---- */

static void
row_free(struct svc_accounts *s, struct svc_accounts_parked *p)
{
	if (p->child != NULL) {
		p->child->offer = NULL;
	}
	if (p->resting) {
		p->family->parked_n--;
		s->parked_n--;
	}
	(void)map_del(s->parked, p->session);
	list_remove(&p->at_gate);
	list_remove(&p->sibling);
	svc_accounts_family_tidy(s, p->family);
	mem_drop(p);
}

/* The upper octet of a session's id is the number of its gate process. */
static struct svc_accounts_gate *
gate_of(struct svc_accounts *s, uint64_t session)
{
	uint64_t peer = session >> 56;
	return peer < LEN(s->gates) && s->gates[peer].link.chan != NULL ? &s->gates[peer] : NULL;
}

static void
row_describe(struct svc_accounts_parked *p, str name, const struct svc_accounts_origin *o)
{
	char *at = p->text;
	p->since_s = o->since_s;
	p->prefix = o->prefix;
	p->name_n = (uint16_t)name.n;
	p->tls_n = o->tls_n;
	p->client_n = o->client_n;
	memcpy(at, name.n > 0 ? name.p : "", name.n);
	memcpy(at + name.n, o->tls, o->tls_n);
	memcpy(at + name.n + o->tls_n, o->client, o->client_n);
}

bool
svc_accounts_parked_see(const struct svc_accounts_parked *p, struct svc_accounts_seen *ret)
{
	*ret = (struct svc_accounts_seen){ .session = p->session,
		.account = p->family->account,
		.protocol = p->protocol,
		.resting = true,
		.name = str_make(p->text, p->name_n),
		.tls = str_make(p->text + p->name_n, p->tls_n),
		.client = str_make(p->text + p->name_n + p->tls_n, p->client_n),
		.prefix = p->prefix,
		.since_s = p->since_s };
	return p->resting && !p->dropped;
}

enum err
svc_accounts_gate_send(struct svc_accounts *s, uint64_t session, int fd)
{
	struct svc_accounts_gate *g = gate_of(s, session);
	if (g == NULL) {
		sys_close(&fd);
		return ERR_UNAVAILABLE;
	}
	return svc_common_link_send(&g->link, &s->out, fd);
}

/* In   what: session, name, protocol and origin count. */
static enum err
row_new(struct svc_accounts_gate *g, struct svc_accounts_family *f,
    const struct svc_accounts_sealed *what, struct svc_accounts_parked **ret)
{
	uint64_t session = what->session;
	size_t text = what->name.n + what->origin.tls_n + what->origin.client_n;
	struct svc_accounts_parked *p = mem_zalloc(1, sizeof *p + text);
	enum err e = p == NULL ? ERR_NOMEM : map_set(g->s->parked, session, p);
	if (e != ERR_OK) {
		mem_drop(p);
		return e;
	}
	p->gate = g;
	p->family = f;
	p->session = session;
	p->protocol = what->protocol;
	row_describe(p, what->name, &what->origin);
	list_push(&g->rows, &p->at_gate);
	list_push(&f->parked, &p->sibling);
	*ret = p;
	return ERR_OK;
}

static void
row_rests(struct svc_accounts *s, struct svc_accounts_parked *p)
{
	p->resting = true;
	p->family->parked_n++;
	s->parked_n++;
}

/* ---- an offer ---- */

static void
answer(struct svc_accounts_child *c, enum err result)
{
	struct ipc_accounts_account_park_result m = { .result = result };
	buf_reset(&c->s->out);
	ipc_accounts_account_park_result_put(&c->s->out, &m);
	svc_accounts_tell(c, &c->s->out);
}

static struct svc_accounts_sealed
sealed_of(const struct svc_accounts_child *c, const struct ipc_accounts_account_park *m)
{
	struct svc_accounts_sealed what = { .session = c->ident.session,
		.account = c->account,
		.granted_ms = c->ident.granted_ms,
		.protocol = c->ident.protocol,
		.quota_octets = c->ident.quota_octets,
		.quota_messages = c->ident.quota_messages,
		.watch = m->watch,
		.mailbox = m->mailbox,
		.name = str_make(c->ident.name, c->ident.name_n),
		.state = m->state,
		.origin = c->origin };
	sys_random(&what.rest, sizeof what.rest);
	return what;
}

static enum err
offer_to_gate(struct svc_accounts_parked *p, const struct ipc_accounts_account_park *m,
    const struct svc_accounts_sealed *what)
{
	struct svc_accounts *s = p->child->s;
	int64_t now = sys_loop_now_ms(s->sc->loop);
	int64_t left = m->deadline_ms > now ? m->deadline_ms - now : 0;
	struct ipc_gate_accounts_park offer = { .session = p->session,
		.octets = m->octets,
		.left_ms = (uint64_t)left,
		.keep_alive_ms = m->idle ? (uint32_t)s->sc->conf->imap_keep_alive : 0 };
	buf_reset(&s->sealed);
	svc_accounts_seal(&s->sealed, s->seal_key, what);
	TRY(buf_err(&s->sealed));
	offer.sealed = buf_view(&s->sealed);
	buf_reset(&s->out);
	ipc_gate_accounts_park_put(&s->out, &offer);
	return svc_common_link_send(&p->gate->link, &s->out, -1);
}

static enum err
take_offer(struct svc_accounts_child *c, const struct ipc_accounts_account_park *m)
{
	struct svc_accounts_gate *g = gate_of(c->s, c->ident.session);
	struct svc_accounts_parked *p;
	bool in_step = c->kind == SVC_ACCOUNTS_SESSION && m->notices == c->notices &&
	    !sys_timer_is_set(&c->leave) && c->offer == NULL && !c->s->quitting;
	if (!in_step) {
		return ERR_BUSY;
	}
	if (g == NULL) {
		return ERR_UNAVAILABLE;
	}
	struct svc_accounts_sealed what = sealed_of(c, m);
	TRY(row_new(g, c->family, &what, &p));
	p->rest = what.rest;
	p->child = c;
	c->offer = p;
	p->watch = m->watch;
	p->mailbox = m->mailbox;
	enum err e = offer_to_gate(p, m, &what);
	if (e != ERR_OK) {
		row_free(c->s, p);
	}
	return e;
}

enum err
svc_accounts_on_park(void *child, const struct ipc_accounts_account_park *m, int *fd)
{
	struct svc_accounts_child *c = child;
	enum err e = take_offer(c, m);
	if (e != ERR_OK) {
		answer(c, e);
	}
	return ERR_OK;
}

void
svc_accounts_parked_child_gone(struct svc_accounts_child *c)
{
	if (c->offer != NULL) {
		c->offer->child = NULL;
		c->offer = NULL;
	}
}

/* ---- waking and dropping ---- */

static void
wake(struct svc_accounts *s, struct svc_accounts_parked *p)
{
	struct ipc_gate_accounts_wake m = { .session = p->session };
	p->changed = true;
	if (!p->resting || p->woken || p->dropped || p->unproved) {
		return;
	}
	buf_reset(&s->out);
	ipc_gate_accounts_wake_put(&s->out, &m);
	p->woken = svc_common_link_send(&p->gate->link, &s->out, -1) == ERR_OK;
}

/* ERR_BUSY: it cannot be told now. */
static enum err
say_drop(struct svc_accounts_gate *g, uint64_t session)
{
	struct ipc_gate_accounts_drop m = { .session = session };
	buf_reset(&g->s->out);
	ipc_gate_accounts_drop_put(&g->s->out, &m);
	return svc_common_link_send(&g->link, &g->s->out, -1);
}

void
svc_accounts_parked_changed(struct svc_accounts *s, struct svc_accounts_family *f, uint64_t mailbox)
{
	LIST_EACH(it, &f->parked) {
		struct svc_accounts_parked *p = LIST_ENTRY(it, struct svc_accounts_parked, sibling);
		p->heard = true;
		bool list = mailbox == 0 && (p->watch & WATCH_LIST) != 0;
		bool own = (p->watch & WATCH_MAILBOX) != 0 && p->mailbox == mailbox;
		if (list || own || (p->watch & WATCH_ANY) != 0) {
			wake(s, p);
		}
	}
}

void
svc_accounts_parked_drop(struct svc_accounts *s, struct svc_accounts_parked *p)
{
	if (p->resting && say_drop(p->gate, p->session) == ERR_BUSY) {
		p->dropped = true;
	} else {
		row_free(s, p);
	}
}

/* One on its way has a process, which is told; when gate takes it nevertheless, it has no row. */
void
svc_accounts_parked_revoke(struct svc_accounts *s, struct svc_accounts_family *f)
{
	LIST_EACH(it, &f->parked) {
		bool last = it_next == &f->parked; /* the family may go with it */
		svc_accounts_parked_drop(s, LIST_ENTRY(it, struct svc_accounts_parked, sibling));
		if (last) {
			return;
		}
	}
}

/* ---- what gate says ---- */

static enum err
on_parked(void *ctx, const struct ipc_gate_accounts_parked *m, int *fd)
{
	struct svc_accounts_gate *g = ctx;
	struct svc_accounts *s = g->s;
	struct svc_accounts_parked *p = map_get(s->parked, m->session);
	if (p == NULL || p->gate != g || p->resting) {
		/* it was revoked meanwhile; a gate that does not hear that is lost */
		return m->result == ERR_OK ? say_drop(g, m->session) : ERR_OK;
	}
	struct svc_accounts_child *c = p->child;
	if (m->result != ERR_OK) {
		s->park_refused++;
		row_free(s, p);
		if (c != NULL) {
			answer(c, ERR_BUSY);
		}
		return ERR_OK;
	}
	row_rests(s, p);
	s->rests++;
	if (c != NULL) {
		c->offer = NULL;
		p->child = NULL;
		svc_accounts_child_left(c);
		answer(c, ERR_OK);
	}
	if (p->changed) {
		wake(s, p);
	}
	return ERR_OK;
}

/* Only what we sealed for this very rest opens the account. */
static enum err
check(struct svc_accounts_gate *g, const struct ipc_gate_accounts_resume *m,
    struct svc_accounts_sealed *ret)
{
	const struct svc_accounts_parked *p = map_get(g->s->parked, m->session);
	if (p == NULL || p->gate != g || !p->resting || p->dropped || p->unproved) {
		return ERR_NOTFOUND;
	}
	TRY(svc_accounts_unseal(m->sealed, g->s->seal_key, ret));
	bool same = ret->session == p->session && ret->rest == p->rest &&
	    ret->account == p->family->account;
	return same ? ERR_OK : ERR_DENIED;
}

static enum err
go_on(struct svc_accounts_gate *g, const struct ipc_gate_accounts_resume *m, int stream)
{
	struct svc_accounts *s = g->s;
	struct svc_accounts_sealed what;
	TRY(check(g, m, &what));
	struct svc_accounts_parked *p = map_get(s->parked, m->session);
	struct svc_account_start start = { .name = what.name,
		.account = what.account,
		.session = what.session,
		.quota_octets = what.quota_octets,
		.quota_messages = what.quota_messages,
		.queue = -1,
		.stream = stream,
		.protocol = what.protocol,
		.granted_ms = what.granted_ms,
		.parked = what.state,
		.calm = !p->heard && (p->watch & WATCH_MAILBOX) != 0 };
	enum err e = svc_accounts_child_new(s, &start, SVC_ACCOUNTS_SESSION, 0);
	row_free(s, p);
	if (e == ERR_OK) {
		struct svc_accounts_child *c = map_get(s->live, what.session);
		c->origin = what.origin;
		s->resumed++;
	}
	return e;
}

static enum err
on_resume(void *ctx, const struct ipc_gate_accounts_resume *m, int *fd)
{
	struct svc_accounts_gate *g = ctx;
	struct ipc_gate_accounts_resumed reply = { .session = m->session };
	reply.result = go_on(g, m, *fd);
	if (reply.result != ERR_OK) {
		g->s->refused++;
		LOG(ACCOUNTS_REFUSED, F_ID("session", m->session), F_ERR(reply.result));
	}
	buf_reset(&g->s->out);
	ipc_gate_accounts_resumed_put(&g->s->out, &reply);
	return svc_common_link_send(&g->link, &g->s->out, -1);
}

static enum err
on_gone(void *ctx, const struct ipc_gate_accounts_gone *m, int *fd)
{
	struct svc_accounts_gate *g = ctx;
	struct svc_accounts_parked *p = map_get(g->s->parked, m->session);
	if (p != NULL && p->gate == g && p->resting) {
		row_free(g->s, p);
	}
	return ERR_OK;
}

/* ---- after we were started anew ---- */

static enum err
say_kept(struct svc_accounts_gate *g, uint64_t session, enum err result)
{
	struct ipc_gate_accounts_kept m = { .session = session, .result = result };
	buf_reset(&g->s->out);
	ipc_gate_accounts_kept_put(&g->s->out, &m);
	return svc_common_link_send(&g->link, &g->s->out, -1);
}

static enum err
row_kept(struct svc_accounts_gate *g, const struct svc_accounts_sealed *what)
{
	struct svc_accounts *s = g->s;
	struct svc_accounts_parked *p;
	struct svc_accounts_family *f = svc_accounts_family_get(s, what->account);
	enum err e = f == NULL ? ERR_NOMEM : row_new(g, f, what, &p);
	if (e != ERR_OK) {
		svc_accounts_family_tidy(s, f);
		return e;
	}
	p->rest = what->rest;
	p->watch = what->watch;
	p->mailbox = what->mailbox;
	p->granted_ms = what->granted_ms;
	p->unproved = p->heard = true;
	row_rests(s, p);
	list_remove(&f->node);
	list_push(&s->unchecked, &f->node);
	svc_accounts_check_more(s);
	return ERR_OK;
}

/* Our seal shows that we knew it; whether it may still go on, auth must say. */
static enum err
keep(struct svc_accounts_gate *g, const struct ipc_gate_accounts_keep *m)
{
	struct svc_accounts *s = g->s;
	struct svc_accounts_sealed what;
	TRY(svc_accounts_unseal(m->sealed, s->seal_key, &what));
	if (what.session != m->session || gate_of(s, m->session) != g ||
	    map_get(s->parked, m->session) != NULL || map_get(s->live, m->session) != NULL) {
		return ERR_DENIED;
	}
	return row_kept(g, &what);
}

static enum err
on_keep(void *ctx, const struct ipc_gate_accounts_keep *m, int *fd)
{
	struct svc_accounts_gate *g = ctx;
	enum err e = keep(g, m);
	return e == ERR_OK ? ERR_OK : say_kept(g, m->session, e);
}

/* Wake those of one gate whose turn it is; the rest of the allowance. */
static unsigned
wake_some(struct svc_accounts_gate *g, unsigned left)
{
	LIST_EACH(it, &g->rows) {
		struct svc_accounts_parked *p = LIST_ENTRY(it, struct svc_accounts_parked, at_gate);
		if (p->stale && left > 0) {
			p->stale = false;
			wake(g->s, p);
			left--;
		}
	}
	return left;
}

/* Changes may have been made while nobody passed notices on. A few at a time: each is a process. */
static void
wake_stale(void *ctx)
{
	struct svc_accounts *s = ctx;
	unsigned left = SVC_ACCOUNTS_STALE_MAX;
	for (size_t i = 0; i < LEN(s->gates); i++) {
		left = wake_some(&s->gates[i], left);
	}
	if (left == 0) {
		sys_timer_set(s->sc->loop, &s->stale, SVC_ACCOUNTS_STALE_MS);
	}
}

void
svc_accounts_parked_init(struct svc_accounts *s)
{
	for (size_t i = 0; i < LEN(s->gates); i++) {
		s->gates[i].s = s;
		list_init(&s->gates[i].rows);
	}
	sys_timer_init(&s->stale, wake_stale, s);
}

static void
prove(struct svc_accounts *s, struct svc_accounts_parked *p, int64_t since_ms)
{
	bool good = p->granted_ms > since_ms;
	struct svc_accounts_gate *g = p->gate;
	if (say_kept(g, p->session, good ? ERR_OK : ERR_DENIED) != ERR_OK || !good) {
		row_free(s, p);
		return;
	}
	p->unproved = false;
	p->stale = p->watch != 0;
	if (p->stale && !sys_timer_is_set(&s->stale)) {
		sys_timer_set(s->sc->loop, &s->stale, SVC_ACCOUNTS_STALE_MS);
	}
}

void
svc_accounts_parked_prove(struct svc_accounts *s, uint64_t account, int64_t since_ms)
{
	struct svc_accounts_family *f = map_get(s->families, account);
	if (f == NULL) {
		return;
	}
	LIST_EACH(it, &f->parked) {
		bool last = it_next == &f->parked; /* the family may go with it */
		struct svc_accounts_parked *p = LIST_ENTRY(it, struct svc_accounts_parked, sibling);
		if (p->unproved) {
			prove(s, p, since_ms);
		}
		if (last) {
			return;
		}
	}
}

enum err
svc_accounts_from_gate(struct svc_common_link *from, str datagram, int *fd)
{
	static const struct ipc_gate_accounts_at_accounts handlers = {
		.parked = on_parked, .resume = on_resume, .gone = on_gone, .keep = on_keep
	};
	struct svc_accounts *s = svc_accounts_of(from);
	arena_reset(s->scratch);
	return ipc_gate_accounts_accounts_dispatch(&handlers, from, datagram, fd, s->scratch);
}

/* Gate hears us again. */
void
svc_accounts_gate_drained(struct svc_common_link *l)
{
	struct svc_accounts_gate *g = (void *)l;
	LIST_EACH(it, &g->rows) {
		struct svc_accounts_parked *p = LIST_ENTRY(it, struct svc_accounts_parked, at_gate);
		if (p->dropped && say_drop(g, p->session) != ERR_BUSY) {
			row_free(g->s, p);
		} else if (p->changed) {
			wake(g->s, p);
		}
	}
}

/* Its connections end with the gate; who was about to rest goes on and finds that out. */
void
svc_accounts_gate_down(struct svc_common_link *gone)
{
	struct svc_accounts_gate *g = (void *)gone;
	LIST_EACH(it, &g->rows) {
		struct svc_accounts_parked *p = LIST_ENTRY(it, struct svc_accounts_parked, at_gate);
		struct svc_accounts_child *c = p->child;
		row_free(g->s, p);
		if (c != NULL) {
			answer(c, ERR_UNAVAILABLE);
		}
	}
}
