/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What export.c and import.c share, and what their tests reach: names of files and the flags in
 * them, and the mbox reader. Private to this folder.
 */
#ifndef STORE_TRANSFER_PRIV_H
#define STORE_TRANSFER_PRIV_H

#include "base/buf.h"
#include "store/message.h"

/*
 * One level of a mailbox name as a file name: '%', '/', controls, a leading '.', and the characters
 * in `also` become %XX.
 */
void store_file_encode(struct buf *out, str level, str also);
/* The way back; a '%' without two hex digits stands for itself. */
void store_file_decode(struct buf *out, str name);
/* Mailbox names of other programs' Maildirs (RFC 9051 appendix, RFC 3501 5.1.3). SYNTAX: it is
 * none. */
enum err store_utf7_decode(struct buf *out, str name);

/* Maildir's letters, in the order they are written. */
struct store_letter {
	char letter;
	uint32_t flag;
};
extern const struct store_letter store_maildir_letters[5];
/* mbox: Status "R" is \Seen; the letters of X-Status. */
extern const struct store_letter store_mbox_letters[4];

enum {
	STORE_LINE_MAX = 64 << 10, /* of an mbox held in memory; a longer one goes on in pieces */
};

/* One letter out of an mbox. The octets are taken over by whoever wants to keep them. */
struct store_letter_in {
	struct buf text; /* CRLF lines, mboxrd quoting undone */
	int64_t date_s;  /* of the From_ line; INT64_MIN when it has none */
	bool too_big;    /* more than STORE_MESSAGE_MAX; text is cut */
};

/* Fed octet by octet or in any pieces. */
struct store_mbox_reader {
	struct buf line;
	struct store_letter_in in;
	bool begun;  /* a From_ line was seen */
	bool blank;  /* an empty line waits: it may belong to the next From_ line */
	bool middle; /* the line in `line` continues one that was too long */
	enum err (*each)(void *ctx, struct store_letter_in *in);
	void *ctx;
};

void store_mbox_init(struct store_mbox_reader *r,
    enum err (*each)(void *, struct store_letter_in *), void *ctx);
/* What `each` answers ends it. SYNTAX: it does not begin with a From_ line. */
enum err store_mbox_feed(struct store_mbox_reader *r, str octets);
/* The end of the file; frees. */
enum err store_mbox_end(struct store_mbox_reader *r);

#endif
