/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For the tests about shared mailboxes: owners with a true guest process each, and one visitor.
 * Only what accounts does is missing: the visits are open from the start, and lists are written as
 * annotations.
 */
#ifndef SVC_ACCOUNT_IMAP_SHARED_TRIAL_H
#define SVC_ACCOUNT_IMAP_SHARED_TRIAL_H

#include "svc/account/imap/trial.h"
#include "sys/spawn.h"

enum { SVC_ACCOUNT_IMAP_SHARED_TRIAL_OWNERS = 2, SVC_ACCOUNT_IMAP_SHARED_TRIAL_VISITOR = 9 };

struct svc_account_imap_shared_owner {
	struct store_conf conf;
	char path[256];
	struct svc_account_imap_trial trial; /* the owner's own session */
	struct sys_child guest;
	int chan, stream, control; /* our ends; the visitor's session has the first two */
};

struct svc_account_imap_shared_trial {
	struct svc_account_imap_shared_owner
	    owner[SVC_ACCOUNT_IMAP_SHARED_TRIAL_OWNERS]; /* "one@", "two@" */
	struct store_conf conf;
	char path[256];
	struct svc_account_imap_trial v; /* the visitor */
};

/* Both owners have mailboxes team, other and secret; team has two messages. */
void svc_account_imap_shared_trial_begin(struct svc_account_imap_shared_trial *w, const char *name,
    uint64_t quota_octets);
void svc_account_imap_shared_trial_end(struct svc_account_imap_shared_trial *w);
/* What the visitor has in a mailbox of an owner; "" takes it away. */
void svc_account_imap_shared_trial_give(struct svc_account_imap_shared_trial *w, int owner,
    const char *mailbox, const char *rights);
/* Kill the guest, as kill -9 does, and wait until it is gone. */
void svc_account_imap_shared_trial_kill(struct svc_account_imap_shared_trial *w, int owner);

/* A line of the visitor, and one of the first owner. */
void svc_account_imap_shared_trial_v(struct svc_account_imap_shared_trial *w, const char *send,
    const char *want);
void svc_account_imap_shared_trial_o(struct svc_account_imap_shared_trial *w, const char *send,
    const char *want);

#endif
