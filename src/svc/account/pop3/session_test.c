/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Conversations with a real account: every verb, marks and their end, the lock, and what other
 * sessions of the account do meanwhile.
 */
#include "svc/account/pop3/trial.h"

#include "base/test.h"
#include "ipc/accounts_account.h"
#include "store/trial.h"
#include "sys/chan.h"
#include "sys/sock.h"
#include "sys/sys.h"

#define ONE "From: a@b\nSubject: one\n\nbody\n.dot\n..\n.\nend\n" /* 51 octets with CRLF */
#define TWO "Subject: two\n\n1\n2\n3\n"

static struct store_conf
account_of_three(const char *name)
{
	struct store_conf conf = svc_account_pop3_trial_account(name);
	struct store *s = store_trial_open(&conf);
	svc_account_pop3_trial_append(s, ONE, false);
	svc_account_pop3_trial_append(s, TWO, false);
	svc_account_pop3_trial_append(s, "Subject: three\r\n\r\nno end", true);
	store_close(&s);
	return conf;
}

static void
begin(struct svc_account_pop3_trial *t, const struct store_conf *conf)
{
	svc_account_pop3_trial_begin(t, conf);
	CHECK_STR(svc_account_pop3_trial_open(t), S("+OK Logged in\r\n"));
}

/* The uids in INBOX and their \Seen, as text: "1s 3 ". */
static void
look(const struct store_conf *conf, const char *want)
{
	struct store_msg m[16];
	struct store_mailbox box;
	struct buf got;
	size_t n = 0;
	struct arena *a = arena_new(NULL, "look", 65536, 0);
	struct store *s = store_trial_open(conf);
	buf_init(&got, 4096);
	CHECK_ERR(store_mailbox_find(s, S("INBOX"), a, &box), ERR_OK);
	struct store_scan scan = { .mailbox = box.id, .lo = 1, .hi = UINT32_MAX };
	CHECK_ERR(store_msgs(s, &scan, m, LEN(m), &n), ERR_OK);
	for (size_t i = 0; i < n; i++) {
		buf_printf(&got, "%u%s ", m[i].uid, (m[i].flags & STORE_SEEN) != 0 ? "s" : "");
	}
	CHECK_STR(buf_view(&got), str_from(want));
	buf_done(&got);
	store_close(&s);
	arena_free(&a);
}

static void
lists_and_retrieves(void)
{
	static const struct {
		const char *send, *want;
	} turns[] = {
		{ "STAT", "+OK 3 100\n" },
		{ "LIST", "+OK 3 messages\n1 51\n2 25\n3 24\n.\n" },
		{ "LIST 2", "+OK 2 25\n" },
		{ "LIST 4", "-ERR No such message\n" },
		{ "LIST 0", "-ERR No such message\n" },
		{ "RETR 1",
		    "+OK 51 octets\nFrom: a@b\nSubject: one\n\nbody\n..dot\n...\n..\nend\n.\n" },
		{ "RETR 2", "+OK 25 octets\n" TWO ".\n" },
		{ "RETR 3", "+OK 24 octets\nSubject: three\n\nno end\n.\n" },
		{ "RETR 4", "-ERR No such message\n" },
		{ "TOP 2 0", "+OK The top of the message follows\nSubject: two\n\n.\n" },
		{ "TOP 2 2", "+OK The top of the message follows\nSubject: two\n\n1\n2\n.\n" },
		{ "TOP 2 99", "+OK The top of the message follows\n" TWO ".\n" },
		{ "TOP 3 1", "+OK The top of the message follows\nSubject: three\n\nno end\n.\n" },
		{ "TOP 9 1", "-ERR No such message\n" },
		{ "NOOP", "+OK Done\n" },
		{ "LANG", "+OK Languages follow\nen English\nde Deutsch\nfr Fran\u00e7ais\n.\n" },
		{ "LANG mul", "-ERR That language is not known here\n" },
		{ "LANG de-AT", "+OK de Sprache gewechselt\n" },
		{ "LIST 9", "-ERR Keine solche Nachricht\n" },
		{ "LANG uga", "-ERR Diese Sprache ist hier nicht bekannt\n" },
		{ "LANG *", "+OK en This is the language now\n" },
		{ "USER x", "-ERR Only before log-in\n" },
		{ "STLS", "-ERR Only before log-in\n" },
		{ "XYZZY", "-ERR Unknown command\n" },
		{ "RETR", "-ERR Syntax error in arguments\n" },
		{ "STAT\n", "-ERR Lines must end in CR LF\n" },
		{ "QUIT", "+OK Good-bye\n" },
	};
	struct store_conf conf = account_of_three("pop3-verbs");
	struct svc_account_pop3_trial t;
	begin(&t, &conf);
	for (size_t i = 0; i < LEN(turns); i++) {
		svc_account_pop3_trial_turn(&t, turns[i].send, turns[i].want);
	}
	CHECK(t.session.quit && t.session.end == ERR_OK);
	svc_account_pop3_trial_end(&t);
	look(&conf, "1s 2s 3s "); /* RETR, not TOP, made them seen */
	store_trial_remove(&conf);
}

/* Announced before log-in means announced after it: RFC 2449 5. */
static void
announces(void)
{
	struct store_conf conf = account_of_three("pop3-capa");
	struct svc_account_pop3_trial t;
	begin(&t, &conf);
	svc_account_pop3_trial_turn(&t, "CAPA",
	    "+OK Capabilities follow\nTOP\nUIDL\nRESP-CODES\nAUTH-RESP-CODE\nPIPELINING\nUSER\n"
	    "SASL SCRAM-SHA-256 SCRAM-SHA-1 PLAIN LOGIN\nEXPIRE NEVER\nUTF8 USER\nLANG\n"
	    "IMPLEMENTATION Postern\n.\n");
	svc_account_pop3_trial_end(&t);
	store_trial_remove(&conf);
}

static void
marks_and_forgets(void)
{
	struct store_conf conf = account_of_three("pop3-marks");
	struct svc_account_pop3_trial t;
	begin(&t, &conf);
	svc_account_pop3_trial_turn(&t, "DELE 2", "+OK Marked for deletion\n");
	svc_account_pop3_trial_turn(&t, "DELE 2", "-ERR That message is marked for deletion\n");
	svc_account_pop3_trial_turn(&t, "RETR 2", "-ERR That message is marked for deletion\n");
	svc_account_pop3_trial_turn(&t, "TOP 2 1", "-ERR That message is marked for deletion\n");
	svc_account_pop3_trial_turn(&t, "LIST 2", "-ERR That message is marked for deletion\n");
	svc_account_pop3_trial_turn(&t, "UIDL 2", "-ERR That message is marked for deletion\n");
	svc_account_pop3_trial_turn(&t, "STAT", "+OK 2 75\n");
	svc_account_pop3_trial_turn(&t, "LIST", "+OK 2 messages\n1 51\n3 24\n.\n");
	svc_account_pop3_trial_turn(&t, "RSET", "+OK Nothing is marked any more\n");
	svc_account_pop3_trial_turn(&t, "STAT", "+OK 3 100\n");
	svc_account_pop3_trial_turn(&t, "DELE 1", "+OK Marked for deletion\n");
	svc_account_pop3_trial_end(&t); /* without QUIT */
	look(&conf, "1 2 3 ");
	begin(&t, &conf);
	svc_account_pop3_trial_turn(&t, "DELE 3", "+OK Marked for deletion\n");
	svc_account_pop3_trial_turn(&t, "RSET", "+OK Nothing is marked any more\n");
	svc_account_pop3_trial_turn(&t, "DELE 1", "+OK Marked for deletion\n");
	svc_account_pop3_trial_turn(&t, "QUIT", "+OK Marked messages are removed; good-bye\n");
	svc_account_pop3_trial_end(&t);
	look(&conf, "2 3 ");
	store_trial_remove(&conf);
}

/* Octets of many commands in one read, answered in their order: RFC 2449 6.6. */
static void
pipelines(void)
{
	str in = S("STAT\r\nDELE 1\r\nRETR 2\r\nLIST\r\nQUIT\r\nDELE 2\r\n");
	str want = S("+OK 3 100\r\n+OK Marked for deletion\r\n+OK 25 octets\r\nSubject: two\r\n\r\n"
		     "1\r\n2\r\n3\r\n.\r\n+OK 2 messages\r\n2 25\r\n3 24\r\n.\r\n"
		     "+OK Marked messages are removed; good-bye\r\n");
	for (size_t split = 0; split <= in.n; split += 7) {
		struct store_conf conf = account_of_three("pop3-pipe");
		struct svc_account_pop3_trial t;
		struct buf got;
		buf_init(&got, 4096);
		begin(&t, &conf);
		buf_str(&got, svc_account_pop3_trial_feed(&t, str_sub(in, 0, split)));
		buf_str(&got, svc_account_pop3_trial_feed(&t, str_from_off(in, split)));
		CHECK_STR(buf_view(&got), want);
		buf_done(&got);
		svc_account_pop3_trial_end(&t);
		look(&conf, "2s 3 ");
		store_trial_remove(&conf);
	}
}

/* UIDVALIDITY "." UID, the same in every session, at most 70 octets of RFC 1939 7. */
static void
identifies(void)
{
	struct store_conf conf = account_of_three("pop3-uidl");
	struct svc_account_pop3_trial t;
	struct buf first, want;
	buf_init(&first, 4096);
	buf_init(&want, 4096);
	begin(&t, &conf);
	buf_str(&first, svc_account_pop3_trial_feed(&t, S("UIDL\r\n")));
	for (uint32_t i = 1; i <= 3; i++) {
		char line[16];
		uint32_t v = t.session.drop.uidvalidity;
		snprintf(line, sizeof line, "UIDL %u", i);
		buf_reset(&want);
		buf_printf(&want, "+OK %u %u.%u\n", i, v, i);
		buf_ch(&want, '\0');
		svc_account_pop3_trial_turn(&t, line, want.p);
	}
	svc_account_pop3_trial_end(&t);
	begin(&t, &conf);
	CHECK_STR(svc_account_pop3_trial_feed(&t, S("UIDL\r\n")), buf_view(&first));
	CHECK_U64(t.session.drop.n, 3);
	svc_account_pop3_trial_end(&t);
	buf_done(&first);
	buf_done(&want);
	store_trial_remove(&conf);
}

/* RFC 1939 4: one session has the maildrop; it goes with QUIT, or with the session. */
static void
locks(void)
{
	struct store_conf conf = account_of_three("pop3-lock");
	struct svc_account_pop3_trial a, b;
	str in_use = S("-ERR [IN-USE] Another POP3 session has this maildrop open\r\n");
	begin(&a, &conf);
	svc_account_pop3_trial_begin(&b, &conf);
	CHECK_STR(svc_account_pop3_trial_open(&b), in_use);
	CHECK(b.session.quit && b.session.end == ERR_OK);
	svc_account_pop3_trial_end(&b);
	svc_account_pop3_trial_turn(&a, "QUIT", "+OK Good-bye\n");
	begin(&b, &conf); /* the other process still lives */
	svc_account_pop3_trial_end(&a);
	svc_account_pop3_trial_begin(&a, &conf);
	CHECK_STR(svc_account_pop3_trial_open(&a), in_use);
	svc_account_pop3_trial_end(&a);
	svc_account_pop3_trial_end(&b);
	begin(&a, &conf); /* ended without QUIT */
	svc_account_pop3_trial_end(&a);
	store_trial_remove(&conf);
}

static void
expunge_all(struct store *s, uint64_t mailbox, uint32_t uid)
{
	struct store_set uids;
	store_set_init(&uids);
	store_set_add(&uids, uid, uid);
	CHECK_ERR(store_expunge(s, mailbox, &uids, false, NULL), ERR_OK);
	store_set_done(&uids);
}

/* IMAP and deliveries go on: numbers stay, what is gone is said to be gone. */
static void
others_go_on(void)
{
	struct store_conf conf = account_of_three("pop3-others");
	struct store *s = store_trial_open(&conf);
	struct svc_account_pop3_trial t;
	begin(&t, &conf);
	svc_account_pop3_trial_append(s, TWO, false);
	expunge_all(s, t.session.drop.mailbox, 1);
	svc_account_pop3_trial_turn(&t, "STAT", "+OK 3 100\n");
	svc_account_pop3_trial_turn(&t, "RETR 1",
	    "-ERR That message was removed by another session\n");
	svc_account_pop3_trial_turn(&t, "TOP 1 1",
	    "-ERR That message was removed by another session\n");
	svc_account_pop3_trial_turn(&t, "RETR 4", "-ERR No such message\n");
	svc_account_pop3_trial_turn(&t, "DELE 1", "+OK Marked for deletion\n");
	svc_account_pop3_trial_turn(&t, "DELE 2", "+OK Marked for deletion\n");
	svc_account_pop3_trial_turn(&t, "QUIT", "+OK Marked messages are removed; good-bye\n");
	svc_account_pop3_trial_end(&t);
	look(&conf, "3 4 ");
	store_close(&s);
	store_trial_remove(&conf);
}

/* Accounts is told of what QUIT did, and may end a session without a word. */
static void
hears_and_tells(void)
{
	struct store_conf conf = account_of_three("pop3-control");
	struct svc_account_pop3_trial t;
	struct buf b;
	int fd = -1;
	buf_init(&b, SYS_CHAN_MESSAGE_MAX);
	begin(&t, &conf);
	svc_account_pop3_trial_turn(&t, "DELE 1", "+OK Marked for deletion\n");
	CHECK_ERR(sys_chan_recv(t.accounts, &b, &fd), ERR_AGAIN);
	svc_account_pop3_trial_turn(&t, "QUIT", "+OK Marked messages are removed; good-bye\n");
	CHECK_ERR(sys_chan_recv(t.accounts, &b, &fd), ERR_OK);
	svc_account_pop3_trial_end(&t);
	begin(&t, &conf);
	svc_account_pop3_trial_turn(&t, "DELE 1", "+OK Marked for deletion\n");
	buf_reset(&b);
	ipc_accounts_account_quit_put(&b, &(struct ipc_accounts_account_quit){ .reason = 1 });
	CHECK_ERR(sys_chan_send_wait(t.accounts, &b, -1, 1000), ERR_OK);
	svc_account_pop3_control(&t.session);
	CHECK(t.session.quit);
	CHECK_STR(svc_account_pop3_trial_feed(&t, S("QUIT\r\n")), STR_NONE);
	svc_account_pop3_trial_end(&t);
	look(&conf, "2 3 ");
	buf_done(&b);
	store_trial_remove(&conf);
}

/* The whole session over its stream: what came with the log-in, end of the stream, autologout. */
static void
runs(void)
{
	static const struct {
		const char *name, *unread, *sent, *want, *left;
		int64_t timeout;
		enum err end;
	} cases[] = {
		{ "octets behind the log-in", "STAT\r\nDELE 1\r\nQU", "IT\r\n",
		    "+OK Logged in\r\n+OK 3 100\r\n+OK Marked for deletion\r\n"
		    "+OK Marked messages are removed; good-bye\r\n",
		    "2 3 ", 600000, ERR_OK },
		{ "the stream ends", "DELE 1\r\n", "DELE 2\r\nQUIT",
		    "+OK Logged in\r\n+OK Marked for deletion\r\n+OK Marked for deletion\r\n",
		    "1 2 3 ", 600000, ERR_OK },
		{ "autologout", "DELE 1\r\n", NULL, "+OK Logged in\r\n+OK Marked for deletion\r\n",
		    "1 2 3 ", 1, ERR_TIMEOUT },
	};
	for (size_t i = 0; i < LEN(cases); i++) {
		struct store_conf conf = account_of_three("pop3-run");
		struct svc_account_pop3_trial t;
		struct svc_account_login login = { .unread = str_from(cases[i].unread) };
		char got[4096];
		size_t n = 0;
		test_case = cases[i].name;
		svc_account_pop3_trial_begin(&t, &conf);
		t.conf.pop3_idle_timeout = cases[i].timeout;
		if (cases[i].sent != NULL) {
			CHECK_ERR(sys_sock_write(t.client, str_from(cases[i].sent), &n), ERR_OK);
			CHECK_ERR(sys_sock_shutdown(t.client), ERR_OK);
		}
		CHECK_ERR(svc_account_pop3_run(&t.account, &login), cases[i].end);
		CHECK_ERR(sys_sock_read(t.client, got, sizeof got, &n), ERR_OK);
		CHECK_STR(str_make(got, n), str_from(cases[i].want));
		svc_account_pop3_trial_end(&t);
		look(&conf, cases[i].left);
		store_trial_remove(&conf);
	}
}

static void
ends_after_many_errors(void)
{
	struct store_conf conf = account_of_three("pop3-errors");
	struct svc_account_pop3_trial t;
	begin(&t, &conf);
	for (int i = 1; i < SVC_ACCOUNT_POP3_ERRORS_MAX; i++) {
		svc_account_pop3_trial_turn(&t, "X", "-ERR Unknown command\n");
	}
	svc_account_pop3_trial_turn(&t, "NOOP", "+OK Done\n"); /* only those in a row count */
	for (int i = 1; i < SVC_ACCOUNT_POP3_ERRORS_MAX; i++) {
		svc_account_pop3_trial_turn(&t, "X", "-ERR Unknown command\n");
	}
	CHECK(!t.session.quit);
	svc_account_pop3_trial_turn(&t, "X", "-ERR Too many errors\n");
	CHECK(t.session.quit);
	svc_account_pop3_trial_end(&t);
	store_trial_remove(&conf);
}

TEST_MAIN(lists_and_retrieves, announces, marks_and_forgets, pipelines, identifies, locks,
    others_go_on, hears_and_tells, runs, ends_after_many_errors)
