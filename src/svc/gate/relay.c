/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Octets both ways between TLS (net) and the session's stream (app). Everything moves through the
 * process's one chunk; only what the receiver does not take is copied into memory of the
 * connection, and as long as that lies there its source is not read.
 * Ends. The client's end (close_notify, FIN, reset) ends the connection: what it sent before still
 * reaches the service, answers to it are dropped. The service's end: what it said is sent, then
 * close_notify and FIN, then we wait a moment for the client's end so that no reset eats our words.
 * What waits for a client that does not read has SVC_GATE_STALL_MS to move on.
 */
#include "base/mem.h"
#include "svc/gate/back.h"
#include "sys/sys.h"

static bool
is_waiting(const struct svc_gate_rest *r)
{
	return r->n != 0;
}

static str
rest_view(const struct svc_gate_rest *r)
{
	return is_waiting(r) ? str_make(r->p + r->at, r->n - r->at) : (str){ 0 };
}

/* Keep what could not be moved. False: no memory. */
static bool
rest_keep(struct svc_gate_rest *r, str s)
{
	if (s.n == 0) {
		return true;
	}
	r->p = mem_zalloc(1, s.n);
	if (r->p == NULL) {
		return false;
	}
	memcpy(r->p, s.p, s.n);
	r->at = 0;
	r->n = (uint32_t)s.n;
	return true;
}

static void
rest_take(struct svc_gate_rest *r, size_t n)
{
	r->at += (uint32_t)n;
	if (r->at == r->n) {
		MEM_FREE(r->p);
		r->at = r->n = 0;
	}
}

static void
watch(struct svc_gate_conn *c, struct sys_watch *w, unsigned events)
{
	if (w->on) {
		sys_watch_set(c->g->sc->loop, w, events);
	}
}

static void
stop(struct svc_gate_conn *c, struct sys_watch *w)
{
	if (w->on) {
		sys_watch_stop(c->g->sc->loop, w);
	}
}

/*
 * A client that keeps its connection and does not read would hold all that waits for it for ever,
 * also when the service has long gone. Every octet it takes gives it new time.
 */
static void
mind_stall(struct svc_gate_conn *c)
{
	if (!is_waiting(&c->to_net)) {
		sys_timer_stop(&c->timer);
	} else if (!sys_timer_is_set(&c->timer) || c->octets_out != c->out_seen) {
		sys_timer_set(c->g->sc->loop, &c->timer, SVC_GATE_STALL_MS);
	}
	c->out_seen = c->octets_out;
}

/* Ask for what can be used, and nothing else. */
static void
update_watches(struct svc_gate_conn *c)
{
	if (c->state != SVC_GATE_RELAY) {
		return;
	}
	mind_stall(c);
	unsigned out = is_waiting(&c->to_net) || c->tls_wants_out ? SYS_OUT : 0;
	watch(c, &c->net, (is_waiting(&c->to_app) ? 0 : SYS_IN) | out);
	watch(c, &c->app,
	    (is_waiting(&c->to_app) ? SYS_OUT : 0) |
		(is_waiting(&c->to_net) || c->app_ended ? 0 : SYS_IN));
}

/* Write to the service; what it does not take is kept. */
static enum err
to_app(struct svc_gate_conn *c, str s)
{
	c->taken += s.n;
	while (s.n > 0) {
		size_t n = 0;
		enum err e = sys_sock_write(c->app.fd, s, &n);
		if (e == ERR_AGAIN) {
			return rest_keep(&c->to_app, s) ? ERR_OK : ERR_NOMEM;
		}
		TRY(e);
		s = str_from_off(s, n);
	}
	return ERR_OK;
}

/* Write to the client; what does not go is kept. */
static enum err
to_net(struct svc_gate_conn *c, str s)
{
	while (s.n > 0) {
		size_t n = 0;
		enum err e = svc_common_tls_write(&c->tls, s, &n);
		if (e == ERR_AGAIN) {
			return rest_keep(&c->to_net, s) ? ERR_OK : ERR_NOMEM;
		}
		TRY(e);
		c->octets_out += n;
		s = str_from_off(s, n);
	}
	return ERR_OK;
}

static enum err
flush_app(struct svc_gate_conn *c)
{
	while (is_waiting(&c->to_app)) {
		size_t n = 0;
		TRY(sys_sock_write(c->app.fd, rest_view(&c->to_app), &n));
		rest_take(&c->to_app, n);
	}
	return ERR_OK;
}

static enum err
flush_net(struct svc_gate_conn *c)
{
	while (is_waiting(&c->to_net)) {
		size_t n = 0;
		TRY(svc_common_tls_write(&c->tls, rest_view(&c->to_net), &n));
		c->octets_out += n;
		rest_take(&c->to_net, n);
	}
	return ERR_OK;
}

/* The client is gone. */
static void
net_ended(struct svc_gate_conn *c, enum err why)
{
	c->tls_wants_out = false;
	if (!is_waiting(&c->to_app) || c->app_ended) {
		svc_gate_conn_close(c, why == ERR_TLS ? "tls" : "client");
		return;
	}
	svc_gate_conn_go(c, SVC_GATE_DRAIN);
	stop(c, &c->net);
	watch(c, &c->app, SYS_OUT);
	sys_timer_set(c->g->sc->loop, &c->timer, SVC_GATE_DRAIN_MS);
}

static void
net_failed(struct svc_gate_conn *c, enum err why)
{
	if (why == ERR_NOMEM) {
		svc_gate_conn_close(c, "memory");
	} else {
		net_ended(c, why);
	}
}

/* The service is done and all it said is sent. */
static void
app_finished(struct svc_gate_conn *c)
{
	svc_gate_conn_go(c, SVC_GATE_LINGER);
	svc_common_tls_end(&c->tls);
	enum err e = sys_sock_shutdown(c->net.fd);
	svc_common_tls_done(&c->tls);
	svc_gate_relay_done(c);
	if (e != ERR_OK || !c->net.on) {
		svc_gate_conn_close(c, "service");
		return;
	}
	c->lingered = 0;
	sys_timer_set(c->g->sc->loop, &c->timer, SVC_GATE_LINGER_MS);
	sys_watch_set(c->g->sc->loop, &c->net, SYS_IN);
}

/* Fill the chunk from TLS. *ret_n octets are in it, also when this is not ERR_OK. */
static enum err
fill(struct svc_gate_conn *c, size_t *ret_n)
{
	enum err e = ERR_OK;
	*ret_n = 0;
	while (*ret_n < SVC_GATE_CHUNK && e == ERR_OK) {
		size_t n = 0;
		e = svc_gate_tls_read(&c->tls, c->g->chunk + *ret_n, SVC_GATE_CHUNK - *ret_n, &n);
		*ret_n += n;
	}
	c->tls_wants_out = e == ERR_AGAIN && c->tls.want == SYS_OUT;
	return e;
}

/* A stopped watch tells of nothing more: then read to the end, which the kernel bounds. */
static void
allow_reading(struct svc_gate_conn *c)
{
	svc_gate_tls_budget(&c->tls,
	    c->net.on ? (size_t)SVC_GATE_CHUNK * SVC_GATE_ROUNDS : SIZE_MAX);
}

/* Client to service, until nothing more comes or the service is full. */
static void
pump_in(struct svc_gate_conn *c)
{
	while (c->state == SVC_GATE_RELAY && !is_waiting(&c->to_app)) {
		size_t n;
		enum err e = fill(c, &n);
		c->octets_in += n;
		enum err sent = c->app_ended ? ERR_OK : to_app(c, str_make(c->g->chunk, n));
		if (sent == ERR_NOMEM) {
			svc_gate_conn_close(c, "memory");
		} else if (e == ERR_AGAIN) {
			return;
		} else if (e != ERR_OK) {
			net_ended(c, e);
		}
	}
}

/* Service to client, until nothing more comes or the client is full. */
static void
pump_out(struct svc_gate_conn *c)
{
	for (unsigned round = 0; round < SVC_GATE_ROUNDS || !c->app.on; round++) {
		size_t n = 0;
		if (c->state != SVC_GATE_RELAY || is_waiting(&c->to_net)) {
			return;
		}
		enum err e = c->app_ended
		    ? ERR_EOF
		    : sys_sock_read(c->app.fd, c->g->chunk, SVC_GATE_CHUNK, &n);
		if (e == ERR_AGAIN) {
			return;
		}
		if (e != ERR_OK) {
			c->app_ended = true;
			app_finished(c);
			return;
		}
		e = to_net(c, str_make(c->g->chunk, n));
		if (e != ERR_OK) {
			net_failed(c, e);
		} else if (n < SVC_GATE_CHUNK && c->app.on) {
			return; /* that was all; a level-triggered watch tells of more */
		}
	}
}

void
svc_gate_relay_begin(struct svc_gate_conn *c, int stream)
{
	svc_gate_conn_go(c, SVC_GATE_RELAY);
	c->app.fd = stream;
	c->taken = c->to_app.n - c->to_app.at; /* what woke it */
	if (sys_watch_start(c->g->sc->loop, &c->app, SYS_IN) != ERR_OK) {
		svc_gate_conn_close(c, "memory");
		return;
	}
	pump_in(c); /* the client's first words may lie in OpenSSL already */
	update_watches(c);
}

/* ---- for back.c ---- */

/* Append to what waits. False: no memory. */
static bool
rest_append(struct svc_gate_rest *r, str s)
{
	str old = rest_view(r);
	char *p = s.n == 0 ? r->p : mem_zalloc(1, old.n + s.n);
	if (s.n == 0 || p == NULL) {
		return s.n == 0;
	}
	memcpy(p, old.n > 0 ? old.p : "", old.n);
	memcpy(p + old.n, s.p, s.n);
	mem_drop(r->p);
	*r = (struct svc_gate_rest){ p, 0, (uint32_t)(old.n + s.n) };
	return true;
}

/*
 * To the end of what is there. The kernel's buffer bounds that, unless somebody who should have
 * ended writes on, or sends octets that come one at a time: TOOBIG.
 */
static enum err
read_all(struct svc_gate_conn *c, int fd, struct svc_gate_rest *to)
{
	for (unsigned reads = 0; reads < SVC_GATE_LEFT_OCTETS / SVC_GATE_CHUNK; reads++) {
		size_t n;
		if (sys_sock_read(fd, c->g->chunk, SVC_GATE_CHUNK, &n) != ERR_OK) {
			return ERR_OK;
		}
		if (!rest_append(to, str_make(c->g->chunk, n))) {
			return ERR_NOMEM;
		}
	}
	return ERR_TOOBIG;
}

static enum err
collect(struct svc_gate_conn *c, int theirs, str unread, struct svc_gate_rest *ours)
{
	TRY(rest_append(ours, unread) ? ERR_OK : ERR_NOMEM);
	TRY(read_all(c, theirs, ours));
	TRY(rest_append(ours, rest_view(&c->to_app)) ? ERR_OK : ERR_NOMEM);
	return read_all(c, c->app.fd, &c->to_net);
}

bool
svc_gate_relay_reclaim(struct svc_gate_conn *c, int theirs, str unread)
{
	struct svc_gate_rest ours = { 0 };
	enum err e = collect(c, theirs, unread, &ours);
	mem_drop(c->to_app.p);
	c->to_app = ours;
	stop(c, &c->app);
	sys_close(&c->app.fd);
	e = e == ERR_OK ? flush_net(c) : e;
	if (e != ERR_OK && e != ERR_AGAIN) {
		svc_gate_conn_close(c,
		    e == ERR_NOMEM        ? "memory"
			: e == ERR_TOOBIG ? "flood"
					  : "client");
		return false;
	}
	return true;
}

/* ---- for park.c ---- */

void
svc_gate_relay_allow(struct svc_gate_conn *c)
{
	allow_reading(c);
}

bool
svc_gate_relay_drain(struct svc_gate_conn *c)
{
	size_t n = 1;
	unsigned reads = SVC_GATE_LEFT_OCTETS / SVC_GATE_CHUNK;
	while (c->state == SVC_GATE_RELAY && !is_waiting(&c->to_net) && n > 0 && reads-- > 0) {
		n = 0;
		enum err e = c->app_ended
		    ? ERR_AGAIN
		    : sys_sock_read(c->app.fd, c->g->chunk, SVC_GATE_CHUNK, &n);
		if (e == ERR_OK) {
			e = to_net(c, str_make(c->g->chunk, n));
			if (e != ERR_OK) {
				net_failed(c, e);
			}
		} else if (e != ERR_AGAIN) {
			return true; /* its end is told by its watch */
		}
	}
	update_watches(c);
	return n == 0;
}

bool
svc_gate_relay_is_quiet(const struct svc_gate_conn *c)
{
	return !is_waiting(&c->to_app) && !is_waiting(&c->to_net) && !c->app_ended;
}

enum err
svc_gate_relay_take(struct svc_gate_conn *c, bool *ret_some)
{
	size_t n;
	allow_reading(c);
	enum err e = fill(c, &n);
	c->octets_in += n;
	if (n > 0 && !rest_keep(&c->to_app, str_make(c->g->chunk, n))) {
		return ERR_NOMEM;
	}
	*ret_some = n > 0;
	return e;
}

enum err
svc_gate_relay_flush(struct svc_gate_conn *c)
{
	return flush_net(c);
}

enum err
svc_gate_relay_say(struct svc_gate_conn *c, str text)
{
	return is_waiting(&c->to_net) ? ERR_OK : to_net(c, text);
}

void
svc_gate_relay_watch(struct svc_gate_conn *c)
{
	bool out = is_waiting(&c->to_net) || c->tls_wants_out;
	watch(c, &c->net, SYS_IN | (out ? SYS_OUT : 0));
}

void
svc_gate_relay_farewell(struct svc_gate_conn *c, str text)
{
	(void)(svc_gate_relay_say(c, text) == ERR_OK); /* politeness only */
	app_finished(c);
}

static void
linger(struct svc_gate_conn *c)
{
	enum err e = ERR_OK;
	for (unsigned round = 0; round < SVC_GATE_ROUNDS && e == ERR_OK; round++) {
		size_t n = 0;
		e = sys_sock_read(c->net.fd, c->g->chunk, SVC_GATE_CHUNK, &n);
		c->lingered += (uint32_t)n;
	}
	if ((e != ERR_OK && e != ERR_AGAIN) || c->lingered > SVC_GATE_LINGER_OCTETS) {
		svc_gate_conn_close(c, "service");
	}
}

void
svc_gate_relay_net(struct svc_gate_conn *c, unsigned events)
{
	if (c->state == SVC_GATE_LINGER) {
		linger(c);
		return;
	}
	if (c->state != SVC_GATE_RELAY) {
		return;
	}
	if ((events & SYS_OUT) != 0 && is_waiting(&c->to_net)) {
		enum err e = flush_net(c);
		if (e != ERR_OK && e != ERR_AGAIN) {
			net_ended(c, e);
			return;
		}
		pump_out(c);
	}
	if (is_waiting(&c->to_app) && (events & SYS_HUP) != 0) {
		stop(c, &c->net); /* it would be told every turn; the read that follows sees it */
	}
	allow_reading(c);
	pump_in(c);
	update_watches(c);
}

/* The service takes octets again, or never will. */
static void
app_writable(struct svc_gate_conn *c)
{
	enum err e = flush_app(c);
	if (e == ERR_AGAIN) {
		return;
	}
	if (e != ERR_OK) {
		rest_take(&c->to_app, c->to_app.n - c->to_app.at);
	}
	if (c->state == SVC_GATE_DRAIN) {
		svc_gate_conn_close(c, "client");
	} else {
		allow_reading(c);
		pump_in(c);
	}
}

void
svc_gate_relay_app(void *conn, unsigned events)
{
	struct svc_gate_conn *c = conn;
	if ((events & SYS_HUP) != 0) {
		stop(c, &c->app); /* it would be told every turn; what it left is read to the end */
	}
	if ((events & (SYS_OUT | SYS_HUP)) != 0 && is_waiting(&c->to_app)) {
		app_writable(c);
	}
	if ((events & (SYS_IN | SYS_HUP)) != 0) {
		pump_out(c);
	}
	update_watches(c);
}

void
svc_gate_relay_done(struct svc_gate_conn *c)
{
	stop(c, &c->app);
	sys_close(&c->app.fd);
	MEM_FREE(c->to_app.p);
	MEM_FREE(c->to_net.p);
	c->to_app = c->to_net = (struct svc_gate_rest){ 0 };
}
