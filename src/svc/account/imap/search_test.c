/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SEARCH and its relatives: SORT and THREAD by every criterion, PARTIAL, WITHIN, the saved result
 * with every combination of options, ESEARCH over several mailboxes; and that answers are the same
 * whether facts come from headers or from blocks.
 */
#include "svc/account/imap/trial.h"

#include "base/test.h"
#include "ipc/accounts_account.h"
#include "svc/account/imap/search/search.h"
#include "sys/chan.h"
#include "sys/clock.h"

#define TALK(t, ...)                                                                 \
	do {                                                                         \
		static const struct svc_account_imap_turn turns[] = { __VA_ARGS__ }; \
		svc_account_imap_trial_talk((t), turns, LEN(turns));                 \
	} while (0)

static const char *const letters[] = {
	"Date: Mon, 7 Feb 1994 21:52:25 -0800\nFrom: Zoe <zoe@a.test>\nTo: bob@x.test\n"
	"Subject: Re: [list] apples\nMessage-ID: <2@t>\nIn-Reply-To: <1@t>\n\nx\n",
	"Date: Mon, 7 Feb 1994 21:52:24 -0800\nFrom: adam@b.test\nTo: Team: carl@x.test;\n"
	"Cc: \"Last, Ann\" <ann@x.test>\nSubject: Apples\nMessage-ID: <1@t>\n\nlonger text\n",
	"Date: Tue, 8 Feb 1994 00:00:00 +0000\nFrom: =?utf-8?q?=C3=84rger?= <carl@c.test>\n"
	"To: =?utf-8?q?Anna?= <zz@x.test>\nBcc: dora@x.test\nSubject: =?iso-8859-1?q?=C4pfel?=\n"
	"Message-ID: <3@t>\nReferences: <1@t>\n <2@t>\n\nthe longest text of all\n",
	"From: Bert <bert@d.test>\nSubject: bananas (fwd)\nMessage-ID: <\"4\"@t>\n\n\n",
	"Date: Tue, 1 Mar 1994 10:00:00 +0000\nFrom: adam@b.test\nMessage-ID: <5@t>\n"
	"In-Reply-To: <4@t>\nList-Id: <apples.test>\n\n5\n",
};

static void
fill_inbox(struct svc_account_imap_trial *t)
{
	for (size_t i = 0; i < LEN(letters); i++) {
		svc_account_imap_trial_append(t, "INBOX", i == 1 ? "(\\Seen)" : "()", letters[i]);
	}
}

static void
ask_everything(struct svc_account_imap_trial *t)
{
	TALK(t, { "a SORT (SIZE) UTF-8 ALL", "* SORT 4 5 1 2 3\na OK SORT done\n" },
	    { "a SORT (DATE) UTF-8 1:3,5", "* SORT 3 2 1 5\na OK SORT done\n" },
	    { "a SORT (REVERSE DATE) US-ASCII 1:3,5", "* SORT 5 1 2 3\na OK SORT done\n" },
	    { "a SORT (ARRIVAL) UTF-8 ALL", "* SORT 1 2 3 4 5\na OK SORT done\n" },
	    { "a SORT (SUBJECT) UTF-8 ALL", "* SORT 5 1 2 3 4\na OK SORT done\n" },
	    { "a SORT (REVERSE SUBJECT) UTF-8 ALL", "* SORT 4 3 1 2 5\na OK SORT done\n" },
	    { "a SORT (SUBJECT DATE) UTF-8 ALL", "* SORT 5 2 1 3 4\na OK SORT done\n" },
	    { "a SORT (FROM) UTF-8 ALL", "* SORT 2 5 4 3 1\na OK SORT done\n" },
	    { "a SORT (DISPLAYFROM) UTF-8 ALL", "* SORT 2 5 3 4 1\na OK SORT done\n" },
	    { "a SORT (TO) UTF-8 ALL", "* SORT 4 5 1 2 3\na OK SORT done\n" },
	    { "a SORT (DISPLAYTO) UTF-8 ALL", "* SORT 4 5 3 1 2\na OK SORT done\n" },
	    { "a SORT (CC SIZE) UTF-8 ALL", "* SORT 4 5 1 3 2\na OK SORT done\n" },
	    { "a UID SORT RETURN (MIN MAX COUNT ALL) (SIZE) UTF-8 ALL",
		"* ESEARCH (TAG \"a\") UID MIN 4 MAX 3 ALL 4:5,1:3 COUNT 5\na OK SORT done\n" },
	    { "a SORT RETURN () (ARRIVAL) UTF-8 ALL",
		"* ESEARCH (TAG \"a\") ALL 1:5\na OK SORT done\n" },
	    { "a SORT RETURN (PARTIAL 2:3) (SIZE) UTF-8 ALL",
		"* ESEARCH (TAG \"a\") PARTIAL (2:3 5,1)\na OK SORT done\n" },
	    { "a SORT RETURN (PARTIAL -1:-2) (SIZE) UTF-8 ALL",
		"* ESEARCH (TAG \"a\") PARTIAL (-1:-2 2:3)\na OK SORT done\n" },
	    { "a SORT (SUBJECT) US-ASCII TEXT \"not in mailbox\"", "* SORT\na OK SORT done\n" },
	    { "a SORT (DATE) UTF-8 9:20", "* SORT\na OK SORT done\n" },
	    { "a THREAD REFERENCES UTF-8 ALL", "* THREAD (2 1 3)(4 5)\na OK THREAD done\n" },
	    { "a THREAD REFERENCES UTF-8 1,3", "* THREAD (1 3)\na OK THREAD done\n" },
	    { "a UID THREAD ORDEREDSUBJECT UTF-8 1:4", "* THREAD (3)(2 1)(4)\na OK THREAD done\n" },
	    { "a THREAD REFERENCES UTF-8 SUBJECT gewp", "* THREAD\na OK THREAD done\n" },
	    { "a SEARCH SUBJECT APPLES", "* SEARCH 1 2\na OK SEARCH done\n" },
	    { "a SEARCH SUBJECT apfel", "* SEARCH 3\na OK SEARCH done\n" },
	    { "a SEARCH SUBJECT \"\"", "* SEARCH 1 2 3 4\na OK SEARCH done\n" },
	    { "a SEARCH FROM arger", "* SEARCH 3\na OK SEARCH done\n" },
	    { "a SEARCH FROM b.test", "* SEARCH 2 5\na OK SEARCH done\n" },
	    { "a SEARCH OR TO carl@x BCC dora", "* SEARCH 2 3\na OK SEARCH done\n" },
	    { "a SEARCH CC \"last, ann\"", "* SEARCH 2\na OK SEARCH done\n" },
	    { "a SEARCH HEADER message-id <3@T>", "* SEARCH 3\na OK SEARCH done\n" },
	    { "a SEARCH HEADER References \"1@t> <2\"", "* SEARCH 3\na OK SEARCH done\n" },
	    { "a SEARCH HEADER In-Reply-To \"\"", "* SEARCH 1 5\na OK SEARCH done\n" },
	    { "a SEARCH HEADER List-Id apples", "* SEARCH 5\na OK SEARCH done\n" },
	    { "a SEARCH SENTON 7-Feb-1994", "* SEARCH 1 2\na OK SEARCH done\n" },
	    { "a SEARCH SENTSINCE 8-Feb-1994", "* SEARCH 3 5\na OK SEARCH done\n" },
	    { "a SEARCH NOT SENTBEFORE 1-Jan-2000", "* SEARCH 4\na OK SEARCH done\n" },
	    { "a SEARCH YOUNGER 1000000000", "* SEARCH 1 2 3 4 5\na OK SEARCH done\n" },
	    { "a SEARCH OLDER 1000000000", "* SEARCH\na OK SEARCH done\n" },
	    { "a SEARCH YOUNGER 600", "* SEARCH\na OK SEARCH done\n" },
	    { "a SEARCH OLDER 600 SINCE 1-Feb-2024", "* SEARCH 1 2 3 4 5\na OK SEARCH done\n" },
	    { "a SEARCH 7:9", "* SEARCH\na OK SEARCH done\n" },
	    { "a FETCH 2 ENVELOPE",
		"* 2 FETCH (ENVELOPE (\"Mon, 7 Feb 1994 21:52:24 -0800\" \"Apples\" "
		"((NIL NIL \"adam\" \"b.test\")) ((NIL NIL \"adam\" \"b.test\")) "
		"((NIL NIL \"adam\" \"b.test\")) ((NIL NIL \"Team\" NIL)"
		"(NIL NIL \"carl\" \"x.test\")(NIL NIL NIL NIL)) "
		"((\"Last, Ann\" NIL \"ann\" \"x.test\")) NIL NIL \"<1@t>\"))\n"
		"a OK FETCH done\n" });
}

static void
ask_for_texts(struct svc_account_imap_trial *t)
{
	TALK(t, { "a SEARCH BODY text", "* SEARCH 2 3\na OK SEARCH done\n" },
	    { "a SEARCH SEEN BODY text", "* SEARCH 2\na OK SEARCH done\n" },
	    { "a SEARCH BODY text NOT BODY longest", "* SEARCH 2\na OK SEARCH done\n" },
	    { "a SEARCH NOT BODY text", "* SEARCH 1 4 5\na OK SEARCH done\n" },
	    { "a SEARCH OR SEEN BODY all", "* SEARCH 2 3\na OK SEARCH done\n" },
	    { "a SEARCH BODY \"\" BODY longer", "* SEARCH 2\na OK SEARCH done\n" },
	    { "a SEARCH BODY longer BODY \"\"", "* SEARCH 2\na OK SEARCH done\n" },
	    { "a SEARCH OR BODY longer SUBJECT bananas", "* SEARCH 2 4\na OK SEARCH done\n" },
	    { "a SEARCH BODY text OR SEEN BODY all", "* SEARCH 2 3\na OK SEARCH done\n" },
	    { "a SEARCH TEXT apples BODY x", "* SEARCH 1 2\na OK SEARCH done\n" });
}

/* RFC 6203: from headers and texts, alone and with others; scores in the order of the answer. */
static void
ask_fuzzily(struct svc_account_imap_trial *t)
{
	TALK(t, { "a SEARCH FUZZY SUBJECT aples", "* SEARCH 1 2\na OK SEARCH done\n" },
	    { "a SEARCH SUBJECT aples", "* SEARCH\na OK SEARCH done\n" },
	    { "a SEARCH FUZZY (SUBJECT \"apples list\")", "* SEARCH 1\na OK SEARCH done\n" },
	    { "a SEARCH FUZZY SUBJECT aples FROM adam", "* SEARCH 2\na OK SEARCH done\n" },
	    { "a SEARCH NOT FUZZY SUBJECT aples", "* SEARCH 3 4 5\na OK SEARCH done\n" },
	    { "a SEARCH FUZZY NOT SUBJECT aples", "* SEARCH 3 4 5\na OK SEARCH done\n" },
	    { "a SEARCH FUZZY SUBJECT \"\"", "* SEARCH 1 2 3 4\na OK SEARCH done\n" },
	    { "a SEARCH FUZZY SEEN", "* SEARCH 2\na OK SEARCH done\n" },
	    { "a SEARCH FUZZY 2:3 FUZZY SENTON 7-Feb-1994", "* SEARCH 2\na OK SEARCH done\n" },
	    { "a SEARCH FUZZY HEADER List-Id apple", "* SEARCH 5\na OK SEARCH done\n" },
	    { "a SEARCH FUZZY HEADER List-Id appel", "* SEARCH\na OK SEARCH done\n" },
	    { "a SEARCH FUZZY HEADER Lst-Id apples", "* SEARCH\na OK SEARCH done\n" },
	    { "a SEARCH FUZZY FROM agrer", "* SEARCH 3\na OK SEARCH done\n" },
	    { "a SEARCH FUZZY BODY logner", "* SEARCH 2\na OK SEARCH done\n" },
	    { "a SEARCH FUZZY BODY \"text longer\"", "* SEARCH 2\na OK SEARCH done\n" },
	    { "a SEARCH FUZZY TEXT aples", "* SEARCH 1 2 5\na OK SEARCH done\n" },
	    { "a SEARCH RETURN (RELEVANCY ALL) FUZZY TEXT apples",
		"* ESEARCH (TAG \"a\") ALL 1:2,5 RELEVANCY (100 100 50)\na OK SEARCH done\n" },
	    { "a UID SEARCH RETURN (RELEVANCY ALL COUNT) FUZZY TEXT \"apples longer\"",
		"* ESEARCH (TAG \"a\") UID ALL 2 COUNT 1 RELEVANCY (76)\na OK SEARCH done\n" },
	    { "a SEARCH RETURN (RELEVANCY ALL) FUZZY OR SUBJECT aples BODY text",
		"* ESEARCH (TAG \"a\") ALL 1:3 RELEVANCY (60 100 100)\na OK SEARCH done\n" },
	    { "a SEARCH RETURN (RELEVANCY ALL) FUZZY (SUBJECT aples BODY text)",
		"* ESEARCH (TAG \"a\") ALL 2 RELEVANCY (80)\na OK SEARCH done\n" },
	    { "a SEARCH RETURN (RELEVANCY ALL) OR SEEN FUZZY BODY longest",
		"* ESEARCH (TAG \"a\") ALL 2:3 RELEVANCY (50 100)\na OK SEARCH done\n" },
	    { "a SEARCH RETURN (RELEVANCY ALL) FUZZY OR UNSEEN BODY logner",
		"* ESEARCH (TAG \"a\") ALL 1:5 RELEVANCY (100 60 100 100 100)\n"
		"a OK SEARCH done\n" },
	    { "a SEARCH RETURN (RELEVANCY ALL) FUZZY ANSWERED",
		"* ESEARCH (TAG \"a\") RELEVANCY ()\na OK SEARCH done\n" },
	    { "a SEARCH RETURN (PARTIAL 2:9 RELEVANCY) FUZZY TEXT apples",
		"* ESEARCH (TAG \"a\") PARTIAL (2:9 2,5) RELEVANCY (100 50)\n"
		"a OK SEARCH done\n" },
	    { "a SEARCH RETURN (SAVE RELEVANCY) FUZZY TEXT apples",
		"* ESEARCH (TAG \"a\") RELEVANCY (100 100 50)\na OK SEARCH done\n" },
	    { "a SEARCH RETURN (RELEVANCY ALL) $ FUZZY SUBJECT apples",
		"* ESEARCH (TAG \"a\") ALL 1:2 RELEVANCY (100 100)\na OK SEARCH done\n" },
	    { "a SORT (RELEVANCY) UTF-8 FUZZY SUBJECT \"aples\"", "* SORT 1 2\na OK SORT done\n" },
	    { "a SORT (RELEVANCY SIZE) UTF-8 FUZZY OR SUBJECT aples OR TEXT longest TO anna",
		"* SORT 3 1 2\na OK SORT done\n" },
	    { "a SORT (REVERSE RELEVANCY) UTF-8 FUZZY TEXT apples",
		"* SORT 5 1 2\na OK SORT done\n" },
	    { "a SORT RETURN (RELEVANCY ALL) (RELEVANCY REVERSE SIZE) UTF-8 FUZZY TEXT apples",
		"* ESEARCH (TAG \"a\") ALL 2,1,5 RELEVANCY (100 100 50)\na OK SORT done\n" },
	    { "a SORT RETURN (PARTIAL -1:-1 RELEVANCY) (RELEVANCY) UTF-8 FUZZY TEXT apples",
		"* ESEARCH (TAG \"a\") PARTIAL (-1:-1 5) RELEVANCY (50)\na OK SORT done\n" },
	    { "a THREAD REFERENCES UTF-8 FUZZY SUBJECT aples",
		"* THREAD (2 1)\na OK THREAD done\n" },
	    { "a ESEARCH IN (mailboxes INBOX) RETURN (ALL RELEVANCY) FUZZY SUBJECT aples",
		"* ESEARCH (TAG \"a\" MAILBOX INBOX UIDVALIDITY #) UID ALL 1:2 RELEVANCY (60 60)\n"
		"a OK ESEARCH done\n" },
	    { "a SEARCH RETURN (RELEVANCY ALL) SUBJECT aples", NULL });
}

static void
from_headers(void)
{
	struct store_conf conf = svc_account_imap_trial_account("search");
	struct svc_account_imap_trial t;
	svc_account_imap_trial_begin(&t, &conf);
	fill_inbox(&t);
	(void)svc_account_imap_trial_feed(&t, S("s SELECT INBOX\r\n"));
	ask_everything(&t);
	ask_for_texts(&t);
	ask_fuzzily(&t);
	svc_account_imap_trial_end(&t);
	svc_account_imap_trial_remove(&conf);
}

/* Copies have the ids of what was copied: not once each, and not in order. */
static void
texts_of_copies(void)
{
	struct store_conf conf = svc_account_imap_trial_account("copies");
	struct svc_account_imap_trial t;
	svc_account_imap_trial_begin(&t, &conf);
	fill_inbox(&t);
	(void)svc_account_imap_trial_feed(&t, S("s SELECT INBOX\r\n"));
	(void)svc_account_imap_trial_feed(&t, S("s COPY 3 INBOX\r\ns COPY 2 INBOX\r\n"));
	TALK(&t, { "a SEARCH BODY text", "* SEARCH 2 3 6 7\na OK SEARCH done\n" },
	    { "a SEARCH SEEN BODY text", "* SEARCH 2 7\na OK SEARCH done\n" },
	    { "a SEARCH BODY longest BODY text", "* SEARCH 3 6\na OK SEARCH done\n" });
	svc_account_imap_trial_end(&t);
	svc_account_imap_trial_remove(&conf);
}

/* Enough other messages that blocks are made; they are moved away from what is asked about. */
static void
from_blocks(void)
{
	struct store_conf conf = svc_account_imap_trial_account("search2");
	struct svc_account_imap_trial t;
	uint64_t ids[8];
	size_t n = 0;
	svc_account_imap_trial_begin(&t, &conf);
	fill_inbox(&t);
	for (int i = 0; i < 300; i++) {
		svc_account_imap_trial_append(&t, "Archive", "()", "Subject: filler\n\n\n");
	}
	(void)svc_account_imap_trial_feed(&t, S("s SELECT Archive\r\n"));
	TALK(&t,
	    { "a SEARCH RETURN (COUNT) SUBJECT FILL",
		"* ESEARCH (TAG \"a\") COUNT 300\na OK SEARCH done\n" });
	CHECK_ERR(store_facts_missing(t.store, ids, LEN(ids), &n), ERR_OK);
	CHECK_U64(n, 0);
	(void)svc_account_imap_trial_feed(&t, S("s SELECT INBOX\r\n"));
	ask_everything(&t);
	ask_for_texts(&t);
	ask_fuzzily(&t);
	svc_account_imap_trial_end(&t);
	svc_account_imap_trial_remove(&conf);
}

/* One letter whose header grows to many times its octets (U+FDFA is folded to 18 letters). */
static void
fat_header(void)
{
	struct store_conf conf = svc_account_imap_trial_account("fat");
	struct svc_account_imap_trial t;
	struct store_added added;
	struct buf text;
	svc_account_imap_trial_begin(&t, &conf);
	buf_init(&text, 2u << 20);
	buf_cstr(&text, "From: mallory@e.test\r\nSubject: ");
	for (size_t i = 1; text.n < 1000000; i++) {
		buf_cstr(&text, i % 300 == 0 ? "\r\n " : "\xef\xb7\xba");
	}
	buf_cstr(&text, "\r\n\r\nbody\r\n");
	struct store_new msg = { .body = buf_view(&text) };
	CHECK_ERR(buf_err(&text), ERR_OK);
	CHECK_ERR(store_append(t.store, 1, &msg, 1, &added), ERR_OK);
	fill_inbox(&t);
	svc_account_imap_trial_turn(&t, "s SELECT INBOX", NULL);
	TALK(&t, { "a SEARCH SUBJECT APPLES", "* SEARCH 2 3\na OK SEARCH done\n" },
	    { "a SEARCH FROM mallory", "* SEARCH 1\na OK SEARCH done\n" },
	    { "a SORT (SUBJECT) UTF-8 2,3,5", "* SORT 2 3 5\na OK SORT done\n" },
	    { "a SORT (REVERSE SUBJECT) UTF-8 ALL", NULL },
	    { "a SEARCH BODY body", "* SEARCH 1\na OK SEARCH done\n" });
	buf_done(&text);
	svc_account_imap_trial_end(&t);
	svc_account_imap_trial_remove(&conf);
}

/* However a message is asked about: nothing lasts for ever. The time is up before it begins. */
static void
takes_too_long(void)
{
	struct store_conf conf = svc_account_imap_trial_account("long");
	struct svc_account_imap_trial t;
	svc_account_imap_trial_begin(&t, &conf);
	fill_inbox(&t);
	t.conf.imap_search_time = -1;
	TALK(&t, { "s SELECT INBOX", NULL },
	    { "a SEARCH BODY x", "a NO [LIMIT] search takes too long; narrow it down\n" },
	    { "a SEARCH SUBJECT x", "a NO [LIMIT] search takes too long; narrow it down\n" },
	    { "a SEARCH SENTON 1-Jan-2024",
		"a NO [LIMIT] search takes too long; narrow it down\n" },
	    { "a SORT (SIZE) UTF-8 ALL", "a NO [LIMIT] search takes too long; narrow it down\n" });
	svc_account_imap_trial_end(&t);
	svc_account_imap_trial_remove(&conf);
}

/* One limit for all mailboxes of an ESEARCH: a third of what all take, far more than one takes. */
static void
takes_too_long_in_all(void)
{
	struct store_conf conf = svc_account_imap_trial_account("several");
	struct svc_account_imap_trial t;
	int64_t least = INT64_MAX;
	char line[64];
	svc_account_imap_trial_begin(&t, &conf);
	for (int i = 0; i < 200; i++) {
		snprintf(line, sizeof line, "c CREATE many/%d", i);
		svc_account_imap_trial_turn(&t, line, "c OK [MAILBOXID (#)] CREATE done\n");
	}
	for (int i = 0; i < 4; i++) {
		int64_t before = sys_clock_ms();
		TALK(&t, { "a ESEARCH IN (personal) ALL", "a OK ESEARCH done\n" });
		least = MIN(least, sys_clock_ms() - before);
	}
	t.conf.imap_search_time = MAX(least / 3, 1);
	TALK(&t,
	    { "a ESEARCH IN (personal) ALL",
		"a NO [LIMIT] search takes too long; narrow it down\n" });
	svc_account_imap_trial_end(&t);
	svc_account_imap_trial_remove(&conf);
}

/* The order to end comes while a search runs: not a failure of the server's. */
static void
ends_in_a_search(void)
{
	struct svc_account_imap_one w;
	struct buf out;
	svc_account_imap_one_begin(&w, "ends");
	fill_inbox(&w.t);
	svc_account_imap_trial_turn(&w.t, "s SELECT INBOX", NULL);
	buf_init(&out, 64);
	ipc_accounts_account_quit_put(&out, &(struct ipc_accounts_account_quit){ 2 });
	CHECK_ERR(sys_chan_send_wait(w.t.accounts, &out, -1, 1000), ERR_OK);
	TALK(&w.t, { "a SEARCH BODY x", "a NO [UNAVAILABLE] not possible now\n" });
	CHECK(w.t.session.quit);
	buf_done(&out);
	svc_account_imap_one_end(&w);
}

/* Many letters with a megabyte of subject: their keys would be more than a command may keep. */
static void
long_subjects(void)
{
	enum { FAT = 140 };
	static struct store_new msgs[FAT];
	static struct store_added added[FAT];
	struct store_conf conf = svc_account_imap_trial_account("subjects");
	struct svc_account_imap_trial t;
	struct buf text;
	svc_account_imap_trial_begin(&t, &conf);
	buf_init(&text, 2u << 20);
	buf_cstr(&text, "From: mallory@e.test\r\nSubject: zzz");
	for (size_t i = 1; text.n < 1000000; i++) {
		buf_cstr(&text, i % 900 == 0 ? "\r\n " : "z");
	}
	buf_cstr(&text, "\r\n\r\nbody\r\n");
	CHECK_ERR(buf_err(&text), ERR_OK);
	for (size_t i = 0; i < FAT; i++) {
		msgs[i] = (struct store_new){ .body = buf_view(&text) };
	}
	fill_inbox(&t);
	CHECK_ERR(store_append(t.store, 1, msgs, FAT, added), ERR_OK);
	svc_account_imap_trial_turn(&t, "s SELECT INBOX", NULL);
	TALK(&t,
	    { "a SORT RETURN (COUNT) (SUBJECT FROM TO CC) UTF-8 ALL",
		"* ESEARCH (TAG \"a\") COUNT 145\na OK SORT done\n" },
	    { "a SORT RETURN (PARTIAL 1:7) (SUBJECT) UTF-8 ALL",
		"* ESEARCH (TAG \"a\") PARTIAL (1:7 5,1:4,6:7)\na OK SORT done\n" });
	buf_done(&text);
	svc_account_imap_trial_end(&t);
	svc_account_imap_trial_remove(&conf);
}

/* RFC 5182 2.4 and RFC 9394 3.2: what "$" is after each combination. */
static void
saved_results(void)
{
	static const struct {
		const char *options, *saved;
	} cases[] = {
		{ "SAVE", "1 3:5" },
		{ "SAVE MIN", "1" },
		{ "SAVE MAX", "5" },
		{ "SAVE MIN MAX", "1 5" },
		{ "SAVE ALL", "1 3:5" },
		{ "SAVE COUNT", "1 3:5" },
		{ "SAVE ALL COUNT MIN MAX", "1 3:5" },
		{ "SAVE MIN COUNT", "1 3:5" },
		{ "SAVE MAX ALL", "1 3:5" },
		{ "SAVE PARTIAL 2:3", "3:4" },
		{ "SAVE PARTIAL 2:3 MIN", "1 3:4" },
		{ "SAVE PARTIAL 2:3 MAX", "3:5" },
		{ "SAVE PARTIAL 2:2 MIN MAX", "1 3 5" },
		{ "SAVE PARTIAL 2:2 COUNT", "1 3:5" },
		{ "SAVE PARTIAL 2:2 COUNT MIN", "1 3:5" },
		{ "SAVE PARTIAL -1:-2", "4:5" },
		{ "SAVE PARTIAL 7:9", "" },
		{ "SAVE PARTIAL -9:-7", "" },
	};
	struct store_conf conf = svc_account_imap_trial_account("search3");
	struct svc_account_imap_trial t;
	svc_account_imap_trial_begin(&t, &conf);
	fill_inbox(&t);
	(void)svc_account_imap_trial_feed(&t, S("s SELECT INBOX\r\n"));
	for (size_t i = 0; i < LEN(cases); i++) {
		char line[120], want[120] = "* ESEARCH (TAG \"a\")";
		size_t n = strlen(want);
		test_case = cases[i].options;
		snprintf(line, sizeof line, "s SEARCH RETURN (%s) UNSEEN\r\n", cases[i].options);
		(void)svc_account_imap_trial_feed(&t, str_from(line));
		if (*cases[i].saved != '\0') {
			n += (size_t)snprintf(want + n, sizeof want - n, " ALL %s", cases[i].saved);
		}
		for (char *p = strstr(want, "ALL "); p != NULL && *p != '\0'; p++) {
			*p = *p == ' ' && p[-1] != 'L' ? ',' : *p;
		}
		snprintf(want + n, sizeof want - n, "\na OK SEARCH done\n");
		svc_account_imap_trial_turn(&t, "a SEARCH RETURN (ALL) $", want);
	}
	test_case = NULL;
	TALK(&t, { "a SEARCH RETURN (SAVE) SEEN", "a OK SEARCH done\n" },
	    { "a FETCH $ UID", "* 2 FETCH (UID 2)\na OK FETCH done\n" },
	    { "a UID FETCH $ UID", "* 2 FETCH (UID 2)\na OK FETCH done\n" },
	    { "a SEARCH UID $ SMALLER 4096", "* SEARCH 2\na OK SEARCH done\n" },
	    { "a SEARCH (OR $ 1,3000:3021) UNDELETED", "* SEARCH 1 2\na OK SEARCH done\n" },
	    { "a SORT (SIZE) UTF-8 $", "* SORT 2\na OK SORT done\n" },
	    { "a SORT RETURN (SAVE) (SIZE) UTF-8 SMALLER 100", "a OK SORT done\n" },
	    { "a SORT RETURN (ALL) (ARRIVAL) UTF-8 $",
		"* ESEARCH (TAG \"a\") ALL 4\na OK SORT done\n" },
	    { "a SEARCH RETURN (SAVE) FROB", NULL }, /* BAD changes nothing */
	    { "a SEARCH $", "* SEARCH 4\na OK SEARCH done\n" },
	    { "a SEARCH RETURN (SAVE) CHARSET KOI8-R ALL",
		"a NO [BADCHARSET (UTF-8 US-ASCII)] name or text is not valid in its "
		"character set\n" },
	    { "a SEARCH $", "* SEARCH\na OK SEARCH done\n" },
	    { "a STORE $ +FLAGS (\\Seen)", "a OK STORE done\n" }, { "a COPY $ Sent", NULL });
	svc_account_imap_trial_end(&t);
	svc_account_imap_trial_remove(&conf);
}

static void
partial_results(void)
{
	struct store_conf conf = svc_account_imap_trial_account("search4");
	struct svc_account_imap_trial t;
	svc_account_imap_trial_begin(&t, &conf);
	fill_inbox(&t);
	(void)svc_account_imap_trial_feed(&t, S("s SELECT INBOX\r\n"));
	TALK(&t,
	    { "a UID SEARCH RETURN (PARTIAL -1:-2) UNSEEN",
		"* ESEARCH (TAG \"a\") UID PARTIAL (-1:-2 4:5)\na OK SEARCH done\n" },
	    { "a UID SEARCH RETURN (PARTIAL 3:2 COUNT) UNSEEN",
		"* ESEARCH (TAG \"a\") UID COUNT 4 PARTIAL (3:2 3:4)\na OK SEARCH done\n" },
	    { "a SEARCH RETURN (PARTIAL 4:24500) UNSEEN",
		"* ESEARCH (TAG \"a\") PARTIAL (4:24500 5)\na OK SEARCH done\n" },
	    { "a SEARCH RETURN (PARTIAL 24000:24500) UNSEEN",
		"* ESEARCH (TAG \"a\") PARTIAL (24000:24500 NIL)\na OK SEARCH done\n" },
	    { "a SEARCH RETURN (MIN PARTIAL 2:3) SUBJECT nothing",
		"* ESEARCH (TAG \"a\") PARTIAL (2:3 NIL)\na OK SEARCH done\n" },
	    { "a UID FETCH 1:* (UID) (PARTIAL -1:-2)",
		"* 4 FETCH (UID 4)\n* 5 FETCH (UID 5)\na OK FETCH done\n" },
	    { "a UID FETCH 2:5 (UID) (PARTIAL 1:2)",
		"* 2 FETCH (UID 2)\n* 3 FETCH (UID 3)\na OK FETCH done\n" },
	    { "a UID FETCH 2:5 (UID) (PARTIAL 9:10)", "a OK FETCH done\n" },
	    { "a FETCH 2:5 (UID) (PARTIAL 1:2)", NULL },
	    { "a UID FETCH 1:5 (FLAGS) (PARTIAL -1:-3 CHANGEDSINCE 100000)",
		"* OK [HIGHESTMODSEQ #] from now on\na OK FETCH done\n" },
	    { "a SEARCH RETURN (PARTIAL 1:2) MODSEQ 1",
		"* ESEARCH (TAG \"a\") PARTIAL (1:2 1:2) MODSEQ #\na OK SEARCH done\n" },
	    { "a SORT (SIZE) UTF-8 MODSEQ 1", "* SORT 4 5 1 2 3 (MODSEQ #)\na OK SORT done\n" },
	    { "a SORT RETURN (MIN) (SIZE) UTF-8 MODSEQ 1",
		"* ESEARCH (TAG \"a\") MIN 4 MODSEQ #\na OK SORT done\n" });
	svc_account_imap_trial_end(&t);
	svc_account_imap_trial_remove(&conf);
}

static void
several_mailboxes(void)
{
	struct store_conf conf = svc_account_imap_trial_account("search5");
	struct svc_account_imap_trial t;
	svc_account_imap_trial_begin(&t, &conf);
	fill_inbox(&t);
	TALK(&t, { "a CREATE a/b/c", NULL }, { "a CREATE \"T&-U\"", NULL },
	    { "a SUBSCRIBE \"T&-U\"", NULL });
	svc_account_imap_trial_append(&t, "a", "()", "Subject: one\n\n1\n");
	svc_account_imap_trial_append(&t, "a/b", "($x)", "Subject: two\n\n1\n");
	svc_account_imap_trial_append(&t, "a/b/c", "()", "Subject: one\n\n1\n");
	svc_account_imap_trial_append(&t, "a/b/c", "()", "Subject: three\n\n1\n");
	svc_account_imap_trial_append(&t, "T&-U", "()", "Subject: one\n\n1\n");
	TALK(&t, { "a ESEARCH ALL", "a BAD no mailbox is selected\n" },
	    { "a ESEARCH IN (selected personal) ALL", "a BAD no mailbox is selected\n" },
	    { "t1 ESEARCH IN (mailboxes (\"a\" T&-U nowhere) subtree-one a) subject one",
		"* ESEARCH (TAG \"t1\" MAILBOX T&-U UIDVALIDITY #) UID ALL 1\n"
		"* ESEARCH (TAG \"t1\" MAILBOX a UIDVALIDITY #) UID ALL 1\n"
		"t1 OK ESEARCH done\n" },
	    { "t2 ESEARCH IN (subtree a) RETURN (COUNT MIN MAX) subject \"\"",
		"* ESEARCH (TAG \"t2\" MAILBOX a UIDVALIDITY #) UID MIN 1 MAX 1 COUNT 1\n"
		"* ESEARCH (TAG \"t2\" MAILBOX a/b UIDVALIDITY #) UID MIN 1 MAX 1 COUNT 1\n"
		"* ESEARCH (TAG \"t2\" MAILBOX a/b/c UIDVALIDITY #) UID MIN 1 MAX 2 COUNT 2\n"
		"t2 OK ESEARCH done\n" },
	    { "t3 ESEARCH IN (subscribed inboxes) RETURN (COUNT) ALL", NULL },
	    { "t4 ESEARCH IN (personal) KEYWORD $x",
		"* ESEARCH (TAG \"t4\" MAILBOX a/b UIDVALIDITY #) UID ALL 1\n"
		"t4 OK ESEARCH done\n" },
	    { "t5 ESEARCH IN (personal) 2",
		"* ESEARCH (TAG \"t5\" MAILBOX INBOX UIDVALIDITY #) UID ALL 2\n"
		"* ESEARCH (TAG \"t5\" MAILBOX a/b/c UIDVALIDITY #) UID ALL 2\n"
		"t5 OK ESEARCH done\n" },
	    { "t6 ESEARCH IN (personal) RETURN (PARTIAL 2:2) SUBJECT three",
		"* ESEARCH (TAG \"t6\" MAILBOX a/b/c UIDVALIDITY #) UID PARTIAL (2:2 NIL)\n"
		"t6 OK ESEARCH done\n" },
	    { "t7 ESEARCH IN (personal) RETURN (SAVE) ALL",
		"t7 BAD SAVE is for the selected mailbox alone\n" },
	    { "t8 ESEARCH IN (personal) SUBJECT nowhere", "t8 OK ESEARCH done\n" },
	    { "s SELECT a/b/c", NULL },
	    { "u ESEARCH IN (selected) RETURN (SAVE) SUBJECT three", "u OK ESEARCH done\n" },
	    { "u UID ESEARCH $",
		"* ESEARCH (TAG \"u\" MAILBOX a/b/c UIDVALIDITY #) UID ALL 2\n"
		"u OK ESEARCH done\n" },
	    { "u ESEARCH RETURN (SAVE COUNT) SUBJECT nowhere", "u OK ESEARCH done\n" },
	    { "u SEARCH $", "* SEARCH\nu OK SEARCH done\n" });
	svc_account_imap_trial_end(&t);
	svc_account_imap_trial_remove(&conf);
}

TEST_MAIN(from_headers, texts_of_copies, from_blocks, fat_header, takes_too_long,
    takes_too_long_in_all, ends_in_a_search, long_subjects, saved_results, partial_results,
    several_mailboxes)
