/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A connection from accept to the end: its states, its deadline, the TLS handshake, and the one
 * function that closes it. Callbacks end up here and go on to plain.c or relay.c.
 */
#include "base/mem.h"
#include "conf/conf.h"
#include "svc/gate/gate.h"
#include "svc/gate/manners.h"
#include "sys/clock.h"
#include "sys/sys.h"

#define CONN_MAGIC 0x47415445u
#define BIT(state) (1u << SVC_GATE_##state)

/* From which state one may go where; DEAD from everywhere. */
static const unsigned legal[SVC_GATE_STATES] = {
	[SVC_GATE_PROXY] = BIT(WAIT) | BIT(PLAIN) | BIT(HANDSHAKE),
	[SVC_GATE_WAIT] = BIT(PLAIN),
	[SVC_GATE_PLAIN] = BIT(HANDSHAKE),
	[SVC_GATE_HANDSHAKE] = BIT(RELAY) | BIT(LINGER),
	[SVC_GATE_RELAY] = BIT(RELAY) | BIT(PARKED) | BIT(DRAIN) | BIT(LINGER),
	[SVC_GATE_PARKED] = BIT(RELAY) | BIT(LINGER),
	[SVC_GATE_DRAIN] = 0,
	[SVC_GATE_LINGER] = 0,
	[SVC_GATE_DEAD] = 0,
};

void
svc_gate_conn_go(struct svc_gate_conn *c, enum svc_gate_state to)
{
	ASSERT(to == SVC_GATE_DEAD || (legal[c->state] & 1u << to) != 0);
	c->state = (uint8_t)to;
}

static void handshake_event(struct svc_gate_conn *c);

static void
on_net(void *ctx, unsigned events)
{
	struct svc_gate_conn *c = ctx;
	ASSERT(c->magic == CONN_MAGIC);
	switch ((enum svc_gate_state)c->state) {
	case SVC_GATE_PROXY: svc_gate_header_event(c); break;
	case SVC_GATE_WAIT: svc_gate_manners_event(c, events); break;
	case SVC_GATE_PLAIN: svc_gate_plain_event(c, events); break;
	case SVC_GATE_HANDSHAKE: handshake_event(c); break;
	case SVC_GATE_RELAY:
	case SVC_GATE_DRAIN:
	case SVC_GATE_LINGER: svc_gate_relay_net(c, events); break;
	case SVC_GATE_PARKED: svc_gate_park_net(c, events); break;
	default: break;
	}
}

static void
greet(struct svc_gate_conn *c)
{
	if (svc_gate_plain_begin(c) != ERR_OK) {
		svc_gate_conn_close(c, "memory");
	}
}

static void
on_time(void *ctx)
{
	struct svc_gate_conn *c = ctx;
	ASSERT(c->magic == CONN_MAGIC);
	if (c->state == SVC_GATE_LINGER) {
		svc_gate_conn_close(c, "service");
		return;
	}
	if (c->state == SVC_GATE_PARKED) {
		svc_gate_park_time(c);
		return;
	}
	if (c->state == SVC_GATE_WAIT) {
		sys_timer_set(c->g->sc->loop, &c->timer, (int64_t)c->g->sc->conf->gate_idle);
		greet(c);
		return;
	}
	c->g->facts.timeouts++;
	if (c->state == SVC_GATE_PLAIN && !c->close_after) {
		svc_gate_plain_end(c, PREAUTH_CLOSE_TIMEOUT);
	}
	svc_gate_conn_close(c, "timeout");
}

/* Contract: process index, start second, counter. */
static uint64_t
new_id(struct svc_gate *g)
{
	uint64_t second = (uint64_t)sys_clock_wall_s() & 0xffffffffu;
	return (uint64_t)(g->sc->index & 0xffu) << 56 | second << 24 | (g->ids++ & 0xffffffu);
}

enum err
svc_gate_conn_new(struct svc_gate *g, enum sys_protocol protocol, int fd,
    struct svc_gate_conn **ret)
{
	struct svc_gate_conn *c = mem_zalloc(1, sizeof *c);
	if (c == NULL) {
		sys_close(&fd);
		return ERR_NOMEM;
	}
	c->magic = CONN_MAGIC;
	c->g = g;
	c->protocol = (uint8_t)protocol;
	c->state = SVC_GATE_PROXY;
	c->id = new_id(g);
	c->begun_ms = sys_loop_now_ms(g->sc->loop);
	c->net = (struct sys_watch){ .fn = on_net, .ctx = c, .fd = fd };
	c->app = (struct sys_watch){ .fn = svc_gate_relay_app, .ctx = c, .fd = -1 };
	sys_timer_init(&c->timer, on_time, c);
	sys_timer_set(g->sc->loop, &c->timer, (int64_t)g->sc->conf->gate_idle);
	list_push(&g->conns, &c->node);
	g->conns_n++;
	g->conns_peak = MAX(g->conns_peak, g->conns_n);
	enum err e = sys_watch_start(g->sc->loop, &c->net, SYS_IN);
	if (e != ERR_OK) {
		svc_gate_conn_close(c, "memory");
		return e;
	}
	*ret = c;
	return ERR_OK;
}

void
svc_gate_conn_refuse(struct svc_gate_conn *c, enum svc_gate_refusal why)
{
	svc_gate_refuse(c->g, c->protocol, c->net.fd, &c->peer, why);
	c->id = 0; /* that line was all that is logged of it */
	svc_gate_conn_close(c, svc_gate_refusal_name(why));
}

void
svc_gate_conn_begin(struct svc_gate_conn *c)
{
	enum svc_gate_refusal no = svc_gate_judge(c);
	if (no != SVC_GATE_WELCOME) {
		svc_gate_conn_refuse(c, no);
		return;
	}
	LOG(GATE_CONNECT, F_ID("session", c->id), F_ADDR("peer", &c->peer),
	    F_STR("port", sys_protocol_row(c->protocol)->name));
	if (sys_protocol_row(c->protocol)->implicit_tls) {
		svc_gate_conn_handshake(c);
	} else if (svc_gate_manners_unknown(c)) {
		svc_gate_manners_wait(c);
	} else {
		greet(c);
	}
}

void
svc_gate_conn_handshake(struct svc_gate_conn *c)
{
	svc_gate_plain_done(c);
	svc_gate_conn_go(c, SVC_GATE_HANDSHAKE);
	if (svc_gate_tls_init(&c->tls, &c->g->certs, c->net.fd) != ERR_OK) {
		c->g->facts.handshakes_failed++;
		svc_gate_conn_close(c, "no-certificate");
		return;
	}
	sys_timer_set(c->g->sc->loop, &c->timer, (int64_t)c->g->sc->conf->gate_handshake);
	sys_watch_set(c->g->sc->loop, &c->net, SYS_IN);
}

static void
log_tls(const struct svc_gate_conn *c, const struct svc_gate_tls_facts *f)
{
	LOG(GATE_TLS, F_ID("session", c->id), F_STR("version", f->version),
	    F_STR("cipher", f->cipher), F_STR("sni", f->sni));
}

/* TLS stands: find a process for the session. */
static void
secured(struct svc_gate_conn *c)
{
	struct svc_gate_facts *facts = &c->g->facts;
	struct svc_gate_tls_facts f;
	int stream = -1;
	/*
	 * We send no tickets, so nothing carries the acknowledgement of the client's Finished; a
	 * client without TCP_NODELAY would hold its first command back for 40 ms.
	 */
	enum err ignored = sys_sock_ack_now(c->net.fd);
	(void)ignored;
	svc_gate_tls_tell(&c->tls, &f);
	log_tls(c, &f);
	facts->handshakes++;
	svc_gate_manners_good(c);
	facts->tls13 += str_eq(f.version, S("TLSv1.3"));
	facts->tls12 += str_eq(f.version, S("TLSv1.2"));
	sys_timer_stop(&c->timer);
	if (svc_gate_hand_out(c, &f, &stream) != ERR_OK) {
		facts->nobody++;
		svc_gate_conn_dismiss(c, PREAUTH_CLOSE_SHUTDOWN);
		return;
	}
	facts->sessions++;
	if (svc_gate_service_of(c->protocol) == SVC_GATE_LOGIN) {
		(void)(map_set(c->g->sessions, c->id, c) == ERR_OK); /* else it never rests */
	}
	svc_gate_relay_begin(c, stream);
}

static void
handshake_event(struct svc_gate_conn *c)
{
	svc_gate_tls_budget(&c->tls, SVC_GATE_CHUNK);
	enum err e = svc_common_tls_handshake(&c->tls);
	if (e == ERR_AGAIN) {
		sys_watch_set(c->g->sc->loop, &c->net, c->tls.want);
	} else if (e == ERR_OK) {
		secured(c);
	} else {
		c->g->facts.handshakes_failed++;
		LOG(GATE_TLS_FAILED, F_ID("session", c->id),
		    F_CSTR("why", e == ERR_EOF ? "closed" : svc_common_tls_reason()));
		svc_gate_conn_close(c, "tls");
	}
}

void
svc_gate_conn_dismiss(struct svc_gate_conn *c, enum preauth_close why)
{
	size_t sent;
	str bye = preauth_farewell(svc_gate_preauth_protocol(c->protocol), why);
	if (c->state == SVC_GATE_PLAIN) {
		svc_gate_plain_end(c, why);
		return;
	}
	if (c->state == SVC_GATE_HANDSHAKE && c->tls.ssl != NULL &&
	    svc_common_tls_write(&c->tls, bye, &sent) == ERR_OK) {
		svc_common_tls_end(&c->tls);
	}
	svc_gate_conn_close(c, preauth_close_name(why));
}

static void
log_close(const struct svc_gate_conn *c, const char *why)
{
	int64_t ms = sys_loop_now_ms(c->g->sc->loop) - c->begun_ms;
	LOG(GATE_CLOSE, F_ID("session", c->id), F_CSTR("why", why), F_U64("in", c->octets_in),
	    F_U64("out", c->octets_out), F_I64("ms", ms));
}

void
svc_gate_conn_close(struct svc_gate_conn *c, const char *why)
{
	struct svc_gate *g = c->g;
	ASSERT(c->magic == CONN_MAGIC);
	if (c->state == SVC_GATE_DEAD) {
		return;
	}
	svc_gate_conn_go(c, SVC_GATE_DEAD);
	svc_gate_park_done(c);
	if (map_get(g->sessions, c->id) == c) {
		(void)map_del(g->sessions, c->id);
	}
	if (c->id != 0) {
		log_close(c, why);
	}
	g->facts.octets_in += c->octets_in;
	g->facts.octets_out += c->octets_out;
	sys_timer_stop(&c->timer);
	svc_gate_plain_done(c);
	svc_gate_relay_done(c);
	if (c->net.on) {
		sys_watch_stop(g->sc->loop, &c->net);
	}
	svc_common_tls_done(&c->tls);
	sys_close(&c->net.fd);
	svc_gate_counts_give(&g->counts, &c->share);
	list_remove(&c->node);
	list_push(&g->dead, &c->node);
	g->conns_n--;
	sys_task_schedule(g->sc->loop, &g->reaper);
}
