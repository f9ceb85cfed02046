/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Words for one attempt to deliver to one server: how far it came, how it ended, what TLS failed
 * in.
 * The numbers are on the wire (send_watch) and on disk (watch.db): add at the end, change none.
 */
#ifndef REACH_ATTEMPT_H
#define REACH_ATTEMPT_H

#include "base/str.h"

enum reach_phase {
	REACH_PHASE_DNS,
	REACH_PHASE_CONNECT,
	REACH_PHASE_BANNER,
	REACH_PHASE_EHLO,
	REACH_PHASE_STARTTLS, /* the command and its reply */
	REACH_PHASE_TLS,      /* the handshake and the checks behind it */
	REACH_PHASE_EHLO2,
	REACH_PHASE_MAIL,
	REACH_PHASE_RCPT,
	REACH_PHASE_DATA, /* the command and its reply */
	REACH_PHASE_EOD,  /* the letter and the reply to its end */
	REACH_PHASE_QUIT,
	REACH_PHASE_COUNT
};

enum reach_verdict { REACH_DELIVERED = 1, REACH_AGAIN = 2, REACH_FAILED = 3 };

/* What DNS said, when it ended the attempt. */
enum reach_dns {
	REACH_DNS_OK,
	REACH_DNS_NXDOMAIN,
	REACH_DNS_NODATA,
	REACH_DNS_NULLMX,
	REACH_DNS_SERVFAIL, /* or no answer */
	REACH_DNS_BOGUS,
	REACH_DNS_BAD_ADDRESS, /* loopback, private, otherwise not public */
	REACH_DNS_DISAGREE,    /* two resolver paths differ */
};

/* Result types of RFC 8460 4.3, in its words by reach_tls_name(). */
enum reach_tls {
	REACH_TLS_OK,
	REACH_TLS_NOT_SUPPORTED, /* starttls-not-supported */
	REACH_TLS_HOST_MISMATCH, /* certificate-host-mismatch */
	REACH_TLS_EXPIRED,
	REACH_TLS_NOT_TRUSTED,
	REACH_TLS_VALIDATION, /* validation-failure: everything else, so also a broken handshake */
	REACH_TLS_TLSA_INVALID,
	REACH_TLS_DNSSEC_INVALID,
	REACH_TLS_DANE_REQUIRED,
	REACH_TLS_STS_FETCH,
	REACH_TLS_STS_INVALID,
	REACH_TLS_STS_WEBPKI,
	REACH_TLS_COUNT
};

/* "connect"; "sts-policy-fetch-error", empty for REACH_TLS_OK; and back. */
str reach_phase_name(enum reach_phase p);
bool reach_phase_find(str name, enum reach_phase *ret);
str reach_tls_name(enum reach_tls t);
bool reach_tls_find(str name, enum reach_tls *ret);

#endif
