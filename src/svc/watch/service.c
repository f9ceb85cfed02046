/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Table of contents of the watch process: attempts come in, questions and reports go out.
 */
#include "conf/conf.h"
#include "reach/inbound.h"
#include "svc/common/rules.h"
#include "svc/watch/watch.h"
#include "sys/file.h"

/* Outside the sandbox: the rules file may lie anywhere. */
static enum err
init(struct svc_common *sc)
{
	struct svc_watch *w = ARENA_NEW(sc->arena, struct svc_watch);

	if (w == NULL) {
		return ERR_NOMEM;
	}
	w->sc = sc;
	sc->ctx = w;
	w->next_request = 1;
	w->scratch = arena_new(sc->arena, "message", SVC_WATCH_SCRATCH, 0);
	buf_init(&w->out, SYS_CHAN_MESSAGE_MAX);
	if (w->scratch == NULL) {
		return ERR_NOMEM;
	}
	return svc_common_rules(sc, &w->rules);
}

static enum err
start(struct svc_common *sc)
{
	struct svc_watch *w = sc->ctx;
	uint64_t n = 0;
	int64_t since = 0;

	enum err e = reach_journal_open(svc_common_state_path(sc, S("watch/watch.db")),
	    (int64_t)sc->conf->watch_report_day, &w->journal);
	if (e != ERR_OK) {
		LOG(WATCH_DATABASE, F_CSTR("what", "open"), F_ERR(e));
		return e;
	}
	TRY(reach_journal_count(w->journal, &n, &since));
	LOG(WATCH_OPEN, F_U64("attempts", n));
	svc_watch_attempts_init(w);
	svc_watch_report_init(w);
	return svc_watch_inbound_start(w);
}

static void
on_status(struct svc_common *sc, struct buf *facts)
{
	const struct svc_watch *w = sc->ctx;
	uint64_t kept = 0, arrivals = 0;
	int64_t since_ms = 0;

	if (w->journal == NULL || w->inbound == NULL ||
	    reach_journal_count(w->journal, &kept, &since_ms) != ERR_OK ||
	    reach_inbound_count(w->inbound, &arrivals) != ERR_OK) {
		return;
	}
	const struct svc_common_fact rows[] = { { "kept", kept },
		{ "kept_since_s", (uint64_t)(since_ms / 1000) }, { "attempts", w->attempts },
		{ "unknown_replies", w->unknown }, { "lost", w->lost },
		{ "inbound", w->inbound_total }, { "inbound_kept", arrivals },
		{ "inbound_lost", w->inbound_lost }, { "judged", w->judged },
		{ "transactions", w->commits }, { "rules", reach_rules_count(w->rules) },
		{ "reports_sent", w->reports_sent }, { "reports_unwanted", w->reports_unwanted },
		{ "reports_https", w->reports_https }, { "reports_failed", w->reports_failed } };
	svc_common_facts(facts, rows, LEN(rows));
}

static void
on_quit(struct svc_common *sc, uint32_t grace_ms)
{
	struct svc_watch *w = sc->ctx;

	if (w->journal != NULL) {
		svc_watch_commit(w);
		reach_journal_close(&w->journal);
	}
	if (w->inbound != NULL) {
		svc_watch_inbound_commit(w);
		reach_inbound_close(&w->inbound);
	}
	svc_common_exit(sc);
}

static const struct svc_common_edge edges[] = {
	{ S_INIT("send_watch"), SVC_COMMON_LINKS(struct svc_watch, sends),
	    .on_message = svc_watch_from_send },
	{ S_INIT("scan_watch"), SVC_COMMON_LINKS(struct svc_watch, scans),
	    .on_message = svc_watch_from_scan },
	{ S_INIT("smtp_watch"), SVC_COMMON_LINKS(struct svc_watch, smtps),
	    .on_message = svc_watch_from_smtp },
	{ S_INIT("watch_queue"), SVC_COMMON_LINKS(struct svc_watch, queue),
	    .on_message = svc_watch_from_queue },
	{ S_INIT("watch_resolve"), SVC_COMMON_LINKS(struct svc_watch, resolve),
	    .on_message = svc_watch_from_resolve },
	{ .n = 0 },
};

const struct svc_common_service svc_watch_service = {
	.name = "watch",
	.profile = svc_watch_profile,
	.init = init,
	.start = start,
	.edges = edges,
	.on_status = on_status,
	.on_quit = on_quit,
	.on_admin = svc_watch_on_admin,
};
