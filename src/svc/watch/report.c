/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TLS reports, RFC 8460: when a day is over and some time has passed, each domain we spoke with is
 * asked whether it wants a report (TXT below _smtp._tls); if so, one letter per address goes to
 * queue, as any letter but not held to DANE or MTA-STS (3). What could not be done is tried again
 * for a day; the state is in the journal, so a restart loses nothing. letter.c makes the letters.
 */
#include "conf/conf.h"
#include "ipc/watch_queue.h"
#include "ipc/watch_resolve.h"
#include "proto/dns/dns.h"
#include "proto/tlsrpt/tlsrpt.h"
#include "spool/spool.h"
#include "svc/watch/letter.h"
#include "svc/watch/watch.h"
#include "sys/clock.h"
#include "sys/random.h"

static str
domain_of(const struct svc_watch_report *r)
{
	return str_make(r->domain, r->domain_n);
}

/* The place is free again; what the journal says about the report stands. */
static void
let_go(struct svc_watch_report *r)
{
	sys_timer_stop(&r->deadline);
	r->domain_n = 0;
	r->asking = false;
	r->waiting = r->sent = 0;
}

static void
mark(struct svc_watch_report *r, enum reach_report_state state)
{
	struct svc_watch *w = r->w;
	enum err e = reach_report_mark(w->journal, r->day, domain_of(r), state,
	    sys_clock_wall_ms());

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
send_to(struct svc_watch_report *r, str to, size_t index)
{
	struct svc_watch *w = r->w;
	struct svc_watch_letter letter = { .day = r->day,
		.domain = domain_of(r),
		.to = to,
		.index = index,
		.now_s = sys_clock_wall_s() };

	TRY(svc_watch_letter_make(w, &letter));
	struct ipc_watch_queue_commit m = { .txn = r->request,
		.recipient = to,
		.message_id = letter.message_id,
		.unenforced = true,
		.body = letter.body };
	buf_reset(&w->out);
	ipc_watch_queue_commit_put(&w->out, &m);
	return svc_common_link_send(&w->queue, &w->out, -1);
}

static void
send_all(struct svc_watch_report *r, const struct tlsrpt_record *record)
{
	struct svc_watch *w = r->w;
	char storage[TLSRPT_ADDRESS_MAX * 2];
	struct buf to;

	w->reports_https += record->https;
	for (size_t i = 0; i < record->mail_n; i++) {
		buf_init_fixed(&to, storage, sizeof storage);
		enum err e = tlsrpt_address(record->mail[i], &to);
		e = e == ERR_OK ? send_to(r, buf_view(&to), i) : e;
		if (e == ERR_OK) {
			r->waiting++;
		} else {
			LOG(WATCH_REPORT_FAILED, F_STR("domain", domain_of(r)),
			    F_STR("to", buf_view(&to)), F_ERR(e));
		}
	}
	if (r->waiting == 0) {
		/* Only https, which we do not do, or no address that could be written to. */
		end(r, w->queue.chan == NULL ? REACH_REPORT_TRIED : REACH_REPORT_FAILED);
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
	if (r->waiting == 0) {
		end(r, r->sent > 0 ? REACH_REPORT_SENT : REACH_REPORT_TRIED);
	}
	return ERR_OK;
}

/* ---- from resolve --------------------------------------------------------------------------- */

/* The TXT records, joined, in w->scratch. */
static enum err
read_records(struct svc_watch *w, const struct ipc_watch_resolve_answer *m,
    struct tlsrpt_record *ret)
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
	return tlsrpt_record(texts, n, ret);
}

static enum err
on_answer(void *ctx, const struct ipc_watch_resolve_answer *m, int *fd)
{
	struct svc_watch *w = ctx;
	struct svc_watch_report *r = by_request(w, m->request);
	struct tlsrpt_record record;

	if (r == NULL || !r->asking) {
		return ERR_OK;
	}
	r->asking = false;
	if (m->answer.result != ERR_OK && m->answer.result != ERR_NOTFOUND) {
		end(r, REACH_REPORT_TRIED);
		return ERR_OK;
	}
	enum err e = m->answer.result == ERR_OK ? read_records(w, m, &record) : ERR_NOTFOUND;
	if (e != ERR_OK) {
		end(r, e == ERR_BUDGET ? REACH_REPORT_TRIED : REACH_REPORT_UNWANTED);
		return ERR_OK;
	}
	send_all(r, &record);
	return ERR_OK;
}

/* ---- rounds --------------------------------------------------------------------------------- */

static enum err
ask(struct svc_watch_report *r)
{
	struct svc_watch *w = r->w;
	char name[sizeof(r->domain) + 16];
	struct buf text;

	buf_init_fixed(&text, name, sizeof name);
	buf_cstr(&text, "_smtp._tls.");
	buf_str(&text, domain_of(r));
	struct ipc_watch_resolve_query m = {
		.request = r->request, .name = buf_view(&text), .type = DNS_TXT
	};
	buf_reset(&w->out);
	ipc_watch_resolve_query_put(&w->out, &m);
	return svc_common_link_send(&w->resolve, &w->out, -1);
}

/* Take up one report that is due. False: none is, or none can be now. */
static bool
begin_one(struct svc_watch *w, struct svc_watch_report *r)
{
	int64_t now = sys_clock_wall_ms(), day_ms = (int64_t)w->sc->conf->watch_report_day;
	int64_t late = sys_loop_now_ms(w->sc->loop) < w->hurry_until_ms ? 0 : w->delay_ms;
	struct reach_due due = { .today = reach_report_day(w->journal, now - late),
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
	r->domain_n = domain.n;
	r->request = w->next_request++;
	mark(r, REACH_REPORT_TRIED);
	r->asking = true;
	sys_timer_set(w->sc->loop, &r->deadline, SVC_WATCH_ASK_MS);
	if (ask(r) != ERR_OK) {
		let_go(r);
		return false;
	}
	return true;
}

static uint64_t
begin_some(struct svc_watch *w)
{
	uint64_t n = 0;

	for (size_t i = 0; i < LEN(w->reports) && w->resolve.chan != NULL; i++) {
		if (w->reports[i].domain_n > 0) {
			n++;
		} else if (begin_one(w, &w->reports[i])) {
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
	if (w->sc->conf->watch_reports) {
		(void)begin_some(w);
	}
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
