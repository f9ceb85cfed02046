/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The header of a message or MIME part as a run of fields: an iterator with octet offsets, so that
 * stored messages can be indexed without copying. Values stay raw; decoding is done by others
 * (address.h, date.h, encoded words). Lines may end in CRLF or a bare LF.
 */
#ifndef MAIL_HEADER_H
#define MAIL_HEADER_H

#include "base/buf.h"

/* One field; everything points into the block. */
struct mail_field {
	str name;      /* without white space before the colon; empty: a line that is no field */
	str value;     /* after the colon, folds kept, last line end removed; not trimmed */
	str raw;       /* all of it with its last line end */
	size_t offset; /* of raw within the block */
};

/* Where an iteration stands; start with mail_header_make. */
struct mail_header {
	str block;
	size_t at;
};

/* `text` may be a whole message: iteration ends at the empty line. */
struct mail_header mail_header_make(str text);

/*
 * The next field; false at the end. A line without a colon is given with an empty name and the
 * line as value. A continuation line at the very start is such a line, too.
 *
 * RFC     5322 2.2, 3.6.8, 4.5
 */
bool mail_header_next(struct mail_header *h, struct mail_field *ret);

/* Octets of the header with the empty line that ends it; all of it when there is none. */
size_t mail_header_length(str text);

/* First field of that name, ASCII case ignored; false when there is none. */
bool mail_header_find(str text, str name, struct mail_field *ret);
size_t mail_header_count(str text, str name);

/*
 * Append the value unfolded: line ends that are followed by white space go, the white space stays
 * (RFC 5322 2.2.3); leading and trailing white space goes, too.
 */
void mail_header_unfold(struct buf *out, str value);

/* True for a name of printable ASCII without colon and space (RFC 5322 2.2). */
bool mail_field_name_valid(str name);

#endif
