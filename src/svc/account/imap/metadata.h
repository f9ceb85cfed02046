/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Annotations in a session: what the client knows of them, telling it news, and METADATA of LIST.
 * Included by session.h. Code: cmd_metadata.c. RFC 5464, 9590.
 */
#ifndef SVC_ACCOUNT_IMAP_METADATA_H
#define SVC_ACCOUNT_IMAP_METADATA_H

#include "base/err.h"

struct svc_account_imap;
struct store_mailbox;
struct imap_metadata_args;

/* In use with IMAP_ENABLED_METADATA; parked. */
struct svc_account_imap_metadata {
	uint64_t seen; /* modseq up to which changes were told */
	uint64_t own;  /* modseq of our own last change */
	bool dirty;    /* there may be news */
};

/* "* METADATA name (entry value ...)" for a mailbox of LIST. */
enum err svc_account_imap_put_metadata(struct svc_account_imap *s, const struct store_mailbox *m,
    const struct imap_metadata_args *args);
/* ENABLE METADATA was given: remember where we stand. */
enum err svc_account_imap_metadata_enable(struct svc_account_imap *s);
/* Tell what others changed (RFC 5464 4.4.2). */
enum err svc_account_imap_metadata_news(struct svc_account_imap *s);

#endif
