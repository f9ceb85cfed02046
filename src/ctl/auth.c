/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shape that all questions to auth share.
 */
#include "ctl/auth.h"

#include "ctl/client.h"
#include "ctl/ctl.h"

enum err
ctl_auth_done(void *ctx, const struct ipc_adm_auth_done *m, int *fd)
{
	struct ctl_auth *a = ctx;
	a->result = m->result;
	a->text = m->text;
	return ctl_auth_answered(a, S(""));
}

enum err
ctl_auth_answered(struct ctl_auth *a, str next)
{
	a->ended = true;
	ASSERT(next.n < sizeof a->next); /* the edge's own limit */
	memcpy(a->next, next.p == NULL ? "" : next.p, next.n);
	a->next[next.n] = '\0';
	return ERR_OK;
}

struct taking {
	struct ctl_auth *a;
	const struct ipc_adm_auth_at_admin *handlers;
};

static enum err
take(struct ctl *c, void *ctx, str datagram, int *fd)
{
	struct taking *t = ctx;
	return ipc_adm_auth_admin_dispatch(t->handlers, t->a, datagram, fd, c->scratch);
}

enum ctl_exit
ctl_auth_ask(struct ctl_auth *a, const struct ipc_adm_auth_at_admin *handlers, int timeout_ms)
{
	struct taking t = { a, handlers };
	a->ended = false;
	a->result = ERR_OK;
	enum ctl_exit x = ctl_client_ask(a->c, take, &t, &a->ended, timeout_ms);
	if (x == CTL_OK && a->result != ERR_OK) {
		x = ctl_fail(a->c, CTL_FAILED, a->result, "%.*s%s", STR_ARG(a->text),
		    a->text.n > 0 ? "" : err_text(a->result));
	}
	return x;
}

enum ctl_exit
ctl_auth_do(struct ctl *c)
{
	static const struct ipc_adm_auth_at_admin handlers = { .done = ctl_auth_done };
	struct ctl_auth a = { .c = c };
	enum ctl_exit x = ctl_auth_ask(&a, &handlers, CTL_WAIT_LONG_MS);
	if (x == CTL_OK) {
		ctl_out_done(&c->out, a.text);
	}
	return x;
}

enum ctl_exit
ctl_auth_list(struct ctl *c, const struct ctl_auth_list *l)
{
	struct ctl_auth a = { .c = c };
	enum ctl_exit x;
	ctl_out_list(&c->out, l->name, l->columns, l->columns_n);
	do {
		l->ask(c, str_from(a.next));
		x = ctl_auth_ask(&a, l->handlers, CTL_WAIT_MS);
	} while (x == CTL_OK && a.next[0] != '\0');
	if (x == CTL_OK) {
		ctl_out_list_end(&c->out);
	}
	return x;
}
