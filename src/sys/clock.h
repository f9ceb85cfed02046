/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The clocks. Deadlines use the monotonic clock, dates for people and formats the wall clock; the
 * two are never mixed. Pure folders get the time as a number.
 */
#ifndef SYS_CLOCK_H
#define SYS_CLOCK_H

#include "base/buf.h"

enum { SYS_CLOCK_TEXT_MAX = 32 };

/* Milliseconds since some fixed point in the past; never goes back. */
int64_t sys_clock_ms(void);
/* The same in microseconds, for measurements. */
int64_t sys_clock_us(void);
/* Seconds and milliseconds since 1970-01-01T00:00:00Z. */
int64_t sys_clock_wall_s(void);
int64_t sys_clock_wall_ms(void);

/* Append "2026-11-21T19:00:00.123Z". RFC 3339 5.6. */
void sys_clock_text(struct buf *out, int64_t wall_ms);

#endif
