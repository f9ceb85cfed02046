/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The TLS of a connection: beginning with our certificate, reads that are bounded per turn, and
 * what is to be told of it. Everything else is svc/common/tls.h's.
 */
#ifndef SVC_GATE_TLS_H
#define SVC_GATE_TLS_H

#include "svc/common/tls.h"

struct svc_gate_certs;

/* What is known of a connection after its handshake; texts are OpenSSL's or lie in the struct. */
struct svc_gate_tls_facts {
	str version, cipher, sni;
	str exporter, endpoint; /* in the arrays below; empty when there is none */
	uint8_t exporter_octets[32], endpoint_octets[64];
};

/*
 * Begin. The struct must not move until svc_common_tls_done.
 *
 * Errors  ERR_CONFIG: there is no certificate; ERR_NOMEM
 */
enum err svc_gate_tls_init(struct svc_common_tls *t, const struct svc_gate_certs *certs, int fd);

/* The descriptor may have new octets: this many may be read until the next call of this. */
void svc_gate_tls_budget(struct svc_common_tls *t, size_t octets);

/* As svc_common_tls_read; saves the system call that would say that nothing is there. */
enum err svc_gate_tls_read(struct svc_common_tls *t, void *to, size_t n, size_t *ret_n);

/*
 * Facts for the session record.
 *
 * RFC     9266 2 (tls-exporter; TLS 1.2 only with extended master secret), 5929 4.1
 * (tls-server-end-point)
 */
void svc_gate_tls_tell(const struct svc_common_tls *t, struct svc_gate_tls_facts *ret);

#endif
