/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stage milter: each filter of milter.sockets is told the letter over a connection of its own, all
 * side by side. What they want of it is said here in our words: nothing is dropped, a filter that
 * wants that sends it to Junk. The protocol is in proto/milter, the letter in milter_letter.c.
 */
#include "conf/conf.h"
#include "svc/scan/door.h"
#include "svc/scan/milter_letter.h"
#include "sys/sock.h"
#include "sys/sys.h"

enum {
	FILTERS_MAX = 8,    /* of milter.sockets */
	CONNECTIONS = 16,   /* to one filter */
	BUSY_AGAIN_MS = 20, /* when too many wait at a filter's door */
	READ_OCTETS = 16384,
	READS_MAX = 16, /* per event */
	CUTS_MAX = 16,  /* fields that filters change in one letter */
};

struct filter {
	struct milters *all;
	struct svc_scan_door door;
	struct list waiting; /* of struct run */
	uint64_t asked, refused, put_off, to_junk, changed, unwanted, broken;
};

struct milters {
	struct svc_scan *scan;
	size_t n;
	struct filter filters[FILTERS_MAX];
	struct sys_timer retry;
};

/* One filter and one letter. */
struct run {
	struct list node; /* of filter->waiting */
	struct visit *visit;
	struct filter *filter;
	struct milter engine;
	bool told; /* the engine was begun */
	bool over;
	bool arrived;           /* somebody is there */
	struct sys_watch watch; /* fd -1: not connected */
};

/* A letter, from begin to done or cancel; lies in its arena. */
struct visit {
	struct milters *all;
	struct svc_scan_letter *letter;
	struct milter_letter told;
	struct sys_timer deadline;
	size_t left; /* runs that are not over */
	bool absent;
	unsigned cuts;
	struct run runs[FILTERS_MAX];
};

static void pump(struct filter *f);

static struct sys_loop *
loop_of(const struct milters *m)
{
	return m->scan->sc->loop;
}

/* --- what filters want --------------------------------------------------------------------- */

static void
not_looked_at(struct run *r, enum err why, const char *what)
{
	struct svc_scan_letter *l = r->visit->letter;
	str rule = l->scan->sc->conf->milter_absent;
	r->visit->absent = true;
	r->filter->broken++;
	LOG(SCAN_UNFILTERED, F_ID("session", l->m.session), F_STR("path", r->filter->door.path),
	    F_STR("rule", rule), F_ERR(why), F_CSTR("why", what));
	if (str_eq(rule, S("hold"))) {
		svc_scan_refuse(l, 451, S("4.7.1"),
		    S("A mail filter does not answer, please come again later"));
	} else {
		svc_scan_say(l, S("milter"), S("absent"), 0);
	}
}

/* In the filter's words, where they are fit: 421 would close the connection. */
static void
refuse(struct run *r, const struct milter_result *w, bool later)
{
	bool fit = w->code / 10 % 10 <= 5 && w->code != 421 && w->code != 0;
	uint16_t code = fit ? w->code : later ? 451 : 550;
	str enhanced = w->enhanced.n > 0 ? w->enhanced : later ? S("4.7.1") : S("5.7.1");
	str text = w->text.n > 0 ? w->text
	    : later              ? S("A mail filter asks to come again later")
				 : S("Refused by a mail filter");
	r->filter->refused += later ? 0 : 1;
	r->filter->put_off += later ? 1 : 0;
	svc_scan_refuse(r->visit->letter, code, enhanced, text);
	svc_scan_say(r->visit->letter, S("milter"), later ? S("put-off") : S("refused"), 0);
}

/* A submission has no Junk to go to: its sender learns of it. */
static void
to_junk(struct run *r, const struct milter_result *w, str why)
{
	if (r->visit->letter->m.submission) {
		refuse(r, w, false);
		return;
	}
	r->filter->to_junk++;
	svc_scan_junk(r->visit->letter);
	svc_scan_say(r->visit->letter, S("milter"), why, 0);
}

/* Some recipients were refused, not all: their copies are junk; a submission is refused. */
static void
refuse_some(struct run *r, const struct milter_result *w)
{
	struct svc_scan_letter *l = r->visit->letter;
	if (l->m.submission) {
		refuse(r, w, w->code != 0 && w->code < 500);
		return;
	}
	r->filter->to_junk++;
	for (size_t i = 0; i < r->visit->told.rcpts_n; i++) {
		if (w->rcpts[i] != MILTER_ACCEPT && !svc_scan_junk_one(l, i)) {
			not_looked_at(r, ERR_BUDGET, "no memory for it");
			return;
		}
	}
	svc_scan_say(l, S("milter"), S("refused-some"), 0);
}

/* Take the field out that is so far from the first of its name, from 1. */
static bool
take_out(struct run *r, str name, uint32_t index)
{
	const struct milter_letter *t = &r->visit->told;
	for (size_t i = 0; i < t->fields_n; i++) {
		if (!str_ieq(t->fields[i].name, name) || --index > 0) {
			continue;
		}
		size_t at = (size_t)(t->fields[i].name.p - r->visit->letter->octets.p);
		r->visit->cuts++;
		return r->visit->cuts <= CUTS_MAX && svc_scan_cut_field(r->visit->letter, at);
	}
	return true; /* there is none: it is added, or stays away */
}

/* All go above the letter, in the order they were asked for. */
static void
change(struct run *r, const struct milter_result *w)
{
	struct svc_scan_letter *l = r->visit->letter;
	for (size_t i = 0; i < w->changes_n; i++) {
		const struct milter_change *c = &w->changes[i];
		bool ok = c->kind != MILTER_CHANGE || take_out(r, c->name, c->index);
		if (ok && (c->kind != MILTER_CHANGE || c->value.n > 0)) {
			ok = svc_scan_add_field(l, c->name, c->value);
		}
		r->filter->changed += ok ? 1 : 0;
		r->filter->unwanted += ok ? 0 : 1;
	}
	r->filter->unwanted += w->unwanted;
}

static void
heed(struct run *r, const struct milter_result *w)
{
	switch (w->verdict) {
	case MILTER_ACCEPT:
		change(r, w);
		if (w->rcpts_refused > 0) {
			refuse_some(r, w);
		}
		if (w->quarantine) {
			to_junk(r, w, S("quarantine"));
		}
		break;
	case MILTER_REJECT: refuse(r, w, false); break;
	case MILTER_TEMPFAIL: refuse(r, w, true); break;
	case MILTER_DISCARD: to_junk(r, w, S("discard")); break;
	default: not_looked_at(r, ERR_PROTOCOL, w->fault); break;
	}
	if (w->verdict != MILTER_ACCEPT || w->changes_n > 0 || w->unwanted > 0 || w->quarantine) {
		static const char *const words[] = { "", "accept", "refuse", "later", "discard",
			"broken" };
		LOG(SCAN_MILTER, F_ID("session", r->visit->letter->m.session),
		    F_STR("path", r->filter->door.path), F_CSTR("end", words[w->verdict]),
		    F_U64("code", w->code), F_U64("changes", w->changes_n),
		    F_U64("unwanted", w->unwanted));
	}
}

/* --- runs ---------------------------------------------------------------------------------- */

static void
hang_up(struct run *r)
{
	if (r->watch.fd >= 0) {
		sys_watch_stop(loop_of(r->filter->all), &r->watch);
		svc_scan_door_leave(&r->filter->door, &r->watch.fd);
	}
	if (r->told) {
		milter_done(&r->engine);
	}
	r->told = false;
	r->over = true;
	list_remove(&r->node);
}

/* The last one ends the stage. */
static void
end_run(struct run *r)
{
	struct visit *v = r->visit;
	hang_up(r);
	if (--v->left == 0) {
		sys_timer_stop(&v->deadline);
		svc_scan_stage_done(v->letter, SVC_SCAN_MILTER,
		    v->absent ? SVC_SCAN_ABSENT : SVC_SCAN_DONE);
	}
}

/* Nobody took a TCP connection. */
static void
found_shut(struct run *r, enum err why)
{
	if (!r->arrived && r->watch.fd >= 0) {
		svc_scan_door_found(&r->filter->door, sys_loop_now_ms(loop_of(r->filter->all)),
		    why);
	}
}

static void
fail_run(struct run *r, enum err why, const char *what)
{
	found_shut(r, why);
	not_looked_at(r, why, what);
	end_run(r);
}

/* Read what is there. ERR_AGAIN: no more now. */
static enum err
hear(struct run *r)
{
	char room[READ_OCTETS];
	enum err e = ERR_OK;
	for (unsigned i = 0; i < READS_MAX && e == ERR_OK && !milter_ended(&r->engine); i++) {
		size_t n = 0;
		e = sys_sock_read(r->watch.fd, room, sizeof room, &n);
		if (e == ERR_OK) {
			milter_feed(&r->engine, str_make(room, n));
		}
	}
	return e;
}

static enum err
tell(struct run *r)
{
	enum err e = ERR_OK;
	while (e == ERR_OK && milter_output(&r->engine).n > 0) {
		size_t n = 0;
		e = sys_sock_write(r->watch.fd, milter_output(&r->engine), &n);
		if (e == ERR_OK) {
			milter_sent(&r->engine, n);
		}
	}
	return e;
}

static enum err
arrive(struct run *r)
{
	if (r->arrived) {
		return ERR_OK;
	}
	TRY(sys_sock_error(r->watch.fd));
	r->arrived = true;
	svc_scan_door_found(&r->filter->door, sys_loop_now_ms(loop_of(r->filter->all)), ERR_OK);
	return ERR_OK;
}

static void
on_event(void *ctx, unsigned events)
{
	struct run *r = ctx;
	struct filter *f = r->filter;
	enum err there = arrive(r);
	if (there != ERR_OK) {
		fail_run(r, there, "nobody there");
		pump(f);
		return;
	}
	enum err heard = hear(r);
	enum err told = tell(r);
	bool lost = (heard != ERR_OK && heard != ERR_AGAIN) ||
	    (told != ERR_OK && told != ERR_AGAIN);
	if (lost) {
		milter_lost(&r->engine);
	}
	if (!milter_ended(&r->engine)) {
		bool more = milter_output(&r->engine).n > 0;
		sys_watch_set(loop_of(f->all), &r->watch, more ? SYS_IN | SYS_OUT : SYS_IN);
		return;
	}
	heed(r, milter_result(&r->engine));
	end_run(r);
	pump(f);
}

static enum err
start(struct run *r)
{
	struct filter *f = r->filter;
	struct sys_loop *loop = loop_of(f->all);
	TRY(svc_scan_door_enter(&f->door, sys_loop_now_ms(loop), &r->watch.fd));
	list_remove(&r->node);
	f->asked++;
	enum err e = milter_init(&r->engine, &r->visit->told, r->visit->letter->arena);
	r->told = e == ERR_OK;
	if (e == ERR_OK) {
		r->watch.fn = on_event;
		r->watch.ctx = r;
		e = sys_watch_start(loop, &r->watch, SYS_IN | SYS_OUT);
	}
	if (e != ERR_OK) {
		svc_scan_door_leave(&f->door, &r->watch.fd);
	}
	return e;
}

/* Letters that wait for this filter; nobody waits while it is not there. */
static void
pump(struct filter *f)
{
	while (!list_empty(&f->waiting)) {
		struct run *r = LIST_ENTRY(f->waiting.next, struct run, node);
		enum err e = start(r);
		if (e == ERR_BUSY) {
			sys_timer_set(loop_of(f->all), &f->all->retry, BUSY_AGAIN_MS);
			return;
		}
		if (e != ERR_OK) {
			fail_run(r, e, "nobody there");
		}
	}
}

static void
pump_all(void *ctx)
{
	struct milters *m = ctx;
	for (size_t i = 0; i < m->n; i++) {
		pump(&m->filters[i]);
	}
}

static void
on_deadline(void *ctx)
{
	struct visit *v = ctx;
	struct milters *m = v->all;
	for (size_t i = 0; i < m->n; i++) { /* the letter outlives its last run */
		if (!v->runs[i].over) {
			fail_run(&v->runs[i], ERR_TIMEOUT, "took too long");
		}
	}
	pump_all(m);
}

/* --- the stage ----------------------------------------------------------------------------- */

static bool
wanted(const struct svc_scan_letter *l)
{
	return l->scan->stage[SVC_SCAN_MILTER] != NULL;
}

static void
begin(struct svc_scan_letter *l)
{
	struct milters *m = l->scan->stage[SVC_SCAN_MILTER];
	struct visit *v = ARENA_NEW(l->arena, struct visit);
	l->stage[SVC_SCAN_MILTER] = v;
	if (v == NULL || svc_scan_milter_letter(l, &v->told) != ERR_OK) {
		l->stage[SVC_SCAN_MILTER] = NULL;
		svc_scan_refuse(l, 451, S("4.3.1"), S("There is no memory for this letter now"));
		svc_scan_stage_done(l, SVC_SCAN_MILTER, SVC_SCAN_ABSENT);
		return;
	}
	v->all = m;
	v->letter = l;
	v->left = m->n;
	sys_timer_init(&v->deadline, on_deadline, v);
	sys_timer_set(loop_of(m), &v->deadline, (int64_t)m->scan->sc->conf->milter_deadline);
	for (size_t i = 0; i < m->n; i++) {
		struct run *r = &v->runs[i];
		r->visit = v;
		r->filter = &m->filters[i];
		r->watch.fd = -1;
		list_push(&m->filters[i].waiting, &r->node);
	}
	pump_all(m);
}

static void
cancel(struct svc_scan_letter *l)
{
	struct visit *v = l->stage[SVC_SCAN_MILTER];
	for (size_t i = 0; i < v->all->n; i++) {
		struct run *r = &v->runs[i];
		if (!r->over && !l->gone) {
			found_shut(r, ERR_TIMEOUT);
			not_looked_at(r, ERR_TIMEOUT, "took too long");
		}
		if (!r->over) {
			hang_up(r);
		}
	}
	sys_timer_stop(&v->deadline);
	pump_all(v->all);
}

static enum err
init(struct svc_scan *s)
{
	const struct conf_list *paths = &s->sc->conf->milter_sockets;
	if (paths->n == 0) {
		return ERR_OK;
	}
	struct milters *m = ARENA_NEW(s->sc->arena, struct milters);
	if (m == NULL) {
		return ERR_NOMEM;
	}
	m->scan = s;
	for (size_t i = 0; i < MIN(paths->n, FILTERS_MAX); i++) {
		str path = arena_dup(s->sc->arena, paths->v[i]);
		if (path.p == NULL) {
			return ERR_NOMEM;
		}
		m->filters[i].all = m;
		TRY(svc_scan_door_init(&m->filters[i].door, path, CONNECTIONS));
		list_init(&m->filters[i].waiting);
		m->n++;
	}
	sys_timer_init(&m->retry, pump_all, m);
	s->stage[SVC_SCAN_MILTER] = m;
	return ERR_OK;
}

static enum err
profile(struct svc_common *sc, struct sys_sandbox_profile *p)
{
	const struct conf_list *where = &sc->conf->milter_sockets;
	for (size_t i = 0; i < MIN(where->n, FILTERS_MAX); i++) {
		struct conf_socket s;
		TRY(conf_socket_parse(where->v[i], &s));
		p->sets |= s.path.n > 0 ? SYS_SET_LOCAL : SYS_SET_NET;
		if (s.path.n == 0) {
			ASSERT(p->connect_ports_n < SYS_SANDBOX_PORTS_MAX);
			p->connect_ports[p->connect_ports_n++] = s.port;
		}
	}
	return ERR_OK;
}

static void
status(struct svc_scan *s, struct buf *facts)
{
	const struct milters *m = s->stage[SVC_SCAN_MILTER];
	for (size_t i = 0; m != NULL && i < m->n; i++) {
		const struct filter *f = &m->filters[i];
		const struct {
			const char *key;
			uint64_t value;
		} rows[] = { { "present", !f->door.shut }, { "asked", f->asked },
			{ "refused", f->refused }, { "put_off", f->put_off },
			{ "junk", f->to_junk }, { "changed", f->changed },
			{ "unwanted", f->unwanted }, { "unanswered", f->broken },
			{ "connections", f->door.open } };
		for (size_t k = 0; k < LEN(rows); k++) {
			buf_printf(facts, "milter%zu_%s=%llu\n", i + 1, rows[k].key,
			    (unsigned long long)rows[k].value);
		}
	}
}

static void
done(struct svc_scan *s)
{
	struct milters *m = s->stage[SVC_SCAN_MILTER];
	if (m != NULL) {
		sys_timer_stop(&m->retry);
	}
}

const struct svc_scan_stage svc_scan_milter_stage = {
	.name = "milter",
	.wanted = wanted,
	.begin = begin,
	.cancel = cancel,
	.init = init,
	.profile = profile,
	.status = status,
	.done = done,
};
