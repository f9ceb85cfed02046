/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any octets as a kept table: it is refused, or it is a table that writes itself again and speaks.
 * The sum over it is mended first, or nothing behind it would ever be reached.
 */
#include "base/codec.h"
#include "filter/model.h"

enum { HEAD = 32, CHECK_AT = 8, SUM_AT = 28 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
put_le(char *p, uint64_t v, int n)
{
	for (int i = 0; i < n; i++) {
		p[i] = (char)(v >> (8 * i));
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t key[FILTER_MODEL_KEY];
	struct filter_model *m = NULL;
	struct buf b, again;
	buf_init(&b, 1 << 20);
	buf_init(&again, FILTER_MODEL_BLOB_MAX);
	buf_add(&b, data, MIN(size, (size_t)1 << 20));
	if (b.n >= HEAD && buf_err(&b) == ERR_OK) {
		uint64_t check = siphash(key, S("statistics of features, version 1"));
		put_le(b.p + CHECK_AT, check, 8);
		put_le(b.p + SUM_AT, crc32c(0, b.p + HEAD, b.n - HEAD), 4);
	}
	if (filter_model_get(buf_view(&b), key, &m) == ERR_OK) {
		filter_model_put(m, &again);
		ASSERT(buf_err(&again) == ERR_OK && again.n <= MAX(b.n, 200000u));
		int64_t words = filter_model_words(m, str_make(data, size / 4 * 4));
		ASSERT(words >= FILTER_WORDS_MIN && words <= FILTER_WORDS_MAX);
		filter_model_free(&m);
	}
	buf_done(&b);
	buf_done(&again);
	return 0;
}
