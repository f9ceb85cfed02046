/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text in any charset that mail uses, to UTF-8, by tables made at build time (tool/gen-charset).
 * Octets that mean nothing become U+FFFD; an unknown charset is read as UTF-8 and then as
 * windows-1252, as readers do. Nothing fails but the output's ceiling.
 */
#ifndef MAIL_CHARSET_H
#define MAIL_CHARSET_H

#include "base/buf.h"

/* True when the name (any case, aliases included) has a table. */
bool mail_charset_known(str name);

/* Append `in` as UTF-8. An empty name means us-ascii, which is read like an unknown one. */
void mail_charset_decode(struct buf *out, str name, str in);

/*
 * Append valid UTF-8 folded for comparison: decomposed, without combining marks, case-folded; what
 * i;unicode-casemap (RFC 5051) equates is equal, and so are letters with and without accents.
 */
void mail_charset_fold(struct buf *out, str utf8);

/*
 * Append valid UTF-8 as i;unicode-casemap prepares it: every code point to its titlecase, then
 * decomposed. Two texts are equal, or one is before the other, as their prepared octets are.
 *
 * RFC     5051 2
 */
void mail_charset_casemap(struct buf *out, str utf8);

#endif
