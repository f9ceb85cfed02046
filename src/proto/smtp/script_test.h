/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dialogue tables: what the peer sends in one go (pipelined), what it hears, what was done, and
 * what lies in the mailbox at the end. Every row runs at every split point and octet by octet, and
 * must come out the same. An expectation with p == NULL is not checked.
 */
#ifndef PROTO_SMTP_SCRIPT_TEST_H
#define PROTO_SMTP_SCRIPT_TEST_H

#include "base/test.h"
#include "proto/smtp/talk.h"

struct script {
	const char *name;
	bool submission;
	const char *in, *said, *done, *mailbox;
	bool checked; /* policy and scan are asked */
};

#define EHLO_START                                                  \
	"250-mx.example.org\r\n250-PIPELINING\r\n250-SIZE 4000\r\n" \
	"250-8BITMIME\r\n250-SMTPUTF8\r\n250-ENHANCEDSTATUSCODES\r\n250-DSN\r\n"
#define EHLO_MX EHLO_START "250 LIMITS RCPTMAX=100 MAILMAX=1000\r\n"
#define EHLO_AUTH  \
	EHLO_START \
	"250-LIMITS RCPTMAX=100 MAILMAX=1000\r\n250-REQUIRETLS\r\n250 AUTH SCRAM-SHA-256 PLAIN\r\n"
#define MAIL_OK "250 2.1.0 Sender accepted\r\n"
#define RCPT_OK "250 2.1.5 Recipient accepted\r\n"
#define DATA_OK "354 End with <CR><LF>.<CR><LF>\r\n"
#define QUEUED "250 2.0.0 Queued as E1\r\n"
#define BYE "221 2.0.0 Bye\r\n"
#define LOGIN_OK "235 2.7.0 Authentication successful\r\n"
#define LOGIN "AUTH PLAIN AG1lAHg=\r\n" /* "\0me\0x" */
#define RECEIVED(helo, with, rest)                                  \
	"Received: from " helo "\r\n\tby mx.example.org with " with \
	" (TLSv1.3 TLS_AES_128_GCM_SHA256)\r\n\tid 00000000000000ab." rest
#define DATE "; Tue, 17 Nov 2026 19:00:00 +0000\r\n"
#define FROM_MX(n, rcpt) RECEIVED("a.test ([192.0.2.1])", "ESMTPS", n "\r\n\tfor <" rcpt ">" DATE)

/* Run one row: the first `first` octets in one go, the others in pieces of `chunk`. */
static inline void
script_once(const struct script *c, size_t first, size_t chunk)
{
	struct smtp_talk t;
	str in = str_from(c->in);
	smtp_talk_init(&t, c->submission);
	t.peer.checked = c->checked;
	smtp_talk_open(&t);
	if (first > 0) {
		smtp_talk_give(&t, str_sub(in, 0, first), in.n);
	}
	smtp_talk_give(&t, str_from_off(in, first), chunk);
	if (c->said != NULL) {
		CHECK_STR(buf_view(&t.said), str_from(c->said));
	}
	if (c->done != NULL) {
		CHECK_STR(buf_view(&t.done), str_from(c->done));
	}
	if (c->mailbox != NULL) {
		CHECK_STR(buf_view(&t.mailbox), str_from(c->mailbox));
	}
	smtp_talk_done(&t);
}

/* Run all rows at all split points. */
static inline void
script_run(const struct script *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		size_t length = strlen(rows[i].in);
		test_case = rows[i].name;
		script_once(&rows[i], 0, 1);
		for (size_t cut = 0; cut <= length; cut++) {
			script_once(&rows[i], cut, length + 1);
		}
	}
}

#endif
