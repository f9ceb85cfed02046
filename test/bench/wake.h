/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wake: how soon resting sessions answer. DONE is sent to sessions in IDLE at an even rate, whether
 * earlier ones have been answered or not; the time until each one's tagged response counts.
 */
#ifndef BENCH_WAKE_H
#define BENCH_WAKE_H

#include "base/buf.h"
#include "conn.h"

/*
 * Wake `n` sessions within about a second, in one loop.
 *
 * In      all: sessions in IDLE with tag "b", each is used once
 * Out     out: {"woken": N, "seconds": S, "wake_p50_ms": P, "wake_p99_ms": Q, "wake_max_ms": M}
 * Errors  what the connections give; ERR_PROTOCOL: another answer; ERR_TIMEOUT: none within a
 *         minute
 */
enum err bench_wake(struct bench_conn *all, uint32_t n, struct buf *out) NODISCARD;

#endif
