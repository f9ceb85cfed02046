/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an account holder teaches by sorting: letters that go into the mailbox for junk or out of
 * it, and those that are marked $Junk or $NotJunk. Their features (filter/filter.h), never their
 * words, go to accounts and on to policy. Nothing here can fail a command: a lesson that cannot be
 * told is left out.
 */
#ifndef SVC_ACCOUNT_IMAP_TEACH_TEACH_H
#define SVC_ACCOUNT_IMAP_TEACH_TEACH_H

#include "svc/account/imap/session.h"

enum {
	/* Lessons of one command: moving 100,000 letters takes no longer than moving them. */
	SVC_ACCOUNT_IMAP_TEACH_COMMAND = 50,
	/* Lessons of one session, until it is parked. */
	SVC_ACCOUNT_IMAP_TEACH_SESSION = 1000,
	/* Letters larger than this are no lessons. */
	SVC_ACCOUNT_IMAP_TEACH_OCTETS = 4194304,
};

/*
 * Letters came into mailbox `to` from mailbox `from` (0: from outside, by APPEND).
 *
 * In      uids: what they have in `to`
 */
void svc_account_imap_teach_moved(struct svc_account_imap *s, uint64_t from, uint64_t to,
    const struct store_set *uids);

/*
 * Flags were set on letters of the selected mailbox; only those that have them now count. One that
 * was answered is good, unless it is marked $Junk.
 */
void svc_account_imap_teach_marked(struct svc_account_imap *s, const struct imap_flags *flags,
    const struct store_set *uids);

#endif
