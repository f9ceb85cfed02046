/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An exchange from inside: its state, and the steps its files call among each other. An exchange
 * ends through one of the svc_auth_outcome_ functions, which free it: return at once after calling
 * one.
 */
#ifndef SVC_AUTH_EXCHANGE_PRIV_H
#define SVC_AUTH_EXCHANGE_PRIV_H

#include "directory/account.h"
#include "directory/credential.h"
#include "proto/sasl/limits.h"
#include "proto/sasl/mechanism.h"
#include "svc/auth/exchange.h"

struct Gsasl_session;

/* What the client's next message is. */
enum svc_auth_await {
	SVC_AUTH_AWAIT_FIRST,    /* the first one */
	SVC_AUTH_AWAIT_USER,     /* LOGIN */
	SVC_AUTH_AWAIT_PASSWORD, /* LOGIN */
	SVC_AUTH_AWAIT_ANSWER,   /* CRAM-MD5 */
	SVC_AUTH_AWAIT_PROOF,    /* SCRAM */
	SVC_AUTH_AWAIT_NOTHING,  /* a sum is being done */
};

struct svc_auth_exchange {
	uint32_t magic;
	struct list node; /* by_age */
	struct svc_auth *auth;
	struct arena *arena; /* wiped; holds everything below, and this */
	const struct svc_auth_client *client;
	uint64_t request;
	struct svc_auth_session session;
	uint32_t scope; /* the one bit this protocol needs */
	enum sasl_mechanism mechanism;
	enum svc_auth_await await;
	unsigned steps;
	int64_t deadline_ms;

	bool admitted; /* the guard knows of it */
	struct svc_auth_attempt attempt;
	bool found; /* else everything below is make-believe of the same cost */
	struct directory_account account;
	struct directory_credential *creds; /* usable ones: scope fits, not expired */
	size_t creds_n;
	uint8_t salt[DIRECTORY_SALT]; /* of the group at hand */
	uint32_t iterations;
	uint8_t fake_key[32];

	str user, password; /* LOGIN and PLAIN */
	bool tried[DIRECTORY_CREDENTIALS_MAX];
	unsigned groups;
	bool doomed; /* a wrong authzid, a password SASLprep refuses: same work, then no */
	struct svc_auth_hash_job job;
	str challenge;                /* CRAM-MD5 */
	str first_bare, server_first; /* SCRAM */
	struct Gsasl_session *gs;
};

/* Ask for the next message. */
void svc_auth_exchange_challenge(struct svc_auth_exchange *x, str data, enum svc_auth_await next);

/*
 * Who is this about? Fills account and credentials, or their make-believe, and asks the guard.
 *
 * In      user: as the client sent it, unescaped
 * Errors  ERR_BUSY, ERR_UNAVAILABLE (database), ERR_BUDGET: the exchange must be refused with it
 */
enum err svc_auth_identify(struct svc_auth_exchange *x, str user);
/* Is the authorization identity empty or the same account? */
bool svc_auth_authzid_ok(struct svc_auth_exchange *x, str authzid);
/*
 * The next salt to try: that of the first credential not tried, which is marked with all that share
 * it; at first, without any credential, the make-believe one. False: no more.
 */
bool svc_auth_next_group(struct svc_auth_exchange *x);
/* Does this credential have the salt of the group at hand? */
bool svc_auth_in_group(const struct svc_auth_exchange *x, const struct directory_credential *c);

/* The first and later messages, by mechanism. */
void svc_auth_plain_step(struct svc_auth_exchange *x, str data);
void svc_auth_login_step(struct svc_auth_exchange *x, str data);
void svc_auth_cram_begin(struct svc_auth_exchange *x);
void svc_auth_cram_step(struct svc_auth_exchange *x, str data);
void svc_auth_scram_step(struct svc_auth_exchange *x, str data);

/* The secrets were right: c is the credential. final: the mechanism's last word, or p == NULL. */
void svc_auth_outcome_passed(struct svc_auth_exchange *x, const struct directory_credential *c,
    str final);
/* They were wrong. secret: the wrong password if known, else p == NULL. */
void svc_auth_outcome_failed(struct svc_auth_exchange *x, str secret);
/* No decision: malformed, not offered, no time, a service is away. Not counted as a failure. */
void svc_auth_outcome_refused(struct svc_auth_exchange *x, enum err why);
/* Free without an answer. */
void svc_auth_exchange_free(struct svc_auth_exchange *x);

#endif
