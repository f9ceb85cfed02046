/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stage virus: ClamAV's clamd looks at each letter, in both directions, through a file in memory
 * whose descriptor it is given. A few connections are kept; letters wait in line for them. What
 * clamd did not look at, for whatever reason, follows setting virus.absent.
 */
#include "conf/conf.h"
#include "proto/clamd/clamd.h"
#include "svc/scan/door.h"
#include "svc/scan/scan.h"
#include "sys/file.h"
#include "sys/sock.h"
#include "sys/sys.h"

enum {
	CONNECTIONS = 8,   /* of one scan process; clamd's own MaxThreads is 10 */
	IDLE_MS = 20000,   /* kept without a letter; clamd's own IdleTimeout is 30 s */
	BUSY_AGAIN_MS = 20 /* when too many wait at clamd's door */
};

/*
 * ClamAV knows a letter by its first octets, and one that begins with an unusual field would be
 * searched as plain text, its attachments unseen. So each begins with a field it knows.
 */
static const str first_field = S_INIT("Received: by localhost\r\n");

struct conn {
	struct virus *all;
	struct clamd clamd;
	struct sys_watch watch; /* fd -1: closed */
	struct sys_timer idle;
	struct job *job; /* NULL: idle */
	bool used;       /* has answered before: it may have been closed meanwhile */
};

/* A letter, from begin to done or cancel; lies in its arena. */
struct job {
	struct list node; /* of virus->waiting */
	struct virus *all;
	struct svc_scan_letter *letter;
	struct conn *conn; /* NULL: waits */
	struct sys_timer deadline;
	bool again; /* a connection was lost before clamd can have seen it */
};

struct virus {
	struct svc_scan *scan;
	struct svc_scan_door door;
	struct list waiting;
	struct conn conns[CONNECTIONS];
	struct sys_timer retry;
	uint64_t scanned, found, failed, late;
};

static void pump(struct virus *v);

static struct sys_loop *
loop_of(const struct virus *v)
{
	return v->scan->sc->loop;
}

/* --- what is said of a letter -------------------------------------------------------------- */

/* It was not looked at: come again, or go on and say so. */
static void
not_looked_at(struct svc_scan_letter *l, enum err why, str what)
{
	str rule = l->scan->sc->conf->virus_absent;
	LOG(SCAN_UNSCANNED, F_ID("session", l->m.session), F_STR("rule", rule), F_ERR(why),
	    F_STR("why", what));
	if (str_eq(rule, S("hold"))) {
		svc_scan_refuse(l, 451, S("4.7.1"),
		    S("The virus scanner does not answer, please come again later"));
		return;
	}
	svc_scan_say(l, S("virus"), S("not-looked-for"), 0);
	if (!svc_scan_add_field(l, S("X-Spam-Virus"), S("not looked for"))) {
		svc_scan_say(l, S("virus"), S("not-marked"), 0);
	}
}

static void
found(struct svc_scan_letter *l, str name)
{
	str kept = arena_dup(l->arena, name);
	LOG(SCAN_VIRUS, F_ID("session", l->m.session), F_STR("signature", name),
	    F_U64("account", l->m.account));
	l->virus = true;
	str text = arena_printf(l->arena, "Refused, it holds a virus: %.*s", STR_ARG(kept));
	svc_scan_refuse(l, 554, S("5.7.1"), text.p == NULL ? S("Refused, it holds a virus") : text);
	svc_scan_say(l, S("virus"), kept, 0);
}

/* --- jobs ---------------------------------------------------------------------------------- */

static void
let_go(struct job *j)
{
	sys_timer_stop(&j->deadline);
	list_remove(&j->node);
	if (j->conn != NULL) {
		j->conn->job = NULL;
		j->conn = NULL;
	}
}

static void
end_job(struct job *j, enum svc_scan_end how)
{
	struct svc_scan_letter *l = j->letter;
	let_go(j);
	svc_scan_stage_done(l, SVC_SCAN_VIRUS, how);
}

static void
fail_job(struct job *j, enum err why, str what)
{
	j->all->failed++;
	not_looked_at(j->letter, why, what);
	end_job(j, SVC_SCAN_ABSENT);
}

/* --- connections --------------------------------------------------------------------------- */

static void
close_conn(struct conn *c)
{
	if (c->watch.fd >= 0) {
		sys_timer_stop(&c->idle);
		sys_watch_stop(loop_of(c->all), &c->watch);
		svc_scan_door_leave(&c->all->door, &c->watch.fd);
	}
}

/*
 * A connection ended or cannot be trusted any more. One that clamd closed while it was idle has not
 * seen the letter: it goes first on the next.
 */
static void
lose_conn(struct conn *c, enum err why)
{
	struct job *j = c->job;
	bool idle = c->used && why == ERR_EOF && c->clamd.n == 0;
	close_conn(c);
	if (j == NULL) {
		return;
	}
	if (!idle || j->again) {
		fail_job(j, why, S("connection lost"));
		return;
	}
	j->again = true;
	j->conn = NULL;
	c->job = NULL;
	list_push(j->all->waiting.next, &j->node);
}

static void
on_idle(void *ctx)
{
	struct conn *c = ctx;
	close_conn(c);
}

static void
on_answer(struct conn *c, const struct clamd_reply *r)
{
	struct virus *v = c->all;
	struct job *j = c->job;
	c->used = true;
	sys_timer_set(loop_of(v), &c->idle, IDLE_MS);
	if (r->verdict != CLAMD_CLEAN && r->verdict != CLAMD_FOUND) {
		fail_job(j, ERR_UNSUPPORTED, r->text);
		return;
	}
	v->scanned++;
	if (r->verdict == CLAMD_FOUND) {
		v->found++;
		found(j->letter, r->text);
	}
	end_job(j, SVC_SCAN_DONE);
}

static void
on_event(void *ctx, unsigned events)
{
	struct conn *c = ctx;
	struct virus *v = c->all;
	struct clamd_reply r;
	char room[CLAMD_REPLY_MAX];
	size_t n = 0, used;
	enum err e = sys_sock_read(c->watch.fd, room, sizeof room, &n);
	if (e == ERR_AGAIN) {
		return;
	}
	if (e == ERR_OK) {
		e = clamd_feed(&c->clamd, str_make(room, n), &used, &r);
	}
	if (e == ERR_OK) {
		on_answer(c, &r);
		if (used < n || !clamd_ready(&c->clamd)) {
			close_conn(c);
		}
	} else if (e != ERR_AGAIN) {
		lose_conn(c, e);
	}
	pump(v);
}

static enum err
open_conn(struct virus *v, struct conn **ret)
{
	struct conn *c = NULL;
	for (size_t i = 0; i < LEN(v->conns); i++) {
		c = v->conns[i].watch.fd < 0 ? &v->conns[i] : c;
	}
	if (c == NULL) {
		return ERR_BUSY;
	}
	TRY(svc_scan_door_enter(&v->door, sys_loop_now_ms(loop_of(v)), &c->watch.fd));
	clamd_init(&c->clamd);
	c->used = false;
	c->job = NULL;
	enum err e = sys_watch_start(loop_of(v), &c->watch, SYS_IN);
	if (e != ERR_OK) {
		svc_scan_door_leave(&v->door, &c->watch.fd);
		return e;
	}
	*ret = c;
	return ERR_OK;
}

/* One that is open and has nothing to do, or a new one. */
static enum err
find_conn(struct virus *v, struct conn **ret)
{
	for (size_t i = 0; i < LEN(v->conns); i++) {
		struct conn *c = &v->conns[i];
		if (c->watch.fd >= 0 && c->job == NULL) {
			*ret = c;
			return ERR_OK;
		}
	}
	return open_conn(v, ret);
}

/* --- asking -------------------------------------------------------------------------------- */

/* The letter as a file that nobody can change; clamd has its own descriptor of it. */
static enum err
make_file(const struct svc_scan_letter *l, int *ret_fd)
{
	int fd SYS_FD_AUTO = -1;
	TRY(sys_file_memory("letter", &fd));
	TRY(sys_file_write(fd, 0, first_field));
	TRY(sys_file_write(fd, first_field.n, l->octets));
	TRY(sys_file_seal(fd));
	*ret_fd = fd;
	fd = -1;
	return ERR_OK;
}

static void
ask(struct conn *c, struct job *j)
{
	int fd SYS_FD_AUTO = -1;
	list_remove(&j->node);
	c->job = j;
	j->conn = c;
	sys_timer_stop(&c->idle);
	enum err e = make_file(j->letter, &fd);
	if (e != ERR_OK) {
		fail_job(j, e, S("no memory for it"));
		return;
	}
	e = sys_sock_send_fd(c->watch.fd, clamd_ask(&c->clamd, CLAMD_SCAN), fd);
	if (e != ERR_OK) {
		lose_conn(c, e);
	}
}

/* Letters that wait go to connections that do not; nobody waits while clamd is not there. */
static void
pump(struct virus *v)
{
	while (!list_empty(&v->waiting)) {
		struct job *j = LIST_ENTRY(v->waiting.next, struct job, node);
		struct conn *c = NULL;
		enum err e = find_conn(v, &c);
		if (e == ERR_BUSY) {
			sys_timer_set(loop_of(v), &v->retry, BUSY_AGAIN_MS);
			return;
		}
		if (e == ERR_OK) {
			ask(c, j);
		} else {
			fail_job(j, e, S("nobody there"));
		}
	}
}

static void
on_retry(void *ctx)
{
	pump(ctx);
}

static void
on_deadline(void *ctx)
{
	struct job *j = ctx;
	struct virus *v = j->all;
	v->late++;
	if (j->conn != NULL) {
		close_conn(j->conn); /* its answer would be taken for another letter's */
	}
	fail_job(j, ERR_TIMEOUT, S("took too long"));
	pump(v);
}

/* --- the stage ----------------------------------------------------------------------------- */

static bool
wanted(const struct svc_scan_letter *l)
{
	return l->scan->stage[SVC_SCAN_VIRUS] != NULL;
}

static void
begin(struct svc_scan_letter *l)
{
	struct virus *v = l->scan->stage[SVC_SCAN_VIRUS];
	struct job *j = ARENA_NEW(l->arena, struct job);
	if (j == NULL) {
		not_looked_at(l, ERR_BUDGET, S("no memory for it"));
		svc_scan_stage_done(l, SVC_SCAN_VIRUS, SVC_SCAN_ABSENT);
		return;
	}
	l->stage[SVC_SCAN_VIRUS] = j;
	*j = (struct job){ .all = v, .letter = l };
	sys_timer_init(&j->deadline, on_deadline, j);
	sys_timer_set(loop_of(v), &j->deadline, (int64_t)v->scan->sc->conf->virus_deadline);
	list_push(&v->waiting, &j->node);
	pump(v);
}

/* Called as long as the stage is open: the job is there. */
static void
cancel(struct svc_scan_letter *l)
{
	struct job *j = l->stage[SVC_SCAN_VIRUS];
	struct virus *v = j->all;
	if (j->conn != NULL) {
		close_conn(j->conn);
	}
	let_go(j);
	if (!l->gone) {
		v->late++;
		not_looked_at(l, ERR_TIMEOUT, S("took too long"));
	}
	pump(v);
}

static enum err
init(struct svc_scan *s)
{
	const struct conf *c = s->sc->conf;
	if (c->virus_clamd.n == 0) {
		return ERR_OK;
	}
	struct virus *v = ARENA_NEW(s->sc->arena, struct virus);
	str path = arena_dup(s->sc->arena, c->virus_clamd.v[0]);
	if (v == NULL || path.p == NULL) {
		return ERR_NOMEM;
	}
	s->stage[SVC_SCAN_VIRUS] = v;
	v->scan = s;
	TRY(svc_scan_door_init(&v->door, path, CONNECTIONS));
	list_init(&v->waiting);
	sys_timer_init(&v->retry, on_retry, v);
	for (size_t i = 0; i < LEN(v->conns); i++) {
		struct conn *k = &v->conns[i];
		k->all = v;
		k->watch = (struct sys_watch){ .fn = on_event, .ctx = k, .fd = -1 };
		sys_timer_init(&k->idle, on_idle, k);
	}
	return ERR_OK;
}

static enum err
profile(struct svc_common *sc, struct sys_sandbox_profile *p)
{
	p->sets |= sc->conf->virus_clamd.n > 0 ? SYS_SET_LOCAL : 0;
	return ERR_OK;
}

static void
status(struct svc_scan *s, struct buf *facts)
{
	const struct virus *v = s->stage[SVC_SCAN_VIRUS];
	buf_printf(facts, "virus_scanner=%s\n",
	    v == NULL          ? "none"
		: v->door.shut ? "absent"
			       : "present");
	if (v == NULL) {
		return;
	}
	const struct {
		const char *key;
		uint64_t value;
	} rows[] = { { "scanned", v->scanned }, { "found", v->found }, { "unscanned", v->failed },
		{ "late", v->late }, { "connections", v->door.open }, { "connects", v->door.tries },
		{ "connects_failed", v->door.failures } };
	for (size_t i = 0; i < LEN(rows); i++) {
		buf_printf(facts, "virus_%s=%llu\n", rows[i].key,
		    (unsigned long long)rows[i].value);
	}
}

static void
done(struct svc_scan *s)
{
	struct virus *v = s->stage[SVC_SCAN_VIRUS];
	for (size_t i = 0; v != NULL && i < LEN(v->conns); i++) {
		close_conn(&v->conns[i]);
	}
	if (v != NULL) {
		sys_timer_stop(&v->retry);
	}
}

const struct svc_scan_stage svc_scan_virus_stage = {
	.name = "virus",
	.wanted = wanted,
	.begin = begin,
	.cancel = cancel,
	.init = init,
	.profile = profile,
	.status = status,
	.done = done,
};
