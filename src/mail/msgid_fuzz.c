/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any octets as a field that carries message identifiers: each lies in the input, comes after the
 * one before, is clean, and reads back from angle brackets as it was.
 */
#include "mail/msgid.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
read_back(str id)
{
	char room[MAIL_MSGID_MAX + 2];
	struct buf b;
	buf_init_fixed(&b, room, sizeof room);
	buf_ch(&b, '<');
	buf_str(&b, id);
	buf_ch(&b, '>');
	str value = buf_view(&b), again;
	ASSERT(buf_err(&b) == ERR_OK);
	ASSERT(mail_msgid_next(&value, &again) && str_eq(again, id));
	ASSERT(!mail_msgid_next(&value, &again));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	str value = str_make(data, size), id;
	const char *from = value.p, *end = value.p + value.n;
	while (mail_msgid_next(&value, &id)) {
		ASSERT(id.p > from && id.p + id.n < end);
		ASSERT(id.n > 0 && id.n <= MAIL_MSGID_MAX);
		for (size_t i = 0; i < id.n; i++) {
			unsigned char c = (unsigned char)id.p[i];
			ASSERT(c > ' ' && c != 0x7f && c != '<' && c != '>');
		}
		read_back(id);
		from = id.p + id.n;
	}
	ASSERT(value.n == 0);
	return 0;
}
