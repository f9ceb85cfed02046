/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SEQPACKET datagrams with at most one descriptor, and channels for processes without a loop.
 */
#include "sys/chan.h"
#include "sys/chan_priv.h"
#include "sys/clock.h"
#include "sys/sys.h"
#include "sys/sys_priv.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

/* The kernel doubles what is asked for, and a datagram needs its octets plus some 5 %. */
enum { BUFFER_ASK = 1024 * 1024, BUFFER_LEAST = 2 * SYS_CHAN_MESSAGE_MAX };

/* Room for more descriptors than we accept, so that we can see and close them. */
enum { FDS_SEEN = 4 };

union control {
	char octets[CMSG_SPACE(sizeof(int) * FDS_SEEN)];
	struct cmsghdr align;
};

enum err
sys_chan_prepare(int fd)
{
	int ask = BUFFER_ASK;
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &ask, sizeof ask) != 0 &&
	    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &ask, sizeof ask) != 0) {
		return sys_err(errno);
	}
	int got = 0;
	socklen_t n = sizeof got;
	if (getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &got, &n) != 0) {
		return sys_err(errno);
	}
	return got >= BUFFER_LEAST ? ERR_OK : ERR_UNSUPPORTED;
}

enum err
sys_chan_pair(int ret_fds[2])
{
	int fds[2];
	if (sys_must_fail() ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) != 0) {
		return sys_err(errno);
	}
	enum err e = sys_chan_prepare(fds[0]);
	if (e == ERR_OK) {
		e = sys_chan_prepare(fds[1]);
	}
	if (e != ERR_OK) {
		sys_close(&fds[0]);
		sys_close(&fds[1]);
		return e;
	}
	ret_fds[0] = fds[0];
	ret_fds[1] = fds[1];
	return ERR_OK;
}

static enum err
send_error(int errnum)
{
	switch (errnum) {
	case ECONNRESET:
	case EPIPE:
	case ENOTCONN: return ERR_EOF;
	case ETOOMANYREFS: /* too many descriptors are on their way in all channels together */
		return ERR_AGAIN;
	default: return sys_err(errnum);
	}
}

enum err
sys_chan_io_send(int sock, str msg, int fd)
{
	union control control = { 0 };
	struct iovec part = { .iov_base = (void *)(uintptr_t)msg.p, .iov_len = msg.n };
	struct msghdr m = { .msg_iov = &part, .msg_iovlen = 1 };
	if (fd >= 0) {
		m.msg_control = control.octets;
		m.msg_controllen = CMSG_SPACE(sizeof fd);
		struct cmsghdr *c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof fd);
		memcpy(CMSG_DATA(c), &fd, sizeof fd);
	}
	for (;;) {
		if (!sys_must_fail() && sendmsg(sock, &m, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0) {
			return ERR_OK;
		}
		if (errno != EINTR) {
			return send_error(errno);
		}
	}
}

/* Keep the first descriptor that came along, close all others. Out: how many came. */
static size_t
take_fds(struct msghdr *m, int *ret_fd)
{
	size_t seen = 0;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c != NULL; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) {
			continue;
		}
		size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < n; i++) {
			int fd;
			memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
			if (seen++ == 0) {
				*ret_fd = fd;
			} else {
				sys_close(&fd);
			}
		}
	}
	return seen;
}

enum err
sys_chan_io_recv(int sock, str room, size_t *ret_n, int *ret_fd)
{
	union control control = { 0 };
	struct iovec part = { .iov_base = (void *)(uintptr_t)room.p, .iov_len = room.n };
	struct msghdr m = { .msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control.octets,
		.msg_controllen = sizeof control.octets };
	ssize_t n;
	do {
		n = recvmsg(sock, &m, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	} while (n < 0 && errno == EINTR);
	if (n < 0) {
		return errno == ECONNRESET ? ERR_EOF : sys_err(errno);
	}
	int fd = -1;
	size_t seen = take_fds(&m, &fd);
	bool lost = (m.msg_flags & MSG_CTRUNC) && seen <= 1;
	if (lost || seen > 1 || (m.msg_flags & MSG_TRUNC)) {
		sys_close(&fd);
		return lost && !(m.msg_flags & MSG_TRUNC) ? ERR_NOFD : ERR_PROTOCOL;
	}
	if (n == 0) {
		sys_close(&fd);
		return ERR_EOF;
	}
	*ret_n = (size_t)n;
	*ret_fd = fd;
	return ERR_OK;
}

/* --- without a loop ------------------------------------------------------------------------ */

enum err
sys_chan_recv(int fd, struct buf *in, int *ret_fd)
{
	buf_reset(in);
	size_t n;
	char *room = buf_room(in, SYS_CHAN_MESSAGE_MAX);
	if (room == NULL) {
		return buf_err(in);
	}
	TRY(sys_chan_io_recv(fd, str_make(room, SYS_CHAN_MESSAGE_MAX), &n, ret_fd));
	buf_grow(in, n);
	return ERR_OK;
}

/* What is left of timeout_ms (-1: for ever) since `start_ms`. */
static int
left_ms(int timeout_ms, int64_t start_ms)
{
	if (timeout_ms < 0) {
		return -1;
	}
	return (int)MAX(timeout_ms - (sys_clock_ms() - start_ms), 0);
}

enum err
sys_chan_recv_wait(int fd, struct buf *in, int *ret_fd, int timeout_ms)
{
	int64_t start = sys_clock_ms();
	for (;;) {
		enum err e = sys_chan_recv(fd, in, ret_fd);
		if (e != ERR_AGAIN) {
			return e;
		}
		TRY(sys_wait(fd, true, left_ms(timeout_ms, start)));
	}
}

enum err
sys_chan_send_wait(int fd, const struct buf *msg, int passed, int timeout_ms)
{
	int64_t start = sys_clock_ms();
	enum err e = buf_err(msg);
	if (e == ERR_OK && (msg->n == 0 || msg->n > SYS_CHAN_MESSAGE_MAX)) {
		e = ERR_TOOBIG;
	}
	while (e == ERR_OK) {
		e = sys_chan_io_send(fd, buf_view(msg), passed);
		if (e != ERR_AGAIN) {
			break;
		}
		e = sys_wait(fd, false, left_ms(timeout_ms, start));
	}
	sys_close(&passed);
	return e == ERR_EOF ? ERR_UNAVAILABLE : e;
}
