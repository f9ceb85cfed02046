/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process and those around it, for the tests of this folder.
 */
#include "svc/watch/world_test.h"

#include "base/test.h"
#include "ipc/adm_watch.h"
#include "reach/inbound.h"
#include "sys/clock.h"
#include "sys/file.h"
#include "sys/random.h"
#include "sys/sys.h"

void
svc_watch_world_turn(struct world *w)
{
	for (int i = 0; i < 5; i++) {
		CHECK_ERR(sys_loop_turn(w->sc.loop, 0), ERR_OK);
	}
}

static enum err
on_admin_message(void *ctx, str datagram, int *fd)
{
	struct world *w = ctx;

	return svc_watch_service.on_admin(&w->sc, w->admin_chan, datagram, fd);
}

static void
on_admin_closed(void *ctx, enum err why)
{
	struct world *w = ctx;

	sys_chan_free(&w->admin_chan);
}

static void
wire(struct world *w, const char *edge, int *ret_end)
{
	int ends[2];

	CHECK_ERR(sys_chan_pair(ends), ERR_OK);
	CHECK_ERR(svc_common_wire(&w->sc, str_from(edge), 0, ends[0]), ERR_OK);
	*ret_end = ends[1];
}

void
svc_watch_world_begin(struct world *w)
{
	const struct sys_chan_handler admin = {
		.on_message = on_admin_message, .on_closed = on_admin_closed, .ctx = w
	};
	static const str domains[] = { S_INIT("sender.example") };
	int ends[2];

	memset(w, 0, sizeof(*w));
	w->asked_for = "_smtp._tls.receiver.example";
	snprintf(w->folder, sizeof w->folder, "/tmp/postern-watch-%016llx",
	    (unsigned long long)sys_random_u64());
	CHECK_ERR(sys_dir_make(SYS_CWD, str_from(w->folder), 0700), ERR_OK);
	CHECK_ERR(sys_loop_new(&w->sc.loop), ERR_OK);
	w->arena = arena_new(NULL, "test", 64 << 20, 0);
	w->sc.arena = arena_new(NULL, "process", 64 << 20, 0);
	w->sc.conf = &w->conf;
	w->sc.service = &svc_watch_service;
	w->conf = (struct conf){ .hostname = S("mx.sender.example"),
		.domain = { domains, 1 },
		.state = str_from(w->folder),
		.watch_keep = 90ULL * 86400000,
		.watch_attempts = 1000000,
		.watch_keep_inbound = 14ULL * 86400000,
		.watch_inbound = 1000,
		.watch_reports = true,
		.dmarc_reports = true,
		.watch_report_day = 86400000 };
	str inner = arena_printf(w->arena, "%s/watch", w->folder);
	CHECK_ERR(sys_dir_make(SYS_CWD, inner, 0700), ERR_OK);
	buf_init(&w->in, SYS_CHAN_MESSAGE_MAX);
	buf_init(&w->out, SYS_CHAN_MESSAGE_MAX);
	CHECK_ERR(svc_watch_service.init(&w->sc), ERR_OK);
	wire(w, "send_watch", &w->send);
	wire(w, "scan_watch", &w->scan);
	wire(w, "watch_resolve", &w->resolve);
	wire(w, "watch_queue", &w->queue);
	wire(w, "smtp_watch", &w->smtp);
	CHECK_ERR(sys_chan_pair(ends), ERR_OK);
	CHECK_ERR(sys_chan_new(w->sc.loop, ends[0], &admin, &w->admin_chan), ERR_OK);
	w->admin = ends[1];
	CHECK_ERR(svc_watch_service.start(&w->sc), ERR_OK);
	svc_watch_world_turn(w);
}

void
svc_watch_world_end(struct world *w)
{
	struct svc_watch *p = w->sc.ctx;

	reach_journal_close(&p->journal);
	reach_inbound_close(&p->inbound);
	svc_common_links_close(&w->sc);
	sys_close(&w->smtp);
	sys_close(&w->scan);
	sys_chan_free(&w->admin_chan);
	sys_close(&w->send);
	sys_close(&w->resolve);
	sys_close(&w->queue);
	sys_close(&w->admin);
	buf_done(&p->out);
	buf_done(&w->in);
	buf_done(&w->out);
	sys_loop_free(&w->sc.loop);
	arena_free(&w->sc.arena);
	arena_free(&w->arena);
	CHECK_ERR(sys_dir_remove_tree(SYS_CWD, str_from(w->folder)), ERR_OK);
}

void
svc_watch_world_put(struct world *w, int fd)
{
	CHECK_ERR(buf_err(&w->out), ERR_OK);
	CHECK_ERR(sys_chan_send_wait(fd, &w->out, -1, 1000), ERR_OK);
	buf_reset(&w->out);
}

void
svc_watch_world_attempt(struct world *w, struct ipc_send_watch_attempt m)
{
	static struct ipc_send_watch_phase phases[] = { { REACH_PHASE_CONNECT, 0, 5 },
		{ REACH_PHASE_RCPT, 40, 7 } };

	m.phases = phases;
	m.phases_n = LEN(phases);
	ipc_send_watch_attempt_put(&w->out, &m);
	svc_watch_world_put(w, w->send);
}

struct ipc_send_watch_attempt
svc_watch_world_sample(void)
{
	return (struct ipc_send_watch_attempt){ .entry = 7,
		.began_ms = sys_clock_wall_ms(),
		.domain = S("receiver.example"),
		.message_id = S("<hidden.id@sender.example>"),
		.operator= S("receiver.example"),
		.mx = S("mx.receiver.example"),
		.peer_ip = S("\0\0\0\0\0\0\0\0\0\0\377\377\300\0\2\1"),
		.source_ip = S("\0\0\0\0\0\0\0\0\0\0\377\377\300\0\2\2"),
		.rcpts = 1,
		.verdict = REACH_AGAIN,
		.phase = REACH_PHASE_RCPT,
		.class = S("L1"),
		.rule = S("greylist"),
		.tls_version = S("TLSv1.3"),
		.code = 450,
		.reply = S("450 <hiddenjane@receiver.example> Greylisted") };
}

static enum err
on_tries(void *ctx, const struct ipc_adm_watch_tries *m, int *fd)
{
	struct world *w = ctx;

	CHECK_ERR(m->result, ERR_OK);
	w->tries = m->tries_n;
	w->more = m->more;
	if (m->tries_n > 0) {
		w->reply = arena_dup(w->arena, m->tries[0].reply);
		CHECK_U64(m->tries[0].took_ms, 47);
		CHECK_STR(m->tries[0].tls_version, S("TLSv1.3"));
		CHECK_STR(m->tries[0].phases, S("connect 0+5 rcpt 40+7"));
	}
	return ERR_OK;
}

static enum err
on_templates(void *ctx, const struct ipc_adm_watch_templates *m, int *fd)
{
	struct world *w = ctx;

	w->tries = m->templates_n;
	w->reply = m->templates_n > 0 ? arena_dup(w->arena, m->templates[0].text) : S("");
	return ERR_OK;
}

static enum err
on_totals(void *ctx, const struct ipc_adm_watch_totals *m, int *fd)
{
	struct world *w = ctx;

	w->tries = m->totals_n > 0 ? m->totals[0].attempts : 0;
	return ERR_OK;
}

static enum err
on_reported(void *ctx, const struct ipc_adm_watch_reported *m, int *fd)
{
	struct world *w = ctx;

	w->tries = m->domains;
	return ERR_OK;
}

void
svc_watch_world_ask(struct world *w)
{
	static const struct ipc_adm_watch_at_admin handlers = { .tries = on_tries,
		.templates = on_templates,
		.totals = on_totals,
		.reported = on_reported };
	int fd = -1;

	svc_watch_world_put(w, w->admin);
	svc_watch_world_turn(w);
	CHECK_ERR(sys_chan_recv(w->admin, &w->in, &fd), ERR_OK);
	CHECK_ERR(ipc_adm_watch_admin_dispatch(&handlers, w, buf_view(&w->in), &fd, w->arena),
	    ERR_OK);
}
