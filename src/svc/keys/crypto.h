/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libcrypto as this process needs it: keys made, read, written; signatures over digests.
 */
#ifndef SVC_KEYS_CRYPTO_H
#define SVC_KEYS_CRYPTO_H

#include "base/buf.h"
#include "proto/dkim/signature.h"
#include "svc/keys/limits.h"

struct evp_pkey_st;

struct svc_keys_octets {
	size_t n;
	uint8_t p[SVC_KEYS_SIGNATURE_MAX];
};

/* A fresh key. BUG: libcrypto could not. */
enum err svc_keys_crypto_make(enum dkim_algorithm algorithm, struct evp_pkey_st **ret);
void svc_keys_crypto_free(struct evp_pkey_st **key);

/* An unencrypted private key of any kind. SYNTAX: it is none; NOMEM. */
enum err svc_keys_crypto_read(str pem, struct evp_pkey_st **ret);
/* Append it as PEM (PKCS #8). */
enum err svc_keys_crypto_write(const struct evp_pkey_st *key, struct buf *out);
/* Is it one for that algorithm (RSA of at least 1,024 bits, RFC 8301 3.2)? */
bool svc_keys_crypto_fits(const struct evp_pkey_st *key, enum dkim_algorithm algorithm);

/* Append the octets of p= in a key record. RFC 6376 3.6.1, 8463 4 */
enum err svc_keys_crypto_public(const struct evp_pkey_st *key, struct buf *out);
/* SHA-256 of its SubjectPublicKeyInfo. */
enum err svc_keys_crypto_id(const struct evp_pkey_st *key, uint8_t ret[32]);

/*
 * Sign for DKIM.
 *
 * In      digest: SHA-256 of the input of RFC 6376 3.7
 * Errors  SYNTAX: not 32 octets; BUG
 * RFC     6376 3.3.1; 8463 3 (Ed25519 signs the digest)
 */
enum err svc_keys_crypto_sign(struct evp_pkey_st *key, enum dkim_algorithm algorithm, str digest,
    struct svc_keys_octets *ret);

/*
 * Sign a digest for TLS.
 *
 * In      scheme: SignatureScheme; digest: by the scheme's hash
 * Errors  UNSUPPORTED: no such scheme, or not for this key; SYNTAX: a digest of another length
 * RFC     8446 4.2.3; 8017 8.1, 8.2
 */
enum err svc_keys_crypto_sign_tls(struct evp_pkey_st *key, uint16_t scheme, str digest,
    struct svc_keys_octets *ret);

#endif
