/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Before TLS: a balancer's PROXY header, read to its last octet and no further; then the preauth
 * engine's few words. What the engine says goes out before anything else happens.
 */
#include "base/mem.h"
#include "proto/proxy/proxy.h"
#include "svc/gate/gate.h"
#include "svc/gate/manners.h"

enum preauth_protocol
svc_gate_preauth_protocol(enum sys_protocol protocol)
{
	switch (protocol) {
	case SYS_IMAP:
	case SYS_IMAPS: return PREAUTH_IMAP;
	case SYS_POP3:
	case SYS_POP3S: return PREAUTH_POP3;
	case SYS_MANAGESIEVE: return PREAUTH_SIEVE;
	default: return PREAUTH_SMTP;
	}
}

/* Send what is to be said; what does not fit waits for the socket. */
static void
flush(struct svc_gate_conn *c)
{
	struct buf *out = preauth_out(c->plain);
	enum err e = ERR_OK;
	while (out->n > 0 && e == ERR_OK) {
		size_t sent = 0;
		e = sys_sock_write(c->net.fd, buf_view(out), &sent);
		if (e == ERR_OK) {
			buf_consume(out, sent);
		}
	}
	if (e == ERR_AGAIN) {
		sys_watch_set(c->g->sc->loop, &c->net, SYS_OUT);
	} else if (e != ERR_OK) {
		svc_gate_conn_close(c, "client");
	} else if (c->close_after) {
		svc_gate_conn_close(c, c->why);
	} else if (c->tls_after) {
		c->greeted = true;
		svc_gate_conn_handshake(c);
	} else {
		sys_watch_set(c->g->sc->loop, &c->net, SYS_IN);
	}
}

static void
obey(struct svc_gate_conn *c)
{
	struct preauth_action a;
	if (!preauth_next(c->plain, &a)) {
		return;
	}
	if (a.kind == PREAUTH_ACT_STARTTLS) {
		c->tls_after = true;
		return;
	}
	ASSERT(a.kind == PREAUTH_ACT_CLOSE);
	c->g->facts.injections += a.why == PREAUTH_CLOSE_INJECTION;
	c->why = preauth_close_name(a.why);
	c->close_after = true;
}

enum err
svc_gate_plain_begin(struct svc_gate_conn *c)
{
	c->plain = mem_zalloc(1, sizeof *c->plain);
	if (c->plain == NULL) {
		return ERR_NOMEM;
	}
	svc_gate_conn_go(c, SVC_GATE_PLAIN);
	enum preauth_protocol p = svc_gate_preauth_protocol(c->protocol);
	preauth_init(c->plain, &c->g->preauth[p], false);
	obey(c);
	flush(c);
	return ERR_OK;
}

void
svc_gate_plain_event(struct svc_gate_conn *c, unsigned events)
{
	char octets[SVC_GATE_PLAIN_READ];
	size_t n = 0, used;
	if (preauth_out(c->plain)->n > 0) {
		if ((events & SYS_HUP) != 0) {
			svc_gate_conn_close(c, "client");
		} else {
			flush(c);
		}
		return;
	}
	enum err e = sys_sock_read(c->net.fd, octets, sizeof octets, &n);
	if (e == ERR_AGAIN) {
		return;
	}
	if (e != ERR_OK) {
		svc_gate_conn_close(c, "client");
		return;
	}
	svc_gate_manners_octets(c, str_make(octets, n));
	preauth_feed(c->plain, str_make(octets, n), sys_loop_now_ms(c->g->sc->loop), &used);
	obey(c);
	flush(c);
}

void
svc_gate_plain_end(struct svc_gate_conn *c, enum preauth_close why)
{
	preauth_end(c->plain, why);
	obey(c);
	flush(c);
}

void
svc_gate_plain_done(struct svc_gate_conn *c)
{
	if (c->plain != NULL) {
		preauth_done(c->plain);
		MEM_FREE(c->plain);
	}
	if (c->header != NULL) {
		buf_done(c->header);
		MEM_FREE(c->header);
	}
}

enum err
svc_gate_header_begin(struct svc_gate_conn *c)
{
	c->header = mem_zalloc(1, sizeof *c->header);
	if (c->header == NULL) {
		return ERR_NOMEM;
	}
	buf_init(c->header, PROXY_HEADER_MAX);
	return ERR_OK;
}

/* Read up to where the header ends as far as we know; ERR_AGAIN: it is not all there. */
static enum err
header_read(struct svc_gate_conn *c)
{
	for (;;) {
		struct proxy_header h;
		size_t used, n = 0, have = c->header->n;
		enum err e = proxy_decode(buf_view(c->header), &h, &used);
		if (e == ERR_OK && h.known) {
			memcpy(c->peer.ip, h.source_ip, sizeof c->peer.ip);
			memcpy(c->local.ip, h.target_ip, sizeof c->local.ip);
			c->peer.port = h.source_port;
			c->local.port = h.target_port;
		}
		if (e != ERR_AGAIN) {
			return e;
		}
		size_t want = proxy_need(buf_view(c->header)) - have;
		char *to = buf_room(c->header, want);
		if (to == NULL) {
			return buf_err(c->header);
		}
		TRY(sys_sock_read(c->net.fd, to, want, &n));
		buf_grow(c->header, n);
	}
}

void
svc_gate_header_event(struct svc_gate_conn *c)
{
	enum err e = header_read(c);
	if (e == ERR_AGAIN) {
		return;
	}
	if (e != ERR_OK) {
		svc_gate_conn_refuse(c, SVC_GATE_HEADER);
		return;
	}
	buf_done(c->header);
	MEM_FREE(c->header);
	svc_gate_conn_begin(c);
}
