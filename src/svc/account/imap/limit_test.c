/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MESSAGELIMIT and SAVELIMIT (RFC 9738), with limits low enough to be met: what may stop halfway
 * takes the last messages and says so, COPY takes all or none, EXPUNGE everything. UIDBATCHES.
 */
#include "svc/account/imap/trial.h"

#include "base/test.h"

typedef struct svc_account_imap_turn turn;

struct fixture {
	struct store_conf conf;
	struct svc_account_imap_trial t;
};

/* Five messages in INBOX, uids 1 to 5, and limits. */
static void
setup(struct fixture *f, const char *name, uint64_t messages, uint64_t save)
{
	f->conf = svc_account_imap_trial_account(name);
	svc_account_imap_trial_begin(&f->t, &f->conf);
	for (int i = 0; i < 5; i++) {
		svc_account_imap_trial_append(&f->t, "INBOX", "()", "Subject: one\n\none\n");
	}
	svc_account_imap_trial_turn(&f->t, "s SELECT INBOX", NULL);
	f->t.conf.imap_message_limit = messages;
	f->t.conf.imap_save_limit = save;
}

static void
run(const char *name, uint64_t messages, uint64_t save, const turn *turns, size_t n)
{
	struct fixture f;
	setup(&f, name, messages, save);
	svc_account_imap_trial_talk(&f.t, turns, n);
	svc_account_imap_trial_end(&f.t);
	svc_account_imap_trial_remove(&f.conf);
}

#define DONE(n, verb) "a OK [MESSAGELIMIT 3 " n "] " verb " took the last messages only\n"

static void
the_last_messages(void)
{
	static const turn turns[] = {
		{ "a FETCH 1:* UID",
		    "* 3 FETCH (UID 3)\n* 4 FETCH (UID 4)\n* 5 FETCH (UID 5)\n" DONE("3",
			"FETCH") },
		{ "a FETCH 1:3 UID",
		    "* 1 FETCH (UID 1)\n* 2 FETCH (UID 2)\n* 3 FETCH (UID 3)\na OK FETCH done\n" },
		{ "a UID FETCH 1:4 UID",
		    "* 2 FETCH (UID 2)\n* 3 FETCH (UID 3)\n* 4 FETCH (UID 4)\n" DONE("2",
			"FETCH") },
		{ "a UID FETCH 1:* (UID) (PARTIAL -1:-3)",
		    "* 3 FETCH (UID 3)\n* 4 FETCH (UID 4)\n* 5 FETCH (UID 5)\na OK FETCH done\n" },
		{ "a UID FETCH 1:* (UID) (PARTIAL -1:-4)",
		    "a NO [MESSAGELIMIT 3] too many messages for one command\n" },
		{ "a SEARCH ALL", "* SEARCH 3 4 5\n" DONE("3", "SEARCH") },
		{ "a SEARCH 1:2", "* SEARCH 1 2\na OK SEARCH done\n" },
		{ "a SEARCH NOT UID 4", "* SEARCH 3 5\n" DONE("3", "SEARCH") },
		{ "a SEARCH UIDAFTER 3", "* SEARCH 4 5\na OK SEARCH done\n" },
		{ "a SEARCH RETURN (SAVE) ALL", DONE("3", "SEARCH") },
		{ "a SEARCH $", "* SEARCH 3 4 5\na OK SEARCH done\n" },
		{ "a SORT (ARRIVAL) UTF-8 ALL", "* SORT 1 2 3 4 5\na OK SORT done\n" },
		{ "a ESEARCH IN (personal) ALL",
		    "* ESEARCH (TAG \"a\" MAILBOX INBOX UIDVALIDITY #) UID ALL 3:5\n" DONE("3",
			"ESEARCH") },
		{ "a UNSELECT", "a OK UNSELECT done\n" },
		{ "a ESEARCH IN (personal) ALL",
		    "a NO [MESSAGELIMIT 3] too many messages for one command\n" },
		{ "a SELECT INBOX", NULL },
		{ "a STORE 1:* +FLAGS.SILENT (\\Deleted)", DONE("3", "STORE") },
		{ "a SEARCH 1:2 DELETED", "* SEARCH\na OK SEARCH done\n" },
		{ "a SEARCH 3:* DELETED", "* SEARCH 3 4 5\na OK SEARCH done\n" },
		{ "a STATUS INBOX (MESSAGES DELETED)",
		    "* STATUS INBOX (MESSAGES 5 DELETED 3)\na OK STATUS done\n" },
	};
	run("limit", 3, 0, turns, LEN(turns));
}

static void
copies_and_moves(void)
{
	static const turn turns[] = {
		{ "a COPY 1:* Drafts",
		    "a NO [MESSAGELIMIT 3 3] too many messages for one command\n" },
		{ "a STATUS Drafts (MESSAGES)",
		    "* STATUS Drafts (MESSAGES 0)\na OK STATUS done\n" },
		{ "a COPY 2:4 Drafts", "a OK [COPYUID # 2:4 1:3] COPY done\n" },
		{ "a MOVE 1:* Drafts",
		    "* OK [COPYUID # 3:5 4:6] moved\n"
		    "* 5 EXPUNGE\n* 4 EXPUNGE\n* 3 EXPUNGE\n" DONE("3", "MOVE") },
		{ "a MOVE 1:* Drafts",
		    "* OK [COPYUID # 1:2 7:8] moved\n* 2 EXPUNGE\n* 1 EXPUNGE\na OK MOVE done\n" },
	};
	run("limit-copy", 3, 0, turns, LEN(turns));
}

/* Of UID EXPUNGE what is \Deleted counts, EXPUNGE is never limited. */
static void
expunges(void)
{
	static const turn turns[] = {
		{ "a UID STORE 2:4 +FLAGS.SILENT (\\Deleted)", "a OK STORE done\n" },
		{ "a UID STORE 5 +FLAGS.SILENT (\\Deleted)", "a OK STORE done\n" },
		{ "a UID EXPUNGE 1:*",
		    "* 5 EXPUNGE\n* 4 EXPUNGE\n* 3 EXPUNGE\n" DONE("3", "EXPUNGE") },
		{ "a UID EXPUNGE 1:*", "* 2 EXPUNGE\na OK EXPUNGE done\n" },
	};
	static const turn all[] = {
		{ "a STORE 1:3 +FLAGS.SILENT (\\Deleted)", "a OK STORE done\n" },
		{ "a STORE 4:5 +FLAGS.SILENT (\\Deleted)", "a OK STORE done\n" },
		{ "a EXPUNGE",
		    "* 5 EXPUNGE\n* 4 EXPUNGE\n* 3 EXPUNGE\n* 2 EXPUNGE\n* 1 EXPUNGE\n"
		    "a OK EXPUNGE done\n" },
	};
	run("limit-uid", 3, 0, turns, LEN(turns));
	run("limit-all", 3, 0, all, LEN(all));
}

/* One response has one code. */
static void
two_codes(void)
{
	static const turn turns[] = {
		{ "a STORE 1:* (UNCHANGEDSINCE 1) +FLAGS.SILENT (\\Seen)", NULL },
	};
	struct fixture f;
	setup(&f, "limit-codes", 3, 0);
	svc_account_imap_trial_talk(&f.t, turns, LEN(turns));
	str got = svc_account_imap_trial_feed(&f.t,
	    S("b STORE 1:* (UNCHANGEDSINCE 1) +FLAGS.SILENT (\\Flagged)\r\n"));
	CHECK(str_find(got, S("* NO [MESSAGELIMIT 3 3] ")) >= 0);
	CHECK(str_find(got, S("b OK [MODIFIED 3:5] ")) > 0);
	svc_account_imap_trial_end(&f.t);
	svc_account_imap_trial_remove(&f.conf);
}

static void
only_copies(void)
{
	static const turn turns[] = {
		{ "a SEARCH ALL", "* SEARCH 1 2 3 4 5\na OK SEARCH done\n" },
		{ "a COPY 1:* Drafts",
		    "a NO [MESSAGELIMIT 4 2] too many messages for one command\n" },
		{ "a MOVE 1:* Drafts", NULL },
		{ "a STATUS Drafts (MESSAGES)",
		    "* STATUS Drafts (MESSAGES 5)\na OK STATUS done\n" },
	};
	run("limit-save", 0, 4, turns, LEN(turns));
}

static void
search_keys(void)
{
	static const turn turns[] = {
		{ "a SEARCH UIDAFTER 3", "* SEARCH 4 5\na OK SEARCH done\n" },
		{ "a SEARCH UIDAFTER 5", "* SEARCH\na OK SEARCH done\n" },
		{ "a SEARCH UIDAFTER 4294967295", "* SEARCH\na OK SEARCH done\n" },
		{ "a SEARCH UIDBEFORE 3", "* SEARCH 1 2\na OK SEARCH done\n" },
		{ "a SEARCH UIDBEFORE 1", "* SEARCH\na OK SEARCH done\n" },
		{ "a SEARCH NOT UIDBEFORE 1", "* SEARCH 1 2 3 4 5\na OK SEARCH done\n" },
		{ "a SEARCH UIDAFTER 1 UIDBEFORE 4", "* SEARCH 2 3\na OK SEARCH done\n" },
		{ "a SEARCH UIDAFTER 0", "a BAD syntax error\n" },
		{ "a SEARCH UIDAFTER 1:2", "a BAD syntax error\n" },
	};
	run("limit-keys", 0, 0, turns, LEN(turns));
}

/* INBOX has `n` messages then. */
static void
fill(struct svc_account_imap_trial *t, size_t n)
{
	static struct store_new list[1500];
	static struct store_added added[1500];
	struct store_mailbox inbox;
	CHECK_ERR(store_mailbox_find(t->store, S("INBOX"), t->session.work, &inbox), ERR_OK);
	for (size_t i = inbox.messages; i < n; i++) {
		list[i] = (struct store_new){ .body = S("Subject: one\r\n\r\none\r\n") };
	}
	CHECK_ERR(store_append(t->store, inbox.id, list + inbox.messages, n - inbox.messages,
		      added),
	    ERR_OK);
}

#define BATCHES(ranges) "* UIDBATCHES (TAG \"a\")" ranges "\na OK UIDBATCHES done\n"

/* RFC 10022 3.1: the newest first, each down to the next one, the last down to 1. */
static void
batches(void)
{
	static const turn turns[] = {
		{ "a NOOP", NULL },
		{ "a UIDBATCHES 500", BATCHES(" 1500:1001,1000:501,500:1") },
		{ "a uidbatches 1000", BATCHES(" 1500:501,500:1") },
		{ "a UIDBATCHES 1499", BATCHES(" 1500:2,1:1") },
		{ "a UIDBATCHES 1500", BATCHES(" 1500:1") },
		{ "a UIDBATCHES 4294967295", BATCHES(" 1500:1") },
		{ "a UIDBATCHES 500 1:1", BATCHES(" 1500:1001") },
		{ "a UIDBATCHES 500 2:2", BATCHES(" 1000:501") },
		{ "a UIDBATCHES 500 2:9", BATCHES(" 1000:501,500:1") },
		{ "a UIDBATCHES 500 4:4", BATCHES("") },
		{ "a UIDBATCHES 500 4:4294967295", BATCHES("") },
		{ "a UIDBATCHES 4294967295 4294967295:4294967295", BATCHES("") },
		{ "a UIDBATCHES 500 2:1",
		    "a BAD [CLIENTBUG] a range of batches goes from low to high\n" },
		{ "a UIDBATCHES 499", "a NO [TOOFEW] a batch has 500 messages at least\n" },
		{ "\"a UIDBATCHES 500", NULL },
		{ "a UID STORE 1:700,1500 +FLAGS.SILENT (\\Deleted)", NULL },
		{ "a CLOSE", "a OK CLOSE done\n" },
		{ "a UIDBATCHES 500", "a BAD not in this state\n" },
		{ "a ENABLE UIDONLY", NULL },
		{ "a SELECT INBOX", NULL },
		{ "a UID SEARCH RETURN (SAVE) UID 800", NULL },
		{ "a UIDBATCHES 500", BATCHES(" 1499:1000,999:1") },
		{ "a UID SEARCH $", "* SEARCH 800\na OK SEARCH done\n" },
		{ "a SELECT Drafts", NULL },
		{ "a UIDBATCHES 500", BATCHES("") },
		{ "a UIDBATCHES 500 1:5", BATCHES("") },
	};
	struct fixture f;
	setup(&f, "limit-batches", 0, 0);
	fill(&f.t, 1500);
	svc_account_imap_trial_talk(&f.t, turns, LEN(turns));
	CHECK(imap_caps_deny(&f.t.session.caps, S("UIDBATCHES")));
	svc_account_imap_trial_turn(&f.t, "a UIDBATCHES 500", "a BAD unknown command\n");
	svc_account_imap_trial_end(&f.t);
	svc_account_imap_trial_remove(&f.conf);
}

/* A response has an end: IMAP_BATCHES_MAX; a range below that is answered in any mailbox. */
static void
too_many_batches(void)
{
	struct imap_command c = { .verb = IMAP_UIDBATCHES,
		.u.batches = { .size = IMAP_BATCH_MIN, .first = 1, .last = UINT32_MAX } };
	struct fixture f;
	setup(&f, "limit-many", 0, 0);
	struct svc_account_imap *s = &f.t.session;
	uint32_t n = s->box.view.n;
	s->box.view.n = IMAP_BATCH_MIN * IMAP_BATCHES_MAX + 1;
	CHECK_ERR(svc_account_imap_cmd_uidbatches(s, &c), ERR_TOOMANY);
	CHECK_STR(buf_view(&s->code), S("TOOMANY"));
	CHECK_U64(s->out.n, 0);
	s->box.view.n = n;
	buf_reset(&s->code);
	CHECK_ERR(svc_account_imap_cmd_uidbatches(s, &c), ERR_OK);
	svc_account_imap_trial_end(&f.t);
	svc_account_imap_trial_remove(&f.conf);
}

TEST_MAIN(the_last_messages, copies_and_moves, expunges, two_codes, only_copies, search_keys,
    batches, too_many_batches)
