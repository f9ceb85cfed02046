/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MD5 after the description in RFC 1321 section 3: four rounds of sixteen steps over 32-bit words.
 * The additive constants are floor(2^32 * |sin(i + 1)|), the shifts repeat in fours per round.
 */
#include "proto/sasl/md5.h"

#include "base/mem.h"

static const uint8_t shifts[4][4] = { { 7, 12, 17, 22 }, { 5, 9, 14, 20 }, { 4, 11, 16, 23 },
	{ 6, 10, 15, 21 } };

static const uint32_t sines[64] = {
	0xd76aa478,
	0xe8c7b756,
	0x242070db,
	0xc1bdceee,
	0xf57c0faf,
	0x4787c62a,
	0xa8304613,
	0xfd469501,
	0x698098d8,
	0x8b44f7af,
	0xffff5bb1,
	0x895cd7be,
	0x6b901122,
	0xfd987193,
	0xa679438e,
	0x49b40821,
	0xf61e2562,
	0xc040b340,
	0x265e5a51,
	0xe9b6c7aa,
	0xd62f105d,
	0x02441453,
	0xd8a1e681,
	0xe7d3fbc8,
	0x21e1cde6,
	0xc33707d6,
	0xf4d50d87,
	0x455a14ed,
	0xa9e3e905,
	0xfcefa3f8,
	0x676f02d9,
	0x8d2a4c8a,
	0xfffa3942,
	0x8771f681,
	0x6d9d6122,
	0xfde5380c,
	0xa4beea44,
	0x4bdecfa9,
	0xf6bb4b60,
	0xbebfbc70,
	0x289b7ec6,
	0xeaa127fa,
	0xd4ef3085,
	0x04881d05,
	0xd9d4d039,
	0xe6db99e5,
	0x1fa27cf8,
	0xc4ac5665,
	0xf4292244,
	0x432aff97,
	0xab9423a7,
	0xfc93a039,
	0x655b59c3,
	0x8f0ccc92,
	0xffeff47d,
	0x85845dd1,
	0x6fa87e4f,
	0xfe2ce6e0,
	0xa3014314,
	0x4e0811a1,
	0xf7537e82,
	0xbd3af235,
	0x2ad7d2bb,
	0xeb86d391,
};

static uint32_t
load32(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static void
store32(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)v;
	p[1] = (uint8_t)(v >> 8);
	p[2] = (uint8_t)(v >> 16);
	p[3] = (uint8_t)(v >> 24);
}

/* The round's function of three words, and which word of the block step i takes. */
static uint32_t
mix(unsigned i, uint32_t b, uint32_t c, uint32_t d, unsigned *ret_word)
{
	switch (i / 16) {
	case 0: *ret_word = i; return (b & c) | (~b & d);
	case 1: *ret_word = (5 * i + 1) % 16; return (b & d) | (c & ~d);
	case 2: *ret_word = (3 * i + 5) % 16; return b ^ c ^ d;
	default: *ret_word = (7 * i) % 16; return c ^ (b | ~d);
	}
}

void
sasl_md5_init(struct sasl_md5 *m)
{
	*m = (struct sasl_md5){ .state = { 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476 } };
}

void
sasl_md5_block(struct sasl_md5 *m, const uint8_t block[SASL_MD5_BLOCK])
{
	uint32_t a = m->state[0], b = m->state[1], c = m->state[2], d = m->state[3];

	for (unsigned i = 0; i < 64; i++) {
		unsigned word, shift = shifts[i / 16][i % 4];
		uint32_t sum = a + mix(i, b, c, d, &word) + sines[i];

		sum += load32(block + (size_t)4 * word);
		a = d;
		d = c;
		c = b;
		b += sum << shift | sum >> (32 - shift);
	}
	m->state[0] += a;
	m->state[1] += b;
	m->state[2] += c;
	m->state[3] += d;
	m->octets += SASL_MD5_BLOCK;
}

void
sasl_md5_end(struct sasl_md5 *m, str rest, uint8_t out[SASL_MD5_OCTETS])
{
	uint8_t block[SASL_MD5_BLOCK];
	uint64_t bits = (m->octets + rest.n) * 8;

	while (rest.n >= SASL_MD5_BLOCK) {
		sasl_md5_block(m, (const uint8_t *)rest.p);
		rest = str_from_off(rest, SASL_MD5_BLOCK);
	}
	memset(block, 0, sizeof(block));
	if (rest.n > 0) {
		memcpy(block, rest.p, rest.n);
	}
	block[rest.n] = 0x80;
	if (rest.n >= SASL_MD5_BLOCK - 8) {
		sasl_md5_block(m, block);
		memset(block, 0, sizeof(block));
	}
	store32(block + 56, (uint32_t)bits);
	store32(block + 60, (uint32_t)(bits >> 32));
	sasl_md5_block(m, block);
	sasl_md5_save(m, out);
	mem_wipe(block, sizeof(block));
}

void
sasl_md5_save(const struct sasl_md5 *m, uint8_t out[SASL_MD5_OCTETS])
{
	for (size_t i = 0; i < 4; i++) {
		store32(out + 4 * i, m->state[i]);
	}
}

void
sasl_md5_load(struct sasl_md5 *m, const uint8_t in[SASL_MD5_OCTETS], uint64_t octets)
{
	for (size_t i = 0; i < 4; i++) {
		m->state[i] = load32(in + 4 * i);
	}
	m->octets = octets;
}
