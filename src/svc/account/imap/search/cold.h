/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cold items of FETCH: INTERNALDATE, THREADID, ENVELOPE, BODY, BODYSTRUCTURE, PREVIEW. A FETCH
 * of many messages takes what it can from facts; structures and previews that had to be made are
 * kept for the next time, many in one transaction.
 */
#ifndef SVC_ACCOUNT_IMAP_SEARCH_COLD_H
#define SVC_ACCOUNT_IMAP_SEARCH_COLD_H

#include "svc/account/imap/search/facts.h"
#include "svc/account/imap/shape.h"

enum {
	SVC_ACCOUNT_IMAP_COLD_ITEMS = IMAP_FETCH_INTERNALDATE | IMAP_FETCH_THREADID |
	    IMAP_FETCH_ENVELOPE | IMAP_FETCH_BODY | IMAP_FETCH_BODYSTRUCTURE | IMAP_FETCH_PREVIEW,
	SVC_ACCOUNT_IMAP_COLD_KEPT = 128 /* structures in one transaction */
};

struct svc_account_imap_search_cold {
	struct svc_account_imap *s;
	unsigned items; /* IMAP_FETCH_* */
	bool bulk;      /* facts are worth asking */
	struct svc_account_imap_facts facts;
	struct arena *kept; /* of the list */
	struct store_cached list[SVC_ACCOUNT_IMAP_COLD_KEPT];
	size_t n;
};

/*
 * Begin a FETCH of `wanted` messages. Done in any case; it keeps what waits.
 *
 * Errors  NOMEM, DB
 */
enum err svc_account_imap_search_cold_init(struct svc_account_imap_search_cold *c,
    struct svc_account_imap *s, unsigned items, uint64_t wanted);
void svc_account_imap_search_cold_done(struct svc_account_imap_search_cold *c);

/* Before the response of a message is begun; other responses may be written. As facts_more. */
enum err svc_account_imap_search_cold_ready(struct svc_account_imap_search_cold *c, uint64_t id);

/*
 * Write the cold items of one message, each with SP in front. Uses the scratch arena.
 *
 * Errors  NOTFOUND, CORRUPT, DB, IO, NOMEM, BUDGET, TOOBIG
 */
enum err svc_account_imap_search_cold_put(struct svc_account_imap_search_cold *c,
    const struct store_msg *m);

/* " EMAILID (M...)": the name has everything in front of the id (RFC 8474 7). */
void svc_account_imap_search_cold_id(struct buf *out, const char *name, char kind, uint64_t id);

#endif
