/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signatures for handshakes from the process keys, over edge gate_keys. The gate waits for each, at
 * most SVC_GATE_SIGN_MS: OpenSSL asks in the middle of a handshake. A signature takes keys 0.1 ms
 * (P-256) to 0.4 ms (RSA), so waiting costs less than turning the loop would.
 */
#ifndef SVC_GATE_SIGNER_H
#define SVC_GATE_SIGNER_H

#include "base/arena.h"
#include "base/buf.h"
#include "svc/gate/limits.h"
#include "sys/loop.h"

struct svc_common;

struct svc_gate_signer {
	struct svc_common *sc;
	int fd; /* channel to keys; -1: none, every handshake that needs a signature fails */
	uint32_t peer;
	uint64_t request;
	int wait_ms; /* SVC_GATE_SIGN_MS; less in tests */
	struct buf out, in;
	struct arena *scratch;
	struct sys_timer rewire; /* ask for another channel then */
	uint64_t signatures, failed;
	int64_t waited_us, longest_us;
};

struct svc_gate_signature {
	size_t n;
	uint8_t p[SVC_GATE_SIGNATURE_MAX];
};

/* ERR_NOMEM */
enum err svc_gate_signer_init(struct svc_gate_signer *s, struct svc_common *sc);
void svc_gate_signer_done(struct svc_gate_signer *s);
/* A channel to keys, in place of the old one; fd is taken. */
void svc_gate_signer_wire(struct svc_gate_signer *s, uint32_t peer, int fd);

/*
 * Ask for a signature and wait for it.
 *
 * In      key: SHA-256 of the SubjectPublicKeyInfo; scheme: SignatureScheme; digest: by its hash
 * Errors  ERR_UNAVAILABLE: no channel; ERR_TIMEOUT, ERR_PROTOCOL, ERR_EOF: and now none any more,
 *         the parent brings another; what keys says: NOTFOUND, UNSUPPORTED, SYNTAX
 * RFC     8446 4.2.3
 */
enum err svc_gate_signer_sign(struct svc_gate_signer *s, str key, uint16_t scheme, str digest,
    struct svc_gate_signature *ret);

#endif
