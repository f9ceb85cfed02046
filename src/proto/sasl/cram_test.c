/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sums against the examples of the RFCs: MD5 (1321 A.5), CRAM-MD5 (2195 2), HMAC-MD5 (2202 2).
 * Lengths at which MD5 pads differently come from another implementation.
 */
#include "base/codec.h"
#include "base/test.h"
#include "proto/sasl/cram.h"
#include "proto/sasl/md5.h"

static str
hex_of(const void *p, size_t n, struct buf *out)
{
	buf_reset(out);
	hex_encode(out, str_make(p, n));
	return buf_view(out);
}

static void
md5_matches_its_suite(void)
{
	static const struct {
		str in, want;
	} rows[] = {
		{ S_INIT(""), S_INIT("d41d8cd98f00b204e9800998ecf8427e") },
		{ S_INIT("a"), S_INIT("0cc175b9c0f1b6a831c399e269772661") },
		{ S_INIT("abc"), S_INIT("900150983cd24fb0d6963f7d28e17f72") },
		{ S_INIT("message digest"), S_INIT("f96b697d7cb7938d525a2f31aaf161d0") },
		{ S_INIT("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"),
		    S_INIT("d174ab98d277d9f5a5611c2c9f419d9f") },
		{ S_INIT("1234567890123456789012345678901234567890"
			 "1234567890123456789012345678901234567890"),
		    S_INIT("57edf4a22be3c955ac49da2e2107b67a") },
	};
	struct buf hex;

	buf_init(&hex, 64);
	for (size_t i = 0; i < LEN(rows); i++) {
		uint8_t out[SASL_MD5_OCTETS];
		struct sasl_md5 m;

		sasl_md5_init(&m);
		sasl_md5_end(&m, rows[i].in, out);
		CHECK_STR(hex_of(out, sizeof(out), &hex), rows[i].want);
	}
	buf_done(&hex);
}

/* Lengths around the padding's edge, known from another implementation: n times "q". */
static void
md5_matches_at_block_borders(void)
{
	static const struct {
		size_t n;
		str want;
	} rows[] = {
		{ 55, S_INIT("c932e1b1a97de537d13e0dddd96da42b") },
		{ 56, S_INIT("266ea7b18061f04ebe140d63ce648567") },
		{ 57, S_INIT("24cc260ec785c4caf68652001f828615") },
		{ 63, S_INIT("7b7cb022759a9f373ef24bf92c05204f") },
		{ 64, S_INIT("40bfc24c764552cb38083a62855664aa") },
		{ 65, S_INIT("4f8d62f3cf50e436dfe277c67b321fbc") },
		{ 119, S_INIT("4e20e3261348598d351ffb929cec1624") },
		{ 120, S_INIT("c976bc0861b17fcb68af3c74b7e12f7a") },
		{ 127, S_INIT("54de3aac0e3b808b88000f7cc66a1bb6") },
		{ 128, S_INIT("d54e2c26b7f6d2bb0fe3d3b7ad28a2d1") },
		{ 129, S_INIT("e4aa277a2520e5caf60cf3735e00bfef") },
		{ 200, S_INIT("df02a36fd4a99febe469328b0fe2037f") },
	};
	char text[200];
	struct buf hex;

	memset(text, 'q', sizeof(text));
	buf_init(&hex, 64);
	for (size_t i = 0; i < LEN(rows); i++) {
		uint8_t out[SASL_MD5_OCTETS];
		struct sasl_md5 m;

		sasl_md5_init(&m);
		sasl_md5_end(&m, str_make(text, rows[i].n), out);
		CHECK_STR(hex_of(out, sizeof(out), &hex), rows[i].want);
	}
	buf_done(&hex);
}

static void
cram_matches_rfc(void)
{
	static const char long_key[80] = { [0 ... 79] = '\xaa' };
	static const struct {
		const char *name;
		str password, challenge, want;
	} rows[] = {
		{ "RFC 2195 2", S_INIT("tanstaaftanstaaf"),
		    S_INIT("<1896.697170952@postoffice.reston.mci.net>"),
		    S_INIT("b913a602c7eda7a495b4e6e7334d3890") },
		{ "RFC 2202 2, case 2", S_INIT("Jefe"), S_INIT("what do ya want for nothing?"),
		    S_INIT("750c783e6ab0b503eaa86e310a5db738") },
		{ "RFC 2202 2, case 6: key longer than a block", { long_key, sizeof(long_key) },
		    S_INIT("Test Using Larger Than Block-Size Key - Hash Key First"),
		    S_INIT("6b1ab7fe4bd7bf8f0b62e6ce61b9d0cd") },
	};
	struct buf hex;

	buf_init(&hex, 64);
	for (size_t i = 0; i < LEN(rows); i++) {
		uint8_t context[SASL_CRAM_CONTEXT], digest[16];

		test_case = rows[i].name;
		sasl_cram_context(rows[i].password, context);
		sasl_cram_digest(context, rows[i].challenge, digest);
		CHECK_STR(hex_of(digest, sizeof(digest), &hex), rows[i].want);
		CHECK(sasl_cram_ok(context, rows[i].challenge, (const char *)digest));
		digest[15] ^= 1;
		CHECK(!sasl_cram_ok(context, rows[i].challenge, (const char *)digest));
	}
	test_case = NULL;
	buf_done(&hex);
}

static void
cram_challenge_is_a_message_id(void)
{
	struct buf out;

	buf_init(&out, SASL_CRAM_CHALLENGE_MAX);
	sasl_cram_challenge(&out, UINT64_MAX, 697170952, S("mail.example.org"));
	CHECK_STR(buf_view(&out), S("<18446744073709551615.697170952@mail.example.org>"));
	buf_done(&out);
}

TEST_MAIN(md5_matches_its_suite, md5_matches_at_block_borders, cram_matches_rfc,
    cram_challenge_is_a_message_id)
