/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is what DNS says what was wanted, or something else that does the same? Pure: no question is
 * asked here.
 */
#ifndef CTL_DNS_JUDGE_H
#define CTL_DNS_JUDGE_H

#include "ctl/dns/want.h"

enum ctl_dns_status {
	CTL_DNS_GOOD,
	CTL_DNS_OTHER, /* not what `dns records` says, but it may serve */
	CTL_DNS_MISSING,
	CTL_DNS_WRONG,
	CTL_DNS_BOGUS_ZONE, /* its signatures do not fit: nobody who validates sees it */
	CTL_DNS_UNANSWERED,
	CTL_DNS_STATUSES,
};

/*
 * Compare an answer with what is wanted.
 *
 * Out     note: a sentence on what is wrong with it, appended; nothing when all is well
 */
enum ctl_dns_status ctl_dns_judge(const struct ctl_dns_want *w, const struct ctl_dns_answer *a,
    struct buf *note);

/* "ok", "other", "missing", "wrong", "bogus", "unanswered". */
const char *ctl_dns_status_text(enum ctl_dns_status s);

/* Does this status of this record need somebody to act? */
bool ctl_dns_is_finding(const struct ctl_dns_want *w, enum ctl_dns_status s, uint8_t trust);

#endif
