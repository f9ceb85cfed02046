/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SCRAM's key derivation by OpenSSL's HMAC and digests. No state, no I/O; temporary keys are wiped.
 */
#include "svc/auth/scram.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/codec.h"
#include "base/mem.h"
#include "proto/sasl/limits.h"

static const EVP_MD *
digest_of(enum sasl_hash hash)
{
	ASSERT(hash == SASL_HASH_SHA1 || hash == SASL_HASH_SHA256);
	return hash == SASL_HASH_SHA1 ? EVP_sha1() : EVP_sha256();
}

size_t
svc_auth_hash_octets(enum sasl_hash hash)
{
	ASSERT(hash == SASL_HASH_SHA1 || hash == SASL_HASH_SHA256);
	return hash == SASL_HASH_SHA1 ? 20 : 32;
}

static bool
keyed(enum sasl_hash hash, str key, str text, uint8_t out[SASL_KEY_MAX])
{
	unsigned n = 0;

	if (HMAC(digest_of(hash), key.p, (int)key.n, (const unsigned char *)text.p, text.n, out,
		&n) == NULL) {
		return false;
	}
	return n == svc_auth_hash_octets(hash);
}

static bool
hashed(enum sasl_hash hash, const uint8_t *in, uint8_t out[SASL_KEY_MAX])
{
	unsigned n = 0;

	return EVP_Digest(in, svc_auth_hash_octets(hash), out, &n, digest_of(hash), NULL) == 1;
}

enum err
svc_auth_scram_keys(enum sasl_hash hash, str salted, uint8_t *stored, uint8_t *server)
{
	uint8_t client_key[SASL_KEY_MAX], stored_key[SASL_KEY_MAX], server_key[SASL_KEY_MAX];
	size_t n = svc_auth_hash_octets(hash);
	bool ok;

	ASSERT(salted.n == n);
	ok = keyed(hash, salted, S("Client Key"), client_key) &&
	    hashed(hash, client_key, stored_key) &&
	    keyed(hash, salted, S("Server Key"), server_key);
	if (ok) {
		memcpy(stored, stored_key, n);
		memcpy(server, server_key, n);
	}
	mem_wipe(client_key, sizeof(client_key));
	mem_wipe(stored_key, sizeof(stored_key));
	mem_wipe(server_key, sizeof(server_key));
	return ok ? ERR_OK : ERR_BUG;
}

bool
svc_auth_scram_password_ok(enum sasl_hash hash, str salted, str stored)
{
	uint8_t stored_key[SASL_KEY_MAX], server_key[SASL_KEY_MAX];
	bool same;

	if (salted.n != svc_auth_hash_octets(hash) ||
	    svc_auth_scram_keys(hash, salted, stored_key, server_key) != ERR_OK) {
		return false;
	}
	same = str_eq_secret(str_make(stored_key, salted.n), stored);
	mem_wipe(stored_key, sizeof(stored_key));
	mem_wipe(server_key, sizeof(server_key));
	return same;
}

/* HMAC over the three parts of AuthMessage with their commas. */
static bool
signature_of(enum sasl_hash hash, str key, const struct svc_auth_scram_exchange *x,
    uint8_t out[SASL_KEY_MAX])
{
	struct buf message;
	bool ok;

	buf_init(&message, 4 * (size_t)SASL_MESSAGE_MAX);
	buf_str(&message, x->client_first_bare);
	buf_ch(&message, ',');
	buf_str(&message, x->server_first);
	buf_ch(&message, ',');
	buf_str(&message, x->client_final_without_proof);
	ok = buf_err(&message) == ERR_OK && keyed(hash, key, buf_view(&message), out);
	buf_done(&message);
	return ok;
}

bool
svc_auth_scram_proof_ok(enum sasl_hash hash, str stored, const struct svc_auth_scram_exchange *x,
    str proof)
{
	uint8_t client_key[SASL_KEY_MAX], stored_key[SASL_KEY_MAX];
	size_t n = svc_auth_hash_octets(hash);
	bool same;

	if (stored.n != n || proof.n != n || !signature_of(hash, stored, x, client_key)) {
		return false;
	}
	for (size_t i = 0; i < n; i++) {
		client_key[i] ^= (uint8_t)proof.p[i];
	}
	same = hashed(hash, client_key, stored_key) &&
	    str_eq_secret(str_make(stored_key, n), stored);
	mem_wipe(client_key, sizeof(client_key));
	return same;
}

void
svc_auth_scram_sign(enum sasl_hash hash, str server, const struct svc_auth_scram_exchange *x,
    struct buf *out)
{
	uint8_t signature[SASL_KEY_MAX];

	if (signature_of(hash, server, x, signature)) {
		base64_encode(out, str_make(signature, svc_auth_hash_octets(hash)));
	}
}
