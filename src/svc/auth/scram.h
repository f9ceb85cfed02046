/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sums of SCRAM over what a server stores: from SaltedPassword to StoredKey and ServerKey, and
 * whether a proof fits a StoredKey. The slow part (PBKDF2) is done in svc/hash; the exchange itself
 * is libgsasl's, in svc/auth. Here lies what both need to agree on the same octets.
 */
#ifndef SVC_AUTH_SCRAM_H
#define SVC_AUTH_SCRAM_H

#include "base/err.h"
#include "proto/sasl/mechanism.h"

/* 20 for SHA-1, 32 for SHA-256. */
size_t svc_auth_hash_octets(enum sasl_hash hash);

/*
 * StoredKey = H(HMAC(SaltedPassword, "Client Key")), ServerKey = HMAC(SaltedPassword, "Server
 * Key").
 *
 * In      salted: svc_auth_hash_octets(hash) octets
 * Out     stored, server: as many octets each; written only on ERR_OK
 * Errors  ERR_BUG: the cryptographic library failed
 * RFC     5802 3, 7677 3
 */
enum err svc_auth_scram_keys(enum sasl_hash hash, str salted, uint8_t *stored, uint8_t *server);

/*
 * Does `salted`, derived from a password just given, belong to this StoredKey? Constant time.
 */
bool svc_auth_scram_password_ok(enum sasl_hash hash, str salted, str stored);

/* What the client proved: all three borrowed, as they went over the line. */
struct svc_auth_scram_exchange {
	str client_first_bare;
	str server_first;
	str client_final_without_proof;
};

/*
 * Does this proof fit this StoredKey? An account may have several passwords with one salt; the one
 * that fits is then given to libgsasl, which has the last word.
 *
 * RFC     5802 3: ClientSignature, ClientKey, H(ClientKey) = StoredKey
 */
bool svc_auth_scram_proof_ok(enum sasl_hash hash, str stored,
    const struct svc_auth_scram_exchange *x, str proof);

/*
 * Append the base64 of ServerSignature, what a server ends a good exchange with.
 *
 * RFC     5802 3
 */
void svc_auth_scram_sign(enum sasl_hash hash, str server, const struct svc_auth_scram_exchange *x,
    struct buf *out);

#endif
