/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages and their BODY and BODYSTRUCTURE.
 */
#include "proto/imap/body.h"

#include "base/test.h"
#include "mail/mime.h"

static const struct {
	const char *message, *body, *structure;
} cases[] = {
	{ "Subject: x\r\n\r\nHello\r\nWorld\r\n",
	    "(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 14 2)",
	    "(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 14 2 NIL NIL NIL "
	    "NIL)" },
	{ "Content-Type: TEXT/PLAIN; CHARSET=US-ASCII\r\n\r\nx\r\n",
	    "(\"TEXT\" \"PLAIN\" (\"CHARSET\" \"US-ASCII\") NIL NIL \"7bit\" 3 1)",
	    "(\"TEXT\" \"PLAIN\" (\"CHARSET\" \"US-ASCII\") NIL NIL \"7bit\" 3 1 NIL NIL NIL "
	    "NIL)" },
	{ "Content-Type: image/png; name=\"a \\\"b\\\".png\"\r\n"
	  "Content-Transfer-Encoding: base64\r\nContent-ID: <i@d>\r\n"
	  "Content-Description: a\r\n picture\r\nContent-MD5: Q2hlY2s=\r\n"
	  "Content-Disposition: attachment; filename=a.png; size=3\r\n"
	  "Content-Language: en, de\r\nContent-Location: http://x/\r\n\r\nAAAA\r\n",
	    "(\"image\" \"png\" (\"name\" \"a \\\"b\\\".png\") \"<i@d>\" \"a picture\" "
	    "\"base64\" 6)",
	    "(\"image\" \"png\" (\"name\" \"a \\\"b\\\".png\") \"<i@d>\" \"a picture\" "
	    "\"base64\" 6 "
	    "\"Q2hlY2s=\" (\"attachment\" (\"filename\" \"a.png\" \"size\" \"3\")) (\"en\" \"de\") "
	    "\"http://x/\")" },
	{ "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\none\r\n--b\r\n"
	  "Content-Type: multipart/alternative; boundary=c\r\n\r\n--c\r\n\r\ntwo\r\n--c\r\n"
	  "Content-Type: text/html\r\n\r\nthree\r\n--c--\r\n--b\r\n\r\nfour\r\n--b--\r\n",
	    "((\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 3 0)"
	    "((\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 3 0)"
	    "(\"text\" \"html\" NIL NIL NIL \"7bit\" 5 0) \"alternative\")"
	    "(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 4 0) \"mixed\")",
	    "((\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 3 0 NIL NIL NIL NIL)"
	    "((\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 3 0 NIL NIL NIL NIL)"
	    "(\"text\" \"html\" NIL NIL NIL \"7bit\" 5 0 NIL NIL NIL NIL) \"alternative\" "
	    "(\"boundary\" \"c\") NIL NIL NIL)"
	    "(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 4 0 NIL NIL NIL "
	    "NIL) \"mixed\" "
	    "(\"boundary\" \"b\") NIL NIL NIL)" },
	{ "Content-Type: message/rfc822\r\n\r\nSubject: in\r\nFrom: a@b\r\n\r\nbody\r\n",
	    "(\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 32 (NIL \"in\" ((NIL NIL \"a\" \"b\")) "
	    "((NIL NIL \"a\" \"b\")) ((NIL NIL \"a\" \"b\")) NIL NIL NIL NIL NIL) "
	    "(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 6 1) 4)",
	    "(\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 32 (NIL \"in\" ((NIL NIL \"a\" \"b\")) "
	    "((NIL NIL \"a\" \"b\")) ((NIL NIL \"a\" \"b\")) NIL NIL NIL NIL NIL) "
	    "(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 6 1 NIL NIL NIL "
	    "NIL) 4 "
	    "NIL NIL NIL NIL)" },
	/* broken ones stay within the grammar */
	{ "Content-Type: multipart/mixed\r\n\r\nno boundary\r\n",
	    "(\"text\" \"plain\" NIL NIL NIL \"7bit\" 13 1)",
	    "(\"text\" \"plain\" NIL NIL NIL \"7bit\" 13 1 NIL NIL NIL NIL)" },
	{ "Content-Type: multipart/mixed; boundary=never\r\n\r\nseen\r\n",
	    "(\"text\" \"plain\" (\"boundary\" \"never\") NIL NIL \"7bit\" 6 1)",
	    "(\"text\" \"plain\" (\"boundary\" \"never\") NIL NIL \"7bit\" 6 1 NIL NIL NIL NIL)" },
	{ "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\nAAAA\r\n",
	    "(\"text\" \"plain\" NIL NIL NIL \"base64\" 6 1)",
	    "(\"text\" \"plain\" NIL NIL NIL \"base64\" 6 1 NIL NIL NIL NIL)" },
	{ "Content-Type: garbage\r\n\r\n", "(\"text\" \"plain\" NIL NIL NIL \"7bit\" 0 0)",
	    "(\"text\" \"plain\" NIL NIL NIL \"7bit\" 0 0 NIL NIL NIL NIL)" },
	{ "", "(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 0 0)",
	    "(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 0 0 NIL NIL NIL "
	    "NIL)" },
};

static void
check(struct arena *a, const struct mail_mime *m, bool extended, const char *want)
{
	struct buf b;
	buf_init(&b, 1u << 20);
	CHECK_ERR(imap_body_put(&b, m, extended, a), ERR_OK);
	CHECK_STR(buf_view(&b), str_from(want));
	buf_done(&b);
}

static void
writes(void)
{
	for (size_t i = 0; i < LEN(cases); i++) {
		test_case = cases[i].message;
		struct arena *tree = arena_new(NULL, "tree", 1u << 20, 0);
		struct arena *scratch = arena_new(NULL, "scratch", 1u << 20, 0);
		struct mail_mime m;
		CHECK_ERR(mail_mime_parse(str_from(cases[i].message), tree, &m), ERR_OK);
		check(scratch, &m, false, cases[i].body);
		check(scratch, &m, true, cases[i].structure);
		arena_free(&scratch);
		arena_free(&tree);
	}
}

/* Parentheses match outside of strings, however deep the nesting. */
static void
deep_nesting(void)
{
	struct arena *tree = arena_new(NULL, "tree", 16u << 20, 0);
	struct arena *scratch = arena_new(NULL, "scratch", 1u << 20, 0);
	struct buf in, out;
	buf_init(&in, 1u << 20);
	buf_init(&out, 1u << 20);
	for (unsigned i = 0; i < 300; i++) {
		buf_printf(&in, "%sContent-Type: multipart/mixed; boundary=b%u\r\n\r\n--b%u\r\n",
		    "", i, i);
	}
	struct mail_mime m;
	CHECK_ERR(mail_mime_parse(buf_view(&in), tree, &m), ERR_OK);
	CHECK_ERR(imap_body_put(&out, &m, true, scratch), ERR_OK);
	int depth = 0, least = 1;
	for (size_t i = 0; i < out.n; i++) {
		depth += (out.p[i] == '(') - (out.p[i] == ')');
		least = i + 1 < out.n ? MIN(least, depth) : least;
	}
	CHECK(depth == 0 && least == 1);
	buf_done(&in);
	buf_done(&out);
	arena_free(&scratch);
	arena_free(&tree);
}

TEST_MAIN(writes, deep_nesting)
