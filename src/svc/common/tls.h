/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One TLS connection over one descriptor, of a service that speaks to the network: OpenSSL's reads
 * and writes go through a BIO of ours that calls sys/sock, never block and raise no signal. Who may
 * connect, with which certificate, is the service's: it makes the SSL. Linked by svc_common_tls_dep
 * alone, so that other processes do not carry OpenSSL.
 */
#ifndef SVC_COMMON_TLS_H
#define SVC_COMMON_TLS_H

#include "base/err.h"
#include "base/str.h"

struct ssl_st;

struct svc_common_tls {
	struct ssl_st *ssl;
	int fd;                 /* borrowed */
	unsigned want;          /* after ERR_AGAIN: SYS_IN or SYS_OUT */
	int broken;             /* errno of the socket when it failed; 0: none */
	bool drained;           /* fd gave less than was asked for: nothing waits there */
	size_t budget;          /* octets that may still be read from fd */
	uint64_t read, written; /* octets on the wire */
};

/*
 * Begin, with no limit of `budget`. The struct must not move until svc_common_tls_done.
 *
 * In      ssl: taken; NULL: there was no memory for it
 * Errors  ERR_NOMEM
 */
enum err svc_common_tls_init(struct svc_common_tls *t, struct ssl_st *ssl, int fd);
void svc_common_tls_done(struct svc_common_tls *t);

/* ERR_AGAIN (see want), ERR_EOF: the peer left or `broken`, ERR_TLS. */
enum err svc_common_tls_handshake(struct svc_common_tls *t);
/* ERR_AGAIN: nothing now, or the budget is spent; ERR_EOF: close_notify or end; ERR_TLS. */
enum err svc_common_tls_read(struct svc_common_tls *t, void *to, size_t n, size_t *ret_n);
/* After ERR_AGAIN the same octets must be offered again, further ones may follow. */
enum err svc_common_tls_write(struct svc_common_tls *t, str s, size_t *ret_n);
/* Send close_notify as far as that goes without waiting. */
void svc_common_tls_end(struct svc_common_tls *t);

/* OpenSSL's short reason for the last ERR_TLS, for logs; static text, never NULL. */
const char *svc_common_tls_reason(void);

#endif
