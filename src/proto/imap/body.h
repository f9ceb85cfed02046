/* SPDX-License-Identifier: Apache-2.0 */
/*
 * BODY and BODYSTRUCTURE of a MIME tree. Like the envelope, the text is the same for every client.
 */
#ifndef PROTO_IMAP_BODY_H
#define PROTO_IMAP_BODY_H

#include "base/arena.h"
#include "base/buf.h"

struct mail_mime;

/*
 * Write the parenthesised structure; `extended` gives BODYSTRUCTURE, else BODY. Iterative.
 *
 * In      a: scratch for addresses, reset by this
 * Limits  those of mail_mime_parse; IMAP_BODY_PARAMS_MAX, IMAP_ENVELOPE_STRING_MAX
 * Errors  ERR_BUDGET; ERR_TOOBIG and ERR_NOMEM of `out`
 * RFC     9051 7.5.2 (BODY, BODYSTRUCTURE)
 */
enum err imap_body_put(struct buf *out, const struct mail_mime *m, bool extended, struct arena *a);

#endif
