/* SPDX-License-Identifier: Apache-2.0 */
/*
 * APPEND and REPLACE in the mailboxes of others: rights, flags, quota, and what a guest says to
 * octets that no honest visitor sends (RFC 4314 4; 9051 6.3.12; 3502; 4469; 8508; 9208 4.3).
 */
#include "svc/account/imap/shared/trial.h"

#include "base/test.h"
#include "ipc/account_guest.h"
#include "sys/chan.h"

#define TEAM "\"Other Users/one@example.org/team\""
#define OTHER "\"Other Users/one@example.org/other\""
#define SECRET "\"Other Users/one@example.org/secret\""
#define NOWHERE "\"Other Users/one@example.org/nowhere\""
#define STRANGER "\"Other Users/three@example.org/team\""
#define DENIED "you may not do this here\n"
#define TRYCREATE " NO [TRYCREATE] no such mailbox\n"

static struct svc_account_imap_shared_trial w;

static void
setup(const char *name)
{
	svc_account_imap_shared_trial_begin(&w, name, 0);
}

static void
teardown(void)
{
	svc_account_imap_shared_trial_end(&w);
}

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

/* RFC 4314 6: what may not be looked up is not there, and there is no difference to be seen. */
static void
without_the_right(void)
{
	setup("insert-without");
	give("team", "lr");
	give("other", "r");
	v("a APPEND " TEAM " {3}", "a NO [NOPERM] " DENIED);
	v("b APPEND " TEAM " {3+}\r\nx\r\n", "b NO [NOPERM] " DENIED);
	v("c APPEND " OTHER " {3}", "c" TRYCREATE);
	v("d APPEND " SECRET " {3}", "d" TRYCREATE);
	v("e APPEND " NOWHERE " {3}", "e" TRYCREATE);
	v("f APPEND " SECRET " {3+}\r\nx\r\n", "f" TRYCREATE);
	v("g APPEND " NOWHERE " {3+}\r\nx\r\n", "g" TRYCREATE);
	v("h APPEND \"Other Users/one@example.org\" {3}", "h" TRYCREATE);
	v("j APPEND " SECRET " CATENATE (URL \"x\")", "j" TRYCREATE);
	v("k NOOP", "k OK NOOP done\n");
	o("a STATUS team (MESSAGES)", "* STATUS team (MESSAGES 2)\na OK STATUS done\n");
	o("b STATUS secret (MESSAGES)", "* STATUS secret (MESSAGES 0)\nb OK STATUS done\n");
	teardown();
}

/* "i" alone is a letter box: what is put in cannot be seen. */
static void
with_it(void)
{
	setup("insert-with");
	give("team", "lri");
	give("other", "i");
	v("a APPEND " TEAM " (\\Seen \\Deleted \\Flagged kw) \"17-Jul-1996 02:44:25 -0700\" {5}",
	    "+ send it\n");
	v("x\r\n\r\n", "a OK [APPENDUID # 3] APPEND done\n");
	v("b APPEND " OTHER " {5+}\r\ny\r\n\r\n", "b OK [APPENDUID # 1] APPEND done\n");
	v("c SELECT " OTHER, "c NO [NONEXISTENT] no such mailbox\n");
	o("a SELECT team", NULL);
	o("b FETCH 3 (FLAGS INTERNALDATE BODY.PEEK[])",
	    "* 3 FETCH (FLAGS () INTERNALDATE \"17-Jul-1996 09:44:25 +0000\" BODY[] {5}\nx\n\n)\n"
	    "b OK FETCH done\n");
	give("team", "lrist");
	v("d APPEND " TEAM " (\\Seen \\Deleted \\Flagged kw) ~{6}", "+ send it\n");
	svc_account_imap_trial_feed(&w.v, str_make("z\0\r\n\r\n\r\n", 8));
	o("c FETCH 4 (FLAGS RFC822.SIZE)",
	    "* 4 EXISTS\n* 4 FETCH (FLAGS (\\Deleted \\Seen) RFC822.SIZE 6)\nc OK FETCH done\n");
	give("team", "lriw");
	v("e APPEND " TEAM " (\\Seen \\Deleted \\Flagged kw) {3+}\r\nw\r\n",
	    "e OK [APPENDUID # 5] APPEND done\n");
	o("d FETCH 5 (FLAGS)",
	    "* 5 EXISTS\n* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft kw)\n"
	    "* OK [PERMANENTFLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft kw \\*)] flags "
	    "that stay\n* 5 FETCH (FLAGS (\\Flagged kw))\nd OK FETCH done\n");
	v("f EXAMINE " TEAM, NULL);
	v("g APPEND " TEAM " {3+}\r\nv\r\n", "* 6 EXISTS\ng OK [APPENDUID # 6] APPEND done\n");
	teardown();
}

static void
several(void)
{
	setup("insert-several");
	give("team", "lri");
	v("a APPEND " TEAM " {5}", "+ send it\n");
	v("x\r\n\r\n {6}", "+ send it\n");
	v("yy\r\n\r\n {7+}\r\nzzz\r\n\r\n", "a OK [APPENDUID # 3:5] APPEND done\n");
	v("b APPEND {32+}\r\nOther Users/one@example.org/team {3}", "+ send it\n");
	v("q\r\n", "b OK [APPENDUID # 6] APPEND done\n");
	/* all or nothing: a bad end, an empty message, NUL, one that is too large */
	v("c APPEND " TEAM " {1+}\r\nx {1+}\r\ny bad", "c BAD syntax error\n");
	v("d APPEND " TEAM " {1+}\r\nx {0+}\r\n {1+}\r\ny",
	    "d NO [CANNOT] an empty message: nothing is stored\n");
	v("e APPEND " TEAM " {1+}\r\nx {100001}", "e NO [TOOBIG] message is too large\n");
	v("f APPEND " TEAM " {1+}\r\nx {100001+}", NULL);
	char *big = arena_alloc(w.v.session.arena, 100003);
	memset(big, 'x', 100001);
	memcpy(big + 100001, "\r\n", 2);
	str got = svc_account_imap_trial_feed(&w.v, str_make(big, 100003));
	CHECK_STR(got, STR_NONE);
	v("g NOOP", "g OK NOOP done\n");
	/* a right that goes while the message comes */
	v("h APPEND " TEAM " {3}", "+ send it\n");
	give("team", "lr");
	v("x\r\n", "h NO [NOPERM] you may not do this here any more\n");
	o("a STATUS team (MESSAGES)", "* STATUS team (MESSAGES 6)\na OK STATUS done\n");
	teardown();
}

/* Parts may lie where the visitor may read, in the same account (RFC 4469). */
static void
parts(void)
{
	setup("insert-parts");
	give("team", "lri");
	give("other", "i");
	svc_account_imap_trial_append(&w.owner[0].trial, "secret", "()", "Subject: x\n\nhidden\n");
	v("a APPEND " TEAM
	  " CATENATE (URL \"/Other%20Users/one@example.org/team/;UID=2\" TEXT {3+}\r\nx\r\n)",
	    "a OK [APPENDUID # 3] APPEND done\n");
	v("b APPEND " OTHER " CATENATE (URL \"/Other%20Users/one@example.org/team/;UID=1\")",
	    "b OK [APPENDUID # 1] APPEND done\n");
	v("c APPEND " TEAM " CATENATE (URL \"/Other%20Users/one@example.org/secret/;UID=1\")",
	    "c NO [BADURL /Other%20Users/one@example.org/secret/;UID=1] this URL gives no "
	    "octets\n");
	v("d APPEND " TEAM " CATENATE (URL \"/secret/;UID=1\")",
	    "d NO [BADURL /secret/;UID=1] this URL gives no octets\n");
	v("e APPEND " TEAM " CATENATE (TEXT {3+}\r\nx\r\n URL \"/INBOX/;UID=1\")",
	    "e NO [BADURL /INBOX/;UID=1] this URL gives no octets\n");
	v("f EXAMINE " TEAM, NULL);
	v("g APPEND " OTHER " CATENATE (URL \";UID=2\")", "g OK [APPENDUID # 2] APPEND done\n");
	o("a EXAMINE other", NULL);
	o("b FETCH 1:2 (RFC822.SIZE)",
	    "* 1 FETCH (RFC822.SIZE 31)\n* 2 FETCH (RFC822.SIZE 25)\nb OK FETCH done\n");
	teardown();
}

static void
replacing(void)
{
	setup("insert-replace");
	give("team", "lri");
	give("other", "lri");
	svc_account_imap_trial_append(&w.v, "INBOX", "()", "Subject: x\n\nmine\n");
	v("a REPLACE 1 " TEAM " {3}", "a BAD no mailbox is selected\n");
	v("b SELECT " TEAM, NULL);
	v("c REPLACE 1 " TEAM " {3}", "c NO [NOPERM] you may not remove messages here\n");
	give("team", "lrite");
	v("d REPLACE 1 " TEAM " {3}",
	    "* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)\n"
	    "* OK [PERMANENTFLAGS (\\Deleted)] flags that stay\n+ send it\n");
	v("x\r\n",
	    "* OK [APPENDUID # 3] replacement is there\n* 1 EXPUNGE\n* 2 EXISTS\n"
	    "d OK REPLACE done\n");
	v("e UID REPLACE 2 " OTHER " {3+}\r\nx\r\n",
	    "* OK [APPENDUID # 1] replacement is there\n* 1 EXPUNGE\ne OK REPLACE done\n");
	v("f REPLACE 1 INBOX {3}", "f NO [CANNOT] a message is replaced within one account only\n");
	v("g REPLACE 1 \"Other Users/two@example.org/team\" {3}",
	    "g NO [CANNOT] a message is replaced within one account only\n");
	v("h REPLACE 1 INBOX CATENATE (URL \";UID=3\")",
	    "h NO [CANNOT] a message is replaced within one account only\n");
	v("i SELECT INBOX", NULL);
	v("j REPLACE 1 " TEAM " {3}",
	    "j NO [CANNOT] a message is replaced within one account only\n");
	teardown();
}

/* The room is the owner's, whoever fills it. */
static void
over_quota(void)
{
	svc_account_imap_shared_trial_begin(&w, "insert-quota", 200);
	give("team", "lri");
	v("a APPEND " TEAM " {200}", "a NO [OVERQUOTA] mailbox is full\n");
	v("b APPEND " TEAM " {5+}\r\nx\r\n\r\n", "b OK [APPENDUID # 3] APPEND done\n");
	svc_account_imap_trial_append(&w.v, "INBOX", "()",
	    "Subject: long\n\n0123456789012345678901234567890123456789012345678901234567890123"
	    "0123456789012345678901234567890123456789012345678901234567890123456789012345678\n");
	svc_account_imap_trial_append(&w.v, "INBOX", "()", "Subject: short\n\nx\n");
	v("c SELECT INBOX", NULL);
	v("d COPY 1:2 " TEAM, "d NO [OVERQUOTA] mailbox is full\n");
	v("e MOVE 1:2 " TEAM, "e NO [OVERQUOTA] mailbox is full\n");
	v("f COPY 2 " TEAM, "f OK [COPYUID # 2 4] COPY done\n");
	v("g STATUS INBOX (MESSAGES)", "* STATUS INBOX (MESSAGES 2)\ng OK STATUS done\n");
	teardown();
}

/* ---- a visitor's process that was taken over ---------------------------------------------- */

static void
put_append(struct buf *out, bool begin, bool asks, const char *octets)
{
	struct ipc_account_guest_append m = {
		.begin = begin, .asks = asks, .octets = str_from(octets)
	};
	ipc_account_guest_append_put(out, &m);
}

static void
send(struct buf *out)
{
	CHECK_ERR(sys_chan_send_wait(w.owner[0].chan, out, -1, 1000), ERR_OK);
	buf_reset(out);
}

/* The guest ends at what comes out of order, and stores nothing of it. */
static void
ends(struct buf *out)
{
	struct sys_child_end end;
	struct buf in;
	int fd;
	send(out);
	buf_init(&in, SYS_CHAN_MESSAGE_MAX);
	while (sys_chan_recv_wait(w.owner[0].chan, &in, &fd, 5000) == ERR_OK) {
	}
	CHECK_ERR(sys_child_wait(&w.owner[0].guest, &end), ERR_OK);
	CHECK(!end.signalled && end.code == 1);
	buf_done(&in);
	buf_done(out);
	o("z STATUS team (MESSAGES)", "* STATUS team (MESSAGES 2)\nz OK STATUS done\n");
	teardown();
}

static void
begin_lying(const char *name, struct buf *out)
{
	setup(name);
	give("team", "lriste");
	buf_init(out, SYS_CHAN_MESSAGE_MAX);
}

static void
out_of_order(void)
{
	struct ipc_account_guest_own_letter letter = { { .uid = 1, .size = 4 } };
	struct ipc_account_guest_own_piece piece = { S("x\r\n\r\n") };
	struct ipc_account_guest_keep keep = { .all = true };
	struct ipc_account_guest_insert insert = {
		.mailbox = S("Other Users/one@example.org/team")
	};
	struct ipc_account_guest_command command = { .last = true, .octets = S("x NOOP") };
	struct buf out;
	begin_lying("lie-letter", &out);
	ipc_account_guest_own_letter_put(&out, &letter);
	ends(&out);
	begin_lying("lie-keep", &out);
	ipc_account_guest_keep_put(&out, &keep);
	ends(&out);
	begin_lying("lie-piece", &out);
	ipc_account_guest_insert_put(&out, &insert);
	send(&out);
	ipc_account_guest_own_letter_put(&out, &letter);
	send(&out);
	ipc_account_guest_own_piece_put(&out, &piece);
	ends(&out);
	begin_lying("lie-command", &out);
	ipc_account_guest_insert_put(&out, &insert);
	send(&out);
	ipc_account_guest_command_put(&out, &command);
	ends(&out);
	begin_lying("lie-behind", &out);
	put_append(&out, true, true, "x APPEND " TEAM " {3}\r\nabc\r\n");
	ends(&out);
	begin_lying("lie-silent", &out);
	put_append(&out, true, false, "x APPEND " TEAM " {3}\r\n");
	ends(&out);
	begin_lying("lie-other", &out);
	put_append(&out, true, true, "x DELETE team\r\n");
	ends(&out);
	begin_lying("lie-twice", &out);
	put_append(&out, true, true, "x APPEND " TEAM " {3}\r\n");
	send(&out);
	put_append(&out, true, true, "x APPEND " TEAM " {3}\r\n");
	ends(&out);
}

/* A visitor that goes in the middle leaves nothing. */
static void
going(void)
{
	struct sys_child_end end;
	setup("insert-going");
	give("team", "lri");
	v("a APPEND " TEAM " {3}", "+ send it\n");
	svc_account_imap_shared_visit_done(&w.v.session);
	CHECK_ERR(sys_child_wait(&w.owner[0].guest, &end), ERR_OK);
	CHECK(!end.signalled && end.code == 0);
	o("a STATUS team (MESSAGES)", "* STATUS team (MESSAGES 2)\na OK STATUS done\n");
	w.v.session.shared.passing = NULL;
	teardown();
}

/* A guest that goes in the middle: the client hears of it, and nothing is stored. */
static void
guest_dies(void)
{
	setup("insert-dies");
	give("team", "lri");
	v("a APPEND " TEAM " {3}", "+ send it\n");
	svc_account_imap_shared_trial_kill(&w, 0);
	v("x\r\n", "a NO [UNAVAILABLE] cannot be done now, try again\n");
	v("b NOOP", "b OK NOOP done\n");
	o("a STATUS team (MESSAGES)", "* STATUS team (MESSAGES 2)\na OK STATUS done\n");
	teardown();
}

TEST_MAIN(without_the_right, with_it, several, parts, replacing, over_quota, out_of_order, going,
    guest_dies)
