/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is remembered: how large and for how long by the settings, written behind once a second,
 * tidied now and then. A database that cannot be read begins anew, and the log says so.
 */
#include "conf/conf.h"
#include "policy/net.h"
#include "svc/policy/policy.h"
#include "sys/clock.h"

uint32_t
svc_policy_now(void)
{
	return (uint32_t)sys_clock_wall_s();
}

bool
svc_policy_is_stranger(const struct svc_policy *p, const uint8_t ip[16])
{
	const struct conf *c = p->sc->conf;

	if (policy_net_within(ip, c->auth_trusted.v, c->auth_trusted.n)) {
		return false;
	}
	return c->test_strangers || !policy_net_is_private(ip);
}

/* ---- settings ------------------------------------------------------------------------------- */

static uint32_t
seconds(uint64_t ms)
{
	return (uint32_t)MAX(ms / 1000, (uint64_t)1);
}

static struct policy_keep_conf
keep_conf(const struct svc_policy *p)
{
	const struct conf *c = p->sc->conf;
	uint32_t grey = seconds(c->greylist_keep), fame = seconds(c->fame_keep);
	size_t fame_n = (size_t)c->fame_size;

	return (struct policy_keep_conf){ .kinds = {
		[POLICY_GREY] = { (size_t)c->greylist_size, grey },
		[POLICY_PASSED] = { (size_t)c->greylist_size, grey },
		[POLICY_ADDRESS] = { fame_n, fame },
		[POLICY_NETWORK] = { fame_n, fame },
		[POLICY_OPERATOR] = { fame_n, fame },
		[POLICY_DOMAIN] = { fame_n, fame },
		[POLICY_KNOWN] = { (size_t)c->fame_known_size, seconds(c->fame_known_keep) },
		[POLICY_HABIT] = { SVC_POLICY_HABITS_MAX, fame },
		[POLICY_HELD] = { SVC_POLICY_HELD_MAX, UINT32_MAX },
	    },
		.window_s = seconds(c->greylist_window) };
}

static uint32_t
times(uint64_t n, uint64_t factor)
{
	return (uint32_t)MIN(n * factor, (uint64_t)POLICY_LIMIT_MOST);
}

void
svc_policy_remember_settings(struct svc_policy *p)
{
	const struct conf *c = p->sc->conf;
	const uint64_t most[POLICY_LIMITS] = { c->limits_connections, c->limits_messages,
		c->limits_recipients, c->limits_unknown, c->limits_errors };
	const uint64_t factors[3] = { 1, c->limits_network, c->limits_operator };
	const struct policy_limit_rule account[2][POLICY_LIMITS] = {
		{ [POLICY_MESSAGES] = { times(c->outgoing_messages, 1), 3600 },
		    [POLICY_RECIPIENTS] = { times(c->outgoing_recipients, 1), 86400 } },
		{ [POLICY_UNKNOWN] = { times(c->outgoing_new, 1), 3600 },
		    [POLICY_ERRORS] = { times(c->outgoing_unknown, 1), 3600 } },
	};

	for (size_t i = 0; i < LEN(factors); i++) {
		for (size_t k = 0; k < POLICY_LIMITS; k++) {
			p->rules[i][k] = (struct policy_limit_rule){ times(most[k], factors[i]),
				seconds(c->limits_window) };
		}
	}
	memcpy(p->account_rules, account, sizeof account);
	if (p->keep != NULL) {
		const struct policy_keep_conf k = keep_conf(p);
		policy_keep_times(p->keep, &k);
	}
}

/* ---- the timers ----------------------------------------------------------------------------- */

static void
on_flush(void *ctx)
{
	struct svc_policy *p = ctx;
	enum err e = policy_keep_flush(p->keep);

	p->lost += e != ERR_OK;
	if (e != ERR_OK && !p->failing) {
		LOG(POLICY_DATABASE, F_CSTR("what", "write"), F_ERR(e),
		    F_STR("detail", policy_keep_error(p->keep)));
	}
	p->failing = e != ERR_OK;
	sys_timer_set(p->sc->loop, &p->flush, SVC_POLICY_FLUSH_MS);
}

static void
on_tidy(void *ctx)
{
	struct svc_policy *p = ctx;

	policy_keep_tidy(p->keep, svc_policy_now());
	sys_timer_set(p->sc->loop, &p->tidy, SVC_POLICY_TIDY_MS);
}

enum err
svc_policy_remember_start(struct svc_policy *p)
{
	struct policy_keep_conf k = keep_conf(p);
	enum err anew = ERR_OK;

	k.path = svc_common_state_path(p->sc, S("policy/policy.db"));
	enum err e = policy_keep_open(&k, svc_policy_now(), &p->keep, &anew);
	if (e != ERR_OK) {
		LOG(POLICY_DATABASE, F_CSTR("what", "open"), F_ERR(e));
		return e;
	}
	if (anew != ERR_OK) {
		LOG(POLICY_ANEW, F_ERR(anew));
	}
	LOG(POLICY_OPEN, F_U64("greylisted", policy_keep_count(p->keep, POLICY_GREY)),
	    F_U64("correspondents", policy_keep_count(p->keep, POLICY_KNOWN)),
	    F_U64("octets", policy_keep_octets(p->keep)));
	p->limits = policy_table_new((size_t)p->sc->conf->limits_size);
	p->outgoing = policy_table_new(SVC_POLICY_HABITS_MAX);
	if (p->limits == NULL || p->outgoing == NULL) {
		return ERR_NOMEM;
	}
	svc_policy_remember_settings(p);
	sys_timer_init(&p->flush, on_flush, p);
	sys_timer_init(&p->tidy, on_tidy, p);
	sys_timer_set(p->sc->loop, &p->flush, SVC_POLICY_FLUSH_MS);
	sys_timer_set(p->sc->loop, &p->tidy, SVC_POLICY_TIDY_MS);
	return ERR_OK;
}
