/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Headers and the ENVELOPE they give.
 */
#include "proto/imap/envelope.h"

#include "base/test.h"
#include "proto/imap/limits.h"

static const struct {
	const char *header, *want;
} cases[] = {
	/* RFC 9051 8 */
	{ "Date: Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\r\n"
	  "From: Terry Gray <gray@cac.washington.edu>\r\n"
	  "Subject: IMAP4rev1 WG mtg summary and minutes\r\n"
	  "To: imap@cac.washington.edu\r\n"
	  "cc: minutes@CNRI.Reston.VA.US, John Klensin <KLENSIN@MIT.EDU>\r\n"
	  "Message-Id: <B27397-0100000@cac.washington.edu>\r\n"
	  "MIME-Version: 1.0\r\n\r\n",
	    "(\"Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\" \"IMAP4rev1 WG mtg summary and minutes\" "
	    "((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) "
	    "((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) "
	    "((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) "
	    "((NIL NIL \"imap\" \"cac.washington.edu\")) "
	    "((NIL NIL \"minutes\" \"CNRI.Reston.VA.US\")(\"John Klensin\" NIL \"KLENSIN\" "
	    "\"MIT.EDU\")) "
	    "NIL NIL \"<B27397-0100000@cac.washington.edu>\")" },
	{ "", "(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)" },
	{ "Subject:\r\nTo:\r\nFrom: a@b\r\nSender:\r\nReply-To: r@s\r\n\r\n",
	    "(NIL \"\" ((NIL NIL \"a\" \"b\")) ((NIL NIL \"a\" \"b\")) ((NIL NIL \"r\" \"s\")) "
	    "NIL NIL NIL NIL "
	    "NIL)" },
	{ "Subject: one\r\nSubject: two\r\nTo: a@b\r\nTo: c@d\r\n\r\n",
	    "(NIL \"one\" NIL NIL NIL ((NIL NIL \"a\" \"b\")(NIL NIL \"c\" \"d\")) NIL NIL NIL "
	    "NIL)" },
	{ "To: A group: x@y, Z <z@y>;, w@y\r\nCc: undisclosed:;\r\n\r\n",
	    "(NIL NIL NIL NIL NIL ((NIL NIL \"A group\" NIL)(NIL NIL \"x\" \"y\")(\"Z\" NIL "
	    "\"z\" \"y\")"
	    "(NIL NIL NIL NIL)(NIL NIL \"w\" \"y\")) ((NIL NIL \"undisclosed\" NIL)(NIL NIL NIL "
	    "NIL)) "
	    "NIL NIL NIL)" },
	{ "Subject: folded\r\n  line\r\n\tand more\r\nIn-Reply-To: <a@b>\r\n <c@d>\r\n\r\n",
	    "(NIL \"folded  line\tand more\" NIL NIL NIL NIL NIL NIL \"<a@b> <c@d>\" NIL)" },
	{ "Subject: \"q\\\r\nBcc: b@c\r\n\r\n",
	    "(NIL \"\\\"q\\\\\" NIL NIL NIL NIL NIL ((NIL NIL \"b\" \"c\")) NIL NIL)" },
	{ "Subject: =?utf-8?q?=C3=BC?=\r\nFrom: \xc3\xbc <u@v>\r\n\r\n",
	    "(NIL \"=?utf-8?q?=C3=BC?=\" (({2}\r\n\xc3\xbc NIL \"u\" \"v\")) (({2}\r\n\xc3\xbc "
	    "NIL \"u\" \"v\")) "
	    "(({2}\r\n\xc3\xbc NIL \"u\" \"v\")) NIL NIL NIL NIL NIL)" },
	{ "To: local\r\n\r\n", "(NIL NIL NIL NIL NIL ((NIL NIL \"local\" \"\")) NIL NIL NIL NIL)" },
};

static void
writes(void)
{
	for (size_t i = 0; i < LEN(cases); i++) {
		test_case = cases[i].header;
		struct arena *a = arena_new(NULL, "test", 1u << 20, 0);
		struct buf b;
		buf_init(&b, 1u << 20);
		CHECK_ERR(imap_envelope_put(&b, str_from(cases[i].header), a), ERR_OK);
		CHECK_STR(buf_view(&b), str_from(cases[i].want));
		buf_done(&b);
		arena_free(&a);
	}
}

/* Very long headers stay below the ceiling and stay well-formed. */
static void
is_bounded(void)
{
	struct arena *a = arena_new(NULL, "test", 64u << 20, 0);
	struct buf in, out;
	buf_init(&in, 64u << 20);
	buf_init(&out, 4 * IMAP_ENVELOPE_MAX);
	buf_cstr(&in, "Subject: ");
	for (size_t i = 0; i < 300000; i++) {
		buf_ch(&in, 'x');
	}
	for (size_t i = 0; i < 5; i++) {
		buf_cstr(&in, "\r\nTo: ");
		for (size_t j = 0; j < 20000; j++) {
			buf_cstr(&in, "somebody@example.org, ");
		}
	}
	buf_cstr(&in, "\r\n\r\n");
	CHECK_ERR(imap_envelope_put(&out, buf_view(&in), a), ERR_OK);
	CHECK(out.n < 2 * IMAP_ENVELOPE_MAX);
	CHECK(str_ends(buf_view(&out), S(")) NIL NIL NIL NIL)")));
	buf_done(&in);
	buf_done(&out);
	arena_free(&a);
}

TEST_MAIN(writes, is_bounded)
