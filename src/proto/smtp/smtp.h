/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The SMTP server engine, for mail from other servers (MX) and for submission, from the moment TLS
 * is up. Octets and time go in, actions and reply octets come out; it does no input or output. One
 * struct smtp per connection:
 *
 *	smtp_init; then, whenever octets came or an answer was given:
 *	    do { smtp_feed; while (smtp_next) act; } while something was used or acted on;
 *	    send smtp_output, tell smtp_sent
 */
#ifndef PROTO_SMTP_SMTP_H
#define PROTO_SMTP_SMTP_H

#include "base/arena.h"
#include "base/buf.h"
#include "proto/smtp/limits.h"
#include "proto/smtp/txn.h"

/* The same for all connections of a process; borrowed. */
struct smtp_conf {
	str hostname;
	uint64_t max_size; /* octets of a message as the peer sends it */
	uint32_t max_rcpts, max_errors, max_txns;
};

/* What is known of one connection when it starts; strings are borrowed as long as the engine lives.
 */
struct smtp_peer {
	uint64_t session; /* printed in Received */
	bool submission;  /* else MX */
	bool greeted;     /* 220 was sent before STARTTLS */
	bool checked;     /* peer, recipients and messages are asked about: smtp_answer_reply() */
	str literal;      /* "[192.0.2.1]", "[IPv6:2001:db8::1]" */
	str tls_version;  /* "TLSv1.3" */
	str tls_cipher;
	str mechanisms;     /* offered SASL mechanisms, each with a space in front */
	uint8_t secret[16]; /* random: Message-IDs are made from it */
};

enum smtp_state {
	SMTP_START,
	SMTP_READY,
	SMTP_MAIL,
	SMTP_RCPT,
	SMTP_DATA,
	SMTP_FINAL,
	SMTP_AUTH,
	SMTP_CLOSED,
	SMTP_STATES
};

/* What the engine waits for before it takes more octets. */
enum smtp_wait {
	SMTP_WAIT_NONE,
	SMTP_WAIT_RCPT,
	SMTP_WAIT_SENDER,
	SMTP_WAIT_SASL,
	SMTP_WAIT_PEER,
	SMTP_WAIT_POLICY,
	SMTP_WAIT_SCAN,
	SMTP_WAIT_COMMIT,
	SMTP_WAIT_DELAY
};

enum smtp_action_kind {
	SMTP_ASK_RCPT,       /* text: address. smtp_answer_rcpt() */
	SMTP_ASK_SENDER,     /* text: canonical address. smtp_answer_sender() */
	SMTP_ASK_SASL_START, /* mechanism, has_initial, text: initial response.
				smtp_answer_challenge/_auth() */
	SMTP_ASK_SASL_STEP,  /* text: response. The same answers */
	SMTP_SASL_ABORT,     /* the exchange is over; no answer */
	SMTP_ASK_PEER,       /* before anything else is answered. smtp_answer_reply() */
	SMTP_ASK_POLICY,     /* text: canonical address of a recipient that exists.
				smtp_answer_reply() */
	SMTP_ASK_SCAN,       /* the transaction is complete: smtp_txn(). smtp_answer_reply() */
	SMTP_TRACE,          /* text: goes in front of the message */
	SMTP_BODY,           /* text: octets of the message, to be stored behind those before */
	SMTP_DROP,           /* the octets stored so far are void */
	SMTP_COMMIT,         /* the transaction is complete: smtp_txn(). smtp_answer_commit() */
	SMTP_DELAY,          /* delay_ms. smtp_answer_delay() */
	SMTP_REFUSED,        /* for the log: verb, code, enhanced, text (who it was about), said */
	SMTP_CLOSE,          /* send the output and close */
};

/* Strings are valid until the next call of smtp_feed or smtp_answer_*. */
struct smtp_action {
	enum smtp_action_kind kind;
	str text, mechanism, verb, enhanced, from, said;
	bool has_initial;
	uint32_t delay_ms;
	uint16_t code;
};

struct smtp_auth_result {
	enum err result;
	uint64_t account;
	str name;     /* the account's main address */
	str language; /* of its reports; empty: the default */
	bool has_final;
	str final; /* the mechanism's last word, not yet base64 */
	uint32_t delay_ms;
};

struct smtp {
	uint32_t magic;
	const struct smtp_conf *conf;
	struct smtp_peer peer;
	struct arena *arena, *txn_arena;
	enum smtp_state state;
	enum smtp_wait wait;
	bool ehlo;        /* EHLO, not HELO: extensions are on */
	bool draining;    /* close after this transaction */
	bool skipping;    /* the rest of a line that is too long */
	bool dropping;    /* what follows a bare LF, up to CRLF */
	bool last_cr;     /* the octet before was CR */
	bool final_sent;  /* SASL succeeded; the client has yet to see the last challenge */
	str helo;         /* in helo_room */
	str verb;         /* of the command at work: static text */
	uint64_t account; /* 0: not authenticated */
	str account_name, account_language;
	int64_t wall_s;
	uint32_t errors, junk, unknown, txns, messages;
	uint64_t lines;    /* complete lines taken: what a command timeout waits for */
	struct buf line;   /* the start of a line whose end has not come */
	struct buf secret; /* decoded SASL response, while its action lives */
	struct buf out;
	size_t hold_at; /* output from here waits for smtp_answer_delay(); SIZE_MAX: none */
	struct smtp_txn txn;
	struct smtp_action actions[8];
	unsigned actions_first, actions_n;
	struct smtp_told turned_away; /* of the peer: what the first command is answered */
	char helo_room[SMTP_HELO_MAX];
	char note_room[SMTP_REPLY_ARG_MAX], from_room[SMTP_REPLY_ARG_MAX]; /* of a REFUSED action */
	char said_room[SMTP_REPLY_ARG_MAX], enhanced_room[SMTP_ENHANCED_MAX];
};

/*
 * In      conf, peer's strings: borrowed; arena: of the connection, the engine allocates below it
 * Errors  ERR_NOMEM, ERR_BUDGET
 */
enum err smtp_init(struct smtp *s, const struct smtp_conf *conf, const struct smtp_peer *peer,
    struct arena *arena);
void smtp_done(struct smtp *s);

/*
 * Take octets from the peer.
 *
 * In      in: borrowed until the actions that follow are done; wall_s: the time
 * Out     ret_used: octets taken; the caller keeps the others and gives them again. 0 while an
 *         answer is missing, too much output waits, or the connection is closing
 */
void smtp_feed(struct smtp *s, str in, int64_t wall_s, size_t *ret_used);

/* The next thing to do; false: none. */
bool smtp_next(struct smtp *s, struct smtp_action *ret);

/* Octets that may be sent now, and how many of them were. */
str smtp_output(const struct smtp *s);
void smtp_sent(struct smtp *s, size_t n);

/* In      verdict: enum smtp_verdict; targets: copied, only for SMTP_KNOWN */
void smtp_answer_rcpt(struct smtp *s, unsigned verdict, const struct smtp_target *targets,
    size_t n);
/*
 * The answer to ASK_PEER, ASK_POLICY and ASK_SCAN.
 *
 * In      t: copied; its text is cut and made printable ASCII, codes that are none are replaced
 * RFC     5321 4.2, 4.3.2
 */
void smtp_answer_reply(struct smtp *s, const struct smtp_told *t);
/* In      result: ERR_OK, ERR_DENIED; anything else is temporary */
void smtp_answer_sender(struct smtp *s, enum err result);
void smtp_answer_challenge(struct smtp *s, str data);
void smtp_answer_auth(struct smtp *s, const struct smtp_auth_result *r);
/* In      id: what the peer is told the message is called */
void smtp_answer_commit(struct smtp *s, enum err result, str id);
void smtp_answer_delay(struct smtp *s);

/* A BODY octet could not be stored: the message will be refused at its end. */
void smtp_body_failed(struct smtp *s, enum err why);

enum smtp_end {
	SMTP_END_TIMEOUT,
	SMTP_END_SLOW,
	SMTP_END_MEMORY,
	SMTP_END_SHUTDOWN,
	SMTP_END_REVOKED, /* who logged in is not let in any more, or must show a new password */
};

/*
 * End the connection from our side with 421. SMTP_END_SHUTDOWN lets a transaction finish first;
 * the others forget it.
 */
void smtp_end(struct smtp *s, enum smtp_end why);

/* The transaction of a COMMIT action. */
const struct smtp_txn *smtp_txn(const struct smtp *s);

#endif
