/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What strangers can make login hold. The dialogue itself is bounded in proto/preauth/limits.h.
 */
#ifndef SVC_LOGIN_LIMITS_H
#define SVC_LOGIN_LIMITS_H

enum {
	SVC_LOGIN_SESSIONS_MAX = 20000,
	SVC_LOGIN_SESSION_OCTETS = 4096,  /* what gate told of a session */
	SVC_LOGIN_READ = 8192,            /* octets taken at a time */
	SVC_LOGIN_UNREAD_MAX = 32768,     /* octets that wait while auth thinks */
	SVC_LOGIN_IDLE_MS = 120000,       /* silence before log-in (RFC 9051 5.4 lets us choose) */
	SVC_LOGIN_TOTAL_MS = 600000,      /* from TLS to log-in, however busy */
	SVC_LOGIN_TICK_OCTETS = 262144,   /* decoding one message of a peer */
	SVC_LOGIN_MESSAGE_OCTETS = 98304, /* encoding one */
};

#endif
