/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Questions answered at once: recipients and senders for smtp, accounts for the zygote. The answers
 * come from the directory's cache.
 */
#include "directory/share.h"
#include "ipc/accounts_auth.h"
#include "ipc/policy_auth.h"
#include "ipc/smtp_auth.h"
#include "mail/address.h"
#include "svc/auth/census/census.h"
#include "svc/auth/forward.h"
#include "svc/auth/server.h"

static str
domain_policy(enum directory_dmarc what)
{
	return what == DIRECTORY_DMARC_MARK  ? S("mark")
	    : what == DIRECTORY_DMARC_REJECT ? S("reject")
					     : S("");
}

/* ---- recipients ----------------------------------------------------------------------------- */

/* An answer while it is put together. */
struct answer {
	struct ipc_smtp_auth_rcpt_result m;
	struct ipc_common_rcpt targets[DIRECTORY_TARGETS_MAX];
	struct ipc_smtp_auth_filter filters[DIRECTORY_TARGETS_MAX];
	struct ipc_smtp_auth_forward forwards[DIRECTORY_TARGETS_MAX];
};

static void
put_targets(struct answer *to, const struct directory_answer *a)
{
	to->m.verdict = (uint8_t)a->verdict;
	for (size_t i = 0; i < a->targets_n && a->verdict == DIRECTORY_KNOWN; i++) {
		to->filters[to->m.filters_n++] = (struct ipc_smtp_auth_filter){
			.account = a->targets[i].account,
			.junk_at = a->targets[i].junk_at,
			.reject_at = a->targets[i].reject_at,
			.domain_policy = domain_policy(a->dmarc),
		};
		to->targets[to->m.targets_n++] = (struct ipc_common_rcpt){
			.account = a->targets[i].account,
			.address = a->address,
			.detail = a->detail,
		};
	}
}

static uint64_t
postmaster_of(struct svc_auth_server *s, str address)
{
	char room[DIRECTORY_ADDRESS_MAX];
	str local, domain;

	mail_address_split(address, &local, &domain);
	if (domain.n > sizeof(room)) {
		return 0;
	}
	memcpy(room, domain.p, domain.n); /* the next question takes the answer away */
	return directory_postmaster(s->directory, str_make(room, domain.n));
}

/* Where the alias leads elsewhere. Without anything left the sender is refused. */
static void
put_forwards(struct svc_auth_server *s, const struct ipc_smtp_auth_rcpt *q, struct answer *to,
    const struct directory_answer *a)
{
	enum err e = svc_auth_forward_sender(&s->auth, s->scratch, q->reverse_path, a->address,
	    &to->m.sender);

	if (e != ERR_OK) {
		LOG(AUTH_NOT_FORWARDED, F_STR("alias", a->address), F_U64("targets", a->forwards_n),
		    F_ERR(e));
		bool never = e == ERR_TOOBIG || e == ERR_SYNTAX || e == ERR_CHARSET;
		if (to->m.targets_n == 0) {
			to->m.verdict = never ? DIRECTORY_SENDER : DIRECTORY_TEMP;
		}
		return;
	}
	for (size_t i = 0; i < a->forwards_n; i++) {
		to->forwards[to->m.forwards_n++].address = a->forwards[i];
	}
	to->m.via = a->address;
}

static void
answer_address(struct svc_auth_server *s, const struct ipc_smtp_auth_rcpt *q, struct answer *to)
{
	const struct directory_answer *a = directory_resolve(s->directory, q->address);

	if (a->forwards_n > 0) {
		uint64_t postmaster = postmaster_of(s, a->address);
		uint64_t own = svc_auth_forward_reader(&s->auth, s->scratch, q->reverse_path);
		to->m.reports = own != 0 ? own : postmaster;
		a = directory_resolve(s->directory, q->address); /* those two took it away */
	}
	put_targets(to, a);
	if (a->lost > 0) {
		LOG(AUTH_NOT_FORWARDED, F_STR("alias", a->address), F_U64("targets", a->lost),
		    F_ERR(ERR_NOTFOUND));
	}
	if (a->forwards_n > 0 && a->verdict == DIRECTORY_KNOWN) {
		put_forwards(s, q, to, a);
	}
}

/*
 * A bounce of a letter that was forwarded goes to its sender with a null reverse-path; nothing else
 * goes there. False: an address as any other.
 */
static bool
answer_bounce(struct svc_auth_server *s, const struct ipc_smtp_auth_rcpt *q, struct answer *to)
{
	struct svc_auth_bounce b;
	enum err e = svc_auth_forward_back(&s->auth, s->scratch, q->address, &b);

	if (e == ERR_NOTFOUND) {
		return false;
	}
	if (e != ERR_OK) {
		to->m.verdict = e == ERR_DENIED ? DIRECTORY_UNKNOWN : DIRECTORY_TEMP;
	} else if (q->reverse_path.n > 0) {
		to->m.verdict = DIRECTORY_SENDER;
	} else if (b.local) {
		put_targets(to, directory_resolve(s->directory, b.to));
	} else {
		to->m.verdict = DIRECTORY_KNOWN;
		to->m.reports = postmaster_of(s, b.via);
		to->m.via = b.via;
		to->forwards[to->m.forwards_n++].address = b.to;
	}
	return true;
}

enum err
svc_auth_on_rcpt(void *ctx, const struct ipc_smtp_auth_rcpt *q, int *fd)
{
	struct svc_auth_server *s = svc_auth_of(ctx);
	struct answer a;

	a.m = (struct ipc_smtp_auth_rcpt_result){ .request = q->request,
		.targets = a.targets,
		.filters = a.filters,
		.forwards = a.forwards };
	s->auth.counts.rcpts++;
	if (!answer_bounce(s, q, &a)) {
		answer_address(s, q, &a);
	}
	buf_reset(&s->out);
	ipc_smtp_auth_rcpt_result_put(&s->out, &a.m);
	return svc_auth_send(ctx);
}

static enum err
on_find(void *ctx, const struct ipc_policy_auth_find *m, int *fd)
{
	struct svc_auth_server *s = svc_auth_of(ctx);
	const struct directory_answer *a = directory_resolve(s->directory, m->address);
	struct ipc_common_id accounts[DIRECTORY_TARGETS_MAX];
	struct ipc_policy_auth_found reply = { .request = m->request,
		.result = a->verdict == DIRECTORY_KNOWN ? ERR_OK
		    : a->verdict == DIRECTORY_TEMP || a->verdict == DIRECTORY_OVERQUOTA
		    ? ERR_UNAVAILABLE
		    : ERR_NOTFOUND,
		.accounts = accounts };

	for (size_t i = 0; i < a->targets_n && a->verdict == DIRECTORY_KNOWN; i++) {
		accounts[reply.accounts_n++].id = a->targets[i].account;
	}
	buf_reset(&s->out);
	ipc_policy_auth_found_put(&s->out, &reply);
	return svc_auth_send(ctx);
}

enum err
svc_auth_from_policy(struct svc_common_link *from, str datagram, int *fd)
{
	static const struct ipc_policy_auth_at_auth handlers = { .find = on_find };

	return ipc_policy_auth_auth_dispatch(&handlers, from, datagram, fd,
	    svc_auth_begin(from)->scratch);
}

enum err
svc_auth_on_sender(void *ctx, const struct ipc_smtp_auth_sender *q, int *fd)
{
	struct svc_auth_server *s = svc_auth_of(ctx);
	struct ipc_smtp_auth_sender_result m = { .request = q->request };

	s->auth.counts.senders++;
	m.result = directory_owns(s->directory, q->account, q->address);
	buf_reset(&s->out);
	ipc_smtp_auth_sender_result_put(&s->out, &m);
	return svc_auth_send(ctx);
}

/* Disabled accounts are not opened for delivery any more; locked ones are. */
static enum err
on_account_get(void *ctx, const struct ipc_accounts_auth_account_get *q, int *fd)
{
	struct svc_auth_server *s = svc_auth_of(ctx);
	struct ipc_accounts_auth_account_info m = { .request = q->request,
		.since_ms = svc_auth_revoked_ms(s, q->account) };
	struct directory_account facts;

	m.result = directory_account_get(s->directory, q->account, s->scratch, &facts);
	if (m.result == ERR_OK) {
		m.name = facts.address;
		m.quota_octets = facts.quota_octets;
		m.quota_messages = facts.quota_messages;
		m.result = facts.state == DIRECTORY_STATE_DISABLED ? ERR_DISABLED : ERR_OK;
		m.login = facts.state == DIRECTORY_STATE_ACTIVE;
	}
	buf_reset(&s->out);
	ipc_accounts_auth_account_info_put(&s->out, &m);
	return svc_auth_send(ctx);
}

static enum err
on_usage(void *ctx, const struct ipc_accounts_auth_usage *m, int *fd)
{
	directory_usage(svc_auth_of(ctx)->directory, m->account, m->octets, m->messages);
	return ERR_OK;
}

static enum err
on_client(void *ctx, const struct ipc_accounts_auth_client *m, int *fd)
{
	svc_auth_census_client(&svc_auth_of(ctx)->auth, m->session, m->account, m->name);
	return ERR_OK;
}

/* ---- shared mailboxes ---------------------------------------------------------------------- */

static enum err
on_share(void *ctx, const struct ipc_accounts_auth_share *m, int *fd)
{
	struct svc_auth_server *s = svc_auth_of(ctx);
	struct ipc_accounts_auth_shared reply = { .request = m->request };
	struct directory_account guest;
	struct directory_share share = { m->owner, m->guest, m->name, m->on };
	enum err e = directory_share(s->directory, &share, s->scratch, &guest);

	if (e == ERR_OK) {
		reply.account = guest.id;
		reply.name = guest.address;
	}
	reply.result = e == ERR_OK || e == ERR_NOTFOUND || e == ERR_DENIED || e == ERR_TOOMANY
	    ? e
	    : ERR_UNAVAILABLE;
	buf_reset(&s->out);
	ipc_accounts_auth_shared_put(&s->out, &reply);
	return svc_auth_send(ctx);
}

struct sharers {
	struct arena *a;
	struct ipc_common_sharer v[DIRECTORY_SHARERS_MAX];
	size_t n;
};

static enum err
add_sharer(void *ctx, uint64_t account, str address)
{
	struct sharers *l = ctx;
	str name = arena_dup(l->a, address);

	if (name.p == NULL || l->n == LEN(l->v)) {
		return ERR_BUDGET;
	}
	l->v[l->n++] = (struct ipc_common_sharer){ account, name };
	return ERR_OK;
}

static enum err
on_sharers_get(void *ctx, const struct ipc_accounts_auth_sharers_get *m, int *fd)
{
	struct svc_auth_server *s = svc_auth_of(ctx);
	struct sharers l = { .a = s->scratch };
	struct ipc_accounts_auth_sharers reply = { .request = m->request, .sharers = l.v };
	enum err e = directory_sharers(s->directory, m->guest, add_sharer, &l);

	reply.result = e == ERR_OK ? e : ERR_UNAVAILABLE;
	reply.sharers_n = e == ERR_OK ? l.n : 0;
	buf_reset(&s->out);
	ipc_accounts_auth_sharers_put(&s->out, &reply);
	return svc_auth_send(ctx);
}

/* Nobody looks into an account that does not share with him, or that is locked. */
static enum err
on_visit(void *ctx, const struct ipc_accounts_auth_visit *m, int *fd)
{
	struct svc_auth_server *s = svc_auth_of(ctx);
	struct ipc_accounts_auth_visit_result reply = { .request = m->request };
	struct directory_account owner = { .state = DIRECTORY_STATE_DISABLED };
	enum err e = directory_share_check(s->directory, m->owner, m->guest);

	e = e == ERR_OK ? directory_account_get(s->directory, m->owner, s->scratch, &owner) : e;
	if (e == ERR_OK) {
		reply.name = owner.address;
		reply.quota_octets = owner.quota_octets;
		reply.quota_messages = owner.quota_messages;
		e = owner.state == DIRECTORY_STATE_ACTIVE ? ERR_OK : ERR_DISABLED;
	}
	reply.result = e == ERR_OK || e == ERR_NOTFOUND || e == ERR_DISABLED ? e : ERR_UNAVAILABLE;
	buf_reset(&s->out);
	ipc_accounts_auth_visit_result_put(&s->out, &reply);
	return svc_auth_send(ctx);
}

enum err
svc_auth_from_accounts(struct svc_common_link *from, str datagram, int *fd)
{
	static const struct ipc_accounts_auth_at_auth handlers = { .account_get = on_account_get,
		.usage = on_usage,
		.client = on_client,
		.share = on_share,
		.sharers_get = on_sharers_get,
		.visit = on_visit };

	return ipc_accounts_auth_auth_dispatch(&handlers, from, datagram, fd,
	    svc_auth_begin(from)->scratch);
}
