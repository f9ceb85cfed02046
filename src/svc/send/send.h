/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The send process in memory. A letter is one job of queue: a message for recipients of one domain.
 * It is signed (sign.c), finds its destination (route.c: one per domain and demands), waits there
 * for a connection (conn.c), and ends as a result (letter.c). pace.c says how many connections an
 * operator gets. Read next: route.h, conn.h.
 */
#ifndef SVC_SEND_SEND_H
#define SVC_SEND_SEND_H

#include "base/arena.h"
#include "base/list.h"
#include "base/lru.h"
#include "base/map.h"
#include "conf/conf.h"
#include "svc/common/service.h"
#include "svc/send/limits.h"
#include "svc/send/pace.h"
#include "svc/send/tls.h"
#include "sys/dial.h"

struct ipc_queue_send_letter;
struct reach_rules;
struct smtpc_conf;
struct svc_send;
struct svc_send_route;
struct svc_send_conn;

enum svc_send_verdict { SVC_SEND_DELIVERED = 1, SVC_SEND_RETRY, SVC_SEND_FAILED };

/* What became of one recipient, or of an attempt as a whole; texts live in the letter's arena. */
struct svc_send_outcome {
	uint8_t verdict; /* enum svc_send_verdict; 0: nothing is known */
	uint8_t rank;    /* how much it tells; attempt.c */
	uint16_t code;
	str enhanced, reply;
};

struct svc_send_rcpt {
	uint16_t rcpt; /* queue's number */
	uint8_t notify;
	bool settled; /* outcome is final; else the best so far */
	str address, orcpt;
	struct svc_send_outcome outcome;
};

enum svc_send_letter_state {
	SVC_SEND_SIGNING, /* waits for keys */
	SVC_SEND_WAITING, /* in the list of its route */
	SVC_SEND_CARRIED, /* a connection has it */
};

/* A message for recipients of one domain. All strings live in `arena`, the body may be mapped. */
struct svc_send_letter {
	struct list node; /* in route->waiting */
	struct list all;  /* in svc_send.letters */
	struct svc_send *server;
	struct arena *arena;
	enum svc_send_letter_state state;
	uint64_t job, entry;
	str domain, reverse_path, message_id, envid;
	str via; /* forwarded for this address of ours: sealed, not signed; else empty */
	uint8_t ret;
	bool smtputf8, body8bit, requiretls, unenforced;
	uint32_t tries;
	int64_t received_s;
	struct svc_send_rcpt *rcpts;
	size_t rcpts_n;
	str body;      /* the whole message, lines end in CRLF */
	str fields;    /* signatures or seals and our trace, to stand above it */
	bool mapped;   /* body is a mapped file, else it lies in memory of its own */
	void *signing; /* sign.c's own */
	struct svc_send_route *route;
	struct svc_send_conn *conn;

	/* for the result; of the attempt that tells most */
	bool heard; /* a server was told of it: failing is about the letter, not the domain */
	bool whole_domain, uncertain, relayed_dsn, undone_dsn;
	uint8_t rank;
	str class, mx;
	uint8_t peer_ip[16];
	bool has_peer;

	bool orphan;     /* its job was given by a channel that is gone */
	int64_t owed_ms; /* since when its result waits to be told */
};

/* From the settings. */
struct svc_send_settings {
	uint16_t port;
	bool v4_source, v6_source;
	uint8_t v4[16], v6[16];
	uint32_t connections, reuse_count;
	int64_t connect_ms, reply_ms, idle_ms, reuse_ms;
	bool plaintext, dane, sts, private_addresses;
	str helo, hostname; /* in the two rooms */
	char helo_room[256], hostname_room[256];
};

struct svc_send_counters {
	uint64_t letters, delivered, retried, failed, refused; /* recipients: the middle three */
	uint64_t attempts, connects, handshakes, resumed, reused, plaintext, stale;
	uint64_t unproven, timeouts, uncertain, results_lost, answers_lost, records_lost;
};

struct svc_send {
	struct svc_common *sc;
	struct svc_common_link queue, resolve, watch, keys, fetch;
	struct arena *scratch; /* lists of one IPC message */
	struct buf out;
	char *in; /* what was just read from a peer */
	struct list letters, conns;
	uint64_t letters_n, conns_n, bodies; /* bodies: octets */
	struct map *jobs, *routes, *asks;
	struct lru *bad;     /* addresses that did not answer, and until when they go last */
	struct list starved; /* routes that wait for a connection of any kind */
	struct list idle;    /* connections without a letter, the oldest first */
	struct list dead;    /* connections and routes to be freed at the end of this turn */
	struct list dead_routes;
	struct list pumps; /* routes that may have work */
	struct sys_task bury, pump;
	struct sys_timer sweep;
	struct list owed; /* letters that are finished: queue could not be told */
	uint64_t owed_n, orphans_n, next_request;
	struct svc_send_pace pace;
	struct svc_send_tls_all tls;
	struct svc_send_settings set;
	struct svc_send_counters count;
	const struct reach_rules *rules;
	struct smtpc_conf *engine_conf;
	uint8_t own[SYS_DIAL_OWN_MAX][16]; /* our own addresses */
	size_t own_n;
	void *signing; /* sign.c's own */
	bool quitting;
};

/* service.c: main.c names them, tests call them. */
enum err svc_send_init(struct svc_common *sc);
void svc_send_done(struct svc_common *sc);
void svc_send_on_quit(struct svc_common *sc, uint32_t grace_ms);
extern const struct svc_common_service svc_send_service;
/* Ends the process once it is told to and nothing is in hand. */
void svc_send_maybe_exit(struct svc_send *sv);
/* profile.c */
enum err svc_send_profile(struct svc_common *sc, struct sys_sandbox_profile *p);

/* letter.c: a message of edge queue_send; its channel is gone. */
enum err svc_send_on_queue(struct svc_common_link *from, str datagram, int *fd);
void svc_send_queue_gone(struct svc_send *sv);
/* All that no connection has go back. */
void svc_send_letters_return(struct svc_send *sv);
/* Give up all but its arena, which is the caller's to free. */
void svc_send_letter_let_go(struct svc_send_letter *l);
/* result.c: what is owed is told, loses its job, is forgotten when it is too old. */
void svc_send_pay_owed(struct svc_send *sv);
void svc_send_owed_orphan(struct svc_send *sv);
void svc_send_owed_drop(struct svc_send *sv, int64_t older_than_ms);
/* True: a letter under way, or its result, answers for this one. */
bool svc_send_adopt(struct svc_send *sv, const struct ipc_queue_send_letter *m);
/* Tell queue and forget the letter. Recipients without an outcome are to be tried again. */
void svc_send_letter_finish(struct svc_send_letter *l);
/* It came to nothing, and nobody was asked: all recipients untouched. */
void svc_send_letter_return(struct svc_send_letter *l);
/* What was learned about one recipient; kept if it tells more than what is there. Copied. */
void svc_send_letter_note(struct svc_send_letter *l, size_t rcpt,
    const struct svc_send_outcome *outcome);
/* Every recipient that is not settled. */
void svc_send_letter_note_all(struct svc_send_letter *l, const struct svc_send_outcome *outcome);
size_t svc_send_letter_open(const struct svc_send_letter *l);

#endif
