/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The SASL exchange with auth. Every answer names its request; one that nobody waits for any more
 * is dropped. When auth is gone, all who wait for it are told so and may try again.
 */
#include "ipc/login_auth.h"
#include "svc/login/login.h"

static void
log_failure(const struct svc_login_session *s, enum err result)
{
	const struct ipc_common_session *about = &s->about;
	struct sys_addr peer = { .port = about->peer_port };
	memcpy(peer.ip, about->peer_ip.p, sizeof peer.ip);
	LOG(LOGIN_FAILED, F_ID("session", about->id), F_ADDR("peer", &peer),
	    F_STR("port", sys_protocol_row(about->protocol)->name),
	    F_STR("mechanism", s->mechanism), F_ERR(result));
}

static enum err
on_challenge(void *ctx, const struct ipc_login_auth_sasl_challenge *m, int *fd)
{
	struct svc_login_session *s = svc_login_request_find(ctx, m->request);
	if (s != NULL && s->wait == SVC_LOGIN_AUTH) {
		preauth_answer_challenge(&s->engine, m->data);
		svc_login_session_step(s);
	}
	return ERR_OK;
}

/* A failure is told when auth says; nothing else is read until then. */
static void
failed(struct svc_login_session *s, enum err result, uint32_t delay_ms)
{
	struct svc_login *l = s->login;
	bool temporary = err_class(result) == ERR_CLASS_TEMP;
	l->facts.unavailable += temporary;
	l->facts.failures += !temporary;
	log_failure(s, result);
	int64_t due = delay_ms == 0 ? 0 : sys_loop_now_ms(l->sc->loop) + delay_ms;
	preauth_answer_done(&s->engine, result, NULL, due);
	svc_login_session_step(s);
}

static enum err
on_done(void *ctx, const struct ipc_login_auth_sasl_done *m, int *fd)
{
	struct svc_login_session *s = svc_login_request_find(ctx, m->request);
	if (s == NULL || s->wait != SVC_LOGIN_AUTH) {
		return ERR_OK;
	}
	svc_login_request_end(s);
	if (m->result != ERR_OK) {
		failed(s, m->result, m->delay_ms);
		return ERR_OK;
	}
	if (m->ticket.n != sizeof s->ticket) {
		return ERR_PROTOCOL; /* the channel closes, and with it the session is told */
	}
	memcpy(s->ticket, m->ticket.p, sizeof s->ticket);
	s->account = m->account;
	preauth_answer_done(&s->engine, ERR_OK, m->has_final ? &m->final : NULL, 0);
	svc_login_session_step(s);
	return ERR_OK;
}

enum err
svc_login_from_auth(struct svc_common_link *from, str datagram, int *fd)
{
	static const struct ipc_login_auth_at_login handlers = { .sasl_challenge = on_challenge,
		.sasl_done = on_done };
	struct svc_login *l = from->sc->ctx;
	arena_reset(l->tick);
	enum err e = ipc_login_auth_login_dispatch(&handlers, l, datagram, fd, l->tick);
	arena_reset(l->tick);
	return e;
}

/* All who wait for auth learn that it is not there. */
void
svc_login_auth_down(struct svc_common_link *gone)
{
	struct svc_login *l = gone->sc->ctx;
	LIST_EACH(it, &l->sessions) {
		struct svc_login_session *s = LIST_ENTRY(it, struct svc_login_session, node);
		if (s->wait == SVC_LOGIN_AUTH) {
			svc_login_request_end(s);
			failed(s, ERR_UNAVAILABLE, 0);
		}
	}
}

/* Send what is in l->message, which may hold a password. */
static enum err
send_wiped(struct svc_login *l)
{
	enum err e = svc_common_link_send(&l->auth, &l->message, -1);
	buf_wipe(&l->message);
	return e;
}

enum err
svc_login_auth_start(struct svc_login_session *s, const struct preauth_action *a)
{
	struct svc_login *l = s->login;
	TRY(svc_login_request_new(s));
	s->mechanism = a->mechanism;
	buf_reset(&l->message);
	ipc_login_auth_sasl_start_put(&l->message,
	    &(struct ipc_login_auth_sasl_start){ .request = s->request,
		.session = s->about,
		.mechanism = a->mechanism,
		.has_initial = a->has_data,
		.initial = a->data });
	return send_wiped(l);
}

enum err
svc_login_auth_step(struct svc_login_session *s, const struct preauth_action *a)
{
	struct svc_login *l = s->login;
	buf_reset(&l->message);
	ipc_login_auth_sasl_step_put(&l->message,
	    &(struct ipc_login_auth_sasl_step){ .request = s->request, .data = a->data });
	return send_wiped(l);
}

void
svc_login_auth_abort(struct svc_login_session *s)
{
	struct svc_login *l = s->login;
	if (s->request == 0) {
		return;
	}
	buf_reset(&l->message);
	ipc_login_auth_sasl_abort_put(&l->message,
	    &(struct ipc_login_auth_sasl_abort){ .request = s->request });
	enum err e = send_wiped(l);
	(void)e; /* auth forgets it by itself in time */
	svc_login_request_end(s);
}
