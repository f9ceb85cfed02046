/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hashes and public keys. Keys come from strangers' DNS: what is of another kind than its record
 * says, or longer than a signature can be, is unreadable.
 */
#include "svc/scan/crypto.h"

#include "base/lru.h"
#include "sys/random.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

/* The keys of RFC 8463 A.2. */
#define RSA_KEY                                                                    \
	"MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qh" \
	"dR6wy5bdOKb2jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+" \
	"PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB"
#define ED25519_KEY "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="

/*
 * To read a key and make it ready costs more than a signature; and few senders write most of all
 * letters. So keys that were ready once stay so, by the octets of their records.
 */
struct ready {
	EVP_PKEY *key;
	EVP_PKEY_CTX *ctx; /* of RSA: takes any number of signatures */
};
static struct lru *ready_keys;
static EVP_MD *sha256; /* looked up by name once */

static void
drop_ready(void *value)
{
	struct ready *r = value;
	EVP_PKEY_CTX_free(r->ctx);
	EVP_PKEY_free(r->key);
}

/* What this file keeps as long as the process lives; a second call changes nothing. */
static enum err
make_kept(void)
{
	uint8_t random[16];
	if (sha256 == NULL) {
		sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	}
	if (ready_keys == NULL) {
		sys_random(random, sizeof random);
		ready_keys = lru_new(random, SVC_SCAN_READY_MAX, sizeof(struct ready), drop_ready);
	}
	return sha256 == NULL || ready_keys == NULL ? ERR_NOMEM : ERR_OK;
}

/* A hash that takes small pieces in bursts. */
struct hasher {
	EVP_MD_CTX *ctx;
	bool failed;
	size_t n;
	char waiting[SVC_SCAN_BURST];
};

static void
flush(struct hasher *h)
{
	h->failed |= EVP_DigestUpdate(h->ctx, h->waiting, h->n) != 1;
	h->n = 0;
}

static void
take(void *ctx, str octets)
{
	struct hasher *h = ctx;
	if (octets.n > sizeof h->waiting - h->n) {
		flush(h);
	}
	if (octets.n > sizeof h->waiting) {
		h->failed |= EVP_DigestUpdate(h->ctx, octets.p, octets.n) != 1;
		return;
	}
	memcpy(h->waiting + h->n, octets.p, octets.n);
	h->n += octets.n;
}

static enum err
hash_body(str body, enum dkim_canon canon, uint8_t *ret)
{
	static struct hasher h;
	struct dkim_body b;
	TRY(make_kept());
	h.ctx = EVP_MD_CTX_new();
	h.failed = h.ctx == NULL || EVP_DigestInit_ex(h.ctx, sha256, NULL) != 1;
	h.n = 0;
	if (!h.failed) {
		dkim_body_init(&b, canon, take, &h);
		dkim_body_feed(&b, body);
		dkim_body_end(&b);
		flush(&h);
		h.failed |= EVP_DigestFinal_ex(h.ctx, ret, NULL) != 1;
	}
	EVP_MD_CTX_free(h.ctx);
	return h.failed ? ERR_NOMEM : ERR_OK;
}

enum err
svc_scan_hash_bodies(str body, unsigned bits, struct svc_scan_bodies *ret)
{
	for (unsigned canon = DKIM_SIMPLE; canon <= DKIM_RELAXED; canon++) {
		if (bits & (1U << canon)) {
			TRY(hash_body(body, (enum dkim_canon)canon, ret->hash[canon]));
		}
	}
	return ERR_OK;
}

/* As SubjectPublicKeyInfo, or as the RSAPublicKey that some publish (RFC 6376 3.6.1, errata). */
static EVP_PKEY *
load_rsa(const struct dkim_key *k)
{
	const unsigned char *der = k->octets;
	EVP_PKEY *key = d2i_PUBKEY(NULL, &der, (long)k->octets_n);
	if (key == NULL) {
		der = k->octets;
		key = d2i_PublicKey(EVP_PKEY_RSA, NULL, &der, (long)k->octets_n);
	}
	bool fit = key != NULL && EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA &&
	    EVP_PKEY_get_bits(key) <= SVC_SCAN_RSA_BITS_MAX;
	if (!fit) {
		EVP_PKEY_free(key);
		key = NULL;
	}
	return key;
}

static EVP_PKEY *
load(const struct dkim_key *k)
{
	return k->type == DKIM_KEY_RSA
	    ? load_rsa(k)
	    : EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, k->octets, k->octets_n);
}

static bool
prepare_rsa(struct ready *r)
{
	r->ctx = EVP_PKEY_CTX_new(r->key, NULL);
	return r->ctx != NULL && EVP_PKEY_verify_init(r->ctx) == 1 &&
	    EVP_PKEY_CTX_set_rsa_padding(r->ctx, RSA_PKCS1_PADDING) == 1 &&
	    EVP_PKEY_CTX_set_signature_md(r->ctx, sha256) == 1;
}

/* NULL: cannot be read, or there is no memory. */
static const struct ready *
make_ready(const struct dkim_key *k)
{
	str octets = str_make(k->octets, k->octets_n);
	if (make_kept() != ERR_OK) {
		return NULL;
	}
	struct ready *r = lru_get(ready_keys, octets);
	if (r != NULL) {
		return r;
	}
	EVP_PKEY *key = load(k);
	r = key == NULL ? NULL : lru_put(ready_keys, octets);
	if (r == NULL) {
		EVP_PKEY_free(key);
		return NULL;
	}
	r->key = key;
	if (k->type == DKIM_KEY_RSA && !prepare_rsa(r)) {
		lru_del(ready_keys, octets);
		return NULL;
	}
	return r;
}

/* Both sign a hash (RFC 6376 3.7, 8463 3). */
static bool
is_good(const struct ready *r, const struct dkim_signature *s, str input)
{
	uint8_t digest[32];
	bool rsa = s->algorithm == DKIM_RSA_SHA256;
	if (rsa != (r->ctx != NULL) ||
	    EVP_Digest(input.p, input.n, digest, NULL, sha256, NULL) != 1) {
		return false;
	}
	if (rsa) {
		return EVP_PKEY_verify(r->ctx, s->octets, s->octets_n, digest, sizeof digest) == 1;
	}
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool good = ctx != NULL && EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, r->key) == 1 &&
	    EVP_DigestVerify(ctx, s->octets, s->octets_n, digest, sizeof digest) == 1;
	EVP_MD_CTX_free(ctx);
	return good;
}

void
svc_scan_prove(const struct dkim_key *k, const struct dkim_signature *s, str input,
    struct dkim_proof *ret)
{
	const struct ready *r = make_ready(k);
	*ret = (struct dkim_proof){ .readable = r != NULL };
	if (r != NULL) {
		ret->bits = (unsigned)EVP_PKEY_get_bits(r->key);
		ret->good = is_good(r, s, input);
	}
}

enum err
svc_scan_crypto_begin(void)
{
	static const str records[] = { S_INIT("k=rsa; p=" RSA_KEY),
		S_INIT("k=ed25519; p=" ED25519_KEY) };
	static struct dkim_key key;
	static struct dkim_signature s;
	struct svc_scan_bodies bodies;
	struct dkim_proof proof;
	if (OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) != 1) {
		return ERR_NOMEM;
	}
	TRY(make_kept());
	TRY(svc_scan_hash_bodies(S("x"), 1U << DKIM_RELAXED, &bodies));
	for (size_t i = 0; i < LEN(records); i++) {
		TRY(dkim_key_read(records[i], &key));
		s.algorithm = i == 0 ? DKIM_RSA_SHA256 : DKIM_ED25519_SHA256;
		s.octets_n = i == 0 ? 128 : 64;
		svc_scan_prove(&key, &s, S("x"), &proof);
		if (!proof.readable || proof.good) {
			return ERR_UNSUPPORTED;
		}
	}
	return ERR_OK;
}
