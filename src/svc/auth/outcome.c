/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How exchanges end. One place decides what is counted, logged, granted and said; all of it before
 * the exchange is freed.
 */
#include <gsasl.h>

#include "base/map.h"
#include "svc/auth/bans.h"
#include "svc/auth/census/census.h"
#include "svc/auth/exchange_priv.h"
#include "svc/common/log.h"
#include "sys/random.h"

static void
forget(struct svc_auth_exchange *x)
{
	struct {
		uint64_t client, request;
	} key = { (uintptr_t)x->client, x->request };
	struct arena *arena = x->arena;

	(void)map_del_str(x->auth->exchanges, str_make(&key, sizeof(key)));
	list_remove(&x->node);
	svc_auth_hasher_cancel(x->auth->hasher, &x->job);
	if (x->gs != NULL) {
		gsasl_finish(x->gs);
	}
	x->magic = 0;
	arena_free(&arena);
}

/* The times of the attempt are those of its end. */
static const struct svc_auth_attempt *
attempt_now(struct svc_auth_exchange *x)
{
	x->attempt.now_ms = x->auth->now_ms;
	x->attempt.now_s = x->auth->now_s;
	return &x->attempt;
}

void
svc_auth_exchange_free(struct svc_auth_exchange *x)
{
	if (x->admitted) {
		svc_auth_guard_released(x->auth->guard, attempt_now(x));
	}
	forget(x);
}

static void
finish(struct svc_auth_exchange *x, const struct svc_auth_outcome *outcome)
{
	x->client->done(x->client, x->request, outcome);
	forget(x);
}

static void
log_failure(const struct svc_auth_exchange *x, enum err why, bool repeated)
{
	LOG(AUTH_FAILED, F_ID("session", x->session.id), F_IP("peer", x->session.peer.ip),
	    F_STR("port", sys_protocol_row(x->session.protocol)->name),
	    F_STR("mechanism", sasl_mechanism_row(x->mechanism)->name),
	    F_U64("account", x->found ? x->account.id : 0), F_ERR(why),
	    F_U64("repeated", repeated));
}

void
svc_auth_outcome_refused(struct svc_auth_exchange *x, enum err why)
{
	struct svc_auth_outcome outcome = { .result = why };

	x->auth->counts.refused++;
	if (x->admitted) {
		svc_auth_guard_released(x->auth->guard, attempt_now(x));
	}
	if (why == ERR_BUSY) {
		outcome.delay_ms = SVC_AUTH_GUARD_DELAY_MS;
	}
	log_failure(x, why, false);
	finish(x, &outcome);
}

void
svc_auth_outcome_failed(struct svc_auth_exchange *x, str secret)
{
	struct svc_auth_outcome outcome = { .result = ERR_AUTH };
	struct svc_auth_verdict verdict;

	x->auth->counts.failed++;
	x->attempt.secret = secret;
	svc_auth_guard_failed(x->auth->guard, attempt_now(x), &verdict);
	outcome.delay_ms = verdict.delay_ms;
	log_failure(x, ERR_AUTH, verdict.repeated);
	for (size_t i = 0; i < verdict.bans_n; i++) {
		svc_auth_ban_new(x->auth, &verdict.bans[i]);
	}
	finish(x, &outcome);
}

/* The password was right, but the account is closed: only its owner learns that. */
static void
refuse_closed(struct svc_auth_exchange *x)
{
	struct svc_auth_outcome outcome = { .result = ERR_DISABLED,
		.delay_ms = SVC_AUTH_GUARD_DELAY_MS };

	x->auth->counts.disabled++;
	svc_auth_guard_released(x->auth->guard, attempt_now(x));
	log_failure(x, ERR_DISABLED, false);
	finish(x, &outcome);
}

static enum err
grant(struct svc_auth_exchange *x, const struct directory_credential *c,
    uint8_t ticket[SVC_AUTH_TICKET_OCTETS])
{
	struct svc_auth_grant g = {
		.ticket = str_make(ticket, SVC_AUTH_TICKET_OCTETS),
		.account = x->account.id,
		.name = x->account.address,
		.quota_octets = x->account.quota_octets,
		.quota_messages = x->account.quota_messages,
		.scope = c->scope,
	};

	sys_random(ticket, SVC_AUTH_TICKET_OCTETS);
	return x->auth->hooks.grant(x->auth->hooks.ctx, &g);
}

void
svc_auth_outcome_passed(struct svc_auth_exchange *x, const struct directory_credential *c,
    str final)
{
	uint8_t ticket[SVC_AUTH_TICKET_OCTETS];
	struct svc_auth_outcome outcome = {
		.account = x->account.id,
		.name = x->account.address,
		.has_final = final.p != NULL,
		.final = final,
		.language = x->account.language,
	};

	ASSERT(x->found);
	if (x->account.state != DIRECTORY_STATE_ACTIVE) {
		refuse_closed(x);
		return;
	}
	svc_auth_guard_succeeded(x->auth->guard, attempt_now(x));
	x->admitted = false;
	if (x->client->tickets) {
		if (grant(x, c, ticket) != ERR_OK) {
			svc_auth_outcome_refused(x, ERR_UNAVAILABLE);
			return;
		}
		outcome.ticket = str_make(ticket, sizeof(ticket));
	}
	x->auth->counts.passed++;
	if (c->used_day != x->auth->now_s / 86400) {
		svc_auth_used(x->auth, c->id);
	}
	LOG(AUTH_PASSED, F_ID("session", x->session.id), F_IP("peer", x->session.peer.ip),
	    F_STR("port", sys_protocol_row(x->session.protocol)->name),
	    F_STR("mechanism", sasl_mechanism_row(x->mechanism)->name),
	    F_U64("account", x->account.id), F_U64("credential", c->id));
	svc_auth_census_login(x->auth, x->account.id, &x->session,
	    sasl_mechanism_row(x->mechanism)->name);
	finish(x, &outcome);
}
