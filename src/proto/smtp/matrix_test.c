/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every state with every verb, out of commands.def: a verb that may not be said in a state is
 * answered 503 and changes nothing; one that may, is not answered 503 (STARTTLS apart, which
 * always is).
 */
#include "base/test.h"
#include "proto/smtp/smtp_priv.h"
#include "proto/smtp/talk.h"

static const struct {
	enum smtp_state state;
	const char *script; /* how to get there */
} states[] = {
	{ SMTP_START, "NOOP\r\n" },
	{ SMTP_READY, "EHLO a.test\r\n" },
	{ SMTP_MAIL, "EHLO a.test\r\nMAIL FROM:<me@example.org>\r\n" },
	{ SMTP_RCPT, "EHLO a.test\r\nMAIL FROM:<me@example.org>\r\nRCPT TO:<b@c.org>\r\n" },
};

static const char *const samples[SMTP_COMMANDS] = {
	[SMTP_CMD_EHLO] = "EHLO a.test",
	[SMTP_CMD_HELO] = "HELO a.test",
	[SMTP_CMD_MAIL] = "MAIL FROM:<me@example.org>",
	[SMTP_CMD_RCPT] = "RCPT TO:<d@e.org>",
	[SMTP_CMD_DATA] = "DATA",
	[SMTP_CMD_RSET] = "RSET",
	[SMTP_CMD_NOOP] = "NOOP",
	[SMTP_CMD_QUIT] = "QUIT",
	[SMTP_CMD_VRFY] = "VRFY x",
	[SMTP_CMD_EXPN] = "EXPN x",
	[SMTP_CMD_HELP] = "HELP",
	[SMTP_CMD_AUTH] = "AUTH PLAIN AG1lAHg=",
	[SMTP_CMD_STARTTLS] = "STARTTLS",
	[SMTP_CMD_BDAT] = "BDAT 1 LAST",
	[SMTP_CMD_GET] = "GET / HTTP/1.1",
	[SMTP_CMD_POST] = "POST / HTTP/1.1",
	[SMTP_CMD_CONNECT] = "CONNECT a:25 HTTP/1.1",
};

/* Where a verb leads when it is taken; the state it was in when not listed. */
static enum smtp_state
state_after(enum smtp_command c, enum smtp_state from)
{
	switch (c) {
	case SMTP_CMD_EHLO:
	case SMTP_CMD_HELO: return SMTP_READY;
	case SMTP_CMD_RSET: return from == SMTP_START ? SMTP_START : SMTP_READY;
	case SMTP_CMD_MAIL: return SMTP_MAIL;
	case SMTP_CMD_RCPT: return SMTP_RCPT;
	case SMTP_CMD_DATA: return from == SMTP_RCPT ? SMTP_DATA : from;
	case SMTP_CMD_QUIT:
	case SMTP_CMD_BDAT:
	case SMTP_CMD_GET:
	case SMTP_CMD_POST:
	case SMTP_CMD_CONNECT: return SMTP_CLOSED;
	default: return from;
	}
}

static void
reach(struct smtp_talk *t, bool submission, size_t i)
{
	smtp_talk_init(t, submission);
	smtp_talk_open(t);
	if (submission) {
		smtp_talk_give(t, S("EHLO a.test\r\nAUTH PLAIN AG1lAHg=\r\n"), 999);
	}
	smtp_talk_give(t, str_from(states[i].script), 999);
	CHECK(t->s.state == states[i].state || (submission && i == 0));
	buf_reset(&t->said);
}

static void
one(bool submission, size_t i, enum smtp_command c)
{
	struct smtp_talk t;
	reach(&t, submission, i);
	enum smtp_state from = t.s.state;
	size_t rcpts = t.s.txn.rcpts_n;
	test_case = samples[c];
	smtp_talk_give(&t, str_from(samples[c]), 999);
	smtp_talk_give(&t, S("\r\n"), 999);
	bool legal = (smtp_command_row(c)->states & (1u << from)) != 0;
	bool told_503 = str_starts(buf_view(&t.said), S("503 "));
	bool twice = submission && c == SMTP_CMD_AUTH;
	CHECK(told_503 == (!legal || c == SMTP_CMD_STARTTLS || twice));
	CHECK(t.said.n > 0);
	CHECK_U64(t.s.state, legal ? state_after(c, from) : from);
	bool forgotten = t.s.state == SMTP_START || t.s.state == SMTP_READY ||
	    t.s.state == SMTP_CLOSED;
	CHECK(t.s.txn.rcpts_n == (forgotten ? 0 : rcpts + (c == SMTP_CMD_RCPT && legal)));
	CHECK(!forgotten || (t.s.txn.rcpts == NULL && t.s.txn.reverse_path.n == 0));
	CHECK(t.closed == (t.s.state == SMTP_CLOSED));
	smtp_talk_done(&t);
}

static void
matrix(void)
{
	for (size_t i = 0; i < LEN(states); i++) {
		for (unsigned c = 0; c < SMTP_COMMANDS; c++) {
			ASSERT(samples[c] != NULL);
			one(false, i, c);
			one(true, i, c);
		}
	}
}

/* Without AUTH, submission lets no transaction begin, whatever is sent. */
static void
login_needed(void)
{
	struct smtp_talk t;
	smtp_talk_init(&t, true);
	t.conf.max_errors = 1000;
	smtp_talk_open(&t);
	smtp_talk_give(&t, S("EHLO a.test\r\n"), 999);
	for (unsigned c = 0; c < SMTP_COMMANDS; c++) {
		if (c == SMTP_CMD_AUTH || (smtp_command_row(c)->flags & ENDS) != 0 ||
		    c == SMTP_CMD_QUIT) {
			continue;
		}
		buf_reset(&t.said);
		smtp_talk_give(&t, str_from(samples[c]), 999);
		smtp_talk_give(&t, S("\r\n"), 999);
		CHECK(t.s.state == SMTP_READY || t.s.state == SMTP_START);
		bool told_530 = str_starts(buf_view(&t.said), S("530 5.7.0 "));
		CHECK(told_530 == (c == SMTP_CMD_MAIL));
	}
	smtp_talk_done(&t);
}

TEST_MAIN(matrix, login_needed)
