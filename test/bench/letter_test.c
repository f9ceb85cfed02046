/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Letters have the size that was asked for, CRLF everywhere and no leading dot, and no two bodies
 * are alike. The pool itself is only looked at through them.
 */
#include "letter.h"

#include "base/test.h"

#define DOMAIN "bench.test"

static void
keeps_the_size(void)
{
	static const struct {
		size_t want;
	} cases[] = { { 600 }, { 4096 }, { 5000 }, { 102400 } };
	struct bench_letter l;
	CHECK_ERR(bench_letter_init(&l, 102400, DOMAIN, "load@sender.test", 7), ERR_OK);
	for (size_t i = 0; i < LEN(cases); i++) {
		struct buf b;
		buf_init(&b, 1u << 20);
		bench_letter_add(&l, i, 3, cases[i].want, &b);
		CHECK_ERR(buf_err(&b), ERR_OK);
		CHECK(b.n <= cases[i].want && b.n + BENCH_LETTER_LINE > cases[i].want);
		buf_done(&b);
	}
	bench_letter_done(&l);
}

static void
has_only_crlf_and_no_dots(void)
{
	struct bench_letter l;
	CHECK_ERR(bench_letter_init(&l, 20000, DOMAIN, "load@sender.test", 7), ERR_OK);
	for (uint64_t seq = 0; seq < 9000; seq += 1021) {
		struct buf b;
		buf_init(&b, 1u << 20);
		bench_letter_add(&l, seq, 3, 20000, &b);
		str rest = buf_view(&b), line;
		CHECK(str_ends(rest, S("\r\n")));
		unsigned odd = 0;
		while (str_next(&rest, '\n', &line)) {
			bool last = rest.p == NULL;
			odd += !last && !str_ends(line, S("\r"));
			odd += str_starts(line, S(".")) || line.n > 998;
		}
		CHECK_U64(odd, 0);
		CHECK(str_find(buf_view(&b), S("user3@" DOMAIN)) > 0);
		buf_done(&b);
	}
	bench_letter_done(&l);
}

static void
differs_from_the_next(void)
{
	struct bench_letter l;
	struct buf a, b;
	buf_init(&a, 1u << 16);
	buf_init(&b, 1u << 16);
	CHECK_ERR(bench_letter_init(&l, 4096, DOMAIN, "load@sender.test", 7), ERR_OK);
	bench_letter_add(&l, 1, 3, 4096, &a);
	bench_letter_add(&l, 2, 3, 4096, &b);
	str body_a = str_from_off(buf_view(&a), (size_t)str_find(buf_view(&a), S("\r\n\r\n")));
	str body_b = str_from_off(buf_view(&b), (size_t)str_find(buf_view(&b), S("\r\n\r\n")));
	CHECK(!str_eq(body_a, body_b));
	buf_done(&a);
	buf_done(&b);
	bench_letter_done(&l);
}

static void
refuses_the_absurd(void)
{
	struct bench_letter l;
	CHECK_ERR(bench_letter_init(&l, BENCH_LETTER_MAX + 1, DOMAIN, "load@sender.test", 7),
	    ERR_TOOBIG);
}

TEST_MAIN(keeps_the_size, has_only_crlf_and_no_dots, differs_from_the_next, refuses_the_absurd)
