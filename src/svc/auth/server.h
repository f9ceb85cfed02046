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
	SVC_AUTH_PEERS_MAX = 512,
	SVC_AUTH_TICK_MS = 5000,
	SVC_AUTH_BANS_OCTETS = 4 << 20, /* bans that wait for one slow gate */
};

struct svc_auth_edge;
struct ipc_smtp_auth_rcpt;

/* Who was revoked lately, for an accounts process that did not hear it. */
enum { SVC_AUTH_REVOKED_MAX = 256 };
struct svc_auth_revoked {
	int64_t floor_ms; /* what was forgotten is not younger; at first, our own start */
	struct {
		uint64_t account;
		int64_t at_ms;
	} last[SVC_AUTH_REVOKED_MAX];
	size_t next;
};

struct svc_auth_server {
	struct svc_common *sc;
	struct directory *directory;
	struct svc_auth auth;
	struct svc_auth_admin *admin;
	struct list peers;
	size_t peers_n;
	struct arena *scratch; /* of the message at hand */
	struct buf out;
	struct sys_timer tick;
	struct svc_auth_revoked revoked;
	char hostname[256];
};

/* One channel to another process. */
struct svc_auth_peer {
	struct list node;
	struct svc_auth_server *server;
	const struct svc_auth_edge *edge;
	uint32_t index;
	struct sys_chan *chan;
	struct svc_auth_client client; /* smtp and login */
	struct buf bans;               /* gates: what is still to be sent */
	size_t bans_sent;
};

/* Sessions of this account that were let in before this moment may have been revoked. */
int64_t svc_auth_revoked_ms(const struct svc_auth_server *s, uint64_t account);
/* Send what was put into server->out, and overwrite it. */
enum err svc_auth_peer_send(struct svc_auth_peer *p);

/* Take a new channel; fd is ours. ERR_UNSUPPORTED: not an edge of auth; ERR_TOOMANY. */
enum err svc_auth_peer_up(struct svc_auth_server *s, str edge, uint32_t index, int fd);
/* Close all channels. */
void svc_auth_peers_close(struct svc_auth_server *s);
/* The core's hooks, carried out over the channels. */
struct svc_auth_hooks svc_auth_peer_hooks(struct svc_auth_server *s);

/* Messages of the edges; ctx is the peer. */
enum err svc_auth_smtp_message(struct svc_auth_peer *p, str datagram, int *fd);
enum err svc_auth_login_message(struct svc_auth_peer *p, str datagram, int *fd);
enum err svc_auth_accounts_message(struct svc_auth_peer *p, str datagram, int *fd);
enum err svc_auth_policy_message(struct svc_auth_peer *p, str datagram, int *fd);
/* Fill in the client's functions. */
void svc_auth_smtp_client(struct svc_auth_peer *p);
void svc_auth_login_client(struct svc_auth_peer *p);

/* What smtp asks; replies. */
enum err svc_auth_lookup_rcpt(struct svc_auth_peer *p, const struct ipc_smtp_auth_rcpt *q);
enum err svc_auth_lookup_sender(struct svc_auth_peer *p, uint64_t request, uint64_t account,
    str address);
/* What accounts asks; replies. */
enum err svc_auth_lookup_account(struct svc_auth_peer *p, uint64_t request, uint64_t account);

/* The functions of struct svc_common_service. */
enum err svc_auth_profile(struct svc_common *sc, struct sys_sandbox_profile *p);
enum err svc_auth_init(struct svc_common *sc);
enum err svc_auth_serve(struct svc_common *sc);
enum err svc_auth_on_wire(struct svc_common *sc, str edge, uint32_t peer, str set, int fd);
void svc_auth_on_reload(struct svc_common *sc);
void svc_auth_on_status(struct svc_common *sc, struct buf *facts);
void svc_auth_on_quit(struct svc_common *sc, uint32_t grace_ms);
enum err svc_auth_on_admin(struct svc_common *sc, struct sys_chan *from, str datagram, int *fd);
void svc_auth_on_admin_closed(struct svc_common *sc, struct sys_chan *from);

/* Read the clocks; before anything is passed on to the core. */
void svc_auth_now(struct svc_auth_server *s);

#endif
