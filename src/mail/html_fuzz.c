/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any octets as HTML: the text is never longer, valid UTF-8 stays valid, and reading ends.
 */
#include "base/codec.h"
#include "mail/html.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	str in = str_make(data, size);
	struct buf out;
	buf_init(&out, size);
	mail_html_text(&out, in);
	ASSERT(buf_err(&out) == ERR_OK);
	ASSERT(!utf8_valid(in) || utf8_valid(buf_view(&out)));
	buf_done(&out);
	return 0;
}
