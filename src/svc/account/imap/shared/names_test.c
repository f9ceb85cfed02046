/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CREATE, DELETE and RENAME of another's mailboxes: who may (RFC 4314 4), what a new one takes
 * over, and what the sessions that have one selected are told.
 */
#include "svc/account/imap/shared/trial.h"

#include "base/test.h"

#define ONE "\"Other Users/one@example.org/"
#define TWO "\"Other Users/two@example.org/"
#define NOPERM " NO [NOPERM] you may not do this here\n"
#define NOTHERE " NO [NOPERM] you may not make a mailbox there\n"
#define NONE " NO [NONEXISTENT] no such mailbox\n"

static struct svc_account_imap_shared_trial w;

static void
v(const char *send, const char *want)
{
	svc_account_imap_shared_trial_v(&w, send, want);
}

static void
o(const char *send, const char *want)
{
	svc_account_imap_shared_trial_o(&w, send, want);
}

static void
give(const char *mailbox, const char *rights)
{
	svc_account_imap_shared_trial_give(&w, 0, mailbox, rights);
}

/* The owner's mailboxes whose names a pattern fits. */
static void
has(const char *pattern, const char *want)
{
	char line[128];
	snprintf(line, sizeof line, "has LIST \"\" %s RETURN ()", pattern);
	o(line, want);
}

static void
create(void)
{
	svc_account_imap_shared_trial_begin(&w, "names-create", 0);
	v("a CREATE " ONE "team/new\"", "a" NOTHERE);
	give("team", "lr");
	v("b CREATE " ONE "team/new\"", "b" NOTHERE);
	v("c CREATE " ONE "new\"", "c" NOTHERE);
	give("team", "lrk");
	v("d CREATE " ONE "new\"", "d" NOTHERE);
	v("e CREATE " ONE "secret/new\"", "e" NOTHERE);
	v("f CREATE " ONE "teamwork\"", "f" NOTHERE);
	v("g CREATE " ONE "\"", "g" NOTHERE);
	v("h CREATE \"Other Users/one@example.org\"", "h" NOTHERE);
	v("i CREATE " ONE "team\"", "i" NOTHERE);
	v("j CREATE " ONE "team/x*\"", "j NO [CANNOT] not a usable mailbox name\n");
	v("k CREATE " ONE "team//x\"", "k NO [CANNOT] not a usable mailbox name\n");
	v("l CREATE " ONE "team/new\" (USE (\\Flagged))",
	    "l NO [USEATTR] special uses are the owner's\n");
	has("team*", "* LIST (\\HasNoChildren) \"/\" team\nhas OK LIST done\n");
	v("m CREATE " ONE "team/new\"", "m OK [MAILBOXID (#)] CREATE done\n");
	v("n CREATE " ONE "team/new\"", "n NO [ALREADYEXISTS] mailbox exists already\n");
	v("o CREATE " ONE "team/deep/er/\"", "o OK [MAILBOXID (#)] CREATE done\n");
	o("a GETACL team/deep",
	    "* ACL team/deep one@example.org lrswipkxteacd visitor@example.org lrkc\n"
	    "a OK GETACL done\n");
	v("p MYRIGHTS " ONE "team/deep/er\"",
	    "* MYRIGHTS \"Other Users/one@example.org/team/deep/er\" lrkc\np OK MYRIGHTS done\n");
	give("team", "lr"); /* withdrawn with the next command */
	v("q CREATE " ONE "team/last\"", "q" NOTHERE);
	v("r CREATE " ONE "team/new/last\"", "r OK [MAILBOXID (#)] CREATE done\n");
	svc_account_imap_shared_trial_end(&w);
}

/* What is there and may not be seen is answered like what may not be made. */
static void
hidden(void)
{
	svc_account_imap_shared_trial_begin(&w, "names-hidden", 0);
	o("a CREATE team/hidden", NULL);
	give("team", "lrkx");
	give("team/hidden", "");
	v("a CREATE " ONE "team/hidden\"", "a" NOTHERE);
	v("b CREATE " ONE "team/hidden/below\"", "b" NOTHERE);
	v("c DELETE " ONE "team/hidden\"", "c" NONE);
	v("d RENAME " ONE "team/hidden\" " ONE "team/mine\"", "d" NONE);
	v("e RENAME " ONE "team\" " ONE "team/mine\"",
	    "e NO [NOPERM] you may not rename all that lies below it\n");
	give("team", "k"); /* "k" alone is enough, to make what one does not see */
	v("f CREATE " ONE "team/unseen\"", "f OK [MAILBOXID (#)] CREATE done\n");
	o("b STATUS team/unseen (MESSAGES)",
	    "* STATUS team/unseen (MESSAGES 0)\nb OK STATUS done\n");
	svc_account_imap_shared_trial_end(&w);
}

static void
drop(void)
{
	svc_account_imap_shared_trial_begin(&w, "names-delete", 0);
	o("a CREATE team/a", NULL);
	give("team", "lrkte");
	give("INBOX", "lrswipkxte");
	v("a DELETE " ONE "team\"", "a" NOPERM);
	v("b DELETE " ONE "secret\"", "b" NONE);
	v("c DELETE " ONE "nowhere\"", "c" NONE);
	v("d DELETE " ONE "inbox\"", "d NO [CANNOT] INBOX stays\n");
	v("e DELETE \"Other Users/one@example.org\"", "e" NONE);
	give("team", "lrx");
	v("f SELECT " ONE "team\"", NULL);
	o("b SELECT team", NULL);
	v("g DELETE " ONE "team\"", "* OK [CLOSED] the mailbox is gone\ng OK DELETE done\n");
	CHECK(w.v.session.shared.at == NULL);
	o("c NOOP", "c OK NOOP done\n");
	CHECK(w.owner[0].trial.session.quit);
	CHECK_STR(str_from(w.owner[0].trial.session.bye), S("the selected mailbox was deleted"));
	v("h DELETE " ONE "team\"", "h" NONE); /* only a name above others is left */
	v("i STATUS " ONE "team/a\" (MESSAGES)", "i" NONE);
	v("j CREATE " ONE "team/b\"", "j" NOTHERE);
	svc_account_imap_shared_trial_end(&w);
}

static void
rename_one(void)
{
	svc_account_imap_shared_trial_begin(&w, "names-rename", 0);
	give("team", "lrx");
	give("other", "lr");
	v("a RENAME " ONE "team\" " ONE "other/team\"", "a" NOTHERE);
	give("other", "lrk");
	give("team", "lrk");
	v("b RENAME " ONE "team\" " ONE "other/team\"", "b" NOPERM);
	give("team", "lrxk");
	v("c RENAME " ONE "team\" " ONE "mine\"", "c" NOTHERE);
	v("d RENAME " ONE "team\" " ONE "team/below\"",
	    "d NO [CANNOT] a mailbox cannot be below itself\n");
	v("e RENAME " ONE "team\" mine", "e NO [CANNOT] a mailbox stays in its account\n");
	v("f RENAME INBOX " ONE "other/x\"", "f NO [CANNOT] a mailbox stays in its account\n");
	svc_account_imap_shared_trial_give(&w, 1, "team", "lrkx");
	v("g RENAME " ONE "team\" " TWO "team/x\"",
	    "g NO [CANNOT] a mailbox stays in its account\n");
	v("h RENAME " ONE "secret\" " ONE "other/x\"", "h" NONE);
	v("i SELECT " ONE "team\"", NULL);
	v("j RENAME " ONE "team\" " ONE "other/deep/team\"", "j OK RENAME done\n");
	v("k FETCH 1 UID", "* 1 FETCH (UID 1)\nk OK FETCH done\n");
	v("l STATUS " ONE "other/deep/team\" (MESSAGES)",
	    "* STATUS \"Other Users/one@example.org/other/deep/team\" (MESSAGES 2)\n"
	    "l OK STATUS done\n");
	/* its list came along; what was made above it has that of the one above */
	o("a GETACL other/deep/team",
	    "* ACL other/deep/team one@example.org lrswipkxteacd visitor@example.org "
	    "lrkxc\na OK GETACL done\n");
	o("b GETACL other/deep",
	    "* ACL other/deep one@example.org lrswipkxteacd visitor@example.org lrkc\nb OK GETACL "
	    "done\n");
	v("m RENAME " ONE "other/deep/team\" " ONE "other/deep\"",
	    "m NO [ALREADYEXISTS] mailbox exists already\n");
	svc_account_imap_shared_trial_end(&w);
}

/* RFC 9051 6.3.6: what lies below goes along, and so it needs "x" there, too. */
static void
rename_tree(void)
{
	svc_account_imap_shared_trial_begin(&w, "names-tree", 0);
	give("team", "lrkx");
	give("other", "lrk");
	give("INBOX", "lrkx");
	o("a CREATE team/a/b", NULL);
	o("b CREATE team/c", NULL);
	give("team/a/b", "lrk");
	v("a RENAME " ONE "team\" " ONE "other/team\"",
	    "a NO [NOPERM] you may not rename all that lies below it\n");
	v("b RENAME " ONE "team/a\" " ONE "other/a\"",
	    "b NO [NOPERM] you may not rename all that lies below it\n");
	v("c RENAME " ONE "INBOX\" " ONE "other/inbox\"", "c NO [CANNOT] INBOX stays\n");
	has("team*",
	    "* LIST (\\HasChildren) \"/\" team\n* LIST (\\HasChildren) \"/\" team/a\n"
	    "* LIST (\\HasNoChildren) \"/\" team/a/b\n* LIST (\\HasNoChildren) \"/\" team/c\n"
	    "has OK LIST done\n");
	give("team/a/b", "lrx");
	v("d RENAME " ONE "team\" " ONE "other/team\"", "d OK RENAME done\n");
	has("other/*",
	    "* LIST (\\HasChildren) \"/\" other/team\n* LIST (\\HasChildren) \"/\" other/team/a\n"
	    "* LIST (\\HasNoChildren) \"/\" other/team/a/b\n"
	    "* LIST (\\HasNoChildren) \"/\" other/team/c\nhas OK LIST done\n");
	svc_account_imap_shared_trial_end(&w);
}

TEST_MAIN(create, hidden, drop, rename_one, rename_tree)
