/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Real sockets on the loopback: listening, accepting without descriptors left, streams, UNIX
 * sockets.
 */
#include "base/test.h"
#include "sys/file.h"
#include "sys/random.h"
#include "sys/sock.h"
#include "sys/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static struct sys_addr
listen_on(const char *ip, int *fd)
{
	struct sys_addr a = { .port = 0 }, got = { .port = 0 };
	CHECK_ERR(sys_addr_ip_parse(str_from(ip), a.ip), ERR_OK);
	CHECK_ERR(sys_sock_listen(&a, fd), ERR_OK);
	CHECK_ERR(sys_sock_local(*fd, &got), ERR_OK);
	CHECK(got.port != 0 && sys_addr_ip_eq(got.ip, a.ip));
	return got;
}

static int
connect_to(const struct sys_addr *a)
{
	int fd = -1;
	enum err e = sys_sock_connect(a, &fd);
	CHECK(e == ERR_OK || e == ERR_AGAIN);
	CHECK_ERR(sys_wait(fd, false, 5000), ERR_OK);
	CHECK_ERR(sys_sock_error(fd), ERR_OK);
	return fd;
}

static void
accepts(void)
{
	int listener = -1, reserve = -1, fd = -1;
	struct sys_addr peer, local, a = listen_on("127.0.0.1", &listener);
	CHECK_ERR(sys_dup(listener, &reserve), ERR_OK);
	CHECK_ERR(sys_sock_accept(listener, &reserve, &fd, &peer), ERR_AGAIN);
	int client = connect_to(&a);
	CHECK_ERR(sys_wait(listener, true, 5000), ERR_OK);
	CHECK_ERR(sys_sock_accept(listener, &reserve, &fd, &peer), ERR_OK);
	CHECK_ERR(sys_sock_local(client, &local), ERR_OK);
	CHECK(peer.port == local.port && sys_addr_is_loopback(peer.ip));
	int on = 0;
	socklen_t n = sizeof on;
	CHECK(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, &n) == 0 && on != 0);
	CHECK((fcntl(fd, F_GETFL) & O_NONBLOCK) && (fcntl(fd, F_GETFD) & FD_CLOEXEC));

	int second = -1;
	CHECK_ERR(sys_sock_listen(&a, &second), ERR_EXISTS);
	sys_close(&client);
	sys_close(&fd);
	sys_close(&listener);
	sys_close(&reserve);
}

/* The connection is taken and closed, and the reserve is there again for the next one. */
static void
accepts_without_descriptors(void)
{
	int listener = -1, reserve = -1, fd = -1;
	struct sys_addr a = listen_on("127.0.0.1", &listener);
	CHECK_ERR(sys_dup(listener, &reserve), ERR_OK);
	for (int i = 0; i < 2; i++) {
		char c;
		size_t n;
		int client = connect_to(&a);
		CHECK_ERR(sys_wait(listener, true, 5000), ERR_OK);
		sys_fail_after(1, EMFILE);
		CHECK_ERR(sys_sock_accept(listener, &reserve, &fd, NULL), ERR_NOFD);
		CHECK(reserve >= 0);
		CHECK_ERR(sys_wait(client, true, 5000), ERR_OK);
		CHECK_ERR(sys_sock_read(client, &c, 1, &n), ERR_EOF);
		CHECK_ERR(sys_sock_accept(listener, &reserve, &fd, NULL), ERR_AGAIN);
		sys_close(&client);
	}
	sys_close(&listener);
	sys_close(&reserve);
}

/* Not even the spare one helps: who waits goes on waiting, and that is told apart. */
static void
accepts_nobody_without_any_descriptor(void)
{
	int listener = -1, reserve = -1, fd = -1;
	struct rlimit was, none;
	struct sys_addr a = listen_on("127.0.0.1", &listener);
	CHECK_ERR(sys_dup(listener, &reserve), ERR_OK);
	int client = connect_to(&a);
	CHECK_ERR(sys_wait(listener, true, 5000), ERR_OK);
	CHECK(getrlimit(RLIMIT_NOFILE, &was) == 0);
	none = (struct rlimit){ .rlim_cur = 0, .rlim_max = was.rlim_max };
	CHECK(setrlimit(RLIMIT_NOFILE, &none) == 0);
	for (int i = 0; i < 2; i++) {
		CHECK_ERR(sys_sock_accept(listener, &reserve, &fd, NULL), ERR_NOMEM);
	}
	CHECK(setrlimit(RLIMIT_NOFILE, &was) == 0);
	CHECK_ERR(sys_sock_accept(listener, &reserve, &fd, NULL), ERR_OK);
	sys_close(&fd);
	sys_close(&client);
	sys_close(&listener);
	sys_close(&reserve);
}

static void
v6_listens_for_v6_only(void)
{
	int v6 = -1, v4 = -1;
	struct sys_addr any6 = { .port = 0 }, got, any4;
	if (sys_sock_listen(&any6, &v6) != ERR_OK) {
		printf("no IPv6 here\n");
		return;
	}
	CHECK_ERR(sys_sock_local(v6, &got), ERR_OK);
	CHECK_ERR(sys_addr_ip_parse(S("0.0.0.0"), any4.ip), ERR_OK);
	any4.port = got.port;
	CHECK_ERR(sys_sock_listen(&any4, &v4), ERR_OK);
	sys_close(&v4);
	sys_close(&v6);
}

static void
streams(void)
{
	int fds[2];
	char got[8];
	size_t n;
	CHECK_ERR(sys_sock_pair(fds), ERR_OK);
	CHECK_ERR(sys_sock_read(fds[0], got, sizeof got, &n), ERR_AGAIN);
	CHECK_ERR(sys_sock_write(fds[1], S("hello"), &n), ERR_OK);
	CHECK_U64(n, 5);
	CHECK_ERR(sys_sock_shutdown(fds[1]), ERR_OK);
	CHECK_ERR(sys_sock_read(fds[0], got, sizeof got, &n), ERR_OK);
	CHECK_STR(str_make(got, n), S("hello"));
	CHECK_ERR(sys_sock_read(fds[0], got, sizeof got, &n), ERR_EOF);
	sys_close(&fds[0]);
	CHECK_ERR(sys_sock_write(fds[1], S("x"), &n), ERR_EOF);
	sys_close(&fds[1]);
}

static void
pieces_and_waiting(void)
{
	int fds[2];
	char got[16];
	size_t n;
	const str pieces[] = { S("hel"), S(""), S("lo") };
	CHECK_ERR(sys_sock_pair(fds), ERR_OK);
	struct sys_wait_item items[] = { { .fd = fds[0], .want_read = true },
		{ .fd = fds[1], .want_read = true, .want_write = true } };
	CHECK_ERR(sys_wait_any(items, 1, 0), ERR_TIMEOUT);
	CHECK_ERR(sys_sock_write_pieces(fds[1], pieces, LEN(pieces), &n), ERR_OK);
	CHECK_U64(n, 5);
	CHECK_ERR(sys_wait_any(items, LEN(items), -1), ERR_OK);
	CHECK(items[0].ready_read && !items[0].ready_write);
	CHECK(!items[1].ready_read && items[1].ready_write);
	CHECK_ERR(sys_sock_read(fds[0], got, sizeof got, &n), ERR_OK);
	CHECK_STR(str_make(got, n), S("hello"));
	sys_close(&fds[0]);
	CHECK_ERR(sys_wait_any(items + 1, 1, -1), ERR_OK);
	CHECK(items[1].ready_read);
	CHECK_ERR(sys_sock_write_pieces(fds[1], pieces, LEN(pieces), &n), ERR_EOF);
	sys_close(&fds[1]);
}

static void
local_sockets(void)
{
	char path[64];
	int listener = -1, client = -1, fd = -1, reserve = -1;
	struct sys_addr peer;
	uint32_t uid = 12345;
	snprintf(path, sizeof path, "sock_test.%016llx", (unsigned long long)sys_random_u64());
	CHECK_ERR(sys_sock_connect_local(str_from(path), &client), ERR_NOTFOUND);
	CHECK_ERR(sys_sock_listen_local(str_from(path), 0600, &listener), ERR_OK);
	sys_close(&listener);
	CHECK_ERR(sys_sock_connect_local(str_from(path), &client), ERR_UNAVAILABLE);
	CHECK_ERR(sys_sock_listen_local(str_from(path), 0600, &listener), ERR_OK);
	CHECK_ERR(sys_sock_connect_local(str_from(path), &client), ERR_OK);
	CHECK_ERR(sys_sock_accept(listener, &reserve, &fd, &peer), ERR_OK);
	CHECK_ERR(sys_sock_peer_user(fd, &uid), ERR_OK);
	CHECK_U64(uid, geteuid());
	sys_close(&fd);
	sys_close(&client);
	sys_close(&listener);
	CHECK_ERR(sys_file_unlink(SYS_CWD, str_from(path)), ERR_OK);
	CHECK_ERR(sys_file_replace(SYS_CWD, str_from(path), S("not a socket")), ERR_OK);
	CHECK_ERR(sys_sock_listen_local(str_from(path), 0600, &listener), ERR_EXISTS);
	CHECK_ERR(sys_file_unlink(SYS_CWD, str_from(path)), ERR_OK);
}

/* A state folder may lie deeper than a socket address can say. */
static void
long_paths(void)
{
	char path[400];
	int listener = -1, client = -1;
	int n = snprintf(path, sizeof path, "sock_test.%016llx.",
	    (unsigned long long)sys_random_u64());
	memset(path + n, 'd', 100);
	str folder = str_make(path, (size_t)n + 100);
	CHECK_ERR(sys_dir_make(SYS_CWD, folder, 0700), ERR_OK);
	memcpy(path + folder.n, "/x.sock", 7);
	str name = str_make(path, folder.n + 7);
	CHECK_ERR(sys_sock_listen_local(name, 0600, &listener), ERR_OK);
	CHECK_ERR(sys_sock_connect_local(name, &client), ERR_OK);
	sys_close(&client);
	sys_close(&listener);
	CHECK_ERR(sys_dir_remove_tree(SYS_CWD, folder), ERR_OK);
}

/* After an answer the kernel waits with acknowledgements; TCP_QUICKACK reads as 1 when it does not.
 */
static void
acknowledges_at_once(void)
{
	int listener = -1, reserve = -1, fd = -1, on = 1;
	socklen_t n = sizeof on;
	char octet;
	size_t moved;
	struct sys_addr a = listen_on("127.0.0.1", &listener);
	int client = connect_to(&a);
	CHECK_ERR(sys_wait(listener, true, 5000), ERR_OK);
	CHECK_ERR(sys_sock_accept(listener, &reserve, &fd, NULL), ERR_OK);
	CHECK_ERR(sys_sock_write(client, S("x"), &moved), ERR_OK);
	CHECK_ERR(sys_wait(fd, true, 5000), ERR_OK);
	CHECK_ERR(sys_sock_read(fd, &octet, 1, &moved), ERR_OK);
	CHECK_ERR(sys_sock_write(fd, S("y"), &moved), ERR_OK);
	CHECK(getsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &on, &n) == 0 && on == 0);
	CHECK_ERR(sys_sock_ack_now(fd), ERR_OK);
	CHECK(getsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &on, &n) == 0 && on == 1);
	sys_close(&client);
	sys_close(&fd);
	sys_close(&listener);
}

/* A socket of somebody else's program: its address, listening. */
static int
listen_stream(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	memcpy(a.sun_path, path, strlen(path) + 1);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	CHECK(bind(fd, (const struct sockaddr *)&a, sizeof a) == 0 && listen(fd, 0) == 0);
	return fd;
}

static void
streams_to_a_path(void)
{
	char folder[] = "/tmp/postern-sock-XXXXXX", path[64], c[4];
	size_t n = 0;
	CHECK(mkdtemp(folder) != NULL);
	snprintf(path, sizeof path, "%s/s", folder);
	int fd = -1, second = -1, third = -1, memory = -1, got = -1;
	CHECK_ERR(sys_sock_connect_stream(str_from(path), &fd), ERR_NOTFOUND);
	int listener = listen_stream(path);
	CHECK_ERR(sys_sock_connect_stream(str_from(path), &fd), ERR_OK);
	CHECK_ERR(sys_sock_connect_stream(str_from(path), &second), ERR_AGAIN);
	int server = accept(listener, NULL, NULL);
	CHECK_ERR(sys_sock_connect_local(str_from(path), &third), ERR_IO);

	CHECK_ERR(sys_file_memory("t", &memory), ERR_OK);
	CHECK_ERR(sys_sock_send_fd(fd, S("xy"), memory), ERR_OK);
	union {
		char octets[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec part = { .iov_base = c, .iov_len = sizeof c };
	struct msghdr m = { .msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control.octets,
		.msg_controllen = sizeof control.octets };
	CHECK(recvmsg(server, &m, 0) == 2);
	CHECK(CMSG_FIRSTHDR(&m) != NULL && CMSG_FIRSTHDR(&m)->cmsg_type == SCM_RIGHTS);
	memcpy(&got, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof got);
	CHECK(write(got, "z", 1) == 1);
	CHECK_ERR(sys_file_read(memory, 0, c, sizeof c, &n), ERR_OK);
	CHECK_STR(str_make(c, n), S("z"));

	sys_close(&server);
	CHECK_ERR(sys_sock_send_fd(fd, S("x"), memory), ERR_EOF);
	sys_close(&listener);
	CHECK_ERR(sys_sock_connect_stream(str_from(path), &second), ERR_UNAVAILABLE);
	char long_path[SYS_SOCK_LOCAL_MAX + 1];
	memset(long_path, '/', sizeof long_path);
	CHECK_ERR(sys_sock_connect_stream(str_make(long_path, sizeof long_path), &second),
	    ERR_TOOBIG);
	sys_close(&fd);
	sys_close(&got);
	sys_close(&memory);
	CHECK(unlink(path) == 0 && rmdir(folder) == 0);
}

TEST_MAIN(accepts, acknowledges_at_once, accepts_without_descriptors,
    accepts_nobody_without_any_descriptor, v6_listens_for_v6_only, streams, pieces_and_waiting,
    local_sockets, long_paths, streams_to_a_path)
