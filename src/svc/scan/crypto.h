/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The computing behind signatures, with libcrypto: hashes of bodies, and whether a signature is by
 * a key. The only file of scan that knows OpenSSL; what is computed and what it means is decided by
 * proto/dkim and proto/arc.
 */
#ifndef SVC_SCAN_CRYPTO_H
#define SVC_SCAN_CRYPTO_H

#include "proto/dkim/verify.h"

enum {
	SVC_SCAN_READY_MAX = 1000,                      /* kept ready, some 3 KB each */
	SVC_SCAN_RSA_BITS_MAX = 8 * DKIM_SIGNATURE_MAX, /* longer keys fit no signature we read */
	SVC_SCAN_BURST =
	    4096, /* octets gathered before they are hashed: canonical pieces are small */
};

/*
 * Have libcrypto load now what it will need: later the sandbox has no files for it.
 *
 * Errors  NOMEM; UNSUPPORTED: this library cannot verify what it must
 */
enum err svc_scan_crypto_begin(void);

/* SHA-256 of bodies, by enum dkim_canon. */
struct svc_scan_bodies {
	uint8_t hash[2][DKIM_BODY_HASH];
};

/*
 * Hash a body once for each canonicalization of `bits` (1 << enum dkim_canon).
 *
 * Errors  NOMEM
 * RFC     6376 3.4.3, 3.4.4, 3.7
 */
enum err svc_scan_hash_bodies(str body, unsigned bits, struct svc_scan_bodies *ret);

/* Is the signature over `input` by this key? RFC 6376 3.3, 8301 3.2, 8463 3 */
void svc_scan_prove(const struct dkim_key *k, const struct dkim_signature *s, str input,
    struct dkim_proof *ret);

#endif
