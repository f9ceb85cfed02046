/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The layout of a block (doc/format/text.md): head, directory, columns as stored. A column that
 * does not shrink is stored as it is. Everything read is checked: the head by its sum, then the
 * directory and the columns by theirs, then that it fits together.
 */
#include "store/text/block.h"

#include "base/codec.h"
#include "base/wire.h"

#include <lz4.h>

void
store_text_new_init(struct store_text_new *b)
{
	*b = (struct store_text_new){ 0 };
	for (int i = 0; i < MAIL_TEXT_COLUMNS; i++) {
		buf_init(&b->column[i], STORE_TEXT_COLUMN_MAX);
	}
	buf_init(&b->directory, (size_t)STORE_TEXT_BLOCK_MESSAGES * STORE_TEXT_ENTRY);
}

void
store_text_new_done(struct store_text_new *b)
{
	for (int i = 0; i < MAIL_TEXT_COLUMNS; i++) {
		buf_done(&b->column[i]);
	}
	buf_done(&b->directory);
}

void
store_text_new_add(struct store_text_new *b, uint64_t id, const struct mail_text *text)
{
	ASSERT(b->n == 0 || id > b->last);
	wr_u64(&b->directory, id);
	for (int i = 0; i < MAIL_TEXT_COLUMNS; i++) {
		buf_str(&b->column[i], buf_view(&text->column[i]));
		wr_u32(&b->directory, (uint32_t)b->column[i].n);
	}
	b->first = b->n == 0 ? id : b->first;
	b->last = id;
	b->n++;
}

bool
store_text_new_is_full(const struct store_text_new *b)
{
	size_t sum = 0;
	for (int i = 0; i < MAIL_TEXT_COLUMNS; i++) {
		sum += b->column[i].n;
	}
	return sum >= STORE_TEXT_BLOCK_OCTETS || b->n >= STORE_TEXT_BLOCK_MESSAGES;
}

/* Append a column as it is stored; the octets it takes. */
static uint32_t
put_column(const struct buf *column, struct buf *out)
{
	if (column->n == 0) {
		return 0;
	}
	int bound = LZ4_compressBound((int)column->n);
	char *to = buf_room(out, (size_t)bound);
	if (to == NULL) {
		return 0;
	}
	int n = LZ4_compress_default(column->p, to, (int)column->n, bound);
	if (n > 0 && (size_t)n < column->n) {
		buf_grow(out, (size_t)n);
		return (uint32_t)n;
	}
	buf_str(out, buf_view(column));
	return (uint32_t)column->n;
}

static void
put_head(const struct store_text_head *h, struct buf *out)
{
	buf_cstr(out, "PTB1");
	wr_u32(out, h->n);
	wr_u64(out, h->first);
	wr_u64(out, h->last);
	wr_u32(out, h->directory_n);
	wr_u32(out, h->directory_crc);
	for (int i = 0; i < MAIL_TEXT_COLUMNS; i++) {
		wr_u32(out, h->column[i].stored_n);
		wr_u32(out, h->column[i].plain_n);
		wr_u32(out, h->column[i].crc);
	}
	wr_u64(out, 0);
	wr_u32(out, crc32c(0, out->p, out->n));
}

static void
forget(struct store_text_new *b)
{
	for (int i = 0; i < MAIL_TEXT_COLUMNS; i++) {
		buf_reset(&b->column[i]);
	}
	buf_reset(&b->directory);
	b->n = 0;
	b->first = b->last = 0;
}

enum err
store_text_new_put(struct store_text_new *b, struct buf *out)
{
	char room[STORE_TEXT_HEAD];
	struct buf head;
	size_t at = out->n;
	if (b->n == 0) {
		return ERR_OK;
	}
	struct store_text_head h = { .n = b->n,
		.first = b->first,
		.last = b->last,
		.directory_n = (uint32_t)b->directory.n };
	h.directory_crc = crc32c(0, b->directory.p, b->directory.n);
	TRY(buf_err(&b->directory));
	if (buf_room(out, STORE_TEXT_HEAD) == NULL) {
		return buf_err(out);
	}
	buf_grow(out, STORE_TEXT_HEAD); /* filled below */
	buf_str(out, buf_view(&b->directory));
	for (int i = 0; i < MAIL_TEXT_COLUMNS; i++) {
		TRY(buf_err(&b->column[i]));
		size_t from = out->n;
		h.column[i].plain_n = (uint32_t)b->column[i].n;
		h.column[i].stored_n = put_column(&b->column[i], out);
		TRY(buf_err(out));
		h.column[i].crc = crc32c(0, out->p + from, out->n - from);
	}
	buf_init_fixed(&head, room, sizeof room);
	put_head(&h, &head);
	ASSERT(head.n == STORE_TEXT_HEAD && buf_err(&head) == ERR_OK);
	memcpy(out->p + at, room, sizeof room);
	forget(b);
	return buf_err(out);
}

/* ---- reading ------------------------------------------------------------------------------ */

static bool
head_fits(const struct store_text_head *h)
{
	bool fits = h->n > 0 && h->n <= STORE_TEXT_BLOCK_MESSAGES && h->first <= h->last &&
	    h->directory_n == h->n * STORE_TEXT_ENTRY;
	for (int i = 0; i < MAIL_TEXT_COLUMNS; i++) {
		fits = fits && h->column[i].plain_n <= STORE_TEXT_COLUMN_MAX &&
		    h->column[i].stored_n <= h->column[i].plain_n;
	}
	return fits;
}

enum err
store_text_head_get(str octets, struct store_text_head *ret)
{
	ASSERT(octets.n == STORE_TEXT_HEAD);
	struct rd r = rd_make(octets);
	bool magic = str_eq(rd_bytes(&r, 4), S("PTB1"));
	struct store_text_head h = { .n = rd_u32(&r) };
	h.first = rd_u64(&r);
	h.last = rd_u64(&r);
	h.directory_n = rd_u32(&r);
	h.directory_crc = rd_u32(&r);
	h.octets = (uint64_t)STORE_TEXT_HEAD + h.directory_n;
	for (int i = 0; i < MAIL_TEXT_COLUMNS; i++) {
		h.column[i].stored_n = rd_u32(&r);
		h.column[i].plain_n = rd_u32(&r);
		h.column[i].crc = rd_u32(&r);
		h.octets += h.column[i].stored_n;
	}
	(void)rd_u64(&r);
	uint32_t crc = rd_u32(&r);
	if (rd_end(&r) != ERR_OK || !magic || crc != crc32c(0, octets.p, STORE_TEXT_HEAD - 4) ||
	    !head_fits(&h)) {
		return ERR_CORRUPT;
	}
	*ret = h;
	return ERR_OK;
}

struct store_text_entry
store_text_entry_get(str directory, uint32_t i)
{
	struct store_text_entry e = { 0 };
	if (i > 0) {
		struct rd before = rd_make(str_sub(directory, (i - 1) * (size_t)STORE_TEXT_ENTRY,
		    STORE_TEXT_ENTRY));
		(void)rd_u64(&before);
		for (int k = 0; k < MAIL_TEXT_COLUMNS; k++) {
			e.begin[k] = rd_u32(&before);
		}
	}
	struct rd r = rd_make(str_sub(directory, i * (size_t)STORE_TEXT_ENTRY, STORE_TEXT_ENTRY));
	e.id = rd_u64(&r);
	for (int k = 0; k < MAIL_TEXT_COLUMNS; k++) {
		e.end[k] = rd_u32(&r);
	}
	return e;
}

enum err
store_text_directory_check(const struct store_text_head *h, str directory)
{
	uint64_t last = 0;
	if (directory.n != h->directory_n ||
	    crc32c(0, directory.p, directory.n) != h->directory_crc) {
		return ERR_CORRUPT;
	}
	for (uint32_t i = 0; i < h->n; i++) {
		struct store_text_entry e = store_text_entry_get(directory, i);
		bool fits = i == 0 ? e.id == h->first : e.id > last;
		fits = fits && (i + 1 < h->n || e.id == h->last);
		for (int k = 0; k < MAIL_TEXT_COLUMNS; k++) {
			fits = fits && e.begin[k] <= e.end[k] && e.end[k] <= h->column[k].plain_n;
		}
		if (!fits) {
			return ERR_CORRUPT;
		}
		last = e.id;
	}
	return ERR_OK;
}

enum err
store_text_column_get(const struct store_text_head *h, int column, str stored, size_t want,
    struct buf *out)
{
	uint32_t plain_n = h->column[column].plain_n;
	ASSERT(want <= plain_n);
	buf_reset(out);
	if (stored.n != h->column[column].stored_n ||
	    crc32c(0, stored.p, stored.n) != h->column[column].crc) {
		return ERR_CORRUPT;
	}
	if (stored.n == plain_n) {
		buf_str(out, str_sub(stored, 0, want));
		return buf_err(out);
	}
	char *to = buf_room(out, plain_n);
	if (to == NULL) {
		return buf_err(out);
	}
	int n = LZ4_decompress_safe_partial(stored.p, to, (int)stored.n, (int)want, (int)plain_n);
	if (n < 0 || (uint32_t)n < want) {
		return ERR_CORRUPT;
	}
	buf_grow(out, want);
	return ERR_OK;
}
