/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Patterns of the rules file: literal text with gaps and a few classes, matched without
 * backtracking. And the folding that both patterns and replies go through first.
 */
#ifndef REACH_PATTERN_PRIV_H
#define REACH_PATTERN_PRIV_H

#include "base/arena.h"
#include "base/err.h"
#include "base/buf.h"
#include "base/find.h"

enum reach_piece_kind {
	REACH_LITERAL,
	REACH_GAP,     /* anything, also nothing */
	REACH_DIGITS,  /* 1 to REACH_RUN_MAX digits */
	REACH_WORD,    /* letters, digits, - and _ */
	REACH_ADDRESS, /* an IP address */
	REACH_EDGE,    /* of a word; takes no octet */
	REACH_BEGIN,
	REACH_END,
};

enum {
	REACH_RUN_MAX = 64, /* octets one class can take: what keeps matching linear */
	REACH_PIECES_MAX = 32,
};

struct reach_piece {
	enum reach_piece_kind kind;
	struct find literal;
};

struct reach_pattern {
	struct reach_piece *v;
	size_t n;
	size_t rare; /* index of the longest literal, looked for first; n: none */
};

/*
 * Read a pattern, already folded.
 *
 * Out     ret: lives in `a`; ret_at: where it is wrong (octet), on ERR_SYNTAX
 * Errors  ERR_SYNTAX (unknown class, no end of one), ERR_TOOMANY pieces, ERR_BUDGET
 */
enum err reach_pattern_read(str text, struct arena *a, struct reach_pattern *ret, size_t *ret_at);

/* Does it fit somewhere in the folded text? */
bool reach_pattern_fits(const struct reach_pattern *p, str text);

/* Append s in lower case (ASCII, Latin-1 letters and Cyrillic in UTF-8), runs of white space as one
 * space. */
void reach_fold(struct buf *out, str s);

/* Octets of the IP address that begins at `at`, or 0. */
size_t reach_address_at(str text, size_t at);

/* Is there a letter, a digit, or part of one in UTF-8 at `at`? False beyond the end. */
bool reach_is_wordy(str text, size_t at);

#endif
