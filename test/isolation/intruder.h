/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The attempts an intruder makes, by name. Each says whether it got what it wanted; if not, errno
 * says why. A call that the kernel punishes with death does not come back at all.
 */
#ifndef TEST_ISOLATION_INTRUDER_H
#define TEST_ISOLATION_INTRUDER_H

struct intruder_attempt {
	const char *name;
	bool (*fn)(const char *argument);
};

struct svc_account;
extern struct svc_account *intruder_account; /* whose process was taken over */

/* visits.c */
bool intruder_visit(const char *argument);
bool intruder_guest(const char *argument);

extern const struct intruder_attempt intruder_attempts[];
extern const size_t intruder_attempts_n;

#endif
