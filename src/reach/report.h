/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The part of the journal that TLS reports are made from (RFC 8460): sessions per day, recipient
 * domain and policy, failures by kind and place, and which reports are done.
 */
#ifndef REACH_REPORT_H
#define REACH_REPORT_H

#include "reach/journal.h"

/* Number of the day that moment lies in; when a day begins. */
int64_t reach_report_day(const struct reach_journal *j, int64_t wall_ms);
int64_t reach_report_begin_ms(const struct reach_journal *j, int64_t day);

/* What a report is about; each kind has its own days, domains and states. */
enum reach_report_kind { REACH_REPORT_TLS, REACH_REPORT_DMARC, REACH_REPORT_KINDS };

/*
 * A domain whose day is over and that was not looked at since `retry_ms` ago, or never.
 *
 * In      today: days before it are over
 * Out     ret_domain: appended; ret_day
 * Errors  NOTFOUND: nothing is due
 */
struct reach_due {
	enum reach_report_kind kind;
	int64_t today, now_ms, retry_ms;
	uint32_t tries_max;
};
enum err reach_report_due(struct reach_journal *j, const struct reach_due *due,
    struct buf *ret_domain, int64_t *ret_day);

enum reach_report_state {
	REACH_REPORT_TRIED = 1, /* look again later */
	REACH_REPORT_SENT,
	REACH_REPORT_UNWANTED, /* no record asks for it */
	REACH_REPORT_FAILED,   /* given up */
};
/* Remember how far the report of a day and domain is. Errors of db_run. */
struct reach_report_id {
	enum reach_report_kind kind;
	int64_t day;
	str domain;
};
enum err reach_report_mark(struct reach_journal *j, const struct reach_report_id *id,
    enum reach_report_state state, int64_t now_ms);

/* One policy of a domain and day. */
struct reach_policy {
	uint64_t id;
	str type, text; /* text: a line each */
	uint64_t good, bad;
};
typedef enum err reach_each_policy(void *ctx, const struct reach_policy *p);
enum err reach_report_policies(struct reach_journal *j, int64_t day, str domain,
    reach_each_policy *each, void *ctx);

struct reach_failure {
	str result, source_ip, mx, peer_ip, reason;
	uint64_t count;
};
/* How sessions failed under a policy, those seen most first. */
typedef enum err reach_each_failure(void *ctx, const struct reach_failure *f);
/* Walk over them; the errors of `each` and of db_row, without NOTFOUND. */
enum err reach_report_failures(struct reach_journal *j, uint64_t policy, reach_each_failure *each,
    void *ctx);

/* Forget days before `day`. */
enum err reach_report_forget(struct reach_journal *j, int64_t day);

#endif
