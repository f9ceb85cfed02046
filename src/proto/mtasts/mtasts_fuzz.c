/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Policy files and TXT records of strangers: what is taken lies within the input and its limits,
 * and the same text twice is taken the same way.
 */
#include "proto/mtasts/mtasts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
within(str part, str whole)
{
	ASSERT(part.p >= whole.p && part.p + part.n <= whole.p + whole.n);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mtasts_policy p;
	str in = str_make(data, size), id;
	if (mtasts_parse(in, &p) == ERR_OK) {
		ASSERT(p.mx_n <= MTASTS_MX_MAX && p.max_age_s <= MTASTS_MAX_AGE_S);
		ASSERT(p.mx_n > 0 || p.mode == MTASTS_NONE);
		for (size_t i = 0; i < p.mx_n; i++) {
			within(p.mx[i], in);
			ASSERT(p.mx[i].n > 0 && p.mx[i].n <= 255);
			ASSERT(str_starts(p.mx[i], S("*.")) || mtasts_fits(p.mx[i], p.mx[i]));
		}
	}
	if (mtasts_txt(&in, 1, &id) == ERR_OK) {
		within(id, in);
		ASSERT(id.n >= 1 && id.n <= MTASTS_ID_MAX);
	}
	return 0;
}
