/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The small words of responses: strings in their shortest safe form, mailbox names, flags, dates,
 * object ids. Everything appends to a buf.
 */
#ifndef PROTO_IMAP_WRITE_H
#define PROTO_IMAP_WRITE_H

#include "base/buf.h"

/*
 * string: quoted when it may be, else a literal. Octets beyond ASCII are quoted only when `utf8`
 * (the client enabled it) and they are valid UTF-8. NUL octets, which no string may hold, are left
 * out.
 *
 * RFC     9051 4.3, 9 (string, quoted)
 */
void imap_put_string(struct buf *out, str s, bool utf8);
/* As imap_put_string; NIL when s.p is NULL. */
void imap_put_nstring(struct buf *out, str s, bool utf8);
/* atom where possible, else as imap_put_string without UTF-8. */
void imap_put_astring(struct buf *out, str s);

/* "{n}" CRLF; the caller adds the octets. */
void imap_put_literal_header(struct buf *out, uint64_t n);

/* A mailbox name: UTF-8, or modified UTF-7 for clients that did not enable it. */
void imap_put_mailbox(struct buf *out, str name, bool utf8);

/* "\Seen \Flagged" of IMAP_FLAG_* bits, without parentheses; true when something was written. */
bool imap_put_system_flags(struct buf *out, unsigned bits);

/* date-time with its quotes; the zone is +0000. */
void imap_put_internaldate(struct buf *out, int64_t unix_s);

/* "\Drafts \Sent" of IMAP_USE_* bits; each is preceded by SP when `sp`. */
void imap_put_uses(struct buf *out, unsigned uses, bool sp);

#endif
