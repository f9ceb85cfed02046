/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading and writing dates. The calendar functions first, then RFC 5322, then IMAP.
 *
 *	date-time = [ day-name "," ] day month year hour ":" minute [ ":" second ] zone
 *	zone      = ("+" / "-") 4DIGIT / obs-zone
 */
#include "mail/date.h"
#include "mail/mail_priv.h"

static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
static const char weekdays[] = "ThuFriSatSunMonTueWed"; /* 1970-01-01 was a Thursday */

enum { YEAR_MIN = 1900, YEAR_MAX = 9999, DAY_S = 86400 };

int32_t
mail_day_of(int year, int month, int day)
{
	/*
	 * Years start in March, so that the leap day is the last of its year; eras of 400
	 * years.
	 */
	int y = year - (month <= 2);
	int era = (y >= 0 ? y : y - 399) / 400;
	int of_era = y - era * 400;
	int of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

void
mail_day_split(int32_t day_no, int *ret_year, int *ret_month, int *ret_day)
{
	int64_t z = (int64_t)day_no + 719468;
	int64_t era = (z >= 0 ? z : z - 146096) / 146097;
	int of_era = (int)(z - era * 146097);
	int year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	int of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	int shifted = (5 * of_year + 2) / 153;
	*ret_day = of_year - (153 * shifted + 2) / 5 + 1;
	*ret_month = shifted + (shifted < 10 ? 3 : -9);
	*ret_year = (int)(era * 400) + year_of_era + (*ret_month <= 2);
}

static bool
day_exists(int year, int month, int day)
{
	static const char last[] = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
	if (year < YEAR_MIN || year > YEAR_MAX || month < 1 || month > 12 || day < 1) {
		return false;
	}
	return day <= (month == 2 && !leap ? 28 : last[month - 1]);
}

/* White space and comments; nesting by counting. */
static void
skip_cfws(str *s)
{
	unsigned depth = 0;
	while (s->n > 0) {
		char c = s->p[0];
		bool blank = c == ' ' || c == '\t' || c == '\r' || c == '\n';
		if (depth == 0 && !blank && c != '(') {
			return;
		}
		bool pair = c == '\\' && s->n > 1;
		depth += c == '(';
		depth -= c == ')';
		*s = str_from_off(*s, pair ? 2 : 1);
	}
}

int
mail_digits(str *s, size_t max, size_t *ret_n)
{
	size_t n = 0;
	int v = 0;
	while (n < s->n && n < max && ascii_is_digit(s->p[n])) {
		v = v * 10 + (s->p[n++] - '0');
	}
	*s = str_from_off(*s, n);
	*ret_n = n;
	return n == 0 ? -1 : v;
}

static bool
eat(str *s, char c)
{
	if (s->n == 0 || s->p[0] != c) {
		return false;
	}
	*s = str_from_off(*s, 1);
	return true;
}

/* A three-letter name out of `names`; full names ("January") are eaten whole. 0: none. */
static int
take_name(str *s, const char *names)
{
	for (int i = 0; names[3 * i] != 0; i++) {
		if (str_istarts(*s, str_make(names + 3 * i, 3))) {
			size_t n = 3;
			while (n < s->n && ascii_is_alpha(s->p[n])) {
				n++;
			}
			*s = str_from_off(*s, n);
			return i + 1;
		}
	}
	return 0;
}

/* RFC 5322 4.3: two digits mean 1950 to 2049, three mean 1900 and on. */
static int
take_year(str *s)
{
	size_t n;
	int y = mail_digits(s, 4, &n);
	if (n == 2) {
		return y < 50 ? y + 2000 : y + 1900;
	}
	return n == 3 ? y + 1900 : n == 4 ? y : -1;
}

/* Hour, minute and perhaps second as seconds of the day; -1 when that is none. */
static int
take_time(str *s)
{
	size_t n;
	int h = mail_digits(s, 2, &n), m = -1, sec = 0;
	skip_cfws(s);
	if (eat(s, ':')) {
		skip_cfws(s);
		m = mail_digits(s, 2, &n);
	}
	skip_cfws(s);
	if (eat(s, ':')) {
		skip_cfws(s);
		sec = mail_digits(s, 2, &n);
	}
	if (h < 0 || h > 23 || m < 0 || m > 59 || sec < 0 || sec > 60) {
		return -1;
	}
	return h * 3600 + m * 60 + MIN(sec, 59);
}

static bool
take_numeric_zone(str *s, struct mail_date *d)
{
	bool west = s->n > 0 && s->p[0] == '-';
	size_t n;
	*s = str_from_off(*s, 1);
	int v = mail_digits(s, 4, &n);
	if (n != 4 || v % 100 > 59 || v / 100 > 23) {
		return false;
	}
	d->zone_min = (int16_t)((v / 100 * 60 + v % 100) * (west ? -1 : 1));
	d->zone_known = !west || v != 0;
	return true;
}

/* obs-zone of RFC 5322 4.3. Unknown names, like no name at all, mean UTC of unknown place. */
static void
take_named_zone(str *s, struct mail_date *d)
{
	static const struct {
		str name;
		int hours;
	} zones[] = {
		{ S_INIT("UT"), 0 },
		{ S_INIT("GMT"), 0 },
		{ S_INIT("UTC"), 0 },
		{ S_INIT("Z"), 0 },
		{ S_INIT("EST"), -5 },
		{ S_INIT("EDT"), -4 },
		{ S_INIT("CST"), -6 },
		{ S_INIT("CDT"), -5 },
		{ S_INIT("MST"), -7 },
		{ S_INIT("MDT"), -6 },
		{ S_INIT("PST"), -8 },
		{ S_INIT("PDT"), -7 },
	};
	size_t n = 0;
	while (n < s->n && ascii_is_alpha(s->p[n])) {
		n++;
	}
	str name = str_sub(*s, 0, n);
	*s = str_from_off(*s, n);
	for (size_t i = 0; i < LEN(zones); i++) {
		if (str_ieq(name, zones[i].name)) {
			d->zone_min = (int16_t)(zones[i].hours * 60);
			d->zone_known = true;
		}
	}
}

static bool
take_zone(str *s, struct mail_date *d)
{
	skip_cfws(s);
	if (s->n > 0 && (s->p[0] == '+' || s->p[0] == '-')) {
		return take_numeric_zone(s, d);
	}
	take_named_zone(s, d);
	return true;
}

enum err
mail_date_parse(str in, struct mail_date *ret)
{
	struct mail_date d = { 0 };
	size_t n;
	str s = in;
	skip_cfws(&s);
	if (take_name(&s, weekdays) != 0) {
		skip_cfws(&s);
		eat(&s, ',');
		skip_cfws(&s);
	}
	int day = mail_digits(&s, 2, &n);
	skip_cfws(&s);
	/* "1-Jul-2026" is no RFC 5322, but common. */
	eat(&s, '-');
	int month = take_name(&s, months);
	skip_cfws(&s);
	eat(&s, '-');
	int year = take_year(&s);
	skip_cfws(&s);
	int time = take_time(&s);
	if (time < 0 || !day_exists(year, month, day) || !take_zone(&s, &d)) {
		return ERR_SYNTAX;
	}
	d.unix_s = (int64_t)mail_day_of(year, month, day) * DAY_S + time - d.zone_min * 60;
	*ret = d;
	return ERR_OK;
}

/* A moment taken apart for writing, in a zone. */
struct parts {
	int year, month, day, h, m, s, zone_min;
	const char *weekday, *month_name;
	char sign;
};

static struct parts
split(int64_t unix_s, int zone_min)
{
	/* Years beyond four digits have no form in mail; they are written as the last that has. */
	static const int64_t first = -62135596800, last = 253402214400;
	int64_t local = MAX(first, MIN(unix_s, last)) + zone_min * 60;
	int64_t day_no = local / DAY_S - (local % DAY_S < 0);
	int rest = (int)(local - day_no * DAY_S);
	struct parts p = { .h = rest / 3600,
		.m = rest / 60 % 60,
		.s = rest % 60,
		.sign = zone_min < 0 ? '-' : '+' };
	mail_day_split((int32_t)day_no, &p.year, &p.month, &p.day);
	p.zone_min = abs(zone_min);
	p.weekday = weekdays + 3 * (((day_no % 7) + 7) % 7);
	p.month_name = months + 3 * (p.month - 1);
	return p;
}

void
mail_date_put(struct buf *out, int64_t unix_s, int zone_min)
{
	struct parts p = split(unix_s, zone_min);
	buf_printf(out, "%.3s, %d %.3s %04d %02d:%02d:%02d %c%02d%02d", p.weekday, p.day,
	    p.month_name, p.year, p.h, p.m, p.s, p.sign, p.zone_min / 60, p.zone_min % 60);
}

void
mail_imap_datetime_put(struct buf *out, int64_t unix_s, int zone_min)
{
	struct parts p = split(unix_s, zone_min);
	buf_printf(out, "%2d-%.3s-%04d %02d:%02d:%02d %c%02d%02d", p.day, p.month_name, p.year, p.h,
	    p.m, p.s, p.sign, p.zone_min / 60, p.zone_min % 60);
}

void
mail_date_put_iso(struct buf *out, int64_t unix_s)
{
	struct parts p = split(unix_s, 0);
	buf_printf(out, "%04d-%02d-%02dT%02d:%02d:%02dZ", p.year, p.month, p.day, p.h, p.m, p.s);
}

/* date-day "-" date-month "-" date-year, strictly; leaves *s behind it. */
static bool
take_imap_day(str *s, int32_t *ret_day)
{
	size_t n, day_n;
	int day = mail_digits(s, 2, &day_n);
	bool ok = eat(s, '-') && s->n > 3 && s->p[3] == '-';
	int month = ok ? take_name(s, months) : 0;
	ok = ok && eat(s, '-');
	int year = mail_digits(s, 4, &n);
	if (!ok || n != 4 || !day_exists(year, month, day)) {
		return false;
	}
	*ret_day = mail_day_of(year, month, day);
	return true;
}

enum err
mail_imap_date_parse(str in, int32_t *ret_day)
{
	str s = in;
	int32_t day;
	bool quoted = eat(&s, '"');
	if (!take_imap_day(&s, &day) || (quoted && !eat(&s, '"')) || s.n > 0) {
		return ERR_SYNTAX;
	}
	*ret_day = day;
	return ERR_OK;
}

enum err
mail_imap_datetime_parse(str in, struct mail_date *ret)
{
	struct mail_date d = { 0 };
	str s = in;
	int32_t day;
	eat(&s, ' ');
	/* date-time has fixed width: "dd-mon-yyyy hh:mm:ss +zzzz" */
	if (in.n != 26 || !take_imap_day(&s, &day) || !eat(&s, ' ') || s.n != 14 || s.p[2] != ':' ||
	    s.p[5] != ':' || s.p[8] != ' ' || (s.p[9] != '+' && s.p[9] != '-')) {
		return ERR_SYNTAX;
	}
	int time = take_time(&s);
	if (time < 0 || !take_zone(&s, &d) || s.n > 0) {
		return ERR_SYNTAX;
	}
	d.zone_known = true;
	d.unix_s = (int64_t)day * DAY_S + time - d.zone_min * 60;
	*ret = d;
	return ERR_OK;
}

void
mail_imap_date_put(struct buf *out, int32_t day)
{
	int y, m, d;
	mail_day_split(day, &y, &m, &d);
	buf_printf(out, "%d-%.3s-%04d", d, months + 3 * (m - 1), y);
}

int32_t
mail_date_day(const struct mail_date *d)
{
	int64_t local = d->unix_s + d->zone_min * 60;
	return (int32_t)(local / DAY_S - (local % DAY_S < 0));
}
