/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What became of letters from outside: smtp tells, the administrator asks (`postern why`). In
 * transactions of half a second, in a database of its own, since it names mailboxes; what is
 * older than watch.keep-inbound is forgotten.
 */
#include "conf/conf.h"
#include "ipc/adm_watch.h"
#include "ipc/smtp_watch.h"
#include "reach/inbound.h"
#include "svc/watch/watch.h"
#include "sys/clock.h"
#include "sys/sys.h"

enum { LETTERS = 10 };

/* Once until it works again. */
static void
failed(struct svc_watch *w, const char *what, enum err e)
{
	if (!w->inbound_failing) {
		LOG(WATCH_DATABASE, F_CSTR("what", what), F_ERR(e),
		    F_STR("detail", reach_inbound_error(w->inbound)));
	}
	w->inbound_failing = true;
}

void
svc_watch_inbound_commit(struct svc_watch *w)
{
	if (w->inbound_n == 0) {
		return;
	}
	sys_timer_stop(&w->inbound_commit);
	enum err e = reach_inbound_commit(w->inbound);
	if (e != ERR_OK) {
		w->inbound_lost += w->inbound_n;
		failed(w, "commit of inbound", e);
	} else {
		w->inbound_failing = false;
	}
	w->inbound_n = 0;
}

static void
on_commit(void *ctx)
{
	svc_watch_inbound_commit(ctx);
}

static void
add(struct svc_watch *w, const struct reach_arrival *a)
{
	enum err e = w->inbound_n > 0 ? ERR_OK : reach_inbound_begin(w->inbound);
	e = e == ERR_OK ? reach_inbound_add(w->inbound, a) : e;
	if (e != ERR_OK) {
		reach_inbound_rollback(w->inbound);
		sys_timer_stop(&w->inbound_commit);
		w->inbound_lost += w->inbound_n + 1;
		w->inbound_n = 0;
		failed(w, "inbound", e);
		return;
	}
	if (w->inbound_n++ == 0) {
		sys_timer_set(w->sc->loop, &w->inbound_commit, SVC_WATCH_INBOUND_MS);
	} else if (w->inbound_n >= SVC_WATCH_BATCH) {
		svc_watch_inbound_commit(w);
	}
}

static enum err
on_inbound(void *ctx, const struct ipc_smtp_watch_inbound *m, int *fd)
{
	struct svc_watch *w = ctx;
	str to[REACH_INBOUND_TO_MAX];
	size_t n = MIN(m->rcpts_n, LEN(to));
	for (size_t i = 0; i < n; i++) {
		to[i] = m->rcpts[i].address;
	}
	const struct reach_arrival a = { .at_s = m->at_s,
		.session = m->session,
		.entry = m->entry,
		.ip = m->ip,
		.name = m->name,
		.helo = m->helo,
		.tls_version = m->tls_version,
		.sender = m->reverse_path,
		.from = m->from,
		.message_id = m->message_id,
		.end = m->end,
		.code = m->code,
		.enhanced = m->enhanced,
		.text = m->text,
		.score = m->score,
		.why = m->why,
		.size = m->size,
		.to = to,
		.to_n = n };
	if (m->entry > INT64_MAX || m->size > INT64_MAX) {
		return ERR_PROTOCOL;
	}
	w->inbound_total++;
	add(w, &a);
	return ERR_OK;
}

enum err
svc_watch_from_smtp(struct svc_common_link *from, str datagram, int *fd)
{
	static const struct ipc_smtp_watch_at_watch handlers = { .inbound = on_inbound };
	struct svc_watch *w = from->sc->ctx;
	arena_reset(w->scratch);
	return ipc_smtp_watch_watch_dispatch(&handlers, w, datagram, fd, w->scratch);
}

/* ---- forgetting ----------------------------------------------------------------------------- */

static void
on_tidy(void *ctx)
{
	struct svc_watch *w = ctx;
	bool more = false;
	int64_t before = sys_clock_wall_s() - (int64_t)(w->sc->conf->watch_keep_inbound / 1000);
	svc_watch_inbound_commit(w);
	enum err e = reach_inbound_forget(w->inbound, before, w->sc->conf->watch_inbound, &more);
	if (e != ERR_OK) {
		failed(w, "forget inbound", e);
	}
	sys_timer_set(w->sc->loop, &w->inbound_tidy, more ? 0 : SVC_WATCH_TIDY_MS);
}

enum err
svc_watch_inbound_start(struct svc_watch *w)
{
	enum err e = reach_inbound_open(svc_common_state_path(w->sc, S("watch/inbound.db")),
	    &w->inbound);
	if (e != ERR_OK) {
		LOG(WATCH_DATABASE, F_CSTR("what", "open inbound"), F_ERR(e));
		return e;
	}
	sys_timer_init(&w->inbound_commit, on_commit, w);
	sys_timer_init(&w->inbound_tidy, on_tidy, w);
	sys_timer_set(w->sc->loop, &w->inbound_tidy, SVC_WATCH_TIDY_MS);
	return ERR_OK;
}

/* ---- questions ------------------------------------------------------------------------------ */

struct page {
	struct svc_watch *w;
	size_t n;
	bool more;
	struct ipc_adm_watch_arrival list[LETTERS];
};

static enum err
take(void *ctx, const struct reach_arrival *r)
{
	struct page *p = ctx;
	if (p->n == LETTERS) {
		p->more = true;
		return ERR_OK;
	}
	struct ipc_adm_watch_arrival *a = &p->list[p->n];
	*a = (struct ipc_adm_watch_arrival){ .id = r->id,
		.at_s = r->at_s,
		.session = r->session,
		.entry = r->entry,
		.end = r->end,
		.code = r->code,
		.score = r->score,
		.size = r->size };
	const struct {
		str *to;
		str from;
	} texts[] = { { &a->ip, r->ip }, { &a->name, r->name }, { &a->helo, r->helo },
		{ &a->tls_version, r->tls_version }, { &a->sender, r->sender },
		{ &a->from, r->from }, { &a->enhanced, r->enhanced }, { &a->text, r->text },
		{ &a->why, r->why }, { &a->recipients, r->recipients } };
	for (size_t i = 0; i < LEN(texts); i++) {
		*texts[i].to = arena_dup(p->w->scratch, texts[i].from);
		if (texts[i].to->p == NULL) {
			return ERR_BUDGET;
		}
	}
	p->n++;
	return ERR_OK;
}

enum err
svc_watch_inbound_find(struct svc_watch *w, struct sys_chan *from,
    const struct ipc_adm_watch_arrived *m)
{
	static struct page p; /* too large for the stack; one question at a time */
	const struct reach_inbound_question q = { .by = (enum reach_inbound_by)m->by,
		.text = m->text,
		.entry = m->entry,
		.before = m->before,
		.max = LETTERS + 1 };
	struct ipc_adm_watch_arrivals answer = { .request = m->request, .result = ERR_SYNTAX };
	p = (struct page){ .w = w };
	svc_watch_inbound_commit(w);
	if (m->by >= REACH_INBOUND_ADDRESS && m->by < REACH_INBOUND_BY_COUNT &&
	    m->entry <= INT64_MAX && m->before <= INT64_MAX) {
		answer.result = reach_inbound_find(w->inbound, &q, take, &p);
	}
	answer.more = p.more;
	answer.list = p.list;
	answer.list_n = answer.result == ERR_OK ? p.n : 0;
	buf_reset(&w->out);
	ipc_adm_watch_arrivals_put(&w->out, &answer);
	return sys_chan_send(from, &w->out, -1);
}
