/* SPDX-License-Identifier: Apache-2.0 */
/*
 * COPY and MOVE between the mailboxes of two accounts, and within those of another: rights, flags,
 * COPYUID, all or nothing, and that no letter is lost whoever dies (RFC 9051 6.4.7, 6.4.8; 4314 4).
 */
#include "svc/account/imap/shared/trial.h"

#include "base/test.h"
#include "ipc/account_guest.h"
#include "sys/chan.h"

#define TEAM "\"Other Users/one@example.org/team\""
#define OTHER "\"Other Users/one@example.org/other\""
#define SECRET "\"Other Users/one@example.org/secret\""
#define NOWHERE "\"Other Users/one@example.org/nowhere\""
#define SECOND "\"Other Users/two@example.org/team\""
#define DENIED "you may not do this here\n"
#define TRYCREATE " NO [TRYCREATE] no such mailbox\n"

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

/* The visitor's INBOX: three letters, with flags. */
static void
setup(const char *name)
{
	svc_account_imap_shared_trial_begin(&w, name, 0);
	svc_account_imap_trial_append(&w.v, "INBOX", "(\\Seen)", "Subject: a\n\none\n");
	svc_account_imap_trial_append(&w.v, "INBOX", "(\\Flagged kw)", "Subject: b\n\ntwo\n");
	svc_account_imap_trial_append(&w.v, "INBOX", "(\\Deleted)", "Subject: c\n\nthree\n");
}

static void
teardown(void)
{
	svc_account_imap_shared_trial_end(&w);
}

static void
counts(const char *team, const char *other, const char *inbox)
{
	char want[128];
	snprintf(want, sizeof want, "* STATUS team (MESSAGES %s)\nt OK STATUS done\n", team);
	o("t STATUS team (MESSAGES)", want);
	snprintf(want, sizeof want, "* STATUS other (MESSAGES %s)\nu OK STATUS done\n", other);
	o("u STATUS other (MESSAGES)", want);
	snprintf(want, sizeof want, "* STATUS INBOX (MESSAGES %s)\nw OK STATUS done\n", inbox);
	v("w STATUS INBOX (MESSAGES)", want);
}

static void
into(void)
{
	setup("carry-into");
	give("team", "lr");
	v("a SELECT INBOX", NULL);
	v("b COPY 1 " TEAM, "b NO [NOPERM] you may add nothing there\n");
	v("c COPY 1 " SECRET, "c" TRYCREATE);
	v("d COPY 1 " NOWHERE, "d" TRYCREATE);
	v("e MOVE 1 " NOWHERE, "e" TRYCREATE);
	give("team", "lriw");
	v("f COPY 1:3 " TEAM, "f OK [COPYUID # 1:3 3:5] COPY done\n");
	o("a EXAMINE team", NULL);
	o("b FETCH 3:5 (FLAGS INTERNALDATE RFC822.SIZE)",
	    "* 3 FETCH (FLAGS () RFC822.SIZE 19 INTERNALDATE \" 1-Feb-2024 10:00:00 +0000\")\n"
	    "* 4 FETCH (FLAGS (\\Flagged kw) RFC822.SIZE 19 INTERNALDATE "
	    "\" 1-Feb-2024 10:00:00 +0000\")\n"
	    "* 5 FETCH (FLAGS () RFC822.SIZE 21 INTERNALDATE \" 1-Feb-2024 10:00:00 +0000\")\n"
	    "b OK FETCH done\n");
	give("team", "list");
	v("g UID COPY 1,3 " TEAM, "g OK [COPYUID # 1,3 6:7] COPY done\n");
	o("c FETCH 6:7 (FLAGS)",
	    "* 7 EXISTS\n* 6 FETCH (FLAGS (\\Seen))\n* 7 FETCH (FLAGS (\\Deleted))\nc OK FETCH "
	    "done\n");
	v("h MOVE 2:3 " TEAM,
	    "* OK [COPYUID # 2:3 8:9] moved\n* 3 EXPUNGE\n* 2 EXPUNGE\nh OK MOVE done\n");
	v("i UID COPY 99 " TEAM, "i OK COPY done\n");
	v("j EXAMINE INBOX", NULL);
	v("k MOVE 1 " TEAM, "k NO [NOPERM] mailbox is open read-only\n");
	v("l COPY 1 " TEAM, "l OK [COPYUID # 1 10] COPY done\n");
	v("m SELECT INBOX", NULL);
	v("n SEARCH RETURN (SAVE) ALL", "n OK SEARCH done\n");
	v("o COPY $ " TEAM, "o OK [COPYUID # 1 11] COPY done\n");
	o("d UNSELECT", NULL);
	counts("11", "0", "1");
	teardown();
}

static void
out_of(void)
{
	setup("carry-out");
	give("team", "lr");
	v("a SELECT " TEAM, NULL);
	v("b COPY 1:2 INBOX", "b OK [COPYUID # 1:2 4:5] COPY done\n");
	v("c MOVE 1 INBOX", "c NO [NOPERM] you may not remove messages here\n");
	v("d MOVE 1 nowhere", "d" TRYCREATE);
	v("e COPY 9 INBOX", "e BAD not in this state\n");
	v("f UNSELECT", NULL);
	give("team", "lrt");
	v("g SELECT " TEAM, NULL);
	v("h MOVE 1 INBOX", "h NO [NOPERM] you may not remove messages here\n");
	give("team", "lrte");
	v("i UNSELECT", NULL);
	v("i EXAMINE " TEAM, NULL);
	v("i MOVE 1 INBOX", "i NO [NOPERM] you may not remove messages here\n");
	counts("2", "0", "5");
	v("j UNSELECT", NULL);
	v("j SELECT " TEAM, NULL);
	v("k UID MOVE 2 INBOX", "* OK [COPYUID # 2 6] moved\n* 2 EXPUNGE\nk OK MOVE done\n");
	v("l FETCH 1 (FLAGS)", "* 1 FETCH (FLAGS (\\Flagged))\nl OK FETCH done\n");
	v("m MOVE 1 INBOX", "* OK [COPYUID # 1 7] moved\n* 1 EXPUNGE\nm OK MOVE done\n");
	counts("0", "0", "7");
	v("n SELECT INBOX", NULL);
	v("o FETCH 6:7 (FLAGS BODY.PEEK[TEXT])",
	    "* 6 FETCH (FLAGS () BODY[TEXT] {6}\nalso\n)\n"
	    "* 7 FETCH (FLAGS (\\Flagged) BODY[TEXT] {13}\nof the team\n)\no OK FETCH done\n");
	teardown();
}

/* Both mailboxes are the owner's: the guest does it in one transaction. */
static void
within(void)
{
	setup("carry-within");
	give("team", "lr");
	give("other", "lr");
	v("a SELECT " TEAM, NULL);
	v("b COPY 1 " OTHER, "b NO [NOPERM] " DENIED);
	v("c COPY 1 " SECRET, "c" TRYCREATE);
	v("d MOVE 1 " NOWHERE, "d NO [NOPERM] mailbox is open read-only\n");
	give("other", "lri");
	v("e COPY 1:2 " OTHER, "e OK [COPYUID # 1:2 1:2] COPY done\n");
	v("f MOVE 1 " OTHER, "f NO [NOPERM] mailbox is open read-only\n");
	o("a EXAMINE other", NULL);
	o("b FETCH 1 (FLAGS)", "* 1 FETCH (FLAGS ())\nb OK FETCH done\n");
	v("g UNSELECT", NULL);
	give("team", "lrt");
	v("g SELECT " TEAM, NULL);
	v("g MOVE 1 " OTHER, "g NO [NOPERM] you may not remove messages here\n");
	v("g UNSELECT", NULL);
	give("team", "lrte");
	v("g SELECT " TEAM, NULL);
	v("g MOVE 1 " SECRET, "g" TRYCREATE);
	give("other", "lriw");
	v("h MOVE 1 " OTHER, "* OK [COPYUID # 1 3] moved\n* 1 EXPUNGE\nh OK MOVE done\n");
	o("c FETCH 3 (FLAGS)", "* 3 EXISTS\n* 3 FETCH (FLAGS (\\Flagged))\nc OK FETCH done\n");
	o("d UNSELECT", NULL);
	counts("1", "3", "3");
	teardown();
}

/* From one owner to another: the visitor's process keeps nothing of it. */
static void
across(void)
{
	setup("carry-across");
	give("team", "lrte");
	v("a SELECT " TEAM, NULL);
	v("b COPY 1:2 " SECOND, "b" TRYCREATE);
	svc_account_imap_shared_trial_give(&w, 1, "team", "lriswt");
	v("c COPY 1:2 " SECOND, "c OK [COPYUID # 1:2 3:4] COPY done\n");
	v("d MOVE 1 " SECOND, "* OK [COPYUID # 1 5] moved\n* 1 EXPUNGE\nd OK MOVE done\n");
	counts("1", "0", "3");
	svc_account_imap_trial_turn(&w.owner[1].trial, "a EXAMINE team", NULL);
	svc_account_imap_trial_turn(&w.owner[1].trial, "b FETCH 5 (FLAGS BODY.PEEK[TEXT])",
	    "* 5 FETCH (FLAGS (\\Flagged) BODY[TEXT] {13}\nof the team\n)\nb OK FETCH done\n");
	teardown();
}

/* One of many cannot be stored: none is (RFC 9051 6.4.7). */
static void
all_or_nothing(void)
{
	svc_account_imap_shared_trial_begin(&w, "carry-all", 100);
	for (int i = 0; i < 5; i++) {
		svc_account_imap_trial_append(&w.v, "INBOX", "()", "Subject: a\n\none\n");
	}
	give("team", "lri");
	v("a SELECT INBOX", NULL);
	v("b COPY 1:5 " TEAM, "b NO [OVERQUOTA] mailbox is full\n");
	counts("2", "0", "5");
	/* what nobody can say before: the letters of another guest, more than there is room for */
	svc_account_imap_shared_trial_give(&w, 1, "team", "lrte");
	v("c SELECT " SECOND, NULL);
	v("d MOVE 1:2 " TEAM, "d NO [OVERQUOTA] mailbox is full\n");
	v("e COPY 2 " TEAM, "e OK [COPYUID # 2 3] COPY done\n");
	counts("3", "0", "5");
	teardown();
}

/* More than one delivery may hold, in one transaction. */
static void
many(void)
{
	enum { LETTERS = 5000, AT_ONCE = 1000 };
	static struct store_new msgs[AT_ONCE];
	static struct store_added added[AT_ONCE];
	svc_account_imap_shared_trial_begin(&w, "carry-many", 0);
	for (size_t i = 0; i < AT_ONCE; i++) {
		msgs[i] = (struct store_new){
			.body = S("Subject: x\r\nMessage-ID: <x@y>\r\n\r\nx\r\n")
		};
	}
	for (size_t i = 0; i < LETTERS / AT_ONCE; i++) {
		CHECK_ERR(store_append(w.v.store, 1, msgs, AT_ONCE, added), ERR_OK);
	}
	give("team", "lrite");
	v("a SELECT INBOX", NULL);
	v("b COPY 1:* " TEAM, "b OK [COPYUID # 1:5000 3:5002] COPY done\n");
	v("c UNSELECT", NULL);
	counts("5002", "0", "5000");
	v("d SELECT " TEAM, NULL);
	v("e MOVE 1:* INBOX", NULL);
	v("f UNSELECT", NULL);
	counts("0", "0", "10002");
	teardown();
}

/* ---- dying -------------------------------------------------------------------------------- */

static void
target_dies(void)
{
	setup("carry-target");
	give("team", "lri");
	v("a SELECT INBOX", NULL);
	svc_account_imap_shared_trial_kill(&w, 0);
	v("b MOVE 1:3 " TEAM, "b NO [UNAVAILABLE] cannot be done now, try again\n");
	counts("2", "0", "3");
	teardown();
}

static void
source_dies(void)
{
	setup("carry-source");
	give("team", "lrte");
	v("a SELECT " TEAM, NULL);
	svc_account_imap_shared_trial_kill(&w, 0);
	v("b MOVE 1:2 INBOX", "b NO [UNAVAILABLE] cannot be done now, try again\n");
	CHECK(w.v.session.quit);
	o("t STATUS team (MESSAGES)", "* STATUS team (MESSAGES 2)\nt OK STATUS done\n");
	teardown();
}

static enum err
hear(struct buf *in)
{
	int fd;
	return sys_chan_recv_wait(w.owner[0].chan, in, &fd, 5000);
}

static void
say(struct buf *out)
{
	CHECK_ERR(sys_chan_send_wait(w.owner[0].chan, out, -1, 1000), ERR_OK);
	buf_reset(out);
}

static void
say_insert(struct buf *out)
{
	struct ipc_account_guest_insert insert = {
		.mailbox = S("Other Users/one@example.org/team")
	};
	struct ipc_account_guest_own_letter letter = { { .uid = 1, .size = 10 } };
	struct ipc_account_guest_own_piece piece = { S("Subject: x") };
	ipc_account_guest_insert_put(out, &insert);
	say(out);
	ipc_account_guest_own_letter_put(out, &letter);
	say(out);
	ipc_account_guest_own_piece_put(out, &piece);
	say(out);
}

/* What is not kept is gone with the guest; what was kept is there, whatever comes behind it. */
static void
kept_or_not(void)
{
	struct ipc_account_guest_keep keep = { .all = true };
	struct buf out, in;
	buf_init(&out, SYS_CHAN_MESSAGE_MAX);
	buf_init(&in, SYS_CHAN_MESSAGE_MAX);
	setup("carry-unkept");
	give("team", "lri");
	say_insert(&out);
	CHECK_ERR(hear(&in), ERR_OK);
	svc_account_imap_shared_trial_kill(&w, 0);
	o("t STATUS team (MESSAGES)", "* STATUS team (MESSAGES 2)\nt OK STATUS done\n");
	teardown();
	setup("carry-kept");
	give("team", "lri");
	say_insert(&out);
	CHECK_ERR(hear(&in), ERR_OK);
	ipc_account_guest_keep_put(&out, &keep);
	say(&out);
	CHECK_ERR(hear(&in), ERR_OK);
	struct rd answer = rd_make(buf_view(&in));
	CHECK_U64(rd_u16(&answer), IPC_ACCOUNT_GUEST_KEPT);
	svc_account_imap_shared_trial_kill(&w, 0);
	o("t STATUS team (MESSAGES)", "* STATUS team (MESSAGES 3)\nt OK STATUS done\n");
	teardown();
	buf_done(&out);
	buf_done(&in);
}

/* A taken-over visitor removes only what it was given for that, and only with the rights. */
static void
removing(void)
{
	struct ipc_account_guest_remove m = { .all = true };
	struct ipc_account_guest_copy copy = { .uid = true, .set = S("1:2") };
	struct buf out, in;
	setup("carry-remove");
	give("team", "lrte");
	v("a SELECT " TEAM, NULL);
	buf_init(&out, SYS_CHAN_MESSAGE_MAX);
	buf_init(&in, SYS_CHAN_MESSAGE_MAX);
	ipc_account_guest_remove_put(&out, &m);
	say(&out);
	CHECK_ERR(hear(&in), ERR_OK); /* nothing was sent */
	ipc_account_guest_copy_put(&out, &copy);
	say(&out);
	for (int i = 0; i < 5; i++) { /* two letters in one piece each, and `done` */
		CHECK_ERR(hear(&in), ERR_OK);
	}
	ipc_account_guest_remove_put(&out, &m);
	say(&out);
	CHECK_ERR(hear(&in), ERR_OK); /* sent for COPY only */
	copy.move = true;
	ipc_account_guest_copy_put(&out, &copy);
	say(&out);
	for (int i = 0; i < 5; i++) {
		CHECK_ERR(hear(&in), ERR_OK);
	}
	give("team", "lrt");
	ipc_account_guest_remove_put(&out, &m);
	say(&out);
	CHECK_ERR(hear(&in), ERR_OK);
	o("t STATUS team (MESSAGES)", "* STATUS team (MESSAGES 2)\nt OK STATUS done\n");
	buf_done(&out);
	buf_done(&in);
	teardown();
}

TEST_MAIN(into, out_of, within, across, all_or_nothing, many, target_dies, source_dies, kept_or_not,
    removing)
