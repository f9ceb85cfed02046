/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process around the sessions: its channels, its settings, its end. main.c names these
 * functions; tests call them with a loop of their own.
 */
#include "svc/smtp/server.h"
#include "base/mem.h"
#include "conf/conf.h"
#include "ipc/gate_smtp.h"
#include "ipc/smtp_scan.h"
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
	mem_keep(SVC_SMTP_KEPT);
	sv->auth = (struct svc_smtp_link){ .server = sv, .edge = "smtp_auth" };
	sv->queue = (struct svc_smtp_link){ .server = sv, .edge = "smtp_queue" };
	sv->policy = (struct svc_smtp_link){ .server = sv, .edge = "smtp_policy" };
	sv->watch = (struct svc_smtp_link){ .server = sv, .edge = "smtp_watch" };
	sc->ctx = sv;
	list_init(&sv->gates);
	list_init(&sv->scans);
	list_init(&sv->sessions);
	list_init(&sv->dead);
	sys_task_init(&sv->bury, svc_smtp_bury, sv);
	buf_init(&sv->out, SYS_CHAN_MESSAGE_MAX);
	sv->scratch = arena_new(sc->arena, "message", IPC_LIST_OCTETS, 0);
	sv->in = mem_zalloc(1, SVC_SMTP_READ_MAX);
	sv->rcpts = mem_zalloc(SMTP_TARGETS_MAX, sizeof *sv->rcpts);
	sv->targets = mem_zalloc(SMTP_TARGETS_MAX, sizeof *sv->targets);
	sv->piece = mem_zalloc(1, SVC_SMTP_INLINE_MAX);
	if (sv->scratch == NULL || sv->in == NULL || sv->rcpts == NULL || sv->targets == NULL ||
	    sv->piece == NULL) {
		return ERR_NOMEM;
	}
	take_settings(sv);
	return sys_dir_open(SYS_CWD, svc_common_state_path(sc, S("spool/tmp")), &sv->tmp);
}

static void
link_free(struct svc_smtp_link *link)
{
	sys_chan_free(&link->chan);
	list_remove(&link->node);
	mem_drop(link);
}

void
svc_smtp_done(struct svc_common *sc)
{
	struct svc_smtp *sv = sc->ctx;
	ASSERT(list_empty(&sv->sessions) && list_empty(&sv->dead));
	list_move(&sv->scans, &sv->gates);
	LIST_EACH(it, &sv->gates) {
		link_free(LIST_ENTRY(it, struct svc_smtp_link, node));
	}
	sys_chan_free(&sv->policy.chan);
	sys_chan_free(&sv->watch.chan);
	sys_chan_free(&sv->auth.chan);
	sys_chan_free(&sv->queue.chan);
	sys_task_stop(&sv->bury);
	sys_close(&sv->tmp);
	buf_done(&sv->out);
	MEM_FREE(sv->in);
	MEM_FREE(sv->rcpts);
	MEM_FREE(sv->targets);
	MEM_FREE(sv->piece);
	MEM_FREE(sv->slots);
}

void
svc_smtp_on_reload(struct svc_common *sc)
{
	take_settings(sc->ctx);
}

/* --- channels ------------------------------------------------------------------------------ */

/* A gate or a scan is gone. */
static void
drop(struct svc_smtp_link *link)
{
	sys_chan_free(&link->chan);
	if (link->is_scan) {
		link->server->counters.scan_lost++;
		list_remove(&link->node); /* what it had is not given to it again */
		svc_smtp_peer_gone(link);
	}
	link_free(link);
}

/* Is it one of those that are there once? */
static uint64_t *
lost_counter(struct svc_smtp_link *link)
{
	struct svc_smtp *sv = link->server;
	return link == &sv->queue ? &sv->counters.queue_lost
	    : link == &sv->auth   ? &sv->counters.auth_lost
	    : link == &sv->policy ? &sv->counters.policy_lost
	    : link == &sv->watch  ? &sv->counters.watch_lost
				  : NULL;
}

static void
on_closed(void *ctx, enum err why)
{
	struct svc_smtp_link *link = ctx;
	struct svc_smtp *sv = link->server;
	uint64_t *lost = lost_counter(link);
	sys_chan_free(&link->chan);
	if (why != ERR_EOF) {
		LOG(CHANNEL_CLOSED, F_CSTR("edge", link->edge), F_U64("peer", link->peer),
		    F_ERR(why));
		svc_common_rewire(sv->sc, str_from(link->edge), link->peer);
	}
	if (lost != NULL) {
		(*lost)++;
		svc_smtp_peer_gone(link);
		return;
	}
	drop(link);
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

/* One that was started anew replaces the old one of its number. */
static enum err
wire_one_of(struct svc_smtp *sv, bool scan, uint32_t peer, int fd)
{
	struct list *all = scan ? &sv->scans : &sv->gates;
	LIST_EACH(it, all) {
		struct svc_smtp_link *old = LIST_ENTRY(it, struct svc_smtp_link, node);
		if (old->peer == peer) {
			drop(old);
		}
	}
	struct svc_smtp_link *link = mem_zalloc(1, sizeof *link);
	if (link == NULL) {
		sys_close(&fd);
		return ERR_NOMEM;
	}
	*link = (struct svc_smtp_link){ .server = sv,
		.edge = scan ? "smtp_scan" : "gate_smtp",
		.is_scan = scan,
		.peer = peer };
	list_push(all, &link->node);
	enum err e = open_link(link, scan ? svc_smtp_on_scan : on_gate, fd);
	if (e != ERR_OK) {
		link_free(link);
	}
	return e;
}

static enum err
rewire(struct svc_smtp_link *link, enum err (*on_message)(void *ctx, str datagram, int *fd), int fd)
{
	bool had = link->chan != NULL;
	sys_chan_free(&link->chan);
	if (had) {
		svc_smtp_peer_gone(link);
	}
	return open_link(link, on_message, fd);
}

/* watch only listens. */
static enum err
on_watch(void *ctx, str datagram, int *fd)
{
	return ERR_PROTOCOL;
}

enum err
svc_smtp_on_wire(struct svc_common *sc, str edge, uint32_t peer, str set, int fd)
{
	struct svc_smtp *sv = sc->ctx;
	const struct {
		struct svc_smtp_link *link;
		enum err (*fn)(void *ctx, str datagram, int *fd);
	} rows[] = { { &sv->auth, svc_smtp_on_auth }, { &sv->queue, svc_smtp_on_queue },
		{ &sv->policy, svc_smtp_on_policy }, { &sv->watch, on_watch } };
	for (size_t i = 0; i < LEN(rows); i++) {
		if (str_eq(edge, str_from(rows[i].link->edge))) {
			return rewire(rows[i].link, rows[i].fn, fd);
		}
	}
	bool scan = str_eq(edge, S("smtp_scan"));
	ASSERT(scan || str_eq(edge, S("gate_smtp")));
	return wire_one_of(sv, scan, peer, fd);
}

/* --- health and end ------------------------------------------------------------------------ */

void
svc_smtp_on_status(struct svc_common *sc, struct buf *facts)
{
	const struct svc_smtp *sv = sc->ctx;
	const struct svc_smtp_counters *c = &sv->counters;
	const struct svc_common_fact rows[] = { { "sessions", sv->living },
		{ "sessions_total", c->sessions }, { "accepted", c->accepted },
		{ "octets", c->octets }, { "refused", c->refused }, { "answers_lost", c->lost },
		{ "auth_lost", c->auth_lost }, { "queue_lost", c->queue_lost },
		{ "bodies_octets", sv->bodies }, { "policy_lost", c->policy_lost },
		{ "scan_lost", c->scan_lost }, { "watch_lost", c->watch_lost },
		{ "policy_absent", c->policy_absent }, { "scan_absent", c->scan_absent },
		{ "scan_held", c->held }, { "scan_refused", c->scan_refused },
		{ "scan_later", c->scan_later }, { "junk", c->junk }, { "untold", c->untold } };
	svc_common_facts(facts, rows, LEN(rows));
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
