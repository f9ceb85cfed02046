/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the stages auth and judge find out about a letter. Filled in by them, read by what adds up;
 * part of struct svc_scan_letter (scan.h).
 */
#ifndef SVC_SCAN_FACTS_H
#define SVC_SCAN_FACTS_H

#include "ipc/scan_policy.h"
#include "ipc/scan_watch.h"
#include "mail/authres.h"

/*
 * Of stage auth, which fills this in and says no points: verdict.c gives the facts to filter_auth.
 * Numbers are of enum mail_authres.
 */
struct svc_scan_auth_facts {
	/* These are there before the stages begin. */
	str from;             /* canonical address of From, when there is exactly one */
	str from_domain;      /* its domain: A-labels, lower case */
	str from_common;      /* the one domain of several authors, likewise; empty: of none */
	unsigned from_fields; /* more than one: Junk, whatever the rest says */
	unsigned from_n;      /* addresses in the first of them that can be read */
	/* These are for the stage. */
	str organization;         /* organizational domain of from_domain, as DMARC has it */
	uint8_t dkim, dmarc, arc; /* dkim: the best of all signatures, aligned ones first */
	bool aligned;             /* an identifier that passed is aligned with from_domain */
	bool asks_reject;         /* the policy that counts for from_domain */
	bool asks_quarantine;
	bool key_unread;  /* that of a signature which may be the author's was not to be had */
	bool arc_trusted; /* the chain passes, last sealer is in setting arc.trusted */
	bool arc_unread;  /* and one that might be: a key of the chain was not to be had */
	str arc_sealer;   /* domain of the last sealer when the chain passes */
	/* What the author's domain wants to be told of the letter; NULL: nothing. In the arena. */
	struct ipc_scan_watch_judged *report;
	const struct mail_authres_result *results; /* dkim, arc, dmarc for our field, in order */
	size_t results_n;                          /* at most SVC_SCAN_METHODS_MAX */
};

/* The answer of policy; `is` false: there was none. Lists live in the letter's arena. */
struct svc_scan_judged {
	bool is;
	int64_t words;
	uint32_t learned;
	struct ipc_scan_policy_opinion *opinions;
	size_t opinions_n;
	struct ipc_scan_policy_fame *fame;
	size_t fame_n;
	struct ipc_common_listed *listed;
	size_t listed_n;
};

#endif
