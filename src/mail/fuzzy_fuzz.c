/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any octets as query, up to the first LF, and text: a score is in its range, a text that holds the
 * query matches, looking twice changes nothing, and more text never lowers a score.
 */
#include "mail/fuzzy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	str query, text, all = str_make(data, size);
	struct mail_fuzzy f;
	struct mail_fuzzy_found found = { 0 };
	if (!str_cut(all, '\n', &query, &text)) {
		return 0;
	}
	mail_fuzzy_init(&f, query);
	ASSERT(f.n <= MAIL_FUZZY_WORDS && f.needed <= f.deciding && f.deciding <= f.n);
	mail_fuzzy_look(&f, str_sub(text, 0, text.n / 2), 70, &found);
	unsigned first = mail_fuzzy_score(&f, &found);
	mail_fuzzy_look(&f, text, MAIL_FUZZY_BEST, &found);
	unsigned score = mail_fuzzy_score(&f, &found);
	ASSERT(score >= first && score <= MAIL_FUZZY_BEST);
	ASSERT(score > 0 || str_find(text, query) < 0);
	struct mail_fuzzy_found again = found;
	mail_fuzzy_look(&f, text, MAIL_FUZZY_BEST, &again);
	ASSERT(memcmp(&again, &found, sizeof found) == 0);
	return 0;
}
