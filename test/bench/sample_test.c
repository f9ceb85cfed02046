/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Percentiles by nearest rank and the JSON of a run, to the octet: run.py reads it. What a peer
 * wrote must not break out of its JSON string.
 */
#include "sample.h"

#include "base/test.h"

static void
ranks(void)
{
	struct bench_samples *s = bench_samples_new(200);
	CHECK(s != NULL);
	for (uint32_t i = 0; i < 100;
	     i++) { /* every second slot stays unused, as a refused message's does */
		s->at[2 * i] = (struct bench_sample){ .dot_us = (100 - i) * 1000,
			.whole_us = (i + 1) * 2000 };
	}
	struct buf b;
	buf_init(&b, 4096);
	bench_samples_report(s, 2.0, &b);
	CHECK_STR(buf_view(&b),
	    S("{\"accepted\": 100, \"errors\": 0, \"reason\": \"\", \"seconds\": 2.000, "
	      "\"per_second\": 50.0, \"p50_ms\": 50.00, \"p99_ms\": 99.00, "
	      "\"whole_p50_ms\": 100.00, \"whole_p99_ms\": 198.00}\n"));
	buf_done(&b);
}

static void
nothing_accepted(void)
{
	struct bench_samples *s = bench_samples_new(3);
	CHECK(s != NULL);
	bench_samples_fail(s, "RCPT", S("550 5.1.1 no \"such\"\r\n user"));
	bench_samples_fail(s, "DATA", S("later"));
	struct buf b;
	buf_init(&b, 4096);
	bench_samples_report(s, 0.5, &b);
	CHECK(str_find(buf_view(&b),
		  S("\"errors\": 2, \"reason\": \"RCPT: 550 5.1.1 no ?such??? user\"")) > 0);
	CHECK(str_find(buf_view(&b), S("\"per_second\": 0.0, \"p50_ms\": 0.00")) > 0);
	buf_done(&b);
}

static void
too_many(void)
{
	CHECK(bench_samples_new(BENCH_SAMPLE_MAX + 1) == NULL);
}

TEST_MAIN(ranks, nothing_accepted, too_many)
