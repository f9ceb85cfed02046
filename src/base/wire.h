/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cursors for every wire and disk format. Integers are little-endian. struct rd: after the first
 * failure all reads give zero; check once with rd_end(). The wr_ functions append to a buf, whose
 * error is sticky in the same way.
 */
#ifndef BASE_WIRE_H
#define BASE_WIRE_H

#include "base/buf.h"

struct rd {
	const uint8_t *p;
	size_t n;
	bool bad;
};

/* A cursor over s, which is borrowed. */
struct rd rd_make(str s);

/* The next integer, little-endian or (be) big-endian; 0 after the end. */
uint8_t rd_u8(struct rd *r);
uint16_t rd_u16(struct rd *r);
uint32_t rd_u32(struct rd *r);
uint64_t rd_u64(struct rd *r);
int64_t rd_i64(struct rd *r);
uint16_t rd_be16(struct rd *r);
uint32_t rd_be32(struct rd *r);

/* Exactly n octets, borrowed. */
str rd_bytes(struct rd *r, size_t n);
/* A u32 length and that many octets; more than max is a failure. */
str rd_str(struct rd *r, size_t max);
/* ERR_OK when nothing failed and nothing is left over; else ERR_SYNTAX. */
enum err rd_end(const struct rd *r);

/* Append; wr_str a u32 length and the octets (more than 4 GB: ERR_TOOBIG, sticky). */
void wr_u8(struct buf *b, uint8_t v);
void wr_u16(struct buf *b, uint16_t v);
void wr_u32(struct buf *b, uint32_t v);
void wr_u64(struct buf *b, uint64_t v);
void wr_i64(struct buf *b, int64_t v);
void wr_str(struct buf *b, str s);

#endif
