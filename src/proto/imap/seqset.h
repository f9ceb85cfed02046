/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sequence sets: parsing "2,4:7,9:*", making them disjoint and ascending, asking, and writing UIDs
 * compactly. Whether numbers are UIDs or message sequence numbers is the caller's knowledge.
 */
#ifndef PROTO_IMAP_SEQSET_H
#define PROTO_IMAP_SEQSET_H

#include "base/arena.h"
#include "base/buf.h"

/* Inclusive. Before imap_seqset_resolve, 0 stands for "*" and the ends may be in either order. */
struct imap_range {
	uint32_t lo, hi;
};

struct imap_seqset {
	struct imap_range *r;
	size_t n;
	bool
	    saved; /* "$": the result of the last SEARCH RETURN (SAVE); n is 0 (RFC 9051 6.4.4.1) */
};

/*
 * Parse all of `in`.
 *
 * Limits  IMAP_SET_RANGES_MAX
 * Errors  ERR_SYNTAX, ERR_TOOMANY, ERR_BUDGET
 * RFC     9051 9 (sequence-set)
 */
enum err imap_seqset_parse(struct arena *a, str in, struct imap_seqset *ret);

/* Replace "*" by `max`, then sort and join, in place: ranges ascend, never touch or overlap. */
void imap_seqset_resolve(struct imap_seqset *set, uint32_t max);

/* Resolved sets only. */
bool imap_seqset_has(const struct imap_seqset *set, uint32_t v);
/* Largest number that the client named itself; 0 when it named none but "*". Before resolving. */
uint32_t imap_seqset_largest(const struct imap_seqset *set);
bool imap_seqset_has_star(const struct imap_seqset *set);

/* Writes ascending numbers as "1:3,5,9:10". Zero-initialise but for `out`. */
struct imap_set_writer {
	struct buf *out;
	uint32_t lo, hi;
	bool any;
};
void imap_set_writer_put(struct imap_set_writer *w, uint32_t v);
/* Write the last range. An empty set leaves `out` as it was. */
void imap_set_writer_end(struct imap_set_writer *w);

#endif
