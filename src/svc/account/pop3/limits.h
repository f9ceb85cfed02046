/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ceilings of one POP3 session beyond those of the grammar (proto/pop3/limits.h).
 */
#ifndef SVC_ACCOUNT_POP3_LIMITS_H
#define SVC_ACCOUNT_POP3_LIMITS_H

enum {
	/* Octets read from the stream at a time. */
	SVC_ACCOUNT_POP3_IN_MAX = 65536,
	/* Replies are written out when this much waits; no piece kept is larger. */
	SVC_ACCOUNT_POP3_OUT_FLUSH = 65536,
	SVC_ACCOUNT_POP3_OUT_MAX = 262144,
	/* Octets from here on are written from where they lie, not copied. */
	SVC_ACCOUNT_POP3_OUT_BIG = 16384,
	/* A client that takes nothing for this long is gone. */
	SVC_ACCOUNT_POP3_STALL_MS = 300000,
	/* Wait for the accounts process to take a change notice. */
	SVC_ACCOUNT_POP3_NOTICE_MS = 5000,
	/* How long a log-in waits for the session before it to let the maildrop go; how often it
	   looks. */
	SVC_ACCOUNT_POP3_LOCK_MS = 1000,
	SVC_ACCOUNT_POP3_LOCK_STEP_MS = 25,
	/* Scratch memory: names of a mailbox row, control messages. */
	SVC_ACCOUNT_POP3_BUDGET = 1048576,
	/* Messages of a maildrop: 16 octets each are kept; later ones are not shown. */
	SVC_ACCOUNT_POP3_MESSAGES_MAX = 10000000,
	/* Message states taken from the store at a time. */
	SVC_ACCOUNT_POP3_SCAN = 1024,
	/* The front of a message in which TOP first looks for its lines. */
	SVC_ACCOUNT_POP3_TOP_FRONT = 65536,
	/* Wrong commands in a row before the end. */
	SVC_ACCOUNT_POP3_ERRORS_MAX = 50,
};

#endif
