/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The part of the journal that DMARC reports are made from (RFC 7489 7.2): how letters in the name
 * of a domain came out, per day, address and result. Domains and addresses of servers, no local
 * part. Which reports are done is kept as for TLS reports (report.h).
 */
#ifndef REACH_DMARC_H
#define REACH_DMARC_H

#include "reach/report.h"

enum {
	REACH_DMARC_ROWS_MAX = 1000,    /* letters of a day and domain that may add a row */
	REACH_DMARC_DOMAINS_MAX = 5000, /* of a day */
};

/* Letters that are alike. */
struct reach_judged {
	str domain; /* where the policy is published */
	str ip;     /* 16 octets */
	str from, sender;
	str disposition, reason;
	bool dkim, spf, helo;
	str spf_domain, spf_result;
	str signatures; /* "domain selector result", a line each */
	uint64_t count; /* out only */
};

/*
 * Count a letter. Beyond the limits above, only in rows that are there.
 *
 * In      wall_ms: when it came
 * Errors  of db_run
 */
enum err reach_dmarc_add(struct reach_journal *j, int64_t wall_ms, const struct reach_judged *r);

typedef enum err reach_each_judged(void *ctx, const struct reach_judged *r);
/* Walk over at most `max` rows, those seen most first. */
struct reach_dmarc_rows {
	int64_t day;
	str domain;
	size_t max;
};
enum err reach_dmarc_rows(struct reach_journal *j, const struct reach_dmarc_rows *which,
    reach_each_judged *each, void *ctx);

#endif
