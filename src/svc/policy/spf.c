/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SPF of the reverse-path and of the name in HELO, by the machine of proto/spf. A null reverse-path
 * is checked as postmaster of the HELO name, which is one check for both (RFC 7208 2.4).
 */
#include "svc/policy/session.h"

#include "conf/conf.h"
#include "sys/clock.h"

enum { MAIL, HELO };

static void pump(struct svc_policy_check *c);

static void
on_answer(struct svc_policy_ask *ask, const struct svc_policy_said *said)
{
	struct svc_policy_check_ask *a = CONTAINER_OF(ask, struct svc_policy_check_ask, ask);
	struct svc_policy_check *c = a->check;
	const struct spf_answer answer = {
		.result = said->result, .rdata = said->rdata, .n = said->n
	};

	spf_answer(c->spf, a->id, &answer);
	pump(c);
	svc_policy_session_advance(c->s);
}

static struct svc_policy_check_ask *
free_ask(struct svc_policy_check *c)
{
	for (size_t i = 0; i < SPF_QUESTIONS_MAX; i++) {
		if (c->asks[i].ask.request == 0) {
			return &c->asks[i];
		}
	}
	return NULL;
}

static void
cancel(struct svc_policy_check *c)
{
	for (size_t i = 0; c->asks != NULL && i < SPF_QUESTIONS_MAX; i++) {
		svc_policy_dns_cancel(&c->asks[i].ask);
	}
}

/* Ask what it wants to know. What cannot be asked is an answer, too. */
static void
pump(struct svc_policy_check *c)
{
	static const struct spf_answer none = { .result = ERR_UNAVAILABLE };
	struct svc_policy_check_ask *a;
	struct spf_question q;

	while (!spf_done(c->spf) && (a = free_ask(c)) != NULL && spf_want(c->spf, &q)) {
		a->check = c;
		a->id = q.id;
		a->ask.fn = on_answer;
		if (svc_policy_dns(c->s->p, &a->ask, q.name, q.type) != ERR_OK) {
			spf_answer(c->spf, q.id, &none);
		}
	}
	if (spf_done(c->spf) && !c->ended) {
		c->ended = true;
		cancel(c);
	}
}

static void
begin_one(struct svc_policy_session *s, size_t which, enum spf_identity identity)
{
	struct svc_policy_check *c = &s->checks[which];
	struct spf_params params = { .identity = identity,
		.helo = s->helo,
		.reverse_path = s->path,
		.receiver = s->p->sc->conf->hostname,
		.now_s = sys_clock_wall_s() };

	*c = (struct svc_policy_check){ .s = s };
	memcpy(params.ip, s->ip, sizeof params.ip);
	c->asks = arena_array(s->spf_arena, SPF_QUESTIONS_MAX, sizeof *c->asks);
	if (c->asks != NULL && spf_new(s->spf_arena, &params, &c->spf) == ERR_OK) {
		pump(c);
	}
}

void
svc_policy_spf_begin(struct svc_policy_session *s)
{
	if (s->p->sc->conf->spf_on && s->path.n > 0) {
		begin_one(s, MAIL, SPF_MAIL_FROM);
	}
	if (s->p->sc->conf->spf_on) {
		begin_one(s, HELO, SPF_HELO);
	}
}

void
svc_policy_spf_stop(struct svc_policy_session *s)
{
	for (size_t i = 0; i < LEN(s->checks); i++) {
		struct svc_policy_check *c = &s->checks[i];
		if (c->spf != NULL && !c->ended) {
			cancel(c);
			spf_expire(c->spf);
			c->ended = true;
		}
	}
}

bool
svc_policy_spf_open(const struct svc_policy_session *s)
{
	for (size_t i = 0; i < LEN(s->checks); i++) {
		if (s->checks[i].spf != NULL && !s->checks[i].ended) {
			return true;
		}
	}
	return false;
}
