/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any octets as text with encoded words and as base64 and quoted-printable bodies: what comes out
 * is valid UTF-8 where text is promised, and never larger than the decoders say.
 */
#include "base/codec.h"
#include "mail/transfer.h"
#include "mail/word.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUT_MAX = 65536, OUTPUT_MAX = 4 << 20 };

static void
decode(struct buf *out, enum mail_transfer enc, str in)
{
	buf_reset(out);
	mail_transfer_decode(out, enc, in);
	ASSERT(buf_err(out) == ERR_OK && buf_view(out).n <= in.n);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	str in = str_make(data, MIN(size, (size_t)INPUT_MAX));
	struct buf out;
	buf_init(&out, OUTPUT_MAX);
	mail_word_decode(&out, in);
	ASSERT(buf_err(&out) == ERR_OK && utf8_valid(buf_view(&out)));
	decode(&out, MAIL_TRANSFER_BASE64, in);
	decode(&out, MAIL_TRANSFER_QP, in);
	decode(&out, MAIL_TRANSFER_UNKNOWN, in);
	ASSERT(str_eq(buf_view(&out), in));
	buf_done(&out);
	return 0;
}
