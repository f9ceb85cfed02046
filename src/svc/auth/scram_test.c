/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SCRAM's sums against the examples of the RFCs: SCRAM-SHA-1 (5802 5), SCRAM-SHA-256 (7677 3).
 */
#include <openssl/evp.h>

#include "base/codec.h"
#include "base/test.h"
#include "proto/sasl/limits.h"
#include "svc/auth/scram.h"

static const struct scram_vector {
	const char *name;
	enum sasl_hash hash;
	str salt, first_bare, server_first, final_bare, proof, signature;
} vectors[] = {
	{ "RFC 5802 5", SASL_HASH_SHA1, S_INIT("QSXCR+Q6sek8bf92"),
	    S_INIT("n=user,r=fyko+d2lbbFgONRv9qkxdawL"),
	    S_INIT("r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096"),
	    S_INIT("c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j"),
	    S_INIT("v0X8v3Bz2T0CJGbJQyF0X+HI4Ts="), S_INIT("rmF9pqV8S7suAoZWja4dJRkFsKQ=") },
	{ "RFC 7677 3", SASL_HASH_SHA256, S_INIT("W22ZaJ0SNY7soEsUEjb6gQ=="),
	    S_INIT("n=user,r=rOprNGfwEbeRWgbNEkqO"),
	    S_INIT("r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
		   "s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"),
	    S_INIT("c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"),
	    S_INIT("dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="),
	    S_INIT("6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=") },
};

static void
derive(const struct scram_vector *v, const char *password, uint8_t salted[SASL_KEY_MAX])
{
	const EVP_MD *md = v->hash == SASL_HASH_SHA1 ? EVP_sha1() : EVP_sha256();
	struct buf salt;

	buf_init(&salt, 64);
	CHECK_ERR(base64_decode(&salt, v->salt), ERR_OK);
	CHECK(PKCS5_PBKDF2_HMAC(password, -1, (const unsigned char *)salt.p, (int)salt.n, 4096, md,
		  (int)svc_auth_hash_octets(v->hash), salted) == 1);
	buf_done(&salt);
}

static void
scram_matches_rfc(void)
{
	for (size_t i = 0; i < LEN(vectors); i++) {
		const struct scram_vector *v = &vectors[i];
		struct svc_auth_scram_exchange x = { v->first_bare, v->server_first,
			v->final_bare };
		uint8_t salted[SASL_KEY_MAX], stored[SASL_KEY_MAX], server[SASL_KEY_MAX];
		size_t n = svc_auth_hash_octets(v->hash);
		struct buf proof, signature;

		test_case = v->name;
		derive(v, "pencil", salted);
		CHECK_ERR(svc_auth_scram_keys(v->hash, str_make(salted, n), stored, server),
		    ERR_OK);
		buf_init(&proof, 64);
		CHECK_ERR(base64_decode(&proof, v->proof), ERR_OK);
		CHECK(svc_auth_scram_proof_ok(v->hash, str_make(stored, n), &x, buf_view(&proof)));
		CHECK(svc_auth_scram_password_ok(v->hash, str_make(salted, n),
		    str_make(stored, n)));
		proof.p[0] ^= 1;
		CHECK(!svc_auth_scram_proof_ok(v->hash, str_make(stored, n), &x, buf_view(&proof)));
		proof.p[0] ^= 1;
		CHECK(!svc_auth_scram_proof_ok(v->hash, str_make(server, n), &x, buf_view(&proof)));
		buf_truncate(&proof, n - 1);
		CHECK(!svc_auth_scram_proof_ok(v->hash, str_make(stored, n), &x, buf_view(&proof)));
		/* ServerKey signs what the RFC's server sent. */
		buf_init(&signature, 64);
		svc_auth_scram_sign(v->hash, str_make(server, n), &x, &signature);
		CHECK_STR(buf_view(&signature), v->signature);
		buf_done(&signature);
		buf_done(&proof);
	}
	test_case = NULL;
}

static void
wrong_password_is_refused(void)
{
	uint8_t salted[SASL_KEY_MAX], stored[SASL_KEY_MAX], server[SASL_KEY_MAX];

	derive(&vectors[1], "pencil", salted);
	CHECK_ERR(svc_auth_scram_keys(SASL_HASH_SHA256, str_make(salted, 32), stored, server),
	    ERR_OK);
	derive(&vectors[1], "Pencil", salted);
	CHECK(!svc_auth_scram_password_ok(SASL_HASH_SHA256, str_make(salted, 32),
	    str_make(stored, 32)));
	CHECK(!svc_auth_scram_password_ok(SASL_HASH_SHA256, str_make(salted, 31),
	    str_make(stored, 32)));
}

TEST_MAIN(scram_matches_rfc, wrong_password_is_refused)
