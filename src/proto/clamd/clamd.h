/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Client side of clamd's protocol over a UNIX socket: one struct per connection, one question at a
 * time, in a session so that the connection is kept (clamd(8): IDSESSION, zFILDES, PING, VERSION).
 * No input or output here:
 *
 *	clamd_init; str s = clamd_ask(c, CLAMD_SCAN); send s as one, the descriptor with it;
 *	then clamd_feed with what comes until it is not ERR_AGAIN; clamd_ask again, or close.
 */
#ifndef PROTO_CLAMD_CLAMD_H
#define PROTO_CLAMD_CLAMD_H

#include "base/err.h"
#include "base/str.h"
#include "proto/clamd/limits.h"

enum clamd_question {
	CLAMD_SCAN, /* a descriptor goes with the octets: SCM_RIGHTS, in the same message */
	CLAMD_PING,
	CLAMD_VERSION,
};

enum clamd_verdict {
	CLAMD_CLEAN,
	CLAMD_FOUND,   /* text: the signature's name */
	CLAMD_FAILED,  /* it could not look: a size limit, no memory, a bad descriptor. text: why */
	CLAMD_PONG,    /* to PING */
	CLAMD_PROGRAM, /* to VERSION. text: "ClamAV 1.4.6/27000/..." */
};

struct clamd_reply {
	enum clamd_verdict verdict;
	str text; /* printable ASCII, at most CLAMD_NAME_MAX; until the next call */
};

struct clamd {
	uint32_t magic;
	uint32_t asked; /* number of the last question, from 1 */
	enum clamd_question question;
	bool waiting; /* for the answer */
	bool broken;  /* it said what is no answer: close */
	size_t n;
	char in[CLAMD_REPLY_MAX];
	char out[CLAMD_ASK_MAX];
	char text[CLAMD_NAME_MAX];
};

/* A connection of which nothing was said yet. Nothing to free. */
void clamd_init(struct clamd *c);

/* True when another question may follow on this connection. */
bool clamd_ready(const struct clamd *c);

/* Ask; clamd_ready() is asserted. Out: what to send as one message; until the next call. */
str clamd_ask(struct clamd *c, enum clamd_question q) NODISCARD;

/*
 * Take octets from clamd, up to the end of its answer.
 *
 * Out     ret_used: always set; ret: on ERR_OK
 * Limits  CLAMD_REPLY_MAX
 * Errors  ERR_AGAIN: all was taken, the answer is not complete; ERR_TOOBIG; ERR_PROTOCOL: an
 *         answer nobody asked for, to another question, or none that is known. Close then: the
 *         question has no answer
 */
enum err clamd_feed(struct clamd *c, str in, size_t *ret_used, struct clamd_reply *ret);

#endif
