/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Leaking buckets: five counts of one who, each with a ceiling that drains evenly within a window.
 * In memory only.
 */
#ifndef POLICY_LIMIT_H
#define POLICY_LIMIT_H

#include "policy/table.h"

enum policy_limit {
	POLICY_CONNECTIONS,
	POLICY_MESSAGES,
	POLICY_RECIPIENTS,
	POLICY_UNKNOWN, /* recipients that do not exist; of an account: new recipients */
	POLICY_ERRORS,
	POLICY_LIMITS
};
static_assert((int)POLICY_LIMITS == (int)POLICY_TABLE_VALUES, "a row holds them");

enum { POLICY_LIMIT_MOST = 2000000 };

struct policy_limit_rule {
	uint32_t most; /* 0: no limit; at most POLICY_LIMIT_MOST */
	uint32_t window_s;
};

struct policy_limit_ask {
	uint64_t key;
	uint32_t now_s;
	const struct policy_limit_rule *rules; /* one for each enum policy_limit */
	uint32_t n[POLICY_LIMITS];             /* to count */
	bool always;                           /* count it although it is too much */
};

/*
 * Count something.
 *
 * Out     false: it is too much, or what was counted before was
 */
bool policy_limit(struct policy_table *t, const struct policy_limit_ask *a);

/* Empty the buckets. */
void policy_limit_reset(struct policy_table *t, uint64_t key);

#endif
