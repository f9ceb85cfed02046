/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two sessions on one mailbox, each with its own open store, as two processes would have: who
 * learns what when (RFC 9051 7.5.1, 6.3.13), and that nothing is lost between them.
 */
#include "svc/account/imap/trial.h"

#include "base/test.h"
#include "ipc/accounts_account.h"
#include "sys/chan.h"
#include "sys/sys.h"

static void
setup(struct svc_account_imap_two *w, const char *name)
{
	svc_account_imap_two_begin(w, name);
	svc_account_imap_two_open(w, &w->a, 4);
}

static void
flags_and_arrivals(void)
{
	struct svc_account_imap_two w;
	setup(&w, "flags");
	a_says(&w, "1 STORE 2 +FLAGS.SILENT (\\Seen red)", NULL);
	b_says(&w, "1 NOOP",
	    "* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft red)\n"
	    "* OK [PERMANENTFLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft red \\*)] flags "
	    "that stay\n"
	    "* 2 FETCH (UID 2 FLAGS (\\Seen red))\n1 OK NOOP done\n");
	b_says(&w, "2 NOOP", "2 OK NOOP done\n");
	svc_account_imap_trial_append(&w.a, "INBOX", "(\\Flagged)", "Subject: y\n\nnew\n");
	b_says(&w, "3 NOOP", "* 5 EXISTS\n3 OK NOOP done\n");
	a_says(&w, "4 STORE 1 +FLAGS.SILENT (\\Seen)", NULL);
	/* what the other did is told even to one who stores silently, and then the outcome */
	b_says(&w, "4 STORE 1 +FLAGS.SILENT (\\Answered)",
	    "* 1 FETCH (UID 1 FLAGS (\\Seen))\n* 1 FETCH (UID 1 FLAGS (\\Answered \\Seen))\n"
	    "4 OK STORE done\n");
	a_says(&w, "5 FETCH 1 FLAGS",
	    "* 1 FETCH (UID 1 FLAGS (\\Answered \\Seen))\n* 1 FETCH (FLAGS (\\Answered \\Seen))\n"
	    "5 OK FETCH done\n");
	svc_account_imap_two_end(&w);
}

/* A keyword that is new with a new message is known before that message's flags are told. */
static void
new_keywords(void)
{
	struct svc_account_imap_two w;
	setup(&w, "keywords");
	svc_account_imap_trial_append(&w.a, "INBOX", "(first)", "Subject: y\n\nnew\n");
	a_says(&w, "1 FETCH 5 FLAGS", "* 5 FETCH (FLAGS (first))\n1 OK FETCH done\n");
	svc_account_imap_trial_append(&w.b, "INBOX", "(first second)", "Subject: y\n\nnew\n");
	a_says(&w, "2 UID SEARCH KEYWORD second",
	    "* 6 EXISTS\n* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft first second)\n"
	    "* OK [PERMANENTFLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft first second "
	    "\\*)] flags that stay\n* SEARCH 6\n2 OK SEARCH done\n");
	a_says(&w, "3 FETCH 6 FLAGS", "* 6 FETCH (FLAGS (first second))\n3 OK FETCH done\n");
	/* the same when the message came between the look at the mailbox and the scan */
	w.b.session.box.keywords.n = 0;
	b_says(&w, "4 FETCH 5 FLAGS",
	    "* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft first second)\n"
	    "* OK [PERMANENTFLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft first second "
	    "\\*)] flags that stay\n* 5 FETCH (FLAGS (first))\n4 OK FETCH done\n");
	svc_account_imap_two_end(&w);
}

/* No EXPUNGE in FETCH, STORE, SEARCH without UID; numbers stay valid until then. */
static void
expunges_wait(void)
{
	struct svc_account_imap_two w;
	setup(&w, "expunges");
	a_says(&w, "1 STORE 2:3 +FLAGS.SILENT (\\Deleted)", NULL);
	a_says(&w, "2 EXPUNGE", "* 3 EXPUNGE\n* 2 EXPUNGE\n2 OK EXPUNGE done\n");
	b_says(&w, "1 FETCH 4 UID", "* 4 FETCH (UID 4)\n1 OK FETCH done\n");
	b_says(&w, "2 FETCH 1:4 UID", "* 1 FETCH (UID 1)\n* 4 FETCH (UID 4)\n2 OK FETCH done\n");
	b_says(&w, "3 STORE 4 +FLAGS (\\Seen)", "* 4 FETCH (FLAGS (\\Seen))\n3 OK STORE done\n");
	b_says(&w, "4 SEARCH ALL", "* SEARCH 1 4\n4 OK SEARCH done\n");
	svc_account_imap_trial_append(&w.a, "INBOX", "()", "Subject: z\n\nnew\n");
	b_says(&w, "5 FETCH 4 UID", "* 5 EXISTS\n* 4 FETCH (UID 4)\n5 OK FETCH done\n");
	b_says(&w, "6 UID SEARCH ALL",
	    "* 3 EXPUNGE\n* 2 EXPUNGE\n* SEARCH 1 4 5\n6 OK SEARCH done\n");
	b_says(&w, "7 FETCH 1:* UID",
	    "* 1 FETCH (UID 1)\n* 2 FETCH (UID 4)\n* 3 FETCH (UID 5)\n7 OK FETCH done\n");
	svc_account_imap_two_end(&w);
}

/* Hand b's session the notice that the accounts process would send for a's change. */
static void
relay(struct svc_account_imap_two *w)
{
	struct buf in, out;
	int fd;
	buf_init(&in, SYS_CHAN_MESSAGE_MAX);
	buf_init(&out, 64);
	while (sys_chan_recv(w->a.accounts, &in, &fd) == ERR_OK) {
		struct rd r = rd_make(buf_view(&in));
		CHECK_U64(rd_u16(&r), IPC_ACCOUNTS_ACCOUNT_CHANGED);
		struct ipc_accounts_account_notice m = { rd_u64(&r) };
		buf_reset(&out);
		ipc_accounts_account_notice_put(&out, &m);
		CHECK_ERR(sys_chan_send_wait(w->b.accounts, &out, -1, 1000), ERR_OK);
	}
	svc_account_imap_control(&w->b.session);
	svc_account_imap_take_news(&w->b.session);
	buf_done(&in);
	buf_done(&out);
}

static void
b_hears(struct svc_account_imap_two *w, const char *want)
{
	test_case = want;
	relay(w);
	svc_account_imap_trial_like(svc_account_imap_trial_feed(&w->b, STR_NONE), want);
}

static void
idle_is_told_at_once(void)
{
	struct svc_account_imap_two w;
	setup(&w, "idle");
	relay(&w);
	b_says(&w, "i IDLE", "+ idling\n");
	b_hears(&w, "");
	svc_account_imap_trial_append(&w.a, "INBOX", "()", "Subject: z\n\nnew\n");
	b_hears(&w, "* 5 EXISTS\n");
	a_says(&w, "1 STORE 1 +FLAGS.SILENT (\\Deleted)", NULL);
	b_hears(&w, "* 1 FETCH (UID 1 FLAGS (\\Deleted))\n");
	a_says(&w, "2 EXPUNGE", NULL);
	b_hears(&w, "* 1 EXPUNGE\n");
	a_says(&w, "3 COPY 1 Sent", NULL);
	b_hears(&w, "");
	b_says(&w, "DONE", "i OK IDLE done\n");
	a_says(&w, "4 STORE 1 +FLAGS.SILENT (\\Flagged)", NULL);
	b_hears(&w, ""); /* outside of IDLE the next command tells */
	b_says(&w, "n NOOP", "* 1 FETCH (UID 2 FLAGS (\\Flagged))\nn OK NOOP done\n");
	svc_account_imap_two_end(&w);
}

static void
moves_are_seen(void)
{
	struct svc_account_imap_two w;
	setup(&w, "moves");
	b_says(&w, "1 SELECT Trash", NULL);
	a_says(&w, "1 MOVE 2:4 Trash", NULL);
	b_says(&w, "2 NOOP", "* 3 EXISTS\n2 OK NOOP done\n");
	a_says(&w, "2 SELECT Trash", NULL);
	a_says(&w, "3 MOVE 1 INBOX", "* OK [COPYUID # # #] moved\n* 1 EXPUNGE\n3 OK MOVE done\n");
	b_says(&w, "3 NOOP", "* 1 EXPUNGE\n3 OK NOOP done\n");
	svc_account_imap_two_end(&w);
}

static void
mailbox_deleted_under_us(void)
{
	struct svc_account_imap_two w;
	setup(&w, "gone");
	a_says(&w, "1 CREATE x", NULL);
	b_says(&w, "1 SELECT x", NULL);
	a_says(&w, "2 DELETE x", "2 OK DELETE done\n");
	b_says(&w, "2 NOOP", "2 OK NOOP done\n");
	CHECK(w.b.session.quit);
	CHECK_STR(str_from(w.b.session.bye), S("the selected mailbox was deleted"));
	svc_account_imap_two_end(&w);
}

static void
quit_is_obeyed(void)
{
	struct svc_account_imap_two w;
	setup(&w, "quit");
	struct buf out;
	buf_init(&out, 64);
	ipc_accounts_account_quit_put(&out, &(struct ipc_accounts_account_quit){ 2 });
	CHECK_ERR(sys_chan_send_wait(w.a.accounts, &out, -1, 1000), ERR_OK);
	svc_account_imap_control(&w.a.session);
	CHECK(w.a.session.quit && w.a.session.end == ERR_OK);
	CHECK_STR(str_from(w.a.session.bye), S("account is disabled"));
	buf_reset(&out);
	buf_cstr(&out, "garbage");
	CHECK_ERR(sys_chan_send_wait(w.b.accounts, &out, -1, 1000), ERR_OK);
	int control = w.b.account.control;
	svc_account_imap_control(&w.b.session);
	CHECK(w.b.session.quit && w.b.session.end == ERR_PROTOCOL);
	CHECK(w.b.account.control == -1);
	sys_close(&control);
	buf_done(&out);
	svc_account_imap_two_end(&w);
}

TEST_MAIN(flags_and_arrivals, new_keywords, expunges_wait, idle_is_told_at_once, moves_are_seen,
    mailbox_deleted_under_us, quit_is_obeyed)
