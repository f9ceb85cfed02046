/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The processes that serve sessions, in turn, and auth, which tells bans. A channel that closes is
 * forgotten; the parent wires its successor.
 */
#include "ipc/gate_auth.h"
#include "ipc/gate_login.h"
#include "ipc/gate_smtp.h"
#include "svc/gate/gate.h"
#include "sys/clock.h"
#include "sys/sys.h"

enum svc_gate_service
svc_gate_service_of(enum sys_protocol protocol)
{
	switch (protocol) {
	case SYS_MX: return SVC_GATE_MX;
	case SYS_SUBMISSION:
	case SYS_SUBMISSIONS: return SVC_GATE_SUBMISSION;
	default: return SVC_GATE_LOGIN;
	}
}

/* Session processes say nothing to gate. */
enum err
svc_gate_from_peer(struct svc_common_link *from, str datagram, int *fd)
{
	return ERR_PROTOCOL;
}

static enum err
on_ban(void *ctx, const struct ipc_gate_auth_ban *m, int *fd)
{
	struct svc_gate *g = ctx;
	struct sys_prefix p = { .bits = m->bits };
	if (m->prefix.n != sizeof p.ip) {
		return ERR_PROTOCOL;
	}
	memcpy(p.ip, m->prefix.p, sizeof p.ip);
	enum err e = svc_gate_bans_set(&g->bans, &p, m->until_s, sys_clock_wall_s());
	if (e != ERR_OK) {
		LOG(FAILED, F_CSTR("what", "ban"), F_ERR(e));
	}
	return e == ERR_SYNTAX ? ERR_PROTOCOL : ERR_OK;
}

static enum err
on_ban_clear(void *ctx, const struct ipc_gate_auth_ban_clear *m, int *fd)
{
	struct svc_gate *g = ctx;
	svc_gate_bans_clear(&g->bans);
	return ERR_OK;
}

/* When it is gone bans stay as they are until it is back and tells them anew. */
enum err
svc_gate_from_auth(struct svc_common_link *from, str datagram, int *fd)
{
	static const struct ipc_gate_auth_at_gate handlers = { .ban = on_ban,
		.ban_clear = on_ban_clear };
	struct svc_gate *g = from->sc->ctx;
	arena_reset(g->tick);
	return ipc_gate_auth_gate_dispatch(&handlers, g, datagram, fd, g->tick);
}

/* What the process that serves c must know. Texts live in c and f. */
static struct ipc_common_session
record(const struct svc_gate_conn *c, const struct svc_gate_tls_facts *f)
{
	return (struct ipc_common_session){ .id = c->id,
		.protocol = c->protocol,
		.greeted = c->greeted,
		.peer_ip = str_make(c->peer.ip, 16),
		.peer_port = c->peer.port,
		.local_ip = str_make(c->local.ip, 16),
		.local_port = c->local.port,
		.tls_version = f->version,
		.tls_cipher = f->cipher,
		.sni = str_sub(f->sni, 0, 255),
		.exporter = f->exporter,
		.endpoint = f->endpoint,
		.manners = c->manners };
}

static void
put_session(struct buf *out, enum svc_gate_service service, struct ipc_common_session session)
{
	if (service == SVC_GATE_LOGIN) {
		ipc_gate_login_session_put(out, &(struct ipc_gate_login_session){ session });
	} else {
		ipc_gate_smtp_session_put(out, &(struct ipc_gate_smtp_session){ session });
	}
}

/* One process gets the message and one end of a new pair. */
static enum err
hand_to(struct svc_common_link *p, const struct buf *message, int *ret_stream)
{
	int pair[2];
	if (p->chan == NULL) {
		return ERR_UNAVAILABLE;
	}
	TRY(sys_sock_pair(pair));
	enum err e = sys_chan_send(p->chan, message, pair[1]);
	if (e != ERR_OK) {
		sys_close(&pair[0]);
		return e;
	}
	*ret_stream = pair[0];
	return ERR_OK;
}

enum err
svc_gate_hand_out(struct svc_gate_conn *c, const struct svc_gate_tls_facts *f, int *ret_stream)
{
	struct svc_gate *g = c->g;
	char octets[1024];
	struct buf message;
	enum svc_gate_service service = svc_gate_service_of(c->protocol);
	struct svc_gate_peers *peers = &g->services[service];
	enum err e = ERR_UNAVAILABLE;
	if (c->local.port == 0) {
		TRY(sys_sock_local(c->net.fd, &c->local));
	}
	buf_init_fixed(&message, octets, sizeof octets);
	put_session(&message, service, record(c, f));
	for (size_t tries = 0; tries < LEN(peers->list) && e != ERR_OK; tries++) {
		/* begin behind the one that got the last session */
		e = hand_to(&peers->list[peers->next++ % LEN(peers->list)], &message, ret_stream);
	}
	return e;
}
