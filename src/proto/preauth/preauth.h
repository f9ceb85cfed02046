/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The dialogue before a session has an owner: SMTP, IMAP, POP3 and ManageSieve before TLS (in
 * gate), and all but SMTP from TLS to log-in (in login). Pure: octets in, octets and actions out.
 *
 * Call feed with what was read, send preauth_out(), do the actions next gives, answer them. While
 * an action waits for its answer feed takes nothing: the caller keeps the rest for later. Start
 * reading at commands.def.
 */
#ifndef PROTO_PREAUTH_PREAUTH_H
#define PROTO_PREAUTH_PREAUTH_H

#include "base/buf.h"
#include "proto/preauth/limits.h"

enum preauth_protocol {
	PREAUTH_SMTP,
	PREAUTH_IMAP,
	PREAUTH_POP3,
	PREAUTH_SIEVE,
	PREAUTH_PROTOCOLS
};

/* Where in its life the connection is; bits, for the table. */
enum preauth_phase {
	PREAUTH_PRETLS = 1, /* plaintext: nothing but the way into TLS */
	PREAUTH_LOGIN = 2,  /* inside TLS, nobody has logged in */
};

/* What all sessions of a kind share; borrowed for the life of the sessions. */
struct preauth_conf {
	enum preauth_protocol protocol;
	enum preauth_phase phase;
	str hostname;
	const str *mechanisms; /* SASL names in upper case, preferred first */
	size_t mechanisms_n;
};

enum preauth_kind {
	PREAUTH_ACT_STARTTLS,   /* send the output, then start the handshake; the engine is done */
	PREAUTH_ACT_SASL_START, /* mechanism, data when has_data; answer_challenge or answer_done */
	PREAUTH_ACT_SASL_STEP,  /* data; answer_challenge or answer_done */
	PREAUTH_ACT_SASL_ABORT, /* the exchange is over; no answer */
	PREAUTH_ACT_DELAY,      /* call preauth_step at until_ms or later */
	PREAUTH_ACT_ATTACH,     /* logged in, IMAP tag in data; answer_attach on failure */
	PREAUTH_ACT_CLOSE,      /* send the output, then close */
};

enum preauth_close {
	PREAUTH_CLOSE_QUIT,      /* the client said good-bye */
	PREAUTH_CLOSE_INJECTION, /* octets behind STARTTLS in the same read */
	PREAUTH_CLOSE_ERRORS,
	PREAUTH_CLOSE_COMMANDS,
	PREAUTH_CLOSE_FAILURES,
	PREAUTH_CLOSE_TOOBIG, /* a line or literal that cannot be skipped safely */
	PREAUTH_CLOSE_MEMORY,
	PREAUTH_CLOSE_TIMEOUT,
	PREAUTH_CLOSE_SHUTDOWN,
	PREAUTH_CLOSE_BUSY,
	PREAUTH_CLOSE_ENDED, /* a session that was logged in may not go on */
};

/* Lower-case word for logs: "injection". */
const char *preauth_close_name(enum preauth_close why);

struct preauth_action {
	enum preauth_kind kind;
	enum preauth_close why;
	str mechanism;
	bool has_data;
	str data; /* borrowed until the next call that takes the engine */
	int64_t until_ms;
};

enum preauth_state {
	PREAUTH_ST_COMMAND,  /* waiting for a command */
	PREAUTH_ST_ASKED,    /* an action waits for its answer */
	PREAUTH_ST_RESPONSE, /* waiting for the client's SASL response */
	PREAUTH_ST_FINAL,    /* server's last word is sent, waiting for the empty response */
	PREAUTH_ST_DELAY,    /* a failure is told later */
	PREAUTH_ST_TLS,      /* STARTTLS accepted */
	PREAUTH_ST_ATTACH,   /* logged in */
	PREAUTH_ST_CLOSED,
	PREAUTH_STATES
};

/* The caller's storage; fields are the engine's own. Buffers take memory once they are used. */
struct preauth {
	uint32_t magic;
	enum preauth_state state;
	const struct preauth_conf *conf;
	bool skipping; /* inside a line that was too long */
	bool dropping; /* what follows a bare LF, up to CRLF */
	bool last_cr;  /* the octet before was CR, and no literal's */
	bool has_action;
	uint8_t steps, failures, literals;
	uint8_t commands, errors;
	size_t segment; /* where in cmd the current line began */
	size_t literal_left;
	struct preauth_action action;
	unsigned pending; /* reply id that DELAY holds back */
	struct buf cmd;   /* the command being read */
	struct buf data;  /* what the action points at; wiped */
	struct buf word;  /* POP3 USER; a decoded ManageSieve string */
	struct buf tag;   /* IMAP tag of the command being served, in tag_octets */
	char tag_octets[PREAUTH_TAG_MAX];
	struct buf out;
};

/*
 * Begin a session: the greeting is in preauth_out(), unless it was sent before STARTTLS.
 *
 * In      conf: borrowed for the session; greeted: TLS was started by STARTTLS
 * RFC     ManageSieve sends its capabilities again after STARTTLS (5804 2.2)
 */
void preauth_init(struct preauth *x, const struct preauth_conf *conf, bool greeted);

/* Give everything back; secrets are overwritten. */
void preauth_done(struct preauth *x);

/*
 * Take octets from the peer.
 *
 * In      in: octets in the order received; now_ms: monotonic time
 * Out     ret_used: how many were taken; fewer than in.n while an action waits
 * Limits  limits.h; beyond them an error reply, or PREAUTH_ACT_CLOSE
 * RFC     5321 4.1, 3207 4; 9051 6.1, 6.2; 1939 4, 7; 2595; 5034; 5804 2
 */
void preauth_feed(struct preauth *x, str in, int64_t now_ms, size_t *ret_used);

/* The action that waits, if any; true once per action. */
bool preauth_next(struct preauth *x, struct preauth_action *ret);

/* Time has come after PREAUTH_ACT_DELAY; too early does nothing. */
void preauth_step(struct preauth *x, int64_t now_ms);

/* Auth has a challenge (not encoded) for the client. */
void preauth_answer_challenge(struct preauth *x, str challenge);

/*
 * Auth has decided.
 *
 * In      result: ERR_OK, ERR_AUTH, ERR_DISABLED, ERR_UNSUPPORTED, ERR_SYNTAX, others: temporary;
 *         final: server's last word, given to the client before success when has_final;
 *         due_ms: when a failure may be told
 */
void preauth_answer_done(struct preauth *x, enum err result, const str *final, int64_t due_ms);

/* The session could not be passed on after PREAUTH_ACT_ATTACH: tell the client and go on. */
void preauth_answer_attach(struct preauth *x, enum err result);

/* End from outside: a good-bye is put out and PREAUTH_ACT_CLOSE follows. */
void preauth_end(struct preauth *x, enum preauth_close why);

/* Octets to send; the caller consumes what it sent. */
struct buf *preauth_out(struct preauth *x);

/* Does the engine take input now? */
bool preauth_listening(const struct preauth *x);

/* The good-bye line, CR LF included, for a connection that gets no engine. */
str preauth_farewell(enum preauth_protocol protocol, enum preauth_close why);

#endif
