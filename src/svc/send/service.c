/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process around the letters: its channels, its settings, its end. main.c names these
 * functions; tests call them with a loop of their own.
 */
#include "base/mem.h"
#include "ipc/ipc.h"
#include "proto/smtpc/smtpc.h"
#include "svc/common/rules.h"
#include "svc/send/conn.h"
#include "svc/send/route.h"
#include "svc/send/sign.h"
#include "sys/random.h"
#include "sys/sys.h"

enum { SWEEP_MS = 60 * 1000, TELL_MS = 50 };

/* --- settings ------------------------------------------------------------------------------ */

static str
keep_name(str name, char room[256])
{
	size_t n = MIN(name.n, (size_t)255);
	memcpy(room, name.p, n);
	return str_make(room, n);
}

static bool
take_source(const struct conf_list *list, bool v4, uint8_t ip[16])
{
	struct sys_prefix p;
	if (list->n == 0 || sys_prefix_parse(list->v[0], &p) != ERR_OK || p.bits != 128 ||
	    sys_addr_is_v4(p.ip) != v4) {
		return false;
	}
	memcpy(ip, p.ip, 16);
	return true;
}

static void
take_settings(struct svc_send *sv)
{
	const struct conf *c = sv->sc->conf;
	struct svc_send_settings *s = &sv->set;
	*s = (struct svc_send_settings){ .port = (uint16_t)c->send_port,
		.connections = (uint32_t)c->send_connections,
		.reuse_count = (uint32_t)c->send_reuse_count,
		.connect_ms = (int64_t)c->send_connect_timeout,
		.reply_ms = (int64_t)c->send_reply_timeout,
		.idle_ms = (int64_t)c->send_idle,
		.reuse_ms = (int64_t)c->send_reuse_age,
		.plaintext = str_eq(c->send_tls, S("opportunistic")),
		.dane = c->send_dane,
		.sts = c->send_sts,
		.private_addresses = c->send_private };
	s->hostname = keep_name(c->hostname, s->hostname_room);
	s->helo = keep_name(c->send_helo.n > 0 ? c->send_helo.v[0] : c->hostname, s->helo_room);
	s->v4_source = take_source(&c->send_source_v4, true, s->v4);
	s->v6_source = take_source(&c->send_source_v6, false, s->v6);
	sv->engine_conf->helo = s->helo;
	sv->pace.most = (uint32_t)c->send_concurrency;
}

static void
on_reload(struct svc_common *sc)
{
	take_settings(sc->ctx);
}

/* --- life ---------------------------------------------------------------------------------- */

static void
bury(void *ctx)
{
	struct svc_send *sv = ctx;
	svc_send_conn_bury(sv);
	svc_send_route_bury(sv);
}

static void
pump(void *ctx)
{
	svc_send_route_pump_all(ctx);
}

static void
sweep(void *ctx)
{
	struct svc_send *sv = ctx;
	svc_send_route_sweep(sv, false);
	svc_send_owed_drop(sv, sys_loop_now_ms(sv->sc->loop) - SVC_SEND_OWED_MS);
	sys_timer_set(sv->sc->loop, &sv->sweep, SWEEP_MS);
	svc_send_maybe_exit(sv);
}

static void
init_lists(struct svc_send *sv)
{
	struct list *lists[] = { &sv->letters, &sv->conns, &sv->starved, &sv->idle, &sv->dead,
		&sv->dead_routes, &sv->owed, &sv->pumps };
	for (size_t i = 0; i < LEN(lists); i++) {
		list_init(lists[i]);
	}
	sys_task_init(&sv->bury, bury, sv);
	sys_task_init(&sv->pump, pump, sv);
	sys_timer_init(&sv->sweep, sweep, sv);
}

/* Outside the sandbox: the roots and the addresses of this machine are read here. */
enum err
svc_send_init(struct svc_common *sc)
{
	struct svc_send *sv = ARENA_NEW(sc->arena, struct svc_send);
	uint8_t key[16];
	if (sv == NULL) {
		return ERR_NOMEM;
	}
	sys_random(key, sizeof key);
	sv->sc = sc;
	sc->ctx = sv;
	init_lists(sv);
	buf_init(&sv->out, SYS_CHAN_MESSAGE_MAX);
	sv->scratch = arena_new(sc->arena, "message", IPC_LIST_OCTETS, 0);
	sv->engine_conf = ARENA_NEW(sc->arena, struct smtpc_conf);
	sv->in = mem_zalloc(1, SVC_SEND_READ_MAX);
	sv->jobs = map_new(key, SVC_SEND_LETTERS_MAX);
	sv->routes = map_new(key, SVC_SEND_ROUTES_MAX);
	sv->asks = map_new(key, SIZE_MAX);
	sv->bad = lru_new(key, SVC_SEND_BAD_ADDRESSES_MAX, sizeof(int64_t), NULL);
	if (sv->scratch == NULL || sv->engine_conf == NULL || sv->in == NULL || sv->jobs == NULL ||
	    sv->routes == NULL || sv->asks == NULL || sv->bad == NULL) {
		return ERR_NOMEM;
	}
	TRY(svc_send_pace_init(&sv->pace, key));
	TRY(svc_send_tls_all_init(&sv->tls, sc->conf->send_ca_file, key));
	TRY(svc_send_sign_init(sv));
	TRY(svc_common_rules(sc, &sv->rules));
	take_settings(sv);
	sv->own_n = sys_dial_own(sv->own, LEN(sv->own));
	if (sv->tls.roots == NULL) {
		LOG(FAILED, F_CSTR("what", "ca-file"), F_STR("detail", sc->conf->send_ca_file));
	}
	sys_timer_set(sc->loop, &sv->sweep, SWEEP_MS);
	return ERR_OK;
}

void
svc_send_done(struct svc_common *sc)
{
	struct svc_send *sv = sc->ctx;
	sv->quitting = true;
	svc_send_conns_close(sv);
	svc_send_letters_return(sv);
	svc_send_route_pump_all(sv);
	svc_send_route_sweep(sv, true);
	bury(sv);
	svc_send_owed_drop(sv, INT64_MAX);
	svc_common_links_close(sc);
	sys_task_stop(&sv->bury);
	sys_task_stop(&sv->pump);
	sys_timer_stop(&sv->sweep);
	svc_send_sign_done(sv);
	svc_send_tls_all_done(&sv->tls);
	svc_send_pace_done(&sv->pace);
	map_free(&sv->jobs);
	map_free(&sv->routes);
	map_free(&sv->asks);
	lru_free(&sv->bad);
	buf_done(&sv->out);
	MEM_FREE(sv->in);
}

/* --- channels ------------------------------------------------------------------------------ */

static void
on_down(struct svc_common_link *link)
{
	struct svc_send *sv = link->sc->ctx;
	if (link == &sv->queue) {
		svc_send_queue_gone(sv);
	} else if (link == &sv->keys) {
		svc_send_keys_gone(sv);
	} else if (link == &sv->resolve || link == &sv->fetch) {
		svc_send_ask_lost(sv, link == &sv->fetch);
	}
}

/* There is room again. */
static void
on_drained(struct svc_common_link *link)
{
	struct svc_send *sv = link->sc->ctx;
	if (link == &sv->queue) {
		svc_send_pay_owed(sv);
	} else if (link == &sv->resolve || link == &sv->fetch) {
		svc_send_ask_again(sv, link == &sv->fetch);
	} else if (link == &sv->keys) {
		svc_send_keys_here(sv);
	}
}

/* watch says nothing to us. */
static enum err
on_watch(struct svc_common_link *from, str datagram, int *fd)
{
	return ERR_PROTOCOL;
}

/* A new channel: what waited for it goes on. */
static void
on_up(struct svc_common_link *link)
{
	struct svc_send *sv = link->sc->ctx;
	if (link == &sv->keys) {
		svc_send_keys_here(sv);
	} else if (link == &sv->resolve || link == &sv->fetch) {
		svc_send_ask_again(sv, link == &sv->fetch);
	}
}

#define EDGE(edge, member, fn)                                                                     \
	{                                                                                          \
		S_INIT(edge), SVC_COMMON_LINKS(struct svc_send, member),                           \
		    .on_message = fn, .on_up = on_up, .on_down = on_down, .on_drained = on_drained \
	}

static const struct svc_common_edge edges[] = {
	EDGE("queue_send", queue, svc_send_on_queue),
	EDGE("send_resolve", resolve, svc_send_on_resolve),
	EDGE("send_watch", watch, on_watch),
	EDGE("send_keys", keys, svc_send_on_keys),
	EDGE("send_fetch", fetch, svc_send_on_fetch),
	{ .n = 0 },
};

/* --- health and end ------------------------------------------------------------------------ */

static void
on_status(struct svc_common *sc, struct buf *facts)
{
	const struct svc_send *sv = sc->ctx;
	const struct svc_send_counters *c = &sv->count;
	const struct svc_send_sign_counts *s = svc_send_sign_count(sv);
	const struct svc_common_fact rows[] = { { "letters", sv->letters_n },
		{ "bodies_octets", sv->bodies }, { "connections", sv->conns_n },
		{ "connections_octets", sv->conns_n * sizeof(struct svc_send_conn) },
		{ "routes", map_count(sv->routes) }, { "questions", map_count(sv->asks) },
		{ "operators", map_count(sv->pace.operators) }, { "results_owed", sv->owed_n },
		{ "letters_total", c->letters }, { "letters_refused", c->refused },
		{ "delivered", c->delivered }, { "retried", c->retried }, { "failed", c->failed },
		{ "uncertain", c->uncertain }, { "attempts", c->attempts },
		{ "connects", c->connects }, { "handshakes", c->handshakes },
		{ "handshakes_resumed", c->resumed }, { "reused", c->reused },
		{ "reused_too_late", c->stale }, { "unproven", c->unproven },
		{ "plaintext", c->plaintext }, { "timeouts", c->timeouts },
		{ "slowed", sv->pace.halvings }, { "results_lost", c->results_lost },
		{ "answers_lost", c->answers_lost }, { "records_lost", c->records_lost },
		{ "signatures", s->signatures }, { "signatures_kept", s->kept },
		{ "unsigned", s->unsigned_letters }, { "waited_for_keys", s->delayed } };
	svc_common_facts(facts, rows, LEN(rows));
}

/* What queue was not told is sent again: results that it has not read yet are waited for. */
void
svc_send_maybe_exit(struct svc_send *sv)
{
	if (!sv->quitting || !list_empty(&sv->letters)) {
		return;
	}
	if (sv->queue.chan != NULL) {
		svc_send_pay_owed(sv);
		if (sys_chan_queued(sv->queue.chan) > 0) {
			sys_timer_set(sv->sc->loop, &sv->sweep, TELL_MS);
			return;
		}
	}
	svc_common_exit(sv->sc);
}

/* Transactions under way finish; all other letters go back to queue, untouched. */
void
svc_send_on_quit(struct svc_common *sc, uint32_t grace_ms)
{
	struct svc_send *sv = sc->ctx;
	sv->quitting = true;
	svc_send_conns_quit(sv);
	svc_send_letters_return(sv);
	svc_send_maybe_exit(sv);
}

const struct svc_common_service svc_send_service = {
	.name = "send",
	.profile = svc_send_profile,
	.init = svc_send_init,
	.edges = edges,
	.on_reload = on_reload,
	.on_status = on_status,
	.on_quit = svc_send_on_quit,
};
