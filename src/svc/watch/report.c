/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reports, of TLS (RFC 8460) and of DMARC (RFC 7489 7.2): when a day is over and some time has
 * passed, each domain we spoke with, or had letters in the name of, is asked whether it wants a
 * report (TXT below _smtp._tls or _dmarc); if so, one letter per address goes to queue, as any
 * letter but, of TLS, not held to DANE or MTA-STS. What could not be done is tried again for a day;
 * the state is in the journal, so a restart loses nothing. letter.c and dmarc.c make the letters.
 */
#include "conf/conf.h"
#include "ipc/watch_queue.h"
#include "ipc/watch_resolve.h"
#include "proto/dmarc/report.h"
#include "proto/dns/dns.h"
#include "proto/tlsrpt/tlsrpt.h"
#include "spool/spool.h"
#include "svc/watch/letter.h"
#include "svc/watch/watch.h"
#include "sys/clock.h"
#include "sys/random.h"

static const struct svc_watch_kind *const kinds[REACH_REPORT_KINDS] = {
	[REACH_REPORT_TLS] = &svc_watch_tls,
	[REACH_REPORT_DMARC] = &svc_watch_dmarc,
};

static str
domain_of(const struct svc_watch_report *r)
{
	return str_make(r->domain, r->domain_n);
}

static str
address_of(const struct svc_watch_to *to)
{
	return str_make(to->address, to->n);
}

/* The place is free again; what the journal says about the report stands. */
static void
let_go(struct svc_watch_report *r)
{
	sys_timer_stop(&r->deadline);
	r->domain_n = 0;
	r->asking = r->late = false;
	r->waiting = r->sent = r->to_n = r->checks = r->record_n = 0;
}

static void
mark(struct svc_watch_report *r, enum reach_report_state state)
{
	struct svc_watch *w = r->w;
	const struct reach_report_id id = { r->kind, r->day, domain_of(r) };
	enum err e = reach_report_mark(w->journal, &id, state, sys_clock_wall_ms());

	if (e != ERR_OK) {
		svc_watch_failed(w, "report", e);
	}
}

static void
end(struct svc_watch_report *r, enum reach_report_state state)
{
	struct svc_watch *w = r->w;

	if (state != REACH_REPORT_TRIED) {
		mark(r, state);
	}
	w->reports_sent += state == REACH_REPORT_SENT;
	w->reports_unwanted += state == REACH_REPORT_UNWANTED;
	w->reports_failed += state == REACH_REPORT_FAILED;
	let_go(r);
	sys_timer_set(w->sc->loop, &w->round, 0);
}

static void
on_deadline(void *ctx)
{
	end(ctx, REACH_REPORT_TRIED);
}

static struct svc_watch_report *
by_request(struct svc_watch *w, uint64_t request)
{
	for (size_t i = 0; i < LEN(w->reports); i++) {
		if (w->reports[i].domain_n > 0 && w->reports[i].request == request) {
			return &w->reports[i];
		}
	}
	return NULL;
}

/* ---- to queue ------------------------------------------------------------------------------- */

static enum err
send_to(struct svc_watch_report *r, size_t index)
{
	struct svc_watch *w = r->w;
	const struct svc_watch_kind *kind = kinds[r->kind];
	struct svc_watch_letter letter = { .day = r->day,
		.domain = domain_of(r),
		.to = address_of(&r->to[index]),
		.octets_max = r->to[index].octets_max,
		.record = str_make(r->record, r->record_n),
		.index = index,
		.now_s = sys_clock_wall_s() };

	TRY(kind->make(w, &letter));
	struct ipc_watch_queue_commit m = { .txn = r->request,
		.recipient = letter.to,
		.message_id = letter.message_id,
		.unenforced = kind->unenforced,
		.body = letter.body };
	buf_reset(&w->out);
	ipc_watch_queue_commit_put(&w->out, &m);
	return svc_common_link_send(&w->queue, &w->out, -1);
}

/* Not the report's fault: queue is behind or away, or we or the journal are in trouble. */
static bool
passes(enum err e)
{
	return err_class(e) == ERR_CLASS_TEMP || err_class(e) == ERR_CLASS_LOCAL;
}

/* All that queue does not have yet. */
static void
send_all(struct svc_watch_report *r)
{
	r->late = false;
	for (size_t i = 0; i < r->to_n; i++) {
		struct svc_watch_to *to = &r->to[i];
		if (to->settled) {
			continue;
		}
		enum err e = to->no ? ERR_DENIED : send_to(r, i);
		to->settled = !passes(e);
		r->waiting += e == ERR_OK;
		r->late = r->late || passes(e);
		if (e != ERR_OK) {
			LOG(WATCH_REPORT_FAILED, F_STR("domain", domain_of(r)),
			    F_STR("to", address_of(to)), F_ERR(e));
		}
	}
	if (r->waiting == 0) {
		/* Failed: only https, which we do not do, or no address to write to. */
		enum reach_report_state state = REACH_REPORT_FAILED;
		state = r->late ? REACH_REPORT_TRIED : state;
		end(r, r->sent > 0 ? REACH_REPORT_SENT : state);
	}
}

static enum err
on_commit_result(void *ctx, const struct ipc_watch_queue_commit_result *m, int *fd)
{
	struct svc_watch *w = ctx;
	struct svc_watch_report *r = by_request(w, m->txn);

	if (r == NULL || r->asking || r->waiting == 0) {
		return ERR_OK; /* its deadline has passed */
	}
	r->waiting--;
	r->sent += m->result == ERR_OK;
	if (m->result == ERR_OK) {
		char id[SPOOL_ID_TEXT];
		spool_id_text(m->entry, id);
		w->own[w->own_at++ % SVC_WATCH_OWN_MAX] = m->entry;
		LOG(WATCH_REPORT, F_STR("domain", domain_of(r)), F_CSTR("queue", id),
		    F_I64("begin", reach_report_begin_ms(w->journal, r->day) / 1000),
		    F_I64("end", reach_report_begin_ms(w->journal, r->day + 1) / 1000 - 1));
	} else {
		LOG(WATCH_REPORT_FAILED, F_STR("domain", domain_of(r)), F_ERR(m->result));
	}
	if (r->waiting == 0 && r->late) {
		send_all(r); /* there was no room for all at once: now there is */
	} else if (r->waiting == 0) {
		end(r, r->sent > 0 ? REACH_REPORT_SENT : REACH_REPORT_TRIED);
	}
	return ERR_OK;
}

/* ---- with resolve --------------------------------------------------------------------------- */

static enum err
ask(struct svc_watch *w, uint64_t request, str name)
{
	struct ipc_watch_resolve_query m = { .request = request, .name = name, .type = DNS_TXT };

	buf_reset(&w->out);
	ipc_watch_resolve_query_put(&w->out, &m);
	return svc_common_link_send(&w->resolve, &w->out, -1);
}

struct svc_watch_to *
svc_watch_report_to(struct svc_watch_report *r, str mailto)
{
	struct svc_watch_to *to = &r->to[r->to_n];
	struct buf address;

	if (r->to_n == LEN(r->to)) {
		return NULL;
	}
	*to = (struct svc_watch_to){ 0 };
	buf_init_fixed(&address, to->address, sizeof to->address);
	if (tlsrpt_address(mailto, &address) != ERR_OK) {
		return NULL;
	}
	to->n = address.n;
	r->to_n++;
	return to;
}

/* RFC 7489 7.1: who is of another organization is asked whether he wants reports of this domain. */
static void
check_receivers(struct svc_watch_report *r)
{
	char room[sizeof(r->domain) + SVC_WATCH_ADDRESS_MAX + 32];
	struct buf name;

	for (size_t i = 0; i < r->to_n; i++) {
		struct svc_watch_to *to = &r->to[i];
		str address = address_of(to);
		if (to->request == 0) {
			continue;
		}
		buf_init_fixed(&name, room, sizeof room);
		dmarc_external_name(&name, domain_of(r),
		    str_from_off(address, (size_t)(str_rchr(address, '@') + 1)));
		to->request = r->w->next_request++;
		if (ask(r->w, to->request, buf_view(&name)) == ERR_OK) {
			r->checks++;
		} else {
			to->request = 0;
			to->no = true;
		}
	}
}

/* The TXT records, each joined, in w->scratch. */
static enum err
texts_of(struct svc_watch *w, const struct ipc_watch_resolve_answer *m, str **ret, size_t *ret_n)
{
	str *texts = arena_array(w->scratch, m->records_n + 1, sizeof(str));
	size_t n = 0;

	if (texts == NULL) {
		return ERR_BUDGET;
	}
	for (size_t i = 0; i < m->records_n; i++) {
		struct buf text;
		buf_init(&text, m->records[i].rdata.n + 1);
		if (dns_txt(m->records[i].rdata, &text) == ERR_OK) {
			texts[n] = arena_dup(w->scratch, buf_view(&text));
			n += texts[n].p != NULL;
		}
		buf_done(&text);
	}
	*ret = texts;
	*ret_n = n;
	return ERR_OK;
}

/* The record that asks for a report, or that there is none. */
static void
on_record(struct svc_watch_report *r, const struct ipc_watch_resolve_answer *m)
{
	str *texts = NULL;
	size_t n = 0;

	r->asking = false;
	if (m->answer.result != ERR_OK && m->answer.result != ERR_NOTFOUND) {
		end(r, REACH_REPORT_TRIED);
		return;
	}
	enum err e = m->answer.result;
	e = e == ERR_OK ? texts_of(r->w, m, &texts, &n) : e;
	e = e == ERR_OK ? kinds[r->kind]->read(r, texts, n) : e;
	if (e != ERR_OK) {
		end(r, e == ERR_BUDGET ? REACH_REPORT_TRIED : REACH_REPORT_UNWANTED);
		return;
	}
	check_receivers(r);
	if (r->checks == 0) {
		send_all(r);
	}
}

/* What the receiver's own domain says. No answer is no. */
static void
on_check(struct svc_watch_report *r, struct svc_watch_to *to,
    const struct ipc_watch_resolve_answer *m)
{
	str *texts = NULL;
	size_t n = 0;
	struct dmarc_record record;

	to->request = 0;
	to->no = true;
	if (m->answer.result == ERR_OK && texts_of(r->w, m, &texts, &n) == ERR_OK) {
		for (size_t i = 0; i < n; i++) {
			enum err e = dmarc_record_read(texts[i], &record);
			to->no = to->no && e != ERR_OK && e != ERR_SYNTAX;
		}
	}
	if (--r->checks == 0) {
		send_all(r);
	}
}

static bool
answers_check(struct svc_watch *w, const struct ipc_watch_resolve_answer *m)
{
	for (size_t i = 0; i < LEN(w->reports); i++) {
		struct svc_watch_report *r = &w->reports[i];
		for (size_t k = 0; k < r->to_n && r->domain_n > 0; k++) {
			if (r->to[k].request != 0 && r->to[k].request == m->request) {
				on_check(r, &r->to[k], m);
				return true;
			}
		}
	}
	return false;
}

static enum err
on_answer(void *ctx, const struct ipc_watch_resolve_answer *m, int *fd)
{
	struct svc_watch *w = ctx;
	struct svc_watch_report *r = by_request(w, m->request);

	if (r != NULL && r->asking) {
		on_record(r, m);
	} else if (r == NULL) {
		(void)answers_check(w, m); /* else its deadline has passed */
	}
	return ERR_OK;
}

/* ---- of TLS --------------------------------------------------------------------------------- */

static enum err
read_tls(struct svc_watch_report *r, const str *texts, size_t n)
{
	struct tlsrpt_record record;

	TRY(tlsrpt_record(texts, n, &record));
	r->w->reports_https += record.https;
	for (size_t i = 0; i < record.mail_n; i++) {
		(void)svc_watch_report_to(r, record.mail[i]);
	}
	return ERR_OK;
}

const struct svc_watch_kind svc_watch_tls = {
	.prefix = "_smtp._tls.",
	.unenforced = true,
	.read = read_tls,
	.make = svc_watch_letter_make,
};

/* ---- rounds --------------------------------------------------------------------------------- */

static enum err
ask_record(struct svc_watch_report *r)
{
	char name[sizeof(r->domain) + 16];
	struct buf text;

	buf_init_fixed(&text, name, sizeof name);
	buf_cstr(&text, kinds[r->kind]->prefix);
	buf_str(&text, domain_of(r));
	return ask(r->w, r->request, buf_view(&text));
}

static bool
is_wanted(const struct svc_watch *w, enum reach_report_kind kind)
{
	const struct conf *c = w->sc->conf;

	return kind == REACH_REPORT_TLS ? c->watch_reports : c->dmarc_reports;
}

/* Take up one report that is due. False: none is, or none can be now. */
static bool
begin_one(struct svc_watch *w, struct svc_watch_report *r, enum reach_report_kind kind)
{
	int64_t now = sys_clock_wall_ms(), day_ms = (int64_t)w->sc->conf->watch_report_day;
	int64_t late = sys_loop_now_ms(w->sc->loop) < w->hurry_until_ms ? 0 : w->delay_ms;
	struct reach_due due = { .kind = kind,
		.today = reach_report_day(w->journal, now - late),
		.now_ms = now,
		.retry_ms = day_ms / SVC_WATCH_TRIES_MAX,
		.tries_max = SVC_WATCH_TRIES_MAX };
	struct buf domain;

	buf_init_fixed(&domain, r->domain, sizeof r->domain);
	enum err e = reach_report_due(w->journal, &due, &domain, &r->day);
	if (e != ERR_OK) {
		if (e != ERR_NOTFOUND) {
			svc_watch_failed(w, "report", e);
		}
		return false;
	}
	r->w = w;
	r->kind = kind;
	r->domain_n = domain.n;
	r->request = w->next_request++;
	mark(r, REACH_REPORT_TRIED);
	r->asking = true;
	sys_timer_set(w->sc->loop, &r->deadline, SVC_WATCH_ASK_MS);
	if (ask_record(r) != ERR_OK) {
		let_go(r);
		return false;
	}
	return true;
}

/* Of any kind that is switched on. */
static bool
begin_any(struct svc_watch *w, struct svc_watch_report *r)
{
	for (int kind = 0; kind < REACH_REPORT_KINDS; kind++) {
		if (is_wanted(w, (enum reach_report_kind)kind) &&
		    begin_one(w, r, (enum reach_report_kind)kind)) {
			return true;
		}
	}
	return false;
}

static uint64_t
begin_some(struct svc_watch *w)
{
	uint64_t n = 0;

	for (size_t i = 0; i < LEN(w->reports) && w->resolve.chan != NULL; i++) {
		if (w->reports[i].domain_n > 0) {
			n++;
		} else if (begin_any(w, &w->reports[i])) {
			n++;
		} else {
			break;
		}
	}
	return n;
}

static void
on_round(void *ctx)
{
	struct svc_watch *w = ctx;
	int64_t day_ms = (int64_t)w->sc->conf->watch_report_day;

	sys_timer_set(w->sc->loop, &w->round, MIN(MAX(day_ms / 100, 100), SVC_WATCH_TIDY_MS));
	(void)begin_some(w);
}

uint64_t
svc_watch_report_now(struct svc_watch *w)
{
	w->hurry_until_ms = sys_loop_now_ms(w->sc->loop) + SVC_WATCH_TIDY_MS;
	return begin_some(w);
}

/* RFC 8460 4.1: some hours after midnight, each reporter at another time. */
void
svc_watch_report_init(struct svc_watch *w)
{
	uint64_t span = (uint64_t)w->sc->conf->watch_report_day / 6;

	w->delay_ms = (int64_t)(sys_random_u64() % (span + 1));
	for (size_t i = 0; i < LEN(w->reports); i++) {
		w->reports[i].w = w;
		sys_timer_init(&w->reports[i].deadline, on_deadline, &w->reports[i]);
	}
	sys_timer_init(&w->round, on_round, w);
	sys_timer_set(w->sc->loop, &w->round, 0);
}

/* ---- the channels --------------------------------------------------------------------------- */

enum err
svc_watch_from_queue(struct svc_common_link *from, str datagram, int *fd)
{
	static const struct ipc_watch_queue_at_watch handlers = {
		.commit_result = on_commit_result
	};
	struct svc_watch *w = from->sc->ctx;

	arena_reset(w->scratch);
	return ipc_watch_queue_watch_dispatch(&handlers, w, datagram, fd, w->scratch);
}

enum err
svc_watch_from_resolve(struct svc_common_link *from, str datagram, int *fd)
{
	static const struct ipc_watch_resolve_at_watch handlers = { .answer = on_answer };
	struct svc_watch *w = from->sc->ctx;

	arena_reset(w->scratch);
	return ipc_watch_resolve_watch_dispatch(&handlers, w, datagram, fd, w->scratch);
}
