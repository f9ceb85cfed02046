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
	list_init(&q->smtps);
	return svc_queue_remote_init(q);
}

/* Inside the sandbox: what strangers wrote into the journal is read here. */
static enum err
start(struct svc_common *sc)
{
	struct svc_queue *q = sc->ctx;
	TRY(svc_queue_commit_init(q));
	q->listening = true;
	svc_queue_smtps_start(q);
	svc_queue_remote_start(q);
	if (q->accounts != NULL) {
		sys_chan_pause(q->accounts, false);
	}
	return ERR_OK;
}

static void
on_reload(struct svc_common *sc)
{
	svc_queue_limits(sc->ctx);
}

static enum err
on_wire(struct svc_common *sc, str edge, uint32_t peer, str set, int fd)
{
	if (str_eq(edge, S("smtp_queue"))) {
		return svc_queue_on_smtp(sc->ctx, peer, fd);
	}
	if (str_eq(edge, S("queue_send"))) {
		return svc_queue_remote_on_send(sc->ctx, peer, fd);
	}
	if (str_eq(edge, S("watch_queue"))) {
		return svc_queue_remote_on_watch(sc->ctx, peer, fd);
	}
	if (str_eq(edge, S("policy_queue"))) {
		return svc_queue_remote_on_policy(sc->ctx, peer, fd);
	}
	ASSERT(str_eq(edge, S("queue_accounts")));
	return svc_queue_on_accounts(sc->ctx, peer, fd);
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

const struct svc_common_service svc_queue_service = {
	.name = "queue",
	.profile = svc_queue_profile,
	.init = init,
	.start = start,
	.on_wire = on_wire,
	.on_reload = on_reload,
	.on_status = on_status,
	.on_quit = on_quit,
	.on_admin = svc_queue_on_admin,
	.on_admin_closed = svc_queue_on_admin_closed,
};
