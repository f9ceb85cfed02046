/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What accounts send. Above the hard rates a recipient is put off. An account that writes to many
 * it never wrote to, or far more than it usually does, or to many here that do not exist, is held:
 * its letters are taken and wait in the queue, and owner and operator are told.
 */
#include "conf/conf.h"
#include "ipc/policy_queue.h"
#include "ipc/smtp_policy.h"
#include "policy/fame.h"
#include "policy/habit.h"
#include "svc/policy/policy.h"

enum { LATER = 2, RATE = 0, ALARM = 1 };

/* RELEASED: it is not held any more, but queue has not said that its journal knows. */
enum why { WHY_NEW = 1, WHY_HABIT, WHY_UNKNOWN, RELEASED = 255 };

str
svc_policy_submit_why(uint32_t why)
{
	static const str texts[] = {
		[WHY_NEW] = S_INIT("many recipients it never wrote to"),
		[WHY_HABIT] = S_INIT("far more recipients than on a usual day"),
		[WHY_UNKNOWN] = S_INIT("many recipients here that do not exist"),
	};

	return why < LEN(texts) ? texts[why] : S("");
}

/* ---- holding -------------------------------------------------------------------------------- */

static uint64_t
held_key(const struct svc_policy *p, uint64_t account)
{
	return policy_keep_key(p->keep, POLICY_HELD, str_make(&account, sizeof account), S(""));
}

bool
svc_policy_submit_held(const uint32_t v[4])
{
	return v[POLICY_HELD_WHY] != RELEASED;
}

static void
tell_queue(struct svc_policy *p, uint64_t account, const uint32_t v[4])
{
	const struct ipc_policy_queue_hold m = {
		.account = account, .on = svc_policy_submit_held(v), .mark = v[POLICY_HELD_SINCE]
	};

	buf_reset(&p->out);
	ipc_policy_queue_hold_put(&p->out, &m);
	/* not there: it is told when it is */
	(void)(svc_common_link_send(&p->queue, &p->out, -1) == ERR_OK);
}

static uint64_t
account_of(const uint32_t v[4])
{
	return v[POLICY_HELD_ACCOUNT] | (uint64_t)v[POLICY_HELD_HIGH] << 32;
}

static void
hold(struct svc_policy *p, uint64_t account, str name, enum why why)
{
	uint32_t now_s = svc_policy_now();
	uint64_t key = held_key(p, account);
	const struct policy_row *old = policy_keep_get(p->keep, POLICY_HELD, key, now_s);

	if ((old != NULL && svc_policy_submit_held(old->v)) ||
	    policy_habit(p->keep, account, now_s, false).calm) {
		return;
	}
	struct policy_row *row = policy_keep_put(p->keep, POLICY_HELD, key, now_s, name);
	row->v[POLICY_HELD_ACCOUNT] = (uint32_t)account;
	row->v[POLICY_HELD_HIGH] = (uint32_t)(account >> 32);
	row->v[POLICY_HELD_SINCE] = now_s;
	row->v[POLICY_HELD_WHY] = (uint32_t)why;
	p->holds++;
	LOG(POLICY_ACCOUNT_HELD, F_U64("account", account),
	    F_STR("why", svc_policy_submit_why((uint32_t)why)));
	/* who is held must not be forgotten: queue would keep its letters for ever */
	(void)(policy_keep_flush(p->keep) == ERR_OK);
	tell_queue(p, account, row->v);
	svc_policy_notice(p, account, name, svc_policy_submit_why((uint32_t)why));
	svc_policy_notice(p, 0, name, svc_policy_submit_why((uint32_t)why));
}

static enum err
tell_one(void *ctx, const struct policy_seen *row)
{
	tell_queue(ctx, account_of(row->v), row->v);
	return ERR_OK;
}

void
svc_policy_submit_tell(struct svc_common_link *l)
{
	struct svc_policy *p = svc_policy_of(l);
	const struct policy_keep_query q = { .kind = POLICY_HELD, .max = SVC_POLICY_HELD_MAX };
	enum err e = policy_keep_list(p->keep, &q, tell_one, p);

	if (e != ERR_OK) {
		LOG(POLICY_DATABASE, F_CSTR("what", "held accounts"), F_ERR(e),
		    F_STR("detail", policy_keep_error(p->keep)));
	}
}

struct finding {
	bool found;
	uint64_t key, account;
};

static enum err
take_found(void *ctx, const struct policy_seen *row)
{
	struct finding *f = ctx;

	*f = (struct finding){ svc_policy_submit_held(row->v), row->key, account_of(row->v) };
	return ERR_OK;
}

static uint64_t
bucket_key(const struct svc_policy *p, uint64_t account, bool alarm)
{
	return policy_keep_key(p->keep, POLICY_HABIT, str_make(&account, sizeof account),
	    alarm ? S("alarm") : S("rate"));
}

enum err
svc_policy_submit_release(struct svc_policy *p, str address)
{
	const struct policy_keep_query q = { .kind = POLICY_HELD, .who = address, .max = 1 };
	struct finding f = { 0 };
	uint32_t now_s = svc_policy_now();
	const uint32_t now_until_s[2] = { now_s, now_s + SVC_POLICY_CALM_S };

	TRY(policy_keep_list(p->keep, &q, take_found, &f));
	struct policy_row *row = f.found ? policy_keep_get(p->keep, POLICY_HELD, f.key, now_s)
					 : NULL;
	if (row == NULL) {
		return ERR_NOTFOUND;
	}
	row = policy_keep_put(p->keep, POLICY_HELD, f.key, now_s, address);
	row->v[POLICY_HELD_SINCE] = now_s;
	row->v[POLICY_HELD_WHY] = RELEASED;
	policy_habit_accept(p->keep, f.account, now_until_s);
	policy_limit_reset(p->outgoing, bucket_key(p, f.account, true));
	LOG(POLICY_ACCOUNT_RELEASED, F_U64("account", f.account));
	enum err e = policy_keep_flush(p->keep);
	tell_queue(p, f.account, row->v);
	return e;
}

void
svc_policy_submit_released(struct svc_policy *p, uint64_t account, uint32_t mark)
{
	struct policy_row *row = policy_keep_get(p->keep, POLICY_HELD, held_key(p, account),
	    svc_policy_now());

	if (row != NULL && !svc_policy_submit_held(row->v) && row->v[POLICY_HELD_SINCE] == mark) {
		policy_keep_drop(p->keep, POLICY_HELD, row);
	}
}

/* ---- counting ------------------------------------------------------------------------------- */

static bool
count(struct svc_policy *p, uint64_t account, size_t rules, const uint32_t n[POLICY_LIMITS])
{
	struct policy_limit_ask a = { .key = bucket_key(p, account, rules == ALARM),
		.now_s = svc_policy_now(),
		.rules = p->account_rules[rules],
		.always = rules == ALARM };

	memcpy(a.n, n, sizeof a.n);
	return policy_limit(p->outgoing, &a);
}

static void
look_for_alarm(struct svc_policy *p, const struct ipc_smtp_policy_submit *m)
{
	const struct conf *c = p->sc->conf;
	uint32_t now_s = svc_policy_now();
	bool known = policy_known(p->keep, m->account, m->address, now_s);
	const uint32_t n[POLICY_LIMITS] = { [POLICY_UNKNOWN] = !known };
	struct policy_habit h = policy_habit(p->keep, m->account, now_s, true);
	uint64_t much = MAX(c->outgoing_habit_least, (uint64_t)h.usual * c->outgoing_habit);

	if (!count(p, m->account, ALARM, n)) {
		hold(p, m->account, m->name, known ? WHY_UNKNOWN : WHY_NEW);
	} else if (h.today > much) {
		hold(p, m->account, m->name, WHY_HABIT);
	}
}

void
svc_policy_submit(struct svc_policy *p, const struct ipc_smtp_policy_submit *m,
    struct ipc_common_reply *ret)
{
	const uint32_t n[POLICY_LIMITS] = { [POLICY_MESSAGES] = m->first, [POLICY_RECIPIENTS] = 1 };

	if (m->account == 0) {
		return;
	}
	if (p->sc->conf->outgoing_on && !count(p, m->account, RATE, n)) {
		*ret = (struct ipc_common_reply){ .verdict = LATER,
			.code = 450,
			.enhanced = S("4.7.1"),
			.text = S("This account sends more than it may, try again later") };
		p->limited_accounts++;
		LOG(POLICY_ACCOUNT_LIMITED, F_U64("account", m->account),
		    F_ID("session", m->session));
		return;
	}
	if (p->sc->conf->outgoing_on) {
		look_for_alarm(p, m);
	}
	policy_known_add(p->keep, m->account, m->address, svc_policy_now());
}

/* The name is told with the next recipient; until then only counted. */
void
svc_policy_submit_unknown(struct svc_policy *p, uint64_t account, uint32_t n)
{
	const uint32_t counts[POLICY_LIMITS] = { [POLICY_ERRORS] = n };

	if (account != 0 && n > 0 && p->sc->conf->outgoing_on) {
		(void)count(p, account, ALARM, counts);
	}
}
