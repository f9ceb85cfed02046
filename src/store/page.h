/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A packed page: the hot states of up to 512 messages of one mailbox as one blob, column by
 * column, each column as differences from its smallest value in as few octets as it needs. Pure.
 * The layout is in doc/format/index.md.
 */
#ifndef STORE_PAGE_H
#define STORE_PAGE_H

#include "base/buf.h"
#include "store/limits.h"
#include "store/message.h"

enum { STORE_PAGE_OCTETS_MAX = 64 + STORE_PAGE_RECORDS * 48 };

struct store_page {
	size_t n;
	struct store_msg msg[STORE_PAGE_RECORDS]; /* uids ascend strictly */
};

/* Append the blob of a page to `out`; no more than STORE_PAGE_OCTETS_MAX octets. */
void store_page_encode(const struct store_page *p, struct buf *out);

/*
 * Read a blob. Never trusts it.
 *
 * Errors  CORRUPT (checksum, layout, order of uids), VERSION
 */
enum err store_page_decode(str blob, struct store_page *ret);

/* Index of the first record with this uid or a higher one; n when there is none. */
size_t store_page_from(const struct store_page *p, uint32_t uid);

#endif
