/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Base64, hex, UTF-8, CRC-32C and SipHash-2-4. Pure and small; the CRC uses the processor's
 * instruction where it has one.
 */
#include "base/codec.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void
base64_encode(struct buf *out, str in)
{
	const uint8_t *p = (const uint8_t *)in.p;
	for (size_t i = 0; i < in.n; i += 3) {
		size_t left = in.n - i;
		uint32_t v = (uint32_t)p[i] << 16 | (uint32_t)(left > 1 ? p[i + 1] : 0) << 8 |
		    (left > 2 ? p[i + 2] : 0);
		char quad[4] = { alphabet[v >> 18], alphabet[v >> 12 & 63], alphabet[v >> 6 & 63],
			alphabet[v & 63] };
		if (left < 3) {
			quad[3] = '=';
		}
		if (left < 2) {
			quad[2] = '=';
		}
		buf_add(out, quad, 4);
	}
}

static int
base64_value(char c)
{
	if (c >= 'A' && c <= 'Z') {
		return c - 'A';
	}
	if (c >= 'a' && c <= 'z') {
		return c - 'a' + 26;
	}
	if (c >= '0' && c <= '9') {
		return c - '0' + 52;
	}
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* One quad of 4 - pad digits; the bits that padding drops must be zero. */
static enum err
decode_quad(struct buf *out, const char *q, size_t pad)
{
	uint32_t v = 0;
	for (size_t i = 0; i < 4; i++) {
		int d = i < 4 - pad ? base64_value(q[i]) : 0;
		if (d < 0) {
			return ERR_SYNTAX;
		}
		v = v << 6 | (uint32_t)d;
	}
	if ((pad == 1 && (v & 0xff) != 0) || (pad == 2 && (v & 0xffff) != 0)) {
		return ERR_SYNTAX;
	}
	uint8_t octets[3] = { (uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v };
	buf_add(out, octets, 3 - pad);
	return buf_err(out);
}

enum err
base64_decode(struct buf *out, str in)
{
	size_t start = out->n;
	if (in.n % 4 != 0) {
		return ERR_SYNTAX;
	}
	for (size_t i = 0; i < in.n; i += 4) {
		bool last = i + 4 == in.n;
		size_t pad = !last || in.p[i + 3] != '=' ? 0 : in.p[i + 2] == '=' ? 2 : 1;
		enum err e = decode_quad(out, in.p + i, pad);
		if (e != ERR_OK) {
			buf_truncate(out, start);
			return e;
		}
	}
	return buf_err(out);
}

void
hex_encode(struct buf *out, str in)
{
	static const char digits[] = "0123456789abcdef";
	for (size_t i = 0; i < in.n; i++) {
		buf_ch(out, digits[(uint8_t)in.p[i] >> 4]);
		buf_ch(out, digits[(uint8_t)in.p[i] & 15]);
	}
}

static int
hex_value(char c)
{
	if (ascii_is_digit(c)) {
		return c - '0';
	}
	c = ascii_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

enum err
hex_decode(struct buf *out, str in)
{
	size_t start = out->n;
	for (size_t i = 0; i < in.n; i += 2) {
		int hi = hex_value(in.p[i]), lo = i + 1 < in.n ? hex_value(in.p[i + 1]) : -1;
		if (hi < 0 || lo < 0) {
			buf_truncate(out, start);
			return ERR_SYNTAX;
		}
		buf_ch(out, (char)(hi << 4 | lo));
	}
	if (buf_err(out) != ERR_OK) {
		buf_truncate(out, start);
	}
	return buf_err(out);
}

/* Length of the sequence that starts with `lead`, 0 when it cannot start one. */
static size_t
utf8_length(uint8_t lead)
{
	if (lead < 0x80) {
		return 1;
	}
	if (lead >= 0xc2 && lead <= 0xdf) {
		return 2;
	}
	if ((lead & 0xf0) == 0xe0) {
		return 3;
	}
	return lead >= 0xf0 && lead <= 0xf4 ? 4 : 0;
}

static bool
utf8_in_range(uint32_t cp, size_t n)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	return cp >= least[n] && cp <= 0x10ffff && (cp < 0xd800 || cp > 0xdfff);
}

uint32_t
utf8_next(str *s)
{
	ASSERT(s->n > 0);
	const uint8_t *p = (const uint8_t *)s->p;
	size_t n = utf8_length(p[0]);
	bool ok = n != 0 && n <= s->n;
	uint32_t cp = n <= 1 ? p[0] : p[0] & (0x7fu >> n);
	for (size_t i = 1; ok && i < n; i++) {
		ok = (p[i] & 0xc0) == 0x80;
		cp = cp << 6 | (p[i] & 0x3f);
	}
	ok = ok && utf8_in_range(cp, n);
	*s = str_from_off(*s, ok ? n : 1);
	return ok ? cp : UINT32_MAX;
}

size_t
ascii_span(str s)
{
	size_t n = 0;
	uint64_t eight;
	for (; s.n - n >= sizeof eight; n += sizeof eight) {
		memcpy(&eight, s.p + n, sizeof eight);
		if ((eight & UINT64_C(0x8080808080808080)) != 0) {
			break;
		}
	}
	while (n < s.n && (uint8_t)s.p[n] < 0x80) {
		n++;
	}
	return n;
}

bool
utf8_valid(str s)
{
	for (;;) {
		s = str_from_off(s, ascii_span(s));
		if (s.n == 0) {
			return true;
		}
		if (utf8_next(&s) == UINT32_MAX) {
			return false;
		}
	}
}

bool
utf8_is_shown(uint32_t cp)
{
	static const struct {
		uint32_t first, last;
	} not [] = { { 0, 0x1f }, { 0x7f, 0x9f }, { 0x61c, 0x61c }, { 0x200e, 0x200f },
		{ 0x2028, 0x202e }, { 0x2066, 0x2069 }, { 0x110000, UINT32_MAX } };
	for (size_t i = 0; i < LEN(not ); i++) {
		if (cp >= not [i].first && cp <= not [i].last) {
			return false;
		}
	}
	return true;
}

void
utf8_put(struct buf *out, uint32_t cp)
{
	if (cp > 0x10ffff || (cp >= 0xd800 && cp <= 0xdfff)) {
		cp = 0xfffd;
	}
	if (cp < 0x80) {
		buf_ch(out, (char)cp);
		return;
	}
	size_t n = cp < 0x800 ? 2 : cp < 0x10000 ? 3 : 4;
	static const uint8_t lead[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
	uint8_t octets[4] = { (uint8_t)(lead[n] | cp >> (6 * (n - 1))) };
	for (size_t i = 1; i < n; i++) {
		octets[i] = (uint8_t)(0x80 | (cp >> (6 * (n - 1 - i)) & 0x3f));
	}
	buf_add(out, octets, n);
}

static uint32_t
crc32c_soft(uint32_t crc, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		crc ^= p[i];
		for (int bit = 0; bit < 8; bit++) {
			crc = crc >> 1 ^ (0x82f63b78u & (0u - (crc & 1)));
		}
	}
	return crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) static uint32_t
crc32c_hard(uint32_t crc, const uint8_t *p, size_t n)
{
	uint64_t wide = crc;
	for (; n >= 8; n -= 8, p += 8) {
		uint64_t word;
		memcpy(&word, p, 8);
		wide = __builtin_ia32_crc32di(wide, word);
	}
	crc = (uint32_t)wide;
	for (; n > 0; n--, p++) {
		crc = __builtin_ia32_crc32qi(crc, *p);
	}
	return crc;
}
#endif

uint32_t
crc32c(uint32_t crc, const void *p, size_t n)
{
#if defined(__x86_64__)
	if (__builtin_cpu_supports("sse4.2")) {
		return ~crc32c_hard(~crc, p, n);
	}
#endif
	return ~crc32c_soft(~crc, p, n);
}

static uint64_t
rotl(uint64_t v, int by)
{
	return v << by | v >> (64 - by);
}

static void
sip_rounds(uint64_t v[4], int rounds)
{
	while (rounds-- > 0) {
		v[0] += v[1];
		v[1] = rotl(v[1], 13) ^ v[0];
		v[0] = rotl(v[0], 32);
		v[2] += v[3];
		v[3] = rotl(v[3], 16) ^ v[2];
		v[0] += v[3];
		v[3] = rotl(v[3], 21) ^ v[0];
		v[2] += v[1];
		v[1] = rotl(v[1], 17) ^ v[2];
		v[2] = rotl(v[2], 32);
	}
}

static uint64_t
load_le(const uint8_t *p, size_t n)
{
	uint64_t v = 0;
	for (size_t i = n; i > 0; i--) {
		v = v << 8 | p[i - 1];
	}
	return v;
}

uint64_t
siphash(const uint8_t key[16], str s)
{
	uint64_t k0 = load_le(key, 8), k1 = load_le(key + 8, 8);
	uint64_t v[4] = { k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d, k0 ^ 0x6c7967656e657261,
		k1 ^ 0x7465646279746573 };
	const uint8_t *p = (const uint8_t *)s.p;
	size_t left = s.n;
	for (; left >= 8; left -= 8, p += 8) {
		uint64_t m = load_le(p, 8);
		v[3] ^= m;
		sip_rounds(v, 2);
		v[0] ^= m;
	}
	uint64_t last = (uint64_t)s.n << 56 | load_le(p, left);
	v[3] ^= last;
	sip_rounds(v, 2);
	v[0] ^= last;
	v[2] ^= 0xff;
	sip_rounds(v, 4);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}
