/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process around the sessions: its channels, its settings, its end; at the end, its table of
 * contents.
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

static enum err
init(struct svc_common *sc)
{
	struct svc_smtp *sv = ARENA_NEW(sc->arena, struct svc_smtp);
	if (sv == NULL) {
		return ERR_NOMEM;
	}
	*sv = (struct svc_smtp){ .sc = sc, .tmp = -1 };
	mem_keep(SVC_SMTP_KEPT);
	sc->ctx = sv;
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

void
svc_smtp_done(struct svc_common *sc)
{
	struct svc_smtp *sv = sc->ctx;
	ASSERT(list_empty(&sv->sessions) && list_empty(&sv->dead));
	svc_common_links_close(sc);
	sys_task_stop(&sv->bury);
	sys_close(&sv->tmp);
	buf_done(&sv->out);
	MEM_FREE(sv->in);
	MEM_FREE(sv->rcpts);
	MEM_FREE(sv->targets);
	MEM_FREE(sv->piece);
	MEM_FREE(sv->slots);
}

static void
on_reload(struct svc_common *sc)
{
	take_settings(sc->ctx);
}

/* --- channels ------------------------------------------------------------------------------ */

/* Whoever waits for it gets no answer; what a scan process had is not given to it again. */
static void
lost(struct svc_common_link *l)
{
	struct svc_smtp_counters *c = &svc_smtp_of(l)->counters;
	const struct svc_smtp *sv = svc_smtp_of(l);
	uint64_t *count = l == &sv->queue ? &c->queue_lost
	    : l == &sv->auth              ? &c->auth_lost
	    : l == &sv->policy            ? &c->policy_lost
	    : l == &sv->watch             ? &c->watch_lost
					  : &c->scan_lost;
	(*count)++;
	svc_smtp_peer_gone(l);
}

static enum err
on_gate_session(void *ctx, const struct ipc_gate_smtp_session *m, int *fd)
{
	int stream = *fd;
	*fd = -1;
	enum err e = svc_smtp_session_new(ctx, &m->session, stream);
	if (e != ERR_OK && e != ERR_PROTOCOL) {
		LOG(SMTP_NO_SESSION, F_ID("session", m->session.id), F_ERR(e));
		return ERR_OK;
	}
	return e;
}

static enum err
from_gate(struct svc_common_link *from, str datagram, int *fd)
{
	static const struct ipc_gate_smtp_at_smtp handlers = { .session = on_gate_session };
	struct svc_smtp *sv = svc_smtp_of(from);
	enum err e = ipc_gate_smtp_smtp_dispatch(&handlers, sv, datagram, fd, sv->scratch);
	arena_reset(sv->scratch);
	return e;
}

/* watch only listens. */
static enum err
from_watch(struct svc_common_link *from, str datagram, int *fd)
{
	return ERR_PROTOCOL;
}

static const struct svc_common_edge edges[] = {
	{ S_INIT("gate_smtp"), SVC_COMMON_LINKS(struct svc_smtp, gates), .on_message = from_gate },
	{ S_INIT("smtp_auth"), SVC_COMMON_LINKS(struct svc_smtp, auth),
	    .on_message = svc_smtp_from_auth, .on_down = lost },
	{ S_INIT("smtp_queue"), SVC_COMMON_LINKS(struct svc_smtp, queue),
	    .on_message = svc_smtp_from_queue, .on_down = lost },
	{ S_INIT("smtp_policy"), SVC_COMMON_LINKS(struct svc_smtp, policy),
	    .on_message = svc_smtp_from_policy, .on_down = lost },
	{ S_INIT("smtp_scan"), SVC_COMMON_LINKS(struct svc_smtp, scans),
	    .on_message = svc_smtp_from_scan, .on_down = lost },
	{ S_INIT("smtp_watch"), SVC_COMMON_LINKS(struct svc_smtp, watch), .on_message = from_watch,
	    .on_down = lost },
	{ .n = 0 },
};

/* --- health and end ------------------------------------------------------------------------ */

static void
on_status(struct svc_common *sc, struct buf *facts)
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
static void
on_quit(struct svc_common *sc, uint32_t grace_ms)
{
	struct svc_smtp *sv = sc->ctx;
	sv->quitting = true;
	svc_smtp_sessions_quit(sv);
	if (list_empty(&sv->sessions)) {
		svc_common_exit(sc);
	}
}

const struct svc_common_service svc_smtp_service = {
	.name = "smtp",
	.profile = svc_smtp_profile,
	.init = init,
	.edges = edges,
	.on_reload = on_reload,
	.on_status = on_status,
	.on_quit = on_quit,
};
