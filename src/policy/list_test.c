/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DNS lists: rules, names, answers. And limits and networks, which are as small.
 */
#include "policy/list.h"

#include "base/test.h"
#include "policy/limit.h"
#include "policy/net.h"
#include "sys/sock.h"

static void
reads_rules(void)
{
	static const struct {
		const char *rule;
		enum err want;
	} rows[] = {
		{ "zen.test: 127.0.0.2=3", ERR_OK },
		{ "zen.test:  127.0.0.2/24=3.5   127.0.0.4/0.0.0.4=-0.25 ", ERR_OK },
		{ "multi.test: test=test.multi 127.0.0.8/0.0.0.8=1", ERR_OK },
		{ "zen.test: test=x", ERR_SYNTAX },
		{ "zen.test:", ERR_SYNTAX },
		{ "zen.test", ERR_SYNTAX },
		{ ": 127.0.0.2=3", ERR_SYNTAX },
		{ "zen.test: 127.0.0.2", ERR_SYNTAX },
		{ "zen.test: 128.0.0.2=3", ERR_SYNTAX },
		{ "zen.test: 127.0.0.2/33=3", ERR_SYNTAX },
		{ "zen.test: 127.0.0.2/255.0.0=3", ERR_SYNTAX },
		{ "zen.test: 127.0.0.2=", ERR_SYNTAX },
		{ "zen.test: 127.0.0.2=1001", ERR_SYNTAX },
		{ "zen.test: 127.0.0.2=1.", ERR_SYNTAX },
		{ "zen.test: 127.0.0.2=1.0001", ERR_SYNTAX },
		{ "zen.test: 127.0.0.2=--1", ERR_SYNTAX },
		{ "zen.test: ::1=1", ERR_SYNTAX },
		{ "zen.test: test= 127.0.0.2=1", ERR_SYNTAX },
	};
	struct policy_list l;
	struct buf many;

	for (size_t i = 0; i < LEN(rows); i++) {
		test_case = rows[i].rule;
		CHECK_ERR(policy_list_parse(str_from(rows[i].rule), false, &l), rows[i].want);
	}
	test_case = NULL;
	CHECK_ERR(policy_list_parse(str_from(rows[1].rule), false, &l), ERR_OK);
	CHECK_STR(l.zone, S("zen.test"));
	CHECK(l.items_n == 2 && l.items[0].points == 3500 && l.items[1].points == -250);
	buf_init(&many, 4096);
	buf_cstr(&many, "z.test:");
	for (int i = 0; i <= POLICY_LIST_ITEMS; i++) {
		buf_cstr(&many, " 127.0.0.2=1");
	}
	CHECK_ERR(policy_list_parse(buf_view(&many), true, &l), ERR_TOOMANY);
	buf_done(&many);
}

static struct policy_list
list_of(const char *rule, bool domains)
{
	struct policy_list l = { 0 };

	CHECK_ERR(policy_list_parse(str_from(rule), domains, &l), ERR_OK);
	return l;
}

static void
makes_names(void)
{
	struct policy_list l = list_of("zen.test: 127.0.0.2=1", false);
	struct policy_list d = list_of("dbl.test: 127.0.1.2=1", true);
	struct policy_list t = list_of("m.test: test=in.m 127.0.1.2=1", true);
	uint8_t ip[16];
	char text[POLICY_LIST_NAME + 1], large[300];
	struct buf out;

	memset(large, 'a', sizeof large);
#define NAME(expr, want)                         \
	buf_init_fixed(&out, text, sizeof text); \
	CHECK_ERR(expr, ERR_OK);                 \
	CHECK_STR(buf_view(&out), S(want))
	CHECK_ERR(sys_addr_ip_parse(S("192.0.2.99"), ip), ERR_OK);
	NAME(policy_list_ip_put(&out, &l, ip), "99.2.0.192.zen.test");
	CHECK_ERR(sys_addr_ip_parse(S("2001:db8:1:2:3:4:567:89ab"), ip), ERR_OK);
	NAME(policy_list_ip_put(&out, &l, ip), /* the example of RFC 5782 2.4 */
	    "b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2.zen.test");
	NAME(policy_list_name_put(&out, &d, S("shop.example")), "shop.example.dbl.test");
	NAME(policy_list_test_put(&out, &l, true), "2.0.0.127.zen.test");
	NAME(policy_list_test_put(&out, &l, false), "1.0.0.127.zen.test");
	NAME(policy_list_test_put(&out, &d, true), "test.dbl.test");
	NAME(policy_list_test_put(&out, &d, false), "invalid.dbl.test");
	NAME(policy_list_test_put(&out, &t, true), "in.m.m.test");
#undef NAME
	buf_init_fixed(&out, text, sizeof text);
	CHECK_ERR(policy_list_name_put(&out, &d, str_make(large, 250)), ERR_TOOBIG);
	CHECK_ERR(policy_list_name_put(&out, &d, S("")), ERR_TOOBIG);
}

static void
hears_answers(void)
{
	struct policy_list l = list_of("z.test: 127.0.0.2=2 127.0.0.4/30=3 127.0.1.0/24=-1", false);
	struct policy_list bits = list_of("m.test: 127.0.0.8/0.0.0.8=1 127.0.0.64/0.0.0.64=2",
	    true);
	const struct {
		const char *name;
		const struct policy_list *l;
		const char *answers[3];
		bool listed, refused, strange;
		int64_t points;
	} rows[] = {
		{ "none", &l, { NULL }, false, false, false, 0 },
		{ "one", &l, { "127.0.0.2" }, true, false, false, 2000 },
		{ "range", &l, { "127.0.0.7" }, true, false, false, 3000 },
		{ "two", &l, { "127.0.0.2", "127.0.0.5" }, true, false, false, 5000 },
		{ "allowed", &l, { "127.0.1.77" }, true, false, false, -1000 },
		{ "no item", &l, { "127.0.0.9" }, false, false, false, 0 },
		{ "refused", &l, { "127.255.255.254" }, false, true, false, 0 },
		{ "refused, typing error", &l, { "127.255.255.252" }, false, true, false, 0 },
		{ "refused, resolver", &l, { "127.0.0.1" }, false, true, false, 0 },
		{ "over the limit", &l, { "127.0.0.255" }, false, true, false, 0 },
		{ "somebody's web server", &l, { "203.0.113.9" }, false, false, true, 0 },
		{ "both bits", &bits, { "127.0.0.72" }, true, false, false, 3000 },
		{ "one bit", &bits, { "127.0.0.64" }, true, false, false, 2000 },
		{ "other bits", &bits, { "127.0.0.2" }, false, false, false, 0 },
	};

	for (size_t i = 0; i < LEN(rows); i++) {
		struct policy_list_said said = { 0 };
		uint8_t ip[16];
		test_case = rows[i].name;
		for (size_t n = 0; n < LEN(rows[i].answers) && rows[i].answers[n] != NULL; n++) {
			CHECK_ERR(sys_addr_ip_parse(str_from(rows[i].answers[n]), ip), ERR_OK);
			policy_list_hear(rows[i].l, ip, &said);
		}
		CHECK(said.listed == rows[i].listed && said.refused == rows[i].refused);
		CHECK(said.strange == rows[i].strange && said.points == rows[i].points);
	}
	test_case = NULL;
}

/* ---- limits --------------------------------------------------------------------------------- */

static void
limits(void)
{
	static const struct policy_limit_rule rules[POLICY_LIMITS] = {
		[POLICY_MESSAGES] = { 10, 100 }, [POLICY_ERRORS] = { 5, 100 }
	};
	struct policy_table *t = policy_table_new(1000);
	struct policy_limit_ask a = {
		.key = 5, .now_s = 1000, .rules = rules, .n = { [POLICY_MESSAGES] = 1 }
	};

	for (int i = 0; i < 10; i++) {
		CHECK(policy_limit(t, &a));
	}
	CHECK(!policy_limit(t, &a));
	a.key = 6;
	CHECK(policy_limit(t, &a)); /* somebody else */
	a.key = 5;
	a.now_s = 1010; /* one has drained */
	CHECK(policy_limit(t, &a));
	CHECK(!policy_limit(t, &a));
	a.now_s = 1200;
	CHECK(policy_limit(t, &a));
	a = (struct policy_limit_ask){ .key = 5,
		.now_s = 1200,
		.rules = rules,
		.n = { [POLICY_ERRORS] = 50 },
		.always = true };
	CHECK(!policy_limit(t, &a));
	a = (struct policy_limit_ask){
		.key = 5, .now_s = 1200, .rules = rules, .n = { [POLICY_MESSAGES] = 1 }
	};
	CHECK(!policy_limit(t, &a)); /* errors shut the rest out ... */
	a.now_s = 1301;
	CHECK(policy_limit(t, &a)); /* ... for a window, however many there were */
	a.n[POLICY_CONNECTIONS] = 1000000;
	CHECK(policy_limit(t, &a)); /* no rule, no limit */
	policy_limit_reset(t, 5);
	CHECK(policy_table_get(t, 5) == NULL);
	policy_table_free(&t);
}

static void
networks(void)
{
	static const struct {
		const char *ip, *network;
		bool private;
	} rows[] = {
		{ "192.0.2.77", "192.0.2.0/24", false },
		{ "2001:db8:1:2::3", "2001:db8:1::/48", false },
		{ "127.0.0.1", "127.0.0.0/24", true },
		{ "::1", "::/48", true },
		{ "10.1.2.3", "10.1.2.0/24", true },
		{ "172.31.255.1", "172.31.255.0/24", true },
		{ "172.32.0.1", "172.32.0.0/24", false },
		{ "192.168.9.9", "192.168.9.0/24", true },
		{ "100.64.1.1", "100.64.1.0/24", true },
		{ "fd00::1", "fd00::/48", true },
		{ "fe80::1", "fe80::/48", true },
	};
	static const str trusted[] = { S_INIT("nonsense"), S_INIT("192.0.2.0/25") };
	uint8_t ip[16];
	char text[POLICY_NET_TEXT];
	struct buf out;

	for (size_t i = 0; i < LEN(rows); i++) {
		test_case = rows[i].ip;
		CHECK_ERR(sys_addr_ip_parse(str_from(rows[i].ip), ip), ERR_OK);
		buf_init_fixed(&out, text, sizeof text);
		policy_net_put(&out, ip);
		CHECK_STR(buf_view(&out), str_from(rows[i].network));
		CHECK(policy_net_is_private(ip) == rows[i].private);
		CHECK(policy_net_within(ip, trusted, LEN(trusted)) == (i == 0));
	}
	test_case = NULL;
}

TEST_MAIN(reads_rules, makes_names, hears_answers, limits, networks)
