/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What auth says: tickets for sessions it let in, facts of accounts we ask for, and accounts whose
 * sessions must end. login is not believed; only a ticket that auth announced opens an account.
 */
#include "ipc/accounts_auth.h"
#include "base/mem.h"
#include "svc/accounts/share.h"
#include "svc/accounts/teach.h"
#include "sys/sys.h"

/* A question to auth: for a delivery process that waits, or about an account with sessions. */
struct asked {
	uint64_t request, account, job;
	int fd;    /* the delivery process's; -1: a check of sessions, or: */
	bool slot; /* the queue asks for a slot */
};

static str
key_of(const uint64_t *account)
{
	return str_make(account, sizeof *account);
}

/* ---- tickets ---- */

static enum err
on_grant(void *ctx, const struct ipc_accounts_auth_grant *m, int *fd)
{
	struct svc_accounts *s = ctx;
	if (m->ticket.n != SVC_ACCOUNTS_TICKET_OCTETS || m->name.n > SVC_ACCOUNTS_NAME_MAX) {
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
		.until_ms = sys_loop_now_ms(s->sc->loop) + SVC_ACCOUNTS_TICKET_MS,
		.name_n = m->name.n };
	if (m->name.n > 0) {
		memcpy(t->name, m->name.p, m->name.n);
	}
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

/* A ticket given out just before must not open the account afterwards. */
static void
void_tickets(struct svc_accounts *s, uint64_t account)
{
	str key = STR_NONE, next_key = STR_NONE;
	const struct svc_accounts_ticket *t = lru_next(s->tickets, NULL, &key);
	while (t != NULL) {
		const struct svc_accounts_ticket *next = lru_next(s->tickets, t, &next_key);
		if (t->account == account) {
			lru_del(s->tickets, key);
		}
		t = next;
		key = next_key;
	}
}

static enum err
on_revoke(void *ctx, const struct ipc_accounts_auth_revoke *m, int *fd)
{
	struct svc_accounts *s = ctx;
	void_tickets(s, m->account);
	lru_del(s->facts, key_of(&m->account));
	svc_accounts_revoke(s, m->account);
	if (m->deleted) {
		svc_accounts_forget_lessons(s, m->account);
	}
	return ERR_OK;
}

/* ---- questions ---- */

static enum err
ask(struct svc_accounts *s, const struct asked *what)
{
	if (s->auth.chan == NULL) {
		return ERR_UNAVAILABLE;
	}
	struct asked *a = mem_zalloc(1, sizeof *a);
	if (a == NULL) {
		return ERR_NOMEM;
	}
	*a = *what;
	a->request = s->next_request++;
	enum err e = map_set(s->asked, a->request, a);
	if (e != ERR_OK) {
		mem_drop(a);
		return e;
	}
	struct ipc_accounts_auth_account_get m = { .request = a->request, .account = a->account };
	buf_reset(&s->out);
	ipc_accounts_auth_account_get_put(&s->out, &m);
	e = svc_common_link_send(&s->auth, &s->out, -1);
	if (e != ERR_OK) {
		(void)map_del(s->asked, a->request);
		mem_drop(a);
	}
	return e;
}

/*
 * A revocation may have been lost with the auth process that was to send it. So when auth is back,
 * every account with sessions is asked about, a few at a time.
 */
void
svc_accounts_check_more(struct svc_accounts *s)
{
	while (s->checks < SVC_ACCOUNTS_CHECKS_MAX && !list_empty(&s->unchecked)) {
		struct svc_accounts_family *f = LIST_ENTRY(s->unchecked.next,
		    struct svc_accounts_family, node);
		if (f->sessions + f->parked_n > 0) {
			struct asked check = { .account = f->account, .fd = -1 };
			if (ask(s, &check) != ERR_OK) {
				return; /* the next answer, or the next auth, goes on */
			}
			s->checks++;
		}
		list_remove(&f->node);
		list_push(&s->checked, &f->node);
	}
}

static void
take_check(struct svc_accounts *s, uint64_t account, const struct ipc_accounts_auth_account_info *m)
{
	bool known = m->result == ERR_OK || m->result == ERR_NOTFOUND || m->result == ERR_DISABLED;
	s->checks--;
	if (known && !(m->result == ERR_OK && m->login)) {
		void_tickets(s, account);
		svc_accounts_revoke(s, account);
	} else if (known) {
		svc_accounts_parked_prove(s, account, m->since_ms);
	}
}

/* Takes fd. */
static void
take_facts(struct svc_accounts *s, const struct asked *a,
    const struct ipc_accounts_auth_account_info *m)
{
	struct svc_accounts_facts facts = { .account = a->account,
		.quota_octets = m->quota_octets,
		.quota_messages = m->quota_messages,
		.state = m->result,
		.until_ms = sys_loop_now_ms(s->sc->loop) + SVC_ACCOUNTS_FACTS_MS,
		.name_n = m->name.n };
	if (m->name.n > 0) {
		memcpy(facts.name, m->name.p, m->name.n);
	}
	struct svc_accounts_facts *kept = m->result == ERR_OK
	    ? lru_put(s->facts, key_of(&a->account))
	    : NULL;
	if (kept != NULL) {
		*kept = facts;
	}
	if (a->slot) {
		svc_accounts_slot_give(s, &facts, a->job);
	} else {
		svc_accounts_deliver(s, &facts, a->job, a->fd);
	}
}

static enum err
on_info(void *ctx, const struct ipc_accounts_auth_account_info *m, int *fd)
{
	struct svc_accounts *s = ctx;
	if (m->name.n > SVC_ACCOUNTS_NAME_MAX) {
		return ERR_PROTOCOL;
	}
	struct asked *a = map_del(s->asked, m->request);
	if (a == NULL) {
		return ERR_OK;
	}
	if (a->fd < 0 && !a->slot) {
		take_check(s, a->account, m);
	} else {
		take_facts(s, a, m);
	}
	mem_drop(a);
	svc_accounts_check_more(s);
	return ERR_OK;
}

/* NULL: not known, or not lately. */
static const struct svc_accounts_facts *
known_facts(struct svc_accounts *s, uint64_t account)
{
	const struct svc_accounts_facts *known = lru_get(s->facts, key_of(&account));
	return known != NULL && known->until_ms > sys_loop_now_ms(s->sc->loop) ? known : NULL;
}

void
svc_accounts_slot(struct svc_accounts *s, uint64_t account, uint64_t job)
{
	const struct svc_accounts_facts *known = known_facts(s, account);
	struct asked slot = { .account = account, .job = job, .fd = -1, .slot = true };
	if (known != NULL) {
		svc_accounts_slot_give(s, known, job);
	} else if (ask(s, &slot) != ERR_OK) {
		svc_accounts_slot_refuse(s, account, job);
	}
}

/* Start a delivery process when the facts of its account are known. Takes fd. */
void
svc_accounts_with_facts(struct svc_accounts *s, uint64_t account, uint64_t job, int fd)
{
	const struct svc_accounts_facts *known = known_facts(s, account);
	struct asked open = { .account = account, .job = job, .fd = fd };
	if (known != NULL) {
		struct svc_accounts_facts copy = *known;
		svc_accounts_deliver(s, &copy, job, fd);
		return;
	}
	if (ask(s, &open) != ERR_OK) {
		sys_close(&fd);
		svc_accounts_ended(s, account, job, ERR_UNAVAILABLE);
	}
}

/* ---- the channel ---- */

enum err
svc_accounts_from_auth(struct svc_common_link *from, str datagram, int *fd)
{
	static const struct ipc_accounts_auth_at_accounts handlers = {
		.grant = on_grant,
		.revoke = on_revoke,
		.account_info = on_info,
		.shared = svc_accounts_on_shared,
		.sharers = svc_accounts_on_sharers,
		.visit_result = svc_accounts_on_visit_result,
	};
	struct svc_accounts *s = svc_accounts_of(from);
	arena_reset(s->scratch);
	return ipc_accounts_auth_accounts_dispatch(&handlers, s, datagram, fd, s->scratch);
}

static void
give_up(void *value, void *ctx)
{
	struct svc_accounts *s = ctx;
	struct asked *a = value;
	(void)map_del(s->asked, a->request);
	if (a->fd >= 0) {
		sys_close(&a->fd);
		svc_accounts_ended(s, a->account, a->job, ERR_UNAVAILABLE);
	} else if (a->slot) {
		svc_accounts_slot_refuse(s, a->account, a->job);
	}
	mem_drop(a);
}

void
svc_accounts_auth_down(struct svc_common_link *gone)
{
	struct svc_accounts *s = svc_accounts_of(gone);
	map_each(s->asked, give_up, s);
	s->checks = 0;
	svc_accounts_questions_drop(s, NULL);
	lru_clear(s->tickets);
}

void
svc_accounts_auth_up(struct svc_common_link *l)
{
	struct svc_accounts *s = svc_accounts_of(l);
	list_move(&s->checked, &s->unchecked);
	svc_accounts_check_more(s);
}
