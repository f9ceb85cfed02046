/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Replies of a server: lines of one reply are put together, checked and kept within bounds,
 * whatever comes. What is kept is printable UTF-8 with the local parts of addresses masked.
 */
#ifndef PROTO_SMTPC_REPLY_H
#define PROTO_SMTPC_REPLY_H

#include "base/buf.h"
#include "proto/smtpc/limits.h"

/* What is wrong with a reply that is none. */
enum smtpc_fault {
	SMTPC_FAULT_NONE,
	SMTPC_FAULT_BARE, /* CR or LF alone */
	SMTPC_FAULT_NUL,
	SMTPC_FAULT_LINE,     /* longer than SMTPC_LINE_MAX */
	SMTPC_FAULT_ENDLESS,  /* more than SMTPC_REPLY_MAX */
	SMTPC_FAULT_CODE,     /* no code, or one outside 200 to 599 */
	SMTPC_FAULT_MIXED,    /* lines of one reply with different codes */
	SMTPC_FAULT_SURPRISE, /* nothing was asked */
	SMTPC_FAULT_CLASS,    /* a code that cannot answer this command: 250 for DATA */
	SMTPC_FAULTS
};

struct smtpc_reply {
	uint16_t code;
	enum smtpc_fault fault;
	str enhanced; /* "5.1.1", of the class of the code; else empty */
	str lines;    /* "554-a\n554 b": with codes, LF between, masked; cut at SMTPC_KEPT_MAX */
	bool cut;
};

/* A reply as it comes. */
struct smtpc_reader {
	uint16_t code;
	enum smtpc_fault fault;
	bool last_cr, complete;
	size_t octets; /* of this reply */
	size_t line_n;
	bool cut;
	struct buf kept; /* lines so far, as they came */
	char line[SMTPC_LINE_MAX];
	char kept_room[SMTPC_KEPT_MAX];
};

/* At the first octet of a reply; the reader keeps no memory of its own beyond the struct. */
void smtpc_reader_init(struct smtpc_reader *r);

/*
 * Take octets up to the end of one reply line.
 *
 * Out     ret_used; ret_line: the line without CRLF when one is complete, else p == NULL; it lives
 *         until the next call. ret_end: it was the last of its reply, or fault is set
 */
void smtpc_reader_take(struct smtpc_reader *r, str in, size_t *ret_used, str *ret_line,
    bool *ret_end);

/*
 * Append reply lines on one line, as people read them: "550 5.1.1 a b"; text: without the code.
 *
 * In      lines: of struct smtpc_reply
 */
void smtpc_reply_join(struct buf *out, str lines);
void smtpc_reply_text(struct buf *out, str lines);

/*
 * Append `text` with local parts of addresses masked, control octets and what is not UTF-8
 * replaced by "?".
 *
 * In      names: local parts that are masked wherever they stand as a word
 */
void smtpc_reply_mask(struct buf *out, str text, const str *names, size_t n);

/* "5.1.1" at the start of the text behind a code, of class `digit`; else empty. RFC 3463 2 */
str smtpc_reply_enhanced(str text, char digit);

#endif
