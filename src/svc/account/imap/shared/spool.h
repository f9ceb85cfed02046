/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages that come out of another account, on their way into a mailbox of this one. Their octets
 * lie in a file without a name until all are there, and then they are added in one transaction:
 * all or none (RFC 9051 6.4.7). Used by the visitor and by the guest; whoever sends is believed
 * nothing.
 */
#ifndef SVC_ACCOUNT_IMAP_SHARED_SPOOL_H
#define SVC_ACCOUNT_IMAP_SHARED_SPOOL_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

struct ipc_account_guest_parcel;
struct store_copied;
struct svc_account_imap;
struct svc_account_imap_spooled;

struct svc_account_imap_spool {
	struct arena *arena; /* of the list; NULL: not begun */
	int fd;
	uint64_t mailbox;
	uint64_t octets, room; /* in the file, and what the quota leaves */
	struct svc_account_imap_spooled *v;
	size_t n, cap;
	uint64_t left; /* octets of the last message that are still to come */
	enum err err;  /* the first thing that went wrong: what comes now is dropped */
};

/*
 * Begin, for a mailbox of this account. Release with done.
 *
 * In      octets: how many will come, as the sender says; 0: not known
 * Errors  QUOTA, TOOBIG (more than SVC_ACCOUNT_IMAP_SPOOL_MAX), NOMEM, NOSPACE, IO, DB
 */
enum err svc_account_imap_shared_spool_begin(struct svc_account_imap *s,
    struct svc_account_imap_spool *spool, uint64_t mailbox, uint64_t octets);
/* Drops everything that was not stored. A zeroed one is fine. */
void svc_account_imap_shared_spool_done(struct svc_account_imap_spool *spool);

/* A message begins. PROTOCOL: out of order; all other failures are told by store. */
enum err svc_account_imap_shared_spool_letter(struct svc_account_imap_spool *spool,
    const struct ipc_account_guest_parcel *m);
/* Octets of it. PROTOCOL: more than there should be. */
enum err svc_account_imap_shared_spool_piece(struct svc_account_imap_spool *spool, str octets);

/*
 * Add them all, durable, and tell this account's other sessions. Keywords that find no room in the
 * target are dropped, as in a copy of one's own.
 *
 * Out     ret: n = 0 when no message came
 * Limits  SVC_ACCOUNT_IMAP_SPOOL_LETTERS, _SPOOL_MAX, _SPOOL_BUDGET
 * Errors  the first failure of those above: QUOTA, TOOMANY, TOOBIG, NOSPACE, IO; what store_append
 *         gives; PROTOCOL: the last message is not whole
 * RFC     9051 6.4.7
 */
enum err svc_account_imap_shared_spool_store(struct svc_account_imap *s,
    struct svc_account_imap_spool *spool, struct store_copied *ret);

#endif
