/* SPDX-License-Identifier: Apache-2.0 */
/*
 * letter: the messages of the load generator. Every letter has its own header and a different slice
 * of one pool of made-up prose, so that making it costs a copy and no two bodies are the same.
 */
#ifndef BENCH_LETTER_H
#define BENCH_LETTER_H

#include "base/buf.h"
#include "base/err.h"

#define BENCH_LETTER_MIN 512u /* room for the header */
#define BENCH_LETTER_MAX (16u * 1024 * 1024)
#define BENCH_LETTER_LINE 78u /* octets of a body line with its CRLF, RFC 5322 2.1.1 */

struct bench_letter {
	char *pool; /* whole lines of BENCH_LETTER_LINE octets */
	size_t pool_n;
	uint64_t run; /* tells the Message-IDs of two runs apart */
	const char *domain, *sender;
};

/*
 * Make the pool.
 *
 * In      max: the largest letter asked for later; domain, sender (its From): outlive l
 * Out     l: call bench_letter_done
 * Limits  BENCH_LETTER_MAX
 * Errors  ERR_TOOBIG, ERR_NOMEM
 */
enum err bench_letter_init(struct bench_letter *l, size_t max, const char *domain,
    const char *sender, uint64_t run) NODISCARD;
void bench_letter_done(struct bench_letter *l);

/*
 * Add letter number `seq` to user `to`, `octets` long (rounded down to whole lines), ending in
 * CRLF and without a line that starts with a dot.
 *
 * RFC     5322 3.6
 */
void bench_letter_add(const struct bench_letter *l, uint64_t seq, uint32_t to, size_t octets,
    struct buf *out);

#endif
