/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Quick resynchronisation of the selected mailbox (RFC 7162 3.2). VANISHED is written by the
 * refresh of view.c; the rest is asked for by SELECT and UID FETCH.
 */
#ifndef SVC_ACCOUNT_IMAP_QRESYNC_H
#define SVC_ACCOUNT_IMAP_QRESYNC_H

#include "svc/account/imap/session.h"

/* Does the client want VANISHED instead of EXPUNGE? */
static inline bool
svc_account_imap_has_qresync(const struct svc_account_imap *s)
{
	return (s->enabled & IMAP_ENABLED_QRESYNC) != 0;
}

/* "* VANISHED 4:6,9"; nothing when n is 0. EARLIER: the client's numbers stay as they are. */
void svc_account_imap_put_vanished(struct svc_account_imap *s, const struct store_range *v,
    size_t n, bool earlier);
/*
 * Before a tagged response, and after news in IDLE: the HIGHESTMODSEQ up to which the client has
 * heard everything, when it cannot know (expunges wait) or has just heard of expunges.
 *
 * In      tagged: as the code of a tagged OK, if that has no other
 */
void svc_account_imap_tell_modseq(struct svc_account_imap *s, bool tagged);
/* VANISHED (EARLIER) of those uids that went after modseq `since`. */
enum err svc_account_imap_vanished(struct svc_account_imap *s, uint64_t since,
    const struct store_set *uids);
/* The end of SELECT: what happened since the client was here. */
enum err svc_account_imap_resync(struct svc_account_imap *s, struct imap_qresync *q);

/* ---- view.c ---- */

/*
 * Tell of keywords that others made, before a flag list names them. To be called between responses.
 *
 * In      v, n: messages whose flags are about to be told
 */
enum err svc_account_imap_learn_keywords(struct svc_account_imap *s, const struct store_msg *v,
    size_t n);

/*
 * May EXPUNGE or VANISHED be sent while this command runs? Not in FETCH, STORE and SEARCH, but with
 * UID, unless message numbers are searched for (RFC 9051 7.5.1; 7162 3.2.10.2).
 */
bool svc_account_imap_may_expunge(const struct imap_command *cmd);
/* Does it name messages by their numbers? Not with UIDONLY (RFC 9586 3). */
bool svc_account_imap_uses_numbers(const struct imap_command *cmd);
/*
 * Write FETCH with UID, FLAGS and MODSEQ for each of `uids` that is in the view.
 *
 * In      since: only those changed after that modseq; 0: all
 */
enum err svc_account_imap_tell_changed(struct svc_account_imap *s, const struct store_set *uids,
    uint64_t since);

#endif
