/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Blocking sockets on purpose: the generator runs one process per connection, so the dialogue reads
 * from top to bottom and the kernel does the scheduling. Start with bench_conn_line.
 */
#include "conn.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define SILENCE_S 60

SSL_CTX *
bench_conn_context(void)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	if (ctx == NULL) {
		return NULL;
	}
	SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_mode(ctx, SSL_MODE_AUTO_RETRY | SSL_MODE_RELEASE_BUFFERS);
	return ctx;
}

#define PROXY_FROM 0x7f090909u
#define CLIENTS 0xc6120000u /* 198.18.0.0/15 */

static enum err
open_from(struct bench_conn *c, uint16_t port, uint32_t from)
{
	c->ssl = NULL;
	c->at = c->n = 0;
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd < 0) {
		return ERR_NOFD;
	}
	int one = 1;
	struct timeval limit = { .tv_sec = SILENCE_S };
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(c->fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	struct sockaddr_in own = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(from) };
	if (from != 0 && bind(c->fd, (struct sockaddr *)&own, sizeof(own)) < 0) {
		return ERR_UNAVAILABLE;
	}
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(port) };
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (connect(c->fd, (struct sockaddr *)&sin, sizeof(sin)) < 0) {
		return ERR_UNAVAILABLE;
	}
	return ERR_OK;
}

enum err
bench_conn_open(struct bench_conn *c, uint16_t port)
{
	return open_from(c, port, 0);
}

enum err
bench_conn_open_as(struct bench_conn *c, uint16_t port, uint16_t client)
{
	/* signature; version 2, PROXY; TCP over IPv4; 12 octets follow */
	static const char head[16] = "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c";
	uint32_t ip[2] = { htonl(CLIENTS + client), htonl(INADDR_LOOPBACK) };
	uint16_t ports[2] = { htons(40000), htons(port) };
	char all[28];
	memcpy(all, head, 16);
	memcpy(all + 16, ip, 8);
	memcpy(all + 24, ports, 4);
	enum err e = open_from(c, port, PROXY_FROM);
	return e == ERR_OK ? bench_conn_send(c, str_make(all, sizeof all)) : e;
}

enum err
bench_conn_tls(struct bench_conn *c, SSL_CTX *ctx)
{
	if (c->at != c->n) {
		return ERR_TLS;
	}
	c->ssl = SSL_new(ctx);
	if (c->ssl == NULL || SSL_set_fd(c->ssl, c->fd) != 1 || SSL_connect(c->ssl) != 1) {
		return ERR_TLS;
	}
	return ERR_OK;
}

enum err
bench_conn_send(struct bench_conn *c, str s)
{
	if (c->ssl != NULL) {
		size_t done = 0;
		return SSL_write_ex(c->ssl, s.p, s.n, &done) == 1 ? ERR_OK : ERR_IO;
	}
	while (s.n > 0) {
		ssize_t got = send(c->fd, s.p, s.n, MSG_NOSIGNAL);
		if (got <= 0) {
			return ERR_IO;
		}
		s = str_from_off(s, (size_t)got);
	}
	return ERR_OK;
}

/* Append to what is unread, which is moved to the front first. */
static enum err
fill(struct bench_conn *c)
{
	memmove(c->in, c->in + c->at, c->n - c->at);
	c->n -= c->at;
	c->at = 0;
	char *to = c->in + c->n;
	size_t room = sizeof(c->in) - c->n;
	size_t got = 0;
	if (c->ssl != NULL) {
		if (SSL_read_ex(c->ssl, to, room, &got) != 1) {
			return SSL_get_error(c->ssl, 0) == SSL_ERROR_ZERO_RETURN ? ERR_EOF : ERR_IO;
		}
	} else {
		ssize_t r = recv(c->fd, to, room, 0);
		if (r <= 0) {
			return r == 0 ? ERR_EOF : ERR_IO;
		}
		got = (size_t)r;
	}
	c->n += got;
	return ERR_OK;
}

enum err
bench_conn_line(struct bench_conn *c, str *ret_line)
{
	for (;;) {
		const char *p = c->in + c->at;
		const char *lf = memchr(p, '\n', c->n - c->at);
		if (lf != NULL) {
			str line = str_make(p, (size_t)(lf - p));
			c->at += line.n + 1;
			line.n -= line.n > 0 && line.p[line.n - 1] == '\r';
			*ret_line = line;
			return ERR_OK;
		}
		if (c->n - c->at >= BENCH_LINE_MAX) {
			return ERR_TOOBIG;
		}
		enum err e = fill(c);
		if (e != ERR_OK) {
			return e;
		}
	}
}

void
bench_conn_close(struct bench_conn *c)
{
	SSL_free(c->ssl);
	c->ssl = NULL;
	if (c->fd >= 0) {
		close(c->fd);
	}
	c->fd = -1;
}
