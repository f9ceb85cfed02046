/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fetch: the reading side. Times login, SELECT and FETCH 1:* (FLAGS) of one mailbox, and opens many
 * idle logged-in sessions so that somebody else can weigh the server.
 */
#ifndef BENCH_FETCH_H
#define BENCH_FETCH_H

#include "base/buf.h"
#include "base/err.h"

#include <openssl/ssl.h>

#define BENCH_REPEAT_MAX 100u
#define BENCH_IDLE_MAX 10000u

struct bench_fetch {
	uint16_t port;    /* implicit TLS (imaps) */
	const char *user; /* with one %u: the number of the session in idle mode */
	const char *password;
	const char *mailbox;
	uint32_t repeat;   /* sessions one after another, each from login to LOGOUT */
	uint32_t sessions; /* idle mode: how many */
	uint32_t first;    /* idle mode: number of the first user */
	uint32_t wake;     /* idle mode: how many are woken when standard input says "w" */
};

/*
 * Time `repeat` sessions and add a JSON object with arrays login_ms, select_ms, flags_ms, and the
 * counts `exists` and `fetched` of the last one.
 *
 * In      ctx from bench_conn_context
 * Out     out: one JSON object
 * Limits  BENCH_REPEAT_MAX
 * Errors  what the connection gives; ERR_PROTOCOL when a command is not OK; ERR_TOOMANY
 * RFC     3501 6.2.3, 6.3.1, 6.4.5
 */
enum err bench_fetch_run(const struct bench_fetch *f, SSL_CTX *ctx, struct buf *out) NODISCARD;

/*
 * Open `sessions` sessions of different users, each in IDLE with `mailbox` selected, print
 * {"sessions": N, "seconds": S} to standard output, and hold them until standard input ends. A "w"
 * there runs bench_wake over the first `wake` of them, once, and prints its object.
 *
 * In      f->user holds one %u
 * Out     nothing
 * Limits  BENCH_IDLE_MAX
 * Errors  as bench_fetch_run
 * RFC     2177
 */
enum err bench_fetch_idle(const struct bench_fetch *f, SSL_CTX *ctx) NODISCARD;

#endif
