/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MTA-STS by the sections of RFC 8461: record, file, patterns, verdicts, actions, plans.
 */
#include "base/test.h"
#include "base/buf.h"
#include "proto/mtasts/mtasts.h"

static void
rfc8461_3_1_the_record(void)
{
	static const struct {
		const char *name;
		const char *records[3];
		enum err err;
		const char *id;
	} rows[] = {
		{ "the example", { "v=STSv1; id=20160831085700Z;" }, ERR_OK, "20160831085700Z" },
		{ "no delimiter at the end", { "v=STSv1;id=1" }, ERR_OK, "1" },
		{ "space around delimiters", { "v=STSv1 ; \tid=1 ; " }, ERR_OK, "1" },
		{ "an extension before", { "v=STSv1; a.b-c_d=x:y; id=1;" }, ERR_OK, "1" },
		{ "the first id counts", { "v=STSv1; id=1; id=2;" }, ERR_OK, "1" },
		{ "id of 32", { "v=STSv1; id=01234567890123456789012345678901" }, ERR_OK,
		    "01234567890123456789012345678901" },
		{ "id of 33", { "v=STSv1; id=012345678901234567890123456789012" }, ERR_SYNTAX,
		    NULL },
		{ "empty id", { "v=STSv1; id=;" }, ERR_SYNTAX, NULL },
		{ "id with a hyphen", { "v=STSv1; id=1-2;" }, ERR_SYNTAX, NULL },
		{ "ID is not id", { "v=STSv1; ID=1;" }, ERR_SYNTAX, NULL },
		{ "no id", { "v=STSv1;" }, ERR_SYNTAX, NULL },
		{ "empty field", { "v=STSv1; ; id=1" }, ERR_SYNTAX, NULL },
		{ "field without =", { "v=STSv1; id=1; x" }, ERR_SYNTAX, NULL },
		{ "extension with = in it", { "v=STSv1; id=1; x=a=b" }, ERR_SYNTAX, NULL },
		{ "version of another case", { "v=stsv1; id=1;" }, ERR_NOTFOUND, NULL },
		{ "version not first", { "id=1; v=STSv1;" }, ERR_NOTFOUND, NULL },
		{ "STSv10", { "v=STSv10; id=1;" }, ERR_NOTFOUND, NULL },
		{ "none", { NULL }, ERR_NOTFOUND, NULL },
		{ "others are discarded", { "v=spf1 -all", "v=STSv1; id=1;" }, ERR_OK, "1" },
		{ "two", { "v=STSv1; id=1;", "v=STSv1; id=2;" }, ERR_NOTFOUND, NULL },
		{ "two, one malformed", { "v=STSv1; id=1;", "v=STSv1; x" }, ERR_NOTFOUND, NULL },
	};
	for (size_t i = 0; i < LEN(rows); i++) {
		str records[3], id = S("");
		size_t n = 0;
		while (n < 3 && rows[i].records[n] != NULL) {
			records[n] = str_from(rows[i].records[n]);
			n++;
		}
		test_case = rows[i].name;
		CHECK_ERR(mtasts_txt(records, n, &id), rows[i].err);
		CHECK_STR(id, rows[i].id == NULL ? S("") : str_from(rows[i].id));
	}
}

#define V "version: STSv1\r\n"
#define E "mode: enforce\r\n"
#define M "mx: mx.a.test\r\n"
#define A "max_age: 604800\r\n"

static void
rfc8461_3_2_the_file(void)
{
	static const struct {
		const char *name, *in;
		enum err err;
		enum mtasts_mode mode;
		uint32_t max_age;
		size_t mx;
	} rows[] = {
		{ "the example",
		    "version: STSv1\r\nmode: enforce\r\nmx: m.example.com\r\nmx: *.example.net\r\n"
		    "mx: backupmx.example.com\r\nmax_age: 604800\r\n",
		    ERR_OK, MTASTS_ENFORCE, 604800, 3 },
		{ "LF, no end", "version:STSv1\nmode:testing\nmx:a.b\nmax_age:1", ERR_OK,
		    MTASTS_TESTING, 1, 1 },
		{ "mode none needs no mx", V "mode: none\r\n" A, ERR_OK, MTASTS_NONE, 604800, 0 },
		{ "others need one", V E A, ERR_SYNTAX, 0, 0, 0 },
		{ "space behind values", "version: STSv1 \t\r\n" E M A, ERR_OK, MTASTS_ENFORCE,
		    604800, 1 },
		{ "unknown fields", V E M A "x-y.z_1: w\xc3\xb6rd and more\r\n", ERR_OK,
		    MTASTS_ENFORCE, 604800, 1 },
		{ "the first counts", V E M A "mode: none\r\nmax_age: 1\r\nversion: 2\r\n", ERR_OK,
		    MTASTS_ENFORCE, 604800, 1 },
		{ "a year at most", V E M "max_age: 9999999999\r\n", ERR_OK, MTASTS_ENFORCE,
		    MTASTS_MAX_AGE_S, 1 },
		{ "eleven digits", V E M "max_age: 00000000001\r\n", ERR_SYNTAX, 0, 0, 0 },
		{ "a negative age", V E M "max_age: -1\r\n", ERR_SYNTAX, 0, 0, 0 },
		{ "no age", V E M, ERR_SYNTAX, 0, 0, 0 },
		{ "no version", E M A, ERR_SYNTAX, 0, 0, 0 },
		{ "version 2", "version: STSv2\r\n" E M A, ERR_SYNTAX, 0, 0, 0 },
		{ "no mode", V M A, ERR_SYNTAX, 0, 0, 0 },
		{ "an unknown mode", V "mode: Enforce\r\n" M A, ERR_SYNTAX, 0, 0, 0 },
		{ "a bad pattern", V E A "mx: a.*.test\r\n", ERR_SYNTAX, 0, 0, 0 },
		{ "a pattern that is all", V E A "mx: *\r\n", ERR_SYNTAX, 0, 0, 0 },
		{ "*. alone", V E A "mx: *.\r\n", ERR_SYNTAX, 0, 0, 0 },
		{ "empty label", V E A "mx: a..b\r\n", ERR_SYNTAX, 0, 0, 0 },
		{ "a dot at the end is taken", V E A "mx: a.b.\r\n", ERR_OK, MTASTS_ENFORCE, 604800,
		    1 },
		{ "HTML", "<html>\r\n", ERR_SYNTAX, 0, 0, 0 },
		{ "an empty line within", V "\r\n" E M A, ERR_SYNTAX, 0, 0, 0 },
		{ "a control octet", V E M A "x: \x01\r\n", ERR_SYNTAX, 0, 0, 0 },
		{ "a bare CR", V E M A "x: a\rb\r\n", ERR_SYNTAX, 0, 0, 0 },
		{ "nothing", "", ERR_SYNTAX, 0, 0, 0 },
	};
	for (size_t i = 0; i < LEN(rows); i++) {
		struct mtasts_policy p = { .mode = MTASTS_NONE };
		test_case = rows[i].name;
		CHECK_ERR(mtasts_parse(str_from(rows[i].in), &p), rows[i].err);
		CHECK_U64(p.mode, rows[i].mode);
		CHECK_U64(p.max_age_s, rows[i].max_age);
		CHECK_U64(p.mx_n, rows[i].mx);
	}
}

static void
the_file_has_limits(void)
{
	struct buf b;
	struct mtasts_policy p;
	buf_init(&b, 1 << 20);
	buf_str(&b, S(V E A));
	for (size_t i = 0; i < MTASTS_MX_MAX; i++) {
		buf_printf(&b, "mx: mx%zu.a.test\n", i);
	}
	CHECK_ERR(mtasts_parse(buf_view(&b), &p), ERR_OK);
	CHECK_STR(p.mx[MTASTS_MX_MAX - 1], S("mx63.a.test"));
	buf_str(&b, S("mx: one.more.test\n"));
	CHECK_ERR(mtasts_parse(buf_view(&b), &p), ERR_TOOMANY);
	buf_reset(&b);
	buf_str(&b, S(V E M A));
	for (size_t i = 0; i < MTASTS_LINES_MAX; i++) {
		buf_str(&b, S("x: y\n"));
	}
	CHECK_ERR(mtasts_parse(buf_view(&b), &p), ERR_TOOMANY);
	while (b.n <= MTASTS_FILE_MAX) {
		buf_str(&b, S("x: y\n"));
	}
	CHECK_ERR(mtasts_parse(buf_view(&b), &p), ERR_TOOBIG);
	buf_done(&b);
}

static void
rfc8461_4_1_patterns(void)
{
	static const struct {
		const char *pattern, *host;
		bool want;
	} rows[] = {
		{ "mail.example.com", "mail.example.com", true },
		{ "mail.example.com", "MAIL.Example.com.", true },
		{ "*.example.com", "mail.example.com", true },
		{ "*.example.com", "example.com", false },
		{ "*.example.com", "foo.bar.example.com", false },
		{ "*.example.com", ".example.com", false },
		{ "example.com", "mail.example.com", false },
		{ "mail.example.com", "xmail.example.com", false },
		{ "*.example.com", "mail.example.com.evil.test", false },
		{ "", "", false },
	};
	for (size_t i = 0; i < LEN(rows); i++) {
		str patterns[] = { S("no.test"), str_from(rows[i].pattern) };
		test_case = rows[i].pattern;
		CHECK(mtasts_fits(patterns[1], str_from(rows[i].host)) == rows[i].want);
		CHECK(mtasts_allows(patterns, 2, str_from(rows[i].host)) == rows[i].want);
		CHECK(!mtasts_allows(patterns, 0, str_from(rows[i].host)));
	}
}

/* Each condition of section 4 with each mode of section 5. */
static void
rfc8461_4_and_5_verdicts(void)
{
	static const struct {
		const char *name;
		struct mtasts_seen seen;
		enum mtasts_verdict verdict;
		const char *failure;
	} rows[] = {
		{ "all is well", { true, true, true, true }, MTASTS_VERDICT_PASSED, "" },
		{ "4.1 not listed", { false, true, true, true }, MTASTS_VERDICT_UNLISTED,
		    "validation-failure" },
		{ "4 no STARTTLS", { true, false, false, false }, MTASTS_VERDICT_NO_TLS,
		    "starttls-not-supported" },
		{ "4.2 expired or unknown root", { true, true, false, true },
		    MTASTS_VERDICT_UNTRUSTED, "certificate-not-trusted" },
		{ "4.2 another name", { true, true, true, false }, MTASTS_VERDICT_NAME,
		    "certificate-host-mismatch" },
	};
	for (size_t i = 0; i < LEN(rows); i++) {
		bool bad = i > 0;
		test_case = rows[i].name;
		enum mtasts_verdict v = mtasts_judge(MTASTS_ENFORCE, &rows[i].seen);
		CHECK_U64(v, rows[i].verdict);
		CHECK_U64(mtasts_judge(MTASTS_TESTING, &rows[i].seen), rows[i].verdict);
		CHECK_U64(mtasts_judge(MTASTS_NONE, &rows[i].seen), MTASTS_VERDICT_NONE);
		CHECK_U64(mtasts_action(MTASTS_ENFORCE, v), bad ? MTASTS_SKIP : MTASTS_DELIVER);
		CHECK_U64(mtasts_action(MTASTS_TESTING, v), bad ? MTASTS_REPORT : MTASTS_DELIVER);
		CHECK_U64(mtasts_action(MTASTS_NONE, v), MTASTS_DELIVER);
		CHECK_STR(mtasts_failure(v), str_from(rows[i].failure));
	}
	/* 3.3: no policy could be had, none is kept: as if there were none. */
	CHECK_U64(mtasts_action(MTASTS_NONE, MTASTS_VERDICT_FETCH), MTASTS_DELIVER);
	CHECK_U64(mtasts_action(MTASTS_ENFORCE, MTASTS_VERDICT_DANE), MTASTS_DELIVER);
	for (unsigned v = 0; v < MTASTS_VERDICTS; v++) {
		CHECK(mtasts_word((enum mtasts_verdict)v).n > 0);
	}
}

static void
rfc8461_3_3_and_5_1_plans(void)
{
	enum { NOW = 1000000, WEEK = 604800 };
	static const struct {
		const char *name;
		struct mtasts_kept kept;
		const char *id;
		enum mtasts_plan want;
	} rows[] = {
		{ "nothing announced, nothing kept", { 0 }, "", MTASTS_PLAN_NO_POLICY },
		{ "announced", { 0 }, "1", MTASTS_PLAN_FETCH },
		{ "kept, the same", { true, S_INIT("1"), NOW + WEEK, NOW - 10, S_INIT(""), 0 }, "1",
		    MTASTS_PLAN_USE },
		{ "kept, TXT vanished: it counts until its end",
		    { true, S_INIT("1"), NOW + 1, NOW - 10, S_INIT(""), 0 }, "", MTASTS_PLAN_USE },
		{ "kept, a new id", { true, S_INIT("1"), NOW + WEEK, NOW - 10, S_INIT(""), 0 }, "2",
		    MTASTS_PLAN_FETCH },
		{ "kept, a day old: refresh",
		    { true, S_INIT("1"), NOW + WEEK, NOW - 86400, S_INIT(""), 0 }, "1",
		    MTASTS_PLAN_REFRESH },
		{ "the same without TXT",
		    { true, S_INIT("1"), NOW + WEEK, NOW - 86400, S_INIT(""), 0 }, "",
		    MTASTS_PLAN_REFRESH },
		{ "ended", { true, S_INIT("1"), NOW, NOW - WEEK, S_INIT(""), 0 }, "1",
		    MTASTS_PLAN_FETCH },
		{ "ended and gone", { true, S_INIT("1"), NOW, NOW - WEEK, S_INIT(""), 0 }, "",
		    MTASTS_PLAN_NO_POLICY },
		{ "3.3 failed a minute ago", { .tried_id = S_INIT("1"), .tried_s = NOW - 60 }, "1",
		    MTASTS_PLAN_NO_POLICY },
		{ "3.3 failed five minutes ago", { .tried_id = S_INIT("1"), .tried_s = NOW - 300 },
		    "1", MTASTS_PLAN_FETCH },
		{ "3.3 failed for another id", { .tried_id = S_INIT("1"), .tried_s = NOW - 60 },
		    "2", MTASTS_PLAN_FETCH },
		{ "the new id failed: the kept one counts",
		    { true, S_INIT("1"), NOW + WEEK, NOW - 10, S_INIT("2"), NOW - 60 }, "2",
		    MTASTS_PLAN_USE },
		{ "the clock was set back", { .tried_id = S_INIT("1"), .tried_s = NOW + 60 }, "1",
		    MTASTS_PLAN_FETCH },
	};
	for (size_t i = 0; i < LEN(rows); i++) {
		test_case = rows[i].name;
		CHECK_U64(mtasts_plan(&rows[i].kept, str_from(rows[i].id), NOW), rows[i].want);
	}
}

TEST_MAIN(rfc8461_3_1_the_record, rfc8461_3_2_the_file, the_file_has_limits, rfc8461_4_1_patterns,
    rfc8461_4_and_5_verdicts, rfc8461_3_3_and_5_1_plans)
