/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CRAM-MD5, for accounts that opted in, with their main password only. Everybody else is answered
 * like a wrong password.
 */
#include "proto/sasl/cram.h"

#include "proto/sasl/message.h"
#include "svc/auth/exchange_priv.h"
#include "sys/random.h"

void
svc_auth_cram_begin(struct svc_auth_exchange *x)
{
	struct buf b;

	buf_init(&b, SASL_CRAM_CHALLENGE_MAX);
	sasl_cram_challenge(&b, sys_random_u64(), x->auth->now_s, x->auth->settings.hostname);
	x->challenge = arena_dup(x->arena, buf_view(&b));
	buf_done(&b);
	if (x->challenge.p == NULL || x->challenge.n == 0) {
		svc_auth_outcome_refused(x, ERR_BUSY);
		return;
	}
	svc_auth_exchange_challenge(x, x->challenge, SVC_AUTH_AWAIT_ANSWER);
}

static const struct directory_credential *
usable(const struct svc_auth_exchange *x)
{
	for (size_t i = 0; i < x->creds_n; i++) {
		if (!x->creds[i].app && x->creds[i].has_cram_md5 && x->account.cram_md5) {
			return &x->creds[i];
		}
	}
	return NULL;
}

void
svc_auth_cram_step(struct svc_auth_exchange *x, str data)
{
	const struct directory_credential *c;
	struct sasl_cram cram;
	bool right;
	enum err e;

	if (sasl_cram_parse(data, &cram) != ERR_OK) {
		svc_auth_outcome_refused(x, ERR_SYNTAX);
		return;
	}
	e = svc_auth_identify(x, cram.user);
	if (e != ERR_OK) {
		svc_auth_outcome_refused(x, e);
		return;
	}
	c = usable(x);
	right = sasl_cram_ok(c != NULL ? c->cram_md5 : x->fake_key, x->challenge, cram.digest);
	if (c == NULL || !right) {
		svc_auth_outcome_failed(x, STR_NONE);
		return;
	}
	svc_auth_outcome_passed(x, c, STR_NONE);
}
