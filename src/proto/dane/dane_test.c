/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The decisions of RFC 7672, 7671 and 6698, a table per section, and matching over certificates
 * that are short strings and one that is real.
 */
#include "base/test.h"
#include "proto/dane/dane.h"

/* A self-signed P-256 certificate; its key stands at 135. */
static const uint8_t p256[] = { 0x30, 0x82, 0x01, 0x89, 0x30, 0x82, 0x01, 0x2f, 0xa0, 0x03, 0x02,
	0x01, 0x02, 0x02, 0x14, 0x38, 0x7e, 0xaa, 0x57, 0x98, 0xc3, 0x49, 0xbf, 0x57, 0xa0, 0x29,
	0xa6, 0x5c, 0x4d, 0x9e, 0x41, 0xfe, 0x61, 0xc7, 0xb9, 0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86,
	0x48, 0xce, 0x3d, 0x04, 0x03, 0x02, 0x30, 0x1a, 0x31, 0x18, 0x30, 0x16, 0x06, 0x03, 0x55,
	0x04, 0x03, 0x0c, 0x0f, 0x6d, 0x78, 0x2e, 0x65, 0x78, 0x61, 0x6d, 0x70, 0x6c, 0x65, 0x2e,
	0x74, 0x65, 0x73, 0x74, 0x30, 0x1e, 0x17, 0x0d, 0x32, 0x36, 0x31, 0x31, 0x32, 0x32, 0x30,
	0x32, 0x34, 0x37, 0x31, 0x36, 0x5a, 0x17, 0x0d, 0x33, 0x36, 0x31, 0x31, 0x31, 0x39, 0x30,
	0x32, 0x34, 0x37, 0x31, 0x36, 0x5a, 0x30, 0x1a, 0x31, 0x18, 0x30, 0x16, 0x06, 0x03, 0x55,
	0x04, 0x03, 0x0c, 0x0f, 0x6d, 0x78, 0x2e, 0x65, 0x78, 0x61, 0x6d, 0x70, 0x6c, 0x65, 0x2e,
	0x74, 0x65, 0x73, 0x74, 0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d,
	0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
	0x04, 0x24, 0xd1, 0x31, 0x5f, 0xf7, 0xcd, 0x2e, 0xd9, 0xa0, 0xab, 0x19, 0xa0, 0xfc, 0xf1,
	0x88, 0x1b, 0xd0, 0xad, 0x59, 0x7b, 0xf3, 0x69, 0xad, 0x0f, 0xb0, 0x8d, 0x77, 0xbe, 0xf8,
	0x39, 0x94, 0x2e, 0xa7, 0x76, 0x39, 0xb3, 0x01, 0xee, 0xea, 0xe1, 0xe8, 0xd8, 0xf8, 0x6d,
	0xd9, 0xc7, 0x54, 0x96, 0xa3, 0x47, 0xa6, 0x0b, 0xfb, 0x0b, 0x75, 0x26, 0x8d, 0xa4, 0xa6,
	0x0e, 0x84, 0xed, 0xdf, 0x3a, 0xa3, 0x53, 0x30, 0x51, 0x30, 0x1d, 0x06, 0x03, 0x55, 0x1d,
	0x0e, 0x04, 0x16, 0x04, 0x14, 0x36, 0x11, 0x5c, 0x01, 0x6d, 0x19, 0x88, 0x74, 0xc5, 0xc7,
	0xa1, 0x0c, 0x8e, 0x4c, 0x51, 0x9c, 0xa4, 0x8b, 0xfc, 0xa7, 0x30, 0x1f, 0x06, 0x03, 0x55,
	0x1d, 0x23, 0x04, 0x18, 0x30, 0x16, 0x80, 0x14, 0x36, 0x11, 0x5c, 0x01, 0x6d, 0x19, 0x88,
	0x74, 0xc5, 0xc7, 0xa1, 0x0c, 0x8e, 0x4c, 0x51, 0x9c, 0xa4, 0x8b, 0xfc, 0xa7, 0x30, 0x0f,
	0x06, 0x03, 0x55, 0x1d, 0x13, 0x01, 0x01, 0xff, 0x04, 0x05, 0x30, 0x03, 0x01, 0x01, 0xff,
	0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02, 0x03, 0x48, 0x00,
	0x30, 0x45, 0x02, 0x21, 0x00, 0x96, 0x14, 0x58, 0xd6, 0x06, 0x26, 0x95, 0x6e, 0x85, 0x12,
	0xa9, 0x51, 0x50, 0xb0, 0xcf, 0x60, 0xd4, 0xd2, 0x32, 0xef, 0x95, 0x8d, 0xbe, 0x7f, 0xc4,
	0xe4, 0x2a, 0x34, 0xe2, 0x23, 0x0b, 0x7d, 0x02, 0x20, 0x7f, 0x07, 0x07, 0x9b, 0x12, 0x4f,
	0x09, 0xe8, 0x38, 0xd4, 0xd0, 0xef, 0xa9, 0x18, 0x47, 0xdb, 0x4c, 0xd2, 0xed, 0x24, 0x07,
	0x7b, 0x40, 0x14, 0x7f, 0xf3, 0xc8, 0xcb, 0xbf, 0x14, 0xc0, 0x8d };
enum { KEY_AT = 135, KEY_N = 91 };

static void
rfc7672_2_1_1_what_an_answer_is(void)
{
	static const struct {
		const char *name;
		enum err result;
		unsigned trust;
		size_t records;
		enum dane_dns want;
	} rows[] = {
		{ "secure records", ERR_OK, 1, 2, DANE_DNS_SECURE },
		{ "secure, none", ERR_OK, 1, 0, DANE_DNS_SECURE_NONE },
		{ "secure, no such name", ERR_NOTFOUND, 1, 0, DANE_DNS_SECURE_NONE },
		{ "insecure records", ERR_OK, 2, 1, DANE_DNS_INSECURE },
		{ "insecure, none", ERR_NOTFOUND, 2, 0, DANE_DNS_INSECURE_NONE },
		{ "bogus", ERR_CORRUPT, 3, 0, DANE_DNS_ERROR },
		{ "bogus, whatever else is said", ERR_OK, 3, 1, DANE_DNS_ERROR },
		{ "indeterminate", ERR_OK, 4, 1, DANE_DNS_ERROR },
		{ "SERVFAIL", ERR_AGAIN, 2, 0, DANE_DNS_ERROR },
		{ "time-out that claims to be secure", ERR_TIMEOUT, 1, 1, DANE_DNS_ERROR },
	};
	for (size_t i = 0; i < LEN(rows); i++) {
		test_case = rows[i].name;
		CHECK_U64(dane_dns(rows[i].result, rows[i].trust, rows[i].records), rows[i].want);
	}
}

static void
rfc7672_2_2_1_mx(void)
{
	CHECK_U64(dane_mx(DANE_DNS_SECURE), DANE_MX_HOSTS);
	CHECK_U64(dane_mx(DANE_DNS_INSECURE), DANE_MX_HOSTS_INSECURE);
	CHECK_U64(dane_mx(DANE_DNS_SECURE_NONE), DANE_MX_IMPLICIT);
	CHECK_U64(dane_mx(DANE_DNS_INSECURE_NONE), DANE_MX_IMPLICIT_INSECURE);
	CHECK_U64(dane_mx(DANE_DNS_ERROR), DANE_MX_DEFER); /* 2.1.2 */
}

#define SEC DANE_DNS_SECURE
#define NO DANE_DNS_SECURE_NONE
#define INS DANE_DNS_INSECURE
#define INO DANE_DNS_INSECURE_NONE
#define BAD DANE_DNS_ERROR
#define NOT DANE_DNS_STATES /* not asked */

static void
rfc7672_2_2_2_hosts(void)
{
	static const struct {
		const char *name;
		enum dane_dns address;
		bool alias;
		enum dane_dns cname, expanded, original;
		enum dane_step want;
	} rows[] = {
		{ "2.1.2: no address can be had", BAD, false, NOT, NOT, NOT, DANE_STEP_SKIP },
		{ "2.2.2 not found", NO, false, NOT, NOT, NOT, DANE_STEP_UNREACHABLE },
		{ "2.2.2 not found, insecure", INO, false, NOT, NOT, NOT, DANE_STEP_UNREACHABLE },
		{ "2.2.2 non-CNAME, insecure: TLSA is not asked", INS, false, NOT, NOT, NOT,
		    DANE_STEP_NONE },
		{ "2.2.2 non-CNAME, secure: ask", SEC, false, NOT, NOT, NOT,
		    DANE_STEP_TLSA_ORIGINAL },
		{ "2.2 secure TLSA", SEC, false, NOT, NOT, SEC, DANE_STEP_USE_ORIGINAL },
		{ "2.2 authenticated denial", SEC, false, NOT, NOT, NO, DANE_STEP_NONE },
		{ "2.2 insecure TLSA", SEC, false, NOT, NOT, INS, DANE_STEP_NONE },
		{ "2.2 insecure denial", SEC, false, NOT, NOT, INO, DANE_STEP_NONE },
		{ "2.2 TLSA look-up fails: no downgrade", SEC, false, NOT, NOT, BAD,
		    DANE_STEP_SKIP },
		{ "2.2.2 insecure CNAME: look at the alias", INS, true, NOT, NOT, NOT,
		    DANE_STEP_CNAME },
		{ "2.2.2 insecure CNAME in an insecure zone", INS, true, INS, NOT, NOT,
		    DANE_STEP_NONE },
		{ "2.2.2 insecure CNAME in a signed zone", INS, true, SEC, NOT, NOT,
		    DANE_STEP_TLSA_ORIGINAL },
		{ "... with TLSA", INS, true, SEC, NOT, SEC, DANE_STEP_USE_ORIGINAL },
		{ "... without", INS, true, SEC, NOT, NO, DANE_STEP_NONE },
		{ "... TLSA fails", INS, true, SEC, NOT, BAD, DANE_STEP_SKIP },
		{ "... CNAME fails", INS, true, BAD, NOT, NOT, DANE_STEP_SKIP },
		{ "2.2.2 secure CNAME: the end of it first", SEC, true, NOT, NOT, NOT,
		    DANE_STEP_TLSA_EXPANDED },
		{ "2.2.3 found there", SEC, true, NOT, SEC, NOT, DANE_STEP_USE_EXPANDED },
		{ "2.2.3 fails there: the original is not asked", SEC, true, NOT, BAD, NOT,
		    DANE_STEP_SKIP },
		{ "2.2.3 none there: the original", SEC, true, NOT, NO, NOT,
		    DANE_STEP_TLSA_ORIGINAL },
		{ "2.2.3 insecure there: the original", SEC, true, NOT, INS, SEC,
		    DANE_STEP_USE_ORIGINAL },
		{ "2.2.3 none at all", SEC, true, NOT, NO, NO, DANE_STEP_NONE },
	};
	for (size_t i = 0; i < LEN(rows); i++) {
		struct dane_lookup l = { rows[i].address, rows[i].alias, rows[i].cname,
			rows[i].expanded != NOT, rows[i].expanded, rows[i].original != NOT,
			rows[i].original };
		test_case = rows[i].name;
		CHECK_U64(dane_host(&l), rows[i].want);
	}
}

#define D32 S_INIT("01234567890123456789012345678901")
#define D64 S_INIT("0123456789012345678901234567890101234567890123456789012345678901")

static void
rfc7672_3_1_usable_records(void)
{
	static const struct {
		const char *name;
		struct dane_record r;
		bool want;
	} rows[] = {
		{ "3.1.1 DANE-EE SPKI SHA2-256", { 3, 1, 1, D32 }, true },
		{ "3.1.2 DANE-TA Cert SHA2-256", { 2, 0, 1, D32 }, true },
		{ "3 0 2", { 3, 0, 2, D64 }, true },
		{ "3 1 0", { 3, 1, 0, S_INIT("key") }, true },
		{ "3.1.3 PKIX-TA", { 0, 0, 1, D32 }, false },
		{ "3.1.3 PKIX-EE", { 1, 1, 1, D32 }, false },
		{ "usage 4", { 4, 1, 1, D32 }, false },
		{ "PrivCert", { 255, 1, 1, D32 }, false },
		{ "selector 2", { 3, 2, 1, D32 }, false },
		{ "matching 3", { 3, 1, 3, D32 }, false },
		{ "RFC 7671 9: digest too short", { 3, 1, 1, S_INIT("short") }, false },
		{ "digest of the other type", { 3, 1, 2, D32 }, false },
		{ "no data", { 3, 1, 0, S_INIT("") }, false },
	};
	for (size_t i = 0; i < LEN(rows); i++) {
		test_case = rows[i].name;
		CHECK(dane_usable(&rows[i].r) == rows[i].want);
		CHECK_U64(dane_demand(&rows[i].r, 1),
		    rows[i].want ? DANE_DEMAND_AUTHENTICATE : DANE_DEMAND_ENCRYPT);
	}
	static const struct dane_record both[] = { { 0, 0, 1, D32 }, { 3, 1, 1, D32 } };
	CHECK_U64(dane_demand(both, 2), DANE_DEMAND_AUTHENTICATE);
	CHECK_U64(dane_demand(NULL, 0), DANE_DEMAND_NONE);
}

/* A hash for tests: the first octets, filled up with the matching type. */
static void
toy_hash(unsigned matching, str in, uint8_t out[DANE_DIGEST_MAX])
{
	memset(out, (int)('0' + matching), DANE_DIGEST_MAX);
	memcpy(out, in.p, MIN(in.n, (size_t)8));
}

#define H1(text) S_INIT(text "111111111111111111111111")
#define H2(text) S_INIT(text "22222222222222222222222222222222222222222222222222222222")

static const struct dane_cert chain[] = {
	{ S_INIT("leafcert"), S_INIT("leaf-key") },
	{ S_INIT("ca-1cert"), S_INIT("ca-1-key") },
	{ S_INIT("rootcert"), S_INIT("root-key") },
};

static void
rfc6698_2_1_matching(void)
{
	static const struct {
		const char *name;
		struct dane_record r[3];
		size_t n;
		bool found;
		unsigned usage;
		size_t cert;
	} rows[] = {
		{ "3 1 1 leaf", { { 3, 1, 1, H1("leaf-key") } }, 1, true, 3, 0 },
		{ "3 0 1 leaf", { { 3, 0, 1, H1("leafcert") } }, 1, true, 3, 0 },
		{ "3 1 2 leaf", { { 3, 1, 2, H2("leaf-key") } }, 1, true, 3, 0 },
		{ "3 1 0 leaf", { { 3, 1, 0, S_INIT("leaf-key") } }, 1, true, 3, 0 },
		{ "3 0 0 leaf", { { 3, 0, 0, S_INIT("leafcert") } }, 1, true, 3, 0 },
		{ "selector mixed up", { { 3, 0, 1, H1("leaf-key") } }, 1, false, 0, 0 },
		{ "7671 5.1: 3 does not fit an issuer", { { 3, 1, 1, H1("ca-1-key") } }, 1, false,
		    0, 0 },
		{ "2 0 1 issuer", { { 2, 0, 1, H1("ca-1cert") } }, 1, true, 2, 1 },
		{ "2 1 1 root", { { 2, 1, 1, H1("root-key") } }, 1, true, 2, 2 },
		{ "2 fits the leaf as well", { { 2, 1, 1, H1("leaf-key") } }, 1, true, 2, 0 },
		{ "1 1 1 is never looked at", { { 1, 1, 1, H1("leaf-key") } }, 1, false, 0, 0 },
		{ "3 before 2", { { 2, 0, 1, H1("ca-1cert") }, { 3, 1, 1, H1("leaf-key") } }, 2,
		    true, 3, 0 },
		{ "one of two during a rollover",
		    { { 3, 1, 1, H1("next-key") }, { 3, 1, 1, H1("leaf-key") } }, 2, true, 3, 0 },
		{ "7671 9: the weaker digest does not count",
		    { { 3, 1, 1, H1("leaf-key") }, { 3, 1, 2, H2("othr-key") } }, 2, false, 0, 0 },
		{ "7671 9: of another selector it does",
		    { { 3, 1, 1, H1("leaf-key") }, { 3, 0, 2, H2("othrcert") } }, 2, true, 3, 0 },
		{ "7671 9: Full is never avoided",
		    { { 3, 1, 0, S_INIT("leaf-key") }, { 3, 1, 2, H2("othr-key") } }, 2, true, 3,
		    0 },
		{ "7671 9: unusable records are discarded first",
		    { { 3, 1, 1, H1("leaf-key") }, { 3, 1, 2, S_INIT("short") } }, 2, true, 3, 0 },
		{ "nothing fits", { { 3, 1, 1, H1("othr-key") } }, 1, false, 0, 0 },
	};
	for (size_t i = 0; i < LEN(rows); i++) {
		test_case = rows[i].name;
		struct dane_match m = dane_match(rows[i].r, rows[i].n, chain, 3, toy_hash);
		CHECK(m.found == rows[i].found);
		CHECK_U64(m.usage, rows[i].usage);
		CHECK_U64(m.cert, rows[i].cert);
		CHECK(!dane_match(rows[i].r, rows[i].n, chain, 0, toy_hash).found);
	}
}

static void
rfc7672_3_2_2_names(void)
{
	str names[DANE_NAMES_MAX];
	/* The example of that section. */
	CHECK_U64(dane_names(S("mx10.example.com"), S("exchange.example.org"), true,
		      S("example.com"), names),
	    3);
	CHECK_STR(names[0], S("mx10.example.com"));
	CHECK_STR(names[1], S("exchange.example.org"));
	CHECK_STR(names[2], S("example.com"));
	CHECK_U64(dane_names(S("mx.a.test"), S("a.test"), true, S("A.TEST"), names), 2);
	CHECK_U64(dane_names(S("mx.a.test"), S("a.test"), true, S(""), names), 2);
	CHECK_U64(dane_names(S("mx.a.test"), S("a.test"), false, S("b.test"), names), 1);
	CHECK_U64(dane_names(S("a.test"), S("a.test"), true, S(""), names), 1);
}

static void
rfc7672_3_2_3_wildcards(void)
{
	static const struct {
		const char *id, *reference;
		bool want;
	} rows[] = {
		{ "mx1.example.com", "MX1.Example.com", true },
		{ "*.example.com", "mx1.example.com", true },
		{ "*.example.com", "example.com", false },
		{ "*.example.com", "a.b.example.com", false },
		{ "smtp*.example.com", "smtp1.example.com", false },
		{ "*smtp.example.com", "xsmtp.example.com", false },
		{ "*", "example", false },
		{ "*.", "a.", false },
		{ "*.example.com", ".example.com", false },
		{ "", "", false },
	};
	for (size_t i = 0; i < LEN(rows); i++) {
		test_case = rows[i].id;
		CHECK(dane_name_fits(str_from(rows[i].id), str_from(rows[i].reference)) ==
		    rows[i].want);
	}
}

static void
the_key_of_a_certificate(void)
{
	str der = str_make(p256, sizeof p256), spki = S("");
	CHECK_ERR(dane_spki(der, &spki), ERR_OK);
	CHECK_STR(spki, str_sub(der, KEY_AT, KEY_N));
	for (size_t n = 0; n < der.n; n++) {
		CHECK(dane_spki(str_sub(der, 0, n), &spki) == ERR_SYNTAX);
	}
	static const struct {
		const char *name;
		str in;
	} bad[] = { { "indefinite length", S_INIT("\x30\x80\x30\x00\x00\x00") },
		{ "long form for a short length", S_INIT("\x30\x81\x02\x30\x00") },
		{ "five octets of length", S_INIT("\x30\x85\x00\x00\x00\x00\x02\x30\x00") },
		{ "empty", S_INIT("\x30\x02\x30\x00") },
		{ "octets behind it", S_INIT("\x30\x02\x30\x00\x00") } };
	for (size_t i = 0; i < LEN(bad); i++) {
		test_case = bad[i].name;
		CHECK(dane_spki(bad[i].in, &spki) == ERR_SYNTAX);
	}
}

static void
words_of_rfc8460(void)
{
	CHECK_STR(dane_failure(DANE_VERDICT_MATCHED), S(""));
	CHECK_STR(dane_failure(DANE_VERDICT_MISMATCH), S("validation-failure"));
	CHECK_STR(dane_failure(DANE_VERDICT_NO_TLS), S("starttls-not-supported"));
	for (unsigned v = 0; v < DANE_VERDICTS; v++) {
		CHECK(dane_word((enum dane_verdict)v).n > 0);
	}
}

TEST_MAIN(rfc7672_2_1_1_what_an_answer_is, rfc7672_2_2_1_mx, rfc7672_2_2_2_hosts,
    rfc7672_3_1_usable_records, rfc6698_2_1_matching, rfc7672_3_2_2_names, rfc7672_3_2_3_wildcards,
    the_key_of_a_certificate, words_of_rfc8460)
