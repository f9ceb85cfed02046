/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shared by the files of the SMTP server engine and their tests. smtp.c has the frame; each verb
 * has its file with a handler smtp_do_<verb>.
 */
#ifndef PROTO_SMTP_SMTP_PRIV_H
#define PROTO_SMTP_SMTP_PRIV_H

#include "proto/smtp/smtp.h"

enum { SMTP_MAGIC = 0x534d5450 };

/* Columns of commands.def, replies.def, extensions.def, params.def. */
enum {
	IN_START = 1 << SMTP_START,
	IN_READY = 1 << SMTP_READY,
	IN_MAIL = 1 << SMTP_MAIL,
	IN_RCPT = 1 << SMTP_RCPT,
	IN_TXN = IN_MAIL | IN_RCPT,
	IN_ANY = IN_START | IN_READY | IN_TXN,
};
enum { ARG = 1, BARE = 2, JUNK = 4, LOGIN = 8, ENDS = 16, HIDDEN = 32, COUNTS = 64 };
enum { EVERYWHERE, SUBMISSION };
enum { NONE, NEEDED };

enum smtp_command {
#define CMD(verb, states, flags, handler, max, grammar, rfc) SMTP_CMD_##verb,
#include "proto/smtp/commands.def"
#undef CMD
	SMTP_COMMANDS
};

enum smtp_reply {
#define REPLY(id, code, enhanced, flags, text) SMTP_REPLY_##id,
#include "proto/smtp/replies.def"
#undef REPLY
	SMTP_REPLIES
};

struct smtp_command_row {
	str verb;
	unsigned states, flags;
	void (*fn)(struct smtp *s, str arg);
	size_t max;
	const char *grammar, *rfc;
};

struct smtp_reply_row {
	uint16_t code;
	str enhanced;
	unsigned flags;
	str text;
};

const struct smtp_command_row *smtp_command_row(enum smtp_command c);
const struct smtp_reply_row *smtp_reply_row(enum smtp_reply id);

#define CMD(verb, states, flags, handler, max, grammar, rfc) \
	void smtp_do_##handler(struct smtp *s, str arg);
#include "proto/smtp/commands.def"
#undef CMD

/* The only way to change the state; asserts that the step is legal. Leaving a transaction forgets
 * it. */
void smtp_enter(struct smtp *s, enum smtp_state to);

/* Write a reply, count the fault, note a refusal for the log, and close if the row says so. */
void smtp_reply(struct smtp *s, enum smtp_reply id, str arg);
/* Say what others want said; it must not be "go on". */
void smtp_reply_told(struct smtp *s, const struct smtp_told *t, str about, unsigned flags);
/* "501 Syntax: VERB grammar" */
void smtp_reply_syntax(struct smtp *s, enum smtp_command c);
/* Append `arg` as it may stand in a reply or trace line: printable, cut. */
void smtp_put_safe(struct buf *out, str arg, size_t max);

/* Queue an action; its strings must live until the next feed or answer. */
void smtp_act(struct smtp *s, struct smtp_action action);
/* The output from here on waits ms; 0: nothing happens. Call it before smtp_reply. */
void smtp_delay(struct smtp *s, uint32_t ms);

/* An answer came; asserts that it was asked for. */
void smtp_answered(struct smtp *s, enum smtp_wait what);

/* Take parameters; false: refused, and the reply is written. */
bool smtp_params(struct smtp *s, enum smtp_command c, str text);
/* xtext of RFC 3461 4, decoding to at most max octets of printable ASCII. */
bool smtp_xtext_valid(str s, size_t max);

/* Octets in state DATA, a line in state AUTH. */
size_t smtp_data_feed(struct smtp *s, str in);
void smtp_auth_line(struct smtp *s, str line);
void smtp_auth_refuse(struct smtp *s, enum smtp_reply why);
/* The recipient under way may be taken, or why not. */
void smtp_rcpt_told(struct smtp *s, const struct smtp_told *t);
void smtp_data_told(struct smtp *s, const struct smtp_told *t);
/* All of FINAL that is left: ask about the next origin, have it looked at, or commit. */
void smtp_data_next(struct smtp *s);
void smtp_data_sender(struct smtp *s, enum err result);

/* The Received field; Date and Message-ID where the header lacks them. */
void smtp_trace_put(const struct smtp *s, struct buf *out);
void smtp_missing_put(const struct smtp *s, struct buf *out);
/* What the Message-ID of the submission at hand is: its author's or the one we added. */
void smtp_note_message_id(struct smtp *s);

/*
 * Look into the header of a submission: collects s->txn.origins.
 *
 * Out     SMTP_REPLIES: fine; else why it is refused, and *ret_arg for that reply
 */
enum smtp_reply smtp_origin_check(struct smtp *s, str *ret_arg);

#endif
