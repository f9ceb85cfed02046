/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NOTIFY (RFC 5465): what a session wants to hear of, and telling it. Notices of the accounts
 * process say which mailbox changed; what changed is found by comparing it with what was told last.
 * The command is in command.c, the comparison in notify.c; the selected mailbox is view.c's.
 */
#ifndef SVC_ACCOUNT_IMAP_NOTIFY_NOTIFY_H
#define SVC_ACCOUNT_IMAP_NOTIFY_NOTIFY_H

#include "base/wire.h"
#include "svc/account/imap/session.h"

/* Made by the first NOTIFY; lives as long as the session. */
struct svc_account_imap_notify {
	struct arena *arena; /* of args: the text of the last NOTIFY and what was parsed from it */
	struct imap_notify_args args;
	bool utf8;   /* mailbox names in its text are UTF-8 */
	bool others; /* a group is about more than the selected mailbox */

	/* Every mailbox as it was told last; only with `others`. */
	struct arena *rows_arena[2]; /* of now, and of the next comparison */
	struct store_mailbox *rows;
	size_t n;
	uint64_t annotations; /* modseq of annotations told */

	/* What the notices since said. */
	uint64_t pending[SVC_ACCOUNT_IMAP_NOTIFY_PENDING];
	size_t pending_n;
	bool all;  /* more mailboxes than there was room for */
	bool list; /* names or subscriptions */

	struct store_set mine; /* uids that this session itself added to the selected mailbox */
};

/* NOTIFY. Errors: DENIED (BADEVENT); TOOMANY, BUDGET (NOTIFICATIONOVERFLOW); of the store. */
enum err svc_account_imap_notify_command(struct svc_account_imap *s,
    const struct imap_notify_args *args);
/* What parking keeps; called by cmd_session.c under the names that park_parts.def wants. */
enum err svc_account_imap_notify_park_put(const struct svc_account_imap *s, struct buf *b);
enum err svc_account_imap_notify_park_get(struct svc_account_imap *s, struct rd *r);

/* Free what the session's arena does not hold, at its end. */
void svc_account_imap_notify_free(struct svc_account_imap *s);

/* A notice came (0: the list of mailboxes). Is there anything to tell now? */
bool svc_account_imap_notify_notice(struct svc_account_imap *s, uint64_t mailbox);
/* Is anything noted that has not been told? */
bool svc_account_imap_notify_waits(const struct svc_account_imap *s);
/*
 * Tell what the notices were about: STATUS, LIST, METADATA. Too much for us ends it with
 * [NOTIFICATIONOVERFLOW].
 */
void svc_account_imap_notify_tell(struct svc_account_imap *s);

/* Events wanted of the selected mailbox, IMAP_NOTIFY_*; before any NOTIFY: all of messages. */
unsigned svc_account_imap_notify_selected(const struct svc_account_imap *s);
/* Are events told between commands, too, and EXPUNGE with them? */
bool svc_account_imap_notify_pushes(const struct svc_account_imap *s);
bool svc_account_imap_notify_expunges(const struct svc_account_imap *s);
/* What is to be told of each new message; NULL: nothing. */
const struct imap_fetch_args *svc_account_imap_notify_fetch(const struct svc_account_imap *s);

/* FETCH responses of new messages; cmd_fetch.c. Uses the session's work and scratch arenas. */
enum err svc_account_imap_fetch_new(struct svc_account_imap *s, const struct imap_fetch_args *args,
    const struct store_set *uids);

/* This session changed these names itself (either may be empty): no event comes of it. */
void svc_account_imap_notify_own(struct svc_account_imap *s, str name, str other);
/* This session added these uids to a mailbox: no FETCH of them comes by itself. */
void svc_account_imap_notify_mine(struct svc_account_imap *s, uint64_t mailbox, uint32_t lo,
    uint32_t hi);

/* ---- between command.c and notify.c ------------------------------------------------------ */

/* Begin with every mailbox as it is now. TOOMANY, BUDGET, DB. */
enum err svc_account_imap_notify_begin(struct svc_account_imap *s);
/* Events that the groups want of this mailbox, those of SELECTED left out. */
unsigned svc_account_imap_notify_events(const struct svc_account_imap_notify *n,
    const struct store_mailbox *m);

#endif
