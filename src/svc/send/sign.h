/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DKIM signatures of a letter, just before it leaves. sign.c hashes, asks the process keys over the
 * edge send_keys, and gives the fields back through svc_send_signed(). Signatures are kept per
 * entry, so that retries and other destinations of one message cost nothing.
 */
#ifndef SVC_SEND_SIGN_H
#define SVC_SEND_SIGN_H

#include "base/err.h"
#include "base/str.h"

struct svc_send;
struct svc_send_letter;

/* State of the whole process: sv->signing is sign.c's own. ERR_NOMEM. */
enum err svc_send_sign_init(struct svc_send *sv);
void svc_send_sign_done(struct svc_send *sv);

/*
 * Begin. svc_send_signed() follows exactly once, at once or later, unless
 * svc_send_sign_forget() comes first. Without the process keys, without a key for the domain of
 * the header's From, or when a signature fails, the letter goes with no fields.
 *
 * In      l: body is the whole message, header first, lines end in CRLF; sv->keys may have no
 *         channel. l->signing is sign.c's own, NULL at the beginning
 */
void svc_send_sign(struct svc_send_letter *l);

/* The letter goes away before its signatures came. */
void svc_send_sign_forget(struct svc_send_letter *l);

/* A message of edge send_keys; ctx is the struct svc_send_link. */
enum err svc_send_on_keys(void *ctx, str datagram, int *fd);

/* The channel to keys is gone: every open question is answered with no fields. */
void svc_send_keys_gone(struct svc_send *sv);

/*
 * In letter.c, for sign.c: the letter may leave with these fields above its header.
 *
 * In      fields: whole header fields, each ends in CRLF; copied. Empty: unsigned
 */
void svc_send_signed(struct svc_send_letter *l, str fields);

#endif
