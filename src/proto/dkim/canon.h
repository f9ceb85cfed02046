/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Canonicalization: what remains of a message once changes are taken out that mail systems make on
 * the way. Bodies pass in pieces of any size; the result goes to a sink, in pieces of any size.
 */
#ifndef PROTO_DKIM_CANON_H
#define PROTO_DKIM_CANON_H

#include "base/buf.h"

enum dkim_canon { DKIM_SIMPLE, DKIM_RELAXED };

/* Takes canonical octets; they are borrowed until it returns. */
typedef void dkim_sink(void *ctx, str octets);

/* A body on its way; begin with dkim_body_init. */
struct dkim_body {
	enum dkim_canon canon;
	dkim_sink *sink;
	void *ctx;
	uint64_t line_ends; /* not given to the sink yet: they may turn out to be the last */
	bool cr;            /* a CR that may be half a line end */
	bool space;         /* relaxed: white space that may turn out to end a line */
	bool any;           /* the sink got something */
};

/* Start a body; the sink gets octets from the first feed on. Nothing is to be freed. */
void dkim_body_init(struct dkim_body *b, enum dkim_canon canon, dkim_sink *sink, void *ctx);
/* The next octets of the body. A CR or LF alone is an octet like any other. */
void dkim_body_feed(struct dkim_body *b, str octets);
/*
 * The body is complete: empty lines at its end are gone, and one line end is there, unless a
 * relaxed body is empty.
 *
 * RFC     6376 3.4.3, 3.4.4
 */
void dkim_body_end(struct dkim_body *b);

/*
 * Append one header field.
 *
 * In      raw: the field with folds and its line end, as it stands in the message
 *         last: the signature's own field, which comes last and gets no line end (3.7)
 * RFC     6376 3.4.1, 3.4.2
 */
void dkim_field(struct buf *out, enum dkim_canon canon, str raw, bool last);

#endif
