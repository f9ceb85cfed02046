/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dates of mail: RFC 5322 with its obsolete forms, IMAP's date-time and date. Pure arithmetic
 * on the proleptic Gregorian calendar; no clock, no time zone tables, no locale.
 */
#ifndef MAIL_DATE_H
#define MAIL_DATE_H

#include "base/buf.h"

/* A moment, and the zone its writer stood in. */
struct mail_date {
	int64_t unix_s;
	int16_t zone_min; /* minutes east of UTC; 0 when not known */
	bool zone_known;  /* false for "-0000" and unknown letters (RFC 5322 3.3, 4.3) */
};

/*
 * Parse a date-time of a header field: comments, missing weekday, two-digit years, named zones,
 * missing seconds. The weekday is not checked against the date.
 *
 * Limits  years 1900 to 9999; second 60 counts as 59
 * Errors  ERR_SYNTAX
 * RFC     5322 3.3, 4.3
 */
enum err mail_date_parse(str in, struct mail_date *ret);

/* Write "Sat, 21 Nov 2026 19:00:00 +0100". */
void mail_date_put(struct buf *out, int64_t unix_s, int zone_min);

/*
 * IMAP date-time without its quotes: " 1-Jul-2026 02:44:25 -0700".
 *
 * Errors  ERR_SYNTAX
 * RFC     9051 9 (date-time)
 */
enum err mail_imap_datetime_parse(str in, struct mail_date *ret);
void mail_imap_datetime_put(struct buf *out, int64_t unix_s, int zone_min);

/*
 * IMAP date of SEARCH, quoted or not: "1-Feb-1994"; the day counts from 1970-01-01, which is 0.
 *
 * Errors  ERR_SYNTAX
 * RFC     9051 9 (date)
 */
enum err mail_imap_date_parse(str in, int32_t *ret_day);
void mail_imap_date_put(struct buf *out, int32_t day);

/*
 * The calendar day in the writer's zone, as SENTBEFORE, SENTON, SENTSINCE compare (RFC 9051
 * 6.4.4).
 */
int32_t mail_date_day(const struct mail_date *d);

/* Day number of a calendar date and back; month 1..12, day 1..31. */
int32_t mail_day_of(int year, int month, int day);
void mail_day_split(int32_t day_no, int *ret_year, int *ret_month, int *ret_day);

/* Write "2026-11-21T19:00:00Z". */
void mail_date_put_iso(struct buf *out, int64_t unix_s);

#endif
