/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Questions: taken within limits, given to libunbound when their turn has come, answered by it or
 * by their deadline, or forgotten with their asker.
 */
#include "base/mem.h"
#include "ipc/adm_resolve.h"
#include "ipc/send_resolve.h"
#include "svc/resolve/resolve.h"

#include <unbound.h>

enum { CLASS_IN = 1 };

void
svc_resolve_asker_init(struct svc_resolve *r, struct svc_resolve_asker *a)
{
	a->all = r;
	a->out = a->link.edge != NULL && str_eq(a->link.edge->name, S("send_resolve"));
	list_init(&a->questions);
}

/* A full channel or one that is closing: the asker has its own deadline. */
static void
tell(struct svc_resolve_asker *a, uint64_t request, const struct svc_resolve_reply *reply,
    uint32_t took_ms)
{
	struct svc_resolve *r = a->all;
	buf_reset(&r->out);
	if (a->link.edge == NULL) {
		struct ipc_adm_resolve_answer m = { .request = request,
			.answer = reply->answer,
			.took_ms = took_ms,
			.records = reply->records,
			.records_n = reply->records_n };
		ipc_adm_resolve_answer_put(&r->out, &m);
	} else {
		struct ipc_send_resolve_answer m = { .request = request,
			.answer = reply->answer,
			.records = reply->records,
			.records_n = reply->records_n };
		ipc_send_resolve_answer_put(&r->out, &m);
	}
	enum err e = svc_common_link_send(&a->link, &r->out, -1);
	r->dropped += e == ERR_OK ? 0 : 1;
}

/* An answer of our own. */
static void
refuse(struct svc_resolve_asker *a, uint64_t request, enum err result, const char *why)
{
	struct svc_resolve_reply reply = {
		.answer = { .result = result, .trust = DNS_TRUST_UNKNOWN, .why = str_from(why) }
	};
	a->all->refused++;
	tell(a, request, &reply, 0);
}

/* It is over: nothing refers to it any more. */
static void
forget(struct svc_resolve_question *q)
{
	struct svc_resolve *r = q->asker->all;
	sys_timer_stop(&q->deadline);
	list_remove(&q->node);
	list_remove(&q->turn);
	q->asker->pending--;
	r->pending--;
	r->asked -= q->asked;
	MEM_FREE(q);
}

static uint32_t
took_ms(const struct svc_resolve_question *q)
{
	return (uint32_t)(sys_loop_now_ms(q->asker->all->sc->loop) - q->began_ms);
}

static void
count(struct svc_resolve *r, const struct ipc_common_dns_answer *a)
{
	r->secure += a->trust == DNS_SECURE;
	r->insecure += a->trust == DNS_INSECURE;
	r->bogus += a->trust == DNS_BOGUS;
	r->missing += a->result == ERR_NOTFOUND;
	r->failed += a->result == ERR_AGAIN;
}

static void
count_and_log(struct svc_resolve *r, const struct svc_resolve_question *q,
    const struct ipc_common_dns_answer *a)
{
	str name = str_make(q->name, q->name_n);
	count(r, a);
	if (a->trust == DNS_BOGUS) {
		LOG(RESOLVE_BOGUS, F_STR("name", name), F_U64("type", q->type),
		    F_STR("why", a->why));
	} else if (a->result == ERR_AGAIN) {
		LOG(RESOLVE_FAILED, F_STR("name", name), F_U64("type", q->type),
		    F_U64("rcode", a->rcode), F_U64("took_ms", took_ms(q)));
	}
}

static void next_turns(struct svc_resolve *r);

/* libunbound has a result; it is ours to free. */
static void
on_result(void *ctx, int err, struct ub_result *res)
{
	struct svc_resolve_question *q = ctx;
	struct svc_resolve *r = q->asker->all;
	struct svc_resolve_reply reply;
	arena_reset(r->scratch);
	svc_resolve_judge(r->scratch, q, err, res, &reply);
	count_and_log(r, q, &reply.answer);
	svc_resolve_keep(r, q, &reply, sys_loop_now_ms(r->sc->loop));
	tell(q->asker, q->request, &reply, took_ms(q));
	forget(q);
	ub_resolve_free(res);
	next_turns(r);
}

static void
cancel(struct svc_resolve_question *q)
{
	if (q->asked) {
		(void)ub_cancel(q->path->ub, q->ticket);
	}
}

/* Nobody answered in time; libunbound goes on no further for us. */
static void
on_deadline(void *ctx)
{
	struct svc_resolve_question *q = ctx;
	struct svc_resolve *r = q->asker->all;
	struct svc_resolve_reply reply = { .answer = { .result = ERR_AGAIN,
					       .trust = DNS_TRUST_UNKNOWN,
					       .why = S("time-out: no server answered") } };
	cancel(q);
	r->late++;
	LOG(RESOLVE_LATE, F_STR("name", str_make(q->name, q->name_n)), F_U64("type", q->type),
	    F_U64("took_ms", took_ms(q)));
	tell(q->asker, q->request, &reply, took_ms(q));
	forget(q);
	next_turns(r);
}

/* Is it a name at all? Whatever else it is, libunbound must not wonder about it. */
static bool
is_name(str name)
{
	char room[DNS_WIRE_MAX];
	struct buf wire;
	buf_init_fixed(&wire, room, sizeof room);
	return name.n <= DNS_NAME_MAX && str_chr(name, '\0') < 0 &&
	    dns_name_put(&wire, name) == ERR_OK;
}

/* An administrator wants to hear what libunbound says now. */
static bool
answer_from_kept(struct svc_resolve_asker *a, const struct svc_resolve_wish *w)
{
	struct svc_resolve *r = a->all;
	struct svc_resolve_reply reply;
	int64_t now_ms = sys_loop_now_ms(r->sc->loop);
	if (a->link.edge == NULL || w->second ||
	    !svc_resolve_kept(r, w->name, w->type, now_ms, &reply)) {
		return false;
	}
	r->from_kept++;
	count(r, &reply.answer);
	tell(a, w->request, &reply, 0);
	return true;
}

static struct svc_resolve_question *
question_new(struct svc_resolve_asker *a, const struct svc_resolve_wish *w)
{
	struct svc_resolve *r = a->all;
	struct svc_resolve_question *q = mem_zalloc(1, sizeof *q);
	if (q == NULL) {
		return NULL;
	}
	q->asker = a;
	q->path = w->second ? &r->second : &r->first;
	q->request = w->request;
	q->type = w->type;
	q->began_ms = sys_loop_now_ms(r->sc->loop);
	q->name_n = (uint16_t)w->name.n;
	memcpy(q->name, w->name.p, w->name.n);
	sys_timer_init(&q->deadline, on_deadline, q);
	sys_timer_set(r->sc->loop, &q->deadline, r->timeout_ms);
	list_push(&a->questions, &q->node);
	list_push(&r->lines[a->out], &q->turn);
	a->pending++;
	r->pending++;
	return q;
}

static void
put(struct svc_resolve *r, struct svc_resolve_question *q)
{
	list_remove(&q->turn);
	q->asked = true;
	r->asked++;
	if (ub_resolve_async(q->path->ub, q->name, q->type, CLASS_IN, q, on_result, &q->ticket) !=
	    0) {
		refuse(q->asker, q->request, ERR_AGAIN, "libunbound does not take the question");
		forget(q);
	}
}

/* Out and in take turns: neither a waking queue nor a flood of letters starves the other. */
static void
next_turns(struct svc_resolve *r)
{
	while (r->asked < r->pending_max) {
		r->next_line = (r->next_line + 1) % LEN(r->lines);
		struct list *line = &r->lines[r->next_line];
		if (list_empty(line)) {
			line = &r->lines[(r->next_line + 1) % LEN(r->lines)];
		}
		if (list_empty(line)) {
			break;
		}
		put(r, LIST_ENTRY(line->next, struct svc_resolve_question, turn));
	}
}

void
svc_resolve_ask(struct svc_resolve_asker *a, const struct svc_resolve_wish *w)
{
	struct svc_resolve *r = a->all;
	r->questions++;
	if (w->second && r->second.ub == NULL) {
		refuse(a, w->request, ERR_UNSUPPORTED, "there is no second path");
		return;
	}
	if (w->name.n == 0 || !is_name(w->name)) {
		refuse(a, w->request, ERR_SYNTAX, "not a name");
		return;
	}
	if (answer_from_kept(a, w)) {
		return;
	}
	bool many = r->pending >= SVC_RESOLVE_LINE_MAX ||
	    (a->link.edge == NULL && a->pending >= SVC_RESOLVE_ADMIN_MAX);
	if (many || question_new(a, w) == NULL) {
		refuse(a, w->request, ERR_AGAIN, "too many questions at a time");
		return;
	}
	next_turns(r);
}

void
svc_resolve_drop(struct svc_resolve_asker *a)
{
	LIST_EACH(it, &a->questions) {
		struct svc_resolve_question *q = LIST_ENTRY(it, struct svc_resolve_question, node);
		cancel(q);
		a->all->dropped++;
		forget(q);
	}
	next_turns(a->all);
}
