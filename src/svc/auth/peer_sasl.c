/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The SASL messages of smtp and login. The two edges have the same ones under different names, so
 * the translation between them and the core is written once, as a macro over the name of the edge.
 */
#include "ipc/login_auth.h"
#include "ipc/smtp_auth.h"
#include "svc/auth/server.h"

/* ERR_PROTOCOL for what no gate could have said. */
static enum err
take_session(const struct ipc_common_session *from, struct svc_auth_session *to)
{
	if (from->peer_ip.n != sizeof(to->peer.ip) || from->protocol >= SYS_PROTOCOL_COUNT) {
		return ERR_PROTOCOL;
	}
	*to = (struct svc_auth_session){
		.id = from->id,
		.protocol = (enum sys_protocol)from->protocol,
		.peer = { .port = from->peer_port },
		.tls = from->tls_version.n > 0,
		.tls_version = from->tls_version,
		.tls_cipher = from->tls_cipher,
		.exporter = from->exporter,
	};
	memcpy(to->peer.ip, from->peer_ip.p, sizeof(to->peer.ip));
	return ERR_OK;
}

static void
send_or_log(struct svc_auth_peer *p)
{
	enum err e = svc_auth_peer_send(p);

	if (e != ERR_OK) {
		LOG(FAILED, F_CSTR("what", "answer a log-in"), F_ERR(e));
	}
}

#define SASL_EDGE(edge, with_tickets)                                                              \
	static enum err edge##_start(void *ctx, const struct ipc_##edge##_sasl_start *m, int *fd)  \
	{                                                                                          \
		struct svc_auth_peer *p = ctx;                                                     \
		struct svc_auth_request r = {                                                      \
			.client = &p->client,                                                      \
			.request = m->request,                                                     \
			.mechanism = m->mechanism,                                                 \
			.has_initial = m->has_initial,                                             \
			.initial = m->initial,                                                     \
		};                                                                                 \
		TRY(take_session(&m->session, &r.session));                                        \
		svc_auth_exchange_start(&p->server->auth, &r);                                     \
		return ERR_OK;                                                                     \
	}                                                                                          \
	static enum err edge##_step(void *ctx, const struct ipc_##edge##_sasl_step *m, int *fd)    \
	{                                                                                          \
		struct svc_auth_peer *p = ctx;                                                     \
		svc_auth_exchange_step(&p->server->auth, &p->client, m->request, m->data);         \
		return ERR_OK;                                                                     \
	}                                                                                          \
	static enum err edge##_abort(void *ctx, const struct ipc_##edge##_sasl_abort *m, int *fd)  \
	{                                                                                          \
		struct svc_auth_peer *p = ctx;                                                     \
		svc_auth_exchange_abort(&p->server->auth, &p->client, m->request);                 \
		return ERR_OK;                                                                     \
	}                                                                                          \
	static void edge##_challenge(const struct svc_auth_client *c, uint64_t request, str data)  \
	{                                                                                          \
		struct svc_auth_peer *p = c->ctx;                                                  \
		struct ipc_##edge##_sasl_challenge m = { request, data };                          \
		buf_reset(&p->server->out);                                                        \
		ipc_##edge##_sasl_challenge_put(&p->server->out, &m);                              \
		send_or_log(p);                                                                    \
	}                                                                                          \
	static void edge##_done(const struct svc_auth_client *c, uint64_t request,                 \
	    const struct svc_auth_outcome *o)                                                      \
	{                                                                                          \
		struct svc_auth_peer *p = c->ctx;                                                  \
		struct ipc_##edge##_sasl_done m = { request, o->result, o->account, o->name,       \
			o->ticket, o->has_final, o->final, o->delay_ms, o->language };             \
		buf_reset(&p->server->out);                                                        \
		ipc_##edge##_sasl_done_put(&p->server->out, &m);                                   \
		send_or_log(p);                                                                    \
	}                                                                                          \
	static void edge##_client(struct svc_auth_peer *p)                                         \
	{                                                                                          \
		p->client = (struct svc_auth_client){ edge##_challenge, edge##_done, with_tickets, \
			p };                                                                       \
	}

SASL_EDGE(smtp_auth, false)
SASL_EDGE(login_auth, true)

void
svc_auth_smtp_client(struct svc_auth_peer *p)
{
	smtp_auth_client(p);
}

void
svc_auth_login_client(struct svc_auth_peer *p)
{
	login_auth_client(p);
}

static enum err
on_rcpt(void *ctx, const struct ipc_smtp_auth_rcpt *m, int *fd)
{
	return svc_auth_lookup_rcpt(ctx, m);
}

static enum err
on_sender(void *ctx, const struct ipc_smtp_auth_sender *m, int *fd)
{
	return svc_auth_lookup_sender(ctx, m->request, m->account, m->address);
}

enum err
svc_auth_smtp_message(struct svc_auth_peer *p, str datagram, int *fd)
{
	static const struct ipc_smtp_auth_at_auth handlers = {
		.sasl_start = smtp_auth_start,
		.sasl_step = smtp_auth_step,
		.sasl_abort = smtp_auth_abort,
		.rcpt = on_rcpt,
		.sender = on_sender,
	};

	return ipc_smtp_auth_auth_dispatch(&handlers, p, datagram, fd, p->server->scratch);
}

enum err
svc_auth_login_message(struct svc_auth_peer *p, str datagram, int *fd)
{
	static const struct ipc_login_auth_at_auth handlers = {
		.sasl_start = login_auth_start,
		.sasl_step = login_auth_step,
		.sasl_abort = login_auth_abort,
	};

	return ipc_login_auth_auth_dispatch(&handlers, p, datagram, fd, p->server->scratch);
}
