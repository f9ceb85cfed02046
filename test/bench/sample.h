/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sample: what the worker processes measured, in memory that they share with the parent. Each
 * message has its own slot, so that nobody locks anything.
 */
#ifndef BENCH_SAMPLE_H
#define BENCH_SAMPLE_H

#include "base/buf.h"
#include "base/err.h"

#include <stdatomic.h>

#define BENCH_SAMPLE_MAX 4000000u /* messages in one run: 32 MB of slots */
#define BENCH_REASON_MAX 160u     /* octets kept of the first error */

struct bench_sample {
	uint32_t dot_us;   /* final dot sent until 250 read; 0: not accepted */
	uint32_t whole_us; /* MAIL (or connect, with one message a connection) until 250 */
};

struct bench_samples {
	atomic_uint next;   /* the message to take */
	atomic_uint errors; /* refused or broken off */
	uint32_t max;
	char reason[BENCH_REASON_MAX]; /* NUL-terminated; the first error wins */
	struct bench_sample at[];
};

/*
 * Shared memory for n messages; NULL when there is none or n is over BENCH_SAMPLE_MAX. It lives
 * as long as the process.
 */
struct bench_samples *bench_samples_new(uint32_t n) NODISCARD;

/* Count an error and keep its words if it is the first. */
void bench_samples_fail(struct bench_samples *s, const char *during, str words);

/*
 * Write the JSON object of a run that took `seconds`: accepted, errors, reason, seconds,
 * per_second and the 50th and 99th percentile (nearest rank) of both times in milliseconds.
 */
void bench_samples_report(struct bench_samples *s, double seconds, struct buf *out);

/* Monotonic microseconds. */
uint64_t bench_now_us(void);

#endif
