/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two sessions on one mailbox, one of them with QRESYNC (RFC 7162 3.2): what VANISHED names and
 * when, what SELECT tells after an absence, and which HIGHESTMODSEQ the client may keep.
 */
#include "svc/account/imap/qresync.h"

#include "base/test.h"
#include "svc/account/imap/trial.h"

static unsigned long long modseq; /* when b began to change things */
static unsigned uidvalidity;

/* Ten messages, uids 1 to 10; both have INBOX selected, a has enabled QRESYNC. */
static void
setup(struct svc_account_imap_two *w, const char *name)
{
	svc_account_imap_two_begin(w, name);
	svc_account_imap_trial_turn(&w->a, "s ENABLE QRESYNC",
	    "* ENABLED QRESYNC\ns OK ENABLE done\n");
	svc_account_imap_two_open(w, &w->b, 10);
	modseq = w->a.session.box.view.modseq;
	uidvalidity = w->a.session.box.view.uidvalidity;
}

static void
b_removes(struct svc_account_imap_two *w, const char *uids)
{
	char line[100];
	snprintf(line, sizeof line, "r UID STORE %s +FLAGS.SILENT (\\Deleted)", uids);
	svc_account_imap_trial_turn(&w->b, line, "r OK STORE done\n");
	snprintf(line, sizeof line, "r UID EXPUNGE %s", uids);
	svc_account_imap_trial_turn(&w->b, line, NULL);
}

/* SELECT with what the client knew; the usual responses are cut off before they are compared. */
static void
a_returns(struct svc_account_imap_two *w, const char *known, const char *want)
{
	char line[400];
	snprintf(line, sizeof line, "q SELECT INBOX (QRESYNC (%u %llu%s))\r\n", uidvalidity, modseq,
	    known);
	a_says(w, "u UNSELECT", "u OK UNSELECT done\n");
	test_case = line;
	str got = svc_account_imap_trial_feed(&w->a, str_from(line));
	int64_t at = str_find(got, S("] mailbox\r\n"));
	if (CHECK(at >= 0)) {
		svc_account_imap_trial_like(str_from_off(got, (size_t)at + 11), want);
	}
}

static void
instead_of_expunge(void)
{
	struct svc_account_imap_two w;
	setup(&w, "vanished");
	b_removes(&w, "2:4,9");
	a_says(&w, "1 NOOP", "* VANISHED 2:4,9\n1 OK [HIGHESTMODSEQ #] NOOP done\n");
	a_says(&w, "2 NOOP", "2 OK NOOP done\n");
	a_says(&w, "3 STORE 1:2 +FLAGS.SILENT (\\Deleted)",
	    "* 1 FETCH (UID 1 MODSEQ (#))\n* 2 FETCH (UID 5 MODSEQ (#))\n3 OK STORE done\n");
	a_says(&w, "4 UID EXPUNGE 5", "* VANISHED 5\n4 OK [HIGHESTMODSEQ #] EXPUNGE done\n");
	a_says(&w, "5 EXPUNGE", "* VANISHED 1\n5 OK [HIGHESTMODSEQ #] EXPUNGE done\n");
	a_says(&w, "6 EXPUNGE", "6 OK EXPUNGE done\n");
	a_says(&w, "7 MOVE 1 Trash",
	    "* OK [COPYUID # 6 1] moved\n* VANISHED 6\n7 OK [HIGHESTMODSEQ #] MOVE done\n");
	a_says(&w, "8 STORE 1 +FLAGS.SILENT (\\Deleted)", NULL);
	a_says(&w, "9 CLOSE", "9 OK CLOSE done\n"); /* no HIGHESTMODSEQ: RFC 7162 3.2.8 */
	svc_account_imap_two_end(&w);
}

/* While VANISHED waits, the client is told not to believe higher MODSEQs (RFC 7162 6). */
static void
held_back(void)
{
	struct svc_account_imap_two w;
	setup(&w, "held");
	char tagged[100], untagged[200];
	b_removes(&w, "8");
	/* b set \Deleted first, which could be told */
	a_says(&w, "0 STORE 2 +FLAGS.SILENT ()", NULL);
	unsigned long long told = w.a.session.box.view.gone_modseq;
	CHECK(told < w.a.session.box.view.modseq);
	snprintf(tagged, sizeof tagged,
	    "* 1 FETCH (UID 1 MODSEQ (#))\n1 OK [HIGHESTMODSEQ %llu] STORE done\n", told);
	a_says(&w, "1 STORE 1 +FLAGS.SILENT (\\Seen)", tagged);
	snprintf(untagged, sizeof untagged,
	    "* 1 FETCH (UID 1 FLAGS (\\Seen) MODSEQ (#))\n* OK [HIGHESTMODSEQ %llu] for now\n"
	    "2 OK [MODIFIED 1] STORE done\n",
	    told);
	char line[100];
	snprintf(line, sizeof line, "2 STORE 1 (UNCHANGEDSINCE %llu) +FLAGS.SILENT (\\Draft)",
	    modseq);
	a_says(&w, line, untagged);
	a_says(&w, "3 UID SEARCH 1:* DRAFT", NULL); /* message numbers: still not */
	CHECK(w.a.session.box.held);
	a_says(&w, "4 UID SEARCH DRAFT",
	    "* VANISHED 8\n* SEARCH\n4 OK [HIGHESTMODSEQ #] SEARCH done\n");
	CHECK(!w.a.session.box.held);
	a_says(&w, "5 STORE 1 +FLAGS.SILENT (\\Answered)",
	    "* 1 FETCH (UID 1 MODSEQ (#))\n5 OK STORE done\n");
	svc_account_imap_two_end(&w);
}

static void
after_an_absence(void)
{
	struct svc_account_imap_two w;
	setup(&w, "absence");
	b_removes(&w, "2:4");
	b_removes(&w, "8");
	svc_account_imap_trial_turn(&w.b, "c UID STORE 6,10 +FLAGS.SILENT (\\Seen)", NULL);
	svc_account_imap_trial_append(&w.b, "INBOX", "()", "Subject: new\n\nbody\n");
	const char *all =
	    "* VANISHED (EARLIER) 2:4,8\n* 3 FETCH (UID 6 FLAGS (\\Seen) MODSEQ (#))\n"
	    "* 6 FETCH (UID 10 FLAGS (\\Seen) MODSEQ (#))\n"
	    "* 7 FETCH (UID 11 FLAGS () MODSEQ (#))\n"
	    "q OK [READ-WRITE] SELECT done\n";
	a_returns(&w, "", all);
	a_returns(&w, " 1:10000", all);
	a_returns(&w, " 3:5,8:9", "* VANISHED (EARLIER) 3:4,8\nq OK [READ-WRITE] SELECT done\n");
	a_returns(&w, " 5:7 (1 1)",
	    "* 3 FETCH (UID 6 FLAGS (\\Seen) MODSEQ (#))\nq OK [READ-WRITE] SELECT done\n");
	/* message 3 had uid 3, and has 6 now: what lies behind uid 1 may have gone */
	a_returns(&w, " 1:9 (1,3 1,3)",
	    "* VANISHED (EARLIER) 2:4,8\n* 3 FETCH (UID 6 FLAGS (\\Seen) MODSEQ (#))\n"
	    "q OK [READ-WRITE] SELECT done\n");
	/* messages 1 to 4 are as the client says, the fifth is not */
	a_returns(&w, " 1:9 (1:5 1,5:8)",
	    "* VANISHED (EARLIER) 8\n* 3 FETCH (UID 6 FLAGS (\\Seen) MODSEQ (#))\n"
	    "q OK [READ-WRITE] SELECT done\n");
	modseq = 1000000; /* nobody ever said so: everything is told */
	a_returns(&w, " 1:6",
	    "* VANISHED (EARLIER) 2:4\n* 1 FETCH (UID 1 FLAGS () MODSEQ (#))\n"
	    "* 2 FETCH (UID 5 FLAGS () MODSEQ (#))\n* 3 FETCH (UID 6 FLAGS (\\Seen) MODSEQ (#))\n"
	    "q OK [READ-WRITE] SELECT done\n");
	modseq = 1;
	uidvalidity++;
	a_returns(&w, "", "q OK [READ-WRITE] SELECT done\n");
	svc_account_imap_two_end(&w);
}

static void
fetch_vanished(void)
{
	struct svc_account_imap_two w;
	setup(&w, "fetched");
	char line[100];
	b_removes(&w, "2:4");
	a_says(&w, "0 NOOP", NULL);
	b_removes(&w, "7");
	snprintf(line, sizeof line, "1 UID FETCH 3:10 (FLAGS) (CHANGEDSINCE %llu VANISHED)",
	    modseq);
	/* 7 goes from the numbers first; of those before it only the past is told */
	a_says(&w, line,
	    "* VANISHED 7\n* VANISHED (EARLIER) 3:4,7\n1 OK [HIGHESTMODSEQ #] FETCH done\n");
	snprintf(line, sizeof line, "2 UID FETCH 1:* UID (VANISHED CHANGEDSINCE %llu)", modseq);
	a_says(&w, line, "* VANISHED (EARLIER) 2:4,7\n2 OK FETCH done\n");
	a_says(&w, "3 FETCH 1:* UID (CHANGEDSINCE 1 VANISHED)", "3 BAD syntax error\n");
	a_says(&w, "4 UID FETCH 1:* UID (VANISHED)", "4 BAD syntax error\n");
	svc_account_imap_trial_turn(&w.b, "5 UID FETCH 1:* UID (CHANGEDSINCE 1 VANISHED)",
	    "5 BAD QRESYNC is not enabled\n");
	svc_account_imap_trial_turn(&w.b, "6 SELECT INBOX (QRESYNC (1 1))",
	    "6 BAD QRESYNC is not enabled\n");
	svc_account_imap_trial_turn(&w.b, "7 CHECK", "7 OK CHECK done\n"); /* still selected */
	svc_account_imap_two_end(&w);
}

/* In IDLE the new HIGHESTMODSEQ comes untagged. */
static void
idling(void)
{
	struct svc_account_imap_two w;
	setup(&w, "idling");
	a_says(&w, "1 IDLE", "+ idling\n");
	b_removes(&w, "5");
	w.a.session.dirty = true;
	svc_account_imap_take_news(&w.a.session);
	str got = svc_account_imap_trial_feed(&w.a, S("DONE\r\n"));
	svc_account_imap_trial_like(got,
	    "* VANISHED 5\n* OK [HIGHESTMODSEQ #] for now\n1 OK IDLE done\n");
	svc_account_imap_two_end(&w);
}

/* A long answer is several lines, none of them much longer than the limit. */
static void
long_answers(void)
{
	struct svc_account_imap_two w;
	setup(&w, "long");
	struct store_range ranges[4000];
	for (uint32_t i = 0; i < LEN(ranges); i++) {
		ranges[i] = (struct store_range){ 1000000 + i * 2, 1000000 + i * 2 };
	}
	buf_reset(&w.a.session.out);
	svc_account_imap_put_vanished(&w.a.session, ranges, LEN(ranges), true);
	str rest = buf_view(&w.a.session.out), line;
	size_t uids = 0, lines = 0;
	while (str_cut(rest, '\n', &line, &rest)) {
		CHECK(str_istarts(line, S("* VANISHED (EARLIER) 1")));
		CHECK(line.n < SVC_ACCOUNT_IMAP_VANISHED_LINE + 100);
		for (size_t i = 0; i < line.n; i++) {
			uids += line.p[i] == ',' || line.p[i] == '\r';
		}
		lines++;
	}
	CHECK_U64(uids, LEN(ranges));
	CHECK_U64(lines, 5);
	buf_reset(&w.a.session.out);
	svc_account_imap_put_vanished(&w.a.session, ranges, 0, true);
	CHECK_U64(w.a.session.out.n, 0);
	svc_account_imap_two_end(&w);
}

TEST_MAIN(instead_of_expunge, held_back, after_an_absence, fetch_vanished, idling, long_answers)
