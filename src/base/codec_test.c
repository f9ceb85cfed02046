/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Vectors of RFC 4648 section 10, RFC 3720 B.4 (CRC-32C) and the SipHash paper, and bad input.
 */
#include "base/codec.h"
#include "base/test.h"

static void
base64_vectors(void)
{
	static const struct {
		str plain, coded;
	} rows[] = {
		{ S_INIT(""), S_INIT("") },
		{ S_INIT("f"), S_INIT("Zg==") },
		{ S_INIT("fo"), S_INIT("Zm8=") },
		{ S_INIT("foo"), S_INIT("Zm9v") },
		{ S_INIT("foobar"), S_INIT("Zm9vYmFy") },
	};
	for (size_t i = 0; i < LEN(rows); i++) {
		char room[64];
		struct buf b;
		buf_init_fixed(&b, room, sizeof room);
		base64_encode(&b, rows[i].plain);
		CHECK_STR(buf_view(&b), rows[i].coded);
		buf_reset(&b);
		CHECK_ERR(base64_decode(&b, rows[i].coded), ERR_OK);
		CHECK_STR(buf_view(&b), rows[i].plain);
	}
}

/* Every digit of the alphabet in its place, both ways. */
static void
base64_alphabet(void)
{
	str all = S("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/");
	char plain[48], coded[64];
	struct buf p, c;
	buf_init_fixed(&p, plain, sizeof plain);
	buf_init_fixed(&c, coded, sizeof coded);
	CHECK_ERR(base64_decode(&p, all), ERR_OK);
	CHECK_U64(p.n, 48);
	for (unsigned i = 0; i < 64; i++) {
		/* Digit i is made of bits 6 i to 6 i + 5. */
		unsigned at = i * 6 / 8, shift = 10 - i * 6 % 8;
		unsigned two = (unsigned)(uint8_t)plain[at] << 8 |
		    (at < 47 ? (uint8_t)plain[at + 1] : 0);
		CHECK_U64(two >> shift & 63, i);
	}
	base64_encode(&c, buf_view(&p));
	CHECK_STR(buf_view(&c), all);
	static const str bad[] = { S_INIT("@AAA"), S_INIT("[AAA"), S_INIT("`AAA"), S_INIT("{AAA"),
		S_INIT(":AAA"), S_INIT(".AAA"), S_INIT(",AAA"), S_INIT("-_AA"),
		S_INIT("\xc1"
		       "AAA") };
	for (size_t i = 0; i < LEN(bad); i++) {
		buf_reset(&p);
		CHECK_ERR(base64_decode(&p, bad[i]), ERR_SYNTAX);
	}
}

static void
base64_refuses(void)
{
	static const str bad[] = { S_INIT("Zg="), S_INIT("Zg"), S_INIT("Z==="), S_INIT("Zh=="),
		S_INIT("Zm9="), S_INIT("Zg==Zg=="), S_INIT("Zm9v\n"), S_INIT("===="),
		S_INIT("Zm 9") };
	for (size_t i = 0; i < LEN(bad); i++) {
		char room[64];
		struct buf b;
		buf_init_fixed(&b, room, sizeof room);
		test_case = bad[i].p;
		CHECK_ERR(base64_decode(&b, bad[i]), ERR_SYNTAX);
		CHECK_U64(b.n, 0);
	}
}

static void
utf8_rules(void)
{
	CHECK(utf8_valid(S("gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x93\xac")));
	static const str bad[] = { S_INIT("\xc0\x80"), S_INIT("\xed\xa0\x80"),
		S_INIT("\xf4\x90\x80\x80"), S_INIT("\xe2\x82"), S_INIT("\x80"), S_INIT("\xff") };
	for (size_t i = 0; i < LEN(bad); i++) {
		CHECK(!utf8_valid(bad[i]));
	}
	char room[8];
	struct buf b;
	buf_init_fixed(&b, room, sizeof room);
	utf8_put(&b, 0x1f4ec);
	str s = buf_view(&b);
	CHECK_U64(utf8_next(&s), 0x1f4ec);
	CHECK_U64(s.n, 0);
}

/* Both ends of every length, each with the octets RFC 3629 section 3 gives it. */
static void
utf8_for_the_eye(void)
{
	static const uint32_t shown[] = { ' ', '~', 0xa0, 0xfc, 0x61b, 0x61d, 0x200d, 0x2010,
		0x2027, 0x202f, 0x2065, 0x206a, 0xfffd, 0x1f4ec, 0x10ffff };
	static const uint32_t not [] = { 0, '\t', '\n', 0x1b, 0x1f, 0x7f, 0x80, 0x85, 0x9b, 0x9f,
		0x61c, 0x200e, 0x200f, 0x2028, 0x2029, 0x202e, 0x2066, 0x2069, 0x110000,
		UINT32_MAX };
	for (size_t i = 0; i < LEN(shown); i++) {
		CHECK(utf8_is_shown(shown[i]));
	}
	for (size_t i = 0; i < LEN(not ); i++) {
		CHECK(!utf8_is_shown(not [i]));
	}
}

static void
utf8_boundaries(void)
{
	static const struct {
		uint32_t cp;
		str octets;
	} rows[] = {
		{ 0, S_INIT("\0") },
		{ 0x7f, S_INIT("\x7f") },
		{ 0x80, S_INIT("\xc2\x80") },
		{ 0x7ff, S_INIT("\xdf\xbf") },
		{ 0x800, S_INIT("\xe0\xa0\x80") },
		{ 0xd7ff, S_INIT("\xed\x9f\xbf") },
		{ 0xe000, S_INIT("\xee\x80\x80") },
		{ 0xffff, S_INIT("\xef\xbf\xbf") },
		{ 0x10000, S_INIT("\xf0\x90\x80\x80") },
		{ 0x10ffff, S_INIT("\xf4\x8f\xbf\xbf") },
	};
	for (size_t i = 0; i < LEN(rows); i++) {
		char room[8];
		struct buf b;
		buf_init_fixed(&b, room, sizeof room);
		utf8_put(&b, rows[i].cp);
		CHECK_STR(buf_view(&b), rows[i].octets);
		str s = rows[i].octets;
		CHECK_U64(utf8_next(&s), rows[i].cp);
		CHECK_U64(s.n, 0);
		CHECK(utf8_valid(rows[i].octets));
	}
	static const uint32_t none[] = { 0xd800, 0xdbff, 0xdc00, 0xdfff, 0x110000, UINT32_MAX };
	for (size_t i = 0; i < LEN(none); i++) {
		char room[8];
		struct buf b;
		buf_init_fixed(&b, room, sizeof room);
		utf8_put(&b, none[i]);
		CHECK_STR(buf_view(&b), S("\xef\xbf\xbd"));
	}
}

static void
checksums(void)
{
	uint8_t zeros[32] = { 0 };
	CHECK_U64(crc32c(0, zeros, 32), 0x8a9136aa);
	CHECK_U64(crc32c(0, "123456789", 9), 0xe3069283);
	CHECK_U64(crc32c(crc32c(0, "1234", 4), "56789", 5), 0xe3069283);
	uint8_t key[16], in[15];
	for (uint8_t i = 0; i < 16; i++) {
		key[i] = i;
		in[i % 15] = (uint8_t)(i % 15);
	}
	CHECK_U64(siphash(key, str_make(in, 15)), 0xa129ca6149be45e5);
}

static void
hex_both_ways(void)
{
	char room[16];
	struct buf b;
	buf_init_fixed(&b, room, sizeof room);
	hex_encode(&b, S("\x01\xff"));
	CHECK_STR(buf_view(&b), S("01ff"));
	buf_reset(&b);
	CHECK_ERR(hex_decode(&b, S("01FF")), ERR_OK);
	CHECK_STR(buf_view(&b), S("\x01\xff"));
	CHECK_ERR(hex_decode(&b, S("0")), ERR_SYNTAX);
	CHECK_ERR(hex_decode(&b, S("0g")), ERR_SYNTAX);
}

TEST_MAIN(base64_vectors, base64_alphabet, base64_refuses, utf8_rules, utf8_boundaries,
    utf8_for_the_eye, checksums, hex_both_ways)
