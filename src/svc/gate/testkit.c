/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The world of the tests: gate, peers, clients' sockets. Clients' TLS is in testkit_tls.c.
 */
#include "svc/gate/testkit.h"
#include "base/mem.h"
#include "ipc/gate_login.h"
#include "ipc/gate_smtp.h"
#include "svc/gate/service.h"
#include "sys/sys.h"

#include <signal.h>

static void
complain(void *ctx, unsigned line, str key, const char *what)
{
	fprintf(stderr, "line %u: %.*s: %s\n", line, STR_ARG(key), what);
}

static int
wire(struct svc_gate_world *w, const char *edge, const char *set, uint32_t peer)
{
	int pair[2] = { -1, -1 };
	CHECK_ERR(sys_chan_pair(pair), ERR_OK);
	CHECK_ERR(svc_gate_service.on_wire(&w->sc, str_from(edge), peer, str_from(set), pair[0]),
	    ERR_OK);
	return pair[1];
}

void
svc_gate_world_open(struct svc_gate_world *w)
{
	str text = S("hostname mail.example.org\ndomain example.org\nstate /nowhere\n");
	signal(SIGPIPE, SIG_IGN); /* the clients' sockets; svc/common does it for services */
	*w = (struct svc_gate_world){ .sc.index = 3 };
	w->sc.arena = arena_new(NULL, "test", 1 << 22, 0);
	CHECK_ERR(sys_loop_new(&w->sc.loop), ERR_OK);
	CHECK_ERR(conf_parse(text, w->sc.arena, complain, NULL, &w->conf), ERR_OK);
	w->conf.gate_first_wait = 0; /* clients here speak at once */
	w->sc.conf = &w->conf;
	w->sc.service = &svc_gate_service;
	w->sc.ctx = w->g = mem_zalloc(1, sizeof *w->g);
	CHECK_ERR(svc_gate_init(w->g, &w->sc), ERR_OK);
	svc_gate_keys_start(w);
	svc_gate_world_certificate(w, 0, "mail.example.org");
	w->mx[0] = wire(w, "gate_smtp", "smtp-mx", 0);
	w->mx[1] = wire(w, "gate_smtp", "smtp-mx", 1);
	w->submission = wire(w, "gate_smtp", "smtp-submission", 2);
	w->login = wire(w, "gate_login", "login", 0);
	w->auth = wire(w, "gate_auth", "auth", 0);
}

void
svc_gate_world_close(struct svc_gate_world *w)
{
	svc_gate_keys_stop(w);
	svc_gate_done(w->g);
	MEM_FREE(w->g);
	sys_loop_free(&w->sc.loop);
	arena_free(&w->sc.arena);
	sys_close(&w->mx[0]);
	sys_close(&w->mx[1]);
	sys_close(&w->submission);
	sys_close(&w->login);
	sys_close(&w->auth);
}

void
svc_gate_world_turn(struct svc_gate_world *w)
{
	for (unsigned i = 0; i < 4; i++) {
		CHECK_ERR(sys_loop_turn(w->sc.loop, 0), ERR_OK);
	}
}

int
svc_gate_world_connect(struct svc_gate_world *w, enum sys_protocol protocol, const char *ip)
{
	struct sys_addr peer = { .port = 4711 };
	int pair[2] = { -1, -1 };
	CHECK_ERR(sys_addr_ip_parse(str_from(ip), peer.ip), ERR_OK);
	CHECK_ERR(sys_sock_pair(pair), ERR_OK);
	svc_gate_admit(w->g, protocol, pair[0], &peer);
	svc_gate_world_turn(w);
	return pair[1];
}

static enum err
take_smtp(void *ctx, const struct ipc_gate_smtp_session *m, int *fd)
{
	struct svc_gate_handed *h = ctx;
	*h->about = m->session;
	h->stream = *fd;
	*fd = -1;
	return ERR_OK;
}

static enum err
take_login(void *ctx, const struct ipc_gate_login_session *m, int *fd)
{
	struct svc_gate_handed *h = ctx;
	*h->about = m->session;
	h->stream = *fd;
	*fd = -1;
	return ERR_OK;
}

void
svc_gate_world_handed(struct svc_gate_world *w, int peer, struct svc_gate_handed *ret)
{
	static const struct ipc_gate_smtp_at_smtp smtp = { .session = take_smtp };
	static const struct ipc_gate_login_at_login login = { .session = take_login };
	struct buf in;
	int fd = -1;
	*ret = (struct svc_gate_handed){ .arena = arena_new(NULL, "handed", 1 << 20, 0),
		.stream = -1 };
	ret->about = ARENA_NEW(ret->arena, struct ipc_common_session);
	buf_init(&in, SYS_CHAN_MESSAGE_MAX);
	svc_gate_world_turn(w);
	if (sys_chan_recv(peer, &in, &fd) == ERR_OK) {
		str copy = arena_dup(ret->arena, buf_view(&in));
		enum err e = peer == w->login
		    ? ipc_gate_login_login_dispatch(&login, ret, copy, &fd, ret->arena)
		    : ipc_gate_smtp_smtp_dispatch(&smtp, ret, copy, &fd, ret->arena);
		CHECK_ERR(e, ERR_OK);
	}
	sys_close(&fd);
	buf_done(&in);
}

void
svc_gate_handed_done(struct svc_gate_handed *h)
{
	sys_close(&h->stream);
	arena_free(&h->arena);
}

void
svc_gate_world_read(struct svc_gate_world *w, int fd, struct buf *out)
{
	enum err e = ERR_OK;
	for (unsigned i = 0; i < 4000 && e == ERR_OK; i++) {
		size_t n = 0;
		svc_gate_world_turn(w);
		char *to = buf_room(out, 65536);
		e = to == NULL ? ERR_NOMEM : sys_sock_read(fd, to, 65536, &n);
		buf_grow(out, n);
	}
	if (e != ERR_AGAIN) {
		buf_cstr(out, "<EOF>");
	}
}

void
svc_gate_world_send(struct svc_gate_world *w, int fd, str s)
{
	size_t n = 0;
	CHECK_ERR(sys_sock_write(fd, s, &n), ERR_OK);
	CHECK_U64(n, s.n);
	svc_gate_world_turn(w);
}
