/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sessions: login brings an authenticated client's stream and a ticket; a good ticket becomes an
 * account process that owns the stream from then on. Auth tells us of a ticket before it tells
 * login, but on another channel: what comes too early waits a moment for its ticket.
 */
#include "ipc/login_accounts.h"
#include "base/mem.h"
#include "svc/accounts/sessions.h"
#include "sys/sys.h"

/* A message of login: for the first time, or once more. */
struct attempt {
	struct svc_accounts *s;
	bool last; /* do not wait for the ticket any longer */
};

/* An attach that waits for its ticket, as it came. */
struct svc_accounts_late {
	struct list node; /* in svc_accounts.late */
	struct svc_accounts *s;
	struct sys_timer timer;
	int fd;
	size_t n;
	char datagram[];
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
	if (map_get(s->live, m->session.id) != NULL || map_get(s->parked, m->session.id) != NULL) {
		return ERR_DENIED; /* one connection is one session */
	}
	if (s->sessions + s->parked_n >= s->sc->conf->accounts_sessions ||
	    svc_accounts_sessions_of(s, t.account) >= s->sc->conf->accounts_sessions_per_account) {
		return ERR_BUSY;
	}
	struct svc_account_start start = { .name = str_make(t.name, t.name_n),
		.account = t.account,
		.session = m->session.id,
		.quota_octets = t.quota_octets,
		.quota_messages = t.quota_messages,
		.queue = -1,
		.stream = stream,
		.protocol = m->session.protocol,
		.tag = m->tag,
		.unread = m->unread,
		.octets = m->octets,
		.granted_ms = t.until_ms - SVC_ACCOUNTS_TICKET_MS };
	TRY(svc_accounts_child_new(s, &start, SVC_ACCOUNTS_SESSION, 0));
	struct svc_accounts_child *c = map_get(s->live, m->session.id);
	svc_accounts_origin_make(&c->origin, m->session.peer_ip, m->session.tls_version);
	return ERR_OK;
}

static enum err
on_attach(void *ctx, const struct ipc_login_accounts_attach *m, int *fd)
{
	const struct attempt *t = ctx;
	struct svc_accounts *s = t->s;
	if (!t->last && !svc_accounts_ticket_known(s, m->ticket)) {
		return ERR_AGAIN;
	}
	enum err e = start_session(s, m, *fd);
	if (e != ERR_OK) {
		s->refused++;
		LOG(ACCOUNTS_REFUSED, F_ID("session", m->session.id), F_ERR(e));
	}
	struct ipc_login_accounts_attached reply = { .request = m->request,
		.result = e == ERR_OK || e == ERR_DENIED || e == ERR_BUSY ? e : ERR_UNAVAILABLE };
	buf_reset(&s->out);
	ipc_login_accounts_attached_put(&s->out, &reply);
	return svc_common_link_send(&s->login, &s->out, -1);
}

static enum err
take(struct svc_accounts *s, str datagram, int *fd, bool last)
{
	static const struct ipc_login_accounts_at_accounts handlers = { .attach = on_attach };
	struct attempt t = { s, last };
	arena_reset(s->scratch);
	return ipc_login_accounts_accounts_dispatch(&handlers, &t, datagram, fd, s->scratch);
}

static void
late_free(struct svc_accounts_late *late)
{
	late->s->late_n--;
	list_remove(&late->node);
	sys_timer_stop(&late->timer);
	sys_close(&late->fd);
	mem_drop(late);
}

static void
late_try(struct svc_accounts_late *late, bool last)
{
	enum err e = take(late->s, str_make(late->datagram, late->n), &late->fd, last);
	if (e != ERR_AGAIN) {
		late_free(late); /* answered; when login cannot hear, its channel tells that too */
	}
}

static void
late_over(void *ctx)
{
	late_try(ctx, true);
}

/* Keep it for a moment. False: no room, answer now. */
static bool
late_keep(struct svc_accounts *s, str datagram, int *fd)
{
	struct svc_accounts_late *late = s->late_n < SVC_ACCOUNTS_LATE_MAX
	    ? mem_zalloc(1, sizeof *late + datagram.n)
	    : NULL;
	if (late == NULL) {
		return false;
	}
	late->s = s;
	late->fd = *fd;
	*fd = -1;
	late->n = datagram.n;
	memcpy(late->datagram, datagram.p, datagram.n);
	list_push(&s->late, &late->node);
	s->late_n++;
	sys_timer_init(&late->timer, late_over, late);
	sys_timer_set(s->sc->loop, &late->timer, SVC_ACCOUNTS_LATE_MS);
	return true;
}

void
svc_accounts_tickets_came(void *accounts)
{
	struct svc_accounts *s = accounts;
	LIST_EACH(it, &s->late) {
		late_try(LIST_ENTRY(it, struct svc_accounts_late, node), false);
	}
}

enum err
svc_accounts_from_login(struct svc_common_link *from, str datagram, int *fd)
{
	struct svc_accounts *s = svc_accounts_of(from);
	enum err e = take(s, datagram, fd, false);
	if (e == ERR_AGAIN) {
		e = late_keep(s, datagram, fd) ? ERR_OK : take(s, datagram, fd, true);
	}
	return e;
}

/* Nobody is there to hear of them. */
void
svc_accounts_login_down(struct svc_common_link *gone)
{
	LIST_EACH(it, &svc_accounts_of(gone)->late) {
		late_free(LIST_ENTRY(it, struct svc_accounts_late, node));
	}
}
