/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sessions that rest: gate keeps the TLS connection and what accounts sealed. Accounts offers a
 * session (park); we take it only when the session has read every octet we gave it and all its own
 * are with the client or on their way. The client's next octet, or accounts (wake), makes a new
 * stream, which goes to accounts with the seal (resume); from then on it is a session as before.
 */
#include "base/mem.h"
#include "ipc/gate_accounts.h"
#include "svc/gate/back.h"
#include "sys/sys.h"

/* What a resting connection holds beside TLS. */
struct svc_gate_parked {
	int64_t until_ms; /* then the client was silent for too long */
	uint32_t keep_alive_ms;
	uint32_t sealed_n;
	bool owed;   /* to be woken as soon as accounts can hear us */
	bool orphan; /* accounts was started anew and has not confirmed it yet */
	bool asked;  /* whether it does */
	int stream;  /* the new one, until accounts says that a process has it; -1: none */
	char sealed[];
};

static struct svc_gate_conn *
find(struct svc_gate *g, uint64_t session)
{
	return map_get(g->sessions, session);
}

/* ---- what accounts is told ---- */

static enum err
tell_parked(struct svc_gate *g, uint64_t session, enum err result)
{
	struct ipc_gate_accounts_parked m = { .session = session, .result = result };
	buf_reset(&g->message);
	ipc_gate_accounts_parked_put(&g->message, &m);
	return svc_common_link_send(&g->accounts, &g->message, -1);
}

static enum err
tell_gone(struct svc_gate *g, uint64_t session)
{
	struct ipc_gate_accounts_gone m = { .session = session };
	buf_reset(&g->message);
	ipc_gate_accounts_gone_put(&g->message, &m);
	return g->accounts.chan == NULL ? ERR_OK
					: svc_common_link_send(&g->accounts, &g->message, -1);
}

/* Ten thousand clients may leave in one turn: those accounts cannot hear of now wait in a list. */
static void
flush_gone(struct svc_gate *g)
{
	while (g->gone.n >= sizeof(uint64_t)) {
		uint64_t session;
		memcpy(&session, g->gone.p + g->gone.n - sizeof session, sizeof session);
		if (tell_gone(g, session) == ERR_BUSY) {
			return;
		}
		buf_truncate(&g->gone, g->gone.n - sizeof session);
	}
	buf_reset(&g->gone);
}

static void
say_gone(struct svc_gate *g, uint64_t session)
{
	if (tell_gone(g, session) == ERR_BUSY) {
		buf_add(&g->gone, &session, sizeof session);
	}
}

/* ---- the end of a rest ---- */

static void
forget(struct svc_gate_conn *c)
{
	if (c->parked == NULL) {
		return;
	}
	c->g->parked_n--;
	sys_close(&c->parked->stream);
	mem_drop(c->parked);
	c->parked = NULL;
}

void
svc_gate_park_done(struct svc_gate_conn *c)
{
	if (c->parked != NULL) {
		say_gone(c->g, c->id);
		forget(c);
	}
}

void
svc_gate_park_end(struct svc_gate_conn *c, enum preauth_close why)
{
	svc_gate_park_done(c);
	svc_gate_relay_farewell(c, preauth_farewell(svc_gate_preauth_protocol(c->protocol), why));
}

/* The new stream is with accounts, whose word is still to come. */
static bool
is_waking(const struct svc_gate_conn *c)
{
	return c->parked->stream >= 0;
}

/* A new stream for the session: one end goes to accounts. */
static enum err
resume(struct svc_gate_conn *c, int *ret_stream)
{
	struct svc_gate *g = c->g;
	int pair[2];
	if (g->accounts.chan == NULL || c->parked->orphan) {
		return ERR_BUSY;
	}
	TRY(sys_sock_pair(pair));
	struct ipc_gate_accounts_resume m = { .session = c->id,
		.sealed = str_make(c->parked->sealed, c->parked->sealed_n) };
	buf_reset(&g->message);
	ipc_gate_accounts_resume_put(&g->message, &m);
	enum err e = svc_common_link_send(&g->accounts, &g->message, pair[1]);
	if (e != ERR_OK) {
		sys_close(&pair[0]);
		return e;
	}
	*ret_stream = pair[0];
	return ERR_OK;
}

/* Nothing is read meanwhile. Octets go into the stream when a process is known to have it. */
void
svc_gate_park_wake(struct svc_gate_conn *c)
{
	enum err e = is_waking(c) ? ERR_OK : resume(c, &c->parked->stream);
	bool later = e == ERR_BUSY ||
	    e == ERR_UNAVAILABLE; /* accounts is slow, or has just ended */
	if (e != ERR_OK && !later) {
		svc_gate_park_end(c, PREAUTH_CLOSE_MEMORY);
		return;
	}
	c->parked->owed = later;
	sys_watch_set(c->g->sc->loop, &c->net, 0);
}

/* ---- events of a resting connection ---- */

void
svc_gate_park_net(struct svc_gate_conn *c, unsigned events)
{
	enum err e = ERR_OK;
	if ((events & SYS_OUT) != 0) {
		e = svc_gate_relay_flush(c);
	}
	bool waits = c->parked->owed || is_waking(c);
	if (waits && (events & SYS_HUP) != 0) {
		e = ERR_EOF;
	}
	bool read = false;
	if ((e == ERR_OK || e == ERR_AGAIN) && !waits) {
		e = svc_gate_relay_take(c, &read);
	}
	if (read) {
		svc_gate_park_wake(c); /* an end that came with the octets shows again */
	} else if (e != ERR_OK && e != ERR_AGAIN) {
		svc_gate_conn_close(c, e == ERR_NOMEM ? "memory" : "client");
	} else if (!waits) {
		svc_gate_relay_watch(c);
	}
}

static void
set_timer(struct svc_gate_conn *c)
{
	const struct svc_gate_parked *p = c->parked;
	int64_t left = MAX(p->until_ms - sys_loop_now_ms(c->g->sc->loop), 0);
	int64_t next = p->keep_alive_ms == 0 ? left : MIN(left, (int64_t)p->keep_alive_ms);
	sys_timer_set(c->g->sc->loop, &c->timer, next);
}

/* RFC 9051 5.4: autologout; and a word for routers that forget silent connections. */
void
svc_gate_park_time(struct svc_gate_conn *c)
{
	if (sys_loop_now_ms(c->g->sc->loop) >= c->parked->until_ms) {
		c->g->facts.timeouts++;
		svc_gate_park_end(c, PREAUTH_CLOSE_TIMEOUT);
		return;
	}
	enum err e = svc_gate_relay_say(c, S("* OK Still here\r\n"));
	if (e != ERR_OK) {
		svc_gate_conn_close(c, e == ERR_NOMEM ? "memory" : "client");
		return;
	}
	set_timer(c);
	if (!c->parked->owed && !is_waking(c)) {
		svc_gate_relay_watch(c);
	}
}

/* ---- what accounts says ---- */

/* Everything the session wrote lies in the stream by now: move it on before judging. */
static enum err
may_rest(struct svc_gate_conn *c, const struct ipc_gate_accounts_park *m)
{
	if (c == NULL || c->state != SVC_GATE_RELAY || c->g->quitting) {
		return ERR_NOTFOUND;
	}
	bool all = svc_gate_relay_drain(c);
	if (c->state != SVC_GATE_RELAY) {
		return ERR_NOTFOUND;
	}
	return all && c->taken == m->octets && svc_gate_relay_is_quiet(c) ? ERR_OK : ERR_BUSY;
}

static enum err
rest(struct svc_gate_conn *c, const struct ipc_gate_accounts_park *m)
{
	TRY(may_rest(c, m));
	struct svc_gate_parked *p = mem_zalloc(1, sizeof *p + m->sealed.n);
	if (p == NULL) {
		return ERR_NOMEM;
	}
	p->until_ms = sys_loop_now_ms(c->g->sc->loop) +
	    (int64_t)MIN(m->left_ms, (uint64_t)INT32_MAX);
	p->keep_alive_ms = m->keep_alive_ms;
	p->stream = -1;
	p->sealed_n = (uint32_t)m->sealed.n;
	if (m->sealed.n > 0) {
		memcpy(p->sealed, m->sealed.p, m->sealed.n);
	}
	svc_gate_relay_done(c);
	svc_gate_conn_go(c, SVC_GATE_PARKED);
	c->parked = p;
	c->g->parked_n++;
	c->g->facts.parked++;
	set_timer(c);
	return ERR_OK;
}

static enum err
on_park(void *ctx, const struct ipc_gate_accounts_park *m, int *fd)
{
	struct svc_gate *g = ctx;
	struct svc_gate_conn *c = find(g, m->session);
	enum err e = rest(c, m);
	g->facts.park_refused += e != ERR_OK;
	enum err sent = tell_parked(g, m->session, e);
	if (sent != ERR_OK) {
		return sent; /* accounts would wait for ever: close the channel */
	}
	if (e == ERR_OK) {
		svc_gate_relay_allow(c);
		svc_gate_park_net(c, SYS_IN); /* OpenSSL may hold what epoll cannot see */
	}
	return ERR_OK;
}

static enum err
on_wake(void *ctx, const struct ipc_gate_accounts_wake *m, int *fd)
{
	struct svc_gate_conn *c = find(ctx, m->session);
	if (c != NULL && c->state == SVC_GATE_PARKED) {
		svc_gate_park_wake(c); /* else it has been woken, or has left */
	}
	return ERR_OK;
}

static enum err
on_drop(void *ctx, const struct ipc_gate_accounts_drop *m, int *fd)
{
	struct svc_gate_conn *c = find(ctx, m->session);
	if (c != NULL && c->state == SVC_GATE_PARKED) {
		forget(c); /* accounts knows */
		svc_gate_park_end(c, PREAUTH_CLOSE_ENDED);
	}
	return ERR_OK;
}

static enum err
on_resumed(void *ctx, const struct ipc_gate_accounts_resumed *m, int *fd)
{
	struct svc_gate_conn *c = find(ctx, m->session);
	if (c == NULL || c->state != SVC_GATE_PARKED || !is_waking(c)) {
		return ERR_OK; /* the client has left, and the stream with it */
	}
	if (m->result != ERR_OK) {
		forget(c);
		svc_gate_park_end(c, PREAUTH_CLOSE_ENDED);
		return ERR_OK;
	}
	int stream = c->parked->stream;
	c->parked->stream = -1;
	c->g->facts.woken++;
	forget(c);
	sys_timer_stop(&c->timer);
	svc_gate_relay_begin(c, stream);
	return ERR_OK;
}

static enum err
on_kept(void *ctx, const struct ipc_gate_accounts_kept *m, int *fd)
{
	struct svc_gate_conn *c = find(ctx, m->session);
	if (c == NULL || c->state != SVC_GATE_PARKED || !c->parked->orphan) {
		return ERR_OK; /* it has left */
	}
	if (m->result != ERR_OK) {
		forget(c);
		svc_gate_park_end(c, PREAUTH_CLOSE_ENDED);
		return ERR_OK;
	}
	c->parked->orphan = false;
	if (c->parked->owed) {
		c->parked->owed = false;
		svc_gate_park_wake(c);
	}
	return ERR_OK;
}

enum err
svc_gate_from_accounts(struct svc_common_link *from, str datagram, int *fd)
{
	static const struct ipc_gate_accounts_at_gate handlers = { .park = on_park,
		.wake = on_wake,
		.drop = on_drop,
		.kept = on_kept,
		.unauthenticated = svc_gate_back_on_unauthenticated,
		.resumed = on_resumed };
	struct svc_gate *g = from->sc->ctx;
	arena_reset(g->tick);
	return ipc_gate_accounts_gate_dispatch(&handlers, g, datagram, fd, g->tick);
}

static enum err
ask(struct svc_gate *g, const struct svc_gate_conn *c)
{
	struct ipc_gate_accounts_keep m = { .session = c->id,
		.sealed = str_make(c->parked->sealed, c->parked->sealed_n) };
	buf_reset(&g->message);
	ipc_gate_accounts_keep_put(&g->message, &m);
	return svc_common_link_send(&g->accounts, &g->message, -1);
}

/* A new accounts process is told of everybody who rests here; what it cannot hear now, later. */
static void
ask_all(struct svc_gate *g)
{
	LIST_EACH(it, &g->conns) {
		struct svc_gate_conn *c = LIST_ENTRY(it, struct svc_gate_conn, node);
		if (c->state == SVC_GATE_PARKED && c->parked->orphan && !c->parked->asked) {
			if (ask(g, c) != ERR_OK) {
				return;
			}
			c->parked->asked = true;
		}
	}
}

/* Accounts hears us again. */
void
svc_gate_accounts_drained(struct svc_common_link *l)
{
	struct svc_gate *g = l->sc->ctx;
	flush_gone(g);
	ask_all(g);
	LIST_EACH(it, &g->conns) {
		struct svc_gate_conn *c = LIST_ENTRY(it, struct svc_gate_conn, node);
		if (c->state == SVC_GATE_PARKED && c->parked->owed && !c->parked->orphan) {
			c->parked->owed = false;
			svc_gate_park_wake(c);
		}
	}
}

/* Whom nobody has confirmed in time. */
void
svc_gate_park_orphans_end(void *gate)
{
	struct svc_gate *g = gate;
	LIST_EACH(it, &g->conns) {
		struct svc_gate_conn *c = LIST_ENTRY(it, struct svc_gate_conn, node);
		if (c->state == SVC_GATE_PARKED && c->parked->orphan) {
			svc_gate_park_end(c, PREAUTH_CLOSE_ENDED);
		}
	}
}

/* Accounts has forgotten them; the next one may know its predecessor's seal. */
static void
orphan_all(struct svc_gate *g)
{
	buf_reset(&g->gone);
	LIST_EACH(it, &g->conns) {
		struct svc_gate_conn *c = LIST_ENTRY(it, struct svc_gate_conn, node);
		if (c->state == SVC_GATE_PARKED) {
			c->parked->owed = c->parked->owed || is_waking(c);
			c->parked->orphan = true;
			c->parked->asked = false;
			sys_close(&c->parked->stream);
		}
	}
	sys_timer_set(g->sc->loop, &g->orphans, SVC_GATE_ORPHAN_MS);
}

void
svc_gate_accounts_down(struct svc_common_link *l)
{
	orphan_all(l->sc->ctx);
}

void
svc_gate_accounts_up(struct svc_common_link *l)
{
	ask_all(l->sc->ctx);
}
