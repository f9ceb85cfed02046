/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whole letters through the process, with played stages beside the real judge: what is answered,
 * written above the letter and cut out of it; deadlines; peers that go in the middle.
 */
#include "svc/scan/sum.h"
#include "svc/scan/world_test.h"

#include "proto/dns/dns.h"
#include "sys/sys.h"

#define MAIL                                                                         \
	"From: Ann <Ann@Example.com>\r\nTo: user@example.org\r\n"                    \
	"Date: Tue, 14 Nov 2023 22:13:20 +0000\r\nMessage-ID: <one@example.com>\r\n" \
	"Subject: dinner\r\n\r\nShall we meet at eight? http://links.example/x\r\n"

/* --- played stages ------------------------------------------------------------------------- */

static struct played {
	struct svc_scan_auth_facts auth;
	bool auth_silent, auth_asks, long_text;
	enum svc_scan_wish virus;
	bool virus_silent, virus_late_rule;
	unsigned canceled, gone, answers;
	enum err answer;
	char common[300]; /* from_common, as the stage saw it */
} play;

static void
on_dns(void *ctx, const struct svc_scan_dns_answer *a)
{
	play.answers++;
	play.answer = a->result;
	svc_scan_stage_done(ctx, SVC_SCAN_AUTH, SVC_SCAN_DONE);
}

static void
auth_begin(struct svc_scan_letter *l)
{
	const struct svc_scan_auth_facts real = l->auth;
	l->auth = play.auth;
	l->auth.from = real.from;
	l->auth.from_domain = real.from_domain;
	l->auth.from_fields = real.from_fields;
	l->auth.from_n = real.from_n;
	l->auth.from_common = real.from_common;
	snprintf(play.common, sizeof play.common, "%u %.*s", real.from_n,
	    STR_ARG(real.from_common));
	if (play.auth_asks) {
		CHECK(svc_scan_dns(l, S("_dmarc.example.com"), DNS_TXT, on_dns, l));
	} else if (!play.auth_silent) {
		svc_scan_stage_done(l, SVC_SCAN_AUTH, SVC_SCAN_DONE);
	}
}

static bool
not_for_submission(const struct svc_scan_letter *l)
{
	return !l->m.submission;
}

static void
cancel(struct svc_scan_letter *l)
{
	play.canceled++;
	play.gone += l->gone;
	if (play.virus_late_rule && !l->gone) {
		svc_scan_refuse(l, 451, S("4.7.1"), S("Later"));
	}
}

static void
virus_begin(struct svc_scan_letter *l)
{
	if (play.virus_silent) {
		return;
	}
	if (play.virus == SVC_SCAN_REFUSE) {
		l->virus = true;
		svc_scan_refuse(l, 554, S("5.7.1"), S("Bad"));
		svc_scan_say(l, S("virus"), S("Eicar"), 0);
	}
	if (play.virus == SVC_SCAN_JUNK) {
		svc_scan_junk(l);
		svc_scan_say(l, S("phishing"), STR_NONE, 1250);
	}
	if (play.virus == SVC_SCAN_LATER) {
		static char text[1000];
		memset(text, 'x', sizeof text);
		str said = play.long_text ? str_make(text, sizeof text) : S("Later");
		svc_scan_refuse(l, 451, S("4.7.1"), said);
	}
	(void)svc_scan_add_field(l, S("X-Virus"), S("none;\r\n\tclean"));
	(void)svc_scan_add_field(l, S("X-Bad"), S("a\r\nSubject: injected"));
	(void)svc_scan_add_field(l, S("X Bad"), S("a"));
	svc_scan_stage_done(l, SVC_SCAN_VIRUS, SVC_SCAN_DONE);
}

static const struct svc_scan_stage auth_stage = {
	.name = "auth", .wanted = not_for_submission, .begin = auth_begin, .cancel = cancel
};
static const struct svc_scan_stage virus_stage = {
	.name = "virus", .begin = virus_begin, .cancel = cancel
};
static const struct svc_scan_stage *const stages[SVC_SCAN_STAGES] = {
	[SVC_SCAN_AUTH] = &auth_stage,
	[SVC_SCAN_VIRUS] = &virus_stage,
	[SVC_SCAN_JUDGE] = &svc_scan_judge_stage,
};

static struct scan_world w;

static void
begin(void)
{
	play = (struct played){ 0 };
	svc_scan_world_exits = svc_scan_world_rewires = 0;
	svc_scan_world_open(&w, stages);
}

static void
forget(void)
{
	struct buf *heard[] = { &w.verdicts, &w.headers, &w.whys, &w.judges, &w.ends };
	for (size_t i = 0; i < LEN(heard); i++) {
		buf_reset(heard[i]);
	}
}

static bool
has(const struct buf *b, const char *text)
{
	bool found = str_find(buf_view(b), str_from(text)) >= 0;
	if (!found) {
		printf("looked for: %s\nin: %.*s\n", text, STR_ARG(buf_view(b)));
	}
	return found;
}

/* --- the usual ----------------------------------------------------------------------------- */

static void
passes(void)
{
	begin();
	const struct ipc_smtp_scan_letter m = svc_scan_world_letter(1, S(MAIL));
	svc_scan_world_send(&w, &m);
	svc_scan_world_settle(&w);
	CHECK(has(&w.verdicts, "1 OK 1/0/ score="));
	CHECK(has(&w.verdicts, " from=ann@example.com id=<one@example.com>\n"));
	CHECK(has(&w.judges,
	    "domain=example.com sender=ann@example.com accounts=7 "
	    "looked=links.example\n"));
	CHECK(has(&w.headers, "Authentication-Results: mx.example.org;"));
	CHECK(has(&w.headers, "X-Spam-Status: No, score="));
	CHECK(has(&w.headers, "X-Virus: none;\r\n\tclean\r\n"));
	CHECK(str_find(buf_view(&w.headers), S("Bad")) < 0);
	CHECK(str_find(buf_view(&w.headers), S("YES")) < 0);
	CHECK(str_find(buf_view(&w.whys), S("dinner")) < 0);
	CHECK(has(&w.ends, "1 score="));
	CHECK(has(&w.ends, "features=no\n")); /* it is no lesson */
	CHECK_U64(w.verdicts_n, 1);
	CHECK_U64(w.scan->count.passed, 1);
	svc_scan_world_send_file(&w, &m, S(MAIL "what came behind it\r\n"));
	svc_scan_world_settle(&w);
	CHECK_U64(w.verdicts_n, 2);
	CHECK_U64(w.scan->count.octets, 2 * (sizeof MAIL - 1));
	svc_scan_world_close(&w);
}

/* A file that is shorter than what smtp says: it is not looked at, nothing breaks. */
static void
short_file(void)
{
	begin();
	struct ipc_smtp_scan_letter m = svc_scan_world_letter(3, S(MAIL));
	m.size += 1;
	svc_scan_world_send_file(&w, &m, S(MAIL));
	svc_scan_world_settle(&w);
	CHECK_STR(buf_view(&w.verdicts), S("3 EOF 0/0/ score=0\n"));
	CHECK_U64(w.scan->count.failed, 1);
	m = svc_scan_world_letter(4, S(""));
	svc_scan_world_send(&w, &m);
	svc_scan_world_settle(&w);
	CHECK(has(&w.verdicts, "4 OK "));
	svc_scan_world_close(&w);
}

static void
submission(void)
{
	begin();
	struct ipc_smtp_scan_letter m = svc_scan_world_letter(1, S(MAIL));
	m.submission = true;
	m.account = 3;
	svc_scan_world_send(&w, &m);
	svc_scan_world_settle(&w);
	CHECK(has(&w.verdicts, "1 OK 1/0/ score=0 "));
	CHECK_STR(buf_view(&w.headers), S("X-Virus: none;\r\n\tclean\r\n\n"));
	CHECK_U64(w.judges_n + w.ends_n, 0);
	play.virus = SVC_SCAN_REFUSE;
	svc_scan_world_send(&w, &m);
	svc_scan_world_settle(&w);
	CHECK(has(&w.verdicts, "1 OK 3/554/5.7.1 score=0 "));
	CHECK_U64(w.ends_n, 0);
	svc_scan_world_close(&w);
}

/* --- points and places --------------------------------------------------------------------- */

static void
points(void)
{
	static struct ipc_smtp_scan_target targets[] = { { .account = 1 }, { .account = 2 },
		{ .account = 3 }, { .account = 4, .junk_at = 1000 },
		{ .account = 5, .reject_at = 3000 } };
	struct ipc_scan_policy_opinion opinions[] = {
		{ .account = 2, .words = 8000, .learned = 500 },
		{ .account = 3, .known = true }, /* not aligned: says nothing */
	};
	begin();
	struct ipc_smtp_scan_letter m = svc_scan_world_letter(1, S(MAIL));
	m.targets = targets;
	m.targets_n = LEN(targets);
	w.judged = (struct ipc_scan_policy_judged){
		.words = 3500, .learned = 1000, .opinions = opinions, .opinions_n = LEN(opinions)
	};
	svc_scan_world_send(&w, &m);
	svc_scan_world_settle(&w);
	CHECK(has(&w.verdicts, "1 OK 1/0/ junk=1,3 score="));
	CHECK(has(&w.headers, "X-Spam-Status: No, score="));
	CHECK(has(&w.headers, "words=3.500"));
	CHECK(str_find(buf_view(&w.headers), S("own-words")) < 0);
	CHECK(has(&w.judges, " accounts=1,2,3,4,5 "));
	forget();

	/* One recipient may read what only his account knows. */
	m.targets = &targets[1];
	m.targets_n = 1;
	svc_scan_world_send(&w, &m);
	svc_scan_world_settle(&w);
	CHECK(has(&w.verdicts, "1 OK 1/0/ junk=0 score="));
	CHECK(has(&w.headers, "X-Spam-Flag: YES\r\nX-Spam-Status: Yes, score="));
	CHECK(has(&w.headers, "own-words="));
	CHECK(has(&w.ends, "2 score="));
	forget();

	/* All of them would refuse it. */
	m.targets = &targets[4];
	svc_scan_world_send(&w, &m);
	svc_scan_world_settle(&w);
	CHECK(has(&w.verdicts, "1 OK 3/550/5.7.1 score="));
	CHECK(has(&w.ends, "3 score="));
	forget();

	/* A sender that the account has written to. */
	play.auth.aligned = true;
	opinions[1].words = -1000;
	opinions[1].learned = 50;
	m.targets = &targets[2];
	svc_scan_world_send(&w, &m);
	svc_scan_world_settle(&w);
	CHECK(has(&w.whys, "known-sender=-"));
	CHECK(has(&w.judges, "domain=example.com aligned "));
	svc_scan_world_close(&w);
}

/* Far out, and not by the statistics alone: policy may learn from it. */
static void
lessons(void)
{
	static struct ipc_smtp_scan_target target = { .account = 3 };
	struct ipc_scan_policy_opinion known = { .account = 3, .known = true };
	begin();
	struct ipc_smtp_scan_letter m = svc_scan_world_letter(1, S(MAIL));
	m.targets = &target;
	m.targets_n = 1;
	play.auth.aligned = true;
	w.judged = (struct ipc_scan_policy_judged){ .opinions = &known, .opinions_n = 1 };
	svc_scan_world_send(&w, &m);
	svc_scan_world_settle(&w);
	CHECK(has(&w.ends, "1 score=-"));
	CHECK(has(&w.ends, "features=yes\n"));
	forget();
	w.judged.words = -4000; /* by them alone */
	known.known = false;
	svc_scan_world_send(&w, &m);
	svc_scan_world_settle(&w);
	CHECK(has(&w.ends, "1 score=-"));
	CHECK(has(&w.ends, "features=no\n"));
	svc_scan_world_close(&w);
}

static void
lists_and_fame(void)
{
	struct ipc_common_listed hit = { .zone = S("list.test"),
		.what = S("192.0.2.1"),
		.answer = S("127.0.0.2"),
		.points = 4000 };
	struct ipc_common_listed host = { .zone = S("hosts.test"),
		.what = S("links.example"),
		.answer = S("127.0.0.2"),
		.points = 3000 };
	struct ipc_scan_policy_fame fame[] = { { .of = 1, .bad = 95 }, { .of = 4, .good = 5 },
		{ .of = 77, .bad = 9 }, { .of = 2 } };
	begin();
	struct ipc_smtp_scan_letter m = svc_scan_world_letter(1, S(MAIL));
	m.listed = &hit;
	m.listed_n = 1;
	w.judged = (struct ipc_scan_policy_judged){
		.fame = fame, .fame_n = LEN(fame), .listed = &host, .listed_n = 1
	};
	svc_scan_world_send(&w, &m);
	svc_scan_world_settle(&w);
	CHECK(has(&w.verdicts, "1 OK 1/0/ junk=0 score="));
	CHECK(has(&w.whys, "list.test"));
	CHECK(has(&w.whys, "hosts.test"));
	CHECK(has(&w.whys, "address-fame=1.900"));
	CHECK(has(&w.whys, "domain-fame=-1.000"));
	CHECK(str_find(buf_view(&w.whys), S("links.example")) < 0);
	svc_scan_world_close(&w);
}

/* --- DMARC, several From ------------------------------------------------------------------- */

static void
dmarc(void)
{
	static const struct {
		const char *name;
		uint8_t result;
		bool reject, quarantine, trusted, honour;
		const char *policy;
		const char *want, *header;
	} rows[] = {
		{ "pass", MAIL_AUTHRES_PASS, true, false, false, true, "", "1/0/ score", "No, " },
		{ "fail, p=none", MAIL_AUTHRES_FAIL, false, false, false, true, "", "1/0/ score",
		    "No, " },
		{ "fail, p=quarantine", MAIL_AUTHRES_FAIL, false, true, false, true, "",
		    "1/0/ junk=0 ", "Yes, " },
		{ "fail, p=reject", MAIL_AUTHRES_FAIL, true, false, false, false, "",
		    "1/0/ junk=0 ", "Yes, " },
		{ "honoured", MAIL_AUTHRES_FAIL, true, false, false, true, "", "3/550/5.7.1 ",
		    "Yes, " },
		{ "honoured by the domain", MAIL_AUTHRES_FAIL, true, false, false, false, "reject",
		    "3/550/5.7.1 ", "Yes, " },
		{ "not by this domain", MAIL_AUTHRES_FAIL, true, false, false, true, "mark",
		    "1/0/ junk=0 ", "Yes, " },
		{ "a sealer we trust", MAIL_AUTHRES_FAIL, true, false, true, true, "", "1/0/ score",
		    "No, " },
		{ "no answer", MAIL_AUTHRES_TEMPERROR, true, false, false, true, "", "1/0/ score",
		    "No, " },
	};
	begin();
	for (size_t i = 0; i < LEN(rows); i++) {
		test_case = rows[i].name;
		struct ipc_smtp_scan_target target = { .account = 1,
			.domain_policy = str_from(rows[i].policy) };
		struct mail_authres_result results[] = { { .method = S("dmarc"),
		    .result = rows[i].result } };
		struct ipc_smtp_scan_letter m = svc_scan_world_letter(1, S(MAIL));
		m.targets = &target;
		w.conf.dmarc_honour_reject = rows[i].honour;
		play.auth = (struct svc_scan_auth_facts){ .dmarc = rows[i].result,
			.asks_reject = rows[i].reject,
			.asks_quarantine = rows[i].quarantine,
			.arc = rows[i].trusted ? MAIL_AUTHRES_PASS : MAIL_AUTHRES_NONE,
			.arc_trusted = rows[i].trusted,
			.results = results,
			.results_n = 1 };
		forget();
		svc_scan_world_send(&w, &m);
		svc_scan_world_settle(&w);
		CHECK(has(&w.verdicts, rows[i].want));
		CHECK(has(&w.headers, rows[i].header));
		CHECK(has(&w.headers, "dmarc="));
		CHECK(has(&w.whys, "dmarc="));
	}
	test_case = NULL;
	svc_scan_world_close(&w);
}

/* What is only forwarded is refused where it would be junk; an account takes the rest. */
static void
forwards(void)
{
	static const struct {
		const char *name;
		int64_t points;
		uint64_t account;
		int64_t reject_at;
		const char *want;
	} rows[] = {
		{ "good", 1000, 0, 0, "1/0/ score" },
		{ "junk for nobody here", 6000, 0, 0, "3/550/5.7.1 " },
		{ "junk for one here", 6000, 1, 0, "1/0/ junk=0,1 " },
		{ "refused by all", 6000, 1, 5500, "3/550/5.7.1 " },
		{ "refused by one", 1000, 1, 500, "1/0/ score" },
	};
	begin();
	for (size_t i = 0; i < LEN(rows); i++) {
		test_case = rows[i].name;
		struct ipc_common_listed hit = { S("z.test"), S("x"), S("127.0.0.2"),
			rows[i].points };
		struct ipc_smtp_scan_target targets[2] = { { .account = rows[i].account,
		    .reject_at = rows[i].reject_at } };
		struct ipc_smtp_scan_letter m = svc_scan_world_letter(1, S(MAIL));
		m.targets = targets;
		m.targets_n = 2;
		m.listed = &hit;
		m.listed_n = 1;
		forget();
		svc_scan_world_send(&w, &m);
		svc_scan_world_settle(&w);
		CHECK(has(&w.verdicts, rows[i].want));
	}
	test_case = NULL;
	svc_scan_world_close(&w);
}

static void
from_fields(void)
{
	static const struct {
		str octets;
		const char *verdict, *judge;
	} rows[] = {
		{ S_INIT("From: a@one.test\r\nFrom: b@two.test\r\n\r\nx\r\n"), " junk=0 ",
		    "domain= sender= " },
		{ S_INIT("From: a@one.test, b@two.test\r\n\r\nx\r\n"), "1 OK 1/",
		    "domain= sender= " },
		{ S_INIT("Subject: none\r\n\r\nx\r\n"), "1 OK 1/", "domain= sender= " },
		{ S_INIT("From: <>\r\n\r\nx\r\n"), "1 OK 1/", "domain= sender= " },
		{ S_INIT("From: \"@@@\r\n\r\nx\r\n"), "1 OK 1/", "domain= sender= " },
		{ S_INIT("From : A B <A.b@ONE.test>\r\n\r\nx\r\n"), " from=a.b@one.test",
		    "domain=one.test sender=a.b@one.test " },
	};
	begin();
	for (size_t i = 0; i < LEN(rows); i++) {
		struct ipc_smtp_scan_letter m = svc_scan_world_letter(1, rows[i].octets);
		forget();
		svc_scan_world_send(&w, &m);
		svc_scan_world_settle(&w);
		CHECK(has(&w.verdicts, rows[i].verdict));
		CHECK(has(&w.judges, rows[i].judge));
	}
	svc_scan_world_close(&w);
}

/* --- what is cut --------------------------------------------------------------------------- */

/* Authors of one domain are judged by it; those of several by nobody: Junk, whoever they are. */
static void
several_authors(void)
{
	static const struct {
		const char *from, *seen;
		bool junk;
	} rows[] = {
		{ "Ann <a@example.com>, b@EXAMPLE.com", "2 example.com", false },
		{ "a@example.com, boss@victim.test", "2 ", true },
		{ "a@example.com <boss@victim.test>", "1 ", false },
		{ "<a@example.com> <boss@victim.test>", "2 ", true },
		{ "Ann <a@example.com>, root, friends:;", "1 ", false },
	};
	begin();
	for (size_t i = 0; i < LEN(rows); i++) {
		char octets[300];
		int n = snprintf(octets, sizeof octets, "From: %s\r\n\r\nx\r\n", rows[i].from);
		const struct ipc_smtp_scan_letter m = svc_scan_world_letter(1,
		    str_make(octets, (size_t)n));
		test_case = rows[i].from;
		forget();
		svc_scan_world_send(&w, &m);
		svc_scan_world_settle(&w);
		CHECK_STR(str_from(play.common), str_from(rows[i].seen));
		CHECK((str_find(buf_view(&w.verdicts), S(" junk=0")) > 0) == rows[i].junk);
	}
	test_case = NULL;
	svc_scan_world_close(&w);
}

static void
cuts(void)
{
	static const struct {
		str octets;
		const char *want;
	} rows[] = {
		{ S_INIT("X-Spam-Flag: NO\r\nFrom: a@b.test\r\n\r\nx\r\n"), " cuts=0+17 " },
		{ S_INIT("From: a@b.test\r\nx-spam-status: No,\r\n score=1\r\n"
			 "X-SPAM-Level: *\r\nTo: x\r\nX-Spam-Report: y\r\n\r\nX-Spam-Flag: NO\r\n"),
		    " cuts=16+47,70+18 " },
		{ S_INIT("Authentication-Results: MX.example.ORG; spf=pass\r\n"
			 "Authentication-Results: other.example; spf=pass\r\n\r\nx\r\n"),
		    " cuts=0+50" },
		{ S_INIT("Authentication-Results: (mx.example.org) \"mx.example.org\" 1;\r\n"
			 "\tspf=pass\r\n\r\nx\r\n"),
		    " cuts=0+" },
		{ S_INIT("X-Spammer: 1\r\nX-Spam: 2\r\n\r\nx\r\n"), "1 OK " },
	};
	begin();
	for (size_t i = 0; i < LEN(rows); i++) {
		struct ipc_smtp_scan_letter m = svc_scan_world_letter(1, rows[i].octets);
		forget();
		m.submission = i % 2 == 1; /* what users write in our name goes, too */
		svc_scan_world_send(&w, &m);
		svc_scan_world_settle(&w);
		str all = buf_view(&w.verdicts);
		buf_truncate(&w.verdicts, all.n - 1);
		buf_cstr(&w.verdicts, " \n");
		CHECK(has(&w.verdicts, rows[i].want));
		CHECK((str_find(buf_view(&w.verdicts), S("cuts=")) >= 0) == (i < 4));
	}
	svc_scan_world_close(&w);
}

/* More pieces in our name than there can be honestly. */
static void
too_many_cuts(void)
{
	struct buf b;
	begin();
	buf_init(&b, 1 << 20);
	for (unsigned i = 0; i < SVC_SCAN_CUTS_MAX; i++) {
		buf_cstr(&b, "X-Spam-Flag: NO\r\nX-Other: 1\r\n");
	}
	buf_cstr(&b, "\r\nbody\r\n");
	struct ipc_smtp_scan_letter m = svc_scan_world_letter(1, buf_view(&b));
	svc_scan_world_send(&w, &m);
	svc_scan_world_settle(&w);
	CHECK(has(&w.verdicts, "1 OK 1/0/"));
	buf_reset(&b);
	for (unsigned i = 0; i <= SVC_SCAN_CUTS_MAX; i++) {
		buf_cstr(&b, "X-Spam-Flag: NO\r\nX-Other: 1\r\n");
	}
	m = svc_scan_world_letter(2, buf_view(&b));
	svc_scan_world_send(&w, &m);
	svc_scan_world_settle(&w);
	CHECK(has(&w.verdicts, "2 OK 3/550/5.6.0 "));
	buf_done(&b);
	svc_scan_world_close(&w);
}

/* --- stages -------------------------------------------------------------------------------- */

static void
wishes(void)
{
	static const struct {
		enum svc_scan_wish wish;
		const char *verdict;
		const char *end;
	} rows[] = { { SVC_SCAN_JUNK, "1/0/ junk=0 score=", "2 score=" },
		{ SVC_SCAN_LATER, "2/451/4.7.1 ", "" },
		{ SVC_SCAN_REFUSE, "3/554/5.7.1 ", "4 score=" } };
	begin();
	for (size_t i = 0; i < LEN(rows); i++) {
		struct ipc_smtp_scan_letter m = svc_scan_world_letter(1, S(MAIL));
		forget();
		play.virus = rows[i].wish;
		svc_scan_world_send(&w, &m);
		svc_scan_world_settle(&w);
		CHECK(has(&w.verdicts, rows[i].verdict));
		CHECK(has(&w.ends, rows[i].end));
		CHECK((w.ends.n == 0) == (rows[i].wish == SVC_SCAN_LATER));
	}
	CHECK(has(&w.whys, "virus(Eicar)"));
	CHECK(has(&w.ends, "features=no"));
	CHECK_U64(w.scan->count.viruses, 1);
	svc_scan_world_close(&w);
}

/* What a stage says is cut to what the answer can hold. */
static void
long_reply(void)
{
	begin();
	struct ipc_smtp_scan_letter m = svc_scan_world_letter(1, S(MAIL));
	play.virus = SVC_SCAN_LATER;
	play.long_text = true;
	svc_scan_world_send(&w, &m);
	svc_scan_world_settle(&w);
	CHECK(has(&w.verdicts, "1 OK 2/451/4.7.1 "));
	svc_scan_world_close(&w);
}

static void
deadline(void)
{
	begin();
	w.conf.scan_deadline = 30;
	play.auth_silent = true;
	struct ipc_smtp_scan_letter m = svc_scan_world_letter(1, S(MAIL));
	svc_scan_world_send(&w, &m);
	svc_scan_world_wait(&w, 1);
	CHECK(has(&w.verdicts, "1 OK 1/0/ "));
	CHECK(has(&w.whys, "auth=late judge=late"));
	CHECK_U64(play.canceled, 1);
	CHECK_U64(play.gone, 0);
	CHECK_U64(w.scan->count.late, 2);
	play.auth_silent = false;
	play.virus_silent = play.virus_late_rule = true;
	svc_scan_world_send(&w, &m);
	svc_scan_world_wait(&w, 2);
	CHECK(has(&w.verdicts, "1 OK 2/451/4.7.1 "));
	play.virus_silent = play.virus_late_rule = false;
	w.policy_silent = true;
	svc_scan_world_send(&w, &m);
	svc_scan_world_wait(&w, 3);
	CHECK(has(&w.whys, "judge=late"));
	/* The answer comes after all. */
	struct ipc_scan_policy_judged late = { .request = w.scan->next_id, .words = 8000 };
	ipc_scan_policy_judged_put(&w.out, &late);
	CHECK_ERR(sys_chan_send_wait(w.policy, &w.out, -1, 1000), ERR_OK);
	buf_reset(&w.out);
	svc_scan_world_settle(&w);
	CHECK_U64(w.verdicts_n, 3);
	CHECK_U64(w.scan->letters_n, 0);
	svc_scan_world_close(&w);
}

static void
asks_dns(void)
{
	static const struct scan_world_name names[] = { { "_dmarc.example.com", "v=DMARC1" },
		{ NULL, NULL } };
	begin();
	play.auth_asks = true;
	w.names = names;
	struct ipc_smtp_scan_letter m = svc_scan_world_letter(1, S(MAIL));
	svc_scan_world_send(&w, &m);
	svc_scan_world_settle(&w);
	CHECK_ERR(play.answer, ERR_OK);
	CHECK_U64(w.verdicts_n, 1);
	sys_close(&w.resolve); /* nobody there: at once */
	svc_scan_world_settle(&w);
	svc_scan_world_send(&w, &m);
	svc_scan_world_settle(&w);
	CHECK_ERR(play.answer, ERR_AGAIN);
	CHECK_U64(w.verdicts_n, 2);
	svc_scan_world_wire(&w, "scan_resolve", &w.resolve); /* gone in the middle */
	w.resolve_silent = true;
	svc_scan_world_send(&w, &m);
	svc_scan_world_settle(&w);
	CHECK_U64(w.verdicts_n, 2);
	sys_close(&w.resolve);
	svc_scan_world_settle(&w);
	CHECK_U64(w.verdicts_n, 3);
	CHECK_U64(play.answers, 3);
	CHECK_U64(w.scan->count.unanswered, 2);
	svc_scan_world_wire(&w, "scan_resolve", &w.resolve); /* the letter goes first */
	svc_scan_world_send(&w, &m);
	svc_scan_world_settle(&w);
	sys_close(&w.smtp);
	svc_scan_world_settle(&w);
	CHECK_U64(play.answers, 3);
	CHECK_U64(map_count(w.scan->questions), 0);
	CHECK_U64(w.scan->letters_n, 0);
	svc_scan_world_close(&w);
}

/*
 * DNS says nothing: the letter waits for the deadline of that, no longer, however it is set, and is
 * judged all the same.
 */
static void
dns_deadline_at(uint64_t dns_ms, uint64_t all_ms)
{
	begin();
	w.conf.scan_dns = dns_ms;
	w.conf.scan_deadline = all_ms;
	play.auth_asks = w.resolve_silent = true;
	struct ipc_smtp_scan_letter m = svc_scan_world_letter(1, S(MAIL));
	svc_scan_world_send(&w, &m);
	svc_scan_world_wait(&w, 1);
	CHECK_ERR(play.answer, ERR_AGAIN);
	CHECK(has(&w.verdicts, "1 OK 1/0/ "));
	CHECK_U64(w.scan->count.late, 0);
	CHECK_U64(w.scan->count.unanswered, 1);
	CHECK_U64(map_count(w.scan->questions), 0);
	CHECK_U64(w.judges_n, 1);
	svc_scan_world_close(&w);
}

static void
dns_deadline(void)
{
	dns_deadline_at(20, 60000);
	dns_deadline_at(60000, 1000); /* longer than all looking may take */
}

/* --- peers that go ------------------------------------------------------------------------- */

static void
peers_go(void)
{
	begin();
	struct ipc_smtp_scan_letter m = svc_scan_world_letter(1, S(MAIL));
	w.policy_silent = true;
	svc_scan_world_send(&w, &m);
	svc_scan_world_settle(&w);
	CHECK_U64(w.judges_n, 1);
	CHECK_U64(w.verdicts_n, 0);
	sys_close(&w.policy);
	svc_scan_world_settle(&w);
	CHECK_U64(w.verdicts_n, 1);
	CHECK(has(&w.whys, "judge=absent"));
	svc_scan_world_send(&w, &m); /* nobody there from the start */
	svc_scan_world_settle(&w);
	CHECK_U64(w.verdicts_n, 2);
	CHECK_U64(w.scan->count.absent[SVC_SCAN_JUDGE], 2);
	play.virus_silent = true;
	svc_scan_world_send(&w, &m);
	svc_scan_world_settle(&w);
	CHECK_U64(w.scan->letters_n, 1);
	svc_scan_world_wire(&w, "smtp_scan", &w.smtp); /* another one in its place */
	svc_scan_world_settle(&w);
	CHECK_U64(w.scan->letters_n, 0);
	CHECK_U64(play.gone, 1);
	CHECK_U64(w.scan->count.lost, 1);
	buf_cstr(&w.out, "nonsense");
	CHECK_ERR(sys_chan_send_wait(w.smtp, &w.out, -1, 1000), ERR_OK);
	buf_reset(&w.out);
	svc_scan_world_settle(&w);
	CHECK(w.scan->smtps[0].chan == NULL);
	CHECK_U64(svc_scan_world_rewires, 1);
	svc_scan_world_close(&w);
}

/* No more letters than there is memory for; those in hand are finished before the end. */
static void
bounded_and_quits(void)
{
	begin();
	struct ipc_smtp_scan_letter m = svc_scan_world_letter(1, S(MAIL));
	play.virus_silent = true;
	for (unsigned i = 0; i < SVC_SCAN_LETTERS_MAX + 5; i++) {
		svc_scan_world_send(&w, &m);
		if (i % 50 == 0) {
			svc_scan_world_settle(&w);
		}
	}
	svc_scan_world_settle(&w);
	CHECK_U64(w.scan->letters_n, SVC_SCAN_LETTERS_MAX);
	CHECK_U64(w.scan->count.waited, 1);
	CHECK(w.scan->paused);
	svc_scan_on_quit(&w.sc, 1000);
	CHECK_U64(svc_scan_world_exits, 0);
	LIST_EACH(it, &w.scan->letters) {
		struct svc_scan_letter *l = LIST_ENTRY(it, struct svc_scan_letter, node);
		svc_scan_stage_done(l, SVC_SCAN_VIRUS, SVC_SCAN_DONE);
	}
	svc_scan_world_settle(&w);
	CHECK_U64(w.verdicts_n, SVC_SCAN_LETTERS_MAX);
	CHECK_U64(svc_scan_world_exits, 1);
	CHECK_U64(w.scan->letters_n, 0);
	svc_scan_world_close(&w);
}

static void
status(void)
{
	struct buf facts;
	begin();
	buf_init(&facts, 65536);
	struct ipc_smtp_scan_letter m = svc_scan_world_letter(1, S(MAIL));
	svc_scan_world_send(&w, &m);
	svc_scan_world_settle(&w);
	svc_scan_on_status(&w.sc, &facts);
	CHECK(has(&facts, "letters=1\n"));
	CHECK(has(&facts, "passed=1\n"));
	CHECK(has(&facts, "letters_now=0\n"));
	CHECK(has(&facts, "judge_absent=0\n"));
	svc_scan_on_reload(&w.sc);
	buf_done(&facts);
	svc_scan_world_close(&w);
}

TEST_MAIN(passes, short_file, submission, points, lessons, lists_and_fame, dmarc, forwards,
    from_fields, several_authors, cuts, too_many_cuts, wishes, long_reply, deadline, asks_dns,
    dns_deadline, peers_go, bounded_and_quits, status)
