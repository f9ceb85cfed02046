/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Questions that stages have for DNS, with one deadline for all of a letter, and half of it for
 * those that others wait for. Each has a number of its own, so that an answer which comes after its
 * letter finds nobody. They live in the letter's arena; a letter asks a bounded number.
 */
#include "conf/conf.h"
#include "ipc/scan_resolve.h"
#include "svc/scan/letter.h"

struct question {
	struct list node; /* of its letter */
	struct svc_scan_letter *letter;
	uint64_t id;
	void (*fn)(void *ctx, const struct svc_scan_dns_answer *a);
	void *ctx;
	bool early;             /* half of the time is for it */
	struct sys_task failed; /* an answer of our own, in a while */
};

static void
end(struct question *q, const struct svc_scan_dns_answer *a)
{
	struct svc_scan *s = q->letter->scan;
	(void)map_del(s->questions, q->id);
	sys_task_stop(&q->failed);
	list_remove(&q->node);
	s->count.unanswered += a->result == ERR_AGAIN;
	q->fn(q->ctx, a);
}

static void
on_failed(void *ctx)
{
	static const struct svc_scan_dns_answer none = { .result = ERR_AGAIN };
	end(ctx, &none);
}

static enum err
send(struct svc_scan *s, uint64_t id, str name, uint16_t type)
{
	const struct ipc_scan_resolve_query m = { .request = id, .name = name, .type = type };
	buf_reset(&s->out);
	ipc_scan_resolve_query_put(&s->out, &m);
	return svc_common_link_send(&s->resolve, &s->out, -1);
}

/* Half of the time; at most half of the letter's: words and fame are asked for afterwards. */
static int64_t
half_ms(const struct svc_scan_letter *l)
{
	const struct conf *c = l->scan->sc->conf;
	return (int64_t)MIN(c->scan_dns, c->scan_deadline / 2) / 2;
}

/*
 * Whoever does not answer now makes no letter wait longer: what is open has no answer, in the
 * middle of the time what others wait for.
 */
static void
on_deadline(void *ctx)
{
	struct svc_scan_letter *l = ctx;
	struct sys_loop *loop = l->scan->sc->loop;
	l->dns_over = l->dns_half;
	l->dns_half = true;
	LIST_EACH(it, &l->questions) {
		struct question *q = LIST_ENTRY(it, struct question, node);
		if (l->dns_over || q->early) {
			sys_task_schedule(loop, &q->failed);
		}
	}
	if (!l->dns_over) {
		sys_timer_set(loop, &l->dns_deadline, half_ms(l));
	}
}

static void
start_deadline(struct svc_scan_letter *l)
{
	if (l->questions_n == 0) {
		sys_timer_init(&l->dns_deadline, on_deadline, l);
		sys_timer_set(l->scan->sc->loop, &l->dns_deadline, half_ms(l));
	}
	l->questions_n++;
}

/* NULL: it cannot be asked. */
static struct question *
ask(struct svc_scan_letter *l, str name, uint16_t type,
    void (*fn)(void *ctx, const struct svc_scan_dns_answer *a), void *ctx)
{
	struct svc_scan *s = l->scan;
	bool many = l->questions_n >= SVC_SCAN_QUESTIONS_MAX;
	struct question *q = many ? NULL : ARENA_NEW(l->arena, struct question);
	if (q == NULL) {
		return NULL;
	}
	*q = (struct question){ .letter = l, .id = ++s->next_id, .fn = fn, .ctx = ctx };
	if (map_set(s->questions, q->id, q) != ERR_OK) {
		return NULL;
	}
	sys_task_init(&q->failed, on_failed, q);
	list_push(&l->questions, &q->node);
	start_deadline(l);
	s->count.questions++;
	if (l->dns_over || name.n > 255 || send(s, q->id, name, type) != ERR_OK) {
		sys_task_schedule(s->sc->loop, &q->failed);
	}
	return q;
}

bool
svc_scan_dns(struct svc_scan_letter *l, str name, uint16_t type,
    void (*fn)(void *ctx, const struct svc_scan_dns_answer *a), void *ctx)
{
	return ask(l, name, type, fn, ctx) != NULL;
}

bool
svc_scan_dns_early(struct svc_scan_letter *l, str name, uint16_t type,
    void (*fn)(void *ctx, const struct svc_scan_dns_answer *a), void *ctx)
{
	struct question *q = ask(l, name, type, fn, ctx);
	if (q != NULL) {
		q->early = true;
	}
	return q != NULL;
}

static enum err
on_answer(void *ctx, const struct ipc_scan_resolve_answer *m, int *fd)
{
	struct svc_scan *s = ctx;
	struct question *q = map_get(s->questions, m->request);
	str rdata[100];
	if (q == NULL) {
		return ERR_OK; /* its letter is over */
	}
	struct svc_scan_dns_answer a = {
		.result = m->answer.result, .trust = m->answer.trust, .rdata = rdata
	};
	for (size_t i = 0; i < m->records_n && i < LEN(rdata); i++) {
		rdata[a.n++] = m->records[i].rdata;
	}
	end(q, &a);
	return ERR_OK;
}

enum err
svc_scan_from_resolve(struct svc_common_link *from, str datagram, int *fd)
{
	static const struct ipc_scan_resolve_at_scan handlers = { .answer = on_answer };
	struct svc_scan *s = svc_scan_of(from);
	enum err e = ipc_scan_resolve_scan_dispatch(&handlers, s, datagram, fd, s->scratch);
	arena_reset(s->scratch);
	return e;
}

void
svc_scan_questions_drop(struct svc_scan_letter *l)
{
	if (l->questions_n > 0) {
		sys_timer_stop(&l->dns_deadline);
	}
	LIST_EACH(it, &l->questions) {
		struct question *q = LIST_ENTRY(it, struct question, node);
		(void)map_del(l->scan->questions, q->id);
		sys_task_stop(&q->failed);
		list_remove(&q->node);
	}
}

static void
fail(void *value, void *ctx)
{
	struct question *q = value;
	struct svc_scan *s = ctx;
	sys_task_schedule(s->sc->loop, &q->failed);
}

void
svc_scan_resolve_gone(struct svc_common_link *gone)
{
	struct svc_scan *s = svc_scan_of(gone);
	map_each(s->questions, fail, s);
}
