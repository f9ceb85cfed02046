/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target: any blob as a packed page, as it is and with its checksum put right. What decodes
 * must encode to a page that decodes to the same.
 */
#include "base/codec.h"
#include "store/page.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
same_again(const struct store_page *p)
{
	static char storage[STORE_PAGE_OCTETS_MAX];
	static struct store_page again;
	struct buf b;
	buf_init_fixed(&b, storage, sizeof storage);
	store_page_encode(p, &b);
	ASSERT(buf_err(&b) == ERR_OK);
	ASSERT(store_page_decode(buf_view(&b), &again) == ERR_OK);
	ASSERT(again.n == p->n);
	for (size_t i = 0; i < p->n; i++) {
		const struct store_msg *x = &p->msg[i], *y = &again.msg[i];
		ASSERT(x->uid == y->uid && x->flags == y->flags && x->modseq == y->modseq &&
		    x->id == y->id && x->size == y->size && x->saved_s == y->saved_s);
	}
	(void)store_page_from(p, p->msg[0].uid);
}

static void
try(const char *p, size_t n)
{
	static struct store_page page;
	if (store_page_decode(str_make(p, n), &page) == ERR_OK) {
		same_again(&page);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char copy[1 << 16];
	size = MIN(size, sizeof copy);
	if (size > 0) {
		memcpy(copy, data, size);
	}
	try(copy, size);
	if (size > 12) {
		uint32_t crc = crc32c(0, copy + 12, size - 12);
		for (unsigned i = 0; i < 4; i++) {
			copy[8 + i] = (char)(crc >> 8 * i);
		}
		try(copy, size);
	}
	return 0;
}
