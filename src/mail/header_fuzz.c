/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fields of a header lie one after the other, without gap, from its start to its end; and
 * identifiers of any value are clean.
 */
#include "mail/header.h"
#include "mail/msgid.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	str in = str_make(data, size), id, value;
	struct mail_header h = mail_header_make(in);
	struct mail_field f;
	size_t end = 0;
	struct buf b;
	while (mail_header_next(&h, &f)) {
		ASSERT(f.offset == end && f.raw.n > 0);
		end += f.raw.n;
		ASSERT(f.name.n + f.value.n <= f.raw.n);
		buf_init(&b, f.value.n + 1);
		mail_header_unfold(&b, f.value);
		ASSERT(buf_err(&b) == ERR_OK);
		value = buf_view(&b);
		while (mail_msgid_next(&value, &id)) {
			ASSERT(id.n > 0 && str_chr(id, '>') < 0 && str_chr(id, '\n') < 0);
		}
		buf_done(&b);
	}
	ASSERT(end <= mail_header_length(in) && mail_header_length(in) <= in.n);
	return 0;
}
