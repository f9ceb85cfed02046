/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys of certificates, by slot, found by the SHA-256 of their SubjectPublicKeyInfo.
 */
#ifndef SVC_KEYS_TLS_H
#define SVC_KEYS_TLS_H

#include "base/err.h"
#include "base/str.h"
#include "svc/keys/crypto.h"
#include "svc/keys/limits.h"

struct svc_keys_pair {
	struct evp_pkey_st *key; /* NULL: none */
	uint8_t id[32];
	uint64_t signatures;
};

/*
 * Two per slot: the one before still signs for gates and connections that have its chain until the
 * slot changes again.
 */
struct svc_keys_tls {
	struct svc_keys_pair now[SVC_KEYS_SLOTS_MAX], before[SVC_KEYS_SLOTS_MAX];
};

/*
 * Take the key of a certificate into a slot.
 *
 * In      chain: PEM, the server's certificate first; key: PEM
 * Out     ret_why: on failure libcrypto's own short reason, static
 * Errors  ERR_TOOMANY: no such slot; ERR_SYNTAX: not PEM; ERR_CONFIG: the key is not the
 *         certificate's; ERR_UNSUPPORTED: neither RSA nor EC; ERR_NOMEM. The old one stays
 */
enum err svc_keys_tls_load(struct svc_keys_tls *t, uint32_t slot, str chain, str key,
    const char **ret_why);
void svc_keys_tls_done(struct svc_keys_tls *t);

/* Sign a digest. NOTFOUND: no such key; further as svc_keys_crypto_sign_tls. */
enum err svc_keys_tls_sign(struct svc_keys_tls *t, str id, uint16_t scheme, str digest,
    struct svc_keys_octets *ret);

#endif
