/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A guest process, shared by the files that are it: guest.c (commands, and the loop), insert.c
 * (messages from the visitor), may.c (what the visitor may do). Private to this folder.
 */
#ifndef SVC_ACCOUNT_IMAP_SHARED_GUEST_H
#define SVC_ACCOUNT_IMAP_SHARED_GUEST_H

#include "ipc/account_guest.h"
#include "svc/account/imap/session.h"
#include "svc/account/imap/shared/spool.h"

enum {
	SVC_ACCOUNT_IMAP_SHARED_GUEST_SEND_MS = 10000, /* the visitor takes an answer */
	/* What a visitor's client may have enabled. */
	SVC_ACCOUNT_IMAP_SHARED_GUEST_ENABLED = IMAP_ENABLED_REV2 | IMAP_ENABLED_UTF8 |
	    IMAP_ENABLED_CONDSTORE | IMAP_ENABLED_QRESYNC | IMAP_ENABLED_UIDONLY,
};

/* Of what only the next messages are expected. */
enum svc_account_imap_shared_guest_busy {
	SVC_ACCOUNT_IMAP_SHARED_GUEST_FREE,
	SVC_ACCOUNT_IMAP_SHARED_GUEST_APPEND, /* octets of an APPEND */
	SVC_ACCOUNT_IMAP_SHARED_GUEST_INSERT, /* letters of a COPY */
};

struct svc_account_imap_guest {
	struct svc_account_imap s;
	int chan;
	struct buf raw; /* the command so far */
	bool idle, over;
	enum err end;
	enum svc_account_imap_shared_guest_busy busy;
	struct svc_account_imap_spool spool; /* INSERT */
	struct store_set sent; /* by the last `copy` with `move`: what `remove` may remove */
};

/* ---- guest.c ---- */

/* Answer with `done`. */
void svc_account_imap_shared_guest_tell(struct svc_account_imap_guest *g, enum err result);
/* Leave the mailbox and end: the visitor may not see it any more. */
void svc_account_imap_shared_guest_withdraw(struct svc_account_imap_guest *g);
/*
 * A command begins: nothing is left of the one before, and the lists are read anew.
 *
 * Errors  DENIED: the selected mailbox was withdrawn; the guest ends
 */
enum err svc_account_imap_shared_guest_begin(struct svc_account_imap_guest *g);

/* ---- insert.c: handlers; any error ends the guest ---- */

/* Octets of an APPEND or REPLACE: ours is the tagged response. */
enum err svc_account_imap_shared_guest_on_append(void *g, const struct ipc_account_guest_append *m,
    int *fd);
/* COPY into a mailbox: may it be, and is there room? */
enum err svc_account_imap_shared_guest_on_insert(void *g, const struct ipc_account_guest_insert *m,
    int *fd);
/* A message of that begins. */
enum err svc_account_imap_shared_guest_on_letter(void *g,
    const struct ipc_account_guest_own_letter *m, int *fd);
/* Octets of it. */
enum err svc_account_imap_shared_guest_on_piece(void *g,
    const struct ipc_account_guest_own_piece *m, int *fd);
/* Store all that came, or forget it; also of an APPEND. */
enum err svc_account_imap_shared_guest_on_keep(void *g, const struct ipc_account_guest_keep *m,
    int *fd);
/* Send messages of the selected mailbox. */
enum err svc_account_imap_shared_guest_on_copy(void *g, const struct ipc_account_guest_copy *m,
    int *fd);
/* Remove those that were sent for a MOVE; both rights are needed again. */
enum err svc_account_imap_shared_guest_on_remove(void *g, const struct ipc_account_guest_remove *m,
    int *fd);

/* ---- may.c ---- */

/* What the store lets through from now on: these rights in this mailbox, nothing elsewhere. */
void svc_account_imap_shared_guest_restrict(struct svc_account_imap *s, uint64_t mailbox,
    unsigned rights);
/*
 * For the one handler that is called next: the fields of `r` about names and lists count, too. NULL
 * when it is over: the selected mailbox as before, if there still is one, and no names.
 */
void svc_account_imap_shared_guest_allow(struct svc_account_imap *s,
    const struct store_restriction *r);
/*
 * Before each command: the lists are read anew, so what was withdrawn is withdrawn at once.
 *
 * Errors  DENIED: the selected mailbox may not be read any more
 */
enum err svc_account_imap_shared_guest_check(struct svc_account_imap *s);
/*
 * Cut our prefix off a name. A mailbox without the rights wanted is one that does not exist, unless
 * it may be looked up.
 *
 * Errors  NOTFOUND; DENIED, with NOPERM
 */
enum err svc_account_imap_shared_guest_take_name(struct svc_account_imap *s, str *name,
    unsigned want, unsigned *ret_rights);
/* Read the rights in the target again: it took a while until everything was there. */
enum err svc_account_imap_shared_guest_check_target(struct svc_account_imap *s);

/* ---- names.c: commands about mailboxes, by their names; a refusal has its code ---- */

/* "k" above. */
enum err svc_account_imap_shared_guest_create(struct svc_account_imap *s, struct imap_command *c);
/* "x" */
enum err svc_account_imap_shared_guest_delete(struct svc_account_imap *s, struct imap_command *c);
/* "x", also in all that lies below, and "k" above the new name. */
enum err svc_account_imap_shared_guest_rename(struct svc_account_imap *s, struct imap_command *c);

#endif
