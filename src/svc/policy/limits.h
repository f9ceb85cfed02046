/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ceilings of the policy process that are not settings.
 */
#ifndef SVC_POLICY_LIMITS_H
#define SVC_POLICY_LIMITS_H

enum {
	SVC_POLICY_SMTPS_MAX = 128,      /* both sets: twice the bound of setting smtp.processes */
	SVC_POLICY_SCANS_MAX = 64,       /* scan processes */
	SVC_POLICY_SCRATCH = 4 << 20,    /* one message */
	SVC_POLICY_FLUSH_MS = 1000,      /* what is remembered reaches the database that late */
	SVC_POLICY_TIDY_MS = 5000,       /* between looks for rows that are too old */
	SVC_POLICY_SESSIONS_MAX = 20000, /* of strangers, about 4 KB each while DNS is asked */
	SVC_POLICY_SESSION_OCTETS = 1 << 20,
	SVC_POLICY_WAITING_MAX = 100,     /* recipients of a session that wait for DNS */
	SVC_POLICY_QUESTIONS_MAX = 50000, /* under way at a time */
	SVC_POLICY_DNS_LATE = 16,        /* answers in a row that never came, nor the root's: ... */
	SVC_POLICY_DNS_REST_MS = 30000,  /* ... nobody waits for so long */
	SVC_POLICY_NAMES_MAX = 5,        /* of one address; RFC 8601 3 wants a limit */
	SVC_POLICY_ADDRESSES_MAX = 100,  /* of one such name */
	SVC_POLICY_LISTS_MAX = 32,       /* both kinds; twice the bound of the settings */
	SVC_POLICY_LISTED_MAX = 32,      /* of message judged on edge smtp_policy */
	SVC_POLICY_JUDGES_MAX = 2000,    /* letters that wait for lists */
	SVC_POLICY_LOOKUPS_MAX = 400,    /* of one letter: domains times lists */
	SVC_POLICY_JUDGED_LISTED = 64,   /* of message judged on edge scan_policy */
	SVC_POLICY_TEST_BAD_MS = 600000, /* a list that failed its test is tested again */
	SVC_POLICY_LESSONS = 20,         /* of letters nobody sorted, by network and day */
	SVC_POLICY_LEARNED_MS = 60000,   /* changed statistics reach the database that late */
	SVC_POLICY_CALM_S = 86400,       /* no alarm for so long after an account was released */
	SVC_POLICY_NOTICES_MAX = 64,     /* on their way to queue */
	SVC_POLICY_NOTICE_MS = 60000,    /* queue did not take it: again after that */
	SVC_POLICY_HELD_MAX = 10000,     /* accounts */
	SVC_POLICY_HABITS_MAX = 1000000, /* accounts */
};

#endif
