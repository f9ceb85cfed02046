/* SPDX-License-Identifier: Apache-2.0 */
/*
 * postern queue: pages of letters, moving them, and sync on demand. What an administrator asks for
 * is done in portions: a million letters never stop the loop.
 */
#include "ipc/adm_queue.h"
#include "mail/address.h"
#include "svc/queue/queue.h"
#include "svc/queue/remote/remote.h"

enum {
	PAGE = 50,
	PAGE_OCTETS = 96 * 1024,
	PORTION = 5000, /* letters looked at for one page */
	MOVES = 500,    /* of one message: each may end with a report */
};

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

/* ---- which letters: a walk that goes on where it ended ---- */

struct walk {
	struct svc_queue *q;
	str to, from;
	uint64_t only;
	struct svc_queue_parcel *parcel; /* NULL: at the end */
	struct svc_queue_letter *at;     /* the next of its letters; NULL: none */
	uint64_t last_entry;             /* looked at */
	uint16_t last_rcpt;
	size_t looked;
	bool more;
};

static struct svc_queue_parcel *
parcel_at(struct svc_queue *q, const struct list *node)
{
	return node == &q->parcels ? NULL : LIST_ENTRY(node, struct svc_queue_parcel, node);
}

static struct svc_queue_letter *
letter_at(struct svc_queue_parcel *p, const struct list *node)
{
	return node == &p->letters ? NULL : LIST_ENTRY(node, struct svc_queue_letter, mates);
}

static void
enter(struct walk *w, struct svc_queue_parcel *p)
{
	w->parcel = p;
	w->at = p == NULL ? NULL : letter_at(p, p->letters.next);
}

/* The first parcel behind one that has gone meanwhile. */
static struct svc_queue_parcel *
search(struct svc_queue *q, uint64_t entry)
{
	LIST_EACH(it, &q->parcels) {
		struct svc_queue_parcel *p = LIST_ENTRY(it, struct svc_queue_parcel, node);
		if (p->entry > entry) {
			return p;
		}
	}
	return NULL;
}

/* Begin behind (entry, rcpt); 0 0: at the start. */
static struct walk
walk_from(struct svc_queue *q, const struct ipc_adm_queue_which *which, uint64_t entry,
    uint16_t rcpt)
{
	struct walk w = { .q = q,
		.to = which->to,
		.from = which->from,
		.only = which->only,
		.last_entry = entry,
		.last_rcpt = rcpt };
	uint64_t start = entry == 0 ? which->only : entry;
	struct svc_queue_parcel *p = map_get(q->entries, start);
	if (start == 0) {
		enter(&w, parcel_at(q, q->parcels.next));
	} else if (p != NULL) {
		enter(&w, p);
		while (entry != 0 && w.at != NULL && w.at->rcpt <= rcpt) {
			w.at = letter_at(p, w.at->mates.next);
		}
	} else if (which->only == 0) {
		enter(&w, search(q, start));
	}
	return w;
}

static bool
matches(const struct walk *w, const struct svc_queue_letter *l)
{
	str local, domain;
	mail_address_split(l->address, &local, &domain);
	bool whole = str_chr(w->to, '@') >= 0;
	return (w->to.n == 0 || str_ieq(w->to, whole ? l->address : domain)) &&
	    (w->from.n == 0 || str_ieq(w->from, l->parcel->reverse_path));
}

/* The next letter that is meant, or NULL: at the end, or (more) for this time. */
static struct svc_queue_letter *
walk_next(struct walk *w)
{
	while (w->parcel != NULL) {
		struct svc_queue_letter *l = w->at;
		if (l == NULL) {
			enter(w, w->only != 0 ? NULL : parcel_at(w->q, w->parcel->node.next));
			continue;
		}
		if (++w->looked > PORTION) {
			w->more = true;
			return NULL;
		}
		w->at = letter_at(w->parcel, l->mates.next);
		w->last_entry = w->parcel->entry;
		w->last_rcpt = l->rcpt;
		if (matches(w, l)) {
			return l;
		}
	}
	return NULL;
}

/* Where to go on: behind the last letter looked at, which is found at once while it is there. */
static void
walk_mark(const struct walk *w, uint64_t *entry, uint16_t *rcpt)
{
	*entry = w->last_entry;
	*rcpt = w->last_rcpt;
}

/* ---- looking ---- */

static struct ipc_adm_queue_item
item_of(const struct svc_queue_letter *l)
{
	const struct svc_queue_bundle *b = l->bundle;
	const struct svc_queue_outcome *o = l->best;
	struct ipc_adm_queue_item i = { .entry = l->parcel->entry,
		.rcpt = l->rcpt,
		.account = l->lane == NULL ? 0 : l->lane->account,
		.received_s = l->parcel->received_s,
		.size = l->parcel->size,
		.state = l->where == 0 ? SVC_QUEUE_WAITING : l->where,
		.tries = l->tries,
		.last = l->last,
		.sender = l->parcel->reverse_path,
		.recipient = l->address };
	if (b != NULL) {
		bool rests = b->where == SVC_QUEUE_WAITING && sys_timer_is_set(&b->dest->rest);
		o = o == NULL && b->dest->last != NULL ? b->dest->last : o;
		i.state = b->where == 0 ? SVC_QUEUE_WAITING : b->where;
		i.tries = b->tries;
		i.until_s = svc_queue_remote_expires_s(b);
		i.next_s = b->where == SVC_QUEUE_RESTING ? b->next_ms / 1000
		    : rests                              ? b->dest->rest_until_ms / 1000
							 : 0;
	}
	if (o != NULL) {
		i.attempt_s = o->at_s;
		i.class = reach_class_row(o->class)->code;
		i.code = o->code;
		i.enhanced = o->enhanced;
		i.host = o->host;
		i.reply = o->reply;
	}
	return i;
}

static size_t
item_octets(const struct ipc_adm_queue_item *i)
{
	return 128 + i->class.n + i->enhanced.n + i->host.n + i->reply.n + i->sender.n +
	    i->recipient.n;
}

static enum err
on_list(void *ctx, const struct ipc_adm_queue_list *m, int *fd)
{
	static struct ipc_adm_queue_item items[PAGE];
	struct asking *a = ctx;
	struct ipc_adm_queue_page page = { .request = m->request, .items = items };
	struct walk w = walk_from(a->q, &m->which, m->entry, m->rcpt);
	size_t octets = 0;
	struct svc_queue_letter *l;
	while (page.items_n < PAGE && octets < PAGE_OCTETS && (l = walk_next(&w)) != NULL) {
		items[page.items_n] = item_of(l);
		octets += item_octets(&items[page.items_n++]);
	}
	page.more = w.more || (w.parcel != NULL && (w.at != NULL || w.only == 0));
	walk_mark(&w, &page.entry, &page.rcpt);
	buf_reset(&a->q->out);
	ipc_adm_queue_page_put(&a->q->out, &page);
	return reply(a);
}

/* ---- moving ---- */

/* One for an account here. ERR_BUSY: in hand, or delivered already. */
static enum err
move_local(struct svc_queue_letter *l, enum svc_queue_move what)
{
	struct svc_queue_lane *lane = l->lane;
	struct list one;
	if (l->where != SVC_QUEUE_WAITING && l->where != SVC_QUEUE_HELD) {
		return ERR_BUSY;
	}
	if (what == SVC_QUEUE_RETRY || what == SVC_QUEUE_RELEASE) {
		svc_queue_lane_release(l);
		svc_queue_lane_retry(lane);
		return ERR_OK;
	}
	if (what == SVC_QUEUE_HOLD) {
		svc_queue_lane_hold(l);
		return ERR_OK;
	}
	svc_queue_lane_end(l);
	list_init(&one);
	list_push(&one, &l->node);
	enum err e = svc_queue_remote_report_end(l->parcel, &one, MAIL_DSN_FAILED);
	if (e == ERR_OK) {
		svc_queue_lane_tidy(lane);
	} else {
		list_remove(&l->node);
		svc_queue_lane_not_ended(l);
	}
	return e;
}

/* To try everything now does not mean what an account sent that is held: that wants a release. */
static bool
is_left_alone(const struct svc_queue_letter *l, enum svc_queue_move what)
{
	uint8_t where = l->bundle == NULL ? l->where : l->bundle->where;
	return what == SVC_QUEUE_RETRY && where == SVC_QUEUE_HELD &&
	    svc_queue_remote_suspect(l->parcel);
}

static void
move_one(struct svc_queue_letter *l, enum svc_queue_move what, struct ipc_adm_queue_moved *ret)
{
	struct svc_queue_bundle *b = l->bundle;
	if (is_left_alone(l, what)) {
		return;
	}
	enum err e = b == NULL ? move_local(l, what) : svc_queue_remote_move(b, what);
	ret->count += e == ERR_OK;
	ret->later += e == ERR_BUSY;
	ret->result = e == ERR_OK || e == ERR_BUSY ? ret->result : e;
}

/*
 * A bundle moves as a whole, and may take the walk's next letters away: go on behind it. Only those
 * of the same message can be in it.
 */
static void
skip_mates(struct walk *w, const struct svc_queue_bundle *b)
{
	while (b != NULL && w->at != NULL && w->at->bundle == b) {
		w->last_rcpt = w->at->rcpt;
		w->at = letter_at(w->parcel, w->at->mates.next);
	}
}

/* A place to keep what is to be told; when all are taken the journal is written at once. */
static struct svc_queue_mover *
free_mover(struct svc_queue *q)
{
	for (size_t i = 0; i < LEN(q->movers); i++) {
		if (q->movers[i].admin == NULL) {
			return &q->movers[i];
		}
	}
	svc_queue_flush_now(q);
	return &q->movers[0];
}

void
svc_queue_admin_flushed(struct svc_queue *q, enum err result)
{
	for (size_t i = 0; i < LEN(q->movers); i++) {
		struct svc_queue_mover v = q->movers[i];
		struct asking a = { q, v.admin };
		const struct ipc_adm_queue_moved m = { .request = v.request,
			.result = v.result != ERR_OK ? v.result : result,
			.count = v.count,
			.later = v.later,
			.more = v.more,
			.entry = v.entry,
			.rcpt = v.rcpt };
		q->movers[i].admin = NULL;
		if (v.admin != NULL) {
			buf_reset(&q->out);
			ipc_adm_queue_moved_put(&q->out, &m);
			(void)(reply(&a) == ERR_OK);
		}
	}
}

/* It is told when the journal has it: a crash then takes nothing back that was said. */
static enum err
on_move(void *ctx, const struct ipc_adm_queue_move *m, int *fd)
{
	struct asking *a = ctx;
	struct svc_queue_mover *mover = free_mover(a->q);
	struct ipc_adm_queue_moved done = { .request = m->request, .result = ERR_OK };
	struct walk w = walk_from(a->q, &m->which, m->entry, m->rcpt);
	size_t n = 0;
	struct svc_queue_letter *l = NULL;
	bool known = m->what >= SVC_QUEUE_RETRY && m->what <= SVC_QUEUE_FAIL;
	while (known && n++ < MOVES && (l = walk_next(&w)) != NULL) {
		struct svc_queue_parcel *p = w.parcel;
		p->held++;
		skip_mates(&w, l->bundle);
		move_one(l, (enum svc_queue_move)m->what, &done);
		if (w.at == NULL) {
			enter(&w, w.only != 0 ? NULL : parcel_at(a->q, p->node.next));
		}
		p->held--;
		svc_queue_parcel_tidy(p);
	}
	done.result = known ? done.result : ERR_SYNTAX;
	done.more = known && w.parcel != NULL;
	walk_mark(&w, &done.entry, &done.rcpt);
	*mover = (struct svc_queue_mover){ .admin = a->from,
		.request = m->request,
		.result = done.result,
		.count = done.count,
		.later = done.later,
		.more = done.more,
		.entry = done.entry,
		.rcpt = done.rcpt };
	spool_sync_done(a->q->spool);
	svc_queue_flush_soon(a->q);
	return ERR_OK;
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
		.held = q->held,
		.remote = q->remote->letters };
	buf_reset(&a->q->out);
	ipc_adm_queue_counts_put(&a->q->out, &counts);
	return reply(a);
}

enum err
svc_queue_on_admin(struct svc_common *sc, struct sys_chan *from, str datagram, int *fd)
{
	static const struct ipc_adm_queue_at_queue handlers = {
		.list = on_list, .move = on_move, .sync = on_sync, .count = on_count
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
		if (q->movers[i].admin == from) {
			q->movers[i].admin = NULL;
		}
	}
}
