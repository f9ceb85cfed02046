/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every bound of limits.h and struct smtp_conf met and passed, and the ways a connection ends.
 */
#include "base/mem.h"
#include "base/test.h"
#include "proto/smtp/talk.h"

#define HELLO "EHLO a.test\r\n"
#define ENVELOPE "MAIL FROM:<>\r\nRCPT TO:<b@c.org>\r\nDATA\r\n"

static void
open_ready(struct smtp_talk *t)
{
	smtp_talk_init(t, false);
	smtp_talk_open(t);
	smtp_talk_give(t, S(HELLO), 999);
	buf_reset(&t->said);
	buf_reset(&t->done);
}

static void
repeat(struct smtp_talk *t, const char *text, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		smtp_talk_give(t, str_from(text), 9999);
	}
}

static bool
last_said(const struct smtp_talk *t, const char *reply)
{
	return str_ends(buf_view(&t->said), str_from(reply));
}

static void
errors(void)
{
	struct smtp_talk t;
	open_ready(&t);
	repeat(&t, "FROB\r\n", 9);
	CHECK(!t.closed && last_said(&t, "500 5.5.1 Command not recognized\r\n"));
	repeat(&t, "FROB\r\nNOOP\r\n", 1);
	CHECK(t.closed && last_said(&t, "421 4.7.0 Too many errors; closing\r\n"));
	smtp_talk_done(&t);
}

static void
junk(void)
{
	struct smtp_talk t;
	open_ready(&t);
	repeat(&t, "NOOP\r\nRSET\r\nVRFY x\r\nHELP\r\n", SMTP_JUNK_MAX / 4 - 1);
	CHECK(!t.closed);
	repeat(&t, ENVELOPE ".\r\n", 1);
	repeat(&t, "NOOP\r\n", SMTP_JUNK_MAX);
	CHECK(!t.closed);
	repeat(&t, "NOOP\r\n", 1);
	CHECK(t.closed &&
	    last_said(&t, "421 4.7.0 Too many commands that do nothing; closing\r\n"));
	smtp_talk_done(&t);
	open_ready(&t);
	repeat(&t, "EHLO a.test\r\n", SMTP_JUNK_MAX - 1); /* one came with open_ready() */
	CHECK(!t.closed);
	repeat(&t, "HELO a.test\r\n", 1);
	CHECK(t.closed &&
	    last_said(&t, "421 4.7.0 Too many commands that do nothing; closing\r\n"));
	smtp_talk_done(&t);
}

static void
guessing(void)
{
	struct smtp_talk t;
	open_ready(&t);
	smtp_talk_give(&t, S("MAIL FROM:<>\r\n"), 999);
	repeat(&t, "RCPT TO:<unknown@c.org>\r\n", SMTP_UNKNOWN_FREE);
	CHECK_U64(t.delays, 0);
	repeat(&t, "RCPT TO:<unknown@c.org>\r\n", 1);
	CHECK(str_find(buf_view(&t.done), S("{delay 1000}{refused RCPT 550}")) > 0);
	repeat(&t, "RCPT TO:<unknown@c.org>\r\n", SMTP_UNKNOWN_MAX - SMTP_UNKNOWN_FREE - 2);
	CHECK(str_find(buf_view(&t.done), S("{delay 2000}")) > 0);
	CHECK(str_find(buf_view(&t.done), S("{delay 10000}{refused RCPT 550}{rcpt")) > 0);
	CHECK(str_find(buf_view(&t.done), S("{delay 11000}")) < 0);
	CHECK_U64(t.delays, SMTP_UNKNOWN_MAX - SMTP_UNKNOWN_FREE - 1);
	CHECK(!t.closed);
	repeat(&t, "RCPT TO:<unknown@c.org>\r\n", 1);
	CHECK(t.closed && last_said(&t, "421 4.7.0 Too many unknown recipients; closing\r\n"));
	smtp_talk_done(&t);
}

static void
transactions(void)
{
	struct smtp_talk t;
	smtp_talk_init(&t, false);
	t.conf.max_txns = 3;
	smtp_talk_open(&t);
	smtp_talk_give(&t, S(HELLO), 999);
	repeat(&t, ENVELOPE "x\r\n.\r\n", 3);
	CHECK(!t.closed && t.s.messages == 3);
	repeat(&t, ENVELOPE, 1);
	CHECK(t.closed &&
	    str_ends(buf_view(&t.said),
		S("421 4.7.0 Enough messages for one connection; connect again for more\r\n")));
	smtp_talk_done(&t);
}

static void
recipients(void)
{
	struct smtp_talk t;
	open_ready(&t);
	smtp_talk_give(&t, S("MAIL FROM:<>\r\n"), 999);
	for (unsigned i = 0; i < 100; i++) {
		char line[64];
		snprintf(line, sizeof line, "RCPT TO:<a%u@c.org>\r\n", i);
		repeat(&t, line, 1);
	}
	CHECK(last_said(&t, "250 2.1.5 Recipient accepted\r\n"));
	repeat(&t, "RCPT TO:<b@c.org>\r\n", 1);
	CHECK(last_said(&t,
	    "452 4.5.3 Too many recipients; send the others in another message\r\n"));
	repeat(&t, "DATA\r\nx\r\n.\r\n", 1);
	CHECK(last_said(&t, "250 2.0.0 Queued as E1\r\n"));
	smtp_talk_done(&t);
}

/* The octets of all recipients together stay below what one message of our own can carry. */
static void
recipient_octets(void)
{
	struct smtp_talk t;
	smtp_talk_init(&t, false);
	t.conf.max_rcpts = 1000;
	smtp_talk_open(&t);
	smtp_talk_give(&t, S(HELLO "MAIL FROM:<>\r\n"), 999);
	char local[241];
	memset(local, 'l', 240);
	local[240] = 0;
	for (unsigned i = 0; i < 200; i++) {
		char line[400];
		snprintf(line, sizeof line, "RCPT TO:<%s%u@c.org>\r\n", local, i);
		repeat(&t, line, 1);
	}
	CHECK(t.s.txn.rcpt_octets <= SMTP_RCPT_OCTETS_MAX && t.s.txn.rcpts_n > 90 &&
	    t.s.txn.rcpts_n < 120);
	CHECK(last_said(&t,
	    "452 4.5.3 Too many recipients; send the others in another message\r\n"));
	smtp_talk_done(&t);
}

static void
lines(void)
{
	struct smtp_talk t;
	char line[3000];
	open_ready(&t);
	memset(line, 'x', sizeof line);
	memcpy(line, "NOOP ", 5);
	memcpy(line + 510, "\r\n", 2);
	smtp_talk_give(&t, str_make(line, 512), 9999);
	CHECK(last_said(&t, "250 2.0.0 OK\r\n"));
	memcpy(line + 510, "x\r\n", 3);
	smtp_talk_give(&t, str_make(line, 513), 9999);
	CHECK(last_said(&t, "500 5.5.6 Line too long\r\n"));
	for (size_t chunk = 1; chunk < 3000; chunk += 700) {
		buf_reset(&t.said);
		memset(line + 500, 'x', sizeof line - 500);
		memcpy(line + sizeof line - 2, "\r\n", 2);
		smtp_talk_give(&t, str_make(line, sizeof line), chunk);
		CHECK_STR(buf_view(&t.said), S("500 5.5.6 Line too long\r\n"));
	}
	smtp_talk_done(&t);
}

static void
sizes(void)
{
	struct smtp_talk t;
	open_ready(&t);
	char line[202];
	memset(line, 'x', 200);
	memcpy(line + 198, "\r\n", 3);
	smtp_talk_give(&t, S(ENVELOPE), 999);
	repeat(&t, line, 20);
	smtp_talk_give(&t, S(".\r\n"), 999);
	CHECK(last_said(&t, "250 2.0.0 Queued as E1\r\n"));
	smtp_talk_give(&t, S(ENVELOPE), 999);
	repeat(&t, line, 21);
	CHECK(t.stored.n == 0);
	smtp_talk_give(&t, S(".\r\n"), 999);
	CHECK(last_said(&t, "552 5.3.4 Message is larger than the limit of 4000 octets\r\n"));
	smtp_talk_give(&t, S(ENVELOPE "a\0b\r\n.\r\n"), 999);
	CHECK(last_said(&t, "550 5.6.0 Message holds NUL octets\r\n"));
	CHECK(!t.closed && t.s.messages == 1);
	smtp_talk_done(&t);
}

static void
excess(void)
{
	struct smtp_talk t;
	open_ready(&t);
	struct buf big;
	buf_init(&big, 1 << 20);
	for (int i = 0; i < 10000; i++) {
		buf_cstr(&big,
		    "0123456789012345678901234567890123456789012345678901234567890123456789\r\n");
	}
	smtp_talk_give(&t, S(ENVELOPE), 999);
	unsigned n = 0;
	while (!t.closed && n < 200) {
		smtp_talk_give(&t, buf_view(&big), 1 << 20);
		n++;
	}
	CHECK(n > 90 && n < 100);
	CHECK(last_said(&t, "421 4.7.0 Far more data than is accepted; closing\r\n"));
	CHECK(t.stored.n == 0);
	buf_done(&big);
	smtp_talk_done(&t);
}

static void
hops(void)
{
	struct smtp_talk t;
	open_ready(&t);
	for (unsigned extra = 0; extra < 2; extra++) {
		smtp_talk_give(&t, S(ENVELOPE), 999);
		repeat(&t, "Received: x\r\n", SMTP_HOPS_MAX + extra);
		smtp_talk_give(&t, S("\r\n.\r\n"), 999);
		CHECK(last_said(&t,
		    extra == 0 ? "250 2.0.0 Queued as E1\r\n"
			       : "554 5.4.6 Too many hops: this message goes in circles\r\n"));
	}
	smtp_talk_done(&t);
}

/* A peer that does not read its replies is not served further. */
static void
unread_replies(void)
{
	struct smtp_talk t;
	size_t used, given = 0;
	open_ready(&t);
	for (int i = 0; i < 100000 && given + 6 * 100 > 0; i++) {
		smtp_feed(&t.s, S("FOO\r\n"), 0, &used);
		struct smtp_action a;
		while (smtp_next(&t.s, &a)) {
		}
		given += used;
		t.s.errors = 0;
		if (used == 0) {
			break;
		}
	}
	CHECK(used == 0 && t.s.out.n < SMTP_OUT_PAUSE + 100);
	smtp_sent(&t.s, t.s.out.n);
	smtp_feed(&t.s, S("FOO\r\n"), 0, &used);
	CHECK(used == 5);
	smtp_talk_turn(&t);
	smtp_talk_done(&t);
}

static void
endings(void)
{
	static const struct {
		enum smtp_end why;
		const char *reply;
	} rows[] = {
		{ SMTP_END_TIMEOUT, "421 4.4.2 Waited too long; closing\r\n" },
		{ SMTP_END_SLOW, "421 4.4.2 Data comes too slowly; closing\r\n" },
		{ SMTP_END_MEMORY, "421 4.3.0 Out of memory for this connection; closing\r\n" },
		{ SMTP_END_SHUTDOWN, "421 4.3.2 Service is closing; come back soon\r\n" },
	};
	static const char *const scripts[] = { "", "MAIL FROM:<>\r\n", ENVELOPE, ENVELOPE "x\r\n" };
	for (size_t i = 0; i < LEN(rows); i++) {
		for (size_t k = 0; k < LEN(scripts); k++) {
			struct smtp_talk t;
			open_ready(&t);
			smtp_talk_give(&t, str_from(scripts[k]), 999);
			smtp_end(&t.s, rows[i].why);
			smtp_end(&t.s, rows[i].why);
			smtp_talk_turn(&t);
			bool patient = rows[i].why == SMTP_END_SHUTDOWN && k > 0;
			CHECK(t.closed == !patient);
			if (patient) {
				smtp_talk_give(&t,
				    k > 1 ? S(".\r\nNOOP\r\n") : S("RSET\r\nNOOP\r\n"), 999);
			}
			CHECK(t.closed && last_said(&t, rows[i].reply) && t.stored.n == 0);
			CHECK((t.mailbox.n > 0) == (patient && k > 1));
			smtp_talk_done(&t);
		}
	}
}

/* While the queue has a message, a connection that is to end waits for its answer. */
static void
shutdown_during_commit(void)
{
	struct smtp_talk t;
	open_ready(&t);
	smtp_talk_give(&t, S("MAIL FROM:<>\r\nRCPT TO:<b@c.org>\r\n"), 999);
	t.silent = true;
	smtp_talk_give(&t, S("DATA\r\n.\r\n"), 999);
	smtp_end(&t.s, SMTP_END_SHUTDOWN);
	smtp_talk_turn(&t);
	CHECK(!t.closed && t.s.wait == SMTP_WAIT_COMMIT);
	smtp_answer_commit(&t.s, ERR_OK, S("E9"));
	size_t used;
	smtp_feed(&t.s, S("NOOP\r\n"), 0, &used);
	smtp_talk_turn(&t);
	CHECK(t.closed && used == 0);
	CHECK(last_said(&t,
	    "250 2.0.0 Queued as E9\r\n421 4.3.2 Service is closing; come back soon\r\n"));
	smtp_talk_done(&t);
}

static void
storage(void)
{
	static const struct {
		enum err body, commit;
		const char *reply;
	} rows[] = {
		{ ERR_NOSPACE, ERR_OK,
		    "452 4.3.1 Not enough space on this server; try again later\r\n" },
		{ ERR_IO, ERR_OK,
		    "451 4.3.0 The message could not be stored; try again later\r\n" },
		{ ERR_BUDGET, ERR_OK,
		    "452 4.3.1 Not enough memory for this message; try again later\r\n" },
		{ ERR_OK, ERR_NOSPACE,
		    "452 4.3.1 Not enough space on this server; try again later\r\n" },
		{ ERR_OK, ERR_BUSY,
		    "451 4.3.0 The message could not be stored; try again later\r\n" },
		{ ERR_OK, ERR_UNAVAILABLE,
		    "451 4.3.0 The message could not be stored; try again later\r\n" },
		{ ERR_OK, ERR_TOOBIG,
		    "552 5.3.4 Message is larger than the limit of 4000 octets\r\n" },
	};
	for (size_t i = 0; i < LEN(rows); i++) {
		struct smtp_talk t;
		open_ready(&t);
		t.body = rows[i].body;
		t.commit = rows[i].commit;
		smtp_talk_give(&t, S(ENVELOPE "A: b\r\n\r\nx\r\n.\r\n"), 7);
		CHECK(last_said(&t, rows[i].reply));
		CHECK(t.mailbox.n == 0 && t.stored.n == 0 && !t.closed);
		smtp_talk_done(&t);
	}
}

/* Whatever allocation fails, the dialogue ends in order and nothing is half done. */
static void
torture(void)
{
	static const str script = S_INIT(HELLO
	    "MAIL FROM:<a@b.org> ENVID=x\r\nRCPT TO:<alias@c.org> ORCPT=a;b\r\n"
	    "DATA\r\nA: b\r\n\r\nx\r\n.\r\nQUIT\r\n");
	for (uint64_t n = 1; n < 60; n++) {
		struct smtp_talk t;
		smtp_talk_init(&t, false);
		smtp_talk_open(&t);
		/* Room for the world's own buffers first, so that only the engine meets the
		 * failure. */
		(void)(buf_room(&t.said, 10000) == NULL || buf_room(&t.done, 10000) == NULL ||
		    buf_room(&t.stored, 10000) == NULL || buf_room(&t.mailbox, 10000) == NULL);
		size_t used = 0, at = 0;
		mem_fail_after(n);
		do {
			smtp_feed(&t.s, str_from_off(script, at), 0, &used);
			at += used;
			smtp_talk_turn(&t);
		} while (used > 0 && !t.closed);
		mem_fail_after(0);
		CHECK(t.closed);
		bool queued = str_find(buf_view(&t.said), S("250 2.0.0 Queued")) >= 0;
		CHECK(!queued || t.mailbox.n > 0);
		smtp_talk_done(&t);
	}
}

TEST_MAIN(errors, junk, guessing, transactions, recipients, recipient_octets, lines, sizes, excess,
    hops, unread_replies, endings, shutdown_during_commit, storage, torture)
