/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load: deliver messages by SMTP with STARTTLS, one worker process per connection. The workers take
 * message numbers from one shared counter until none is left.
 */
#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

#include "corpus.h"
#include "letter.h"
#include "sample.h"

#include <openssl/ssl.h>

#define BENCH_CONNECTIONS_MAX 1000u
#define BENCH_RCPT_MAX 100u /* recipients of one message, RFC 5321 4.5.3.1.8 */

struct bench_load {
	uint16_t port;
	uint32_t connections;
	uint32_t messages;
	uint32_t per_connection; /* messages before QUIT and a new connection; 0: no limit */
	uint32_t octets;
	uint32_t mailboxes; /* user0 ... userN-1, round robin by message number */
	uint32_t first;     /* number of the first mailbox */
	uint32_t rcpts;     /* recipients of each message, neighbours in that round */
	uint32_t
	    domains;   /* recipients are at d1.domain ... dN.domain in turn; 0: at domain itself */
	bool lockstep; /* wait for each reply instead of PIPELINING, RFC 2920 */
	uint32_t clients; /* connections come from that many addresses, told by PROXY; 0: ours */
	const struct bench_corpus *corpus; /* letters and their senders in turn; NULL: made up */
	const char *domain, *sender;
	const char *password; /* AUTH PLAIN as `sender`; NULL or empty: as a server, without */
};

/*
 * Run to the end and add the JSON report to `out`.
 *
 * In      l: within the limits above; ctx from bench_conn_context
 * Out     out: one JSON object
 * Limits  BENCH_CONNECTIONS_MAX, BENCH_SAMPLE_MAX, BENCH_RCPT_MAX
 * Errors  ERR_NOMEM, ERR_IO: could not start workers; a peer's refusals are counted in the report
 * RFC     5321, 3207, 2920
 */
enum err bench_load_run(const struct bench_load *l, SSL_CTX *ctx, struct buf *out) NODISCARD;

#endif
