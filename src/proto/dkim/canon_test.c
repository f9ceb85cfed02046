/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Canonicalization: the examples of RFC 6376 3.4.5 and every rule, each at every split point.
 */
#include "base/test.h"
#include "proto/dkim/canon.h"

static void
into(void *ctx, str octets)
{
	buf_str(ctx, octets);
}

/* Fed as two pieces, then octet by octet. */
static void
check_body(enum dkim_canon canon, str body, str want)
{
	struct buf out;
	struct dkim_body b;
	buf_init(&out, 1 << 20);
	for (size_t at = 0; at <= body.n + 1; at++) {
		buf_reset(&out);
		dkim_body_init(&b, canon, into, &out);
		if (at <= body.n) {
			dkim_body_feed(&b, str_sub(body, 0, at));
			dkim_body_feed(&b, str_from_off(body, at));
		}
		for (size_t i = 0; at > body.n && i < body.n; i++) {
			dkim_body_feed(&b, str_sub(body, i, 1));
		}
		dkim_body_end(&b);
		CHECK_STR(buf_view(&out), want);
	}
	buf_done(&out);
}

static void
bodies(void)
{
	static const struct {
		str body, simple, relaxed;
	} rows[] = {
		{ S_INIT(" C \r\nD \t E\r\n\r\n\r\n"), S_INIT(" C \r\nD \t E\r\n"),
		    S_INIT(" C\r\nD E\r\n") },
		{ S_INIT(""), S_INIT("\r\n"), S_INIT("") },
		{ S_INIT("\r\n"), S_INIT("\r\n"), S_INIT("") },
		{ S_INIT("\r\n\r\n\r\n"), S_INIT("\r\n"), S_INIT("") },
		{ S_INIT(" \r\n"), S_INIT(" \r\n"), S_INIT("") },
		{ S_INIT(" \t"), S_INIT(" \t\r\n"), S_INIT("") },
		{ S_INIT("a"), S_INIT("a\r\n"), S_INIT("a\r\n") },
		{ S_INIT("a\r\n\r\nb"), S_INIT("a\r\n\r\nb\r\n"), S_INIT("a\r\n\r\nb\r\n") },
		{ S_INIT("a \r\n \r\nb\r\n"), S_INIT("a \r\n \r\nb\r\n"),
		    S_INIT("a\r\n\r\nb\r\n") },
		{ S_INIT("\t\ta\t \tb \r\n"), S_INIT("\t\ta\t \tb \r\n"), S_INIT(" a b\r\n") },
		{ S_INIT("a\r"), S_INIT("a\r\r\n"), S_INIT("a\r\r\n") },
		{ S_INIT("a\r\r\nb\n"), S_INIT("a\r\r\nb\n\r\n"), S_INIT("a\r\r\nb\n\r\n") },
		{ S_INIT("a \rb"), S_INIT("a \rb\r\n"), S_INIT("a \rb\r\n") },
		{ S_INIT("\r\n\r\na"), S_INIT("\r\n\r\na\r\n"), S_INIT("\r\n\r\na\r\n") },
	};
	for (size_t i = 0; i < LEN(rows); i++) {
		test_case = rows[i].body.p;
		check_body(DKIM_SIMPLE, rows[i].body, rows[i].simple);
		check_body(DKIM_RELAXED, rows[i].body, rows[i].relaxed);
	}
	test_case = NULL;
}

/* More empty lines than go to the sink at once, in the middle and at the end. */
static void
many_empty_lines(void)
{
	struct buf body, want;
	buf_init(&body, 1 << 16);
	buf_init(&want, 1 << 16);
	for (int i = 0; i < 200; i++) {
		buf_str(&body, S("\r\n"));
	}
	buf_str(&body, S("x\r\n"));
	buf_str(&want, buf_view(&body));
	for (int i = 0; i < 200; i++) {
		buf_str(&body, S("\r\n"));
	}
	check_body(DKIM_SIMPLE, buf_view(&body), buf_view(&want));
	check_body(DKIM_RELAXED, buf_view(&body), buf_view(&want));
	buf_done(&body);
	buf_done(&want);
}

static void
fields(void)
{
	static const struct {
		str raw, simple, relaxed;
	} rows[] = {
		{ S_INIT("A: X \r\n"), S_INIT("A: X \r\n"), S_INIT("a:X\r\n") },
		{ S_INIT("B : Y\t\r\n\tZ  \r\n"), S_INIT("B : Y\t\r\n\tZ  \r\n"),
		    S_INIT("b:Y Z\r\n") },
		{ S_INIT("Subject:\r\n"), S_INIT("Subject:\r\n"), S_INIT("subject:\r\n") },
		{ S_INIT("X-Y:\r\n  a\r\n\t b\r\n"), S_INIT("X-Y:\r\n  a\r\n\t b\r\n"),
		    S_INIT("x-y:a b\r\n") },
		{ S_INIT("To: \xc3\xa9: b"), S_INIT("To: \xc3\xa9: b\r\n"),
		    S_INIT("to:\xc3\xa9: b\r\n") },
	};
	struct buf out;
	buf_init(&out, 1000);
	for (size_t i = 0; i < LEN(rows); i++) {
		test_case = rows[i].raw.p;
		buf_reset(&out);
		dkim_field(&out, DKIM_SIMPLE, rows[i].raw, false);
		CHECK_STR(buf_view(&out), rows[i].simple);
		buf_reset(&out);
		dkim_field(&out, DKIM_RELAXED, rows[i].raw, false);
		CHECK_STR(buf_view(&out), rows[i].relaxed);
		buf_reset(&out);
		dkim_field(&out, DKIM_RELAXED, rows[i].raw, true);
		CHECK_STR(buf_view(&out), str_sub(rows[i].relaxed, 0, rows[i].relaxed.n - 2));
	}
	test_case = NULL;
	buf_done(&out);
}

TEST_MAIN(bodies, many_empty_lines, fields)
