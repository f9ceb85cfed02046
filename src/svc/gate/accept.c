/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Taking connections in: all gate processes watch the same listening sockets, the kernel wakes one.
 * Bans and limits come before the first word. A balancer's connection is judged by the client it
 * names, not by itself.
 */
#include "conf/conf.h"
#include "svc/gate/gate.h"
#include "sys/clock.h"
#include "sys/sys.h"

const char *
svc_gate_refusal_name(enum svc_gate_refusal why)
{
	static const char *const names[SVC_GATE_REFUSALS] = { "welcome", "banned", "full",
		"address", "network", "memory", "header" };
	return names[why];
}

/* Bounded: who is turned away in thousands fills no disk. */
static void
log_refusal(struct svc_gate *g, enum sys_protocol protocol, const struct sys_addr *peer,
    enum svc_gate_refusal why)
{
	int64_t second = sys_loop_now_ms(g->sc->loop) / 1000;
	if (second != g->log_second) {
		g->log_second = second;
		g->log_refusals = 0;
	}
	if (++g->log_refusals > SVC_GATE_REFUSALS_PER_S) {
		g->facts.log_suppressed++;
		return;
	}
	LOG(GATE_REFUSE, F_ADDR("peer", peer), F_STR("port", sys_protocol_row(protocol)->name),
	    F_CSTR("why", svc_gate_refusal_name(why)));
}

void
svc_gate_refuse(struct svc_gate *g, enum sys_protocol protocol, int fd, const struct sys_addr *peer,
    enum svc_gate_refusal why)
{
	size_t sent;
	bool polite = why != SVC_GATE_BANNED && why != SVC_GATE_HEADER &&
	    !sys_protocol_row(protocol)->implicit_tls;
	if (polite) {
		enum preauth_protocol p = svc_gate_preauth_protocol(protocol);
		enum err e = sys_sock_write(fd, preauth_farewell(p, PREAUTH_CLOSE_BUSY), &sent);
		(void)e; /* politeness only */
	}
	g->facts.refused[why]++;
	log_refusal(g, protocol, peer, why);
}

enum svc_gate_refusal
svc_gate_judge(struct svc_gate_conn *c)
{
	struct svc_gate *g = c->g;
	const struct conf *conf = g->sc->conf;
	uint64_t n = conf->gate_processes != 0 ? conf->gate_processes : MIN(sys_cores(), 64u);
	struct svc_gate_allowance most = { svc_gate_part_of(conf->gate_per_address, n),
		svc_gate_part_of(conf->gate_per_prefix, n) };
	if (svc_gate_bans_hit(&g->bans, c->peer.ip, sys_clock_wall_s())) {
		return SVC_GATE_BANNED;
	}
	switch (svc_gate_counts_take(&g->counts, c->peer.ip, &most, &c->share)) {
	case ERR_OK: return SVC_GATE_WELCOME;
	case ERR_TOOMANY: return SVC_GATE_ADDRESS;
	case ERR_BUSY: return SVC_GATE_NETWORK;
	default: return SVC_GATE_MEMORY;
	}
}

static bool
is_balancer(const struct svc_gate *g, const struct sys_addr *peer)
{
	for (size_t i = 0; i < g->balancers_n; i++) {
		if (sys_prefix_contains(&g->balancers[i], peer->ip)) {
			return true;
		}
	}
	return false;
}

void
svc_gate_admit(struct svc_gate *g, enum sys_protocol protocol, int fd, const struct sys_addr *peer)
{
	struct svc_gate_conn *c;
	g->facts.accepted++;
	if (g->conns_n >= g->sc->conf->gate_connections) {
		svc_gate_refuse(g, protocol, fd, peer, SVC_GATE_FULL);
		sys_close(&fd);
		return;
	}
	if (svc_gate_conn_new(g, protocol, fd, &c) != ERR_OK) {
		g->facts.refused[SVC_GATE_MEMORY]++;
		return;
	}
	c->peer = *peer;
	if (!is_balancer(g, peer)) {
		svc_gate_conn_begin(c);
	} else if (svc_gate_header_begin(c) != ERR_OK) {
		svc_gate_conn_refuse(c, SVC_GATE_MEMORY);
	}
}

/* The kernel has no memory or descriptors: who waits would be told of at once again, for ever. */
static void
rest(struct svc_gate *g)
{
	for (size_t i = 0; i < g->listeners_n; i++) {
		if (g->listeners[i].watch.on) {
			sys_watch_stop(g->sc->loop, &g->listeners[i].watch);
		}
	}
	sys_timer_set(g->sc->loop, &g->accept_rest, SYS_ACCEPT_PAUSE_MS);
}

void
svc_gate_listen_again(void *gate)
{
	struct svc_gate *g = gate;
	enum err e = svc_gate_listen_start(g);
	if (e != ERR_OK) {
		LOG(FAILED, F_CSTR("what", "listen"), F_ERR(e));
		rest(g);
	}
}

/* Accept until nobody waits or the turn's share is used up; how many came. */
static unsigned
take_waiting(struct svc_gate_listener *l)
{
	struct svc_gate *g = l->g;
	unsigned taken = 0;
	while (taken < SVC_GATE_ACCEPTS_PER_TURN) {
		int fd = -1;
		struct sys_addr peer;
		enum err e = sys_sock_accept(l->watch.fd, &g->spare_fd, &fd, &peer);
		if (e == ERR_AGAIN) {
			break;
		}
		taken++;
		if (e == ERR_OK) {
			svc_gate_admit(g, l->protocol, fd, &peer);
		} else if (e == ERR_NOMEM) {
			rest(g);
			break;
		} else {
			g->facts.refused[SVC_GATE_MEMORY]++;
		}
	}
	return taken;
}

/*
 * The kernel wakes the first idle process in its list, which would give one process nearly all of
 * the quiet, long connections: step to the end of the list from time to time.
 */
static void
on_ready(void *ctx, unsigned events)
{
	struct svc_gate_listener *l = ctx;
	l->taken += take_waiting(l);
	if (l->taken < SVC_GATE_ACCEPTS_IN_A_ROW || sys_timer_is_set(&l->g->accept_rest)) {
		return;
	}
	l->taken = 0;
	sys_watch_stop(l->g->sc->loop, &l->watch);
	enum err e = sys_watch_start(l->g->sc->loop, &l->watch, SYS_IN | SYS_EXCLUSIVE);
	if (e != ERR_OK) {
		LOG(FAILED, F_CSTR("what", "listen"), F_ERR(e));
		rest(l->g);
	}
}

enum err
svc_gate_listen(struct svc_gate *g, enum sys_protocol protocol, int fd)
{
	if (g->listeners_n == LEN(g->listeners)) {
		sys_close(&fd);
		return ERR_TOOMANY;
	}
	struct svc_gate_listener *l = &g->listeners[g->listeners_n++];
	*l = (struct svc_gate_listener){
		.g = g, .protocol = protocol, .watch = { .fn = on_ready, .ctx = l, .fd = fd }
	};
	return ERR_OK;
}

enum err
svc_gate_listen_start(struct svc_gate *g)
{
	for (size_t i = 0; i < g->listeners_n; i++) {
		struct sys_watch *w = &g->listeners[i].watch;
		if (g->spare_fd < 0) {
			TRY(sys_dup(w->fd, &g->spare_fd));
		}
		TRY(sys_watch_start(g->sc->loop, w, SYS_IN | SYS_EXCLUSIVE));
	}
	return ERR_OK;
}

void
svc_gate_listen_stop(struct svc_gate *g)
{
	sys_timer_stop(&g->accept_rest);
	for (size_t i = 0; i < g->listeners_n; i++) {
		struct sys_watch *w = &g->listeners[i].watch;
		if (w->on) {
			sys_watch_stop(g->sc->loop, w);
		}
		sys_close(&w->fd);
	}
	g->listeners_n = 0;
}
