/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fork and exec by hand: between them the child only makes system calls, and leaves with code 127
 * when one of them fails. The program is opened before the user changes, so that it may lie where
 * the new user cannot look.
 */
#include "sys/spawn.h"
#include "sys/sandbox.h"
#include "sys/sys.h"
#include "sys/sys_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FDS_MAX = 8, FIRST_FD = 3, PARKED = 64, EXEC_FAILED = 127 };

static void
reset_signals(void)
{
	sigset_t none;
	struct sigaction plain = { .sa_handler = SIG_DFL };
	for (int s = 1; s < 32; s++) {
		sigaction(s, &plain, NULL);
	}
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Move the descriptors out of the way first: a source may be another one's target. */
static bool
place_fds(const struct sys_spawn *what, int null_fd)
{
	int parked[FDS_MAX];
	int log_fd = fcntl(what->log_fd >= 0 ? what->log_fd : 2, F_DUPFD_CLOEXEC, PARKED);
	for (size_t i = 0; i < what->fds_n; i++) {
		parked[i] = fcntl(what->fds[i], F_DUPFD_CLOEXEC, PARKED);
		if (parked[i] < 0) {
			return false;
		}
	}
	if (dup2(null_fd, 0) < 0 || dup2(null_fd, 1) < 0 || log_fd < 0 || dup2(log_fd, 2) < 0) {
		return false;
	}
	for (size_t i = 0; i < what->fds_n; i++) {
		if (dup2(parked[i], FIRST_FD + (int)i) < 0) {
			return false;
		}
	}
	return syscall(SYS_close_range, FIRST_FD + what->fds_n, ~0u, CLOSE_RANGE_CLOEXEC) == 0;
}

NORETURN static void
become_program(const struct sys_spawn *what, int program_fd, int null_fd)
{
	static const char *const no_env[] = { NULL };
	const char *const *env = what->env != NULL ? what->env : no_env;
	reset_signals();
	setsid(); /* signals of the terminal are for the parent alone */
	int program = fcntl(program_fd, F_DUPFD_CLOEXEC, 2 * PARKED);
	if (program >= 0 && chdir("/") == 0 && place_fds(what, null_fd) &&
	    (!what->change_user || sys_sandbox_become(what->uid, what->gid) == ERR_OK)) {
		syscall(SYS_execveat, program, "", what->argv, env, AT_EMPTY_PATH);
	}
	_exit(EXEC_FAILED);
}

/* A child we have just forked: on failure it is ended and reaped. */
static enum err
adopt(pid_t pid, struct sys_child *ret)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (fd < 0) {
		enum err e = sys_err(errno);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		return e;
	}
	ret->pid = pid;
	ret->pidfd = fd;
	return ERR_OK;
}

enum err
sys_spawn(const struct sys_spawn *what, struct sys_child *ret)
{
	ASSERT(what->fds_n <= FDS_MAX);
	char path[SYS_PATH_MAX];
	int program SYS_FD_AUTO = -1;
	int null_fd SYS_FD_AUTO = -1;
	TRY(sys_path(what->program, path));
	program = sys_must_fail() ? -1 : open(path, O_PATH | O_CLOEXEC);
	if (program < 0 || faccessat(AT_FDCWD, path, X_OK, 0) != 0) {
		return sys_err(errno);
	}
	null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null_fd < 0) {
		return sys_err(errno);
	}
	pid_t pid = fork();
	if (pid < 0) {
		return sys_err(errno);
	}
	if (pid == 0) {
		become_program(what, program, null_fd);
	}
	return adopt(pid, ret);
}

enum err
sys_fork(bool *ret_in_child, struct sys_child *ret)
{
	pid_t parent = getpid();
	pid_t pid = sys_must_fail() ? -1 : fork();
	if (pid < 0) {
		return sys_err(errno);
	}
	*ret_in_child = pid == 0;
	if (pid == 0) {
		if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent) {
			_exit(EXEC_FAILED);
		}
		*ret = (struct sys_child){ .pid = getpid(), .pidfd = -1 };
		return ERR_OK;
	}
	return adopt(pid, ret);
}

enum err
sys_fork_sibling(bool *ret_in_child, struct sys_child *ret)
{
	pid_t parent = getppid();
	int pidfd = -1;
	unsigned long flags = CLONE_PARENT | CLONE_PIDFD | SIGCHLD;
	long pid = sys_must_fail() ? -1 : syscall(SYS_clone, flags, NULL, &pidfd, NULL, NULL);
	if (pid < 0) {
		return sys_err(errno);
	}
	*ret_in_child = pid == 0;
	if (pid == 0 && (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)) {
		_exit(EXEC_FAILED);
	}
	*ret = (struct sys_child){ .pid = pid == 0 ? getpid() : (pid_t)pid, .pidfd = pidfd };
	return ERR_OK;
}

static enum err
reap(struct sys_child *c, int flags, struct sys_child_end *ret)
{
	int status;
	pid_t got;
	do {
		got = waitpid(c->pid, &status, flags);
	} while (got < 0 && errno == EINTR);
	if (got == 0) {
		return ERR_AGAIN;
	}
	if (got < 0) {
		return sys_err(errno);
	}
	*ret = (struct sys_child_end){
		.signalled = WIFSIGNALED(status),
		.code = WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status),
	};
	sys_close(&c->pidfd);
	return ERR_OK;
}

enum err
sys_child_end(struct sys_child *c, struct sys_child_end *ret)
{
	return reap(c, WNOHANG, ret);
}

enum err
sys_child_wait(struct sys_child *c, struct sys_child_end *ret)
{
	return reap(c, 0, ret);
}

enum err
sys_child_signal(const struct sys_child *c, int signo)
{
	if (c->pidfd < 0) {
		return ERR_NOTFOUND;
	}
	long failed = syscall(SYS_pidfd_send_signal, c->pidfd, signo, NULL, 0);
	return failed == 0 ? ERR_OK : sys_err(errno);
}

void
sys_exit(int code)
{
	_exit(code);
}
