/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every bound of the smtp process that is no setting. What a peer may send is bounded in
 * proto/smtp/limits.h.
 */
#ifndef SVC_SMTP_LIMITS_H
#define SVC_SMTP_LIMITS_H

enum {
	SVC_SMTP_SESSIONS_MAX = 65536, /* at a time; the gates bound it lower */
	SVC_SMTP_GATES_MAX = 64,       /* bound of setting gate.processes */
	/* Read at once, and kept per session while an answer is missing. */
	SVC_SMTP_READ_MAX = 64 * 1024,
	/* Bodies up to this go inline in `letter` and `commit`; larger ones with a descriptor. */
	SVC_SMTP_INLINE_MAX = 64 * 1024,
	/* Bodies up to this stay in memory; larger ones go into a file without a name. */
	SVC_SMTP_MEMORY_MAX = 256 * 1024,
	SVC_SMTP_BODIES_MAX = 64 * 1024 *
	    1024,                        /* in memory, all sessions; then files come earlier */
	SVC_SMTP_KEPT = 4 * 1024 * 1024, /* of free memory stays with the process */
	SVC_SMTP_SESSION_BUDGET = 1024 * 1024, /* envelope 512 KB, what gate told, the account */

	SVC_SMTP_ASK_MS = 60 * 1000,    /* auth answers in microseconds, or something is wrong */
	SVC_SMTP_POLICY_MS = 20 * 1000, /* policy's own limits for DNS are far lower */
	SVC_SMTP_SCAN_MS = 120 * 1000,  /* scan's own deadline is lower; with COMMIT below 10 min */
	SVC_SMTP_SCANS_MAX = 64,        /* bound of setting scan.processes */
	SVC_SMTP_FACTS_BUDGET = 64 * 1024, /* what policy and scan say of one transaction */
	SVC_SMTP_COMMIT_MS = 300 * 1000,   /* clients wait 10 minutes: RFC 5321 4.5.3.2.6 */
	SVC_SMTP_LINGER_MS = 10 * 1000,    /* for the last reply to be read after we closed */
	/*
	 * A message that comes slower than this many octets a second, once data-timeout is
	 * over.
	 */
	SVC_SMTP_RATE_MIN = 100,
};

#endif
