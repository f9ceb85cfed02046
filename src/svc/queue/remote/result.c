/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What became of a bundle: delivered letters are done, failed ones end with a report, the others
 * rest. The row of the class in reach/class.def decides how long, whether a "no" to everybody is
 * believed, and whether senders hear of it at once.
 */
#include "base/mem.h"
#include "svc/queue/remote/remote.h"
#include "sys/clock.h"

enum { DELIVERED = 1, RETRY, FAILED };

/* ---- outcomes ---- */

void
svc_queue_remote_outcome_drop(struct svc_queue_outcome *o)
{
	if (o != NULL && --o->refs == 0) {
		mem_drop(o);
	}
}

static str
append(char **at, str s)
{
	char *to = *at;
	if (s.n > 0) {
		memcpy(to, s.p, s.n);
	}
	*at += s.n;
	return str_make(to, s.n);
}

struct svc_queue_outcome *
svc_queue_remote_outcome_new(const struct spool_outcome *from)
{
	str reply = str_sub(from->reply, 0, SPOOL_REPLY_MAX);
	struct svc_queue_outcome *o = mem_zalloc(1,
	    sizeof *o + from->enhanced.n + reply.n + from->host.n);
	if (o == NULL) {
		return NULL; /* the letter is less well explained */
	}
	char *at = (char *)(o + 1);
	o->refs = 1;
	o->code = from->code;
	o->at_s = from->at_s;
	if (!reach_class_find(from->class, &o->class)) {
		o->class = REACH_NONE;
	}
	o->enhanced = append(&at, from->enhanced);
	o->reply = append(&at, reply);
	o->host = append(&at, from->host);
	return o;
}

/* How much an outcome tells a human: a refusal with words that concerns everybody, the most. */
static unsigned
worth(const struct svc_queue_outcome *o)
{
	if (o == NULL) {
		return 0;
	}
	const struct reach_class_row *row = reach_class_row(o->class);
	return 1 + (o->code != 0 ? 2 : 0) + (o->code >= 500 ? 1 : 0) + (row->notify ? 2 : 0) +
	    (row->agent != REACH_AGENT_US ? 1 : 0);
}

void
svc_queue_remote_outcome_keep(struct svc_queue_letter *l, struct svc_queue_outcome *o)
{
	if (o == NULL) {
		return;
	}
	if (l->first == NULL) {
		l->first = o;
		o->refs++;
	}
	if (worth(o) >= worth(l->best)) {
		o->refs++;
		svc_queue_remote_outcome_drop(l->best);
		l->best = o;
	}
}

/* ---- one result ---- */

/* What is decided about a bundle while its result is read. */
struct verdicts {
	const struct ipc_queue_send_result *m;
	const struct reach_class_row *row;
	int64_t now_s;
	struct svc_queue_outcome *outcome; /* of the recipient before, often the same */
	struct list delivered, relayed, failed;
	bool expired;
};

static struct svc_queue_outcome *
outcome_of(struct verdicts *v, const struct ipc_queue_send_outcome *o)
{
	struct svc_queue_outcome *last = v->outcome;
	if (last != NULL && last->code == o->code && str_eq(last->enhanced, o->enhanced) &&
	    str_eq(last->reply, str_sub(o->reply, 0, SPOOL_REPLY_MAX))) {
		return last;
	}
	svc_queue_remote_outcome_drop(last);
	v->outcome = svc_queue_remote_outcome_new(&(struct spool_outcome){ .at_s = v->now_s,
	    .code = o->code,
	    .class = v->m->class,
	    .enhanced = o->enhanced,
	    .reply = o->reply,
	    .host = v->m->mx });
	return v->outcome;
}

/*
 * A destination that turns everybody away says nothing about the letter: it is tried again, though
 * the reply was final. A class without hope and without a temporary reply is final, though it was
 * not said.
 */
static uint8_t
decide(const struct verdicts *v, const struct ipc_queue_send_outcome *o)
{
	bool hopeless = v->row->code.n > 0 && v->row->permanence == REACH_HOPELESS;
	uint8_t verdict = o->verdict;
	if (verdict == FAILED && v->m->whole_domain && v->row->code.n > 0 && !hopeless) {
		verdict = RETRY;
	} else if (verdict == RETRY && hopeless && (o->code == 0 || o->code >= 500)) {
		verdict = FAILED;
	}
	return verdict == RETRY && v->expired ? FAILED : verdict;
}

static void
log_letter(const struct svc_queue_letter *l, const struct verdicts *v,
    const struct ipc_queue_send_outcome *o, uint8_t verdict)
{
	char id[SPOOL_ID_TEXT];
	const struct svc_queue_parcel *p = l->parcel;
	spool_id_text(p->entry, id);
	if (verdict == DELIVERED && l->bundle->via.n > 0) {
		LOG(QUEUE_FORWARDED, F_CSTR("queue", id), F_ID("session", p->session),
		    F_STR("from", p->reverse_path), F_STR("via", l->bundle->via),
		    F_STR("to", l->address), F_STR("mx", v->m->mx), F_U64("octets", p->size),
		    F_U64("tries", l->bundle->tries));
	} else if (verdict == DELIVERED) {
		LOG(QUEUE_RELAYED, F_CSTR("queue", id), F_ID("session", p->session),
		    F_STR("from", p->reverse_path), F_STR("to", l->address), F_STR("mx", v->m->mx),
		    F_U64("octets", p->size), F_U64("tries", l->bundle->tries));
	} else {
		LOG(QUEUE_REMOTE, F_CSTR("queue", id), F_ID("session", p->session),
		    F_STR("to", l->address),
		    F_CSTR("verdict", verdict == FAILED ? "failed" : "later"),
		    F_STR("class", v->m->class), F_STR("mx", v->m->mx), F_U64("code", o->code),
		    F_STR("enhanced", o->enhanced), F_U64("tries", l->bundle->tries));
	}
}

static void
one_letter(struct verdicts *v, struct svc_queue_letter *l, const struct ipc_queue_send_outcome *o)
{
	struct svc_queue_remote *r = l->parcel->q->remote;
	uint8_t verdict = decide(v, o);
	if (o->verdict != DELIVERED) {
		svc_queue_remote_outcome_keep(l, outcome_of(v, o));
	}
	log_letter(l, v, o, verdict);
	if (verdict == DELIVERED) {
		bool report = (l->notify & 2) != 0 && !v->m->relayed_dsn;
		list_remove(&l->node);
		list_push(report ? &v->relayed : &v->delivered, &l->node);
		r->delivered++;
	} else if (verdict == FAILED) {
		list_remove(&l->node);
		list_push(&v->failed, &l->node);
		r->failed++;
	} else {
		r->deferred++;
	}
}

/* Letters and outcomes come in the same order; one that is missing is tried again. */
static void
all_letters(struct verdicts *v, struct svc_queue_bundle *b)
{
	static const struct ipc_queue_send_outcome none = { .verdict = RETRY };
	LIST_EACH(it, &b->letters) {
		struct svc_queue_letter *l = LIST_ENTRY(it, struct svc_queue_letter, node);
		const struct ipc_queue_send_outcome *o = &none;
		for (size_t i = 0; i < v->m->outcomes_n; i++) {
			o = v->m->outcomes[i].rcpt == l->rcpt ? &v->m->outcomes[i] : o;
		}
		one_letter(v, l, o);
	}
}

static void
end_letters(struct svc_queue_bundle *b, struct list *letters, enum mail_dsn_action action)
{
	struct svc_queue_parcel *p = b->parcel;
	if (list_empty(letters)) {
		return;
	}
	enum err e = svc_queue_remote_report_end(p, letters, action);
	if (e != ERR_OK) { /* no room for the report now: the letter is tried once more */
		LOG(FAILED, F_CSTR("what", "report to a sender"), F_ERR(e));
		list_move(letters, &b->letters);
	}
}

/* ---- what follows for the destination ---- */

static void
dest_took(struct svc_queue_dest *d)
{
	d->failures = 0;
	d->since_s = 0;
	d->window = MIN(d->window + 1, (size_t)SVC_QUEUE_REMOTE_WINDOW);
	if (sys_timer_is_set(&d->rest)) {
		svc_queue_remote_rest(d, 0);
	}
	svc_queue_remote_proven(d, true);
}

/* Time alone does not mend what a class of permanence WAIT or FIX stands for. */
static int64_t
rest_ms(const struct svc_queue_remote *r, const struct verdicts *v, uint32_t tries)
{
	const struct conf *c = r->q->sc->conf;
	int64_t least = (int64_t)MIN(SVC_QUEUE_REMOTE_PATIENCE * c->queue_retry_first,
	    c->queue_retry_max);
	bool patient = v->row->code.n > 0 && v->row->permanence != REACH_RETRY;
	return MAX(svc_queue_remote_interval(r, tries), patient ? least : 0);
}

/* Only the first failure of those in hand at the same time makes the rest longer. */
static void
dest_failed(struct svc_queue_dest *d, const struct verdicts *v)
{
	bool rests = sys_timer_is_set(&d->rest);
	svc_queue_remote_proven(d, false);
	d->window = 1;
	d->since_s = d->since_s == 0 ? v->now_s : d->since_s;
	if (v->outcome != NULL && worth(v->outcome) >= worth(d->last)) {
		svc_queue_remote_outcome_drop(d->last);
		d->last = v->outcome;
		d->last->refs++;
	}
	if (!rests) {
		d->failures++;
		svc_queue_remote_rest(d, rest_ms(d->remote, v, d->failures));
		LOG(QUEUE_DEST_RESTS, F_STR("domain", d->domain), F_STR("class", v->m->class),
		    F_U64("failures", d->failures),
		    F_U64("wait_ms", (uint64_t)(d->rest_until_ms - sys_clock_wall_ms())));
	}
}

/* What is left of the bundle: asked to be held, waiting with its destination, or resting alone. */
static void
go_on(struct svc_queue_bundle *b, const struct verdicts *v)
{
	struct svc_queue_dest *d = b->dest;
	if (list_empty(&b->letters)) {
		svc_queue_remote_put(b, SVC_QUEUE_ENDING);
		svc_queue_remote_tidy(b);
		return;
	}
	b->tries++;
	if (b->hold) {
		b->hold = false;
		svc_queue_remote_put(b, SVC_QUEUE_HELD);
	} else if (v->m->whole_domain) {
		b->next_ms = d->rest_until_ms;
		svc_queue_remote_put(b, SVC_QUEUE_WAITING);
	} else {
		b->next_ms = sys_clock_wall_ms() + rest_ms(d->remote, v, b->tries);
		svc_queue_remote_put(b, SVC_QUEUE_RESTING);
	}
	svc_queue_remote_note(b);
	if (v->row->notify && v->outcome != NULL) {
		svc_queue_remote_report_notice(b, v->outcome);
	}
}

static void
free_done(struct svc_queue_bundle *b, struct list *letters)
{
	struct svc_queue *q = b->parcel->q;
	LIST_EACH(it, letters) {
		struct svc_queue_letter *l = LIST_ENTRY(it, struct svc_queue_letter, node);
		spool_done(q->spool, b->parcel->entry, l->rcpt);
		svc_queue_letter_free(l); /* the bundle is kept by whoever calls */
		q->done++;
		svc_queue_flush_soon(q);
		if (!sys_timer_is_set(&q->remote->sync)) {
			sys_timer_set(q->sc->loop, &q->remote->sync, SVC_QUEUE_REMOTE_SYNC_MS);
		}
	}
}

static void
settle(struct svc_queue_bundle *b, struct verdicts *v)
{
	struct svc_queue_parcel *p = b->parcel;
	p->held++;
	all_letters(v, b);
	bool took = !list_empty(&v->delivered) || !list_empty(&v->relayed);
	free_done(b, &v->delivered);
	end_letters(b, &v->relayed, MAIL_DSN_RELAYED);
	end_letters(b, &v->failed, MAIL_DSN_FAILED);
	if (v->m->whole_domain) {
		dest_failed(b->dest, v);
	} else if (took) {
		dest_took(b->dest);
	} else if (v->m->outcomes_n > 0 && v->m->outcomes[0].code != 0) {
		svc_queue_remote_proven(b->dest, true); /* it answers, if only no */
	}
	if (b->fail && !list_empty(&b->letters)) {
		list_move(&b->letters, &v->failed);
		end_letters(b, &v->failed, MAIL_DSN_FAILED);
	}
	go_on(b, v);
	p->held--;
	svc_queue_parcel_tidy(p);
	svc_queue_remote_outcome_drop(v->outcome);
}

enum err
svc_queue_remote_result(struct svc_queue_remote *r, const struct ipc_queue_send_result *m)
{
	struct svc_queue_bundle *b = map_get(r->jobs, m->job);
	enum reach_class class = REACH_NONE;
	if (b == NULL || b->parcel->entry != m->entry) {
		return ERR_OK; /* of a queue before this one */
	}
	svc_queue_remote_recall(b);
	(void)reach_class_find(m->class, &class);
	struct verdicts v = { .m = m, .row = reach_class_row(class), .now_s = sys_clock_wall_s() };
	v.expired = v.now_s >= svc_queue_remote_expires_s(b);
	list_init(&v.delivered);
	list_init(&v.relayed);
	list_init(&v.failed);
	r->uncertain += m->uncertain;
	settle(b, &v);
	sys_task_schedule(r->q->sc->loop, &r->pump);
	return ERR_OK;
}

void
svc_queue_remote_expire(struct svc_queue_bundle *b)
{
	struct list letters;
	list_init(&letters);
	LIST_EACH(it, &b->letters) {
		struct svc_queue_letter *l = LIST_ENTRY(it, struct svc_queue_letter, node);
		svc_queue_remote_outcome_keep(l, l->best == NULL ? b->dest->last : NULL);
	}
	list_move(&b->letters, &letters);
	end_letters(b, &letters, MAIL_DSN_FAILED);
	if (list_empty(&b->letters)) {
		svc_queue_remote_put(b, SVC_QUEUE_ENDING);
		svc_queue_remote_tidy(b);
	} else {
		svc_queue_remote_put_back(b);
		svc_queue_remote_note(b);
	}
}
