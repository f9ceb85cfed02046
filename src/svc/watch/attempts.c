/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attempts come from send, any number a second; they go into one transaction until it is 100 ms old
 * or has a thousand of them. What a failed commit held is lost and counted: the mail itself does
 * not depend on it.
 */
#include "conf/conf.h"
#include "ipc/send_watch.h"
#include "proto/dane/dane.h"
#include "proto/mtasts/mtasts.h"
#include "svc/watch/watch.h"
#include "sys/clock.h"

void
svc_watch_failed(struct svc_watch *w, const char *what, enum err e)
{
	if (!w->failing) {
		LOG(WATCH_DATABASE, F_CSTR("what", what), F_ERR(e),
		    F_STR("detail", reach_journal_error(w->journal)));
	}
	w->failing = true;
}

void
svc_watch_commit(struct svc_watch *w)
{
	if (!w->open) {
		return;
	}
	sys_timer_stop(&w->commit);
	enum err e = reach_journal_commit(w->journal);
	if (e != ERR_OK) {
		w->lost += w->batch;
		svc_watch_failed(w, "commit", e);
	} else {
		w->failing = false;
	}
	w->commits++;
	w->open = false;
	w->batch = 0;
}

static void
on_commit(void *ctx)
{
	svc_watch_commit(ctx);
}

enum err
svc_watch_begin(struct svc_watch *w)
{
	if (w->open) {
		return ERR_OK;
	}
	TRY(reach_journal_begin(w->journal));
	w->open = true;
	sys_timer_set(w->sc->loop, &w->commit, SVC_WATCH_BATCH_MS);
	return ERR_OK;
}

void
svc_watch_added(struct svc_watch *w, const char *what, enum err e)
{
	if (e != ERR_OK) {
		reach_journal_rollback(w->journal);
		w->lost += w->batch + 1;
		w->open = false;
		w->batch = 0;
		sys_timer_stop(&w->commit);
		svc_watch_failed(w, what, e);
		return;
	}
	if (++w->batch >= SVC_WATCH_BATCH) {
		svc_watch_commit(w);
	}
}

/* ---- from a message to a row ---------------------------------------------------------------- */

/* RFC 8460 4.4: which policy the session was held to. The result type may say more than verdicts.
 */
static str
policy_type(const struct ipc_send_watch_attempt *m)
{
	static const str of_dane[] = { S_INIT("tlsa-invalid"), S_INIT("dnssec-invalid"),
		S_INIT("dane-required") };

	for (size_t i = 0; i < LEN(of_dane); i++) {
		if (str_eq(m->tls_failure, of_dane[i])) {
			return S("tlsa");
		}
	}
	if (m->dane != DANE_VERDICT_NONE) {
		return S("tlsa");
	}
	if ((m->sts != MTASTS_VERDICT_NONE && m->sts != MTASTS_VERDICT_DANE) ||
	    str_starts(m->tls_failure, S("sts-"))) {
		return S("sts");
	}
	return S("no-policy-found");
}

/* RFC 8460 4.3: send names it where it looked at TLS; a STARTTLS that was refused has only a class.
 */
static str
failure_of(const struct ipc_send_watch_attempt *m)
{
	bool refused = str_eq(m->class, S("T1")) || str_eq(m->class, S("T2")) ||
	    str_eq(m->class, S("T3"));

	if (m->tls_failure.n > 0) {
		return m->tls_failure;
	}
	return refused ? reach_tls_name(REACH_TLS_NOT_SUPPORTED) : S("");
}

/*
 * Letters that go over a connection that is there make no session of their own. And where TLS was
 * never reached nobody needs to hear of it: RFC 8460 4.3.4.
 */
static bool
is_session(const struct ipc_send_watch_attempt *m)
{
	bool connected = m->phases_n == 0;

	for (size_t i = 0; i < m->phases_n; i++) {
		connected = connected || m->phases[i].phase == REACH_PHASE_CONNECT;
	}
	return connected && (failure_of(m).n > 0 || m->tls_version.n > 0);
}

/* A report's own session is no part of the next report: RFC 8460 3. */
static bool
is_own(const struct svc_watch *w, uint64_t entry)
{
	for (size_t i = 0; i < MIN(w->own_at, (size_t)SVC_WATCH_OWN_MAX); i++) {
		if (w->own[i] == entry) {
			return true;
		}
	}
	return false;
}

static uint32_t
took_ms(const struct ipc_send_watch_attempt *m)
{
	uint32_t end = 0;

	for (size_t i = 0; i < m->phases_n; i++) {
		end = MAX(end, m->phases[i].at_ms + m->phases[i].took_ms);
	}
	return end;
}

/* Names rather than numbers: for people who look into the database. */
static void
put_phases(struct buf *out, const struct ipc_send_watch_attempt *m)
{
	for (size_t i = 0; i < m->phases_n; i++) {
		const struct ipc_send_watch_phase *p = &m->phases[i];
		if (p->phase < REACH_PHASE_COUNT) {
			str name = reach_phase_name((enum reach_phase)p->phase);
			buf_printf(out, "%s%.*s %u+%u", out->n > 0 ? " " : "", STR_ARG(name),
			    p->at_ms, p->took_ms);
		}
	}
}

static enum err
on_attempt(void *ctx, const struct ipc_send_watch_attempt *m, int *fd)
{
	struct svc_watch *w = ctx;
	char storage[400];
	struct buf phases;

	buf_init_fixed(&phases, storage, sizeof storage);
	put_phases(&phases, m);
	struct reach_attempt a = { .entry = m->entry,
		.began_ms = m->began_ms,
		.took_ms = took_ms(m),
		.domain = m->domain,
		.message_id = m->message_id,
		.operator= m->operator,
		.mx = m->mx,
		.preference = m->preference,
		.peer_ip = m->peer_ip,
		.source_ip = m->source_ip,
		.tries = m->tries,
		.rcpts = m->rcpts,
		.verdict = m->verdict,
		.phase = m->phase,
		.dane = m->dane,
		.sts = m->sts,
		.class = m->class,
		.rule = m->rule,
		.unknown = m->code >= 400 && reach_rules_vague(w->rules, m->rule),
		.session = w->sc->conf->watch_reports && is_session(m) && !is_own(w, m->entry),
		.sent = m->sent,
		.received = m->received,
		.tls_version = m->tls_version,
		.tls_cipher = m->tls_cipher,
		.issuer = m->issuer,
		.key = m->key,
		.expires_s = m->expires_s,
		.policy_type = policy_type(m),
		.policy = m->policy,
		.tls_failure = failure_of(m),
		.code = m->code,
		.enhanced = m->enhanced,
		.reply = m->reply,
		.system_error = m->system_error,
		.icmp_type = m->icmp_type,
		.icmp_code = m->icmp_code,
		.rtt_us = m->rtt_us,
		.retransmits = m->retransmits,
		.unacked = m->unacked,
		.phases = buf_view(&phases) };

	w->attempts++;
	w->unknown += a.unknown;
	enum err e = svc_watch_begin(w);
	svc_watch_added(w, "attempt", e == ERR_OK ? reach_journal_add(w->journal, &a) : e);
	return ERR_OK;
}

enum err
svc_watch_from_send(struct svc_common_link *from, str datagram, int *fd)
{
	static const struct ipc_send_watch_at_watch handlers = { .attempt = on_attempt };
	struct svc_watch *w = from->sc->ctx;

	arena_reset(w->scratch);
	return ipc_send_watch_watch_dispatch(&handlers, w, datagram, fd, w->scratch);
}

/* ---- forgetting ----------------------------------------------------------------------------- */

static void
on_tidy(void *ctx)
{
	struct svc_watch *w = ctx;
	int64_t now = sys_clock_wall_ms();
	bool more = false;

	svc_watch_commit(w);
	enum err e = reach_journal_forget(w->journal, now - (int64_t)w->sc->conf->watch_keep,
	    w->sc->conf->watch_attempts, &more);
	e = e == ERR_OK ? reach_report_forget(w->journal,
			      reach_report_day(w->journal, now) - SVC_WATCH_REPORT_DAYS)
			: e;
	if (e != ERR_OK) {
		svc_watch_failed(w, "forget", e);
	}
	sys_timer_set(w->sc->loop, &w->tidy, more ? 0 : SVC_WATCH_TIDY_MS);
}

void
svc_watch_attempts_init(struct svc_watch *w)
{
	sys_timer_init(&w->commit, on_commit, w);
	sys_timer_init(&w->tidy, on_tidy, w);
	sys_timer_set(w->sc->loop, &w->tidy, SVC_WATCH_TIDY_MS);
}
