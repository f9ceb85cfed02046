/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Message identifiers: reading them from Message-ID, In-Reply-To and References as they really
 * occur, and making new ones. Comparing is by octets.
 */
#ifndef MAIL_MSGID_H
#define MAIL_MSGID_H

#include "base/buf.h"

enum { MAIL_MSGID_MAX = 998 }; /* one line (RFC 5322 2.1.1) */

/*
 * Take the next identifier of an unfolded value, without its angle brackets, moving *value on;
 * false when there is no more. Comments, commas, phrases and broken pieces between identifiers
 * are skipped; so are identifiers that are empty, longer than MAIL_MSGID_MAX, or hold white
 * space or control octets.
 *
 * RFC     5322 3.6.4, 4.5.4; 5256 2.1 (for References)
 */
bool mail_msgid_next(str *value, str *ret_id);

/*
 * Write a new identifier with its angle brackets: 128 random bits and the host.
 *
 * In      random: 16 octets from sys/random; host: our host name, canonical
 */
void mail_msgid_put(struct buf *out, const uint8_t random[16], str host);

#endif
