/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Passwords as octets: prepared for comparison, judged when they are new, made up for programs, and
 * turned into what the directory stores.
 */
#ifndef SVC_AUTH_PASSWORD_H
#define SVC_AUTH_PASSWORD_H

#include "directory/credential.h"
#include "svc/auth/auth.h"

enum { SVC_AUTH_APP_PASSWORD = 24 }; /* characters, without the hyphens between groups */

/*
 * Prepare a password for hashing: SASLprep, unassigned code points allowed.
 *
 * Out     ret: in `a`, which should wipe
 * Errors  ERR_CHARSET: not UTF-8, or holds what SASLprep prohibits; ERR_TOOBIG; ERR_BUDGET
 * RFC     4013 2, 5802 2.2 (Normalize)
 */
enum err svc_auth_password_prepare(struct arena *a, str password, str *ret);

/*
 * Is it good enough for a new account? Length only, in characters: rules about digits make worse
 * passwords.
 *
 * Errors  ERR_TOOMANY: shorter than `min`; ERR_TOOBIG: longer than SASL_PASSWORD_MAX octets;
 *         ERR_DENIED: it is the address or its local part; ERR_CHARSET
 */
enum err svc_auth_password_judge(str password, str address, uint32_t min);

/* A new app password: letters and digits in groups of four, about 120 bits. */
void svc_auth_password_make(struct buf *out);

/*
 * Everything the directory stores for a password, computed by the workers. Lies in its owner's
 * storage until done or cancelled.
 */
struct svc_auth_verifier {
	struct svc_auth *auth;
	struct directory_credential credential; /* salt and iterations in; keys out */
	bool bulk, cram_md5;
	str password; /* prepared; borrowed until done */
	void (*done)(struct svc_auth_verifier *v, enum err e);
	void *ctx;
	struct svc_auth_hash_job jobs[2];
	unsigned pending;
	enum err err;
};

/*
 * Start. done is called later, unless this fails.
 *
 * In      v: auth, credential.salt and .iterations, bulk, cram_md5, password, done, ctx
 * Errors  ERR_BUSY
 */
enum err svc_auth_verifier_start(struct svc_auth_verifier *v);
/* done will not be called. Fine when it is not running. */
void svc_auth_verifier_cancel(struct svc_auth_verifier *v);

#endif
