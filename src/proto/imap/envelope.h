/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ENVELOPE: the ten fields of a header as IMAP structures them. The text does not depend on what
 * the client enabled (octets beyond ASCII go as literals), so it can be cached.
 */
#ifndef PROTO_IMAP_ENVELOPE_H
#define PROTO_IMAP_ENVELOPE_H

#include "base/arena.h"
#include "base/buf.h"

/*
 * Write "(date subject from ... message-id)".
 *
 * In      header: header block or whole message; a: scratch, may be reset afterwards
 * Limits  IMAP_ENVELOPE_STRING_MAX per string; address lists end where IMAP_ENVELOPE_MAX is reached
 * Errors  ERR_BUDGET; ERR_TOOBIG and ERR_NOMEM of `out`
 * RFC     9051 7.5.2 (ENVELOPE)
 */
enum err imap_envelope_put(struct buf *out, str header, struct arena *a);

#endif
