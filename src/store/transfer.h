/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mail in and out of an account in the two formats every mail program knows. Streaming: one
 * message in memory at a time.
 */
#ifndef STORE_TRANSFER_H
#define STORE_TRANSFER_H

#include "store/store.h"

struct store_transfer {
	uint64_t messages, mailboxes, octets,
	    skipped;                       /* done so far; skipped: unreadable or too big */
	void (*line)(void *ctx, str text); /* what was skipped; may be NULL */
	void *ctx;
};

/*
 * Each mailbox becomes DEST/<name>.mbox (levels as folders; octets that cannot be in a file name
 * as %XX): From_ line, mboxrd quoting, LF line ends, Status and X-Status headers for the flags.
 * DEST is made; files that exist are refused (EXISTS).
 */
enum err store_export_mbox(struct store *s, str dest, struct store_transfer *t);

/* DEST becomes a Maildir++: INBOX itself, others as ".A.B" folders, flags in the file names. */
enum err store_export_maildir(struct store *s, str dest, struct store_transfer *t);

/*
 * Read what the two functions above write, and the same formats from elsewhere. A file is taken
 * for an mbox, a folder with cur/ for a Maildir(++), another folder for a tree of mboxes.
 * Mailboxes are made as needed; messages are added in durable batches.
 *
 * In      into: for a single mbox file, the mailbox to fill; empty: INBOX
 */
enum err store_import(struct store *s, str source, str into, struct store_transfer *t);

#endif
