/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counts in 1/256 of a letter, so that decay does not round a few letters away at once.
 */
#include "policy/fame.h"

enum { ONE = 256, MOST = 1 << 30 };

uint32_t
policy_fame_decay(uint32_t n, uint32_t past_s, uint32_t half_s)
{
	uint32_t halves = past_s / half_s, rest = past_s % half_s;

	if (halves >= 32) {
		return 0;
	}
	n >>= halves;
	return n - (uint32_t)((uint64_t)n * rest / (2ULL * half_s));
}

/* Fame does not count how often somebody asks: last_s moves only when a letter is added. */
struct policy_fame
policy_fame_get(const struct policy_keep *k, enum policy_kind kind, str who, uint32_t now_s,
    uint32_t half_s)
{
	struct policy_fame f = { 0 };
	const struct policy_row *row = who.n == 0
	    ? NULL
	    : policy_keep_get(k, kind, policy_keep_key(k, kind, who, S("")), now_s);

	if (row != NULL) {
		uint32_t past = now_s - MIN(now_s, row->last_s);
		f.good = (policy_fame_decay(row->v[POLICY_GOOD], past, half_s) + ONE / 2) / ONE;
		f.bad = (policy_fame_decay(row->v[POLICY_BAD], past, half_s) + ONE / 2) / ONE;
	}
	return f;
}

void
policy_fame_add(struct policy_keep *k, enum policy_kind kind, str who, bool good,
    const uint32_t now_half_s[2])
{
	uint32_t now_s = now_half_s[0], half_s = now_half_s[1];

	if (who.n == 0) {
		return;
	}
	uint64_t key = policy_keep_key(k, kind, who, S(""));
	const struct policy_row *old = policy_keep_get(k, kind, key, now_s);
	uint32_t past = old == NULL ? 0 : now_s - MIN(now_s, old->last_s);
	struct policy_row *row = policy_keep_put(k, kind, key, now_s, S(""));
	for (int i = POLICY_GOOD; i <= POLICY_BAD; i++) {
		row->v[i] = policy_fame_decay(row->v[i], past, half_s);
	}
	uint32_t *to = &row->v[good ? POLICY_GOOD : POLICY_BAD];
	*to = MIN(*to + ONE, (uint32_t)MOST);
}

/* ---- correspondents ------------------------------------------------------------------------- */

static uint64_t
known_key(const struct policy_keep *k, uint64_t account, str address)
{
	return policy_keep_key(k, POLICY_KNOWN, str_make(&account, sizeof account), address);
}

bool
policy_known(const struct policy_keep *k, uint64_t account, str address, uint32_t now_s)
{
	return address.n > 0 && account != 0 &&
	    policy_keep_get(k, POLICY_KNOWN, known_key(k, account, address), now_s) != NULL;
}

void
policy_known_add(struct policy_keep *k, uint64_t account, str address, uint32_t now_s)
{
	if (address.n == 0 || account == 0) {
		return;
	}
	struct policy_row *row = policy_keep_put(k, POLICY_KNOWN, known_key(k, account, address),
	    now_s, S(""));
	row->v[POLICY_KNOWN_LETTERS]++;
	row->v[POLICY_KNOWN_ACCOUNT] = (uint32_t)account;
}
