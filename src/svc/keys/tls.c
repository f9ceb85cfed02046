/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The slots, and whether a key is its certificate's: gate cannot say that, it has no key.
 */
#include "svc/keys/tls.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

/* Gate makes the name from the certificate as well. */
static enum err
check_certificate(str chain, EVP_PKEY *key, uint8_t ret_id[32])
{
	if (chain.n == 0 || chain.n > INT_MAX) {
		return ERR_SYNTAX;
	}
	BIO *bio = BIO_new_mem_buf(chain.p, (int)chain.n);
	if (bio == NULL) {
		return ERR_NOMEM;
	}
	X509 *first = PEM_read_bio_X509_AUX(bio, NULL, NULL, NULL);
	enum err e = first == NULL ? ERR_SYNTAX : ERR_OK;
	if (e == ERR_OK && X509_check_private_key(first, key) != 1) {
		e = ERR_CONFIG;
	}
	if (e == ERR_OK) {
		e = svc_keys_crypto_id(X509_get0_pubkey(first), ret_id);
	}
	X509_free(first);
	BIO_free(bio);
	return e;
}

static enum err
read_pair(str chain, str pem, struct svc_keys_pair *ret)
{
	*ret = (struct svc_keys_pair){ 0 };
	TRY(svc_keys_crypto_read(pem, &ret->key));
	enum err e = EVP_PKEY_is_a(ret->key, "RSA") || EVP_PKEY_is_a(ret->key, "EC")
	    ? check_certificate(chain, ret->key, ret->id)
	    : ERR_UNSUPPORTED;
	if (e != ERR_OK) {
		svc_keys_crypto_free(&ret->key);
	}
	return e;
}

enum err
svc_keys_tls_load(struct svc_keys_tls *t, uint32_t slot, str chain, str key, const char **ret_why)
{
	struct svc_keys_pair pair;
	if (slot >= SVC_KEYS_SLOTS_MAX) {
		*ret_why = err_text(ERR_TOOMANY);
		return ERR_TOOMANY;
	}
	ERR_clear_error();
	enum err e = read_pair(chain, key, &pair);
	if (e != ERR_OK) {
		const char *why = ERR_reason_error_string(ERR_peek_last_error());
		*ret_why = why == NULL ? err_text(e) : why;
		ERR_clear_error();
		return e;
	}
	struct svc_keys_pair *now = &t->now[slot];
	if (now->key != NULL && memcmp(now->id, pair.id, sizeof pair.id) != 0) {
		svc_keys_crypto_free(&t->before[slot].key);
		t->before[slot] = *now;
		now->key = NULL;
	}
	svc_keys_crypto_free(&now->key);
	*now = pair;
	return ERR_OK;
}

void
svc_keys_tls_done(struct svc_keys_tls *t)
{
	for (size_t i = 0; i < SVC_KEYS_SLOTS_MAX; i++) {
		svc_keys_crypto_free(&t->now[i].key);
		svc_keys_crypto_free(&t->before[i].key);
	}
}

static struct svc_keys_pair *
find(struct svc_keys_pair *pairs, str id)
{
	for (size_t i = 0; i < SVC_KEYS_SLOTS_MAX; i++) {
		if (pairs[i].key != NULL && str_eq(str_make(pairs[i].id, sizeof pairs[i].id), id)) {
			return &pairs[i];
		}
	}
	return NULL;
}

enum err
svc_keys_tls_sign(struct svc_keys_tls *t, str id, uint16_t scheme, str digest,
    struct svc_keys_octets *ret)
{
	struct svc_keys_pair *pair = find(t->now, id);
	if (pair == NULL) {
		pair = find(t->before, id);
	}
	if (pair == NULL) {
		return ERR_NOTFOUND;
	}
	TRY(svc_keys_crypto_sign_tls(pair->key, scheme, digest, ret));
	pair->signatures++;
	return ERR_OK;
}
