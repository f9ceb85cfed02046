/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process around the core: channels to other processes, the loop's timers, settings. server.c
 * is its life, peers.c the channels, peer_sasl.c and lookup.c what comes in on them, profile.c the
 * sandbox.
 */
#ifndef SVC_AUTH_SERVER_H
#define SVC_AUTH_SERVER_H

#include "svc/auth/admin.h"
#include "svc/auth/auth.h"
#include "svc/auth/exchange.h"
#include "svc/common/service.h"

enum {
	SVC_AUTH_SMTPS_MAX = 128, /* both sets: twice the bound of setting smtp.processes */
	SVC_AUTH_GATES_MAX = 64,  /* bound of setting gate.processes */
	SVC_AUTH_TICK_MS = 5000,
	SVC_AUTH_BANS_OCTETS = 4 << 20, /* bans that wait for one slow gate */
};

/* A process that logs people in. */
struct svc_auth_asker {
	struct svc_common_link link;
	struct svc_auth_client client;
};

/* A gate: every ban goes through its own queue, so that the order stays. */
struct svc_auth_gate {
	struct svc_common_link link;
	struct buf bans; /* still to be sent */
	size_t bans_sent;
};

/* Who was revoked lately, for an accounts or smtp process that did not hear it. */
enum {
	SVC_AUTH_REVOKED_MAX = 256,
	SVC_AUTH_RETELL_MS = 600000, /* so young ones are said again on a new channel */
};
struct svc_auth_revocation {
	uint64_t account;
	int64_t at_ms;
	bool deleted;
};
struct svc_auth_revoked {
	int64_t floor_ms; /* what was forgotten is not younger; at first, our own start */
	struct svc_auth_revocation last[SVC_AUTH_REVOKED_MAX];
	size_t next;
};

struct svc_auth_server {
	struct svc_common *sc;
	struct directory *directory;
	struct svc_auth auth;
	struct svc_auth_admin *admin;
	struct svc_auth_asker smtps[SVC_AUTH_SMTPS_MAX], login[1];
	struct svc_auth_gate gates[SVC_AUTH_GATES_MAX];
	struct svc_common_link hashes[SVC_AUTH_HASH_WORKERS], accounts, policy;
	struct arena *scratch; /* of the message at hand */
	struct buf out;
	struct sys_timer tick;
	struct svc_auth_revoked revoked;
	char hostname[256];
};

/* The process that a link belongs to. */
static inline struct svc_auth_server *
svc_auth_of(const struct svc_common_link *l)
{
	return l->sc->ctx;
}

/* The same when a message comes: the clocks are read, what the last one took is given back. */
struct svc_auth_server *svc_auth_begin(const struct svc_common_link *l);
/* Sessions of this account that were let in before this moment may have been revoked. */
int64_t svc_auth_revoked_ms(const struct svc_auth_server *s, uint64_t account);
/* Send what was put into server->out, and overwrite it. */
enum err svc_auth_send(const struct svc_common_link *to);

/* Its links to peers. */
extern const struct svc_common_edge svc_auth_edges[];
/* The core's hooks, carried out over the channels. */
struct svc_auth_hooks svc_auth_peer_hooks(struct svc_auth_server *s);

/* Messages of the edges. */
enum err svc_auth_from_smtp(struct svc_common_link *from, str datagram, int *fd);
enum err svc_auth_from_login(struct svc_common_link *from, str datagram, int *fd);
enum err svc_auth_from_accounts(struct svc_common_link *from, str datagram, int *fd);
enum err svc_auth_from_policy(struct svc_common_link *from, str datagram, int *fd);
/* Fill in the client's functions. */
void svc_auth_smtp_up(struct svc_common_link *l);
void svc_auth_login_up(struct svc_common_link *l);

/* What smtp asks; replies. ctx: its link. */
struct ipc_smtp_auth_rcpt;
struct ipc_smtp_auth_sender;
enum err svc_auth_on_rcpt(void *ctx, const struct ipc_smtp_auth_rcpt *q, int *fd);
enum err svc_auth_on_sender(void *ctx, const struct ipc_smtp_auth_sender *q, int *fd);

/* The functions of struct svc_common_service. */
enum err svc_auth_profile(struct svc_common *sc, struct sys_sandbox_profile *p);
enum err svc_auth_init(struct svc_common *sc);
enum err svc_auth_serve(struct svc_common *sc);
void svc_auth_on_reload(struct svc_common *sc);
void svc_auth_on_status(struct svc_common *sc, struct buf *facts);
void svc_auth_on_quit(struct svc_common *sc, uint32_t grace_ms);
enum err svc_auth_on_admin(struct svc_common *sc, struct sys_chan *from, str datagram, int *fd);
void svc_auth_on_admin_closed(struct svc_common *sc, struct sys_chan *from);

/* Read the clocks; before anything is passed on to the core. */
void svc_auth_now(struct svc_auth_server *s);

#endif
