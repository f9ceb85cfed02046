/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stopping in order: first those who take work in, last those who keep it. Each rank of
 * processes.def is told to quit when the one before has ended; who does not end in time is killed.
 */
#include "svc/parent/parent_priv.h"

#include "ipc/parent_child.h"

#include <signal.h>

enum { RANKS = 16 };

static bool
is_there(const struct svc_parent_proc *c)
{
	return c->child.pidfd >= 0;
}

static uint32_t
left_ms(const struct svc_parent *p)
{
	return (uint32_t)MAX(p->stop_by_ms - sys_loop_now_ms(p->loop), 0);
}

static void
tell_quit(struct svc_parent_proc *c)
{
	struct svc_parent *p = c->parent;
	struct ipc_parent_child_quit m = { .grace_ms = left_ms(p) };
	c->state = SVC_PARENT_STOPPING;
	sys_timer_stop(&c->again);
	buf_reset(&p->out);
	ipc_parent_child_quit_put(&p->out, &m);
	svc_parent_proc_tell(c, -1);
}

static size_t
count_rank(const struct svc_parent *p, int rank)
{
	size_t n = 0;
	for (size_t i = 0; i < p->procs_n; i++) {
		n += p->procs[i].row->stop == rank && is_there(&p->procs[i]) ? 1 : 0;
	}
	return n;
}

static void
tell_rank(struct svc_parent *p, int rank)
{
	for (size_t i = 0; i < p->procs_n; i++) {
		if (p->procs[i].row->stop == rank && is_there(&p->procs[i])) {
			tell_quit(&p->procs[i]);
		}
	}
}

void
svc_parent_stop_step(struct svc_parent *p)
{
	while (p->stop_rank < RANKS && count_rank(p, p->stop_rank) == 0) {
		p->stop_rank++;
		tell_rank(p, p->stop_rank);
	}
	if (p->stop_rank == RANKS) {
		sys_timer_stop(&p->stop_timer);
		sys_loop_stop(p->loop);
	}
}

static void
kill_all(struct svc_parent *p)
{
	for (size_t i = 0; i < p->procs_n; i++) {
		struct svc_parent_proc *c = &p->procs[i];
		if (is_there(c)) {
			LOG(PARENT_KILLED, F_STR("process", c->row->set),
			    F_U64("pid", c->child.pid));
			enum err ignored = sys_child_signal(&c->child, SIGKILL);
			(void)ignored;
		}
	}
}

static void
on_time_up(void *ctx)
{
	kill_all(ctx);
}

void
svc_parent_stop(struct svc_parent *p, const char *why, uint32_t grace_ms)
{
	if (p->stopping) { /* asked twice: at once */
		kill_all(p);
		return;
	}
	uint32_t grace = grace_ms == 0 ? SVC_PARENT_GRACE_MS : grace_ms;
	LOG(PARENT_STOP, F_CSTR("reason", why), F_U64("grace_ms", grace));
	p->stopping = true;
	p->stop_by_ms = sys_loop_now_ms(p->loop) + grace;
	sys_timer_init(&p->stop_timer, on_time_up, p);
	sys_timer_set(p->loop, &p->stop_timer, grace);
	svc_parent_listen_done(p);
	sys_timer_stop(&p->certs_timer);
	for (size_t i = 0; i < p->procs_n; i++) {
		sys_timer_stop(&p->procs[i].again);
	}
	p->stop_rank = 0;
	tell_rank(p, 0);
	svc_parent_stop_step(p);
}
