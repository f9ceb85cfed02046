/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A block comes back as it was made; one with any octet changed is never taken for another.
 */
#include "base/test.h"
#include "store/text/block.h"

static void
fill(struct mail_text *t, unsigned number)
{
	for (int i = 0; i < MAIL_TEXT_COLUMNS; i++) {
		buf_reset(&t->column[i]);
		unsigned times = number * (unsigned)(i + 1) % 7;
		for (unsigned k = 0; k < times; k++) {
			buf_printf(&t->column[i], "column %d of %u\n", i, number);
		}
	}
}

/* A block of n messages with the ids 10, 20, 30 ... */
static void
make(struct buf *out, uint32_t n)
{
	struct mail_text t;
	struct store_text_new b;
	mail_text_init(&t);
	store_text_new_init(&b);
	for (uint32_t i = 0; i < n; i++) {
		fill(&t, i);
		store_text_new_add(&b, 10u * (i + 1), &t);
	}
	CHECK_ERR(store_text_new_put(&b, out), ERR_OK);
	CHECK_U64(b.n, 0);
	store_text_new_done(&b);
	mail_text_done(&t);
}

/* Read everything a block says. */
static enum err
read_all(str octets, struct buf *directory, struct buf columns[MAIL_TEXT_COLUMNS],
    struct store_text_head *h)
{
	TRY(store_text_head_get(str_sub(octets, 0, STORE_TEXT_HEAD), h));
	if (h->octets != octets.n) {
		return ERR_CORRUPT;
	}
	buf_reset(directory);
	buf_str(directory, str_sub(octets, STORE_TEXT_HEAD, h->directory_n));
	TRY(store_text_directory_check(h, buf_view(directory)));
	size_t at = STORE_TEXT_HEAD + h->directory_n;
	for (int i = 0; i < MAIL_TEXT_COLUMNS; i++) {
		str stored = str_sub(octets, at, h->column[i].stored_n);
		TRY(store_text_column_get(h, i, stored, h->column[i].plain_n, &columns[i]));
		at += stored.n;
	}
	return ERR_OK;
}

static void
check_entry(const struct store_text_entry *e, uint32_t number, const struct buf *columns)
{
	struct mail_text t;
	mail_text_init(&t);
	fill(&t, number);
	CHECK_U64(e->id, 10u * (number + 1));
	for (int k = 0; k < MAIL_TEXT_COLUMNS; k++) {
		str got = str_sub(buf_view(&columns[k]), e->begin[k], e->end[k] - e->begin[k]);
		CHECK_STR(got, buf_view(&t.column[k]));
	}
	mail_text_done(&t);
}

static void
comes_back(void)
{
	static const uint32_t counts[] = { 1, 2, 40 };
	struct buf out, directory, columns[MAIL_TEXT_COLUMNS];
	struct store_text_head h;
	buf_init(&out, 1 << 20);
	buf_init(&directory, 1 << 20);
	for (int i = 0; i < MAIL_TEXT_COLUMNS; i++) {
		buf_init(&columns[i], 1 << 20);
	}
	for (size_t c = 0; c < LEN(counts); c++) {
		buf_reset(&out);
		make(&out, counts[c]);
		CHECK_ERR(read_all(buf_view(&out), &directory, columns, &h), ERR_OK);
		CHECK_U64(h.n, counts[c]);
		CHECK_U64(h.last, 10u * counts[c]);
		for (uint32_t i = 0; i < h.n; i++) {
			struct store_text_entry e = store_text_entry_get(buf_view(&directory), i);
			check_entry(&e, i, columns);
		}
	}
	for (size_t at = 0; at < out.n; at++) {
		out.p[at] ^= 0x20;
		CHECK_ERR(read_all(buf_view(&out), &directory, columns, &h), ERR_CORRUPT);
		out.p[at] ^= 0x20;
	}
	CHECK_ERR(read_all(buf_view(&out), &directory, columns, &h), ERR_OK);
	for (int i = 0; i < MAIL_TEXT_COLUMNS; i++) {
		buf_done(&columns[i]);
	}
	buf_done(&directory);
	buf_done(&out);
}

static void
nothing(void)
{
	struct buf out;
	buf_init(&out, 100);
	make(&out, 0);
	CHECK_U64(out.n, 0);
	buf_done(&out);
}

TEST_MAIN(comes_back, nothing)
