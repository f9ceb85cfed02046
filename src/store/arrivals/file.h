/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The layout of the file `arrivals`, for those who add and those who take in. Pure.
 */
#ifndef STORE_ARRIVALS_FILE_H
#define STORE_ARRIVALS_FILE_H

#include "base/buf.h"

struct store_arrival;
struct store_record;

#define STORE_ARRIVALS_FILE "arrivals"
enum { STORE_ARRIVALS_HEAD = 32 };

struct store_arrivals_head {
	uint32_t letters, serial; /* serial: of this filling of the file, at random */
	uint64_t end;             /* the letters end here */
};

/* Append the head: 32 octets. */
void store_arrivals_head_put(struct buf *out, const struct store_arrivals_head *h);
/* The first octets of a file. CORRUPT, VERSION. */
enum err store_arrivals_head_get(str octets, struct store_arrivals_head *ret);
/* The letter of a record; its octets are all in `body` and borrowed from it. CORRUPT. */
enum err store_arrivals_record_get(const struct store_record *r, struct store_arrival *ret);

#endif
