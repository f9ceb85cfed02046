/* SPDX-License-Identifier: Apache-2.0 */
/*
 * APPEND of several messages, of octets that are not text, of parts of other messages, and REPLACE:
 * RFC 3502, 3516, 4469, 7888, 8508.
 */
#include "svc/account/imap/trial.h"

#include "base/test.h"

typedef struct svc_account_imap_turn turn;

#define MULTI                                                                            \
	"Subject: two\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nfirst part\n" \
	"--b\nContent-Type: text/plain\n\nsecond part\n--b--\n"

static void
run(const char *name, const turn *turns, size_t n)
{
	struct svc_account_imap_one f;
	svc_account_imap_one_begin(&f, name);
	svc_account_imap_trial_append(&f.t, "Drafts", "(\\Seen)", MULTI);
	svc_account_imap_trial_talk(&f.t, turns, n);
	svc_account_imap_one_end(&f);
}

static void
several(void)
{
	static const turn turns[] = {
		{ "a APPEND INBOX (\\Seen) {5}", "+ send it\n" },
		{ "x\r\n\r\n (\\Flagged $y) \"17-Jul-1996 02:44:25 -0700\" {6}", "+ send it\n" },
		{ "yy\r\n\r\n {7+}\r\nzzz\r\n\r\n", "a OK [APPENDUID # 1:3] APPEND done\n" },
		{ "a EXAMINE INBOX", NULL },
		{ "a FETCH 1:* (FLAGS BODY.PEEK[])",
		    "* 1 FETCH (FLAGS (\\Seen) BODY[] {5}\nx\n\n)\n"
		    "* 2 FETCH (FLAGS (\\Flagged $y) BODY[] {6}\nyy\n\n)\n"
		    "* 3 FETCH (FLAGS () BODY[] {7}\nzzz\n\n)\na OK FETCH done\n" },
		/* all or nothing: a bad end, an empty message, a message that is too large */
		{ "a APPEND INBOX {1+}\r\nx {1+}\r\ny bad", "a BAD syntax error\n" },
		{ "a APPEND INBOX {1+}\r\nx {0+}\r\n {1+}\r\ny",
		    "a NO [CANNOT] an empty message: nothing is stored\n" },
		{ "a APPEND INBOX {0}", "a NO [CANNOT] an empty message: nothing is stored\n" },
		{ "a APPEND INBOX {1+}\r\nx {100001}", "a NO [TOOBIG] message is too large\n" },
		{ "a APPEND INBOX {3+}\r\nabc (\\Frob) {1+}\r\nz", "a BAD syntax error\n" },
		{ "a STATUS INBOX (MESSAGES)", "* STATUS INBOX (MESSAGES 3)\na OK STATUS done\n" },
		{ "a APPEND INBOX {1+}\r\nx {1+}\r\ny",
		    "* 5 EXISTS\na OK [APPENDUID # 4:5] APPEND done\n" },
	};
	run("several", turns, LEN(turns));
}

/* A command may bring more than one message may have, but not without end. */
static void
limits_of_a_command(void)
{
	struct svc_account_imap_one f;
	struct buf b;
	svc_account_imap_one_begin(&f, "several-limits");
	buf_init(&b, 1u << 20);
	buf_cstr(&b, "a APPEND INBOX");
	for (int i = 0; i < 3; i++) {
		buf_cstr(&b, " {90000+}\r\n");
		for (size_t k = 0; k < 90000; k++) {
			buf_ch(&b, 'x');
		}
	}
	buf_cstr(&b, "\r\n");
	svc_account_imap_trial_like(svc_account_imap_trial_feed(&f.t, buf_view(&b)),
	    "a NO [LIMIT] too many octets in one command\n");
	svc_account_imap_trial_turn(&f.t, "a STATUS INBOX (MESSAGES)",
	    "* STATUS INBOX (MESSAGES 0)\na OK STATUS done\n");
	buf_done(&b);
	svc_account_imap_trial_end(&f.t);
	f.conf.quota_messages = 2;
	svc_account_imap_trial_begin(&f.t, &f.conf);
	svc_account_imap_trial_turn(&f.t, "a APPEND INBOX {1+}\r\nx {1+}\r\ny {1}",
	    "a NO [OVERQUOTA] mailbox is full\n");
	svc_account_imap_trial_turn(&f.t, "a APPEND INBOX {1+}\r\nx {1+}\r\ny",
	    "a OK [APPENDUID # 1:2] APPEND done\n");
	svc_account_imap_trial_turn(&f.t, "a SELECT INBOX", NULL);
	svc_account_imap_trial_turn(&f.t, "a REPLACE 1 INBOX {1+}\r\nz",
	    "* OK [APPENDUID # 3] replacement is there\n* 1 EXPUNGE\n* 2 EXISTS\n"
	    "a OK REPLACE done\n");
	svc_account_imap_trial_turn(&f.t, "a APPEND INBOX {1}",
	    "a NO [OVERQUOTA] mailbox is full\n");
	svc_account_imap_one_end(&f);
}

/* Exact octets in a literal8, NUL among them; none of those in an ordinary literal. */
static void
binary(void)
{
	static char all[8 + 256], want[400];
	struct svc_account_imap_one f;
	struct buf b;
	svc_account_imap_one_begin(&f, "binary");
	memcpy(all, "X: y\r\n\r\n", 8);
	for (int i = 0; i < 256; i++) {
		all[8 + i] = (char)i;
	}
	buf_init(&b, 4096);
	buf_cstr(&b, "a APPEND INBOX ~{264+}\r\n");
	buf_add(&b, all, sizeof all);
	buf_cstr(&b, "\r\n");
	test_case = "literal8";
	svc_account_imap_trial_like(svc_account_imap_trial_feed(&f.t, buf_view(&b)),
	    "a OK [APPENDUID # 1] APPEND done\n");
	svc_account_imap_trial_turn(&f.t, "a SELECT INBOX", NULL);
	buf_reset(&b);
	buf_cstr(&b, "* 1 FETCH (BINARY[] ~{264}\r\n");
	buf_add(&b, all, sizeof all);
	buf_cstr(&b, " BINARY.SIZE[] 264)\r\na OK FETCH done\r\n");
	memcpy(want, b.p, b.n);
	CHECK_STR(svc_account_imap_trial_feed(&f.t,
		      S("a FETCH 1 (BINARY.PEEK[] BINARY.SIZE[])\r\n")),
	    ((str){ want, b.n }));
	test_case = "NUL in a literal";
	svc_account_imap_trial_like(svc_account_imap_trial_feed(&f.t,
					S("a APPEND INBOX {3+}\r\na\0b\r\n")),
	    "a NO [CANNOT] NUL octets may only come in a literal8\n");
	svc_account_imap_trial_like(svc_account_imap_trial_feed(&f.t,
					S("a APPEND INBOX ~{3+}\r\na\0b {3+}\r\na\0b\r\n")),
	    "a NO [CANNOT] NUL octets may only come in a literal8\n");
	svc_account_imap_trial_turn(&f.t, "a NOOP", "a OK NOOP done\n");
	buf_done(&b);
	svc_account_imap_one_end(&f);
}

static void
catenate(void)
{
	static const turn turns[] = {
		{ "a APPEND INBOX (\\Seen \\Draft) CATENATE (URL "
		  "\"/Drafts/;UID=1/;section=HEADER\" TEXT {5+}\r\n--b\r\n URL "
		  "\"/Drafts/;UID=1/;section=2.MIME\" "
		  "URL \"/Drafts/;UID=1/;section=2\" TEXT {9}",
		    "+ send it\n" },
		{ "\r\n--b--\r\n)", "a OK [APPENDUID # 1] APPEND done\n" },
		{ "a EXAMINE INBOX", NULL },
		{ "a FETCH 1 (FLAGS BODY.PEEK[])",
		    "* 1 FETCH (FLAGS (\\Seen \\Draft) BODY[] {112}\nSubject: two\nContent-Type: "
		    "multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n\nsecond part\n"
		    "--b--\n)\na OK FETCH done\n" },
		/* of the selected mailbox; a part of a part; several messages */
		{ "a EXAMINE Drafts", NULL },
		{ "a APPEND INBOX CATENATE (URL ;UID=1/;SECTION=1/;PARTIAL=0.5) CATENATE "
		  "(URL /;UID=1/;SECTION=2)",
		    "a OK [APPENDUID # 2:3] APPEND done\n" },
		{ "a APPEND INBOX CATENATE (TEXT {2+}\r\nzz) {1+}\r\ny CATENATE (URL {9+}\r\n"
		  "/;UID=1/x)",
		    "a NO [BADURL /;UID=1/x] this URL gives no octets\n" },
		{ "a APPEND INBOX CATENATE (TEXT {2+}\r\nzz) {1+}\r\ny CATENATE (URL {24+}\r\n"
		  "/Drafts/;UID=1/;SECTION=2)",
		    "a BAD syntax error\n" },
		{ "a APPEND INBOX CATENATE (TEXT {2+}\r\nzz) {1+}\r\ny CATENATE (URL {25+}\r\n"
		  "/Drafts/;UID=1/;SECTION=2)",
		    "a OK [APPENDUID # 4:6] APPEND done\n" },
		{ "a STATUS INBOX (MESSAGES SIZE)",
		    "* STATUS INBOX (MESSAGES 6 SIZE 142)\na OK STATUS done\n" },
		{ "a APPEND INBOX CATENATE (TEXT {0+}\r\n)",
		    "a NO [CANNOT] an empty message: nothing is stored\n" },
		/* RFC 4469 4.1: the first URL that fails */
		{ "a APPEND INBOX CATENATE (URL \"/Drafts/;UID=1\" URL \"/Drafts/;UID=9\" TEXT {5}",
		    "a NO [BADURL /Drafts/;UID=9] this URL gives no octets\n" },
		{ "a APPEND INBOX CATENATE (URL \"/Drafts;UIDVALIDITY=1/;UID=1\")",
		    "a NO [BADURL /Drafts;UIDVALIDITY=1/;UID=1] this URL gives no octets\n" },
		{ "a APPEND INBOX CATENATE (URL \"/Drafts/;UID=1/;SECTION=7\")",
		    "a NO [BADURL /Drafts/;UID=1/;SECTION=7] this URL gives no octets\n" },
		{ "a APPEND INBOX CATENATE (URL \"/nope/;UID=1\")",
		    "a NO [BADURL /nope/;UID=1] this URL gives no octets\n" },
		{ "a APPEND INBOX CATENATE (URL \"imap://x@y/Drafts/;UID=1\")",
		    "a NO [BADURL imap://x@y/Drafts/;UID=1] this URL gives no octets\n" },
		{ "a APPEND INBOX CATENATE (URL \"a]b\\\\c\")",
		    "a NO [BADURL a%5Db%5Cc] this URL gives no octets\n" },
		{ "a APPEND nope CATENATE (URL \"/Drafts/;UID=1\")",
		    "a NO [TRYCREATE] no such mailbox\n" },
		{ "a STATUS INBOX (MESSAGES)", "* STATUS INBOX (MESSAGES 6)\na OK STATUS done\n" },
		/* \Seen is not set by any of this */
		{ "a STATUS Drafts (UNSEEN)", "* STATUS Drafts (UNSEEN 0)\na OK STATUS done\n" },
	};
	run("catenate", turns, LEN(turns));
}

static void
replace(void)
{
	static const turn turns[] = {
		{ "a REPLACE 1 Drafts {1+}\r\nx", "a BAD no mailbox is selected\n" },
		{ "a EXAMINE Drafts", NULL },
		{ "a REPLACE 1 Drafts {1}", "a NO [NOPERM] mailbox is open read-only\n" },
		{ "a SELECT Drafts", NULL },
		{ "a REPLACE 2 Drafts {1}", "a BAD no such message number\n" },
		{ "a UID REPLACE 2 Drafts {1}", "a NO [NONEXISTENT] no such message\n" },
		{ "a REPLACE 1 nope {1}", "a NO [TRYCREATE] no such mailbox\n" },
		{ "a REPLACE 1 Drafts {0}", "a NO [CANNOT] an empty message: nothing is stored\n" },
		{ "a REPLACE 1 Drafts (\\Seen \\Draft) {5}", "+ send it\n" },
		{ "x\r\n\r\n",
		    "* OK [APPENDUID # 2] replacement is there\n* 1 EXPUNGE\n* 1 EXISTS\n"
		    "a OK REPLACE done\n" },
		{ "a FETCH 1 (UID FLAGS RFC822.SIZE)",
		    "* 1 FETCH (UID 2 FLAGS (\\Seen \\Draft) RFC822.SIZE 5)\na OK FETCH done\n" },
		/* flags are not inherited; the example of RFC 8508 4.2 */
		{ "a UID REPLACE 2 Drafts CATENATE (TEXT {4+}\r\ny\r\n\n URL \"/Drafts/;UID=2\")",
		    "* OK [APPENDUID # 3] replacement is there\n* 1 EXPUNGE\n* 1 EXISTS\n"
		    "a OK REPLACE done\n" },
		{ "a UID FETCH 3 (FLAGS BODY.PEEK[])",
		    "* 1 FETCH (UID 3 FLAGS () BODY[] {9}\ny\r\n\nx\n\n)\na OK FETCH done\n" },
		{ "a UID REPLACE 3 Sent CATENATE (URL ;UID=3)",
		    "* OK [APPENDUID # 1] replacement is there\n* 1 EXPUNGE\na OK REPLACE done\n" },
		{ "a STATUS Sent (MESSAGES)", "* STATUS Sent (MESSAGES 1)\na OK STATUS done\n" },
		{ "a REPLACE 1 Sent {1}", "a BAD no such message number\n" },
	};
	run("replace", turns, LEN(turns));
}

/* The message went while its replacement was on the way: nothing is stored. */
static void
replace_of_one_that_went(void)
{
	struct svc_account_imap_one f;
	struct svc_account_imap_trial other;
	svc_account_imap_one_begin(&f, "replace-gone");
	svc_account_imap_trial_append(&f.t, "Drafts", "(\\Deleted)", MULTI);
	svc_account_imap_trial_turn(&f.t, "a SELECT Drafts", NULL);
	svc_account_imap_trial_turn(&f.t, "a REPLACE 1 Drafts {1}", "+ send it\n");
	svc_account_imap_trial_begin(&other, &f.conf);
	svc_account_imap_trial_turn(&other, "b SELECT Drafts", NULL);
	svc_account_imap_trial_turn(&other, "b EXPUNGE", "* 1 EXPUNGE\nb OK EXPUNGE done\n");
	svc_account_imap_trial_turn(&f.t, "x",
	    "* 1 EXPUNGE\na NO [NONEXISTENT] message or mailbox is gone\n");
	svc_account_imap_trial_turn(&other, "b NOOP", "b OK NOOP done\n");
	svc_account_imap_trial_end(&other);
	svc_account_imap_one_end(&f);
}

TEST_MAIN(several, limits_of_a_command, binary, catenate, replace, replace_of_one_that_went)
