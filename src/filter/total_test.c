/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Adding up: sums, bounds, both statistics, reasons; and facts of authentication as parts. A server
 * that was never trained puts nothing into Junk by one look alone.
 */
#include "base/test.h"
#include "filter/filter.h"
#include "mail/authres.h"

#define PART(k, w, p)                                              \
	{                                                          \
		.kind = FILTER_##k, .word = S_INIT(w), .points = p \
	}
#define WORDS(k, p, l)                                                                       \
	{                                                                                    \
		.kind = FILTER_WORDS_##k, .word = S_INIT("words"), .points = p, .learned = l \
	}

static const struct {
	const char *name;
	struct filter_part parts[4];
	size_t n;
	int64_t want;
	const char *why;
} cases[] = {
	{ "nothing", { { 0 } }, 0, 0, "" },
	{ "one", { PART(RULE, "html-form", 1000) }, 1, 1000, "html-form=1.000" },
	{ "the heaviest first, trifles last and unsaid",
	    { PART(RULE, "a", 40), PART(RULE, "b", 700), PART(LIST, "c", -2001) }, 3, -1261,
	    "c=-2.001 b=0.700" },
	{ "bounds of a kind", { PART(RULE, "a", 5000), PART(RULE, "b", 5000) }, 2, 7000,
	    "a=5.000 b=5.000" },
	{ "a known sender cannot be worse than unknown", { PART(KNOWN, "known", 9000) }, 1, 0,
	    "known=9.000" },
	{ "no sum runs over",
	    { PART(OTHER, "a", INT64_MAX), PART(OTHER, "b", INT64_MAX),
		PART(LIST, "c", INT64_MIN + 1) },
	    3, 15000, NULL },
	{ "shared words alone", { WORDS(SHARED, 3000, 900) }, 1, 3000, "words=3.000" },
	{ "own words alone", { WORDS(OWN, 3000, 40) }, 1, 1500, "words=3.000" },
	{ "own words after 40 letters", { WORDS(SHARED, 4000, 900), WORDS(OWN, -4000, 40) }, 2, 0,
	    NULL },
	{ "own words after many", { WORDS(SHARED, 4000, 900), WORDS(OWN, -4000, 360) }, 2, -3200,
	    NULL },
};

static void
sums(void)
{
	for (size_t i = 0; i < LEN(cases); i++) {
		struct buf why;
		buf_init(&why, 1000);
		test_case = cases[i].name;
		int64_t got = filter_total(cases[i].parts, cases[i].n, &why);
		CHECK_U64((uint64_t)got, (uint64_t)cases[i].want);
		if (cases[i].why != NULL) {
			CHECK_STR(buf_view(&why), str_from(cases[i].why));
		}
		CHECK(filter_total(cases[i].parts, cases[i].n, NULL) == got);
		buf_done(&why);
	}
	test_case = NULL;
}

static void
details(void)
{
	struct filter_part p = filter_rule_part(FILTER_RULE_DMARC_FAIL, S("p=none"));
	struct buf why;
	buf_init(&why, 1000);
	CHECK(filter_total(&p, 1, &why) == p.points);
	CHECK_STR(buf_view(&why), S("dmarc-fail(p=none)=1.500"));
	buf_done(&why);
}

static const struct {
	const char *name;
	struct filter_auth facts;
	int64_t from, to; /* points */
} facts[] = {
	{ "nothing known", { 0 }, 0, 0 },
	{ "all well",
	    { .spf = MAIL_AUTHRES_PASS,
		.dkim = MAIL_AUTHRES_PASS,
		.dmarc = MAIL_AUTHRES_PASS,
		.iprev = MAIL_AUTHRES_PASS,
		.helo = S_INIT("mx.example.org") },
	    -1500, -1 },
	{ "the resolver does not answer",
	    { .spf = MAIL_AUTHRES_TEMPERROR,
		.dkim = MAIL_AUTHRES_TEMPERROR,
		.dmarc = MAIL_AUTHRES_TEMPERROR,
		.iprev = MAIL_AUTHRES_TEMPERROR },
	    0, 0 },
	{ "SPF fails alone", { .spf = MAIL_AUTHRES_FAIL }, 1000, FILTER_JUNK_AT - 1 },
	{ "SPF fails behind a forwarder that keeps DMARC whole",
	    { .spf = MAIL_AUTHRES_FAIL, .dmarc = MAIL_AUTHRES_PASS }, -1500, 0 },
	{ "DMARC fails, nothing asked", { .dmarc = MAIL_AUTHRES_FAIL }, 1000, FILTER_JUNK_AT - 1 },
	{ "DMARC fails, junk asked for",
	    { .dmarc = MAIL_AUTHRES_FAIL, .dmarc_asks_quarantine = true }, FILTER_JUNK_AT,
	    FILTER_REJECT_AT - 1 },
	{ "DMARC fails, refusal asked for",
	    { .dmarc = MAIL_AUTHRES_FAIL, .dmarc_asks_reject = true }, FILTER_JUNK_AT,
	    FILTER_REJECT_AT - 1 },
	{ "and a list we trust says it was well before",
	    { .dmarc = MAIL_AUTHRES_FAIL, .dmarc_asks_reject = true, .arc_trusted = true }, -1500,
	    0 },
	{ "no name, an address in HELO, impatient",
	    { .iprev = MAIL_AUTHRES_FAIL, .helo = S_INIT("[192.0.2.1]"), .manners = 1 }, 3000,
	    FILTER_JUNK_AT },
	{ "a bare name", { .helo = S_INIT("localhost") }, 500, 1500 },
	{ "two From fields", { .from_many = true }, FILTER_JUNK_AT, FILTER_REJECT_AT - 1 },
	{ "everything is wrong",
	    { .spf = MAIL_AUTHRES_FAIL,
		.spf_helo = MAIL_AUTHRES_FAIL,
		.dkim = MAIL_AUTHRES_FAIL,
		.dmarc = MAIL_AUTHRES_FAIL,
		.dmarc_asks_reject = true,
		.iprev = MAIL_AUTHRES_FAIL,
		.manners = 3,
		.from_many = true,
		.from_missing = true,
		.helo = S_INIT("1.2.3.4") },
	    FILTER_JUNK_AT, FILTER_REJECT_AT - 1 },
};

/* Authentication alone never refuses: mission A4. */
static void
authentication(void)
{
	for (size_t i = 0; i < LEN(facts); i++) {
		struct filter_part parts[FILTER_AUTH_PARTS];
		test_case = facts[i].name;
		size_t n = filter_auth(&facts[i].facts, parts, LEN(parts));
		int64_t score = filter_total(parts, n, NULL);
		CHECK(score >= facts[i].from && score <= facts[i].to);
		CHECK(filter_auth(&facts[i].facts, parts, 1) <= 1);
	}
	test_case = NULL;
}

static void
rows(void)
{
	for (int r = 0; r < FILTER_RULES; r++) {
		const struct filter_row *row = filter_rule_row((enum filter_rule)r);
		test_case = row->word;
		CHECK(row->kind != FILTER_RULE || row->points <= FILTER_JUNK_AT);
		CHECK(strlen(row->text) > 5 && row->points != 0);
		for (const char *p = row->word; *p != 0; p++) {
			CHECK(ascii_is_alnum(*p) || *p == '-');
		}
	}
	test_case = NULL;
}

TEST_MAIN(sums, details, authentication, rows)
