/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Starting programs: this test starts itself with an argument and looks at what the child sees.
 */
#include "base/test.h"
#include "sys/file.h"
#include "sys/sock.h"
#include "sys/spawn.h"
#include "sys/sys.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

extern char **environ;

static struct sys_child_end
run(const char *mode, const int *fds, size_t fds_n)
{
	const char *const argv[] = { "child", mode, NULL };
	struct sys_spawn what = { .program = S("/proc/self/exe"),
		.argv = argv,
		.fds = fds,
		.fds_n = fds_n,
		.log_fd = -1 };
	struct sys_child c;
	struct sys_child_end end = { false, -1 };
	CHECK_ERR(sys_spawn(&what, &c), ERR_OK);
	CHECK(c.pid > 0 && c.pidfd >= 0);
	CHECK_ERR(sys_child_wait(&c, &end), ERR_OK);
	CHECK(c.pidfd == -1);
	return end;
}

/* --- as the child -------------------------------------------------------------------------- */

static int
look_around(void)
{
	int wrong = 0;
	sigset_t mask;
	wrong |= environ[0] != NULL ? 1 : 0;
	wrong |= write(4, "four", 4) != 4 ? 2 : 0;
	wrong |= write(3, "three", 5) != 5 ? 4 : 0;
	for (int fd = 5; fd < 300; fd++) {
		wrong |= fcntl(fd, F_GETFD) >= 0 ? 8 : 0;
	}
	sigprocmask(SIG_SETMASK, NULL, &mask);
	wrong |= sigismember(&mask, SIGUSR1) != 0 ? 16 : 0;
	wrong |= getsid(0) != getpid() ? 32 : 0;
	return wrong;
}

/* Leave a forked child behind that holds descriptor 3 and would wait for ever. */
static int
leave_an_orphan(void)
{
	struct sys_child c;
	bool in_child = false;
	if (sys_fork(&in_child, &c) == ERR_OK && in_child) {
		enum err ignored = sys_wait(3, true, -1);
		(void)ignored;
		sys_exit(3);
	}
	raise(SIGKILL);
	return 0;
}

static int
child_main(const char *mode)
{
	if (strcmp(mode, "orphan") == 0) {
		return leave_an_orphan();
	}
	if (strcmp(mode, "look") == 0) {
		return look_around();
	}
	if (strcmp(mode, "die") == 0) {
		raise(SIGKILL);
	}
	return 7;
}

/* --- as the test --------------------------------------------------------------------------- */

/* A pair with high numbers, so that 3 and 4 are free. */
static void
high_pair(int fds[2])
{
	int low[2];
	CHECK_ERR(sys_sock_pair(low), ERR_OK);
	for (int i = 0; i < 2; i++) {
		fds[i] = fcntl(low[i], F_DUPFD_CLOEXEC, 20);
		sys_close(&low[i]);
	}
}

static void
block(int how)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(how, &set, NULL);
}

/* The sources lie on each other's targets. */
static void
sees_only_what_it_was_given(void)
{
	int a[2], b[2], crossed[] = { 4, 3 };
	char got[8];
	size_t n = 0;
	high_pair(a);
	high_pair(b);
	CHECK(dup2(a[1], 3) == 3 && dup2(b[1], 4) == 4);
	block(SIG_BLOCK);
	struct sys_child_end end = run("look", crossed, 2);
	block(SIG_UNBLOCK);
	CHECK(!end.signalled);
	CHECK_U64(end.code, 0);
	CHECK_ERR(sys_sock_read(b[0], got, sizeof got, &n), ERR_OK);
	CHECK_STR(str_make(got, n), S("three"));
	CHECK_ERR(sys_sock_read(a[0], got, sizeof got, &n), ERR_OK);
	CHECK_STR(str_make(got, n), S("four"));
	CHECK_ERR(sys_close_except(NULL, 0), ERR_OK);
}

static void
ends(void)
{
	struct sys_child_end end = run("code", NULL, 0);
	CHECK(!end.signalled && end.code == 7);
	end = run("die", NULL, 0);
	CHECK(end.signalled && end.code == SIGKILL);
}

static void
missing_program(void)
{
	const char *const argv[] = { "x", NULL };
	struct sys_spawn what = {
		.program = S("/nonexistent/program"), .argv = argv, .log_fd = -1
	};
	struct sys_child c;
	CHECK_ERR(sys_spawn(&what, &c), ERR_NOTFOUND);
	what.program = S("/etc/passwd");
	CHECK_ERR(sys_spawn(&what, &c), ERR_DENIED);
}

static void
forked_child(void)
{
	struct sys_child c;
	struct sys_child_end end;
	bool in_child = false;
	int fds[2];
	char x;
	size_t n;
	CHECK_ERR(sys_sock_pair(fds), ERR_OK);
	CHECK_ERR(sys_fork(&in_child, &c), ERR_OK);
	if (in_child) {
		sys_close(&fds[0]);
		enum err ignored = sys_wait(fds[1], true, -1);
		(void)ignored;
		sys_exit(3);
	}
	sys_close(&fds[1]);
	CHECK_ERR(sys_child_end(&c, &end), ERR_AGAIN);
	CHECK_ERR(sys_wait(c.pidfd, true, 0), ERR_TIMEOUT);
	CHECK_ERR(sys_child_signal(&c, SIGTERM), ERR_OK);
	CHECK_ERR(sys_wait(c.pidfd, true, -1), ERR_OK);
	CHECK_ERR(sys_child_end(&c, &end), ERR_OK);
	CHECK(end.signalled && end.code == SIGTERM);
	CHECK_ERR(sys_child_signal(&c, SIGTERM), ERR_NOTFOUND);
	CHECK_ERR(sys_sock_read(fds[0], &x, 1, &n), ERR_EOF);
	sys_close(&fds[0]);
}

/* The other end of the orphan's descriptor closes only when it is dead. */
static void
forked_child_ends_with_its_parent(void)
{
	int fds[2];
	char x;
	size_t n;
	CHECK_ERR(sys_sock_pair(fds), ERR_OK);
	struct sys_child_end end = run("orphan", &fds[1], 1);
	CHECK(end.signalled && end.code == SIGKILL);
	sys_close(&fds[1]);
	CHECK_ERR(sys_wait(fds[0], true, 20000), ERR_OK);
	CHECK_ERR(sys_sock_read(fds[0], &x, 1, &n), ERR_EOF);
	sys_close(&fds[0]);
}

/* In a child of ours: fork a sibling, pass on its number, and end or, as a sibling, wait. */
NORETURN static void
breed(int fd)
{
	struct sys_child sibling;
	bool in_child = false;
	enum err e = sys_fork_sibling(&in_child, &sibling);
	if (e == ERR_OK && in_child) {
		e = sys_wait(fd, true, -1);
		sys_exit(e == ERR_OK ? 5 : 6);
	}
	ssize_t put = e == ERR_OK ? write(fd, &sibling.pid, sizeof sibling.pid) : -1;
	sys_exit(put == sizeof sibling.pid && sibling.pidfd >= 0 ? 0 : 1);
}

/* It outlives who forked it, and it is ours to reap. */
static void
forked_sibling(void)
{
	struct sys_child c, sibling = { .pidfd = -1 };
	struct sys_child_end end;
	bool in_child = false;
	size_t n = 0;
	int fds[2];
	CHECK_ERR(sys_sock_pair(fds), ERR_OK);
	CHECK_ERR(sys_fork(&in_child, &c), ERR_OK);
	if (in_child) {
		sys_close(&fds[0]);
		breed(fds[1]);
	}
	sys_close(&fds[1]);
	CHECK_ERR(sys_child_wait(&c, &end), ERR_OK);
	CHECK(!end.signalled && end.code == 0);
	CHECK_ERR(sys_sock_read(fds[0], (char *)&sibling.pid, sizeof sibling.pid, &n), ERR_OK);
	CHECK_U64(n, sizeof sibling.pid);
	CHECK_ERR(sys_child_end(&sibling, &end), ERR_AGAIN);
	CHECK(write(fds[0], "x", 1) == 1);
	CHECK_ERR(sys_child_wait(&sibling, &end), ERR_OK);
	CHECK(!end.signalled && end.code == 5);
	sys_close(&fds[0]);
}

int
main(int argc, char **argv)
{
	static test_fn *const tests[] = { sees_only_what_it_was_given, ends, missing_program,
		forked_child, forked_child_ends_with_its_parent, forked_sibling };
	return argc > 1 ? child_main(argv[1]) : test_run(tests, LEN(tests));
}
