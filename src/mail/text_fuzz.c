/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any octets as a message: the columns are valid UTF-8 without octets that may not be there, and
 * folding a column again changes nothing but its marks.
 */
#include "base/codec.h"
#include "mail/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_column(const struct mail_text *t, int column)
{
	const struct buf *b = &t->column[column];
	struct buf again;
	for (size_t i = 0; i < b->n; i++) {
		char c = b->p[i];
		bool first = i == 0 || b->p[i - 1] == '\n';
		ASSERT((uint8_t)c >= ' ' || c == '\n' ||
		    (c == MAIL_TEXT_PART && first && column != MAIL_TEXT_BODY));
		ASSERT(c < 'A' || c > 'Z');
	}
	ASSERT(b->n == 0 || b->p[b->n - 1] == '\n');
	ASSERT(utf8_valid(buf_view(b)));
	buf_init(&again, b->n);
	mail_text_fold(&again, buf_view(b));
	ASSERT(buf_err(&again) == ERR_OK && again.n <= b->n);
	buf_done(&again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new(NULL, "fuzz", 16 << 20, 0);
	struct mail_text t;
	mail_text_init(&t);
	if (mail_text_read(&t, str_make(data, size), a) == ERR_OK) {
		for (int i = 0; i < MAIL_TEXT_COLUMNS; i++) {
			check_column(&t, i);
		}
	}
	mail_text_done(&t);
	arena_free(&a);
	return 0;
}
