/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bans and counts: prefixes of every length, ends, limits, and that nothing is left over.
 */
#include "base/test.h"
#include "svc/gate/bans.h"
#include "svc/gate/counts.h"
#include "svc/gate/limits.h"

static const uint8_t key[16] = "sixteen octets!";

static struct sys_prefix
prefix(const char *text)
{
	struct sys_prefix p = { 0 };
	test_case = text;
	CHECK_ERR(sys_prefix_parse(str_from(text), &p), ERR_OK);
	return p;
}

static bool
hit(const struct svc_gate_bans *b, const char *ip, int64_t now_s)
{
	uint8_t octets[16];
	test_case = ip;
	CHECK_ERR(sys_addr_ip_parse(str_from(ip), octets), ERR_OK);
	return svc_gate_bans_hit(b, octets, now_s);
}

static void
ban(struct svc_gate_bans *b, const char *network, int64_t until_s, int64_t now_s)
{
	struct sys_prefix p = prefix(network);
	CHECK_ERR(svc_gate_bans_set(b, &p, until_s, now_s), ERR_OK);
}

static void
bans_cover_their_networks(void)
{
	struct svc_gate_bans b;
	CHECK_ERR(svc_gate_bans_init(&b, key), ERR_OK);
	CHECK(!hit(&b, "192.0.2.1", 100));
	ban(&b, "192.0.2.0/24", 200, 100);
	ban(&b, "2001:db8::/45", 200, 100);
	ban(&b, "198.51.100.7", 300, 100);
	CHECK(hit(&b, "192.0.2.1", 100) && hit(&b, "192.0.2.255", 199));
	CHECK(!hit(&b, "192.0.3.1", 100) && !hit(&b, "::c000:201", 100));
	CHECK(hit(&b, "2001:db8:7::1", 100) && !hit(&b, "2001:db8:8::1", 100));
	CHECK(hit(&b, "198.51.100.7", 250) && !hit(&b, "198.51.100.6", 250));
	CHECK(!hit(&b, "192.0.2.1", 200));
	CHECK_U64(svc_gate_bans_count(&b), 3);
	svc_gate_bans_done(&b);
}

static void
bans_are_lifted_and_prolonged(void)
{
	struct svc_gate_bans b;
	CHECK_ERR(svc_gate_bans_init(&b, key), ERR_OK);
	ban(&b, "192.0.2.0/24", 200, 100);
	ban(&b, "192.0.2.0/24", 400, 100);
	CHECK(hit(&b, "192.0.2.1", 300));
	ban(&b, "192.0.2.0/24", 0, 300);
	CHECK(!hit(&b, "192.0.2.1", 300));
	ban(&b, "10.0.0.0/8", 0, 300);
	CHECK_U64(svc_gate_bans_count(&b), 0);
	ban(&b, "10.0.0.0/8", 900, 300);
	svc_gate_bans_clear(&b);
	CHECK(!hit(&b, "10.1.1.1", 300));
	struct sys_prefix bad = { .bits = 129 };
	CHECK_ERR(svc_gate_bans_set(&b, &bad, 900, 300), ERR_SYNTAX);
	svc_gate_bans_done(&b);
}

static struct sys_prefix
numbered(uint32_t i)
{
	struct sys_prefix p = { .bits = 128 };
	memcpy(p.ip + 12, &i, sizeof i);
	return p;
}

static void
the_ban_table_is_bounded(void)
{
	struct svc_gate_bans b;
	CHECK_ERR(svc_gate_bans_init(&b, key), ERR_OK);
	for (uint32_t i = 0; i < SVC_GATE_BANS_MAX; i++) {
		struct sys_prefix p = numbered(i);
		enum err e = svc_gate_bans_set(&b, &p, i == 7 ? 150 : 1000, 100);
		if (e != ERR_OK) {
			CHECK_ERR(e, ERR_OK);
		}
	}
	struct sys_prefix more = numbered(SVC_GATE_BANS_MAX);
	CHECK_ERR(svc_gate_bans_set(&b, &more, 1000, 100), ERR_TOOMANY);
	CHECK_ERR(svc_gate_bans_set(&b, &more, 1000, 200), ERR_OK);
	CHECK_U64(svc_gate_bans_count(&b), SVC_GATE_BANS_MAX);
	svc_gate_bans_done(&b);
}

/* Whatever their number, all processes together let in little more than was said, none too few. */
static void
parts_of_a_limit(void)
{
	static const struct {
		uint64_t all, processes, want;
	} cases[] = { { 100, 1, 100 }, { 100, 2, 75 }, { 100, 8, 20 }, { 1, 64, 1 }, { 2, 2, 2 },
		{ 3, 2, 3 }, { 400, 64, 11 }, { 1000000, 3, 500001 } };
	for (size_t i = 0; i < LEN(cases); i++) {
		CHECK_U64(svc_gate_part_of(cases[i].all, cases[i].processes), cases[i].want);
	}
}

static enum err
count(struct svc_gate_counts *c, const char *ip, struct svc_gate_share *s)
{
	static const struct svc_gate_allowance most = { .per_address = 2, .per_network = 3 };
	uint8_t octets[16];
	test_case = ip;
	CHECK_ERR(sys_addr_ip_parse(str_from(ip), octets), ERR_OK);
	return svc_gate_counts_take(c, octets, &most, s);
}

static void
counts_by_address_and_network(void)
{
	struct svc_gate_counts c;
	struct svc_gate_share s[6] = { 0 };
	CHECK_ERR(svc_gate_counts_init(&c, key, 100), ERR_OK);
	CHECK_ERR(count(&c, "192.0.2.1", &s[0]), ERR_OK);
	CHECK_ERR(count(&c, "192.0.2.1", &s[1]), ERR_OK);
	CHECK_ERR(count(&c, "192.0.2.1", &s[2]), ERR_TOOMANY);
	CHECK_ERR(count(&c, "192.0.2.2", &s[2]), ERR_OK);
	CHECK_ERR(count(&c, "192.0.2.3", &s[3]), ERR_BUSY);
	CHECK_ERR(count(&c, "192.0.3.3", &s[3]), ERR_OK);
	svc_gate_counts_give(&c, &s[0]);
	svc_gate_counts_give(&c, &s[0]);
	CHECK_ERR(count(&c, "192.0.2.1", &s[4]), ERR_OK);
	for (size_t i = 0; i < LEN(s); i++) {
		svc_gate_counts_give(&c, &s[i]);
	}
	CHECK_U64(map_count(c.map), 0);
	svc_gate_counts_done(&c);
}

/* One IPv6 customer has a /64, a network of customers a /48. */
static void
counts_ipv6_by_customer(void)
{
	struct svc_gate_counts c;
	struct svc_gate_share s[4] = { 0 };
	CHECK_ERR(svc_gate_counts_init(&c, key, 100), ERR_OK);
	CHECK_ERR(count(&c, "2001:db8:1:1::1", &s[0]), ERR_OK);
	CHECK_ERR(count(&c, "2001:db8:1:1::2", &s[1]), ERR_OK);
	CHECK_ERR(count(&c, "2001:db8:1:1:ffff::3", &s[2]), ERR_TOOMANY);
	CHECK_ERR(count(&c, "2001:db8:1:2::1", &s[2]), ERR_OK);
	CHECK_ERR(count(&c, "2001:db8:1:3::1", &s[3]), ERR_BUSY);
	CHECK_ERR(count(&c, "2001:db8:2:3::1", &s[3]), ERR_OK);
	for (size_t i = 0; i < LEN(s); i++) {
		svc_gate_counts_give(&c, &s[i]);
	}
	svc_gate_counts_done(&c);
}

TEST_MAIN(bans_cover_their_networks, bans_are_lifted_and_prolonged, the_ban_table_is_bounded,
    parts_of_a_limit, counts_by_address_and_network, counts_ipv6_by_customer)
