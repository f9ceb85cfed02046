/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The played scanner or filter of helper_test.h.
 */
#include "svc/scan/helper_test.h"

#include "sys/sock.h"
#include "sys/sys.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { READ_OCTETS = 65536, BACKLOG = 64 };

void
helper_init(struct helper *h, bool (*on_data)(struct helper_conn *c))
{
	*h = (struct helper){ .on_data = on_data, .listener = { .fd = -1 } };
	snprintf(h->folder, sizeof h->folder, "/tmp/postern-helper-XXXXXX");
	ASSERT(mkdtemp(h->folder) != NULL);
	snprintf(h->path, sizeof h->path, "%s/s", h->folder);
	for (size_t i = 0; i < LEN(h->conns); i++) {
		struct helper_conn *c = &h->conns[i];
		*c = (struct helper_conn){ .all = h, .watch = { .fd = -1 }, .passed = -1 };
		buf_init(&c->in, 1 << 20);
	}
}

static struct sockaddr_in
tcp_address(const struct helper *h)
{
	return (struct sockaddr_in){ .sin_family = AF_INET,
		.sin_port = htons(h->port),
		.sin_addr = { htonl(INADDR_LOOPBACK) } };
}

void
helper_init_tcp(struct helper *h, bool (*on_data)(struct helper_conn *c))
{
	helper_init(h, on_data);
	struct sockaddr_in a = tcp_address(h);
	socklen_t n = sizeof a;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ASSERT(bind(fd, (const struct sockaddr *)&a, sizeof a) == 0);
	ASSERT(getsockname(fd, (struct sockaddr *)&a, &n) == 0);
	h->port = ntohs(a.sin_port);
	snprintf(h->path, sizeof h->path, "inet:%u@127.0.0.1", h->port);
	sys_close(&fd);
}

static void
hang_up(struct helper_conn *c)
{
	if (c->watch.fd >= 0) {
		sys_watch_stop(c->all->loop, &c->watch);
		sys_close(&c->watch.fd);
		c->all->open--;
	}
	sys_close(&c->passed);
	buf_reset(&c->in);
}

/* One read with its descriptor. False: the end. */
static bool
take(struct helper_conn *c)
{
	union {
		char octets[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = { { 0 } };
	char *room = buf_room(&c->in, READ_OCTETS);
	struct iovec part = { .iov_base = room, .iov_len = READ_OCTETS };
	struct msghdr m = { .msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control.octets,
		.msg_controllen = sizeof control.octets };
	ASSERT(room != NULL);
	ssize_t n = recvmsg(c->watch.fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (n <= 0) {
		return false;
	}
	buf_grow(&c->in, (size_t)n);
	struct cmsghdr *with = CMSG_FIRSTHDR(&m);
	if (with != NULL && with->cmsg_type == SCM_RIGHTS) {
		sys_close(&c->passed);
		memcpy(&c->passed, CMSG_DATA(with), sizeof c->passed);
	}
	return true;
}

static void
on_event(void *ctx, unsigned events)
{
	struct helper_conn *c = ctx;
	if (!take(c) || !c->all->on_data(c)) {
		hang_up(c);
	}
}

static void
on_connect(void *ctx, unsigned events)
{
	struct helper *h = ctx;
	int fd = accept4(h->listener.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	for (size_t i = 0; i < LEN(h->conns) && fd >= 0; i++) {
		struct helper_conn *c = &h->conns[i];
		if (c->watch.fd < 0) {
			h->accepted++;
			h->open++;
			c->watch = (struct sys_watch){ .fn = on_event, .ctx = c, .fd = fd };
			ASSERT(sys_watch_start(h->loop, &c->watch, SYS_IN) == ERR_OK);
			return;
		}
	}
	sys_close(&fd);
}

void
helper_listen(struct helper *h, struct sys_loop *loop)
{
	struct sockaddr_un local = { .sun_family = AF_UNIX };
	struct sockaddr_in tcp = tcp_address(h);
	const void *a = h->port != 0 ? (const void *)&tcp : (const void *)&local;
	socklen_t n = h->port != 0 ? sizeof tcp : sizeof local;
	int on = 1;
	memcpy(local.sun_path, h->path, strlen(h->path) + 1);
	(void)unlink(h->path);
	h->loop = loop;
	h->listener = (struct sys_watch){ .fn = on_connect, .ctx = h };
	h->listener.fd = socket(h->port != 0 ? AF_INET : AF_UNIX,
	    SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	(void)setsockopt(h->listener.fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	ASSERT(bind(h->listener.fd, a, n) == 0);
	ASSERT(listen(h->listener.fd, BACKLOG) == 0);
	ASSERT(sys_watch_start(loop, &h->listener, SYS_IN) == ERR_OK);
}

void
helper_kill(struct helper *h)
{
	for (size_t i = 0; i < LEN(h->conns); i++) {
		hang_up(&h->conns[i]);
	}
	if (h->listener.fd >= 0) {
		sys_watch_stop(h->loop, &h->listener);
		sys_close(&h->listener.fd);
	}
}

void
helper_done(struct helper *h)
{
	helper_kill(h);
	for (size_t i = 0; i < LEN(h->conns); i++) {
		buf_done(&h->conns[i].in);
	}
	(void)unlink(h->path);
	CHECK(rmdir(h->folder) == 0);
}

void
helper_say(struct helper_conn *c, str s)
{
	size_t n = 0;
	enum err e = sys_sock_write(c->watch.fd, s, &n);
	CHECK(e == ERR_EOF || (e == ERR_OK && n == s.n));
}
