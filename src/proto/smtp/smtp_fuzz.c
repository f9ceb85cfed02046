/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whole connections. The first octet chooses MX or submission and the sizes of the pieces.
 * Asserted: the state is one the wait allows, nothing grows beyond its limit, a closed connection
 * takes nothing, and only authenticated submissions and local recipients reach COMMIT.
 */
#include "proto/smtp/smtp_priv.h"
#include "proto/smtp/talk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(const struct smtp_talk *t)
{
	const struct smtp *s = &t->s;
	ASSERT(s->actions_n == 0 && s->out.n == 0);
	ASSERT(s->wait == SMTP_WAIT_NONE);
	ASSERT(s->state != SMTP_FINAL);
	ASSERT(s->errors <= s->conf->max_errors && s->junk <= SMTP_JUNK_MAX + 1);
	ASSERT(s->txn.rcpts_n <= s->conf->max_rcpts && s->txn.targets_n <= SMTP_TARGETS_MAX);
	ASSERT(s->line.n <= SMTP_AUTH_LINE_MAX &&
	    s->txn.header.n <= SMTP_HEADER_MAX + SMTP_TEXT_LINE_MAX);
	bool in_txn = s->state == SMTP_MAIL || s->state == SMTP_RCPT || s->state == SMTP_DATA;
	ASSERT(in_txn || (s->txn.rcpts == NULL && s->txn.reverse_path.n == 0 && t->stored.n == 0));
	ASSERT(!in_txn || !s->peer.submission || s->account != 0);
	ASSERT(s->state == SMTP_DATA || t->stored.n == 0);
	ASSERT(t->closed == (s->state == SMTP_CLOSED));
	ASSERT(str_find(buf_view(&t->mailbox), S("evil")) < 0 || s->messages > 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1 || size > 100000) {
		return 0;
	}
	struct smtp_talk t;
	smtp_talk_init(&t, (data[0] & 1) != 0);
	t.peer.greeted = (data[0] & 2) != 0;
	t.peer.checked = (data[0] & 8) != 0;
	t.told.verdict = data[0] >> 6; /* go on, later, refuse; the texts are empty */
	t.body = (data[0] & 0x7c) == 0x7c ? ERR_NOSPACE : ERR_OK;
	smtp_talk_open(&t);
	if ((data[0] & 0x80) != 0 && (data[0] & 1) != 0) {
		smtp_talk_give(&t, S("EHLO a.test\r\nAUTH PLAIN AG1lAHg=\r\n"), 100);
	}
	str in = str_make(data + 1, size - 1);
	for (size_t at = 0; at < in.n;) {
		size_t n = MIN((size_t)(data[0] >> 2) * 7 + 1, in.n - at);
		smtp_talk_give(&t, str_sub(in, at, n), n);
		check(&t);
		at += n;
	}
	smtp_end(&t.s, (data[0] & 4) != 0 ? SMTP_END_TIMEOUT : SMTP_END_SLOW);
	smtp_talk_turn(&t);
	ASSERT(t.closed && t.stored.n == 0);
	smtp_talk_done(&t);
	return 0;
}
