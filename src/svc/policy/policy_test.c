/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The policy process between its played peers: greylisting with all its exemptions, lists that are
 * tested before they are believed, SPF and the peer's name, limits, what accounts send, and what is
 * learned.
 */
#include "base/test.h"
#include "base/wire.h"
#include "ipc/accounts_policy.h"
#include "ipc/adm_policy.h"
#include "policy/fame.h"
#include "svc/policy/world_test.h"
#include "sys/clock.h"
#include "sys/sys.h"

static const struct world_name dns[] = {
	{ "9.2.0.192.in-addr.arpa", DNS_PTR, "mail.far.test" },
	{ "mail.far.test", DNS_A, "192.0.2.9" },
	{ "10.113.0.203.in-addr.arpa", DNS_PTR, "mail2.far.test" },
	{ "mail2.far.test", DNS_A, "203.0.113.10" },
	{ "66.100.51.198.in-addr.arpa", DNS_PTR, "mail.far.test" },
	{ "pool.test", DNS_TXT, "v=spf1 ip4:192.0.2.0/24 ip4:198.51.100.0/24 -all" },
	{ "far.test", DNS_TXT, "v=spf1 ip4:192.0.2.9 -all exp=why.far.test" },
	{ "why.far.test", DNS_TXT, "not from here" },
	{ NULL, 0, NULL },
};

/* ---- tests ---------------------------------------------------------------------------------- */

static void
knows_who_it_is(void)
{
	world_begin(dns);
	world_start();
	CHECK_U64(world_peer("192.0.2.9"), 1);
	CHECK_U64(world_rcpt("192.0.2.9", "a@far.test", "x@here.test"), 451);
	CHECK_STR(world.judged.reply.enhanced, S("4.7.1"));
	CHECK(str_find(world.judged.reply.text, S("180 seconds")) > 0);
	CHECK_U64(world.judged.trust.iprev, MAIL_AUTHRES_PASS);
	CHECK_STR(world.judged.trust.name, S("mail.far.test"));
	CHECK_U64(world.judged.trust.spf, MAIL_AUTHRES_PASS);
	CHECK_U64(world.judged.trust.spf_helo, MAIL_AUTHRES_NONE_PUBLISHED);
	CHECK_STR(world.judged.trust.spf_domain, S("far.test"));
	size_t asked = world.questions; /* once in a session */
	CHECK_U64(world_rcpt("192.0.2.9", "a@far.test", "y@here.test"), 451);
	CHECK_U64(world.questions, asked);
	/* a name that does not lead back; SPF with the owner's words */
	CHECK_U64(world_peer("198.51.100.66"), 1);
	CHECK_U64(world_rcpt("198.51.100.66", "a@far.test", "x@here.test"), 451);
	CHECK_U64(world.judged.trust.iprev, MAIL_AUTHRES_FAIL);
	CHECK_STR(world.judged.trust.name, S(""));
	CHECK_U64(world.judged.trust.spf, MAIL_AUTHRES_FAIL);
	CHECK_STR(world.judged.trust.spf_why, S("not from here"));
	/* no name at all; a null path is checked by HELO */
	CHECK_U64(world_peer("203.0.113.77"), 1);
	CHECK_U64(world_rcpt("203.0.113.77", "", "x@here.test"), 451);
	CHECK_U64(world.judged.trust.iprev, MAIL_AUTHRES_PERMERROR);
	CHECK_U64(world.judged.trust.spf, world.judged.trust.spf_helo);
	world_end();
}

static void
greylists(void)
{
	static const str trusted[] = { S_INIT("203.0.113.0/24") };

	world_begin(dns);
	world.conf.greylist_page = S("https://here.test/greylist");
	world_start();
	CHECK_U64(world_peer("127.0.0.1"), 1);
	CHECK_U64(world_rcpt("127.0.0.1", "a@far.test", "x@here.test"), 0);
	CHECK_U64(world.judged.trust.greylist, 2);
	CHECK_U64(world.questions, 0);
	CHECK_U64(world_peer("192.0.2.9"), 1);
	CHECK_U64(world_rcpt("192.0.2.9", "a@pool.test", "x@here.test"), 451);
	CHECK(str_find(world.judged.reply.text, S("see https://here.test/greylist")) > 0);
	world_wait_none(true);
	CHECK_U64(world_rcpt("192.0.2.9", "a@pool.test", "x@here.test"), 0);
	CHECK_U64(world.judged.trust.greylist, 1);
	world_wait_none(false);
	CHECK_U64(world_rcpt("192.0.2.9", "b@pool.test", "z@here.test"),
	    0); /* the network waited */
	CHECK_U64(world.judged.trust.greylist, 2);
	CHECK_U64(world_peer("203.0.113.10"), 1); /* another network of the same operator */
	CHECK_U64(world_rcpt("203.0.113.10", "b@other.test", "z@here.test"), 0);
	CHECK_U64(world_peer("198.51.100.7"), 1); /* another network that SPF allows the domain */
	CHECK_U64(world_rcpt("198.51.100.7", "c@pool.test", "z@here.test"), 0);
	CHECK_U64(world_rcpt("198.51.100.7", "c@elsewhere.test", "z@here.test"), 451);
	CHECK_U64(world_submit(7, "c@elsewhere.test"),
	    0); /* an account here writes to that address */
	CHECK_U64(world_rcpt("198.51.100.7", "c@elsewhere.test", "z@here.test"), 0);
	CHECK_U64(world.judged.trust.greylist, 3);
	world.conf.auth_trusted = (struct conf_list){ trusted, 1 };
	CHECK_U64(world_peer("203.0.113.99"), 1);
	CHECK_U64(world_rcpt("203.0.113.99", "q@elsewhere.test", "z@here.test"), 0);
	CHECK_U64(world.judged.trust.greylist, 2);
	world_end();
}

static void
remembers(void)
{
	world_begin(dns);
	world_start();
	CHECK_U64(world_peer("192.0.2.9"), 1);
	CHECK_U64(world_rcpt("192.0.2.9", "a@pool.test", "x@here.test"), 451);
	world_stop();
	world_start();
	world_wait_none(true);
	CHECK_U64(world_peer("192.0.2.9"), 1);
	CHECK_U64(world_rcpt("192.0.2.9", "a@pool.test", "x@here.test"), 0);
	CHECK_U64(world.judged.trust.greylist, 1);
	policy_known_add(world.p->keep, 7, S("late@far.test"), svc_policy_now());
	world_stop();
	world_wait_none(false);
	world_start();
	CHECK_U64(world_peer("192.0.2.9"), 1);
	CHECK_U64(world_rcpt("192.0.2.9", "z@pool.test", "x@here.test"), 0);
	CHECK_U64(world.judged.trust.greylist, 2);
	CHECK(policy_known(world.p->keep, 7, S("late@far.test"), svc_policy_now()));
	world_end();
}

/* DNS that never answers costs the wait of the settings, and mail goes on. */
static void
goes_on_without_dns(void)
{
	static const struct world_name silent[] = { { "9.2.0.192.in-addr.arpa", DNS_PTR, "-" },
		{ "far.test", DNS_TXT, "-" }, { "mail.far.test", DNS_TXT, "-" },
		{ NULL, 0, NULL } };
	int64_t began = sys_clock_ms();

	world_begin(silent);
	world.conf.greylist_on = false;
	world_start();
	CHECK_U64(world_peer("192.0.2.9"), 1);
	CHECK_U64(world_rcpt("192.0.2.9", "a@far.test", "x@here.test"), UINT16_MAX);
	while (world.judged_n == 0 && sys_clock_ms() - began < 5000) {
		CHECK_ERR(sys_loop_turn(world.sc.loop, 50), ERR_OK);
		world_turn();
	}
	CHECK_U64(world.judged_n, 1);
	CHECK_U64(world.judged.reply.verdict, 1);
	CHECK_U64(world.judged.trust.iprev, MAIL_AUTHRES_TEMPERROR);
	CHECK_U64(world.judged.trust.spf, MAIL_AUTHRES_TEMPERROR);
	/* and without resolve nobody waits at all */
	sys_close(&world.ends[RESOLVE]);
	world_turn();
	CHECK_U64(world_peer("192.0.2.9"), 1);
	CHECK_U64(world_rcpt("192.0.2.9", "a@far.test", "x@here.test"), 0);
	CHECK_U64(world.judged.trust.spf, MAIL_AUTHRES_TEMPERROR);
	world_end();
}

/*
 * A stranger's names never answer: that is nobody else's trouble as long as the root does. Without
 * it nobody waits.
 */
static void
strangers_are_not_dns(void)
{
	static const struct world_name tables[2][8] = {
		{ { "6.2.0.192.in-addr.arpa", DNS_PTR, "-" }, { "far.test", DNS_TXT, "-" },
		    { "mail.far.test", DNS_TXT, "-" }, { ".", DNS_NS, "root.test" },
		    { "9.2.0.192.in-addr.arpa", DNS_PTR, "good.test" },
		    { "good.test", DNS_A, "192.0.2.9" }, { NULL, 0, NULL } },
		{ { "6.2.0.192.in-addr.arpa", DNS_PTR, "-" }, { "far.test", DNS_TXT, "-" },
		    { "mail.far.test", DNS_TXT, "-" }, { ".", DNS_NS, "-" },
		    { "9.2.0.192.in-addr.arpa", DNS_PTR, "good.test" },
		    { "good.test", DNS_A, "192.0.2.9" }, { NULL, 0, NULL } },
	};

	for (size_t i = 0; i < LEN(tables); i++) {
		int64_t began = sys_clock_ms();
		world_begin(tables[i]);
		world.conf.greylist_on = world.conf.limits_on = false;
		world_start();
		for (int n = 0; n < 8; n++) {
			CHECK_U64(world_peer("192.0.2.6"), 1);
			CHECK_U64(world_rcpt("192.0.2.6", "a@far.test", "x@here.test"), UINT16_MAX);
		}
		while (sys_clock_ms() - began < 400) {
			CHECK_ERR(sys_loop_turn(world.sc.loop, 20), ERR_OK);
			world_turn();
		}
		CHECK(world.p->dns_late > SVC_POLICY_DNS_LATE);
		CHECK_U64(world_peer("192.0.2.9"), 1);
		CHECK_U64(world_rcpt("192.0.2.9", "", "x@here.test"), i == 0 ? UINT16_MAX : 0);
		CHECK_U64(world.p->dns_refused > 0, i == 1);
		world_end();
	}
}

/* ---- lists ---------------------------------------------------------------------------------- */

static const struct world_name listed[] = {
	{ "2.0.0.127.good.test", DNS_A, "127.0.0.2" },
	{ "9.2.0.192.good.test", DNS_A, "127.0.0.3" },
	{ "7.2.0.192.good.test", DNS_A, "127.255.255.254" },
	{ "2.0.0.127.allow.test", DNS_A, "127.0.10.0" },
	{ "8.2.0.192.allow.test", DNS_A, "127.0.10.2" },
	{ "2.0.0.127.all.test", DNS_A, "127.0.0.2" },
	{ "1.0.0.127.all.test", DNS_A, "127.0.0.2" },
	{ "9.2.0.192.all.test", DNS_A, "127.0.0.2" },
	{ "9.2.0.192.dead.test", DNS_A, "127.0.0.2" },
	{ "2.0.0.127.shut.test", DNS_A, "127.255.255.254" },
	{ "9.2.0.192.shut.test", DNS_A, "127.0.0.2" },
	{ "2.0.0.127.sold.test", DNS_A, "198.51.100.1" },
	{ "1.0.0.127.sold.test", DNS_A, "198.51.100.1" },
	{ "test.names.test", DNS_A, "127.0.1.2" },
	{ "far.test.names.test", DNS_A, "127.0.1.2" },
	{ "shop.test.names.test", DNS_A, "127.0.1.4" },
	{ NULL, 0, NULL },
};

static void
begin_lists(void)
{
	static const str by_address[] = { S_INIT("good.test: 127.0.0.2/24=3"),
		S_INIT("allow.test: 127.0.10.2=-2"), S_INIT("all.test: 127.0.0.2=9"),
		S_INIT("dead.test: 127.0.0.2=9"), S_INIT("shut.test: 127.0.0.2=9"),
		S_INIT("sold.test: 127.0.0.2=9"), S_INIT("nonsense: 1.2.3.4=5") };
	static const str by_domain[] = { S_INIT("names.test: 127.0.1.2=4 127.0.1.4=5") };

	world_begin(listed);
	world.conf.lists_address = (struct conf_list){ by_address, LEN(by_address) };
	world.conf.lists_domain = (struct conf_list){ by_domain, LEN(by_domain) };
	world_start();
}

static void
lists_are_tested(void)
{
	static const struct {
		const char *zone;
		enum svc_policy_zone_state want;
	} rows[] = {
		{ "good.test", SVC_POLICY_ZONE_GOOD },
		{ "allow.test", SVC_POLICY_ZONE_GOOD },
		{ "all.test", SVC_POLICY_ZONE_ALL },
		{ "dead.test", SVC_POLICY_ZONE_EMPTY },
		{ "shut.test", SVC_POLICY_ZONE_REFUSED },
		{ "sold.test", SVC_POLICY_ZONE_STRANGE },
		{ "names.test", SVC_POLICY_ZONE_GOOD },
	};

	begin_lists();
	CHECK_U64(world.p->zones_n, LEN(rows));
	for (size_t i = 0; i < LEN(rows) && i < world.p->zones_n; i++) {
		test_case = rows[i].zone;
		CHECK_STR(world.p->zones[i].list.zone, str_from(rows[i].zone));
		CHECK_U64(world.p->zones[i].state, rows[i].want);
	}
	test_case = NULL;
	CHECK_U64(world_peer("192.0.2.9"), 1);
	CHECK_U64(world_rcpt("192.0.2.9", "a@far.test", "x@here.test"), 451);
	CHECK_U64(world.judged.listed_n, 2);
	CHECK_STR(world.judged.listed[0].zone, S("good.test"));
	CHECK_STR(world.judged.listed[0].what, S("192.0.2.9"));
	CHECK_STR(world.judged.listed[0].answer, S("127.0.0.3"));
	CHECK(world.judged.listed[0].points == 3000);
	CHECK_STR(world.judged.listed[1].what, S("far.test"));
	CHECK(world.judged.listed[1].points == 4000);
	/* a list that speaks for a peer spares it the greylist */
	CHECK_U64(world_peer("192.0.2.8"), 1);
	CHECK_U64(world_rcpt("192.0.2.8", "a@elsewhere.test", "x@here.test"), 0);
	CHECK_U64(world.judged.listed_n, 1);
	CHECK(world.judged.listed[0].points == -2000 && world.judged.trust.greylist == 2);
	/* refused is never listed, and the list is off from then on */
	CHECK_U64(world_peer("192.0.2.7"), 1);
	CHECK_U64(world_rcpt("192.0.2.7", "a@elsewhere.test", "x@here.test"), 451);
	CHECK_U64(world.judged.listed_n, 0);
	CHECK_U64(world.p->zones[0].state, SVC_POLICY_ZONE_REFUSED);
	CHECK_U64(world_peer("192.0.2.9"), 1);
	(void)world_rcpt("192.0.2.9", "a@far.test", "x@here.test");
	CHECK_U64(world.judged.listed_n, 1);
	world_end();
}

/* ---- limits --------------------------------------------------------------------------------- */

static void
limits_strangers(void)
{
	world_begin(dns);
	world.conf.greylist_on = false;
	world.conf.limits_connections = 5;
	world.conf.limits_recipients = 8;
	world.conf.limits_unknown = 3;
	world_start();
	CHECK_U64(world_peer("192.0.2.9"), 1);
	for (int i = 0; i < 8; i++) {
		CHECK_U64(world_rcpt("192.0.2.9", "a@far.test", "x@here.test"), 0);
	}
	CHECK_U64(world_rcpt("192.0.2.9", "a@far.test", "x@here.test"), 450);
	CHECK_U64(world_peer("192.0.2.10"), 1); /* a neighbour */
	CHECK_U64(world_rcpt("192.0.2.10", "a@far.test", "x@here.test"), 0);
	world_ended("192.0.2.10", 50);
	CHECK_U64(world_peer("192.0.2.10"), 2);
	CHECK_U64(world.replied.reply.code, 421);
	CHECK_U64(world_peer("192.0.2.11"), 2); /* so many that the network is limited */
	CHECK_U64(world_peer("198.51.100.1"), 1);
	for (int i = 0; i < 100; i++) {
		CHECK_U64(world_peer("127.0.0.1"), 1);
		CHECK_U64(world_rcpt("127.0.0.1", "a@far.test", "x@here.test"), 0);
	}
	for (int i = 0; i < 4; i++) {
		CHECK_U64(world_peer("203.0.113.5"), 1);
	}
	CHECK_U64(world_peer("203.0.113.5"), 1);
	CHECK_U64(world_peer("203.0.113.5"), 2);
	world_end();
}

/* ---- what accounts send --------------------------------------------------------------------- */

static enum err
on_shown(void *ctx, const struct ipc_adm_policy_shown *m, int *fd)
{
	*(bool *)ctx = m->held;
	return ERR_OK;
}

static enum err
on_released(void *ctx, const struct ipc_adm_policy_released *m, int *fd)
{
	*(bool *)ctx = m->result == ERR_OK;
	return ERR_OK;
}

static bool
admin(void)
{
	static const struct ipc_adm_policy_at_admin handlers = { .shown = on_shown,
		.released = on_released };
	bool yes = false;
	int fd = -1;

	CHECK_ERR(sys_chan_send_wait(world.admin, &world.out, -1, 1000), ERR_OK);
	buf_reset(&world.out);
	world_turn();
	CHECK_ERR(sys_chan_recv(world.admin, &world.in, &fd), ERR_OK);
	CHECK_ERR(ipc_adm_policy_admin_dispatch(&handlers, &yes, buf_view(&world.in), &fd,
		      world.arena),
	    ERR_OK);
	return yes;
}

static bool
is_held(void)
{
	const struct ipc_adm_policy_show m = { .request = 1, .who = S("owner@here.test") };

	ipc_adm_policy_show_put(&world.out, &m);
	return admin();
}

static bool
release(void)
{
	const struct ipc_adm_policy_release m = { .request = 1, .address = S("owner@here.test") };

	ipc_adm_policy_release_put(&world.out, &m);
	return admin();
}

static void
hold_owner(void)
{
	char to[40];

	for (int i = 0; i < 22; i++) {
		snprintf(to, sizeof to, "%d@far.test", i);
		CHECK_U64(world_submit(9, to), 0);
	}
	CHECK(is_held() && world.holds == 1);
}

/* Whoever of the two dies in between: queue hears of a release until it said that it is durable. */
static void
a_release_is_said_until_it_is_heard(void)
{
	world_begin(dns);
	world.conf.outgoing_new = 20;
	world_start();
	hold_owner();
	world.deaf = true;
	CHECK(release());
	CHECK_U64(world.releases, 1);
	CHECK(!is_held() && !release());
	for (size_t i = 2; i < 4; i++) {
		world_stop();
		world_start();
		CHECK_U64(world.releases, i);
		CHECK(world.holds == 1 && !is_held());
		world_released(9, world.mark + 1); /* of another release */
		world_released(8, world.mark);
		world_turn();
	}
	world_released(9, world.mark);
	world_turn();
	world_stop();
	world_start();
	CHECK(world.releases == 3 && world.holds == 1);
	world_end();
}

static void
holds_accounts(void)
{
	char to[40];

	world_begin(dns);
	world.conf.outgoing_new = 20;
	world.conf.outgoing_messages = 60;
	world_start();
	for (int i = 0; i < 20; i++) {
		snprintf(to, sizeof to, "%d@far.test", i);
		CHECK_U64(world_submit(9, to), 0);
	}
	CHECK(!is_held() && world.holds == 0);
	CHECK_U64(world_submit(9, "1@far.test"), 0); /* one it wrote to before */
	CHECK_U64(world.holds, 0);
	CHECK_U64(world_submit(9, "21@far.test"), 0); /* taken, and held */
	CHECK(is_held());
	CHECK_U64(world.holds, 1);
	CHECK_U64(world.notices, 2);
	CHECK_U64(world_submit(9, "22@far.test"), 0);
	CHECK_U64(world.holds, 1);
	world_stop();
	world_start(); /* queue is told again */
	CHECK_U64(world.holds, 2);
	CHECK(is_held());
	CHECK(release());
	CHECK_U64(world.releases, 1);
	CHECK(!is_held() && !release());
	for (int i = 0; i < 60; i++) {
		snprintf(to, sizeof to, "%d@elsewhere.test", i);
		CHECK_U64(world_submit(9, to), 0); /* no alarm for a day */
	}
	CHECK_U64(world.holds, 2);
	CHECK_U64(world_submit(9, "a@far.test"), 450); /* the hard rate */
	CHECK_U64(world_submit(8, "a@far.test"), 0);
	world_end();
}

/* ---- letters -------------------------------------------------------------------------------- */

static str
features_of(uint32_t first)
{
	struct buf b;

	buf_init(&b, 1000);
	for (uint32_t i = 0; i < 30; i++) {
		wr_u32(&b, first + i);
	}
	str s = arena_dup(world.arena, buf_view(&b));
	buf_done(&b);
	return s;
}

static void
judge(uint32_t first)
{
	struct ipc_common_id accounts[2] = { { 7 }, { 8 } };
	struct ipc_common_listed looked = { .what = S("shop.test") };
	const struct ipc_scan_policy_judge m = { .request = ++world.request,
		.ip = world_ip_of("192.0.2.9"),
		.name = S("mail.far.test"),
		.domain = S("far.test"),
		.aligned = true,
		.sender = S("a@far.test"),
		.accounts = accounts,
		.accounts_n = 2,
		.looked = &looked,
		.looked_n = 1,
		.features = features_of(first) };
	size_t before = world.letters_n;

	ipc_scan_policy_judge_put(&world.out, &m);
	world_put(SCAN);
	CHECK_U64(world.letters_n, before + 1);
	CHECK_U64(world.letter.request, m.request);
}

static void
learn(uint64_t account, bool junk, uint32_t first)
{
	const struct ipc_accounts_policy_learn m = {
		.account = account, .junk = junk, .features = features_of(first)
	};

	ipc_accounts_policy_learn_put(&world.out, &m);
	world_put(ACCOUNTS);
}

/* Letters nobody sorted: so many lessons of one network, then of others only. */
static void
few_lessons_of_one(void)
{
	static const struct {
		const char *ip;
		unsigned letters, lessons;
	} rows[] = { { "198.51.100.7", 2 * SVC_POLICY_LESSONS, SVC_POLICY_LESSONS },
		{ "198.51.100.8", 2, 0 }, { "203.0.113.7", 2, 2 } };

	world_begin(dns);
	world_start();
	for (size_t i = 0; i < LEN(rows); i++) {
		uint64_t before = world.p->learned;
		for (unsigned n = 0; n < rows[i].letters; n++) {
			const struct ipc_scan_policy_ended m = { .ip = world_ip_of(rows[i].ip),
				.score = -3000,
				.end = 1,
				.features = features_of(100 * n) };
			ipc_scan_policy_ended_put(&world.out, &m);
			world_put(SCAN);
		}
		CHECK_U64(world.p->learned, before + rows[i].lessons);
	}
	world_end();
}

static void
judges_letters(void)
{
	begin_lists();
	judge(1000);
	CHECK(world.letter.words == 0 && world.letter.learned == 0 && world.letter.fame_n == 0);
	CHECK_U64(world.letter.opinions_n, 2);
	CHECK_U64(world.letter.listed_n, 1);
	for (uint32_t i = 0; i < 40; i++) {
		learn(7, true, 1000 + i % 3);
		learn(7, false, 9000 + i % 3);
	}
	CHECK_U64(world_submit(8, "a@far.test"), 0);
	const struct ipc_scan_policy_ended over = { .ip = world_ip_of("192.0.2.9"),
		.name = S("mail.far.test"),
		.domain = S("far.test"),
		.aligned = true,
		.score = 100,
		.end = 1 };
	for (int i = 0; i < 3; i++) {
		ipc_scan_policy_ended_put(&world.out, &over);
		world_put(SCAN);
	}
	world_stop();
	world_start();
	judge(1000);
	CHECK_U64(world.letter.learned, 80);
	CHECK(world.letter.words > 0 && world.letter.opinions[0].words > 0);
	CHECK(!world.letter.opinions[0].known && world.letter.opinions[1].known);
	CHECK_U64(world.letter.opinions[1].learned, 0);
	CHECK_U64(world.letter.fame_n, 4);
	for (size_t i = 0; i < world.letter.fame_n; i++) {
		CHECK(world.letter.fame[i].of == i + 1 && world.letter.fame[i].good == 3);
	}
	judge(9000);
	CHECK(world.letter.words < 0);
	const struct ipc_accounts_policy_forget gone = { .account = 8 };
	ipc_accounts_policy_forget_put(&world.out, &gone);
	world_put(ACCOUNTS);
	judge(9000);
	CHECK(!world.letter.opinions[1].known);
	world_end();
}

/* 10,000 addresses of a botnet, and one good sender among them. */
static void
botnet(void)
{
	char ip[40];

	world_begin(dns);
	world.conf.greylist_size = 3000;
	world.conf.limits_size = 3000;
	world_start();
	CHECK_U64(world_peer("192.0.2.9"), 1);
	CHECK_U64(world_rcpt("192.0.2.9", "a@far.test", "x@here.test"), 451);
	world_wait_none(true);
	CHECK_U64(world_rcpt("192.0.2.9", "a@far.test", "x@here.test"), 0);
	world_wait_none(false);
	size_t before = policy_keep_octets(world.p->keep);
	for (int i = 0; i < 10000; i++) {
		snprintf(ip, sizeof ip, "45.%d.%d.%d", 1 + i / 250 / 250, i / 250 % 250,
		    i % 250 + 1);
		(void)world_peer(ip);
		CHECK_U64(world_rcpt(ip, "spam@spam.test", "x@here.test"), 451);
		if (i % 1000 == 0) {
			CHECK_U64(world_peer("192.0.2.9"), 1);
			CHECK_U64(world_rcpt("192.0.2.9", "b@far.test", "y@here.test"), 0);
		}
	}
	CHECK(policy_keep_octets(world.p->keep) - before < 600000);
	CHECK(policy_keep_count(world.p->keep, POLICY_GREY) <= 3400);
	world_end();
}

TEST_MAIN(knows_who_it_is, greylists, remembers, goes_on_without_dns, strangers_are_not_dns,
    lists_are_tested, limits_strangers, holds_accounts, a_release_is_said_until_it_is_heard,
    few_lessons_of_one, judges_letters, botnet)
