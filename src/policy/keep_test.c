/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is remembered: it is there after the file was opened again, gone when it is too old, and
 * when the file is damaged everything begins anew. Then what stands on it: greylist, fame, habits,
 * correspondents, statistics. The clock is a number.
 */
#include "policy/keep.h"

#include "base/mem.h"
#include "base/test.h"
#include "policy/fame.h"
#include "policy/grey.h"
#include "policy/habit.h"
#include "policy/learned.h"
#include "sys/file.h"
#include "sys/random.h"

enum { NOW = 1800000000, DAY = 86400 };

static char folder[64], path[96];
static struct policy_keep_conf conf;
static struct policy_keep *k;
static enum err anew;

static void
begin(void)
{
	snprintf(folder, sizeof folder, "/tmp/postern-policy-%016llx",
	    (unsigned long long)sys_random_u64());
	snprintf(path, sizeof path, "%s/policy.db", folder);
	CHECK_ERR(sys_dir_make(SYS_CWD, str_from(folder), 0700), ERR_OK);
	conf = (struct policy_keep_conf){ .path = str_from(path), .window_s = 2 * DAY };
	for (size_t i = 0; i < POLICY_KINDS; i++) {
		conf.kinds[i].max = 20000;
		conf.kinds[i].keep_s = 30 * DAY;
	}
	conf.kinds[POLICY_HELD].keep_s = UINT32_MAX;
	CHECK_ERR(policy_keep_open(&conf, NOW, &k, &anew), ERR_OK);
	CHECK_ERR(anew, ERR_OK);
}

static void
again(uint32_t now_s)
{
	policy_keep_close(&k);
	CHECK_ERR(policy_keep_open(&conf, now_s, &k, &anew), ERR_OK);
}

static void
end(void)
{
	policy_keep_close(&k);
	CHECK(k == NULL);
	CHECK_ERR(sys_dir_remove_tree(SYS_CWD, str_from(folder)), ERR_OK);
}

static uint64_t
key_of(const char *text)
{
	return policy_keep_key(k, POLICY_ADDRESS, str_from(text), S(""));
}

static void
lives_on(void)
{
	begin();
	policy_keep_put(k, POLICY_ADDRESS, key_of("a"), NOW, S(""))->v[1] = 7;
	CHECK(policy_keep_dirty(k));
	CHECK_ERR(policy_keep_flush(k), ERR_OK);
	CHECK(!policy_keep_dirty(k));
	policy_keep_put(k, POLICY_ADDRESS, key_of("a"), NOW + 5, S(""))->v[2] = 8;
	uint64_t key = key_of("a");
	again(NOW + 10);
	CHECK_U64(key_of("a"), key); /* the secret stays */
	const struct policy_row *row = policy_keep_get(k, POLICY_ADDRESS, key, NOW + 10);
	CHECK(row != NULL && row->v[1] == 7 && row->v[2] == 8 && row->last_s == NOW + 5);
	CHECK(policy_keep_get(k, POLICY_NETWORK, key, NOW) == NULL);
	CHECK(policy_keep_get(k, POLICY_ADDRESS, key, NOW + 31 * DAY) == NULL);
	again(NOW + 31 * DAY);
	CHECK_U64(policy_keep_count(k, POLICY_ADDRESS), 0);
	again(NOW); /* not in the file either */
	CHECK(policy_keep_get(k, POLICY_ADDRESS, key, NOW) == NULL);
	end();
}

/* More rows than a transaction takes, and more than there is room for: the file follows. */
static void
file_follows_memory(void)
{
	char text[32];

	begin();
	for (int i = 0; i < 60000; i++) {
		snprintf(text, sizeof text, "%d", i);
		policy_keep_put(k, POLICY_ADDRESS, key_of(text), NOW + (uint32_t)i, S("x"));
	}
	size_t n = policy_keep_count(k, POLICY_ADDRESS);
	CHECK(n <= 22400 && n > 19000);
	again(NOW + 60000);
	size_t after = policy_keep_count(k, POLICY_ADDRESS); /* read in another order */
	CHECK(after <= n && after > n * 9 / 10);
	CHECK(policy_keep_get(k, POLICY_ADDRESS, key_of("59999"), NOW + 60000) != NULL);
	for (int i = 0; i < 20; i++) {
		policy_keep_tidy(k, NOW + 40 * DAY);
	}
	CHECK_U64(policy_keep_count(k, POLICY_ADDRESS), 0);
	again(NOW);
	CHECK_U64(policy_keep_count(k, POLICY_ADDRESS), 0);
	end();
}

static void
begins_anew(void)
{
	static const struct {
		const char *name;
		bool cut;
	} rows[] = { { "garbage", false }, { "cut", true } };
	static const str garbage =
	    S_INIT("this is no database at all, and too long for a torn one; "
		   "whoever opens it must say so and begin anew with nothing");

	for (size_t i = 0; i < LEN(rows); i++) {
		test_case = rows[i].name;
		begin();
		for (int n = 0; n < 500; n++) {
			uint64_t key = policy_keep_key(k, POLICY_KNOWN, str_make(&n, sizeof n),
			    S(""));
			policy_keep_put(k, POLICY_KNOWN, key, NOW, S(""));
		}
		policy_keep_close(&k);
		str bad = rows[i].cut ? S("SQLite format 3") : garbage;
		CHECK_ERR(sys_file_replace(SYS_CWD, str_from(path), bad), ERR_OK);
		char log[128]; /* a whole log would mend it */
		snprintf(log, sizeof log, "%s-wal", path);
		CHECK_ERR(sys_file_replace(SYS_CWD, str_from(log), S("x")), ERR_OK);
		CHECK_ERR(policy_keep_open(&conf, NOW, &k, &anew), ERR_OK);
		CHECK(anew != ERR_OK);
		CHECK_U64(policy_keep_count(k, POLICY_KNOWN), 0);
		policy_known_add(k, 1, S("a@b.test"), NOW);
		again(NOW);
		CHECK_ERR(anew, ERR_OK);
		CHECK(policy_known(k, 1, S("a@b.test"), NOW));
		struct sys_stat st;
		char aside[128];
		snprintf(aside, sizeof aside, "%s.damaged", path);
		CHECK_ERR(sys_file_stat(SYS_CWD, str_from(aside), &st), ERR_OK);
		end();
	}
	test_case = NULL;
}

/* ---- greylist ------------------------------------------------------------------------------- */

static uint32_t
ask(const char *network, const char *pool, const char *to, uint32_t now_s)
{
	const struct policy_grey_ask a = { .network = str_from(network),
		.pool = str_from(pool),
		.sender = S("s@far.test"),
		.recipient = str_from(to),
		.now_s = now_s,
		.delay_s = 180 };

	return policy_grey_ask(k, &a);
}

static void
greylist(void)
{
	static const struct {
		const char *name, *network, *pool, *to;
		uint32_t at, want;
	} rows[] = {
		{ "first", "192.0.2.0/24", "", "a@here.test", 0, 180 },
		{ "too soon", "192.0.2.0/24", "", "a@here.test", 60, 120 },
		{ "another network", "198.51.100.0/24", "", "a@here.test", 200, 180 },
		{ "another recipient", "192.0.2.0/24", "", "b@here.test", 200, 180 },
		{ "in time", "192.0.2.0/24", "", "a@here.test", 200, 0 },
		{ "and later", "192.0.2.0/24", "", "a@here.test", 20 * DAY, 0 },
		{ "window over", "192.0.2.0/24", "", "b@here.test", 3 * DAY, 180 },
		{ "anew", "192.0.2.0/24", "", "b@here.test", 3 * DAY + 200, 0 },
		{ "pool", "203.0.113.0/24", "pool.test", "c@here.test", 0, 180 },
		{ "pool, elsewhere", "203.0.114.0/24", "pool.test", "c@here.test", 300, 0 },
		{ "name came later", "198.51.100.0/24", "late.test", "a@here.test", 400, 0 },
	};

	begin();
	for (size_t i = 0; i < LEN(rows); i++) {
		test_case = rows[i].name;
		CHECK_U64(ask(rows[i].network, rows[i].pool, rows[i].to, NOW + rows[i].at),
		    rows[i].want);
	}
	test_case = NULL;
	end();
}

static void
who_waited_need_not_again(void)
{
	struct policy_grey_ask a = { .network = S("192.0.2.0/24"),
		.pool = S("pool.test"),
		.domain = S("mail.test"),
		.now_s = NOW };

	begin();
	CHECK(!policy_grey_waited(k, &a));
	policy_grey_let_in(k, &a);
	again(NOW + 1);
	CHECK(policy_grey_waited(k, &a));
	a.network = S("198.51.100.0/24");
	CHECK(policy_grey_waited(k, &a));
	a.pool = S("");
	CHECK(policy_grey_waited(k, &a));
	a.domain = S("");
	CHECK(!policy_grey_waited(k, &a));
	a.network = S("192.0.2.0/24");
	a.now_s = NOW + 31 * DAY;
	CHECK(!policy_grey_waited(k, &a));
	end();
}

/* ---- fame, correspondents ------------------------------------------------------------------- */

static void
fame_fades(void)
{
	static const struct {
		uint32_t n, past, want;
	} rows[] = { { 256, 0, 256 }, { 256, 1000, 128 }, { 256, 2000, 64 }, { 256, 500, 192 },
		{ 256, 32000, 0 }, { UINT32_MAX, 999, 2149631132 }, { 0, 5, 0 } };
	const uint32_t now_half_s[2] = { NOW, 10 * DAY };

	for (size_t i = 0; i < LEN(rows); i++) {
		CHECK_U64(policy_fame_decay(rows[i].n, rows[i].past, 1000), rows[i].want);
	}
	begin();
	for (int i = 0; i < 8; i++) {
		policy_fame_add(k, POLICY_DOMAIN, S("a.test"), i < 6, now_half_s);
	}
	policy_fame_add(k, POLICY_DOMAIN, S(""), true, now_half_s);
	struct policy_fame f = policy_fame_get(k, POLICY_DOMAIN, S("a.test"), NOW, 10 * DAY);
	CHECK(f.good == 6 && f.bad == 2);
	f = policy_fame_get(k, POLICY_DOMAIN, S("a.test"), NOW + 10 * DAY, 10 * DAY);
	CHECK(f.good == 3 && f.bad == 1);
	f = policy_fame_get(k, POLICY_OPERATOR, S("a.test"), NOW, 10 * DAY);
	CHECK(f.good == 0 && f.bad == 0);
	end();
}

static void
correspondents(void)
{
	begin();
	policy_known_add(k, 1, S("a@far.test"), NOW);
	policy_known_add(k, 2, S("b@far.test"), NOW);
	policy_known_add(k, 0, S("c@far.test"), NOW);
	CHECK(policy_known(k, 1, S("a@far.test"), NOW));
	CHECK(!policy_known(k, 2, S("a@far.test"), NOW));
	CHECK(!policy_known(k, 0, S("c@far.test"), NOW));
	CHECK(!policy_known(k, 1, S(""), NOW));
	policy_keep_forget(k, 1);
	again(NOW);
	CHECK(!policy_known(k, 1, S("a@far.test"), NOW));
	CHECK(policy_known(k, 2, S("b@far.test"), NOW));
	end();
}

/* Nobody can read from the file who wrote to whom. */
static void
no_address_is_in_the_file(void)
{
	static const char *const tails[] = { "", "-wal" };
	struct buf file;
	char name[128];

	begin();
	policy_known_add(k, 1, S("hidden.jane@far.test"), NOW);
	(void)ask("192.0.2.0/24", "", "hidden.joe@here.test", NOW);
	CHECK_ERR(policy_keep_flush(k), ERR_OK);
	buf_init(&file, 64 << 20);
	for (size_t i = 0; i < LEN(tails); i++) {
		snprintf(name, sizeof name, "%s%s", path, tails[i]);
		CHECK_ERR(sys_file_load(SYS_CWD, str_from(name), &file), ERR_OK);
	}
	CHECK(str_find(buf_view(&file), S("192.0.2.0/24")) > 0);
	CHECK(str_find(buf_view(&file), S("hidden")) < 0);
	CHECK(str_find(buf_view(&file), S("far.test")) < 0);
	buf_done(&file);
	end();
}

static void
habits(void)
{
	struct policy_habit h = { 0 };

	begin();
	for (uint32_t day = 0; day < 40; day++) {
		for (int i = 0; i < 20; i++) {
			h = policy_habit(k, 9, NOW + day * DAY, true);
		}
		CHECK_U64(h.today, 20);
	}
	CHECK(h.usual >= 17 && h.usual <= 20);
	h = policy_habit(k, 9, NOW + 60 * DAY, false);
	CHECK(h.today == 0 && h.usual < 5); /* twenty quiet days */
	for (int i = 0; i < 500; i++) {
		h = policy_habit(k, 9, NOW + 60 * DAY, true);
	}
	CHECK(h.today == 500 && !h.calm);
	const uint32_t now_until_s[2] = { NOW + 60 * DAY, NOW + 61 * DAY };
	policy_habit_accept(k, 9, now_until_s);
	h = policy_habit(k, 9, NOW + 60 * DAY, false);
	CHECK(h.calm && h.usual == 500);
	CHECK(!policy_habit(k, 9, NOW + 62 * DAY, false).calm);
	end();
}

static enum err
count_account(void *ctx, uint64_t account)
{
	*(uint64_t *)ctx += account;
	return ERR_OK;
}

static void
statistics(void)
{
	const uint32_t now_learned[2] = { NOW, 3 };
	struct buf out;
	uint64_t sum = 0;

	begin();
	buf_init(&out, 1000);
	CHECK_ERR(policy_learned_read(k, 4, &out), ERR_NOTFOUND);
	CHECK_ERR(policy_learned_write(k, 4, S("one"), now_learned), ERR_OK);
	CHECK_ERR(policy_learned_write(k, 4, S("two\0x"), now_learned), ERR_OK);
	CHECK_ERR(policy_learned_write(k, 5, S("five"), now_learned), ERR_OK);
	again(NOW);
	CHECK_ERR(policy_learned_read(k, 4, &out), ERR_OK);
	CHECK_STR(buf_view(&out), S("two\0x"));
	CHECK_ERR(policy_learned_each(k, count_account, &sum), ERR_OK);
	CHECK_U64(sum, 9);
	CHECK_ERR(policy_learned_drop(k, 4), ERR_OK);
	CHECK_ERR(policy_learned_read(k, 4, &out), ERR_NOTFOUND);
	buf_done(&out);
	end();
}

struct rows_seen {
	size_t n;
	uint64_t after;
};

static enum err
see(void *ctx, const struct policy_seen *row)
{
	struct rows_seen *s = ctx;

	CHECK_STR(row->who, S("192.0.2.0/24"));
	CHECK_U64(row->v[POLICY_GREY_TRIES], 1);
	s->n++;
	s->after = row->key;
	return ERR_OK;
}

static void
lists_what_waits(void)
{
	char to[32];
	struct rows_seen seen = { 0 };
	struct policy_keep_query q = { .kind = POLICY_GREY, .max = 10 };
	size_t pages = 0;

	begin();
	for (int i = 0; i < 25; i++) {
		snprintf(to, sizeof to, "%d@here.test", i);
		(void)ask("192.0.2.0/24", "", to, NOW);
	}
	for (size_t before = SIZE_MAX; before != seen.n; pages++) {
		before = seen.n;
		q.after = seen.after;
		CHECK_ERR(policy_keep_list(k, &q, see, &seen), ERR_OK);
	}
	CHECK_U64(seen.n, 25);
	CHECK_U64(pages, 4);
	q.after = 0;
	q.who = S("198.51.100.0/24");
	CHECK_ERR(policy_keep_list(k, &q, see, &seen), ERR_OK);
	CHECK_U64(seen.n, 25);
	end();
}

static enum err
take_who(void *ctx, const struct policy_seen *row)
{
	buf_str(ctx, row->who);
	return ERR_OK;
}

static void
check_who(uint64_t key, str want)
{
	const struct policy_keep_query q = { .kind = POLICY_HELD, .after = key - 1, .max = 1 };
	struct buf who;

	buf_init(&who, POLICY_WHO_MAX);
	CHECK_ERR(policy_keep_list(k, &q, take_who, &who), ERR_OK);
	CHECK_STR(buf_view(&who), want);
	buf_done(&who);
}

/* A row goes and comes between two writings: its text is the new one's, and none is not kept. */
static void
gone_and_back_before_it_is_written(void)
{
	static const struct {
		const char *name;
		bool written, touched;
		str first, second;
	} rows[] = { { "written before", true, false, S_INIT("old"), S_INIT("new") },
		{ "not yet written", false, false, S_INIT("old"), S_INIT("new") },
		{ "touched, too", true, true, S_INIT("old"), S_INIT("new") },
		{ "had none", true, false, S_INIT(""), S_INIT("new") },
		{ "has none any more", true, false, S_INIT("old"), S_INIT("") } };

	for (size_t i = 0; i < LEN(rows); i++) {
		test_case = rows[i].name;
		begin();
		uint64_t key = policy_keep_key(k, POLICY_HELD, S("x"), S(""));
		policy_keep_put(k, POLICY_HELD, key, NOW, rows[i].first);
		if (rows[i].written) {
			CHECK_ERR(policy_keep_flush(k), ERR_OK);
		}
		if (rows[i].touched) {
			policy_keep_put(k, POLICY_HELD, key, NOW, S(""));
		}
		policy_keep_drop(k, POLICY_HELD, policy_keep_get(k, POLICY_HELD, key, NOW));
		policy_keep_put(k, POLICY_HELD, key, NOW, rows[i].second)->v[0] = 7;
		again(NOW);
		check_who(key, rows[i].second);
		const struct policy_row *row = policy_keep_get(k, POLICY_HELD, key, NOW);
		CHECK(row != NULL && row->v[0] == 7);
		end();
	}
}

/* Whatever allocation fails: it opens, or says why and leaves nothing behind. */
static void
memory_fails(void)
{
	bool opened = false;

	begin();
	policy_keep_close(&k);
	for (uint64_t n = 1; n < 100 && !opened; n++) {
		mem_fail_after(n);
		enum err e = policy_keep_open(&conf, NOW, &k, &anew);
		mem_fail_after(0);
		opened = e == ERR_OK;
		CHECK(opened || (e == ERR_NOMEM && k == NULL));
	}
	CHECK(opened);
	CHECK_ERR(anew, ERR_OK);
	end();
}

TEST_MAIN(lives_on, file_follows_memory, begins_anew, greylist, who_waited_need_not_again,
    fame_fades, correspondents, no_address_is_in_the_file, habits, statistics, lists_what_waits,
    gone_and_back_before_it_is_written, memory_fails)
