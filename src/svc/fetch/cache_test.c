/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of policies: what is kept, what a failure leaves alone, what is forgotten.
 */
#include "base/test.h"
#include "svc/fetch/cache.h"
#include "svc/fetch/get.h"

enum { NOW = 1000000 };

static struct arena *arena;
static struct db *db;

static struct svc_fetch_entry
find(const char *domain)
{
	struct svc_fetch_entry e;
	enum err err = svc_fetch_cache_find(db, str_from(domain), arena, &e);
	CHECK(err == ERR_OK || err == ERR_NOTFOUND);
	return e;
}

static void
opens(void)
{
	arena = arena_new(NULL, "test", 1 << 20, 0);
	CHECK_ERR(svc_fetch_cache_open(S(":memory:"), &db), ERR_OK);
	CHECK(!find("a.test").kept.have);
}

static void
keeps_until_max_age(void)
{
	struct mtasts_policy p = { .mode = MTASTS_ENFORCE, .max_age_s = 500, .mx_n = 2 };
	p.mx[0] = S("mx.a.test");
	p.mx[1] = S("*.b.test");
	CHECK_ERR(svc_fetch_cache_keep(db, S("a.test"), S("1"), &p, NOW), ERR_OK);
	struct svc_fetch_entry e = find("a.test");
	CHECK(e.kept.have && e.mode == MTASTS_ENFORCE);
	CHECK_U64(e.kept.until_s, NOW + 500);
	CHECK_STR(e.kept.id, S("1"));
	CHECK_STR(e.mx, S("mx.a.test\n*.b.test"));
	CHECK_ERR(svc_fetch_cache_failed(db, S("a.test"), S("2"), S("sts-policy-invalid"), NOW + 1),
	    ERR_OK);
	e = find("a.test");
	CHECK(e.kept.have && e.mode == MTASTS_ENFORCE);
	CHECK_STR(e.kept.tried_id, S("2"));
	CHECK_STR(e.failure, S("sts-policy-invalid"));
	p = (struct mtasts_policy){ .mode = MTASTS_NONE, .max_age_s = 10 };
	CHECK_ERR(svc_fetch_cache_keep(db, S("a.test"), S("2"), &p, NOW + 2), ERR_OK);
	e = find("a.test");
	CHECK(e.mode == MTASTS_NONE && e.failure.n == 0 && e.mx.n == 0);
	CHECK_U64(e.kept.until_s, NOW + 12);
}

static void
forgets_what_ended(void)
{
	CHECK_ERR(svc_fetch_cache_failed(db, S("b.test"), S("1"), S("x"), NOW), ERR_OK);
	CHECK_ERR(svc_fetch_cache_prune(db, NOW + 11), ERR_OK);
	CHECK(find("a.test").kept.have);
	CHECK_STR(find("b.test").failure, S("x"));
	CHECK_ERR(svc_fetch_cache_prune(db, NOW + 12), ERR_OK);
	CHECK(!find("a.test").kept.have);
	CHECK_STR(find("b.test").failure, S("x"));
	CHECK_ERR(svc_fetch_cache_prune(db, NOW + 86400), ERR_OK);
	CHECK_STR(find("b.test").failure, S(""));
}

static void
host_names_only(void)
{
	CHECK(svc_fetch_host_valid(S("a-b.xn--c.test")));
	CHECK(!svc_fetch_host_valid(S("a/b")));
	CHECK(!svc_fetch_host_valid(S("a:1@b")));
	CHECK(!svc_fetch_host_valid(S("a b")));
	CHECK(!svc_fetch_host_valid(S("")));
	db_close(&db);
	arena_free(&arena);
}

TEST_MAIN(opens, keeps_until_max_age, forgets_what_ended, host_names_only)
