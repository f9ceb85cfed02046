/* SPDX-License-Identifier: Apache-2.0 */
/*
 * "local" LF "domain": what is rewritten can be taken back; what was not written by us cannot.
 */
#include "proto/srs/srs.h"

enum { DAY_S = 86400 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t keys[2][SRS_KEY] = { { 1 }, { 2 } };
	static const struct srs ours = { keys, 1 }, theirs = { keys + 1, 1 };
	struct srs_sender back;
	struct buf out;
	str local, domain;
	(void)str_cut(str_make(data, size), '\n', &local, &domain);
	int64_t now_s = (int64_t)size * DAY_S;
	bool taken = srs_reverse(&ours, local, now_s, &back) == ERR_OK;
	ASSERT(!taken || srs_is(local));
	buf_init(&out, SRS_LOCAL_MAX);
	if (domain.n > 0 && str_chr(domain, '=') < 0 &&
	    srs_forward(&ours, local, domain, now_s, &out) == ERR_OK) {
		ASSERT(out.n <= SRS_LOCAL_MAX && srs_is(buf_view(&out)));
		ASSERT(srs_reverse(&theirs, buf_view(&out), now_s, &back) == ERR_DENIED);
		ASSERT(srs_reverse(&ours, buf_view(&out), now_s, &back) == ERR_OK);
		if (str_starts(buf_view(&out), S("SRS0"))) {
			ASSERT(str_eq(back.local, local) && str_eq(back.domain, domain));
		}
	}
	buf_done(&out);
	return 0;
}
