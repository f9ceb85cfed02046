/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Headers that hide, double or garble the author: all refused, and none reaches COMMIT.
 */
#include "base/test.h"
#include "proto/smtp/talk.h"

static const struct {
	const char *name, *header, *reply;
} rows[] = {
	{ "none", "To: x@y\r\n", "550 5.6.0 Message has no From field" },
	{ "no header at all", "", "550 5.6.0 Message has no From field" },
	{ "twice", "From: me@example.org\r\nFrom: me@example.org\r\n",
	    "550 5.6.0 Message has more than one From field" },
	{ "twice in disguise", "From: me@example.org\r\nfROM : boss@example.org\r\n",
	    "550 5.6.0 Message has more than one From field" },
	{ "two Senders",
	    "From: me@example.org\r\nSender: me@example.org\r\nSender: me@example.org\r\n",
	    "550 5.6.0 Message has more than one Sender field" },
	{ "empty", "From:\r\n", "550 5.6.0 The From field does not hold valid addresses" },
	{ "empty group", "From: x:;\r\n",
	    "550 5.6.0 The From field does not hold valid addresses" },
	{ "no domain", "From: me\r\n", "550 5.6.0 The From field does not hold valid addresses" },
	{ "two in one", "From: me@example.org <boss@example.org>\r\n",
	    "550 5.6.0 The From field does not hold valid addresses" },
	{ "two angles", "From: <me@example.org> <boss@example.org>\r\n",
	    "550 5.6.0 The From field does not hold valid addresses" },
	{ "open quote", "From: \"me@example.org <boss@example.org>\r\n",
	    "550 5.6.0 The From field does not hold valid addresses" },
	{ "open comment", "From: me@example.org (<boss@example.org>\r\n",
	    "550 5.6.0 The From field does not hold valid addresses" },
	{ "broken domain", "From: me@-x.org\r\n",
	    "550 5.6.0 The From field does not hold valid addresses" },
	{ "not UTF-8", "From: \xff <me@example.org>\r\n",
	    "550 5.6.0 The From field does not hold valid addresses" },
	{ "bad Sender", "From: me@example.org\r\nSender: x\r\n",
	    "550 5.6.0 The Sender field does not hold valid addresses" },
	{ "line without colon", "From: me@example.org\r\nhello\r\n",
	    "550 5.6.0 Header line 2 is not valid\r\n" },
	{ "the body without an empty line", "From: me@example.org\r\nX: y\r\n z\r\nsecret\r\n",
	    "550 5.6.0 Header line 4 is not valid\r\n" },
	{ "mbox line", "From me Mon\r\nFrom: me@example.org\r\n",
	    "550 5.6.0 Header line 1 is not valid\r\n" },
	{ "fold at the start", " x\r\nFrom: me@example.org\r\n",
	    "550 5.6.0 Header line 1 is not valid\r\n" },
	{ "space in name", "Fr om: me@example.org\r\nFrom: me@example.org\r\n",
	    "550 5.6.0 Header line 1 is not valid\r\n" },
	{ "in a fold", "X: y\r\n From: me@example.org\r\n", "550 5.6.0 Message has no From field" },
	{ "in the body", "X: y\r\n\r\nFrom: me@example.org\r\n",
	    "550 5.6.0 Message has no From field" },
	{ "comment holds another", "From: me@example.org (boss@example.org)\r\n",
	    "250 2.0.0 Queued" },
	{ "name holds another", "From: \"boss@example.org\" <me@example.org>\r\n",
	    "250 2.0.0 Queued" },
	{ "folded", "From:\r\n \"M E\"\r\n\t<me@example.org>\r\n", "250 2.0.0 Queued" },
	{ "source route", "From: <@boss.org:me@example.org>\r\n",
	    "550 5.6.0 The From field does not hold valid addresses" },
	{ "resent by another", "From: me@example.org\r\nResent-From: boss@example.org\r\n",
	    "550 5.7.1 You may not write <boss@example.org>" },
	{ "resent by oneself and another",
	    "Resent-Sender: me@example.org\r\nFrom: me@example.org\r\n"
	    "Resent-Sender: boss@example.org\r\n",
	    "550 5.7.1 You may not write <boss@example.org>" },
	{ "resent by nobody", "From: me@example.org\r\nResent-From: x\r\n",
	    "550 5.6.0 The Resent-From field does not hold valid addresses" },
	{ "resent by oneself", "From: me@example.org\r\nResent-From: also@example.org\r\n",
	    "250 2.0.0 Queued" },
	{ "group", "From: us: me@example.org, also@example.org;\r\n", "250 2.0.0 Queued" },
	{ "quoted local part", "From: \"me\"@EXAMPLE.org\r\n", "250 2.0.0 Queued" },
	{ "quoted pair", "From: \"m\\e\"@example.org\r\n", "250 2.0.0 Queued" },
};

static void
give(struct smtp_talk *t, const char *header, size_t chunk)
{
	buf_reset(&t->said);
	smtp_talk_give(t, S("MAIL FROM:<me@example.org>\r\nRCPT TO:<b@c.org>\r\nDATA\r\n"), chunk);
	buf_reset(&t->said);
	smtp_talk_give(t, str_from(header), chunk);
	smtp_talk_give(t, S("\r\nbody\r\n.\r\n"), chunk);
}

static void
headers(void)
{
	for (size_t i = 0; i < LEN(rows); i++) {
		for (size_t chunk = 1; chunk < 60; chunk += 6) {
			struct smtp_talk t;
			smtp_talk_init(&t, true);
			smtp_talk_open(&t);
			smtp_talk_give(&t, S("EHLO a.test\r\nAUTH PLAIN AG1lAHg=\r\n"), 999);
			test_case = rows[i].name;
			give(&t, rows[i].header, chunk);
			if (!CHECK(str_starts(buf_view(&t.said), str_from(rows[i].reply)))) {
				printf("said: %.*s", STR_ARG(buf_view(&t.said)));
			}
			CHECK((t.mailbox.n > 0) == (rows[i].reply[0] == '2'));
			CHECK(t.s.state == SMTP_READY && t.stored.n == 0);
			smtp_talk_done(&t);
		}
	}
}

static void
too_many(void)
{
	struct smtp_talk t;
	struct buf h;
	smtp_talk_init(&t, true);
	smtp_talk_open(&t);
	buf_init(&h, 10000);
	buf_cstr(&h, "From: also@example.org");
	for (int i = 0; i <= SMTP_ORIGINS_MAX; i++) {
		buf_printf(&h, ", x%d@example.org", i);
	}
	buf_cstr(&h, "\r\n");
	buf_ch(&h, 0);
	smtp_talk_give(&t, S("EHLO a.test\r\nAUTH PLAIN AG1lAHg=\r\n"), 999);
	give(&t, h.p, 999);
	CHECK(str_starts(buf_view(&t.said), S("550 5.6.0 Too many addresses in From")));
	buf_done(&h);
	smtp_talk_done(&t);
}

TEST_MAIN(headers, too_many)
