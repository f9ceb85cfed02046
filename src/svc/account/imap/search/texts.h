/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TEXT, BODY, and fields that are no facts: asked of the store's text blocks, for all messages at
 * once. A program is evaluated twice: the first time an unknown answer ends the evaluation of that
 * message, whose id is noted; then all noted ones are looked at in one go; the second time every
 * answer is known.
 */
#ifndef SVC_ACCOUNT_IMAP_SEARCH_TEXTS_H
#define SVC_ACCOUNT_IMAP_SEARCH_TEXTS_H

#include "store/text/text.h"
#include "svc/account/imap/session.h"

struct svc_account_imap_texts {
	struct svc_account_imap *s;
	const struct imap_search_program *program;
	uint16_t *key_of; /* by node: its key */
	struct store_text_key *keys;
	size_t keys_n;
	uint64_t *ids;  /* noted; in order and once each after looking */
	uint32_t *uids; /* of the ids as they were noted; NULL when that was another order */
	size_t n, cap;
	uint64_t *hits;  /* bits of 64 keys for each id, then of the next 64 */
	uint8_t *scores; /* of each id, `slots` of them: of its fuzzy keys; NULL: not wanted */
	size_t slots;
	bool looked;
	int64_t news_ms; /* when to look for news again */
};

/* Does this leaf ask for text? */
typedef bool svc_account_imap_search_texts_is(const struct imap_search_node *leaf);

/*
 * Begin for one mailbox. All memory is the session's work arena; there is nothing to release.
 *
 * In      messages: in the mailbox
 * Errors  BUDGET
 */
enum err svc_account_imap_search_texts_init(struct svc_account_imap_texts *t,
    struct svc_account_imap *s, const struct imap_search_program *program,
    svc_account_imap_search_texts_is *is_text, size_t messages);

/*
 * To be called now and then while messages are looked at, whatever is asked about them: orders to
 * end are obeyed, and nothing lasts for ever.
 *
 * Limits  the setting imap.search-time, from svc_account_imap_search_begin on
 * Errors  TIMEOUT (with a response code), UNAVAILABLE (the session shall end)
 */
enum err svc_account_imap_search_texts_breathe(struct svc_account_imap_texts *t);

/*
 * Ask one leaf about a message.
 *
 * Errors  AGAIN: not known yet, noted; afterwards, of a message that was not noted, what the store
 *         gives
 */
enum err svc_account_imap_search_texts_ask(struct svc_account_imap_texts *t,
    const struct store_msg *m, const struct imap_search_node *leaf, bool *ret);

/* Note a message although its texts need not be asked about: its scores will be. */
void svc_account_imap_search_texts_note(struct svc_account_imap_texts *t,
    const struct store_msg *m);

/*
 * Look at everything noted.
 *
 * In      scored: keep the scores of fuzzy keys
 * Limits  the setting imap.search-time
 * Errors  TIMEOUT (with a response code), UNAVAILABLE (the session shall end), what the store gives
 */
enum err svc_account_imap_search_texts_look(struct svc_account_imap_texts *t, bool scored);

/* After looking with scores: of a fuzzy leaf that asks for text; 0: no match, or not noted. */
unsigned svc_account_imap_search_texts_score(const struct svc_account_imap_texts *t,
    const struct store_msg *m, const struct imap_search_node *leaf);

/*
 * After looking: the uids of the noted messages that have this text, in place of what is in `out`.
 * False: it cannot be said, and `out` stays.
 */
bool svc_account_imap_search_texts_hits(const struct svc_account_imap_texts *t,
    const struct imap_search_node *leaf, struct store_set *out);

/* Fold the strings of a program once, and cut fuzzy ones into words; names of fields stay. */
enum err svc_account_imap_search_texts_fold(struct arena *a, struct imap_search_program *p);

#endif
