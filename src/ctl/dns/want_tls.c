/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The part of the plan that certificates decide: TLSA "3 1 1" for the key in use and for the ones
 * that come next (RFC 7671 5.1, 8.1), and CAA for who issues them (RFC 8659).
 */
#include "ctl/dns/want.h"

#include "sys/file.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

enum { FILE_MAX = 1 << 20, RDATA_MAX = 512, DIGEST_OCTETS = 32, ORGANIZATION_MAX = 128 };
enum { DANE_EE = 3, DANE_SPKI = 1, DANE_SHA256 = 1, SMTP_PORT = 25 };

static const struct {
	str organization, caa;
} issuers[] = {
#define ISSUER(organization, caa) { S_INIT(organization), S_INIT(caa) },
#include "ctl/dns/issuers.def"
#undef ISSUER
};

/* A file of PEM blocks; NULL: it cannot be read. The octets are in `b`. */
static BIO *
open_pem(str path, struct buf *b)
{
	buf_reset(b);
	if (sys_file_load(SYS_CWD, path, b) != ERR_OK || b->n == 0) {
		return NULL;
	}
	return BIO_new_mem_buf(b->p, (int)b->n);
}

static bool
is_planned(const struct ctl_dns_plan *p, uint16_t type, str rdata)
{
	for (size_t i = 0; i < p->n; i++) {
		if (p->v[i].type == type && str_eq(p->v[i].rdata, rdata)) {
			return true;
		}
	}
	return false;
}

/* "3 1 1" and the SHA-256 of a key's SubjectPublicKeyInfo. */
static void
add_tlsa(struct ctl_dns_plan *p, EVP_PKEY *key, enum ctl_dns_kind kind, const char *why)
{
	unsigned char *der = NULL;
	unsigned char digest[DIGEST_OCTETS];
	struct buf name, rdata;
	int n = i2d_PUBKEY(key, &der);
	if (n <= 0 || EVP_Digest(der, (size_t)n, digest, NULL, EVP_sha256(), NULL) != 1) {
		OPENSSL_free(der);
		return;
	}
	OPENSSL_free(der);
	buf_init(&name, DNS_NAME_MAX);
	buf_init(&rdata, RDATA_MAX);
	dns_tlsa_name_put(&name, SMTP_PORT, p->host);
	dns_tlsa_put(&rdata,
	    &(struct dns_tlsa){ DANE_EE, DANE_SPKI, DANE_SHA256, str_make(digest, sizeof digest) });
	if (!is_planned(p, DNS_TLSA, buf_view(&rdata))) {
		str at = arena_dup(p->c->arena, buf_view(&name));
		ctl_dns_plan_add(p,
		    &(struct ctl_dns_want){
			kind, CTL_DNS_ADVISED, at, DNS_TLSA, buf_view(&rdata), why });
	}
	buf_done(&name);
	buf_done(&rdata);
}

/* Who issued it, as CAA writes that; p == NULL: not known. */
static str
issuer_of(X509 *cert)
{
	char name[ORGANIZATION_MAX];
	int n = X509_NAME_get_text_by_NID(X509_get_issuer_name(cert), NID_organizationName, name,
	    sizeof name);
	for (size_t i = 0; i < LEN(issuers) && n > 0; i++) {
		if (str_eq(issuers[i].organization, str_make(name, (size_t)n))) {
			return issuers[i].caa;
		}
	}
	return STR_NONE;
}

static void
add_caa(struct ctl_dns_plan *p, X509 *cert)
{
	struct buf rdata;
	str issuer = issuer_of(cert);
	if (issuer.p == NULL) {
		return;
	}
	buf_init(&rdata, RDATA_MAX);
	enum err e = dns_caa_put(&rdata, &(struct dns_caa){ 0, S("issue"), issuer });
	if (e == ERR_OK && !is_planned(p, DNS_CAA, buf_view(&rdata))) {
		ctl_dns_plan_add(p,
		    &(struct ctl_dns_want){ CTL_DNS_CAA, CTL_DNS_OPTIONAL, p->host, DNS_CAA,
			buf_view(&rdata), "nobody else may issue certificates (RFC 8659)" });
	}
	buf_done(&rdata);
}

static void
add_certificate(struct ctl_dns_plan *p, X509 *cert)
{
	EVP_PKEY *key = X509_get0_pubkey(cert);
	if (key != NULL) {
		add_tlsa(p, key, CTL_DNS_TLSA, "the key of our certificate (RFC 7672 3.1.1)");
	}
	add_caa(p, cert);
}

/* The certificates that hold for the server's name; if none does, the default one. */
static void
add_certificates(struct ctl_dns_plan *p, struct buf *b, bool any)
{
	struct conf_list files = p->c->conf.tls_certificate;
	for (size_t i = 0; i < files.n; i++) {
		BIO *bio = open_pem(files.v[i], b);
		X509 *cert = bio == NULL ? NULL : PEM_read_bio_X509(bio, NULL, NULL, NULL);
		if (cert == NULL) {
			p->unknown = "a certificate, because its file cannot be read";
		} else if (any || X509_check_host(cert, p->host.p, p->host.n, 0, NULL) == 1) {
			add_certificate(p, cert);
		}
		X509_free(cert);
		BIO_free(bio);
		if (any) {
			return;
		}
	}
}

/* A key file: the public or the private half. */
static EVP_PKEY *
read_key(str path, struct buf *b)
{
	BIO *bio = open_pem(path, b);
	EVP_PKEY *key = bio == NULL ? NULL : PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL);
	BIO_free(bio);
	if (key != NULL) {
		return key;
	}
	bio = open_pem(path, b);
	key = bio == NULL ? NULL : PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
	BIO_free(bio);
	return key;
}

void
ctl_dns_plan_tls(struct ctl_dns_plan *p)
{
	struct conf_list next = p->c->conf.tls_next_key;
	struct buf b;
	buf_init(&b, FILE_MAX);
	size_t before = p->n;
	add_certificates(p, &b, false);
	if (p->n == before) {
		add_certificates(p, &b, true);
	}
	for (size_t i = 0; i < next.n; i++) {
		EVP_PKEY *key = read_key(next.v[i], &b);
		if (key == NULL) {
			p->unknown = "a next key, because its file cannot be read";
			continue;
		}
		add_tlsa(p, key, CTL_DNS_TLSA_NEXT, "the key that comes next (RFC 7671 8.1)");
		EVP_PKEY_free(key);
	}
	buf_wipe(&b);
	buf_done(&b);
}
