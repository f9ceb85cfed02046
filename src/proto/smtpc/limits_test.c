/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a server can make us keep, what parameters are said, what is not said at all, the body's
 * dots, replies kept and masked.
 */
#include "base/test.h"
#include "base/mem.h"
#include "proto/smtpc/peer.h"
#include "proto/smtpc/smtpc_priv.h"
#include "proto/smtpc/syntax.h"

#define HELLO "220 b\r\n"
#define OPEN HELLO "250 b\r\n"
#define OK3 "250 ok\r\n250 ok\r\n354 go\r\n"

static void
start(struct smtpc_peer *p, const char *in)
{
	smtpc_peer_init(p);
	smtpc_peer_open(p);
	smtpc_peer_give(p, str_from(in), 100);
}

static bool
has(const struct buf *b, const char *word)
{
	return str_find(buf_view(b), str_from(word)) >= 0;
}

static void
say_long(struct smtpc_peer *p, char c, size_t n)
{
	char room[500];
	memset(room, c, sizeof room);
	for (; n > 0; n -= MIN(n, sizeof room)) {
		smtpc_peer_give(p, str_make(room, MIN(n, sizeof room)), 500);
	}
}

static void
lines_up_to_the_limit(void)
{
	for (size_t n = SMTPC_LINE_MAX - 1; n <= SMTPC_LINE_MAX + 1; n++) {
		struct smtpc_peer p;
		start(&p, "220 ");
		say_long(&p, 'x', n - 6);
		smtpc_peer_give(&p, S("\r\n"), 2);
		CHECK(p.closed == (n > SMTPC_LINE_MAX));
		CHECK(!p.closed || smtpc_last(&p.s)->fault == SMTPC_FAULT_LINE);
		CHECK(!p.closed || smtpc_last(&p.s)->lines.n > 1000);
		smtpc_peer_done(&p);
	}
}

static void
an_endless_reply_ends(void)
{
	struct smtpc_peer p;
	start(&p, HELLO);
	size_t lines = 0;
	while (!p.closed && lines < 100000) {
		smtpc_peer_give(&p, S("250-X-MORE\r\n"), 12);
		lines++;
	}
	CHECK(smtpc_last(&p.s)->fault == SMTPC_FAULT_ENDLESS && lines <= SMTPC_REPLY_MAX / 12 + 1);
	CHECK(has(&p.done, "{failed 2 3 0}{close}"));
	CHECK(smtpc_last(&p.s)->lines.n <= SMTPC_KEPT_MAX && smtpc_last(&p.s)->cut);
	smtpc_peer_done(&p);
}

static void
nul_ends_it(void)
{
	struct smtpc_peer p;
	start(&p, "");
	smtpc_peer_give(&p, S("220 a\0b\r\n"), 99);
	CHECK(p.closed && smtpc_last(&p.s)->fault == SMTPC_FAULT_NUL);
	smtpc_peer_done(&p);
}

static void
what_is_offered(void)
{
	struct smtpc_peer p;
	smtpc_peer_init(&p);
	p.letters_n = 0;
	p.want_tls = true;
	smtpc_peer_open(&p);
	smtpc_peer_give(&p,
	    S(HELLO "250-b\r\n250-starttls\r\n250-REQUIRETLS\r\n250-Size 12\r\n"
		    "250-LIMITS RCPTMAX=3 MAILMAX=2 rcptdomainmax=1 X=y\r\n"
		    "250-8BITMIMEX\r\n250 XXXXXXXA\r\n"),
	    50);
	const struct smtpc_caps *c = smtpc_caps(&p.s);
	CHECK(c->esmtp && c->starttls && c->size && c->limits && c->mangled);
	CHECK(!c->requiretls && !c->eightbit && !c->pipelining && !c->dsn && !c->smtputf8);
	CHECK_U64(c->size_max, 12);
	CHECK(c->rcpt_max == 3 && c->mail_max == 2 && c->domain_max == 1);
	smtpc_peer_give(&p,
	    S("220 go\r\n\x01"
	      "250-b\r\n250-STARTTLS\r\n250-SIZE\r\n250 REQUIRETLS\r\n"),
	    50);
	CHECK(c->requiretls && !c->starttls && !c->limits && c->size && c->size_max == 0);
	CHECK(c->rcpt_max == 0 && c->mangled);
	smtpc_peer_done(&p);
}

static const struct smtpc_to plain_to[] = { { S_INIT("bob@b.test"), S_INIT(""), 0 } };
static const struct smtpc_to dsn_to[] = { { S_INIT("bob@b.test"), S_INIT("rfc822;b+2Bx@b.test"),
    14 } };
static const struct smtpc_to never_to[] = { { S_INIT("\"b >\\\" b\"@b.test"), S_INIT(""), 1 } };
static const struct smtpc_to utf8_to[] = { { S_INIT("bob@b.test"), S_INIT(""), 0 },
	{ S_INIT("b\xc3\xb6"
		 "b@b.test"),
	    S_INIT("utf-8;b\xc3\xb6"
		   "b@b.test"),
	    0 } };

#define LETTER(r, ...)                                                               \
	{                                                                            \
		.reverse_path = S_INIT("a@a.test"), .envid = S_INIT(""), .rcpts = r, \
		.rcpts_n = LEN(r), __VA_ARGS__                                       \
	}
#define ALL "PIPELINING\r\n250-SIZE 100\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 DSN"

static const struct {
	const char *name, *caps;
	struct smtpc_letter letter;
	const char *said, *done;
} letters[] = {
	{ "nothing offered, nothing said", "X",
	    LETTER(dsn_to, .size = 9, .body8bit = true, .ret = 1), "MAIL FROM:<a@a.test>\r\n",
	    NULL },
	{ "SIZE and 8BITMIME", ALL, LETTER(plain_to, .size = 9, .body8bit = true),
	    "MAIL FROM:<a@a.test> SIZE=9 BODY=8BITMIME\r\nRCPT TO:<bob@b.test>\r\nDATA\r\n", NULL },
	{ "DSN", ALL,
	    { .reverse_path = S_INIT("a@a.test"),
		.envid = S_INIT("QQ+2B"),
		.ret = 2,
		.rcpts = dsn_to,
		.rcpts_n = 1 },
	    "MAIL FROM:<a@a.test> RET=HDRS ENVID=QQ+2B\r\nRCPT TO:<bob@b.test> "
	    "NOTIFY=SUCCESS,FAILURE,DELAY ORCPT=rfc822;b+2Bx@b.test\r\n",
	    NULL },
	{ "RET=FULL, NOTIFY=NEVER, a quoted local part", ALL, LETTER(never_to, .ret = 1),
	    "MAIL FROM:<a@a.test> RET=FULL\r\nRCPT TO:<\"b >\\\" b\"@b.test> NOTIFY=NEVER\r\n",
	    NULL },
	{ "SMTPUTF8 because of a recipient", ALL, LETTER(utf8_to),
	    "MAIL FROM:<a@a.test> SMTPUTF8\r\nRCPT TO:<bob@b.test>\r\nRCPT TO:<b\xc3\xb6"
	    "b@b.test> "
	    "ORCPT=utf-8;b\xc3\xb6"
	    "b@b.test\r\n",
	    NULL },
	{ "SMTPUTF8 because of the header", ALL, LETTER(plain_to, .smtputf8 = true),
	    "MAIL FROM:<a@a.test> SMTPUTF8\r\n", NULL },
	{ "SMTPUTF8 not offered: that recipient only (RFC 6531 3.2)", "X", LETTER(utf8_to),
	    "MAIL FROM:<a@a.test>\r\n", NULL },
	{ "SMTPUTF8 not offered, but the header needs it", "X", LETTER(plain_to, .smtputf8 = true),
	    "EHLO mx.a.test\r\nQUIT\r\n", "{done x0/5.6.7}" },
	{ "REQUIRETLS not offered (RFC 8689 4.2.1)", ALL, LETTER(plain_to, .requiretls = true),
	    "EHLO mx.a.test\r\nQUIT\r\n", "{done x0/5.7.30}" },
	{ "larger than SIZE", ALL, LETTER(plain_to, .size = 101), "EHLO mx.a.test\r\nQUIT\r\n",
	    "{done x0/5.3.4}" },
	{ "as large as SIZE", ALL, LETTER(plain_to, .size = 100), "SIZE=100\r\n", NULL },
	{ "RCPTMAX (RFC 9422)", "LIMITS RCPTMAX=1", LETTER(utf8_to), "RCPT TO:<bob@b.test>\r\n",
	    NULL },
};

static void
what_is_said(void)
{
	for (size_t i = 0; i < LEN(letters); i++) {
		struct smtpc_peer p;
		test_case = letters[i].name;
		smtpc_peer_init(&p);
		p.letters = &letters[i].letter;
		smtpc_peer_open(&p);
		smtpc_peer_give(&p, S(HELLO "250-b\r\n250-"), 99);
		smtpc_peer_give(&p, str_from(letters[i].caps), 99);
		smtpc_peer_give(&p, S("\r\n"), 99);
		if (str_find(str_from(letters[i].caps), S("250 DSN")) < 0) {
			smtpc_peer_give(&p, S("250 X-LAST\r\n"), 99);
		}
		if (letters[i].done == NULL) {
			smtpc_peer_give(&p, S(OK3), 99);
		}
		CHECK(has(&p.said, letters[i].said));
		CHECK(letters[i].done == NULL || has(&p.done, letters[i].done));
		CHECK_STR(p.s.txn.letter.reverse_path, S("a@a.test"));
		smtpc_peer_done(&p);
	}
}

static void
limits_are_kept(void)
{
	static const struct smtpc_letter l[] = { LETTER(utf8_to), LETTER(plain_to),
		LETTER(plain_to) };
	struct smtpc_peer p;
	smtpc_peer_init(&p);
	p.letters = l;
	p.letters_n = 3;
	smtpc_peer_open(&p);
	smtpc_peer_give(&p,
	    S(HELLO "250-b\r\n250-SMTPUTF8\r\n250 LIMITS RCPTMAX=1 MAILMAX=2\r\n" OK3
		    "250 x\r\n" OK3 "250 x\r\n221 x\r\n"),
	    99);
	CHECK_STR(buf_view(&p.done), S("{done d250 r0/4.5.3+}{done d250}{close}"));
	CHECK_U64(p.next, 2);
	smtpc_peer_done(&p);
}

static void
what_cannot_be_said(void)
{
	static const char *const bad[] = { "b\r\nRSET@b.test", "b b@b.test", "<b>@b.test",
		"b@b.test>", "\"b@b.test", "\"b\n\"@b.test", "b\xff@b.test", "", "b@b.test\\\n",
		"\"\\" };
	for (size_t i = 0; i < LEN(bad); i++) {
		struct smtpc_to to = { str_from(bad[i]), S(""), 0 };
		struct smtpc_letter l = {
			.reverse_path = S(""), .envid = S(""), .rcpts = &to, .rcpts_n = 1
		};
		test_case = bad[i];
		CHECK(!smtpc_letter_valid(&l));
		to = (struct smtpc_to){ S("b@b.test"), S(""), 0 };
		CHECK(smtpc_letter_valid(&l));
		l.reverse_path = str_from(bad[i]);
		CHECK(smtpc_letter_valid(&l) == (bad[i][0] == '\0'));
		l.reverse_path = S("");
		l.envid = str_from(" x");
		CHECK(!smtpc_letter_valid(&l));
		l.envid = S("");
		to.orcpt = S("rfc822;a=b");
		CHECK(!smtpc_letter_valid(&l));
	}
}

static const struct {
	const char *in, *out;
	enum err err;
} bodies[] = {
	{ "", ".\r\n", ERR_OK },
	{ ".\r\n", "..\r\n.\r\n", ERR_OK },
	{ "a\r\n.b\r\n..\r\n", "a\r\n..b\r\n...\r\n.\r\n", ERR_OK },
	{ "a", "a\r\n.\r\n", ERR_OK },
	{ ".", "..\r\n.\r\n", ERR_OK },
	{ "a.b\r\n\r\n\r\n", "a.b\r\n\r\n\r\n.\r\n", ERR_OK },
	{ "a\nb\r\n", NULL, ERR_SYNTAX },
	{ "a\rb\r\n", NULL, ERR_SYNTAX },
	{ "a\r\r\n", NULL, ERR_SYNTAX },
	{ "a\r\n\n.\r\n", NULL, ERR_SYNTAX },
	{ "a\r", NULL, ERR_SYNTAX },
	{ "\n", NULL, ERR_SYNTAX },
};

static void
body_once(size_t i, size_t chunk)
{
	struct smtpc_peer p;
	smtpc_peer_init(&p);
	p.body = str_from(bodies[i].in);
	p.chunk = chunk;
	smtpc_peer_open(&p);
	smtpc_peer_give(&p, S(OPEN OK3), 99);
	ptrdiff_t at = str_find(buf_view(&p.said), S("DATA\r\n"));
	CHECK(at > 0);
	str said = str_from_off(buf_view(&p.said), (size_t)at + 6);
	if (bodies[i].err == ERR_OK) {
		CHECK_STR(said, str_from(bodies[i].out));
	} else {
		CHECK(has(&p.done, "{body SYNTAX}") && p.closed);
		CHECK(has(&p.done, "{done r0/4.3.0}{failed 8 10"));
		CHECK(!str_ends(said, S("\r\n.\r\n")));
	}
	smtpc_peer_done(&p);
}

static void
dots_and_line_ends(void)
{
	for (size_t i = 0; i < LEN(bodies); i++) {
		for (size_t chunk = 1; chunk < 12; chunk++) {
			test_case = bodies[i].in;
			body_once(i, chunk);
		}
	}
}

/* The engine takes no more than may wait, and what was not sent makes nothing uncertain. */
static void
a_body_waits_for_its_sending(void)
{
	static char big[SMTPC_OUT_PAUSE * 2];
	struct smtpc_peer p;
	size_t used;
	memset(big, '.', sizeof big);
	start(&p, OPEN "250 ok\r\n250 ok\r\n");
	smtpc_feed(&p.s, S("354 go\r\n"), &used);
	CHECK(smtpc_body(&p.s, str_make(big, sizeof big), &used) == ERR_OK);
	CHECK_U64(used, SMTPC_OUT_PAUSE);
	CHECK(smtpc_body(&p.s, str_make(big, sizeof big), &used) == ERR_OK);
	CHECK_U64(used, 0);
	CHECK(smtpc_body_end(&p.s) == ERR_OK);
	CHECK_U64(smtpc_output(&p.s).n, SMTPC_OUT_PAUSE + 1 + 5);
	smtpc_sent(&p.s, smtpc_output(&p.s).n - 1);
	smtpc_lost(&p.s, SMTPC_END_RESET);
	CHECK(!smtpc_results(&p.s).uncertain);
	smtpc_peer_done(&p);
}

/* A server that answers in the middle of the body: its answer counts, no end of data is said. */
static void
a_reply_in_the_body(void)
{
	struct smtpc_peer p;
	size_t used;
	start(&p, OPEN "250 ok\r\n250 ok\r\n");
	smtpc_feed(&p.s, S("354 go\r\n"), &used);
	struct smtpc_action a;
	CHECK(smtpc_next(&p.s, &a) && a.kind == SMTPC_BODY);
	smtpc_feed(&p.s, S("552 5.3.4 too big\r\n"), &used);
	smtpc_peer_turn(&p);
	CHECK(smtpc_body(&p.s, S("x"), &used) == ERR_BADSTATE);
	CHECK(smtpc_body_end(&p.s) == ERR_BADSTATE);
	CHECK_STR(buf_view(&p.done),
	    S("{done x552/5.3.4(552 5.3.4 too big)}{failed 1 10 552}{close}"));
	CHECK(str_ends(buf_view(&p.said), S("DATA\r\n")));
	smtpc_peer_done(&p);
}

static const struct {
	const char *in, *out;
} masked[] = {
	{ "user unknown <a.b+c@b.test>", "user unknown <*@b.test>" },
	{ "a@b, \"a b\"@c and c@d@e", "*@b, *@c and *@*@e" },
	{ "mailto:x@y", "mailto:*@y" },
	{ "contact tosa@rx.test or Postmaster@b.test",
	    "contact tosa@rx.test or Postmaster@b.test" },
	{ "<abuse@b.test> postmaster.bob@b.test", "<*@b.test> *@b.test" },
	{ "see http://b.test/?e=bob%40b.test", "see http:*%40b.test" },
	{ "Bob? 'bob' bob. bobby: bob+list", "*? '*' *. bobby: *" },
	{ "user mailbox full", "user mailbox full" },
	{ "\"not closed@x", "\"not *@x" },
	{ "@b @", "@b @" },
	{ "tab\there \x01\x7f\xc2\x85 \xe2\x82", "tab here ??? ??" },
	{ "two\nlines", "two\nlines" },
	{ "b\xc3\xb6"
	  "b@b.test",
	    "*@b.test" },
};

static void
people_are_masked(void)
{
	static const str names[] = { S_INIT("bob"), S_INIT("user"), S_INIT("bob+list"),
		S_INIT("abuse") };
	for (size_t i = 0; i < LEN(masked); i++) {
		char room[200];
		struct buf b;
		buf_init_fixed(&b, room, sizeof room);
		test_case = masked[i].in;
		smtpc_reply_mask(&b, str_from(masked[i].in), names, LEN(names));
		CHECK_STR(buf_view(&b), str_from(masked[i].out));
		CHECK(b.n <= strlen(masked[i].in));
	}
}

static void
enhanced_codes(void)
{
	static const struct {
		const char *in, *out;
	} rows[] = { { "5.1.1 x", "5.1.1" }, { "5.1.1", "5.1.1" }, { "5.123.456 x", "5.123.456" },
		{ "4.1.1 x", "" }, { "5.1 x", "" }, { "5.1.1x", "" }, { "5.1.1234 x", "" },
		{ "5..1 x", "" }, { "", "" }, { "5.1.1.1", "" } };
	for (size_t i = 0; i < LEN(rows); i++) {
		test_case = rows[i].in;
		CHECK_STR(smtpc_reply_enhanced(str_from(rows[i].in), '5'), str_from(rows[i].out));
	}
}

/* 100 recipients, each refused with a long reply: kept in bounds, and each has a result. */
static void
many_long_replies(void)
{
	static struct smtpc_to to[SMTPC_RCPTS_MAX];
	for (size_t i = 0; i < LEN(to); i++) {
		to[i] = (struct smtpc_to){ S("someone@b.test"), S(""), 0 };
	}
	struct smtpc_letter l = {
		.reverse_path = S(""), .envid = S(""), .rcpts = to, .rcpts_n = LEN(to)
	};
	struct smtpc_peer p;
	smtpc_peer_init(&p);
	p.letters = &l;
	p.plain_replies = true;
	smtpc_peer_open(&p);
	smtpc_peer_give(&p, S(HELLO "250-b\r\n250 PIPELINING\r\n250 ok\r\n"), 999);
	for (size_t i = 0; i < LEN(to); i++) {
		for (int line = 0; line < 3; line++) {
			smtpc_peer_give(&p, S("550-"), 9);
			say_long(&p, 'x', 1500);
			smtpc_peer_give(&p, S("\r\n"), 9);
		}
		smtpc_peer_give(&p, S("550 x\r\n"), 9);
	}
	smtpc_peer_give(&p, S("503 x\r\n"), 9);
	struct smtpc_done d = smtpc_results(&p.s);
	size_t kept = 0;
	for (size_t i = 0; i < d.n; i++) {
		CHECK(d.results[i].verdict == SMTPC_REFUSED && d.results[i].reply.n > 0);
		kept += d.results[i].reply.n;
	}
	CHECK(d.n == LEN(to) && kept <= SMTPC_RESULTS_MAX + SMTPC_SHORT_MAX * LEN(to));
	CHECK(arena_used(p.arena) <= SMTPC_TXN_BUDGET + 4096);
	smtpc_peer_done(&p);
}

/* Running out of memory anywhere ends the transaction, never the process. */
static void
every_allocation_fails_once(void)
{
	for (unsigned n = 1; n < 30; n++) {
		struct smtpc_peer p;
		smtpc_peer_init(&p);
		smtpc_peer_open(&p);
		struct smtpc_action a;
		size_t used = 0;
		mem_fail_after(n);
		smtpc_feed(&p.s, S(OPEN), &used);
		while (smtpc_next(&p.s, &a)) {
			if (a.kind == SMTPC_READY && smtpc_ready(&p.s)) {
				enum err e = smtpc_send(&p.s, &p.letters[0]);
				CHECK(e == ERR_OK || e == ERR_BUDGET || e == ERR_NOMEM);
			}
		}
		mem_fail_after(0);
		smtpc_lost(&p.s, SMTPC_END_LOCAL);
		CHECK(p.s.state == SMTPC_ST_CLOSED);
		smtpc_peer_done(&p);
	}
}

TEST_MAIN(lines_up_to_the_limit, an_endless_reply_ends, nul_ends_it, what_is_offered, what_is_said,
    limits_are_kept, what_cannot_be_said, dots_and_line_ends, a_body_waits_for_its_sending,
    a_reply_in_the_body, people_are_masked, enhanced_codes, many_long_replies,
    every_allocation_fails_once)
