/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A session as octets, so that its process can end and another one go on. park.c: the octets;
 * parking.c: when that is done and what accounts is told. What is kept: park_parts.def.
 *
 *	OFFSET 0 SIZE 1  version 1
 *	then parts: u8 number, u32 length, octets; numbers ascend
 */
#ifndef SVC_ACCOUNT_IMAP_PARK_H
#define SVC_ACCOUNT_IMAP_PARK_H

#include "base/wire.h"
#include "svc/account/imap/session.h"

enum {
	SVC_ACCOUNT_IMAP_PARK_VERSION = 1,
	/* Octets of a parked session. About 20,000 holes in the uids of a mailbox fit. */
	SVC_ACCOUNT_IMAP_PARK_MAX = 49152,
	/* Who is woken again soon is parked later: at most after this long. */
	SVC_ACCOUNT_IMAP_PARK_DELAY_MAX_MS = 60000,
	/* A rest of this many delays makes the next delay the shortest again. */
	SVC_ACCOUNT_IMAP_PARK_RESTED = 4,
};

/*
 * Whether nothing would be lost: between commands or in IDLE, everything written, nothing that
 * only this process knows.
 */
bool svc_account_imap_may_park(const struct svc_account_imap *s);

/*
 * The session as octets.
 *
 * Out     ret: appended
 * Errors  TOOBIG: more than SVC_ACCOUNT_IMAP_PARK_MAX octets; NOMEM
 */
enum err svc_account_imap_park_put(const struct svc_account_imap *s, struct buf *ret);

/*
 * Take a session up.
 *
 * In      s: just made by svc_account_imap_init; blob: from svc_account_imap_park_put of this or an
 *         older program
 * Errors  SYNTAX, UNSUPPORTED (version, part of a newer program), NOMEM, what the store gives
 */
enum err svc_account_imap_park_get(struct svc_account_imap *s, str blob);

/* ---- parking.c ---- */

/* In  login: what is needed to count the stream's octets. To be called once, before reading. */
void svc_account_imap_park_init(struct svc_account_imap *s, const struct svc_account_login *login);
/* Something happened: the next try is a whole delay away. */
void svc_account_imap_park_later(struct svc_account_imap *s);
/* When to try, or when the client has been silent for too long: whichever comes first. */
int64_t svc_account_imap_park_due_ms(const struct svc_account_imap *s);
/*
 * Offer the session to accounts and wait for its word.
 *
 * Out     true: it is parked, this process touches neither stream nor store any more; false: it
 *         goes on here
 */
bool svc_account_imap_park(struct svc_account_imap *s);
/* Take up a session that was parked; the mailbox is looked at when it is in IDLE. Errors: as
 * svc_account_imap_park_get. */
enum err svc_account_imap_resume(struct svc_account_imap *s, str blob);

/*
 * A session whose account has not changed while it rested is taken up with its store closed, and
 * DONE and IDLE leave it so. This opens it and takes the selected mailbox up; to be called before
 * the store is touched, or when a notice has come. Nothing to do: it is open.
 *
 * Errors  as svc_account_imap_park_get; the session then ends with BYE
 */
enum err svc_account_imap_rouse(struct svc_account_imap *s);

/* ---- for the functions of parts ---- */

/* A number in 1 to 5 octets, 7 bits each, low ones first. */
void svc_account_imap_park_number(struct buf *b, uint32_t v);
uint32_t svc_account_imap_park_number_get(struct rd *r);
/* A set of numbers: how many ranges, then for each the gap before it and its length. */
void svc_account_imap_park_set(struct buf *b, const struct store_set *set);
/* set: initialised by the caller. SYNTAX, NOMEM. */
enum err svc_account_imap_park_set_get(struct rd *r, struct store_set *set);

#define PARK_PART(number, name)                                                     \
	enum err svc_account_imap_park_put_##name(const struct svc_account_imap *s, \
	    struct buf *b);                                                         \
	enum err svc_account_imap_park_get_##name(struct svc_account_imap *s, struct rd *r);
#include "svc/account/imap/park_parts.def"
#undef PARK_PART

#endif
