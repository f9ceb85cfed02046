/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any octets as a structured field value and as text with encoded words: ends, and gives valid
 * UTF-8.
 */
#include "base/codec.h"
#include "mail/param.h"
#include "mail/word.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	str in = str_make(data, MIN(size, (size_t)65536)), type, subtype, rest;
	struct mail_param p;
	struct buf out;
	buf_init(&out, 4 << 20);
	(void)mail_param_head(in, &type, &subtype, &rest);
	while (mail_param_next(&rest, &p)) {
		ASSERT(p.name.n > 0);
	}
	rest = in;
	(void)mail_param_text(&out, rest, S("name"));
	ASSERT(utf8_valid(buf_view(&out)));
	buf_reset(&out);
	mail_word_decode(&out, in);
	ASSERT(utf8_valid(buf_view(&out)));
	buf_done(&out);
	return 0;
}
