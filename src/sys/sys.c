/* SPDX-License-Identifier: Apache-2.0 */
/*
 * errno to enum err, and the small things about descriptors and limits.
 */
#include "sys/sys.h"
#include "sys/sys_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { FDS_AT_ONCE = 512 };

static const struct {
	int errnum;
	enum err err;
} errors[] = {
	{ EAGAIN, ERR_AGAIN },
	{ EINTR, ERR_AGAIN },
	{ EINPROGRESS, ERR_AGAIN },
	{ EPIPE, ERR_EOF },
	{ ENOENT, ERR_NOTFOUND },
	{ ENOTDIR, ERR_NOTFOUND },
	{ ESRCH, ERR_NOTFOUND },
	{ EADDRNOTAVAIL, ERR_NOTFOUND },
	{ EEXIST, ERR_EXISTS },
	{ EADDRINUSE, ERR_EXISTS },
	{ EACCES, ERR_DENIED },
	{ EPERM, ERR_DENIED },
	{ EROFS, ERR_DENIED },
	{ ELOOP, ERR_DENIED },
	{ ENOSPC, ERR_NOSPACE },
	{ EDQUOT, ERR_NOSPACE },
	{ EFBIG, ERR_NOSPACE },
	{ EMFILE, ERR_NOFD },
	{ ENFILE, ERR_NOFD },
	{ ENOMEM, ERR_NOMEM },
	{ ENOBUFS, ERR_NOMEM },
	{ EMSGSIZE, ERR_TOOBIG },
	{ ENAMETOOLONG, ERR_TOOBIG },
	{ EBUSY, ERR_BUSY },
	{ ENOTEMPTY, ERR_BUSY },
	{ ETXTBSY, ERR_BUSY },
	{ ETIMEDOUT, ERR_TIMEOUT },
	{ ECONNREFUSED, ERR_UNAVAILABLE },
	{ ENETUNREACH, ERR_UNAVAILABLE },
	{ EHOSTUNREACH, ERR_UNAVAILABLE },
	{ ENOSYS, ERR_UNSUPPORTED },
	{ EOPNOTSUPP, ERR_UNSUPPORTED },
	{ EAFNOSUPPORT, ERR_UNSUPPORTED },
	{ EBADF, ERR_BUG },
	{ EFAULT, ERR_BUG },
};

enum err
sys_err(int errnum)
{
	for (size_t i = 0; i < LEN(errors); i++) {
		if (errors[i].errnum == errnum) {
			return errors[i].err;
		}
	}
	return ERR_IO;
}

static uint64_t fail_in;
static int fail_errnum;

void
sys_fail_after(uint64_t n, int errnum)
{
	fail_in = n;
	fail_errnum = errnum;
}

bool
sys_must_fail(void)
{
	if (fail_in == 0 || --fail_in != 0) {
		return false;
	}
	errno = fail_errnum;
	return true;
}

void
sys_close(int *fd)
{
	if (*fd >= 0) {
		close(*fd);
		*fd = -1;
	}
}

enum err
sys_dup(int fd, int *ret_fd)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (copy < 0) {
		return sys_err(errno);
	}
	*ret_fd = copy;
	return ERR_OK;
}

static enum err
close_range_of(unsigned first, unsigned last)
{
	if (first > last) {
		return ERR_OK;
	}
	return syscall(SYS_close_range, first, last, 0) == 0 ? ERR_OK : sys_err(errno);
}

/* Close the gaps between the kept ones: always the smallest kept descriptor not below `from`. */
enum err
sys_close_except(const int *keep, size_t n)
{
	unsigned from = 3;
	for (;;) {
		unsigned next = UINT_MAX;
		for (size_t i = 0; i < n; i++) {
			if (keep[i] >= 0 && (unsigned)keep[i] >= from) {
				next = MIN(next, (unsigned)keep[i]);
			}
		}
		if (next == UINT_MAX) {
			return close_range_of(from, UINT_MAX);
		}
		TRY(close_range_of(from, next - 1));
		from = next + 1;
	}
}

enum err
sys_wait(int fd, bool want_read, int timeout_ms)
{
	struct pollfd p = { .fd = fd, .events = want_read ? POLLIN : POLLOUT };
	int n;
	do {
		n = poll(&p, 1, timeout_ms);
	} while (n < 0 && errno == EINTR);
	if (n < 0) {
		return sys_err(errno);
	}
	return n == 0 ? ERR_TIMEOUT : ERR_OK;
}

enum err
sys_wait_any(struct sys_wait_item *items, size_t n, int timeout_ms)
{
	struct pollfd p[SYS_WAIT_MAX];
	ASSERT(n <= SYS_WAIT_MAX);
	for (size_t i = 0; i < n; i++) {
		p[i] = (struct pollfd){ .fd = items[i].fd,
			.events = (short)((items[i].want_read ? POLLIN : 0) |
			    (items[i].want_write ? POLLOUT : 0)) };
	}
	int got;
	do {
		got = poll(p, (nfds_t)n, timeout_ms);
	} while (got < 0 && errno == EINTR);
	if (got < 0) {
		return sys_err(errno);
	}
	for (size_t i = 0; i < n; i++) {
		bool over = (p[i].revents & (POLLERR | POLLHUP | POLLNVAL)) != 0;
		items[i].ready_read = items[i].want_read && (over || (p[i].revents & POLLIN) != 0);
		items[i].ready_write = items[i].want_write &&
		    (over || (p[i].revents & POLLOUT) != 0);
	}
	return got == 0 ? ERR_TIMEOUT : ERR_OK;
}

unsigned
sys_cores(void)
{
	cpu_set_t set;
	if (sched_getaffinity(0, sizeof set, &set) != 0) {
		return 1;
	}
	return (unsigned)MAX(CPU_COUNT(&set), 1);
}

uint64_t
sys_raise_fd_limit(void)
{
	return sys_want_fd_limit(0);
}

uint64_t
sys_want_fd_limit(uint64_t want)
{
	struct rlimit l;
	if (getrlimit(RLIMIT_NOFILE, &l) != 0) {
		return 0;
	}
	struct rlimit most = { .rlim_cur = want, .rlim_max = want };
	if (want > l.rlim_max && setrlimit(RLIMIT_NOFILE, &most) == 0) {
		return want;
	}
	struct rlimit raised = { .rlim_cur = l.rlim_max, .rlim_max = l.rlim_max };
	return setrlimit(RLIMIT_NOFILE, &raised) == 0 ? raised.rlim_cur : l.rlim_cur;
}

/* Asks poll() about every possible number; it needs no /proc, so it works in a sandbox. */
uint64_t
sys_count_fds(uint64_t limit)
{
	struct pollfd some[FDS_AT_ONCE];
	uint64_t open_fds = 0;
	for (uint64_t from = 0; from < limit; from += FDS_AT_ONCE) {
		nfds_t n = (nfds_t)MIN(limit - from, (uint64_t)FDS_AT_ONCE);
		for (nfds_t i = 0; i < n; i++) {
			some[i] = (struct pollfd){ .fd = (int)(from + i) };
		}
		if (poll(some, n, 0) < 0) {
			return open_fds;
		}
		for (nfds_t i = 0; i < n; i++) {
			open_fds += !(some[i].revents & POLLNVAL);
		}
	}
	return open_fds;
}
