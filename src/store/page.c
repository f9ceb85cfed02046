/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Encoding and decoding of packed pages. The layout stands below, and in doc/format/index.md with
 * the reasons.
 */
#include "store/page.h"

#include "base/codec.h"
#include "base/wire.h"

#include <endian.h>

/*
 *	OFFSET SIZE  MEANING
 *	0      2     0x4750 "PG"
 *	2      1     version, 1
 *	3      1     zero
 *	4      2     records, n: 1..512
 *	6      2     zero
 *	8      4     crc32c of everything from offset 12 on
 *	12     6*9   per column: base u64, width u8 (0..8)
 *	66     ...   per column: n differences of `width` octets
 *
 * Columns: uid, flags, modseq, message id, size, saved (seconds, as unsigned).
 */
enum { MAGIC = 0x4750, VERSION = 1, COLUMNS = 6, HEAD = 66, CRC_FROM = 12, CRC_AT = 8 };

typedef uint64_t column[STORE_PAGE_RECORDS];

/* Where each column lies in struct store_msg, how wide it is there, and what it may hold. */
static const struct {
	size_t at;
	bool wide;
	uint64_t max;
} columns[COLUMNS] = {
	{ offsetof(struct store_msg, uid), false, UINT32_MAX },
	{ offsetof(struct store_msg, flags), false, UINT32_MAX },
	{ offsetof(struct store_msg, modseq), true, INT64_MAX },
	{ offsetof(struct store_msg, id), true, INT64_MAX },
	{ offsetof(struct store_msg, size), false, UINT32_MAX },
	{ offsetof(struct store_msg, saved_s), true, UINT64_MAX },
};

static inline uint64_t
cell(const struct store_msg *m, size_t col)
{
	const char *at = (const char *)m + columns[col].at;
	uint64_t wide;
	uint32_t narrow;
	if (columns[col].wide) {
		memcpy(&wide, at, sizeof wide);
		return wide;
	}
	memcpy(&narrow, at, sizeof narrow);
	return narrow;
}

static void
put_cells(struct store_page *p, size_t col, const column v, uint64_t base)
{
	char *at = (char *)p->msg + columns[col].at;
	if (columns[col].wide) {
		for (size_t i = 0; i < p->n; i++, at += sizeof p->msg[0]) {
			uint64_t wide = base + v[i];
			memcpy(at, &wide, sizeof wide);
		}
	} else {
		for (size_t i = 0; i < p->n; i++, at += sizeof p->msg[0]) {
			uint32_t narrow = (uint32_t)(base + v[i]);
			memcpy(at, &narrow, sizeof narrow);
		}
	}
}

static unsigned
width_of(uint64_t span)
{
	unsigned w = 0;
	while (span != 0) {
		span >>= 8;
		w++;
	}
	return w;
}

/* Values of one column, its base and width. */
static unsigned
gather(const struct store_page *p, size_t col, column v, uint64_t *ret_base)
{
	uint64_t lo = UINT64_MAX, hi = 0;
	for (size_t i = 0; i < p->n; i++) {
		v[i] = cell(&p->msg[i], col);
		lo = MIN(lo, v[i]);
		hi = MAX(hi, v[i]);
	}
	*ret_base = lo;
	return width_of(hi - lo);
}

static void
put_column(struct buf *out, const column v, size_t n, uint64_t base, unsigned width)
{
	uint8_t *to = (uint8_t *)buf_room(out, n * width);
	if (to == NULL || width == 0) {
		return;
	}
	for (size_t i = 0; i < n; i++, to += width) {
		uint64_t d = v[i] - base;
		for (unsigned w = 0; w < width; w++) {
			to[w] = (uint8_t)(d >> 8 * w);
		}
	}
	buf_grow(out, n * width);
}

void
store_page_encode(const struct store_page *p, struct buf *out)
{
	column v;
	uint64_t base[COLUMNS];
	unsigned width[COLUMNS];
	size_t start = out->n;
	ASSERT(p->n > 0 && p->n <= STORE_PAGE_RECORDS);
	wr_u16(out, MAGIC);
	wr_u16(out, VERSION);
	wr_u16(out, (uint16_t)p->n);
	wr_u16(out, 0);
	wr_u32(out, 0);
	for (size_t c = 0; c < COLUMNS; c++) {
		width[c] = gather(p, c, v, &base[c]);
		wr_u64(out, base[c]);
		wr_u8(out, (uint8_t)width[c]);
	}
	for (size_t c = 0; c < COLUMNS; c++) {
		(void)gather(p, c, v, &base[c]);
		put_column(out, v, p->n, base[c], width[c]);
	}
	if (buf_err(out) == ERR_OK) {
		uint32_t crc = crc32c(0, out->p + start + CRC_FROM, out->n - start - CRC_FROM);
		for (unsigned i = 0; i < 4; i++) {
			out->p[start + CRC_AT + i] = (char)(crc >> 8 * i);
		}
	}
}

/* Differences of `width` octets; eight are read at a time while there are so many. */
static void
get_differences(column v, size_t n, str octets, size_t width)
{
	const uint8_t *from = (const uint8_t *)octets.p;
	uint64_t mask = width == 8 ? UINT64_MAX : (UINT64_C(1) << 8 * width) - 1;
	size_t i = 0;
	for (; i < n && (i * width) + sizeof *v <= octets.n; i++) {
		uint64_t eight;
		memcpy(&eight, from + i * width, sizeof eight);
		v[i] = le64toh(eight) & mask;
	}
	for (; i < n; i++) {
		v[i] = 0;
		for (size_t w = 0; w < width; w++) {
			v[i] |= (uint64_t)from[i * width + w] << 8 * w;
		}
	}
}

/* One column into the records. Differences may not wrap around, values not exceed their type. */
static bool
get_column(struct store_page *p, size_t col, str octets, uint64_t base)
{
	column v;
	uint64_t hi = 0;
	get_differences(v, p->n, octets, octets.n / p->n);
	for (size_t i = 0; i < p->n; i++) {
		hi = MAX(hi, v[i]);
	}
	if (base > columns[col].max || hi > columns[col].max - base) {
		return false;
	}
	put_cells(p, col, v, base);
	return true;
}

static enum err
get_columns(struct rd *r, struct store_page *p)
{
	uint64_t base[COLUMNS];
	unsigned width[COLUMNS];
	for (size_t c = 0; c < COLUMNS; c++) {
		base[c] = rd_u64(r);
		width[c] = rd_u8(r);
		if (width[c] > 8) {
			return ERR_CORRUPT;
		}
	}
	for (size_t c = 0; c < COLUMNS; c++) {
		str octets = rd_bytes(r, p->n * width[c]);
		if (r->bad || !get_column(p, c, octets, base[c])) {
			return ERR_CORRUPT;
		}
	}
	return rd_end(r) == ERR_OK ? ERR_OK : ERR_CORRUPT;
}

enum err
store_page_decode(str blob, struct store_page *ret)
{
	struct rd r = rd_make(blob);
	uint16_t magic = rd_u16(&r), version = rd_u16(&r), n = rd_u16(&r), zero = rd_u16(&r);
	uint32_t crc = rd_u32(&r);
	ret->n = 0;
	if (r.bad || magic != MAGIC || zero != 0 || crc != crc32c(0, r.p, r.n)) {
		return ERR_CORRUPT;
	}
	if (version != VERSION) {
		return ERR_VERSION;
	}
	if (n == 0 || n > STORE_PAGE_RECORDS) {
		return ERR_CORRUPT;
	}
	ret->n = n;
	enum err e = get_columns(&r, ret);
	for (size_t i = 1; e == ERR_OK && i < n; i++) {
		e = ret->msg[i].uid > ret->msg[i - 1].uid ? ERR_OK : ERR_CORRUPT;
	}
	if (e == ERR_OK && ret->msg[0].uid == 0) {
		e = ERR_CORRUPT;
	}
	if (e != ERR_OK) {
		ret->n = 0;
	}
	return e;
}

size_t
store_page_from(const struct store_page *p, uint32_t uid)
{
	size_t lo = 0, hi = p->n;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (p->msg[mid].uid < uid) {
			lo = mid + 1;
		} else {
			hi = mid;
		}
	}
	return lo;
}
