/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Little-endian cursors. A failed cursor stays failed and gives zeros, so callers check once.
 */
#include "base/wire.h"

#include <endian.h>

struct rd
rd_make(str s)
{
	return (struct rd){ (const uint8_t *)s.p, s.n, false };
}

static const uint8_t *
take(struct rd *r, size_t n)
{
	if (r->bad || n > r->n) {
		r->bad = true;
		r->n = 0;
		return NULL;
	}
	const uint8_t *p = r->p;
	r->p = n == 0 ? p : p + n;
	r->n -= n;
	return p;
}

static inline uint64_t
take_le(struct rd *r, size_t n)
{
	const uint8_t *p = take(r, n);
	uint64_t v = 0;
	if (p != NULL) {
		memcpy(&v, p, n);
	}
	return le64toh(v);
}

uint8_t
rd_u8(struct rd *r)
{
	return (uint8_t)take_le(r, 1);
}

uint16_t
rd_u16(struct rd *r)
{
	return (uint16_t)take_le(r, 2);
}

uint32_t
rd_u32(struct rd *r)
{
	return (uint32_t)take_le(r, 4);
}

uint64_t
rd_u64(struct rd *r)
{
	return take_le(r, 8);
}

int64_t
rd_i64(struct rd *r)
{
	return (int64_t)take_le(r, 8);
}

uint16_t
rd_be16(struct rd *r)
{
	return __builtin_bswap16(rd_u16(r));
}

uint32_t
rd_be32(struct rd *r)
{
	return __builtin_bswap32(rd_u32(r));
}

str
rd_bytes(struct rd *r, size_t n)
{
	const uint8_t *p = take(r, n);
	return p == NULL ? STR_NONE : str_make(p, n);
}

str
rd_str(struct rd *r, size_t max)
{
	uint32_t n = rd_u32(r);
	if (n > max) {
		r->bad = true;
		r->n = 0;
		return STR_NONE;
	}
	return rd_bytes(r, n);
}

enum err
rd_end(const struct rd *r)
{
	return r->bad || r->n != 0 ? ERR_SYNTAX : ERR_OK;
}

static void
put_le(struct buf *b, uint64_t v, size_t n)
{
	uint8_t out[8];
	for (size_t i = 0; i < n; i++) {
		out[i] = (uint8_t)(v >> (8 * i));
	}
	buf_add(b, out, n);
}

void
wr_u8(struct buf *b, uint8_t v)
{
	put_le(b, v, 1);
}

void
wr_u16(struct buf *b, uint16_t v)
{
	put_le(b, v, 2);
}

void
wr_u32(struct buf *b, uint32_t v)
{
	put_le(b, v, 4);
}

void
wr_u64(struct buf *b, uint64_t v)
{
	put_le(b, v, 8);
}

void
wr_i64(struct buf *b, int64_t v)
{
	put_le(b, (uint64_t)v, 8);
}

void
wr_str(struct buf *b, str s)
{
	if (s.n > UINT32_MAX) {
		b->err = b->err == ERR_OK ? ERR_TOOBIG : b->err;
		return;
	}
	wr_u32(b, (uint32_t)s.n);
	buf_str(b, s);
}
