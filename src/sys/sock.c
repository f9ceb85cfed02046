/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TCP and UNIX sockets. Addresses cross the kernel's border here; their text forms are in addr.c.
 */
#include "sys/sock.h"
#include "sys/chan.h"
#include "sys/chan_priv.h"
#include "sys/file.h"
#include "sys/sys.h"
#include "sys/sys_priv.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 1024 };

union any_addr {
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	struct sockaddr_un un;
};

static socklen_t
to_kernel(const struct sys_addr *a, union any_addr *out)
{
	memset(out, 0, sizeof *out);
	if (sys_addr_is_v4(a->ip)) {
		out->in.sin_family = AF_INET;
		out->in.sin_port = htons(a->port);
		memcpy(&out->in.sin_addr, a->ip + 12, 4);
		return sizeof out->in;
	}
	out->in6.sin6_family = AF_INET6;
	out->in6.sin6_port = htons(a->port);
	memcpy(&out->in6.sin6_addr, a->ip, 16);
	return sizeof out->in6;
}

static struct sys_addr
from_kernel(const union any_addr *k)
{
	struct sys_addr a = { { 0 }, 0 };
	if (k->sa.sa_family == AF_INET) {
		a.ip[10] = a.ip[11] = 0xff;
		memcpy(a.ip + 12, &k->in.sin_addr, 4);
		a.port = ntohs(k->in.sin_port);
	} else if (k->sa.sa_family == AF_INET6) {
		memcpy(a.ip, &k->in6.sin6_addr, 16);
		a.port = ntohs(k->in6.sin6_port);
	}
	return a;
}

static enum err
set_option(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof value) == 0 ? ERR_OK : sys_err(errno);
}

static enum err
new_socket(int family, int type, int *ret_fd)
{
	int fd = sys_must_fail() ? -1 : socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0) {
		return sys_err(errno);
	}
	*ret_fd = fd;
	return ERR_OK;
}

enum err
sys_sock_listen(const struct sys_addr *a, int *ret_fd)
{
	union any_addr k;
	socklen_t n = to_kernel(a, &k);
	int fd SYS_FD_AUTO = -1;
	TRY(new_socket(k.sa.sa_family, SOCK_STREAM, &fd));
	TRY(set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1));
	if (k.sa.sa_family == AF_INET6) {
		TRY(set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1));
	}
	if (bind(fd, &k.sa, n) != 0 || listen(fd, BACKLOG) != 0) {
		return sys_err(errno);
	}
	*ret_fd = fd;
	fd = -1;
	return ERR_OK;
}

/* Out of descriptors: spend the spare one to take and close the connection, then renew it. */
static enum err
refuse_one(int listener, int *reserve)
{
	sys_close(reserve);
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	enum err e = fd >= 0 ? ERR_NOFD : sys_err(errno) == ERR_AGAIN ? ERR_AGAIN : ERR_NOMEM;
	sys_close(&fd);
	if (sys_dup(listener, reserve) != ERR_OK) {
		*reserve = -1;
	}
	return e;
}

enum err
sys_sock_accept(int listener, int *reserve, int *ret_fd, struct sys_addr *ret_peer)
{
	union any_addr k = { 0 };
	socklen_t n = sizeof k;
	int fd = sys_must_fail() ? -1 : accept4(listener, &k.sa, &n, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0) {
		enum err e = sys_err(errno);
		if (e == ERR_NOFD) {
			return refuse_one(listener, reserve);
		}
		return e == ERR_AGAIN || e == ERR_NOMEM ? e : ERR_IO;
	}
	if (k.sa.sa_family == AF_INET || k.sa.sa_family == AF_INET6) {
		enum err ignored = sys_sock_nodelay(fd); /* slow is better than refused */
		(void)ignored;
	}
	if (ret_peer != NULL) {
		*ret_peer = from_kernel(&k);
	}
	*ret_fd = fd;
	return ERR_OK;
}

enum err
sys_sock_connect(const struct sys_addr *a, int *ret_fd)
{
	union any_addr k;
	socklen_t n = to_kernel(a, &k);
	int fd SYS_FD_AUTO = -1;
	TRY(new_socket(k.sa.sa_family, SOCK_STREAM, &fd));
	TRY(sys_sock_nodelay(fd));
	enum err e = connect(fd, &k.sa, n) == 0 ? ERR_OK : sys_err(errno);
	if (e == ERR_OK || e == ERR_AGAIN) {
		*ret_fd = fd;
		fd = -1;
	}
	return e;
}

enum err
sys_sock_error(int fd)
{
	int errnum = 0;
	socklen_t n = sizeof errnum;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &errnum, &n) != 0) {
		return sys_err(errno);
	}
	return errnum == 0 ? ERR_OK : sys_err(errnum);
}

enum err
sys_sock_local(int fd, struct sys_addr *ret)
{
	union any_addr k = { 0 };
	socklen_t n = sizeof k;
	if (getsockname(fd, &k.sa, &n) != 0) {
		return sys_err(errno);
	}
	*ret = from_kernel(&k);
	return ERR_OK;
}

enum err
sys_sock_peer(int fd, struct sys_addr *ret)
{
	union any_addr k = { 0 };
	socklen_t n = sizeof k;
	if (getpeername(fd, &k.sa, &n) != 0) {
		return errno == ENOTCONN ? ERR_EOF : sys_err(errno);
	}
	*ret = from_kernel(&k);
	return ERR_OK;
}

enum err
sys_sock_nodelay(int fd)
{
	return set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
}

enum err
sys_sock_ack_now(int fd)
{
	return set_option(fd, IPPROTO_TCP, TCP_QUICKACK, 1);
}

enum err
sys_sock_pair(int ret_fds[2])
{
	if (sys_must_fail() ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ret_fds) != 0) {
		return sys_err(errno);
	}
	return ERR_OK;
}

/* --- administrators' sockets --------------------------------------------------------------- */

/*
 * The address of a socket file. A path that is too long for one is named through its open folder.
 *
 * Out     folder: open when needed; keep it until the address was used
 */
static enum err
local_address(str path, union any_addr *k, int *folder)
{
	char long_path[SYS_PATH_MAX];
	memset(k, 0, sizeof *k);
	k->un.sun_family = AF_UNIX;
	TRY(sys_path(path, long_path));
	if (path.n < sizeof k->un.sun_path) {
		memcpy(k->un.sun_path, path.p, path.n);
		return ERR_OK;
	}
	ptrdiff_t slash = str_rchr(path, '/');
	if (slash <= 0) {
		return ERR_TOOBIG;
	}
	TRY(sys_dir_open(SYS_CWD, str_sub(path, 0, (size_t)slash), folder));
	str name = str_from_off(path, (size_t)slash + 1);
	int n = snprintf(k->un.sun_path, sizeof k->un.sun_path, "/proc/self/fd/%d/%.*s", *folder,
	    STR_ARG(name));
	return n > 0 && (size_t)n < sizeof k->un.sun_path ? ERR_OK : ERR_TOOBIG;
}

/* Remove the socket of an earlier run; anything else of that name stays and is in the way. */
static enum err
remove_old(const char *path)
{
	struct stat old;
	if (lstat(path, &old) != 0) {
		return ERR_OK;
	}
	if (!S_ISSOCK(old.st_mode)) {
		return ERR_EXISTS;
	}
	return unlink(path) == 0 ? ERR_OK : sys_err(errno);
}

enum err
sys_sock_listen_local(str path, unsigned mode, int *ret_fd)
{
	union any_addr k;
	int folder SYS_FD_AUTO = -1;
	int fd SYS_FD_AUTO = -1;
	TRY(local_address(path, &k, &folder));
	TRY(new_socket(AF_UNIX, SOCK_SEQPACKET, &fd));
	TRY(remove_old(k.un.sun_path));
	if (bind(fd, &k.sa, sizeof k.un) != 0 || chmod(k.un.sun_path, mode) != 0 ||
	    listen(fd, BACKLOG) != 0) {
		return sys_err(errno);
	}
	*ret_fd = fd;
	fd = -1;
	return ERR_OK;
}

enum err
sys_sock_connect_local(str path, int *ret_fd)
{
	union any_addr k;
	int folder SYS_FD_AUTO = -1;
	int fd SYS_FD_AUTO = -1;
	TRY(local_address(path, &k, &folder));
	TRY(new_socket(AF_UNIX, SOCK_SEQPACKET, &fd));
	TRY(sys_chan_prepare(fd));
	if (connect(fd, &k.sa, sizeof k.un) != 0) {
		return sys_err(errno);
	}
	*ret_fd = fd;
	fd = -1;
	return ERR_OK;
}

enum err
sys_sock_connect_stream(str path, int *ret_fd)
{
	union any_addr k;
	int folder SYS_FD_AUTO = -1;
	int fd SYS_FD_AUTO = -1;
	if (path.n > SYS_SOCK_LOCAL_MAX) {
		return ERR_TOOBIG;
	}
	static_assert(SYS_SOCK_LOCAL_MAX < sizeof k.un.sun_path, "no folder is opened");
	TRY(local_address(path, &k, &folder));
	TRY(new_socket(AF_UNIX, SOCK_STREAM, &fd));
	if (connect(fd, &k.sa, sizeof k.un) != 0) {
		return sys_err(errno);
	}
	*ret_fd = fd;
	fd = -1;
	return ERR_OK;
}

enum err
sys_sock_send_fd(int fd, str s, int passed)
{
	return sys_chan_io_send(fd, s, passed);
}

enum err
sys_sock_peer_user(int fd, uint32_t *ret_uid)
{
	struct ucred peer;
	socklen_t n = sizeof peer;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) != 0) {
		return sys_err(errno);
	}
	*ret_uid = peer.uid;
	return ERR_OK;
}

/* --- streams ------------------------------------------------------------------------------- */

enum err
sys_sock_read(int fd, void *to, size_t n, size_t *ret_n)
{
	ssize_t got;
	do {
		got = sys_must_fail() ? -1 : recv(fd, to, n, MSG_DONTWAIT);
	} while (got < 0 && errno == EINTR);
	if (got < 0) {
		return sys_err(errno);
	}
	if (got == 0) {
		return ERR_EOF;
	}
	*ret_n = (size_t)got;
	return ERR_OK;
}

enum err
sys_sock_write(int fd, str s, size_t *ret_n)
{
	ssize_t put;
	do {
		put = sys_must_fail() ? -1 : send(fd, s.p, s.n, MSG_NOSIGNAL | MSG_DONTWAIT);
	} while (put < 0 && errno == EINTR);
	if (put < 0) {
		return errno == ECONNRESET ? ERR_EOF : sys_err(errno);
	}
	*ret_n = (size_t)put;
	return ERR_OK;
}

enum err
sys_sock_write_pieces(int fd, const str *pieces, size_t n, size_t *ret_n)
{
	struct iovec iov[SYS_SOCK_PIECES];
	ASSERT(n <= SYS_SOCK_PIECES);
	for (size_t i = 0; i < n; i++) {
		iov[i] = (struct iovec){ .iov_base = (void *)(uintptr_t)pieces[i].p,
			.iov_len = pieces[i].n };
	}
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = n };
	ssize_t put;
	do {
		put = sys_must_fail() ? -1 : sendmsg(fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
	} while (put < 0 && errno == EINTR);
	if (put < 0) {
		return errno == ECONNRESET ? ERR_EOF : sys_err(errno);
	}
	*ret_n = (size_t)put;
	return ERR_OK;
}

enum err
sys_sock_shutdown(int fd)
{
	return shutdown(fd, SHUT_WR) == 0 ? ERR_OK : sys_err(errno);
}
