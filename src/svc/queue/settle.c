/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From delivered to done: at intervals the touched accounts are synced in one job, and what had
 * been delivered before the job began is noted as done in the journal. One job at a time.
 */
#include "ipc/queue_accounts.h"
#include "svc/queue/queue.h"
#include "svc/queue/remote/remote.h"

enum { SUCCESS = 2 }; /* of NOTIFY */

static void
settle(void *ctx)
{
	svc_queue_settle_now(ctx);
}

void
svc_queue_settle_init(struct svc_queue *q)
{
	list_init(&q->dirty);
	list_init(&q->syncing);
	sys_timer_init(&q->sync_timer, settle, q);
}

static void
settle_soon(struct svc_queue *q)
{
	sys_timer_set(q->sc->loop, &q->sync_timer, (int64_t)q->sc->conf->queue_sync_interval);
}

static void
mark_dirty(struct svc_queue_lane *lane)
{
	struct svc_queue *q = lane->q;
	if (list_empty(&lane->dirty_node)) {
		list_push(&q->dirty, &lane->dirty_node);
	}
	if (q->sync_job == 0 && !sys_timer_is_set(&q->sync_timer)) {
		settle_soon(q);
	}
}

/* The lane has a letter that was delivered but is not synced. */
void
svc_queue_settle_dirty(struct svc_queue_lane *lane, uint64_t octets)
{
	struct svc_queue *q = lane->q;
	q->dirty_octets += octets;
	mark_dirty(lane);
	if (q->sync_job == 0 && q->dirty_octets >= q->sc->conf->queue_sync_octets) {
		svc_queue_settle_now(q);
	}
}

void
svc_queue_settle_now(struct svc_queue *q)
{
	static struct ipc_common_id ids[SVC_QUEUE_SYNC_ACCOUNTS], left[SVC_QUEUE_SYNC_ACCOUNTS];
	struct ipc_queue_accounts_sync m = {
		.job = q->next_job, .accounts = ids, .arrivals = left
	};
	sys_timer_stop(&q->sync_timer);
	if (q->sync_job != 0 || list_empty(&q->dirty)) {
		return;
	}
	if (q->accounts.chan == NULL) {
		settle_soon(q);
		return;
	}
	LIST_EACH(it, &q->dirty) {
		if (m.accounts_n + m.arrivals_n == SVC_QUEUE_SYNC_ACCOUNTS) {
			break;
		}
		struct svc_queue_lane *lane = LIST_ENTRY(it, struct svc_queue_lane, dirty_node);
		list_remove(&lane->dirty_node);
		list_push(&q->syncing, &lane->sync_node);
		list_move(&lane->delivered, &lane->syncing);
		if (lane->opened) {
			ids[m.accounts_n++].id = lane->account;
		} else {
			left[m.arrivals_n++].id = lane->account;
		}
		lane->opened_syncing = lane->opened;
		lane->opened = false;
	}
	q->sync_job = q->next_job++;
	q->dirty_octets = 0;
	q->sync_more = !list_empty(&q->dirty);
	buf_reset(&q->out);
	ipc_queue_accounts_sync_put(&q->out, &m);
	if (svc_common_link_send(&q->accounts, &q->out, -1) != ERR_OK) {
		svc_queue_settle_lost(q);
	}
}

/* Letters whose sync failed or was never answered are delivered and dirty again. */
static void
unsettle(struct svc_queue_lane *lane)
{
	list_remove(&lane->sync_node);
	list_move(&lane->syncing, &lane->delivered);
	lane->opened |= lane->opened_syncing;
	mark_dirty(lane);
}

void
svc_queue_settle_lost(struct svc_queue *q)
{
	q->sync_job = 0;
	LIST_EACH(it, &q->syncing) {
		unsettle(LIST_ENTRY(it, struct svc_queue_lane, sync_node));
	}
}

/* The folder is not there. What was in it is delivered again, into a new one if need be. */
static void
redeliver(struct svc_queue_lane *lane)
{
	list_remove(&lane->sync_node);
	LIST_EACH(it, &lane->syncing) {
		struct svc_queue_letter *l = LIST_ENTRY(it, struct svc_queue_letter, node);
		list_remove(&l->node);
		lane->q->unsynced--;
		l->where = SVC_QUEUE_WAITING;
		l->replay = true;
		svc_queue_lane_add(lane, l);
	}
}

/*
 * It is at rest. When its sender asked for it (RFC 3461 4.1, SUCCESS), it ends with a report; no
 * report is better than a letter that never ends.
 */
static void
settle_letter(struct svc_queue_letter *l)
{
	struct svc_queue *q = l->parcel->q;
	if ((l->notify & SUCCESS) != 0 && l->parcel->account != 0) {
		struct list one;
		list_init(&one);
		list_remove(&l->node);
		list_push(&one, &l->node);
		if (svc_queue_remote_report_end(l->parcel, &one, MAIL_DSN_DELIVERED) == ERR_OK) {
			return;
		}
	}
	spool_done(q->spool, l->parcel->entry, l->rcpt);
	svc_queue_letter_free(l);
	q->done++;
}

void
svc_queue_settle_answer(struct svc_queue *q, uint64_t job, uint64_t account, enum err result)
{
	struct svc_queue_lane *lane = map_get(q->lanes, account);
	if (job != q->sync_job || lane == NULL || list_empty(&lane->sync_node)) {
		return;
	}
	if (result != ERR_OK) {
		LOG(QUEUE_SYNC_FAILED, F_U64("account", account), F_ERR(result));
		if (result == ERR_NOTFOUND) {
			redeliver(lane);
		} else {
			unsettle(lane);
		}
		return;
	}
	list_remove(&lane->sync_node);
	LIST_EACH(it, &lane->syncing) {
		settle_letter(LIST_ENTRY(it, struct svc_queue_letter, node));
	}
	svc_queue_lane_tidy(lane);
	svc_queue_flush_soon(q);
}

void
svc_queue_settle_end(struct svc_queue *q, uint64_t job)
{
	if (job != q->sync_job) {
		return;
	}
	svc_queue_settle_lost(q); /* accounts the answer left out */
	if (list_empty(&q->dirty)) {
		svc_queue_admin_settled(q);
	} else if (q->sync_more || q->dirty_octets >= q->sc->conf->queue_sync_octets) {
		svc_queue_settle_now(q);
	} else {
		settle_soon(q);
	}
}
