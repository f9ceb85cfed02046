/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ENVELOPE, BODY, BODYSTRUCTURE and preview of a message as text, and as the two blobs the store
 * keeps beside it. A blob starts with its version; one of another version counts as absent.
 *
 *	envelope   OFFSET 0 SIZE 1 version 1; then the ENVELOPE text
 *	structure  OFFSET 0 SIZE 1 version 2; u32 length and octets of BODY, the same of the
 *	           preview; the BODYSTRUCTURE text. Version 1 has no preview
 */
#ifndef SVC_ACCOUNT_IMAP_SHAPE_H
#define SVC_ACCOUNT_IMAP_SHAPE_H

#include "base/arena.h"
#include "base/err.h"

struct svc_account_imap_shape {
	str envelope, body, structure; /* empty: not known */
	str preview;                   /* RFC 8970; p NULL: not known */
};

/*
 * Compute all four.
 *
 * In      message: all octets, header_n of them header
 * Out     ret: texts live in `a`
 * Limits  SVC_ACCOUNT_IMAP_SHAPE_MAX octets each
 * Errors  ERR_TOOBIG, ERR_BUDGET, ERR_NOMEM
 */
enum { SVC_ACCOUNT_IMAP_SHAPE_MAX = 8388608 };
enum err svc_account_imap_shape_make(struct arena *a, str message, size_t header_n,
    struct svc_account_imap_shape *ret);

/* The ENVELOPE alone, from the header alone. Errors: as svc_account_imap_shape_make. */
enum err svc_account_imap_shape_envelope(struct arena *a, str header, str *ret);

/* The blobs, in `a`; empty where the text is. Errors: ERR_BUDGET. */
enum err svc_account_imap_shape_pack(struct arena *a, const struct svc_account_imap_shape *shape,
    str *ret_envelope, str *ret_structure);

/* The texts within blobs, borrowed from them; empty where a blob is absent or of another version.
 */
void svc_account_imap_shape_unpack(str envelope, str structure, struct svc_account_imap_shape *ret);

#endif
