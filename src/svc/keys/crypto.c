/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls of libcrypto. Nothing here knows what a key is for.
 */
#include "svc/keys/crypto.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

enum { SHA256_OCTETS = 32, RSA_BITS_MIN = 1024, ED25519_OCTETS = 32 };

enum kind { PKCS1, PSS, ECDSA };

static const struct scheme {
	uint16_t number;
	enum kind kind;
	const char *hash;
	size_t octets;
} schemes[] = {
	{ 0x0401, PKCS1, "SHA256", 32 },
	{ 0x0501, PKCS1, "SHA384", 48 },
	{ 0x0601, PKCS1, "SHA512", 64 },
	{ 0x0804, PSS, "SHA256", 32 },
	{ 0x0805, PSS, "SHA384", 48 },
	{ 0x0806, PSS, "SHA512", 64 },
	{ 0x0403, ECDSA, "SHA256", 32 },
	{ 0x0503, ECDSA, "SHA384", 48 },
	{ 0x0603, ECDSA, "SHA512", 64 },
};

enum err
svc_keys_crypto_make(enum dkim_algorithm algorithm, EVP_PKEY **ret)
{
	EVP_PKEY *key = algorithm == DKIM_RSA_SHA256
	    ? EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)SVC_KEYS_RSA_BITS)
	    : EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	if (key == NULL) {
		return ERR_BUG;
	}
	*ret = key;
	return ERR_OK;
}

void
svc_keys_crypto_free(EVP_PKEY **key)
{
	EVP_PKEY_free(*key); /* which wipes it */
	*key = NULL;
}

enum err
svc_keys_crypto_read(str pem, EVP_PKEY **ret)
{
	if (pem.n == 0 || pem.n > INT_MAX) {
		return ERR_SYNTAX;
	}
	BIO *bio = BIO_new_mem_buf(pem.p, (int)pem.n);
	if (bio == NULL) {
		return ERR_NOMEM;
	}
	/* An empty passphrase: never ask a terminal. */
	EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, (void *)(uintptr_t) "");
	BIO_free(bio);
	if (key == NULL) {
		return ERR_SYNTAX;
	}
	*ret = key;
	return ERR_OK;
}

enum err
svc_keys_crypto_write(const EVP_PKEY *key, struct buf *out)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *p = NULL;
	if (bio == NULL ||
	    PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) != 1) {
		BIO_free(bio);
		return ERR_NOMEM;
	}
	long n = BIO_get_mem_data(bio, &p);
	buf_add(out, p, (size_t)n);
	BIO_free(bio); /* which wipes it */
	return buf_err(out);
}

bool
svc_keys_crypto_fits(const EVP_PKEY *key, enum dkim_algorithm algorithm)
{
	if (algorithm == DKIM_ED25519_SHA256) {
		return EVP_PKEY_is_a(key, "ED25519") == 1;
	}
	return EVP_PKEY_is_a(key, "RSA") == 1 && EVP_PKEY_get_bits(key) >= RSA_BITS_MIN &&
	    EVP_PKEY_get_size(key) <= SVC_KEYS_SIGNATURE_MAX;
}

static enum err
put_info(const EVP_PKEY *key, struct buf *out)
{
	unsigned char *der = NULL;
	int n = i2d_PUBKEY(key, &der);
	if (n <= 0) {
		return ERR_NOMEM;
	}
	buf_add(out, der, (size_t)n);
	OPENSSL_free(der);
	return buf_err(out);
}

enum err
svc_keys_crypto_public(const EVP_PKEY *key, struct buf *out)
{
	uint8_t raw[ED25519_OCTETS];
	size_t n = sizeof raw;
	if (EVP_PKEY_is_a(key, "ED25519") != 1) {
		return put_info(key, out);
	}
	if (EVP_PKEY_get_raw_public_key(key, raw, &n) != 1) {
		return ERR_BUG;
	}
	buf_add(out, raw, n);
	return buf_err(out);
}

enum err
svc_keys_crypto_id(const EVP_PKEY *key, uint8_t ret[32])
{
	struct buf info;
	buf_init(&info, SVC_KEYS_FILE_MAX);
	enum err e = put_info(key, &info);
	if (e == ERR_OK && EVP_Digest(info.p, info.n, ret, NULL, EVP_sha256(), NULL) != 1) {
		e = ERR_BUG;
	}
	buf_done(&info);
	return e;
}

static enum err
sign_ed25519(EVP_PKEY *key, str digest, struct svc_keys_octets *ret)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t n = sizeof ret->p;
	bool good = ctx != NULL && EVP_DigestSignInit(ctx, NULL, NULL, NULL, key) == 1 &&
	    EVP_DigestSign(ctx, ret->p, &n, (const unsigned char *)digest.p, digest.n) == 1;
	EVP_MD_CTX_free(ctx);
	if (!good) {
		return ERR_BUG;
	}
	ret->n = n;
	return ERR_OK;
}

static bool
set_padding(EVP_PKEY_CTX *ctx, enum kind kind)
{
	switch (kind) {
	case PKCS1: return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1;
	case PSS:
		return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1 &&
		    EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST) == 1;
	case ECDSA: return true;
	}
	return false;
}

static enum err
sign_digest(EVP_PKEY *key, const struct scheme *s, str digest, struct svc_keys_octets *ret)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
	size_t n = sizeof ret->p;
	bool good = ctx != NULL && EVP_PKEY_sign_init(ctx) == 1 && set_padding(ctx, s->kind) &&
	    EVP_PKEY_CTX_set_signature_md(ctx, EVP_get_digestbyname(s->hash)) == 1 &&
	    EVP_PKEY_sign(ctx, ret->p, &n, (const unsigned char *)digest.p, digest.n) == 1;
	EVP_PKEY_CTX_free(ctx);
	if (!good) {
		return ERR_BUG;
	}
	ret->n = n;
	return ERR_OK;
}

enum err
svc_keys_crypto_sign(EVP_PKEY *key, enum dkim_algorithm algorithm, str digest,
    struct svc_keys_octets *ret)
{
	if (digest.n != SHA256_OCTETS) {
		return ERR_SYNTAX;
	}
	return algorithm == DKIM_ED25519_SHA256 ? sign_ed25519(key, digest, ret)
						: sign_digest(key, &schemes[0], digest, ret);
}

enum err
svc_keys_crypto_sign_tls(EVP_PKEY *key, uint16_t scheme, str digest, struct svc_keys_octets *ret)
{
	for (size_t i = 0; i < LEN(schemes); i++) {
		const struct scheme *s = &schemes[i];
		if (s->number != scheme) {
			continue;
		}
		if (EVP_PKEY_is_a(key, s->kind == ECDSA ? "EC" : "RSA") != 1 ||
		    EVP_PKEY_get_size(key) > (int)sizeof ret->p) {
			return ERR_UNSUPPORTED;
		}
		return digest.n == s->octets ? sign_digest(key, s, digest, ret) : ERR_SYNTAX;
	}
	return ERR_UNSUPPORTED;
}
