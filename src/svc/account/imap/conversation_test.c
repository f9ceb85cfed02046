/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Conversations of one client with a real store: every verb, what it answers, and its refusals.
 */
#include "svc/account/imap/trial.h"

#include "base/test.h"

typedef struct svc_account_imap_turn turn;

static void
run(const char *name, const turn *turns, size_t n)
{
	struct store_conf conf = svc_account_imap_trial_account(name);
	struct svc_account_imap_trial t;
	svc_account_imap_trial_begin(&t, &conf);
	svc_account_imap_trial_talk(&t, turns, n);
	svc_account_imap_trial_end(&t);
	svc_account_imap_trial_remove(&conf);
}

static void
session_verbs(void)
{
	static const turn turns[] = {
		{ "a NOOP", "a OK NOOP done\n" },
		{ "b CAPABILITY", NULL },
		{ "c NAMESPACE",
		    "* NAMESPACE ((\"\" \"/\")) ((\"Other Users/\" \"/\")) NIL\n"
		    "c OK NAMESPACE done\n" },
		{ "d ID (\"name\" \"x\")", "* ID (\"name\" \"Postern\")\nd OK ID done\n" },
		{ "e ENABLE CONDSTORE X-FOO", "* ENABLED CONDSTORE\ne OK ENABLE done\n" },
		{ "f ENABLE CONDSTORE", "* ENABLED\nf OK ENABLE done\n" },
		{ "g FROB", "g BAD unknown command\n" },
		{ "h NOOP x", "h BAD syntax error\n" },
		{ "+ x", "* BAD syntax error\n" },
		{ "", "* BAD syntax error\n" },
		{ "i LOGIN a b", "i BAD not in this state\n" },
		{ "j FETCH 1 FLAGS", "j BAD not in this state\n" },
		{ "k SELECT &", "k NO [CANNOT] name or text is not valid in its character set\n" },
		{ "l SELECT {70000}", "l BAD [TOOBIG] command is too long\n" },
		{ "m SELECT {5}", "+ go on\n" },
		{ "NOPE1", "m NO [NONEXISTENT] no such mailbox\n" },
		{ "n IDLE", "+ idling\n" },
		{ "done", "n OK IDLE done\n" },
		{ "o IDLE", "+ idling\n" },
		{ "p NOOP", "o BAD syntax error\n" },
		{ "o IDLE", "+ idling\n" },
		{ "p APPEND inbox {3+}\r\na b", "o BAD syntax error\n" },
		{ "q NOOP", "q OK NOOP done\n" },
		{ "q LOGOUT", "* BYE logging out\nq OK LOGOUT done\n" },
	};
	run("session", turns, LEN(turns));
}

static void
mailbox_verbs(void)
{
	static const turn turns[] = {
		{ "a LIST \"\" \"\"", "* LIST (\\Noselect) \"/\" \"\"\na OK LIST done\n" },
		{ "a LIST \"\" *",
		    "* LIST (\\HasNoChildren) \"/\" INBOX\n* LIST (\\HasNoChildren \\Archive) "
		    "\"/\" Archive\n"
		    "* LIST (\\HasNoChildren \\Drafts) \"/\" Drafts\n* LIST (\\HasNoChildren "
		    "\\Junk) \"/\" Junk\n"
		    "* LIST (\\HasNoChildren \\Sent) \"/\" Sent\n* LIST (\\HasNoChildren "
		    "\\Trash) \"/\" Trash\n"
		    "a OK LIST done\n" },
		{ "a CREATE foo/bar/", "a OK [MAILBOXID (F#)] CREATE done\n" },
		{ "a CREATE foo", "a NO [ALREADYEXISTS] mailbox exists already\n" },
		{ "a CREATE inbox", "a NO [ALREADYEXISTS] mailbox exists already\n" },
		{ "a CREATE \"a*b\"", "a NO [CANNOT] not a usable mailbox name\n" },
		{ "a CREATE x//y", "a NO [CANNOT] not a usable mailbox name\n" },
		{ "a CREATE Out (USE (\\Sent))",
		    "a NO [USEATTR] another mailbox has this special use\n" },
		{ "a CREATE Out (USE (\\Frob))", "a NO [USEATTR] unknown special use\n" },
		{ "a CREATE Stars (USE (\\Flagged))", "a OK [MAILBOXID (F#)] CREATE done\n" },
		{ "a LIST \"\" %/%", "* LIST (\\HasNoChildren) \"/\" foo/bar\na OK LIST done\n" },
		{ "a LIST foo/ %", "* LIST (\\HasNoChildren) \"/\" foo/bar\na OK LIST done\n" },
		{ "a LIST (SPECIAL-USE) \"\" S*",
		    "* LIST (\\HasNoChildren \\Sent) \"/\" Sent\n* LIST (\\HasNoChildren "
		    "\\Flagged) \"/\" Stars\n"
		    "a OK LIST done\n" },
		{ "a SUBSCRIBE foo/bar", "a OK SUBSCRIBE done\n" },
		{ "a SUBSCRIBE gone/deep", "a OK SUBSCRIBE done\n" },
		{ "a LIST (SUBSCRIBED) \"\" (foo* g*)",
		    "* LIST (\\Subscribed \\HasNoChildren) \"/\" foo/bar\n"
		    "* LIST (\\NonExistent \\Subscribed \\HasNoChildren) \"/\" gone/deep\na OK "
		    "LIST done\n" },
		{ "a LIST (SUBSCRIBED RECURSIVEMATCH) \"\" (foo% g%)",
		    "* LIST (\\HasChildren) \"/\" foo (\"CHILDINFO\" (\"SUBSCRIBED\"))\n"
		    "* LIST (\\NonExistent \\HasChildren) \"/\" gone (\"CHILDINFO\" "
		    "(\"SUBSCRIBED\"))\n"
		    "a OK LIST done\n" },
		{ "a LSUB \"\" f%",
		    "* LSUB (\\Noselect \\HasChildren) \"/\" foo\na OK LSUB done\n" },
		{ "a LSUB \"\" f*", "* LSUB (\\HasNoChildren) \"/\" foo/bar\na OK LSUB done\n" },
		{ "a LSUB \"\" g*",
		    "* LSUB (\\Noselect \\HasNoChildren) \"/\" gone/deep\na OK LSUB done\n" },
		{ "a LSUB \"\" g%",
		    "* LSUB (\\Noselect \\HasChildren) \"/\" gone\na OK LSUB done\n" },
		{ "a LSUB \"\" Tra%",
		    "* LSUB (\\HasNoChildren \\Trash) \"/\" Trash\na OK LSUB done\n" },
		{ "a LIST \"\" (foo% Drafts) RETURN (SUBSCRIBED CHILDREN)",
		    "* LIST (\\Subscribed \\HasNoChildren \\Drafts) \"/\" Drafts\n"
		    "* LIST (\\HasChildren) \"/\" foo\n"
		    "a OK LIST done\n" },
		{ "a UNSUBSCRIBE gone/deep", "a OK UNSUBSCRIBE done\n" },
		{ "a LIST \"\" inbox RETURN (STATUS (MESSAGES UIDNEXT))",
		    "* LIST (\\HasNoChildren) \"/\" INBOX\n* STATUS INBOX (MESSAGES 0 UIDNEXT #)\n"
		    "a OK LIST done\n" },
		{ "a STATUS foo (MESSAGES RECENT UIDNEXT UIDVALIDITY UNSEEN DELETED SIZE "
		  "HIGHESTMODSEQ "
		  "MAILBOXID)",
		    "* STATUS foo (MESSAGES 0 RECENT 0 UIDNEXT # UIDVALIDITY # UNSEEN 0 DELETED "
		    "0 SIZE 0 "
		    "HIGHESTMODSEQ # MAILBOXID (F#))\na OK STATUS done\n" },
		{ "a STATUS nope (MESSAGES)", "a NO [NONEXISTENT] no such mailbox\n" },
		{ "a RENAME foo zip", "a OK RENAME done\n" },
		{ "a LIST \"\" zip*",
		    "* LIST (\\HasChildren) \"/\" zip\n* LIST (\\HasNoChildren) \"/\" zip/bar\n"
		    "a OK LIST done\n" },
		{ "a RENAME nope x", "a NO [NONEXISTENT] no such mailbox\n" },
		{ "a RENAME zip Sent", "a NO [ALREADYEXISTS] mailbox exists already\n" },
		{ "a DELETE zip/bar", "a OK DELETE done\n" },
		{ "a DELETE zip", "a OK DELETE done\n" },
		{ "a DELETE zip", "a NO [NONEXISTENT] no such mailbox\n" },
		{ "a DELETE inbox", "a NO [CANNOT] INBOX stays\n" },
		{ "a CREATE Entw&APw-rfe", "a OK [MAILBOXID (F#)] CREATE done\n" },
		{ "a LIST \"\" E*",
		    "* LIST (\\HasNoChildren) \"/\" Entw&APw-rfe\na OK LIST done\n" },
		{ "a ENABLE IMAP4rev2", "* ENABLED IMAP4rev2\na OK ENABLE done\n" },
		{ "a LIST \"\" E*",
		    "* LIST (\\HasNoChildren) \"/\" \"Entw\xc3\xbcrfe\"\na OK LIST done\n" },
		{ "a SELECT \"Entw\xc3\xbcrfe\"", NULL },
	};
	run("mailbox", turns, LEN(turns));
}

static void
selecting(void)
{
	static const turn turns[] = {
		{ "a SELECT nope", "a NO [NONEXISTENT] no such mailbox\n" },
		{ "a SELECT x//y", "a NO [NONEXISTENT] no such mailbox\n" },
		{ "a STATUS \"a*\" (MESSAGES)", "a NO [NONEXISTENT] no such mailbox\n" },
		{ "a DELETE /", "a NO [NONEXISTENT] no such mailbox\n" },
		{ "a SELECT inbox",
		    "* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)\n"
		    "* OK [PERMANENTFLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft \\*)] "
		    "flags that stay\n"
		    "* 0 EXISTS\n* 0 RECENT\n* OK [UIDVALIDITY #] uids are valid\n* OK [UIDNEXT "
		    "#] next uid\n"
		    "* OK [HIGHESTMODSEQ #] highest\n* OK [MAILBOXID (F#)] mailbox\n"
		    "a OK [READ-WRITE] SELECT done\n" },
		{ "a CHECK", "a OK CHECK done\n" },
		{ "a EXAMINE Sent (CONDSTORE)",
		    "* OK [CLOSED] previous mailbox is closed\n"
		    "* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)\n"
		    "* OK [PERMANENTFLAGS ()] flags that stay\n* 0 EXISTS\n* 0 RECENT\n"
		    "* OK [UIDVALIDITY #] uids are valid\n* OK [UIDNEXT #] next uid\n"
		    "* OK [HIGHESTMODSEQ #] highest\n* OK [MAILBOXID (F#)] mailbox\n"
		    "a OK [READ-ONLY] EXAMINE done\n" },
		{ "a EXPUNGE", "a NO [NOPERM] mailbox is open read-only\n" },
		{ "a UNSELECT", "a OK UNSELECT done\n" },
		{ "a CHECK", "a BAD not in this state\n" },
		{ "a ENABLE IMAP4rev2", "* ENABLED IMAP4rev2\na OK ENABLE done\n" },
		{ "a SELECT inbox",
		    "* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)\n"
		    "* OK [PERMANENTFLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft \\*)] "
		    "flags that stay\n"
		    "* 0 EXISTS\n* OK [UIDVALIDITY #] uids are valid\n* OK [UIDNEXT #] next uid\n"
		    "* OK [HIGHESTMODSEQ #] highest\n* OK [MAILBOXID (F#)] mailbox\n* LIST () "
		    "\"/\" INBOX\n"
		    "a OK [READ-WRITE] SELECT done\n" },
		{ "a SELECT nope",
		    "* OK [CLOSED] previous mailbox is closed\na NO [NONEXISTENT] no such "
		    "mailbox\n" },
		{ "a FETCH 1 FLAGS", "a BAD not in this state\n" },
		{ "a CREATE x", "a OK [MAILBOXID (F#)] CREATE done\n" },
		{ "a SELECT x", NULL },
		{ "a DELETE x", "* OK [CLOSED] the mailbox is gone\na OK DELETE done\n" },
		{ "a CHECK", "a BAD not in this state\n" },
	};
	run("selecting", turns, LEN(turns));
}

static void
appending(void)
{
	static const turn turns[] = {
		{ "a APPEND nope {5}", "a NO [TRYCREATE] no such mailbox\n" },
		{ "a APPEND inbox {100001}", "a NO [TOOBIG] message is too large\n" },
		{ "a APPEND inbox (\\Seen $x) \"17-Jul-1996 02:44:25 -0700\" {17}", "+ send it\n" },
		{ "Subject: a\r\n\r\nb\r\n", "a OK [APPENDUID # #] APPEND done\n" },
		{ "a APPEND inbox {17+}\r\nSubject: b\r\n\r\nb\r\n",
		    "a OK [APPENDUID # #] APPEND done\n" },
		{ "a APPEND inbox {3+}\r\nabc x", "a BAD syntax error\n" },
		{ "a APPEND inbox", "a BAD syntax error\n" },
		{ "a APPEND inbox ", "a BAD syntax error\n" },
		{ "a APPEND inbox (\\Frob) {3+}\r\nabc", "a BAD syntax error\n" },
		{ "a ENABLE UTF8=ACCEPT", "* ENABLED UTF8=ACCEPT\na OK ENABLE done\n" },
		{ "a APPEND inbox UTF8 (~{17+}\r\nSubject: c\r\n\r\nb\r\n)",
		    "a OK [APPENDUID # #] APPEND done\n" },
		{ "a SELECT inbox", NULL },
		{ "a FETCH 1:* (FLAGS INTERNALDATE RFC822.SIZE)",
		    "* 1 FETCH (FLAGS (\\Seen $x) RFC822.SIZE 17 INTERNALDATE \"17-Jul-1996 "
		    "09:44:25 +0000\")\n"
		    "* 2 FETCH (FLAGS () RFC822.SIZE 17 INTERNALDATE \"#-#-# #:#:# +0000\")\n"
		    "* 3 FETCH (FLAGS () RFC822.SIZE 17 INTERNALDATE \"#-#-# #:#:# +0000\")\na "
		    "OK FETCH done\n" },
		{ "a APPEND inbox {17+}\r\nSubject: d\r\n\r\nb\r\n",
		    "* 4 EXISTS\na OK [APPENDUID # #] APPEND done\n" },
	};
	run("appending", turns, LEN(turns));
	struct store_conf conf = svc_account_imap_trial_account("quota");
	struct svc_account_imap_trial t;
	conf.quota_octets = 10;
	svc_account_imap_trial_begin(&t, &conf);
	svc_account_imap_trial_turn(&t, "a APPEND inbox {11}",
	    "a NO [OVERQUOTA] mailbox is full\n");
	svc_account_imap_trial_end(&t);
	svc_account_imap_trial_remove(&conf);
}

TEST_MAIN(session_verbs, mailbox_verbs, selecting, appending)
