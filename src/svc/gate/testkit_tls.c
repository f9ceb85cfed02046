/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TLS clients and throw-away certificates for the tests.
 */
#include "sys/sys.h"
#include "svc/gate/testkit.h"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

/* "a.example,b.example" as an extension value of subjectAltName. */
static void
put_names(X509 *cert, const char *names)
{
	char value[4096];
	size_t at = 0;
	str all = str_from(names), name;
	while (str_next(&all, ',', &name)) {
		at += (size_t)snprintf(value + at, sizeof value - at, "%sDNS:%.*s",
		    at == 0 ? "" : ",", STR_ARG(name));
	}
	X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, value);
	CHECK(ext != NULL && X509_add_ext(cert, ext, -1) == 1);
	X509_EXTENSION_free(ext);
}

static X509 *
make_certificate(EVP_PKEY *key, const char *names)
{
	X509 *cert = X509_new();
	CHECK(X509_set_version(cert, X509_VERSION_3) == 1);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
	X509_gmtime_adj(X509_getm_notBefore(cert), -60);
	X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
	X509_set_pubkey(cert, key);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC,
	    (const unsigned char *)"test", -1, -1, 0);
	X509_set_issuer_name(cert, X509_get_subject_name(cert));
	put_names(cert, names);
	CHECK(X509_sign(cert, key, EVP_sha256()) > 0);
	return cert;
}

static str
bio_str(BIO *bio)
{
	char *p = NULL;
	long n = BIO_get_mem_data(bio, &p);
	return str_make(p, (size_t)n);
}

void
svc_gate_world_certificate_of(struct svc_gate_world *w, uint32_t slot, const char *names,
    const char *kind)
{
	const char *why = "";
	EVP_PKEY *key = strcmp(kind, "RSA") == 0 ? EVP_RSA_gen(2048) : EVP_EC_gen(kind);
	X509 *cert = make_certificate(key, names);
	BIO *chain_pem = BIO_new(BIO_s_mem()), *both_pem = BIO_new(BIO_s_mem());
	PEM_write_bio_X509(chain_pem, cert);
	PEM_write_bio_X509(both_pem, cert);
	PEM_write_bio_PrivateKey(both_pem, key, NULL, NULL, 0, NULL, NULL);
	svc_gate_keys_tell(w, bio_str(both_pem));
	CHECK_ERR(svc_gate_certs_load(&w->g->certs, slot, bio_str(chain_pem), &why), ERR_OK);
	CHECK_STR(str_from(why), STR_NONE);
	BIO_free(chain_pem);
	BIO_free(both_pem);
	X509_free(cert);
	EVP_PKEY_free(key);
}

void
svc_gate_world_certificate(struct svc_gate_world *w, uint32_t slot, const char *names)
{
	svc_gate_world_certificate_of(w, slot, names, "P-256");
}

static int
on_ticket(SSL *ssl, SSL_SESSION *session)
{
	struct svc_gate_client *c = SSL_get_app_data(ssl);
	c->tickets++;
	return 0;
}

void
svc_gate_client_open(struct svc_gate_client *c, int fd, const struct svc_gate_wish *wish)
{
	*c = (struct svc_gate_client){ .fd = fd, .ctx = SSL_CTX_new(TLS_client_method()) };
	SSL_CTX_set_security_level(c->ctx, 0); /* clients may be as bad as they like */
	SSL_CTX_set_session_cache_mode(c->ctx, SSL_SESS_CACHE_CLIENT);
	SSL_CTX_sess_set_new_cb(c->ctx, on_ticket);
	if (wish->version != 0) {
		SSL_CTX_set_min_proto_version(c->ctx, wish->version);
		SSL_CTX_set_max_proto_version(c->ctx, wish->version);
	}
	if (wish->ciphers != NULL) {
		CHECK(SSL_CTX_set_cipher_list(c->ctx, wish->ciphers) == 1);
	}
	c->ssl = SSL_new(c->ctx);
	SSL_set_app_data(c->ssl, c);
	SSL_set_fd(c->ssl, fd);
	SSL_set_connect_state(c->ssl);
	if (wish->sni != NULL) {
		SSL_set_tlsext_host_name(c->ssl, wish->sni);
	}
}

void
svc_gate_client_close(struct svc_gate_client *c)
{
	SSL_free(c->ssl);
	SSL_CTX_free(c->ctx);
	sys_close(&c->fd);
	ERR_clear_error();
}

static bool
again(struct svc_gate_client *c, int result)
{
	int why = SSL_get_error(c->ssl, result);
	return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE;
}

enum err
svc_gate_client_handshake(struct svc_gate_world *w, struct svc_gate_client *c)
{
	for (unsigned i = 0; i < 20; i++) {
		ERR_clear_error();
		int result = SSL_do_handshake(c->ssl);
		if (result == 1) {
			svc_gate_world_turn(w);
			return ERR_OK;
		}
		if (!again(c, result)) {
			return ERR_TLS;
		}
		svc_gate_world_turn(w);
	}
	return ERR_AGAIN;
}

enum err
svc_gate_client_starttls(struct svc_gate_world *w, struct svc_gate_client *c)
{
	struct buf out;
	buf_init(&out, 1 << 18);
	svc_gate_world_send(w, c->fd, S("EHLO client.example\r\n"));
	svc_gate_world_read(w, c->fd, &out);
	CHECK(str_ends(buf_view(&out), S("250 STARTTLS\r\n")));
	buf_reset(&out);
	svc_gate_world_send(w, c->fd, S("STARTTLS\r\n"));
	svc_gate_world_read(w, c->fd, &out);
	CHECK_STR(buf_view(&out), S("220 2.0.0 Ready to start TLS\r\n"));
	buf_done(&out);
	return svc_gate_client_handshake(w, c);
}

void
svc_gate_client_send(struct svc_gate_world *w, struct svc_gate_client *c, str s)
{
	size_t n = 0;
	ERR_clear_error();
	CHECK(SSL_write_ex(c->ssl, s.p, s.n, &n) == 1);
	CHECK_U64(n, s.n);
	svc_gate_world_turn(w);
}

void
svc_gate_client_read(struct svc_gate_world *w, struct svc_gate_client *c, struct buf *out)
{
	int result = 1;
	for (unsigned i = 0; i < 4000 && result == 1; i++) {
		size_t n = 0;
		svc_gate_world_turn(w);
		ERR_clear_error();
		char *to = buf_room(out, 65536);
		result = to == NULL ? 0 : SSL_read_ex(c->ssl, to, 65536, &n);
		buf_grow(out, n);
	}
	if (SSL_get_error(c->ssl, result) == SSL_ERROR_ZERO_RETURN) {
		buf_cstr(out, "<BYE>");
	} else if (!again(c, result)) {
		buf_cstr(out, "<EOF>");
	}
	ERR_clear_error();
}

void
svc_gate_client_name(struct svc_gate_client *c, struct buf *out)
{
	X509 *cert = SSL_get1_peer_certificate(c->ssl);
	GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	const ASN1_STRING *first = sk_GENERAL_NAME_value(names, 0)->d.dNSName;
	buf_add(out, ASN1_STRING_get0_data(first), (size_t)ASN1_STRING_length(first));
	GENERAL_NAMES_free(names);
	X509_free(cert);
}
