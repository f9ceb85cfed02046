/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The journal in a file of its own: what goes in comes out by each question, local parts are in no
 * octet of the file, old attempts go, unknown replies become templates, reports fall due once.
 */
#include "base/test.h"
#include "reach/dmarc.h"
#include "reach/journal.h"
#include "reach/place_test.h"
#include "reach/report.h"

enum { DAY_MS = 86400000, FILE_MAX = 8 << 20 };
static const int64_t noon = 1790000000000; /* some moment */

struct place {
	struct buf path;
	struct reach_journal *j;
};

static void
begin(struct place *p)
{
	place_init(&p->path);
	CHECK_ERR(reach_journal_open(buf_view(&p->path), DAY_MS, &p->j), ERR_OK);
}

static void
end(struct place *p)
{
	reach_journal_close(&p->j);
	place_done(&p->path);
}

static struct reach_attempt
sample(uint64_t entry)
{
	return (struct reach_attempt){ .entry = entry,
		.began_ms = noon,
		.took_ms = 42,
		.domain = S("example.org"),
		.message_id = S("<one.two@mx.example.net>"),
		.operator= S("google"),
		.mx = S("mx.example.org"),
		.peer_ip = S("\0\0\0\0\0\0\0\0\0\0\377\377\300\0\2\1"),
		.source_ip = S("\0\0\0\0\0\0\0\0\0\0\377\377\300\0\2\2"),
		.rcpts = 2,
		.verdict = REACH_AGAIN,
		.phase = REACH_PHASE_RCPT,
		.class = S("L1"),
		.rule = S("greylist"),
		.policy_type = S("no-policy-found"),
		.code = 450,
		.enhanced = S("4.7.1"),
		.reply = S("450 4.7.1 <*@example.org>: Greylisted") };
}

static void
add(struct place *p, const struct reach_attempt *a)
{
	CHECK_ERR(reach_journal_begin(p->j), ERR_OK);
	CHECK_ERR(reach_journal_add(p->j, a), ERR_OK);
	CHECK_ERR(reach_journal_commit(p->j), ERR_OK);
}

struct got {
	size_t n;
	uint64_t first_entry, last_id;
};

static enum err
take(void *ctx, const struct reach_attempt *a)
{
	struct got *g = ctx;

	if (g->n++ == 0) {
		g->first_entry = a->entry;
		CHECK_STR(a->operator, S("google"));
		CHECK_STR(a->enhanced, S("4.7.1"));
		CHECK_U64(a->code, 450);
		CHECK_U64(a->peer_ip.n, 16);
		CHECK_U64(a->took_ms, 42);
	}
	g->last_id = a->id;
	return ERR_OK;
}

static size_t
found(struct place *p, struct reach_question q)
{
	struct got g = { 0 };

	q.max = q.max == 0 ? 100 : q.max;
	CHECK_ERR(reach_journal_find(p->j, &q, take, &g), ERR_OK);
	return g.n;
}

static void
comes_out_as_it_went_in(void)
{
	struct place p;
	struct got g = { 0 };
	uint64_t n = 0;
	int64_t since = 0;

	begin(&p);
	for (uint64_t i = 1; i <= 5; i++) {
		struct reach_attempt a = sample(i);
		add(&p, &a);
	}
	CHECK_U64(found(&p, (struct reach_question){ .by = REACH_ALL }), 5);
	CHECK_U64(found(&p, (struct reach_question){ .by = REACH_ALL, .max = 2 }), 2);
	CHECK_U64(found(&p, (struct reach_question){ .by = REACH_BY_ENTRY, .entry = 3 }), 1);
	CHECK_U64(found(&p,
		      (struct reach_question){ .by = REACH_BY_DOMAIN, .text = S("example.org") }),
	    5);
	CHECK_U64(found(&p,
		      (struct reach_question){ .by = REACH_BY_DOMAIN, .text = S("example.com") }),
	    0);
	CHECK_U64(found(&p,
		      (struct reach_question){ .by = REACH_BY_MX_OPERATOR, .text = S("google") }),
	    5);
	CHECK_U64(found(&p,
		      (struct reach_question){
			  .by = REACH_BY_MESSAGE, .text = S("one.two@mx.example.net") }),
	    5);
	CHECK_U64(found(&p, (struct reach_question){ .by = REACH_BY_MESSAGE, .text = S("x@y") }),
	    0);
	struct reach_question q = { .by = REACH_ALL, .before = 3, .max = 10 };
	CHECK_ERR(reach_journal_find(p.j, &q, take, &g), ERR_OK);
	CHECK_U64(g.n, 2);
	CHECK_U64(g.first_entry, 2);
	CHECK_ERR(reach_journal_count(p.j, &n, &since), ERR_OK);
	CHECK_U64(n, 5);
	CHECK_U64(since, noon);
	end(&p);
}

/* Grep the file and its log. */
static bool
holds(struct place *p, str word)
{
	static const char *const tails[] = { "", "-wal" };
	struct buf all;
	size_t n = p->path.n;
	bool yes = false;

	buf_init(&all, FILE_MAX);
	for (size_t i = 0; i < LEN(tails); i++) {
		buf_truncate(&p->path, n);
		buf_cstr(&p->path, tails[i]);
		if (sys_file_load(SYS_CWD, buf_view(&p->path), &all) == ERR_OK) {
			yes = yes || str_ifind(buf_view(&all), word) >= 0;
		}
		buf_reset(&all);
	}
	buf_truncate(&p->path, n);
	buf_done(&all);
	return yes;
}

static void
no_local_part_is_kept(void)
{
	struct place p;
	struct reach_attempt a = sample(1);

	begin(&p);
	a.message_id = S("<secretsender.1@mx.example.net>");
	a.reply = S("550 5.1.1 <secretjane@example.org>: no; secretjane+tag@example.org,"
		    " \"secretjane doe\"@example.org, =secretjane@example.org unknown");
	a.unknown = true;
	add(&p, &a);
	CHECK(holds(&p, S("@example.org")));
	CHECK(!holds(&p, S("secret")));
	end(&p);
}

struct templates {
	size_t n;
	uint64_t count;
	char first[REACH_TEMPLATE_OCTETS];
	size_t first_n;
};

static enum err
take_template(void *ctx, const struct reach_template *t)
{
	struct templates *all = ctx;

	if (all->n++ == 0) {
		all->count = t->count;
		all->first_n = MIN(t->text.n, sizeof(all->first));
		memcpy(all->first, t->text.p, all->first_n);
	}
	return ERR_OK;
}

static void
unknown_replies_become_templates(void)
{
	struct place p;
	struct templates all = { 0 };

	begin(&p);
	for (unsigned i = 0; i < 30; i++) {
		char text[200];
		struct reach_attempt a = sample(i);
		int n = snprintf(text, sizeof text,
		    "550 No, [192.0.2.%u] (queue 4F%uA9C77), see https://a.example/x?id=%u", i, i,
		    i);
		a.reply = str_make(text, (size_t)n);
		a.unknown = true;
		add(&p, &a);
	}
	CHECK_ERR(reach_journal_unknown(p.j, 10, take_template, &all), ERR_OK);
	CHECK_U64(all.n, 1);
	CHECK_U64(all.count, 30);
	CHECK_STR(str_make(all.first, all.first_n),
	    S("<n> No, [<ip>] (queue <id>), see https://a.example/x?<q>"));
	end(&p);
}

static void
masks(void)
{
	static const struct {
		const char *in, *want;
	} rows[] = {
		{ "", "" },
		{ "no address", "no address" },
		{ "<a@b.example> and c.d+e@f", "<*@b.example> and *@f" },
		{ "\"a b\"@c", "*@c" },
		{ "@alone and x@", "@alone and *@" },
		{ "a@b@c", "*@*@c" },
		{ "to=jane@x.example", "*@x.example" },
	};
	struct buf out;

	buf_init(&out, 1000);
	for (size_t i = 0; i < LEN(rows); i++) {
		test_case = rows[i].in;
		buf_reset(&out);
		reach_mask_locals(&out, str_from(rows[i].in));
		CHECK_STR(buf_view(&out), str_from(rows[i].want));
	}
	test_case = NULL;
	buf_done(&out);
}

static enum err
take_total(void *ctx, const struct reach_total *t)
{
	*(uint64_t *)ctx += t->attempts * 1000 + t->rcpts;
	return ERR_OK;
}

static void
old_attempts_go_and_sums_stay(void)
{
	struct place p;
	bool more = false;
	uint64_t sum = 0;
	struct reach_attempt old = sample(1), new = sample(2);

	begin(&p);
	old.began_ms = noon - 90LL * DAY_MS;
	add(&p, &old);
	add(&p, &old);
	add(&p, &new);
	CHECK_ERR(reach_journal_forget(p.j, noon - 30LL * DAY_MS, 1000, &more), ERR_OK);
	CHECK(!more);
	CHECK_U64(found(&p, (struct reach_question){ .by = REACH_ALL }), 1);
	add(&p, &new);
	add(&p, &new);
	CHECK_ERR(reach_journal_forget(p.j, 0, 1, &more), ERR_OK);
	CHECK_U64(found(&p, (struct reach_question){ .by = REACH_ALL }), 1);
	struct reach_sum q = { .operator= S("google"), .max = 10 };
	CHECK_ERR(reach_journal_sum(p.j, &q, take_total, &sum), ERR_OK);
	CHECK_U64(sum, 5 * 1000 + 10);
	end(&p);
}

static enum err
take_policy(void *ctx, const struct reach_policy *policy)
{
	*(uint64_t *)ctx = policy->id;
	CHECK_STR(policy->type, S("sts"));
	CHECK_U64(policy->good, 3);
	CHECK_U64(policy->bad, 2);
	return ERR_OK;
}

static enum err
take_failure(void *ctx, const struct reach_failure *f)
{
	*(uint64_t *)ctx += f->count;
	CHECK_STR(f->result, S("certificate-expired"));
	CHECK_STR(f->mx, S("mx.example.org"));
	return ERR_OK;
}

static void
reports_fall_due_once(void)
{
	struct place p;
	struct buf domain;
	int64_t day = 0;
	uint64_t policy = 0, failures = 0;

	begin(&p);
	buf_init(&domain, 255);
	for (unsigned i = 0; i < 5; i++) {
		struct reach_attempt a = sample(i);
		a.session = true;
		a.policy_type = S("sts");
		a.policy = S("version: STSv1\nmode: enforce");
		a.tls_failure = i < 2 ? S("certificate-expired") : S("");
		add(&p, &a);
	}
	struct reach_due due = { .today = reach_report_day(p.j, noon),
		.now_ms = noon,
		.retry_ms = 1000,
		.tries_max = 3 };
	CHECK_ERR(reach_report_due(p.j, &due, &domain, &day), ERR_NOTFOUND);
	due.today++;
	CHECK_ERR(reach_report_due(p.j, &due, &domain, &day), ERR_OK);
	CHECK_STR(buf_view(&domain), S("example.org"));
	CHECK_U64(day, due.today - 1);
	CHECK_ERR(reach_report_policies(p.j, day, buf_view(&domain), take_policy, &policy), ERR_OK);
	CHECK_ERR(reach_report_failures(p.j, policy, take_failure, &failures), ERR_OK);
	CHECK_U64(failures, 2);
	const struct reach_report_id id = { REACH_REPORT_TLS, day, S("example.org") };
	CHECK_ERR(reach_report_mark(p.j, &id, REACH_REPORT_TRIED, noon), ERR_OK);
	buf_reset(&domain);
	CHECK_ERR(reach_report_due(p.j, &due, &domain, &day), ERR_NOTFOUND);
	due.now_ms += 2000;
	CHECK_ERR(reach_report_due(p.j, &due, &domain, &day), ERR_OK);
	CHECK_ERR(reach_report_mark(p.j, &id, REACH_REPORT_SENT, noon), ERR_OK);
	due.now_ms += 9000;
	CHECK_ERR(reach_report_due(p.j, &due, &domain, &day), ERR_NOTFOUND);
	CHECK_ERR(reach_report_forget(p.j, day + 1), ERR_OK);
	CHECK_ERR(reach_report_policies(p.j, day, buf_view(&domain), take_policy, &policy), ERR_OK);
	buf_done(&domain);
	end(&p);
}

struct seen {
	size_t rows;
	uint64_t letters, first;
};

static enum err
take_judged(void *ctx, const struct reach_judged *r)
{
	struct seen *s = ctx;
	s->first = s->rows++ == 0 ? r->count : s->first;
	s->letters += r->count;
	CHECK(r->dkim && !r->spf && r->helo);
	CHECK_STR(r->from, S("mail.example.org"));
	CHECK_STR(r->signatures, S("example.org s1 pass\n"));
	return ERR_OK;
}

static struct seen
judged_rows(struct place *p, int64_t day)
{
	const struct reach_dmarc_rows all = { day, S("example.org"), 10000 };
	struct seen s = { 0 };
	CHECK_ERR(reach_dmarc_rows(p->j, &all, take_judged, &s), ERR_OK);
	return s;
}

/* Like letters are one row, rows are bounded. */
static void
judged_letters_are_counted(void)
{
	struct place p;
	uint8_t ip[16] = { 0 };
	const struct reach_judged r = { .domain = S("example.org"),
		.ip = str_make(ip, sizeof ip),
		.from = S("mail.example.org"),
		.disposition = S("none"),
		.dkim = true,
		.helo = true,
		.spf_domain = S("mx.example.org"),
		.spf_result = S("softfail"),
		.signatures = S("example.org s1 pass\n") };
	begin(&p);
	CHECK_ERR(reach_journal_begin(p.j), ERR_OK);
	for (int i = 0; i < REACH_DMARC_ROWS_MAX + 50; i++) {
		ip[14] = (uint8_t)(i / 4 / 256);
		ip[15] = (uint8_t)(i / 4);
		CHECK_ERR(reach_dmarc_add(p.j, noon, &r), ERR_OK);
	}
	CHECK_ERR(reach_journal_commit(p.j), ERR_OK);
	struct seen s = judged_rows(&p, reach_report_day(p.j, noon));
	CHECK_U64(s.rows, REACH_DMARC_ROWS_MAX / 4);
	CHECK_U64(s.letters, REACH_DMARC_ROWS_MAX);
	memset(ip, 0, sizeof ip);
	CHECK_ERR(reach_dmarc_add(p.j, noon, &r), ERR_OK); /* a row that is there goes on */
	s = judged_rows(&p, reach_report_day(p.j, noon));
	CHECK_U64(s.rows, REACH_DMARC_ROWS_MAX / 4);
	CHECK_U64(s.first, 5);
	end(&p);
}

/* A day is reported once, apart from TLS reports, and goes as a whole. */
static void
judged_days_fall_due_once(void)
{
	struct place p;
	struct buf domain;
	int64_t day = 0;
	const struct reach_judged r = { .domain = S("example.org"),
		.from = S("mail.example.org"),
		.dkim = true,
		.helo = true,
		.signatures = S("example.org s1 pass\n") };
	begin(&p);
	buf_init(&domain, 256);
	CHECK_ERR(reach_dmarc_add(p.j, noon, &r), ERR_OK);
	struct reach_due due = { .kind = REACH_REPORT_DMARC,
		.today = reach_report_day(p.j, noon) + 1,
		.now_ms = noon,
		.retry_ms = 1000,
		.tries_max = 3 };
	CHECK_ERR(reach_report_due(p.j, &due, &domain, &day), ERR_OK);
	CHECK_STR(buf_view(&domain), S("example.org"));
	due.kind = REACH_REPORT_TLS;
	CHECK_ERR(reach_report_due(p.j, &due, &domain, &day), ERR_NOTFOUND);
	due.kind = REACH_REPORT_DMARC;
	const struct reach_report_id id = { REACH_REPORT_DMARC, day, S("example.org") };
	CHECK_ERR(reach_report_mark(p.j, &id, REACH_REPORT_SENT, noon), ERR_OK);
	CHECK_ERR(reach_report_due(p.j, &due, &domain, &day), ERR_NOTFOUND);
	CHECK_U64(judged_rows(&p, day).rows, 1);
	CHECK_ERR(reach_report_forget(p.j, day + 1), ERR_OK);
	CHECK_U64(judged_rows(&p, day).rows, 0);
	buf_done(&domain);
	end(&p);
}

TEST_MAIN(judged_letters_are_counted, judged_days_fall_due_once, comes_out_as_it_went_in,
    no_local_part_is_kept, unknown_replies_become_templates, masks, old_attempts_go_and_sums_stay,
    reports_fall_due_once)
