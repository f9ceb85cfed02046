/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any octets as a subject: the base is no longer than the subject, is its own base but for what a
 * removed wrapping showed, and its prepared form never fails.
 */
#include "mail/charset.h"
#include "mail/subject.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf base, again, key;
	bool reply;
	buf_init(&base, size + 1);
	buf_init(&again, size + 1);
	buf_init(&key, 64 * size + 64);
	mail_subject_base(&base, str_make(data, size), &reply);
	ASSERT(buf_err(&base) == ERR_OK && base.n <= size);
	mail_subject_base(&again, buf_view(&base), &reply);
	ASSERT(str_eq(buf_view(&base), buf_view(&again)) && !reply);
	mail_charset_casemap(&key, buf_view(&base));
	ASSERT(buf_err(&key) == ERR_OK);
	buf_done(&base);
	buf_done(&again);
	buf_done(&key);
	return 0;
}
