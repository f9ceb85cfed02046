/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target: octets as an mbox, fed in pieces whose size the first octet gives; and as file
 * names.
 */
#include "store/limits.h"
#include "store/transfer_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum err
look(void *ctx, struct store_letter_in *in)
{
	size_t *letters = ctx;
	ASSERT(in->text.n <= STORE_MESSAGE_MAX);
	for (size_t i = 0; i < in->text.n; i++) {
		ASSERT(in->text.p[i] != '\n' || (i > 0 && in->text.p[i - 1] == '\r'));
	}
	return ++*letters > 1000 ? ERR_TOOMANY : ERR_OK;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char storage[1 << 12];
	struct store_mbox_reader r;
	size_t letters = 0, piece = size > 0 ? (size_t)data[0] + 1 : 1;
	str in = str_make(data, size);
	enum err e = ERR_OK;
	store_mbox_init(&r, look, &letters);
	for (size_t at = 0; e == ERR_OK && at < in.n; at += piece) {
		e = store_mbox_feed(&r, str_sub(in, at, piece));
	}
	(void)!store_mbox_end(&r);
	struct buf b;
	buf_init_fixed(&b, storage, sizeof storage);
	(void)!store_utf7_decode(&b, in);
	buf_reset(&b);
	store_file_decode(&b, in);
	return 0;
}
