/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How much an account sends: recipients of today, and of a usual day.
 */
#ifndef POLICY_HABIT_H
#define POLICY_HABIT_H

#include "policy/keep.h"

struct policy_habit {
	uint32_t today, usual; /* recipients */
	bool calm;             /* somebody has looked lately, and it is as it should be */
};

/* One more recipient, or only a look (add false). Days are those of UTC. */
struct policy_habit policy_habit(struct policy_keep *k, uint64_t account, uint32_t now_s, bool add);

/* What it sends today is as it should be: usual from now on, and no alarm until until_s. */
void policy_habit_accept(struct policy_keep *k, uint64_t account, const uint32_t now_until_s[2]);

#endif
