/* SPDX-License-Identifier: Apache-2.0 */
/*
 * METADATA and LIST-METADATA: the RFCs' examples and rules, limits, and two sessions of one account
 * that tell each other. RFC 5464, 9590.
 */
#include "base/test.h"
#include "ipc/accounts_account.h"
#include "store/limits.h"
#include "svc/account/imap/trial.h"
#include "sys/chan.h"

static struct store_conf account;
static struct svc_account_imap_trial t;

static void
setup(void)
{
	account = svc_account_imap_trial_account("metadata");
	svc_account_imap_trial_begin(&t, &account);
}

static void
teardown(void)
{
	svc_account_imap_trial_end(&t);
	svc_account_imap_trial_remove(&account);
}

/* RFC 5464 4.2, 4.3, 4.4.1 */
static void
examples(void)
{
	static const struct svc_account_imap_turn turns[] = {
		{ "a GETMETADATA \"\" /shared/comment",
		    "* METADATA \"\" (/shared/comment NIL)\na OK GETMETADATA done\n" },
		{ "a SETMETADATA INBOX (/private/comment {33+}\r\nMy new comment across\r\n"
		  "two lines.)",
		    "a OK SETMETADATA done\n" },
		{ "a GETMETADATA \"INBOX\" /private/comment",
		    "* METADATA INBOX (/private/comment {33}\nMy new comment across\n"
		    "two lines.)\na OK GETMETADATA done\n" },
		{ "a SETMETADATA INBOX (/private/comment NIL)", "a OK SETMETADATA done\n" },
		{ "a SETMETADATA INBOX (/private/comment \"My new comment\" "
		  "/shared/comment \"This one is for you!\")",
		    "a OK SETMETADATA done\n" },
		{ "a GETMETADATA \"INBOX\" (/shared/comment /private/comment)",
		    "* METADATA INBOX (/shared/comment \"This one is for you!\" "
		    "/private/comment \"My new comment\")\na OK GETMETADATA done\n" },
		{ "a GETMETADATA \"INBOX\" /private/comment /shared/comment",
		    "* METADATA INBOX (/private/comment \"My new comment\" "
		    "/shared/comment \"This one is for you!\")\na OK GETMETADATA done\n" },
		{ "a GETMETADATA \"INBOX\" (MAXSIZE 15) (/shared/comment /private/comment)",
		    "* METADATA INBOX (/private/comment \"My new comment\")\n"
		    "a OK [METADATA LONGENTRIES 20] GETMETADATA done\n" },
		{ "a GETMETADATA (MAXSIZE 3) INBOX /shared/comment",
		    "a OK [METADATA LONGENTRIES 20] GETMETADATA done\n" },
		{ "a SETMETADATA INBOX (/PRIVATE/Filters/values/small \"SMALLER 5000\" "
		  "/private/filters/values/boss \"FROM \\\"boss@example.com\\\"\" "
		  "/private/filters/values/boss/x deep)",
		    "a BAD syntax error\n" },
		{ "a SETMETADATA INBOX (/PRIVATE/Filters/values/small \"SMALLER 5000\" "
		  "/private/filters/values/boss \"FROM \\\"boss@example.com\\\"\" "
		  "/private/filters/values/boss/x \"deep\")",
		    "a OK SETMETADATA done\n" },
		{ "a GETMETADATA \"INBOX\" (DEPTH 1) (/private/filters/values)",
		    "* METADATA INBOX (/private/filters/values/boss \"FROM "
		    "\\\"boss@example.com\\\"\" /private/filters/values/small \"SMALLER 5000\")\n"
		    "a OK GETMETADATA done\n" },
		{ "a GETMETADATA (DEPTH infinity MAXSIZE 5) INBOX (/private/filters "
		  "/private/filters/values/boss)",
		    "* METADATA INBOX (/private/filters/values/boss/x \"deep\")\n"
		    "a OK [METADATA LONGENTRIES 23] GETMETADATA done\n" },
		{ "a GETMETADATA (DEPTH 1) INBOX /shared",
		    "* METADATA INBOX (/shared/comment \"This one is for you!\")\n"
		    "a OK GETMETADATA done\n" },
		{ "a GETMETADATA (DEPTH 0) INBOX /private/Filters/values/SMALL",
		    "* METADATA INBOX (/private/filters/values/small \"SMALLER 5000\")\n"
		    "a OK GETMETADATA done\n" },
	};
	setup();
	svc_account_imap_trial_talk(&t, turns, LEN(turns));
	teardown();
}

/* RFC 5464 3.2: BAD for names that cannot be. 3.3, 4.3: NO. */
static void
refusals(void)
{
	static const char *const bad[] = { "/comment", "comment", "/shared", "/shared/", "/private",
		"/shared//comment", "/shared/comment/", "/shared/*", "/shared/a%b", "/sharedx/a",
		"/shared/vendor", "/shared/vendor/x", "\"/shared/a\tb\"", "\"/shared/\303\244\"",
		"\"\"" };
	static const struct svc_account_imap_turn turns[] = {
		{ "a SETMETADATA \"\" (/shared/comment \"x\")",
		    "a NO [NOPERM] shared entries of the server are the administrator's\n" },
		{ "a SETMETADATA nowhere (/shared/comment \"x\")",
		    "a NO [NONEXISTENT] no such mailbox\n" },
		{ "a GETMETADATA nowhere /shared/comment", "a NO [NONEXISTENT] no such mailbox\n" },
		{ "a SETMETADATA INBOX ()", "a BAD syntax error\n" },
		{ "a SETMETADATA INBOX (/shared/comment)", "a BAD syntax error\n" },
		{ "a SETMETADATA INBOX /shared/comment x", "a BAD syntax error\n" },
		{ "a GETMETADATA INBOX ()", "a BAD syntax error\n" },
		{ "a GETMETADATA (DEPTH 2) INBOX /shared/comment", "a BAD syntax error\n" },
		{ "a GETMETADATA (MAXSIZE x) INBOX /shared/comment", "a BAD syntax error\n" },
		{ "a GETMETADATA () INBOX /shared/comment", "a BAD syntax error\n" },
		{ "a SETMETADATA \"\" (/private/vendor/x/y \"mine\")", "a OK SETMETADATA done\n" },
		{ "a GETMETADATA (DEPTH infinity) \"\" (/private /shared)",
		    "* METADATA \"\" (/private/vendor/x/y \"mine\" "
		    "/shared/admin \"mailto:postmaster@example.org\")\na OK GETMETADATA done\n" },
	};
	char line[200];
	setup();
	t.conf.imap_admin = S("mailto:postmaster@example.org");
	for (size_t i = 0; i < LEN(bad); i++) {
		(void)snprintf(line, sizeof line, "a GETMETADATA INBOX %s", bad[i]);
		svc_account_imap_trial_turn(&t, line, "a BAD syntax error\n");
		(void)snprintf(line, sizeof line, "a SETMETADATA INBOX (%s \"x\")", bad[i]);
		svc_account_imap_trial_turn(&t, line, "a BAD syntax error\n");
	}
	svc_account_imap_trial_talk(&t, turns, LEN(turns));
	teardown();
}

/* RFC 5464 4.3: too long, too many; nothing of such a command is done. Values may hold NUL. */
static void
limits(void)
{
	static char big[STORE_ANNOTATION_VALUE_MAX + 100];
	struct buf b;
	char line[100];
	setup();
	buf_init(&b, 100000);
	memset(big, 'x', sizeof big);
	buf_printf(&b, "a SETMETADATA INBOX (/shared/a \"1\" /shared/b {%d+}\r\n",
	    STORE_ANNOTATION_VALUE_MAX + 1);
	buf_add(&b, big, STORE_ANNOTATION_VALUE_MAX + 1);
	buf_cstr(&b, ")\r\n");
	svc_account_imap_trial_like(svc_account_imap_trial_feed(&t, buf_view(&b)),
	    "a NO [METADATA MAXSIZE 32768] value is too long\n");
	svc_account_imap_trial_turn(&t, "a GETMETADATA INBOX /shared/a",
	    "* METADATA INBOX (/shared/a NIL)\na OK GETMETADATA done\n");
	for (int i = 0; i < STORE_ANNOTATIONS_MAX; i++) {
		(void)snprintf(line, sizeof line, "a SETMETADATA INBOX (/shared/n/%d \"x\")", i);
		svc_account_imap_trial_turn(&t, line, "a OK SETMETADATA done\n");
	}
	svc_account_imap_trial_turn(&t, "a SETMETADATA INBOX (/shared/more \"x\")",
	    "a NO [METADATA TOOMANY] too many annotations\n");
	svc_account_imap_trial_like(svc_account_imap_trial_feed(&t,
					S("a SETMETADATA Sent (/shared/z ~{3+}\r\na\0b)\r\n")),
	    "a OK SETMETADATA done\n");
	CHECK_STR(svc_account_imap_trial_feed(&t, S("a GETMETADATA Sent /shared/z\r\n")),
	    S("* METADATA Sent (/shared/z ~{3}\r\na\0b)\r\na OK GETMETADATA done\r\n"));
	buf_done(&b);
	teardown();
}

/* RFC 9590 3, 4: METADATA follows LIST of mailboxes that exist and were selected. */
static void
list_metadata(void)
{
	static const struct svc_account_imap_turn turns[] = {
		{ "a SETMETADATA INBOX (/shared/vendor/cmu/cyrus-imapd/color \"b71c1c\")",
		    "a OK SETMETADATA done\n" },
		{ "a CREATE foo/bar", NULL },
		{ "a DELETE foo", NULL },
		{ "a LIST \"\" (INBOX foo) RETURN (METADATA "
		  "(/shared/vendor/cmu/cyrus-imapd/color))",
		    "* LIST (\\HasNoChildren) \"/\" INBOX\n"
		    "* METADATA INBOX (/shared/vendor/cmu/cyrus-imapd/color \"b71c1c\")\n"
		    "* LIST (\\NonExistent \\HasChildren) \"/\" foo\na OK LIST done\n" },
		{ "a LIST \"\" foo/bar RETURN (METADATA (\"/shared/comment\") STATUS (MESSAGES))",
		    "* LIST (\\HasNoChildren) \"/\" foo/bar\n* STATUS foo/bar (MESSAGES 0)\n"
		    "* METADATA foo/bar (/shared/comment NIL)\na OK LIST done\n" },
		{ "a LIST (SUBSCRIBED RECURSIVEMATCH) \"\" % RETURN (METADATA (/shared/x))", NULL },
		{ "a LIST \"\" % RETURN (METADATA ())", "a BAD syntax error\n" },
		{ "a LIST \"\" % RETURN (METADATA)", "a BAD syntax error\n" },
	};
	setup();
	svc_account_imap_trial_talk(&t, turns, LEN(turns));
	teardown();
}

/* What the accounts process does between two sessions. */
static void
notice(struct svc_account_imap_trial *to, uint64_t mailbox)
{
	struct buf out;
	buf_init(&out, 100);
	ipc_accounts_account_notice_put(&out, &(struct ipc_accounts_account_notice){ mailbox });
	CHECK_ERR(sys_chan_send_wait(to->accounts, &out, -1, 0), ERR_OK);
	buf_done(&out);
	svc_account_imap_control(&to->session);
}

/* RFC 5464 4.1, 4.4: only who said ENABLE is told, of names only, and not of his own changes. */
static void
others_are_told(void)
{
	struct svc_account_imap_trial u;
	setup();
	svc_account_imap_trial_begin(&u, &account);
	svc_account_imap_trial_turn(&u, "b SETMETADATA INBOX (/shared/before \"x\")", NULL);
	svc_account_imap_trial_turn(&t, "a ENABLE METADATA",
	    "* ENABLED METADATA\na OK ENABLE done\n");
	svc_account_imap_trial_turn(&u,
	    "b SETMETADATA INBOX (/shared/comment \"x\" /private/comment \"y\")",
	    "b OK SETMETADATA done\n");
	svc_account_imap_trial_turn(&u, "b SETMETADATA \"\" (/private/z \"x\")", NULL);
	svc_account_imap_trial_turn(&t, "a NOOP", "a OK NOOP done\n");
	notice(&t, 0);
	svc_account_imap_trial_turn(&t, "a SETMETADATA Sent (/shared/own \"x\")",
	    "* METADATA INBOX /private/comment /shared/comment\n* METADATA \"\" /private/z\n"
	    "a OK SETMETADATA done\n");
	notice(&u, 0);
	svc_account_imap_trial_turn(&u, "b NOOP", "b OK NOOP done\n");
	svc_account_imap_trial_turn(&u, "b SETMETADATA INBOX (/shared/comment NIL)", NULL);
	svc_account_imap_trial_turn(&t, "a IDLE", "+ idling\n");
	notice(&t, 0);
	svc_account_imap_take_news(&t.session);
	svc_account_imap_flush(&t.session);
	svc_account_imap_trial_turn(&t, "DONE",
	    "* METADATA INBOX /shared/comment\na OK IDLE done\n");
	svc_account_imap_trial_end(&u);
	teardown();
}

TEST_MAIN(examples, refusals, limits, list_metadata, others_are_told)
