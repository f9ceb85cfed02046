/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text forms of addresses and prefixes, both ways.
 */
#include "base/test.h"
#include "sys/sock.h"

static str
ip_text(const uint8_t ip[16])
{
	static char text[SYS_ADDR_TEXT_MAX];
	struct buf b;
	buf_init_fixed(&b, text, sizeof text);
	sys_addr_ip_text(&b, ip);
	return buf_view(&b);
}

static void
addresses(void)
{
	static const struct {
		const char *name, *in, *want; /* want NULL: refused */
	} cases[] = {
		{ "v4", "192.0.2.1", "192.0.2.1" },
		{ "v4 zero", "0.0.0.0", "0.0.0.0" },
		{ "v4 short", "192.0.2", NULL },
		{ "v4 long", "192.0.2.1.5", NULL },
		{ "v4 big", "192.0.2.256", NULL },
		{ "v4 hex", "0x7f.0.0.1", NULL },
		{ "v6", "2001:DB8:0:0:0:0:0:1", "2001:db8::1" },
		{ "v6 longest run", "1:0:0:2:0:0:0:3", "1:0:0:2::3" },
		{ "v6 one zero", "1:0:2:3:4:5:6:7", "1:0:2:3:4:5:6:7" },
		{ "v6 any", "::", "::" },
		{ "mapped", "::ffff:192.0.2.1", "192.0.2.1" },
		{ "v6 scope", "fe80::1%lo", NULL },
		{ "empty", "", NULL },
		{ "space", " 192.0.2.1", NULL },
		{ "too long", "1111:1111:1111:1111:1111:1111:1111:1111:1111:1111", NULL },
	};
	for (size_t i = 0; i < LEN(cases); i++) {
		uint8_t ip[16];
		test_case = cases[i].name;
		enum err e = sys_addr_ip_parse(str_from(cases[i].in), ip);
		CHECK_ERR(e, cases[i].want == NULL ? ERR_SYNTAX : ERR_OK);
		if (e == ERR_OK && cases[i].want != NULL) {
			CHECK_STR(ip_text(ip), str_from(cases[i].want));
		}
	}
	uint8_t ip[16];
	CHECK_ERR(sys_addr_ip_parse(S("192.0.2.1\0"), ip), ERR_SYNTAX);
}

static void
with_ports(void)
{
	static const struct {
		const char *in;
		uint16_t fallback;
		const char *want;
	} cases[] = {
		{ "192.0.2.1:25", 0, "192.0.2.1:25" },
		{ "192.0.2.1", 25, "192.0.2.1:25" },
		{ "192.0.2.1", 0, NULL },
		{ "[2001:db8::1]:993", 0, "[2001:db8::1]:993" },
		{ "[2001:db8::1]", 993, "[2001:db8::1]:993" },
		{ "2001:db8::1", 993, "[2001:db8::1]:993" },
		{ "[192.0.2.1]:25", 0, NULL },
		{ "[::1", 25, NULL },
		{ "[::1]25", 25, NULL },
		{ "192.0.2.1:", 25, NULL },
		{ "192.0.2.1:0", 25, NULL },
		{ "192.0.2.1:65536", 25, NULL },
		{ "192.0.2.1:+25", 25, NULL },
		{ "", 25, NULL },
	};
	for (size_t i = 0; i < LEN(cases); i++) {
		struct sys_addr a;
		test_case = cases[i].in;
		enum err e = sys_addr_parse(str_from(cases[i].in), cases[i].fallback, &a);
		CHECK_ERR(e, cases[i].want == NULL ? ERR_SYNTAX : ERR_OK);
		if (e == ERR_OK && cases[i].want != NULL) {
			char text[SYS_ADDR_TEXT_MAX];
			struct buf b;
			buf_init_fixed(&b, text, sizeof text);
			sys_addr_text(&b, &a);
			CHECK_STR(buf_view(&b), str_from(cases[i].want));
		}
	}
}

static void
prefixes(void)
{
	static const struct {
		const char *in, *inside, *outside;
	} cases[] = {
		{ "192.0.2.0/24", "192.0.2.255", "192.0.3.0" },
		{ "192.0.2.1/32", "192.0.2.1", "192.0.2.2" },
		{ "192.0.2.128/25", "192.0.2.129", "192.0.2.127" },
		{ "0.0.0.0/0", "255.255.255.255", "::1" },
		{ "2001:db8::/48", "2001:db8:0:ffff::1", "2001:db8:1::" },
		{ "2001:db8::1/128", "2001:db8::1", "2001:db8::2" },
		{ "2001:db8:8000::/33", "2001:db8:ffff::", "2001:db8:7fff::" },
	};
	for (size_t i = 0; i < LEN(cases); i++) {
		struct sys_prefix p;
		uint8_t inside[16], outside[16];
		char text[SYS_ADDR_TEXT_MAX];
		struct buf b;
		test_case = cases[i].in;
		CHECK_ERR(sys_prefix_parse(str_from(cases[i].in), &p), ERR_OK);
		CHECK_ERR(sys_addr_ip_parse(str_from(cases[i].inside), inside), ERR_OK);
		CHECK_ERR(sys_addr_ip_parse(str_from(cases[i].outside), outside), ERR_OK);
		CHECK(sys_prefix_contains(&p, inside));
		CHECK(!sys_prefix_contains(&p, outside));
		buf_init_fixed(&b, text, sizeof text);
		sys_prefix_text(&b, &p);
		CHECK_STR(buf_view(&b), str_from(cases[i].in));
	}
	static const char *const bad[] = { "192.0.2.1/24", "192.0.2.0/33", "2001:db8::/129", "/24",
		"192.0.2.0/", "192.0.2.0/x", "192.0.2.0/24/24" };
	for (size_t i = 0; i < LEN(bad); i++) {
		struct sys_prefix p;
		test_case = bad[i];
		CHECK_ERR(sys_prefix_parse(str_from(bad[i]), &p), ERR_SYNTAX);
	}
}

static void
prefix_of_address(void)
{
	uint8_t v4[16], v6[16];
	struct sys_prefix want;
	CHECK_ERR(sys_addr_ip_parse(S("192.0.2.77"), v4), ERR_OK);
	CHECK_ERR(sys_addr_ip_parse(S("2001:db8:1:2::3"), v6), ERR_OK);
	struct sys_prefix p4 = sys_prefix_of(v4, SYS_PREFIX_V4, SYS_PREFIX_V6);
	struct sys_prefix p6 = sys_prefix_of(v6, SYS_PREFIX_V4, SYS_PREFIX_V6);
	CHECK_ERR(sys_prefix_parse(S("192.0.2.0/24"), &want), ERR_OK);
	CHECK(sys_prefix_eq(&p4, &want));
	CHECK_ERR(sys_prefix_parse(S("2001:db8:1::/48"), &want), ERR_OK);
	CHECK(sys_prefix_eq(&p6, &want));
	CHECK(!sys_prefix_eq(&p4, &p6));
}

static void
kinds(void)
{
	uint8_t ip[16];
	CHECK_ERR(sys_addr_ip_parse(S("127.9.9.9"), ip), ERR_OK);
	CHECK(sys_addr_is_loopback(ip) && sys_addr_is_v4(ip));
	CHECK_ERR(sys_addr_ip_parse(S("::1"), ip), ERR_OK);
	CHECK(sys_addr_is_loopback(ip) && !sys_addr_is_v4(ip));
	CHECK_ERR(sys_addr_ip_parse(S("2001:db8::1"), ip), ERR_OK);
	CHECK(!sys_addr_is_loopback(ip));

	char text[SYS_ADDR_TEXT_MAX];
	struct buf b;
	buf_init_fixed(&b, text, sizeof text);
	sys_addr_literal(&b, ip);
	CHECK_STR(buf_view(&b), S("[IPv6:2001:db8::1]"));
}

static void
protocols(void)
{
	enum sys_protocol p;
	CHECK_ERR(sys_protocol_find(S("imaps"), &p), ERR_OK);
	CHECK(p == SYS_IMAPS);
	CHECK(sys_protocol_row(p)->implicit_tls);
	CHECK_U64(sys_protocol_row(p)->port, 993);
	CHECK_U64(sys_protocol_row(SYS_MX)->port, 25);
	CHECK_ERR(sys_protocol_find(S("smtp"), &p), ERR_NOTFOUND);
}

TEST_MAIN(addresses, with_ports, prefixes, prefix_of_address, kinds, protocols)
