/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The timer wheel behind loop.h: 7 levels of 64 slots, one slot of level l spans 64^l milliseconds.
 * Setting and stopping cost O(1) and allocate nothing; a timer moves down at most 6 times. Pure:
 * the time comes in, so tests need no clock.
 */
#ifndef SYS_WHEEL_H
#define SYS_WHEEL_H

#include "base/list.h"

enum { SYS_WHEEL_LEVELS = 7, SYS_WHEEL_SLOTS = 64, SYS_WHEEL_BITS = 6 };

struct sys_timer;

/*
 * Invariant: every timer in level l agrees with `now` in all digits (base 64) above l, and its
 * digit l is greater than that of `now` (level 0: greater or equal). So the lowest slot of the
 * lowest used level is always the next one. A bit of `used` may be stale (its slot empty), never
 * missing.
 */
struct sys_wheel {
	int64_t now;
	uint64_t used[SYS_WHEEL_LEVELS];
	struct list slots[SYS_WHEEL_LEVELS][SYS_WHEEL_SLOTS];
};

/* An empty wheel standing at now_ms (>= 0). */
void sys_wheel_init(struct sys_wheel *w, int64_t now_ms);

/* Put a timer that is in no list at t->due_ms; a past due time means the next advance. */
void sys_wheel_add(struct sys_wheel *w, struct sys_timer *t);

/* Milliseconds until sys_wheel_advance may have something to do, or -1 when nothing is set. */
int64_t sys_wheel_wait_ms(struct sys_wheel *w);

/*
 * Move to now_ms (never back) and move all due timers to the end of `due`, in order of their time.
 */
void sys_wheel_advance(struct sys_wheel *w, int64_t now_ms, struct list *due);

#endif
