/* SPDX-License-Identifier: Apache-2.0 */
/*
 * POP3 after log-in, the client's half: octets in, parsed commands out. Pure. What is before
 * log-in is in proto/preauth; what the commands do is in svc/account/pop3. Start at commands.def.
 *
 *	command = keyword *(SP param) CRLF
 */
#ifndef PROTO_POP3_POP3_H
#define PROTO_POP3_POP3_H

#include "base/err.h"
#include "base/str.h"
#include "proto/pop3/limits.h"

enum pop3_verb {
#define CMD(verb, state, handler, args, grammar, rfc) POP3_##verb,
#include "proto/pop3/commands.def"
#undef CMD
	POP3_VERBS
};

/* The keyword as it stands in the table: "STAT". */
str pop3_verb_name(enum pop3_verb verb);
/* Does the verb exist after log-in? */
bool pop3_verb_allowed(enum pop3_verb verb);

/*
 * One command. `err` says how far it was understood:
 * ERR_OK; ERR_SYNTAX: its arguments; ERR_BADSTATE: the verb exists only before log-in;
 * ERR_UNSUPPORTED: no such verb; ERR_PROTOCOL: not a line of CR LF; ERR_TOOBIG: line too long.
 */
struct pop3_command {
	enum err err;
	enum pop3_verb verb; /* set with ERR_OK, ERR_SYNTAX and ERR_BADSTATE */
	bool has_msg;
	uint32_t msg;   /* as given; UINT32_MAX for anything larger */
	uint32_t lines; /* TOP */
	str language;   /* LANG; empty: none given. Borrowed until the next feed */
};

/* The caller's storage; fields are the engine's own. It holds one line and nothing else. */
struct pop3 {
	uint32_t magic;
	bool ready;    /* a line is complete, next gives it */
	bool skipping; /* inside a line that was too long */
	bool dropping; /* what follows a bare LF, up to CRLF */
	bool last_cr;
	enum err err; /* of the line that is ready */
	size_t n;
	char line[POP3_LINE_MAX];
};

/* A session begins; there is nothing to give back. */
void pop3_init(struct pop3 *x);

/*
 * Take octets up to the end of one line, at any split.
 *
 * Out     ret_used: how many were taken; fewer than in.n when a command is ready
 * Limits  POP3_LINE_MAX
 * RFC     2449 3, 4
 */
void pop3_feed(struct pop3 *x, str in, size_t *ret_used);

/* The command that is ready, if any; true once per command. */
bool pop3_next(struct pop3 *x, struct pop3_command *ret);

#endif
