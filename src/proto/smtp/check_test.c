/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine when policy and scan are asked: their answers in the order of the commands, at every
 * split point; the beginning of a connection; what happens to a question nobody waits for any more.
 */
#include "proto/smtp/script_test.h"

#define HELLO "EHLO a.test\r\n"
#define START HELLO "MAIL FROM:<a@b.org>\r\n"
#define RCPT(to) "RCPT TO:<" to ">\r\n"
#define SEND(text) "DATA\r\n" text "\r\n.\r\n"
#define MX .checked = true
#define GREY "451 4.7.1 Come back $ later\r\n"

static const struct script rows[] = {
	{ "all go on", false, START RCPT("K@c.org") SEND("x") "QUIT\r\n",
	    EHLO_MX MAIL_OK RCPT_OK DATA_OK QUEUED BYE,
	    "{peer}{rcpt K@c.org}{policy k@c.org}{scan}{commit <a@b.org> K@c.org:1}{close}",
	    FROM_MX("1", "K@c.org") "x\r\n", MX },
	{ "each recipient for itself, in order", false,
	    START RCPT("grey@c.org") RCPT("unknown@c.org") RCPT("b@c.org") RCPT("listed@c.org")
		SEND("x"),
	    EHLO_MX MAIL_OK GREY "550 5.1.1 <unknown@c.org> does not exist here\r\n" RCPT_OK
				 "550 5.7.1 Your address??is listed\r\n" DATA_OK QUEUED,
	    "{peer}{rcpt grey@c.org}{policy grey@c.org}{refused RCPT 451}{rcpt unknown@c.org}"
	    "{refused RCPT 550}{rcpt b@c.org}{policy b@c.org}{rcpt listed@c.org}"
	    "{policy listed@c.org}{refused RCPT 550}{scan}{commit <a@b.org> b@c.org:1}",
	    FROM_MX("1", "b@c.org") "x\r\n", MX },
	{ "all put off: no DATA", false, START RCPT("grey@c.org") "DATA\r\n",
	    EHLO_MX MAIL_OK GREY "554 5.5.1 No valid recipients\r\n",
	    "{peer}{rcpt grey@c.org}{policy grey@c.org}{refused RCPT 451}{refused DATA 554}", "",
	    MX },
	{ "an answer that is no reply is made one", false, START RCPT("odd@c.org"),
	    EHLO_MX MAIL_OK "550 5.7.1 Not accepted\r\n", NULL, "", MX },
	{ "421 ends the connection", false, START RCPT("enough@c.org") RCPT("b@c.org"),
	    EHLO_MX MAIL_OK "421 4.7.0 Enough\r\n",
	    "{peer}{rcpt enough@c.org}{policy enough@c.org}{refused RCPT 421}{close}", "", MX },
	{ "the same targets again are not asked about again", false,
	    START RCPT("b@c.org") RCPT("b@c.org") SEND("x"),
	    EHLO_MX MAIL_OK RCPT_OK RCPT_OK DATA_OK QUEUED,
	    "{peer}{rcpt b@c.org}{policy b@c.org}{rcpt b@c.org}{scan}"
	    "{commit <a@b.org> b@c.org:1 b@c.org:0}",
	    NULL, MX },
	{ "refused by its contents, and the next one is taken", false,
	    START RCPT("b@c.org") SEND("VIRUS") "MAIL FROM:<a@b.org>\r\n" RCPT("b@c.org")
		SEND("fine"),
	    EHLO_MX MAIL_OK RCPT_OK DATA_OK
	    "554 5.7.1 Has a virus\r\n" MAIL_OK RCPT_OK DATA_OK QUEUED,
	    "{peer}{rcpt b@c.org}{policy b@c.org}{scan}{refused DATA 554}{drop}{rcpt b@c.org}"
	    "{policy b@c.org}{scan}{commit <a@b.org> b@c.org:1}",
	    FROM_MX("2", "b@c.org") "fine\r\n", MX },
	{ "put off by its contents", false, START RCPT("b@c.org") SEND("LATER"),
	    EHLO_MX MAIL_OK RCPT_OK DATA_OK "451 4.7.1 Not looked at\r\n", NULL, "", MX },
	{ "what is refused anyway is not looked at", false, START RCPT("b@c.org") SEND("a\rb"),
	    EHLO_MX MAIL_OK RCPT_OK DATA_OK
	    "550 5.6.11 Message holds bare CR or LF; lines end in CRLF\r\n",
	    "{peer}{rcpt b@c.org}{policy b@c.org}{drop}{refused DATA 550}", "", MX },
	{ "submission: whom it may send to, and viruses", true,
	    HELLO LOGIN "MAIL FROM:<me@example.org>\r\n" RCPT("x@remote.test")
		RCPT("grey@remote.test") SEND("From: me@example.org\r\n\r\nVIRUS"),
	    EHLO_AUTH LOGIN_OK MAIL_OK RCPT_OK GREY DATA_OK "554 5.7.1 Has a virus\r\n", NULL, "",
	    MX },
};

static void
dialogues(void)
{
	script_run(rows, LEN(rows));
}

static const struct {
	const char *name;
	bool greeted;
	unsigned verdict;
	uint16_t code;
	const char *said; /* to NOOP and QUIT */
} peers[] = {
	{ "greeted, fine", true, SMTP_GO_ON, 0, "250 2.0.0 OK\r\n" BYE },
	{ "fine", false, SMTP_GO_ON, 0,
	    "220 mx.example.org ESMTP Postern\r\n250 2.0.0 OK\r\n" BYE },
	{ "greeted, refused", true, SMTP_REFUSE, 550, "550 5.7.1 no\r\n" },
	{ "greeted, later", true, SMTP_LATER, 421, "421 4.7.1 no\r\n" },
	{ "refused in the greeting", false, SMTP_REFUSE, 550, "554 5.7.1 no\r\n" },
	{ "later in the greeting", false, SMTP_LATER, 450, "421 4.7.1 no\r\n" },
	{ "an answer that says nothing", true, 0, 0, "250 2.0.0 OK\r\n" BYE },
};

static void
beginnings(void)
{
	for (size_t i = 0; i < LEN(peers); i++) {
		struct smtp_talk t;
		test_case = peers[i].name;
		smtp_talk_init(&t, false);
		t.peer.checked = true;
		t.peer.greeted = peers[i].greeted;
		t.told = (struct smtp_told){ peers[i].verdict, peers[i].code, S("bad"), S("no") };
		smtp_talk_open(&t);
		smtp_talk_give(&t, S("NOOP\r\nQUIT\r\n"), 100);
		CHECK_STR(buf_view(&t.said), str_from(peers[i].said));
		CHECK(t.closed);
		smtp_talk_done(&t);
	}
	test_case = NULL;
}

/* How far a silent world lets a connection come, and the wait it then stands in. */
static const struct {
	const char *answered, *asked;
	enum smtp_wait wait;
} waits[] = {
	{ "", "", SMTP_WAIT_PEER },
	{ START, RCPT("b@c.org"), SMTP_WAIT_POLICY },
	{ START RCPT("b@c.org"), SEND("x"), SMTP_WAIT_SCAN },
};

static void
stand_in(struct smtp_talk *t, size_t i)
{
	smtp_talk_init(t, false);
	t->peer.checked = true;
	t->silent = i == 0;
	smtp_talk_open(t);
	smtp_talk_give(t, str_from(waits[i].answered), 999);
	t->silent = true;
	smtp_talk_give(t, str_from(waits[i].asked), 999);
	if (waits[i].wait == SMTP_WAIT_POLICY) { /* auth answers, policy does not */
		struct smtp_target target = { .account = 7, .address = S("b@c.org") };
		smtp_answer_rcpt(&t->s, SMTP_KNOWN, &target, 1);
		smtp_talk_turn(t);
	}
	CHECK_U64(t->s.wait, waits[i].wait);
}

/* Nothing is read while an answer is missing; an end from our side takes the question back. */
static void
waiting(void)
{
	static const enum smtp_end ends[] = { SMTP_END_TIMEOUT, SMTP_END_REVOKED };
	for (size_t i = 0; i < LEN(waits); i++) {
		for (size_t k = 0; k < LEN(ends); k++) {
			struct smtp_talk t;
			size_t used = 1;
			stand_in(&t, i);
			smtp_feed(&t.s, S("NOOP\r\n"), 5, &used);
			CHECK_U64(used, 0);
			smtp_end(&t.s, ends[k]);
			smtp_talk_turn(&t);
			CHECK(t.closed && t.s.wait == SMTP_WAIT_NONE && t.s.state == SMTP_CLOSED);
			CHECK(t.s.txn.rcpts == NULL && t.stored.n == 0);
			smtp_talk_done(&t);
		}
	}
}

/* What was counted for a recipient that is then not taken is given back. */
static void
counts_are_given_back(void)
{
	struct smtp_talk t;
	smtp_talk_init(&t, false);
	t.peer.checked = true;
	smtp_talk_open(&t);
	smtp_talk_give(&t, S(START RCPT("b@c.org")), 999);
	size_t octets = t.s.txn.rcpt_octets, targets = t.s.txn.targets_n;
	for (int i = 0; i < 50; i++) {
		smtp_talk_give(&t, S(RCPT("grey@c.org")), 999);
	}
	CHECK(octets > 0 && t.s.txn.rcpt_octets == octets);
	CHECK(targets == 1 && t.s.txn.targets_n == 1 && t.s.txn.rcpts_n == 1);
	smtp_talk_done(&t);
}

/* The thresholds of accounts come along with their targets. */
static void
filters_are_kept(void)
{
	struct smtp_talk t;
	smtp_talk_init(&t, false);
	t.peer.checked = true;
	smtp_talk_open(&t);
	smtp_talk_give(&t, S(START RCPT("alias@c.org")), 999);
	const struct smtp_rcpt *r = smtp_txn(&t.s)->rcpts;
	CHECK(r != NULL && r->targets_n == 3 && r->targets[2].junk_at == 4500);
	smtp_talk_done(&t);
}

TEST_MAIN(dialogues, beginnings, waiting, counts_are_given_back, filters_are_kept)
