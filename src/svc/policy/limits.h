/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ceilings of the policy process that are not settings.
 */
#ifndef SVC_POLICY_LIMITS_H
#define SVC_POLICY_LIMITS_H

enum {
	SVC_POLICY_SMTPS_MAX = 128,   /* both sets: twice the bound of setting smtp.processes */
	SVC_POLICY_SCANS_MAX = 64,    /* scan processes */
	SVC_POLICY_SCRATCH = 4 << 20, /* one message */
};

#endif
