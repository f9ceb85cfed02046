/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The links to peers, and what goes out on them: sums to hash workers, bans to gates, grants and
 * revocations. What waited for a peer that is gone ends here.
 */
#include "base/mem.h"
#include "base/wire.h"
#include "ipc/accounts_auth.h"
#include "ipc/auth_hash.h"
#include "ipc/gate_auth.h"
#include "ipc/smtp_auth.h"
#include "svc/auth/server.h"
#include "sys/clock.h"
#include "sys/sys.h"

static_assert(offsetof(struct svc_auth_asker, link) == 0 &&
	offsetof(struct svc_auth_gate, link) == 0,
    "a link is its peer");

struct svc_auth_server *
svc_auth_begin(const struct svc_common_link *l)
{
	struct svc_auth_server *s = svc_auth_of(l);

	svc_auth_now(s);
	arena_reset(s->scratch);
	return s;
}

enum err
svc_auth_send(const struct svc_common_link *to)
{
	struct buf *out = &svc_auth_of(to)->out;
	enum err e = svc_common_link_send(to, out, -1);

	buf_wipe(out);
	return e;
}

/* ---- who asks ------------------------------------------------------------------------------ */

static void
asker_down(struct svc_common_link *l)
{
	struct svc_auth_asker *p = (void *)l;
	struct svc_auth_server *s = svc_auth_of(l);

	svc_auth_now(s);
	svc_auth_exchange_client_gone(&s->auth, &p->client);
}

/* ---- hash workers -------------------------------------------------------------------------- */

static enum err
hash_send(void *ctx, const struct svc_auth_hash_job *job)
{
	struct svc_common_link *worker = ctx;
	struct svc_auth_server *s = svc_auth_of(worker);
	struct ipc_auth_hash_derive m = {
		.request = job->id,
		.algorithm = (uint8_t)job->hash,
		.password = job->password,
		.salt = job->salt,
		.iterations = job->iterations,
	};

	buf_reset(&s->out);
	ipc_auth_hash_derive_put(&s->out, &m);
	return svc_auth_send(worker);
}

static enum err
on_derived(void *ctx, const struct ipc_auth_hash_derived *m, int *fd)
{
	struct svc_common_link *worker = ctx;

	return svc_auth_hasher_answer(svc_auth_of(worker)->auth.hasher, worker->peer, m->request,
	    m->result, m->key);
}

static enum err
from_hash(struct svc_common_link *from, str datagram, int *fd)
{
	static const struct ipc_auth_hash_at_auth handlers = { .derived = on_derived };

	return ipc_auth_hash_auth_dispatch(&handlers, from, datagram, fd,
	    svc_auth_begin(from)->scratch);
}

static void
hash_up(struct svc_common_link *l)
{
	struct svc_auth_hash_worker worker = { .send = hash_send, .ctx = l };
	struct svc_auth_server *s = svc_auth_of(l);

	svc_auth_now(s);
	svc_auth_hasher_up(s->auth.hasher, l->peer, &worker);
}

static void
hash_down(struct svc_common_link *l)
{
	struct svc_auth_server *s = svc_auth_of(l);

	svc_auth_now(s);
	svc_auth_hasher_down(s->auth.hasher, l->peer);
}

/* ---- gates ---------------------------------------------------------------------------------- */

enum { BAN_ROW = 16 + 1 + 8 };

static enum err
from_gate(struct svc_common_link *from, str datagram, int *fd)
{
	static const struct ipc_gate_auth_at_auth handlers;

	return ipc_gate_auth_auth_dispatch(&handlers, from, datagram, fd,
	    svc_auth_begin(from)->scratch);
}

static void
gate_pump(struct svc_common_link *l)
{
	struct svc_auth_gate *p = (void *)l;
	struct svc_auth_server *s = svc_auth_of(l);

	while (p->bans_sent < p->bans.n) {
		struct rd row = rd_make(str_sub(buf_view(&p->bans), p->bans_sent, BAN_ROW));
		struct ipc_gate_auth_ban m = { .prefix = rd_bytes(&row, 16) };

		m.bits = rd_u8(&row);
		m.until_s = rd_i64(&row);
		ASSERT(rd_end(&row) == ERR_OK);
		buf_reset(&s->out);
		ipc_gate_auth_ban_put(&s->out, &m);
		if (svc_auth_send(l) != ERR_OK) {
			return; /* on_drained goes on, or the channel is over */
		}
		p->bans_sent += BAN_ROW;
	}
	p->bans_sent = 0;
	buf_reset(&p->bans);
}

static enum err
gate_add(void *ctx, const struct svc_auth_ban *ban)
{
	struct svc_auth_gate *p = ctx;

	buf_add(&p->bans, ban->prefix.ip, sizeof(ban->prefix.ip));
	wr_u8(&p->bans, ban->prefix.bits);
	wr_i64(&p->bans, ban->until_s);
	return buf_err(&p->bans);
}

/* From nothing: all bans there are. */
static void
gate_up(struct svc_common_link *l)
{
	struct svc_auth_gate *p = (void *)l;
	struct svc_auth_server *s = svc_auth_of(l);
	struct ipc_gate_auth_ban_clear clear = { .all = 1 };
	enum err e;

	svc_auth_now(s);
	buf_reset(&p->bans);
	p->bans_sent = 0;
	buf_reset(&s->out);
	ipc_gate_auth_ban_clear_put(&s->out, &clear);
	e = svc_auth_send(l);
	if (e == ERR_OK) {
		e = svc_auth_guard_bans(s->auth.guard, s->auth.now_s, gate_add, p);
	}
	if (e != ERR_OK) {
		LOG(FAILED, F_CSTR("what", "tell gate of bans"), F_ERR(e));
	}
	gate_pump(l);
}

static void
gate_tell(struct svc_auth_gate *p, const struct svc_auth_ban *ban)
{
	if (gate_add(p, ban) != ERR_OK) {
		gate_up(&p->link); /* it is far behind: begin again */
		return;
	}
	gate_pump(&p->link);
}

/* ---- revocations ---------------------------------------------------------------------------- */

/*
 * Accounts ends the account's sessions, smtp those that submit. A peer that does not hear it would
 * let somebody go on who must not: then the channel is made anew, and on it this is said again.
 */
static bool
send_revoke(struct svc_common_link *to, const struct svc_auth_revocation *r)
{
	struct svc_auth_server *s = svc_auth_of(to);
	struct ipc_accounts_auth_revoke sessions = { .account = r->account, .deleted = r->deleted };
	struct ipc_smtp_auth_revoke submissions = { .account = r->account };
	enum err e;

	buf_reset(&s->out);
	if (to == &s->accounts) {
		ipc_accounts_auth_revoke_put(&s->out, &sessions);
	} else {
		ipc_smtp_auth_revoke_put(&s->out, &submissions);
	}
	e = svc_auth_send(to);
	if (e != ERR_OK) {
		LOG(FAILED, F_CSTR("what", "end sessions of an account"), F_ERR(e));
	}
	if (e != ERR_OK && e != ERR_UNAVAILABLE) { /* that one has ended already */
		svc_common_link_fail(to, e);
	}
	return e == ERR_OK;
}

/* The channel before this one may have ended with revocations in it. */
static void
retell(struct svc_common_link *to)
{
	const struct svc_auth_revoked *known = &svc_auth_of(to)->revoked;
	int64_t since_ms = sys_clock_ms() - SVC_AUTH_RETELL_MS;
	bool heard = true;

	for (size_t i = 0; i < LEN(known->last) && heard; i++) {
		const struct svc_auth_revocation *r = &known->last[i];
		if (r->account != 0 && r->at_ms >= since_ms) {
			heard = send_revoke(to, r);
		}
	}
}

static void
smtp_up(struct svc_common_link *l)
{
	svc_auth_smtp_up(l);
	retell(l);
}

/* ---- the table ----------------------------------------------------------------------------- */

const struct svc_common_edge svc_auth_edges[] = {
	{ S_INIT("smtp_auth"), SVC_COMMON_LINKS_IN(struct svc_auth_server, smtps), .secret = true,
	    .on_message = svc_auth_from_smtp, .on_up = smtp_up, .on_down = asker_down },
	{ S_INIT("login_auth"), SVC_COMMON_LINKS_IN(struct svc_auth_server, login), .secret = true,
	    .on_message = svc_auth_from_login, .on_up = svc_auth_login_up, .on_down = asker_down },
	{ S_INIT("accounts_auth"), SVC_COMMON_LINKS(struct svc_auth_server, accounts),
	    .on_message = svc_auth_from_accounts, .on_up = retell },
	{ S_INIT("policy_auth"), SVC_COMMON_LINKS(struct svc_auth_server, policy),
	    .on_message = svc_auth_from_policy },
	{ S_INIT("gate_auth"), SVC_COMMON_LINKS_IN(struct svc_auth_server, gates),
	    .on_message = from_gate, .on_up = gate_up, .on_drained = gate_pump },
	{ S_INIT("auth_hash"), SVC_COMMON_LINKS(struct svc_auth_server, hashes), .secret = true,
	    .on_message = from_hash, .on_up = hash_up, .on_down = hash_down },
	{ .n = 0 },
};

/* ---- hooks --------------------------------------------------------------------------------- */

static enum err
grant(void *ctx, const struct svc_auth_grant *g)
{
	struct svc_auth_server *s = ctx;
	struct ipc_accounts_auth_grant m = {
		.ticket = g->ticket,
		.account = g->account,
		.name = g->name,
		.quota_octets = g->quota_octets,
		.quota_messages = g->quota_messages,
		.scope = g->scope,
	};

	buf_reset(&s->out);
	ipc_accounts_auth_grant_put(&s->out, &m);
	return svc_auth_send(&s->accounts);
}

int64_t
svc_auth_revoked_ms(const struct svc_auth_server *s, uint64_t account)
{
	const struct svc_auth_revoked *r = &s->revoked;
	int64_t at_ms = r->floor_ms;

	for (size_t i = 0; i < LEN(r->last); i++) {
		if (r->last[i].account == account) {
			at_ms = MAX(at_ms, r->last[i].at_ms);
		}
	}
	return at_ms;
}

static struct svc_auth_revocation
note_revoked(struct svc_auth_server *s, uint64_t account, bool deleted)
{
	struct svc_auth_revoked *r = &s->revoked;
	size_t at = r->next++ % LEN(r->last);

	r->floor_ms = MAX(r->floor_ms, r->last[at].at_ms);
	r->last[at] = (struct svc_auth_revocation){ account, sys_clock_ms(), deleted };
	return r->last[at];
}

static void
revoke(void *ctx, uint64_t account, bool deleted)
{
	struct svc_auth_server *s = ctx;
	const struct svc_auth_revocation r = note_revoked(s, account, deleted);

	if (s->accounts.chan != NULL) {
		(void)send_revoke(&s->accounts, &r);
	}
	for (size_t i = 0; i < LEN(s->smtps); i++) {
		if (s->smtps[i].link.chan != NULL) {
			(void)send_revoke(&s->smtps[i].link, &r);
		}
	}
}

static void
ban(void *ctx, const struct svc_auth_ban *b)
{
	struct svc_auth_server *s = ctx;

	for (size_t i = 0; i < LEN(s->gates); i++) {
		if (s->gates[i].link.chan != NULL) {
			gate_tell(&s->gates[i], b);
		}
	}
}

struct svc_auth_hooks
svc_auth_peer_hooks(struct svc_auth_server *s)
{
	return (struct svc_auth_hooks){ grant, revoke, ban, s };
}
