/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One POP3 session, shared by the files of this folder. Synchronous: a command runs from its first
 * to its last octet before the next is read. The maildrop is what INBOX held at log-in; only QUIT
 * changes it. Start at run.c.
 */
#ifndef SVC_ACCOUNT_POP3_SESSION_H
#define SVC_ACCOUNT_POP3_SESSION_H

#include "base/buf.h"
#include "proto/pop3/pop3.h"
#include "proto/pop3/reply.h"
#include "store/store.h"
#include "svc/account/account.h"
#include "svc/account/pop3/limits.h"

/* One message of the maildrop; its number is its place, counted from 1. */
struct svc_account_pop3_msg {
	uint64_t id;
	uint32_t uid;
	uint32_t size : 30;
	uint32_t marked : 1;  /* DELE */
	uint32_t fetched : 1; /* RETR: \Seen after QUIT */
};

struct svc_account_pop3_drop {
	int lock; /* the open lock file; -1: not ours */
	uint64_t mailbox;
	uint32_t uidvalidity;
	struct svc_account_pop3_msg *msg;
	size_t n, cap;
	size_t left;     /* not marked */
	uint64_t octets; /* of those */
};

struct svc_account_pop3 {
	struct svc_account *account;
	struct pop3 reader;
	enum pop3_language language;
	struct svc_account_pop3_drop drop;
	struct arena *arena; /* scratch */
	struct buf out;      /* replies not written yet */
	bool quit;           /* QUIT was answered, or somebody wants us to end */
	bool broken;         /* nothing more can be written */
	enum err end;        /* why the session ends; valid with quit or broken */
	unsigned errors;     /* wrong commands in a row */
	int64_t deadline_ms; /* autologout */
	uint64_t octets_in, octets_out, fetched, removed;
};

/* ---- run.c: the session as a whole ---------------------------------------------------------- */

/* Errors: ERR_NOMEM. A failed one needs no done. */
enum err svc_account_pop3_init(struct svc_account_pop3 *s, struct svc_account *a);
void svc_account_pop3_done(struct svc_account_pop3 *s);
/* Open the maildrop and greet; false: the client was told why not, and the session is over. */
bool svc_account_pop3_open(struct svc_account_pop3 *s);
/* Octets from the client: every command that is complete runs. Flush afterwards. */
void svc_account_pop3_feed(struct svc_account_pop3 *s, str in);
/* Stop after this command, without a word. The first reason counts. */
void svc_account_pop3_end(struct svc_account_pop3 *s, enum err e);

/* ---- drop.c: the maildrop ------------------------------------------------------------------- */

/*
 * Take the lock and the list of messages.
 *
 * Errors  ERR_BUSY: another POP3 session has the maildrop; what the store gives
 * RFC     1939 4, 8
 */
enum err svc_account_pop3_drop_open(struct svc_account_pop3 *s);
/* Give the lock back, forget the list. */
void svc_account_pop3_drop_done(struct svc_account_pop3_drop *d);
/* The message of a number; NULL: the client was told that there is none, or that it is marked. */
struct svc_account_pop3_msg *svc_account_pop3_drop_find(struct svc_account_pop3 *s, uint32_t msg);
/* DELE and RSET. */
void svc_account_pop3_drop_mark(struct svc_account_pop3_drop *d, struct svc_account_pop3_msg *m);
void svc_account_pop3_drop_unmark_all(struct svc_account_pop3_drop *d);
/*
 * The UPDATE state: remove what is marked, all of it or nothing, durably.
 *
 * Errors  what store_expunge gives; then nothing was removed
 * RFC     1939 6
 */
enum err svc_account_pop3_drop_update(struct svc_account_pop3 *s);

/* ---- out.c: octets to the client ------------------------------------------------------------ */

/* Write everything that waits; blocks. On failure `broken` is set and nothing is written again. */
void svc_account_pop3_flush(struct svc_account_pop3 *s);
/* Flush when enough waits. To be called between lines of a reply. */
void svc_account_pop3_breathe(struct svc_account_pop3 *s);
/* Octets as they are; large ones are written at once from where they lie. */
void svc_account_pop3_put(struct svc_account_pop3 *s, str octets);
void svc_account_pop3_say(struct svc_account_pop3 *s, enum pop3_reply id);

/* ---- control.c: the channel to accounts ----------------------------------------------------- */

/* Take every message that waits there; may end the session. */
void svc_account_pop3_control(struct svc_account_pop3 *s);
/* Tell the account's other sessions that INBOX changed. */
void svc_account_pop3_changed(struct svc_account_pop3 *s);
/*
 * Wait until the stream can be read (or written), taking control messages meanwhile.
 *
 * Errors  ERR_TIMEOUT; ERR_AGAIN: a control message ended the session
 */
enum err svc_account_pop3_wait(struct svc_account_pop3 *s, bool for_read, int64_t timeout_ms);

/* ---- one handler per verb (commands.def); each says its reply ------------------------------- */

typedef void svc_account_pop3_cmd(struct svc_account_pop3 *s, const struct pop3_command *c);
#define CMD(verb, state, handler, args, grammar, rfc) \
	svc_account_pop3_cmd svc_account_pop3_cmd_##handler;
#include "proto/pop3/commands.def"
#undef CMD

#endif
