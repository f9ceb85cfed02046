/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The set of ARC fields (RFC 8617) above a letter that is forwarded: what we found when it came in,
 * signed and sealed by the domain that forwards it. sign.c asks for the two signatures, which are
 * made one after the other.
 */
#ifndef SVC_SEND_SEAL_H
#define SVC_SEND_SEAL_H

#include "base/arena.h"
#include "base/buf.h"
#include "proto/dkim/signature.h"

struct svc_send_seal;

/* ERR_NOMEM */
enum err svc_send_seal_new(struct arena *parent, struct svc_send_seal **ret);
/* Fine with NULL; *s becomes NULL. */
void svc_send_seal_free(struct svc_send_seal **s);

/*
 * Begin, or begin again.
 *
 * In      who: as for a signature, body_hash included; message: header copied; hostname: whose
 *         Authentication-Results are ours
 * Out     digest: SHA-256 of what is to be signed first
 * Errors  ERR_UNSUPPORTED: it has a chain, and nobody looked at that; those of arc_seal_begin;
 *         ERR_NOMEM
 * RFC     8617 5.1
 */
enum err svc_send_seal_begin(struct svc_send_seal *s, const struct dkim_signer *who, str message,
    str hostname, uint8_t digest[32]);

/*
 * A signature has come.
 *
 * Out     ret_done: false: digest is to be signed too; true: the three fields were appended
 * Errors  those of arc_seal_message and arc_seal_end; ERR_NOMEM
 */
enum err svc_send_seal_take(struct svc_send_seal *s, str signature, uint8_t digest[32],
    bool *ret_done, struct buf *fields);

#endif
