/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A set of uids (or sequence numbers) as sorted ranges. Grows on the heap; out of memory is
 * sticky and told once by store_set_err. Ranges never overlap or touch.
 */
#ifndef STORE_SET_H
#define STORE_SET_H

#include "base/err.h"

struct store_range {
	uint32_t lo, hi; /* inclusive */
};

struct store_set {
	struct store_range *v;
	size_t n, cap;
	enum err err;
};

/* An empty set takes no memory; done frees, and is fine on a zeroed one. */
void store_set_init(struct store_set *t);
void store_set_done(struct store_set *t);
/* Empty it, keep the memory, clear the error. */
void store_set_reset(struct store_set *t);

/* Any order; cheapest at the end. lo > hi is swapped, as in IMAP. */
void store_set_add(struct store_set *t, uint32_t lo, uint32_t hi);
bool store_set_has(const struct store_set *t, uint32_t v);
uint64_t store_set_count(const struct store_set *t);
/* Index of the first range whose hi >= v; n when there is none. */
size_t store_set_from(const struct store_set *t, uint32_t v);

/* Add to `out` what is in both; what is in a and not in b. `out` is neither of them. */
void store_set_both(const struct store_set *a, const struct store_set *b, struct store_set *out);
void store_set_minus(const struct store_set *a, const struct store_set *b, struct store_set *out);

/* NOMEM when an addition failed since init or reset. */
enum err store_set_err(const struct store_set *t);

#endif
