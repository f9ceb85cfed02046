/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parsed arguments of NOTIFY (RFC 5465 8), and reading them again: a session keeps the text of
 * the last NOTIFY, which is bounded, and makes the rest from it.
 */
#ifndef PROTO_IMAP_NOTIFY_H
#define PROTO_IMAP_NOTIFY_H

#include "proto/imap/fetch.h"

enum {
	IMAP_NOTIFY_NEW = 1,     /* MessageNew */
	IMAP_NOTIFY_EXPUNGE = 2, /* MessageExpunge */
	IMAP_NOTIFY_FLAGS = 4,   /* FlagChange */
	IMAP_NOTIFY_NAME = 8,    /* MailboxName */
	IMAP_NOTIFY_SUBSCRIPTION = 16,
	IMAP_NOTIFY_METADATA = 32, /* MailboxMetadataChange */
	IMAP_NOTIFY_SERVER = 64,   /* ServerMetadataChange */
	IMAP_NOTIFY_MESSAGES = IMAP_NOTIFY_NEW | IMAP_NOTIFY_EXPUNGE | IMAP_NOTIFY_FLAGS,
	IMAP_NOTIFY_OTHERS = 120
};

enum imap_notify_filter {
	IMAP_NOTIFY_SELECTED,
	IMAP_NOTIFY_DELAYED, /* SELECTED-DELAYED */
	IMAP_NOTIFY_INBOXES,
	IMAP_NOTIFY_PERSONAL,
	IMAP_NOTIFY_SUBSCRIBED,
	IMAP_NOTIFY_SUBTREE,  /* of names */
	IMAP_NOTIFY_MAILBOXES /* names */
};

struct imap_notify_group {
	enum imap_notify_filter filter;
	unsigned events; /* IMAP_NOTIFY_*; 0: NONE */
	str *names;      /* UTF-8 */
	size_t n;
	bool has_fetch; /* attributes of MessageNew */
	struct imap_fetch_args fetch;
};

struct imap_notify_args {
	str text;      /* the arguments as they came; all strings borrow from it or the arena */
	bool set;      /* SET; else NONE */
	bool status;   /* STATUS responses first */
	bool unknown;  /* an event that we do not have: NO [BADEVENT] */
	bool expunges; /* SELECTED: numbers may change at any time */
	struct imap_notify_group *groups;
	size_t n;
};

/* The names of all events, SP between them, as BADEVENT lists them. */
void imap_notify_events_put(struct buf *out);

/*
 * Parse `text` of an earlier imap_notify_args again.
 *
 * In      text: must outlive ret; utf8: as mailbox names were read then
 * Errors  as imap_command_parse
 */
enum err imap_notify_parse(struct arena *a, str text, bool utf8, struct imap_notify_args *ret);

#endif
