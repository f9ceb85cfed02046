/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Destinations and bundles: how letters find theirs, where a bundle is, and what its one timer
 * does: the next try, the report that it is late, its end, and a look at why it still waits.
 */
#include "base/codec.h"
#include "base/mem.h"
#include "mail/address.h"
#include "svc/queue/remote/remote.h"
#include "sys/clock.h"
#include "sys/random.h"

static void on_bundle_timer(void *ctx);
static void on_rest_over(void *ctx);

/* ---- destinations ---- */

static struct svc_queue_dest *
dest_get(struct svc_queue_remote *r, str domain)
{
	struct svc_queue_dest *d = map_get_str(r->dests, domain);
	if (d != NULL) {
		return d;
	}
	d = mem_zalloc(1, sizeof *d + domain.n);
	if (d == NULL || map_set_str(r->dests, domain, d) != ERR_OK) {
		mem_drop(d);
		return NULL;
	}
	memcpy(d + 1, domain.p, domain.n);
	d->domain = str_make(d + 1, domain.n);
	d->remote = r;
	d->window = SVC_QUEUE_REMOTE_BEGIN;
	d->sender = &r->senders[siphash(r->key, domain) % MAX(r->senders_n, (size_t)1)];
	struct list *lists[] = { &d->node, &d->waiting, &d->sent, &d->resting, &d->held };
	for (size_t i = 0; i < LEN(lists); i++) {
		list_init(lists[i]);
	}
	sys_timer_init(&d->rest, on_rest_over, d);
	return d;
}

static void
dest_tidy(struct svc_queue_dest *d)
{
	if (d->bundles == 0) {
		sys_timer_stop(&d->rest);
		list_remove(&d->node);
		svc_queue_remote_outcome_drop(d->last);
		(void)map_del_str(d->remote->dests, d->domain);
		mem_drop(d);
	}
}

void
svc_queue_remote_ready(struct svc_queue_dest *d)
{
	bool may = !list_empty(&d->waiting) && !sys_timer_is_set(&d->rest) &&
	    d->sent_n < d->window &&
	    (d->sent_n == 0 || d->sent_octets < SVC_QUEUE_REMOTE_DEST_OCTETS);
	if (may && list_empty(&d->node)) {
		list_push(&d->sender->ready[d->proven], &d->node);
	} else if (!may) {
		list_remove(&d->node);
	}
	if (may) {
		sys_task_schedule(d->remote->q->sc->loop, &d->remote->pump);
	}
}

void
svc_queue_remote_proven(struct svc_queue_dest *d, bool proven)
{
	if (d->proven != proven) {
		d->proven = proven;
		list_remove(&d->node); /* it belongs to the others now */
		svc_queue_remote_ready(d);
	}
}

void
svc_queue_remote_rest(struct svc_queue_dest *d, int64_t ms)
{
	sys_timer_stop(&d->rest);
	if (ms > 0) {
		d->rest_until_ms = sys_clock_wall_ms() + ms;
		sys_timer_set(d->remote->q->sc->loop, &d->rest, ms);
	}
	svc_queue_remote_ready(d);
}

static void
on_rest_over(void *ctx)
{
	svc_queue_remote_ready(ctx);
}

/* ---- bundles ---- */

static struct svc_queue_bundle *
bundle_new(struct svc_queue_dest *d, struct svc_queue_parcel *p, const struct spool_rcpt *r)
{
	struct svc_queue_bundle *b = mem_zalloc(1, sizeof *b + r->sender.n + r->via.n);
	if (b == NULL) {
		return NULL;
	}
	char *text = (char *)(b + 1);
	if (r->via.n > 0) {
		memcpy(text, r->via.p, r->via.n);
	}
	if (r->sender.n > 0) {
		memcpy(text + r->via.n, r->sender.p, r->sender.n);
	}
	b->via = str_make(text, r->via.n);
	b->sender = str_make(text + r->via.n, r->sender.n);
	b->reports = r->reports;
	b->dest = d;
	b->parcel = p;
	list_init(&b->node);
	list_init(&b->letters);
	sys_timer_init(&b->timer, on_bundle_timer, b);
	d->bundles++;
	d->newest = b;
	p->held++;
	return b;
}

/* The one that was begun last takes it: recipients of one alias stand together in an envelope. */
static bool
may_join(const struct svc_queue_bundle *b, const struct svc_queue_letter *l,
    const struct spool_rcpt *r)
{
	return b != NULL && b->parcel == l->parcel && b->where == 0 &&
	    b->letters_n < SVC_QUEUE_REMOTE_RCPTS && str_eq(b->via, r->via) &&
	    str_eq(b->sender, r->sender);
}

enum err
svc_queue_remote_join(struct svc_queue *q, struct svc_queue_letter *l, const struct spool_rcpt *r)
{
	str local, domain;
	mail_address_split(l->address, &local, &domain);
	struct svc_queue_dest *d = dest_get(q->remote, domain);
	if (d == NULL) {
		return ERR_NOMEM;
	}
	struct svc_queue_bundle *b = d->newest;
	if (!may_join(b, l, r)) {
		b = bundle_new(d, l->parcel, r);
	}
	if (b == NULL) {
		dest_tidy(d);
		return ERR_NOMEM;
	}
	b->letters_n++;
	l->bundle = b;
	q->remote->letters++;
	return ERR_OK;
}

void
svc_queue_remote_restore(struct svc_queue_letter *l, const struct spool_state *s)
{
	struct svc_queue_bundle *b = l->bundle;
	if (s->first.at_s != 0) {
		l->first = svc_queue_remote_outcome_new(&s->first);
	}
	if (s->best.at_s != 0) {
		l->best = svc_queue_remote_outcome_new(&s->best);
	}
	b->tries = MAX(b->tries, s->tries);
	b->next_ms = MAX(b->next_ms, s->next_s * 1000);
	b->hold |= s->held;
	b->warned |= s->warned;
}

static struct spool_outcome
to_spool(const struct svc_queue_outcome *o)
{
	if (o == NULL) {
		return (struct spool_outcome){ 0 };
	}
	return (struct spool_outcome){ .at_s = o->at_s,
		.code = o->code,
		.class = reach_class_row(o->class)->code,
		.enhanced = o->enhanced,
		.reply = o->reply,
		.host = o->host };
}

static void
note_letter(const struct svc_queue_bundle *b, const struct svc_queue_letter *l)
{
	const struct spool_state s = { .tries = b->tries,
		.next_s = (b->next_ms + 999) / 1000,
		.held = b->where == SVC_QUEUE_HELD || b->hold,
		.warned = b->warned,
		.first = to_spool(l->first),
		.best = to_spool(l->best) };
	spool_state(b->parcel->q->spool, b->parcel->entry, l->rcpt, &s);
	if (s.held) { /* a power cut, or a disk that fails later, must not let it go */
		spool_sync_done(b->parcel->q->spool);
	}
}

void
svc_queue_remote_add(struct svc_queue_letter *l)
{
	struct svc_queue_bundle *b = l->bundle;
	bool suspect = svc_queue_remote_suspect(b->parcel);
	list_push(&b->letters, &l->node);
	if (b->where == 0) {
		bool later = b->next_ms > sys_clock_wall_ms();
		svc_queue_remote_put(b,
		    b->hold || suspect ? SVC_QUEUE_HELD
			: later        ? SVC_QUEUE_RESTING
				       : SVC_QUEUE_WAITING);
		b->hold = false;
	}
	if (suspect) {
		note_letter(b, l);
		svc_queue_flush_soon(b->parcel->q);
	}
}

void
svc_queue_remote_unlink(struct svc_queue_letter *l)
{
	l->bundle->letters_n--;
	l->parcel->q->remote->letters--;
	l->parcel->q->held -= l->bundle->where == SVC_QUEUE_HELD;
	svc_queue_remote_outcome_drop(l->first);
	svc_queue_remote_outcome_drop(l->best);
}

void
svc_queue_remote_tidy(struct svc_queue_bundle *b)
{
	struct svc_queue_dest *d = b->dest;
	struct svc_queue_parcel *p = b->parcel;
	if (b->letters_n > 0) {
		return;
	}
	ASSERT(b->where != SVC_QUEUE_SENT);
	sys_timer_stop(&b->timer);
	list_remove(&b->node);
	d->newest = d->newest == b ? NULL : d->newest;
	d->bundles--;
	mem_drop(b);
	p->held--;
	svc_queue_parcel_tidy(p);
	svc_queue_remote_ready(d);
	dest_tidy(d);
}

/* ---- where a bundle is, and when it does something ---- */

void
svc_queue_remote_put(struct svc_queue_bundle *b, enum svc_queue_where where)
{
	struct svc_queue_dest *d = b->dest;
	struct svc_queue *q = b->parcel->q;
	struct list *to = where == SVC_QUEUE_WAITING ? &d->waiting
	    : where == SVC_QUEUE_SENT                ? &d->sent
	    : where == SVC_QUEUE_HELD                ? &d->held
						     : &d->resting;
	q->held -= b->where == SVC_QUEUE_HELD ? b->letters_n : 0;
	q->held += where == SVC_QUEUE_HELD ? b->letters_n : 0;
	list_remove(&b->node);
	list_push(to, &b->node);
	b->where = (uint8_t)where;
	svc_queue_remote_rearm(b);
	svc_queue_remote_ready(d);
}

int64_t
svc_queue_remote_expires_s(const struct svc_queue_bundle *b)
{
	return b->parcel->received_s + (int64_t)(b->parcel->q->sc->conf->queue_expiry / 1000);
}

static int64_t
warns_s(const struct svc_queue_bundle *b)
{
	uint64_t warn = b->parcel->q->sc->conf->queue_warn;
	return b->warned || warn == 0 ? INT64_MAX / 1000
				      : b->parcel->received_s + (int64_t)(warn / 1000);
}

/* When a waiting letter looks why it still waits. */
static int64_t
look_ms(const struct svc_queue_bundle *b)
{
	const struct svc_queue_outcome *why = b->dest->last;
	bool known = b->looks == 0 && why != NULL && sys_timer_is_set(&b->dest->rest) &&
	    reach_class_row(why->class)->notify;
	return known ? SVC_QUEUE_REMOTE_SOON_MS : 1000LL * SVC_QUEUE_REMOTE_LOOK_S << b->looks;
}

/*
 * The next try is not before a time of the wall clock. It may have been wrong when that was written
 * down: nothing rests longer than the longest rest there is.
 */
static void
mend_next(struct svc_queue_bundle *b, int64_t now)
{
	int64_t most = (int64_t)b->parcel->q->sc->conf->queue_retry_max;
	b->next_ms = MIN(b->next_ms, now + most + most / 10);
}

void
svc_queue_remote_rearm(struct svc_queue_bundle *b)
{
	struct svc_queue *q = b->parcel->q;
	if (b->where != SVC_QUEUE_WAITING && b->where != SVC_QUEUE_RESTING) {
		sys_timer_stop(&b->timer);
		return;
	}
	int64_t now = sys_clock_wall_ms();
	mend_next(b, now);
	int64_t end = svc_queue_remote_expires_s(b) * 1000;
	int64_t due = MIN(end, warns_s(b) * 1000);
	if (end <= now && b->where == SVC_QUEUE_RESTING) {
		due = b->next_ms; /* its report found no room: not at once again */
	} else if (b->where == SVC_QUEUE_RESTING) {
		due = MIN(due, b->next_ms);
	} else if (b->looks < SVC_QUEUE_REMOTE_LOOKS) {
		due = MIN(due, now + look_ms(b));
	}
	sys_timer_set(q->sc->loop, &b->timer, MAX(due - now, (int64_t)0));
}

/* It waits because its destination rests: if the sender should know why, now is the time. */
static void
look(struct svc_queue_bundle *b)
{
	const struct svc_queue_outcome *why = b->dest->last;
	b->looks++;
	if (sys_timer_is_set(&b->dest->rest) && why != NULL) {
		svc_queue_remote_report_notice(b, why);
	}
}

static void
on_bundle_timer(void *ctx)
{
	struct svc_queue_bundle *b = ctx;
	int64_t now_ms = sys_clock_wall_ms();
	if (now_ms / 1000 >= svc_queue_remote_expires_s(b)) {
		list_remove(&b->node);
		b->dest->remote->expired++;
		svc_queue_remote_expire(b);
		return;
	}
	if (now_ms / 1000 >= warns_s(b)) {
		b->warned = true;
		(void)svc_queue_remote_report_late(b);
		svc_queue_remote_note(b);
	}
	if (b->where == SVC_QUEUE_WAITING) {
		look(b);
	} else if (now_ms >= b->next_ms) {
		svc_queue_remote_put(b, SVC_QUEUE_WAITING);
		return;
	}
	svc_queue_remote_rearm(b);
}

int64_t
svc_queue_remote_interval(const struct svc_queue_remote *r, uint32_t tries)
{
	const struct conf *c = r->q->sc->conf;
	int64_t ms = (int64_t)c->queue_retry_first;
	for (uint32_t i = 1; i < tries && ms < (int64_t)c->queue_retry_max; i++) {
		ms *= 2;
	}
	ms = MIN(ms, (int64_t)c->queue_retry_max);
	/* a fifth is chance, so that what failed together does not come back together */
	return ms - ms / 10 + (int64_t)(sys_random_u64() % (uint64_t)(ms / 5 + 1));
}

void
svc_queue_remote_note(const struct svc_queue_bundle *b)
{
	LIST_EACH(it, &b->letters) {
		note_letter(b, LIST_ENTRY(it, struct svc_queue_letter, node));
	}
	svc_queue_flush_soon(b->parcel->q);
}

/* One for an account here goes where it was. */
static void
local_not_ended(struct svc_queue_letter *l)
{
	struct svc_queue_lane *lane = l->lane;
	if (l->where == SVC_QUEUE_DELIVERED) {
		list_push(&lane->delivered, &l->node);
		svc_queue_settle_dirty(lane, 0);
	} else {
		svc_queue_lane_not_ended(l);
	}
}

void
svc_queue_remote_put_back(struct svc_queue_bundle *b)
{
	bool hold = b->hold || svc_queue_remote_suspect(b->parcel);
	b->hold = false;
	b->next_ms = sys_clock_wall_ms() + svc_queue_remote_interval(b->dest->remote, 1);
	svc_queue_remote_put(b, hold ? SVC_QUEUE_HELD : SVC_QUEUE_RESTING);
}

void
svc_queue_remote_not_ended(struct list *letters)
{
	LIST_EACH(it, letters) {
		struct svc_queue_letter *l = LIST_ENTRY(it, struct svc_queue_letter, node);
		struct svc_queue_bundle *b = l->bundle;
		list_remove(&l->node);
		if (b == NULL) {
			local_not_ended(l);
			continue;
		}
		list_push(&b->letters, &l->node);
		if (b->where == SVC_QUEUE_ENDING) {
			svc_queue_remote_put_back(b);
		}
		note_letter(b, l);
		svc_queue_flush_soon(b->parcel->q);
	}
}

/* The journal moves an entry: its states go with it. */
static void
tell_states(void *ctx, uint64_t entry)
{
	struct svc_queue *q = ctx;
	struct svc_queue_parcel *p = map_get(q->entries, entry);
	const struct svc_queue_bundle *last = NULL;
	if (p == NULL) {
		return;
	}
	LIST_EACH(it, &p->letters) {
		const struct svc_queue_letter *l = LIST_ENTRY(it, struct svc_queue_letter, mates);
		const struct svc_queue_bundle *b = l->bundle;
		if (b == NULL && l->where == SVC_QUEUE_HELD) {
			svc_queue_lane_note(l);
		} else if (b != NULL && b != last && (b->tries > 0 || b->where == SVC_QUEUE_HELD)) {
			svc_queue_remote_note(b);
		}
		last = b;
	}
}

/* One sync for all deliveries of a moment. */
static void
sync_done(void *ctx)
{
	struct svc_queue *q = ctx;
	spool_sync_done(q->spool);
	svc_queue_flush_soon(q);
}

enum err
svc_queue_remote_init(struct svc_queue *q)
{
	struct svc_queue_remote *r = ARENA_NEW(q->sc->arena, struct svc_queue_remote);
	if (r == NULL) {
		return ERR_NOMEM;
	}
	q->remote = r;
	r->q = q;
	sys_random(r->key, sizeof r->key);
	r->dests = map_new(r->key, SIZE_MAX);
	r->jobs = map_new(r->key, SIZE_MAX);
	r->suspects = map_new(r->key, SVC_QUEUE_REMOTE_SUSPECTS);
	r->notices = lru_new(r->key, SVC_QUEUE_REMOTE_NOTICES, sizeof(int64_t), NULL);
	r->scratch = arena_new(q->sc->arena, "remote", 8 << 20, 0);
	r->senders_n = (size_t)q->sc->conf->send_processes;
	if (r->dests == NULL || r->jobs == NULL || r->notices == NULL || r->scratch == NULL ||
	    r->suspects == NULL) {
		return ERR_NOMEM;
	}
	sys_task_init(&r->pump, svc_queue_remote_pump, r);
	sys_timer_init(&r->sync, sync_done, q);
	for (size_t i = 0; i < LEN(r->senders); i++) {
		r->senders[i].remote = r;
		r->senders[i].link = &q->sends[i];
		list_init(&r->senders[i].ready[0]);
		list_init(&r->senders[i].ready[1]);
	}
	return ERR_OK;
}

/* From the moment the journal is open. */
void
svc_queue_remote_start(struct svc_queue *q)
{
	spool_states_from(q->spool, tell_states, q);
}
