/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An attempt becomes a class, a line in the log, a record for watch and an outcome for people. Of
 * several attempts in a round the one that tells most is what the sender hears: a reply before a
 * broken TLS, that before a silence, and a fault of our own last of all.
 */
#include "svc/send/attempt.h"
#include "base/codec.h"
#include "ipc/send_watch.h"
#include "proto/smtpc/reply.h"
#include "spool/spool.h"
#include "sys/clock.h"

#include <errno.h>

enum { /* struct svc_send_outcome, rank */
	RANK_NONE,
	RANK_LOCAL = SVC_SEND_RANK_LOCAL,
	RANK_DNS,         /* of a host; of the domain there is nothing else */
	RANK_SILENCE,     /* no answer to the connection */
	RANK_UNREACHABLE, /* the network says so */
	RANK_REFUSED,     /* a reset for a connection */
	RANK_BROKEN,      /* connected, then nothing more */
	RANK_TLS,
	RANK_OURS, /* we decided, knowing what it can do: SIZE, SMTPUTF8 */
	RANK_REPLY_4,
	RANK_REPLY_5,
	RANK_DONE,
};

/* --- while it goes on ---------------------------------------------------------------------- */

void
svc_send_attempt_begin(struct svc_send_attempt *a, struct svc_send *sv, enum reach_phase phase)
{
	memset(a, 0, sizeof *a);
	a->began_ms = sys_loop_now_ms(sv->sc->loop);
	a->began_wall_ms = sys_clock_wall_ms();
	a->phases[0] = (struct svc_send_phase){ .phase = (uint8_t)phase };
	a->phases_n = 1;
}

static void
close_phase(struct svc_send_attempt *a, struct svc_send *sv)
{
	struct svc_send_phase *p = &a->phases[a->phases_n - 1];
	p->took_ms = sys_loop_now_ms(sv->sc->loop) - a->began_ms - p->at_ms;
}

void
svc_send_attempt_phase(struct svc_send_attempt *a, struct svc_send *sv, enum reach_phase phase)
{
	if (a->phases_n == 0 || a->phases[a->phases_n - 1].phase == phase ||
	    a->phases_n >= LEN(a->phases)) {
		return;
	}
	close_phase(a, sv);
	a->phases[a->phases_n++] = (struct svc_send_phase){ .phase = (uint8_t)phase,
		.at_ms = sys_loop_now_ms(sv->sc->loop) - a->began_ms };
}

/* --- what it means ------------------------------------------------------------------------- */

uint8_t
svc_send_attempt_rank(uint8_t verdict, uint16_t code)
{
	if (verdict == SVC_SEND_DELIVERED) {
		return RANK_DONE;
	}
	return code >= 500 ? RANK_REPLY_5 : RANK_REPLY_4;
}

static uint8_t
rank(const struct svc_send_attempt *a)
{
	const struct reach_seen *s = &a->seen;
	if (a->verdict == SVC_SEND_DELIVERED || s->code >= 400) {
		return svc_send_attempt_rank(a->verdict, (uint16_t)s->code);
	}
	if (a->sentence.n > 0 && s->phase >= REACH_PHASE_MAIL) {
		return RANK_OURS;
	}
	if (s->tls != REACH_TLS_OK) {
		return RANK_TLS;
	}
	if (s->phase == REACH_PHASE_DNS) {
		return RANK_DNS;
	}
	if (s->phase > REACH_PHASE_CONNECT) {
		return RANK_BROKEN;
	}
	switch (s->system_error) {
	case ECONNREFUSED: return RANK_REFUSED;
	case EHOSTUNREACH:
	case ENETUNREACH: return RANK_UNREACHABLE;
	default: return s->timed_out || s->system_error == ETIMEDOUT ? RANK_SILENCE : RANK_LOCAL;
	}
}

/* A reply to the letter decides; one to the connection may be about us, and mended. */
static uint8_t
verdict(const struct svc_send_attempt *a)
{
	const struct reach_seen *s = &a->seen;
	if (a->verdict != 0) {
		return a->verdict;
	}
	if (s->phase == REACH_PHASE_DNS) {
		bool final = s->dns == REACH_DNS_NXDOMAIN || s->dns == REACH_DNS_NODATA ||
		    s->dns == REACH_DNS_NULLMX || s->dns == REACH_DNS_BAD_ADDRESS;
		return final ? SVC_SEND_FAILED : SVC_SEND_RETRY;
	}
	bool final = s->code >= 500 && s->phase >= REACH_PHASE_MAIL && s->phase < REACH_PHASE_QUIT;
	return final ? SVC_SEND_FAILED : SVC_SEND_RETRY;
}

/* "mx.example.net [192.0.2.1]: the connection was refused (Connection refused)" */
static void
put_sentence(struct buf *b, const struct svc_send_attempt *a)
{
	if (a->host != NULL) {
		buf_str(b, a->host->name);
		if (a->has_peer && str_chr(a->host->name, '[') < 0) {
			buf_cstr(b, " [");
			sys_addr_ip_text(b, a->peer);
			buf_ch(b, ']');
		}
		buf_cstr(b, ": ");
	} else {
		buf_str(b, a->route->domain);
		buf_cstr(b, ": ");
	}
	buf_str(b, a->sentence.n > 0 ? a->sentence : reach_class_row(a->found.class)->what);
	if (a->sentence.n == 0 && a->seen.system_error != 0) {
		const char *why = strerrordesc_np(a->seen.system_error);
		buf_printf(b, " (%s)", why == NULL ? "error" : why);
	}
}

static void
make_outcome(struct svc_send_attempt *a)
{
	struct svc_send_outcome *o = &a->outcome;
	char text[SVC_SEND_REPLY_MAX * 4];
	struct buf b, reply;
	buf_init_fixed(&reply, text, sizeof text);
	smtpc_reply_text(&reply, a->seen.reply);
	*o = (struct svc_send_outcome){ .verdict = verdict(a),
		.rank = rank(a),
		.code = (uint16_t)a->seen.code,
		.enhanced = a->seen.enhanced };
	buf_init_fixed(&b, a->reply_text, sizeof a->reply_text);
	if (o->code != 0) {
		buf_str(&b, str_sub(buf_view(&reply), 0, sizeof a->reply_text));
	} else {
		put_sentence(&b, a);
	}
	o->reply = buf_view(&b);
	if (o->enhanced.n == 0 && o->verdict != SVC_SEND_DELIVERED) {
		buf_init_fixed(&b, a->enhanced_text, sizeof a->enhanced_text);
		buf_cstr(&b, o->verdict == SVC_SEND_FAILED ? "5." : "4.");
		str status = reach_class_row(a->found.class)->status;
		buf_str(&b, status.n > 0 ? status : S("0.0"));
		o->enhanced = buf_view(&b);
	}
}

static void
classify(struct svc_send_attempt *a, struct svc_send *sv)
{
	str own[2] = { sv->set.hostname, sv->set.helo };
	struct reach_seen seen = a->seen;
	seen.own = own;
	seen.own_n = LEN(own);
	seen.operator= a->route->op != NULL ? a->route->op->name : S("");
	if (a->verdict == SVC_SEND_DELIVERED) {
		a->found = (struct reach_found){ .class = REACH_NONE };
		return;
	}
	if (a->dane == DANE_VERDICT_MISMATCH) { /* in reports: validation-failure */
		seen.tls = REACH_TLS_TLSA_INVALID;
	} else if (a->sts == MTASTS_VERDICT_UNLISTED && seen.tls == REACH_TLS_VALIDATION) {
		seen.tls = REACH_TLS_STS_INVALID; /* the same */
	}
	if (a->sentence.n > 0 && seen.phase >= REACH_PHASE_MAIL) { /* our own words for a status */
		seen.code = seen.enhanced.n > 0 && seen.enhanced.p[0] == '5' ? 550 : 450;
		seen.reply = a->sentence;
	}
	reach_classify(sv->rules, &seen, &a->found);
}

/* --- telling ------------------------------------------------------------------------------- */

/* RFC 8460 4.5: the TLSA records, or the lines of the MTA-STS policy that we know. */
static void
put_policy(struct buf *out, const struct svc_send_attempt *a)
{
	const struct svc_send_route *r = a->route;
	const struct svc_send_host *h = a->host;
	if (h != NULL && h->dane != DANE_DEMAND_NONE && a->dane != DANE_VERDICT_NONE) {
		for (size_t i = 0; i < h->records_n; i++) {
			const struct dane_record *t = &h->records[i];
			buf_printf(out, "%u %u %u ", t->usage, t->selector, t->matching);
			hex_encode(out, t->data);
			buf_ch(out, '\n');
		}
	} else if (r->sts_applies) {
		buf_printf(out, "version: STSv1\nmode: %s\n",
		    r->sts == MTASTS_ENFORCE ? "enforce" : "testing");
		for (size_t i = 0; i < r->patterns_n; i++) {
			buf_printf(out, "mx: %.*s\n", STR_ARG(r->patterns[i]));
		}
	}
	/* All of it or nothing. */
	if (buf_err(out) != ERR_OK) {
		buf_reset(out);
	}
}

static void
tell_watch(const struct svc_send_attempt *a, struct svc_send *sv)
{
	char storage[4096];
	struct buf policy;
	buf_init_fixed(&policy, storage, sizeof storage);
	put_policy(&policy, a);
	const struct svc_send_letter *l = a->letter;
	struct ipc_send_watch_phase phases[REACH_PHASE_COUNT];
	for (size_t i = 0; i < a->phases_n; i++) {
		phases[i] = (struct ipc_send_watch_phase){ .phase = a->phases[i].phase,
			.at_ms = (uint32_t)a->phases[i].at_ms,
			.took_ms = (uint32_t)a->phases[i].took_ms };
	}
	struct ipc_send_watch_attempt m = { .entry = l->entry,
		.began_ms = a->began_wall_ms,
		.domain = l->domain,
		.message_id = l->message_id,
		.operator= a->route->op != NULL ? a->route->op->name : S(""),
		.mx = a->host != NULL ? a->host->name : S(""),
		.preference = a->host != NULL ? a->host->preference : 0,
		.peer_ip = a->has_peer ? str_make(a->peer, 16) : S(""),
		.source_ip = a->has_peer ? str_make(a->source, 16) : S(""),
		.tries = l->tries,
		.rcpts = (uint16_t)a->rcpts,
		.verdict = a->outcome.verdict,
		.phase = (uint8_t)a->seen.phase,
		.class = reach_class_row(a->found.class)->code,
		.rule = a->found.rule,
		.phases = phases,
		.phases_n = a->phases_n,
		.sent = a->seen.sent,
		.received = a->seen.received,
		.tls_version = a->has_tls ? a->tls.version : S(""),
		.tls_cipher = a->has_tls ? a->tls.cipher : S(""),
		.issuer = a->has_tls ? a->tls.issuer : S(""),
		.key = a->has_tls && a->tls.has_cert ? str_make(a->tls.key, 32) : S(""),
		.expires_s = a->has_tls ? a->tls.expires_s : 0,
		.dane = a->dane,
		.sts = a->sts,
		.policy = buf_view(&policy),
		.tls_failure = reach_tls_name(a->seen.tls != REACH_TLS_OK ? a->seen.tls
									  : a->soft_tls),
		.code = a->outcome.code,
		.enhanced = a->outcome.enhanced,
		.reply = str_sub(a->seen.code != 0 ? a->seen.reply : a->outcome.reply, 0, 4096),
		.system_error = (uint32_t)a->seen.system_error,
		.rtt_us = a->info.rtt_us,
		.retransmits = a->info.retransmits,
		.unacked = a->info.unacked };
	if (sv->watch.chan != NULL) {
		buf_reset(&sv->out);
		ipc_send_watch_attempt_put(&sv->out, &m);
		sv->count.records_lost += svc_common_link_send(&sv->watch, &sv->out, -1) != ERR_OK;
	}
}

static void
log_attempt(const struct svc_send_attempt *a)
{
	const struct svc_send_letter *l = a->letter;
	char id[SPOOL_ID_TEXT];
	static const char *const verdicts[] = { "", "delivered", "later", "refused" };
	spool_id_text(l->entry, id);
	LOG(SEND_ATTEMPT, F_CSTR("queue", id), F_STR("from", l->reverse_path),
	    F_STR("to", l->rcpts[0].address), F_U64("rcpts", a->rcpts),
	    F_STR("mx", a->host != NULL ? a->host->name : S("")), F_IP("peer", a->peer),
	    F_IP("source", a->source), F_STR("tls", a->has_tls ? a->tls.version : S("")),
	    F_CSTR("verdict", verdicts[a->outcome.verdict & 3]),
	    F_STR("phase", reach_phase_name(a->seen.phase)), F_U64("code", a->outcome.code),
	    F_STR("enhanced", a->outcome.enhanced),
	    F_STR("class", reach_class_row(a->found.class)->code),
	    F_I64("error", a->seen.system_error),
	    F_I64("ms", a->phases[a->phases_n - 1].at_ms + a->phases[a->phases_n - 1].took_ms));
}

void
svc_send_attempt_end(struct svc_send_attempt *a, struct svc_send *sv)
{
	close_phase(a, sv);
	classify(a, sv);
	make_outcome(a);
	sv->count.attempts++;
	tell_watch(a, sv);
	log_attempt(a);
}

void
svc_send_attempt_credit(const struct svc_send_attempt *a, struct svc_send_letter *l)
{
	if (a->outcome.rank < l->rank) {
		return;
	}
	l->rank = a->outcome.rank;
	l->mx = a->host != NULL ? arena_dup(l->arena, a->host->name) : S("");
	l->has_peer = a->has_peer;
	memcpy(l->peer_ip, a->peer, 16);
	if (a->outcome.verdict != SVC_SEND_DELIVERED) {
		l->class = reach_class_row(a->found.class)->code;
	}
}

/* --- DNS ----------------------------------------------------------------------------------- */

/* Of hosts none of which can be used: what is wrong with the best one. */
static void
see_unfit(struct svc_send_attempt *a, const struct svc_send_route *r)
{
	const struct svc_send_host *h = &r->hosts[0];
	a->host = h;
	switch (h->unfit) {
	case SVC_SEND_NO_ADDRESS: a->seen.dns = REACH_DNS_NODATA; break;
	case SVC_SEND_BAD_ADDRESS: a->seen.dns = REACH_DNS_BAD_ADDRESS; break;
	case SVC_SEND_UNLISTED:
		a->seen.phase = REACH_PHASE_TLS;
		a->seen.tls = REACH_TLS_VALIDATION;
		a->sts = MTASTS_VERDICT_UNLISTED;
		a->sentence = S("is not in the MTA-STS policy of the domain");
		break;
	case SVC_SEND_UNSAFE:
		a->verdict = SVC_SEND_FAILED;
		a->seen.phase = REACH_PHASE_TLS;
		a->seen.tls = REACH_TLS_VALIDATION;
		a->seen.enhanced = S("5.7.30");
		a->sentence =
		    S("nothing proves that it is the domain's server, as REQUIRETLS asks");
		break;
	default:
		a->seen.dns = h->v4_n + h->v6_n == 0 ? REACH_DNS_SERVFAIL : REACH_DNS_BOGUS;
		if (h->v4_n + h->v6_n > 0) { /* it was about its TLSA records */
			a->dane = DANE_VERDICT_DNS;
			(void)reach_tls_find(dane_failure(DANE_VERDICT_DNS), &a->soft_tls);
		}
		break;
	}
}

static void
see_dns(struct svc_send_attempt *a, const struct svc_send_route *r)
{
	a->seen.phase = REACH_PHASE_DNS;
	a->seen.dns = r->failed;
	if (r->failed == REACH_DNS_OK && r->loop) {
		a->verdict = SVC_SEND_FAILED;
		a->seen.dns = REACH_DNS_BAD_ADDRESS;
		a->seen.enhanced = S("5.4.6");
		a->sentence =
		    S("mail for this domain leads back to this server, which does not serve it");
	} else if (r->failed == REACH_DNS_OK && r->hosts_n > 0) {
		see_unfit(a, r);
	} else if (r->failed == REACH_DNS_OK) {
		a->seen.dns = REACH_DNS_SERVFAIL; /* memory ran out under way */
	}
}

void
svc_send_attempt_dns(struct svc_send_route *r)
{
	struct svc_send *sv = r->server;
	while (!list_empty(&r->waiting)) {
		struct svc_send_letter *l = LIST_ENTRY(r->waiting.next, struct svc_send_letter,
		    node);
		struct svc_send_attempt a;
		svc_send_attempt_begin(&a, sv, REACH_PHASE_DNS);
		a.began_ms = r->began_ms;
		a.began_wall_ms = r->began_wall_ms;
		a.letter = l;
		a.route = r;
		a.rcpts = l->rcpts_n;
		see_dns(&a, r);
		svc_send_attempt_end(&a, sv);
		l->whole_domain = true;
		svc_send_letter_note_all(l, &a.outcome);
		svc_send_attempt_credit(&a, l);
		svc_send_letter_finish(l);
	}
}
