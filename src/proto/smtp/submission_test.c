/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Submission: who may send as whom, the fields we add, and what a submission does not reveal.
 * RFC 6409 6.1, 8; RFC 5322 3.6.
 */
#include "proto/smtp/script_test.h"

#define START "EHLO a.test\r\n" LOGIN
#define STARTED EHLO_AUTH LOGIN_OK
#define ENVELOPE "MAIL FROM:<me@example.org>\r\nRCPT TO:<b@c.org>\r\nDATA\r\n"
#define TAKEN MAIL_OK RCPT_OK DATA_OK
#define TRACE(n) RECEIVED("client", "ESMTPSA", n "\r\n\tfor <b@c.org>" DATE)

static const struct script rows[] = {
	{ "complete message", true,
	    START ENVELOPE
	    "From: me@example.org\r\nDate: x\r\nMessage-ID: <a@b>\r\n\r\nbody\r\n.\r\n",
	    STARTED TAKEN QUEUED, NULL,
	    TRACE("1") "From: me@example.org\r\nDate: x\r\nMessage-ID: <a@b>\r\n\r\nbody\r\n" },
	{ "RFC 6409 8: Date and Message-ID are added", true,
	    START ENVELOPE "From: \"Me\" <ME@Example.org>\r\n\r\nbody\r\n.\r\n",
	    STARTED TAKEN QUEUED, NULL,
	    TRACE("1") "From: \"Me\" <ME@Example.org>\r\nDate: Tue, 17 Nov 2026 19:00:00 +0000\r\n"
		       "Message-ID: <a429b2037c2293c37d88a08c5c19fb8a@mx.example.org>\r\n\r\n"
		       "body\r\n" },
	{ "header only", true,
	    START ENVELOPE "From: me@example.org\r\nDate: x\r\nMessage-ID: <a@b>\r\n.\r\n",
	    STARTED TAKEN QUEUED, NULL,
	    TRACE("1") "From: me@example.org\r\nDate: x\r\nMessage-ID: <a@b>\r\n" },
	{ "header only, refused in the same step", true,
	    START ENVELOPE "From: boss@example.org\r\nSender: x\r\n.\r\n",
	    STARTED TAKEN "550 5.6.0 The Sender field does not hold valid addresses\r\n", NULL,
	    "" },
	{ "null sender", true,
	    START
	    "MAIL FROM:<>\r\nRCPT TO:<b@c.org>\r\nDATA\r\nFrom: also@example.org\r\nDate: x\r\n"
	    "Message-ID: <a@b>\r\n\r\n.\r\n",
	    STARTED TAKEN QUEUED, NULL, NULL },
	{ "sender is not ours", true,
	    START "MAIL FROM:<boss@example.org>\r\n"
		  "RCPT TO:<b@c.org>\r\n",
	    STARTED
	    "550 5.7.1 You may not send as <boss@example.org>: create this address or alias "
	    "first\r\n"
	    "503 5.5.1 RCPT is not possible now\r\n",
	    NULL, "" },
	{ "sender cannot be checked", true, START "MAIL FROM:<temp@example.org>\r\n",
	    STARTED "451 4.3.0 A part of this server does not answer; try again later\r\n", NULL,
	    "" },
	{ "From is not ours", true,
	    START ENVELOPE "From: Boss <boss@example.org>\r\n\r\n.\r\nNOOP\r\n",
	    STARTED TAKEN "550 5.7.1 You may not write <boss@example.org> into From or Sender: "
			  "create this address or alias first\r\n250 2.0.0 OK\r\n",
	    NULL, "" },
	{ "From cannot be checked", true,
	    START ENVELOPE "From: Boss <temp@example.org>\r\n\r\n.\r\n",
	    STARTED TAKEN "451 4.3.0 A part of this server does not answer; try again later\r\n",
	    NULL, "" },
	{ "second address of From is not ours", true,
	    START ENVELOPE
	    "From: me@example.org,\r\n Boss <boss@example.org>\r\nSender: me@example.org\r\n\r\n"
	    ".\r\n",
	    STARTED TAKEN "550 5.7.1 You may not write <boss@example.org> into From or Sender: "
			  "create this address or alias first\r\n",
	    NULL, "" },
	{ "Sender is not ours", true,
	    START ENVELOPE "From: me@example.org\r\nsender: boss@example.org\r\n\r\n.\r\n",
	    STARTED TAKEN "550 5.7.1 You may not write <boss@example.org> into From or Sender: "
			  "create this address or alias first\r\n",
	    NULL, "" },
	{ "all are ours", true,
	    START ENVELOPE
	    "From: me@example.org, also@example.org\r\nSender: also@example.org\r\nDate: x\r\n"
	    "Message-ID: <a@b>\r\n\r\n.\r\n",
	    STARTED TAKEN QUEUED, NULL, NULL },
	{ "remote recipients: the domain as DNS has it, the local part as given", true,
	    START "MAIL FROM:<me@example.org>\r\nRCPT TO:<Xy@Remote.test>\r\n"
		  "RCPT TO:<Xy@remote.TEST>\r\nRCPT TO:<xy@remote.test>\r\nDATA\r\n"
		  "From: me@example.org\r\n\r\n.\r\n",
	    STARTED MAIL_OK RCPT_OK RCPT_OK RCPT_OK DATA_OK QUEUED,
	    "{sasl }{sender me@example.org}{rcpt Xy@Remote.test}{rcpt Xy@remote.TEST}"
	    "{rcpt xy@remote.test}{commit <me@example.org> Xy@Remote.test:1>Xy@remote.test"
	    " Xy@remote.TEST:0"
	    " xy@remote.test:1>xy@remote.test}",
	    NULL },
	{ "8689 2: REQUIRETLS, and the Message-ID is known", true,
	    START "MAIL FROM:<me@example.org> REQUIRETLS\r\nRCPT TO:<x@remote.test>\r\nDATA\r\n"
		  "From: me@example.org\r\nMessage-ID:\r\n <a@b>\r\nDate: x\r\n\r\n.\r\n",
	    STARTED MAIL_OK RCPT_OK DATA_OK QUEUED,
	    "{sasl }{sender me@example.org}{rcpt x@remote.test}"
	    "{commit <me@example.org> x@remote.test:1>x@remote.test requiretls a@b}",
	    NULL },
	{ "8689 2: REQUIRETLS has no value", true,
	    START "MAIL FROM:<me@example.org> REQUIRETLS=1\r\n",
	    STARTED "501 5.5.4 Value of REQUIRETLS is not valid\r\n", NULL, "" },
	{ "remote recipient with a domain that is none", true,
	    START "MAIL FROM:<me@example.org> SMTPUTF8\r\nRCPT TO:<x@xn--zz-.remote.test>\r\n",
	    STARTED MAIL_OK "501 5.1.3 The recipient address is not valid\r\n", NULL, "" },
	{ "4954 5: AUTH parameter", true,
	    START
	    "MAIL FROM:<me@example.org> AUTH=<>\r\nRSET\r\nMAIL FROM:<me@example.org> AUTH=a+\r\n"
	    "MAIL FROM:<me@example.org> AUTH=e+3Dmc2@example.com\r\n",
	    STARTED MAIL_OK "250 2.0.0 OK\r\n501 5.5.4 Value of AUTH is not valid\r\n" MAIL_OK,
	    NULL, "" },
	{ "6531: UTF8SMTPSA", true,
	    START "MAIL FROM:<me@example.org> SMTPUTF8\r\nRCPT TO:<b@c.org>\r\nDATA\r\n"
		  "From: me@example.org\r\nDate: x\r\nMessage-ID: <a@b>\r\n\r\n.\r\n",
	    STARTED TAKEN QUEUED, NULL,
	    RECEIVED("client", "UTF8SMTPSA",
		"1\r\n\tfor <b@c.org>" DATE) "From: me@example.org\r\n"
					     "Date: x\r\nMessage-ID: <a@b>\r\n\r\n" },
	{ "authentication outlives EHLO, the transaction does not", true,
	    START "EHLO b.test\r\nMAIL FROM:<me@example.org>\r\nEHLO c.test\r\nDATA\r\n",
	    STARTED EHLO_MX MAIL_OK EHLO_MX "503 5.5.1 DATA is not possible now\r\n", NULL, "" },
};

static void
dialogues(void)
{
	script_run(rows, LEN(rows));
}

/* No field of a stored submission tells where its author sits. */
static void
no_traces(void)
{
	struct smtp_talk t;
	smtp_talk_init(&t, true);
	smtp_talk_open(&t);
	smtp_talk_give(&t,
	    S("EHLO my-laptop.home\r\n" LOGIN ENVELOPE "From: me@example.org\r\n\r\n.\r\n"), 999);
	CHECK(t.mailbox.n > 0);
	CHECK(str_find(buf_view(&t.mailbox), S("192.0.2.1")) < 0);
	CHECK(str_find(buf_view(&t.mailbox), S("laptop")) < 0);
	smtp_talk_done(&t);
}

/* Two messages, two identifiers. */
static void
identifiers(void)
{
	struct smtp_talk t;
	smtp_talk_init(&t, true);
	smtp_talk_open(&t);
	smtp_talk_give(&t, S(START ENVELOPE "From: me@example.org\r\n\r\n.\r\n"), 999);
	ptrdiff_t at = str_find(buf_view(&t.mailbox), S("Message-ID: <"));
	CHECK(at > 0);
	char first[32];
	memcpy(first, t.mailbox.p + at + 13, sizeof first);
	buf_reset(&t.mailbox);
	smtp_talk_give(&t, S(ENVELOPE "From: me@example.org\r\n\r\n.\r\n"), 999);
	CHECK(t.mailbox.n > 0 && str_find(buf_view(&t.mailbox), str_make(first, sizeof first)) < 0);
	smtp_talk_done(&t);
}

TEST_MAIN(dialogues, no_traces, identifiers)
