/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sink: the other servers of the outbound rows. It listens on many loopback addresses with one
 * port, offers STARTTLS, takes every message and counts it. Nothing is kept.
 */
#ifndef BENCH_SINK_H
#define BENCH_SINK_H

#include "base/err.h"

#include <openssl/ssl.h>

#define BENCH_SINK_ADDRESSES_MAX 4000u
#define BENCH_SINK_WORKERS_MAX 16u

struct bench_sink {
	uint16_t port;
	uint32_t addresses; /* 127.1.0.1, 127.1.0.2, ... 127.1.1.0 and so on */
	uint32_t dead;      /* every so manieth address has no server; 0: none */
	uint32_t workers;
	const char
	    *counter; /* a file of 16 octets: messages and connections, as u64 of this machine */
};

/*
 * Serve until a signal ends the process.
 *
 * In      ctx: with certificate and key
 * Limits  the two above
 * Errors  ERR_NOFD, ERR_IO (an address is in use, the file cannot be made), ERR_NOMEM
 * RFC     5321, 3207, 2920
 */
enum err bench_sink_run(const struct bench_sink *s, SSL_CTX *ctx) NODISCARD;

#endif
