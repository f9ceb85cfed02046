/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections to other servers, and their sessions kept to be resumed. Verification by OpenSSL is
 * off; trust.c does it when the handshake is over, and says why it failed.
 */
#include "svc/send/tls.h"
#include "base/lru.h"
#include "svc/send/limits.h"
#include "sys/clock.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

/* --- the process --------------------------------------------------------------------------- */

struct kept {
	SSL_SESSION *session;
};

static void
drop_kept(void *value)
{
	struct kept *k = value;
	SSL_SESSION_free(k->session);
	k->session = NULL;
}

static void
put_session(struct svc_send_tls *t, SSL_SESSION *session)
{
	struct kept *k = lru_put(t->all->sessions, str_make(t->key, t->key_n));
	if (k == NULL) {
		SSL_SESSION_free(session);
		return;
	}
	SSL_SESSION_free(k->session);
	k->session = session;
}

/* OpenSSL has a session that could be resumed; 1: it is ours from now on. */
static int
on_session(SSL *ssl, SSL_SESSION *session)
{
	struct svc_send_tls *t = SSL_get_app_data(ssl);
	if (t == NULL || t->key_n == 0) {
		return 0;
	}
	if (t->proven) {
		put_session(t, session);
		return 1;
	}
	SSL_SESSION_free(t->fresh);
	t->fresh = session;
	return 1;
}

static int
take_any_certificate(X509_STORE_CTX *ctx, void *arg)
{
	return 1;
}

/* The roots, read while files may still be opened. */
static X509_STORE *
read_roots(str ca_file)
{
	char path[256];
	X509_STORE *s = X509_STORE_new();
	if (s == NULL || ca_file.n >= sizeof path) {
		X509_STORE_free(s);
		return NULL;
	}
	memcpy(path, ca_file.p, ca_file.n);
	path[ca_file.n] = '\0';
	if (X509_STORE_load_file(s, path) != 1) {
		X509_STORE_free(s);
		s = NULL;
	}
	ERR_clear_error();
	return s;
}

enum err
svc_send_tls_all_init(struct svc_send_tls_all *all, str ca_file, const uint8_t *hash_key)
{
	all->ctx = SSL_CTX_new(TLS_client_method());
	all->sessions = lru_new(hash_key, SVC_SEND_SESSIONS_MAX, sizeof(struct kept), drop_kept);
	if (all->ctx == NULL || all->sessions == NULL) {
		svc_send_tls_all_done(all);
		return ERR_NOMEM;
	}
	SSL_CTX_set_min_proto_version(all->ctx, TLS1_2_VERSION);
	SSL_CTX_set_options(all->ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
	SSL_CTX_set_mode(all->ctx,
	    SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
		SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_session_cache_mode(all->ctx,
	    SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(all->ctx, on_session);
	SSL_CTX_set_cert_verify_callback(all->ctx, take_any_certificate, NULL);
	all->roots = read_roots(ca_file);
	return ERR_OK;
}

void
svc_send_tls_all_done(struct svc_send_tls_all *all)
{
	lru_free(&all->sessions);
	X509_STORE_free(all->roots);
	SSL_CTX_free(all->ctx);
	*all = (struct svc_send_tls_all){ 0 };
}

/* --- a connection -------------------------------------------------------------------------- */

/* An earlier session with the same server under the same demands, unless it is too old. */
static void
resume(struct svc_send_tls *t)
{
	const struct kept *k = lru_get(t->all->sessions, str_make(t->key, t->key_n));
	if (k == NULL || k->session == NULL) {
		return;
	}
	if (SSL_SESSION_is_resumable(k->session) != 1 ||
	    sys_clock_wall_s() - SSL_SESSION_get_time(k->session) > SVC_SEND_SESSION_S) {
		lru_del(t->all->sessions, str_make(t->key, t->key_n));
		return;
	}
	(void)SSL_set_session(t->io.ssl, k->session);
}

/* SNI: the TLSA base domain with DANE (RFC 7672 8.1), else the host; not for literals. */
static bool
set_name(SSL *ssl, const struct svc_send_proof *proof)
{
	char name[256];
	str n = proof->demand == SVC_SEND_DANE && proof->names_n > 0 ? proof->names[0]
								     : proof->host;
	if (n.n == 0 || n.n >= sizeof name || n.p[0] == '[') {
		return true;
	}
	memcpy(name, n.p, n.n);
	name[n.n] = '\0';
	return SSL_set_tlsext_host_name(ssl, name) == 1;
}

enum err
svc_send_tls_init(struct svc_send_tls *t, struct svc_send_tls_all *all, int fd,
    const struct svc_send_proof *proof, str key)
{
	*t = (struct svc_send_tls){ .all = all };
	t->key_n = key.n <= sizeof t->key ? key.n : 0;
	memcpy(t->key, key.p, t->key_n);
	TRY(svc_common_tls_init(&t->io, SSL_new(all->ctx), fd));
	if (!set_name(t->io.ssl, proof)) {
		svc_send_tls_done(t);
		return ERR_NOMEM;
	}
	SSL_set_app_data(t->io.ssl, t);
	SSL_set_connect_state(t->io.ssl);
	resume(t);
	return ERR_OK;
}

void
svc_send_tls_done(struct svc_send_tls *t)
{
	svc_common_tls_done(&t->io);
	SSL_SESSION_free(t->fresh);
	*t = (struct svc_send_tls){ .io.fd = -1 };
}

void
svc_send_tls_keep(struct svc_send_tls *t)
{
	t->proven = true;
	if (t->fresh != NULL) {
		put_session(t, t->fresh);
		t->fresh = NULL;
	}
}

bool
svc_send_tls_alien(void)
{
	unsigned long e = ERR_peek_error();
	int why = ERR_GET_REASON(e);
	return ERR_GET_LIB(e) == ERR_LIB_SSL &&
	    (why == SSL_R_WRONG_VERSION_NUMBER || why == SSL_R_PACKET_LENGTH_TOO_LONG ||
		why == SSL_R_HTTP_REQUEST);
}
