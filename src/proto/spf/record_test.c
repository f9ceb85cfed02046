/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records, addresses and macros: the grammars of RFC 7208 5.6, 7 and 12, and the examples of 7.4.
 */
#include "base/test.h"
#include "proto/spf/macro.h"
#include "proto/spf/record.h"

static void
terms(void)
{
	static const struct {
		const char *text;
		enum err want;
	} rows[] = {
		{ "v=spf1", ERR_OK },
		{ "v=spf1 ", ERR_OK },
		{ "v=spf1  a  -all  ", ERR_OK },
		{ "v=spf1\ta", ERR_SYNTAX },
		{ "v=spf1 a\xc3\xa9", ERR_SYNTAX },
		{ "v=spf1 ALL", ERR_OK },
		{ "v=spf1 all:x.test", ERR_SYNTAX },
		{ "v=spf1 all/8", ERR_SYNTAX },
		{ "v=spf1 all=", ERR_OK }, /* an unknown modifier */
		{ "v=spf1 --all", ERR_SYNTAX },
		{ "v=spf1 -", ERR_SYNTAX },
		{ "v=spf1 include", ERR_SYNTAX },
		{ "v=spf1 include:", ERR_SYNTAX },
		{ "v=spf1 include:x.test/24", ERR_SYNTAX },
		{ "v=spf1 a:x.test/24//64", ERR_OK },
		{ "v=spf1 a/24", ERR_OK },
		{ "v=spf1 a//64", ERR_OK },
		{ "v=spf1 a/0//0", ERR_OK },
		{ "v=spf1 a/33", ERR_SYNTAX },
		{ "v=spf1 a//129", ERR_SYNTAX },
		{ "v=spf1 a/024", ERR_SYNTAX },
		{ "v=spf1 a/", ERR_SYNTAX },
		{ "v=spf1 a/24/64", ERR_SYNTAX },
		{ "v=spf1 a:x.test/", ERR_SYNTAX },
		{ "v=spf1 a:%{l/}.x.test/24", ERR_OK },
		{ "v=spf1 mx:x.123", ERR_SYNTAX },
		{ "v=spf1 mx:x.1-3", ERR_OK },
		{ "v=spf1 mx:x.-a", ERR_SYNTAX },
		{ "v=spf1 mx:test", ERR_SYNTAX },
		{ "v=spf1 ptr", ERR_OK },
		{ "v=spf1 ptr:", ERR_SYNTAX },
		{ "v=spf1 ip4:1.2.3.4", ERR_OK },
		{ "v=spf1 ip4:1.2.3.4/32", ERR_OK },
		{ "v=spf1 ip4:1.2.3.4/33", ERR_SYNTAX },
		{ "v=spf1 ip4:1.2.3.04", ERR_SYNTAX },
		{ "v=spf1 ip4:1.2.3", ERR_SYNTAX },
		{ "v=spf1 ip4:1.2.3.4:25", ERR_SYNTAX },
		{ "v=spf1 ip4", ERR_SYNTAX },
		{ "v=spf1 ip6:2001:db8::1/64", ERR_OK },
		{ "v=spf1 ip6:2001:db8::1//64", ERR_SYNTAX },
		{ "v=spf1 ip6:1.2.3.4", ERR_SYNTAX },
		{ "v=spf1 exists:%{i}.x.test", ERR_OK },
		{ "v=spf1 exists:%{i}", ERR_OK },
		{ "v=spf1 exists:%{c}.x.test", ERR_SYNTAX },
		{ "v=spf1 exists:%(i).x.test", ERR_SYNTAX },
		{ "v=spf1 exists:%{l0}.x.test", ERR_SYNTAX },
		{ "v=spf1 exists:%{l999999999999}.x.test", ERR_OK },
		{ "v=spf1 exists:%{}.x.test", ERR_SYNTAX },
		{ "v=spf1 exists:%{i", ERR_SYNTAX },
		{ "v=spf1 exists:%", ERR_SYNTAX },
		{ "v=spf1 exists:x%%", ERR_OK },
		{ "v=spf1 redirect=x.test", ERR_OK },
		{ "v=spf1 redirect=x.test REDIRECT=y.test", ERR_SYNTAX },
		{ "v=spf1 redirect:x.test", ERR_SYNTAX },
		{ "v=spf1 redirect=", ERR_SYNTAX },
		{ "v=spf1 exp=x.test exp=x.test", ERR_SYNTAX },
		{ "v=spf1 -redirect=x.test", ERR_SYNTAX },
		{ "v=spf1 more.of-this_1=%{d}:/=", ERR_OK },
		{ "v=spf1 1more=x", ERR_SYNTAX },
		{ "v=spf1 more=%x", ERR_SYNTAX },
		{ "v=spf1 =x", ERR_SYNTAX },
		{ "v=spf1 unknown", ERR_SYNTAX },
		{ "v=spf1 unknown:x.test", ERR_SYNTAX },
	};
	for (size_t i = 0; i < LEN(rows); i++) {
		struct arena *a = arena_new(NULL, "record", 1 << 20, 0);
		struct spf_record r;
		const char *why = NULL;
		test_case = rows[i].text;
		CHECK_ERR(spf_record_read(a, str_from(rows[i].text), &r, &why), rows[i].want);
		CHECK((why != NULL) == (rows[i].want != ERR_OK));
		arena_free(&a);
	}
}

static void
what_is_read(void)
{
	struct arena *a = arena_new(NULL, "record", 1 << 20, 0);
	struct spf_record r;
	const char *why = NULL;
	str text = S("v=spf1 ~A:%{d2}/24//48 redirect=r.test ip4:10.0.0.0/8 exp=%{o} ?all");
	CHECK_ERR(spf_record_read(a, text, &r, &why), ERR_OK);
	CHECK_U64(r.n, 3);
	CHECK_U64(r.term[0].word, SPF_A);
	CHECK_U64(r.term[0].qualifier, MAIL_AUTHRES_SOFTFAIL);
	CHECK_U64(r.term[0].cidr4, 24);
	CHECK_U64(r.term[0].cidr6, 48);
	CHECK_STR(r.term[0].domain, S("%{d2}"));
	CHECK_U64(r.term[1].cidr4, 8);
	CHECK_U64(r.term[1].ip[12], 10);
	CHECK_STR(r.redirect, S("r.test"));
	CHECK_STR(r.explanation, S("%{o}"));
	CHECK(r.all);
	arena_free(&a);
}

static void
a_long_record(void)
{
	static char text[SPF_RECORD_MAX + 1];
	struct arena *a = arena_new(NULL, "record", 1 << 20, 0);
	struct spf_record r;
	const char *why = NULL;
	memset(text, ' ', sizeof text);
	memcpy(text, "v=spf1", 6);
	CHECK_ERR(spf_record_read(a, str_make(text, sizeof text - 1), &r, &why), ERR_OK);
	CHECK_ERR(spf_record_read(a, str_make(text, sizeof text), &r, &why), ERR_TOOBIG);
	memset(text + 6, 'a', sizeof text - 6);
	for (size_t i = 6; i < sizeof text; i += 2) {
		text[i] = ' ';
	}
	CHECK_ERR(spf_record_read(a, str_make(text, sizeof text - 1), &r, &why), ERR_OK);
	CHECK_U64(r.n, (SPF_RECORD_MAX - 6) / 2);
	arena_free(&a);
}

static void
addresses(void)
{
	static const struct {
		const char *text;
		bool v6;
		const char *hex; /* NULL: none */
	} rows[] = {
		{ "192.0.2.1", false, "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\0\x02\x01" },
		{ "0.0.0.0", false, "\0\0\0\0\0\0\0\0\0\0\xff\xff\0\0\0\0" },
		{ "256.0.0.1", false, NULL },
		{ "1.2.3.4.5", false, NULL },
		{ "1..2.3", false, NULL },
		{ "", false, NULL },
		{ "::", true, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0" },
		{ "::1", true, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01" },
		{ "1::", true, "\0\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0" },
		{ "1:2:3:4:5:6:7:8", true, "\0\1\0\2\0\3\0\4\0\5\0\6\0\7\0\x08" },
		{ "1:2:3:4:5:6:7::", true, "\0\1\0\2\0\3\0\4\0\5\0\6\0\7\0\0" },
		{ "::2:3:4:5:6:7:8", true, "\0\0\0\2\0\3\0\4\0\5\0\6\0\7\0\x08" },
		{ "1:2:3:4::5:6:7:8", true, NULL },
		{ "::1.2.3.4", true, "\0\0\0\0\0\0\0\0\0\0\0\0\1\2\3\4" },
		{ "1:2:3:4:5:6:1.2.3.4", true, "\0\1\0\2\0\3\0\4\0\5\0\6\1\2\3\4" },
		{ "1:2:3:4:5:6:7:1.2.3.4", true, NULL },
		{ "1.2.3.4::", true, NULL },
		{ "::1::", true, NULL },
		{ ":::", true, NULL },
		{ ":1:2:3:4:5:6:7", true, NULL },
		{ "12345::", true, NULL },
		{ "g::", true, NULL },
		{ "CAFE:babe::", true, "\xca\xfe\xba\xbe\0\0\0\0\0\0\0\0\0\0\0\0" },
		{ "", true, NULL },
	};
	for (size_t i = 0; i < LEN(rows); i++) {
		uint8_t ip[16];
		str text = str_from(rows[i].text);
		bool got = rows[i].v6 ? spf_ip6_read(text, ip) : spf_ip4_read(text, ip);
		test_case = rows[i].text;
		if (CHECK(got == (rows[i].hex != NULL)) && got) {
			CHECK(memcmp(ip, rows[i].hex, 16) == 0);
		}
	}
}

static void
networks(void)
{
	uint8_t ip[16], net[16];
	CHECK(spf_ip4_read(S("192.0.2.129"), ip) && spf_ip4_read(S("192.0.2.1"), net));
	CHECK(spf_ip_within(ip, net, 0) && spf_ip_within(ip, net, 24));
	CHECK(!spf_ip_within(ip, net, 25) && !spf_ip_within(ip, net, 32));
	CHECK(spf_ip6_read(S("2001:db8::1"), net));
	CHECK(!spf_ip_within(ip, net, 0)); /* families do not mix */
	CHECK(spf_ip6_read(S("2001:db8::2"), ip));
	CHECK(spf_ip_within(ip, net, 126) && !spf_ip_within(ip, net, 127));
	CHECK(spf_ip_within(ip, ip, 128));
}

static const struct {
	const char *text, *want;
	bool v6;
} macros[] = {
	{ "%{s}", "strong-bad@email.example.com", false },
	{ "%{o}", "email.example.com", false },
	{ "%{d}", "email.example.com", false },
	{ "%{d4}", "email.example.com", false },
	{ "%{d3}", "email.example.com", false },
	{ "%{d2}", "example.com", false },
	{ "%{d1}", "com", false },
	{ "%{dr}", "com.example.email", false },
	{ "%{d2r}", "example.email", false },
	{ "%{l}", "strong-bad", false },
	{ "%{l-}", "strong.bad", false },
	{ "%{lr}", "strong-bad", false },
	{ "%{lr-}", "bad.strong", false },
	{ "%{l1r-}", "strong", false },
	{ "%{ir}.%{v}._spf.%{d2}", "3.2.0.192.in-addr._spf.example.com", false },
	{ "%{lr-}.lp._spf.%{d2}", "bad.strong.lp._spf.example.com", false },
	{ "%{ir}.%{v}.%{l1r-}.lp._spf.%{d2}", "3.2.0.192.in-addr.strong.lp._spf.example.com",
	    false },
	{ "%{d2}.trusted-domains.example.net", "example.com.trusted-domains.example.net", false },
	{ "%{ir}.%{v}._spf.%{d2}",
	    "1.0.b.c.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6._spf.example.com",
	    true },
	{ "%{c}", "192.0.2.3", false },
	{ "%{c}", "2001:db8::cb01", true },
	{ "%{h} %{r} %{t} %{p}", "helo.test unknown 7 unknown", false },
	{ "%%%_%-", "% %20", false },
	{ "%{S}", "strong-bad%40email.example.com", false },
	{ "%{D2R}", "example.email", false },
	{ "%{L-R}", "", false },
};

static void
rfc7208_7_4_expansions(void)
{
	for (size_t i = 0; i < LEN(macros); i++) {
		uint8_t ip[16];
		char storage[512];
		struct buf out;
		struct spf_values v = { .local = S("strong-bad"), .ip = ip, .now_s = 7 };
		v.sender_domain = v.domain = S("email.example.com");
		v.helo = S("helo.test");
		CHECK(macros[i].v6 ? spf_ip6_read(S("2001:db8::cb01"), ip)
				   : spf_ip4_read(S("192.0.2.3"), ip));
		test_case = macros[i].text;
		buf_init_fixed(&out, storage, sizeof storage);
		bool valid = spf_macro_valid(str_from(macros[i].text), SPF_MACRO_EXPLAIN);
		CHECK(valid == (macros[i].want[0] != 0));
		if (valid) {
			spf_macro_expand(&out, str_from(macros[i].text), &v);
			CHECK_STR(buf_view(&out), str_from(macros[i].want));
		}
	}
}

/* RFC 5952 4: zeros are left out once, where most are. */
static void
addresses_for_people(void)
{
	static const char *const texts[] = { "::", "::1", "1::", "2001:db8::1:0:0:1",
		"2001:db8:0:1:1:1:1:1", "1:0:0:2::3", "a:b:c:d:e:f:1:2" };
	for (size_t i = 0; i < LEN(texts); i++) {
		uint8_t ip[16];
		char storage[64];
		struct buf out;
		struct spf_values v = { .ip = ip };
		test_case = texts[i];
		CHECK(spf_ip6_read(str_from(texts[i]), ip));
		buf_init_fixed(&out, storage, sizeof storage);
		spf_macro_expand(&out, S("%{c}"), &v);
		CHECK_STR(buf_view(&out), str_from(texts[i]));
	}
}

static void
letters(void)
{
	CHECK(spf_macro_has(S("a.%{L2r-}.b"), "sl"));
	CHECK(spf_macro_has(S("%{s}"), "sl"));
	CHECK(!spf_macro_has(S("l.s.%{d}%%%_"), "sl"));
	CHECK(!spf_macro_has(S(""), "p"));
}

TEST_MAIN(terms, what_is_read, a_long_record, addresses, networks, rfc7208_7_4_expansions,
    addresses_for_people, letters)
