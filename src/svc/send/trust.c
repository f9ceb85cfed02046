/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Has the peer proven who it is? The certificates it sent, against TLSA records or the roots, as
 * the demand says; and what is told of them in records. The decisions of DANE are proto/dane's,
 * signatures and dates OpenSSL's.
 */
#include "svc/send/tls.h"
#include "base/buf.h"
#include "base/codec.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

/* RFC 6698 2.1.3 */
static void
hash(unsigned matching, str in, uint8_t out[DANE_DIGEST_MAX])
{
	const EVP_MD *md = matching == 2 ? EVP_sha512() : EVP_sha256();
	unsigned n = 0;
	if (EVP_Digest(in.p, in.n, out, &n, md, NULL) != 1) {
		memset(out, 0, DANE_DIGEST_MAX);
	}
}

/* --- a chain ------------------------------------------------------------------------------- */

struct chain_check {
	X509_STORE *store;
	STACK_OF(X509) * chain;
	const str *names;
	size_t names_n;
	bool partial; /* what is in the store need not be self-signed */
	bool only_san;
};

static enum svc_send_proven
meaning(int verify_error)
{
	switch (verify_error) {
	case X509_V_OK: return SVC_SEND_PROVEN;
	case X509_V_ERR_CERT_HAS_EXPIRED:
	case X509_V_ERR_CERT_NOT_YET_VALID: return SVC_SEND_EXPIRED;
	case X509_V_ERR_HOSTNAME_MISMATCH: return SVC_SEND_OTHER_NAME;
	default: return SVC_SEND_UNTRUSTED;
	}
}

/* Any one of the names will do. */
static bool
set_names(X509_VERIFY_PARAM *param, const struct chain_check *c)
{
	unsigned flags = X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS;
	flags |= c->only_san ? X509_CHECK_FLAG_NEVER_CHECK_SUBJECT : 0;
	X509_VERIFY_PARAM_set_hostflags(param, flags);
	for (size_t i = 0; i < c->names_n; i++) {
		if (X509_VERIFY_PARAM_add1_host(param, c->names[i].p, c->names[i].n) != 1) {
			return false;
		}
	}
	return c->names_n > 0;
}

static enum svc_send_proven
check_chain(const struct chain_check *c)
{
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	X509 *leaf = sk_X509_value(c->chain, 0);
	enum svc_send_proven p = SVC_SEND_UNTRUSTED;
	if (ctx != NULL && X509_STORE_CTX_init(ctx, c->store, leaf, c->chain) == 1 &&
	    X509_STORE_CTX_set_default(ctx, "ssl_server") == 1) {
		X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(ctx);
		if (c->partial) {
			X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN);
		}
		if (set_names(param, c)) {
			int ok = X509_verify_cert(ctx);
			p = ok == 1 ? SVC_SEND_PROVEN : meaning(X509_STORE_CTX_get_error(ctx));
		}
	}
	X509_STORE_CTX_free(ctx);
	ERR_clear_error();
	return p;
}

/* --- DANE ---------------------------------------------------------------------------------- */

/* The chain as DER; cert[i].der.p is OpenSSL's memory, given back by free_der. */
static size_t
to_der(STACK_OF(X509) * chain, struct dane_cert cert[DANE_CHAIN_MAX])
{
	size_t n = 0;
	for (int i = 0; i < sk_X509_num(chain) && n < DANE_CHAIN_MAX; i++) {
		unsigned char *der = NULL;
		int len = i2d_X509(sk_X509_value(chain, i), &der);
		if (len <= 0) {
			break;
		}
		cert[n].der = str_make(der, (size_t)len);
		cert[n].spki = STR_NONE;
		if (dane_spki(cert[n].der, &cert[n].spki) != ERR_OK) {
			OPENSSL_free(der);
			break;
		}
		n++;
	}
	return n;
}

static void
free_der(struct dane_cert *cert, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		OPENSSL_free((void *)(uintptr_t)cert[i].der.p);
	}
}

/* A trust anchor of the chain matched: signatures up to it, dates and one of the names. */
static enum svc_send_proven
check_anchor(STACK_OF(X509) * chain, size_t anchor, const struct svc_send_proof *proof)
{
	struct chain_check c = {
		.chain = chain,
		.names = proof->names,
		.names_n = proof->names_n,
		.partial = true,
		.store = X509_STORE_new(),
	};
	enum svc_send_proven p = SVC_SEND_UNTRUSTED;
	if (c.store != NULL &&
	    X509_STORE_add_cert(c.store, sk_X509_value(chain, (int)anchor)) == 1) {
		p = check_chain(&c);
	}
	X509_STORE_free(c.store);
	return p;
}

static enum svc_send_proven
prove_dane(STACK_OF(X509) * chain, const struct svc_send_proof *proof)
{
	struct dane_cert cert[DANE_CHAIN_MAX];
	size_t n = to_der(chain, cert);
	struct dane_match m = dane_match(proof->records, proof->records_n, cert, n, hash);
	free_der(cert, n);
	if (!m.found) {
		return SVC_SEND_NO_MATCH;
	}
	return m.usage == 3 ? SVC_SEND_PROVEN : check_anchor(chain, m.cert, proof);
}

/* --- the question -------------------------------------------------------------------------- */

enum svc_send_proven
svc_send_tls_prove(struct svc_send_tls *t, const struct svc_send_proof *proof)
{
	STACK_OF(X509) *chain = SSL_get_peer_cert_chain(t->io.ssl);
	enum svc_send_proven p = SVC_SEND_PROVEN;
	if (proof->demand == SVC_SEND_ENCRYPT) {
		return p;
	}
	if (chain == NULL || sk_X509_num(chain) == 0) {
		return SVC_SEND_UNTRUSTED;
	}
	if (proof->demand == SVC_SEND_DANE) {
		return prove_dane(chain, proof);
	}
	struct chain_check c = {
		.store = t->all->roots,
		.chain = chain,
		.names = &proof->host,
		.names_n = 1,
		.only_san = true,
	};
	return c.store == NULL ? SVC_SEND_UNTRUSTED : check_chain(&c);
}

/* --- facts --------------------------------------------------------------------------------- */

static int64_t
to_seconds(const ASN1_TIME *when)
{
	int days = 0, seconds = 0;
	ASN1_TIME *epoch = ASN1_TIME_set(NULL, 0);
	bool ok = epoch != NULL && when != NULL &&
	    ASN1_TIME_diff(&days, &seconds, epoch, when) == 1;
	ASN1_TIME_free(epoch);
	return ok ? (int64_t)days * 86400 + seconds : 0;
}

/* "O, CN" of who signed it, as far as they are there and printable. */
static str
tell_issuer(const X509 *cert, char *to, size_t room)
{
	static const int parts[] = { NID_organizationName, NID_commonName };
	struct buf b;
	buf_init_fixed(&b, to, room);
	for (size_t i = 0; i < LEN(parts); i++) {
		char text[128];
		int n = X509_NAME_get_text_by_NID(X509_get_issuer_name(cert), parts[i], text,
		    sizeof text);
		if (n > 0) {
			buf_cstr(&b, b.n > 0 ? ", " : "");
			buf_str(&b, str_make(text, MIN((size_t)n, sizeof text - 1)));
		}
	}
	for (size_t i = 0; i < b.n; i++) {
		b.p[i] = (unsigned char)b.p[i] < ' ' || b.p[i] == 0x7f ? '?' : b.p[i];
	}
	return utf8_valid(buf_view(&b)) ? buf_view(&b) : STR_NONE;
}

void
svc_send_tls_tell(const struct svc_send_tls *t, struct svc_send_tls_facts *ret)
{
	const SSL_CIPHER *cipher = SSL_get_current_cipher(t->io.ssl);
	X509 *cert = SSL_get0_peer_certificate(t->io.ssl);
	*ret = (struct svc_send_tls_facts){ .version = str_from(SSL_get_version(t->io.ssl)),
		.cipher = str_from(cipher == NULL ? "" : SSL_CIPHER_get_name(cipher)),
		.resumed = SSL_session_reused(t->io.ssl) == 1,
		.has_cert = cert != NULL };
	if (cert != NULL) {
		unsigned char *spki = NULL;
		int n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &spki);
		if (n > 0) {
			uint8_t digest[DANE_DIGEST_MAX];
			hash(1, str_make(spki, (size_t)n), digest);
			memcpy(ret->key, digest, sizeof ret->key);
		}
		OPENSSL_free(spki);
		ret->expires_s = to_seconds(X509_get0_notAfter(cert));
		ret->issuer = tell_issuer(cert, ret->issuer_text, sizeof ret->issuer_text);
	}
	ERR_clear_error();
}
