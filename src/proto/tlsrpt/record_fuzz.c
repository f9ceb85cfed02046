/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records of strangers: octets up to a LF are one record each; what they name is decoded, and is
 * also put into a report.
 */
#include "proto/tlsrpt/tlsrpt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	str records[8], text = str_make(data, size);
	struct tlsrpt_record r;
	struct buf out;
	size_t n = 0;

	while (n < LEN(records) && str_next(&text, '\n', &records[n])) {
		n++;
	}
	buf_init(&out, 1 << 20);
	if (tlsrpt_record(records, n, &r) == ERR_OK) {
		ASSERT(r.mail_n + r.https > 0 && r.mail_n <= TLSRPT_RUA_MAX);
		for (size_t i = 0; i < r.mail_n; i++) {
			(void)(tlsrpt_address(r.mail[i], &out) == ERR_OK);
		}
	}
	struct tlsrpt_policy p = {
		.type = S("sts"), .text = str_make(data, size), .domain = S("example.org")
	};
	tlsrpt_policy(&out, &p);
	tlsrpt_policy_end(&out);
	buf_done(&out);
	return 0;
}
