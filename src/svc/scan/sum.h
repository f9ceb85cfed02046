/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What everything that is known of a letter comes to. verdict.c makes an answer of it.
 */
#ifndef SVC_SCAN_SUM_H
#define SVC_SCAN_SUM_H

#include "svc/scan/letter.h"

enum {
	/* Authentication, lists of smtp and of policy, rules, fame, words, what stages say. */
	SVC_SCAN_SUM_PARTS = FILTER_AUTH_PARTS + 32 + 64 + FILTER_HITS_MAX + 8 + 1 +
	    SVC_SCAN_PARTS_MAX,
	SVC_SCAN_OWN_PARTS = 2, /* behind them, of one account */
};

struct svc_scan_sum {
	int64_t score;    /* for all recipients; of the only one with what he alone knows */
	int64_t required; /* points from which it is junk, for the header */
	struct buf why;   /* the reasons, heaviest first */
	bool refuse;      /* every recipient's mark is reached */
	bool honour;      /* every recipient's domain honours p=reject */
	bool forced;      /* Junk by a rule, whatever the points are */
	bool junk;        /* no copy goes to an inbox */
	bool kept;        /* a copy stays here: not all recipients are forwarded */
	struct ipc_smtp_scan_place *places;
	size_t places_n;
	struct filter_part parts[SVC_SCAN_SUM_PARTS + SVC_SCAN_OWN_PARTS];
	size_t parts_n;
};

/*
 * Add up. For a submission there is nothing to add.
 *
 * Out     sum: `places` in the letter's arena, `why` on the heap: buf_done in any case
 * Errors  ERR_BUDGET
 */
enum err svc_scan_sum(const struct svc_scan_letter *l, struct svc_scan_sum *sum);

/* DMARC failed, the domain wants that to count, and no sealer we trust says otherwise. */
bool svc_scan_dmarc_failed(const struct svc_scan_letter *l);

/* --- mark.c: what is written above the letter, and what is cut out of it ---------------------- */

/*
 * Append our fields: Authentication-Results, the marks, what milters want.
 *
 * Limits  SVC_SCAN_HEADER_MAX; a field that does not fit is left out
 */
void svc_scan_mark(const struct svc_scan_letter *l, const struct svc_scan_sum *sum,
    struct buf *out);

/* A field of a stranger that looks like ours: it is cut out, and no mail filter is told of it. */
bool svc_scan_looks_like_ours(const struct mail_field *f, str hostname);

/*
 * Fields of strangers that look like ours: X-Spam-..., and Authentication-Results in our name.
 * Neighbours are one cut.
 *
 * In      ret: room for SVC_SCAN_CUTS_MAX
 * Out     how many, in rising order
 * Errors  ERR_TOOMANY: nobody but an attacker writes so many
 */
enum err svc_scan_cuts(const struct svc_scan_letter *l, struct ipc_smtp_scan_cut *ret,
    size_t *ret_n);

#endif
