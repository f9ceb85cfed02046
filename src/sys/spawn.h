/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Starting processes: never a shell, never an inherited environment, only the descriptors that are
 * named. Children are watched through a pidfd on the loop.
 */
#ifndef SYS_SPAWN_H
#define SYS_SPAWN_H

#include "base/err.h"
#include "base/str.h"

struct sys_spawn {
	str program;             /* path */
	const char *const *argv; /* ends with NULL */
	const char *const *env;  /* ends with NULL; NULL: empty */
	const int *fds;          /* fds[i] becomes descriptor 3 + i; at most 8 */
	size_t fds_n;
	int log_fd;       /* becomes 2; -1: ours */
	bool change_user; /* then to uid and gid, without supplementary groups */
	uint32_t uid, gid;
};

struct sys_child {
	int32_t pid;
	int pidfd; /* readable when it has ended; -1: not running */
};

struct sys_child_end {
	bool signalled; /* by signal `code`, else exited with `code` */
	int code;
};

/*
 * Run a program. 0 and 1 are /dev/null, all signals are reset, the working folder is /.
 * An exec that fails in the child shows as exit code 127.
 *
 * Errors  ERR_NOTFOUND, ERR_DENIED (program), ERR_NOFD, ERR_NOMEM
 */
enum err sys_spawn(const struct sys_spawn *what, struct sys_child *ret);

/*
 * Fork this process. In the child *ret_in_child is true; it still has every descriptor of ours:
 * call sys_close_except() first. The child is killed when this process ends, however that happens.
 */
enum err sys_fork(bool *ret_in_child, struct sys_child *ret);

/*
 * The same, but the new process is a child of our parent, who is to watch and reap it, and is
 * killed when that one ends. Of *ret, pidfd is ours to pass on. For a process that has only ever
 * had one thread: locks of the C library are left as they are.
 */
enum err sys_fork_sibling(bool *ret_in_child, struct sys_child *ret);

/* ERR_AGAIN while it runs; on ERR_OK it is gone and its pidfd closed. */
enum err sys_child_end(struct sys_child *c, struct sys_child_end *ret);
/* Waits. */
enum err sys_child_wait(struct sys_child *c, struct sys_child_end *ret);
/* ERR_NOTFOUND when it has ended. */
enum err sys_child_signal(const struct sys_child *c, int signo);
/* End this process at once, without atexit handlers. */
NORETURN void sys_exit(int code);

#endif
