/* SPDX-License-Identifier: Apache-2.0 */
/*
 * UNAUTHENTICATE: a session gives its stream back (accounts_account.leave) and its process ends.
 * Only when the kernel says that it has ended, gate gets the stream and hands the connection to
 * login anew. One that does not end is killed; no process of an account survives its log-in.
 */
#include "svc/accounts/leave.h"

#include "base/mem.h"
#include "ipc/accounts_account.h"
#include "ipc/gate_accounts.h"
#include "sys/sys.h"

struct svc_accounts_leaving {
	int stream;
	size_t n;
	char unread[];
};

enum err
svc_accounts_on_leave(void *child, const struct ipc_accounts_account_leave *m, int *fd)
{
	struct svc_accounts_child *c = child;
	if (c->kind != SVC_ACCOUNTS_SESSION || c->leaving != NULL || c->offer != NULL) {
		return ERR_PROTOCOL;
	}
	c->leaving = mem_zalloc(1, sizeof *c->leaving + m->unread.n);
	if (c->leaving == NULL) {
		return ERR_NOMEM;
	}
	c->leaving->stream = *fd;
	*fd = -1;
	c->leaving->n = m->unread.n;
	memcpy(c->leaving->unread, m->unread.n > 0 ? m->unread.p : "", m->unread.n);
	if (!sys_timer_is_set(&c->leave)) {
		sys_timer_set(c->s->sc->loop, &c->leave, SVC_ACCOUNTS_LEAVE_MS);
	}
	return ERR_OK;
}

void
svc_accounts_left(struct svc_accounts *s, struct svc_accounts_leaving **l, uint64_t session)
{
	if (*l == NULL) {
		return;
	}
	struct ipc_gate_accounts_unauthenticated m = { .session = session,
		.unread = str_make((*l)->unread, (*l)->n) };
	if (!s->quitting) {
		buf_reset(&s->out);
		ipc_gate_accounts_unauthenticated_put(&s->out, &m);
		enum err e = svc_accounts_gate_send(s, session, (*l)->stream);
		(*l)->stream = -1;
		if (e != ERR_OK) {
			LOG(ACCOUNTS_REFUSED, F_ID("session", session), F_ERR(e));
		}
	}
	sys_close(&(*l)->stream); /* nobody was told: gate sees the end of the stream */
	mem_drop(*l);
	*l = NULL;
}
