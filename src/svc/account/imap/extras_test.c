/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Small extensions: APPENDLIMIT (RFC 7889), QUOTA (RFC 9208), SAVEDATE (RFC 8514), and capabilities
 * that are denied.
 */
#include "svc/account/imap/trial.h"

#include "base/test.h"
#include "store/trial.h"

typedef struct svc_account_imap_turn turn;

static void
append_limit(void)
{
	static const turn turns[] = {
		{ "t1 STATUS INBOX (APPENDLIMIT)",
		    "* STATUS INBOX (APPENDLIMIT 100000)\nt1 OK STATUS done\n" },
		{ "t1 LIST \"\" Drafts RETURN (STATUS (APPENDLIMIT MESSAGES))",
		    "* LIST (\\HasNoChildren \\Drafts) \"/\" Drafts\n"
		    "* STATUS Drafts (MESSAGES 0 APPENDLIMIT 100000)\nt1 OK LIST done\n" },
		{ "a APPEND INBOX {100001}", "a NO [TOOBIG] message is too large\n" },
	};
	struct svc_account_imap_one f;
	svc_account_imap_one_begin(&f, "appendlimit");
	svc_account_imap_trial_talk(&f.t, turns, LEN(turns));
	str got = svc_account_imap_trial_feed(&f.t, S("a CAPABILITY\r\n"));
	CHECK(str_find(got, S(" APPENDLIMIT=100000 ")) > 0);
	svc_account_imap_one_end(&f);
}

static void
quota(void)
{
	static const turn unlimited[] = {
		{ "a GETQUOTAROOT INBOX",
		    "* QUOTAROOT INBOX \"\"\n* QUOTA \"\" ()\n"
		    "a OK GETQUOTAROOT done\n" },
	};
	static const turn limited[] = {
		{ "a GETQUOTA \"\"",
		    "* QUOTA \"\" (STORAGE 2 10 MESSAGE 3 5)\na OK GETQUOTA done\n" },
		{ "a GETQUOTAROOT nope",
		    "* QUOTAROOT nope \"\"\n* QUOTA \"\" (STORAGE 2 10 MESSAGE "
		    "3 5)\na OK GETQUOTAROOT done\n" },
		{ "a GETQUOTA x", "a NO [NONEXISTENT] no such quota root\n" },
		{ "a SETQUOTA \"\" (STORAGE 1)", "a NO [NOPERM] the administrator sets quotas\n" },
		{ "a STATUS INBOX (DELETED DELETED-STORAGE)",
		    "* STATUS INBOX (DELETED 2 DELETED-STORAGE 1042)\na OK STATUS done\n" },
		{ "a STATUS Drafts (DELETED-STORAGE)",
		    "* STATUS Drafts (DELETED-STORAGE 0)\na OK STATUS done\n" },
		{ "a SELECT INBOX", NULL },
		{ "a COPY 1:3 Drafts", "a NO [OVERQUOTA] mailbox is full\n" },
		{ "a COPY 1:2 Drafts", "a OK [COPYUID # 1:2 1:2] COPY done\n" },
		{ "a APPEND INBOX {1}", "a NO [OVERQUOTA] mailbox is full\n" },
		{ "a GETQUOTA \"\"",
		    "* QUOTA \"\" (STORAGE 2 10 MESSAGE 5 5)\na OK GETQUOTA done\n" },
	};
	struct svc_account_imap_one f;
	char big[1022 + 1];
	memset(big, 'x', sizeof big - 1);
	big[sizeof big - 1] = '\0';
	big[500] = '\n';
	svc_account_imap_one_begin(&f, "quota9208");
	svc_account_imap_trial_append(&f.t, "INBOX", "()", "Subject: a\n\nb\n\n");
	svc_account_imap_trial_append(&f.t, "INBOX", "(\\Deleted)", "Subject: a\n\nb\n\n");
	svc_account_imap_trial_append(&f.t, "INBOX", "(\\Deleted)", big);
	svc_account_imap_trial_talk(&f.t, unlimited, LEN(unlimited));
	svc_account_imap_trial_end(&f.t);
	f.conf.quota_octets = 10 * 1024 + 7;
	f.conf.quota_messages = 5;
	svc_account_imap_trial_begin(&f.t, &f.conf);
	svc_account_imap_trial_talk(&f.t, limited, LEN(limited));
	svc_account_imap_one_end(&f);
}

/* The clock of trial stores: 14 November 2023, 22:13:20; APPEND says 1 February 2024. */
static void
save_date(void)
{
	static const turn turns[] = {
		{ "a SELECT INBOX", NULL },
		{ "a FETCH 1 (SAVEDATE INTERNALDATE)",
		    "* 1 FETCH (SAVEDATE \"14-Nov-2023 22:13:# +0000\" INTERNALDATE "
		    "\" 1-Feb-2024 10:00:00 +0000\")\na OK FETCH done\n" },
		{ "a SEARCH SAVEDON 14-Nov-2023", "* SEARCH 1\na OK SEARCH done\n" },
		{ "a SEARCH SAVEDON 1-Feb-2024", "* SEARCH\na OK SEARCH done\n" },
		{ "a SEARCH SAVEDBEFORE 15-Nov-2023", "* SEARCH 1\na OK SEARCH done\n" },
		{ "a SEARCH SAVEDBEFORE 14-Nov-2023", "* SEARCH\na OK SEARCH done\n" },
		{ "a SEARCH SAVEDSINCE 14-Nov-2023", "* SEARCH 1\na OK SEARCH done\n" },
		{ "a SEARCH SAVEDSINCE 15-Nov-2023", "* SEARCH\na OK SEARCH done\n" },
		{ "a SEARCH NOT SAVEDATESUPPORTED", "* SEARCH\na OK SEARCH done\n" },
		{ "a SEARCH SAVEDATESUPPORTED", "* SEARCH 1\na OK SEARCH done\n" },
		{ "a SEARCH SAVEDON", "a BAD syntax error\n" },
	};
	/* A copy is saved when it is made (RFC 8514 3); the source keeps its date. */
	static const turn later[] = {
		{ "a COPY 1 Drafts", NULL },
		{ "a FETCH 1 SAVEDATE",
		    "* 1 FETCH (SAVEDATE \"14-Nov-2023 22:13:# +0000\")\na OK FETCH done\n" },
		{ "a EXAMINE Drafts", NULL },
		{ "a FETCH 1 SAVEDATE",
		    "* 1 FETCH (SAVEDATE \"15-Nov-2023 22:13:# +0000\")\na OK FETCH done\n" },
	};
	struct svc_account_imap_one f;
	svc_account_imap_one_begin(&f, "savedate");
	svc_account_imap_trial_append(&f.t, "INBOX", "()", "Subject: a\n\nb\n");
	svc_account_imap_trial_talk(&f.t, turns, LEN(turns));
	store_trial_now += 86400;
	svc_account_imap_trial_talk(&f.t, later, LEN(later));
	svc_account_imap_one_end(&f);
}

static bool
announced(struct svc_account_imap_trial *t, const char *name)
{
	struct buf b;
	buf_init(&b, 100);
	buf_printf(&b, " %s ", name);
	str got = svc_account_imap_trial_feed(t, S("a CAPABILITY\r\n"));
	bool found = str_find(got, buf_view(&b)) > 0;
	buf_done(&b);
	return found;
}

/* imap.deny takes capabilities from a program, and from an account. */
static void
denied(void)
{
	static const str rules[] = { S_INIT("Apple Mail*: REPLACE ESEARCH IDLE X-NONE"),
		S_INIT("user@example.*: LITERAL+ QRESYNC"), S_INIT("*@elsewhere.example: MOVE"),
		S_INIT("OTHER: MOVE") };
	static const turn turns[] = {
		{ "a ENABLE QRESYNC CONDSTORE", "* ENABLED CONDSTORE\na OK ENABLE done\n" },
		{ "a APPEND INBOX {5000+}", NULL },
		{ "a IDLE", "+ idling\n" },
		{ "DONE", "a OK IDLE done\n" },
		{ "a ID (\"os\" \"x\" \"name\" \"APPLE mail 16\")", NULL },
		{ "a IDLE", "a BAD unknown command\n" },
		{ "a SELECT INBOX", NULL },
		{ "a MOVE 1 Drafts", "a BAD no such message number\n" },
		{ "a REPLACE 1 INBOX CATENATE (URL /x)", "a BAD unknown command\n" },
		{ "a REPLACE 1 INBOX {1}", "a BAD unknown command\n" },
	};
	struct svc_account_imap_one f;
	f.conf = svc_account_imap_trial_account("denied");
	svc_account_imap_trial_begin(&f.t, &f.conf);
	f.t.conf.imap_deny = (struct conf_list){ rules, LEN(rules) };
	svc_account_imap_done(&f.t.session);
	CHECK_ERR(svc_account_imap_init(&f.t.session, &f.t.account), ERR_OK);
	CHECK(announced(&f.t, "LITERAL-") && !announced(&f.t, "LITERAL+"));
	CHECK(!announced(&f.t, "QRESYNC") && announced(&f.t, "REPLACE") && announced(&f.t, "MOVE"));
	svc_account_imap_trial_turn(&f.t, turns[0].send, turns[0].want);
	test_case = "a large literal that nobody waits for";
	struct buf b;
	buf_init(&b, 10000);
	buf_cstr(&b, "a APPEND INBOX {5000+}\r\n");
	for (int i = 0; i < 5000; i++) {
		buf_ch(&b, 'x');
	}
	buf_cstr(&b, "\r\n");
	svc_account_imap_trial_like(svc_account_imap_trial_feed(&f.t, buf_view(&b)),
	    "a BAD [TOOBIG] command is too long\n");
	buf_done(&b);
	svc_account_imap_trial_talk(&f.t, turns + 2, LEN(turns) - 2);
	CHECK(!announced(&f.t, "REPLACE") && !announced(&f.t, "ESEARCH"));
	CHECK(announced(&f.t, "MOVE"));
	/* What was denied is announced anew when ID comes. */
	svc_account_imap_done(&f.t.session);
	CHECK_ERR(svc_account_imap_init(&f.t.session, &f.t.account), ERR_OK);
	str got = svc_account_imap_trial_feed(&f.t, S("a ID (\"name\" \"other\")\r\n"));
	CHECK(str_find(got, S("* CAPABILITY IMAP4rev1 ")) > 0 && str_find(got, S(" MOVE ")) < 0);
	got = svc_account_imap_trial_feed(&f.t, S("a ID (\"name\" \"other\")\r\n"));
	CHECK(str_find(got, S("* CAPABILITY")) < 0);
	svc_account_imap_one_end(&f);
}

#define HTML "Content-Type: text/html; charset=utf-8\n\n<p>Gr\303\274\303\237e &amp; so</p>\n"

static void
previews(void)
{
	static const turn turns[] = {
		{ "a SELECT INBOX", NULL },
		{ "a FETCH 1 (RFC822.SIZE PREVIEW)",
		    "* 1 FETCH (RFC822.SIZE 30 PREVIEW \"the text\")\na OK FETCH done\n" },
		{ "a FETCH 2 PREVIEW (LAZY)",
		    "* 2 FETCH (PREVIEW {12}\nGr\303\274\303\237e & so)\na OK FETCH done\n" },
		{ "a FETCH 3 (PREVIEW (LAZY) UID)",
		    "* 3 FETCH (UID 3 PREVIEW \"\")\na OK FETCH done\n" },
		{ "a FETCH 1 (PREVIEW (LAZY)) (CHANGEDSINCE 1)",
		    "* OK [HIGHESTMODSEQ #] from now on\n"
		    "* 1 FETCH (MODSEQ (#) PREVIEW \"the text\")\na OK FETCH done\n" },
		{ "a FETCH 1 PREVIEW (CHANGEDSINCE 1)",
		    "* 1 FETCH (MODSEQ (#) PREVIEW \"the text\")\na OK FETCH done\n" },
		{ "a FETCH 1 PREVIEW (FROB)", "a BAD syntax error\n" },
		{ "a FETCH 1 PREVIEW (LAZY FROB)", "a BAD syntax error\n" },
		{ "a ENABLE UTF8=ACCEPT", NULL },
		{ "a FETCH 2 PREVIEW",
		    "* 2 FETCH (PREVIEW \"Gr\303\274\303\237e & so\")\na OK FETCH done\n" },
	};
	/* What was kept before there were previews: LAZY does not look, FETCH does and keeps. */
	static const turn forgotten[] = {
		{ "a FETCH 1 PREVIEW (LAZY)", "* 1 FETCH (PREVIEW NIL)\na OK FETCH done\n" },
		{ "a FETCH 1 PREVIEW", "* 1 FETCH (PREVIEW \"the text\")\na OK FETCH done\n" },
		{ "a FETCH 1 PREVIEW (LAZY)",
		    "* 1 FETCH (PREVIEW \"the text\")\na OK FETCH done\n" },
		{ "a STATUS INBOX (UNSEEN)", "* STATUS INBOX (UNSEEN 3)\na OK STATUS done\n" },
	};
	struct svc_account_imap_one f;
	struct store_mailbox m;
	struct store_msg msg;
	svc_account_imap_one_begin(&f, "preview");
	svc_account_imap_trial_append(&f.t, "INBOX", "()", "Subject: a\n\nthe  \n text\n\n");
	svc_account_imap_trial_append(&f.t, "INBOX", "()", HTML);
	svc_account_imap_trial_append(&f.t, "INBOX", "()", "Content-Type: image/png\n\nx\n");
	svc_account_imap_trial_talk(&f.t, turns, LEN(turns));
	arena_reset(f.t.session.scratch);
	CHECK_ERR(store_mailbox_find(f.t.store, S("INBOX"), f.t.session.scratch, &m), ERR_OK);
	CHECK_ERR(store_msg(f.t.store, m.id, 1, &msg), ERR_OK);
	struct store_cached old = { msg.id, STR_NONE, S("\x01\x01\0\0\0xyz") };
	CHECK_ERR(store_cache_set(f.t.store, &old, 1), ERR_OK);
	svc_account_imap_trial_talk(&f.t, forgotten, LEN(forgotten));
	svc_account_imap_one_end(&f);
}

/* RFC 9585: only when a command takes long, and the goal is never reached. */
static void
progress(void)
{
	struct svc_account_imap_one f;
	svc_account_imap_one_begin(&f, "progress");
	struct svc_account_imap *s = &f.t.session;
	svc_account_imap_trial_turn(&f.t, "a SEARCH ALL", "a BAD not in this state\n");
	s->tag = S("a1");
	s->tell_ms = INT64_MAX;
	svc_account_imap_progress(s, 1, 10);
	CHECK_STR(svc_account_imap_trial_feed(&f.t, STR_NONE), S(""));
	s->tell_ms = 0;
	svc_account_imap_progress(s, 454, 1000);
	svc_account_imap_progress(s, 455, 1000); /* too soon */
	CHECK_STR(svc_account_imap_trial_feed(&f.t, STR_NONE),
	    S("* OK [INPROGRESS (\"a1\" 454 1000)] still at it\r\n"));
	s->tell_ms = 0;
	s->tag = S("a]");
	svc_account_imap_progress(s, 3, 3);
	CHECK_STR(svc_account_imap_trial_feed(&f.t, STR_NONE),
	    S("* OK [INPROGRESS (NIL NIL NIL)] still at it\r\n"));
	s->tell_ms = 0;
	CHECK(imap_caps_deny(&s->caps, S("INPROGRESS")));
	svc_account_imap_progress(s, 1, 3);
	CHECK_STR(svc_account_imap_trial_feed(&f.t, STR_NONE), S(""));
	svc_account_imap_one_end(&f);
}

/* RFC 9586: no message numbers in either direction. */
static void
uid_only(void)
{
	static const turn turns[] = {
		{ "a ENABLE UIDONLY", "* ENABLED UIDONLY\na OK ENABLE done\n" },
		{ "a SELECT INBOX",
		    "* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)\n"
		    "* OK [PERMANENTFLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft \\*)] "
		    "flags that stay\n* 2 EXISTS\n* 0 RECENT\n* OK [UIDVALIDITY #] uids are valid\n"
		    "* OK [UIDNEXT 4] next uid\n* OK [HIGHESTMODSEQ #] highest\n"
		    "* OK [MAILBOXID (F#)] mailbox\na OK [READ-WRITE] SELECT done\n" },
		{ "a FETCH 1 FLAGS", "a BAD [UIDREQUIRED] uids only, please\n" },
		{ "a FETCH * FLAGS", "a BAD [UIDREQUIRED] uids only, please\n" },
		{ "a STORE 1 FLAGS ()", "a BAD [UIDREQUIRED] uids only, please\n" },
		{ "a COPY 1 Sent", "a BAD [UIDREQUIRED] uids only, please\n" },
		{ "a MOVE 1 Sent", "a BAD [UIDREQUIRED] uids only, please\n" },
		{ "a SEARCH ALL", "a BAD [UIDREQUIRED] uids only, please\n" },
		{ "a UID SEARCH 1:2", "a BAD [UIDREQUIRED] uids only, please\n" },
		{ "a UID SEARCH NOT (OR 1 SEEN)", "a BAD [UIDREQUIRED] uids only, please\n" },
		{ "a REPLACE 1 INBOX {1}", "a BAD [UIDREQUIRED] uids only, please\n" },
		{ "a REPLACE 1 INBOX CATENATE (URL /x)",
		    "a BAD [UIDREQUIRED] uids only, please\n" },
		{ "a UID SEARCH UID 1:3", "* SEARCH 2 3\na OK SEARCH done\n" },
		{ "a UID SEARCH RETURN (SAVE) UID 2", "a OK SEARCH done\n" },
		{ "a UID FETCH $ (FLAGS BODY.PEEK[TEXT])",
		    "* 2 UIDFETCH (UID 2 FLAGS () BODY[TEXT] {3}\nb\n)\na OK FETCH done\n" },
		{ "a UID STORE 3 +FLAGS (\\Seen)",
		    "* 3 UIDFETCH (UID 3 FLAGS (\\Seen))\na OK STORE done\n" },
		{ "a UID STORE 2 +FLAGS.SILENT (\\Deleted)", "a OK STORE done\n" },
		{ "a EXPUNGE", "* VANISHED 2\na OK EXPUNGE done\n" },
		{ "a UID REPLACE 3 INBOX {3+}\r\nabc",
		    "* OK [APPENDUID # 4] replacement is there\n* VANISHED 3\n* 1 EXISTS\n"
		    "a OK REPLACE done\n" },
		{ "a UID MOVE 4 Sent",
		    "* OK [COPYUID # 4 #] moved\n* VANISHED 4\na OK MOVE done\n" },
		{ "a ENABLE QRESYNC", NULL },
		{ "a SELECT INBOX (QRESYNC (1 1 1:2 (1 2)))",
		    "a BAD [UIDREQUIRED] uids only, please\n" },
	};
	struct svc_account_imap_one f;
	svc_account_imap_one_begin(&f, "uidonly");
	svc_account_imap_trial_append(&f.t, "INBOX", "(\\Deleted)", "Subject: a\n\nb\n");
	svc_account_imap_trial_append(&f.t, "INBOX", "()", "Subject: a\n\nb\n");
	svc_account_imap_trial_append(&f.t, "INBOX", "()", "Subject: a\n\nb\n");
	svc_account_imap_trial_turn(&f.t, "a SELECT INBOX", NULL);
	svc_account_imap_trial_turn(&f.t, "a CLOSE", "a OK CLOSE done\n");
	svc_account_imap_trial_talk(&f.t, turns, LEN(turns));
	svc_account_imap_one_end(&f);
}

TEST_MAIN(uid_only, previews, progress, append_limit, quota, save_date, denied)
