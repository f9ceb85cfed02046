/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys of certificates: every scheme of TLS that we sign, pairs that do not fit, pairs that change.
 */
#include "base/test.h"
#include "svc/keys/tls.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

static const char text[] = "what is signed";
static struct svc_keys_tls tls;
static struct svc_keys_octets octets;

static str
bio_str(BIO *bio)
{
	char *p = NULL;
	long n = BIO_get_mem_data(bio, &p);
	return str_make(p, (size_t)n);
}

static enum err
load_pair(uint32_t slot, EVP_PKEY *certified, EVP_PKEY *key)
{
	const char *why = "";
	X509 *cert = X509_new();
	BIO *chain = BIO_new(BIO_s_mem()), *pem = BIO_new(BIO_s_mem());
	X509_gmtime_adj(X509_getm_notBefore(cert), -60);
	X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
	X509_set_pubkey(cert, certified);
	CHECK(X509_sign(cert, certified,
		  EVP_PKEY_is_a(certified, "ED25519") ? NULL : EVP_sha256()) > 0);
	PEM_write_bio_X509(chain, cert);
	PEM_write_bio_PrivateKey(pem, key, NULL, NULL, 0, NULL, NULL);
	enum err e = svc_keys_tls_load(&tls, slot, bio_str(chain), bio_str(pem), &why);
	CHECK((e == ERR_OK) == (why[0] == '\0'));
	BIO_free(chain);
	BIO_free(pem);
	X509_free(cert);
	return e;
}

struct scheme_case {
	const char *name;
	uint16_t scheme;
	const char *hash;
	int padding; /* 0: EC */
};

static const struct scheme_case scheme_cases[] = {
	{ "rsa_pkcs1_sha256", 0x0401, "SHA256", RSA_PKCS1_PADDING },
	{ "rsa_pkcs1_sha384", 0x0501, "SHA384", RSA_PKCS1_PADDING },
	{ "rsa_pkcs1_sha512", 0x0601, "SHA512", RSA_PKCS1_PADDING },
	{ "rsa_pss_rsae_sha256", 0x0804, "SHA256", RSA_PKCS1_PSS_PADDING },
	{ "rsa_pss_rsae_sha384", 0x0805, "SHA384", RSA_PKCS1_PSS_PADDING },
	{ "rsa_pss_rsae_sha512", 0x0806, "SHA512", RSA_PKCS1_PSS_PADDING },
	{ "ecdsa_secp256r1_sha256", 0x0403, "SHA256", 0 },
	{ "ecdsa_secp384r1_sha384", 0x0503, "SHA384", 0 },
	{ "ecdsa_secp521r1_sha512", 0x0603, "SHA512", 0 },
};

static enum err
sign(const EVP_PKEY *key, uint16_t scheme, str digest)
{
	uint8_t id[32];
	CHECK_ERR(svc_keys_crypto_id(key, id), ERR_OK);
	return svc_keys_tls_sign(&tls, str_make(id, sizeof id), scheme, digest, &octets);
}

static bool
verifies(EVP_PKEY *key, const struct scheme_case *c)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *how = NULL;
	bool good = EVP_DigestVerifyInit_ex(ctx, &how, c->hash, NULL, NULL, key, NULL) == 1;
	if (c->padding != 0) {
		good = good && EVP_PKEY_CTX_set_rsa_padding(how, c->padding) == 1;
	}
	if (c->padding == RSA_PKCS1_PSS_PADDING) {
		good = good && EVP_PKEY_CTX_set_rsa_pss_saltlen(how, RSA_PSS_SALTLEN_DIGEST) == 1;
	}
	good = good &&
	    EVP_DigestVerify(ctx, octets.p, octets.n, (const unsigned char *)text,
		sizeof text - 1) == 1;
	EVP_MD_CTX_free(ctx);
	return good;
}

static void
signs_handshakes(void)
{
	EVP_PKEY *rsa = EVP_RSA_gen(2048), *ec = EVP_EC_gen("P-384");
	CHECK_ERR(load_pair(0, rsa, rsa), ERR_OK);
	CHECK_ERR(load_pair(1, ec, ec), ERR_OK);
	for (size_t i = 0; i < LEN(scheme_cases); i++) {
		const struct scheme_case *c = &scheme_cases[i];
		EVP_PKEY *key = c->padding == 0 ? ec : rsa;
		uint8_t digest[64];
		size_t n = 0;
		test_case = c->name;
		CHECK(EVP_Q_digest(NULL, c->hash, NULL, text, sizeof text - 1, digest, &n) == 1);
		CHECK_ERR(sign(key, c->scheme, str_make(digest, n)), ERR_OK);
		CHECK(verifies(key, c));
		CHECK_ERR(sign(key, c->scheme, str_make(digest, n - 1)), ERR_SYNTAX);
		CHECK_ERR(sign(key == ec ? rsa : ec, c->scheme, str_make(digest, n)),
		    ERR_UNSUPPORTED);
	}
	test_case = NULL;
	CHECK_ERR(sign(rsa, 0x0807, S("01234567890123456789012345678901")), ERR_UNSUPPORTED);
	CHECK_U64(tls.now[0].signatures, 6);
	CHECK_U64(tls.now[1].signatures, 3);
	EVP_PKEY_free(rsa);
	EVP_PKEY_free(ec);
	svc_keys_tls_done(&tls);
}

static void
certificates_change(void)
{
	uint8_t room[32] = { 1 };
	str digest = str_make(room, sizeof room);
	EVP_PKEY *a = EVP_EC_gen("P-256"), *b = EVP_EC_gen("P-256"), *c = EVP_EC_gen("P-256");
	EVP_PKEY *ed = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	CHECK_ERR(load_pair(0, a, a), ERR_OK);
	CHECK_ERR(load_pair(0, b, a), ERR_CONFIG); /* not its key */
	CHECK_ERR(load_pair(0, ed, ed), ERR_UNSUPPORTED);
	CHECK_ERR(load_pair(SVC_KEYS_SLOTS_MAX, a, a), ERR_TOOMANY);
	CHECK_ERR(sign(a, 0x0403, digest), ERR_OK);
	CHECK_ERR(sign(b, 0x0403, digest), ERR_NOTFOUND);
	CHECK_ERR(load_pair(0, b, b), ERR_OK);
	CHECK_ERR(load_pair(0, b, b), ERR_OK); /* the same again forgets nobody */
	CHECK_ERR(sign(a, 0x0403, digest), ERR_OK);
	CHECK_ERR(sign(b, 0x0403, digest), ERR_OK);
	CHECK_ERR(load_pair(0, c, c), ERR_OK);
	CHECK_ERR(sign(a, 0x0403, digest), ERR_NOTFOUND);
	CHECK_ERR(sign(b, 0x0403, digest), ERR_OK);
	CHECK_ERR(sign(c, 0x0403, digest), ERR_OK);
	EVP_PKEY_free(a);
	EVP_PKEY_free(b);
	EVP_PKEY_free(c);
	EVP_PKEY_free(ed);
	svc_keys_tls_done(&tls);
}

TEST_MAIN(signs_handshakes, certificates_change)
