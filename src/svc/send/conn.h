/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A connection and the letter it carries. It makes a trip: from one address of a route to the next
 * until a server takes it in, then letter after letter, then it rests for a while in case there is
 * more for the same server under the same demands. conn.c is its life, talk.c what it says.
 */
#ifndef SVC_SEND_CONN_H
#define SVC_SEND_CONN_H

#include "proto/smtpc/smtpc.h"
#include "svc/send/attempt.h"

enum svc_send_conn_state {
	SVC_SEND_DIALLING,
	SVC_SEND_TALKING,
	SVC_SEND_HANDSHAKE,
	SVC_SEND_IDLE,    /* taken in, no letter */
	SVC_SEND_LEAVING, /* QUIT is said */
	SVC_SEND_GONE,    /* to be freed */
};

struct svc_send_conn {
	struct list all;               /* in svc_send.conns, or dead */
	struct list idle_all, idle_op; /* in svc_send.idle, op->idle */
	struct svc_send *server;
	struct arena *arena;
	enum svc_send_conn_state state;
	struct svc_send_operator *op; /* held and counted */
	struct svc_send_route *route; /* held; NULL: idle or leaving */
	const struct svc_send_host *host;
	struct svc_send_letter *letter;
	struct svc_send_place places[SVC_SEND_TRIP_MAX];
	size_t places_n, at;

	struct sys_watch watch;
	struct sys_timer timer;
	struct smtpc engine;
	bool engine_on, tls_on;
	struct svc_send_tls tls;
	char key[SVC_SEND_KEY_MAX]; /* host and demands, by which it may be used again */
	size_t key_n;
	uint8_t peer[16], source[16];
	int64_t born_ms;
	uint32_t letters; /* begun on this connection */

	/* of this connection, for its records */
	bool ready; /* taken in: counted in route->ready_n while it works for one */
	bool has_tls, timed_out;
	int broken; /* errno that ended it */
	struct svc_send_tls_facts facts;
	uint8_t dane, sts;
	enum reach_tls soft_tls; /* what a policy in testing would have stopped */
	uint64_t sent, received;

	/* of the transaction */
	struct svc_send_attempt attempt;
	bool attempt_on; /* not told yet */
	uint16_t batch[SVC_SEND_RCPTS_MAX];
	uint64_t body_at, sent_before, received_before;
	bool body_on, want_tls, failed, closing, now;
	bool plain;              /* it goes on without TLS: an exception says so */
	bool elsewhere;          /* another host may still take the letter */
	bool resumed_use;        /* it rested, and said nothing since */
	uint32_t serial;         /* changes with every socket */
	struct smtpc_action end; /* FAILED */
	uint64_t replies;        /* seen by the clock */
	enum smtpc_phase phase;
	int64_t wait_from_ms;
};

/* A connection for the route's first letter. False: no memory. */
bool svc_send_conn_new(struct svc_send_route *r);
/* One that rests carries the route's first letter; false: none fits. */
bool svc_send_conn_reuse(struct svc_send_route *r);
/* Close the one that rested longest; false: none rests. */
bool svc_send_conn_make_room(struct svc_send *sv, struct svc_send_operator *o);
/* The process ends: only transactions under way go on. */
void svc_send_conns_quit(struct svc_send *sv);
void svc_send_conn_bury(struct svc_send *sv);
/* Tests and the end of the process: everything is closed at once. */
void svc_send_conns_close(struct svc_send *sv);

/* conn.c, for talk.c */
/* The next place of the trip, or its end. other_host: not another address of this one. */
void svc_send_conn_advance(struct svc_send_conn *c, bool other_host);
/* No letter: the next one, rest, or leave. svc_send_talk_step() is to follow, here and below. */
void svc_send_conn_rest(struct svc_send_conn *c);
void svc_send_conn_leave(struct svc_send_conn *c);
void svc_send_conn_down(struct svc_send_conn *c);
/* The first letter that waits at the route, or NULL. */
struct svc_send_letter *svc_send_conn_take(struct svc_send_conn *c);
/* Back to where it waited, as the first. */
void svc_send_conn_give_back(struct svc_send_conn *c);

/* talk.c, for conn.c */
/* Connected: the conversation begins. */
void svc_send_talk_begin(struct svc_send_conn *c);
/* Something can be read or written; or time is up. */
void svc_send_talk(struct svc_send_conn *c, unsigned events);
void svc_send_talk_timeout(struct svc_send_conn *c);
/* c->letter is there, the connection is ready; svc_send_talk_step() is to follow. */
void svc_send_talk_letter(struct svc_send_conn *c);
/* Say what is to be said as far as it goes, act, set the clock. */
void svc_send_talk_step(struct svc_send_conn *c);
/* Actions of the engine alone, output alone. */
bool svc_send_talk_actions(struct svc_send_conn *c);
void svc_send_talk_flush(struct svc_send_conn *c);
/* The place did not work out: record it, for the letter too. */
void svc_send_talk_record(struct svc_send_conn *c);

/* handshake.c, for talk.c: TLS, and whether it is good enough. */
void svc_send_handshake_begin(struct svc_send_conn *c);
/* False: it has to wait for the peer. Else the conversation goes on, or has failed. */
bool svc_send_handshake_go(struct svc_send_conn *c);
/* READY came before there is TLS: say STARTTLS, go on without, or give the place up. */
void svc_send_handshake_decide(struct svc_send_conn *c);

#endif
