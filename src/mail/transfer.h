/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Content transfer encodings (RFC 2045 6), decoded leniently: what is not in the alphabet is
 * skipped, a broken escape stays as text.
 */
#ifndef MAIL_TRANSFER_H
#define MAIL_TRANSFER_H

#include "base/buf.h"

enum mail_transfer {
	MAIL_TRANSFER_IDENTITY,
	MAIL_TRANSFER_BASE64,
	MAIL_TRANSFER_QP,
	MAIL_TRANSFER_UNKNOWN
};

/* By the value of Content-Transfer-Encoding. 7bit, 8bit and binary are IDENTITY. */
enum mail_transfer mail_transfer_by_name(str name);

/* Append the decoded octets; UNKNOWN is copied. */
void mail_transfer_decode(struct buf *out, enum mail_transfer enc, str in);

#endif
