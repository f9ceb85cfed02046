/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Letters left in an account that nobody has open, without a delivery process: accounts hands us
 * the one file they may be added to. Only first tries, so that whatever may have been delivered
 * before is looked for by a process that can. Why: doc/why/021-arrivals.md.
 */
#include "ipc/queue_accounts.h"
#include "store/arrivals/arrivals.h"
#include "svc/queue/queue.h"
#include "sys/clock.h"
#include "sys/sys.h"

enum {
	RETURN_PATH_MAX = 1100,
	LETTER_MAX = STORE_ARRIVALS_LETTER_MAX - RETURN_PATH_MAX,
};

static bool
fits(const struct svc_queue_letter *l)
{
	return !l->replay && l->tries == 0 && l->parcel->size <= LETTER_MAX;
}

/* What is held or rests was tried before; it is not in the file, or a process would find it. */
static bool
lane_fits(const struct svc_queue_lane *lane)
{
	size_t n = 0;
	LIST_EACH(it, &lane->waiting) {
		if (!fits(LIST_ENTRY(it, struct svc_queue_letter, node))) {
			return false;
		}
		if (++n == SVC_QUEUE_BATCH) {
			break;
		}
	}
	return n > 0 && lane->chan == NULL && !lane->one_by_one;
}

/*
 * Ask for a slot.
 *
 * Errors  ERR_UNAVAILABLE: not for these letters, or not now
 */
enum err
svc_queue_slot_ask(struct svc_queue_lane *lane)
{
	struct svc_queue *q = lane->q;
	bool refused = lane->refused;
	lane->refused = false;
	if (refused || q->accounts.chan == NULL || !lane_fits(lane)) {
		return ERR_UNAVAILABLE;
	}
	struct ipc_queue_accounts_slot m = { .job = q->next_job++, .account = lane->account };
	buf_reset(&q->out);
	ipc_queue_accounts_slot_put(&q->out, &m);
	TRY(svc_common_link_send(&q->accounts, &q->out, -1));
	lane->job = m.job;
	lane->asking = true;
	list_push(&q->asking, &lane->node);
	return ERR_OK;
}

static enum err
add(struct svc_queue *q, const struct svc_queue_letter *l, int fd)
{
	static char piece[LETTER_MAX];
	const struct svc_queue_parcel *p = l->parcel;
	char path[RETURN_PATH_MAX];
	/* as a delivery process does it */
	int n = snprintf(path, sizeof path, "Return-Path: <%.*s>\r\n", STR_ARG(p->reverse_path));
	if (n < 0 || (size_t)n >= sizeof path) {
		return ERR_TOOBIG;
	}
	TRY(spool_read(q->spool, p->entry, 0, piece, (size_t)p->size));
	struct store_arrival a = { .entry = p->entry,
		.oldest_live = spool_oldest(q->spool),
		.rcpt = l->rcpt,
		.junk = l->junk,
		.internal_s = p->received_s,
		.saved_s = sys_clock_wall_s(),
		.prefix = str_make(path, (size_t)n),
		.body = str_make(piece, (size_t)p->size) };
	return store_arrivals_add(fd, &a);
}

/* Add what fits; the first that cannot be added sends the rest to a process. */
static enum err
add_all(struct svc_queue_lane *lane, int fd, size_t *ret_n)
{
	LIST_EACH(it, &lane->waiting) {
		struct svc_queue_letter *l = LIST_ENTRY(it, struct svc_queue_letter, node);
		if (*ret_n == SVC_QUEUE_BATCH) {
			break;
		}
		if (!fits(l)) {
			return ERR_UNAVAILABLE;
		}
		TRY(add(lane->q, l, fd));
		svc_queue_lane_delivered(lane, l);
		(*ret_n)++;
	}
	return ERR_OK;
}

static void
tell_accounts(struct svc_queue *q, uint64_t account)
{
	struct ipc_queue_accounts_arrived m = { .account = account };
	buf_reset(&q->out);
	ipc_queue_accounts_arrived_put(&q->out, &m);
	/* a full channel is no loss: sessions look again later */
	(void)(svc_common_link_send(&q->accounts, &q->out, -1) == ERR_OK);
}

enum err
svc_queue_on_slotted(void *queue, const struct ipc_queue_accounts_slotted *m, int *fd)
{
	struct svc_queue *q = queue;
	struct svc_queue_lane *lane = map_get(q->lanes, m->account);
	size_t n = 0;
	if (lane == NULL || !lane->asking || lane->job != m->job) {
		return ERR_OK; /* it waited too long */
	}
	if (m->result == ERR_OK && *fd < 0) {
		return ERR_PROTOCOL;
	}
	enum err e = m->result != ERR_OK ? m->result : add_all(lane, *fd, &n);
	if (n > 0) {
		q->left += n;
		tell_accounts(q, m->account);
	}
	svc_queue_lane_slotted(lane, e != ERR_OK);
	return ERR_OK;
}

void
svc_queue_slot_lost(struct svc_queue *q)
{
	LIST_EACH(it, &q->asking) {
		svc_queue_lane_slotted(LIST_ENTRY(it, struct svc_queue_lane, node), false);
	}
}
