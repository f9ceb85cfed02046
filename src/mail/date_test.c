/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dates of RFC 5322 3.3, 4.3 and appendix A, RFC 9051, and round trips over many days.
 */
#include "base/test.h"
#include "mail/date.h"

static void
parsing(void)
{
	static const struct {
		const char *in;
		enum err err;
		int64_t unix_s;
		int zone;
		bool known;
	} rows[] = {
		{ "Fri, 21 Nov 1997 09:55:06 -0600", ERR_OK, 880127706, -360, true },
		{ "Tue, 1 Jul 2003 10:52:37 +0200", ERR_OK, 1057049557, 120, true },
		{ "Thu,\r\n      13\r\n        Feb\r\n          1969\r\n      23:32\r\n     "
		  "-0330 (Newfoundland Time)",
		    ERR_OK, -27723480, -210, true },
		{ "21 Nov 97 09:55:06 GMT", ERR_OK, 880106106, 0, true },
		{ "Fri, 21 Nov 1997 09(comment):   55  :  06 -0600", ERR_OK, 880127706, -360,
		    true },
		{ "21 Nov 1997 09:55", ERR_OK, 880106100, 0, false },
		{ "21 Nov 1997 09:55 -0000", ERR_OK, 880106100, 0, false },
		{ "21 Nov 1997 09:55:06 EST", ERR_OK, 880124106, -300, true },
		{ "21 Nov 1997 09:55:06 A", ERR_OK, 880106106, 0, false },
		{ "21 Nov 1997 09:55:06 CEST", ERR_OK, 880106106, 0, false },
		{ "Friday, 21 November 1997 09:55:06 Z", ERR_OK, 880106106, 0, true },
		{ "21-Nov-1997 09:55:06 +0000", ERR_OK, 880106106, 0, true },
		{ "1 Jan 49 00:00:00 +0000", ERR_OK, 2493072000, 0, true },
		{ "1 Jan 50 00:00:00 +0000", ERR_OK, -631152000, 0, true },
		{ "1 Jan 100 00:00:00 +0000", ERR_OK, 946684800, 0, true },
		{ "31 Dec 2016 23:59:60 +0000", ERR_OK, 1483228799, 0, true },
		{ "29 Feb 2000 00:00:00 +0000", ERR_OK, 951782400, 0, true },
		{ "29 Feb 1900 00:00:00 +0000", ERR_SYNTAX, 0, 0, false },
		{ "31 Apr 2000 00:00:00 +0000", ERR_SYNTAX, 0, 0, false },
		{ "0 Apr 2000 00:00:00 +0000", ERR_SYNTAX, 0, 0, false },
		{ "1 Foo 2000 00:00:00 +0000", ERR_SYNTAX, 0, 0, false },
		{ "1 Apr 2000 24:00:00 +0000", ERR_SYNTAX, 0, 0, false },
		{ "1 Apr 2000 00:60:00 +0000", ERR_SYNTAX, 0, 0, false },
		{ "1 Apr 2000 00:00:61 +0000", ERR_SYNTAX, 0, 0, false },
		{ "1 Apr 2000 00:00:00 +9999", ERR_SYNTAX, 0, 0, false },
		{ "1 Apr 2000 00:00:00 +1", ERR_SYNTAX, 0, 0, false },
		{ "1 Apr 2000 12", ERR_SYNTAX, 0, 0, false },
		{ "1 Apr 1 00:00:00", ERR_SYNTAX, 0, 0, false },
		{ "(((((", ERR_SYNTAX, 0, 0, false },
		{ "", ERR_SYNTAX, 0, 0, false },
	};
	for (size_t i = 0; i < LEN(rows); i++) {
		struct mail_date d = { 0 };
		test_case = rows[i].in;
		CHECK_ERR(mail_date_parse(str_from(rows[i].in), &d), rows[i].err);
		CHECK(d.unix_s == rows[i].unix_s && d.zone_min == rows[i].zone &&
		    d.zone_known == rows[i].known);
	}
}

static str
text(struct buf *b)
{
	return buf_view(b);
}

static void
writing(void)
{
	char room[80];
	struct buf b;
	buf_init_fixed(&b, room, sizeof room);
	mail_date_put(&b, 880127706, -360);
	CHECK_STR(text(&b), S("Fri, 21 Nov 1997 09:55:06 -0600"));
	buf_reset(&b);
	mail_date_put(&b, 0, 0);
	CHECK_STR(text(&b), S("Thu, 1 Jan 1970 00:00:00 +0000"));
	buf_reset(&b);
	mail_date_put(&b, -1, 0);
	CHECK_STR(text(&b), S("Wed, 31 Dec 1969 23:59:59 +0000"));
	buf_reset(&b);
	mail_imap_datetime_put(&b, 837596665, -420);
	CHECK_STR(text(&b), S("17-Jul-1996 02:44:25 -0700"));
	buf_reset(&b);
	mail_imap_datetime_put(&b, 1057049557, 120);
	CHECK_STR(text(&b), S(" 1-Jul-2003 10:52:37 +0200"));
	buf_reset(&b);
	mail_imap_date_put(&b, mail_day_of(1994, 2, 1));
	CHECK_STR(text(&b), S("1-Feb-1994"));
	buf_reset(&b);
	mail_date_put_iso(&b, 1794942000);
	CHECK_STR(text(&b), S("2026-11-17T19:00:00Z"));
	buf_reset(&b);
	mail_date_put(&b, INT64_MAX, 0);
	mail_date_put(&b, INT64_MIN, 0);
	CHECK(buf_err(&b) == ERR_OK);
}

static void
imap(void)
{
	static const struct {
		const char *in;
		enum err err;
		int64_t unix_s;
	} rows[] = {
		{ "17-Jul-1996 02:44:25 -0700", ERR_OK, 837596665 },
		{ " 1-Jul-2003 10:52:37 +0200", ERR_OK, 1057049557 },
		{ "01-Jul-2003 10:52:37 +0200", ERR_OK, 1057049557 },
		{ "1-Jul-2003 10:52:37 +0200", ERR_SYNTAX, 0 },
		{ "17-Jul-1996 02:44:25 0700 ", ERR_SYNTAX, 0 },
		{ "17-July1996 02:44:25 -0700", ERR_SYNTAX, 0 },
		{ "17 Jul 1996 02:44:25 -0700", ERR_SYNTAX, 0 },
		{ "17-Jul-1996 02:44:25 -07000", ERR_SYNTAX, 0 },
		{ "17-Jul-1996 02.44.25 -0700", ERR_SYNTAX, 0 },
		{ "", ERR_SYNTAX, 0 },
		{ "                          ", ERR_SYNTAX, 0 },
		{ "17-Jul-1996 02:44:  -0700 ", ERR_SYNTAX, 0 },
	};
	for (size_t i = 0; i < LEN(rows); i++) {
		struct mail_date d = { 0 };
		test_case = rows[i].in;
		CHECK_ERR(mail_imap_datetime_parse(str_from(rows[i].in), &d), rows[i].err);
		CHECK(d.unix_s == rows[i].unix_s);
	}
	static const struct {
		const char *in;
		enum err err;
	} days[] = {
		{ "1-Feb-1994", ERR_OK },
		{ "\"1-Feb-1994\"", ERR_OK },
		{ "01-feb-1994", ERR_OK },
		{ "\"1-Feb-1994", ERR_SYNTAX },
		{ "1-Feb-94", ERR_SYNTAX },
		{ "1-Feb-1994x", ERR_SYNTAX },
		{ "30-Feb-1994", ERR_SYNTAX },
		{ "1-February-1994", ERR_SYNTAX },
		{ "-Feb-1994", ERR_SYNTAX },
		{ "", ERR_SYNTAX },
	};
	for (size_t i = 0; i < LEN(days); i++) {
		int32_t day = 0;
		test_case = days[i].in;
		CHECK_ERR(mail_imap_date_parse(str_from(days[i].in), &day), days[i].err);
		CHECK(day == (days[i].err == ERR_OK ? mail_day_of(1994, 2, 1) : 0));
	}
	struct mail_date d;
	CHECK_ERR(mail_date_parse(S("1 Jan 2000 00:30:00 +0100"), &d), ERR_OK);
	CHECK(mail_date_day(&d) == mail_day_of(2000, 1, 1));
}

static void
round_trips(void)
{
	bool ok = mail_day_of(1970, 1, 1) == 0 && mail_day_of(2000, 3, 1) == 11017;
	for (int32_t day = -25567; day < 2932896 && ok; day += 1) {
		int y, m, d;
		mail_day_split(day, &y, &m, &d);
		ok = mail_day_of(y, m, d) == day && m >= 1 && m <= 12 && d >= 1 && d <= 31;
	}
	CHECK(ok);
	for (int64_t t = -2000000000; t < 250000000000 && ok; t += 86400 * 97 + 3671) {
		int zone = (int)(t / 1000 % 1439);
		char room[80];
		struct buf b;
		struct mail_date d = { 0 }, e = { 0 };
		buf_init_fixed(&b, room, sizeof room);
		mail_date_put(&b, t, zone);
		ok = mail_date_parse(buf_view(&b), &d) == ERR_OK && d.unix_s == t &&
		    d.zone_min == zone;
		buf_reset(&b);
		mail_imap_datetime_put(&b, t, zone);
		ok = ok && mail_imap_datetime_parse(buf_view(&b), &e) == ERR_OK && e.unix_s == t &&
		    e.zone_min == zone;
	}
	CHECK(ok);
}

TEST_MAIN(parsing, writing, imap, round_trips)
