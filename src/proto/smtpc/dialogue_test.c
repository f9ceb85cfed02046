/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whole connections as tables: what servers do, good and bad, and what becomes of recipients.
 */
#include "proto/smtpc/script_test.h"

static const struct smtpc_to two[] = { { S_INIT("bob@b.test"), S_INIT(""), 0 },
	{ S_INIT("eve@b.test"), S_INIT(""), 0 } };
static const struct smtpc_letter to_two[] = { { .reverse_path = S_INIT("alice@a.test"),
						  .envid = S_INIT(""),
						  .size = 20,
						  .rcpts = two,
						  .rcpts_n = 2 },
	{ .reverse_path = S_INIT(""), .envid = S_INIT(""), .rcpts = two, .rcpts_n = 1 } };

#define SAID_EVE "RCPT TO:<eve@b.test>\r\n"
#define OPEN HELLO EHLO_PLAIN
#define OPEN_FULL HELLO EHLO_FULL
#define OK3 "250 ok\r\n250 ok\r\n354 go\r\n"
#define BYE "221 bye\r\n"

static const struct script good[] = {
	{ "one letter", NULL, 0, false, 0, OPEN OK3 "250 2.0.0 queued\r\n" BYE, SAID_ALL "QUIT\r\n",
	    "{done d250/2.0.0}{close}" },
	{ "pipelining", NULL, 0, false, 0, OPEN_FULL OK3 "250 queued\r\n" BYE, SAID_ALL "QUIT\r\n",
	    "{done d250}{close}" },
	{ "two letters; the second has the null path", to_two, 2, false, 0,
	    OPEN "250 ok\r\n" OK3 "250 queued\r\n" OK3 "250 queued\r\n" BYE,
	    SAID_EHLO SAID_MAIL SAID_BOB SAID_EVE "DATA\r\n" SAID_BODY "MAIL FROM:<>\r\n" SAID_BOB
						  "DATA\r\n" SAID_BODY "QUIT\r\n",
	    "{done d250 d250}{done d250}{close}" },
	{ "a server that knows HELO", NULL, 0, false, 0,
	    "220-mx\r\n220 b\r\n500 what\r\n250 hello\r\n" OK3 "250 queued\r\n" BYE,
	    SAID_EHLO "HELO mx.a.test\r\nMAIL FROM:<alice@a.test>\r\n" SAID_BOB "DATA\r\n" SAID_BODY
		      "QUIT\r\n",
	    "{done d250}{close}" },
	{ "codes without text, and other good codes", NULL, 0, false, 0,
	    "220\r\n250\r\n250\r\n251\r\n354\r\n250\r\n221\r\n",
	    SAID_EHLO "MAIL FROM:<alice@a.test>\r\n" SAID_BOB "DATA\r\n" SAID_BODY "QUIT\r\n",
	    "{done d250}{close}" },
	{ "STARTTLS, and EHLO again", NULL, 0, true, 0,
	    HELLO "250-mx\r\n250-STARTTLS\r\n250 DSN\r\n220 go\r\n\x01" EHLO_PLAIN OK3
		  "250 queued\r\n" BYE,
	    SAID_EHLO "STARTTLS\r\n" SAID_ALL "QUIT\r\n", "{starttls}{done d250}{close}" },
};

static const struct script refused[] = {
	{ "greeting 554", NULL, 0, false, 0, "554 no\r\n221 bye\r\n", "QUIT\r\n",
	    "{failed 1 2 554}{close}" },
	{ "greeting 554, and the server closes", NULL, 0, false, SMTPC_END_EOF, "554 no\r\n",
	    "QUIT\r\n", "{failed 1 2 554}{close}" },
	{ "greeting 421", NULL, 0, false, 0, "421 busy\r\n", "", "{failed 1 2 421}{close}" },
	{ "greeting of four lines", NULL, 0, false, 0,
	    "554-gmx.net (mxgmx016) Nemesis ESMTP Service not available\r\n554-No SMTP service\r\n"
	    "554-IP address is block listed.\r\n554 For explanation visit\r\n",
	    "QUIT\r\n", "{failed 1 2 554}" },
	{ "EHLO 550 is no reason for HELO", NULL, 0, false, 0, HELLO "550 go away\r\n221 x\r\n",
	    SAID_EHLO "QUIT\r\n", "{failed 1 3 550}{close}" },
	{ "EHLO and HELO 502", NULL, 0, false, 0, HELLO "502 x\r\n502 x\r\n",
	    SAID_EHLO "HELO mx.a.test\r\nQUIT\r\n", "{failed 1 3 502}" },
	{ "STARTTLS 454", NULL, 0, true, 0, HELLO "250-b\r\n250 STARTTLS\r\n454 later\r\n",
	    SAID_EHLO "STARTTLS\r\nQUIT\r\n", "{failed 1 4 454}" },
	{ "MAIL 550", NULL, 0, false, 0, OPEN "550 5.7.1 no\r\n" BYE,
	    SAID_EHLO SAID_MAIL "QUIT\r\n", "{done x550/5.7.1(550 5.7.1 no)}{close}" },
	{ "MAIL 550 while all was said", NULL, 0, false, 0,
	    OPEN_FULL "550 no\r\n503 x\r\n503 y\r\n" BYE,
	    SAID_EHLO SAID_MAIL SAID_BOB "DATA\r\nQUIT\r\n", "{done x550(550 no)}{close}" },
	{ "RCPT 451: tried again", NULL, 0, false, 0, OPEN "250 ok\r\n451 4.7.1 grey\r\n" BYE,
	    SAID_EHLO SAID_MAIL SAID_BOB "QUIT\r\n", "{done r451/4.7.1(451 4.7.1 grey)}{close}" },
	{ "all refused, DATA 354 all the same: a lone dot", to_two, 1, false, 0,
	    OPEN_FULL "250 ok\r\n550 a\r\n450 b\r\n354 go\r\n554 no recipients\r\n" BYE,
	    SAID_EHLO SAID_MAIL SAID_BOB SAID_EVE "DATA\r\n.\r\nQUIT\r\n",
	    "{done x550(550 a) r450(450 b)}{close}" },
	{ "one refused, one delivered", to_two, 1, false, 0,
	    OPEN_FULL "250 ok\r\n550 5.1.1 a\r\n250 b\r\n354 go\r\n250 ok\r\n" BYE, NULL,
	    "{done x550/5.1.1(550 5.1.1 a) d250}{close}" },
	{ "DATA 554 after recipients", to_two, 1, false, 0,
	    OPEN_FULL "250 ok\r\n250 a\r\n450 b\r\n554 no\r\n" BYE, NULL,
	    "{done x554(554 no) r450(450 b)}{close}" },
	{ "end of data 550", NULL, 0, false, 0, OPEN OK3 "550 tuta is blocked\r\n" BYE,
	    SAID_ALL "QUIT\r\n", "{done x550(550 tuta is blocked)}{close}" },
	{ "a refused transaction is left with RSET", to_two, 2, false, 0,
	    OPEN_FULL "250 ok\r\n550 a\r\n550 b\r\n503 c\r\n250 rset\r\n" OK3 "250 queued\r\n" BYE,
	    SAID_EHLO SAID_MAIL SAID_BOB SAID_EVE "DATA\r\nRSET\r\nMAIL FROM:<>\r\n" SAID_BOB
						  "DATA\r\n" SAID_BODY "QUIT\r\n",
	    "{done x550(550 a) x550(550 b)}{done d250}{close}" },
	{ "452 behind one that was taken: again at once", to_two, 1, false, 0,
	    OPEN_FULL "250 ok\r\n250 a\r\n452 4.5.3 too many\r\n354 go\r\n250 ok\r\n", NULL,
	    "{done d250 r452/4.5.3+(452 4.5.3 too many)}" },
	{ "552 the same (RFC 5321 4.5.3.1.10)", to_two, 1, false, 0,
	    OPEN_FULL "250 ok\r\n250 a\r\n552 too many\r\n354 go\r\n250 ok\r\n", NULL,
	    "{done d250 r552+(552 too many)}" },
	{ "552 5.2.2 is a full mailbox", to_two, 1, false, 0,
	    OPEN_FULL "250 ok\r\n250 a\r\n552 5.2.2 full\r\n354 go\r\n250 ok\r\n", NULL,
	    "{done d250 x552/5.2.2(552 5.2.2 full)}" },
	{ "452 for the first is an ordinary one", NULL, 0, false, 0, OPEN "250 ok\r\n452 x\r\n",
	    NULL, "{done r452(452 x)}" },
};

static const struct script ended[] = {
	{ "421 to MAIL", NULL, 0, false, 0, OPEN "421 4.7.0 TSS04\r\n", SAID_EHLO SAID_MAIL,
	    "{done r421/4.7.0(421 4.7.0 TSS04)}{failed 1 7 421}{close}" },
	{ "421 to the second RCPT", to_two, 1, false, 0, OPEN_FULL "250 ok\r\n550 a\r\n421 b\r\n",
	    NULL, "{done x550(550 a) r421(421 b)}{failed 1 8 421}{close}" },
	{ "421 to the end of data", NULL, 0, false, 0, OPEN OK3 "421 b\r\n", NULL,
	    "{done r421(421 b)}{failed 1 10 421}{close}" },
	{ "lost after the end of data: uncertain", NULL, 0, false, SMTPC_END_EOF, OPEN OK3,
	    SAID_ALL, "{done? r0/4.4.2}{failed 4 10 354}{close}" },
	{ "time-out after the end of data: uncertain", NULL, 0, false, SMTPC_END_TIMEOUT,
	    OPEN OK3 "25", SAID_ALL, "{done? r0/4.4.2}{failed 6 10 354}{close}" },
	{ "lost before DATA: certain", NULL, 0, false, SMTPC_END_RESET, OPEN "250 ok\r\n", NULL,
	    "{done r0/4.4.2}{failed 5 8 250}{close}" },
	{ "lost in the banner", NULL, 0, false, SMTPC_END_TIMEOUT, "", "",
	    "{failed 6 2 0}{close}" },
	{ "the handshake fails", NULL, 0, true, SMTPC_END_TLS,
	    HELLO "250-b\r\n250 STARTTLS\r\n220 go\r\n", NULL,
	    "{starttls}{failed 7 5 220}{close}" },
	{ "lost after QUIT is no failure", NULL, 0, false, SMTPC_END_EOF, OPEN OK3 "250 queued\r\n",
	    SAID_ALL "QUIT\r\n", "{done d250}{close}" },
};

static const struct script hostile[] = {
	{ "octets behind 220", NULL, 0, true, 0,
	    HELLO "250-b\r\n250 STARTTLS\r\n220 go\r\n250 injected\r\n", SAID_EHLO "STARTTLS\r\n",
	    NULL },
	{ "bare LF", NULL, 0, false, 0, "220 a\n", "", "{failed 2 2 0}{close}" },
	{ "bare CR", NULL, 0, false, 0, "220 a\rb\r\n", "", "{failed 2 2 0}{close}" },
	{ "CR CR LF", NULL, 0, false, 0, "220 a\r\r\n", "", "{failed 2 2 0}{close}" },
	{ "two codes in one reply", NULL, 0, false, 0, "220-a\r\n250 b\r\n", "",
	    "{failed 2 2 0}{close}" },
	{ "no code", NULL, 0, false, 0, "hello\r\n", "", "{failed 2 2 0}{close}" },
	{ "a code of two digits", NULL, 0, false, 0, "22 x\r\n", "", "{failed 2 2 0}{close}" },
	{ "a code of four digits", NULL, 0, false, 0, "2200 x\r\n", "", "{failed 2 2 0}{close}" },
	{ "code 199", NULL, 0, false, 0, "199 x\r\n", "", "{failed 2 2 0}{close}" },
	{ "code 600", NULL, 0, false, 0, "600 x\r\n", "", "{failed 2 2 0}{close}" },
	{ "an empty line", NULL, 0, false, 0, "\r\n", "", "{failed 2 2 0}{close}" },
	{ "354 as greeting", NULL, 0, false, 0, "354 x\r\n", "", "{failed 2 2 354}{close}" },
	{ "250 to DATA", NULL, 0, false, 0, OPEN "250 ok\r\n250 ok\r\n250 ok\r\n",
	    SAID_EHLO SAID_MAIL SAID_BOB "DATA\r\n", "{done r0/4.5.0}{failed 2 9 250}{close}" },
	{ "354 to MAIL", NULL, 0, false, 0, OPEN "354 ok\r\n", NULL,
	    "{done r0/4.5.0}{failed 2 7 354}{close}" },
	{ "354 to the end of data", NULL, 0, false, 0, OPEN OK3 "354 ok\r\n", NULL,
	    "{done? r0/4.5.0}{failed 2 10 354}{close}" },
	{ "EHLO mixed", NULL, 0, false, 0, HELLO "250-b\r\n500 SIZE\r\n", SAID_EHLO,
	    "{failed 2 3 0}{close}" },
	{ "eighth bit and control octets are kept printable", NULL, 0, false, 0,
	    OPEN "550 \x1b[31m\xff caf\xc3\xa9\x07\r\n" BYE, NULL,
	    "{done x550(550 ?[31m? caf\xc3\xa9?)}{close}" },
	{ "local parts are masked", NULL, 0, false, 0,
	    OPEN "250 ok\r\n550-5.1.1 <bob@b.test> is not here\r\n550-5.1.1 nor \"bob\"\r\n"
		 "550 5.1.1 (alice@a.test)\r\n" BYE,
	    NULL,
	    "{done x550/5.1.1(550 5.1.1 <*@b.test> is not here nor \"*\" (*@a.test))}{close}" },
};

static void
servers_that_take(void)
{
	script_run(good, LEN(good));
}

static void
servers_that_refuse(void)
{
	script_run(refused, LEN(refused));
}

static void
connections_that_end(void)
{
	script_run(ended, LEN(ended));
}

static void
hostile_servers(void)
{
	script_run(hostile, LEN(hostile));
}

/* RFC 3207 6: with the reply or behind it, before the handshake is done. */
static void
injection_ends_it(void)
{
	static const char *const in[] = { "220 go\r\n2", "220 go\r\n250 ok\r\n", "220 go\r\n\x16" };
	for (size_t i = 0; i < LEN(in); i++) {
		for (size_t chunk = 1; chunk < 20; chunk++) {
			struct smtpc_peer p;
			smtpc_peer_init(&p);
			p.want_tls = true;
			smtpc_peer_open(&p);
			smtpc_peer_give(&p, S(HELLO "250-b\r\n250 STARTTLS\r\n"), 99);
			smtpc_peer_give(&p, str_from(in[i]), chunk);
			CHECK(p.closed && p.s.state == SMTPC_ST_CLOSED);
			CHECK(str_find(buf_view(&p.done), S("{failed 3 5 220}{close}")) >= 0);
			smtpc_tls_up(&p.s);
			CHECK(p.s.state == SMTPC_ST_CLOSED);
			smtpc_peer_done(&p);
		}
	}
}

TEST_MAIN(servers_that_take, servers_that_refuse, connections_that_end, hostile_servers,
    injection_ends_it)
