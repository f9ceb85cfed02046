/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A queue process between a played smtp, a played send and a played accounts service, over real
 * channels and a real journal. Times are milliseconds, or lie in the past already.
 */
#ifndef SVC_QUEUE_REMOTE_WORLD_TEST_H
#define SVC_QUEUE_REMOTE_WORLD_TEST_H

#include "base/test.h"
#include "svc/queue/remote/remote.h"
#include "sys/clock.h"
#include "sys/sys.h"

#define BODY S("From: a@example.org\r\nMessage-ID: <1@example.org>\r\n\r\nhello\r\n")

enum { GOT_MAX = 4096, DAY_S = 86400, PATIENCE = 400 };

/* A letter as the send process gets it. */
struct got {
	uint64_t job, entry;
	char domain[32], sender[64], via[32];
	uint8_t notify[SVC_QUEUE_REMOTE_RCPTS];
	uint16_t rcpts[SVC_QUEUE_REMOTE_RCPTS];
	size_t rcpts_n;
	uint32_t tries;
	char body[32];
	bool file;
};

struct world {
	char folder[64];
	struct svc_common sc;
	struct conf conf;
	struct svc_queue *q;
	int send, accounts, account;
	struct buf in, out;
	struct arena *arena;
	struct got *got;
	size_t got_n, cancels;
	char report[MAIL_DSN_MAX]; /* the last message for an account */
	char sent[MAIL_DSN_MAX];   /* and for the send process */
	size_t reports, here;      /* letters to accounts here: from the null path, others */
	uint64_t report_account;
	/* played by the mass test */
	bool robot;
	size_t taken, dead_tries, most_in_hand, in_hand;
};

extern struct world *w;

/* A journal of its own and a queue on it; world_close removes both. */
void world_open(void);
/* The end of it. */
void world_close(void);
/* Kill the queue process and start it anew on the same journal. */
void world_restart(void);
/* A send process in place of the one before. */
void world_wire_send(void);
/* Turn the loop, waiting at most so long. */
void world_turn(int wait_ms);
/* Turn, and read what came to our ends. */
void world_go(void);
/* Until the send process has got that many letters, or patience ends. */
bool world_await_letters(size_t n);

/* A message of account 7, and committing it; or one to a single address elsewhere. */
struct spool_envelope world_envelope(struct spool_rcpt *rcpts, size_t n);
void world_commit(const struct spool_envelope *e);
void world_commit_to(str address);

/* The send process answers: all recipients alike, other fields as in `m`; or the i-th it got. */
void world_answer_all(const struct got *g, uint8_t verdict, struct ipc_queue_send_result m);
void world_answer(size_t i, uint8_t verdict, const char *class, bool whole_domain);

/* Entries in the journal. */
size_t world_live(void);
/* The last report holds that text. */
bool world_report_has(const char *text);
/* Read what the send process has been sent. */
void world_read_send(void);

#endif
