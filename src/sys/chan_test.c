/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Channels at their limits: the largest message, descriptors, a slow peer, a rude peer, and owners
 * that free the channel from inside its callbacks.
 */
#include "base/test.h"
#include "sys/chan.h"
#include "sys/sock.h"
#include "sys/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

static struct sys_loop *loop;

struct side {
	struct sys_chan *ch;
	size_t messages, octets;
	int last_fd; /* taken */
	bool take, free_in_message;
	enum err answer, why;
	int closed, drained;
};

static enum err
on_message(void *ctx, str datagram, int *fd)
{
	struct side *s = ctx;
	s->messages++;
	s->octets += datagram.n;
	if (s->take) {
		s->last_fd = *fd;
		*fd = -1;
	}
	if (s->free_in_message) {
		sys_chan_free(&s->ch);
	}
	return s->answer;
}

static void
on_closed(void *ctx, enum err why)
{
	struct side *s = ctx;
	s->closed++;
	s->why = why;
}

static void
on_drained(void *ctx)
{
	struct side *s = ctx;
	s->drained++;
}

static void
open_side(struct side *s, int fd)
{
	*s = (struct side){ .last_fd = -1 };
	struct sys_chan_handler h = { on_message, on_closed, on_drained, s };
	CHECK_ERR(sys_chan_new(loop, fd, &h, &s->ch), ERR_OK);
}

static void
open_both(struct side *a, struct side *b)
{
	int fds[2];
	CHECK_ERR(sys_chan_pair(fds), ERR_OK);
	open_side(a, fds[0]);
	open_side(b, fds[1]);
}

static void
turns(int n)
{
	for (int i = 0; i < n; i++) {
		CHECK_ERR(sys_loop_turn(loop, 0), ERR_OK);
	}
}

/* A message of n octets in static storage. */
static const struct buf *
message(size_t n)
{
	static char octets[SYS_CHAN_MESSAGE_MAX + 1];
	static struct buf b;
	memset(octets, 'm', sizeof octets);
	buf_init_fixed(&b, octets, sizeof octets);
	buf_grow(&b, n);
	return &b;
}

static bool
is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

static void
largest_message(void)
{
	struct side a, b;
	open_both(&a, &b);
	CHECK_ERR(sys_chan_send(a.ch, message(SYS_CHAN_MESSAGE_MAX), -1), ERR_OK);
	CHECK_ERR(sys_chan_send(a.ch, message(SYS_CHAN_MESSAGE_MAX + 1), -1), ERR_TOOBIG);
	CHECK_ERR(sys_chan_send(a.ch, message(0), -1), ERR_TOOBIG);
	turns(1);
	CHECK_U64(b.messages, 1);
	CHECK_U64(b.octets, SYS_CHAN_MESSAGE_MAX);
	sys_chan_free(&a.ch);
	turns(1);
	CHECK_U64(b.closed, 1);
	CHECK_ERR(b.why, ERR_EOF);
	CHECK_ERR(sys_chan_send(b.ch, message(1), -1), ERR_UNAVAILABLE);
	turns(2);
	CHECK_U64(b.closed, 1);
	sys_chan_free(&b.ch);
}

static void
descriptors(void)
{
	struct side a, b;
	int p[2];
	open_both(&a, &b);
	CHECK(pipe2(p, O_CLOEXEC) == 0);
	int sent = p[1];
	CHECK_ERR(sys_chan_send(a.ch, message(4), sent), ERR_OK);
	CHECK(!is_open(sent));
	b.take = true;
	turns(1);
	CHECK(b.last_fd >= 0 && (fcntl(b.last_fd, F_GETFD) & FD_CLOEXEC) != 0);
	CHECK(write(b.last_fd, "x", 1) == 1);
	sys_close(&b.last_fd);

	b.take = false; /* not taken: closed by the channel */
	CHECK_ERR(sys_chan_send(a.ch, message(4), p[0]), ERR_OK);
	turns(1);
	CHECK_U64(b.messages, 2);
	CHECK(!is_open(p[0]));
	sys_chan_free(&a.ch);
	sys_chan_free(&b.ch);
}

/* Two descriptors in one message can only come from a broken peer. */
static void
too_many_descriptors(void)
{
	int fds[2], two[2] = { 0, 1 };
	struct side b;
	CHECK_ERR(sys_chan_pair(fds), ERR_OK);
	open_side(&b, fds[1]);
	union {
		char octets[CMSG_SPACE(sizeof two)];
		struct cmsghdr align;
	} control = { 0 };
	char octet = 'x';
	struct iovec part = { &octet, 1 };
	struct msghdr m = { .msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control.octets,
		.msg_controllen = sizeof control.octets };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof two);
	memcpy(CMSG_DATA(c), two, sizeof two);
	CHECK(sendmsg(fds[0], &m, 0) == 1);
	int next = dup(0);
	close(next);
	turns(1);
	CHECK_U64(b.messages, 0);
	CHECK_U64(b.closed, 1);
	CHECK_ERR(b.why, ERR_PROTOCOL);
	int again = dup(0);
	CHECK_U64(again, MIN(next, fds[1])); /* nothing leaked */
	close(again);
	sys_chan_free(&b.ch);
	sys_close(&fds[0]);
}

static void
slow_peer(void)
{
	struct side a, b;
	enum err e = ERR_OK;
	size_t sent = 0;
	open_both(&a, &b);
	while (e == ERR_OK && sent < 100000) {
		e = sys_chan_send(a.ch, message(1000), -1);
		sent += e == ERR_OK;
	}
	CHECK_ERR(e, ERR_BUSY);
	CHECK_U64(sys_chan_queued(a.ch), SYS_CHAN_QUEUE_MAX);
	CHECK_U64(a.drained, 0);
	for (int i = 0; i < 10000 && b.messages < sent; i++) {
		turns(1);
	}
	CHECK_U64(b.messages, sent);
	CHECK_U64(a.drained, 1);
	CHECK_U64(sys_chan_queued(a.ch), 0);
	turns(3);
	CHECK_U64(a.drained, 1);
	sys_chan_free(&a.ch);
	sys_chan_free(&b.ch);
}

static void
refused_message_closes(void)
{
	struct side a, b;
	open_both(&a, &b);
	b.answer = ERR_PROTOCOL;
	CHECK_ERR(sys_chan_send(a.ch, message(1), -1), ERR_OK);
	CHECK_ERR(sys_chan_send(a.ch, message(1), -1), ERR_OK);
	turns(2);
	CHECK_U64(b.messages, 1);
	CHECK_U64(b.closed, 1);
	CHECK_ERR(b.why, ERR_PROTOCOL);
	CHECK_U64(a.closed, 1);
	sys_chan_free(&a.ch);
	sys_chan_free(&b.ch);
}

static void
given_up(void)
{
	struct side a, b;
	open_both(&a, &b);
	sys_chan_fail(a.ch, ERR_BUSY);
	sys_chan_fail(a.ch, ERR_NOMEM); /* the first reason stays */
	CHECK_U64(a.closed, 0);
	CHECK_ERR(sys_chan_send(a.ch, message(1), -1), ERR_UNAVAILABLE);
	turns(2);
	CHECK_U64(a.closed, 1);
	CHECK_ERR(a.why, ERR_BUSY);
	CHECK_U64(b.closed, 1);
	sys_chan_free(&a.ch);
	sys_chan_free(&b.ch);
}

static void
freed_by_its_own_message(void)
{
	struct side a, b;
	open_both(&a, &b);
	b.free_in_message = true;
	CHECK_ERR(sys_chan_send(a.ch, message(1), -1), ERR_OK);
	CHECK_ERR(sys_chan_send(a.ch, message(1), -1), ERR_OK);
	turns(2);
	CHECK_U64(b.messages, 1);
	CHECK_U64(b.closed, 0);
	CHECK(b.ch == NULL);
	sys_chan_free(&a.ch);
}

static void
paused(void)
{
	struct side a, b;
	open_both(&a, &b);
	sys_chan_pause(b.ch, true);
	CHECK_ERR(sys_chan_send(a.ch, message(1), -1), ERR_OK);
	turns(2);
	CHECK_U64(b.messages, 0);
	sys_chan_free(&a.ch);
	turns(2);
	CHECK_U64(b.closed, 0);
	sys_chan_pause(b.ch, false);
	turns(2);
	CHECK_U64(b.messages, 1);
	CHECK_U64(b.closed, 1);
	sys_chan_free(&b.ch);
}

/* What a peer said before it went is still heard. */
static void
last_words(void)
{
	struct side a, b;
	open_both(&a, &b);
	for (int i = 0; i < 200; i++) {
		CHECK_ERR(sys_chan_send(a.ch, message(10), -1), ERR_OK);
	}
	sys_chan_free(&a.ch);
	turns(10);
	CHECK_U64(b.messages, 200);
	CHECK_U64(b.closed, 1);
	sys_chan_free(&b.ch);
}

static void
without_loop(void)
{
	int fds[2], fd, p[2];
	struct buf in;
	buf_init(&in, SYS_CHAN_MESSAGE_MAX);
	CHECK_ERR(sys_chan_pair(fds), ERR_OK);
	CHECK(pipe2(p, O_CLOEXEC) == 0);
	CHECK_ERR(sys_chan_recv(fds[1], &in, &fd), ERR_AGAIN);
	CHECK_ERR(sys_chan_recv_wait(fds[1], &in, &fd, 5), ERR_TIMEOUT);
	CHECK_ERR(sys_chan_send_wait(fds[0], message(SYS_CHAN_MESSAGE_MAX), p[0], 0), ERR_OK);
	CHECK_ERR(sys_chan_recv_wait(fds[1], &in, &fd, -1), ERR_OK);
	CHECK_U64(in.n, SYS_CHAN_MESSAGE_MAX);
	CHECK(fd >= 0);
	sys_close(&fd);
	enum err e = ERR_OK;
	for (int i = 0; i < 1000 && e == ERR_OK; i++) {
		e = sys_chan_send_wait(fds[0], message(SYS_CHAN_MESSAGE_MAX), -1, 1);
	}
	CHECK_ERR(e, ERR_TIMEOUT);
	CHECK_ERR(sys_chan_send_wait(fds[0], message(0), p[1], 1), ERR_TOOBIG);
	CHECK(!is_open(p[1]));
	sys_close(&fds[1]);
	CHECK_ERR(sys_chan_send_wait(fds[0], message(1), -1, 1), ERR_UNAVAILABLE);
	CHECK_ERR(sys_chan_recv(fds[0], &in, &fd), ERR_EOF);
	sys_close(&fds[0]);
	buf_done(&in);
}

/* Every call of a pair's making fails once; nothing may leak or crash. */
static void
torture(void)
{
	int before = dup(0);
	close(before);
	for (uint64_t n = 1; n < 8; n++) {
		int fds[2] = { -1, -1 };
		sys_fail_after(n, EMFILE);
		enum err e = sys_chan_pair(fds);
		if (e == ERR_OK) {
			e = sys_chan_send_wait(fds[0], message(1), -1, 0);
		}
		sys_fail_after(0, 0);
		CHECK(n > 2 || e == ERR_NOFD);
		sys_close(&fds[0]);
		sys_close(&fds[1]);
	}
	int after = dup(0);
	CHECK_U64(after, before);
	close(after);
}

static void
opens(void)
{
	CHECK_ERR(sys_loop_new(&loop), ERR_OK);
}

static void
closes(void)
{
	sys_loop_free(&loop);
}

TEST_MAIN(opens, largest_message, descriptors, too_many_descriptors, slow_peer,
    refused_message_closes, given_up, freed_by_its_own_message, paused, last_words, without_loop,
    torture, closes)
