/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PLAIN and LOGIN: the client sends the password. It is prepared, hashed by a worker, and compared
 * with every usable credential of that salt. Names that do not exist cost the same sum.
 */
#include "base/mem.h"
#include "proto/sasl/message.h"
#include "svc/auth/exchange_priv.h"
#include "svc/auth/password.h"
#include "svc/auth/scram.h"

static void try_group(struct svc_auth_exchange *x);

static const struct directory_credential *
matching(struct svc_auth_exchange *x, str key)
{
	const struct directory_credential *match = NULL;

	/* At least one comparison, whoever it is. */
	(void)svc_auth_scram_password_ok(SASL_HASH_SHA256, key,
	    str_make(x->fake_key, sizeof(x->fake_key)));
	for (size_t i = 0; i < x->creds_n; i++) {
		const struct directory_credential *c = &x->creds[i];

		if (svc_auth_in_group(x, c) &&
		    svc_auth_scram_password_ok(SASL_HASH_SHA256, key,
			str_make(c->stored_sha256, sizeof(c->stored_sha256)))) {
			match = c;
		}
	}
	return match;
}

static void
on_key(void *ctx, enum err e, str key)
{
	struct svc_auth_exchange *x = ctx;
	const struct directory_credential *c;

	if (e != ERR_OK) {
		svc_auth_outcome_refused(x, ERR_UNAVAILABLE);
		return;
	}
	c = matching(x, key);
	if (c != NULL && !x->doomed) {
		svc_auth_outcome_passed(x, c, STR_NONE);
		return;
	}
	try_group(x);
}

static void
try_group(struct svc_auth_exchange *x)
{
	enum err e;

	if (!svc_auth_next_group(x)) {
		svc_auth_outcome_failed(x, x->password);
		return;
	}
	x->await = SVC_AUTH_AWAIT_NOTHING;
	x->job = (struct svc_auth_hash_job){
		.hash = SASL_HASH_SHA256,
		.password = x->password,
		.salt = str_make(x->salt, sizeof(x->salt)),
		.iterations = x->iterations,
		.done = on_key,
		.ctx = x,
	};
	e = svc_auth_hasher_submit(x->auth->hasher, &x->job);
	if (e != ERR_OK) {
		svc_auth_outcome_refused(x, e);
	}
}

static void
begin(struct svc_auth_exchange *x, const struct sasl_plain *plain)
{
	enum err e = svc_auth_identify(x, plain->user);

	if (e != ERR_OK) {
		svc_auth_outcome_refused(x, e);
		return;
	}
	x->doomed = !svc_auth_authzid_ok(x, plain->authzid);
	e = svc_auth_password_prepare(x->arena, plain->password, &x->password);
	if (e == ERR_CHARSET) { /* cannot be anybody's password, but must not be told apart */
		x->doomed = true;
		x->password = arena_dup(x->arena, plain->password);
		e = x->password.p == NULL ? ERR_BUDGET : ERR_OK;
	}
	if (e != ERR_OK) {
		svc_auth_outcome_refused(x, ERR_BUSY);
		return;
	}
	try_group(x);
}

void
svc_auth_plain_step(struct svc_auth_exchange *x, str data)
{
	struct sasl_plain plain;

	if (sasl_plain_parse(data, &plain) != ERR_OK) {
		svc_auth_outcome_refused(x, ERR_SYNTAX);
		return;
	}
	begin(x, &plain);
}

/* Text of LOGIN: no NUL, not empty, within the limit. */
static bool
login_text_ok(str data, size_t max)
{
	return data.n > 0 && data.n <= max && str_chr(data, '\0') < 0;
}

void
svc_auth_login_step(struct svc_auth_exchange *x, str data)
{
	struct sasl_plain plain = { .authzid = S(""), .user = x->user, .password = data };

	if (x->await == SVC_AUTH_AWAIT_USER) {
		if (!login_text_ok(data, SASL_USER_MAX)) {
			svc_auth_outcome_refused(x, ERR_SYNTAX);
			return;
		}
		x->user = arena_dup(x->arena, data);
		if (x->user.p == NULL) {
			svc_auth_outcome_refused(x, ERR_BUSY);
			return;
		}
		svc_auth_exchange_challenge(x, S("Password:"), SVC_AUTH_AWAIT_PASSWORD);
		return;
	}
	if (!login_text_ok(data, SASL_PASSWORD_MAX)) {
		svc_auth_outcome_refused(x, ERR_SYNTAX);
		return;
	}
	begin(x, &plain);
}
