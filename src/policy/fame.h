/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many good and bad letters came from an address, a network, an operator, a domain: counts that
 * halve with time. And whom an account has written to.
 */
#ifndef POLICY_FAME_H
#define POLICY_FAME_H

#include "policy/keep.h"

struct policy_fame {
	uint32_t good, bad; /* letters, rounded */
};

/*
 * kind: ADDRESS, NETWORK, OPERATOR or DOMAIN; who: its text form, in lower case; half_s: the time
 * in which counts halve, at least 1.
 */
struct policy_fame policy_fame_get(const struct policy_keep *k, enum policy_kind kind, str who,
    uint32_t now_s, uint32_t half_s);
void policy_fame_add(struct policy_keep *k, enum policy_kind kind, str who, bool good,
    const uint32_t now_half_s[2]);

/* What is left of a count after some time. Exact for whole half-lives, linear between them. */
uint32_t policy_fame_decay(uint32_t n, uint32_t past_s, uint32_t half_s);

/* Has the account written to that address? Addresses are canonical. */
bool policy_known(const struct policy_keep *k, uint64_t account, str address, uint32_t now_s);
/* It has now. */
void policy_known_add(struct policy_keep *k, uint64_t account, str address, uint32_t now_s);

#endif
