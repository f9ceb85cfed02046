/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dialogues of a server that receives mail, from the texts of RFC 5321, 2920, 1870, 3461, 6531,
 * and refusals. AUTH and submission have their own tests.
 */
#include "proto/smtp/script_test.h"

#define HELLO "EHLO a.test\r\n"
#define SEND(from, to, text) "MAIL FROM:<" from ">\r\nRCPT TO:<" to ">\r\nDATA\r\n" text "\r\n.\r\n"

static const struct script rows[] = {
	{ "5321 D.1: typical transaction", false,
	    "EHLO bar.com\r\nMAIL FROM:<Smith@bar.com>\r\nRCPT TO:<Jones@foo.com>\r\n"
	    "RCPT TO:<unknown@foo.com>\r\nRCPT TO:<Brown@foo.com>\r\nDATA\r\n"
	    "Blah blah blah...\r\n"
	    "...etc. etc. etc.\r\n.\r\nQUIT\r\n",
	    EHLO_MX MAIL_OK RCPT_OK
	    "550 5.1.1 <unknown@foo.com> does not exist here\r\n" RCPT_OK DATA_OK QUEUED BYE,
	    "{rcpt Jones@foo.com}{rcpt unknown@foo.com}{refused RCPT 550}{rcpt Brown@foo.com}"
	    "{commit <Smith@bar.com> Jones@foo.com:1 Brown@foo.com:1}{close}",
	    RECEIVED("bar.com ([192.0.2.1])", "ESMTPS", "1" DATE) "Blah blah blah...\r\n"
								  "..etc. etc. etc.\r\n" },
	{ "5321 D.2: aborted transaction", false,
	    "EHLO bar.com\r\nMAIL FROM:<Smith@bar.com>\r\nRCPT TO:<Jones@foo.com>\r\n"
	    "RCPT TO:<unknown@foo.com>\r\nRSET\r\nQUIT\r\n",
	    EHLO_MX MAIL_OK RCPT_OK
	    "550 5.1.1 <unknown@foo.com> does not exist here\r\n250 2.0.0 OK\r\n" BYE,
	    NULL, "" },
	{ "2920 3.2: the whole transaction in one go, null sender", false,
	    "EHLO a.test\r\nMAIL FROM:<>\r\nRCPT TO:<b@c.org>\r\nDATA\r\n\r\nx\r\n.\r\n"
	    "QUIT\r\n",
	    EHLO_MX MAIL_OK RCPT_OK DATA_OK QUEUED BYE,
	    "{rcpt b@c.org}{commit <> b@c.org:1}{close}", FROM_MX("1", "b@c.org") "\r\nx\r\n" },
	{ "5321 4.1.1.5, 3.3: two messages, one connection", false,
	    HELLO SEND("a@b.org", "b@c.org", "1") SEND("c@d.org", "d@e.org", "2"),
	    EHLO_MX MAIL_OK RCPT_OK DATA_OK QUEUED MAIL_OK RCPT_OK DATA_OK QUEUED,
	    "{rcpt b@c.org}{commit <a@b.org> b@c.org:1}{rcpt d@e.org}"
	    "{commit <c@d.org> d@e.org:1}",
	    FROM_MX("1", "b@c.org") "1\r\n" FROM_MX("2", "d@e.org") "2\r\n" },
	{ "5321 4.1.1.1: HELO has no extensions", false,
	    "HELO a.test\r\nMAIL FROM:<a@b.org> SIZE=10\r\n" SEND("a@b.org", "b@c.org", "1"),
	    "250 mx.example.org\r\n555 5.5.4 Parameter SIZE is not known\r\n" MAIL_OK RCPT_OK
		DATA_OK QUEUED,
	    NULL, RECEIVED("a.test ([192.0.2.1])", "SMTP", "1\r\n\tfor <b@c.org>" DATE) "1\r\n" },
	{ "5321 4.1.4: order of commands", false,
	    "MAIL FROM:<a@b.org>\r\nRCPT TO:<b@c.org>\r\nDATA\r\nEHLO a.test\r\n"
	    "RCPT TO:<b@c.org>\r\n"
	    "DATA\r\nMAIL FROM:<a@b.org>\r\nMAIL FROM:<a@b.org>\r\nDATA\r\n",
	    "503 5.5.1 MAIL is not possible now\r\n503 5.5.1 RCPT is not possible now\r\n"
	    "503 5.5.1 DATA is not possible now\r\n" EHLO_MX
	    "503 5.5.1 RCPT is not possible now\r\n"
	    "503 5.5.1 DATA is not possible now\r\n" MAIL_OK
	    "503 5.5.1 MAIL is not possible now\r\n"
	    "554 5.5.1 No valid recipients\r\n",
	    NULL, "" },
	{ "5321 4.1.4: EHLO forgets the transaction", false,
	    HELLO "MAIL FROM:<a@b.org>\r\nRCPT TO:<b@c.org>\r\nEHLO a.test\r\nDATA\r\n",
	    EHLO_MX MAIL_OK RCPT_OK EHLO_MX "503 5.5.1 DATA is not possible now\r\n", NULL, "" },
	{ "5321 4.1.1: case, spaces, arguments", false,
	    "ehlo  a.test \r\nmail from:<a@b.org> \r\nrCpT tO: <b@c.org>\r\nDATA x\r\n"
	    "RSET x\r\n"
	    "NOOP x\r\n"
	    "QUIT x\r\nVRFY\r\nHELP me\r\n",
	    EHLO_MX MAIL_OK RCPT_OK
	    "501 5.5.4 DATA takes no argument\r\n501 5.5.4 RSET takes no argument\r\n"
	    "250 2.0.0 OK\r\n"
	    "501 5.5.4 QUIT takes no argument\r\n501 5.5.4 Syntax: VRFY string\r\n"
	    "214 2.0.0 Commands: EHLO HELO MAIL RCPT DATA RSET NOOP QUIT VRFY EXPN HELP "
	    "AUTH\r\n",
	    NULL, "" },
	{ "5321 4.1.1.1: EHLO argument", false,
	    "EHLO\r\nEHLO a b\r\nEHLO (x)\r\nEHLO b\xc3\xbc.de\r\nEHLO [IPv6:::1]\r\nHELO\r\n",
	    "501 5.5.4 Syntax: EHLO domain / address-literal\r\n"
	    "501 5.5.4 This is not a host name or address literal\r\n"
	    "501 5.5.4 This is not a host name or address literal\r\n"
	    "501 5.5.4 This is not a host name or address literal\r\n" EHLO_MX
	    "501 5.5.4 Syntax: HELO domain\r\n",
	    NULL, "" },
	{ "5321 3.5: VRFY EXPN tell nothing", false, "VRFY Smith\r\nEXPN list\r\n",
	    "252 2.5.0 Send mail and see; addresses are not verified\r\n"
	    "502 5.5.1 Lists are not expanded\r\n",
	    NULL, "" },
	{ "3207 4.2: STARTTLS within TLS", false, HELLO "STARTTLS\r\n",
	    EHLO_MX "503 5.5.1 TLS is active already\r\n", NULL, "" },
	{ "4954: AUTH on MX", false, HELLO LOGIN,
	    EHLO_MX "502 5.5.1 No authentication here; submit mail on port 465 or 587\r\n", NULL,
	    "" },
	{ "unknown command", false, "FROB\r\n\r\nXYZZY a\r\n",
	    "500 5.5.1 Command not recognized\r\n500 5.5.1 Command not recognized\r\n"
	    "500 5.5.1 Command not recognized\r\n",
	    "{refused ? 500}{refused ? 500}{refused ? 500}", "" },
	{ "HTTP ends at once", false, "POST / HTTP/1.1\r\nEHLO a.test\r\n",
	    "421 4.7.0 This command is not offered here; closing\r\n", "{refused POST 421}{close}",
	    "" },
	{ "BDAT ends at once", false,
	    HELLO "MAIL FROM:<>\r\nRCPT TO:<b@c.org>\r\nBDAT 6 LAST\r\nQUIT\r\n",
	    EHLO_MX MAIL_OK RCPT_OK "421 4.7.0 This command is not offered here; closing\r\n",
	    "{rcpt b@c.org}{refused BDAT 421}{close}", "" },
	{ "verdicts", false,
	    HELLO "MAIL FROM:<>\r\nRCPT TO:<disabled@c.org>\r\nRCPT TO:<full@c.org>\r\n"
		  "RCPT TO:<temp@c.org>\r\nRCPT TO:<x@remote.test>\r\nDATA\r\n",
	    EHLO_MX MAIL_OK
	    "550 5.2.1 <disabled@c.org> is disabled\r\n"
	    "452 4.2.2 Mailbox of <full@c.org> is full; try again later\r\n"
	    "451 4.3.0 A part of this server does not answer; try again later\r\n"
	    "550 5.7.1 <x@remote.test>: relaying denied; this server takes mail for its "
	    "own domains\r\n554 5.5.1 No valid recipients\r\n",
	    NULL, "" },
	{ "one account, one copy", false,
	    HELLO "MAIL FROM:<>\r\nRCPT TO:<alias@c.org>\r\nRCPT TO:<alias2@c.org>\r\n"
		  "RCPT TO:<alias@c.org>\r\nDATA\r\n.\r\n",
	    NULL,
	    "{rcpt alias@c.org}{rcpt alias2@c.org}{rcpt alias@c.org}"
	    "{commit <> alias@c.org:3 alias2@c.org:1 alias@c.org:0}",
	    RECEIVED("a.test ([192.0.2.1])", "ESMTPS", "1" DATE) },
	{ "5321 4.5.1: Postmaster", false, HELLO SEND("", "Postmaster", "x"), NULL,
	    "{rcpt Postmaster}{commit <> Postmaster:1}", FROM_MX("1", "Postmaster") "x\r\n" },
	{ "5321 C: source route is ignored", false,
	    HELLO SEND("@x.org:a@b.org", "@y.org,@z.org:b@c.org", "x"), NULL,
	    "{rcpt b@c.org}{commit <a@b.org> b@c.org:1}", NULL },
	{ "bad addresses", false,
	    HELLO
	    "MAIL FROM:a@b.org\r\nMAIL FROM:<a@b.org\r\nMAIL FROM:<a b@c>\r\nMAIL <a@b>\r\n"
	    "MAIL FROM:<a@b>x\r\nMAIL FROM:<>\r\nRCPT TO:<>\r\nRCPT TO:<x>\r\nRCPT b@c.org\r\n",
	    EHLO_MX "501 5.1.7 The sender address is not valid\r\n"
		    "501 5.1.7 The sender address is not valid\r\n"
		    "501 5.1.7 The sender address is not valid\r\n"
		    "501 5.5.4 Syntax: MAIL FROM:<reverse-path>[params]\r\n"
		    "501 5.1.7 The sender address is not valid\r\n" MAIL_OK
		    "501 5.1.3 The recipient address is not valid\r\n"
		    "501 5.1.3 The recipient address is not valid\r\n"
		    "501 5.5.4 Syntax: RCPT TO:<forward-path>[params]\r\n",
	    NULL, "" },
	{ "1870 6: SIZE", false,
	    HELLO "MAIL FROM:<a@b.org> SIZE=4001\r\nMAIL FROM:<a@b.org> SIZE=\r\n"
		  "MAIL FROM:<a@b.org> SIZE\r\n"
		  "MAIL FROM:<a@b.org> SIZE=-1\r\nMAIL FROM:<a@b.org> SIZE=1 SIZE=2\r\n"
		  "MAIL FROM:<a@b.org> SIZE=99999999999999999999\r\n"
		  "MAIL FROM:<a@b.org> SIZE=4000\r\n",
	    EHLO_MX
	    "552 5.3.4 Message is larger than the limit of 4000 octets\r\n"
	    "501 5.5.4 Value of SIZE is not valid\r\n501 5.5.4 Value of SIZE is not valid\r\n"
	    "501 5.5.4 Value of SIZE is not valid\r\n501 5.5.4 Parameter SIZE given twice\r\n"
	    "501 5.5.4 Value of SIZE is not valid\r\n" MAIL_OK,
	    NULL, "" },
	{ "6152, unknown parameters", false,
	    HELLO
	    "MAIL FROM:<a@b.org> BODY=8BITMIME FOO=1\r\nMAIL FROM:<a@b.org> BODY=BINARYMIME\r\n"
	    "MAIL FROM:<a@b.org>  BODY=7bit  \r\nRCPT TO:<b@c.org> SIZE=1\r\n",
	    EHLO_MX "555 5.5.4 Parameter FOO is not known\r\n"
		    "501 5.5.4 Value of BODY is not valid\r\n" MAIL_OK
		    "555 5.5.4 Parameter SIZE is not known\r\n",
	    NULL, "" },
	{ "3461 10: DSN parameters", false,
	    HELLO "MAIL FROM:<a@b.org> RET=HDRS ENVID=QQ314159+2B\r\n"
		  "RCPT TO:<b@c.org> NOTIFY=SUCCESS,delay ORCPT=rfc822;Bob@Ex.COM\r\n"
		  "RCPT TO:<c@c.org> NOTIFY=NEVER\r\nRCPT TO:<c@c.org> NOTIFY=NEVER,DELAY\r\n"
		  "RCPT TO:<c@c.org> NOTIFY=\r\nRCPT TO:<c@c.org> ORCPT=rfc822\r\n"
		  "RCPT TO:<c@c.org> ORCPT=rfc822;a=b\r\n"
		  "RCPT TO:<c@c.org> NOTIFY=SUCCESS,SUCCESS\r\n",
	    EHLO_MX MAIL_OK RCPT_OK RCPT_OK
	    "501 5.5.4 Value of NOTIFY is not valid\r\n"
	    "501 5.5.4 Value of NOTIFY is not valid\r\n"
	    "501 5.5.4 Value of ORCPT is not valid\r\n501 5.5.4 Value of ORCPT is not valid\r\n"
	    "501 5.5.4 Value of NOTIFY is not valid\r\n",
	    NULL, "" },
	{ "3461 4: xtext", false,
	    HELLO "MAIL FROM:<a@b.org> ENVID=a+\r\nMAIL FROM:<a@b.org> ENVID=a+2\r\n"
		  "MAIL FROM:<a@b.org> ENVID=a+2b\r\nMAIL FROM:<a@b.org> ENVID=a+0A\r\n"
		  "MAIL FROM:<a@b.org> RET=BOTH\r\nMAIL FROM:<a@b.org> ENVID=+20\r\n",
	    EHLO_MX
	    "501 5.5.4 Value of ENVID is not valid\r\n501 5.5.4 Value of ENVID is not valid\r\n"
	    "501 5.5.4 Value of ENVID is not valid\r\n501 5.5.4 Value of ENVID is not valid\r\n"
	    "501 5.5.4 Value of RET is not valid\r\n" MAIL_OK,
	    NULL, "" },
	{ "6531 3: SMTPUTF8", false,
	    HELLO "MAIL FROM:<\xc3\xbc@b.org>\r\nMAIL FROM:<\xff@b.org> SMTPUTF8\r\n"
		  "MAIL FROM:<a@b.org> SMTPUTF8=1\r\nMAIL FROM:<a@b.org>\r\n"
		  "RCPT TO:<\xc3\xbc@c.org>\r\nRSET\r\n"
		  "MAIL FROM:<\xc3\xbc@b\xc3\xbc.org> SMTPUTF8\r\nRCPT TO:<\xc3\xbc@c.org>\r\n"
		  "DATA\r\n"
		  "x\r\n.\r\n",
	    EHLO_MX "553 5.6.7 Address beyond ASCII needs SMTPUTF8, and must be UTF-8\r\n"
		    "553 5.6.7 Address beyond ASCII needs SMTPUTF8, and must be UTF-8\r\n"
		    "501 5.5.4 Value of SMTPUTF8 is not valid\r\n" MAIL_OK
		    "553 5.6.7 Address beyond ASCII needs SMTPUTF8, and must be UTF-8\r\n"
		    "250 2.0.0 OK\r\n" MAIL_OK RCPT_OK DATA_OK QUEUED,
	    NULL,
	    RECEIVED("a.test ([192.0.2.1])", "UTF8SMTPS",
		"2\r\n\tfor <\xc3\xbc@c.org>" DATE) "x\r\n" },
	{ "bare CR, LF and controls in commands", false,
	    "NOOP\nQUIT\nNOOP a\rb\r\nNOOP \x01\r\n\nQUIT\r\nNOOP\r\n",
	    "500 5.5.2 Lines end in CRLF and hold no control characters\r\n"
	    "500 5.5.2 Lines end in CRLF and hold no control characters\r\n"
	    "500 5.5.2 Lines end in CRLF and hold no control characters\r\n250 2.0.0 OK\r\n",
	    NULL, "" },
	{ "behind a bare LF nothing is a command", false,
	    "EHLO a.test\r\nNOOP\nMAIL FROM:<a@b.org>\r\nRCPT TO:<b@c.org>\r\n",
	    EHLO_MX "500 5.5.2 Lines end in CRLF and hold no control characters\r\n"
		    "503 5.5.1 RCPT is not possible now\r\n",
	    NULL, "" },
	{ "smuggling: refused at its real end", false,
	    HELLO SEND("a@b.org", "b@c.org",
		"x\r\n"
		".\nMAIL FROM:<evil@b.org>\nRCPT TO:<b@c.org>\nDATA\nspam\n.\n") "QUIT\r\n",
	    EHLO_MX MAIL_OK RCPT_OK DATA_OK
	    "550 5.6.11 Message holds bare CR or LF; lines end in CRLF\r\n" BYE,
	    NULL, "" },
	{ "smuggling with bare CR", false,
	    HELLO SEND("a@b.org", "b@c.org", "x\r.\rMAIL FROM:<evil@b.org>\r.\r\r") "QUIT\r\n",
	    EHLO_MX MAIL_OK RCPT_OK DATA_OK
	    "550 5.6.11 Message holds bare CR or LF; lines end in CRLF\r\n" BYE,
	    "{rcpt b@c.org}{drop}{refused DATA 550}{close}", "" },
	{ "8-bit text needs no parameter", false, HELLO SEND("", "b@c.org", "\r\n\xff\xfe"), NULL,
	    NULL, FROM_MX("1", "b@c.org") "\r\n\xff\xfe\r\n" },
};

static void
dialogues(void)
{
	script_run(rows, LEN(rows));
}

static void
greeting(void)
{
	struct smtp_talk t;
	smtp_talk_init(&t, false);
	t.peer.greeted = false;
	smtp_talk_open(&t);
	CHECK_STR(buf_view(&t.said), S("220 mx.example.org ESMTP Postern\r\n"));
	smtp_talk_done(&t);
}

/* What a COMMIT carries. */
static void
envelope(void)
{
	struct smtp_talk t;
	smtp_talk_init(&t, false);
	smtp_talk_open(&t);
	t.silent = true;
	smtp_talk_give(&t,
	    S(HELLO "MAIL FROM:<\"A b\"@B.org> SIZE=5 BODY=8BITMIME RET=HDRS "
		    "ENVID=e+3D\r\n"),
	    999);
	smtp_talk_give(&t,
	    S("RCPT TO:<U+x@c.org> NOTIFY=SUCCESS,DELAY "
	      "ORCPT=rfc822;q@r\r\n"),
	    999);
	struct smtp_target target = { 5, S("u@c.org"), S("x") };
	CHECK(t.s.wait == SMTP_WAIT_RCPT);
	smtp_answer_rcpt(&t.s, 1, &target, 1);
	const struct smtp_txn *x = smtp_txn(&t.s);
	CHECK_STR(x->reverse_path, S("\"A b\"@B.org"));
	CHECK_STR(x->canonical, S("\"a b\"@b.org"));
	CHECK_STR(x->envid, S("e+3D"));
	CHECK(x->size == 5 && x->body8bit && !x->smtputf8 && x->ret == SMTP_RET_HDRS);
	CHECK_STR(x->rcpts->address, S("U+x@c.org"));
	CHECK_STR(x->rcpts->orcpt, S("rfc822;q@r"));
	CHECK(x->rcpts->notify == (SMTP_NOTIFY_SUCCESS | SMTP_NOTIFY_DELAY) &&
	    x->rcpts->targets_n == 1);
	CHECK_STR(x->rcpts->targets[0].detail, S("x"));
	/* Pipelined commands wait in order while an answer is missing. */
	size_t used;
	smtp_talk_give(&t, S("DATA\r\nx\r\n.\r\n"), 999);
	CHECK(t.s.wait == SMTP_WAIT_COMMIT && x->octets == 3);
	smtp_feed(&t.s, S("QUIT\r\n"), 0, &used);
	CHECK(used == 0);
	smtp_answer_commit(&t.s, ERR_NOSPACE, S(""));
	smtp_talk_turn(&t);
	CHECK(str_ends(buf_view(&t.said),
	    S("452 4.3.1 Not enough space on this server; try again later\r\n")));
	CHECK(t.s.txn.rcpts == NULL && t.s.txn.octets == 0 && t.s.state == SMTP_READY);
	smtp_talk_done(&t);
}

/* What is forwarded and what stays do not go together; the first one that is taken decides. */
static void
forwarded(void)
{
	static const struct {
		const char *kinds,
		    *want; /* a: an account f: elsewhere b: both s: not by this sender */
	} cases[] = {
		{ "ab", "250 250 " },
		{ "af", "250 452 " },
		{ "fa", "250 452 " },
		{ "fb", "250 452 " },
		{ "ff", "250 250 " },
		{ "sf", "550 250 " },
		{ "bfa", "250 452 250 " },
	};
	for (size_t i = 0; i < LEN(cases); i++) {
		struct smtp_talk t;
		char said[40];
		struct buf b;
		size_t kept = 0;
		smtp_talk_init(&t, false);
		smtp_talk_open(&t);
		t.silent = true;
		smtp_talk_give(&t, S(HELLO "MAIL FROM:<a@b.org>\r\n"), 999);
		buf_init_fixed(&b, said, sizeof said);
		for (const char *k = cases[i].kinds; *k != 0; k++) {
			char line[40];
			struct smtp_target v[2] = { { .account = 5, .address = S("u@c.org") },
				{ .address = S("f@d.org"),
				    .sender = S("s@c.org"),
				    .via = S("t@c.org"),
				    .reports = 5 } };
			snprintf(line, sizeof line, "RCPT TO:<%c%d@c.org>\r\n", *k, (int)*k);
			smtp_talk_give(&t, str_from(line), 999);
			size_t before = t.said.n;
			smtp_answer_rcpt(&t.s, *k == 's' ? SMTP_SENDER : SMTP_KNOWN,
			    *k == 'f' ? v + 1 : v, *k == 'b' ? 2 : 1);
			smtp_talk_turn(&t);
			buf_printf(&b, "%.3s ", t.said.p + before);
			kept += t.said.p[before] == '2';
		}
		test_case = cases[i].kinds;
		CHECK_STR(buf_view(&b), str_from(cases[i].want));
		CHECK_U64(smtp_txn(&t.s)->rcpts_n, kept);
		CHECK(smtp_txn(&t.s)->forwards ==
		    (strpbrk(cases[i].kinds, "fb") != NULL && strcmp(cases[i].kinds, "af") != 0));
		smtp_talk_done(&t);
	}
	test_case = NULL;
}

TEST_MAIN(dialogues, greeting, envelope, forwarded)
