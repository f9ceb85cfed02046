/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records, octet by octet; each layout stands above the functions that write and read it. All
 * integers are little-endian. doc/format/pack.md has the reasons.
 */
#include "store/record.h"

#include "base/codec.h"
#include "base/wire.h"

enum { MAGIC = 0x31524d50, VERSION = 1, PACK_VERSION = 1 };
static const char pack_magic[8] = "PostPack";
static const char record_magic[4] = "PMR1";

/* Payloads may be a little larger than a message when links and removals are many. */
enum { PAYLOAD_MAX = STORE_MESSAGE_MAX + (1 << 20) };

/*
 *	OFFSET SIZE  MEANING            of a record
 *	0      4     0x31524d50 "PMR1"
 *	4      1     version, 1
 *	5      1     type
 *	6      1     flags: 1 zstd
 *	7      1     zero
 *	8      4     octets of the meta
 *	12     4     octets of the payload as stored
 *	16     4     octets of the payload when decompressed
 *	20     4     crc32c of the meta
 *	24     4     crc32c of the payload as stored
 *	28     4     crc32c of the 28 octets above
 *	32     ...   meta, payload
 */
void
store_record_front_put(struct buf *out, const struct store_record *r)
{
	size_t start = out->n;
	wr_u32(out, MAGIC);
	wr_u8(out, VERSION);
	wr_u8(out, r->type);
	wr_u8(out, r->flags);
	wr_u8(out, 0);
	wr_u32(out, (uint32_t)r->meta.n);
	wr_u32(out, (uint32_t)r->payload.n);
	wr_u32(out, r->plain);
	wr_u32(out, crc32c(0, r->meta.p, r->meta.n));
	wr_u32(out, crc32c(0, r->payload.p, r->payload.n));
	if (buf_err(out) == ERR_OK) {
		wr_u32(out, crc32c(0, out->p + start, out->n - start));
	}
	buf_str(out, r->meta);
}

enum err
store_record_head(str octets, struct store_record_head *ret)
{
	struct rd r = rd_make(str_sub(octets, 0, STORE_RECORD_HEAD));
	struct store_record_head h = { 0 };
	uint32_t magic = rd_u32(&r);
	uint8_t version = rd_u8(&r);
	h.type = rd_u8(&r);
	h.flags = rd_u8(&r);
	uint8_t zero = rd_u8(&r);
	h.meta_n = rd_u32(&r);
	h.payload_n = rd_u32(&r);
	h.plain_n = rd_u32(&r);
	h.meta_crc = rd_u32(&r);
	h.payload_crc = rd_u32(&r);
	uint32_t crc = rd_u32(&r);
	if (rd_end(&r) != ERR_OK || magic != MAGIC ||
	    crc != crc32c(0, octets.p, STORE_RECORD_HEAD - 4)) {
		return ERR_CORRUPT;
	}
	if (version != VERSION) {
		return ERR_VERSION;
	}
	if (zero != 0 || h.meta_n > STORE_RECORD_META_MAX || h.payload_n > PAYLOAD_MAX ||
	    h.plain_n > PAYLOAD_MAX || (h.flags & ~STORE_RECORD_ZSTD) != 0 ||
	    ((h.flags & STORE_RECORD_ZSTD) == 0 && h.plain_n != h.payload_n)) {
		return ERR_CORRUPT;
	}
	h.octets = (uint64_t)STORE_RECORD_HEAD + h.meta_n + h.payload_n;
	*ret = h;
	return ERR_OK;
}

enum err
store_record_get(str octets, struct store_record *ret)
{
	struct store_record_head h;
	TRY(store_record_head(octets, &h));
	if (octets.n < h.octets) {
		return ERR_EOF;
	}
	str meta = str_sub(octets, STORE_RECORD_HEAD, h.meta_n);
	str payload = str_sub(octets, STORE_RECORD_HEAD + h.meta_n, h.payload_n);
	if (crc32c(0, meta.p, meta.n) != h.meta_crc ||
	    crc32c(0, payload.p, payload.n) != h.payload_crc) {
		return ERR_CORRUPT;
	}
	*ret = (struct store_record){ h.type, h.flags, h.plain_n, meta, payload };
	return ERR_OK;
}

size_t
store_record_seek(str octets, size_t off)
{
	ptrdiff_t at = str_find(str_from_off(octets, off),
	    str_make(record_magic, sizeof record_magic));
	if (at >= 0) {
		return off + (size_t)at;
	}
	return MAX(off, octets.n < 3 ? 0 : octets.n - 3); /* one may begin in the last three */
}

void
store_pack_head_put(struct buf *out, const struct store_pack_head *h)
{
	size_t start = out->n;
	buf_add(out, pack_magic, sizeof pack_magic);
	wr_u16(out, PACK_VERSION);
	wr_u16(out, 0);
	wr_u32(out, h->number);
	buf_add(out, h->key, sizeof h->key);
	ASSERT(buf_err(out) != ERR_OK || out->n - start == STORE_RECORD_HEAD);
}

enum err
store_pack_head_get(str octets, struct store_pack_head *ret)
{
	struct rd r = rd_make(str_sub(octets, 0, STORE_RECORD_HEAD));
	str magic = rd_bytes(&r, sizeof pack_magic);
	uint16_t version = rd_u16(&r), zero = rd_u16(&r);
	uint32_t number = rd_u32(&r);
	str key = rd_bytes(&r, sizeof ret->key);
	if (rd_end(&r) != ERR_OK || !str_eq(magic, str_make(pack_magic, sizeof pack_magic)) ||
	    zero != 0) {
		return ERR_CORRUPT;
	}
	if (version != PACK_VERSION) {
		return ERR_VERSION;
	}
	ret->number = number;
	memcpy(ret->key, key.p, sizeof ret->key);
	return ERR_OK;
}

/*
 *	0  8 mailbox    8  8 modseq    16 8 id       24 8 thread   32 8 queue entry
 *	40 8 internal   48 8 saved     56 4 uid      60 4 flags    64 4 header octets
 *	68 2 recipient  70 1 hashes, n 71 1 zero     72 n*8 hashes
 */
void
store_meta_message_put(struct buf *out, const struct store_meta_message *m)
{
	wr_u64(out, m->mailbox);
	wr_u64(out, m->modseq);
	wr_u64(out, m->id);
	wr_u64(out, m->thread);
	wr_u64(out, m->entry);
	wr_i64(out, m->internal_s);
	wr_i64(out, m->saved_s);
	wr_u32(out, m->uid);
	wr_u32(out, m->flags);
	wr_u32(out, m->header_octets);
	wr_u16(out, m->rcpt);
	wr_u8(out, m->refs_n);
	wr_u8(out, 0);
	for (size_t i = 0; i < m->refs_n; i++) {
		wr_u64(out, m->refs[i]);
	}
}

enum err
store_meta_message_get(const struct store_record *rec, struct store_meta_message *ret)
{
	struct rd r = rd_make(rec->meta);
	struct store_meta_message m = { 0 };
	m.mailbox = rd_u64(&r);
	m.modseq = rd_u64(&r);
	m.id = rd_u64(&r);
	m.thread = rd_u64(&r);
	m.entry = rd_u64(&r);
	m.internal_s = rd_i64(&r);
	m.saved_s = rd_i64(&r);
	m.uid = rd_u32(&r);
	m.flags = rd_u32(&r);
	m.header_octets = rd_u32(&r);
	m.rcpt = rd_u16(&r);
	m.refs_n = rd_u8(&r);
	uint8_t zero = rd_u8(&r);
	if (m.refs_n > LEN(m.refs)) {
		return ERR_CORRUPT;
	}
	for (size_t i = 0; i < m.refs_n; i++) {
		m.refs[i] = rd_u64(&r);
	}
	if (rd_end(&r) != ERR_OK || zero != 0 || m.uid == 0 || m.id == 0 || m.mailbox == 0 ||
	    m.mailbox > INT32_MAX || m.header_octets > rec->plain ||
	    (m.modseq | m.id | m.thread) > INT64_MAX) {
		return ERR_CORRUPT;
	}
	*ret = m;
	return ERR_OK;
}

/* 0 8 mailbox, 8 8 modseq, 16 8 saved, 24 4 first uid, 28 4 n */
void
store_meta_link_put(struct buf *out, const struct store_meta_link *m)
{
	wr_u64(out, m->mailbox);
	wr_u64(out, m->modseq);
	wr_i64(out, m->saved_s);
	wr_u32(out, m->first);
	wr_u32(out, m->n);
}

enum err
store_meta_link_get(const struct store_record *rec, struct store_meta_link *ret)
{
	struct rd r = rd_make(rec->meta);
	struct store_meta_link m = { 0 };
	m.mailbox = rd_u64(&r);
	m.modseq = rd_u64(&r);
	m.saved_s = rd_i64(&r);
	m.first = rd_u32(&r);
	m.n = rd_u32(&r);
	if (rd_end(&r) != ERR_OK || m.mailbox == 0 || m.mailbox > INT32_MAX ||
	    m.modseq > INT64_MAX || rec->flags != 0 || m.first == 0 ||
	    (uint64_t)m.first + m.n > UINT32_MAX || rec->payload.n != (uint64_t)m.n * 12) {
		return ERR_CORRUPT;
	}
	*ret = m;
	return ERR_OK;
}

/* 0 8 mailbox, 8 8 modseq, 16 4 n */
void
store_meta_gone_put(struct buf *out, const struct store_meta_gone *m)
{
	wr_u64(out, m->mailbox);
	wr_u64(out, m->modseq);
	wr_u32(out, m->n);
}

enum err
store_meta_gone_get(const struct store_record *rec, struct store_meta_gone *ret)
{
	struct rd r = rd_make(rec->meta);
	struct store_meta_gone m = { 0 };
	m.mailbox = rd_u64(&r);
	m.modseq = rd_u64(&r);
	m.n = rd_u32(&r);
	if (rd_end(&r) != ERR_OK || m.mailbox == 0 || m.mailbox > INT32_MAX ||
	    m.modseq > INT64_MAX || rec->flags != 0 || rec->payload.n != (uint64_t)m.n * 8) {
		return ERR_CORRUPT;
	}
	*ret = m;
	return ERR_OK;
}

/*
 *	0  8 id      8 8 modseq    16 8 clock   24 4 uidvalidity   28 4 uidnext   32 4 special
 *	36 1 deleted 37 ... name, keywords (each u32 length, octets)
 */
void
store_meta_mailbox_put(struct buf *out, const struct store_meta_mailbox *m)
{
	wr_u64(out, m->id);
	wr_u64(out, m->modseq);
	wr_u64(out, m->clock);
	wr_u32(out, m->uidvalidity);
	wr_u32(out, m->uidnext);
	wr_u32(out, m->special);
	wr_u8(out, m->deleted);
	wr_str(out, m->name);
	wr_str(out, m->keywords);
}

enum err
store_meta_mailbox_get(const struct store_record *rec, struct store_meta_mailbox *ret)
{
	struct rd r = rd_make(rec->meta);
	struct store_meta_mailbox m = { 0 };
	m.id = rd_u64(&r);
	m.modseq = rd_u64(&r);
	m.clock = rd_u64(&r);
	m.uidvalidity = rd_u32(&r);
	m.uidnext = rd_u32(&r);
	m.special = rd_u32(&r);
	uint8_t deleted = rd_u8(&r);
	m.name = rd_str(&r, STORE_NAME_MAX);
	m.keywords = rd_str(&r, STORE_RECORD_META_MAX);
	m.deleted = deleted == 1;
	if (rd_end(&r) != ERR_OK || m.id == 0 || m.id > INT32_MAX || deleted > 1 ||
	    (m.modseq | m.clock) > INT64_MAX) {
		return ERR_CORRUPT;
	}
	*ret = m;
	return ERR_OK;
}

/* 0 8 modseq, 8 1 on, 9 ... name (u32 length, octets) */
void
store_meta_subscription_put(struct buf *out, const struct store_meta_subscription *m)
{
	wr_u64(out, m->modseq);
	wr_u8(out, m->on);
	wr_str(out, m->name);
}

enum err
store_meta_subscription_get(const struct store_record *rec, struct store_meta_subscription *ret)
{
	struct rd r = rd_make(rec->meta);
	struct store_meta_subscription m = { .modseq = rd_u64(&r) };
	uint8_t on = rd_u8(&r);
	m.name = rd_str(&r, STORE_NAME_MAX);
	m.on = on == 1;
	if (rd_end(&r) != ERR_OK || on > 1 || m.name.n == 0 || m.modseq > INT64_MAX) {
		return ERR_CORRUPT;
	}
	*ret = m;
	return ERR_OK;
}

/* 0 8 mailbox, 8 8 modseq, 16 1 set, 17 ... entry (u32 length, octets); the payload is the value */
void
store_meta_annotation_put(struct buf *out, const struct store_meta_annotation *m)
{
	wr_u64(out, m->mailbox);
	wr_u64(out, m->modseq);
	wr_u8(out, m->set);
	wr_str(out, m->entry);
}

enum err
store_meta_annotation_get(const struct store_record *rec, struct store_meta_annotation *ret)
{
	struct rd r = rd_make(rec->meta);
	struct store_meta_annotation m = { 0 };
	m.mailbox = rd_u64(&r);
	m.modseq = rd_u64(&r);
	uint8_t set = rd_u8(&r);
	m.entry = rd_str(&r, STORE_ANNOTATION_ENTRY_MAX);
	m.set = set == 1;
	if (rd_end(&r) != ERR_OK || set > 1 || m.entry.n == 0 || m.mailbox > INT32_MAX ||
	    m.modseq > INT64_MAX || rec->flags != 0 || (!m.set && rec->payload.n > 0) ||
	    rec->payload.n > STORE_ANNOTATION_VALUE_MAX) {
		return ERR_CORRUPT;
	}
	*ret = m;
	return ERR_OK;
}
