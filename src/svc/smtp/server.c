/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process around the sessions: its channels, its settings, its end. main.c names these
 * functions; tests call them with a loop of their own.
 */
#include "svc/smtp/server.h"
#include "base/mem.h"
#include "conf/conf.h"
#include "ipc/gate_smtp.h"
#include "sys/file.h"
#include "sys/sys.h"

static void
take_settings(struct svc_smtp *sv)
{
	const struct conf *c = sv->sc->conf;
	size_t n = MIN(c->hostname.n, sizeof sv->hostname);
	memcpy(sv->hostname, c->hostname.p, n);
	sv->conf = (struct smtp_conf){ .hostname = str_make(sv->hostname, n),
		.max_size = c->smtp_max_size,
		.max_rcpts = (uint32_t)c->smtp_max_recipients,
		.max_errors = (uint32_t)c->smtp_max_errors,
		.max_txns = (uint32_t)c->smtp_max_transactions };
	sv->command_ms = (int64_t)c->smtp_command_timeout;
	sv->data_ms = (int64_t)c->smtp_data_timeout;
}

enum err
svc_smtp_init(struct svc_common *sc)
{
	struct svc_smtp *sv = ARENA_NEW(sc->arena, struct svc_smtp);
	if (sv == NULL) {
		return ERR_NOMEM;
	}
	*sv = (struct svc_smtp){ .sc = sc, .tmp = -1 };
	sv->auth = (struct svc_smtp_link){ .server = sv, .edge = "smtp_auth" };
	sv->queue = (struct svc_smtp_link){ .server = sv, .edge = "smtp_queue" };
	sc->ctx = sv;
	list_init(&sv->gates);
	list_init(&sv->sessions);
	list_init(&sv->dead);
	sys_task_init(&sv->bury, svc_smtp_bury, sv);
	buf_init(&sv->out, SYS_CHAN_MESSAGE_MAX);
	sv->scratch = arena_new(sc->arena, "message", IPC_LIST_OCTETS, 0);
	sv->in = mem_zalloc(1, SVC_SMTP_READ_MAX);
	sv->rcpts = mem_zalloc(SMTP_TARGETS_MAX, sizeof *sv->rcpts);
	if (sv->scratch == NULL || sv->in == NULL || sv->rcpts == NULL) {
		return ERR_NOMEM;
	}
	take_settings(sv);
	return sys_dir_open(SYS_CWD, svc_common_state_path(sc, S("spool/tmp")), &sv->tmp);
}

void
svc_smtp_done(struct svc_common *sc)
{
	struct svc_smtp *sv = sc->ctx;
	ASSERT(list_empty(&sv->sessions) && list_empty(&sv->dead));
	LIST_EACH(it, &sv->gates) {
		struct svc_smtp_link *link = LIST_ENTRY(it, struct svc_smtp_link, node);
		sys_chan_free(&link->chan);
		list_remove(&link->node);
		mem_drop(link);
	}
	sys_chan_free(&sv->auth.chan);
	sys_chan_free(&sv->queue.chan);
	sys_task_stop(&sv->bury);
	sys_close(&sv->tmp);
	buf_done(&sv->out);
	MEM_FREE(sv->in);
	MEM_FREE(sv->rcpts);
	MEM_FREE(sv->slots);
}

void
svc_smtp_on_reload(struct svc_common *sc)
{
	take_settings(sc->ctx);
}

/* --- channels ------------------------------------------------------------------------------ */

static void
on_closed(void *ctx, enum err why)
{
	struct svc_smtp_link *link = ctx;
	struct svc_smtp *sv = link->server;
	LOG(CHANNEL_CLOSED, F_CSTR("edge", link->edge), F_U64("peer", link->peer), F_ERR(why));
	sys_chan_free(&link->chan);
	if (why != ERR_EOF) {
		svc_common_rewire(sv->sc, str_from(link->edge), link->peer);
	}
	if (link == &sv->auth || link == &sv->queue) {
		bool queue = link == &sv->queue;
		sv->counters.queue_lost += queue;
		sv->counters.auth_lost += !queue;
		svc_smtp_peer_gone(sv, queue);
		return;
	}
	list_remove(&link->node);
	mem_drop(link);
}

static enum err
on_gate_session(void *ctx, const struct ipc_gate_smtp_session *m, int *fd)
{
	struct svc_smtp_link *link = ctx;
	int stream = *fd;
	*fd = -1;
	enum err e = svc_smtp_session_new(link->server, &m->session, stream);
	if (e != ERR_OK && e != ERR_PROTOCOL) {
		LOG(SMTP_NO_SESSION, F_ID("session", m->session.id), F_ERR(e));
		return ERR_OK;
	}
	return e;
}

static enum err
on_gate(void *ctx, str datagram, int *fd)
{
	static const struct ipc_gate_smtp_at_smtp handlers = { .session = on_gate_session };
	struct svc_smtp_link *link = ctx;
	struct arena *scratch = link->server->scratch;
	enum err e = ipc_gate_smtp_smtp_dispatch(&handlers, link, datagram, fd, scratch);
	arena_reset(scratch);
	return e;
}

static enum err
open_link(struct svc_smtp_link *link, enum err (*on_message)(void *ctx, str datagram, int *fd),
    int fd)
{
	const struct sys_chan_handler h = {
		.on_message = on_message, .on_closed = on_closed, .ctx = link
	};
	return sys_chan_new(link->server->sc->loop, fd, &h, &link->chan);
}

/* A gate that was started anew replaces the old one of its number. */
static enum err
wire_gate(struct svc_smtp *sv, uint32_t peer, int fd)
{
	LIST_EACH(it, &sv->gates) {
		struct svc_smtp_link *old = LIST_ENTRY(it, struct svc_smtp_link, node);
		if (old->peer == peer) {
			sys_chan_free(&old->chan);
			list_remove(&old->node);
			mem_drop(old);
		}
	}
	struct svc_smtp_link *link = mem_zalloc(1, sizeof *link);
	if (link == NULL) {
		sys_close(&fd);
		return ERR_NOMEM;
	}
	*link = (struct svc_smtp_link){ .server = sv, .edge = "gate_smtp", .peer = peer };
	list_push(&sv->gates, &link->node);
	return open_link(link, on_gate, fd);
}

static enum err
rewire(struct svc_smtp_link *link, enum err (*on_message)(void *ctx, str datagram, int *fd), int fd)
{
	bool had = link->chan != NULL;
	sys_chan_free(&link->chan);
	if (had) {
		svc_smtp_peer_gone(link->server, link == &link->server->queue);
	}
	return open_link(link, on_message, fd);
}

enum err
svc_smtp_on_wire(struct svc_common *sc, str edge, uint32_t peer, str set, int fd)
{
	struct svc_smtp *sv = sc->ctx;
	if (str_eq(edge, S("smtp_auth"))) {
		return rewire(&sv->auth, svc_smtp_on_auth, fd);
	}
	if (str_eq(edge, S("smtp_queue"))) {
		return rewire(&sv->queue, svc_smtp_on_queue, fd);
	}
	if (str_eq(edge, S("smtp_policy")) || str_eq(edge, S("smtp_scan"))) {
		sys_close(&fd); /* nothing is asked yet */
		return ERR_OK;
	}
	ASSERT(str_eq(edge, S("gate_smtp")));
	return wire_gate(sv, peer, fd);
}

/* --- health and end ------------------------------------------------------------------------ */

void
svc_smtp_on_status(struct svc_common *sc, struct buf *facts)
{
	const struct svc_smtp *sv = sc->ctx;
	const struct svc_smtp_counters *c = &sv->counters;
	const struct {
		const char *key;
		uint64_t value;
	} rows[] = { { "sessions", sv->living }, { "sessions_total", c->sessions },
		{ "accepted", c->accepted }, { "octets", c->octets }, { "refused", c->refused },
		{ "answers_lost", c->lost }, { "auth_lost", c->auth_lost },
		{ "queue_lost", c->queue_lost }, { "bodies_octets", sv->bodies } };
	for (size_t i = 0; i < LEN(rows); i++) {
		buf_printf(facts, "%s=%llu\n", rows[i].key, (unsigned long long)rows[i].value);
	}
}

/* Transactions under way finish; everyone else hears 421. The last session ends the process. */
void
svc_smtp_on_quit(struct svc_common *sc, uint32_t grace_ms)
{
	struct svc_smtp *sv = sc->ctx;
	sv->quitting = true;
	svc_smtp_sessions_quit(sv);
	if (list_empty(&sv->sessions)) {
		svc_common_exit(sc);
	}
}
