/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The computing half of sign.c: who a message says it is from, its hashes, and the fields.
 */
#ifndef SVC_SEND_SIGN_TEXT_H
#define SVC_SEND_SIGN_TEXT_H

#include "base/arena.h"
#include "base/buf.h"
#include "proto/dkim/signature.h"

/*
 * The domain of the first address of the header's From, canonical.
 *
 * In      a: scratch
 * Errors  NOTFOUND: no From, no address in it, or no domain that could sign; BUDGET
 * RFC     5322 3.6.2, 6376 5.4
 */
enum err svc_send_sign_from(str message, struct arena *a, struct buf *ret_domain);

/* SHA-256 of the body, relaxed. NOMEM. RFC 6376 3.4.4, 3.7 */
enum err svc_send_sign_body(str message, uint8_t ret[DKIM_BODY_HASH]);

/*
 * Begin a field over the message's header.
 *
 * Out     field: "DKIM-Signature: ... b="; digest: SHA-256 of what is signed
 * Errors  those of dkim_sign; NOMEM
 */
enum err svc_send_sign_begin(const struct dkim_signer *s, str message, struct arena *a,
    struct buf *field, uint8_t digest[32]);

#endif
