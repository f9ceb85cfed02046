/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Encoding and checking of segment heads and record headers. The layouts are told in record.h.
 */
#include "spool/record.h"
#include "base/codec.h"

#define MAGIC 0x31304a50u /* "PJ01" */
#define HEAD_MAGIC S("PJSEG01\0")

void
spool_head_put(struct buf *out, uint32_t number, const uint8_t key[SPOOL_KEY])
{
	size_t start = out->n;
	buf_str(out, HEAD_MAGIC);
	wr_u32(out, number);
	wr_u32(out, 0);
	buf_add(out, key, SPOOL_KEY);
	if (buf_err(out) == ERR_OK) {
		wr_u32(out, crc32c(0, out->p + start, 32));
		wr_u32(out, 0);
	}
}

enum err
spool_head_get(str head, uint32_t *ret_number, uint8_t ret_key[SPOOL_KEY])
{
	struct rd r = rd_make(head);
	str magic = rd_bytes(&r, HEAD_MAGIC.n);
	uint32_t number = rd_u32(&r);
	(void)rd_u32(&r);
	str key = rd_bytes(&r, SPOOL_KEY);
	uint32_t crc = rd_u32(&r);
	(void)rd_u32(&r);
	if (rd_end(&r) != ERR_OK || !str_eq(magic, HEAD_MAGIC) || crc != crc32c(0, head.p, 32)) {
		return ERR_CORRUPT;
	}
	memcpy(ret_key, key.p, SPOOL_KEY);
	*ret_number = number;
	return ERR_OK;
}

void
spool_record_put(struct buf *out, const uint8_t key[SPOOL_KEY], const struct spool_record *r)
{
	size_t start = out->n;
	wr_u32(out, MAGIC);
	wr_u16(out, r->type);
	wr_u16(out, r->version);
	wr_u64(out, r->entry);
	wr_u64(out, r->length);
	wr_u32(out, r->payload_crc);
	wr_u32(out, 0);
	if (buf_err(out) == ERR_OK) {
		wr_u64(out, siphash(key, str_make(out->p + start, 32)));
	}
}

static bool
is_zero(str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] != '\0') {
			return false;
		}
	}
	return true;
}

enum err
spool_record_get(str header, const uint8_t key[SPOOL_KEY], struct spool_record *ret)
{
	struct rd r = rd_make(header);
	struct spool_record rec;
	uint32_t magic = rd_u32(&r);
	rec.type = rd_u16(&r);
	rec.version = rd_u16(&r);
	rec.entry = rd_u64(&r);
	rec.length = rd_u64(&r);
	rec.payload_crc = rd_u32(&r);
	(void)rd_u32(&r);
	uint64_t check = rd_u64(&r);
	if (rd_end(&r) != ERR_OK || magic != MAGIC) {
		return rd_end(&r) == ERR_OK && is_zero(header) ? ERR_EOF : ERR_CORRUPT;
	}
	if (check != siphash(key, str_sub(header, 0, 32)) || rec.length > SPOOL_PAYLOAD_MAX) {
		return ERR_CORRUPT;
	}
	uint16_t newest = rec.type == SPOOL_RECORD_MESSAGE ? SPOOL_MESSAGE_VERSION
							   : SPOOL_RECORD_VERSION;
	if (rec.version == 0 || rec.version > newest) {
		return ERR_VERSION;
	}
	*ret = rec;
	return ERR_OK;
}
