/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Content-Type and Content-Disposition values: well-formed, RFC 2231, and as seen in the wild.
 */
#include "base/test.h"
#include "mail/param.h"

static void
heads(void)
{
	static const struct {
		str in, type, subtype;
		bool ok;
	} rows[] = {
		{ S_INIT(" text/plain; charset=x"), S_INIT("text"), S_INIT("plain"), true },
		{ S_INIT(" text / (hi) plain"), S_INIT("text"), S_INIT("plain"), true },
		{ S_INIT("(c (d) \\) ) inline"), S_INIT("inline"), S_INIT(""), true },
		{ S_INIT(" ; a=b"), S_INIT(""), S_INIT(""), false },
		{ S_INIT("text"), S_INIT("text"), S_INIT(""), true },
	};
	for (size_t i = 0; i < LEN(rows); i++) {
		str type, subtype, rest;
		CHECK(mail_param_head(rows[i].in, &type, &subtype, &rest) == rows[i].ok);
		CHECK_STR(type, rows[i].type);
		CHECK_STR(subtype, rows[i].subtype);
	}
}

static void
texts(void)
{
	static const struct {
		str in, name, want;
		bool found;
	} rows[] = {
		{ S_INIT("; a=b; c=\"d;e\\\"f\""), S_INIT("C"), S_INIT("d;e\"f"), true },
		{ S_INIT(";;; a = b"), S_INIT("a"), S_INIT("b"), true },
		{ S_INIT("; x; a=b"), S_INIT("a"), S_INIT("b"), true },
		{ S_INIT("; boundary=a=b/c"), S_INIT("boundary"), S_INIT("a=b/c"), true },
		{ S_INIT("; a=\"open"), S_INIT("a"), S_INIT("open"), true },
		{ S_INIT("; a=b"), S_INIT("b"), S_INIT(""), false },
		{ S_INIT("; title*=us-ascii'en-us'This%20is%20%2A%2A%2Afun%2A%2A%2A"),
		    S_INIT("title"), S_INIT("This is ***fun***"), true },
		{ S_INIT("; URL*0=\"ftp://\"; URL*1=\"cs.utk.edu/pub\""), S_INIT("url"),
		    S_INIT("ftp://cs.utk.edu/pub"), true },
		{ S_INIT("; title*0*=iso-8859-1'en'Gr%FC; title*1*=%DF; title*2=\"e!\""),
		    S_INIT("title"),
		    S_INIT("Gr\xc3\xbc\xc3\x9f"
			   "e!"),
		    true },
		{ S_INIT("; filename=\"=?utf-8?q?=C3=BC?=\""), S_INIT("filename"),
		    S_INIT("\xc3\xbc"), true },
		{ S_INIT("; f*1=b; f*0=a; f*3=d"), S_INIT("f"), S_INIT("ab"), true },
		{ S_INIT("; f*0*=''%41; f*0=a; f*0=b; F*1*=%42"), S_INIT("f"), S_INIT("aB"), true },
		{ S_INIT("; f*00=a; f*1=b; f*64=c; f*x=d; f**=e; ff=g"), S_INIT("f"), S_INIT(""),
		    false },
		{ S_INIT("; f*0=a; f=b; f*=''c"), S_INIT("f"), S_INIT("c"), true },
		{ S_INIT("; f*0=a; f=b"), S_INIT("f"), S_INIT("a"), true },
		{ S_INIT("; a=x\r\n\t; b=\"y\r\n z\""), S_INIT("b"), S_INIT("y z"), true },
	};
	for (size_t i = 0; i < LEN(rows); i++) {
		struct buf b;
		buf_init(&b, 1024);
		test_case = rows[i].in.p;
		CHECK(mail_param_text(&b, rows[i].in, rows[i].name) == rows[i].found);
		CHECK_STR(buf_view(&b), rows[i].want);
		buf_done(&b);
	}
}

TEST_MAIN(heads, texts)
