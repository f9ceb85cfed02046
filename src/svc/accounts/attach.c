/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sessions: login brings an authenticated client's stream and a ticket; a good ticket becomes an
 * account process that owns the stream from then on.
 */
#include "ipc/login_accounts.h"
#include "base/mem.h"
#include "svc/accounts/accounts.h"
#include "sys/sys.h"

struct login {
	struct list node;
	struct svc_accounts *s;
	struct sys_chan *chan;
};

/* Scope bits of accounts_auth.grant. */
static uint32_t
scope_of(uint8_t protocol)
{
	switch (protocol) {
	case SYS_IMAP:
	case SYS_IMAPS: return 1;
	case SYS_POP3:
	case SYS_POP3S: return 2;
	case SYS_MANAGESIEVE: return 4;
	default: return 0;
	}
}

static enum err
start_session(struct svc_accounts *s, const struct ipc_login_accounts_attach *m, int stream)
{
	struct svc_accounts_ticket t;
	if (!svc_accounts_ticket_take(s, m->ticket, &t) ||
	    (t.scope & scope_of(m->session.protocol)) == 0) {
		return ERR_DENIED;
	}
	if (s->sessions >= s->sc->conf->accounts_sessions ||
	    svc_accounts_sessions_of(s, t.account) >= s->sc->conf->accounts_sessions_per_account) {
		return ERR_BUSY;
	}
	struct svc_account_start start = { .name = str_from(t.name),
		.account = t.account,
		.session = m->session.id,
		.quota_octets = t.quota_octets,
		.quota_messages = t.quota_messages,
		.queue = -1,
		.stream = stream,
		.protocol = m->session.protocol,
		.tag = m->tag,
		.unread = m->unread };
	return svc_accounts_child_new(s, &start, SVC_ACCOUNTS_SESSION, 0);
}

static enum err
on_attach(void *ctx, const struct ipc_login_accounts_attach *m, int *fd)
{
	struct login *l = ctx;
	struct svc_accounts *s = l->s;
	enum err e = start_session(s, m, *fd);
	if (e != ERR_OK) {
		s->refused++;
		LOG(ACCOUNTS_REFUSED, F_ID("session", m->session.id), F_ERR(e));
	}
	struct ipc_login_accounts_attached reply = { .request = m->request,
		.result = e == ERR_OK || e == ERR_DENIED || e == ERR_BUSY ? e : ERR_UNAVAILABLE };
	buf_reset(&s->out);
	ipc_login_accounts_attached_put(&s->out, &reply);
	return sys_chan_send(l->chan, &s->out, -1);
}

static enum err
on_message(void *ctx, str datagram, int *fd)
{
	static const struct ipc_login_accounts_at_accounts handlers = { .attach = on_attach };
	struct login *l = ctx;
	arena_reset(l->s->scratch);
	return ipc_login_accounts_accounts_dispatch(&handlers, l, datagram, fd, l->s->scratch);
}

static void
on_closed(void *ctx, enum err why)
{
	struct login *l = ctx;
	LOG(CHANNEL_CLOSED, F_CSTR("edge", "login_accounts"), F_ERR(why));
	sys_chan_free(&l->chan);
	list_remove(&l->node);
	mem_drop(l);
}

enum err
svc_accounts_on_login(struct svc_accounts *s, int fd)
{
	struct login *l = mem_zalloc(1, sizeof *l);
	if (l == NULL) {
		sys_close(&fd);
		return ERR_NOMEM;
	}
	l->s = s;
	list_push(&s->logins, &l->node);
	struct sys_chan_handler handler = {
		.on_message = on_message, .on_closed = on_closed, .ctx = l
	};
	return sys_chan_new(s->sc->loop, fd, &handler, &l->chan);
}
