/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The usual day is a mean that moves an eighth of the way with each day, quiet days included.
 */
#include "policy/habit.h"

enum { DAY_S = 86400, SIXTEENTH = 16, STEP = 8, DAYS_MAX = 60 };

static void
turn_days(struct policy_row *row, uint32_t day)
{
	uint32_t past = day - MIN(day, row->v[POLICY_HABIT_DAY]);

	for (uint32_t i = 0; i < MIN(past, (uint32_t)DAYS_MAX); i++) {
		uint32_t of_day = MIN(row->v[POLICY_HABIT_TODAY], 1U << 24) * SIXTEENTH;
		uint32_t *mean = &row->v[POLICY_HABIT_MEAN];
		*mean = row->v[POLICY_HABIT_DAY] == 0 ? 0 : *mean - *mean / STEP + of_day / STEP;
		row->v[POLICY_HABIT_TODAY] = 0;
	}
	row->v[POLICY_HABIT_DAY] = day;
}

static struct policy_row *
row_of(struct policy_keep *k, uint64_t account, uint32_t now_s)
{
	uint64_t key = policy_keep_key(k, POLICY_HABIT, str_make(&account, sizeof account), S(""));
	struct policy_row *row = policy_keep_put(k, POLICY_HABIT, key, now_s, S(""));

	turn_days(row, now_s / DAY_S);
	return row;
}

struct policy_habit
policy_habit(struct policy_keep *k, uint64_t account, uint32_t now_s, bool add)
{
	struct policy_row *row = row_of(k, account, now_s);

	row->v[POLICY_HABIT_TODAY] += add;
	return (struct policy_habit){ .today = row->v[POLICY_HABIT_TODAY],
		.usual = row->v[POLICY_HABIT_MEAN] / SIXTEENTH,
		.calm = row->v[POLICY_HABIT_CALM] > now_s };
}

void
policy_habit_accept(struct policy_keep *k, uint64_t account, const uint32_t now_until_s[2])
{
	struct policy_row *row = row_of(k, account, now_until_s[0]);
	uint32_t today = MIN(row->v[POLICY_HABIT_TODAY], 1U << 24) * SIXTEENTH;

	row->v[POLICY_HABIT_MEAN] = MAX(row->v[POLICY_HABIT_MEAN], today);
	row->v[POLICY_HABIT_CALM] = now_until_s[1];
}
