/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A value is a level in thousandths. It stops rising at twice its ceiling, so that whoever floods
 * is let in again after a window, not after a day.
 */
#include "policy/limit.h"

enum { MILLI = 1000 };

static uint32_t
drained(uint32_t level, const struct policy_limit_rule *r, uint32_t past_s)
{
	uint64_t out = (uint64_t)r->most * MILLI * past_s / MAX(r->window_s, 1U);

	return out >= level ? 0 : level - (uint32_t)out;
}

bool
policy_limit(struct policy_table *t, const struct policy_limit_ask *a)
{
	struct policy_row gone;
	const struct policy_row *old = policy_table_get(t, a->key);
	uint32_t past = old == NULL ? 0 : a->now_s - MIN(a->now_s, old->last_s);
	struct policy_row *row = policy_table_put(t, a->key, a->now_s, &gone);
	uint64_t level[POLICY_LIMITS], most[POLICY_LIMITS];
	bool within = true;

	for (size_t i = 0; i < POLICY_LIMITS; i++) {
		const struct policy_limit_rule *r = &a->rules[i];
		most[i] = (uint64_t)MIN(r->most, (uint32_t)POLICY_LIMIT_MOST) * MILLI;
		row->v[i] = drained(row->v[i], r, past);
		level[i] = row->v[i] + (uint64_t)a->n[i] * MILLI;
		within = within && (most[i] == 0 || level[i] <= most[i]);
	}
	for (size_t i = 0; (within || a->always) && i < POLICY_LIMITS; i++) {
		row->v[i] = (uint32_t)MIN(level[i], MAX(2 * most[i], (uint64_t)row->v[i]));
	}
	return within;
}

void
policy_limit_reset(struct policy_table *t, uint64_t key)
{
	struct policy_row *row = policy_table_get(t, key);

	if (row != NULL) {
		policy_table_del(t, row);
	}
}
