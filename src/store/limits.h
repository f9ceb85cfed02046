/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every limit of the store, with its reason.
 */
#ifndef STORE_LIMITS_H
#define STORE_LIMITS_H

enum {
	STORE_NAME_MAX = 1000,       /* octets of a mailbox name; IMAP sets none,
		clients show far less */
	STORE_DEPTH_MAX = 50,        /* levels of a name */
	STORE_MAILBOXES_MAX = 20000, /* per account; LIST must stay answerable */
	/* where somebody else makes them: the owner always has room */
	STORE_MAILBOXES_GUEST = STORE_MAILBOXES_MAX / 2,
	STORE_SUBSCRIPTIONS_MAX = 20000,
	STORE_KEYWORD_OCTETS_MAX = 128, /* one keyword */
	STORE_MESSAGE_MAX = 256 << 20,  /* octets of one message; the settings allow 1 MB less */
	STORE_CACHE_BLOB_MAX = 256 << 10,
	/* an envelope or structure blob; larger ones are not kept */
	STORE_FACT_MAX = 32 << 10, /* one fact of a message; larger ones are not kept */
	STORE_REFS_MAX = 16,       /* message ids remembered per message for threading */
	STORE_PAGE_RECORDS = 512,  /* message states in one packed page */
	STORE_MAPS = 4,            /* of mailboxes left behind that are kept for the next SELECT */
	STORE_MAPS_RUNS = 8192,    /* runs of uids in all of them: 96 KB */
	STORE_BATCH_MAX = 4096,    /* messages in one delivery */
	STORE_APPEND_MAX = 65536,  /* messages in one append: COPY is all or none */
	STORE_GONE_MAX = 20000,    /* ranges in the log of removals per mailbox,
	       before it is cut in half */
	STORE_RESERVE = 1024,
	/* uids and ids set aside at a time (see doc/format/index.md) */
	STORE_PACK_MAX = 64 << 20,   /* a pack that reached this is closed and a new one begun */
	STORE_RAW_MAX = 512,         /* messages up to this are not compressed */
	STORE_ANNOTATIONS_MAX = 200, /* per mailbox and per account; RFC 5464 4.1 wants 10 */
	STORE_ANNOTATION_ENTRY_MAX = 1000,     /* octets of a name */
	STORE_ANNOTATION_VALUE_MAX = 32768,    /* octets of a value; RFC 5464 4.1 wants 1024 */
	STORE_ANNOTATION_OCTETS_MAX = 8 << 20, /* names and values of one account */
	STORE_ANNOTATION_OCTETS_GUEST = STORE_ANNOTATION_OCTETS_MAX / 2, /* as with mailboxes */
	STORE_ANNOTATION_NEWS_MAX = 1000, /* changes told at a time */
};

#endif
