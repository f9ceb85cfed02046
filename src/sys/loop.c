/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loop: epoll for descriptors, wheel.h for timers, signalfd for signals. A turn runs ready
 * descriptors first, then due timers (data that came in time wins over its timeout), then tasks.
 */
#include "sys/loop.h"

#include "base/mem.h"
#include "sys/clock.h"
#include "sys/sys.h"
#include "sys/wheel.h"

#include <errno.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define LOOP_MAGIC 0x4c4f4f50u

enum { READY_MAX = 128, SIGNALS_MAX = 32 };

struct sys_loop {
	uint32_t magic;
	int epoll_fd, signal_fd;
	bool stopped;
	int64_t now_ms;
	struct sys_wheel wheel;
	struct list tasks;
	struct epoll_event ready[READY_MAX];
	int ready_n, ready_at;
	struct sys_watch signal_watch;
	sigset_t signals;
	struct {
		void (*fn)(void *ctx, int signo);
		void *ctx;
	} on_signal[SIGNALS_MAX];
};

enum err
sys_loop_new(struct sys_loop **ret)
{
	struct sys_loop *l = mem_zalloc(1, sizeof *l);
	if (l == NULL) {
		return ERR_NOMEM;
	}
	l->magic = LOOP_MAGIC;
	l->signal_fd = -1;
	l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (l->epoll_fd < 0) {
		mem_drop(l);
		return sys_err(errno);
	}
	l->now_ms = sys_clock_ms();
	sys_wheel_init(&l->wheel, l->now_ms);
	list_init(&l->tasks);
	sigemptyset(&l->signals);
	*ret = l;
	return ERR_OK;
}

void
sys_loop_free(struct sys_loop **loop)
{
	struct sys_loop *l = *loop;
	if (l == NULL) {
		return;
	}
	ASSERT(l->magic == LOOP_MAGIC);
	sys_close(&l->signal_fd);
	sys_close(&l->epoll_fd);
	l->magic = 0;
	MEM_FREE(*loop);
}

int64_t
sys_loop_now_ms(const struct sys_loop *loop)
{
	return loop->now_ms;
}

void
sys_loop_stop(struct sys_loop *loop)
{
	loop->stopped = true;
}

/* --- watches ------------------------------------------------------------------------------- */

static uint32_t
to_epoll(unsigned events)
{
	return ((events & SYS_IN) ? (uint32_t)EPOLLIN : 0u) |
	    ((events & SYS_OUT) ? (uint32_t)EPOLLOUT : 0u) |
	    ((events & SYS_EXCLUSIVE) ? (uint32_t)EPOLLEXCLUSIVE : 0u);
}

static unsigned
from_epoll(uint32_t events, unsigned asked)
{
	unsigned got = ((events & EPOLLIN) ? (unsigned)SYS_IN : 0u) |
	    ((events & EPOLLOUT) ? (unsigned)SYS_OUT : 0u);
	if (events & (EPOLLHUP | EPOLLERR)) {
		got |= SYS_HUP | (asked & SYS_IN);
	}
	return got;
}

enum err
sys_watch_start(struct sys_loop *loop, struct sys_watch *w, unsigned events)
{
	ASSERT(loop->magic == LOOP_MAGIC && !w->on && w->fn != NULL);
	struct epoll_event e = { .events = to_epoll(events), .data.ptr = w };
	if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, w->fd, &e) != 0) {
		return sys_err(errno);
	}
	w->events = events;
	w->on = true;
	return ERR_OK;
}

void
sys_watch_set(struct sys_loop *loop, struct sys_watch *w, unsigned events)
{
	ASSERT(w->on);
	if (w->events == events) {
		return;
	}
	struct epoll_event e = { .events = to_epoll(events), .data.ptr = w };
	int failed;
	if ((w->events | events) & SYS_EXCLUSIVE) { /* the kernel allows no change of these */
		epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, w->fd, NULL);
		failed = epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, w->fd, &e);
	} else {
		failed = epoll_ctl(loop->epoll_fd, EPOLL_CTL_MOD, w->fd, &e);
	}
	ASSERT(failed == 0);
	w->events = events;
}

void
sys_watch_stop(struct sys_loop *loop, struct sys_watch *w)
{
	if (!w->on) {
		return;
	}
	epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, w->fd, NULL);
	for (int i = loop->ready_at; i < loop->ready_n; i++) {
		if (loop->ready[i].data.ptr == w) {
			loop->ready[i].data.ptr = NULL;
		}
	}
	w->on = false;
}

/* --- timers and tasks ---------------------------------------------------------------------- */

void
sys_timer_init(struct sys_timer *t, void (*fn)(void *ctx), void *ctx)
{
	*t = (struct sys_timer){ .fn = fn, .ctx = ctx };
	list_init(&t->node);
}

void
sys_timer_set(struct sys_loop *loop, struct sys_timer *t, int64_t delay_ms)
{
	ASSERT(t->fn != NULL);
	list_remove(&t->node);
	t->due_ms = loop->now_ms + MIN(MAX(delay_ms, 0), INT64_MAX / 2);
	sys_wheel_add(&loop->wheel, t);
}

void
sys_timer_stop(struct sys_timer *t)
{
	if (t->fn != NULL) {
		list_remove(&t->node);
	}
}

bool
sys_timer_is_set(const struct sys_timer *t)
{
	return t->fn != NULL && !list_empty(&t->node);
}

void
sys_task_init(struct sys_task *t, void (*fn)(void *ctx), void *ctx)
{
	*t = (struct sys_task){ .fn = fn, .ctx = ctx };
	list_init(&t->node);
}

void
sys_task_schedule(struct sys_loop *loop, struct sys_task *t)
{
	ASSERT(t->fn != NULL);
	if (list_empty(&t->node)) {
		list_push(&loop->tasks, &t->node);
	}
}

void
sys_task_stop(struct sys_task *t)
{
	if (t->fn != NULL) {
		list_remove(&t->node);
	}
}

/* --- signals ------------------------------------------------------------------------------- */

static void
on_signals(void *ctx, unsigned events)
{
	struct sys_loop *l = ctx;
	struct signalfd_siginfo info;
	while (read(l->signal_fd, &info, sizeof info) == (ssize_t)sizeof info) {
		ASSERT(info.ssi_signo < SIGNALS_MAX);
		if (l->on_signal[info.ssi_signo].fn != NULL) {
			l->on_signal[info.ssi_signo].fn(l->on_signal[info.ssi_signo].ctx,
			    (int)info.ssi_signo);
		}
	}
}

enum err
sys_loop_signal(struct sys_loop *loop, int signo, void (*fn)(void *ctx, int signo), void *ctx)
{
	ASSERT(signo > 0 && signo < SIGNALS_MAX);
	sigaddset(&loop->signals, signo);
	int fd = signalfd(loop->signal_fd, &loop->signals, SFD_NONBLOCK | SFD_CLOEXEC);
	if (fd < 0) {
		return sys_err(errno);
	}
	if (sigprocmask(SIG_BLOCK, &loop->signals, NULL) != 0) {
		return sys_err(errno);
	}
	loop->on_signal[signo].fn = fn;
	loop->on_signal[signo].ctx = ctx;
	if (loop->signal_fd >= 0) {
		return ERR_OK;
	}
	loop->signal_fd = fd;
	loop->signal_watch = (struct sys_watch){ .fn = on_signals, .ctx = loop, .fd = fd };
	return sys_watch_start(loop, &loop->signal_watch, SYS_IN);
}

/* --- the turn ------------------------------------------------------------------------------ */

static int
wait_ms(struct sys_loop *l, int max_wait_ms)
{
	if (!list_empty(&l->tasks)) {
		return 0;
	}
	int64_t timer = sys_wheel_wait_ms(&l->wheel);
	if (timer < 0) {
		return max_wait_ms;
	}
	/* The wheel stands at now_ms, which this turn may have left behind. */
	timer = MAX(l->now_ms + timer - sys_clock_ms(), 0);
	timer = MIN(timer, INT_MAX);
	return max_wait_ms < 0 ? (int)timer : MIN(max_wait_ms, (int)timer);
}

static void
run_watches(struct sys_loop *l)
{
	for (l->ready_at = 0; l->ready_at < l->ready_n;) {
		struct epoll_event *e = &l->ready[l->ready_at++];
		struct sys_watch *w = e->data.ptr;
		if (w != NULL) {
			unsigned events = from_epoll(e->events, w->events);
			if (events != 0) {
				w->fn(w->ctx, events);
			}
		}
	}
	l->ready_n = l->ready_at = 0;
}

static void
run_timers(struct sys_loop *l)
{
	struct list due;
	list_init(&due);
	sys_wheel_advance(&l->wheel, l->now_ms, &due);
	while (!list_empty(&due)) {
		struct sys_timer *t = LIST_ENTRY(due.next, struct sys_timer, node);
		list_remove(&t->node);
		t->fn(t->ctx);
	}
}

/* Tasks scheduled by tasks wait for the next turn, which comes at once. */
static void
run_tasks(struct sys_loop *l)
{
	struct list now;
	list_init(&now);
	while (!list_empty(&l->tasks)) {
		struct list *node = l->tasks.next;
		list_remove(node);
		list_push(&now, node);
	}
	while (!list_empty(&now)) {
		struct sys_task *t = LIST_ENTRY(now.next, struct sys_task, node);
		list_remove(&t->node);
		t->fn(t->ctx);
	}
}

enum err
sys_loop_turn(struct sys_loop *loop, int max_wait_ms)
{
	ASSERT(loop->magic == LOOP_MAGIC && loop->ready_n == 0);
	int n = epoll_wait(loop->epoll_fd, loop->ready, READY_MAX, wait_ms(loop, max_wait_ms));
	if (n < 0 && errno != EINTR) {
		return ERR_IO;
	}
	loop->ready_n = MAX(n, 0);
	loop->now_ms = MAX(loop->now_ms, sys_clock_ms());
	run_watches(loop);
	run_timers(loop);
	run_tasks(loop);
	return ERR_OK;
}

enum err
sys_loop_run(struct sys_loop *loop)
{
	loop->stopped = false;
	while (!loop->stopped) {
		TRY(sys_loop_turn(loop, -1));
	}
	return ERR_OK;
}
