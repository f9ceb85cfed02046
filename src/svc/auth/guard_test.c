/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The arithmetic of bans and delays, with time as data: when a ban comes, how it grows, who is
 * never banned, what counts once, what is forgotten.
 */
#include "base/buf.h"
#include "base/test.h"
#include "svc/auth/guard.h"

enum { T0 = 1800000000 };

static struct svc_auth_guard *g;
static int64_t now_s, wall; /* so much the wall clock jumped */
static struct svc_auth_verdict verdict;

static void
set_up(const struct sys_prefix *trusted, size_t trusted_n)
{
	static const uint8_t key[32] = { 7 };
	struct svc_auth_guard_conf conf = { .ban_after = 5,
		.ban_after_prefix = 12,
		.ban_s = 600,
		.ban_max_s = 7200,
		.trusted = trusted,
		.trusted_n = trusted_n };

	g = svc_auth_guard_new(key);
	CHECK(g != NULL);
	CHECK_ERR(svc_auth_guard_configure(g, &conf), ERR_OK);
	now_s = T0;
	wall = 0;
}

static void
tear_down(void)
{
	svc_auth_guard_free(&g);
	CHECK(g == NULL);
}

static struct svc_auth_attempt
attempt(const char *ip_text, const char *name, const char *secret, uint8_t ip[16])
{
	struct svc_auth_attempt a = {
		.ip = ip, .name = str_from(name), .now_ms = now_s * 1000, .now_s = now_s + wall
	};

	CHECK_ERR(sys_addr_ip_parse(str_from(ip_text), ip), ERR_OK);
	if (secret != NULL) {
		a.secret = str_from(secret);
	}
	CHECK_ERR(svc_auth_guard_admit(g, &a), ERR_OK);
	return a;
}

static size_t
fail(const char *ip_text, const char *name, const char *secret)
{
	uint8_t ip[16];
	struct svc_auth_attempt a = attempt(ip_text, name, secret, ip);

	svc_auth_guard_failed(g, &a, &verdict);
	now_s += 20; /* long enough for the slot */
	return verdict.bans_n;
}

static void
succeed(const char *ip_text, const char *name)
{
	uint8_t ip[16];
	struct svc_auth_attempt a = attempt(ip_text, name, NULL, ip);

	svc_auth_guard_succeeded(g, &a);
}

/* Fail n times with different names and passwords; how many of them banned. */
static size_t
fail_often(const char *ip_text, unsigned n)
{
	static unsigned serial;
	size_t bans = 0;

	for (unsigned i = 0; i < n; i++) {
		char name[32];

		snprintf(name, sizeof(name), "n%u@example.org", serial++);
		bans += fail(ip_text, name, "x");
		now_s -= 20;
	}
	return bans;
}

static void
check_ban(const char *prefix, int64_t length_s, uint32_t times)
{
	struct buf text;

	buf_init(&text, 100);
	sys_prefix_text(&text, &verdict.bans[0].prefix);
	CHECK_STR(buf_view(&text), str_from(prefix));
	CHECK_U64(verdict.bans[0].until_s - verdict.bans[0].since_s, length_s);
	CHECK_U64(verdict.bans[0].times, times);
	buf_done(&text);
}

static void
bans_after_the_limit_and_doubles(void)
{
	static const int64_t lengths[] = { 600, 1200, 2400, 4800, 7200, 7200 };

	set_up(NULL, 0);
	for (uint32_t i = 0; i < LEN(lengths); i++) {
		CHECK_U64(fail_often("192.0.2.7", 4), 0);
		CHECK_U64(fail_often("192.0.2.7", 1), 1);
		check_ban("192.0.2.7/32", lengths[i], i + 1);
		now_s += lengths[i] + 3600; /* over, and the network's count is forgotten */
	}
	now_s += 7200; /* long enough good */
	CHECK_U64(fail_often("192.0.2.7", 5), 1);
	check_ban("192.0.2.7/32", 600, 1);
	tear_down();
}

static void
counts_ipv6_by_customer(void)
{
	set_up(NULL, 0);
	CHECK_U64(fail_often("2001:db8:1:2::1", 2), 0);
	CHECK_U64(fail_often("2001:db8:1:2:ffff::9", 3), 1);
	check_ban("2001:db8:1:2::/64", 600, 1);
	CHECK_U64(fail_often("2001:db8:1:3::1", 4), 0);
	CHECK_U64(fail_often("2001:db8:1:4::1", 3), 1);
	check_ban("2001:db8:1::/48", 600, 1);
	tear_down();
}

static void
bans_the_network(void)
{
	set_up(NULL, 0);
	CHECK_U64(fail_often("198.51.100.1", 4), 0);
	CHECK_U64(fail_often("198.51.100.2", 4), 0);
	CHECK_U64(fail_often("198.51.100.3", 3), 0);
	CHECK_U64(fail_often("198.51.100.4", 1), 1);
	check_ban("198.51.100.0/24", 600, 1);
	tear_down();
}

static void
window_forgets(void)
{
	set_up(NULL, 0);
	CHECK_U64(fail_often("192.0.2.7", 4), 0);
	now_s += SVC_AUTH_GUARD_WINDOW_S;
	CHECK_U64(fail_often("192.0.2.7", 4), 0);
	CHECK_U64(fail_often("192.0.2.7", 1), 1);
	tear_down();
}

static void
never_bans_friends(void)
{
	struct sys_prefix trusted[2];

	CHECK_ERR(sys_prefix_parse(S("203.0.113.0/25"), &trusted[0]), ERR_OK);
	CHECK_ERR(sys_prefix_parse(S("2001:db8:ffff::/48"), &trusted[1]), ERR_OK);
	set_up(trusted, 2);
	CHECK_U64(fail_often("127.0.0.1", 50), 0);
	CHECK_U64(fail_often("::1", 50), 0);
	CHECK_U64(fail_often("203.0.113.5", 50), 0);
	CHECK_U64(fail_often("2001:db8:ffff:9::1", 50), 0);
	CHECK_U64(fail_often("203.0.113.200", 4), 0); /* not trusted, but its /24 holds friends */
	CHECK_U64(fail_often("203.0.113.201", 4), 0);
	CHECK_U64(fail_often("203.0.113.202", 4), 0);
	CHECK_U64(fail_often("203.0.113.203", 4), 0);
	CHECK_U64(fail_often("203.0.113.203", 1), 1);
	check_ban("203.0.113.203/32", 600, 1);
	tear_down();
}

static void
never_bans_who_logged_in_lately(void)
{
	set_up(NULL, 0);
	CHECK_U64(fail_often("192.0.2.7", 4), 0);
	succeed("192.0.2.7", "anna@example.org");
	CHECK_U64(fail_often("192.0.2.7", 50), 0);
	CHECK_U64(fail_often("192.0.2.8", 4), 0); /* its neighbours are watched alone */
	CHECK_U64(fail_often("192.0.2.9", 4), 0);
	CHECK_U64(fail_often("192.0.2.10", 4), 0);
	CHECK_U64(fail_often("192.0.2.11", 4), 0);
	now_s += SVC_AUTH_GUARD_KNOWN_S;
	CHECK_U64(fail_often("192.0.2.7", 4), 0);
	CHECK_U64(fail_often("192.0.2.7", 1), 1);
	tear_down();
}

/* A phone that keeps trying last year's password. */
static void
same_wrong_password_counts_once(void)
{
	set_up(NULL, 0);
	for (unsigned i = 0; i < 100; i++) {
		CHECK_U64(fail("192.0.2.7", "anna@example.org", "old password"), 0);
		CHECK(verdict.repeated == (i > 0));
		CHECK_U64(verdict.delay_ms, SVC_AUTH_GUARD_DELAY_MS);
	}
	CHECK_U64(fail("192.0.2.7", "anna@example.org", "other"), 0);
	CHECK(!verdict.repeated);
	CHECK_U64(fail("192.0.2.7", "bert@example.org", "old password"), 0);
	CHECK(!verdict.repeated);
	CHECK_U64(fail("192.0.2.7", "c@example.org", "x"), 0);
	CHECK_U64(fail("192.0.2.7", "d@example.org", "x"), 1);
	tear_down();
}

static void
unknown_secrets_always_count(void)
{
	set_up(NULL, 0);
	for (unsigned i = 0; i < 4; i++) {
		CHECK_U64(fail("192.0.2.7", "anna@example.org", NULL), 0);
	}
	CHECK_U64(fail("192.0.2.7", "anna@example.org", NULL), 1);
	tear_down();
}

static void
delays_grow_and_end(void)
{
	static const uint32_t want[] = { 1000, 2000, 4000, 8000, 16000, 16000 };

	set_up(NULL, 0);
	for (size_t i = 0; i < LEN(want); i++) {
		char ip[32];

		snprintf(ip, sizeof(ip), "10.%u.0.1", (unsigned)i);
		(void)fail(ip, "anna@example.org", NULL);
		CHECK_U64(verdict.delay_ms, want[i]);
	}
	succeed("10.99.0.1", "anna@example.org");
	(void)fail("10.99.0.1", "anna@example.org", NULL); /* the owner's address waits no longer */
	CHECK_U64(verdict.delay_ms, 1000);
	(void)fail("10.98.0.1", "anna@example.org", NULL);
	CHECK_U64(verdict.delay_ms, 16000);
	now_s += SVC_AUTH_GUARD_WINDOW_S;
	(void)fail("10.98.0.1", "anna@example.org", NULL);
	CHECK_U64(verdict.delay_ms, 1000);
	tear_down();
}

static enum err
try_admit(const char *ip_text, struct svc_auth_attempt *a, uint8_t ip[16])
{
	*a = (struct svc_auth_attempt){ .ip = ip,
		.name = S("anna@example.org"),
		.now_ms = now_s * 1000,
		.now_s = now_s + wall };
	CHECK_ERR(sys_addr_ip_parse(str_from(ip_text), ip), ERR_OK);
	return svc_auth_guard_admit(g, a);
}

static void
slots_bound_a_crowd_but_not_the_owner(void)
{
	struct svc_auth_attempt a[SVC_AUTH_GUARD_SLOTS], more;
	uint8_t ip[SVC_AUTH_GUARD_SLOTS][16], other[16];

	set_up(NULL, 0);
	succeed("10.99.0.1", "anna@example.org");
	for (size_t i = 0; i < LEN(a); i++) {
		CHECK_ERR(try_admit(i % 2 ? "10.1.0.1" : "10.1.1.1", &a[i], ip[i]), ERR_OK);
	}
	CHECK_ERR(try_admit("10.2.0.1", &more, other), ERR_BUSY);
	CHECK_ERR(try_admit("10.99.0.1", &more, other), ERR_OK);
	svc_auth_guard_released(g, &a[3]);
	CHECK_ERR(try_admit("10.2.0.1", &more, other), ERR_OK);
	CHECK_ERR(try_admit("10.2.0.1", &more, other), ERR_BUSY);
	svc_auth_guard_failed(g, &a[0], &verdict); /* taken until the answer is out */
	CHECK_ERR(try_admit("10.2.0.1", &more, other), ERR_BUSY);
	now_s += verdict.delay_ms / 1000;
	CHECK_ERR(try_admit("10.2.0.1", &more, other), ERR_OK);
	now_s += SVC_AUTH_GUARD_PENDING_MS / 1000;
	CHECK_ERR(try_admit("10.2.0.1", &more, other), ERR_OK);
	tear_down();
}

/* Who opens exchanges and leaves them open shuts nobody out that comes from elsewhere. */
static void
one_network_has_not_all_slots(void)
{
	static const char *const at[] = { "10.1.0.1", "10.1.0.2", "2001:db8:1:2::1",
		"2001:db8:1:3::1" };
	struct svc_auth_attempt a, first;
	uint8_t ip[16], first_ip[16];

	for (size_t from = 0; from < LEN(at); from += 2) {
		set_up(NULL, 0);
		CHECK_ERR(try_admit(at[from], &first, first_ip), ERR_OK);
		for (size_t i = 1; i < SVC_AUTH_GUARD_SLOTS_EACH; i++) {
			CHECK_ERR(try_admit(at[from + i % 2], &a, ip), ERR_OK);
		}
		CHECK_ERR(try_admit(at[from], &a, ip), ERR_BUSY);
		CHECK_ERR(try_admit(at[from + 1], &a, ip), ERR_BUSY);
		CHECK_ERR(try_admit("10.2.0.1", &a, ip), ERR_OK);
		svc_auth_guard_released(g, &first);
		CHECK_ERR(try_admit(at[from + 1], &a, ip), ERR_OK);
		CHECK_ERR(try_admit(at[from], &a, ip), ERR_BUSY);
		now_s += SVC_AUTH_GUARD_PENDING_MS / 1000;
		CHECK_ERR(try_admit(at[from], &a, ip), ERR_OK);
		tear_down();
	}
}

/* What outlived its time ends when somebody else has its slot: that one keeps it. */
static void
a_late_end_frees_nobody_elses_slot(void)
{
	static const char *const ways[] = { "released", "failed", "succeeded" };
	struct svc_auth_attempt late, a;
	uint8_t late_ip[16], ip[16];

	for (size_t way = 0; way < LEN(ways); way++) {
		test_case = ways[way];
		set_up(NULL, 0);
		for (size_t i = 0; i < SVC_AUTH_GUARD_SLOTS; i++) {
			CHECK_ERR(try_admit(i % 2 ? "10.1.0.1" : "10.1.1.1", &late, late_ip),
			    ERR_OK);
		}
		now_s += SVC_AUTH_GUARD_PENDING_MS / 1000;
		for (size_t i = 0; i < SVC_AUTH_GUARD_SLOTS; i++) {
			CHECK_ERR(try_admit(i % 2 ? "10.2.0.1" : "10.2.1.1", &a, ip), ERR_OK);
		}
		if (way == 0) {
			svc_auth_guard_released(g, &late);
		} else if (way == 1) {
			svc_auth_guard_failed(g, &late, &verdict);
			now_s += verdict.delay_ms / 1000;
		} else {
			svc_auth_guard_succeeded(g, &late);
		}
		CHECK_ERR(try_admit("10.3.0.1", &a, ip), ERR_BUSY);
		tear_down();
	}
	test_case = NULL;
}

/* The wall clock is set back: what is remembered for an hour or a day is not for longer. */
static void
the_wall_clock_jumps_back(void)
{
	struct svc_auth_guard_counts counts;

	set_up(NULL, 0);
	for (int i = 0; i < 3; i++) {
		(void)fail("10.1.0.1", "anna@example.org", NULL);
	}
	CHECK_U64(verdict.delay_ms, 4000);
	(void)fail("10.1.0.1", "otto@example.org", "wrong");
	succeed("10.2.0.1", "anna@example.org");
	wall = -30 * 86400;
	now_s += SVC_AUTH_GUARD_WINDOW_S;
	CHECK_U64(fail("10.1.0.1", "anna@example.org", NULL), 0);
	CHECK_U64(verdict.delay_ms, 1000);
	now_s += SVC_AUTH_GUARD_KNOWN_S;
	(void)fail("10.1.0.1", "otto@example.org", "wrong");
	CHECK(!verdict.repeated);
	CHECK_U64(fail_often("10.2.0.1", 5), 1); /* nobody logged in there lately */
	now_s += SVC_AUTH_GUARD_KNOWN_S;
	svc_auth_guard_expire(g, now_s * 1000, now_s + wall);
	svc_auth_guard_count(g, &counts);
	CHECK(counts.known == 0 && counts.secrets == 0 && counts.prefixes == 0 &&
	    counts.names == 0);
	tear_down();
}

/* Many guesses at the same moment do not slip through before the first failure counts. */
static void
guesses_cannot_race(void)
{
	struct svc_auth_attempt a[SVC_AUTH_GUARD_PENDING], more;
	char names[SVC_AUTH_GUARD_PENDING + 1][16];
	uint8_t ip[16], known[16];
	size_t banned = 0;

	set_up(NULL, 0);
	succeed("10.2.0.1", "office@example.org");
	CHECK_ERR(sys_addr_ip_parse(S("10.1.0.1"), ip), ERR_OK);
	CHECK_ERR(sys_addr_ip_parse(S("10.2.0.1"), known), ERR_OK);
	for (size_t i = 0; i <= LEN(a); i++) {
		struct svc_auth_attempt *at = i < LEN(a) ? &a[i] : &more;

		snprintf(names[i], sizeof(names[i]), "n%zu", i);
		*at = (struct svc_auth_attempt){ .ip = ip,
			.name = str_from(names[i]),
			.now_ms = now_s * 1000,
			.now_s = now_s + wall };
		CHECK_ERR(svc_auth_guard_admit(g, at), i < LEN(a) ? ERR_OK : ERR_BUSY);
	}
	more.ip = known;
	CHECK_ERR(svc_auth_guard_admit(g, &more), ERR_OK);
	more.ip = ip;
	svc_auth_guard_released(g, &a[0]);
	CHECK_ERR(svc_auth_guard_admit(g, &more), ERR_OK);
	for (size_t i = 1; i < LEN(a); i++) {
		svc_auth_guard_failed(g, &a[i], &verdict);
		banned += verdict.bans_n;
	}
	CHECK_U64(banned, 2); /* the address once, its network once */
	svc_auth_guard_succeeded(g, &more);
	tear_down();
}

static enum err
count_ban(void *ctx, const struct svc_auth_ban *ban)
{
	(*(unsigned *)ctx)++;
	return ban->until_s > now_s ? ERR_OK : ERR_BUG;
}

static unsigned
bans_in_force(void)
{
	unsigned n = 0;

	CHECK_ERR(svc_auth_guard_bans(g, now_s, count_ban, &n), ERR_OK);
	return n;
}

static void
bans_are_listed_lifted_and_over(void)
{
	struct svc_auth_ban manual = { .since_s = T0, .until_s = SVC_AUTH_FOREVER_S, .times = 1 };
	struct svc_auth_guard_counts counts;
	struct sys_prefix p;

	set_up(NULL, 0);
	CHECK_ERR(sys_prefix_parse(S("192.0.2.7"), &p), ERR_OK);
	CHECK_ERR(sys_prefix_parse(S("198.51.100.0/24"), &manual.prefix), ERR_OK);
	CHECK_U64(fail_often("192.0.2.7", 5), 1);
	CHECK_U64(fail_often("192.0.2.7", 5), 0); /* banned already */
	CHECK_ERR(svc_auth_guard_ban(g, &manual), ERR_OK);
	CHECK_U64(bans_in_force(), 2);
	CHECK_ERR(svc_auth_guard_unban(g, &p), ERR_OK);
	CHECK_ERR(svc_auth_guard_unban(g, &p), ERR_NOTFOUND);
	CHECK_U64(bans_in_force(), 1);
	now_s += SVC_AUTH_GUARD_WINDOW_S;         /* the network's count is over */
	CHECK_U64(fail_often("192.0.2.7", 5), 1); /* lifted means forgotten */
	CHECK_U64(verdict.bans[0].times, 1);
	now_s += 600;
	CHECK_U64(bans_in_force(), 1);
	svc_auth_guard_expire(g, now_s * 1000, now_s);
	svc_auth_guard_count(g, &counts);
	CHECK_U64(counts.bans, 2); /* one is over, but how often is remembered */
	now_s += 86400;
	svc_auth_guard_expire(g, now_s * 1000, now_s);
	svc_auth_guard_count(g, &counts);
	CHECK(counts.bans == 1 && counts.prefixes == 0 && counts.names == 0 && counts.secrets == 0);
	tear_down();
}

/* More strangers than there is room for: the oldest go, nothing breaks. */
static void
tables_are_bounded(void)
{
	struct svc_auth_guard_counts counts;

	set_up(NULL, 0);
	for (uint32_t i = 0; i < SVC_AUTH_GUARD_PREFIXES / 2 + 100; i++) {
		uint8_t ip[16] = { [10] = 0xff,
			[11] = 0xff,
			[12] = (uint8_t)(i >> 16),
			[13] = (uint8_t)(i >> 8),
			[14] = (uint8_t)i,
			[15] = 1 };
		struct svc_auth_attempt a = {
			.ip = ip, .name = str_make(&i, sizeof(i)), .secret = S("x"), .now_s = T0
		};

		CHECK_ERR(svc_auth_guard_admit(g, &a), ERR_OK);
		svc_auth_guard_failed(g, &a, &verdict);
	}
	svc_auth_guard_count(g, &counts);
	CHECK_U64(counts.prefixes, SVC_AUTH_GUARD_PREFIXES);
	tear_down();
}

TEST_MAIN(bans_after_the_limit_and_doubles, counts_ipv6_by_customer, bans_the_network,
    window_forgets, never_bans_friends, never_bans_who_logged_in_lately,
    same_wrong_password_counts_once, unknown_secrets_always_count, delays_grow_and_end,
    slots_bound_a_crowd_but_not_the_owner, one_network_has_not_all_slots, guesses_cannot_race,
    a_late_end_frees_nobody_elses_slot, the_wall_clock_jumps_back, bans_are_listed_lifted_and_over,
    tables_are_bounded)
