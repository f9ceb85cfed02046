/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a reader sees of HTML, good and hostile; and that the time does not explode.
 */
#include "base/test.h"
#include "mail/html.h"

static str
text_of(str html)
{
	static struct buf out;
	buf_done(&out);
	buf_init(&out, html.n);
	mail_html_text(&out, html);
	CHECK_ERR(buf_err(&out), ERR_OK); /* never more than went in */
	return buf_view(&out);
}

static void
reads(void)
{
	static const struct {
		str name, in, want;
	} rows[] = {
		{ S_INIT("text"), S_INIT("plain words"), S_INIT("plain words") },
		{ S_INIT("blocks part words"), S_INIT("a<p>b</p><br/>c"), S_INIT("a b  c") },
		{ S_INIT("inline tags do not"), S_INIT("fo<b>ob</b>a<wbr>r"), S_INIT("foobar") },
		{ S_INIT("any case"), S_INIT("x<SCRIPT>y</Script >z"), S_INIT("x z") },
		{ S_INIT("style"), S_INIT("<style>p{a:b}</style>x"), S_INIT(" x") },
		{ S_INIT("script with tags in it"), S_INIT("<script>a='<b>';</b></script>x"),
		    S_INIT(" x") },
		{ S_INIT("script that never ends"), S_INIT("a<script>b</scrip"), S_INIT("a ") },
		{ S_INIT("title is text"), S_INIT("<title>T</title>"), S_INIT(" T ") },
		{ S_INIT("comment"), S_INIT("a<!-- <p> -- > -->b"), S_INIT("ab") },
		{ S_INIT("empty comment"), S_INIT("a<!-->b"), S_INIT("ab") },
		{ S_INIT("comment that never ends"), S_INIT("a<!-- b"), S_INIT("a") },
		{ S_INIT("conditional comment"), S_INIT("<!--[if mso]>x<![endif]-->y"),
		    S_INIT("y") },
		{ S_INIT("doctype"), S_INIT("<!DOCTYPE html><?xml a?>x"), S_INIT("x") },
		{ S_INIT("quoted >"), S_INIT("<a href=\"x>y\" b='>'>t</a>"), S_INIT("t") },
		{ S_INIT("image text"), S_INIT("<img src=x alt='a &amp; b'>"), S_INIT("  a & b ") },
		{ S_INIT("alt without quotes"), S_INIT("<img ALT=word/>x"), S_INIT("  word/ x") },
		{ S_INIT("link targets go"), S_INIT("<a href=http://x/>t</a>"), S_INIT("t") },
		{ S_INIT("quote never closed"), S_INIT("a<p x=\"b>c"), S_INIT("a ") },
		{ S_INIT("tag never closed"), S_INIT("a<p b"), S_INIT("a ") },
		{ S_INIT("less than"), S_INIT("1 < 2 <3 <"), S_INIT("1 < 2 <3 <") },
		{ S_INIT("less than and slash"), S_INIT("</ >x</>"), S_INIT("</ >x</>") },
		{ S_INIT("names"), S_INIT("&lt;&eacute;&thetasym;&apos;"),
		    S_INIT("<\xc3\xa9\xcf\x91'") },
		{ S_INIT("numbers"), S_INIT("&#65;&#x42;&#67 &#128;"), S_INIT("ABC \xe2\x82\xac") },
		{ S_INIT("no references"), S_INIT("& &; &nope; &#; &#x; &eacute"),
		    S_INIT("& &; &nope; &#; &#x; &eacute") },
		{ S_INIT("without semicolon"), S_INIT("a&nbsp b&amp"), S_INIT("a\xc2\xa0 b&") },
		{ S_INIT("no such number"), S_INIT("&#xd800;&#1114112;&#99999999999999999999;"),
		    S_INIT("\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd") },
		{ S_INIT("attribute without name"), S_INIT("<p =x ==y / \"a\">t"), S_INIT(" t") },
		{ S_INIT("bad octets stay"), S_INIT("\xff<b>\xfe"), S_INIT("\xff\xfe") },
	};
	for (size_t i = 0; i < LEN(rows); i++) {
		test_case = rows[i].name.p;
		CHECK_STR(text_of(rows[i].in), rows[i].want);
	}
	test_case = NULL;
}

/* Each would take hours if anything were looked at again for every octet. */
static void
long_ones(void)
{
	static const str pieces[] = { S_INIT("<"), S_INIT("<a "), S_INIT("<a b=\""), S_INIT("<!--"),
		S_INIT("<script>"), S_INIT("<script></"), S_INIT("&"), S_INIT("&#"), S_INIT("&a"),
		S_INIT("<p/"), S_INIT("<!"), S_INIT("</"), S_INIT("<a = ") };
	struct buf in;
	buf_init(&in, 4 << 20);
	for (size_t i = 0; i < LEN(pieces); i++) {
		buf_reset(&in);
		while (in.n < 2 << 20) {
			buf_str(&in, pieces[i]);
		}
		CHECK(text_of(buf_view(&in)).n <= in.n);
	}
	buf_done(&in);
}

TEST_MAIN(reads, long_ones)
