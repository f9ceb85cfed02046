/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The incremental reader of one IMAP connection after authentication: octets in, actions out. It
 * collects a command with its literals inline, asks for continuations, and hands the message of
 * APPEND through piece by piece without keeping it. It does not parse commands; command.h does.
 *
 * Turn: feed until nothing is used or everything is; after each feed, take actions with next().
 */
#ifndef PROTO_IMAP_READER_H
#define PROTO_IMAP_READER_H

#include "proto/imap/command.h"

enum imap_action_kind {
	IMAP_DO_COMMAND,    /* raw is complete: parse and run it, then imap_reader_reset() */
	IMAP_DO_CONTINUE,   /* write "+ " and any text: the client waits to send a literal */
	IMAP_DO_APPEND,     /* octets of a message are announced, after the steps of `append`:
			       answer with imap_reader_append() */
	IMAP_DO_BODY,       /* body: those octets */
	IMAP_DO_APPEND_END, /* the command ended, after more steps; err tells whether its end was
			       right. Then reset() */
	IMAP_DO_REFUSE,     /* answer tag (empty: untagged) by err; then reset() */
	IMAP_DO_BYE,        /* cannot stay in step with this client: say BYE and close */
};

struct imap_action {
	enum imap_action_kind kind;
	str raw;      /* COMMAND: without the final CRLF; valid until reset */
	str tag;      /* APPEND, REFUSE; valid until reset */
	str body;     /* BODY: points into the octets fed */
	enum err err; /* REFUSE: ERR_TOOBIG, ERR_TOOMANY, ERR_SYNTAX, ERR_CHARSET, ERR_BUDGET;
			 APPEND_END: those and ERR_OK */
	const struct imap_append *append; /* APPEND, APPEND_END; what it points to is good until
					     the next feed */
};

struct imap_reader {
	struct arena *arena; /* of one command; reset by imap_reader_reset */
	struct buf raw;
	struct imap_action action;
	struct imap_append append;
	uint64_t left;            /* octets of a literal still to come */
	size_t line;              /* where the current line starts in raw */
	size_t piece;             /* where what APPEND parses next starts in raw */
	char window[32];          /* last octets of a line that is not kept */
	size_t window_n, dropped; /* octets in window; of that line so far */
	bool appending;           /* a message was accepted: APPEND_END is owed */
	unsigned literals;
	unsigned enabled; /* IMAP_ENABLED_*, kept by the caller */
	int state;
	enum err refusal; /* why the rest of the command is dropped */
	bool pending;     /* action waits to be taken */
	bool minus;       /* LITERAL- holds (RFC 7888 5); kept by the caller */
};

/* In  arena: for parsed commands, budget IMAP_COMMAND_BUDGET; owned by the caller, used until done
 */
void imap_reader_init(struct imap_reader *r, struct arena *arena);
void imap_reader_done(struct imap_reader *r);

/*
 * Take octets up to the next action.
 *
 * In      in: borrowed for the call; body actions borrow it until the next feed
 * Out     ret_used: octets taken; the rest is to be fed again after the action was handled. 0 while
 *         an action waits
 * Limits  limits.h; memory is IMAP_COMMAND_MAX at most
 * RFC     9051 4.3, 9; 3502; 4469; 7888
 */
void imap_reader_feed(struct imap_reader *r, str in, size_t *ret_used);

/* Take the action that waits; false when there is none. */
bool imap_reader_next(struct imap_reader *r, struct imap_action *ret);

/*
 * Answer IMAP_DO_APPEND. When accepted, BODY actions follow (write the continuation first when
 * append->sync). When refused, the caller has written the tagged answer; the reader drops what the
 * client sends of this command and is reset by itself.
 */
void imap_reader_append(struct imap_reader *r, bool accept);

/* No octet of a command is kept: what comes next is the start of one. */
bool imap_reader_at_rest(const struct imap_reader *r);

/* Forget the command: raw, its arena. Memory of an unusually large command is given back. */
void imap_reader_reset(struct imap_reader *r);

#endif
