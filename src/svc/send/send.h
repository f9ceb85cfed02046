/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The send process in memory. A letter is one job of queue: a message for recipients of one domain.
 * It is signed (sign.c), finds its destination (route.c: one per domain and demands), waits there
 * for a connection (conn.c), and ends as a result (letter.c). pace.c says how many connections an
 * operator gets.
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

struct svc_send;
struct svc_send_route;
struct svc_send_conn;

/* A channel to another process, or NULL while there is none. */
struct svc_send_link {
	struct svc_send *server;
	const char *edge;
	uint32_t peer;
	struct sys_chan *chan;
};

enum svc_send_verdict { SVC_SEND_DELIVERED = 1, SVC_SEND_RETRY, SVC_SEND_FAILED };

/* What became of one recipient, or of an attempt as a whole; texts live in the letter's arena. */
struct svc_send_outcome {
	uint8_t verdict; /* enum svc_send_verdict; 0: not decided */
	uint16_t code;
	str enhanced, reply;
};

struct svc_send_rcpt {
	uint16_t rcpt; /* queue's number */
	uint8_t notify;
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
	uint8_t ret;
	bool smtputf8, body8bit, requiretls, unenforced;
	uint32_t tries;
	int64_t received_s;
	struct svc_send_rcpt *rcpts;
	size_t rcpts_n;
	str body;      /* the whole message, lines end in CRLF */
	str fields;    /* signatures, to stand above it */
	bool mapped;   /* body is a mapped file, else it lies in memory of its own */
	void *signing; /* sign.c's own */
	struct svc_send_route *route;
	struct svc_send_conn *conn;
};

struct svc_send {
	struct svc_common *sc;
	struct svc_send_link queue, resolve, watch, keys, fetch;
	struct arena *scratch; /* lists of one IPC message */
	struct buf out;
	struct list letters;
	uint64_t letters_n, bodies; /* octets */
	void *signing;              /* sign.c's own */
	bool quitting;
};

#endif
