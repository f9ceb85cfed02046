/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Outgoing connections: a socket that hears of ICMP errors, from a chosen address, and its story.
 */
#include "sys/dial.h"
#include "sys/sys.h"
#include "sys/sys_priv.h"

#include <errno.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

union dial_addr {
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

static socklen_t
to_kernel(const uint8_t ip[16], uint16_t port, union dial_addr *out)
{
	memset(out, 0, sizeof *out);
	if (sys_addr_is_v4(ip)) {
		out->in.sin_family = AF_INET;
		out->in.sin_port = htons(port);
		memcpy(&out->in.sin_addr, ip + 12, 4);
		return sizeof out->in;
	}
	out->in6.sin6_family = AF_INET6;
	out->in6.sin6_port = htons(port);
	memcpy(&out->in6.sin6_addr, ip, 16);
	return sizeof out->in6;
}

static bool
set_on(int fd, int level, int option)
{
	int on = 1;
	return setsockopt(fd, level, option, &on, sizeof on) == 0;
}

/* True when the socket may connect; else errno says why not. */
static bool
prepare(int fd, bool v4, const uint8_t *source)
{
	bool ok = v4 ? set_on(fd, IPPROTO_IP, IP_RECVERR) : set_on(fd, IPPROTO_IPV6, IPV6_RECVERR);
	ok = ok && set_on(fd, IPPROTO_TCP, TCP_NODELAY);
	if (!ok || source == NULL) {
		return ok;
	}
	union dial_addr from;
	socklen_t n = to_kernel(source, 0, &from);
	/* The port is chosen at connect, so that one address serves more than 28,000 of them. */
	return set_on(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT) && bind(fd, &from.sa, n) == 0;
}

enum err
sys_dial(const struct sys_addr *to, const uint8_t *source, int *ret_fd, int *ret_errno)
{
	union dial_addr k;
	socklen_t n = to_kernel(to->ip, to->port, &k);
	int type = SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK;
	int fd SYS_FD_AUTO = sys_must_fail() ? -1 : socket(k.sa.sa_family, type, 0);
	*ret_errno = 0;
	bool ok = fd >= 0 && prepare(fd, k.sa.sa_family == AF_INET, source);
	if (!ok || (connect(fd, &k.sa, n) != 0 && errno != EINPROGRESS)) {
		*ret_errno = errno;
		return sys_err(errno);
	}
	*ret_fd = fd;
	fd = -1;
	return ERR_AGAIN;
}

int
sys_dial_error(int fd)
{
	int errnum = 0;
	socklen_t n = sizeof errnum;
	return getsockopt(fd, SOL_SOCKET, SO_ERROR, &errnum, &n) == 0 ? errnum : errno;
}

int
sys_dial_broken(enum err e)
{
	switch (e) {
	case ERR_OK:
	case ERR_AGAIN: return 0;
	case ERR_TIMEOUT: return ETIMEDOUT;
	case ERR_UNAVAILABLE: return EHOSTUNREACH;
	default: return ECONNRESET;
	}
}

void
sys_dial_info(int fd, struct sys_dial_info *ret)
{
	struct tcp_info info = { 0 };
	socklen_t n = sizeof info;
	*ret = (struct sys_dial_info){ 0 };
	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &n) == 0) {
		*ret = (struct sys_dial_info){ .rtt_us = info.tcpi_rtt,
			.retransmits = info.tcpi_total_retrans,
			.unacked = info.tcpi_unacked };
	}
}

size_t
sys_dial_own(uint8_t (*ret)[16], size_t max)
{
	struct ifaddrs *all = NULL;
	size_t n = 0;
	if (getifaddrs(&all) != 0) {
		return 0;
	}
	for (const struct ifaddrs *i = all; i != NULL && n < max; i = i->ifa_next) {
		const union dial_addr *k = (const void *)i->ifa_addr;
		if (k != NULL && k->sa.sa_family == AF_INET6) {
			memcpy(ret[n++], &k->in6.sin6_addr, 16);
		} else if (k != NULL && k->sa.sa_family == AF_INET) {
			memset(ret[n], 0, 10);
			ret[n][10] = ret[n][11] = 0xff;
			memcpy(ret[n++] + 12, &k->in.sin_addr, 4);
		}
	}
	freeifaddrs(all);
	return n;
}
