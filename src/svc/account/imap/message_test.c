/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Conversations about messages: FETCH STORE SEARCH COPY MOVE EXPUNGE CLOSE, with and without
 * CONDSTORE, in a mailbox of known messages.
 */
#include "svc/account/imap/trial.h"

#include "base/test.h"

typedef struct svc_account_imap_turn turn;

#define PLAIN                                                                          \
	"From: Ann <ann@example.org>\nTo: Bob <bob@example.com>\nSubject: Hello Bob\n" \
	"Date: Thu, 1 Feb 2024 23:30:00 -0500\nMessage-ID: <1@x>\n\nplain body\n"
#define MULTI                                                                                  \
	"From: Zo\303\253 <zoe@example.org>\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\n"           \
	"Message-ID: <2@x>\nIn-Reply-To: <1@x>\nContent-Type: multipart/mixed; boundary=b\n\n" \
	"--b\n\nfirst part\n--b\nContent-Type: text/plain; charset=iso-8859-1\n"               \
	"Content-Transfer-Encoding: base64\n\nS/ZsbiBhbSBSaGVpbg==\n--b--\n"
#define SHORT "Subject: x\n\nshort\n"

static void
setup(struct svc_account_imap_one *f, const char *name)
{
	svc_account_imap_one_begin(f, name);
	svc_account_imap_trial_append(&f->t, "INBOX", "(\\Seen)", PLAIN);
	svc_account_imap_trial_append(&f->t, "INBOX", "($Work)", MULTI);
	svc_account_imap_trial_append(&f->t, "INBOX", "(\\Flagged)", SHORT);
	svc_account_imap_trial_turn(&f->t, "s SELECT INBOX", NULL);
}

static void
run(const char *name, const turn *turns, size_t n)
{
	struct svc_account_imap_one f;
	setup(&f, name);
	svc_account_imap_trial_talk(&f.t, turns, n);
	svc_account_imap_one_end(&f);
}

static void
selects_with_messages(void)
{
	static const turn turns[] = {
		{ "a SELECT INBOX",
		    "* OK [CLOSED] previous mailbox is closed\n"
		    "* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft $Work)\n"
		    "* OK [PERMANENTFLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft $Work "
		    "\\*)] flags that stay\n"
		    "* 3 EXISTS\n* 0 RECENT\n* OK [UNSEEN 2] first unseen\n* OK [UIDVALIDITY #] "
		    "uids are valid\n"
		    "* OK [UIDNEXT 4] next uid\n* OK [HIGHESTMODSEQ #] highest\n* OK [MAILBOXID "
		    "(F#)] mailbox\n"
		    "a OK [READ-WRITE] SELECT done\n" },
		{ "a STATUS INBOX (MESSAGES UNSEEN SIZE DELETED)",
		    "* STATUS INBOX (MESSAGES 3 UNSEEN 2 DELETED 0 SIZE #)\na OK STATUS done\n" },
	};
	run("selects", turns, LEN(turns));
}

static void
fetches(void)
{
	static const turn turns[] = {
		{ "a FETCH 1:* FLAGS",
		    "* 1 FETCH (FLAGS (\\Seen))\n* 2 FETCH (FLAGS ($Work))\n* 3 FETCH (FLAGS "
		    "(\\Flagged))\n"
		    "a OK FETCH done\n" },
		{ "a UID FETCH 2:* (FLAGS)",
		    "* 2 FETCH (UID 2 FLAGS ($Work))\n* 3 FETCH (UID 3 FLAGS (\\Flagged))\na OK "
		    "FETCH done\n" },
		{ "a UID FETCH 100:* UID", "* 3 FETCH (UID 3)\na OK FETCH done\n" },
		{ "a UID FETCH 7,9:8 UID", "a OK FETCH done\n" },
		{ "a FETCH 3:1 UID",
		    "* 1 FETCH (UID 1)\n* 2 FETCH (UID 2)\n* 3 FETCH (UID 3)\na OK FETCH done\n" },
		{ "a FETCH 4 UID", "a BAD no such message number\n" },
		{ "a FETCH 1,4 UID", "a BAD no such message number\n" },
		{ "a FETCH 1 FAST",
		    "* 1 FETCH (FLAGS (\\Seen) RFC822.SIZE 147 INTERNALDATE \" 1-Feb-2024 "
		    "10:00:00 +0000\")\n"
		    "a OK FETCH done\n" },
		{ "a FETCH 3 (RFC822.SIZE EMAILID THREADID)",
		    "* 3 FETCH (RFC822.SIZE 21 EMAILID (M#) THREADID (T#))\na OK FETCH done\n" },
		{ "a FETCH 1 ENVELOPE",
		    "* 1 FETCH (ENVELOPE (\"Thu, 1 Feb 2024 23:30:00 -0500\" \"Hello Bob\" "
		    "((\"Ann\" NIL \"ann\" \"example.org\")) ((\"Ann\" NIL \"ann\" "
		    "\"example.org\")) "
		    "((\"Ann\" NIL \"ann\" \"example.org\")) ((\"Bob\" NIL \"bob\" "
		    "\"example.com\")) NIL NIL NIL "
		    "\"<1@x>\"))\na OK FETCH done\n" },
		{ "a FETCH 3 (BODY BODYSTRUCTURE)",
		    "* 3 FETCH (BODY (\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL "
		    "\"7bit\" 7 1) "
		    "BODYSTRUCTURE (\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL "
		    "\"7bit\" 7 1 NIL NIL NIL "
		    "NIL))\na OK FETCH done\n" },
		{ "a FETCH 2 BODY.PEEK[1]",
		    "* 2 FETCH (BODY[1] {10}\nfirst part)\na OK FETCH "
		    "done\n" },
		{ "a FETCH 2 (BODY.PEEK[HEADER.FIELDS (In-Reply-To)] BODY.PEEK[9])",
		    "* 2 FETCH (BODY[HEADER.FIELDS (In-Reply-To)] {22}\nIn-Reply-To: <1@x>\n\n "
		    "BODY[9] NIL)\n"
		    "a OK FETCH done\n" },
		{ "a FETCH 2 (BINARY.PEEK[2]<0.4> BINARY.SIZE[2])",
		    "* 2 FETCH (BINARY[2]<0> {4}\nK\366ln BINARY.SIZE[2] 13)\na OK FETCH done\n" },
		{ "a FETCH 3 BODY[TEXT]<1.3>",
		    "* 3 FETCH (FLAGS (\\Flagged \\Seen) BODY[TEXT]<1> {3}\nhor)\na OK FETCH "
		    "done\n" },
		{ "a FETCH 3 BODY[]<0.7>",
		    "* 3 FETCH (BODY[]<0> {7}\nSubject)\na OK FETCH "
		    "done\n" },
		{ "a FETCH 3 RFC822",
		    "* 3 FETCH (RFC822 {21}\nSubject: x\n\nshort\n)\na OK "
		    "FETCH done\n" },
		{ "a FETCH 3 (UID RFC822.HEADER)",
		    "* 3 FETCH (UID 3 RFC822.HEADER {14}\nSubject: x\n\n)\na OK FETCH done\n" },
		{ "a FETCH 1:3 (MODSEQ)",
		    "* OK [HIGHESTMODSEQ #] from now on\n"
		    "* 1 FETCH (MODSEQ (#))\n* 2 FETCH (MODSEQ (#))\n* 3 FETCH (MODSEQ (#))\na "
		    "OK FETCH done\n" },
		{ "a EXAMINE INBOX", NULL },
		{ "a FETCH 2 BODY[1]", "* 2 FETCH (BODY[1] {10}\nfirst part)\na OK FETCH done\n" },
		{ "a FETCH 2 FLAGS", "* 2 FETCH (FLAGS ($Work))\na OK FETCH done\n" },
		{ "a SELECT Sent", NULL },
		{ "a FETCH 1 FLAGS", "a BAD no such message number\n" },
		{ "a FETCH * FLAGS", "a BAD no such message number\n" },
		{ "a UID FETCH 1:* FLAGS", "a OK FETCH done\n" },
	};
	run("fetches", turns, LEN(turns));
}

static void
stores(void)
{
	static const turn turns[] = {
		{ "a STORE 1:2 +FLAGS (\\Deleted)",
		    "* 1 FETCH (FLAGS (\\Deleted \\Seen))\n* 2 FETCH (FLAGS (\\Deleted $Work))\n"
		    "a OK STORE done\n" },
		{ "a STORE 1:2 -FLAGS.SILENT (\\Deleted)", "a OK STORE done\n" },
		{ "a STORE 3 FLAGS (\\Answered new)",
		    "* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft $Work new)\n"
		    "* OK [PERMANENTFLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft $Work "
		    "new \\*)] flags "
		    "that stay\n* 3 FETCH (FLAGS (\\Answered new))\na OK STORE done\n" },
		{ "a UID STORE 3 -FLAGS NEW",
		    "* 3 FETCH (UID 3 FLAGS (\\Answered))\na OK STORE "
		    "done\n" },
		{ "a STORE 1 +FLAGS \\Seen", "* 1 FETCH (FLAGS (\\Seen))\na OK STORE done\n" },
		{ "a UID STORE 77 +FLAGS (\\Seen)", "a OK STORE done\n" },
		{ "a STORE 9 +FLAGS (\\Seen)", "a BAD no such message number\n" },
		{ "a FETCH 1:* FLAGS",
		    "* 1 FETCH (FLAGS (\\Seen))\n* 2 FETCH (FLAGS ($Work))\n* 3 FETCH (FLAGS "
		    "(\\Answered))\n"
		    "a OK FETCH done\n" },
		{ "a EXAMINE INBOX", NULL },
		{ "a STORE 1 +FLAGS (\\Seen)", "a NO [NOPERM] mailbox is open read-only\n" },
		{ "a FETCH 1 FLAGS", "* 1 FETCH (FLAGS (\\Seen))\na OK FETCH done\n" },
	};
	run("stores", turns, LEN(turns));
}

static void
condstore(void)
{
	struct svc_account_imap_one f;
	setup(&f, "condstore");
	char line[200];
	svc_account_imap_trial_turn(&f.t, "a ENABLE CONDSTORE",
	    "* ENABLED CONDSTORE\n* OK [HIGHESTMODSEQ #] from now on\na OK ENABLE done\n");
	unsigned long long before = f.t.session.box.view.modseq;
	svc_account_imap_trial_turn(&f.t, "a STORE 1 +FLAGS.SILENT (\\Answered)",
	    "* 1 FETCH (UID 1 MODSEQ (#))\na OK STORE done\n");
	unsigned long long after = f.t.session.box.view.modseq;
	CHECK(after > before);
	snprintf(line, sizeof line,
	    "a STORE 1:2 (UNCHANGEDSINCE %llu) +FLAGS.SILENT "
	    "(\\Deleted)",
	    before);
	svc_account_imap_trial_turn(&f.t, line,
	    "* 2 FETCH (UID 2 MODSEQ (#))\n"
	    "* 1 FETCH (UID 1 FLAGS (\\Answered \\Seen) MODSEQ (#))\n"
	    "a OK [MODIFIED 1] STORE done\n");
	/* nothing to change: MODSEQ alone would say that it was our change */
	snprintf(line, sizeof line, "a STORE 3 (UNCHANGEDSINCE %llu) -FLAGS.SILENT (\\Draft)",
	    after);
	svc_account_imap_trial_turn(&f.t, line,
	    "* 3 FETCH (UID 3 FLAGS (\\Flagged) MODSEQ (#))\na OK STORE done\n");
	snprintf(line, sizeof line, "a FETCH 1:* (FLAGS) (CHANGEDSINCE %llu)", after);
	svc_account_imap_trial_turn(&f.t, line,
	    "* 2 FETCH (FLAGS (\\Deleted $Work) MODSEQ (#))\na OK FETCH done\n");
	snprintf(line, sizeof line, "a SEARCH MODSEQ %llu", after);
	svc_account_imap_trial_turn(&f.t, line, "* SEARCH 1 2 (MODSEQ #)\na OK SEARCH done\n");
	snprintf(line, sizeof line, "a SEARCH RETURN (MIN) MODSEQ %llu", after);
	svc_account_imap_trial_turn(&f.t, line,
	    "* ESEARCH (TAG \"a\") MIN 1 MODSEQ #\na OK SEARCH done\n");
	svc_account_imap_trial_turn(&f.t, "a SEARCH MODSEQ 99999999",
	    "* SEARCH\na OK SEARCH "
	    "done\n");
	svc_account_imap_trial_turn(&f.t, "a FETCH 3 BODY[1]",
	    "* 3 FETCH (UID 3 FLAGS (\\Flagged \\Seen) MODSEQ (#) BODY[1] "
	    "{7}\nshort\n)\na OK FETCH done\n");
	svc_account_imap_trial_turn(&f.t, "a EXPUNGE",
	    "* 2 EXPUNGE\na OK [HIGHESTMODSEQ #] EXPUNGE done\n");
	svc_account_imap_one_end(&f);
}

static void
searches(void)
{
	static const turn turns[] = {
		{ "a SEARCH ALL", "* SEARCH 1 2 3\na OK SEARCH done\n" },
		{ "a SEARCH SEEN", "* SEARCH 1\na OK SEARCH done\n" },
		{ "a SEARCH UNSEEN NOT FLAGGED", "* SEARCH 2\na OK SEARCH done\n" },
		{ "a SEARCH KEYWORD $work", "* SEARCH 2\na OK SEARCH done\n" },
		{ "a SEARCH KEYWORD nope", "* SEARCH\na OK SEARCH done\n" },
		{ "a SEARCH UNKEYWORD nope 2:3", "* SEARCH 2 3\na OK SEARCH done\n" },
		{ "a SEARCH SUBJECT \"HELLO b\"", "* SEARCH 1\na OK SEARCH done\n" },
		{ "a SEARCH CHARSET UTF-8 SUBJECT \"gr\303\274\303\237e\"",
		    "* SEARCH 2\na OK "
		    "SEARCH done\n" },
		{ "a SEARCH SUBJECT grusse", "* SEARCH 2\na OK SEARCH done\n" },
		{ "a SEARCH FROM zoe", "* SEARCH 2\na OK SEARCH done\n" },
		{ "a SEARCH TO bob@example.com", "* SEARCH 1\na OK SEARCH done\n" },
		{ "a SEARCH HEADER In-Reply-To \"\"", "* SEARCH 2\na OK SEARCH done\n" },
		{ "a SEARCH HEADER Message-ID <1@x>", "* SEARCH 1\na OK SEARCH done\n" },
		{ "a SEARCH BODY \"FIRST PART\"", "* SEARCH 2\na OK SEARCH done\n" },
		{ "a SEARCH BODY koln", "* SEARCH 2\na OK SEARCH done\n" },
		{ "a SEARCH BODY S/Zs", "* SEARCH\na OK SEARCH done\n" },
		{ "a SEARCH BODY Subject", "* SEARCH\na OK SEARCH done\n" },
		{ "a SEARCH TEXT bob", "* SEARCH 1\na OK SEARCH done\n" },
		{ "a SEARCH TEXT short", "* SEARCH 3\na OK SEARCH done\n" },
		{ "a SEARCH OR SUBJECT hello BODY short", "* SEARCH 1 3\na OK SEARCH done\n" },
		{ "a SEARCH LARGER 20 SMALLER 22", "* SEARCH 3\na OK SEARCH done\n" },
		{ "a SEARCH ON 1-Feb-2024", "* SEARCH 1 2 3\na OK SEARCH done\n" },
		{ "a SEARCH BEFORE 1-Feb-2024", "* SEARCH\na OK SEARCH done\n" },
		{ "a SEARCH SINCE 2-Feb-2024", "* SEARCH\na OK SEARCH done\n" },
		{ "a SEARCH SENTON 1-Feb-2024", "* SEARCH 1\na OK SEARCH done\n" },
		{ "a SEARCH SENTSINCE 2-Feb-2024", "* SEARCH\na OK SEARCH done\n" },
		{ "a SEARCH SENTBEFORE 2-Feb-2024", "* SEARCH 1\na OK SEARCH done\n" },
		{ "a SEARCH NEW", "* SEARCH\na OK SEARCH done\n" },
		{ "a SEARCH OLD UID 2:*", "* SEARCH 2 3\na OK SEARCH done\n" },
		{ "a SEARCH 7", "* SEARCH\na OK SEARCH done\n" }, /* RFC 7377 2 */
		{ "a SEARCH CHARSET KOI8-R ALL",
		    "a NO [BADCHARSET (UTF-8 US-ASCII)] name or text is not valid in its "
		    "character set\n" },
		{ "a UID SEARCH RETURN (MIN MAX COUNT ALL) UNSEEN",
		    "* ESEARCH (TAG \"a\") UID MIN 2 MAX 3 ALL 2:3 COUNT 2\na OK SEARCH done\n" },
		{ "a SEARCH RETURN () SEEN", "* ESEARCH (TAG \"a\") ALL 1\na OK SEARCH done\n" },
		{ "a SEARCH RETURN (MIN COUNT) DELETED",
		    "* ESEARCH (TAG \"a\") COUNT 0\na OK "
		    "SEARCH done\n" },
		{ "a SEARCH RETURN (SAVE) UNSEEN", "a OK SEARCH done\n" },
		{ "a FETCH $ UID", "* 2 FETCH (UID 2)\n* 3 FETCH (UID 3)\na OK FETCH done\n" },
		{ "a SEARCH NOT $", "* SEARCH 1\na OK SEARCH done\n" },
		{ "a SEARCH RETURN (SAVE MAX) ALL",
		    "* ESEARCH (TAG \"a\") MAX 3\na OK SEARCH "
		    "done\n" },
		{ "a UID SEARCH UID $", "* SEARCH 3\na OK SEARCH done\n" },
		{ "a UID STORE $ +FLAGS.SILENT (\\Seen)", "a OK STORE done\n" },
		{ "a SEARCH UNSEEN", "* SEARCH 2\na OK SEARCH done\n" },
		{ "a ENABLE IMAP4rev2", "* ENABLED IMAP4rev2\na OK ENABLE done\n" },
		{ "a SEARCH ALL", "* ESEARCH (TAG \"a\") ALL 1:3\na OK SEARCH done\n" },
		{ "a UID SEARCH DELETED", "* ESEARCH (TAG \"a\") UID\na OK SEARCH done\n" },
	};
	run("searches", turns, LEN(turns));
}

static void
finds_object_ids(void)
{
	struct svc_account_imap_one f;
	setup(&f, "objects");
	svc_account_imap_trial_turn(&f.t, "a FETCH 2 (EMAILID THREADID)", NULL);
	str got = buf_view(&f.t.got), email, thread, rest;
	CHECK(str_cut(got, '(', &rest, &rest) && str_cut(rest, '(', &got, &rest));
	CHECK(str_cut(rest, ')', &email, &rest) && str_cut(rest, '(', &got, &rest));
	CHECK(str_cut(rest, ')', &thread, &rest));
	char line[200];
	snprintf(line, sizeof line, "a SEARCH EMAILID %.*s", STR_ARG(email));
	char other[200];
	snprintf(other, sizeof other, "a SEARCH THREADID %.*s", STR_ARG(thread));
	svc_account_imap_trial_turn(&f.t, line, "* SEARCH 2\na OK SEARCH done\n");
	svc_account_imap_trial_turn(&f.t, other, "* SEARCH 1 2\na OK SEARCH done\n");
	svc_account_imap_trial_turn(&f.t, "a SEARCH EMAILID M99999",
	    "* SEARCH\na OK SEARCH "
	    "done\n");
	svc_account_imap_one_end(&f);
}

static void
copies_and_moves(void)
{
	static const turn turns[] = {
		{ "a COPY 1:2 nope", "a NO [TRYCREATE] no such mailbox\n" },
		{ "a COPY 1,3 Sent", "a OK [COPYUID # 1,3 #:#] COPY done\n" },
		{ "a UID COPY 99 Sent", "a OK COPY done\n" },
		{ "a COPY 9 Sent", "a BAD no such message number\n" },
		{ "a COPY 1 INBOX", "* 4 EXISTS\na OK [COPYUID # 1 4] COPY done\n" },
		{ "a MOVE 4 INBOX",
		    "* OK [COPYUID # 4 5] moved\n* 4 EXPUNGE\n* 4 EXISTS\na OK MOVE done\n" },
		{ "a MOVE 1:2 Trash",
		    "* OK [COPYUID # 1:2 #:#] moved\n* 2 EXPUNGE\n* 1 EXPUNGE\na OK MOVE done\n" },
		{ "a UID FETCH 1:* FLAGS",
		    "* 1 FETCH (UID 3 FLAGS (\\Flagged))\n* 2 FETCH (UID 5 FLAGS (\\Seen))\na OK "
		    "FETCH done\n" },
		{ "a STORE 1 +FLAGS.SILENT (\\Deleted)", "a OK STORE done\n" },
		{ "a UID EXPUNGE 5", "a OK EXPUNGE done\n" },
		{ "a UID EXPUNGE 3:5", "* 1 EXPUNGE\na OK EXPUNGE done\n" },
		{ "a STORE 1 +FLAGS.SILENT (\\Deleted)", "a OK STORE done\n" },
		{ "a CLOSE", "a OK CLOSE done\n" },
		{ "a STATUS INBOX (MESSAGES)", "* STATUS INBOX (MESSAGES 0)\na OK STATUS done\n" },
		{ "a SELECT Trash", NULL },
		{ "a FETCH 1:* FLAGS",
		    "* 1 FETCH (FLAGS (\\Seen))\n* 2 FETCH (FLAGS ($Work))\na OK FETCH done\n" },
		{ "a EXAMINE Trash", NULL },
		{ "a MOVE 1 INBOX", "a NO [NOPERM] mailbox is open read-only\n" },
		{ "a COPY 1 INBOX", "a OK [COPYUID # # #] COPY done\n" },
		{ "a STATUS INBOX (MESSAGES UNSEEN)",
		    "* STATUS INBOX (MESSAGES 1 UNSEEN 0)\na "
		    "OK STATUS done\n" },
	};
	run("copies", turns, LEN(turns));
}

/* What is large is written at once: then it is too late to find out that something cannot be. */
static void
unknown_encoding(void)
{
	struct svc_account_imap_one f;
	struct buf b;
	setup(&f, "encoding");
	buf_init(&b, 100000);
	buf_cstr(&b, "Subject: large\nContent-Transfer-Encoding: x-unheard-of\n\n");
	for (int i = 0; i < 1000; i++) {
		buf_cstr(&b, "thirty octets of a line, or so\n");
	}
	buf_ch(&b, '\0');
	svc_account_imap_trial_append(&f.t, "INBOX", "()", b.p);
	svc_account_imap_trial_turn(&f.t, "a FETCH 3:4 (UID BODY.PEEK[] BINARY.PEEK[1])",
	    "* 3 FETCH (UID 3 BODY[] {21}\nSubject: x\n\nshort\n BINARY[1] {7}\n"
	    "short\n)\na NO [UNKNOWN-CTE] transfer encoding is not known\n");
	svc_account_imap_trial_turn(&f.t, "a FETCH 4 (BODY.PEEK[]<0.7> BINARY.SIZE[1])",
	    "a NO [UNKNOWN-CTE] transfer encoding is not known\n");
	svc_account_imap_trial_turn(&f.t, "a NOOP", "a OK NOOP done\n");
	buf_done(&b);
	svc_account_imap_one_end(&f);
}

/* COPYUID and MODIFIED hold sets: a part of one would tell what is not so. */
static void
codes_too_long(void)
{
	struct svc_account_imap_one f;
	setup(&f, "codes");
	buf_cstr(&f.t.session.code, "COPYUID 1 ");
	while (buf_err(&f.t.session.code) == ERR_OK) {
		buf_cstr(&f.t.session.code, "1000000000,");
	}
	svc_account_imap_reply(&f.t.session, S("a"), S("COPY"), ERR_OK);
	CHECK_STR(buf_view(&f.t.session.out), S("a OK COPY done\r\n"));
	buf_reset(&f.t.session.out);
	CHECK(f.t.session.code.cap < 1 << 20);
	svc_account_imap_one_end(&f);
}

TEST_MAIN(selects_with_messages, fetches, stores, condstore, searches, finds_object_ids,
    copies_and_moves, unknown_encoding, codes_too_long)
