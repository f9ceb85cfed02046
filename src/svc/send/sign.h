/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DKIM signatures of a letter, just before it leaves, or the seal (ARC) of one that is forwarded.
 * sign.c hashes, asks the process keys over the edge send_keys, and gives the fields back through
 * svc_send_signed(). They are kept per entry, so that retries and other destinations of one message
 * cost nothing.
 */
#ifndef SVC_SEND_SIGN_H
#define SVC_SEND_SIGN_H

#include "base/err.h"
#include "base/str.h"

struct svc_common_link;
struct svc_send;
struct svc_send_letter;

/* For `postern status`; all since the start. */
struct svc_send_sign_counts {
	uint64_t signatures;       /* made */
	uint64_t kept;             /* letters whose signatures were there already */
	uint64_t unsigned_letters; /* left without: nobody signs for their From */
	uint64_t delayed;          /* went back to queue because keys was away or could not sign */
};
const struct svc_send_sign_counts *svc_send_sign_count(const struct svc_send *sv);

/* State of the whole process: sv->signing is sign.c's own. ERR_NOMEM. */
enum err svc_send_sign_init(struct svc_send *sv);
void svc_send_sign_done(struct svc_send *sv);

/*
 * Begin. svc_send_signed() or svc_send_unsignable() follows exactly once, at once or later, unless
 * svc_send_sign_forget() comes first. Without a key for the domain of the header's From the letter
 * goes with no fields; one that is forwarded is sealed by the domain of `via`, or goes without a
 * seal when its chain does not allow one; while the process keys is away or cannot sign, the letter
 * waits instead.
 *
 * In      l: body is the whole message, header first, lines end in CRLF; sv->keys may have no
 *         channel. l->signing is sign.c's own, NULL at the beginning
 */
void svc_send_sign(struct svc_send_letter *l);

/* The letter goes away before its signatures came. */
void svc_send_sign_forget(struct svc_send_letter *l);

/* A message of edge send_keys. */
enum err svc_send_on_keys(struct svc_common_link *from, str datagram, int *fd);

/* The channel to keys is gone: letters whose question is open wait for the next one. */
void svc_send_keys_gone(struct svc_send *sv);
/* sv->keys.chan is new, or has room again: ask again for those that wait. */
void svc_send_keys_here(struct svc_send *sv);

/*
 * In letter.c, for sign.c: the letter may leave with these fields above its header.
 *
 * In      fields: whole header fields, each ends in CRLF; copied. Empty: unsigned
 */
void svc_send_signed(struct svc_send_letter *l, str fields);

/*
 * In letter.c, for sign.c: keys was not to be had for SVC_SEND_ASK_MS. The letter goes back to
 * queue, every recipient to be tried again: better late than without the signature its domain
 * promises.
 */
void svc_send_unsignable(struct svc_send_letter *l);

#endif
