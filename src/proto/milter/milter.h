/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The milter client engine, version 6 of the protocol (libmilter's mfdef.h): one complete letter is
 * told to one mail filter over one connection, and what the filter wants is collected. Octets come
 * in, octets to send come out; no input or output, no clock.
 *
 *	milter_init; send milter_output, tell milter_sent; milter_feed what comes; until
 *	milter_ended: milter_result; flush the output, close; milter_done
 */
#ifndef PROTO_MILTER_MILTER_H
#define PROTO_MILTER_MILTER_H

#include "base/arena.h"
#include "base/buf.h"
#include "proto/milter/limits.h"

enum milter_stage {
	MILTER_NEGOTIATE,
#define STAGE(id, letter, skip, silent, since, put) MILTER_##id,
#include "proto/milter/stages.def"
#undef STAGE
	MILTER_STAGES
};

/* A field of the header: name without colon, value as in the letter, without its last CRLF. */
struct milter_field {
	str name, value;
};

/* "j", "{client_addr}" and so on, told before the stage. */
struct milter_macro {
	enum milter_stage stage;
	str name, value;
};

/* What a filter is told. All of it is borrowed until milter_done. */
struct milter_letter {
	str hostname; /* the peer's verified name, or its address in brackets */
	str address;  /* as text; empty: not known */
	bool ipv6;
	uint16_t port;
	str helo;
	str mail;             /* reverse-path without brackets */
	const str *mail_args; /* ESMTP parameters: "SIZE=100" */
	size_t mail_args_n;
	const str *rcpts; /* without brackets */
	size_t rcpts_n;
	const struct milter_field *fields;
	size_t fields_n;
	str body;                          /* after the empty line */
	const struct milter_macro *macros; /* {mail_addr} and {rcpt_addr} are added */
	size_t macros_n;
};

enum milter_verdict {
	MILTER_OPEN,   /* not decided: it has not ended */
	MILTER_ACCEPT, /* `changes` count */
	MILTER_REJECT,
	MILTER_TEMPFAIL,
	MILTER_DISCARD,
	MILTER_BROKEN, /* it broke the protocol, ended early, or memory was short */
};

enum milter_change_kind { MILTER_ADD, MILTER_INSERT, MILTER_CHANGE };

/* A field the filter wants. Names and values are fit to be sent, lines end in CRLF. */
struct milter_change {
	enum milter_change_kind kind;
	uint32_t
	    index; /* INSERT: place from the top, 0 the first; CHANGE: which of that name, from 1 */
	str name;
	str value; /* without leading space and last CRLF; CHANGE and empty: remove */
};

/* What the filter wants; texts live in the arena given to milter_init. */
struct milter_result {
	enum milter_verdict verdict;
	uint16_t code;      /* REJECT, TEMPFAIL: in the filter's words; 0: it said none */
	str enhanced, text; /* "5.7.1"; ASCII, one line; either may be empty */
	bool quarantine;
	str quarantine_why;               /* printable ASCII */
	const enum milter_verdict *rcpts; /* of each: ACCEPT, REJECT, TEMPFAIL */
	size_t rcpts_refused;
	struct milter_change *changes; /* in the order they were asked for */
	size_t changes_n;
	uint32_t unwanted; /* changes that were not offered, too many, or not fit to be sent */
	const char *fault; /* BROKEN: what it did, static text */
};

struct milter {
	uint32_t magic;
	const struct milter_letter *letter;
	struct arena *arena;
	enum milter_stage stage;
	size_t at;    /* recipient, field, or octet of the body that comes next */
	bool waiting; /* for an answer */
	uint32_t version, actions, protocol; /* as negotiated */
	uint32_t answers;
	size_t read, kept;
	struct buf in, out;
	enum milter_verdict *rcpts;
	struct milter_result result;
};

/*
 * Begin with a letter.
 *
 * In      letter: borrowed; arena: of the letter, results live in it
 * Errors  ERR_BUDGET
 */
enum err milter_init(struct milter *m, const struct milter_letter *letter, struct arena *arena);
/* Free the buffers; the result stays. */
void milter_done(struct milter *m);

/* Octets to be sent now, borrowed; and how many of them were. Sending makes room for more. */
str milter_output(const struct milter *m);
void milter_sent(struct milter *m, size_t n);

/*
 * Take octets from the filter, all of them unless it has ended.
 *
 * Limits  MILTER_PACKET_MAX, MILTER_ANSWERS_MAX, MILTER_READ_MAX, MILTER_KEPT_MAX
 */
void milter_feed(struct milter *m, str in);

/* The connection is gone. */
void milter_lost(struct milter *m);

/* True once the filter has decided, broke the protocol or was lost: nothing more is wanted. */
bool milter_ended(const struct milter *m);
/* Of a milter that has ended. */
const struct milter_result *milter_result(const struct milter *m);
/* True while it is the filter's turn: a deadline counts then. */
bool milter_waiting(const struct milter *m);

#endif
