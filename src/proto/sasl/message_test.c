/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The grammar tables: what is read out of each message, and what is refused.
 */
#include "base/test.h"
#include "proto/sasl/limits.h"
#include "proto/sasl/mechanism.h"
#include "proto/sasl/message.h"

static void
finds_mechanisms(void)
{
	CHECK_U64(sasl_mechanism_find(S("PLAIN")), SASL_PLAIN);
	CHECK_U64(sasl_mechanism_find(S("scram-sha-256-plus")), SASL_SCRAM_SHA_256_PLUS);
	CHECK_U64(sasl_mechanism_find(S("SCRAM-SHA-256-PLUSX")), SASL_MECHANISMS);
	CHECK_U64(sasl_mechanism_find(S("EXTERNAL")), SASL_MECHANISMS);
	CHECK_U64(sasl_mechanism_find(S("")), SASL_MECHANISMS);
	for (size_t i = 0; i < SASL_MECHANISMS; i++) {
		CHECK(sasl_mechanism_row((enum sasl_mechanism)i)->name.n <= SASL_MECHANISM_MAX);
	}
}

static void
offers_by_rule(void)
{
	static const struct {
		const char *name;
		struct sasl_offer offer;
		str want;
	} rows[] = {
		{ "plain text session", { .cram_md5 = true, .binding = true }, S_INIT("") },
		{ "tls", { .tls = true }, S_INIT(" SCRAM-SHA-256 SCRAM-SHA-1 PLAIN LOGIN") },
		{ "tls with exporter", { .tls = true, .binding = true },
		    S_INIT(" SCRAM-SHA-256-PLUS SCRAM-SHA-1-PLUS SCRAM-SHA-256 SCRAM-SHA-1"
			   " PLAIN LOGIN") },
		{ "old programs", { .tls = true, .cram_md5 = true },
		    S_INIT(" SCRAM-SHA-256 SCRAM-SHA-1 PLAIN LOGIN CRAM-MD5") },
	};

	for (size_t i = 0; i < LEN(rows); i++) {
		struct buf out;

		test_case = rows[i].name;
		buf_init(&out, 1000);
		sasl_mechanism_list(&out, &rows[i].offer, S(" "));
		CHECK_STR(buf_view(&out), rows[i].want);
		buf_done(&out);
	}
	test_case = NULL;
}

static void
parses_plain(void)
{
	static const struct {
		const char *name;
		str in;
		enum err want;
		str authzid, user, password;
	} rows[] = {
		{ "RFC 4616 4, first example", S_INIT("\0tim\0tanstaaftanstaaf"), ERR_OK,
		    S_INIT(""), S_INIT("tim"), S_INIT("tanstaaftanstaaf") },
		{ "RFC 4616 4, second example", S_INIT("Ursel\0Kurt\0xipj3plmq"), ERR_OK,
		    S_INIT("Ursel"), S_INIT("Kurt"), S_INIT("xipj3plmq") },
		{ "no password", S_INIT("\0tim\0"), ERR_SYNTAX, S_INIT(""), S_INIT(""),
		    S_INIT("") },
		{ "no user", S_INIT("\0\0x"), ERR_SYNTAX, S_INIT(""), S_INIT(""), S_INIT("") },
		{ "one NUL", S_INIT("tim\0x"), ERR_SYNTAX, S_INIT(""), S_INIT(""), S_INIT("") },
		{ "three NULs", S_INIT("\0tim\0x\0y"), ERR_SYNTAX, S_INIT(""), S_INIT(""),
		    S_INIT("") },
		{ "empty", S_INIT(""), ERR_SYNTAX, S_INIT(""), S_INIT(""), S_INIT("") },
		{ "not UTF-8", S_INIT("\0t\xffm\0x"), ERR_CHARSET, S_INIT(""), S_INIT(""),
		    S_INIT("") },
		{ "password not UTF-8", S_INIT("\0tim\0\xc0\x80"), ERR_CHARSET, S_INIT(""),
		    S_INIT(""), S_INIT("") },
	};

	for (size_t i = 0; i < LEN(rows); i++) {
		struct sasl_plain plain;

		test_case = rows[i].name;
		if (CHECK_ERR(sasl_plain_parse(rows[i].in, &plain), rows[i].want) &&
		    rows[i].want == ERR_OK) {
			CHECK_STR(plain.authzid, rows[i].authzid);
			CHECK_STR(plain.user, rows[i].user);
			CHECK_STR(plain.password, rows[i].password);
		}
	}
	test_case = NULL;
}

static void
bounds_plain(void)
{
	char text[2 + SASL_USER_MAX + 1 + SASL_PASSWORD_MAX + 1];
	struct sasl_plain plain;

	memset(text, 'x', sizeof(text));
	text[0] = text[1 + SASL_USER_MAX] = '\0';
	CHECK_ERR(sasl_plain_parse(str_make(text, 2 + SASL_USER_MAX + SASL_PASSWORD_MAX), &plain),
	    ERR_OK);
	CHECK_ERR(sasl_plain_parse(str_make(text, 3 + SASL_USER_MAX + SASL_PASSWORD_MAX), &plain),
	    ERR_TOOBIG);
	text[1 + SASL_USER_MAX] = 'x';
	text[2 + SASL_USER_MAX] = '\0';
	CHECK_ERR(sasl_plain_parse(str_make(text, sizeof(text)), &plain), ERR_TOOBIG);
}

static void
parses_cram(void)
{
	static const struct {
		const char *name;
		str in;
		enum err want;
		str user;
	} rows[] = {
		{ "RFC 2195 2", S_INIT("tim b913a602c7eda7a495b4e6e7334d3890"), ERR_OK,
		    S_INIT("tim") },
		{ "a user with a space", S_INIT("a b b913a602c7eda7a495b4e6e7334d3890"), ERR_OK,
		    S_INIT("a b") },
		{ "31 digits", S_INIT("tim b913a602c7eda7a495b4e6e7334d389"), ERR_SYNTAX,
		    S_INIT("") },
		{ "33 digits", S_INIT("tim b913a602c7eda7a495b4e6e7334d38900"), ERR_SYNTAX,
		    S_INIT("") },
		{ "no digit", S_INIT("tim g913a602c7eda7a495b4e6e7334d3890"), ERR_SYNTAX,
		    S_INIT("") },
		{ "no user", S_INIT(" b913a602c7eda7a495b4e6e7334d3890"), ERR_SYNTAX, S_INIT("") },
		{ "no space", S_INIT("b913a602c7eda7a495b4e6e7334d3890"), ERR_SYNTAX, S_INIT("") },
		{ "empty", S_INIT(""), ERR_SYNTAX, S_INIT("") },
	};

	for (size_t i = 0; i < LEN(rows); i++) {
		struct sasl_cram cram;

		test_case = rows[i].name;
		if (CHECK_ERR(sasl_cram_parse(rows[i].in, &cram), rows[i].want) &&
		    rows[i].want == ERR_OK) {
			CHECK_STR(cram.user, rows[i].user);
			CHECK_U64((uint8_t)cram.digest[0], 0xb9);
			CHECK_U64((uint8_t)cram.digest[15], 0x90);
		}
	}
	test_case = NULL;
}

static void
parses_scram_first(void)
{
	static const struct {
		const char *name;
		str in;
		enum err want;
		char binding;
		str authzid, user, bare;
	} rows[] = {
		{ "RFC 5802 5", S_INIT("n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL"), ERR_OK, 'n',
		    S_INIT(""), S_INIT("user"), S_INIT("n=user,r=fyko+d2lbbFgONRv9qkxdawL") },
		{ "binding", S_INIT("p=tls-exporter,,n=u,r=a"), ERR_OK, 'p', S_INIT(""),
		    S_INIT("u"), S_INIT("n=u,r=a") },
		{ "y and authzid", S_INIT("y,a=z,n=u,r=a"), ERR_OK, 'y', S_INIT("z"), S_INIT("u"),
		    S_INIT("n=u,r=a") },
		{ "extension after the nonce", S_INIT("n,,n=u,r=a,x=1"), ERR_OK, 'n', S_INIT(""),
		    S_INIT("u"), S_INIT("n=u,r=a,x=1") },
		{ "mandatory extension", S_INIT("n,,m=1,n=u,r=a"), ERR_UNSUPPORTED, 0, S_INIT(""),
		    S_INIT(""), S_INIT("") },
		{ "no nonce", S_INIT("n,,n=u"), ERR_SYNTAX, 0, S_INIT(""), S_INIT(""), S_INIT("") },
		{ "empty nonce", S_INIT("n,,n=u,r="), ERR_SYNTAX, 0, S_INIT(""), S_INIT(""),
		    S_INIT("") },
		{ "space in nonce", S_INIT("n,,n=u,r=a b"), ERR_SYNTAX, 0, S_INIT(""), S_INIT(""),
		    S_INIT("") },
		{ "no user", S_INIT("n,,n=,r=a"), ERR_SYNTAX, 0, S_INIT(""), S_INIT(""),
		    S_INIT("") },
		{ "unknown flag", S_INIT("x,,n=u,r=a"), ERR_SYNTAX, 0, S_INIT(""), S_INIT(""),
		    S_INIT("") },
		{ "p without name", S_INIT("p=,,n=u,r=a"), ERR_SYNTAX, 0, S_INIT(""), S_INIT(""),
		    S_INIT("") },
		{ "bad binding name", S_INIT("p=a_b,,n=u,r=a"), ERR_SYNTAX, 0, S_INIT(""),
		    S_INIT(""), S_INIT("") },
		{ "authzid without a=", S_INIT("n,zz,n=u,r=a"), ERR_SYNTAX, 0, S_INIT(""),
		    S_INIT(""), S_INIT("") },
		{ "NUL", S_INIT("n,,n=u\0v,r=a"), ERR_SYNTAX, 0, S_INIT(""), S_INIT(""),
		    S_INIT("") },
		{ "not UTF-8", S_INIT("n,,n=\xff,r=a"), ERR_CHARSET, 0, S_INIT(""), S_INIT(""),
		    S_INIT("") },
		{ "no header", S_INIT("n=u,r=a"), ERR_SYNTAX, 0, S_INIT(""), S_INIT(""),
		    S_INIT("") },
		{ "empty", S_INIT(""), ERR_SYNTAX, 0, S_INIT(""), S_INIT(""), S_INIT("") },
	};

	for (size_t i = 0; i < LEN(rows); i++) {
		struct sasl_scram_first first;

		test_case = rows[i].name;
		if (CHECK_ERR(sasl_scram_first_parse(rows[i].in, &first), rows[i].want) &&
		    rows[i].want == ERR_OK) {
			CHECK_U64(first.binding, rows[i].binding);
			CHECK_STR(first.authzid, rows[i].authzid);
			CHECK_STR(first.user, rows[i].user);
			CHECK_STR(first.bare, rows[i].bare);
		}
	}
	test_case = NULL;
}

static void
decodes_names(void)
{
	static const struct {
		str in;
		enum err want;
		str out;
	} rows[] = {
		{ S_INIT("user"), ERR_OK, S_INIT("user") },
		{ S_INIT("a=2Cb=3Dc"), ERR_OK, S_INIT("a,b=c") },
		{ S_INIT("=2C"), ERR_OK, S_INIT(",") },
		{ S_INIT("a=2c"), ERR_SYNTAX, S_INIT("") },
		{ S_INIT("a="), ERR_SYNTAX, S_INIT("") },
		{ S_INIT("a=2"), ERR_SYNTAX, S_INIT("") },
	};

	for (size_t i = 0; i < LEN(rows); i++) {
		struct buf out;

		buf_init(&out, 100);
		CHECK_ERR(sasl_name_decode(&out, rows[i].in), rows[i].want);
		CHECK_STR(buf_view(&out), rows[i].out);
		buf_done(&out);
	}
}

static void
parses_scram_final(void)
{
	static const struct {
		const char *name;
		str in;
		enum err want;
		size_t proof_n;
	} rows[] = {
		{ "RFC 5802 5",
		    S_INIT("c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,"
			   "p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts="),
		    ERR_OK, 20 },
		{ "RFC 7677 3",
		    S_INIT("c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
			   "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="),
		    ERR_OK, 32 },
		{ "extension before the proof",
		    S_INIT("c=biws,r=a,x=1,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts="), ERR_OK, 20 },
		{ "short proof", S_INIT("c=biws,r=a,p=v0X8"), ERR_SYNTAX, 0 },
		{ "no proof", S_INIT("c=biws,r=a"), ERR_SYNTAX, 0 },
		{ "proof not last", S_INIT("c=biws,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=,r=a"), ERR_SYNTAX,
		    0 },
		{ "no nonce", S_INIT("c=biws,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts="), ERR_SYNTAX, 0 },
		{ "empty binding", S_INIT("c=,r=a,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts="), ERR_SYNTAX, 0 },
		{ "proof too long",
		    S_INIT("c=biws,r=a,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQBAQ=="),
		    ERR_SYNTAX, 0 },
		{ "empty", S_INIT(""), ERR_SYNTAX, 0 },
	};

	for (size_t i = 0; i < LEN(rows); i++) {
		struct sasl_scram_final final;

		test_case = rows[i].name;
		if (CHECK_ERR(sasl_scram_final_parse(rows[i].in, &final), rows[i].want) &&
		    rows[i].want == ERR_OK) {
			CHECK_U64(final.proof_n, rows[i].proof_n);
			CHECK(str_starts(final.without_proof, S("c=biws,r=")));
			CHECK(str_find(final.without_proof, S(",p=")) < 0);
		}
	}
	test_case = NULL;
}

TEST_MAIN(finds_mechanisms, offers_by_rule, parses_plain, bounds_plain, parses_cram,
    parses_scram_first, decodes_names, parses_scram_final)
