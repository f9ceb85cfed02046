/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finding message identifiers in what mail programs write, and writing our own.
 */
#include "mail/msgid.h"
#include "base/codec.h"

static bool
id_valid(str id)
{
	for (size_t i = 0; i < id.n; i++) {
		unsigned char c = (unsigned char)id.p[i];
		if (c <= ' ' || c == 0x7f) {
			return false;
		}
	}
	return id.n > 0 && id.n <= MAIL_MSGID_MAX;
}

bool
mail_msgid_next(str *value, str *ret_id)
{
	ptrdiff_t start;
	while ((start = str_chr(*value, '<')) >= 0) {
		str rest = str_from_off(*value, (size_t)start + 1);
		ptrdiff_t end = str_chr(rest, '>');
		if (end < 0) {
			break;
		}
		/* "<broken <whole@id>": the innermost "<" starts the identifier. */
		str id = str_sub(rest, 0, (size_t)end);
		id = str_from_off(id, (size_t)(str_rchr(id, '<') + 1));
		*value = str_from_off(rest, (size_t)end + 1);
		if (id_valid(id)) {
			*ret_id = id;
			return true;
		}
	}
	*value = STR_NONE;
	return false;
}

void
mail_msgid_put(struct buf *out, const uint8_t random[16], str host)
{
	buf_ch(out, '<');
	hex_encode(out, str_make(random, 16));
	buf_ch(out, '@');
	buf_str(out, host);
	buf_ch(out, '>');
}
