/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A triplet lies under the operator when its name is verified, else under the network: large pools
 * come back from another address. One that was first seen under the network counts there, too.
 */
#include "policy/grey.h"

enum { PAIR_MAX = 2100 };

static uint64_t
triplet(const struct policy_keep *k, str from, const struct policy_grey_ask *a)
{
	char text[PAIR_MAX];
	struct buf pair;

	buf_init_fixed(&pair, text, sizeof text);
	buf_str(&pair, str_sub(a->sender, 0, 1000));
	buf_ch(&pair, '\0');
	buf_str(&pair, str_sub(a->recipient, 0, 1000));
	return policy_keep_key(k, POLICY_GREY, from, buf_view(&pair));
}

static bool
passed(const struct policy_keep *k, const char *kind, str who, uint32_t now_s)
{
	uint64_t key = policy_keep_key(k, POLICY_PASSED, str_from(kind), who);

	return who.n > 0 && policy_keep_get(k, POLICY_PASSED, key, now_s) != NULL;
}

bool
policy_grey_waited(const struct policy_keep *k, const struct policy_grey_ask *a)
{
	return passed(k, "network", a->network, a->now_s) ||
	    passed(k, "operator", a->pool, a->now_s) || passed(k, "domain", a->domain, a->now_s);
}

uint32_t
policy_grey_ask(struct policy_keep *k, const struct policy_grey_ask *a)
{
	uint64_t of_network = triplet(k, a->network, a);
	bool there = policy_keep_get(k, POLICY_GREY, of_network, a->now_s) != NULL;
	str who = a->pool.n > 0 && !there ? a->pool : a->network;
	uint64_t key = who.p == a->network.p ? of_network : triplet(k, who, a);
	struct policy_row *row = policy_keep_put(k, POLICY_GREY, key, a->now_s, who);

	if (row->v[POLICY_GREY_FIRST] == 0) {
		row->v[POLICY_GREY_FIRST] = a->now_s;
	}
	row->v[POLICY_GREY_TRIES]++;
	uint32_t waited = a->now_s - MIN(a->now_s, row->v[POLICY_GREY_FIRST]);
	if (row->v[POLICY_GREY_LET_IN] == 0 && waited < a->delay_s) {
		return a->delay_s - waited;
	}
	row->v[POLICY_GREY_LET_IN] = a->now_s;
	return 0;
}

static void
let_in(struct policy_keep *k, const char *kind, str who, uint32_t now_s)
{
	if (who.n > 0) {
		uint64_t key = policy_keep_key(k, POLICY_PASSED, str_from(kind), who);
		policy_keep_put(k, POLICY_PASSED, key, now_s, who)->v[0]++;
	}
}

void
policy_grey_let_in(struct policy_keep *k, const struct policy_grey_ask *a)
{
	let_in(k, "network", a->network, a->now_s);
	let_in(k, "operator", a->pool, a->now_s);
	let_in(k, "domain", a->domain, a->now_s);
}
