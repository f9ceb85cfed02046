/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inexact matching of folded text (mail/text.h) by words, with a score: the words of a query in any
 * order, each as it is, with errors of typing, or with another ending. What it finds includes
 * whatever contains the query as it stands. Why it is so: doc/why/029.
 */
#ifndef MAIL_FUZZY_H
#define MAIL_FUZZY_H

#include "base/find.h"

/*
 *	a word of           may have
 *	1 to 3 letters      no error, and so do words with digits or of more than 32 letters
 *	4 to 7              one
 *	8 and more          two; never in the first letter
 *	7 and more          another ending: all but its last third is alike
 *
 * An error is a letter that is missing, added, another one, or two neighbours that changed places.
 * Of three words all must be there, of four or more three quarters; words of one or two letters of
 * an alphabet raise the score and need not be there.
 */
enum {
	MAIL_FUZZY_WORDS = 12,     /* of a query; those behind do not count */
	MAIL_FUZZY_LETTERS = 32,   /* of a word that may have errors */
	MAIL_FUZZY_NEAR = 1 << 20, /* octets of a text: behind them only words as they stand */
	MAIL_FUZZY_BEST = 100,     /* the highest score, and the whole weight */
};

struct mail_fuzzy_word {
	struct find find; /* it as it stands; the needle is the word */
	uint32_t letter[MAIL_FUZZY_LETTERS];
	uint64_t letters; /* a bit for each letter that is in it */
	size_t n;         /* letters */
	size_t stem;      /* octets of what is left without its ending; 0: it has none */
	char head[16];    /* the first octets, when all letters are ASCII */
	unsigned head_bits,
	    stem_bits;   /* a bit for each of them, and those of the stem; 0: not so */
	unsigned errors; /* that it may have */
	bool decides;    /* whether a message matches */
};

struct mail_fuzzy {
	struct find whole; /* the query as it stands */
	struct mail_fuzzy_word word[MAIL_FUZZY_WORDS];
	size_t n;
	size_t deciding, needed; /* words that decide; how many of them must be there */
};

/* What was seen in one message so far: of each word its best value, 0: none. Begins zeroed. */
struct mail_fuzzy_found {
	uint8_t word[MAIL_FUZZY_WORDS];
	uint8_t whole;
};

/*
 * Ready a query. Without any letter or digit it is looked for as it stands.
 *
 * In      query: folded by mail_text_fold; borrowed as long as the struct is used
 */
void mail_fuzzy_init(struct mail_fuzzy *f, str query);

/*
 * Look at one text of a message. Time in proportion to the text, times the words of the query; a
 * word of the text that is about as long and has about the same letters costs them five times.
 *
 * In      text: folded, any octets; weight: 1 to MAIL_FUZZY_BEST, of what is found in this text
 */
void mail_fuzzy_look(const struct mail_fuzzy *f, str text, unsigned weight,
    struct mail_fuzzy_found *found);

/*
 * For an index of words. A word fits a text if the text has it somewhere as it stands, or a word
 * of the text, as this cuts it, fits with errors or another ending. Words are cut from any octets.
 *
 * Out     ret: false: none is left
 */
bool mail_fuzzy_next(str *rest, str *ret);
bool mail_fuzzy_fits(const struct mail_fuzzy_word *w, str word);

/* The score, 1 to MAIL_FUZZY_BEST; 0: no match. */
unsigned mail_fuzzy_score(const struct mail_fuzzy *f, const struct mail_fuzzy_found *found);

#endif
