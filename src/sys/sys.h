/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Linux border: what every other header of this folder shares. The kernel's errno becomes
 * enum err here and nowhere else; descriptors are closed here. Start reading with loop.h and
 * chan.h.
 */
#ifndef SYS_SYS_H
#define SYS_SYS_H

#include "base/err.h"
#include "base/str.h"

/*
 * The enum err for an errno value: ENOSPC and EDQUOT ERR_NOSPACE, EMFILE and ENFILE ERR_NOFD, ...
 */
enum err sys_err(int errnum);

/* Close *fd when it is open (>= 0) and set it to -1. */
void sys_close(int *fd);

/* For a local descriptor: `int fd CLEANUP(sys_close) = -1;` */
#define SYS_FD_AUTO CLEANUP(sys_close)

/* A second descriptor for the same file, closed on exec. ERR_NOFD. */
enum err sys_dup(int fd, int *ret_fd);

/*
 * Close every descriptor but 0, 1, 2 and those in `keep` (ascending order not needed, at most 64).
 */
enum err sys_close_except(const int *keep, size_t n);

/*
 * Wait until fd can be read (want_read) or written, at most timeout_ms (-1: for ever).
 * ERR_TIMEOUT.
 */
enum err sys_wait(int fd, bool want_read, int timeout_ms);

/* A descriptor to wait for; ready is set to those of `want` that came true. */
struct sys_wait_item {
	int fd;
	bool want_read, want_write;
	bool ready_read, ready_write; /* an end or error of the peer counts as both wanted ones */
};

/*
 * Wait until any of the items is ready, at most timeout_ms (-1: for ever).
 *
 * Limits  SYS_WAIT_MAX items
 * Errors  ERR_TIMEOUT
 */
enum { SYS_WAIT_MAX = 8 };
enum err sys_wait_any(struct sys_wait_item *items, size_t n, int timeout_ms);

/* Number of processors this process may use, at least 1. */
unsigned sys_cores(void);

/* Open descriptors below `limit`. */
uint64_t sys_count_fds(uint64_t limit);

/* Raise the soft limit of open descriptors to the hard one. Out: the limit now in force. */
uint64_t sys_raise_fd_limit(void);
/* The same, after raising the hard limit to `want` if it is lower and we may. */
uint64_t sys_want_fd_limit(uint64_t want);

/*
 * Tests only: the n-th call from now of the functions in file.h, chan.h and sock.h that can fail
 * does nothing and fails with errnum (n == 0: never).
 */
void sys_fail_after(uint64_t n, int errnum);

#endif
