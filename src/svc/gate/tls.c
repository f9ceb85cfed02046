/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A connection's TLS with the certificates of this server, and what it tells of the client.
 */
#include "svc/gate/tls.h"
#include "svc/gate/certs.h"
#include "sys/loop.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

enum err
svc_gate_tls_init(struct svc_common_tls *t, const struct svc_gate_certs *certs, int fd)
{
	if (certs->slots[0] == NULL) {
		*t = (struct svc_common_tls){ .fd = fd };
		return ERR_CONFIG;
	}
	TRY(svc_common_tls_init(t, svc_gate_certs_connection(certs), fd));
	SSL_set_accept_state(t->ssl);
	t->budget = 0;
	return ERR_OK;
}

void
svc_gate_tls_budget(struct svc_common_tls *t, size_t octets)
{
	t->budget = octets;
	t->drained = false;
}

enum err
svc_gate_tls_read(struct svc_common_tls *t, void *to, size_t n, size_t *ret_n)
{
	if (t->drained && SSL_has_pending(t->ssl) == 0) {
		t->want = SYS_IN;
		return ERR_AGAIN;
	}
	return svc_common_tls_read(t, to, n, ret_n);
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
svc_gate_tls_tell(const struct svc_common_tls *t, struct svc_gate_tls_facts *ret)
{
	ret->version = str_from(SSL_get_version(t->ssl));
	ret->cipher = str_from(SSL_CIPHER_get_name(SSL_get_current_cipher(t->ssl)));
	ret->sni = str_from(SSL_get_servername(t->ssl, TLSEXT_NAMETYPE_host_name));
	ret->exporter = tell_exporter(t->ssl, ret->exporter_octets);
	ret->endpoint = tell_endpoint(t->ssl, ret->endpoint_octets);
	ERR_clear_error();
}
