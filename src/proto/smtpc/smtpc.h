/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The SMTP client engine: octets of another server come in, actions and octets to send come out; it
 * does no input or output and reads no clock. One struct smtpc per connection, from connect on:
 *
 *	smtpc_init; then, whenever octets came or something was asked for:
 *	    do { smtpc_feed; while (smtpc_next) act; } while something was used or acted on;
 *	    send smtpc_output, tell smtpc_sent; arm a timer with smtpc_timeout_s
 *
 * READY: smtpc_starttls, smtpc_send or smtpc_quit. STARTTLS: handshake, then smtpc_tls_up.
 * BODY: smtpc_body as often as there is room, then smtpc_body_end. DONE: smtpc_results; READY
 * follows unless FAILED does. CLOSE: flush what is to be sent, close.
 */
#ifndef PROTO_SMTPC_SMTPC_H
#define PROTO_SMTPC_SMTPC_H

#include "base/arena.h"
#include "base/buf.h"
#include "proto/smtpc/letter.h"
#include "proto/smtpc/limits.h"
#include "proto/smtpc/reply.h"

/* The same for all connections of a process; borrowed. */
struct smtpc_conf {
	str helo; /* our host name, or an address literal with brackets */
};

/* What the last EHLO offered. Before TLS it is hearsay, and forgotten at smtpc_tls_up. */
struct smtpc_caps {
	bool esmtp; /* EHLO was taken; else HELO */
	bool starttls, pipelining, size, eightbit, smtputf8, dsn, requiretls, limits;
	bool mangled;      /* a keyword of X or *: a box on the way rewrote the reply */
	uint64_t size_max; /* 0: not told */
	uint32_t mail_max, rcpt_max, domain_max; /* LIMITS (RFC 9422); 0: not told */
};

enum smtpc_end {
	SMTPC_END_NONE,
	SMTPC_END_REFUSED,  /* by a reply: banner, EHLO, STARTTLS or 421 */
	SMTPC_END_PROTOCOL, /* what it said is not SMTP; reply.fault says how */
	SMTPC_END_INJECTED, /* octets behind the reply to STARTTLS (RFC 3207 6) */
	SMTPC_END_EOF,
	SMTPC_END_RESET,
	SMTPC_END_TIMEOUT,
	SMTPC_END_TLS,
	SMTPC_END_LOCAL, /* ours: memory, shutdown, the body */
	SMTPC_ENDS
};

enum smtpc_action_kind {
	SMTPC_READY,    /* smtpc_caps() is known, a transaction may begin */
	SMTPC_STARTTLS, /* 220 came: start the handshake, then smtpc_tls_up() */
	SMTPC_BODY,     /* 354 came: smtpc_body(), smtpc_body_end() */
	SMTPC_DONE,     /* smtpc_results() */
	SMTPC_FAILED,   /* no transaction can follow: end, phase; smtpc_last() is the reply */
	SMTPC_CLOSE,    /* nothing more to wait for */
};

struct smtpc_action {
	enum smtpc_action_kind kind;
	enum smtpc_end end;     /* FAILED */
	enum smtpc_phase phase; /* FAILED: where it happened */
};

enum smtpc_state {
	SMTPC_ST_BANNER,
	SMTPC_ST_EHLO,
	SMTPC_ST_HELO,
	SMTPC_ST_READY,
	SMTPC_ST_STARTTLS,
	SMTPC_ST_TLS,
	SMTPC_ST_TXN,  /* RSET, MAIL, RCPT and DATA are said, or being said */
	SMTPC_ST_BODY, /* 354 came */
	SMTPC_ST_EOD,
	SMTPC_ST_QUIT,
	SMTPC_ST_CLOSED,
	SMTPC_STATES
};

/* One transaction, forgotten by one reset. */
struct smtpc_txn {
	struct smtpc_letter letter; /* strings in txn_arena */
	struct smtpc_to *rcpts;
	struct smtpc_result *results; /* verdict 0: not decided */
	size_t *order;                /* which recipients are said */
	size_t accepted_n;
	size_t kept;             /* octets of replies in results */
	size_t said, heard;      /* steps RSET? MAIL RCPT* DATA put out, and answered */
	size_t first_rcpt, data; /* numbers of steps */
	bool rset, utf8, mail_failed, void_body, uncertain;
	bool line_start, last_cr; /* of the body */
};

struct smtpc {
	uint32_t magic;
	const struct smtpc_conf *conf;
	struct arena *txn_arena;
	enum smtpc_state state;
	enum smtpc_phase phase;
	bool tls;         /* smtpc_tls_up was called */
	bool dirty;       /* a transaction was left open: RSET comes before the next */
	uint32_t txns;    /* begun on this connection */
	uint64_t replies; /* complete replies: what a reply timer waits for */
	size_t ehlo_lines;
	struct smtpc_caps caps;
	struct smtpc_reader reader;
	struct smtpc_reply last; /* strings in last_room */
	struct buf out;
	struct smtpc_txn txn;
	struct smtpc_action actions[8];
	unsigned actions_first, actions_n;
	char last_room[SMTPC_KEPT_MAX];
};

/*
 * In      conf: borrowed; arena: of the connection, the engine allocates below it
 * Errors  ERR_NOMEM, ERR_BUDGET
 */
enum err smtpc_init(struct smtpc *s, const struct smtpc_conf *conf, struct arena *arena);
void smtpc_done(struct smtpc *s);

/*
 * Take octets from the server. All are used unless an action waits: then the caller acts and gives
 * the rest again. Octets left or given between STARTTLS and smtpc_tls_up end the connection.
 *
 * Out     ret_used: octets taken
 * RFC     5321 4.2; 2920; 3207 6
 */
void smtpc_feed(struct smtpc *s, str in, size_t *ret_used);

/* The next thing to do; false: none. */
bool smtpc_next(struct smtpc *s, struct smtpc_action *ret);

/* Octets to be sent now, and how many of them were. */
str smtpc_output(const struct smtpc *s);
void smtpc_sent(struct smtpc *s, size_t n);

/* In state READY: say STARTTLS; begin a transaction; say QUIT (from any state: forget the rest). */
void smtpc_starttls(struct smtpc *s);
/* The handshake is done and this side is content with the certificate: EHLO again. */
void smtpc_tls_up(struct smtpc *s);
/*
 * In      letter: copied; DONE comes for each ERR_OK, at once when the server lacks what it needs
 * Limits  SMTPC_RCPTS_MAX, SMTPC_ADDRESS_MAX; smtpc_rcpts_at_once()
 * Errors  ERR_SYNTAX: an address or parameter holds what cannot be sent; ERR_TOOMANY; ERR_BUDGET
 * RFC     5321 3.3, 4.1.1; 2920 3.1; 1870; 6152; 6531 3; 3461 4; 8689 4.2.1; 9422
 */
enum err smtpc_send(struct smtpc *s, const struct smtpc_letter *letter);
void smtpc_quit(struct smtpc *s);

/*
 * Give octets of the message: dots are stuffed on the way to smtpc_output.
 *
 * In      in: CRLF line ends; borrowed for the call
 * Out     ret_used: taken; less than all when SMTPC_OUT_PAUSE octets wait to be sent
 * Errors  ERR_SYNTAX: a bare CR or LF: nothing more is sent, DONE and CLOSE follow, no end of data
 *         was said; ERR_BADSTATE: no body is wanted (any more): look for actions
 * RFC     5321 4.5.2, 2.3.8
 */
enum err smtpc_body(struct smtpc *s, str in, size_t *ret_used);
/* The message is complete: CRLF.CRLF. A missing CRLF at its end is added. Errors as smtpc_body. */
enum err smtpc_body_end(struct smtpc *s);

/* The connection ended, or the caller gives up on it. DONE (if in a transaction), FAILED, CLOSE. */
void smtpc_lost(struct smtpc *s, enum smtpc_end why);

/* Of the last DONE. */
struct smtpc_done smtpc_results(const struct smtpc *s);
/* The last complete reply; code 0: none yet. */
const struct smtpc_reply *smtpc_last(const struct smtpc *s);
const struct smtpc_caps *smtpc_caps(const struct smtpc *s);
enum smtpc_phase smtpc_phase(const struct smtpc *s);
bool smtpc_ready(const struct smtpc *s);
/* May another transaction follow (LIMITS MAILMAX)? How many recipients does it take at once? */
bool smtpc_reusable(const struct smtpc *s);
size_t smtpc_rcpts_at_once(const struct smtpc *s);
/*
 * Seconds to wait for what is missing now (RFC 5321 4.5.3.2). Count them from the last change of
 * s->replies or of the phase, never from the last octet: one octet a second must not keep us. While
 * the body goes out they count from the last octet that went.
 */
uint32_t smtpc_timeout_s(const struct smtpc *s);

#endif
