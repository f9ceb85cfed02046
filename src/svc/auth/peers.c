/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Channels: one struct svc_auth_peer each, replaced when its process is started again. What waited
 * for a peer that is gone ends here.
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

struct svc_auth_edge {
	str name;
	enum err (*on_message)(struct svc_auth_peer *p, str datagram, int *fd);
	void (*on_up)(struct svc_auth_peer *p);
	void (*on_down)(struct svc_auth_peer *p);
	void (*on_drained)(struct svc_auth_peer *p);
	bool secret; /* messages hold passwords: overwrite them afterwards */
};

enum err
svc_auth_peer_send(struct svc_auth_peer *p)
{
	struct buf *out = &p->server->out;
	enum err e = p->chan == NULL ? ERR_UNAVAILABLE : sys_chan_send(p->chan, out, -1);

	buf_wipe(out);
	return e;
}

/* ---- clients ------------------------------------------------------------------------------- */

static void
client_down(struct svc_auth_peer *p)
{
	svc_auth_exchange_client_gone(&p->server->auth, &p->client);
}

/* ---- hash workers -------------------------------------------------------------------------- */

static enum err
hash_send(void *ctx, const struct svc_auth_hash_job *job)
{
	struct svc_auth_peer *p = ctx;
	struct ipc_auth_hash_derive m = {
		.request = job->id,
		.algorithm = (uint8_t)job->hash,
		.password = job->password,
		.salt = job->salt,
		.iterations = job->iterations,
	};

	buf_reset(&p->server->out);
	ipc_auth_hash_derive_put(&p->server->out, &m);
	return svc_auth_peer_send(p);
}

static enum err
on_derived(void *ctx, const struct ipc_auth_hash_derived *m, int *fd)
{
	struct svc_auth_peer *p = ctx;

	return svc_auth_hasher_answer(p->server->auth.hasher, p->index, m->request, m->result,
	    m->key);
}

static enum err
hash_message(struct svc_auth_peer *p, str datagram, int *fd)
{
	static const struct ipc_auth_hash_at_auth handlers = { .derived = on_derived };

	return ipc_auth_hash_auth_dispatch(&handlers, p, datagram, fd, p->server->scratch);
}

static void
hash_up(struct svc_auth_peer *p)
{
	struct svc_auth_hash_worker worker = { .send = hash_send, .ctx = p };

	svc_auth_hasher_up(p->server->auth.hasher, p->index, &worker);
}

static void
hash_down(struct svc_auth_peer *p)
{
	svc_auth_hasher_down(p->server->auth.hasher, p->index);
}

/* ---- gates: every ban goes through the peer's own queue, so that the order stays ---------------
 */

enum { BAN_ROW = 16 + 1 + 8 };

static enum err
gate_message(struct svc_auth_peer *p, str datagram, int *fd)
{
	static const struct ipc_gate_auth_at_auth handlers;

	return ipc_gate_auth_auth_dispatch(&handlers, p, datagram, fd, p->server->scratch);
}

static void
gate_pump(struct svc_auth_peer *p)
{
	while (p->bans_sent < p->bans.n) {
		struct rd row = rd_make(str_sub(buf_view(&p->bans), p->bans_sent, BAN_ROW));
		struct ipc_gate_auth_ban m = { .prefix = rd_bytes(&row, 16) };

		m.bits = rd_u8(&row);
		m.until_s = rd_i64(&row);
		ASSERT(rd_end(&row) == ERR_OK);
		buf_reset(&p->server->out);
		ipc_gate_auth_ban_put(&p->server->out, &m);
		if (svc_auth_peer_send(p) != ERR_OK) {
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
	struct svc_auth_peer *p = ctx;

	buf_add(&p->bans, ban->prefix.ip, sizeof(ban->prefix.ip));
	wr_u8(&p->bans, ban->prefix.bits);
	wr_i64(&p->bans, ban->until_s);
	return buf_err(&p->bans);
}

/* From nothing: all bans there are. */
static void
gate_up(struct svc_auth_peer *p)
{
	struct ipc_gate_auth_ban_clear clear = { .all = 1 };
	enum err e;

	buf_reset(&p->bans);
	p->bans_sent = 0;
	buf_reset(&p->server->out);
	ipc_gate_auth_ban_clear_put(&p->server->out, &clear);
	e = svc_auth_peer_send(p);
	if (e == ERR_OK) {
		e = svc_auth_guard_bans(p->server->auth.guard, p->server->auth.now_s, gate_add, p);
	}
	if (e != ERR_OK) {
		LOG(FAILED, F_CSTR("what", "tell gate of bans"), F_ERR(e));
	}
	gate_pump(p);
}

static void
gate_tell(struct svc_auth_peer *p, const struct svc_auth_ban *ban)
{
	if (gate_add(p, ban) != ERR_OK) {
		gate_up(p); /* it is far behind: begin again */
		return;
	}
	gate_pump(p);
}

/* ---- the table ----------------------------------------------------------------------------- */

static const struct svc_auth_edge edges[] = {
	{ .name = S_INIT("smtp_auth"),
	    .on_message = svc_auth_smtp_message,
	    .on_up = svc_auth_smtp_client,
	    .on_down = client_down,
	    .secret = true },
	{ .name = S_INIT("login_auth"),
	    .on_message = svc_auth_login_message,
	    .on_up = svc_auth_login_client,
	    .on_down = client_down,
	    .secret = true },
	{ .name = S_INIT("accounts_auth"), .on_message = svc_auth_accounts_message },
	{ .name = S_INIT("policy_auth"), .on_message = svc_auth_policy_message },
	{ .name = S_INIT("gate_auth"),
	    .on_message = gate_message,
	    .on_up = gate_up,
	    .on_drained = gate_pump },
	{ .name = S_INIT("auth_hash"),
	    .on_message = hash_message,
	    .on_up = hash_up,
	    .on_down = hash_down,
	    .secret = true },
};

static const struct svc_auth_edge *
edge_of(str name)
{
	for (size_t i = 0; i < LEN(edges); i++) {
		if (str_eq(edges[i].name, name)) {
			return &edges[i];
		}
	}
	return NULL;
}

/* ---- channels ------------------------------------------------------------------------------ */

static void
close_peer(struct svc_auth_peer *p)
{
	if (p->chan == NULL) {
		return;
	}
	sys_chan_free(&p->chan);
	if (p->edge->on_down != NULL) {
		p->edge->on_down(p);
	}
}

static enum err
on_message(void *ctx, str datagram, int *fd)
{
	struct svc_auth_peer *p = ctx;
	bool secret = p->edge->secret;
	enum err e;

	svc_auth_now(p->server);
	arena_reset(p->server->scratch);
	e = p->edge->on_message(p, datagram, fd);
	if (secret) {
		mem_wipe((void *)(uintptr_t)datagram.p, datagram.n);
	}
	return e;
}

static void
on_closed(void *ctx, enum err why)
{
	struct svc_auth_peer *p = ctx;
	struct svc_common *sc = p->server->sc;

	svc_auth_now(p->server);
	close_peer(p);
	if (why != ERR_EOF) {
		LOG(CHANNEL_CLOSED, F_STR("edge", p->edge->name), F_U64("peer", p->index),
		    F_ERR(why));
		svc_common_rewire(sc, p->edge->name, p->index);
	}
}

static void
on_drained(void *ctx)
{
	struct svc_auth_peer *p = ctx;

	if (p->edge->on_drained != NULL) {
		p->edge->on_drained(p);
	}
}

static struct svc_auth_peer *
peer_of(struct svc_auth_server *s, const struct svc_auth_edge *edge, uint32_t index)
{
	struct svc_auth_peer *p;

	LIST_EACH(node, &s->peers) {
		p = LIST_ENTRY(node, struct svc_auth_peer, node);
		if (p->edge == edge && p->index == index) {
			return p;
		}
	}
	p = s->peers_n < SVC_AUTH_PEERS_MAX ? mem_zalloc(1, sizeof(*p)) : NULL;
	if (p != NULL) {
		p->server = s;
		p->edge = edge;
		p->index = index;
		list_init(&p->node);
		list_push(&s->peers, &p->node);
		buf_init(&p->bans, SVC_AUTH_BANS_OCTETS);
		s->peers_n++;
	}
	return p;
}

enum err
svc_auth_peer_up(struct svc_auth_server *s, str name, uint32_t index, int fd)
{
	const struct svc_auth_edge *edge = edge_of(name);
	struct svc_auth_peer *p = NULL;
	struct sys_chan_handler h = {
		.on_message = on_message, .on_closed = on_closed, .on_drained = on_drained
	};

	if (edge != NULL && (edge->on_up != hash_up || index < SVC_AUTH_HASH_WORKERS)) {
		p = peer_of(s, edge, index);
	}
	if (p == NULL) {
		sys_close(&fd);
		return edge == NULL ? ERR_UNSUPPORTED : ERR_TOOMANY;
	}
	close_peer(p);
	h.ctx = p;
	TRY(sys_chan_new(s->sc->loop, fd, &h, &p->chan));
	if (edge->on_up != NULL) {
		edge->on_up(p);
	}
	return ERR_OK;
}

void
svc_auth_peers_close(struct svc_auth_server *s)
{
	LIST_EACH(node, &s->peers) {
		struct svc_auth_peer *p = LIST_ENTRY(node, struct svc_auth_peer, node);

		close_peer(p);
		list_remove(&p->node);
		buf_done(&p->bans);
		mem_drop(p);
	}
	s->peers_n = 0;
}

/* ---- hooks --------------------------------------------------------------------------------- */

static struct svc_auth_peer *
accounts_peer(struct svc_auth_server *s)
{
	LIST_EACH(node, &s->peers) {
		struct svc_auth_peer *p = LIST_ENTRY(node, struct svc_auth_peer, node);

		if (p->edge->on_message == svc_auth_accounts_message && p->chan != NULL) {
			return p;
		}
	}
	return NULL;
}

static enum err
grant(void *ctx, const struct svc_auth_grant *g)
{
	struct svc_auth_server *s = ctx;
	struct svc_auth_peer *p = accounts_peer(s);
	struct ipc_accounts_auth_grant m = {
		.ticket = g->ticket,
		.account = g->account,
		.name = g->name,
		.quota_octets = g->quota_octets,
		.quota_messages = g->quota_messages,
		.scope = g->scope,
	};

	if (p == NULL) {
		return ERR_UNAVAILABLE;
	}
	buf_reset(&s->out);
	ipc_accounts_auth_grant_put(&s->out, &m);
	return svc_auth_peer_send(p);
}

/* Accounts ends the account's sessions, smtp those that submit. */
static void
revoke_at(struct svc_auth_peer *p, uint64_t account, bool deleted)
{
	struct ipc_accounts_auth_revoke sessions = { .account = account, .deleted = deleted };
	struct ipc_smtp_auth_revoke submissions = { .account = account };
	struct svc_auth_server *s = p->server;
	enum err e;

	buf_reset(&s->out);
	if (p->edge->on_message == svc_auth_accounts_message) {
		ipc_accounts_auth_revoke_put(&s->out, &sessions);
	} else {
		ipc_smtp_auth_revoke_put(&s->out, &submissions);
	}
	e = svc_auth_peer_send(p);
	if (e != ERR_OK) {
		LOG(FAILED, F_CSTR("what", "end sessions of an account"), F_ERR(e));
	}
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

static void
note_revoked(struct svc_auth_server *s, uint64_t account)
{
	struct svc_auth_revoked *r = &s->revoked;
	size_t at = r->next++ % LEN(r->last);

	r->floor_ms = MAX(r->floor_ms, r->last[at].at_ms);
	r->last[at].account = account;
	r->last[at].at_ms = sys_clock_ms();
}

static void
revoke(void *ctx, uint64_t account, bool deleted)
{
	struct svc_auth_server *s = ctx;

	note_revoked(s, account);
	LIST_EACH(node, &s->peers) {
		struct svc_auth_peer *p = LIST_ENTRY(node, struct svc_auth_peer, node);
		bool holds = p->edge->on_message == svc_auth_accounts_message ||
		    p->edge->on_message == svc_auth_smtp_message;

		if (holds && p->chan != NULL) {
			revoke_at(p, account, deleted);
		}
	}
}

static void
ban(void *ctx, const struct svc_auth_ban *b)
{
	struct svc_auth_server *s = ctx;

	LIST_EACH(node, &s->peers) {
		struct svc_auth_peer *p = LIST_ENTRY(node, struct svc_auth_peer, node);

		if (p->edge->on_up == gate_up && p->chan != NULL) {
			gate_tell(p, b);
		}
	}
}

struct svc_auth_hooks
svc_auth_peer_hooks(struct svc_auth_server *s)
{
	return (struct svc_auth_hooks){ grant, revoke, ban, s };
}
