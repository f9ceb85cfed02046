/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text behind DATA: finds its end, takes the stuffed dots out, and looks at each octet once.
 * All mail passes here, so it works on whole runs: the octets it hands back are the caller's own.
 */
#ifndef PROTO_SMTP_BODY_H
#define PROTO_SMTP_BODY_H

#include "base/str.h"

/* Where in a line we are; BEGIN follows CRLF and nothing else. */
enum smtp_body_at {
	SMTP_AT_BEGIN,
	SMTP_AT_LINE,
	SMTP_AT_CR,
	SMTP_AT_DOT,
	SMTP_AT_DOT_CR,
	SMTP_AT_EMPTY_CR
};

enum smtp_body_event {
	SMTP_BODY_MORE, /* all octets are used, or a dot was taken out: call again with the others
			 */
	SMTP_BODY_HEADER_END, /* the empty line was taken; it is not part of a piece: the caller
				 writes it */
	SMTP_BODY_END,        /* CRLF.CRLF: what follows are commands */
};

struct smtp_body {
	enum smtp_body_at at;
	bool in_body;          /* the header is over */
	bool bare_lf, bare_cr; /* a line end that is none */
	bool nul, long_line, header_big;
	bool eight_bit, header_eight_bit;
	uint32_t hops;   /* Received fields */
	uint64_t octets; /* taken, without stuffed dots and end mark */
	uint64_t header_octets;
	uint64_t cr, crlf;  /* counted to find bare CR without looking for each */
	size_t line_octets; /* of this line so far */
	size_t received;    /* octets of "received:" matched at the start of this line */
};

/* At the first octet behind the CRLF of DATA. */
void smtp_body_init(struct smtp_body *b);

/*
 * In      in: what follows; not empty
 * Out     ret_piece: octets of the message, within `in`, may be empty; ret_used: octets taken
 * Limits  SMTP_TEXT_LINE_MAX, SMTP_HEADER_MAX, counted, not enforced
 * RFC     5321 2.3.8, 4.1.1.4, 4.5.2
 */
enum smtp_body_event smtp_body_take(struct smtp_body *b, str in, str *ret_piece, size_t *ret_used);

/* A bare CR or LF was met. True only after SMTP_BODY_END for a CR. */
bool smtp_body_bare(const struct smtp_body *b);

#endif
