/* SPDX-License-Identifier: Apache-2.0 */
/*
 * APPEND and REPLACE: several messages, each one literal or CATENATE parts. The command is read
 * line by line while the octets of messages pass between the lines; the steps of a line say what
 * the executor does before the literal that its end announces. Parsed by args_append.c.
 */
#ifndef PROTO_IMAP_APPEND_H
#define PROTO_IMAP_APPEND_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

enum {
	IMAP_FLAG_ANSWERED = 1,
	IMAP_FLAG_FLAGGED = 2,
	IMAP_FLAG_DELETED = 4,
	IMAP_FLAG_SEEN = 8,
	IMAP_FLAG_DRAFT = 16
};

/* A flag list. \Recent is read and forgotten (RFC 3501 6.4.6). */
struct imap_flags {
	unsigned bits; /* IMAP_FLAG_* */
	str *keywords; /* as given; no two equal without case */
	size_t n;
};

enum imap_append_step_kind {
	IMAP_STEP_MESSAGE, /* a message begins, and the one before it ends */
	IMAP_STEP_URL,     /* a part of it lies behind this URL (RFC 4469) */
};

struct imap_append_step {
	enum imap_append_step_kind kind;
	struct imap_flags flags; /* of a MESSAGE; so are the others but url */
	bool has_date;
	int64_t date_s;
	int16_t zone_min;
	bool catenate;
	str url;
};

/* Behind what a line of the command starts. */
enum imap_append_where {
	IMAP_APPEND_HEAD,     /* the verb */
	IMAP_APPEND_LITERAL,  /* a message that is one literal */
	IMAP_APPEND_UTF8,     /* the same in UTF8 (: ")" is owed */
	IMAP_APPEND_CATENATE, /* a part of CATENATE ( */
};

struct imap_append {
	bool replace, uid; /* REPLACE, UID REPLACE */
	uint32_t number;   /* of REPLACE: the message number or uid */
	str mailbox;
	struct imap_append_step *steps; /* of the line at hand */
	size_t n;
	unsigned messages; /* begun so far */
	/* The literal that follows the line: octets of the message. */
	uint64_t size;
	bool literal8; /* sent as ~{n} */
	bool sync;     /* the client waits for "+" */
	enum imap_append_where where;
};

#endif
