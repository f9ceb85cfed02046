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
send_or_log(struct svc_auth_asker *p)
{
	enum err e = svc_auth_send(&p->link);

	if (e != ERR_OK) {
		LOG(FAILED, F_CSTR("what", "answer a log-in"), F_ERR(e));
	}
}

#define SASL_EDGE(edge, with_tickets)                                                              \
	static enum err edge##_start(void *ctx, const struct ipc_##edge##_sasl_start *m, int *fd)  \
	{                                                                                          \
		struct svc_auth_asker *p = ctx;                                                    \
		struct svc_auth_request r = {                                                      \
			.client = &p->client,                                                      \
			.request = m->request,                                                     \
			.mechanism = m->mechanism,                                                 \
			.has_initial = m->has_initial,                                             \
			.initial = m->initial,                                                     \
		};                                                                                 \
		TRY(take_session(&m->session, &r.session));                                        \
		svc_auth_exchange_start(&svc_auth_of(&p->link)->auth, &r);                         \
		return ERR_OK;                                                                     \
	}                                                                                          \
	static enum err edge##_step(void *ctx, const struct ipc_##edge##_sasl_step *m, int *fd)    \
	{                                                                                          \
		struct svc_auth_asker *p = ctx;                                                    \
		svc_auth_exchange_step(&svc_auth_of(&p->link)->auth, &p->client, m->request,       \
		    m->data);                                                                      \
		return ERR_OK;                                                                     \
	}                                                                                          \
	static enum err edge##_abort(void *ctx, const struct ipc_##edge##_sasl_abort *m, int *fd)  \
	{                                                                                          \
		struct svc_auth_asker *p = ctx;                                                    \
		svc_auth_exchange_abort(&svc_auth_of(&p->link)->auth, &p->client, m->request);     \
		return ERR_OK;                                                                     \
	}                                                                                          \
	static void edge##_challenge(const struct svc_auth_client *c, uint64_t request, str data)  \
	{                                                                                          \
		struct svc_auth_asker *p = c->ctx;                                                 \
		struct ipc_##edge##_sasl_challenge m = { request, data };                          \
		buf_reset(&svc_auth_of(&p->link)->out);                                            \
		ipc_##edge##_sasl_challenge_put(&svc_auth_of(&p->link)->out, &m);                  \
		send_or_log(p);                                                                    \
	}                                                                                          \
	static void edge##_done(const struct svc_auth_client *c, uint64_t request,                 \
	    const struct svc_auth_outcome *o)                                                      \
	{                                                                                          \
		struct svc_auth_asker *p = c->ctx;                                                 \
		struct ipc_##edge##_sasl_done m = { request, o->result, o->account, o->name,       \
			o->ticket, o->has_final, o->final, o->delay_ms, o->language };             \
		buf_reset(&svc_auth_of(&p->link)->out);                                            \
		ipc_##edge##_sasl_done_put(&svc_auth_of(&p->link)->out, &m);                       \
		send_or_log(p);                                                                    \
	}                                                                                          \
	static void edge##_up(struct svc_common_link *l)                                           \
	{                                                                                          \
		struct svc_auth_asker *p = (void *)l;                                              \
		p->client = (struct svc_auth_client){ edge##_challenge, edge##_done, with_tickets, \
			p };                                                                       \
	}

static_assert(offsetof(struct svc_auth_asker, link) == 0, "a link is its asker");

SASL_EDGE(smtp_auth, false)
SASL_EDGE(login_auth, true)

void
svc_auth_smtp_up(struct svc_common_link *l)
{
	smtp_auth_up(l);
}

void
svc_auth_login_up(struct svc_common_link *l)
{
	login_auth_up(l);
}

enum err
svc_auth_from_smtp(struct svc_common_link *from, str datagram, int *fd)
{
	static const struct ipc_smtp_auth_at_auth handlers = {
		.sasl_start = smtp_auth_start,
		.sasl_step = smtp_auth_step,
		.sasl_abort = smtp_auth_abort,
		.rcpt = svc_auth_on_rcpt,
		.sender = svc_auth_on_sender,
	};

	return ipc_smtp_auth_auth_dispatch(&handlers, from, datagram, fd,
	    svc_auth_begin(from)->scratch);
}

enum err
svc_auth_from_login(struct svc_common_link *from, str datagram, int *fd)
{
	static const struct ipc_login_auth_at_auth handlers = {
		.sasl_start = login_auth_start,
		.sasl_step = login_auth_step,
		.sasl_abort = login_auth_abort,
	};

	return ipc_login_auth_auth_dispatch(&handlers, from, datagram, fd,
	    svc_auth_begin(from)->scratch);
}
