/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any octets as a message: its preview is short and valid.
 */
#include "mail/preview.h"

#include "base/codec.h"
#include "mail/mime.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new(NULL, "fuzz", 8 << 20, 0);
	struct mail_mime m;
	struct buf out;
	buf_init(&out, MAIL_PREVIEW_OCTETS);
	if (mail_mime_parse(str_make(data, size), a, &m) == ERR_OK) {
		ASSERT(mail_preview(&m, &out) == ERR_OK);
		ASSERT(utf8_valid(buf_view(&out)));
	}
	buf_done(&out);
	arena_free(&a);
	return 0;
}
