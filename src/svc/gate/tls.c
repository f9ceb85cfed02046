/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OpenSSL over our own sockets: a BIO of ours calls sys/sock, so that a closed peer never raises a
 * signal, and stops reading when the turn's budget is spent. Because OpenSSL reads ahead, a reader
 * must go on until ERR_AGAIN: octets may wait where epoll cannot see them.
 */
#include "svc/gate/tls.h"
#include "svc/gate/certs.h"
#include "sys/loop.h"
#include "sys/sock.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

static int
bio_read(BIO *bio, char *to, size_t n, size_t *ret_n)
{
	struct svc_gate_tls *t = BIO_get_data(bio);
	BIO_clear_retry_flags(bio);
	enum err e = t->budget == 0 ? ERR_AGAIN : sys_sock_read(t->fd, to, n, ret_n);
	if (e == ERR_AGAIN) {
		BIO_set_retry_read(bio);
	}
	if (e != ERR_OK) {
		*ret_n = 0;
		return e == ERR_EOF ? 0 : -1;
	}
	t->budget -= MIN(t->budget, *ret_n);
	t->drained = *ret_n < n;
	return 1;
}

static int
bio_write(BIO *bio, const char *from, size_t n, size_t *ret_n)
{
	const struct svc_gate_tls *t = BIO_get_data(bio);
	BIO_clear_retry_flags(bio);
	enum err e = sys_sock_write(t->fd, str_make(from, n), ret_n);
	if (e == ERR_AGAIN) {
		BIO_set_retry_write(bio);
	}
	if (e != ERR_OK) {
		*ret_n = 0;
		return -1;
	}
	return 1;
}

static long
bio_ctrl(BIO *bio, int cmd, long num, void *ptr)
{
	return cmd == BIO_CTRL_FLUSH ? 1 : 0;
}

/* One table for the process; made at the first connection, never freed. */
static const BIO_METHOD *
bio_method(void)
{
	static BIO_METHOD *method;
	if (method == NULL) {
		method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "postern socket");
	}
	if (method != NULL) {
		BIO_meth_set_read_ex(method, bio_read);
		BIO_meth_set_write_ex(method, bio_write);
		BIO_meth_set_ctrl(method, bio_ctrl);
	}
	return method;
}

enum err
svc_gate_tls_init(struct svc_gate_tls *t, const struct svc_gate_certs *certs, int fd)
{
	*t = (struct svc_gate_tls){ .fd = fd };
	if (certs->slots[0] == NULL) {
		return ERR_CONFIG;
	}
	const BIO_METHOD *method = bio_method();
	t->ssl = method == NULL ? NULL : svc_gate_certs_connection(certs);
	BIO *bio = t->ssl == NULL ? NULL : BIO_new(method);
	if (bio == NULL) {
		svc_gate_tls_done(t);
		return ERR_NOMEM;
	}
	BIO_set_data(bio, t);
	BIO_set_init(bio, 1);
	SSL_set_bio(t->ssl, bio, bio);
	SSL_set_accept_state(t->ssl);
	return ERR_OK;
}

void
svc_gate_tls_done(struct svc_gate_tls *t)
{
	SSL_free(t->ssl);
	*t = (struct svc_gate_tls){ .fd = -1 };
}

void
svc_gate_tls_budget(struct svc_gate_tls *t, size_t octets)
{
	t->budget = octets;
	t->drained = false;
}

/* What a call that did not succeed means. */
static enum err
outcome(struct svc_gate_tls *t, int result)
{
	switch (SSL_get_error(t->ssl, result)) {
	case SSL_ERROR_WANT_READ: t->want = SYS_IN; return ERR_AGAIN;
	case SSL_ERROR_WANT_WRITE: t->want = SYS_OUT; return ERR_AGAIN;
	case SSL_ERROR_ZERO_RETURN: return ERR_EOF;
	case SSL_ERROR_SYSCALL:
		return ERR_EOF; /* reset, or gone without close_notify: the same to us */
	default: return ERR_TLS;
	}
}

enum err
svc_gate_tls_handshake(struct svc_gate_tls *t)
{
	ERR_clear_error();
	int result = SSL_do_handshake(t->ssl);
	return result == 1 ? ERR_OK : outcome(t, result);
}

enum err
svc_gate_tls_read(struct svc_gate_tls *t, void *to, size_t n, size_t *ret_n)
{
	if (t->drained && SSL_has_pending(t->ssl) == 0) {
		t->want = SYS_IN; /* saves the read that would say so */
		return ERR_AGAIN;
	}
	ERR_clear_error();
	int result = SSL_read_ex(t->ssl, to, n, ret_n);
	return result == 1 ? ERR_OK : outcome(t, result);
}

enum err
svc_gate_tls_write(struct svc_gate_tls *t, str s, size_t *ret_n)
{
	ERR_clear_error();
	int result = SSL_write_ex(t->ssl, s.p, s.n, ret_n);
	return result == 1 ? ERR_OK : outcome(t, result);
}

void
svc_gate_tls_end(struct svc_gate_tls *t)
{
	ERR_clear_error();
	(void)SSL_shutdown(t->ssl);
	ERR_clear_error();
}

const char *
svc_gate_tls_reason(void)
{
	const char *why = ERR_reason_error_string(ERR_peek_error());
	return why == NULL ? "" : why;
}

static str
tell_exporter(SSL *ssl, uint8_t to[32])
{
	static const char label[] = "EXPORTER-Channel-Binding";
	bool safe = SSL_version(ssl) >= TLS1_3_VERSION || SSL_get_extms_support(ssl) == 1;
	if (!safe ||
	    SSL_export_keying_material(ssl, to, 32, label, sizeof label - 1, to, 0, 1) != 1) {
		return STR_NONE;
	}
	return str_make(to, 32);
}

/* RFC 5929 4.1: the hash of the signature, but SHA-256 for MD5 and SHA-1; none when it has no hash.
 */
static str
tell_endpoint(SSL *ssl, uint8_t to[64])
{
	const X509 *cert = SSL_get_certificate(ssl);
	int hash = NID_undef;
	unsigned n = 0;
	if (cert == NULL ||
	    X509_get_signature_info((X509 *)(uintptr_t)cert, &hash, NULL, NULL, NULL) != 1) {
		return STR_NONE;
	}
	hash = hash == NID_md5 || hash == NID_sha1 ? NID_sha256 : hash;
	const EVP_MD *md = EVP_get_digestbynid(hash);
	if (md == NULL || EVP_MD_get_size(md) > 64 || X509_digest(cert, md, to, &n) != 1) {
		return STR_NONE;
	}
	return str_make(to, n);
}

void
svc_gate_tls_tell(const struct svc_gate_tls *t, struct svc_gate_tls_facts *ret)
{
	ret->version = str_from(SSL_get_version(t->ssl));
	ret->cipher = str_from(SSL_CIPHER_get_name(SSL_get_current_cipher(t->ssl)));
	ret->sni = str_from(SSL_get_servername(t->ssl, TLSEXT_NAMETYPE_host_name));
	ret->exporter = tell_exporter(t->ssl, ret->exporter_octets);
	ret->endpoint = tell_endpoint(t->ssl, ret->endpoint_octets);
	ERR_clear_error();
}
