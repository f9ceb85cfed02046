/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AUTH of RFC 4954 4: exchanges, cancelling, bad base64, what may come when.
 */
#include "proto/smtp/script_test.h"

#define HELLO "EHLO a.test\r\n"

static const struct script rows[] = {
	{ "4954 4.1: PLAIN with initial response", true, HELLO LOGIN HELLO,
	    EHLO_AUTH LOGIN_OK EHLO_MX, NULL, "" },
	{ "4954 4.1: PLAIN without", true, HELLO "AUTH plain\r\nAG1lAHg=\r\n",
	    EHLO_AUTH "334 \r\n" LOGIN_OK, NULL, "" },
	{ "two steps and a last word", true,
	    HELLO "AUTH SCRAM-SHA-256 bj1tZQ==\r\ncHJvb2Y=\r\n\r\nMAIL FROM:<me@example.org>\r\n",
	    EHLO_AUTH "334 bm9uY2U=\r\n334 dj0x\r\n" LOGIN_OK MAIL_OK,
	    "{sasl n=me}{step proof}{sender me@example.org}", "" },
	{ "last word not acknowledged", true,
	    HELLO "AUTH SCRAM-SHA-256 bj1tZQ==\r\ncHJvb2Y=\r\n*\r\nMAIL FROM:<me@example.org>\r\n",
	    EHLO_AUTH "334 bm9uY2U=\r\n334 dj0x\r\n501 5.7.0 Authentication cancelled\r\n"
		      "530 5.7.0 Authentication required\r\n",
	    NULL, "" },
	{ "cancelled", true, HELLO "AUTH SCRAM-SHA-256\r\n*\r\nNOOP\r\n",
	    EHLO_AUTH "334 bm9uY2U=\r\n501 5.7.0 Authentication cancelled\r\n250 2.0.0 OK\r\n",
	    "{sasl}{abort}{refused AUTH 501}", "" },
	{ "not base64", true,
	    HELLO "AUTH PLAIN =AAA\r\nAUTH PLAIN AAA=BBB\r\nAUTH SCRAM-SHA-256\r\nA A=\r\nNOOP\r\n",
	    EHLO_AUTH "501 5.5.2 Response is not base64\r\n501 5.5.2 Response is not base64\r\n"
		      "334 bm9uY2U=\r\n501 5.5.2 Response is not base64\r\n250 2.0.0 OK\r\n",
	    NULL, "" },
	{ "line ends in LF", true, HELLO "AUTH PLAIN\r\nAG1lAHg=\nRSET\r\nNOOP\r\n",
	    EHLO_AUTH "334 \r\n501 5.5.2 Response is not base64\r\n250 2.0.0 OK\r\n", NULL, "" },
	{ "wrong, then right", true, HELLO "AUTH PLAIN AHlvdQB4\r\n" LOGIN LOGIN,
	    EHLO_AUTH "535 5.7.8 User name or password is wrong\r\n" LOGIN_OK
		      "503 5.5.1 Authenticated already\r\n",
	    NULL, "" },
	{ "disabled", true, HELLO "AUTH PLAIN b2Zm\r\n",
	    EHLO_AUTH "535 5.7.13 This account is disabled\r\n", NULL, "" },
	{ "a failure that waits", true, HELLO "AUTH PLAIN c2xvdw==\r\nNOOP\r\n",
	    EHLO_AUTH "535 5.7.8 User name or password is wrong\r\n250 2.0.0 OK\r\n",
	    "{sasl slow}{delay 1500}{refused AUTH 535}", "" },
	{ "not offered", true, HELLO "AUTH CRAM-MD5\r\nAUTH PLAI\r\nAUTH  \r\nAUTH \" \"\r\n",
	    EHLO_AUTH "504 5.5.4 Authentication mechanism is not offered\r\n"
		      "504 5.5.4 Authentication mechanism is not offered\r\n"
		      "501 5.5.4 Syntax: AUTH mechanism [initial-response]\r\n"
		      "504 5.5.4 Authentication mechanism is not offered\r\n",
	    NULL, "" },
	{ "before EHLO, and within a transaction", true,
	    LOGIN HELLO LOGIN "MAIL FROM:<me@example.org>\r\n" LOGIN,
	    "503 5.5.1 AUTH is not possible now\r\n" EHLO_AUTH LOGIN_OK MAIL_OK
	    "503 5.5.1 AUTH is not possible now\r\n",
	    NULL, "" },
	{ "HELO has no AUTH", true, "HELO a.test\r\n" LOGIN,
	    "250 mx.example.org\r\n503 5.5.1 AUTH is not possible now\r\n", NULL, "" },
};

static void
dialogues(void)
{
	script_run(rows, LEN(rows));
}

/* The reply to a failure is held back, what was said before is not. */
static void
held_reply(void)
{
	struct smtp_talk t;
	smtp_talk_init(&t, true);
	t.conf.max_errors = 1;
	smtp_talk_open(&t);
	smtp_talk_give(&t, S(HELLO), 999);
	buf_reset(&t.said);
	t.silent = true;
	smtp_talk_give(&t, S("NOOP\r\nAUTH PLAIN c2xvdw==\r\nNOOP\r\n"), 999);
	CHECK_STR(buf_view(&t.said), S("250 2.0.0 OK\r\n"));
	smtp_answer_auth(&t.s, &(struct smtp_auth_result){ .result = ERR_AUTH, .delay_ms = 7 });
	smtp_talk_turn(&t);
	CHECK_STR(buf_view(&t.said), S("250 2.0.0 OK\r\n"));
	CHECK(t.s.wait == SMTP_WAIT_DELAY && !t.closed);
	smtp_answer_delay(&t.s);
	smtp_talk_turn(&t);
	CHECK_STR(buf_view(&t.said), S("250 2.0.0 OK\r\n421 4.7.0 Too many errors; closing\r\n"));
	CHECK(t.closed);
	smtp_talk_done(&t);
}

static void
long_lines(void)
{
	struct smtp_talk t;
	struct buf line;
	smtp_talk_init(&t, true);
	smtp_talk_open(&t);
	buf_init(&line, 20000);
	for (int i = 0; i < 12288; i++) {
		buf_ch(&line, 'A');
	}
	buf_cstr(&line, "\r\n");
	smtp_talk_give(&t, S(HELLO "AUTH PLAIN\r\n"), 999);
	buf_reset(&t.said);
	smtp_talk_give(&t, buf_view(&line), 1000);
	CHECK_STR(buf_view(&t.said), S("535 5.7.8 User name or password is wrong\r\n"));
	smtp_talk_give(&t, S("AUTH PLAIN\r\nA"), 999);
	buf_reset(&t.said);
	smtp_talk_give(&t, buf_view(&line), 1000);
	CHECK_STR(buf_view(&t.said), S("500 5.5.6 Authentication exchange line is too long\r\n"));
	CHECK(t.s.state == SMTP_READY && t.s.line.n == 0 && t.s.secret.n == 0);
	buf_done(&line);
	smtp_talk_done(&t);
}

TEST_MAIN(dialogues, held_reply, long_lines)
