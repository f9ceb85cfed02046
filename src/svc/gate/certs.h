/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Certificates and the rules every TLS connection follows: TLS 1.2 and 1.3, AEAD with forward
 * secrecy, our preference, no renegotiation, no compression, no tickets, no resumption, no early
 * data. One OpenSSL context per certificate; SNI chooses.
 */
#ifndef SVC_GATE_CERTS_H
#define SVC_GATE_CERTS_H

#include "base/map.h"
#include "svc/gate/limits.h"

struct ssl_ctx_st;
struct ssl_st;

struct svc_gate_certs {
	struct ssl_ctx_st *slots[SVC_GATE_CERTIFICATES_MAX];
	int64_t until_s[SVC_GATE_CERTIFICATES_MAX]; /* end of validity */
	struct map *names;                          /* lower-case name or "*.parent" -> slot + 1 */
	uint8_t key[16];
	bool only_tls13;
};

/* Load OpenSSL, without its configuration file. key: 16 random octets. ERR_NOMEM. */
enum err svc_gate_certs_init(struct svc_gate_certs *c, const uint8_t key[16]);
/* TLS 1.2 or not, from the next handshake on. */
void svc_gate_certs_minimum(struct svc_gate_certs *c, bool only_tls13);
/* Connections that use a certificate keep it until they end. */
void svc_gate_certs_done(struct svc_gate_certs *c);

/*
 * Take a chain into a slot, in place of the one there. Connections that exist are not touched. The
 * process keys has its key, so svc_gate_provider_load must have been called.
 *
 * In      chain: PEM, server certificate first
 * Out     ret_why: on failure OpenSSL's own short reason, static
 * Errors  ERR_TOOMANY: slot or names beyond limits.h; ERR_SYNTAX: not PEM; ERR_CONFIG: its
 *         key is too weak; ERR_UNSUPPORTED: neither RSA nor EC; ERR_NOMEM. The old one stays
 */
enum err svc_gate_certs_load(struct svc_gate_certs *c, uint32_t slot, str chain,
    const char **ret_why);

/* The slot for a server name; the first one when no certificate has it. RFC 6066 3; 9525 6.3 */
uint32_t svc_gate_certs_find(const struct svc_gate_certs *c, str name);

/* A new server connection, or NULL: no certificate, no memory. */
struct ssl_st *svc_gate_certs_connection(const struct svc_gate_certs *c);

#endif
