/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The finished letter goes to a scan process, as it came and without our trace; back come a
 * verdict, fields to stand above it, and fields of it to be left out. Then it is put together as
 * it will be stored: their header, our trace, the letter; anew, unless it lies in a sealed file
 * and nothing is left out. Start with svc_smtp_scan_ask.
 */
#include "ipc/smtp_scan.h"
#include "conf/conf.h"
#include "mail/authres.h"
#include "svc/smtp/server.h"
#include "sys/sys.h"

enum { CUTS_MAX = 64 };

/* --- putting it together ------------------------------------------------------------------- */

static enum err
copy(struct svc_smtp_session *x, struct svc_smtp_body *to, uint64_t at, uint64_t n)
{
	if (x->body.fd < 0) {
		str all = buf_view(&x->body.memory);
		return svc_smtp_body_add(to, str_sub(all, at, n), to->expected);
	}
	while (n > 0) {
		size_t piece = (size_t)MIN(n, (uint64_t)SVC_SMTP_INLINE_MAX);
		TRY(svc_smtp_body_read(&x->body, at, x->server->piece, piece));
		TRY(svc_smtp_body_add(to, str_make(x->server->piece, piece), to->expected));
		at += piece;
		n -= piece;
	}
	return ERR_OK;
}

static enum err
copy_all(struct svc_smtp_session *x, struct svc_smtp_body *to, const struct svc_smtp_cut *cuts,
    size_t n)
{
	uint64_t at = 0;
	for (size_t i = 0; i < n; i++) {
		TRY(copy(x, to, at, cuts[i].at - at));
		at = cuts[i].at + cuts[i].length;
	}
	return copy(x, to, at, x->body.size - at);
}

enum err
svc_smtp_compose(struct svc_smtp_session *x, str header, const struct svc_smtp_cut *cuts, size_t n)
{
	struct svc_smtp_body to;
	if (n == 0 && svc_smtp_body_crown(&x->body, header, buf_view(&x->trace))) {
		buf_done(&x->trace);
		return ERR_OK;
	}
	svc_smtp_body_init(&to, x->server);
	to.expected = x->body.size + header.n + x->trace.n;
	enum err e = svc_smtp_body_add(&to, header, to.expected);
	e = e != ERR_OK ? e : svc_smtp_body_add(&to, buf_view(&x->trace), to.expected);
	e = e != ERR_OK ? e : copy_all(x, &to, cuts, n);
	svc_smtp_body_reset(&x->body);
	buf_done(&x->trace);
	if (e != ERR_OK) {
		svc_smtp_body_reset(&to);
		return e;
	}
	x->body = to;
	return ERR_OK;
}

/* The body is what will be stored, or it could not be made so: the engine goes on either way. */
static void
go_on(struct svc_smtp_session *x, enum err composed)
{
	const struct smtp_told told = { .verdict = SMTP_GO_ON };
	if (composed != ERR_OK) {
		smtp_body_failed(&x->engine, composed);
	}
	smtp_answer_reply(&x->engine, &told);
}

/* --- nobody looks -------------------------------------------------------------------------- */

/* Fields of strangers that look like ours: scan would have cut them. */
static size_t
find_forged(struct svc_smtp_session *x, struct svc_smtp_cut *ret)
{
	size_t all = (size_t)MIN(x->body.size, (uint64_t)SVC_SMTP_INLINE_MAX), n = 0;
	struct mail_header h;
	struct mail_field f;
	if (svc_smtp_body_read(&x->body, 0, x->server->piece, all) != ERR_OK) {
		return 0;
	}
	str text = str_make(x->server->piece, all);
	h = mail_header_make(text);
	while (n < CUTS_MAX && mail_authres_forged_next(&h, x->server->conf.hostname, &f)) {
		ret[n++] = (struct svc_smtp_cut){ f.offset, (uint32_t)f.raw.n };
	}
	return n;
}

static enum err
compose_unseen(struct svc_smtp_session *x)
{
	struct svc_smtp_cut cuts[CUTS_MAX];
	char room[400];
	struct buf header;
	buf_init_fixed(&header, room, sizeof room);
	if (x->engine.peer.submission) {
		return svc_smtp_compose(x, S(""), NULL, 0);
	}
	mail_authres_put(&header, x->server->conf.hostname, NULL, 0);
	return svc_smtp_compose(x, buf_view(&header), cuts, find_forged(x, cuts));
}

/*
 * Where no letter is taken that nobody looked through for viruses, none is when scan fails. What
 * goes on to elsewhere waits in any case: it might be junk in our name.
 */
static bool
must_hold(const struct svc_smtp_session *x)
{
	const struct conf *c = x->server->sc->conf;
	return str_eq(c->scan_absent, S("hold")) || smtp_txn(&x->engine)->forwards ||
	    (c->virus_clamd.n > 0 && str_eq(c->virus_absent, S("hold")));
}

void
svc_smtp_scan_absent(struct svc_smtp_session *x)
{
	struct svc_smtp *sv = x->server;
	const struct smtp_told later = { .verdict = SMTP_LATER,
		.code = 451,
		.enhanced = S("4.7.1"),
		.text = S("The message cannot be looked at now; try again later") };
	x->scan = NULL;
	sv->counters.scan_absent++;
	LOG(SMTP_UNSEEN, F_ID("session", x->info.id), F_U64("txn", x->engine.txns),
	    F_CSTR("rule", must_hold(x) ? "hold" : "pass"));
	if (must_hold(x)) {
		sv->counters.held++;
		smtp_answer_reply(&x->engine, &later);
	} else {
		go_on(x, compose_unseen(x));
	}
}

/* --- asking -------------------------------------------------------------------------------- */

/* The same order as in commit: places of a verdict are numbers in this list. */
static size_t
flatten(struct svc_smtp *sv, const struct smtp_txn *t)
{
	size_t n = 0;
	for (const struct smtp_rcpt *r = t->rcpts; r != NULL; r = r->next) {
		for (size_t i = 0; i < r->targets_n; i++) {
			const struct smtp_target *v = &r->targets[i];
			ASSERT(n < SMTP_TARGETS_MAX);
			sv->targets[n++] = (struct ipc_smtp_scan_target){ .account = v->account,
				.address = v->address,
				.junk_at = v->junk_at,
				.reject_at = v->reject_at,
				.domain_policy = v->domain_policy };
		}
	}
	return n;
}

static void
put(struct svc_smtp_session *x, const struct smtp_txn *t, str octets)
{
	struct svc_smtp *sv = x->server;
	const struct ipc_smtp_scan_letter m = { .request = x->request,
		.session = x->info.id,
		.submission = x->engine.peer.submission,
		.account = x->engine.account,
		.ip = x->info.peer_ip,
		.helo = x->engine.helo,
		.reverse_path = t->canonical,
		.smtputf8 = t->smtputf8,
		.received_s = x->engine.wall_s,
		.tls_version = x->info.tls_version,
		.trust = x->facts.trust,
		.listed = x->facts.listed,
		.listed_n = x->facts.listed_n,
		.targets = sv->targets,
		.targets_n = flatten(sv, t),
		.size = x->body.size,
		.body = octets };
	buf_reset(&sv->out);
	ipc_smtp_scan_letter_put(&sv->out, &m);
}

static enum err
send_once(struct svc_smtp_session *x, const struct svc_common_link *to)
{
	str octets;
	int fd;
	TRY(svc_smtp_body_give(&x->body, &octets, &fd));
	put(x, smtp_txn(&x->engine), octets);
	return svc_common_link_send(to, &x->server->out, fd);
}

/* Inline when it fits; with many recipients the body goes into a file first. */
static enum err
send_to(struct svc_smtp_session *x, const struct svc_common_link *to)
{
	enum err e = send_once(x, to);
	if (e == ERR_TOOBIG && x->body.fd < 0) {
		TRY(svc_smtp_body_to_file(&x->body));
		e = send_once(x, to);
	}
	return e;
}

/* The next in turn; one that does not take it lets the others have their chance. */
static enum err
send(struct svc_smtp_session *x)
{
	struct svc_smtp *sv = x->server;
	enum err e = ERR_UNAVAILABLE;
	for (size_t i = 0; i < LEN(sv->scans) && e != ERR_OK; i++) {
		const struct svc_common_link *scan = &sv->scans[sv->turn++ % LEN(sv->scans)];
		if (scan->chan != NULL) {
			e = send_to(x, scan);
			x->scan = e == ERR_OK ? scan : NULL;
		}
	}
	return e;
}

void
svc_smtp_scan_ask(struct svc_smtp_session *x)
{
	x->request = svc_smtp_session_request(x);
	x->scan = NULL;
	if (smtp_txn(&x->engine)->failed != ERR_OK) {
		x->request = 0;
		go_on(x, ERR_OK); /* the engine knows and refuses it */
	} else if (svc_smtp_forward_refused(x)) {
		x->request = 0;
	} else if (send(x) != ERR_OK) {
		svc_smtp_no_answer(x);
	}
}

/* --- verdicts ------------------------------------------------------------------------------ */

/* Out: the number of cuts; SIZE_MAX: they make no sense. */
static size_t
take_cuts(const struct svc_smtp_session *x, const struct ipc_smtp_scan_verdict *m,
    struct svc_smtp_cut *ret)
{
	uint64_t at = 0;
	for (size_t i = 0; i < m->cuts_n; i++) {
		const struct ipc_smtp_scan_cut *c = &m->cuts[i];
		if (i == CUTS_MAX || c->at < at || c->at > x->body.size ||
		    c->length > x->body.size - c->at) {
			return SIZE_MAX;
		}
		ret[i] = (struct svc_smtp_cut){ c->at, c->length };
		at = c->at + c->length;
	}
	return m->cuts_n;
}

static struct smtp_target *
target_at(struct svc_smtp_session *x, size_t n)
{
	for (struct smtp_rcpt *r = x->engine.txn.rcpts; r != NULL; r = r->next) {
		if (n < r->targets_n) {
			return &r->targets[n];
		}
		n -= r->targets_n;
	}
	return NULL;
}

static enum err
take_places(struct svc_smtp_session *x, const struct ipc_smtp_scan_verdict *m)
{
	for (size_t i = 0; i < m->places_n; i++) {
		struct smtp_target *t = target_at(x, m->places[i].target);
		if (t == NULL) {
			return ERR_PROTOCOL;
		}
		x->facts.junk += m->places[i].junk && !t->junk;
		t->junk |= m->places[i].junk;
	}
	return ERR_OK;
}

/* For the log and for watch. */
static void
keep_facts(struct svc_smtp_session *x, const struct ipc_smtp_scan_verdict *m)
{
	struct arena *a = svc_smtp_facts_arena(x);
	x->facts.looked_at = true;
	x->facts.score = m->score;
	if (a != NULL) {
		x->facts.message_id = arena_dup(a, m->message_id);
		x->facts.from = arena_dup(a, m->from);
		x->facts.why = arena_dup(a, m->why);
	}
}

static void
refuse(struct svc_smtp_session *x, const struct ipc_smtp_scan_verdict *m)
{
	struct svc_smtp *sv = x->server;
	const struct smtp_told told = { m->reply.verdict, m->reply.code, m->reply.enhanced,
		m->reply.text };
	bool later = m->reply.verdict == SMTP_LATER;
	const struct svc_smtp_ended e = { .end = later        ? SVC_SMTP_LATER
		    : str_find(m->why, S("virus=found")) >= 0 ? SVC_SMTP_VIRUS
							      : SVC_SMTP_REFUSED,
		.code = m->reply.code,
		.enhanced = m->reply.enhanced,
		.text = m->reply.text };
	sv->counters.scan_later += later;
	sv->counters.scan_refused += !later;
	svc_smtp_tell(x, &e);
	x->facts.told = true;
	smtp_answer_reply(&x->engine, &told);
}

static enum err
take(struct svc_smtp_session *x, const struct ipc_smtp_scan_verdict *m)
{
	struct svc_smtp_cut cuts[CUTS_MAX];
	size_t n = take_cuts(x, m, cuts);
	if (n == SIZE_MAX || take_places(x, m) != ERR_OK) {
		svc_smtp_scan_absent(x);
		return ERR_PROTOCOL;
	}
	keep_facts(x, m);
	if (m->reply.verdict == SMTP_LATER || m->reply.verdict == SMTP_REFUSE) {
		refuse(x, m);
	} else {
		go_on(x, svc_smtp_compose(x, m->header, cuts, n));
	}
	return ERR_OK;
}

static enum err
on_verdict(void *ctx, const struct ipc_smtp_scan_verdict *m, int *fd)
{
	struct svc_smtp *sv = ctx;
	struct svc_smtp_session *x = svc_smtp_session_answered(sv, m->request);
	enum err e = ERR_OK;
	if (x == NULL || x->engine.wait != SMTP_WAIT_SCAN) {
		sv->counters.lost++;
		return ERR_OK;
	}
	x->scan = NULL;
	if (m->result == ERR_OK) {
		e = take(x, m);
	} else {
		svc_smtp_scan_absent(x);
	}
	svc_smtp_session_run(x);
	return e;
}

enum err
svc_smtp_from_scan(struct svc_common_link *from, str datagram, int *fd)
{
	static const struct ipc_smtp_scan_at_smtp handlers = { .verdict = on_verdict };
	struct svc_smtp *sv = svc_smtp_of(from);
	enum err e = ipc_smtp_scan_smtp_dispatch(&handlers, sv, datagram, fd, sv->scratch);
	arena_reset(sv->scratch);
	return e;
}
