/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Passing an authenticated session on. Accounts gets a copy of the stream with everything the
 * client has sent since; until it says that it took it nothing is read here, and afterwards this
 * process has nothing to do with the session any more.
 */
#include "ipc/login_accounts.h"
#include "svc/login/login.h"
#include "sys/sys.h"

static void
log_success(const struct svc_login_session *s)
{
	const struct ipc_common_session *about = &s->about;
	struct sys_addr peer = { .port = about->peer_port };
	memcpy(peer.ip, about->peer_ip.p, sizeof peer.ip);
	LOG(LOGIN_OK, F_ID("session", about->id), F_ADDR("peer", &peer),
	    F_STR("port", sys_protocol_row(about->protocol)->name),
	    F_STR("mechanism", s->mechanism), F_U64("account", s->account));
}

static enum err
on_attached(void *ctx, const struct ipc_login_accounts_attached *m, int *fd)
{
	struct svc_login_session *s = svc_login_request_find(ctx, m->request);
	if (s == NULL || s->wait != SVC_LOGIN_ACCOUNTS) {
		return ERR_OK;
	}
	svc_login_request_end(s);
	if (m->result == ERR_OK) {
		s->login->facts.logins++;
		log_success(s);
		svc_login_session_close(s, NULL);
		return ERR_OK;
	}
	s->login->facts.unavailable++;
	preauth_answer_attach(&s->engine, m->result);
	svc_login_session_step(s);
	return ERR_OK;
}

enum err
svc_login_from_accounts(struct svc_common_link *from, str datagram, int *fd)
{
	static const struct ipc_login_accounts_at_login handlers = { .attached = on_attached };
	struct svc_login *l = from->sc->ctx;
	arena_reset(l->tick);
	return ipc_login_accounts_login_dispatch(&handlers, l, datagram, fd, l->tick);
}

/* Whether accounts still took these nobody knows: two owners must not be, so they end here. */
void
svc_login_accounts_down(struct svc_common_link *gone)
{
	struct svc_login *l = gone->sc->ctx;
	LIST_EACH(it, &l->sessions) {
		struct svc_login_session *s = LIST_ENTRY(it, struct svc_login_session, node);
		if (s->wait == SVC_LOGIN_ACCOUNTS) {
			l->facts.unavailable++;
			svc_login_session_close(s, "accounts");
		}
	}
}

enum err
svc_login_attach(struct svc_login_session *s)
{
	struct svc_login *l = s->login;
	int copy = -1;
	if (l->accounts.chan == NULL) {
		return ERR_UNAVAILABLE;
	}
	TRY(svc_login_request_new(s));
	TRY(sys_dup(s->watch.fd, &copy));
	buf_reset(&l->message);
	ipc_login_accounts_attach_put(&l->message,
	    &(struct ipc_login_accounts_attach){ .request = s->request,
		.session = s->about,
		.ticket = str_make(s->ticket, sizeof s->ticket),
		.tag = s->tag,
		.unread = buf_view(&s->in),
		.octets = s->octets });
	enum err e = svc_common_link_send(&l->accounts, &l->message, copy);
	buf_wipe(&l->message);
	return e;
}
