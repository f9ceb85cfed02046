/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Full-text search of one account. The text of messages, folded, is kept in compressed blocks
 * beside the packs (doc/format/text.md); looking for a substring means looking through all of it,
 * so the answers are exact and nothing has to be kept in step with what is deleted. What is not in
 * the blocks yet is put there by whoever searches, and by sessions that have nothing to do; never
 * by a delivery.
 */
#ifndef STORE_TEXT_TEXT_H
#define STORE_TEXT_TEXT_H

#include "base/err.h"
#include "mail/fuzzy.h"

struct store;

enum store_text_where {
	STORE_TEXT_ANY,   /* header, headers of parts, text parts */
	STORE_TEXT_BODY,  /* text parts */
	STORE_TEXT_FIELD, /* fields of one name in the header */
};

enum { STORE_TEXT_KEYS_MAX = 64 };

struct store_text_key {
	enum store_text_where where;
	str name;   /* STORE_TEXT_FIELD: folded, without colon */
	str needle; /* folded by mail_text_fold; empty: such a field is there, any message has it */
	const struct mail_fuzzy *fuzzy; /* of the needle: match inexactly; NULL: substrings */
	size_t slot;                    /* of its score, when scores are wanted */
};

struct store_text_ask {
	const struct store_text_key *keys;
	size_t keys_n;       /* at most STORE_TEXT_KEYS_MAX */
	const uint64_t *ids; /* message ids, ascending, none twice */
	size_t n;
	uint64_t *hits; /* n of them; set here: bit k says that key k is in the message */
	uint8_t
	    *scores; /* or NULL; n times `slots`, zeroed: fuzzy keys that are in it set theirs */
	size_t slots;
	/* Called again and again meanwhile; what is not ERR_OK ends the search. May be NULL. */
	enum err (*breathe)(void *ctx);
	void *ctx;
};

/*
 * Look for all keys in all messages. A message that is gone or damaged has no hits.
 *
 * Errors  what breathe gave; DB, IO, NOSPACE, NOMEM, BUDGET. Damaged blocks are made again, never
 *         reported
 */
enum err store_text_find(struct store *s, struct store_text_ask *ask);

/*
 * Something to do for a session that waits: if this account has been searched, take the text of a
 * batch of new messages, or make a file with many dead ones again. Short; nothing when another
 * process is at it.
 *
 * Out     ret_more: call again
 */
enum err store_text_keep_up(struct store *s, bool *ret_more);

/* All that is missing, at once. Errors as store_text_find. */
enum err store_text_catch_up(struct store *s);

/* What there is, for reports. */
struct store_text_state {
	uint64_t files, messages, octets; /* octets: of the files */
	uint64_t pending;                 /* messages that are not in them yet */
};
enum err store_text_state(struct store *s, struct store_text_state *ret);

#endif
