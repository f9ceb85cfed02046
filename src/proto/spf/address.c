/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Addresses as they stand in records. RFC 7208 5.6 asks for IPv4 without leading zeros; IPv6 is as
 * in RFC 4291 2.2: eight groups, "::" once for one or more of zeros, IPv4 at the end.
 */
#include "proto/spf/record.h"

enum { IP4_AT = 12, GROUPS = 8, GROUP_DIGITS = 4, QUAD_DIGITS = 3, BITS4_AT = 96 };

static const uint8_t mapped[IP4_AT] = { [10] = 0xff, [11] = 0xff };

bool
spf_ip_is4(const uint8_t ip[16])
{
	return memcmp(ip, mapped, sizeof mapped) == 0;
}

static bool
read_quads(str text, uint8_t ret[4])
{
	str piece;
	size_t n = 0;
	while (str_next(&text, '.', &piece)) {
		uint32_t v;
		bool zero = piece.n > 1 && piece.p[0] == '0';
		if (n == 4 || piece.n > QUAD_DIGITS || zero || !str_u32(piece, &v) || v > 255) {
			return false;
		}
		ret[n++] = (uint8_t)v;
	}
	return n == 4;
}

bool
spf_ip4_read(str text, uint8_t ret[16])
{
	memcpy(ret, mapped, sizeof mapped);
	return read_quads(text, ret + IP4_AT);
}

static int
hex_value(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = memchr(digits, ascii_lower(c), 16);
	return at == NULL ? -1 : (int)(at - digits);
}

static bool
read_group(str text, uint8_t ret[2])
{
	unsigned v = 0;
	if (text.n == 0 || text.n > GROUP_DIGITS) {
		return false;
	}
	for (size_t i = 0; i < text.n; i++) {
		int digit = hex_value(text.p[i]);
		if (digit < 0) {
			return false;
		}
		v = v << 4 | (unsigned)digit;
	}
	ret[0] = (uint8_t)(v >> 8);
	ret[1] = (uint8_t)v;
	return true;
}

/* Groups parted by colons, IPv4 as the last one if `last`; their number, or -1. */
static int
read_groups(str text, bool last, uint8_t ret[16])
{
	str piece;
	size_t n = 0;
	if (text.n == 0) {
		return 0;
	}
	while (str_next(&text, ':', &piece)) {
		bool quads = last && text.p == NULL && str_chr(piece, '.') >= 0;
		if (n + (quads ? 2 : 1) > GROUPS) {
			return -1;
		}
		if (!(quads ? read_quads(piece, ret + 2 * n) : read_group(piece, ret + 2 * n))) {
			return -1;
		}
		n += quads ? 2 : 1;
	}
	return (int)n;
}

bool
spf_ip6_read(str text, uint8_t ret[16])
{
	uint8_t tail[16];
	ptrdiff_t gap = str_find(text, S("::"));
	memset(ret, 0, 16);
	if (gap < 0) {
		return read_groups(text, true, ret) == GROUPS;
	}
	int head = read_groups(str_sub(text, 0, (size_t)gap), false, ret);
	int rest = read_groups(str_from_off(text, (size_t)gap + 2), true, tail);
	if (head < 0 || rest < 0 || head + rest >= GROUPS) {
		return false;
	}
	memset(ret + 2 * head, 0, (size_t)(GROUPS - head) * 2);
	memcpy(ret + 2 * (GROUPS - rest), tail, 2 * (size_t)rest);
	return true;
}

bool
spf_ip_within(const uint8_t ip[16], const uint8_t net[16], unsigned bits)
{
	if (spf_ip_is4(ip) != spf_ip_is4(net)) {
		return false;
	}
	bits += spf_ip_is4(ip) ? BITS4_AT : 0;
	ASSERT(bits <= 128);
	if (memcmp(ip, net, bits / 8) != 0) {
		return false;
	}
	unsigned shift = 8 - bits % 8;
	return bits % 8 == 0 || ip[bits / 8] >> shift == net[bits / 8] >> shift;
}
