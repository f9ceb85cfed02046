/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any octets as a block, the sums made right so that what lies behind them is reached: nothing is
 * read beyond its end, and entries lie inside of their columns.
 */
#include "base/codec.h"
#include "base/wire.h"
#include "store/text/block.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
put_u32(char *to, uint32_t v)
{
	struct buf b;
	buf_init_fixed(&b, to, 4);
	wr_u32(&b, v);
}

static void
read_block(const struct store_text_head *h, str rest)
{
	struct buf column;
	str directory = str_sub(rest, 0, h->directory_n);
	buf_init(&column, STORE_TEXT_COLUMN_MAX);
	size_t at = directory.n;
	bool good = store_text_directory_check(h, directory) == ERR_OK;
	for (int i = 0; good && i < MAIL_TEXT_COLUMNS; i++) {
		str stored = str_sub(rest, at, h->column[i].stored_n);
		struct store_text_head mine = *h;
		mine.column[i].crc = crc32c(0, stored.p, stored.n);
		at += stored.n;
		if (store_text_column_get(&mine, i, stored, mine.column[i].plain_n, &column) !=
		    ERR_OK) {
			continue;
		}
		for (uint32_t k = 0; k < h->n; k++) {
			ASSERT(store_text_entry_get(directory, k).end[i] <= column.n);
		}
	}
	buf_done(&column);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char head[STORE_TEXT_HEAD];
	struct store_text_head h;
	if (size < STORE_TEXT_HEAD) {
		return 0;
	}
	str rest = str_make(data + STORE_TEXT_HEAD, size - STORE_TEXT_HEAD);
	memcpy(head, data, sizeof head);
	uint32_t n;
	memcpy(&n, head + 24, 4);
	str directory = str_sub(rest, 0, n);
	put_u32(head + 28, crc32c(0, directory.p, directory.n));
	put_u32(head + 76, crc32c(0, head, 76));
	if (store_text_head_get(str_make(head, sizeof head), &h) == ERR_OK) {
		read_block(&h, rest);
	}
	return 0;
}
