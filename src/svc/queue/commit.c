/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Accepting: commits are staged as they come and answered together at the end of the turn, after
 * one write and one sync. Letters exist from the commit on but join their lanes only when durable.
 */
#include "ipc/smtp_queue.h"
#include "base/mem.h"
#include "svc/queue/queue.h"
#include "svc/queue/remote/remote.h"
#include "sys/clock.h"
#include "sys/file.h"
#include "sys/sys.h"

enum { TICK_MS = 1000, MORE_MS = 50, AGAIN_MS = 5000 };

static struct svc_queue_parcel *
parcel_new(struct svc_queue *q, uint64_t entry, const struct spool_envelope *e, uint64_t size)
{
	struct svc_queue_parcel *p = mem_zalloc(1, sizeof *p + e->reverse_path.n);
	if (p == NULL || map_set(q->entries, entry, p) != ERR_OK) {
		mem_drop(p);
		return NULL;
	}
	*p = (struct svc_queue_parcel){ .q = q,
		.entry = entry,
		.size = size,
		.session = e->session,
		.account = e->account,
		.unenforced = e->unenforced,
		.received_s = e->received_s };
	p->reverse_path = (str){ (char *)(p + 1), e->reverse_path.n };
	if (e->reverse_path.n > 0) {
		memcpy(p + 1, e->reverse_path.p, e->reverse_path.n);
	}
	list_init(&p->letters);
	list_push(&q->parcels, &p->node);
	return p;
}

void
svc_queue_parcel_tidy(struct svc_queue_parcel *p)
{
	if (p->held == 0 && list_empty(&p->letters)) {
		(void)map_del(p->q->entries, p->entry);
		svc_queue_kept_drop(p);
		list_remove(&p->node);
		mem_drop(p);
	}
}

/* Find its lane or bundle. */
static enum err
letter_place(struct svc_queue *q, struct svc_queue_letter *l, const struct spool_rcpt *r)
{
	if (r->account == 0) {
		return svc_queue_remote_join(q, l, r);
	}
	l->lane = svc_queue_lane_get(q, r->account);
	if (l->lane == NULL) {
		return ERR_NOMEM;
	}
	l->lane->letters++;
	return ERR_OK;
}

static struct svc_queue_letter *
letter_new(struct svc_queue_parcel *parcel, const struct spool_rcpt *r, uint16_t index)
{
	struct svc_queue *q = parcel->q;
	struct svc_queue_letter *l = mem_zalloc(1, sizeof *l + r->address.n + r->detail.n);
	if (l == NULL) {
		return NULL;
	}
	char *text = (char *)(l + 1);
	if (r->address.n > 0) {
		memcpy(text, r->address.p, r->address.n);
	}
	if (r->detail.n > 0) {
		memcpy(text + r->address.n, r->detail.p, r->detail.n);
	}
	l->address = (str){ text, r->address.n };
	l->detail = (str){ text + r->address.n, r->detail.n };
	l->rcpt = index;
	l->notify = r->notify;
	l->junk = r->junk;
	l->parcel = parcel;
	list_init(&l->node);
	if (letter_place(q, l, r) != ERR_OK) {
		MEM_FREE(l);
		return NULL;
	}
	list_push(&parcel->letters, &l->mates);
	q->letters++;
	return l;
}

static void
free_letters(struct list *letters)
{
	LIST_EACH(it, letters) {
		struct svc_queue_letter *l = LIST_ENTRY(it, struct svc_queue_letter, node);
		struct svc_queue_lane *lane = l->lane;
		struct svc_queue_bundle *bundle = l->bundle;
		svc_queue_letter_free(l);
		if (lane != NULL) {
			svc_queue_lane_tidy(lane);
		} else {
			svc_queue_remote_tidy(bundle);
		}
	}
}

/* A letter for each recipient that is not done; on failure none. */
static enum err
make_letters(struct svc_queue *q, const struct spool_found *f, struct list *ret)
{
	struct svc_queue_parcel *parcel = parcel_new(q, f->entry, f->envelope, f->size);
	if (parcel == NULL) {
		return ERR_NOMEM;
	}
	parcel->held++; /* by this function */
	enum err e = ERR_OK;
	for (size_t i = 0; e == ERR_OK && i < f->envelope->rcpts_n; i++) {
		if (f->done != NULL && f->done[i]) {
			continue;
		}
		struct svc_queue_letter *l = letter_new(parcel, &f->envelope->rcpts[i],
		    (uint16_t)i);
		if (l == NULL) {
			e = ERR_NOMEM;
			continue;
		}
		l->replay = f->done != NULL;
		list_push(ret, &l->node);
		if (l->bundle != NULL && f->states != NULL) {
			svc_queue_remote_restore(l, &f->states[i]);
		} else if (f->states != NULL && f->states[i].held) {
			l->where = SVC_QUEUE_HELD;
			q->held++;
		}
	}
	if (e != ERR_OK) {
		free_letters(ret);
	}
	parcel->held--;
	svc_queue_parcel_tidy(parcel);
	return e;
}

static void
dispatch_letters(struct list *letters)
{
	LIST_EACH(it, letters) {
		struct svc_queue_letter *l = LIST_ENTRY(it, struct svc_queue_letter, node);
		list_remove(&l->node);
		if (l->lane != NULL) {
			svc_queue_lane_add(l->lane, l);
		} else {
			svc_queue_remote_add(l);
		}
	}
}

static enum err
found_at_start(void *ctx, const struct spool_found *f)
{
	struct list letters;
	list_init(&letters);
	TRY(make_letters(ctx, f, &letters));
	dispatch_letters(&letters);
	return ERR_OK;
}

static void
answer(struct svc_queue *q, const struct svc_queue_commit *c, enum err result)
{
	struct ipc_smtp_queue_commit_result m = {
		.txn = c->txn, .result = result, .entry = c->entry
	};
	buf_reset(&q->out);
	ipc_smtp_queue_commit_result_put(&q->out, &m);
	if (c->from != NULL) {
		/* a peer that does not take its answer will find no mail lost, only a client that
		 * tries again */
		(void)(svc_common_link_send(c->from, &q->out, -1) == ERR_OK);
	}
}

/* One sync for everything that came in this turn; then all the answers. */
static void
flush(void *ctx)
{
	struct svc_queue *q = ctx;
	enum err e = spool_flush(q->spool);
	q->flushes++;
	if (e != ERR_OK) {
		LOG(FAILED, F_CSTR("what", "sync of the journal"), F_ERR(e));
		q->refused += q->commits_n;
		if (spool_dirty(q->spool)) { /* what was done is to be noted once more */
			sys_timer_set(q->sc->loop, &q->remote->sync, AGAIN_MS);
		}
	} else {
		q->accepted += q->commits_n;
	}
	for (size_t i = 0; i < q->commits_n; i++) {
		struct svc_queue_commit *c = &q->commits[i];
		answer(q, c, e);
		if (c->watch) {
			svc_queue_remote_watch_answer(q, c->txn, e, c->entry);
		}
		if (c->policy) {
			svc_queue_remote_policy_answer(q, c->txn, e);
		}
		if (e == ERR_OK) {
			free_letters(&c->ending);
			dispatch_letters(&c->letters);
		} else {
			svc_queue_remote_not_ended(&c->ending);
			free_letters(&c->letters);
		}
	}
	q->commits_n = 0;
	svc_queue_admin_flushed(q, e);
	svc_queue_remote_policy_flushed(q, e);
}

void
svc_queue_flush_now(struct svc_queue *q)
{
	flush(q);
}

void
svc_queue_flush_soon(struct svc_queue *q)
{
	sys_task_schedule(q->sc->loop, &q->flush);
}

static enum err
envelope_of(struct svc_queue *q, const struct ipc_smtp_queue_commit *m, struct spool_envelope *ret)
{
	*ret = (struct spool_envelope){ .session = m->session,
		.account = m->account,
		.submission = m->submission,
		.smtputf8 = m->smtputf8,
		.body8bit = m->body8bit,
		.ret = m->ret,
		.received_s = m->received_s,
		.reverse_path = m->reverse_path,
		.envid = m->envid,
		.peer_ip = m->peer_ip,
		.message_id = m->message_id,
		.language = m->language,
		.requiretls = m->requiretls,
		.unenforced = m->unenforced,
		.rcpts_n = m->rcpts_n };
	ret->rcpts = arena_array(q->scratch, m->rcpts_n, sizeof *ret->rcpts);
	if (ret->rcpts == NULL) {
		return ERR_BUDGET;
	}
	for (size_t i = 0; i < m->rcpts_n; i++) {
		const struct ipc_common_rcpt *r = &m->rcpts[i];
		ret->rcpts[i] = (struct spool_rcpt){ .account = r->account,
			.address = r->address,
			.detail = r->detail,
			.original = r->original,
			.orcpt = r->orcpt,
			.notify = r->notify,
			.junk = r->junk,
			.sender = r->sender,
			.via = r->via,
			.reports = r->reports };
	}
	return ERR_OK;
}

/* Stage a message and make its letters. */
static enum err
stage_message(struct svc_queue *q, const struct spool_envelope *envelope,
    const struct spool_body *body, struct svc_queue_commit *c)
{
	if (q->low_space) {
		return ERR_NOSPACE;
	}
	if (q->letters + envelope->rcpts_n > SVC_QUEUE_LETTERS_MAX || q->quitting) {
		return ERR_BUSY;
	}
	TRY(spool_stage(q->spool, envelope, body, &c->entry));
	struct spool_found found = { .entry = c->entry, .envelope = envelope, .size = body->size };
	enum err e = make_letters(q, &found, &c->letters);
	if (e != ERR_OK) {
		spool_done(q->spool, c->entry, UINT16_MAX);
	}
	return e;
}

/* Somebody here will want the octets soon: not the disk's, those at hand. */
static void
keep(const struct svc_queue_commit *c, str prefix, int *fd)
{
	LIST_EACH(it, &c->letters) {
		struct svc_queue_letter *l = LIST_ENTRY(it, struct svc_queue_letter, node);
		if (l->lane != NULL) {
			svc_queue_keep(l->parcel, prefix, fd);
			return;
		}
	}
}

static enum err
stage(struct svc_queue *q, const struct ipc_smtp_queue_commit *m, int *fd,
    struct svc_queue_commit *c)
{
	struct spool_envelope envelope;
	if (m->rcpts_n == 0 || m->size > q->sc->conf->smtp_max_size + (1 << 20)) {
		return ERR_TOOBIG;
	}
	TRY(envelope_of(q, m, &envelope));
	struct spool_body body = { .octets = m->body, .fd = *fd, .size = m->size };
	TRY(stage_message(q, &envelope, &body, c));
	keep(c, m->body, fd);
	return ERR_OK;
}

enum err
svc_queue_commit_own(struct svc_queue *q, const struct spool_envelope *e, str body,
    struct list *ending)
{
	if (q->commits_n == SVC_QUEUE_COMMITS_MAX) {
		return ERR_BUSY;
	}
	struct svc_queue_commit *c = &q->commits[q->commits_n];
	*c = (struct svc_queue_commit){ 0 };
	list_init(&c->letters);
	list_init(&c->ending);
	const struct spool_body octets = { .octets = body, .fd = -1, .size = body.n };
	TRY(stage_message(q, e, &octets, c));
	if (ending != NULL) {
		list_move(ending, &c->ending);
	}
	q->commits_n++;
	svc_queue_flush_soon(q);
	return ERR_OK;
}

static enum err
on_commit(void *ctx, const struct ipc_smtp_queue_commit *m, int *fd)
{
	struct svc_common_link *from = ctx;
	struct svc_queue *q = from->sc->ctx;
	if (q->commits_n == SVC_QUEUE_COMMITS_MAX) {
		flush(q);
	}
	struct svc_queue_commit *c = &q->commits[q->commits_n];
	*c = (struct svc_queue_commit){ .from = from, .txn = m->txn };
	list_init(&c->letters);
	list_init(&c->ending);
	enum err e = stage(q, m, fd, c);
	if (e != ERR_OK) {
		q->refused++;
		answer(q, c, e);
	} else {
		q->commits_n++;
	}
	svc_queue_flush_soon(q);
	return ERR_OK;
}

enum err
svc_queue_from_smtp(struct svc_common_link *from, str datagram, int *fd)
{
	static const struct ipc_smtp_queue_at_queue handlers = { .commit = on_commit };
	struct svc_queue *q = from->sc->ctx;
	arena_reset(q->scratch);
	return ipc_smtp_queue_queue_dispatch(&handlers, from, datagram, fd, q->scratch);
}

/* Its successor never asked. */
void
svc_queue_smtp_down(struct svc_common_link *l)
{
	struct svc_queue *q = l->sc->ctx;
	for (size_t i = 0; i < q->commits_n; i++) {
		if (q->commits[i].from == l) {
			q->commits[i].from = NULL;
		}
	}
}

/* Give back old segments of the journal, a little at a time. Out: how soon to go on. */
static int64_t
compact(struct svc_queue *q)
{
	bool more = false;
	if (q->commits_n > 0) {
		return MORE_MS;
	}
	enum err e = spool_compact(q->spool, &more);
	if (e != ERR_OK) {
		LOG(FAILED, F_CSTR("what", "compaction of the journal"), F_ERR(e));
	}
	return more ? MORE_MS : TICK_MS;
}

static void
tick(void *ctx)
{
	struct svc_queue *q = ctx;
	uint64_t octets = 0;
	bool low = sys_file_free_space(q->journal, &octets) != ERR_OK ||
	    octets < q->sc->conf->queue_reserve;
	if (low != q->low_space) {
		LOG(QUEUE_SPACE, F_CSTR("state", low ? "low" : "enough"), F_U64("free", octets));
		q->low_space = low;
	}
	sys_timer_set(q->sc->loop, &q->space_timer, compact(q));
}

enum err
svc_queue_commit_init(struct svc_queue *q)
{
	sys_task_init(&q->flush, flush, q);
	sys_timer_init(&q->space_timer, tick, q);
	q->commits = arena_array(q->sc->arena, SVC_QUEUE_COMMITS_MAX, sizeof *q->commits);
	if (q->commits == NULL) {
		return ERR_NOMEM;
	}
	TRY(spool_open(q->journal, sys_clock_wall_s(), found_at_start, q, &q->spool));
	struct spool_report r;
	spool_report(q->spool, &r);
	LOG(QUEUE_OPEN, F_U64("entries", spool_live(q->spool)), F_U64("segments", r.segments),
	    F_U64("bad_records", r.bad_records), F_U64("torn_octets", r.torn_octets));
	tick(q);
	return ERR_OK;
}
