/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading PEM chains into OpenSSL contexts, and choosing one by SNI. Names come from the
 * certificates' subjectAltName alone; a wildcard stands for exactly one label (RFC 9525 6.3).
 */
#include "svc/gate/certs.h"
#include "base/mem.h"
#include "svc/gate/provider.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

/* RFC 9325 4.2: ECDHE and AEAD only; 128 bits first, they cost less and protect as well. */
static const char ciphers12[] = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
				"ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
				"ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
static const char ciphers13[] =
    "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";

#define OPTIONS                                                                            \
	(SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET |              \
	    SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA | SSL_OP_NO_SSLv3 | \
	    SSL_OP_NO_TLSv1 | SSL_OP_NO_TLSv1_1)
#define MODES                                                       \
	(SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | \
	    SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER)

enum err
svc_gate_certs_init(struct svc_gate_certs *c, const uint8_t key[16])
{
	*c = (struct svc_gate_certs){ 0 };
	memcpy(c->key, key, sizeof c->key);
	if (OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) != 1) {
		return ERR_NOMEM;
	}
	c->names = map_new(key, SVC_GATE_NAMES_MAX);
	return c->names == NULL ? ERR_NOMEM : ERR_OK;
}

void
svc_gate_certs_done(struct svc_gate_certs *c)
{
	for (size_t i = 0; i < LEN(c->slots); i++) {
		SSL_CTX_free(c->slots[i]);
		c->slots[i] = NULL;
	}
	map_free(&c->names);
}

static int
set_minimum(SSL_CTX *ctx, bool only_tls13)
{
	return SSL_CTX_set_min_proto_version(ctx, only_tls13 ? TLS1_3_VERSION : TLS1_2_VERSION);
}

void
svc_gate_certs_minimum(struct svc_gate_certs *c, bool only_tls13)
{
	c->only_tls13 = only_tls13;
	for (size_t i = 0; i < LEN(c->slots); i++) {
		if (c->slots[i] != NULL) {
			(void)set_minimum(c->slots[i], only_tls13); /* fails for no such version */
		}
	}
}

static int
choose(SSL *ssl, int *alert, void *ctx)
{
	const struct svc_gate_certs *c = ctx;
	str name = str_from(SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name));
	SSL_CTX *found = c->slots[svc_gate_certs_find(c, name)];
	if (name.n != 0 && found != NULL && found != SSL_get_SSL_CTX(ssl)) {
		SSL_set_SSL_CTX(ssl, found);
	}
	return SSL_TLSEXT_ERR_OK;
}

static bool
set_rules(const struct svc_gate_certs *c, SSL_CTX *ctx)
{
	SSL_CTX_set_options(ctx, OPTIONS);
	SSL_CTX_set_mode(ctx, MODES);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_num_tickets(ctx, 0);
	SSL_CTX_set_max_early_data(ctx, 0);
	SSL_CTX_set_read_ahead(ctx, 1);
	SSL_CTX_set_security_level(ctx, 2);
	SSL_CTX_set_tlsext_servername_callback(ctx, choose);
	SSL_CTX_set_tlsext_servername_arg(ctx, (void *)(uintptr_t)c);
	return set_minimum(ctx, c->only_tls13) == 1 &&
	    SSL_CTX_set_cipher_list(ctx, ciphers12) == 1 &&
	    SSL_CTX_set_ciphersuites(ctx, ciphers13) == 1 &&
	    SSL_CTX_set1_groups_list(ctx, "X25519:P-256:P-384") == 1;
}

/* The chain behind the first certificate; the end of the text is the only good end. */
static enum err
add_chain(SSL_CTX *ctx, BIO *bio)
{
	X509 *cert;
	while ((cert = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL) {
		if (SSL_CTX_add0_chain_cert(ctx, cert) != 1) {
			X509_free(cert);
			return ERR_CONFIG;
		}
	}
	bool end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
	ERR_clear_error();
	return end ? ERR_OK : ERR_SYNTAX;
}

static enum err
use_chain(SSL_CTX *ctx, str pem)
{
	BIO *bio = pem.n > INT_MAX ? NULL : BIO_new_mem_buf(pem.p, (int)pem.n);
	if (bio == NULL) {
		return ERR_NOMEM;
	}
	X509 *first = PEM_read_bio_X509_AUX(bio, NULL, NULL, NULL);
	enum err e = first == NULL ? ERR_SYNTAX : ERR_OK;
	if (e == ERR_OK && SSL_CTX_use_certificate(ctx, first) != 1) {
		e = ERR_CONFIG;
	}
	if (e == ERR_OK) {
		e = add_chain(ctx, bio);
	}
	X509_free(first);
	BIO_free(bio);
	return e;
}

/* The key itself is in the process keys. */
static enum err
use_key(SSL_CTX *ctx)
{
	EVP_PKEY *key = NULL;
	TRY(svc_gate_provider_key(SSL_CTX_get0_certificate(ctx), &key));
	bool good = SSL_CTX_use_PrivateKey(ctx, key) == 1 && SSL_CTX_check_private_key(ctx) == 1;
	EVP_PKEY_free(key);
	return good ? ERR_OK : ERR_CONFIG;
}

static enum err
lower(str name, char *to, size_t room, str *ret)
{
	name.n -= str_ends(name, S(".")) ? 1 : 0;
	if (name.n == 0 || name.n > room) {
		return ERR_SYNTAX;
	}
	for (size_t i = 0; i < name.n; i++) {
		to[i] = ascii_lower(name.p[i]);
	}
	*ret = str_make(to, name.n);
	return ERR_OK;
}

/* The first slot that has a name keeps it. */
static enum err
add_name(struct map *names, str name, uint32_t slot)
{
	char text[255];
	str key;
	if (lower(name, text, sizeof text, &key) != ERR_OK || map_get_str(names, key) != NULL) {
		return ERR_OK;
	}
	return map_set_str(names, key, (void *)(uintptr_t)(slot + 1));
}

static enum err
add_names(struct map *names, SSL_CTX *ctx, uint32_t slot)
{
	GENERAL_NAMES *all = X509_get_ext_d2i(SSL_CTX_get0_certificate(ctx), NID_subject_alt_name,
	    NULL, NULL);
	enum err e = ERR_OK;
	for (int i = 0; i < sk_GENERAL_NAME_num(all) && e == ERR_OK; i++) {
		const GENERAL_NAME *g = sk_GENERAL_NAME_value(all, i);
		if (g->type == GEN_DNS) {
			const ASN1_STRING *s = g->d.dNSName;
			e = add_name(names,
			    str_make(ASN1_STRING_get0_data(s), (size_t)ASN1_STRING_length(s)),
			    slot);
		}
	}
	GENERAL_NAMES_free(all);
	return e;
}

/* All names anew, with `ctx` in `slot`. */
static enum err
build_names(const struct svc_gate_certs *c, uint32_t slot, SSL_CTX *ctx, struct map **ret)
{
	struct map *names = map_new(c->key, SVC_GATE_NAMES_MAX);
	enum err e = names == NULL ? ERR_NOMEM : ERR_OK;
	for (uint32_t i = 0; i < LEN(c->slots) && e == ERR_OK; i++) {
		SSL_CTX *at = i == slot ? ctx : c->slots[i];
		e = at == NULL ? ERR_OK : add_names(names, at, i);
	}
	if (e != ERR_OK) {
		map_free(&names);
		return e;
	}
	*ret = names;
	return ERR_OK;
}

static int64_t
end_of_validity(SSL_CTX *ctx)
{
	int days = 0, seconds = 0;
	ASN1_TIME *epoch = ASN1_TIME_set(NULL, 0);
	const X509 *cert = SSL_CTX_get0_certificate(ctx);
	if (epoch != NULL) {
		ASN1_TIME_diff(&days, &seconds, epoch, X509_get0_notAfter(cert));
	}
	ASN1_TIME_free(epoch);
	return (int64_t)days * 86400 + seconds;
}

static enum err
build(struct svc_gate_certs *c, SSL_CTX *ctx, str chain)
{
	if (!set_rules(c, ctx)) {
		return ERR_CONFIG;
	}
	TRY(use_chain(ctx, chain));
	return use_key(ctx);
}

enum err
svc_gate_certs_load(struct svc_gate_certs *c, uint32_t slot, str chain, const char **ret_why)
{
	struct map *names = NULL;
	if (slot >= LEN(c->slots)) {
		return ERR_TOOMANY;
	}
	ERR_clear_error();
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	enum err e = ctx == NULL ? ERR_NOMEM : build(c, ctx, chain);
	if (e == ERR_OK) {
		e = build_names(c, slot, ctx, &names);
	}
	if (e != ERR_OK) {
		const char *why = ERR_reason_error_string(ERR_peek_last_error());
		*ret_why = why == NULL ? err_text(e) : why;
		ERR_clear_error();
		SSL_CTX_free(ctx);
		return e;
	}
	SSL_CTX_free(c->slots[slot]);
	map_free(&c->names);
	c->slots[slot] = ctx;
	c->names = names;
	c->until_s[slot] = end_of_validity(ctx);
	return ERR_OK;
}

uint32_t
svc_gate_certs_find(const struct svc_gate_certs *c, str name)
{
	char text[257];
	str key;
	if (lower(name, text + 1, 255, &key) != ERR_OK) {
		return 0;
	}
	uintptr_t found = (uintptr_t)map_get_str(c->names, key);
	ptrdiff_t dot = str_chr(key, '.');
	if (found == 0 && dot > 0) {
		char *wild = text + dot; /* "www.example.org" -> "*.example.org" */
		wild[0] = '*';
		found = (uintptr_t)map_get_str(c->names, str_make(wild, key.n - (size_t)dot + 1));
	}
	return found == 0 ? 0 : (uint32_t)(found - 1);
}

SSL *
svc_gate_certs_connection(const struct svc_gate_certs *c)
{
	return c->slots[0] == NULL ? NULL : SSL_new(c->slots[0]);
}
