/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a taken-over account process may try, a function each. Raw system calls where the C library
 * would choose another one or do something before. The table is at the end.
 */
#include "intruder.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

enum { SOME_OCTETS = 64 };

/* Decimal; the test writes nothing else. */
static long
number(const char *text)
{
	long n = 0;
	for (; *text >= '0' && *text <= '9'; text++) {
		n = n * 10 + (*text - '0');
	}
	return n;
}

/* --- files --------------------------------------------------------------------------------- */

static bool
try_read(const char *path)
{
	char octets[SOME_OCTETS];
	int fd = open(path, O_RDONLY);
	return fd >= 0 && read(fd, octets, sizeof octets) >= 0;
}

static bool
try_write(const char *path)
{
	return open(path, O_RDWR) >= 0;
}

static bool
try_append(const char *path)
{
	return open(path, O_WRONLY | O_APPEND) >= 0;
}

static bool
try_list(const char *path)
{
	return open(path, O_RDONLY | O_DIRECTORY) >= 0;
}

static bool
try_create(const char *path)
{
	return open(path, O_RDWR | O_CREAT | O_EXCL, 0600) >= 0;
}

static bool
try_anonymous(const char *path)
{
	return open(path, O_TMPFILE | O_RDWR, 0600) >= 0;
}

static bool
try_mkdir(const char *path)
{
	return mkdir(path, 0700) == 0;
}

static bool
try_unlink(const char *path)
{
	return unlink(path) == 0;
}

static bool
try_truncate(const char *path)
{
	return truncate(path, 0) == 0;
}

static bool
try_chmod(const char *path)
{
	return syscall(SYS_chmod, path, 0) == 0;
}

static bool
try_fchmodat(const char *path)
{
	return syscall(SYS_fchmodat, AT_FDCWD, path, 0) == 0;
}

static bool
try_chown(const char *path)
{
	return syscall(SYS_chown, path, getuid(), getgid()) == 0;
}

static bool
try_utimes(const char *path)
{
	return syscall(SYS_utimensat, AT_FDCWD, path, NULL, 0) == 0;
}

static bool
try_symlink(const char *path)
{
	return symlink("/etc/passwd", path) == 0;
}

static bool
try_mknod(const char *path)
{
	return mknod(path, S_IFIFO | 0600, 0) == 0;
}

static bool
try_setxattr(const char *path)
{
	return syscall(SYS_setxattr, path, "user.x", "1", 1, 0) == 0;
}

/* "FROM TO" */
static bool
with_two(const char *paths, int (*call)(const char *from, const char *to))
{
	char from[2048];
	const char *space = strchr(paths, ' ');
	if (space == NULL || (size_t)(space - paths) >= sizeof from) {
		errno = ENOENT;
		return false;
	}
	memcpy(from, paths, (size_t)(space - paths));
	from[space - paths] = '\0';
	return call(from, space + 1) == 0;
}

static bool
try_link(const char *paths)
{
	return with_two(paths, link);
}

static bool
try_rename(const char *paths)
{
	return with_two(paths, rename);
}

static bool
try_chroot(const char *path)
{
	return chroot(path) == 0;
}

static bool
try_handle(const char *path)
{
	struct {
		struct file_handle head;
		char octets[128];
	} h = { .head = { .handle_bytes = 128 } };
	int mount_id = 0;
	if (syscall(SYS_name_to_handle_at, AT_FDCWD, path, &h, &mount_id, 0) != 0) {
		return false;
	}
	return syscall(SYS_open_by_handle_at, AT_FDCWD, &h, O_RDONLY) >= 0;
}

static bool
try_open_handle(const char *argument)
{
	struct {
		struct file_handle head;
		char octets[8];
	} h = { .head = { .handle_bytes = 8, .handle_type = 1 } };
	return syscall(SYS_open_by_handle_at, AT_FDCWD, &h, O_RDONLY) >= 0;
}

/* --- the network --------------------------------------------------------------------------- */

static bool
to_loopback(int type, const char *port, int (*call)(int, const struct sockaddr *, socklen_t))
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)number(port)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, type, 0);
	return fd >= 0 && call(fd, (const struct sockaddr *)&a, sizeof a) == 0;
}

static bool
try_connect(const char *port)
{
	return to_loopback(SOCK_STREAM, port, connect);
}

static bool
try_bind(const char *port)
{
	return to_loopback(SOCK_STREAM, port, bind);
}

static bool
try_udp(const char *port)
{
	return to_loopback(SOCK_DGRAM, port, connect);
}

static bool
try_socket(const char *family)
{
	return socket((int)number(family), SOCK_RAW, 0) >= 0;
}

static socklen_t
local_address(struct sockaddr_un *a, const char *name, bool abstract)
{
	size_t n = strnlen(name, sizeof a->sun_path - 2);
	*a = (struct sockaddr_un){ .sun_family = AF_UNIX };
	memcpy(a->sun_path + abstract, name, n);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + 1);
}

static bool
to_local(const char *name, bool abstract)
{
	struct sockaddr_un a;
	socklen_t n = local_address(&a, name, abstract);
	int fd = socket(AF_UNIX, abstract ? SOCK_STREAM : SOCK_SEQPACKET, 0);
	return fd >= 0 && connect(fd, (struct sockaddr *)&a, n) == 0;
}

static bool
try_path_socket(const char *path)
{
	return to_local(path, false);
}

static bool
try_abstract_socket(const char *name)
{
	return to_local(name, true);
}

/* A pair of its own may be had; can one end speak to somebody else? */
static bool
try_pair(const char *path)
{
	int pair[2];
	struct sockaddr_un a;
	socklen_t n = local_address(&a, path, false);
	return socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) == 0 &&
	    sendto(pair[0], "x", 1, 0, (struct sockaddr *)&a, n) == 1;
}

/* --- other processes ----------------------------------------------------------------------- */

static bool
try_exec(const char *path)
{
	char *argv[] = { (char *)(uintptr_t)path, NULL };
	return execve(path, argv, NULL) == 0;
}

static bool
try_exec_memory(const char *argument)
{
	char *argv[] = { (char *)(uintptr_t) "x", NULL };
	int fd = memfd_create("x", 0);
	(void)(write(fd, "#!/bin/sh\n", 10) == 10);
	return syscall(SYS_execveat, fd, "", argv, NULL, AT_EMPTY_PATH) == 0;
}

static bool
try_fork(const char *argument)
{
	pid_t pid = fork();
	if (pid == 0) {
		_exit(0);
	}
	return pid > 0;
}

static bool
try_vfork(const char *argument)
{
	long pid = syscall(SYS_clone, CLONE_VM | CLONE_VFORK | SIGCHLD, 0, 0, 0, 0);
	if (pid == 0) {
		_exit(0);
	}
	return pid > 0;
}

static bool
try_ptrace(const char *pid)
{
	return ptrace(PTRACE_ATTACH, (pid_t)number(pid), NULL, NULL) == 0;
}

static bool
try_kill(const char *pid)
{
	return kill((pid_t)number(pid), SIGTERM) == 0;
}

static bool
try_abort(const char *pid)
{
	return syscall(SYS_tgkill, number(pid), number(pid), SIGABRT) == 0;
}

static bool
try_tkill(const char *pid)
{
	return syscall(SYS_tkill, number(pid), SIGKILL) == 0;
}

/* The kernel sends it, with the signal of our choice, when the socket has something to read. */
static bool
try_signal_by_socket(const char *pid)
{
	enum { SETSIG = 10 /* F_SETSIG */ };
	int fds[2];
	return socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0 &&
	    fcntl(fds[0], F_SETOWN, (int)number(pid)) == 0 && fcntl(fds[0], SETSIG, SIGKILL) == 0 &&
	    fcntl(fds[0], F_SETFL, O_ASYNC | O_NONBLOCK) == 0 && write(fds[1], "x", 1) == 1;
}

static bool
try_memory(const char *pid)
{
	char octets[SOME_OCTETS];
	struct iovec here = { octets, sizeof octets };
	struct iovec there = { (void *)(uintptr_t)try_memory, sizeof octets };
	return process_vm_readv((pid_t)number(pid), &here, 1, &there, 1, 0) > 0;
}

static bool
try_take_descriptor(const char *pid)
{
	long pidfd = syscall(SYS_pidfd_open, number(pid), 0);
	return pidfd >= 0 && syscall(SYS_pidfd_getfd, pidfd, 0, 0) >= 0;
}

static bool
try_limit(const char *pid)
{
	struct rlimit none = { 0, 0 };
	return syscall(SYS_prlimit64, number(pid), RLIMIT_NOFILE, &none, NULL) == 0;
}

static bool
try_affinity(const char *pid)
{
	cpu_set_t set;
	CPU_ZERO(&set);
	CPU_SET(0, &set);
	return sched_setaffinity((pid_t)number(pid), sizeof set, &set) == 0;
}

static bool
try_priority(const char *pid)
{
	return setpriority(PRIO_PROCESS, (id_t)number(pid), 19) == 0;
}

/* --- more rights --------------------------------------------------------------------------- */

/* A system call by number with arguments that do no harm where it is allowed. */
#define CALL(name, ...)                              \
	static bool try_##name(const char *argument) \
	{                                            \
		return syscall(__VA_ARGS__) >= 0;    \
	}
CALL(setuid, SYS_setuid, 0)
CALL(setresuid, SYS_setresuid, 0, 0, 0)
CALL(setgroups, SYS_setgroups, 0, NULL)
CALL(mount, SYS_mount, "none", "/tmp", "tmpfs", 0, NULL)
CALL(unshare, SYS_unshare, CLONE_NEWUSER)
CALL(setns, SYS_setns, 0, 0)
CALL(io_uring, SYS_io_uring_setup, 1, NULL)
CALL(keyctl, SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 1)
CALL(add_key, SYS_add_key, "user", "x", "y", 1, KEY_SPEC_PROCESS_KEYRING)
CALL(bpf, SYS_bpf, 0, NULL, 0)
CALL(userfaultfd, SYS_userfaultfd, 0)
CALL(perf, SYS_perf_event_open, NULL, 0, -1, -1, 0)
CALL(personality, SYS_personality, 0xffffffff)
CALL(dumpable, SYS_prctl, 4 /* PR_SET_DUMPABLE */, 1, 0, 0, 0)
CALL(inotify, SYS_inotify_init1, 0)
CALL(fanotify, SYS_fanotify_init, 0, 0)
CALL(shared_memory, SYS_shmget, 0x706f7374, 4096, 01600)
CALL(message_queue, SYS_msgget, 0x706f7374, 01600)
CALL(hostname, SYS_sethostname, "x", 1)
CALL(module, SYS_init_module, NULL, 0, "")
CALL(terminal, SYS_ioctl, 0, 0x5412 /* TIOCSTI */, "x")
CALL(session, SYS_setsid)

static bool
try_executable_memory(const char *argument)
{
	return mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		   0) != MAP_FAILED;
}

/* --- the table ----------------------------------------------------------------------------- */

#define ROW(name)                 \
	{                         \
#name, try_##name \
	}
const struct intruder_attempt intruder_attempts[] = {
	ROW(read),
	ROW(write),
	ROW(append),
	ROW(list),
	ROW(create),
	ROW(anonymous),
	ROW(mkdir),
	ROW(unlink),
	ROW(truncate),
	ROW(chmod),
	ROW(fchmodat),
	ROW(chown),
	ROW(utimes),
	ROW(symlink),
	ROW(mknod),
	ROW(setxattr),
	ROW(link),
	ROW(rename),
	ROW(chroot),
	ROW(handle),
	ROW(open_handle),
	ROW(connect),
	ROW(bind),
	ROW(udp),
	ROW(socket),
	ROW(path_socket),
	ROW(abstract_socket),
	ROW(pair),
	ROW(exec),
	ROW(exec_memory),
	ROW(fork),
	ROW(vfork),
	ROW(ptrace),
	ROW(kill),
	ROW(abort),
	ROW(tkill),
	ROW(signal_by_socket),
	ROW(memory),
	ROW(take_descriptor),
	ROW(limit),
	ROW(affinity),
	ROW(priority),
	ROW(setuid),
	ROW(setresuid),
	ROW(setgroups),
	ROW(mount),
	ROW(unshare),
	ROW(setns),
	ROW(io_uring),
	ROW(keyctl),
	ROW(add_key),
	ROW(bpf),
	ROW(userfaultfd),
	ROW(perf),
	ROW(personality),
	{ "visit", intruder_visit },
	{ "guest", intruder_guest },
	ROW(dumpable),
	ROW(inotify),
	ROW(fanotify),
	ROW(shared_memory),
	ROW(message_queue),
	ROW(hostname),
	ROW(module),
	ROW(terminal),
	ROW(session),
	ROW(executable_memory),
};
const size_t intruder_attempts_n = LEN(intruder_attempts);
