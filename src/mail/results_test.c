/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is read of the fields that we wrote, that nobody else's fields are taken for ours, and that
 * what is kept comes back.
 */
#include "base/test.h"
#include "mail/results.h"

#define PATH "Return-Path: <a@b.test>\r\n"
#define TRACE                                          \
	"Received: from mx.b.test ([192.0.2.1])\r\n"   \
	"\tby mail.c.test with ESMTPS (TLSv1.3 x)\r\n" \
	"\tid 1.1; Thu, 05 Nov 2026 10:00:00 +0000\r\n"
#define OWN                                                                      \
	"Received: from client\r\n\tby mail.c.test with ESMTPSA (TLSv1.3 x)\r\n" \
	"\tid 1.1; Thu, 05 Nov 2026 10:00:00 +0000\r\n"
#define REST "From: a@b.test\r\n\r\n"
#define AR(id, text) "Authentication-Results: " id ";" text "\r\n"
#define GOOD                                                                                       \
	"\r\n\tiprev=pass policy.iprev=192.0.2.1;\r\n\tspf=softfail smtp.mailfrom=b.test;\r\n"     \
	"\tspf=pass smtp.helo=mx.b.test;\r\n\tdkim=fail reason=\"body hash\" header.d=x.test;\r\n" \
	"\tdkim=pass (2048-bit key) header.d=b.test;\r\n\tarc=fail;\r\n"                           \
	"\tdmarc=pass (p=reject) header.from=b.test"
#define SCORE                                                                    \
	"X-Spam-Flag: YES\r\nX-Spam-Status: Yes, score=6.250 required=5.000\r\n" \
	"\tknown-sender=-7.000 listed(x.test)=4.000 spf-softfail=1.000\r\n"
#define NOTE "X-Spam-Virus: not looked for\r\n"

static const struct {
	const char *name;
	str header;
	const char *want; /* "" when it is not ours */
} cases[] = {
	{ "all of it", S_INIT(PATH AR("mail.c.test", GOOD) SCORE NOTE TRACE REST),
	    "3 1 1 2 1 scored junk 6250 listed(x.test)" },
	{ "ours are written in one way", S_INIT(PATH AR("MAIL.c.Test", GOOD) TRACE REST), "" },
	{ "nothing was looked at", S_INIT(PATH AR("mail.c.test", " none") TRACE REST),
	    "0 0 0 0 0 0 " },
	{ "below zero",
	    S_INIT(PATH AR("mail.c.test", "\r\n\tdmarc=none") "X-Spam-Status: No, score=-0.750"
							      " required=5.000\r\n" TRACE REST),
	    "0 0 8 0 0 scored -750 " },
	{ "a score that is none",
	    S_INIT(PATH AR("mail.c.test", "\r\n\tspf=pass") "X-Spam-Status: No, score=1.2"
							    " required=5.000\r\n" TRACE REST),
	    "1 0 0 0 0 0 " },
	{ "a second status",
	    S_INIT(PATH AR("mail.c.test",
		"\r\n\tspf=pass") "X-Spam-Status: No, score=1.000\r\n" SCORE TRACE REST),
	    "1 0 0 0 0 scored 1000 " },
	{ "of a stranger, below", S_INIT(PATH TRACE AR("mail.c.test", GOOD) REST), "" },
	{ "of an account", S_INIT(PATH OWN AR("mail.c.test", GOOD) REST), "" },
	{ "a mail filter's, above a submission", S_INIT(PATH AR("mail.c.test", GOOD) OWN REST),
	    "" },
	{ "another server's", S_INIT(PATH AR("mail.d.test", GOOD) TRACE REST), "" },
	{ "our name and more", S_INIT(PATH AR("mail.c.test.d.test", GOOD) TRACE REST), "" },
	{ "appended", S_INIT(AR("mail.c.test", GOOD) TRACE REST), "" },
	{ "no trace", S_INIT(PATH AR("mail.c.test", GOOD) REST), "" },
	{ "no results", S_INIT(PATH TRACE REST), "" },
	{ "broken", S_INIT(PATH "Authentication-Results: ;\r\n" TRACE REST), "" },
	{ "score of strangers", S_INIT(PATH AR("mail.c.test", "\r\n\tspf=pass") TRACE SCORE REST),
	    "1 0 0 0 0 0 " },
	{ "nothing", S_INIT(""), "" },
};

static str
shown(const struct mail_results *r)
{
	static char room[200];
	struct buf b;
	buf_init_fixed(&b, room, sizeof room);
	buf_printf(&b, "%u %u %u %u %u %s%s%lld ", r->spf, r->dkim, r->dmarc, r->arc, r->iprev,
	    r->scored ? "scored " : "", r->junk ? "junk " : "", (long long)r->score);
	buf_str(&b, r->reason);
	return buf_view(&b);
}

static void
read_back(const struct mail_results *r, const char *want)
{
	char room[MAIL_RESULTS_PUT_MAX];
	struct mail_results got;
	struct buf b;
	buf_init_fixed(&b, room, sizeof room);
	mail_results_put(&b, r);
	CHECK_ERR(buf_err(&b), ERR_OK);
	CHECK_ERR(mail_results_get(buf_view(&b), &got), ERR_OK);
	CHECK_STR(shown(&got), str_from(want));
	for (size_t n = 0; n < b.n; n++) {
		CHECK_ERR(mail_results_get(str_sub(buf_view(&b), 0, n), &got), ERR_SYNTAX);
	}
}

static void
fields(void)
{
	for (size_t i = 0; i < LEN(cases); i++) {
		struct mail_results r;
		test_case = cases[i].name;
		bool ours = mail_results_read(cases[i].header, &r);
		CHECK(ours == (cases[i].want[0] != 0));
		if (ours) {
			CHECK_STR(shown(&r), str_from(cases[i].want));
			read_back(&r, cases[i].want);
		}
	}
	test_case = NULL;
}

/* A header that was cut off says the same or nothing. */
static void
cut_off(void)
{
	str whole = cases[0].header;
	struct mail_results r;
	for (size_t n = 0; n < whole.n; n++) {
		if (mail_results_read(str_sub(whole, 0, n), &r)) {
			CHECK_STR(shown(&r), str_from(cases[0].want));
		}
	}
}

static void
kept(void)
{
	static const char name[] = "a-reason-longer-than-all-that-is-kept-of-it-in-the-index-of-a-"
				   "mailbox";
	struct mail_results r = { .score = INT64_MAX, .reason = str_from(name) };
	char room[MAIL_RESULTS_PUT_MAX];
	struct buf b;
	buf_init_fixed(&b, room, sizeof room);
	mail_results_put(&b, &r);
	CHECK_ERR(buf_err(&b), ERR_OK);
	CHECK_ERR(mail_results_get(buf_view(&b), &r), ERR_OK);
	CHECK(r.score == INT32_MAX && r.reason.n == MAIL_RESULTS_REASON_MAX);
	room[0] = 2;
	CHECK_ERR(mail_results_get(buf_view(&b), &r), ERR_VERSION);
	CHECK_ERR(mail_results_get(S(""), &r), ERR_SYNTAX);
}

TEST_MAIN(fields, cut_off, kept)
