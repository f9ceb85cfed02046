/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conn: one blocking TLS connection of the load generator, with lines in and octets out. A test
 * tool: it checks no certificate and gives up on the first oddity. Sixty seconds of silence is an
 * error.
 */
#ifndef BENCH_CONN_H
#define BENCH_CONN_H

#include "base/err.h"
#include "base/str.h"

#include <openssl/ssl.h>

#define BENCH_LINE_MAX 8192   /* SMTP replies are 512, IMAP status lines a few hundred octets */
#define BENCH_READ_SIZE 65536 /* one read: as much as four TLS records */

struct bench_conn {
	int fd;
	SSL *ssl;     /* NULL before TLS */
	size_t at, n; /* unread octets in `in` */
	char in[BENCH_READ_SIZE];
};

/* A client context for TLS 1.2 and 1.3 without session resumption; NULL when OpenSSL refuses. */
SSL_CTX *bench_conn_context(void);

/*
 * Connect to 127.0.0.1:port with TCP_NODELAY.
 *
 * In      port: host order
 * Out     c: ready for plaintext; call bench_conn_close in every case
 * Limits  60 s for each read and write
 * Errors  ERR_UNAVAILABLE: refused; ERR_NOFD
 */
enum err bench_conn_open(struct bench_conn *c, uint16_t port) NODISCARD;

/*
 * The same from 127.9.9.9, with a PROXY header (version 2) that names 198.18.0.0 + client, which is
 * nobody's (RFC 2544).
 */
enum err bench_conn_open_as(struct bench_conn *c, uint16_t port, uint16_t client) NODISCARD;

/* Handshake; ERR_TLS when it fails or when plaintext was left over. */
enum err bench_conn_tls(struct bench_conn *c, SSL_CTX *ctx) NODISCARD;

/* Send all of s; ERR_IO when the other side is gone or slow. */
enum err bench_conn_send(struct bench_conn *c, str s) NODISCARD;

/* The next line without its CRLF, borrowed until the next call. ERR_EOF, ERR_IO, ERR_TOOBIG. */
enum err bench_conn_line(struct bench_conn *c, str *ret_line) NODISCARD;

/* Close without ceremony; may be called twice. */
void bench_conn_close(struct bench_conn *c);

#endif
