/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One TLS connection over one descriptor: the only place that calls OpenSSL for a connection. Reads
 * and writes never block and are bounded per turn.
 */
#ifndef SVC_GATE_TLS_H
#define SVC_GATE_TLS_H

#include "base/err.h"
#include "base/str.h"

struct ssl_st;
struct svc_gate_certs;

struct svc_gate_tls {
	struct ssl_st *ssl;
	int fd;        /* borrowed */
	unsigned want; /* after ERR_AGAIN: SYS_IN or SYS_OUT */
	size_t budget; /* octets that may still be read from fd in this turn */
	bool drained;  /* fd gave less than was asked for: nothing waits there */
};

/* What is known of a connection after its handshake; texts are OpenSSL's or lie in the struct. */
struct svc_gate_tls_facts {
	str version, cipher, sni;
	str exporter, endpoint; /* in the arrays below; empty when there is none */
	uint8_t exporter_octets[32], endpoint_octets[64];
};

/*
 * Begin. The struct must not move until svc_gate_tls_done.
 *
 * Errors  ERR_CONFIG: there is no certificate; ERR_NOMEM
 */
enum err svc_gate_tls_init(struct svc_gate_tls *t, const struct svc_gate_certs *certs, int fd);
void svc_gate_tls_done(struct svc_gate_tls *t);

/* The descriptor may have new octets: this many may be read until the next call of this. */
void svc_gate_tls_budget(struct svc_gate_tls *t, size_t octets);

/* ERR_AGAIN (see want), ERR_EOF: the peer left, ERR_TLS. */
enum err svc_gate_tls_handshake(struct svc_gate_tls *t);

/* ERR_AGAIN: nothing now, or the budget is spent; ERR_EOF: close_notify or end; ERR_TLS, ERR_IO. */
enum err svc_gate_tls_read(struct svc_gate_tls *t, void *to, size_t n, size_t *ret_n);
/* After ERR_AGAIN the same octets must be offered again, further ones may follow. */
enum err svc_gate_tls_write(struct svc_gate_tls *t, str s, size_t *ret_n);
/* Send close_notify as far as that goes without waiting. */
void svc_gate_tls_end(struct svc_gate_tls *t);

/*
 * Facts for the session record.
 *
 * RFC     9266 2 (tls-exporter; TLS 1.2 only with extended master secret), 5929 4.1
 * (tls-server-end-point)
 */
void svc_gate_tls_tell(const struct svc_gate_tls *t, struct svc_gate_tls_facts *ret);

/* OpenSSL's short reason for the failure that was just reported; static text. */
const char *svc_gate_tls_reason(void);

#endif
