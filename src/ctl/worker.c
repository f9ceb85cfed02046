/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fork, become the owner, lock in, work, tell. The command only waits and prints.
 */
#include "ctl/worker.h"

#include "ctl/ctl.h"
#include "sys/chan.h"
#include "sys/file.h"
#include "sys/sandbox.h"
#include "sys/spawn.h"
#include "sys/sys.h"

#include <linux/capability.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { PROGRESS_MS = 500 };

/* --- in the other process ------------------------------------------------------------------ */

void
ctl_worker_line(void *ctx, str text)
{
	struct ctl_worker *w = ctx;
	struct buf b;
	buf_init(&b, CTL_WORKER_LINE_MAX);
	buf_str(&b, str_sub(text, 0, CTL_WORKER_LINE_MAX));
	enum err ignored = sys_chan_send_wait(w->fd, &b, -1,
	    -1); /* nobody listens: nobody is told */
	(void)ignored;
	buf_done(&b);
}

/*
 * Of root's rights keep the one to files. Exports go where root may write and the mail's owner may
 * not; imports come from there.
 */
static enum err
keep_reach(void)
{
	enum { REACH = 1u << CAP_DAC_OVERRIDE | 1u << CAP_DAC_READ_SEARCH };
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3] = { { .effective = REACH,
	    .permitted = REACH } };
	return syscall(SYS_capset, &head, sets) == 0 ? ERR_OK : ERR_DENIED;
}

static enum err
become(const struct ctl_worker *w, uint32_t uid, uint32_t gid)
{
	if (geteuid() != 0 || uid == 0) {
		return ERR_OK;
	}
	if (w->reach_all && prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0) {
		return ERR_DENIED;
	}
	TRY(sys_sandbox_become(uid, gid));
	return w->reach_all ? keep_reach() : ERR_OK;
}

/* A kernel that lacks the means runs it all the same, as everywhere: `postern status` tells. */
static enum err
lock_in(const struct ctl_worker *w)
{
	static const struct sys_sandbox_profile profile = { .name = "ctl",
		.sets = SYS_SET_FILES | SYS_SET_SQLITE };
	struct sys_sandbox *sandbox;
	struct sys_sandbox_state state;
	TRY(sys_sandbox_prepare(&profile, &sandbox));
	return sys_sandbox_enter(sandbox, w->paths, w->paths_n, &state);
}

NORETURN static void
work(struct ctl_worker *w, const struct sys_stat *owner)
{
	enum err e = sys_close_except(&w->fd, 1);
	if (e == ERR_OK) {
		e = become(w, owner->uid, owner->gid);
	}
	if (e == ERR_OK) {
		e = lock_in(w);
	}
	if (e == ERR_OK) {
		e = w->work(w, w->sh);
	}
	w->sh->result = e;
	w->sh->ended = true;
	sys_exit(0);
}

/* --- in the command ------------------------------------------------------------------------ */

static enum err
share(struct ctl_worker *w)
{
	void *p = mmap(NULL, sizeof *w->sh, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
	    0);
	if (p == MAP_FAILED) {
		return ERR_NOMEM;
	}
	w->sh = p;
	return ERR_OK;
}

/* Until the other process has closed its end. */
static void
listen_to(struct ctl_worker *w, int from)
{
	bool shows = w->progress != NULL && isatty(2) != 0;
	enum err e = ERR_OK;
	while (e == ERR_OK || e == ERR_TIMEOUT) {
		int fd SYS_FD_AUTO = -1;
		e = sys_chan_recv_wait(from, &w->c->in, &fd, shows ? PROGRESS_MS : -1);
		if (e == ERR_TIMEOUT) {
			w->progress(w, w->sh);
		} else if (e == ERR_OK && w->line != NULL) {
			w->line(w, buf_view(&w->c->in));
		}
	}
	if (shows) {
		fputs("\r\033[K", stderr);
	}
}

enum err
ctl_worker_run(struct ctl_worker *w)
{
	struct sys_stat owner;
	struct sys_child child;
	struct sys_child_end end;
	int pair[2];
	bool in_child;
	TRY(sys_file_stat(SYS_CWD, w->owner_of, &owner));
	TRY(share(w));
	TRY(sys_chan_pair(pair));
	ctl_out_flush(&w->c->out);
	enum err e = sys_fork(&in_child, &child);
	if (e != ERR_OK) {
		sys_close(&pair[0]);
		sys_close(&pair[1]);
		return e;
	}
	w->fd = pair[1];
	if (in_child) {
		work(w, &owner);
	}
	sys_close(&pair[1]);
	listen_to(w, pair[0]);
	sys_close(&pair[0]);
	TRY(sys_child_wait(&child, &end));
	return w->sh->ended ? w->sh->result : ERR_BUG;
}

void
ctl_worker_done(struct ctl_worker *w)
{
	if (w->sh != NULL) {
		munmap(w->sh, sizeof *w->sh);
		w->sh = NULL;
	}
}
