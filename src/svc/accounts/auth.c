/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What auth says: tickets for sessions it let in, facts of accounts we ask for, and accounts whose
 * sessions must end. login is not believed; only a ticket that auth announced opens an account.
 */
#include "ipc/accounts_auth.h"
#include "base/mem.h"
#include "svc/accounts/accounts.h"
#include "sys/sys.h"

/* A delivery process that waits for auth's answer. */
struct asked {
	uint64_t account, job;
	int fd;
};

static void
copy_name(char to[256], str name)
{
	size_t n = MIN(name.n, (size_t)255);
	memcpy(to, name.p, n);
	to[n] = '\0';
}

static enum err
on_grant(void *ctx, const struct ipc_accounts_auth_grant *m, int *fd)
{
	struct svc_accounts *s = ctx;
	if (m->ticket.n != 16) {
		return ERR_PROTOCOL;
	}
	struct svc_accounts_ticket *t = lru_put(s->tickets, m->ticket);
	if (t == NULL) {
		return ERR_OK; /* that log-in will be told to try again */
	}
	*t = (struct svc_accounts_ticket){ .account = m->account,
		.quota_octets = m->quota_octets,
		.quota_messages = m->quota_messages,
		.scope = m->scope,
		.until_ms = sys_loop_now_ms(s->sc->loop) + SVC_ACCOUNTS_TICKET_MS };
	copy_name(t->name, m->name);
	if (s->late_n > 0) {
		sys_task_schedule(s->sc->loop, &s->tickets_came);
	}
	return ERR_OK;
}

bool
svc_accounts_ticket_known(const struct svc_accounts *s, str ticket)
{
	return lru_peek(s->tickets, ticket) != NULL;
}

/* Single use: it is gone whether it was still good or not. */
bool
svc_accounts_ticket_take(struct svc_accounts *s, str ticket, struct svc_accounts_ticket *ret)
{
	const struct svc_accounts_ticket *t = lru_peek(s->tickets, ticket);
	if (t == NULL) {
		return false;
	}
	*ret = *t;
	lru_del(s->tickets, ticket);
	return ret->until_ms > sys_loop_now_ms(s->sc->loop);
}

static str
key_of(const uint64_t *account)
{
	return str_make(account, sizeof *account);
}

static enum err
on_revoke(void *ctx, const struct ipc_accounts_auth_revoke *m, int *fd)
{
	struct svc_accounts *s = ctx;
	lru_del(s->facts, key_of(&m->account));
	svc_accounts_quit_all(s, m->account, 2);
	return ERR_OK;
}

static enum err
on_info(void *ctx, const struct ipc_accounts_auth_account_info *m, int *fd)
{
	struct svc_accounts *s = ctx;
	struct asked *a = map_del(s->asked, m->request);
	if (a == NULL) {
		return ERR_OK;
	}
	struct svc_accounts_facts facts = { .account = a->account,
		.quota_octets = m->quota_octets,
		.quota_messages = m->quota_messages,
		.state = m->result,
		.until_ms = sys_loop_now_ms(s->sc->loop) + SVC_ACCOUNTS_FACTS_MS };
	copy_name(facts.name, m->name);
	struct svc_accounts_facts *kept = m->result == ERR_OK
	    ? lru_put(s->facts, key_of(&a->account))
	    : NULL;
	if (kept != NULL) {
		*kept = facts;
	}
	svc_accounts_deliver(s, &facts, a->job, a->fd);
	mem_drop(a);
	return ERR_OK;
}

static enum err
ask(struct svc_accounts *s, struct asked *a)
{
	struct ipc_accounts_auth_account_get m = { .request = s->next_request++,
		.account = a->account };
	if (s->auth == NULL) {
		return ERR_UNAVAILABLE;
	}
	TRY(map_set(s->asked, m.request, a));
	buf_reset(&s->out);
	ipc_accounts_auth_account_get_put(&s->out, &m);
	enum err e = sys_chan_send(s->auth, &s->out, -1);
	if (e != ERR_OK) {
		(void)map_del(s->asked, m.request);
	}
	return e;
}

/* Start a delivery process when the facts of its account are known. Takes fd. */
void
svc_accounts_with_facts(struct svc_accounts *s, uint64_t account, uint64_t job, int fd)
{
	const struct svc_accounts_facts *known = lru_get(s->facts, key_of(&account));
	if (known != NULL && known->until_ms > sys_loop_now_ms(s->sc->loop)) {
		svc_accounts_deliver(s, known, job, fd);
		return;
	}
	struct asked *a = mem_zalloc(1, sizeof *a);
	enum err e = ERR_NOMEM;
	if (a != NULL) {
		*a = (struct asked){ account, job, fd };
		e = ask(s, a);
	}
	if (e != ERR_OK) {
		mem_drop(a);
		sys_close(&fd);
		svc_accounts_ended(s, job, ERR_UNAVAILABLE);
	}
}

static enum err
on_message(void *ctx, str datagram, int *fd)
{
	static const struct ipc_accounts_auth_at_accounts handlers = {
		.grant = on_grant, .revoke = on_revoke, .account_info = on_info
	};
	struct svc_accounts *s = ctx;
	arena_reset(s->scratch);
	return ipc_accounts_auth_accounts_dispatch(&handlers, s, datagram, fd, s->scratch);
}

static void
give_up(void *value, void *ctx)
{
	struct asked *a = value;
	sys_close(&a->fd);
	svc_accounts_ended(ctx, a->job, ERR_UNAVAILABLE);
	mem_drop(a);
}

static void
forget_auth(struct svc_accounts *s)
{
	uint8_t key[16] = { 0 };
	sys_chan_free(&s->auth);
	struct map *asked = s->asked;
	s->asked = map_new(key, SVC_ACCOUNTS_ASKED_MAX);
	ASSERT(s->asked != NULL);
	map_each(asked, give_up, s);
	map_free(&asked);
	lru_clear(s->tickets);
}

static void
on_closed(void *ctx, enum err why)
{
	LOG(CHANNEL_CLOSED, F_CSTR("edge", "accounts_auth"), F_ERR(why));
	forget_auth(ctx);
}

enum err
svc_accounts_on_auth(struct svc_accounts *s, int fd)
{
	struct sys_chan_handler handler = {
		.on_message = on_message, .on_closed = on_closed, .ctx = s
	};
	forget_auth(s);
	return sys_chan_new(s->sc->loop, fd, &handler, &s->auth);
}
