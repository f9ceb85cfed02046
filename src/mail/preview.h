/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first words of a message, for the lists of mail programs.
 */
#ifndef MAIL_PREVIEW_H
#define MAIL_PREVIEW_H

#include "base/buf.h"

struct mail_mime;

enum {
	MAIL_PREVIEW_CHARS = 200,    /* RFC 8970 3.3: at most 256 */
	MAIL_PREVIEW_OCTETS = 800,   /* what they can take in UTF-8 */
	MAIL_PREVIEW_LOOK = 1 << 16, /* octets of a part that are looked at, still encoded */
	MAIL_PREVIEW_PARTS = 10,     /* text parts that are tried */
};

/*
 * Append the preview: plain text of the first text part that has some, without quoted lines (when
 * others are there), runs of white space as one SP. Nothing is appended when there is no text, or
 * when the message is encrypted.
 *
 * In      m: of the whole message
 * Out     out: valid UTF-8, MAIL_PREVIEW_OCTETS at most
 * Errors  NOMEM
 * RFC     8970 3.3
 */
enum err mail_preview(const struct mail_mime *m, struct buf *out);

#endif
