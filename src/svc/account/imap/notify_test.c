/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NOTIFY (RFC 5465): a session that watches, another one that changes things, and the notices
 * between them carried by the test as the accounts process would.
 */
#include "svc/account/imap/notify/notify.h"

#include "base/test.h"
#include "ipc/accounts_account.h"
#include "svc/account/imap/park.h"
#include "svc/account/imap/trial.h"
#include "sys/chan.h"

#define DELIVERED "Subject: news\nFrom: a@b\n\nbody\n"

/* a watches, b changes. */
static void
setup(struct svc_account_imap_two *w, const char *name)
{
	svc_account_imap_two_begin(w, name);
	svc_account_imap_two_open(w, &w->b, 3);
}

static enum err
on_changed(void *ctx, const struct ipc_accounts_account_changed *m, int *fd)
{
	struct svc_account_imap_two *w = ctx;
	struct buf b;
	buf_init(&b, 64);
	ipc_accounts_account_notice_put(&b, &(struct ipc_accounts_account_notice){ m->mailbox });
	CHECK_ERR(sys_chan_send_wait(w->a.accounts, &b, -1, 0), ERR_OK);
	buf_done(&b);
	return ERR_OK;
}

/* Marking a letter as answered teaches; that is another test's business. */
static enum err
on_learn(void *ctx, const struct ipc_accounts_account_learn *m, int *fd)
{
	return ERR_OK;
}

/* What b has changed becomes notices for a. */
static void
carry(struct svc_account_imap_two *w)
{
	static const struct ipc_accounts_account_at_accounts handlers = { .changed = on_changed,
		.learn = on_learn };
	struct arena *scratch = arena_new(NULL, "test", 1 << 20, 0);
	struct buf in;
	int fd = -1;
	buf_init(&in, SYS_CHAN_MESSAGE_MAX);
	while (sys_chan_recv(w->b.accounts, &in, &fd) == ERR_OK) {
		CHECK_ERR(ipc_accounts_account_accounts_dispatch(&handlers, w, buf_view(&in), &fd,
			      scratch),
		    ERR_OK);
	}
	buf_done(&in);
	arena_free(&scratch);
	svc_account_imap_control(&w->a.session);
}

/* b does this; what a then hears without having said anything. */
static void
after(struct svc_account_imap_two *w, const char *send, const char *want)
{
	svc_account_imap_trial_turn(&w->b, send, NULL);
	carry(w);
	svc_account_imap_take_news(&w->a.session);
	test_case = send;
	svc_account_imap_trial_like(svc_account_imap_trial_feed(&w->a, S("")), want);
}

static void
deliver(struct svc_account_imap_two *w, const char *mailbox, const char *want)
{
	svc_account_imap_trial_append(&w->b, mailbox, "()", DELIVERED);
	after(w, "x NOOP", want);
}

static void
selected(void)
{
	struct svc_account_imap_two w;
	setup(&w, "selected");
	deliver(&w, "INBOX", ""); /* nobody asked yet */
	a_says(&w, "1 NOTIFY SET (SELECTED (MessageNew MessageExpunge FlagChange))",
	    "* 4 EXISTS\n1 OK NOTIFY done\n");
	deliver(&w, "INBOX", "* 5 EXISTS\n");
	after(&w, "b STORE 2 +FLAGS.SILENT (\\Flagged)", "* 2 FETCH (UID 2 FLAGS (\\Flagged))\n");
	after(&w, "b STORE 1,3 +FLAGS.SILENT (\\Deleted)",
	    "* 1 FETCH (UID 1 FLAGS (\\Deleted))\n* 3 FETCH (UID 3 FLAGS (\\Deleted))\n");
	after(&w, "b EXPUNGE", "* 3 EXPUNGE\n* 1 EXPUNGE\n");
	deliver(&w, "Sent", "");
	a_says(&w,
	    "2 NOTIFY SET (selected (messagenew (uid body.peek[header.fields (subject)]) "
	    "messageexpunge))",
	    "2 OK NOTIFY done\n");
	deliver(&w, "INBOX",
	    "* 4 EXISTS\n"
	    "* 4 FETCH (UID 6 BODY[HEADER.FIELDS (subject)] {17}\nSubject: news\n\n)\n");
	after(&w, "b STORE 2 +FLAGS.SILENT (\\Seen)", "");
	svc_account_imap_trial_append(&w.a, "INBOX", "()", DELIVERED); /* its own: no FETCH */
	after(&w, "b NOOP", "");
	/* seven octets of a command that is not complete */
	svc_account_imap_trial_feed(&w.a, S("3 FETCH"));
	deliver(&w, "INBOX", "");
	a_says(&w, " 1 UID",
	    "* 6 EXISTS\n* 6 FETCH (UID 8 BODY[HEADER.FIELDS (subject)] {17}\nSubject: news\n\n)\n"
	    "* 1 FETCH (UID 2)\n3 OK FETCH done\n");
	svc_account_imap_two_end(&w);
}

/* What stands in a message's row, or is made from the message, may be asked for, too. */
static void
cold_items(void)
{
	struct svc_account_imap_two w;
	setup(&w, "cold");
	a_says(&w,
	    "1 NOTIFY SET (SELECTED (MessageNew (INTERNALDATE ENVELOPE BODY PREVIEW) "
	    "MessageExpunge))",
	    "1 OK NOTIFY done\n");
	deliver(&w, "INBOX",
	    "* 4 EXISTS\n* 4 FETCH (INTERNALDATE \" 1-Feb-2024 10:00:00 +0000\" "
	    "ENVELOPE (NIL \"news\" ((NIL NIL \"a\" \"b\")) ((NIL NIL \"a\" \"b\")) "
	    "((NIL NIL \"a\" \"b\")) NIL NIL NIL NIL NIL) "
	    "BODY (\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 6 1) "
	    "PREVIEW \"body\")\n");
	svc_account_imap_two_end(&w);
}

/* EXPUNGE waits for a command that may tell it; without any event the client has a snapshot. */
static void
delayed_and_none(void)
{
	struct svc_account_imap_two w;
	setup(&w, "delayed");
	a_says(&w, "1 NOTIFY SET (SELECTED-DELAYED (MessageNew MessageExpunge))",
	    "1 OK NOTIFY done\n");
	svc_account_imap_trial_turn(&w.b, "b STORE 2 +FLAGS.SILENT (\\Deleted)", NULL);
	after(&w, "b EXPUNGE", "");
	deliver(&w, "INBOX", "* 4 EXISTS\n");
	a_says(&w, "2 FETCH 1 UID", "* 1 FETCH (UID 1)\n2 OK FETCH done\n");
	a_says(&w, "3 NOOP", "* 2 EXPUNGE\n3 OK NOOP done\n");
	a_says(&w, "4 IDLE", "+ idling\n");
	svc_account_imap_trial_turn(&w.b, "b STORE 2 +FLAGS.SILENT (\\Deleted)", NULL);
	after(&w, "b EXPUNGE", "* 2 EXPUNGE\n");
	a_says(&w, "DONE", "4 OK IDLE done\n");
	a_says(&w, "5 NOTIFY SET (SELECTED NONE)", "5 OK NOTIFY done\n");
	deliver(&w, "INBOX", "");
	a_says(&w, "6 NOOP", "6 OK NOOP done\n");
	a_says(&w, "7 IDLE", "+ idling\n");
	deliver(&w, "INBOX", "");
	a_says(&w, "DONE", "7 OK IDLE done\n");
	a_says(&w, "8 STORE 1 +FLAGS (\\Deleted)",
	    "* 4 EXISTS\n* 1 FETCH (FLAGS (\\Deleted))\n8 OK STORE done\n");
	a_says(&w, "9 EXPUNGE", "* 1 EXPUNGE\n9 OK EXPUNGE done\n");
	a_says(&w, "10 NOTIFY NONE", "10 OK NOTIFY done\n");
	deliver(&w, "INBOX", "");
	a_says(&w, "11 NOOP", "11 OK NOOP done\n");
	svc_account_imap_two_end(&w);
}

static void
others(void)
{
	struct svc_account_imap_two w;
	setup(&w, "others");
	a_says(&w,
	    "1 NOTIFY SET STATUS (SUBTREE Sent (MessageNew MessageExpunge)) "
	    "(MAILBOXES (INBOX Trash nope) (MessageNew MessageExpunge FlagChange))",
	    "* STATUS Sent (MESSAGES 0 UIDNEXT 1 UIDVALIDITY #)\n"
	    "* STATUS Trash (MESSAGES 0 UIDNEXT 1 UIDVALIDITY # UNSEEN 0 HIGHESTMODSEQ #)\n"
	    "1 OK NOTIFY done\n");
	deliver(&w, "INBOX", ""); /* selected: SELECTED alone would tell */
	deliver(&w, "Sent", "* STATUS Sent (MESSAGES 1 UIDNEXT 2)\n");
	deliver(&w, "Junk", "");
	after(&w, "b COPY 1 Trash", "* STATUS Trash (MESSAGES 1 UIDNEXT 2 UNSEEN 1)\n");
	a_says(&w, "2 UNSELECT", "2 OK UNSELECT done\n");
	after(&w, "b STORE 1 +FLAGS.SILENT (\\Seen)", "* STATUS INBOX (UNSEEN 3)\n");
	after(&w, "b STORE 1 +FLAGS.SILENT (\\Answered)", "");
	a_says(&w, "3 ENABLE CONDSTORE", "* ENABLED CONDSTORE\n3 OK ENABLE done\n");
	after(&w, "b STORE 1 +FLAGS.SILENT (\\Flagged)",
	    "* STATUS INBOX (UIDVALIDITY # HIGHESTMODSEQ #)\n");
	deliver(&w, "Sent", "* STATUS Sent (MESSAGES 2 UIDNEXT 3 HIGHESTMODSEQ #)\n");
	/* two notices and one answer; in IDLE the same */
	svc_account_imap_trial_append(&w.b, "Sent", "()", DELIVERED);
	a_says(&w, "4 IDLE", "+ idling\n");
	deliver(&w, "Sent", "* STATUS Sent (MESSAGES 4 UIDNEXT 5 HIGHESTMODSEQ #)\n");
	a_says(&w, "DONE", "4 OK IDLE done\n");
	/* with a command under way the notice is told at its end */
	svc_account_imap_trial_turn(&w.b, "b COPY 1 Trash", NULL);
	carry(&w);
	a_says(&w, "5 NOOP",
	    "* STATUS Trash (MESSAGES 2 UIDNEXT 3 UIDVALIDITY # HIGHESTMODSEQ #)\n"
	    "5 OK NOOP done\n");
	CHECK(!svc_account_imap_may_park(&w.a.session));
	a_says(&w, "6 NOTIFY NONE", "6 OK NOTIFY done\n");
	deliver(&w, "Sent", "");
	CHECK(svc_account_imap_may_park(&w.a.session));
	svc_account_imap_two_end(&w);
}

static void
names(void)
{
	struct svc_account_imap_two w;
	setup(&w, "names");
	a_says(&w, "1 NOTIFY SET (PERSONAL (MailboxName SubscriptionChange))",
	    "1 OK NOTIFY done\n");
	after(&w, "b CREATE new", "* LIST (\\HasNoChildren) \"/\" new\n");
	after(&w, "b CREATE new/deep",
	    "* LIST (\\HasNoChildren) \"/\" new/deep\n* LIST (\\HasChildren) \"/\" new\n");
	after(&w, "b RENAME new old", "* LIST (\\HasChildren) \"/\" old (\"OLDNAME\" (new))\n");
	after(&w, "b RENAME old/deep old/low",
	    "* LIST (\\HasNoChildren) \"/\" old/low (\"OLDNAME\" (old/deep))\n");
	after(&w, "b SUBSCRIBE old/low", "* LIST (\\Subscribed \\HasNoChildren) \"/\" old/low\n");
	after(&w, "b UNSUBSCRIBE old/low", "* LIST (\\HasNoChildren) \"/\" old/low\n");
	after(&w, "b SUBSCRIBE nowhere",
	    "* LIST (\\NonExistent \\Subscribed \\HasNoChildren) \"/\" nowhere\n");
	after(&w, "b DELETE old", "* LIST (\\NonExistent \\HasChildren) \"/\" old\n");
	after(&w, "b DELETE old/low",
	    "* LIST (\\NonExistent \\HasNoChildren) \"/\" old/low\n"
	    "* LIST (\\NonExistent \\HasNoChildren) \"/\" old\n");
	a_says(&w, "2 CREATE mine", "2 OK [MAILBOXID (F#)] CREATE done\n");
	a_says(&w, "3 SUBSCRIBE mine", "3 OK SUBSCRIBE done\n");
	after(&w, "b CREATE yours", "* LIST (\\HasNoChildren) \"/\" yours\n");
	a_says(&w, "4 RENAME mine ours", "4 OK RENAME done\n");
	a_says(&w, "5 DELETE ours", "5 OK DELETE done\n");
	after(&w, "b DELETE yours", "* LIST (\\NonExistent \\HasNoChildren) \"/\" yours\n");
	a_says(&w,
	    "6 NOTIFY SET (SUBSCRIBED (MailboxName MessageNew MessageExpunge)) "
	    "(MAILBOXES x SubscriptionChange)",
	    "6 OK NOTIFY done\n");
	after(&w, "b CREATE x", "");
	after(&w, "b SUBSCRIBE x", "* LIST (\\Subscribed \\HasNoChildren) \"/\" x\n");
	deliver(&w, "x", "* STATUS x (MESSAGES 1 UIDNEXT 2)\n");
	after(&w, "b UNSUBSCRIBE x", "* LIST (\\HasNoChildren) \"/\" x\n");
	deliver(&w, "x", "");
	svc_account_imap_two_end(&w);
}

static void
metadata(void)
{
	struct svc_account_imap_two w;
	setup(&w, "metadata");
	struct store_annotation list[] = {
		{ .mailbox = 1, .entry = S("/shared/comment"), .value = S("x") },
		{ .mailbox = 0, .entry = S("/shared/admin"), .value = S("y") },
		{ .mailbox = 1, .entry = S("acl"), .value = S("z") }
	};
	a_says(&w, "1 NOTIFY SET (MAILBOXES INBOX (MailboxMetadataChange))", "1 OK NOTIFY done\n");
	CHECK_ERR(store_annotate(w.b.store, list, LEN(list), NULL), ERR_OK);
	svc_account_imap_changed(&w.b.session, 1);
	after(&w, "b NOOP", "* METADATA INBOX /shared/comment\n");
	a_says(&w, "2 NOTIFY SET (PERSONAL (ServerMetadataChange))", "2 OK NOTIFY done\n");
	list[1].value = STR_NONE;
	CHECK_ERR(store_annotate(w.b.store, list, LEN(list), NULL), ERR_OK);
	svc_account_imap_changed(&w.b.session, 1);
	after(&w, "b NOOP", "* METADATA \"\" /shared/admin\n");
	svc_account_imap_two_end(&w);
}

/* Without FlagChange a client with CONDSTORE must not remember modseqs above what it missed. */
static void
quiet(void)
{
	struct svc_account_imap_two w;
	char want[100];
	setup(&w, "quiet");
	a_says(&w, "1 ENABLE QRESYNC", NULL);
	a_says(&w, "2 NOTIFY SET (SELECTED (MessageNew MessageExpunge))", "2 OK NOTIFY done\n");
	unsigned long long known = w.a.session.box.view.modseq;
	after(&w, "b STORE 2 +FLAGS.SILENT (\\Seen)", "");
	CHECK(w.a.session.box.quiet_modseq >= known);
	snprintf(want, sizeof want,
	    "* 3 FETCH (UID 3 MODSEQ (#))\n3 OK [HIGHESTMODSEQ %llu] STORE done\n",
	    (unsigned long long)w.a.session.box.quiet_modseq);
	a_says(&w, "3 STORE 3 +FLAGS.SILENT (\\Seen)", want);
	svc_account_imap_two_end(&w);
}

static void
refusals(void)
{
	static const struct svc_account_imap_turn turns[] = {
		{ "1 NOTIFY", "1 BAD syntax error\n" },
		{ "1 NOTIFY SET", "1 BAD syntax error\n" },
		{ "1 NOTIFY SET STATUS", "1 BAD syntax error\n" },
		{ "1 NOTIFY NONE x", "1 BAD syntax error\n" },
		{ "1 NOTIFY SET (SELECTED (MessageNew))", "1 BAD syntax error\n" },
		{ "1 NOTIFY SET (SELECTED (MessageExpunge))", "1 BAD syntax error\n" },
		{ "1 NOTIFY SET (SELECTED (FlagChange))", "1 BAD syntax error\n" },
		{ "1 NOTIFY SET (SELECTED (MailboxName))", "1 BAD syntax error\n" },
		{ "1 NOTIFY SET (SELECTED NONE) (SELECTED-DELAYED NONE)", "1 BAD syntax error\n" },
		{ "1 NOTIFY SET (PERSONAL (MessageNew (UID) MessageExpunge))",
		    "1 BAD syntax error\n" },
		{ "1 NOTIFY SET (NOWHERE NONE)", "1 BAD syntax error\n" },
		{ "1 NOTIFY SET (MAILBOXES NONE)", "1 BAD syntax error\n" },
		{ "1 NOTIFY SET (PERSONAL (AnnotationChange))",
		    "1 NO [BADEVENT (MessageNew MessageExpunge FlagChange MailboxName "
		    "SubscriptionChange MailboxMetadataChange ServerMetadataChange)] "
		    "no such event here\n" },
		{ "1 NOTIFY SET (INBOXES NONE) (SUBTREE (a b/c) (MailboxName))",
		    "1 OK NOTIFY done\n" },
		{ "1 NOTIFY SET STATUS (SUBSCRIBED NONE)", "1 OK NOTIFY done\n" },
	};
	struct svc_account_imap_two w;
	setup(&w, "refusals");
	svc_account_imap_trial_talk(&w.a, turns, LEN(turns));
	svc_account_imap_two_end(&w);
}

/* Parked with NOTIFY about the selected mailbox, a session goes on as before. */
static void
parked(void)
{
	struct svc_account_imap_two w;
	struct buf blob;
	setup(&w, "parked");
	a_says(&w, "1 NOTIFY SET (SELECTED (MessageNew (UID) MessageExpunge))",
	    "1 OK NOTIFY done\n");
	buf_init(&blob, 1 << 20);
	CHECK(svc_account_imap_may_park(&w.a.session));
	CHECK_ERR(svc_account_imap_park_put(&w.a.session, &blob), ERR_OK);
	svc_account_imap_trial_end(&w.a);
	svc_account_imap_trial_begin(&w.a, &w.conf);
	svc_account_imap_trial_append(&w.b, "INBOX", "()", DELIVERED);
	CHECK_ERR(svc_account_imap_resume(&w.a.session, buf_view(&blob)), ERR_OK);
	svc_account_imap_trial_like(svc_account_imap_trial_feed(&w.a, S("")),
	    "* 4 EXISTS\n* 4 FETCH (UID 4)\n");
	a_says(&w, "2 NOTIFY NONE", "2 OK NOTIFY done\n");
	buf_reset(&blob);
	CHECK_ERR(svc_account_imap_park_put(&w.a.session, &blob), ERR_OK);
	svc_account_imap_trial_end(&w.a);
	svc_account_imap_trial_begin(&w.a, &w.conf);
	CHECK_ERR(svc_account_imap_resume(&w.a.session, buf_view(&blob)), ERR_OK);
	deliver(&w, "INBOX", "");
	a_says(&w, "3 NOOP", "3 OK NOOP done\n");
	buf_done(&blob);
	svc_account_imap_two_end(&w);
}

TEST_MAIN(selected, cold_items, delayed_and_none, others, names, metadata, quiet, refusals, parked)
