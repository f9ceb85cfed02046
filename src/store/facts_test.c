/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Facts: added in bulk, read in any order, missing ones named; two processes that fill at once;
 * blocks that are damaged or dead. And holding a read open over writes of oneself and others.
 */
#include "base/test.h"
#include "store/facts.h"
#include "store/limits.h"
#include "store/store_priv.h"
#include "store/trial.h"

enum { MANY = 700 };

static char room[MANY][STORE_FACT_KINDS][24];

/* A string that tells message and kind; kind 4 has none. */
static str
fact_of(uint64_t id, unsigned kind, char out[24])
{
	int n = kind == 4 ? 0 : snprintf(out, 24, "%llu.%u", (unsigned long long)id, kind);
	return str_make(out, (size_t)n);
}

static size_t
fill(struct store *s, size_t cap)
{
	static struct store_fact list[MANY];
	static uint64_t ids[MANY];
	size_t n = 0;
	CHECK_ERR(store_facts_missing(s, ids, MIN(cap, (size_t)MANY), &n), ERR_OK);
	for (size_t i = 0; i < n; i++) {
		list[i].id = ids[i];
		for (unsigned k = 0; k < STORE_FACT_KINDS; k++) {
			list[i].v[k] = fact_of(ids[i], k, room[i][k]);
		}
	}
	CHECK_ERR(store_facts_add(s, list, n), ERR_OK);
	return n;
}

static void
is_there(struct store_fact_reader *r, uint64_t id)
{
	char want[24];
	str got;
	if (CHECK_ERR(store_fact_get(r, id, &got), ERR_OK)) {
		CHECK_STR(got, fact_of(id, r->kind, want));
	}
}

static size_t
ids_of(struct store *s, uint64_t *ids)
{
	static struct store_msg msgs[MANY];
	struct store_scan scan = { STORE_INBOX, 1, UINT32_MAX, 0 };
	size_t n = 0;
	CHECK_ERR(store_msgs(s, &scan, msgs, MANY, &n), ERR_OK);
	for (size_t i = 0; i < n; i++) {
		ids[i] = msgs[i].id;
	}
	return n;
}

static void
reads_what_was_added(void)
{
	static struct store_fact_reader r;
	static uint64_t ids[MANY];
	struct store_conf conf = store_trial_conf("facts");
	struct store *s = store_trial_open(&conf);
	str got;
	for (uint64_t i = 0; i < MANY; i++) {
		(void)store_trial_append(s, STORE_INBOX, i, 0);
	}
	CHECK_U64(ids_of(s, ids), MANY);
	CHECK_U64(fill(s, 300), 300);
	CHECK_U64(fill(s, MANY), MANY - 300);
	CHECK_U64(fill(s, MANY), 0);
	uint64_t seed = 7;
	for (unsigned kind = 0; kind < STORE_FACT_KINDS; kind++) {
		store_fact_reader_init(&r, s, kind);
		for (size_t i = 0; i < MANY; i++) {
			is_there(&r, ids[i]);
		}
		for (size_t i = 0; i < MANY; i++) {
			is_there(&r, ids[store_trial_random(&seed, MANY)]);
		}
		CHECK_ERR(store_fact_get(&r, ids[0] - 1, &got), ERR_NOTFOUND);
		CHECK_ERR(store_fact_get(&r, ids[MANY - 1] + 1, &got), ERR_NOTFOUND);
		is_there(&r, ids[5]);
		store_fact_reader_done(&r);
	}
	store_close(&s);
	store_trial_remove(&conf);
}

/* Facts of every size, up to those that are too large to be kept. */
static void
large_facts(void)
{
	static char text[STORE_FACT_MAX + 1];
	static struct store_fact list[MANY];
	static uint64_t ids[MANY];
	static struct store_fact_reader r;
	struct store_conf conf = store_trial_conf("facts5");
	struct store *s = store_trial_open(&conf);
	size_t n = 0;
	str got;
	uint64_t seed = 9;
	for (size_t i = 0; i < sizeof text; i++) {
		text[i] = (char)('a' + store_trial_random(&seed, 26));
	}
	for (uint64_t i = 0; i < 600; i++) {
		(void)store_trial_append(s, STORE_INBOX, i, 0);
	}
	CHECK_ERR(store_facts_missing(s, ids, MANY, &n), ERR_OK);
	CHECK_U64(n, 600);
	for (size_t i = 0; i < n; i++) {
		list[i].id = ids[i];
		list[i].v[1] = str_make(text, i < 300 ? 400 : i * 1000 % (STORE_FACT_MAX + 1));
		list[i].v[7] = str_make(text, i == 5 ? STORE_FACT_MAX + 1 : STORE_FACT_MAX);
	}
	CHECK_ERR(store_facts_add(s, list, n), ERR_OK);
	for (unsigned kind = 1; kind < 8; kind += 6) {
		store_fact_reader_init(&r, s, kind);
		for (size_t i = 0; i < n; i++) {
			CHECK_ERR(store_fact_get(&r, ids[i], &got), ERR_OK);
			CHECK(str_eq(got, kind == 7 && i == 5 ? STR_NONE : list[i].v[kind]));
		}
		store_fact_reader_done(&r);
	}
	store_close(&s);
	store_trial_remove(&conf);
}

static void
two_fill_at_once(void)
{
	struct store_conf conf = store_trial_conf("facts2");
	struct store *s = store_trial_open(&conf), *t = store_trial_open(&conf);
	uint64_t ids[8];
	size_t n;
	for (uint64_t i = 0; i < 3; i++) {
		(void)store_trial_append(s, STORE_INBOX, i, 0);
	}
	CHECK_ERR(store_facts_missing(t, ids, LEN(ids), &n), ERR_OK);
	CHECK_U64(n, 3);
	struct store_fact late = { .id = ids[0], .v = { S_INIT("late") } };
	CHECK_U64(fill(s, 8), 3);
	CHECK_ERR(store_facts_add(t, &late, 1), ERR_EXISTS);
	static struct store_fact_reader r;
	store_fact_reader_init(&r, t, 0);
	is_there(&r, ids[0]);
	store_fact_reader_done(&r);
	store_close(&t);
	store_close(&s);
	store_trial_remove(&conf);
}

/* Every cut and every changed octet of a block: an error or an answer, never more. */
static void
bears_damage(void)
{
	static struct store_fact_reader r;
	struct store_conf conf = store_trial_conf("facts3");
	struct store *s = store_trial_open(&conf);
	str got;
	uint64_t ids[8];
	for (uint64_t i = 0; i < 4; i++) {
		(void)store_trial_append(s, STORE_INBOX, i, 0);
	}
	CHECK_U64(ids_of(s, ids), 4);
	CHECK_U64(fill(s, 8), 4);
	char blob[512];
	CHECK_ERR(store_begin(s, DB_READ), ERR_OK);
	struct db_stmt *q = db_query(s->db, "SELECT data FROM fact ORDER BY key LIMIT 1");
	CHECK_ERR(db_row(q), ERR_OK);
	size_t n = db_blob(q, 0).n;
	CHECK(n <= sizeof blob);
	memcpy(blob, db_blob(q, 0).p, MIN(n, sizeof blob));
	db_done(q);
	CHECK_ERR(store_end(s, ERR_OK), ERR_OK);
	for (size_t i = 0; i < 2 * n; i++) {
		char bad[512];
		memcpy(bad, blob, n);
		bad[i / 2] = (char)(i % 2 == 0 ? bad[i / 2] ^ 1 : 255);
		CHECK_ERR(store_begin(s, DB_WRITE), ERR_OK);
		q = db_query(s->db, "UPDATE fact SET data = ? WHERE key < 72057594037927936");
		db_bind_blob(q, 1, str_make(bad, i % 3 == 0 ? i / 2 : n));
		CHECK_ERR(store_end(s, db_run(q)), ERR_OK);
		store_fact_reader_init(&r, s, 0);
		enum err e = store_fact_get(&r, ids[2], &got);
		CHECK(e == ERR_OK || e == ERR_CORRUPT || e == ERR_NOTFOUND || e == ERR_TOOBIG);
		store_fact_reader_done(&r);
	}
	store_close(&s);
	store_trial_remove(&conf);
}

static void
dead_blocks_go(void)
{
	static struct store_fact_reader r;
	struct store_conf conf = store_trial_conf("facts4");
	struct store *s = store_trial_open(&conf);
	static uint64_t ids[MANY];
	str got;
	for (uint64_t i = 0; i < 20; i++) {
		(void)store_trial_append(s, STORE_INBOX, i, 0);
	}
	CHECK_U64(fill(s, 10), 10);
	CHECK_U64(fill(s, 10), 10);
	CHECK_U64(ids_of(s, ids), 20);
	struct store_set gone;
	store_set_init(&gone);
	store_set_add(&gone, 1, 10);
	CHECK_ERR(store_expunge(s, STORE_INBOX, &gone, false, NULL), ERR_OK);
	CHECK_ERR(store_facts_prune(s), ERR_OK);
	store_fact_reader_init(&r, s, 2);
	CHECK_ERR(store_fact_get(&r, ids[3], &got), ERR_NOTFOUND);
	store_fact_reader_done(&r);
	store_fact_reader_init(&r, s, 2);
	is_there(&r, ids[10]);
	store_fact_reader_done(&r);
	store_set_done(&gone);
	store_close(&s);
	store_trial_remove(&conf);
}

static void
a_held_read_sees_one_state(void)
{
	struct store_conf conf = store_trial_conf("held");
	struct store *s = store_trial_open(&conf), *t = store_trial_open(&conf);
	uint64_t ids[MANY];
	struct store_changed changed;
	struct store_set all;
	store_set_init(&all);
	store_set_add(&all, 1, 100);
	(void)store_trial_append(t, STORE_INBOX, 1, 0);
	CHECK_ERR(store_hold(s), ERR_OK);
	CHECK_ERR(store_hold(s), ERR_OK);
	CHECK_U64(ids_of(s, ids), 1);
	(void)store_trial_append(t, STORE_INBOX, 2, 0);
	CHECK_U64(ids_of(s, ids), 1); /* still the old view */
	struct store_change c = {
		.mailbox = STORE_INBOX, .uids = &all, .op = STORE_FLAGS_ADD, .flags = STORE_SEEN
	};
	CHECK_ERR(store_flags(s, &c, &changed, NULL), ERR_OK); /* writes in between */
	CHECK_U64(ids_of(s, ids), 2);
	(void)store_trial_append(t, STORE_INBOX, 3, 0);
	CHECK_U64(ids_of(s, ids), 2);
	store_release(s);
	store_release(s);
	CHECK_U64(ids_of(s, ids), 3);
	(void)store_trial_append(s, STORE_INBOX, 4, 0);
	CHECK_U64(ids_of(t, ids), 4);
	CHECK_ERR(store_hold(s), ERR_OK);
	store_close(&s); /* a held read ends with the store */
	store_set_done(&all);
	store_close(&t);
	store_trial_remove(&conf);
}

TEST_MAIN(reads_what_was_added, large_facts, two_fill_at_once, bears_damage, dead_blocks_go,
    a_held_read_sees_one_state)
