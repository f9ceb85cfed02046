/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Statistics of features (filter.h): what letters looked like that people call junk, and those they
 * do not. One for all accounts, one for each that teaches. A table of bounded size that begins as
 * nothing, learns and unlearns letter by letter, and forgets slowly. Features are hashed once more
 * with the installation's secret before they get a place, so a table tells nothing without it.
 */
#ifndef FILTER_MODEL_H
#define FILTER_MODEL_H

#include "base/buf.h"

/* What a table is for; the number stands in the blob. */
enum filter_model_kind {
	FILTER_MODEL_SHARED = 1, /* all accounts together */
	FILTER_MODEL_OWN = 2,    /* one account: smaller */
};

enum {
	FILTER_MODEL_KEY = 16,
	/* Octets as kept, shared and own; a table that learned little is small. */
	FILTER_MODEL_BLOB_MAX = 800 << 10,
	FILTER_MODEL_OWN_BLOB_MAX = 100 << 10,
	FILTER_MODEL_SPEAKS = 10, /* letters of each sort before it says anything but 0 */
	FILTER_WORDS_MAX = 8000,  /* points: the most it says against a letter */
	FILTER_WORDS_MIN = -4000, /* and for it */
	/* Points of a letter that the shared table may learn from without being told. */
	FILTER_LESSON_JUNK = 10000,
	FILTER_LESSON_GOOD = -1000,
};

struct filter_model;

/*
 * An empty table.
 *
 * In      key: FILTER_MODEL_KEY octets, copied; the same one for all tables, for ever
 * Errors  ERR_NOMEM
 */
enum err filter_model_new(enum filter_model_kind kind, const uint8_t *key,
    struct filter_model **ret);
void filter_model_free(struct filter_model **m);

/*
 * Read a table from the octets filter_model_put wrote.
 *
 * Errors  ERR_CORRUPT: no such blob, another version, or another key; ERR_NOMEM
 */
enum err filter_model_get(str blob, const uint8_t *key, struct filter_model **ret);

/* Append the table; errors are `out`'s, sticky. An own one that learned little is small. */
void filter_model_put(const struct filter_model *m, struct buf *out);

/*
 * Learn one letter, or the opposite of what was learned of it before.
 *
 * In      features: u32 each, little-endian, rising (struct filter_seen.octets)
 *         junk: what it is; undo: it had been learned as the other thing: that is taken back first
 * Errors  ERR_SYNTAX: not such a list; then nothing is learned
 */
enum err filter_model_learn(struct filter_model *m, str features, bool junk, bool undo);

/*
 * What the table says of a letter: points, 0 as long as it has learned fewer than
 * FILTER_MODEL_SPEAKS letters of each sort, or when `features` is no such list.
 */
int64_t filter_model_words(const struct filter_model *m, str features);

/* Letters learned, both sorts together; what was taken back does not count. */
uint32_t filter_model_learned(const struct filter_model *m);

/*
 * Is a letter a lesson for the shared table, when nobody said what it is? Only the far ends of the
 * scale are, and only as long as the statistics alone did not put it there.
 *
 * In      score: the whole; words: the part of it that statistics gave
 * Out     1: learn as junk; -1: learn as good; 0: no lesson
 */
int filter_model_lesson(int64_t score, int64_t words);

#endif
