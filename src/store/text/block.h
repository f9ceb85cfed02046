/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One block of a text file: the columns of some messages, each column compressed by itself. Making
 * one and reading one back; doc/format/text.md has the layout. Private to this folder.
 */
#ifndef STORE_TEXT_BLOCK_H
#define STORE_TEXT_BLOCK_H

#include "base/buf.h"
#include "mail/text.h"

enum {
	STORE_TEXT_HEAD = 80, /* octets of a block's head */
	STORE_TEXT_ENTRY = 20,
	STORE_TEXT_BLOCK_OCTETS = 128 << 10, /* of text: a block with as much is closed */
	STORE_TEXT_BLOCK_MESSAGES = 4096,    /* the same by count */
	/* of a column: what the messages before have, and one more */
	STORE_TEXT_COLUMN_MAX = STORE_TEXT_BLOCK_OCTETS + MAIL_TEXT_MAX,
};

/* ---- making ------------------------------------------------------------------------------- */

struct store_text_new {
	struct buf column[MAIL_TEXT_COLUMNS], directory;
	uint32_t n;
	uint64_t first, last; /* ids */
};

/* An empty block; done frees. */
void store_text_new_init(struct store_text_new *b);
void store_text_new_done(struct store_text_new *b);
/* Add a message; ids ascend. The buffers keep the error. */
void store_text_new_add(struct store_text_new *b, uint64_t id, const struct mail_text *text);
bool store_text_new_is_full(const struct store_text_new *b);
/* Append the block to `out` and begin the next; an empty one gives nothing. NOMEM, TOOBIG. */
enum err store_text_new_put(struct store_text_new *b, struct buf *out);

/* ---- reading ------------------------------------------------------------------------------ */

struct store_text_head {
	uint32_t n, directory_n, directory_crc;
	uint64_t first, last;
	struct {
		uint32_t stored_n, plain_n, crc;
	} column[MAIL_TEXT_COLUMNS];
	uint64_t octets; /* of the whole block */
};

/* In  octets: STORE_TEXT_HEAD of them. CORRUPT. */
enum err store_text_head_get(str octets, struct store_text_head *ret);

struct store_text_entry {
	uint64_t id;
	uint32_t begin[MAIL_TEXT_COLUMNS], end[MAIL_TEXT_COLUMNS]; /* in the plain columns */
};

/* Check a directory: its sum, ids that ascend, columns without gaps. CORRUPT. */
enum err store_text_directory_check(const struct store_text_head *h, str directory);
/* An entry of a checked directory; i < h->n. */
struct store_text_entry store_text_entry_get(str directory, uint32_t i);

/* Replace `out` with the first `want` octets of a column, which has so many. CORRUPT, NOMEM. */
enum err store_text_column_get(const struct store_text_head *h, int column, str stored, size_t want,
    struct buf *out);

#endif
