/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Letters on their way past policy and scan: what these are asked, what becomes of their answers,
 * and what happens when they do not answer, break off, or answer nonsense.
 */
#include "base/test.h"
#include "ipc/smtp_scan.h"
#include "svc/smtp/world_test.h"
#include "sys/sys.h"

#define HELLO "EHLO a.test\r\n"
#define ENVELOPE "MAIL FROM:<A@b.org>\r\nRCPT TO:<b@c.org>\r\n"
#define LETTER ENVELOPE "DATA\r\nX-Spam: forged\r\nSubject: x\r\n\r\nhi\r\n.\r\n"
#define RECEIVED "Received: from a.test ([192.0.2.1])"

static bool
heard(const struct world *w, const char *what)
{
	return str_find(buf_view(&w->heard), str_from(what)) >= 0;
}

static void
open_world(struct world *w)
{
	svc_smtp_world_open(w);
	svc_smtp_world_checks(w);
	svc_smtp_world_connect(w, SYS_MX, true);
	svc_smtp_world_say(w, S(HELLO));
}

static void
all_the_way(void)
{
	struct world w;
	open_world(&w);
	w.scan_header = "X-Header: of scan\r\n";
	w.cut_at = 0;
	w.cut_length = 16; /* the forged field */
	w.junk = 0;
	svc_smtp_world_say(&w, S(ENVELOPE));
	svc_smtp_world_say(&w, S("DATA\r\n"));
	svc_smtp_world_say(&w, S("X-Spam: forged\r\nSubject: x\r\n\r\nhi\r\n.\r\n"));
	CHECK(heard(&w, "250 2.0.0 Queued as "));
	CHECK_STR(buf_view(&w.asked), S("peer 0 0\nrcpt a.test a@b.org b@c.org first 1\n"));
	CHECK_STR(buf_view(&w.looked), S("X-Spam: forged\r\nSubject: x\r\n\r\nhi\r\n"));
	CHECK(str_starts(buf_view(&w.stored), S("X-Header: of scan\r\n" RECEIVED)));
	CHECK(str_ends(buf_view(&w.stored), S(" +0000\r\nSubject: x\r\n\r\nhi\r\n")));
	CHECK_STR(buf_view(&w.envelopes), S("0 <A@b.org> b@c.org:7 junk\n"));
	CHECK_STR(buf_view(&w.told),
	    S("2 250 2.0.0 <a@b.org> b@c.org peer.test id@b.org queued\n"));
	CHECK(w.sv->counters.junk == 1 && w.sv->counters.policy_absent == 0 &&
	    w.sv->counters.scan_absent == 0);
	/* nothing of it is left for the next one */
	w.junk = -1;
	w.cut_length = 0;
	svc_smtp_world_say(&w, S("MAIL FROM:<>\r\nRCPT TO:<c@c.org>\r\nRCPT TO:<d@c.org>\r\n"));
	CHECK_U64(w.sv->counters.junk, 1);
	CHECK(str_ends(buf_view(&w.asked),
	    S("rcpt a.test  c@c.org first 1\nrcpt a.test  d@c.org 1\n")));
	svc_smtp_world_say(&w, S("DATA\r\n"));
	svc_smtp_world_say(&w, S("second\r\n.\r\nQUIT\r\n"));
	CHECK(str_ends(buf_view(&w.envelopes), S("\n0 <> c@c.org:7 d@c.org:7\n")));
	CHECK(str_ends(buf_view(&w.told),
	    S("\n1 250 2.0.0 <> c@c.org d@c.org peer.test id@b.org"
	      " queued\n")));
	sys_close(&w.client);
	svc_smtp_world_settle(&w);
	CHECK(str_ends(buf_view(&w.asked), S("ended 2 3 0\n")));
	svc_smtp_world_close(&w);
}

/* Of every size around the limits, with a header above and `cut` octets cut out. */
static void
all_sizes(uint32_t cut, unsigned want_crowned)
{
	static const size_t all[] = { 200, 60000, 65400, 65536, 70000, 131072, 400000 };
	struct world w;
	struct buf text, want;
	open_world(&w);
	w.scan_header = "X-Header: of scan\r\n";
	w.cut_at = 16;
	w.cut_length = cut;
	for (size_t i = 0; i < LEN(all); i++) {
		buf_init(&text, 1 << 20);
		buf_init(&want, 1 << 20);
		buf_cstr(&text, "A: b\r\n\r\n");
		while (text.n < all[i]) {
			buf_printf(&text, "line %zu of the text\r\n", text.n);
		}
		buf_reset(&w.stored);
		buf_reset(&w.looked);
		svc_smtp_world_say(&w, S(ENVELOPE "DATA\r\n"));
		svc_smtp_world_say(&w, buf_view(&text));
		svc_smtp_world_say(&w, S(".\r\n"));
		CHECK_STR(buf_view(&w.looked), buf_view(&text));
		buf_add(&want, text.p, 16);
		buf_add(&want, text.p + 16 + cut, text.n - 16 - cut);
		CHECK(str_starts(buf_view(&w.stored), S("X-Header: of scan\r\n" RECEIVED)));
		CHECK(str_ends(buf_view(&w.stored), buf_view(&want)));
		buf_done(&text);
		buf_done(&want);
	}
	CHECK(w.commits == LEN(all) && w.by_file >= 3 && w.scanned_files >= 3);
	CHECK_U64(w.crowned, want_crowned);
	CHECK_U64(w.sv->bodies, 0);
	svc_smtp_world_close(&w);
}

/* Of which nothing is cut, those too large for a datagram and not on disk stay where they are. */
static void
sizes(void)
{
	all_sizes(100, 0);
	all_sizes(0, 3);
}

static void
refusals(void)
{
	struct world w;
	open_world(&w);
	svc_smtp_world_say(&w, S("MAIL FROM:<a@b.org>\r\n"));
	svc_smtp_world_say(&w, S("RCPT TO:<grey@c.org>\r\nRCPT TO:<listed@c.org>\r\nRSET\r\n"));
	CHECK(heard(&w, "451 4.7.1 Come back later\r\n550 5.7.1 Listed by zone.test\r\n250 "));
	CHECK_STR(buf_view(&w.told),
	    S("4 451 4.7.1 <a@b.org> grey@c.org peer.test  -\n"
	      "3 550 5.7.1 <a@b.org> listed@c.org peer.test  -\n"));
	buf_reset(&w.told);
	w.verdict = (struct ipc_common_reply){ 3, 554, S("5.7.1"), S("Spam") };
	svc_smtp_world_say(&w, S(LETTER));
	CHECK(heard(&w, "554 5.7.1 Spam\r\n"));
	w.verdict = (struct ipc_common_reply){ 2, 451, S("4.3.0"), S("Not now") };
	svc_smtp_world_say(&w, S(LETTER));
	CHECK(heard(&w, "451 4.3.0 Not now\r\n"));
	CHECK_STR(buf_view(&w.told),
	    S("3 554 5.7.1 <a@b.org> b@c.org peer.test id@b.org -\n"
	      "4 451 4.3.0 <a@b.org> b@c.org peer.test id@b.org -\n"));
	CHECK(w.commits == 0 && w.sv->bodies == 0);
	CHECK(w.sv->counters.scan_refused == 1 && w.sv->counters.scan_later == 1);
	w.peer_reply = (struct ipc_common_reply){ 2, 421, S("4.7.0"), S("Too many") };
	svc_smtp_world_connect(&w, SYS_MX, true);
	svc_smtp_world_say(&w, S(HELLO));
	CHECK_STR(buf_view(&w.heard), S("421 4.7.0 Too many\r\n"));
	CHECK(w.client_eof);
	svc_smtp_world_close(&w);
}

static void
submissions(void)
{
	struct world w;
	svc_smtp_world_open(&w);
	svc_smtp_world_checks(&w);
	svc_smtp_world_connect(&w, SYS_SUBMISSION, true);
	svc_smtp_world_say(&w, S(HELLO "AUTH PLAIN AG1lAHg=\r\n"));
	svc_smtp_world_say(&w,
	    S("MAIL FROM:<me@example.org>\r\nRCPT TO:<b@c.org>\r\nRCPT TO:<grey@c.org>\r\n"));
	CHECK(heard(&w, "451 4.7.1 Come back later\r\n"));
	CHECK_STR(buf_view(&w.asked), S("peer 1 0\nsubmit 7 b@c.org first\nsubmit 7 grey@c.org\n"));
	w.verdict = (struct ipc_common_reply){ 3, 554, S("5.7.1"), S("A virus") };
	svc_smtp_world_say(&w, S("DATA\r\nFrom: me@example.org\r\n\r\nEICAR\r\n.\r\n"));
	CHECK(heard(&w, "554 5.7.1 A virus\r\n"));
	CHECK(str_starts(buf_view(&w.looked), S("From: me@example.org\r\nDate: ")));
	CHECK_U64(w.told.n, 0); /* who sends what is nobody's business */
	CHECK_U64(w.commits, 0);
	svc_smtp_world_close(&w);
}

/* What is not there, or goes away with a question: all goes on, marked, or waits outside. */
static void
absent(void)
{
	static const struct {
		const char *name;
		bool hold, gone; /* gone: while it was asked; else it was never there */
		const char *said;
	} cases[] = {
		{ "never there, pass", false, false, "250 2.0.0 Queued as " },
		{ "gone, pass", false, true, "250 2.0.0 Queued as " },
		{ "never there, hold", true, false, "451 4.7.1 The message cannot be looked at" },
		{ "gone, hold", true, true, "451 4.7.1 The message cannot be looked at" },
	};
	for (size_t i = 0; i < LEN(cases); i++) {
		struct world w;
		test_case = cases[i].name;
		svc_smtp_world_open(&w);
		svc_smtp_world_checks(&w);
		w.conf.scan_absent = cases[i].hold ? S("hold") : S("pass");
		w.policy_silent = w.scan_silent = true;
		if (!cases[i].gone) {
			sys_close(&w.policy);
			sys_close(&w.scan);
			svc_smtp_world_settle(&w);
		}
		svc_smtp_world_connect(&w, SYS_MX, true);
		svc_smtp_world_say(&w,
		    S(HELLO ENVELOPE
			"DATA\r\nauthentication-RESULTS: MX.example.org; dkim=pass\r\n\r\n.\r\n"));
		CHECK(cases[i].gone == (w.heard.n == 0));
		sys_close(&w.policy);
		svc_smtp_world_settle(&w);
		sys_close(&w.scan);
		svc_smtp_world_settle(&w);
		CHECK(heard(&w, cases[i].said));
		CHECK_U64(w.commits, !cases[i].hold);
		CHECK(cases[i].hold ||
		    str_starts(buf_view(&w.stored),
			S("Authentication-Results: mx.example.org; none\r\n" RECEIVED)));
		CHECK(str_find(buf_view(&w.stored), S("dkim=pass")) < 0);
		CHECK(w.sv->counters.policy_absent > 0 && w.sv->counters.scan_absent == 1);
		CHECK_U64(w.sv->counters.held, cases[i].hold);
		svc_smtp_world_close(&w);
	}
	test_case = NULL;
}

/* A verdict that makes no sense costs its sender the channel and the letter nothing. */
static void
nonsense(void)
{
	for (int i = 0; i < 3; i++) {
		struct world w;
		open_world(&w);
		w.cut_at = i == 0 ? 1000 : 0;
		w.cut_length = i == 0 ? 5 : i == 1 ? 1000 : 0;
		w.junk = i == 2 ? 9 : -1;
		svc_smtp_world_say(&w, S(LETTER));
		CHECK(heard(&w, "250 2.0.0 Queued as "));
		CHECK(str_ends(buf_view(&w.stored),
		    S("X-Spam: forged\r\nSubject: x\r\n\r\nhi\r\n")));
		CHECK(w.sv->scans[0].chan == NULL);
		CHECK_U64(w.sv->counters.scan_lost, 1);
		svc_smtp_world_close(&w);
	}
}

/* Could not be looked at, says scan itself. */
static void
not_looked_at(void)
{
	struct world w;
	open_world(&w);
	w.scan_result = ERR_BUDGET;
	svc_smtp_world_say(&w, S(LETTER));
	CHECK(heard(&w, "250 2.0.0 Queued as "));
	CHECK(str_starts(buf_view(&w.stored),
	    S("Authentication-Results: mx.example.org; none\r\n")));
	w.conf.scan_absent = S("hold");
	svc_smtp_world_say(&w, S(LETTER));
	CHECK(heard(&w, "451 4.7.1 ") && w.commits == 1);
	svc_smtp_world_close(&w);
}

/* The client goes, then the verdict comes: nobody is there, and nothing is stored. */
static void
too_late(void)
{
	struct world w;
	open_world(&w);
	w.scan_silent = true;
	svc_smtp_world_say(&w, S(LETTER));
	CHECK(w.last_letter != 0 && w.commits == 0);
	sys_close(&w.client);
	svc_smtp_world_settle(&w);
	struct ipc_smtp_scan_verdict r = { .request = w.last_letter, .reply = { .verdict = 1 } };
	ipc_smtp_scan_verdict_put(&w.out, &r);
	CHECK_ERR(sys_chan_send_wait(w.scan, &w.out, -1, 1000), ERR_OK);
	svc_smtp_world_settle(&w);
	CHECK(w.commits == 0 && w.sv->living == 0 && w.sv->counters.lost == 1);
	svc_smtp_world_close(&w);
}

#define TO(who) "MAIL FROM:<a@b.org>\r\nRCPT TO:<" who "@c.org>\r\n"
#define MAIL "Subject: x\r\n\r\nhi\r\n.\r\n"

/* What goes on to elsewhere, and what does not. */
static void
forwards(void)
{
	struct world w;
	open_world(&w);
	svc_smtp_world_say(&w, S(TO("only") "RCPT TO:<b@c.org>\r\nDATA\r\n" MAIL));
	CHECK(heard(&w, "452 4.5.3 What is forwarded and what stays go apart"));
	svc_smtp_world_say(&w, S(TO("both") "RCPT TO:<b@c.org>\r\nDATA\r\n" MAIL));
	CHECK_STR(buf_view(&w.envelopes),
	    S("0 <a@b.org> only@c.org:0(f@there.test <SRS@c.org> only@c.org 9)\n"
	      "0 <a@b.org> both@c.org:7 both@c.org:0(f@there.test <SRS@c.org> both@c.org 9) "
	      "b@c.org:7\n"));
	CHECK(str_find(buf_view(&w.asked), S("only@c.org first 0\n")) >= 0); /* no account */
	CHECK(str_find(buf_view(&w.told), S("\n7 250 2.0.0 <a@b.org> only@c.org ")) > 0);
	w.junk = 1; /* the copy for elsewhere */
	buf_reset(&w.envelopes);
	svc_smtp_world_say(&w, S(TO("both") "DATA\r\n" MAIL));
	CHECK_STR(buf_view(&w.envelopes), S("0 <a@b.org> both@c.org:7\n"));
	svc_smtp_world_close(&w);
}

static void
forwards_of_an_account(void)
{
	struct world w;
	svc_smtp_world_open(&w);
	svc_smtp_world_checks(&w);
	svc_smtp_world_connect(&w, SYS_SUBMISSION, true);
	svc_smtp_world_say(&w, S(HELLO "AUTH PLAIN AG1lAHB3\r\n"));
	svc_smtp_world_say(&w,
	    S("MAIL FROM:<me@example.org>\r\nRCPT TO:<only@c.org>\r\nRCPT TO:<b@c.org>\r\n"
	      "DATA\r\nFrom: me@example.org\r\nDelivered-To: only@c.org\r\n\r\nhi\r\n.\r\n"));
	CHECK_STR(buf_view(&w.envelopes),
	    S("1 <me@example.org> only@c.org:0(f@there.test <>  0) b@c.org:7\n"));
	svc_smtp_world_close(&w);
}

static void
circles(void)
{
	struct world w;
	open_world(&w);
	svc_smtp_world_say(&w,
	    S(TO("only") "DATA\r\nDelivered-To: other@c.org\r\n"
			 "delivered-to :\r\n\tOnly@C.org \r\n" MAIL));
	CHECK(heard(&w, "554 5.4.6 This message was forwarded here before"));
	CHECK(str_starts(buf_view(&w.told), S("3 554 5.4.6 ")));
	CHECK(w.commits == 0 && w.looked.n == 0);
	svc_smtp_world_say(&w,
	    S(TO("b") "DATA\r\nDelivered-To: b@c.org\r\nDelivered-To: only@c.org\r\n" MAIL));
	CHECK_U64(w.commits, 1);
	svc_smtp_world_say(&w, S(TO("only") "DATA\r\nDelivered-To: other@c.org\r\n" MAIL));
	CHECK_U64(w.commits, 2);
	w.scan_result = ERR_UNAVAILABLE; /* nobody looked: what stays passes, what leaves waits */
	svc_smtp_world_say(&w, S(TO("only") "DATA\r\n" MAIL));
	CHECK(heard(&w, "451 4.7.1 The message cannot be looked at now"));
	CHECK_U64(w.commits, 2);
	svc_smtp_world_say(&w, S(TO("b") "DATA\r\n" MAIL));
	CHECK_U64(w.commits, 3);
	svc_smtp_world_close(&w);
}

TEST_MAIN(forwards, forwards_of_an_account, circles, all_the_way, sizes, refusals, submissions,
    absent, nonsense, not_looked_at, too_late)
