/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Clocks by clock_gettime, and the calendar (proleptic Gregorian, UTC) for log lines, so that no
 * time zone file is ever needed inside a sandbox.
 */
#include "sys/clock.h"

#include <time.h>

static struct timespec
read_clock(clockid_t id)
{
	struct timespec t;
	int failed = clock_gettime(id, &t);
	ASSERT(failed == 0);
	return t;
}

int64_t
sys_clock_ms(void)
{
	struct timespec t = read_clock(CLOCK_MONOTONIC);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t
sys_clock_us(void)
{
	struct timespec t = read_clock(CLOCK_MONOTONIC);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t
sys_clock_wall_s(void)
{
	return (int64_t)read_clock(CLOCK_REALTIME).tv_sec;
}

int64_t
sys_clock_wall_ms(void)
{
	struct timespec t = read_clock(CLOCK_REALTIME);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static bool
is_leap(int64_t year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/*
 * Years and months are counted off from 1970: a log line is younger than that, so the loops are
 * short.
 */
static void
civil_date(int64_t days, int64_t *ret_year, int *ret_month, int *ret_day)
{
	static const int month_days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	int64_t year = 1970;
	while (days >= (is_leap(year) ? 366 : 365)) {
		days -= is_leap(year) ? 366 : 365;
		year++;
	}
	int month = 0;
	int length = month_days[0];
	while (days >= length) {
		days -= length;
		month++;
		length = month_days[month] + (month == 1 && is_leap(year) ? 1 : 0);
	}
	*ret_year = year;
	*ret_month = month + 1;
	*ret_day = (int)days + 1;
}

void
sys_clock_text(struct buf *out, int64_t wall_ms)
{
	int64_t year;
	int month, day;
	int64_t ms = MIN(MAX(wall_ms, 0), INT64_C(253402300799999)); /* 9999-12-31 */
	int64_t of_day = ms / 1000 % 86400;
	civil_date(ms / 86400000, &year, &month, &day);
	buf_printf(out, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", (int)year, month, day,
	    (int)(of_day / 3600), (int)(of_day / 60 % 60), (int)(of_day % 60), (int)(ms % 1000));
}
