/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ceilings of one IMAP session beyond those of the grammar (proto/imap/limits.h).
 */
#ifndef SVC_ACCOUNT_IMAP_LIMITS_H
#define SVC_ACCOUNT_IMAP_LIMITS_H

enum {
	/* Octets read from the stream at a time. */
	SVC_ACCOUNT_IMAP_IN_MAX = 65536,
	/* Responses are written out when this much waits. */
	SVC_ACCOUNT_IMAP_OUT_FLUSH = 65536,
	/* Largest run of responses built without writing: one ENVELOPE and BODYSTRUCTURE fit. */
	SVC_ACCOUNT_IMAP_OUT_MAX = 33554432,
	/* All messages of one APPEND together: so many times imap.append-max. */
	SVC_ACCOUNT_IMAP_APPEND_TOTAL = 2,
	/* Strings from here on are written from where they lie, not copied. */
	SVC_ACCOUNT_IMAP_OUT_BIG = 16384,
	/* With COMPRESS: octets compressed or decompressed at a time, */
	SVC_ACCOUNT_IMAP_ZIP_PIECE = 65536,
	/* and the octets of commands, messages left out, that one read may grow to. */
	SVC_ACCOUNT_IMAP_ZIP_COMMANDS_MAX = 4194304,
	/* Behind UNAUTHENTICATE: wait for the end of the client's compressed stream. */
	SVC_ACCOUNT_IMAP_ZIP_END_MS = 10000,
	/* A client that takes nothing for this long is gone. */
	SVC_ACCOUNT_IMAP_STALL_MS = 300000,
	/* Octets of the program's name that the census gets: accounts_account.client. */
	SVC_ACCOUNT_IMAP_NAME = 64,
	/* Wait for the accounts process to take a change notice. */
	SVC_ACCOUNT_IMAP_NOTICE_MS = 5000,
	/* Memory of a session: commands, view, lists of mailboxes. */
	SVC_ACCOUNT_IMAP_BUDGET = 268435456,
	/* Of that, what one command works with: THREAD of a million messages takes 62 MB, SORT by
	 * one string 64 MB and the strings. */
	SVC_ACCOUNT_IMAP_WORK = 134217728,
	/* Scratch memory of one message (its MIME tree, addresses), or of one refresh: all messages
	 * of a mailbox of two million may have changed. */
	SVC_ACCOUNT_IMAP_SCRATCH = 201326592,
	/* Wrong commands in a row before BYE. */
	SVC_ACCOUNT_IMAP_ERRORS_MAX = 50,
	/* A command that takes longer says how far it is, this often. */
	SVC_ACCOUNT_IMAP_PROGRESS_MS = 10000,
	/* Message states taken from the store at a time. */
	SVC_ACCOUNT_IMAP_SCAN = 1024,
	/* Silence after which a session looks for something to do about texts. */
	SVC_ACCOUNT_IMAP_QUIET_MS = 500,
	/* Octets of one fact of a message, and of one field decoded for it; the rest is left out. A
	 * header that comes by SMTP has as many; folded, letters may grow to eleven times that. */
	SVC_ACCOUNT_IMAP_FACT_TEXT_MAX = 1048576,
	/* Octets of a string that SORT compares: longer ones are the same from there on. */
	SVC_ACCOUNT_IMAP_SORT_TEXT_MAX = 1000,
	/* Mailboxes one ESEARCH looks into. */
	SVC_ACCOUNT_IMAP_ESEARCH_MAILBOXES = 20000,
	/* Response code of one tagged response: COPYUID and MODIFIED carry sets. Every other one of
	 * two million messages fits. */
	SVC_ACCOUNT_IMAP_CODE_MAX = 16777216,
	/* Memory of one that is kept for the next. */
	SVC_ACCOUNT_IMAP_CODE_KEPT = 65536,
	/* A VANISHED response goes on in another one behind so many octets (RFC 7162 4). */
	SVC_ACCOUNT_IMAP_VANISHED_LINE = 8000,
	/* NOTIFY: mailboxes of an account that it watches, and memory of their rows, twice. */
	SVC_ACCOUNT_IMAP_NOTIFY_MAILBOXES = 5000,
	SVC_ACCOUNT_IMAP_NOTIFY_BUDGET = 16777216,
	/* Mailboxes that notices named; if there are more, all are looked at. */
	SVC_ACCOUNT_IMAP_NOTIFY_PENDING = 64,
};

#endif
