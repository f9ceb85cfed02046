/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Modified UTF-7, the wire form of mailbox names for clients that did not ENABLE IMAP4rev2 or
 * UTF8=ACCEPT. Only the one canonical spelling of a name is accepted, so that a name reads back as
 * it was written.
 */
#ifndef PROTO_IMAP_UTF7_H
#define PROTO_IMAP_UTF7_H

#include "base/buf.h"

/* Append the encoding of valid UTF-8. Invalid octets are written as U+FFFD. */
void imap_utf7_encode(struct buf *out, str utf8);

/*
 * Append the UTF-8 of `in`.
 *
 * Errors  ERR_CHARSET: octets beyond ASCII or controls, bad base64, unpaired surrogates, or not the
 *         canonical spelling; ERR_TOOBIG at the ceiling of `out`. `out` is then as it was
 * RFC     3501 5.1.3
 */
enum err imap_utf7_decode(struct buf *out, str in);

#endif
