/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Encoded words (RFC 2047) in unstructured text and phrases, to UTF-8.
 */
#ifndef MAIL_WORD_H
#define MAIL_WORD_H

#include "base/buf.h"

/*
 * Append the text with its encoded words decoded. White space between two encoded words goes
 * (RFC 2047 6.2); a broken word stays as it is; 8-bit text outside words is read as UTF-8 or
 * windows-1252. Fold the header first (mail_header_unfold).
 */
void mail_word_decode(struct buf *out, str text);

#endif
