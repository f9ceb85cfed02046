/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gate process: everything its files share. A connection (struct svc_gate_conn) owns its
 * socket, its TLS and its end of the session's stream; svc_gate_conn_close is the one way to its
 * end.
 *
 *	accept.c -> conn.c -> [plain.c] -> tls handshake -> peers.c (session handed out) -> relay.c
 */
#ifndef SVC_GATE_GATE_H
#define SVC_GATE_GATE_H

#include "base/list.h"
#include "base/lru.h"
#include "proto/preauth/preauth.h"
#include "svc/common/service.h"
#include "svc/gate/bans.h"
#include "svc/gate/certs.h"
#include "svc/gate/counts.h"
#include "svc/gate/limits.h"
#include "svc/gate/signer.h"
#include "svc/gate/tls.h"

/* Who serves a session after TLS. */
enum svc_gate_service { SVC_GATE_MX, SVC_GATE_SUBMISSION, SVC_GATE_LOGIN, SVC_GATE_SERVICES };

/* The processes that serve one kind of sessions. */
struct svc_gate_peers {
	struct svc_common_link list[SVC_GATE_PEERS_MAX];
	size_t next;
};

struct svc_gate_listener {
	struct svc_gate *g;
	struct sys_watch watch;
	enum sys_protocol protocol;
	unsigned taken; /* since it stepped to the end of the kernel's list */
};

/* A connection's life. Legal steps are in conn.c. */
enum svc_gate_state {
	SVC_GATE_PROXY, /* a balancer's header comes first */
	SVC_GATE_WAIT,  /* a stranger, for its greeting */
	SVC_GATE_PLAIN, /* preauth engine, before TLS */
	SVC_GATE_HANDSHAKE,
	SVC_GATE_RELAY,  /* octets both ways */
	SVC_GATE_PARKED, /* nobody serves it: the next octet or change makes somebody */
	SVC_GATE_DRAIN,  /* client gone; the service still takes its last octets */
	SVC_GATE_LINGER, /* service done; everything is sent, the client ends */
	SVC_GATE_DEAD,   /* closed; freed at the end of the turn */
	SVC_GATE_STATES
};

/* Octets that could not be moved on yet; memory only while there are some. */
struct svc_gate_rest {
	char *p;
	uint32_t at, n; /* [at, n) is left */
};

struct svc_gate_parked; /* park.c */

struct svc_gate_conn {
	uint32_t magic;
	uint8_t state;    /* enum svc_gate_state */
	uint8_t protocol; /* enum sys_protocol */
	uint8_t manners;
	bool greeted;       /* TLS by STARTTLS */
	bool tls_after;     /* plaintext output goes first, then the handshake */
	bool close_after;   /* plaintext output goes first, then the end */
	bool app_ended;     /* the service closed its end */
	bool tls_wants_out; /* OpenSSL has something of its own to send */
	uint32_t lingered;  /* octets thrown away after the end */
	struct list node;   /* in g->conns, then g->dead */
	struct svc_gate *g;
	uint64_t id;
	struct sys_watch net, app;
	struct sys_timer timer;
	struct svc_common_tls tls;
	struct preauth *plain; /* until TLS */
	struct buf *header;    /* PROXY header, while it is read */
	struct svc_gate_rest to_app, to_net;
	uint64_t taken; /* octets given to this stream, those in to_app among them */
	struct svc_gate_parked *parked; /* in state PARKED */
	struct sys_addr peer, local;
	struct svc_gate_share share;
	uint64_t octets_in, octets_out; /* inside TLS */
	uint64_t out_seen;              /* octets_out when the client was last seen to read */
	int64_t begun_ms;
	const char *why; /* reason of the end; static */
};

/* Why somebody is not let in. */
enum svc_gate_refusal {
	SVC_GATE_WELCOME,
	SVC_GATE_BANNED,
	SVC_GATE_FULL,    /* gate.connections */
	SVC_GATE_ADDRESS, /* gate.connections-per-address */
	SVC_GATE_NETWORK, /* gate.connections-per-prefix */
	SVC_GATE_MEMORY,
	SVC_GATE_HEADER, /* a balancer's header is wrong */
	SVC_GATE_REFUSALS
};

struct svc_gate_facts {
	uint64_t accepted, handshakes, handshakes_failed, tls12, tls13, sessions, nobody;
	uint64_t injections, timeouts, octets_in, octets_out, log_suppressed;
	uint64_t parked, woken, park_refused;
	uint64_t waited, early,
	    hasty; /* strangers, who spoke first, who did not wait for an answer */
	uint64_t refused[SVC_GATE_REFUSALS];
};

struct svc_gate {
	struct svc_common *sc;
	struct svc_gate_listener listeners[SVC_GATE_LISTENERS_MAX];
	size_t listeners_n;
	int spare_fd;                 /* spent when descriptors run out */
	struct sys_timer accept_rest; /* then nobody is taken in */
	struct svc_gate_bans bans;
	struct svc_gate_counts counts;
	struct lru *behaved; /* addresses of mail servers that did lately */
	struct svc_gate_certs certs;
	struct svc_gate_signer signer;
	struct svc_gate_peers services[SVC_GATE_SERVICES];
	struct svc_common_link auth, accounts;
	struct map *sessions; /* id -> connection that login serves, or that rests */
	struct buf message;   /* one to accounts */
	struct buf gone; /* ids of resting sessions that ended and accounts does not know yet */
	size_t parked_n;
	struct sys_timer orphans; /* accounts has ended; then nobody will confirm who rests */
	struct sys_prefix balancers[SVC_GATE_BALANCERS_MAX];
	size_t balancers_n;
	struct preauth_conf preauth[PREAUTH_PROTOCOLS];
	struct list conns, dead;
	size_t conns_n, conns_peak;
	struct arena *tick; /* one message of auth */
	struct sys_task reaper;
	struct sys_timer grace;
	bool quitting;
	uint32_t ids; /* counter in session ids */
	int64_t log_second;
	unsigned log_refusals;
	struct svc_gate_facts facts;
	char chunk[SVC_GATE_CHUNK]; /* what is being moved right now */
};

/* gate.c: the whole process's state. In: conf and loop of sc. ERR_NOMEM, ERR_CONFIG. */
enum err svc_gate_init(struct svc_gate *g, struct svc_common *sc);
void svc_gate_done(struct svc_gate *g);
/* Finish: the process ends when the last connection has, or after grace_ms. */
void svc_gate_quit(struct svc_gate *g, uint32_t grace_ms);
/* Settings that may change while running. ERR_CONFIG */
enum err svc_gate_settings(struct svc_gate *g);

/* accept.c */
enum err svc_gate_listen(struct svc_gate *g, enum sys_protocol protocol, int fd);
enum err svc_gate_listen_start(struct svc_gate *g);
void svc_gate_listen_stop(struct svc_gate *g);
void svc_gate_listen_again(void *gate);
/* A connection came. fd is taken, whatever happens. */
void svc_gate_admit(struct svc_gate *g, enum sys_protocol protocol, int fd,
    const struct sys_addr *peer);
/* Bans and limits for the address in c->peer. */
enum svc_gate_refusal svc_gate_judge(struct svc_gate_conn *c);
/* Count it, log it, and say a word to those who are only too many. */
void svc_gate_refuse(struct svc_gate *g, enum sys_protocol protocol, int fd,
    const struct sys_addr *peer, enum svc_gate_refusal why);
const char *svc_gate_refusal_name(enum svc_gate_refusal why);

/* conn.c */
/* c->peer is known: judge, then greet or start the handshake. */
void svc_gate_conn_begin(struct svc_gate_conn *c);
enum err svc_gate_conn_new(struct svc_gate *g, enum sys_protocol protocol, int fd,
    struct svc_gate_conn **ret);
void svc_gate_conn_go(struct svc_gate_conn *c, enum svc_gate_state to);
/* The one end: everything it owns is closed and given back; memory goes at the end of the turn. */
void svc_gate_conn_close(struct svc_gate_conn *c, const char *why);
/* Not let in: a word if there is one, and the end. */
void svc_gate_conn_refuse(struct svc_gate_conn *c, enum svc_gate_refusal why);
/* The plaintext part is over: take up TLS. */
void svc_gate_conn_handshake(struct svc_gate_conn *c);
/* Say the protocol's good-bye if there is still somebody to hear it, and close. */
void svc_gate_conn_dismiss(struct svc_gate_conn *c, enum preauth_close why);

/* plain.c: before TLS, and the balancer's header before that. */
enum err svc_gate_plain_begin(struct svc_gate_conn *c);
void svc_gate_plain_event(struct svc_gate_conn *c, unsigned events);
void svc_gate_plain_end(struct svc_gate_conn *c, enum preauth_close why);
void svc_gate_plain_done(struct svc_gate_conn *c);
enum err svc_gate_header_begin(struct svc_gate_conn *c);
void svc_gate_header_event(struct svc_gate_conn *c);
enum preauth_protocol svc_gate_preauth_protocol(enum sys_protocol protocol);

/* peers.c */
enum err svc_gate_from_peer(struct svc_common_link *from, str datagram, int *fd);
enum err svc_gate_from_auth(struct svc_common_link *from, str datagram, int *fd);
enum svc_gate_service svc_gate_service_of(enum sys_protocol protocol);
/* Give c's session to a process. ERR_UNAVAILABLE: nobody takes it; ERR_NOFD. */
enum err svc_gate_hand_out(struct svc_gate_conn *c, const struct svc_gate_tls_facts *f,
    int *ret_stream);

/* relay.c */
void svc_gate_relay_begin(struct svc_gate_conn *c, int stream);
void svc_gate_relay_net(struct svc_gate_conn *c, unsigned events);
void svc_gate_relay_app(void *conn, unsigned events);
void svc_gate_relay_done(struct svc_gate_conn *c);

/* relay.c, for park.c */
/* Move what the service has written to the client. False: more than SVC_GATE_LEFT_OCTETS. */
bool svc_gate_relay_drain(struct svc_gate_conn *c);
/* Nothing waits to be moved, and the service has not ended. */
bool svc_gate_relay_is_quiet(const struct svc_gate_conn *c);
/* The descriptor may be read again in this turn. */
void svc_gate_relay_allow(struct svc_gate_conn *c);
/* Read what the client sent into c->to_app. AGAIN: that was all; EOF, TLS, NOMEM. */
enum err svc_gate_relay_take(struct svc_gate_conn *c, bool *ret_some);
enum err svc_gate_relay_flush(struct svc_gate_conn *c);
/* A line of our own; left out when the client does not take what it has got. */
enum err svc_gate_relay_say(struct svc_gate_conn *c, str text);
/* Watch a resting connection. */
void svc_gate_relay_watch(struct svc_gate_conn *c);
/* Last words, close_notify, and then the client's end. */
void svc_gate_relay_farewell(struct svc_gate_conn *c, str text);

/* park.c: sessions without a process. */
enum err svc_gate_from_accounts(struct svc_common_link *from, str datagram, int *fd);
void svc_gate_accounts_up(struct svc_common_link *l);
void svc_gate_accounts_down(struct svc_common_link *l);
void svc_gate_accounts_drained(struct svc_common_link *l);
void svc_gate_park_net(struct svc_gate_conn *c, unsigned events);
void svc_gate_park_time(struct svc_gate_conn *c);
void svc_gate_park_wake(struct svc_gate_conn *c);
/* Say good-bye to a resting client. */
void svc_gate_park_end(struct svc_gate_conn *c, enum preauth_close why);
/* A timer: nobody has confirmed these resting sessions. */
void svc_gate_park_orphans_end(void *gate);
/* The connection ends: give back what it holds, tell accounts. */
void svc_gate_park_done(struct svc_gate_conn *c);

/* status.c */
void svc_gate_status(struct svc_gate *g, struct buf *facts);

#endif
