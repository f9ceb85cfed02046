/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OpenSSL over our own sockets. Because it reads ahead, a reader must go on until ERR_AGAIN: octets
 * may wait where epoll cannot see them.
 */
#include "svc/common/tls.h"
#include "sys/dial.h"
#include "sys/loop.h"
#include "sys/sock.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

static int
bio_read(BIO *bio, char *to, size_t n, size_t *ret_n)
{
	struct svc_common_tls *t = BIO_get_data(bio);
	BIO_clear_retry_flags(bio);
	enum err e = t->budget == 0 ? ERR_AGAIN : sys_sock_read(t->fd, to, n, ret_n);
	if (e == ERR_AGAIN) {
		BIO_set_retry_read(bio);
	}
	if (e != ERR_OK) {
		*ret_n = 0;
		t->broken = e == ERR_AGAIN || e == ERR_EOF ? t->broken : sys_dial_broken(e);
		return e == ERR_EOF ? 0 : -1;
	}
	t->budget -= MIN(t->budget, *ret_n);
	t->drained = *ret_n < n;
	t->read += *ret_n;
	return 1;
}

static int
bio_write(BIO *bio, const char *from, size_t n, size_t *ret_n)
{
	struct svc_common_tls *t = BIO_get_data(bio);
	BIO_clear_retry_flags(bio);
	enum err e = sys_sock_write(t->fd, str_make(from, n), ret_n);
	if (e == ERR_AGAIN) {
		BIO_set_retry_write(bio);
	}
	if (e != ERR_OK) {
		*ret_n = 0;
		t->broken = e == ERR_AGAIN ? t->broken : sys_dial_broken(e);
		return -1;
	}
	t->written += *ret_n;
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
svc_common_tls_init(struct svc_common_tls *t, struct ssl_st *ssl, int fd)
{
	const BIO_METHOD *method = bio_method();
	BIO *bio = ssl == NULL || method == NULL ? NULL : BIO_new(method);
	*t = (struct svc_common_tls){ .ssl = ssl, .fd = fd, .budget = SIZE_MAX };
	if (bio == NULL) {
		svc_common_tls_done(t);
		return ERR_NOMEM;
	}
	BIO_set_data(bio, t);
	BIO_set_init(bio, 1);
	SSL_set_bio(ssl, bio, bio);
	return ERR_OK;
}

void
svc_common_tls_done(struct svc_common_tls *t)
{
	SSL_free(t->ssl);
	*t = (struct svc_common_tls){ .fd = -1 };
}

/* What a call that did not succeed means. */
static enum err
outcome(struct svc_common_tls *t, int result)
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
svc_common_tls_handshake(struct svc_common_tls *t)
{
	ERR_clear_error();
	int result = SSL_do_handshake(t->ssl);
	return result == 1 ? ERR_OK : outcome(t, result);
}

enum err
svc_common_tls_read(struct svc_common_tls *t, void *to, size_t n, size_t *ret_n)
{
	ERR_clear_error();
	int result = SSL_read_ex(t->ssl, to, n, ret_n);
	return result == 1 ? ERR_OK : outcome(t, result);
}

enum err
svc_common_tls_write(struct svc_common_tls *t, str s, size_t *ret_n)
{
	ERR_clear_error();
	int result = SSL_write_ex(t->ssl, s.p, s.n, ret_n);
	return result == 1 ? ERR_OK : outcome(t, result);
}

void
svc_common_tls_end(struct svc_common_tls *t)
{
	ERR_clear_error();
	(void)SSL_shutdown(t->ssl);
	ERR_clear_error();
}

const char *
svc_common_tls_reason(void)
{
	const char *why = ERR_reason_error_string(ERR_peek_error());
	return why == NULL ? "" : why;
}
