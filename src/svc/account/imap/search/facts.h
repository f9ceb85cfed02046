/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Facts of messages: the folded header fields that SEARCH looks into, keys of SORT, identifiers of
 * THREAD, the ENVELOPE. They come from the store's blocks where those reach, else from the header.
 * Blocks are made in bulk by whoever asks about many messages; nothing is made at delivery.
 */
#ifndef SVC_ACCOUNT_IMAP_SEARCH_FACTS_H
#define SVC_ACCOUNT_IMAP_SEARCH_FACTS_H

#include "store/facts.h"
#include "svc/account/imap/session.h"

/*
 * A fact begins with its version; what is empty or of another version counts as absent.
 *	SUBJECT, FROM   the folded text of each such field, NUL behind each
 *	RCPT            To, Cc, Bcc: a length (4 octets) and the fields as above, three times
 *	IDS             Message-ID, In-Reply-To, References, unfolded: the same
 *	META            internal date (8), thread (8), flags (1), sent date (8), sent day (4)
 *	BASE            base subject, prepared for i;unicode-casemap
 *	ADDRESSES       keys of FROM, TO, CC, DISPLAYFROM, DISPLAYTO, prepared; a length before each
 *	ENVELOPE        its text
 */
enum svc_account_imap_fact {
	SVC_ACCOUNT_IMAP_SUBJECT,
	SVC_ACCOUNT_IMAP_FROM,
	SVC_ACCOUNT_IMAP_RCPT,
	SVC_ACCOUNT_IMAP_IDS,
	SVC_ACCOUNT_IMAP_META,
	SVC_ACCOUNT_IMAP_BASE,
	SVC_ACCOUNT_IMAP_ADDRESSES,
	SVC_ACCOUNT_IMAP_ENVELOPE
};

enum { SVC_ACCOUNT_IMAP_ADDRESS_KEYS = 5 };

/* META, taken apart. */
struct svc_account_imap_meta {
	int64_t internal_s, sent_s;
	uint64_t thread;
	int32_t sent_day;
	bool has_sent; /* Date was there and could be read */
	bool reply;    /* by the subject: a reply or forward */
};

/* One command's reading; readers are made when they are first needed. */
struct svc_account_imap_facts {
	struct svc_account_imap *s;
	struct store_fact_reader *reader[STORE_FACT_KINDS];
	uint64_t own_id; /* the message that `own` was made of; 0: none */
	struct store_fact own;
	struct arena *arena; /* own's strings */
	uint64_t left;       /* messages that blocks may still be made for */
};

/*
 * Begin; end with done, which is fine on a zeroed one.
 *
 * In      wanted: how many messages the command asks about; for many, blocks are made, for up to a
 *         few times as many messages; now: before this returns, else by ..._facts_more
 * Errors  NOMEM, BUDGET, DB, IO
 */
enum err svc_account_imap_search_facts_init(struct svc_account_imap_facts *f,
    struct svc_account_imap *s, uint64_t wanted, bool now);
void svc_account_imap_search_facts_done(struct svc_account_imap_facts *f);

/*
 * Make blocks until they reach this message, if they may. For commands that answer message by
 * message, in ascending order: the client sees the first answers at once. Uses the scratch arena.
 *
 * Errors  NOMEM, DB
 */
enum err svc_account_imap_search_facts_more(struct svc_account_imap_facts *f, uint64_t id);

/*
 * One fact of a message, without its version.
 *
 * Out     ret: borrowed until the next question
 * Errors  NOTFOUND (the message is gone), CORRUPT, DB, IO, NOMEM, BUDGET
 */
enum err svc_account_imap_search_fact_get(struct svc_account_imap_facts *f, uint64_t id,
    enum svc_account_imap_fact kind, str *ret);

/* The same from the blocks alone: NOTFOUND also when they do not reach that far. */
enum err svc_account_imap_search_fact_known(struct svc_account_imap_facts *f, uint64_t id,
    enum svc_account_imap_fact kind, str *ret);

/* META, taken apart. CORRUPT when it is none. */
enum err svc_account_imap_search_meta_read(str fact, struct svc_account_imap_meta *ret);

/* The fact META of a message, taken apart; as svc_account_imap_search_fact_get. */
enum err svc_account_imap_search_fact_meta(struct svc_account_imap_facts *f, uint64_t id,
    struct svc_account_imap_meta *ret);

/* Part number `at` of a fact that has several; empty when there is none. */
str svc_account_imap_search_fact_part(str fact, size_t at);

#endif
