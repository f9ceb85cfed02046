/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MESSAGELIMIT and SAVELIMIT (RFC 9738), when the settings imap.message-limit and imap.save-limit
 * ask for them. A command that may stop halfway takes the highest messages and says where it
 * stopped; COPY takes all or none.
 */
#ifndef SVC_ACCOUNT_IMAP_LIMIT_H
#define SVC_ACCOUNT_IMAP_LIMIT_H

#include "svc/account/imap/session.h"

/*
 * Of the messages that a set names and the view holds, keep those at these places.
 *
 * In      p: counted from 1, or back from the last one
 * Errors  NOMEM
 * RFC     9394 3.3
 */
enum err svc_account_imap_limit_places(const struct store_view *view, const struct imap_partial *p,
    struct store_set *uids);

/*
 * Keep at most as many messages as one command may process, the highest. When that are fewer than
 * the set names, the tagged response will say so.
 *
 * Errors  NOMEM
 * RFC     9738 3.1
 */
enum err svc_account_imap_limit_set(struct svc_account_imap *s, struct store_set *uids);

/*
 * All or nothing: too many of the view's messages are refused, with a response code.
 *
 * In      low: the code names the lowest uid that would have been taken
 * Errors  TOOMANY, NOMEM
 */
enum err svc_account_imap_limit_all(struct svc_account_imap *s, const struct store_view *view,
    const struct store_set *uids, bool low);
/* The same for COPY, which has a limit of its own. */
enum err svc_account_imap_limit_copy(struct svc_account_imap *s, const struct store_set *uids);

/*
 * UIDBATCHES: write the response that names the batches asked for.
 *
 * Errors  BADSTATE (BAD: the range goes backwards), TOOMANY (too many batches, or too small ones)
 * RFC     10022 3.1
 */
enum err svc_account_imap_limit_batches(struct svc_account_imap *s,
    const struct imap_batches_args *b);

/* Before a command; and before its tagged response, of which e is the result. */
void svc_account_imap_limit_reset(struct svc_account_imap *s);
void svc_account_imap_limit_tell(struct svc_account_imap *s, enum err e);

#endif
