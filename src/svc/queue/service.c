/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The queue: accepts finished messages, makes them durable, answers, delivers them account by
 * account, and forgets them when the mailboxes are on disk. Read next: queue.h, commit.c, lane.c,
 * settle.c.
 */
#include "base/mem.h"
#include "svc/queue/queue.h"
#include "svc/queue/remote/remote.h"
#include "sys/file.h"
#include "sys/random.h"

static enum err
init(struct svc_common *sc)
{
	struct svc_queue *q = ARENA_NEW(sc->arena, struct svc_queue);
	uint8_t key[16];
	if (q == NULL) {
		return ERR_NOMEM;
	}
	sys_random(key, sizeof key);
	q->sc = sc;
	sc->ctx = q;
	q->next_job = 1;
	q->scratch = arena_new(sc->arena, "message", 8 << 20, 0);
	q->lanes = map_new(key, SIZE_MAX);
	q->entries = map_new(key, SIZE_MAX);
	buf_init(&q->out, SYS_CHAN_MESSAGE_MAX);
	if (q->scratch == NULL || q->lanes == NULL || q->entries == NULL) {
		return ERR_NOMEM;
	}
	TRY(sys_dir_open(SYS_CWD, svc_common_state_path(sc, S("spool/journal")), &q->journal));
	svc_queue_lane_init(q);
	svc_queue_settle_init(q);
	svc_queue_limits(q);
	return svc_queue_remote_init(q);
}

/* Inside the sandbox: what strangers wrote into the journal is read here. */
static enum err
start(struct svc_common *sc)
{
	struct svc_queue *q = sc->ctx;
	TRY(svc_queue_commit_init(q));
	svc_queue_remote_start(q);
	return ERR_OK;
}

static void
on_reload(struct svc_common *sc)
{
	svc_queue_limits(sc->ctx);
}

static void
on_status(struct svc_common *sc, struct buf *facts)
{
	const struct svc_queue *q = sc->ctx;
	struct spool_report r;
	spool_report(q->spool, &r);
	const struct svc_common_fact rows[] = { { "live", spool_live(q->spool) },
		{ "lanes", map_count(q->lanes) }, { "working", q->working },
		{ "kept_open", q->lingering_n }, { "unsynced_octets", q->dirty_octets },
		{ "accepted", q->accepted }, { "delivered", q->delivered },
		{ "without_process", q->left }, { "done", q->done }, { "failed", q->failed },
		{ "crashes", q->crashes }, { "held", q->held }, { "refused", q->refused },
		{ "flushes", q->flushes }, { "replayed_at_start", r.entries - r.done },
		{ "segments_set_aside", r.set_aside }, { "entries_moved", r.moved },
		{ "remote", q->remote->letters }, { "destinations", map_count(q->remote->dests) },
		{ "remote_in_hand", q->remote->sent_n }, { "relayed", q->remote->delivered },
		{ "remote_failed", q->remote->failed }, { "remote_deferred", q->remote->deferred },
		{ "remote_expired", q->remote->expired }, { "uncertain", q->remote->uncertain },
		{ "lost_with_send", q->remote->lost }, { "reports", q->remote->reports },
		{ "notices", q->remote->notices_n }, { "warnings", q->remote->warnings },
		{ "bad_records_at_start", r.bad_records },
		{ "torn_octets_at_start", r.torn_octets } };
	svc_common_facts(facts, rows, LEN(rows));
}

/* Everything accepted is on disk already; what is not done will be replayed. */
static void
on_quit(struct svc_common *sc, uint32_t grace_ms)
{
	struct svc_queue *q = sc->ctx;
	q->quitting = true;
	(void)(spool_flush(q->spool) == ERR_OK);
	svc_common_exit(sc);
}

static const struct svc_common_edge edges[] = {
	{ S_INIT("smtp_queue"), SVC_COMMON_LINKS(struct svc_queue, smtps),
	    .on_message = svc_queue_from_smtp, .on_down = svc_queue_smtp_down },
	{ S_INIT("queue_accounts"), SVC_COMMON_LINKS(struct svc_queue, accounts),
	    .on_message = svc_queue_from_accounts, .on_up = svc_queue_accounts_up,
	    .on_down = svc_queue_accounts_down },
	{ S_INIT("queue_send"), SVC_COMMON_LINKS(struct svc_queue, sends),
	    .on_message = svc_queue_remote_from_send, .on_up = svc_queue_remote_send_up,
	    .on_down = svc_queue_remote_send_down, .on_drained = svc_queue_remote_send_up },
	{ S_INIT("watch_queue"), SVC_COMMON_LINKS(struct svc_queue, watch),
	    .on_message = svc_queue_remote_from_watch },
	{ S_INIT("policy_queue"), SVC_COMMON_LINKS(struct svc_queue, policy),
	    .on_message = svc_queue_remote_from_policy },
	{ .n = 0 },
};

const struct svc_common_service svc_queue_service = {
	.name = "queue",
	.profile = svc_queue_profile,
	.init = init,
	.start = start,
	.edges = edges,
	.on_reload = on_reload,
	.on_status = on_status,
	.on_quit = on_quit,
	.on_admin = svc_queue_on_admin,
	.on_admin_closed = svc_queue_on_admin_closed,
};
