/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Passwords. Copies are made in wiping arenas only; libgsasl's own copy is overwritten before it is
 * given back.
 */
#include "svc/auth/password.h"

#include <gsasl.h>

#include "base/buf.h"
#include "base/codec.h"
#include "base/mem.h"
#include "mail/address.h"
#include "proto/sasl/cram.h"
#include "proto/sasl/limits.h"
#include "svc/auth/scram.h"
#include "sys/random.h"

enum err
svc_auth_password_prepare(struct arena *a, str password, str *ret)
{
	char *prepared = NULL;
	str copy;

	if (password.n > SASL_PASSWORD_MAX) {
		return ERR_TOOBIG;
	}
	if (password.n == 0 || str_chr(password, '\0') >= 0 || !utf8_valid(password)) {
		return ERR_CHARSET;
	}
	copy = arena_dup(a, password); /* ends with a NUL */
	if (copy.p == NULL) {
		return ERR_BUDGET;
	}
	if (gsasl_saslprep(copy.p, GSASL_ALLOW_UNASSIGNED, &prepared, NULL) != GSASL_OK) {
		return ERR_CHARSET;
	}
	*ret = arena_dup(a, str_from(prepared));
	mem_wipe(prepared, str_from(prepared).n);
	gsasl_free(prepared);
	if (ret->p == NULL) {
		return ERR_BUDGET;
	}
	return ret->n > 0 ? ERR_OK : ERR_CHARSET;
}

enum err
svc_auth_password_judge(str password, str address, uint32_t min)
{
	str local, domain, rest = password;
	uint32_t characters = 0;

	if (password.n > SASL_PASSWORD_MAX) {
		return ERR_TOOBIG;
	}
	if (str_chr(password, '\0') >= 0 || !utf8_valid(password)) {
		return ERR_CHARSET;
	}
	while (rest.n > 0) {
		(void)utf8_next(&rest);
		characters++;
	}
	if (characters < MAX(min, 1)) {
		return ERR_TOOMANY;
	}
	mail_address_split(address, &local, &domain);
	return str_ieq(password, address) || str_ieq(password, local) ? ERR_DENIED : ERR_OK;
}

void
svc_auth_password_make(struct buf *out)
{
	/* 32 signs, none that look alike: five bits each. */
	static const char signs[] = "abcdefghijkmnpqrstuvwxyz23456789";
	uint8_t random[SVC_AUTH_APP_PASSWORD];

	static_assert(sizeof(signs) == 33, "five bits choose a sign");
	sys_random(random, sizeof(random));
	for (size_t i = 0; i < sizeof(random); i++) {
		if (i > 0 && i % 4 == 0) {
			buf_ch(out, '-');
		}
		buf_ch(out, signs[random[i] % 32]);
	}
	mem_wipe(random, sizeof(random));
}

static void
take_key(struct svc_auth_verifier *v, const struct svc_auth_hash_job *job, str key)
{
	struct directory_credential *c = &v->credential;
	bool sha1 = job->hash == SASL_HASH_SHA1;

	v->err = svc_auth_scram_keys(job->hash, key, sha1 ? c->stored_sha1 : c->stored_sha256,
	    sha1 ? c->server_sha1 : c->server_sha256);
}

static void
on_key(struct svc_auth_verifier *v, const struct svc_auth_hash_job *job, enum err e, str key)
{
	v->pending--;
	if (e != ERR_OK) {
		v->err = e;
	}
	if (v->err == ERR_OK) {
		take_key(v, job, key);
	}
	if (v->pending > 0) {
		return;
	}
	if (v->cram_md5) {
		sasl_cram_context(v->password, v->credential.cram_md5);
		v->credential.has_cram_md5 = true;
	}
	v->done(v, v->err);
}

static void
on_sha256(void *ctx, enum err e, str key)
{
	struct svc_auth_verifier *v = ctx;

	on_key(v, &v->jobs[0], e, key);
}

static void
on_sha1(void *ctx, enum err e, str key)
{
	struct svc_auth_verifier *v = ctx;

	on_key(v, &v->jobs[1], e, key);
}

enum err
svc_auth_verifier_start(struct svc_auth_verifier *v)
{
	struct svc_auth_hash_job job = {
		.hash = SASL_HASH_SHA256,
		.bulk = v->bulk,
		.password = v->password,
		.salt = str_make(v->credential.salt, sizeof(v->credential.salt)),
		.iterations = v->credential.iterations,
		.done = on_sha256,
		.ctx = v,
	};

	v->jobs[0] = v->jobs[1] = job;
	v->jobs[1].hash = SASL_HASH_SHA1;
	v->jobs[1].done = on_sha1;
	v->err = ERR_OK;
	v->pending = 2;
	TRY(svc_auth_hasher_submit(v->auth->hasher, &v->jobs[0]));
	if (svc_auth_hasher_submit(v->auth->hasher, &v->jobs[1]) != ERR_OK) {
		svc_auth_hasher_cancel(v->auth->hasher, &v->jobs[0]);
		return ERR_BUSY;
	}
	return ERR_OK;
}

void
svc_auth_verifier_cancel(struct svc_auth_verifier *v)
{
	svc_auth_hasher_cancel(v->auth->hasher, &v->jobs[0]);
	svc_auth_hasher_cancel(v->auth->hasher, &v->jobs[1]);
}
