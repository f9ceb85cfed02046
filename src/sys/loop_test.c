/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Watches that stop each other within a turn, timers, tasks that schedule themselves, signals.
 */
#include "base/test.h"
#include "sys/clock.h"
#include "sys/loop.h"
#include "sys/sock.h"
#include "sys/sys.h"

#include <signal.h>
#include <unistd.h>

static struct sys_loop *loop;
static int calls;

struct end {
	struct sys_watch watch;
	struct end *other;
	unsigned events;
};

static void
on_end(void *ctx, unsigned events)
{
	struct end *e = ctx;
	calls++;
	e->events = events;
	if (e->other != NULL) {
		sys_watch_stop(loop, &e->other->watch);
	}
}

static void
watch_pair(struct end ends[2], int fds[2])
{
	CHECK_ERR(sys_sock_pair(fds), ERR_OK);
	for (int i = 0; i < 2; i++) {
		ends[i] = (struct end){ .watch = { .fn = on_end, .ctx = &ends[i], .fd = fds[i] } };
		CHECK_ERR(sys_watch_start(loop, &ends[i].watch, SYS_IN), ERR_OK);
	}
}

static void
stop_pair(struct end ends[2], int fds[2])
{
	for (int i = 0; i < 2; i++) {
		sys_watch_stop(loop, &ends[i].watch);
		sys_close(&fds[i]);
	}
}

static void
stopped_watch_is_silent(void)
{
	struct end ends[2];
	int fds[2];
	watch_pair(ends, fds);
	ends[0].other = &ends[1];
	ends[1].other = &ends[0];
	CHECK(write(fds[0], "a", 1) == 1 && write(fds[1], "b", 1) == 1);
	calls = 0;
	CHECK_ERR(sys_loop_turn(loop, 0), ERR_OK);
	CHECK_U64(calls, 1);
	CHECK(ends[0].watch.on != ends[1].watch.on);
	stop_pair(ends, fds);
}

static void
reports_what_was_asked(void)
{
	struct end ends[2];
	int fds[2];
	watch_pair(ends, fds);
	calls = 0;
	CHECK_ERR(sys_loop_turn(loop, 0), ERR_OK);
	CHECK_U64(calls, 0);
	sys_watch_set(loop, &ends[0].watch, SYS_OUT);
	CHECK_ERR(sys_loop_turn(loop, 0), ERR_OK);
	CHECK_U64(ends[0].events, SYS_OUT);
	sys_watch_set(loop, &ends[0].watch, SYS_IN | SYS_EXCLUSIVE);
	sys_watch_set(loop, &ends[0].watch, SYS_IN);
	sys_watch_stop(loop, &ends[1].watch);
	sys_close(&fds[1]);
	CHECK_ERR(sys_loop_turn(loop, 0), ERR_OK);
	CHECK_U64(ends[0].events, SYS_IN | SYS_HUP);
	sys_watch_set(loop, &ends[0].watch, 0);
	CHECK_ERR(sys_loop_turn(loop, 0), ERR_OK);
	CHECK_U64(ends[0].events, SYS_HUP);
	stop_pair(ends, fds);
}

static void
on_timer(void *ctx)
{
	struct sys_timer **again = ctx;
	calls++;
	if (*again != NULL) {
		sys_timer_set(loop, *again, 0);
	}
}

static void
timers(void)
{
	struct sys_timer a, b;
	struct sys_timer *none = NULL, *again = &b;
	sys_timer_init(&a, on_timer, &none);
	sys_timer_init(&b, on_timer, &again);
	int64_t before = sys_clock_ms();
	calls = 0;
	sys_timer_set(loop, &a, 20);
	CHECK(sys_timer_is_set(&a) && !sys_timer_is_set(&b));
	while (calls == 0) {
		CHECK_ERR(sys_loop_turn(loop, -1), ERR_OK);
	}
	CHECK(sys_clock_ms() - before >= 20);
	CHECK(!sys_timer_is_set(&a));

	calls = 0;
	sys_timer_set(loop, &b, 0); /* sets itself anew: once per turn */
	for (int i = 0; i < 3; i++) {
		CHECK_ERR(sys_loop_turn(loop, -1), ERR_OK);
	}
	CHECK_U64(calls, 3);
	sys_timer_stop(&b);
	sys_timer_stop(&b);
	CHECK_ERR(sys_loop_turn(loop, 0), ERR_OK);
	CHECK_U64(calls, 3);
}

static struct sys_task tasks[2];

static void
on_task(void *ctx)
{
	calls++;
	sys_task_schedule(loop, &tasks[0]);
	sys_task_stop(&tasks[1]);
}

static void
tasks_run_once_per_turn(void)
{
	sys_task_init(&tasks[0], on_task, NULL);
	sys_task_init(&tasks[1], on_task, NULL);
	sys_task_schedule(loop, &tasks[0]);
	sys_task_schedule(loop, &tasks[0]);
	sys_task_schedule(loop, &tasks[1]);
	calls = 0;
	CHECK_ERR(sys_loop_turn(loop, -1), ERR_OK);
	CHECK_U64(calls, 1);
	CHECK_ERR(sys_loop_turn(loop, -1), ERR_OK);
	CHECK_U64(calls, 2);
	sys_task_stop(&tasks[0]);
	CHECK_ERR(sys_loop_turn(loop, 0), ERR_OK);
	CHECK_U64(calls, 2);
}

static int last_signal;

static void
on_signal(void *ctx, int signo)
{
	last_signal = signo;
	sys_loop_stop(loop);
}

static void
signals(void)
{
	CHECK_ERR(sys_loop_signal(loop, SIGUSR1, on_signal, NULL), ERR_OK);
	CHECK_ERR(sys_loop_signal(loop, SIGUSR2, on_signal, NULL), ERR_OK);
	CHECK(raise(SIGUSR1) == 0);
	CHECK_ERR(sys_loop_run(loop), ERR_OK);
	CHECK_U64(last_signal, SIGUSR1);
	CHECK(raise(SIGUSR2) == 0);
	CHECK_ERR(sys_loop_run(loop), ERR_OK);
	CHECK_U64(last_signal, SIGUSR2);
}

static void
opens(void)
{
	CHECK_ERR(sys_loop_new(&loop), ERR_OK);
}

static void
closes(void)
{
	sys_loop_free(&loop);
	CHECK(loop == NULL);
	sys_loop_free(&loop);
}

TEST_MAIN(opens, stopped_watch_is_silent, reports_what_was_asked, timers, tasks_run_once_per_turn,
    signals, closes)
