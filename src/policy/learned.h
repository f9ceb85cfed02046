/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Statistics of words as octets, one for all accounts (number 0) and one for each that teaches.
 * What is in them src/filter knows; they hold hashes only.
 */
#ifndef POLICY_LEARNED_H
#define POLICY_LEARNED_H

#include "policy/keep.h"

/* Append those of an account. NOTFOUND: none; errors of the database and of `out`. */
enum err policy_learned_read(struct policy_keep *k, uint64_t account, struct buf *out);
/* Replace them, in a transaction of their own. */
enum err policy_learned_write(struct policy_keep *k, uint64_t account, str octets,
    const uint32_t now_learned[2]);
/* Call fn for every account that has some; not OK ends it. */
enum err policy_learned_each(struct policy_keep *k, enum err (*fn)(void *ctx, uint64_t account),
    void *ctx);
/* The account is gone. */
enum err policy_learned_drop(struct policy_keep *k, uint64_t account);

#endif
