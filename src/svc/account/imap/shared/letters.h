/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sending messages over the edge account_guest, in either direction: letters.c. The other end keeps
 * them in a spool (spool.h).
 */
#ifndef SVC_ACCOUNT_IMAP_SHARED_LETTERS_H
#define SVC_ACCOUNT_IMAP_SHARED_LETTERS_H

#include "base/buf.h"
#include "ipc/account_guest.h"

struct store_set;
struct svc_account_imap;

struct svc_account_imap_outlet {
	int chan;
	bool to_guest; /* else from one */
	struct buf out;
};

/* To this channel, which stays the caller's. Release with done. */
void svc_account_imap_shared_outlet_init(struct svc_account_imap_outlet *o, int chan,
    bool to_guest);
/* Fine on one that was never begun, if it is zeroed. */
void svc_account_imap_shared_outlet_done(struct svc_account_imap_outlet *o);
/* A message begins. TIMEOUT, EOF, IO: the other end does not take it. */
enum err svc_account_imap_shared_outlet_letter(struct svc_account_imap_outlet *o,
    const struct ipc_account_guest_parcel *m);
/* Octets of it, at most 65536. */
enum err svc_account_imap_shared_outlet_piece(struct svc_account_imap_outlet *o, str octets);

/*
 * Send the messages of the selected mailbox that have these uids, in ascending order.
 *
 * Out     sent: the uids of those that were there are added
 * Errors  those of the outlet; DB, IO, CORRUPT (a message that cannot be read), NOMEM
 */
enum err svc_account_imap_shared_send_letters(struct svc_account_imap *s,
    struct svc_account_imap_outlet *o, const struct store_set *uids, struct store_set *sent);

#endif
