/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RDATA in tables: as text, as values, cut at every place, with every allocation failing, and
 * built and read back.
 */
#include "base/codec.h"
#include "base/mem.h"
#include "base/test.h"
#include "proto/dns/dns.h"

enum { TEXT_MAX = 100000, FAILURES_MAX = 1000 };

#define LABEL_63 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

/* Types, RDATA as zone text; empty text: refused. */
static const struct {
	const char *name;
	uint16_t type;
	str rdata;
	const char *want;
} records[] = {
	{ "a", DNS_A, S_INIT("\xc0\x00\x02\x01"), "192.0.2.1" },
	{ "a short", DNS_A, S_INIT("\xc0\x00\x02"), "" },
	{ "a long", DNS_A, S_INIT("\xc0\x00\x02\x01\x01"), "" },
	{ "aaaa", DNS_AAAA,
	    S_INIT("\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01"),
	    "2001:db8::1" },
	{ "aaaa any", DNS_AAAA, S_INIT("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"), "::" },
	{ "aaaa end", DNS_AAAA,
	    S_INIT("\x20\x01\x00\x00\x00\x01\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00"),
	    "2001:0:1:0:2::" },
	{ "aaaa one zero group", DNS_AAAA, S_INIT("\0\1\0\0\0\2\0\3\0\4\0\5\0\6\0\7"),
	    "1:0:2:3:4:5:6:7" },
	{ "aaaa front", DNS_AAAA, S_INIT("\0\0\0\0\0\0\0\3\0\0\0\0\0\6\0\7"), "::3:0:0:6:7" },
	{ "mx", DNS_MX, S_INIT("\0\012\2MX\7example\0"), "10 mx.example." },
	{ "mx null", DNS_MX, S_INIT("\0\0\0"), "0 ." },
	{ "mx without name", DNS_MX, S_INIT("\0\012"), "" },
	{ "mx leftover", DNS_MX, S_INIT("\0\012\2mx\0x"), "" },
	{ "mx pointer", DNS_MX, S_INIT("\0\012\300\014"), "" },
	{ "cname", DNS_CNAME, S_INIT("\1a\1b\0"), "a.b." },
	{ "cname label of 63", DNS_CNAME, S_INIT("\077" LABEL_63 "\0"), LABEL_63 "." },
	{ "cname label of 64", DNS_CNAME, S_INIT("\100a" LABEL_63 "\0"), "" },
	{ "ptr escapes", DNS_PTR, S_INIT("\5a.b\\c\3\0\377;\0"), "a\\.b\\\\c.\\000\\255\\;." },
	{ "txt", DNS_TXT, S_INIT("\5hello"), "\"hello\"" },
	{ "txt two", DNS_TXT, S_INIT("\2Hi\3\"\\\n"), "\"Hi\" \"\\\"\\\\\\010\"" },
	{ "txt empty string", DNS_TXT, S_INIT("\0"), "\"\"" },
	{ "txt no string", DNS_TXT, S_INIT(""), "" },
	{ "txt over the end", DNS_TXT, S_INIT("\5hell"), "" },
	{ "srv", DNS_SRV, S_INIT("\0\1\0\2\3\341\4mail\0"), "1 2 993 mail." },
	{ "srv not offered", DNS_SRV, S_INIT("\0\0\0\0\0\0\0"), "0 0 0 ." },
	{ "tlsa", DNS_TLSA, S_INIT("\3\1\1\xde\xad"), "3 1 1 dead" },
	{ "tlsa no data", DNS_TLSA, S_INIT("\3\1\1"), "3 1 1 " },
	{ "tlsa short", DNS_TLSA, S_INIT("\3\1"), "" },
	{ "caa", DNS_CAA, S_INIT("\200\5issueca.example"), "128 issue \"ca.example\"" },
	{ "caa tag with a space", DNS_CAA, S_INIT("\0\2a bx"), "" },
	{ "caa no tag", DNS_CAA, S_INIT("\0\0x"), "" },
	{ "ns", DNS_NS, S_INIT("\2ns\0"), "ns." },
	{ "soa", DNS_SOA, S_INIT("\1a\0\1b\0\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0\5"),
	    "a. b. 1 2 3 4 5" },
	{ "ds", DNS_DS, S_INIT("\x50\x06\x0d\x02\xab\xcd"), "20486 13 2 abcd" },
	{ "dnskey", DNS_DNSKEY, S_INIT("\1\1\3\15abc"), "257 3 13 YWJj" },
	{ "unknown", 65280, S_INIT("\1\2"), "\\# 2 0102" },
	{ "unknown, nothing", 65280, S_INIT(""), "\\# 0" },
};

static void
prints(void)
{
	struct buf out;
	buf_init(&out, TEXT_MAX);
	for (size_t i = 0; i < LEN(records); i++) {
		test_case = records[i].name;
		buf_reset(&out);
		buf_cstr(&out, "kept");
		enum err e = dns_text_put(&out, records[i].type, records[i].rdata);
		CHECK_ERR(e, records[i].want[0] == '\0' ? ERR_SYNTAX : ERR_OK);
		CHECK_STR(str_sub(buf_view(&out), 0, 4), S("kept"));
		CHECK_STR(str_from_off(buf_view(&out), 4), str_from(records[i].want));
	}
	buf_done(&out);
}

/* Every decoder over the same octets. A bit per one that took them. */
static unsigned
take_all(str rdata, struct buf *text)
{
	uint8_t ip[16];
	struct dns_mx mx;
	struct dns_name name;
	struct dns_srv srv;
	struct dns_tlsa tlsa;
	struct dns_caa caa;
	const enum err took[] = { dns_a(rdata, ip), dns_aaaa(rdata, ip), dns_mx(rdata, &mx),
		dns_cname(rdata, &name), dns_ptr(rdata, &name), dns_srv(rdata, &srv),
		dns_tlsa(rdata, &tlsa), dns_caa(rdata, &caa), dns_txt(rdata, text) };
	unsigned bits = 0;
	for (size_t i = 0; i < LEN(took); i++) {
		bits |= (took[i] == ERR_OK ? 1u : 0u) << i;
	}
	return bits;
}

/* Cut short or one octet too long, records of fixed form are refused, never read beyond. */
static void
refuses_cuts(void)
{
	struct buf text;
	buf_init(&text, TEXT_MAX);
	for (size_t i = 0; i < LEN(records); i++) {
		str whole = records[i].rdata;
		test_case = records[i].name;
		for (size_t n = 0; n <= whole.n; n++) {
			char *cut = mem_zalloc(n + 1, 1);
			ASSERT(cut != NULL);
			memcpy(cut, whole.p, n);
			unsigned bits = take_all(str_make(cut, n), &text);
			CHECK(n > 0 || bits == 0);
			bool fixed = records[i].type == DNS_MX && records[i].want[0] != '\0';
			CHECK(!fixed || n == whole.n || (bits & 4u) == 0);
			MEM_FREE(cut);
			buf_reset(&text);
		}
	}
	buf_done(&text);
}

static void
gives_values(void)
{
	static const uint8_t v4[16] = { [10] = 0xff, [11] = 0xff, 192, 0, 2, 1 };
	uint8_t ip[16];
	struct dns_mx mx;
	struct dns_srv srv;
	struct dns_tlsa tlsa;
	struct dns_caa caa;
	struct buf text;
	buf_init(&text, TEXT_MAX);
	CHECK_ERR(dns_a(S("\300\0\2\1"), ip), ERR_OK);
	CHECK(memcmp(ip, v4, sizeof ip) == 0);
	CHECK_ERR(dns_mx(S("\1\2\2MX\1e\0"), &mx), ERR_OK);
	CHECK_U64(mx.preference, 258);
	CHECK_STR(dns_name_str(&mx.exchange), S("mx.e"));
	CHECK_ERR(dns_mx(S("\0\0\0"), &mx), ERR_OK);
	CHECK_U64(mx.exchange.n, 0);
	CHECK_ERR(dns_srv(S("\0\1\0\2\3\341\1m\0"), &srv), ERR_OK);
	CHECK(srv.priority == 1 && srv.weight == 2 && srv.port == 993);
	CHECK_STR(dns_name_str(&srv.target), S("m"));
	CHECK_ERR(dns_tlsa(S("\3\1\2xyz"), &tlsa), ERR_OK);
	CHECK(tlsa.usage == 3 && tlsa.selector == 1 && tlsa.matching == 2);
	CHECK_STR(tlsa.data, S("xyz"));
	CHECK_ERR(dns_caa(S("\200\5issue;"), &caa), ERR_OK);
	CHECK_U64(caa.flags, 128);
	CHECK_STR(caa.tag, S("issue"));
	CHECK_STR(caa.value, S(";"));
	CHECK_ERR(dns_txt(S("\3a b\1c\0"), &text), ERR_OK);
	CHECK_STR(buf_view(&text), S("a bc"));
	CHECK_ERR(dns_txt(S("\1d\2e"), &text), ERR_SYNTAX);
	CHECK_STR(buf_view(&text), S("a bc"));
	buf_done(&text);
}

/* Names from text; NULL: refused with `e`. */
static const struct {
	const char *text;
	enum err e;
	str wire;
} names[] = {
	{ "", ERR_OK, S_INIT("\0") },
	{ ".", ERR_OK, S_INIT("\0") },
	{ "a.bc", ERR_OK, S_INIT("\1a\2bc\0") },
	{ "a.bc.", ERR_OK, S_INIT("\1a\2bc\0") },
	{ "a\\.b.c", ERR_OK, S_INIT("\3a.b\1c\0") },
	{ "\\000\\255", ERR_OK, S_INIT("\2\0\377\0") },
	{ "a..b", ERR_SYNTAX, S_INIT("") },
	{ ".a", ERR_SYNTAX, S_INIT("") },
	{ "\\", ERR_SYNTAX, S_INIT("") },
	{ "\\25", ERR_SYNTAX, S_INIT("") },
	{ "\\256", ERR_SYNTAX, S_INIT("") },
	{ "a" LABEL_63, ERR_SYNTAX, S_INIT("") },
	{ LABEL_63 "." LABEL_63 "." LABEL_63 "." LABEL_63, ERR_TOOBIG, S_INIT("") },
};

static void
writes_names(void)
{
	struct buf out;
	buf_init(&out, TEXT_MAX);
	for (size_t i = 0; i < LEN(names); i++) {
		test_case = names[i].text;
		buf_reset(&out);
		CHECK_ERR(dns_name_put(&out, str_from(names[i].text)), names[i].e);
		CHECK_STR(buf_view(&out), names[i].wire);
	}
	/* 255 octets on the wire pass; as text with escapes they may be too long to hold. */
	struct dns_name name;
	buf_reset(&out);
	str longest = S(LABEL_63 "." LABEL_63 "." LABEL_63
				 ".aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
	CHECK_ERR(dns_name_put(&out, longest), ERR_OK);
	CHECK_U64(out.n, DNS_WIRE_MAX);
	CHECK_ERR(dns_cname(buf_view(&out), &name), ERR_OK);
	CHECK_STR(dns_name_str(&name), longest);
	memset(out.p + 1, '\1', DNS_LABEL_MAX);
	memset(out.p + 65, '\1', DNS_LABEL_MAX);
	CHECK_ERR(dns_cname(buf_view(&out), &name), ERR_TOOBIG);
	buf_done(&out);
}

static void
builds(void)
{
	static const uint16_t srv[3] = { 1, 2, 993 };
	const struct dns_tlsa tlsa = { 3, 1, 1, S_INIT("xy") };
	const struct dns_caa caa = { 0, S_INIT("issue"), S_INIT("ca.example") };
	const struct dns_caa untagged = { 0 };
	char many[600];
	memset(many, 'x', sizeof many);
	struct buf out, text;
	buf_init(&out, TEXT_MAX);
	buf_init(&text, TEXT_MAX);
	CHECK_ERR(dns_mx_put(&out, 10, S("mx.example.")), ERR_OK);
	CHECK_STR(buf_view(&out), S("\0\012\2mx\7example\0"));
	CHECK_ERR(dns_mx_put(&out, 10, S("a..b")), ERR_SYNTAX);
	CHECK_U64(out.n, 14);
	buf_reset(&out);
	CHECK_ERR(dns_srv_put(&out, srv, S("m")), ERR_OK);
	CHECK_STR(buf_view(&out), S("\0\1\0\2\3\341\1m\0"));
	buf_reset(&out);
	dns_tlsa_put(&out, &tlsa);
	CHECK_STR(buf_view(&out), S("\3\1\1xy"));
	buf_reset(&out);
	CHECK_ERR(dns_caa_put(&out, &caa), ERR_OK);
	CHECK_STR(buf_view(&out), S("\0\5issueca.example"));
	CHECK_ERR(dns_caa_put(&out, &untagged), ERR_SYNTAX);
	buf_reset(&out);
	CHECK_ERR(dns_txt_put(&out, S("")), ERR_OK);
	CHECK_STR(buf_view(&out), S("\0"));
	buf_reset(&out);
	CHECK_ERR(dns_txt_put(&out, str_make(many, sizeof many)), ERR_OK);
	CHECK_U64(out.n, 603);
	CHECK_ERR(dns_txt(buf_view(&out), &text), ERR_OK);
	CHECK_STR(buf_view(&text), str_make(many, sizeof many));
	buf_done(&text);
	buf_done(&out);
}

static void
names_to_ask(void)
{
	static const uint8_t v4[16] = { [10] = 0xff, [11] = 0xff, 192, 0, 2, 1 };
	static const uint8_t v6[16] = { 0x20, 0x01, 0x0d, 0xb8, [15] = 0x4a };
	struct buf out;
	buf_init(&out, TEXT_MAX);
	dns_reverse_put(&out, v4);
	CHECK_STR(buf_view(&out), S("1.2.0.192.in-addr.arpa"));
	buf_reset(&out);
	dns_reverse_put(&out, v6);
	CHECK_STR(buf_view(&out),
	    S("a.4.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa"));
	buf_reset(&out);
	dns_tlsa_name_put(&out, 25, S("mx.example"));
	CHECK_STR(buf_view(&out), S("_25._tcp.mx.example"));
	buf_done(&out);
}

static void
names_types(void)
{
	static const struct {
		const char *text;
		enum err e;
		uint16_t type;
	} cases[] = { { "MX", ERR_OK, 15 }, { "tlsa", ERR_OK, 52 }, { "TYPE257", ERR_OK, 257 },
		{ "type65535", ERR_OK, 65535 }, { "TYPE65536", ERR_NOTFOUND, 0 },
		{ "TYPE", ERR_NOTFOUND, 0 }, { "", ERR_NOTFOUND, 0 }, { "MXX", ERR_NOTFOUND, 0 } };
	struct buf out;
	buf_init(&out, TEXT_MAX);
	for (size_t i = 0; i < LEN(cases); i++) {
		uint16_t type = 0;
		test_case = cases[i].text;
		CHECK_ERR(dns_type_find(str_from(cases[i].text), &type), cases[i].e);
		CHECK_U64(type, cases[i].type);
	}
	dns_type_put(&out, DNS_CAA);
	dns_type_put(&out, 65280);
	CHECK_STR(buf_view(&out), S("CAATYPE65280"));
	buf_done(&out);
}

/* Whatever the heap refuses, the text is whole or not there. */
static void
survives_no_memory(void)
{
	for (size_t i = 0; i < LEN(records); i++) {
		enum err e = ERR_NOMEM;
		test_case = records[i].name;
		for (uint64_t n = 1; e == ERR_NOMEM && n < FAILURES_MAX; n++) {
			struct buf out;
			buf_init(&out, TEXT_MAX);
			mem_fail_after(n);
			e = dns_text_put(&out, records[i].type, records[i].rdata);
			mem_fail_after(0);
			CHECK_STR(buf_view(&out), e == ERR_OK ? str_from(records[i].want) : S(""));
			buf_done(&out);
		}
		CHECK(e == ERR_OK || e == ERR_SYNTAX);
	}
}

TEST_MAIN(prints, refuses_cuts, gives_values, writes_names, builds, names_to_ask, names_types,
    survives_no_memory)
