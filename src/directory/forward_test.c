/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Aliases that lead elsewhere: what is taken, what is answered, who reads for postmaster, and a
 * database of a program before there were any.
 */
#include "base/test.h"
#include "directory/account.h"
#include "directory/directory_priv.h"
#include "directory/domain.h"
#include "directory/ring.h"
#include "sys/file.h"
#include "sys/sys.h"

enum { NOW = 1800000000 };

static struct directory *d;
static uint64_t anna, dora;

static enum err
lead(str alias, uint64_t account, str elsewhere)
{
	const struct directory_alias_new want = {
		.alias = alias, .account = account, .elsewhere = elsewhere, .now_s = NOW
	};

	return directory_alias_add(d, &want);
}

static uint64_t
add(str address)
{
	const struct directory_account want = { .address = address };
	uint64_t id = 0;

	CHECK_ERR(directory_account_add(d, &want, false, NOW, &id), ERR_OK);
	return id;
}

static void
set_up(str path)
{
	const struct directory_conf conf = {
		.path = path, .delimiter = S("+"), .default_domain = S("a.example")
	};

	CHECK_ERR(directory_open(&conf, &d), ERR_OK);
	CHECK_ERR(directory_domain_add(d, S("a.example"), NOW), ERR_OK);
	anna = add(S("anna@a.example"));
	dora = add(S("dora@a.example"));
}

/* "verdict/accounts/forwards: F F ..." */
static void
answers(const char *address, const char *want)
{
	char room[300];
	struct buf b;

	for (int turn = 0; turn < 2; turn++) { /* the second from the cache */
		const struct directory_answer *a = directory_resolve(d, str_from(address));

		buf_init_fixed(&b, room, sizeof room);
		buf_printf(&b, "%d/%zu/%zu/%zu:", (int)a->verdict, a->targets_n, a->forwards_n,
		    a->lost);
		for (size_t i = 0; i < a->forwards_n; i++) {
			buf_printf(&b, " %.*s", STR_ARG(a->forwards[i]));
		}
		test_case = address;
		CHECK_STR(buf_view(&b), str_from(want));
	}
	test_case = NULL;
}

static enum err
join(void *ctx, const struct directory_alias *a)
{
	buf_printf(ctx, "%.*s>%.*s(%llu) ", STR_ARG(a->alias), STR_ARG(a->target),
	    (unsigned long long)a->account);
	return ERR_OK;
}

static void
leads_elsewhere(void)
{
	struct directory_alias_from from = { .alias = S("") };
	char room[400];
	struct buf out;

	set_up(S(":memory:"));
	CHECK_ERR(lead(S("t@a.example"), anna, S("")), ERR_OK);
	CHECK_ERR(lead(S("t@a.example"), 0, S("Zed@b.example")), ERR_OK);
	CHECK_ERR(lead(S("t@a.example"), 0, S("x@c.example")), ERR_OK);
	CHECK_ERR(lead(S("only@a.example"), 0, S("x@c.example")), ERR_OK);
	CHECK_ERR(lead(S("t@a.example"), 0, S("x@c.example")), ERR_EXISTS);
	CHECK_ERR(lead(S("t@a.example"), 0, S("y@a.example")), ERR_SYNTAX);
	CHECK_ERR(lead(S("t@nowhere.example"), 0, S("x@c.example")), ERR_NOTFOUND);
	CHECK_ERR(lead(S("anna@a.example"), 0, S("x@c.example")), ERR_EXISTS);
	answers("T@A.example", "1/1/2/0: Zed@b.example x@c.example");
	answers("t+detail@a.example", "1/1/2/0: Zed@b.example x@c.example");
	answers("only@a.example", "1/0/1/0: x@c.example");
	answers("anna@a.example", "1/1/0/0:");
	CHECK_ERR(directory_owns(d, anna, S("t@a.example")), ERR_OK);
	CHECK_ERR(directory_owns(d, anna, S("only@a.example")), ERR_DENIED);
	buf_init_fixed(&out, room, sizeof room);
	CHECK_ERR(directory_alias_each(d, &from, join, &out), ERR_OK);
	CHECK_STR(buf_view(&out),
	    S("only@a.example>x@c.example(0) t@a.example>Zed@b.example(0) "
	      "t@a.example>anna@a.example(1) t@a.example>x@c.example(0) "));
	from = (struct directory_alias_from){ S("a.example"), S("t@a.example"),
		S("Zed@b.example") };
	buf_reset(&out);
	CHECK_ERR(directory_alias_each(d, &from, join, &out), ERR_OK);
	CHECK_STR(buf_view(&out), S("t@a.example>anna@a.example(1) t@a.example>x@c.example(0) "));
	directory_close(&d);
}

static void
goes_away(void)
{
	const struct directory_account want = { .address = S("only@a.example") };
	uint64_t id;

	set_up(S(":memory:"));
	CHECK_ERR(lead(S("only@a.example"), 0, S("x@c.example")), ERR_OK);
	CHECK_ERR(lead(S("only@a.example"), 0, S("y@c.example")), ERR_OK);
	CHECK_ERR(directory_account_add(d, &want, false, NOW, &id), ERR_EXISTS);
	CHECK_ERR(directory_account_delete(d, anna, NOW), ERR_OK);
	CHECK_ERR(directory_account_delete(d, dora, NOW), ERR_OK);
	CHECK_ERR(directory_domain_remove(d, S("a.example")), ERR_DENIED);
	CHECK_ERR(directory_alias_remove(d, S("only@a.example"), 0, S("z@c.example")),
	    ERR_NOTFOUND);
	CHECK_ERR(directory_alias_remove(d, S("only@a.example"), 0, S("x@c.example")), ERR_OK);
	answers("only@a.example", "1/0/1/0: y@c.example");
	CHECK_ERR(directory_alias_remove(d, S("only@a.example"), 0, S("")), ERR_OK);
	CHECK_ERR(directory_alias_remove(d, S("only@a.example"), 0, S("")), ERR_NOTFOUND);
	answers("only@a.example", "2/0/0/0:");
	CHECK_ERR(directory_domain_remove(d, S("a.example")), ERR_OK);
	directory_close(&d);
}

/* The account may be disabled or full; the domain elsewhere may become ours. */
static void
changes_around_it(void)
{
	set_up(S(":memory:"));
	CHECK_ERR(lead(S("t@a.example"), dora, S("")), ERR_OK);
	CHECK_ERR(lead(S("t@a.example"), 0, S("Bob@b.example")), ERR_OK);
	CHECK_ERR(lead(S("only@a.example"), 0, S("no@b.example")), ERR_OK);
	CHECK_ERR(directory_account_quota(d, dora, 10, 0), ERR_OK);
	directory_usage(d, dora, 11, 1);
	answers("t@a.example", "1/1/1/0: Bob@b.example");
	CHECK_ERR(directory_account_state(d, dora, DIRECTORY_STATE_DISABLED), ERR_OK);
	answers("t@a.example", "1/0/1/0: Bob@b.example");
	CHECK_ERR(directory_domain_add(d, S("b.example"), NOW), ERR_OK);
	answers("only@a.example", "2/0/0/1:");
	CHECK_ERR(directory_catchall(d, S("a.example"), anna), ERR_OK);
	answers("only@a.example", "2/0/0/1:"); /* it is somebody's name all the same */
	uint64_t bob = add(S("bob@b.example"));
	answers("t@a.example", "1/1/0/0:");
	CHECK_U64(directory_resolve(d, S("t@a.example"))->targets[0].account, bob);
	directory_close(&d);
}

static void
reads_for_postmaster(void)
{
	set_up(S(":memory:"));
	CHECK_U64(directory_postmaster(d, S("a.example")), anna);
	CHECK_ERR(lead(S("postmaster@a.example"), 0, S("x@c.example")), ERR_OK);
	CHECK_U64(directory_postmaster(d, S("a.example")), anna);
	CHECK_ERR(lead(S("postmaster@a.example"), dora, S("")), ERR_OK);
	CHECK_U64(directory_postmaster(d, S("a.example")), dora);
	CHECK_U64(directory_postmaster(d, S("b.example")), anna); /* the oldest of the server */
	directory_close(&d);
}

static void
is_bounded(void)
{
	char name[40];

	set_up(S(":memory:"));
	CHECK_ERR(lead(S("all@a.example"), anna, S("")), ERR_OK);
	for (int i = 1; i < DIRECTORY_ALIAS_MAX; i++) {
		snprintf(name, sizeof name, "u%d@b.example", i);
		CHECK_ERR(lead(S("all@a.example"), 0, str_from(name)), ERR_OK);
	}
	CHECK_ERR(lead(S("all@a.example"), 0, S("more@b.example")), ERR_TOOMANY);
	CHECK_ERR(lead(S("all@a.example"), dora, S("")), ERR_TOOMANY);
	CHECK_U64(directory_resolve(d, S("all@a.example"))->forwards_n, DIRECTORY_ALIAS_MAX - 1);
	directory_close(&d);
}

/* Version 5 of the tables had no aliases that lead elsewhere. */
static void
migrates(void)
{
	char folder[] = "/tmp/postern-forward-XXXXXX", path[64];
	struct db *db = NULL;

	CHECK(mkdtemp(folder) != NULL);
	snprintf(path, sizeof path, "%s/directory.db", folder);
	const struct db_conf conf = { .path = str_from(path), .flags = DB_CREATE };
	CHECK_ERR(db_open(&conf, &db), ERR_OK);
	CHECK_ERR(db_migrate(db, directory_schema, 5), ERR_OK);
	CHECK_ERR(db_exec(db,
		      "INSERT INTO domains (name, created_s) VALUES ('old.example', 1);"
		      "INSERT INTO aliases (alias, account, domain, created_s)"
		      " VALUES ('x@old.example', 7, 'old.example', 1);"
		      "INSERT INTO secrets (name, value) VALUES ('srs', zeroblob(32))"),
	    ERR_OK);
	db_close(&db);
	set_up(str_from(path));
	CHECK_ERR(directory_domain_find(d, S("old.example")), ERR_OK);
	CHECK_ERR(lead(S("x@old.example"), 0, S("y@b.example")), ERR_OK);
	answers("x@old.example", "1/0/1/0: y@b.example");
	/* version 6 had one key for reverse-paths, for ever: it is the one that is used */
	static const struct directory_ring_key old;
	struct directory_ring ring;
	CHECK_ERR(directory_ring_load(d, S("srs"), 9, &ring), ERR_OK);
	CHECK_U64(ring.n, 1);
	CHECK(memcmp(&ring.keys[0], &old, sizeof old) == 0);
	CHECK_ERR(directory_ring_turn(d, S("srs"), 9, 1), ERR_OK);
	CHECK_ERR(directory_ring_load(d, S("srs"), 9, &ring), ERR_OK);
	CHECK_U64(ring.n, 2);
	CHECK(ring.keys[0].until_s == 0 && ring.keys[1].until_s == 10);
	CHECK(memcmp(&ring.keys[1].value, &old.value, sizeof old.value) == 0);
	CHECK_ERR(directory_ring_load(d, S("srs"), 10, &ring), ERR_OK);
	CHECK_U64(ring.n, 1);
	directory_close(&d);
	CHECK_ERR(sys_dir_remove_tree(SYS_CWD, str_from(folder)), ERR_OK);
}

TEST_MAIN(leads_elsewhere, goes_away, changes_around_it, reads_for_postmaster, is_bounded, migrates)
