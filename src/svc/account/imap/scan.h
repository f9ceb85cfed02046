/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Message states in bulk, for FETCH, STORE and SEARCH: walking over the messages of a set that are
 * in the view and in the store. Included by session.h; start there.
 */
#ifndef SVC_ACCOUNT_IMAP_SCAN_H
#define SVC_ACCOUNT_IMAP_SCAN_H

#include "store/store.h"
#include "svc/account/imap/limits.h"

struct svc_account_imap;
struct svc_account_imap_box;

struct svc_account_imap_scan {
	struct svc_account_imap *s;
	const struct svc_account_imap_box *box;
	const struct store_set *uids;
	uint64_t since;
	size_t range; /* of uids, where the scan stands */
	uint32_t next_uid;
	size_t at, n;
	bool end;
	uint32_t seq; /* of the message given last */
	struct store_msg msgs[SVC_ACCOUNT_IMAP_SCAN];
};

/* In  since: only messages changed after that modseq; 0: all. NULL: no memory. */
struct svc_account_imap_scan *svc_account_imap_scan_new(struct svc_account_imap *s,
    const struct store_set *uids, uint64_t since);
/* The same of another mailbox than the selected one; box is borrowed. */
struct svc_account_imap_scan *svc_account_imap_scan_box(struct svc_account_imap *s,
    const struct svc_account_imap_box *box, const struct store_set *uids, uint64_t since);
/*
 * The next message that is in the set, in the view and in the store; scan->seq is its number.
 *
 * Out     ret: NULL at the end
 */
enum err svc_account_imap_scan_next(struct svc_account_imap_scan *scan,
    const struct store_msg **ret);

#endif
