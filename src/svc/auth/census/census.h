/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The census of log-ins: what waits to be written. See README for what is kept and what is not.
 */
#ifndef SVC_AUTH_CENSUS_CENSUS_H
#define SVC_AUTH_CENSUS_CENSUS_H

#include "svc/auth/exchange.h"

enum {
	SVC_AUTH_CENSUS_MAX = 4096,     /* log-ins that wait */
	SVC_AUTH_CENSUS_HOLD_MS = 8000, /* for their program's name */
	SVC_AUTH_CENSUS_V4_BITS = 24,
	SVC_AUTH_CENSUS_V6_BITS = 48,
	SVC_AUTH_CENSUS_HOUR_S = 3600, /* nothing more exact is kept */
	SVC_AUTH_CENSUS_EXPIRE_EVERY_S = 86400,
};

/* NULL: no memory. Freed by svc_auth_census_free, after a last svc_auth_census_write. */
struct svc_auth_census *svc_auth_census_new(void);
void svc_auth_census_free(struct svc_auth_census **c);

/* A log-in that succeeded. */
void svc_auth_census_login(struct svc_auth *a, uint64_t account, const struct svc_auth_session *s,
    str mechanism);
/* The program of that session has said its name. */
void svc_auth_census_client(struct svc_auth *a, uint64_t session, uint64_t account, str name);
/* Write what has waited long enough, or all of it; once a day, forget what is too old. */
void svc_auth_census_write(struct svc_auth *a, bool all);

#endif
