/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Handing bundles to the send processes. Each destination belongs to one of them. Destinations
 * that have something to send stand in a queue; each gives a few and goes to its end, so that a
 * domain with 100,000 letters and one with a single letter are served alike.
 */
#include "base/mem.h"
#include "svc/queue/remote/remote.h"
#include "sys/clock.h"
#include "sys/sys.h"

/* Octets of messages and letters in hand, in all and of the destination. */
static void
count(struct svc_queue_bundle *b, bool in)
{
	struct svc_queue_dest *d = b->dest;
	struct svc_queue_remote *r = d->remote;
	size_t one = in ? 1 : (size_t)-1;
	uint64_t octets = in ? b->parcel->size : (uint64_t)0 - b->parcel->size;
	d->sent_n += one;
	d->sent_octets += octets;
	r->sent_n += one;
	r->sent_octets += octets;
	r->unproven_n += b->unproven ? one : 0;
}

void
svc_queue_remote_recall(struct svc_queue_bundle *b)
{
	ASSERT(b->where == SVC_QUEUE_SENT);
	(void)map_del(b->dest->remote->jobs, b->job);
	count(b, false);
	list_remove(&b->node);
	b->job = 0;
	b->where = SVC_QUEUE_WAITING;
}

enum { NEVER = 1, SUCCESS = 2 }; /* of NOTIFY */

/*
 * RFC 3461 5.2.7.3 (c): who forwards asks for no reports of success. Whoever wanted nothing else
 * wants none then.
 */
static uint8_t
notify_of(const struct svc_queue_bundle *b, uint8_t given)
{
	uint8_t left = given & (uint8_t)~SUCCESS;
	return b->via.n == 0 ? given : given != 0 && left == 0 ? NEVER : left;
}

/* The recipients as they were given, out of the journal. */
static enum err
put_rcpts(const struct svc_queue_bundle *b, const struct spool_envelope *e,
    struct ipc_queue_send_to to[SVC_QUEUE_REMOTE_RCPTS], size_t *ret_n)
{
	size_t n = 0;
	LIST_EACH(it, &b->letters) {
		const struct svc_queue_letter *l = LIST_ENTRY(it, struct svc_queue_letter, node);
		if (l->rcpt >= e->rcpts_n || n == SVC_QUEUE_REMOTE_RCPTS) {
			return ERR_CORRUPT;
		}
		const struct spool_rcpt *r = &e->rcpts[l->rcpt];
		to[n++] = (struct ipc_queue_send_to){ .rcpt = l->rcpt,
			.address = l->address,
			.orcpt = r->orcpt,
			.notify = notify_of(b, r->notify) };
	}
	*ret_n = n;
	return n > 0 ? ERR_OK : ERR_BUG;
}

static enum err
put_letter(struct svc_queue_bundle *b, struct buf *out, int *ret_fd)
{
	static struct ipc_queue_send_to to[SVC_QUEUE_REMOTE_RCPTS];
	struct svc_queue *q = b->parcel->q;
	struct svc_queue_remote *r = q->remote;
	struct spool_envelope e;
	arena_reset(r->scratch);
	TRY(spool_envelope(q->spool, b->parcel->entry, r->scratch, &e));
	struct ipc_queue_send_letter m = { .job = b->job,
		.entry = b->parcel->entry,
		.domain = b->dest->domain,
		.reverse_path = b->via.n > 0 ? b->sender : e.reverse_path,
		.via = b->via,
		.message_id = e.message_id,
		.envid = e.envid,
		.ret = e.ret,
		.smtputf8 = e.smtputf8,
		.body8bit = e.body8bit,
		.requiretls = e.requiretls,
		.unenforced = e.unenforced,
		.tries = b->tries,
		.received_s = e.received_s,
		.size = b->parcel->size,
		.rcpts = to };
	TRY(put_rcpts(b, &e, to, &m.rcpts_n));
	TRY(svc_queue_body(q, b->parcel, &m.body, ret_fd));
	buf_reset(out);
	ipc_queue_send_letter_put(out, &m);
	enum err err = buf_err(out);
	if (err != ERR_OK) {
		sys_close(ret_fd);
	}
	return err;
}

/*
 * In      b: in no list
 * Errors  ERR_BUSY, ERR_UNAVAILABLE: the channel; else the letter itself
 */
static enum err
hand_over(struct svc_queue_bundle *b, struct svc_queue_sender *s)
{
	struct svc_queue *q = b->parcel->q;
	struct svc_queue_remote *r = q->remote;
	int fd = -1;
	b->job = q->next_job++;
	TRY(put_letter(b, &q->out, &fd));
	enum err e = map_set(r->jobs, b->job, b);
	if (e != ERR_OK) {
		sys_close(&fd);
		return e;
	}
	e = svc_common_link_send(s->link, &q->out, fd);
	if (e != ERR_OK) {
		(void)map_del(r->jobs, b->job);
		return e;
	}
	b->unproven = !b->dest->proven;
	count(b, true);
	svc_queue_remote_put(b, SVC_QUEUE_SENT);
	return ERR_OK;
}

/* Its octets cannot be read, or there is no memory: it rests, others pass. */
static void
stumble(struct svc_queue_bundle *b, enum err why)
{
	LOG(FAILED, F_CSTR("what", "reading a letter for another server"), F_ERR(why));
	b->next_ms = sys_clock_wall_ms() + svc_queue_remote_interval(b->dest->remote, 1);
	svc_queue_remote_put(b, SVC_QUEUE_RESTING);
}

static bool
has_room(const struct svc_queue_remote *r, const struct svc_queue_dest *d)
{
	return r->sent_n < SVC_QUEUE_REMOTE_HAND &&
	    (r->sent_octets < SVC_QUEUE_REMOTE_HAND_OCTETS || r->sent_n == 0) &&
	    (d->proven || r->unproven_n < SVC_QUEUE_REMOTE_UNPROVEN);
}

/* A few of one destination. Out: how many were handed over. */
static size_t
burst(struct svc_queue_dest *d)
{
	struct svc_queue_remote *r = d->remote;
	struct svc_queue_sender *s = d->sender;
	size_t n = 0;
	while (n < SVC_QUEUE_REMOTE_BURST && !list_empty(&d->node) && has_room(r, d)) {
		struct svc_queue_bundle *b = LIST_ENTRY(d->waiting.next, struct svc_queue_bundle,
		    node);
		list_remove(&b->node);
		enum err e = s->link->chan == NULL ? ERR_UNAVAILABLE : hand_over(b, s);
		if (e == ERR_OK) {
			n++;
		} else if (e == ERR_BUSY || e == ERR_UNAVAILABLE) {
			s->full = true;
			list_push(d->waiting.next, &b->node); /* in front of all */
			return n;
		} else {
			stumble(b, e);
		}
	}
	return n;
}

/* Destinations of one sender, a few letters of each in turn, `most` in all. */
static size_t
round_of(struct svc_queue_sender *s, struct list *ready, size_t most)
{
	size_t n = 0;
	while (n < most && !list_empty(ready) && s->link->chan != NULL && !s->full) {
		struct svc_queue_dest *d = LIST_ENTRY(ready->next, struct svc_queue_dest, node);
		if (!has_room(s->remote, d)) {
			break; /* so it is for all of them */
		}
		n += burst(d);
		if (!list_empty(&d->node)) { /* there is more: to the end */
			list_remove(&d->node);
			list_push(ready, &d->node);
		}
	}
	return n;
}

void
svc_queue_remote_pump(void *ctx)
{
	struct svc_queue_remote *r = ctx;
	size_t n = 0;
	for (size_t i = 0; i < 2 * r->senders_n && !r->q->quitting; i++) {
		struct svc_queue_sender *s = &r->senders[i / 2];
		n += round_of(s, &s->ready[i % 2 == 0], SVC_QUEUE_REMOTE_TURN);
	}
	if (n > 0) { /* what other descriptors have comes first */
		sys_task_schedule(r->q->sc->loop, &r->pump);
	}
}

void
svc_queue_remote_cancel(struct svc_queue_bundle *b)
{
	struct svc_queue *q = b->parcel->q;
	struct svc_queue_sender *s = b->dest->sender;
	const struct ipc_queue_send_cancel m = { .job = b->job };
	buf_reset(&q->out);
	ipc_queue_send_cancel_put(&q->out, &m);
	/* not told, it goes on, and its result comes all the same */
	(void)(svc_common_link_send(s->link, &q->out, -1) == ERR_OK);
}

/* ---- the channels ---- */

struct losing {
	struct svc_queue_sender *sender;
	struct list back;
};

static void
find_lost(void *value, void *ctx)
{
	struct svc_queue_bundle *b = value;
	struct losing *l = ctx;
	if (b->dest->sender == l->sender) {
		svc_queue_remote_recall(b);
		list_push(&l->back, &b->node);
	}
}

/*
 * A send process is gone with letters in hand. Each may have been past its end of data: it is sent
 * once more, and may so arrive twice; that is counted.
 */
static void
take_back(struct svc_queue_sender *s)
{
	struct losing lost = { .sender = s };
	list_init(&lost.back);
	map_each(s->remote->jobs, find_lost, &lost);
	LIST_EACH(it, &lost.back) {
		struct svc_queue_bundle *b = LIST_ENTRY(it, struct svc_queue_bundle, node);
		s->remote->lost++;
		b->tries++;
		bool hold = b->hold;
		b->hold = false;
		svc_queue_remote_put(b, hold ? SVC_QUEUE_HELD : SVC_QUEUE_WAITING);
		svc_queue_remote_note(b);
	}
	s->full = false;
}

void
svc_queue_remote_send_down(struct svc_common_link *l)
{
	struct svc_queue *q = l->sc->ctx;
	take_back(&q->remote->senders[l->peer]);
}

void
svc_queue_remote_send_up(struct svc_common_link *l)
{
	struct svc_queue *q = l->sc->ctx;
	q->remote->senders[l->peer].full = false;
	sys_task_schedule(q->sc->loop, &q->remote->pump);
}

static enum err
on_result(void *ctx, const struct ipc_queue_send_result *m, int *fd)
{
	return svc_queue_remote_result(ctx, m);
}

enum err
svc_queue_remote_from_send(struct svc_common_link *from, str datagram, int *fd)
{
	static const struct ipc_queue_send_at_queue handlers = { .result = on_result };
	struct svc_queue *q = from->sc->ctx;
	arena_reset(q->scratch);
	return ipc_queue_send_queue_dispatch(&handlers, q->remote, datagram, fd, q->scratch);
}
