/* SPDX-License-Identifier: Apache-2.0 */
/*
 * First octet chooses a charset, the rest is text: the result is always valid UTF-8, and folding it
 * twice changes nothing more.
 */
#include "base/codec.h"
#include "mail/charset.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const str names[] = { S_INIT("utf-8"), S_INIT("iso-8859-1"), S_INIT("koi8-r"),
		S_INIT("gb2312"), S_INIT("big5"), S_INIT("euc-kr"), S_INIT("shift_jis"),
		S_INIT("euc-jp"), S_INIT("iso-2022-jp"), S_INIT("none") };
	if (size == 0) {
		return 0;
	}
	struct buf text, once, twice;
	buf_init(&text, 1 << 22);
	buf_init(&once, 1 << 23);
	buf_init(&twice, 1 << 24);
	mail_charset_decode(&text, names[data[0] % LEN(names)], str_make(data + 1, size - 1));
	ASSERT(utf8_valid(buf_view(&text)));
	mail_charset_fold(&once, buf_view(&text));
	ASSERT(utf8_valid(buf_view(&once)));
	mail_charset_fold(&twice, buf_view(&once));
	ASSERT(str_eq(buf_view(&once), buf_view(&twice)));
	buf_done(&text);
	buf_done(&once);
	buf_done(&twice);
	return 0;
}
