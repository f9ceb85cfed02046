/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A few worker processes with an epoll loop each. A connection is a line reader with three states:
 * before TLS, commands, and a message until its lone dot. A test tool: what it does not know it
 * answers with 250. Start with on_ready().
 */
#include "sink.h"

#include "base/mem.h"
#include "base/str.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <signal.h>
#include <unistd.h>

enum { LINE_MAX_ = 4096, READ_MAX = 32768, OUT_MAX = 16384, EVENTS = 64 };

struct counter {
	_Atomic uint64_t messages, connections;
};

struct peer {
	int fd; /* of a listener: its only member in use */
	bool listener, data, closing, handshake;
	SSL *ssl;
	char line[LINE_MAX_];
	size_t line_n, out_n;
	char out[OUT_MAX];
};

static struct counter *counted;

static const char greeting[] = "220 sink.test ESMTP\r\n";
static const char hello[] = "250-sink.test\r\n250-PIPELINING\r\n250-SIZE 104857600\r\n"
			    "250-8BITMIME\r\n250-SMTPUTF8\r\n250-ENHANCEDSTATUSCODES\r\n";

static void
say(struct peer *p, const char *text)
{
	size_t n = strlen(text);
	if (n > sizeof p->out - p->out_n) {
		p->closing = true;
		return;
	}
	memcpy(p->out + p->out_n, text, n);
	p->out_n += n;
}

static void
hear_hello(struct peer *p)
{
	say(p, hello);
	say(p, p->ssl == NULL ? "250 STARTTLS\r\n" : "250 DSN\r\n");
}

static void
hear_starttls(struct peer *p)
{
	say(p, "220 2.0.0 go ahead\r\n");
	p->handshake = true;
}

static void
hear_data(struct peer *p)
{
	say(p, "354 go ahead\r\n");
	p->data = true;
}

static void
hear_quit(struct peer *p)
{
	say(p, "221 2.0.0 bye\r\n");
	p->closing = true;
}

static void
hear_line(struct peer *p, str line)
{
	static const struct {
		const char *verb;
		void (*hear)(struct peer *);
	} verbs[] = { { "EHLO", hear_hello }, { "STARTTLS", hear_starttls }, { "DATA", hear_data },
		{ "QUIT", hear_quit } };
	if (p->data) {
		if (str_eq(line, S("."))) {
			p->data = false;
			atomic_fetch_add(&counted->messages, 1);
			say(p, "250 2.0.0 taken\r\n");
		}
		return;
	}
	for (size_t i = 0; i < LEN(verbs); i++) {
		if (str_istarts(line, str_from(verbs[i].verb))) {
			verbs[i].hear(p);
			return;
		}
	}
	say(p, "250 2.0.0 ok\r\n");
}

/* Lines of a message may be longer than we keep: then only the beginning is looked at. */
static void
hear(struct peer *p, const char *in, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (in[i] != '\n') {
			if (p->line_n < sizeof p->line) {
				p->line[p->line_n++] = in[i];
			}
			continue;
		}
		str line = { p->line, p->line_n };
		line.n -= line.n > 0 && line.p[line.n - 1] == '\r';
		hear_line(p, line);
		p->line_n = 0;
	}
}

static void
finish(struct peer *p)
{
	SSL_free(p->ssl);
	close(p->fd);
	mem_drop(p);
}

/* Blocking in effect: replies are short and the socket takes them. False: the peer is gone. */
static bool
flush(struct peer *p)
{
	size_t done = 0;
	bool ok = p->out_n == 0 ||
	    (p->ssl != NULL ? SSL_write_ex(p->ssl, p->out, p->out_n, &done) == 1
			    : send(p->fd, p->out, p->out_n, MSG_NOSIGNAL) == (ssize_t)p->out_n);
	p->out_n = 0;
	return ok && !p->closing;
}

static bool
start_tls(struct peer *p, SSL_CTX *ctx)
{
	p->handshake = false;
	p->ssl = SSL_new(ctx);
	if (p->ssl == NULL || SSL_set_fd(p->ssl, p->fd) != 1) {
		return false;
	}
	SSL_set_accept_state(p->ssl);
	return true;
}

/* True when there may be more to read; *ret_alive is cleared at the end. */
static bool
take(struct peer *p, bool *ret_alive)
{
	char in[READ_MAX];
	size_t got = 0;
	if (p->ssl != NULL) {
		int r = SSL_read_ex(p->ssl, in, sizeof in, &got);
		int why = r == 1 ? SSL_ERROR_NONE : SSL_get_error(p->ssl, r);
		*ret_alive = r == 1 || why == SSL_ERROR_WANT_READ;
	} else {
		ssize_t r = recv(p->fd, in, sizeof in, MSG_DONTWAIT);
		*ret_alive = r > 0 || (r < 0 && errno == EAGAIN);
		got = r > 0 ? (size_t)r : 0;
	}
	hear(p, in, got);
	return got > 0;
}

static void
on_ready(struct peer *p, SSL_CTX *ctx)
{
	bool alive = true;
	while (alive && take(p, &alive)) {
		alive = flush(p) && (!p->handshake || start_tls(p, ctx));
	}
	if (!alive) {
		finish(p);
	}
}

static void
on_connect(int loop, int listener)
{
	struct peer *p = mem_zalloc(1, sizeof *p);
	int one = 1;
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (p == NULL || fd < 0) {
		mem_drop(p);
		return;
	}
	p->fd = fd;
	atomic_fetch_add(&counted->connections, 1);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	struct epoll_event e = { .events = EPOLLIN, .data.ptr = p };
	say(p, greeting);
	if (!flush(p) || epoll_ctl(loop, EPOLL_CTL_ADD, fd, &e) < 0) {
		finish(p);
	}
}

static void
work(struct peer *listeners, size_t n, SSL_CTX *ctx)
{
	int loop = epoll_create1(EPOLL_CLOEXEC);
	for (size_t i = 0; i < n; i++) {
		struct epoll_event e = { .events = EPOLLIN | EPOLLEXCLUSIVE,
			.data.ptr = &listeners[i] };
		if (epoll_ctl(loop, EPOLL_CTL_ADD, listeners[i].fd, &e) < 0) {
			_exit(1);
		}
	}
	for (;;) {
		struct epoll_event events[EVENTS];
		int ready = epoll_wait(loop, events, EVENTS, -1);
		for (int i = 0; i < ready; i++) {
			struct peer *p = events[i].data.ptr;
			if (p->listener) {
				on_connect(loop, p->fd);
			} else {
				on_ready(p, ctx);
			}
		}
	}
}

static enum err
listen_at(uint32_t number, uint16_t port, struct peer *ret)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(port) };
	int one = 1;
	sin.sin_addr.s_addr = htonl(0x7f010000u + number);
	*ret = (struct peer){ .listener = true };
	ret->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (ret->fd < 0) {
		return ERR_NOFD;
	}
	setsockopt(ret->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (bind(ret->fd, (struct sockaddr *)&sin, sizeof sin) < 0 || listen(ret->fd, 512) < 0) {
		return ERR_IO;
	}
	return ERR_OK;
}

static enum err
open_counter(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0 || ftruncate(fd, sizeof *counted) < 0) {
		return ERR_IO;
	}
	counted = mmap(NULL, sizeof *counted, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	return counted == MAP_FAILED ? ERR_NOMEM : ERR_OK;
}

enum err
bench_sink_run(const struct bench_sink *s, SSL_CTX *ctx)
{
	struct peer *listeners = mem_zalloc(s->addresses, sizeof *listeners);
	size_t n = 0;
	if (listeners == NULL) {
		return ERR_NOMEM;
	}
	TRY(open_counter(s->counter));
	for (uint32_t i = 1; i <= s->addresses; i++) {
		if (s->dead == 0 || i % s->dead != 0) {
			TRY(listen_at(i, s->port, &listeners[n++]));
		}
	}
	for (uint32_t i = 0; i < s->workers; i++) {
		if (fork() == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			work(listeners, n, ctx);
		}
	}
	while (wait(NULL) > 0) {
	}
	return ERR_OK;
}
