/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parsed arguments of FETCH: cheap items as bits, sections as a list in the order asked for.
 */
#ifndef PROTO_IMAP_FETCH_H
#define PROTO_IMAP_FETCH_H

#include "proto/imap/search.h"

enum {
	IMAP_FETCH_UID = 1,
	IMAP_FETCH_FLAGS = 2,
	IMAP_FETCH_INTERNALDATE = 4,
	IMAP_FETCH_SIZE = 8,      /* RFC822.SIZE */
	IMAP_FETCH_MODSEQ = 16,   /* RFC 7162 3.1.5 */
	IMAP_FETCH_EMAILID = 32,  /* RFC 8474 5.1 */
	IMAP_FETCH_THREADID = 64, /* RFC 8474 5.2 */
	IMAP_FETCH_ENVELOPE = 128,
	IMAP_FETCH_BODY = 256,
	IMAP_FETCH_BODYSTRUCTURE = 512,
	IMAP_FETCH_SAVEDATE = 1024, /* RFC 8514 4.2 */
	IMAP_FETCH_PREVIEW = 2048,  /* RFC 8970 3 */
	IMAP_FETCH_LAZY = 4096,     /* ... only when it is there */
};

enum imap_section_item {
	IMAP_ITEM_BODY,        /* BODY[...] */
	IMAP_ITEM_BINARY,      /* BINARY[...] */
	IMAP_ITEM_BINARY_SIZE, /* BINARY.SIZE[...] */
	IMAP_ITEM_RFC822,      /* RFC 3501: as BODY[], BODY.PEEK[HEADER], BODY[TEXT] */
	IMAP_ITEM_RFC822_HEADER,
	IMAP_ITEM_RFC822_TEXT,
};

enum imap_section_text {
	IMAP_TEXT_ALL, /* the part itself, or the whole message */
	IMAP_TEXT_HEADER,
	IMAP_TEXT_FIELDS,
	IMAP_TEXT_FIELDS_NOT,
	IMAP_TEXT_TEXT,
	IMAP_TEXT_MIME,
};

struct imap_section {
	enum imap_section_item item;
	enum imap_section_text text;
	bool peek;      /* do not set \Seen */
	uint32_t *path; /* part numbers; path_n 0: the message */
	size_t path_n;
	str *fields; /* header names of FIELDS and FIELDS_NOT */
	size_t fields_n;
	bool partial;
	uint64_t offset, length; /* of partial */
};

struct imap_fetch_args {
	struct imap_seqset set;
	unsigned items; /* IMAP_FETCH_* */
	struct imap_section *sections;
	size_t n;
	bool sets_seen; /* one of the sections does */
	bool has_changedsince;
	uint64_t changedsince;
	bool vanished;               /* UID FETCH with CHANGEDSINCE alone (RFC 7162 3.2.6) */
	struct imap_partial partial; /* RFC 9394 3.3; UID FETCH only */
};

/*
 * Write the item's name as the response carries it: "BODY[1.HEADER.FIELDS (Date)]<0>".
 *
 * RFC     9051 7.5.2
 */
void imap_section_name_put(struct buf *out, const struct imap_section *s);

#endif
