/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Encryption: whether it is asked for, whether it came about, and whether the peer has proven what
 * DANE, MTA-STS or REQUIRETLS want. Nothing of a letter is said before.
 */
#include "svc/send/conn.h"

/* Without TLS: only where an exception says so, and nothing stronger forbids it. */
static bool
plaintext_may(const struct svc_send_conn *c)
{
	const struct svc_send_route *r = c->route;
	return r->plaintext && c->host->dane == DANE_DEMAND_NONE && r->sts != MTASTS_ENFORCE;
}

static void
judge_sts(struct svc_send_conn *c, enum svc_send_proven p, bool tls)
{
	const struct svc_send_route *r = c->route;
	struct mtasts_seen seen = { .listed = c->host->listed,
		.starttls = tls,
		.trusted = tls && (p == SVC_SEND_PROVEN || p == SVC_SEND_OTHER_NAME),
		.named = tls && p == SVC_SEND_PROVEN };
	if (!r->sts_applies) {
		bool failed = r->sts_failure.n > 0 && reach_tls_find(r->sts_failure, &c->soft_tls);
		c->sts = failed ? MTASTS_VERDICT_FETCH : MTASTS_VERDICT_NONE;
		return;
	}
	if (c->host->dane == DANE_DEMAND_AUTHENTICATE) {
		c->sts = MTASTS_VERDICT_DANE;
		return;
	}
	enum mtasts_verdict v = mtasts_judge(r->sts, &seen);
	c->sts = (uint8_t)v;
	if (!reach_tls_find(mtasts_failure(v), &c->soft_tls)) {
		c->soft_tls = REACH_TLS_OK;
	}
}

static uint8_t
dane_verdict(enum svc_send_proven p)
{
	switch (p) {
	case SVC_SEND_PROVEN: return DANE_VERDICT_MATCHED;
	case SVC_SEND_EXPIRED: return DANE_VERDICT_EXPIRED;
	case SVC_SEND_OTHER_NAME: return DANE_VERDICT_NAME;
	default: return DANE_VERDICT_MISMATCH;
	}
}

static enum reach_tls
failure(enum svc_send_demand demand, enum svc_send_proven p)
{
	switch (p) {
	case SVC_SEND_PROVEN: return REACH_TLS_OK;
	case SVC_SEND_EXPIRED: return REACH_TLS_EXPIRED;
	case SVC_SEND_OTHER_NAME: return REACH_TLS_HOST_MISMATCH;
	case SVC_SEND_NO_MATCH: return REACH_TLS_VALIDATION;
	default: return demand == SVC_SEND_DANE ? REACH_TLS_VALIDATION : REACH_TLS_NOT_TRUSTED;
	}
}

/* --- before -------------------------------------------------------------------------------- */

static void
give_up(struct svc_send_conn *c)
{
	c->attempt.seen.tls = REACH_TLS_NOT_SUPPORTED;
	c->dane = c->host->dane != DANE_DEMAND_NONE ? DANE_VERDICT_NO_TLS : c->dane;
	judge_sts(c, SVC_SEND_UNTRUSTED, false);
	smtpc_quit(&c->engine);
	c->failed = true;
	c->end = (struct smtpc_action){
		.kind = SMTPC_FAILED, .end = SMTPC_END_TLS, .phase = SMTPC_PHASE_STARTTLS
	};
	svc_send_talk_flush(c);
}

void
svc_send_handshake_decide(struct svc_send_conn *c)
{
	if (smtpc_caps(&c->engine)->starttls) {
		smtpc_starttls(&c->engine);
	} else if (plaintext_may(c)) {
		judge_sts(c, SVC_SEND_UNTRUSTED, false);
		c->plain = true;
		c->now = true;
	} else {
		give_up(c);
	}
}

/* --- the handshake ------------------------------------------------------------------------- */

static void
broken(struct svc_send_conn *c, enum err e)
{
	c->broken = c->tls.io.broken;
	c->attempt.seen.tls = REACH_TLS_VALIDATION;
	if (e == ERR_TLS) {
		const char *why = svc_common_tls_reason();
		c->attempt.seen.garbled = svc_send_tls_alien();
		c->attempt.sentence = arena_printf(c->letter->arena, "the TLS handshake failed: %s",
		    why);
	}
	c->state = SVC_SEND_TALKING;
	c->has_tls = false;
	bool closed = e == ERR_EOF && c->broken == 0;
	enum smtpc_end cut = closed ? SMTPC_END_EOF : SMTPC_END_RESET;
	smtpc_lost(&c->engine, e == ERR_TLS ? SMTPC_END_TLS : cut);
}

void
svc_send_handshake_begin(struct svc_send_conn *c)
{
	struct svc_send *sv = c->server;
	struct svc_send_proof proof = svc_send_route_proof(c->route, c->host);
	c->want_tls = false;
	svc_send_attempt_phase(&c->attempt, sv, REACH_PHASE_TLS);
	enum err e = svc_send_tls_init(&c->tls, &sv->tls, c->watch.fd, &proof,
	    str_make(c->key, c->key_n));
	if (e != ERR_OK) {
		smtpc_lost(&c->engine, SMTPC_END_LOCAL);
		return;
	}
	c->tls_on = true;
	c->state = SVC_SEND_HANDSHAKE;
	sys_timer_set(sv->sc->loop, &c->timer, MIN(SVC_SEND_HANDSHAKE_MS, sv->set.reply_ms));
}

/* What the proof means for the records; true: the letter may go. */
static bool
judge(struct svc_send_conn *c)
{
	struct svc_send_proof proof = svc_send_route_proof(c->route, c->host);
	enum svc_send_proven p = svc_send_tls_prove(&c->tls, &proof);
	if (proof.demand == SVC_SEND_DANE) {
		c->dane = dane_verdict(p);
	} else if (c->host->dane == DANE_DEMAND_ENCRYPT) {
		c->dane = DANE_VERDICT_UNUSABLE;
	}
	if (!c->route->sts_applies) {
		judge_sts(c, p, true);
	} else {
		struct svc_send_proof pkix = { .demand = SVC_SEND_PKIX, .host = c->host->name };
		bool asked = proof.demand == SVC_SEND_PKIX;
		judge_sts(c, asked ? p : svc_send_tls_prove(&c->tls, &pkix), true);
	}
	c->attempt.seen.tls = failure(proof.demand, p);
	return p == SVC_SEND_PROVEN;
}

bool
svc_send_handshake_go(struct svc_send_conn *c)
{
	struct svc_send *sv = c->server;
	enum err e = svc_common_tls_handshake(&c->tls.io);
	if (e == ERR_AGAIN) {
		sys_watch_set(sv->sc->loop, &c->watch, c->tls.io.want);
		return false;
	}
	if (e != ERR_OK) {
		broken(c, e);
		return true;
	}
	svc_send_tls_tell(&c->tls, &c->facts);
	c->has_tls = true;
	c->state = SVC_SEND_TALKING;
	sv->count.handshakes++;
	sv->count.resumed += c->facts.resumed;
	sys_watch_set(sv->sc->loop, &c->watch, SYS_IN);
	if (judge(c)) {
		svc_send_tls_keep(&c->tls);
		smtpc_tls_up(&c->engine);
	} else {
		sv->count.unproven++;
		smtpc_lost(&c->engine, SMTPC_END_TLS);
	}
	return true;
}
