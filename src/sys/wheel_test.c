/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The wheel against a plain list: random timers set, moved and stopped over eight hours of
 * pretended time; each must come due exactly in its millisecond and in order.
 */
#include "base/test.h"
#include "sys/loop.h"
#include "sys/wheel.h"

enum { TIMERS = 300 };

static struct sys_wheel wheel;
static struct sys_timer timers[TIMERS];
static uint64_t seed = 88172645463325252u;

static uint64_t
next_random(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static void
no_fn(void *ctx)
{
}

static void
set(struct sys_timer *t, int64_t due_ms)
{
	list_remove(&t->node);
	t->due_ms = due_ms;
	sys_wheel_add(&wheel, t);
}

static size_t
take_due(int64_t now, int64_t last)
{
	struct list due;
	size_t n = 0;
	list_init(&due);
	sys_wheel_advance(&wheel, now, &due);
	int64_t before = last;
	while (!list_empty(&due)) {
		struct sys_timer *t = LIST_ENTRY(due.next, struct sys_timer, node);
		list_remove(&t->node);
		CHECK(t->due_ms <= now && t->due_ms > last && t->due_ms >= before);
		before = t->due_ms;
		n++;
	}
	return n;
}

static size_t
count_waiting(int64_t until)
{
	size_t n = 0;
	for (size_t i = 0; i < TIMERS; i++) {
		n += !list_empty(&timers[i].node) && timers[i].due_ms <= until;
	}
	return n;
}

static void
against_plain_list(void)
{
	int64_t now = (INT64_C(1) << 36) - 1000; /* all digits change soon */
	sys_wheel_init(&wheel, now);
	for (size_t i = 0; i < TIMERS; i++) {
		sys_timer_init(&timers[i], no_fn, NULL);
	}
	for (int round = 0; round < 20000; round++) {
		struct sys_timer *t = &timers[next_random() % TIMERS];
		if (next_random() % 4 == 0) {
			sys_timer_stop(t);
		} else {
			int64_t span = INT64_C(1) << (next_random() % 24);
			set(t, now + 1 + (int64_t)(next_random() % (uint64_t)span));
		}
		if (next_random() % 3 != 0) {
			continue;
		}
		int64_t then = now + (int64_t)(next_random() % 5000);
		size_t want = count_waiting(then);
		int64_t wait = sys_wheel_wait_ms(&wheel);
		for (size_t i = 0; i < TIMERS && wait >= 0; i++) {
			if (!list_empty(&timers[i].node) && timers[i].due_ms < now + wait) {
				CHECK(false); /* it would oversleep */
			}
		}
		CHECK_U64(take_due(then, now), want);
		now = then;
	}
}

static void
edges(void)
{
	struct sys_timer t;
	struct list due;
	sys_wheel_init(&wheel, 5000);
	sys_timer_init(&t, no_fn, NULL);
	CHECK(sys_wheel_wait_ms(&wheel) == -1);
	set(&t, 4000); /* in the past: the next advance */
	CHECK(sys_wheel_wait_ms(&wheel) == 0);
	list_init(&due);
	sys_wheel_advance(&wheel, 5000, &due);
	CHECK(!list_empty(&due));
	list_remove(&t.node);
	set(&t, INT64_MAX); /* beyond the wheel: its last slot */
	list_init(&due);
	sys_wheel_advance(&wheel, INT64_C(1) << 41, &due);
	CHECK(list_empty(&due));
	sys_timer_stop(&t);
	CHECK(sys_wheel_wait_ms(&wheel) == -1);
}

TEST_MAIN(against_plain_list, edges)
