/* SPDX-License-Identifier: Apache-2.0 */
/*
 * postern queue: pages of letters, retry, and sync on demand.
 */
#include "ipc/adm_queue.h"
#include "svc/queue/queue.h"

enum { PAGE = 50 };

struct asking {
	struct svc_queue *q;
	struct sys_chan *from;
};

static enum err
reply(struct asking *a)
{
	return sys_chan_send(a->from, &a->q->out, -1);
}

static enum err
say_done(struct asking *a, uint64_t request, enum err result, uint64_t count)
{
	struct ipc_adm_queue_done m = { .request = request, .result = result, .count = count };
	buf_reset(&a->q->out);
	ipc_adm_queue_done_put(&a->q->out, &m);
	return reply(a);
}

static bool
is_after(const struct svc_queue_letter *l, uint64_t entry, uint16_t rcpt)
{
	return l->parcel->entry > entry || (l->parcel->entry == entry && l->rcpt > rcpt);
}

static enum err
on_list(void *ctx, const struct ipc_adm_queue_list *m, int *fd)
{
	static struct ipc_adm_queue_item items[PAGE];
	struct asking *a = ctx;
	struct ipc_adm_queue_page page = { .request = m->request, .items = items };
	bool from_start = m->entry == 0;
	LIST_EACH(it, &a->q->all) {
		struct svc_queue_letter *l = LIST_ENTRY(it, struct svc_queue_letter, all);
		if (!from_start && !is_after(l, m->entry, m->rcpt)) {
			continue;
		}
		if (page.items_n == PAGE) {
			page.more = true;
			break;
		}
		items[page.items_n++] = (struct ipc_adm_queue_item){ .entry = l->parcel->entry,
			.rcpt = l->rcpt,
			.account = l->lane->account,
			.received_s = l->parcel->received_s,
			.size = l->parcel->size,
			.state = l->where,
			.tries = l->tries,
			.last = l->last,
			.sender = l->parcel->reverse_path,
			.recipient = l->address };
	}
	buf_reset(&a->q->out);
	ipc_adm_queue_page_put(&a->q->out, &page);
	return reply(a);
}

static enum err
on_retry(void *ctx, const struct ipc_adm_queue_retry *m, int *fd)
{
	struct asking *a = ctx;
	uint64_t count = 0;
	LIST_EACH(it, &a->q->all) {
		struct svc_queue_letter *l = LIST_ENTRY(it, struct svc_queue_letter, all);
		bool waits = l->where == SVC_QUEUE_WAITING || l->where == SVC_QUEUE_HELD;
		if (waits && (m->entry == 0 || l->parcel->entry == m->entry)) {
			count++;
			svc_queue_lane_retry(l->lane);
		}
	}
	return say_done(a, m->request, m->entry != 0 && count == 0 ? ERR_NOTFOUND : ERR_OK, count);
}

static enum err
on_sync(void *ctx, const struct ipc_adm_queue_sync *m, int *fd)
{
	struct asking *a = ctx;
	struct svc_queue *q = a->q;
	svc_queue_settle_now(q);
	if (q->sync_job == 0) {
		return say_done(a, m->request, list_empty(&q->dirty) ? ERR_OK : ERR_UNAVAILABLE, 0);
	}
	for (size_t i = 0; i < LEN(q->waiters); i++) {
		if (q->waiters[i].admin == NULL) {
			q->waiters[i] = (struct svc_queue_waiter){ a->from, m->request };
			return ERR_OK;
		}
	}
	return say_done(a, m->request, ERR_BUSY, 0);
}

void
svc_queue_admin_settled(struct svc_queue *q)
{
	for (size_t i = 0; i < LEN(q->waiters); i++) {
		struct asking a = { q, q->waiters[i].admin };
		if (a.from != NULL) {
			q->waiters[i].admin = NULL;
			(void)(say_done(&a, q->waiters[i].request, ERR_OK, q->done) == ERR_OK);
		}
	}
}

static enum err
on_count(void *ctx, const struct ipc_adm_queue_count *m, int *fd)
{
	struct asking *a = ctx;
	const struct svc_queue *q = a->q;
	struct ipc_adm_queue_counts counts = { .request = m->request,
		.waiting = q->letters - q->unsynced,
		.unsynced = q->unsynced,
		.held = q->held };
	buf_reset(&a->q->out);
	ipc_adm_queue_counts_put(&a->q->out, &counts);
	return reply(a);
}

enum err
svc_queue_on_admin(struct svc_common *sc, struct sys_chan *from, str datagram, int *fd)
{
	static const struct ipc_adm_queue_at_queue handlers = {
		.list = on_list, .retry = on_retry, .sync = on_sync, .count = on_count
	};
	struct asking a = { sc->ctx, from };
	arena_reset(a.q->scratch);
	return ipc_adm_queue_queue_dispatch(&handlers, &a, datagram, fd, a.q->scratch);
}

void
svc_queue_on_admin_closed(struct svc_common *sc, struct sys_chan *from)
{
	struct svc_queue *q = sc->ctx;
	for (size_t i = 0; i < LEN(q->waiters); i++) {
		if (q->waiters[i].admin == from) {
			q->waiters[i].admin = NULL;
		}
	}
}
