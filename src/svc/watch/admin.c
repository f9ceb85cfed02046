/* SPDX-License-Identifier: Apache-2.0 */
/*
 * postern attempts, postern why: pages of attempts, unknown replies, sums.
 */
#include "ipc/adm_watch.h"
#include "svc/watch/watch.h"

enum { TRIES = 20, TEMPLATES = 100, TOTALS = 300 };

struct asking {
	struct svc_watch *w;
	struct sys_chan *from;
	size_t n;
	bool more;
	struct ipc_adm_watch_try tries[TRIES];
	struct ipc_adm_watch_template templates[TEMPLATES];
	struct ipc_adm_watch_total totals[TOTALS];
};

/* A row's strs end with the row: keep them until the answer is written. */
static bool
keep(struct asking *a, str *s)
{
	if (s->n > 0) {
		*s = arena_dup(a->w->scratch, *s);
	}
	return s->n == 0 || s->p != NULL;
}

static enum err
reply(struct asking *a)
{
	return sys_chan_send(a->from, &a->w->out, -1);
}

/* ---- attempts ------------------------------------------------------------------------------- */

static enum err
take_try(void *ctx, const struct reach_attempt *r)
{
	struct asking *a = ctx;

	if (a->n == TRIES) {
		a->more = true;
		return ERR_OK;
	}
	struct ipc_adm_watch_try *t = &a->tries[a->n];
	*t = (struct ipc_adm_watch_try){ .id = r->id,
		.entry = r->entry,
		.began_ms = r->began_ms,
		.took_ms = r->took_ms,
		.domain = r->domain,
		.operator= r->operator,
		.mx = r->mx,
		.peer_ip = r->peer_ip,
		.source_ip = r->source_ip,
		.tries = r->tries,
		.rcpts = r->rcpts,
		.verdict = r->verdict,
		.phase = r->phase,
		.class = r->class,
		.rule = r->rule,
		.tls_version = r->tls_version,
		.tls_cipher = r->tls_cipher,
		.dane = r->dane,
		.sts = r->sts,
		.tls_failure = r->tls_failure,
		.code = r->code,
		.enhanced = r->enhanced,
		.reply = r->reply,
		.system_error = r->system_error,
		.phases = r->phases,
		.sent = r->sent,
		.received = r->received,
		.issuer = r->issuer,
		.rtt_us = r->rtt_us };
	str *texts[] = { &t->domain, &t->operator, & t->mx, &t->peer_ip, &t->source_ip, &t->class,
		&t->rule, &t->tls_version, &t->tls_cipher, &t->tls_failure, &t->enhanced, &t->reply,
		&t->phases, &t->issuer };
	for (size_t i = 0; i < LEN(texts); i++) {
		if (!keep(a, texts[i])) {
			return ERR_BUDGET;
		}
	}
	a->n++;
	return ERR_OK;
}

static enum err
on_find(void *ctx, const struct ipc_adm_watch_find *m, int *fd)
{
	struct asking *a = ctx;
	struct reach_question q = { .by = (enum reach_find)m->by,
		.text = m->text,
		.entry = m->entry,
		.before = m->before,
		.max = TRIES + 1 };
	struct ipc_adm_watch_tries page = { .request = m->request };

	if (m->by < REACH_BY_DOMAIN || m->by > REACH_ALL || m->entry > INT64_MAX ||
	    m->before > INT64_MAX) {
		page.result = ERR_SYNTAX;
	} else {
		page.result = reach_journal_find(a->w->journal, &q, take_try, a);
	}
	page.more = a->more;
	page.tries = a->tries;
	page.tries_n = page.result == ERR_OK ? a->n : 0;
	buf_reset(&a->w->out);
	ipc_adm_watch_tries_put(&a->w->out, &page);
	return reply(a);
}

/* ---- unknown replies and sums --------------------------------------------------------------- */

static enum err
take_template(void *ctx, const struct reach_template *r)
{
	struct asking *a = ctx;
	struct ipc_adm_watch_template *t = &a->templates[a->n];

	*t = (struct ipc_adm_watch_template){ .operator= r->operator,
		.text = str_sub(r->text, 0, 400),
		.code = r->code,
		.phase = r->phase,
		.count = r->count,
		.first_s = r->first_s,
		.last_s = r->last_s };
	if (!keep(a, &t->operator) || !keep(a, &t->text)) {
		return ERR_BUDGET;
	}
	a->n++;
	return ERR_OK;
}

static enum err
on_unknown(void *ctx, const struct ipc_adm_watch_unknown *m, int *fd)
{
	struct asking *a = ctx;
	struct ipc_adm_watch_templates page = { .request = m->request };

	page.result = reach_journal_unknown(a->w->journal, TEMPLATES, take_template, a);
	page.templates = a->templates;
	page.templates_n = page.result == ERR_OK ? a->n : 0;
	buf_reset(&a->w->out);
	ipc_adm_watch_templates_put(&a->w->out, &page);
	return reply(a);
}

static enum err
take_total(void *ctx, const struct reach_total *r)
{
	struct asking *a = ctx;
	struct ipc_adm_watch_total *t = &a->totals[a->n];

	*t = (struct ipc_adm_watch_total){ .day_s = r->day_s,
		.operator= r->operator,
		.class = r->class,
		.attempts = r->attempts,
		.rcpts = r->rcpts };
	if (!keep(a, &t->operator) || !keep(a, &t->class)) {
		return ERR_BUDGET;
	}
	a->n++;
	return ERR_OK;
}

static enum err
on_sum(void *ctx, const struct ipc_adm_watch_sum *m, int *fd)
{
	struct asking *a = ctx;
	struct reach_sum q = { .operator= m->operator, .since_s = m->since_s, .max = TOTALS };
	struct ipc_adm_watch_totals page = { .request = m->request };

	page.result = reach_journal_sum(a->w->journal, &q, take_total, a);
	page.totals = a->totals;
	page.totals_n = page.result == ERR_OK ? a->n : 0;
	buf_reset(&a->w->out);
	ipc_adm_watch_totals_put(&a->w->out, &page);
	return reply(a);
}

static enum err
on_report(void *ctx, const struct ipc_adm_watch_report *m, int *fd)
{
	struct asking *a = ctx;
	struct ipc_adm_watch_reported done = { .request = m->request,
		.domains = svc_watch_report_now(a->w) };

	buf_reset(&a->w->out);
	ipc_adm_watch_reported_put(&a->w->out, &done);
	return reply(a);
}

static enum err
on_arrived(void *ctx, const struct ipc_adm_watch_arrived *m, int *fd)
{
	struct asking *a = ctx;
	return svc_watch_inbound_find(a->w, a->from, m);
}

enum err
svc_watch_on_admin(struct svc_common *sc, struct sys_chan *from, str datagram, int *fd)
{
	static const struct ipc_adm_watch_at_watch handlers = { .find = on_find,
		.unknown = on_unknown,
		.sum = on_sum,
		.report = on_report,
		.arrived = on_arrived };
	static struct asking a; /* too large for the stack; one question at a time */

	a.w = sc->ctx;
	a.from = from;
	a.n = 0;
	a.more = false;
	svc_watch_commit(a.w);
	arena_reset(a.w->scratch);
	return ipc_adm_watch_watch_dispatch(&handlers, &a, datagram, fd, a.w->scratch);
}
