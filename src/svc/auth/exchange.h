/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One SASL exchange each: from the mechanism's name to "this is account 7" or "no". smtp and login
 * start them; the answers come through the client's two functions. exchange.c keeps them, plain.c,
 * cram.c and scram_server.c speak the mechanisms, outcome.c ends them.
 */
#ifndef SVC_AUTH_EXCHANGE_H
#define SVC_AUTH_EXCHANGE_H

#include "svc/auth/auth.h"
#include "sys/sock.h"

struct svc_auth_outcome {
	enum err result; /* OK, AUTH, DISABLED, UNSUPPORTED, SYNTAX, BUSY, UNAVAILABLE, TIMEOUT */
	uint64_t account;
	str name;
	str ticket; /* clients with `tickets` only */
	bool has_final;
	str final;
	uint32_t delay_ms;
	str language;
};

/* A process that has log-ins to do. Its address is its identity. */
struct svc_auth_client {
	void (*challenge)(const struct svc_auth_client *c, uint64_t request, str data);
	/* The exchange is over; borrowed for the call. */
	void (*done)(const struct svc_auth_client *c, uint64_t request,
	    const struct svc_auth_outcome *outcome);
	bool tickets; /* a session is handed to accounts: grant first */
	void *ctx;
};

struct svc_auth_session {
	uint64_t id;
	enum sys_protocol protocol;
	struct sys_addr peer;
	bool tls;
	str tls_version, tls_cipher; /* for the census */
	str exporter;                /* tls-exporter channel binding, or empty (RFC 9266) */
};

struct svc_auth_request {
	const struct svc_auth_client *client;
	uint64_t request; /* unique among the client's running exchanges */
	struct svc_auth_session session;
	str mechanism;
	bool has_initial;
	str initial;
};

/*
 * Start an exchange. The client's challenge or done is called, perhaps before this returns.
 *
 * RFC     4422 3; 4954 4; 5802; 7677; 9266
 */
void svc_auth_exchange_start(struct svc_auth *a, const struct svc_auth_request *r);
/* The client's next message. An unknown request is answered with ERR_TIMEOUT. */
void svc_auth_exchange_step(struct svc_auth *a, const struct svc_auth_client *client,
    uint64_t request, str data);
/* The connection is gone or the client cancelled; no answer follows. */
void svc_auth_exchange_abort(struct svc_auth *a, const struct svc_auth_client *client,
    uint64_t request);
/* The process is gone: all of its exchanges end without an answer. */
void svc_auth_exchange_client_gone(struct svc_auth *a, const struct svc_auth_client *client);
/* Those about this account end; their clients may try again. */
void svc_auth_exchange_revoke(struct svc_auth *a, uint64_t account);
/* End those that are too old. */
void svc_auth_exchange_expire(struct svc_auth *a);
/* End all, without an answer. */
void svc_auth_exchange_end_all(struct svc_auth *a);

#endif
