/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decoding the PROXY header: the fixed 16 octets, the addresses of its family, and the TLVs, of
 * which only the checksum matters to us; the others are stepped over.
 */
#include "proto/proxy/proxy.h"
#include "base/codec.h"
#include "base/wire.h"

enum {
	FIXED = 16,
	VERSION_LOCAL = 0x20,
	VERSION_PROXY = 0x21,
	STREAM_V4 = 0x11,
	STREAM_V6 = 0x21,
	STREAM_UNIX = 0x31,
	UNIX_OCTETS = 216,
	TLV_CRC32C = 3,
};

static const uint8_t signature[12] = { 0x0d, 0x0a, 0x0d, 0x0a, 0, 0x0d, 0x0a, 'Q', 'U', 'I', 'T',
	'\n' };
static const uint8_t v4_mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

static bool
is_local(str in)
{
	return (uint8_t)in.p[12] == VERSION_LOCAL;
}

size_t
proxy_need(str in)
{
	if (in.n < FIXED) {
		return FIXED;
	}
	return FIXED + ((size_t)(uint8_t)in.p[14] << 8 | (uint8_t)in.p[15]);
}

/* Byte 13: family and transport; LOCAL headers say nothing that counts. */
static bool
is_served(str in)
{
	uint8_t family = (uint8_t)in.p[13];
	return is_local(in) || family == 0 || family == STREAM_V4 || family == STREAM_V6 ||
	    family == STREAM_UNIX;
}

/* What can be said of the first 16 octets, also of fewer. */
static enum err
check_fixed(str in)
{
	if (memcmp(in.p, signature, MIN(in.n, sizeof signature)) != 0) {
		return ERR_SYNTAX;
	}
	if (in.n > 12 && (uint8_t)in.p[12] != VERSION_LOCAL && (uint8_t)in.p[12] != VERSION_PROXY) {
		return ERR_UNSUPPORTED;
	}
	if (in.n > 13 && !is_served(in)) {
		return ERR_UNSUPPORTED;
	}
	if (in.n >= FIXED && proxy_need(in) > PROXY_HEADER_MAX) {
		return ERR_TOOBIG;
	}
	return in.n < proxy_need(in) ? ERR_AGAIN : ERR_OK;
}

static void
take_ip(struct rd *r, bool v6, uint8_t ret[16])
{
	memset(ret, 0, 16);
	memcpy(ret, v4_mapped, v6 ? 0 : sizeof v4_mapped);
	str octets = rd_bytes(r, v6 ? 16 : 4);
	if (octets.n > 0) {
		memcpy(ret + 16 - octets.n, octets.p, octets.n);
	}
}

static void
take_addresses(struct rd *r, uint8_t family, struct proxy_header *h)
{
	if (family == STREAM_UNIX) {
		rd_bytes(r, UNIX_OCTETS);
		return;
	}
	take_ip(r, family == STREAM_V6, h->source_ip);
	take_ip(r, family == STREAM_V6, h->target_ip);
	h->source_port = rd_be16(r);
	h->target_port = rd_be16(r);
	h->known = true;
}

/* CRC-32C of the header with the checksum's own four octets taken as zero. */
static bool
checksum_holds(str header, size_t at, uint32_t want)
{
	static const uint8_t zero[4];
	uint32_t crc = crc32c(0, header.p, at);
	crc = crc32c(crc, zero, sizeof zero);
	return crc32c(crc, header.p + at + 4, header.n - at - 4) == want;
}

/* The rest is TLVs: type, big-endian length, octets. */
static enum err
check_tlvs(struct rd *r, str header)
{
	for (unsigned tlvs = 0; r->n > 0 && !r->bad; tlvs++) {
		uint8_t type = rd_u8(r);
		uint16_t n = rd_be16(r);
		size_t at = header.n - r->n;
		str value = rd_bytes(r, n);
		if (tlvs >= PROXY_TLVS_MAX) {
			return ERR_TOOBIG;
		}
		if (type != TLV_CRC32C || r->bad) {
			continue;
		}
		struct rd sum = rd_make(value);
		uint32_t want = rd_be32(&sum);
		if (rd_end(&sum) != ERR_OK || !checksum_holds(header, at, want)) {
			return ERR_SYNTAX;
		}
	}
	return rd_end(r);
}

enum err
proxy_decode(str in, struct proxy_header *ret, size_t *ret_used)
{
	if (in.n == 0) {
		return ERR_AGAIN;
	}
	TRY(check_fixed(in));
	str header = str_sub(in, 0, proxy_need(in));
	struct rd r = rd_make(str_from_off(header, FIXED));
	struct proxy_header h = { 0 };
	uint8_t family = (uint8_t)header.p[13];
	if (!is_local(header) && family != 0) {
		take_addresses(&r, family, &h);
		TRY(check_tlvs(&r, header));
	}
	*ret = h;
	*ret_used = header.n;
	return ERR_OK;
}
