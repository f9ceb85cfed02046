/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What strangers put into a report: lines are a record's rua, then texts of rows. Whatever they
 * are, each "<" of the report is ours.
 */
#include "proto/dmarc/report.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t
count(str s, char c)
{
	size_t n = 0;
	for (size_t i = 0; i < s.n; i++) {
		n += s.p[i] == c;
	}
	return n;
}

static size_t
tags_of(const str texts[3])
{
	const struct dmarc_report_signature s = { texts[0], texts[1], texts[2] };
	const struct dmarc_report_row r = { .ip = S("192.0.2.1"),
		.count = 1,
		.disposition = S("none"),
		.from = texts[0],
		.sender = texts[1],
		.spf_domain = texts[2],
		.spf_result = S("pass"),
		.signatures = &s,
		.n = 1 };
	struct buf out;
	buf_init(&out, 1 << 16);
	dmarc_report_row(&out, &r);
	ASSERT(buf_err(&out) == ERR_OK);
	size_t n = count(buf_view(&out), '<');
	ASSERT(n == count(buf_view(&out), '>'));
	buf_done(&out);
	return n;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const str none[3];
	str text = str_make(data, size), rua = STR_NONE, texts[3] = { 0 };
	struct dmarc_ruas r;
	(void)str_next(&text, '\n', &rua);
	dmarc_rua_read(rua, &r);
	ASSERT(r.n <= DMARC_RUA_MAX);
	for (size_t i = 0; i < r.n; i++) {
		ASSERT(r.v[i].mailto.n > 0 && str_chr(r.v[i].mailto, '!') < (ptrdiff_t)size);
	}
	for (size_t i = 0; i < LEN(texts) && str_next(&text, '\n', &texts[i]); i++) {
	}
	ASSERT(tags_of(texts) == tags_of(none));
	return 0;
}
