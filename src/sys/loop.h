/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One epoll loop per process, single-threaded. Watches, timers and tasks lie in their owner's
 * struct; the loop allocates nothing after sys_loop_new. A callback may start, change and stop any
 * of them, its own included; memory that holds one may be freed as soon as it is stopped, except
 * by the very callback it is running (use a task for that).
 */
#ifndef SYS_LOOP_H
#define SYS_LOOP_H

#include "base/err.h"
#include "base/list.h"

struct sys_loop;

enum {
	SYS_IN = 1,  /* can be read, or the peer closed */
	SYS_OUT = 2, /* can be written */
	SYS_HUP = 4, /* both directions are shut, or error: always reported, never asked for */
	SYS_EXCLUSIVE = 8, /* ask only: one of the processes sharing this listener is woken */
};

struct sys_watch {
	void (*fn)(void *ctx, unsigned events);
	void *ctx;
	int fd;
	unsigned events; /* asked for; 0 with `on` set means HUP only */
	bool on;
};

struct sys_timer {
	struct list node;
	void (*fn)(void *ctx);
	void *ctx;
	int64_t due_ms;
};

struct sys_task {
	struct list node;
	void (*fn)(void *ctx);
	void *ctx;
};

/* A loop with its epoll and signal descriptors. ERR_NOFD, ERR_NOMEM. */
enum err sys_loop_new(struct sys_loop **ret);
void sys_loop_free(struct sys_loop **loop);

/* Turn until sys_loop_stop(). ERR_IO when the kernel refuses to wait. */
enum err sys_loop_run(struct sys_loop *loop);
void sys_loop_stop(struct sys_loop *loop);
/* One turn, waiting at most max_wait_ms (-1: until something happens). */
enum err sys_loop_turn(struct sys_loop *loop, int max_wait_ms);

/* Monotonic milliseconds, read once per turn: fit for every deadline. */
int64_t sys_loop_now_ms(const struct sys_loop *loop);

/*
 * Watch w->fd, level-triggered. w lies in the caller's storage.
 *
 * In      fd: open, non-blocking; events: SYS_IN | SYS_OUT | SYS_EXCLUSIVE; fn is called once per
 *         turn
 * Errors  ERR_NOMEM, ERR_NOSPACE (the user's limit of epoll watches), ERR_DENIED (a regular file)
 */
enum err sys_watch_start(struct sys_loop *loop, struct sys_watch *w, unsigned events);
/* Change what is asked for. Cheap when nothing changes. w must be started. */
void sys_watch_set(struct sys_loop *loop, struct sys_watch *w, unsigned events);
/*
 * Stop; no callback comes after this, not even later in the same turn. Before closing the
 * descriptor.
 */
void sys_watch_stop(struct sys_loop *loop, struct sys_watch *w);

/* fn(ctx) is what it will do; it is not set yet. */
void sys_timer_init(struct sys_timer *t, void (*fn)(void *ctx), void *ctx);
/* Call fn once in delay_ms (0: next turn); replaces an earlier setting. Cheap. */
void sys_timer_set(struct sys_loop *loop, struct sys_timer *t, int64_t delay_ms);
void sys_timer_stop(struct sys_timer *t);
bool sys_timer_is_set(const struct sys_timer *t);

/* fn(ctx) is what it will do; it is not scheduled yet. */
void sys_task_init(struct sys_task *t, void (*fn)(void *ctx), void *ctx);
/*
 * Call fn once at the end of this turn, after all ready descriptors and timers: the place to write
 * what the turn collected, and to free objects. Scheduling it again before that changes nothing.
 */
void sys_task_schedule(struct sys_loop *loop, struct sys_task *t);
void sys_task_stop(struct sys_task *t);

/*
 * Deliver a signal as a callback in the loop. The signal is blocked for the process.
 *
 * Limits  signals 1..31
 */
enum err sys_loop_signal(struct sys_loop *loop, int signo, void (*fn)(void *ctx, int signo),
    void *ctx);

#endif
