/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text of a message as search sees it: every header field and every text part, decoded to
 * UTF-8 and folded, in three columns. mail_text_fold is the one folding there is: whoever folds
 * what he looks for with it finds it by comparing octets.
 */
#ifndef MAIL_TEXT_H
#define MAIL_TEXT_H

#include "base/arena.h"
#include "base/buf.h"

/*
 * Column MAIN: From, Sender, Reply-To, To, Cc, Bcc, Subject. FIELDS: all other fields of the
 * message's header, and of the headers of its parts. BODY: text parts, and the headers of enclosed
 * messages.
 * A field is a line "name: text" LF; of a part, or when it is no field, it begins with
 * MAIL_TEXT_PART. No other LF or octet below SP is in MAIN and FIELDS; in BODY an LF ends each part
 * and each field.
 */
enum mail_text_column { MAIL_TEXT_MAIN, MAIL_TEXT_FIELDS, MAIL_TEXT_BODY };
enum {
	MAIL_TEXT_COLUMNS = 3,
	MAIL_TEXT_PART = 1,
	MAIL_TEXT_MAX = 16 << 20, /* octets of a column; what is behind is not searched */
};

struct mail_text {
	struct buf column[MAIL_TEXT_COLUMNS];
	struct buf raw, utf8, plain; /* scratch */
	bool nomem;                  /* some of them had no memory */
};

/* Takes no memory yet; done frees what reading took. */
void mail_text_init(struct mail_text *t);
void mail_text_done(struct mail_text *t);

/*
 * Take the text of one message; what `t` held is forgotten.
 *
 * In      a: for the MIME tree, reset here
 * Limits  MAIL_TEXT_MAX per column, the rest is left out
 * Errors  ERR_NOMEM, ERR_BUDGET
 * RFC     9051 6.4.4 (TEXT and BODY), 2045, 2047, 2231
 */
enum err mail_text_read(struct mail_text *t, str message, struct arena *a);

/* The column of a header field. */
enum mail_text_column mail_text_column_of(str name);

/*
 * Append UTF-8 text folded: mail_charset_fold, and each run of white space and controls as one
 * SP, so that words are found across the ends of lines.
 */
void mail_text_fold(struct buf *out, str utf8);

#endif
