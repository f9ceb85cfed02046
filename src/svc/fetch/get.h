/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One HTTPS GET of a policy, on the loop: libcurl's multi interface with our watches and timer.
 * Addresses are given, names are never looked up; no redirects, no proxy, no cookies, HTTP/1.1.
 */
#ifndef SVC_FETCH_GET_H
#define SVC_FETCH_GET_H

#include "base/buf.h"
#include "proto/mtasts/mtasts.h"
#include "svc/fetch/limits.h"
#include "sys/loop.h"

struct svc_fetch_client;

/* What came of it: OK and the body, or a result type of RFC 8460 4.3.2.2. Strings are borrowed. */
struct svc_fetch_got {
	enum err result;
	str body;
	str failure;
	str detail; /* for the log: what libcurl says */
};
typedef void svc_fetch_done(void *ctx, const struct svc_fetch_got *got);

struct svc_fetch_get_conf {
	uint16_t port;
	uint32_t timeout_ms;
	str ca; /* PEM of the certificate authorities */
};

/* What to get. */
struct svc_fetch_want {
	str domain;     /* A-label in lower case */
	const str *ips; /* of mta-sts.<domain>, 16 octets each */
	size_t ips_n;
	svc_fetch_done *done;
	void *ctx;
};

/*
 * Set libcurl and the trust store up. Before the sandbox.
 *
 * Errors  ERR_NOMEM
 */
enum err svc_fetch_client_new(const struct svc_fetch_get_conf *conf, struct sys_loop *loop,
    struct svc_fetch_client **ret);
/* Ends what is under way without telling. */
void svc_fetch_client_free(struct svc_fetch_client **c);
/* How many certificate authorities were in `ca`; 0: no policy will be believed. */
size_t svc_fetch_client_authorities(const struct svc_fetch_client *c);
bool svc_fetch_client_full(const struct svc_fetch_client *c);
/* Other limits from now on. */
void svc_fetch_client_limits(struct svc_fetch_client *c, uint32_t timeout_ms);

/*
 * Begin; done is called once, later.
 *
 * Errors  ERR_BUSY: SVC_FETCH_GETS_MAX are under way; ERR_SYNTAX: no host name; ERR_NOMEM
 * RFC     8461 3.3
 */
enum err svc_fetch_get(struct svc_fetch_client *c, const struct svc_fetch_want *w);

/* A host name of letters, digits, hyphens, underscores and dots. */
bool svc_fetch_host_valid(str domain);

#endif
