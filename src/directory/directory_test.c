/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rules of the directory as tables: who gets what mail, who may send as whom, what may be made,
 * changed and deleted. The database lives in memory; what survives a restart is tested in
 * persist_test.c.
 */
#include "base/buf.h"
#include "base/test.h"
#include "db/db.h"
#include "directory/account.h"
#include "directory/ban.h"
#include "directory/credential.h"
#include "directory/domain.h"
#include "directory/share.h"

enum { NOW = 1800000000 };

static struct arena *arena;
static struct directory *d;
static uint64_t anna, bert, carl, dora, eve;

static uint64_t
add(str address)
{
	struct directory_account want = { .address = address };
	uint64_t id = 0;

	CHECK_ERR(directory_account_add(d, &want, false, NOW, &id), ERR_OK);
	return id;
}

static enum err
add_alias(str alias, uint64_t account)
{
	struct directory_alias_new want = { .alias = alias, .account = account, .now_s = NOW };

	return directory_alias_add(d, &want);
}

/* A fresh small world: two domains, five accounts, aliases, a catch-all. */
static void
set_up(void)
{
	struct directory_conf conf = {
		.path = S(":memory:"), .delimiter = S("+"), .default_domain = S("example.org")
	};

	arena = arena_new(NULL, "test", 1 << 20, 0);
	CHECK_ERR(directory_open(&conf, &d), ERR_OK);
	CHECK_ERR(directory_domain_add(d, S("example.org"), NOW), ERR_OK);
	CHECK_ERR(directory_domain_add(d, S("catch.example"), NOW), ERR_OK);
	anna = add(S("anna@example.org"));
	bert = add(S("bert@example.org"));
	carl = add(S("carl@catch.example"));
	dora = add(S("dora@example.org"));
	eve = add(S("eve@example.org"));
	CHECK_ERR(add_alias(S("sales@example.org"), anna), ERR_OK);
	CHECK_ERR(add_alias(S("sales@example.org"), bert), ERR_OK);
	CHECK_ERR(add_alias(S("mixed@example.org"), bert), ERR_OK);
	CHECK_ERR(add_alias(S("mixed@example.org"), dora), ERR_OK);
	CHECK_ERR(add_alias(S("anna+special@example.org"), bert), ERR_OK);
	CHECK_ERR(directory_catchall(d, S("catch.example"), carl), ERR_OK);
	CHECK_ERR(directory_account_state(d, dora, DIRECTORY_STATE_DISABLED), ERR_OK);
	CHECK_ERR(directory_account_state(d, eve, DIRECTORY_STATE_LOCKED), ERR_OK);
}

static void
tear_down(void)
{
	directory_close(&d);
	arena_free(&arena);
}

static const struct resolve_row {
	const char *name;
	str in;
	enum directory_verdict verdict;
	str address, detail;
	uint64_t *targets[3];
} resolve_rows[] = {
	{ "own address", S_INIT("anna@example.org"), DIRECTORY_KNOWN, S_INIT("anna@example.org"),
	    S_INIT(""), { &anna } },
	{ "any case", S_INIT("Anna@EXAMPLE.Org"), DIRECTORY_KNOWN, S_INIT("anna@example.org"),
	    S_INIT(""), { &anna } },
	{ "quoted without need", S_INIT("\"anna\"@example.org"), DIRECTORY_KNOWN,
	    S_INIT("anna@example.org"), S_INIT(""), { &anna } },
	{ "detail", S_INIT("anna+Lists@example.org"), DIRECTORY_KNOWN, S_INIT("anna@example.org"),
	    S_INIT("lists"), { &anna } },
	{ "two delimiters", S_INIT("anna+a+b@example.org"), DIRECTORY_KNOWN,
	    S_INIT("anna@example.org"), S_INIT("a+b"), { &anna } },
	{ "exact alias before detail", S_INIT("anna+special@example.org"), DIRECTORY_KNOWN,
	    S_INIT("anna+special@example.org"), S_INIT(""), { &bert } },
	{ "detail at the front", S_INIT("+anna@example.org"), DIRECTORY_UNKNOWN,
	    S_INIT("+anna@example.org"), S_INIT(""), { NULL } },
	{ "alias", S_INIT("sales@example.org"), DIRECTORY_KNOWN, S_INIT("sales@example.org"),
	    S_INIT(""), { &anna, &bert } },
	{ "alias with detail", S_INIT("sales+x@example.org"), DIRECTORY_KNOWN,
	    S_INIT("sales@example.org"), S_INIT("x"), { &anna, &bert } },
	{ "alias, one disabled", S_INIT("mixed@example.org"), DIRECTORY_KNOWN,
	    S_INIT("mixed@example.org"), S_INIT(""), { &bert } },
	{ "disabled", S_INIT("dora@example.org"), DIRECTORY_DISABLED, S_INIT("dora@example.org"),
	    S_INIT(""), { &dora } },
	{ "locked still receives", S_INIT("eve@example.org"), DIRECTORY_KNOWN,
	    S_INIT("eve@example.org"), S_INIT(""), { &eve } },
	{ "nobody", S_INIT("nobody@example.org"), DIRECTORY_UNKNOWN, S_INIT("nobody@example.org"),
	    S_INIT(""), { NULL } },
	{ "nobody with detail", S_INIT("nobody+x@example.org"), DIRECTORY_UNKNOWN,
	    S_INIT("nobody+x@example.org"), S_INIT(""), { NULL } },
	{ "own before catch-all", S_INIT("carl@catch.example"), DIRECTORY_KNOWN,
	    S_INIT("carl@catch.example"), S_INIT(""), { &carl } },
	{ "catch-all", S_INIT("any+thing@catch.example"), DIRECTORY_KNOWN,
	    S_INIT("any+thing@catch.example"), S_INIT(""), { &carl } },
	{ "remote", S_INIT("anna@example.net"), DIRECTORY_REMOTE, S_INIT(""), S_INIT(""),
	    { NULL } },
	{ "subdomain is remote", S_INIT("anna@sub.example.org"), DIRECTORY_REMOTE, S_INIT(""),
	    S_INIT(""), { NULL } },
	{ "bare postmaster", S_INIT("Postmaster"), DIRECTORY_KNOWN,
	    S_INIT("postmaster@example.org"), S_INIT(""), { &anna } },
	{ "postmaster of a domain", S_INIT("postmaster@catch.example"), DIRECTORY_KNOWN,
	    S_INIT("postmaster@catch.example"), S_INIT(""), { &carl } },
	{ "bare other", S_INIT("anna"), DIRECTORY_UNKNOWN, S_INIT(""), S_INIT(""), { NULL } },
	{ "no address", S_INIT("@"), DIRECTORY_UNKNOWN, S_INIT(""), S_INIT(""), { NULL } },
	{ "empty", S_INIT(""), DIRECTORY_UNKNOWN, S_INIT(""), S_INIT(""), { NULL } },
	{ "injected SQL", S_INIT("\"x' OR '1'='1\"@example.org"), DIRECTORY_UNKNOWN,
	    S_INIT("\"x' or '1'='1\"@example.org"), S_INIT(""), { NULL } },
};

static void
check_answer(const struct resolve_row *row, const struct directory_answer *a)
{
	size_t want = 0;

	CHECK_U64(a->verdict, row->verdict);
	CHECK_STR(a->detail, row->detail);
	if (row->address.n > 0) {
		CHECK_STR(a->address, row->address);
	}
	while (want < LEN(row->targets) && row->targets[want] != NULL) {
		want++;
	}
	if (!CHECK_U64(a->targets_n, want)) {
		return;
	}
	for (size_t i = 0; i < want; i++) {
		CHECK_U64(a->targets[i].account, *row->targets[i]);
	}
}

static void
resolves_by_rule(void)
{
	set_up();
	for (int turn = 0; turn < 2; turn++) { /* the second from the cache */
		for (size_t i = 0; i < LEN(resolve_rows); i++) {
			test_case = resolve_rows[i].name;
			check_answer(&resolve_rows[i], directory_resolve(d, resolve_rows[i].in));
		}
	}
	test_case = NULL;
	tear_down();
}

/* Thresholds come with the answer, also from the cache, and changed ones at once. */
static void
filters(void)
{
	set_up();
	CHECK_ERR(directory_account_threshold(d, anna, DIRECTORY_JUNK_AT, 4500), ERR_OK);
	CHECK_ERR(directory_account_threshold(d, anna, DIRECTORY_REJECT_AT, 9000), ERR_OK);
	CHECK_ERR(directory_account_threshold(d, 999, DIRECTORY_JUNK_AT, 1), ERR_NOTFOUND);
	CHECK_ERR(directory_domain_dmarc(d, S("example.org"), DIRECTORY_DMARC_REJECT), ERR_OK);
	CHECK_ERR(directory_domain_dmarc(d, S("example.net"), DIRECTORY_DMARC_MARK), ERR_NOTFOUND);
	for (int turn = 0; turn < 2; turn++) {
		const struct directory_answer *a = directory_resolve(d, S("Anna+x@Example.org"));
		CHECK(a->targets_n == 1 && a->targets[0].junk_at == 4500 &&
		    a->targets[0].reject_at == 9000 && a->dmarc == DIRECTORY_DMARC_REJECT);
		a = directory_resolve(d, S("carl@catch.example"));
		CHECK(a->targets_n == 1 && a->targets[0].junk_at == 0 &&
		    a->dmarc == DIRECTORY_DMARC_DEFAULT);
	}
	CHECK_ERR(directory_account_threshold(d, anna, DIRECTORY_JUNK_AT, 0), ERR_OK);
	CHECK(directory_resolve(d, S("Anna+x@Example.org"))->targets[0].junk_at == 0);
	tear_down();
}

static void
owns_by_rule(void)
{
	static const struct {
		const char *name;
		uint64_t *account;
		str address;
		enum err want;
	} rows[] = {
		{ "own", &anna, S_INIT("anna@example.org"), ERR_OK },
		{ "own with detail", &anna, S_INIT("anna+x@example.org"), ERR_OK },
		{ "alias", &bert, S_INIT("sales@example.org"), ERR_OK },
		{ "somebody else's", &bert, S_INIT("anna@example.org"), ERR_DENIED },
		{ "alias of others", &carl, S_INIT("sales@example.org"), ERR_DENIED },
		{ "taken detail", &anna, S_INIT("anna+special@example.org"), ERR_DENIED },
		{ "catch-all", &carl, S_INIT("whatever@catch.example"), ERR_OK },
		{ "catch-all of another", &anna, S_INIT("whatever@catch.example"), ERR_DENIED },
		{ "remote", &anna, S_INIT("anna@example.net"), ERR_DENIED },
		{ "nobody's", &anna, S_INIT("nobody@example.org"), ERR_DENIED },
		{ "disabled", &dora, S_INIT("dora@example.org"), ERR_DENIED },
		{ "locked", &eve, S_INIT("eve@example.org"), ERR_DENIED },
		{ "postmaster by default", &anna, S_INIT("postmaster@example.org"), ERR_DENIED },
		{ "postmaster of a domain by default", &carl, S_INIT("postmaster@catch.example"),
		    ERR_DENIED },
		{ "null path", &anna, S_INIT(""), ERR_DENIED },
	};

	set_up();
	for (size_t i = 0; i < LEN(rows); i++) {
		test_case = rows[i].name;
		CHECK_ERR(directory_owns(d, *rows[i].account, rows[i].address), rows[i].want);
	}
	test_case = NULL;
	tear_down();
}

/* Mail for somebody who is gone is not for a catch-all or the owner of a sub-address to read. */
static void
the_deleted_are_nobody(void)
{
	set_up();
	uint64_t fay = add(S("fay@catch.example"));
	uint64_t gus = add(S("anna+gus@example.org"));
	CHECK_ERR(directory_account_delete(d, fay, NOW), ERR_OK);
	CHECK_ERR(directory_account_delete(d, gus, NOW), ERR_OK);
	CHECK_U64(directory_resolve(d, S("fay@catch.example"))->verdict, DIRECTORY_UNKNOWN);
	CHECK_U64(directory_resolve(d, S("anna+gus@example.org"))->verdict, DIRECTORY_UNKNOWN);
	CHECK_ERR(directory_owns(d, carl, S("fay@catch.example")), ERR_DENIED);
	CHECK_ERR(directory_owns(d, anna, S("anna+gus@example.org")), ERR_DENIED);
	CHECK_ERR(directory_owns(d, carl, S("gay@catch.example")), ERR_OK);
	tear_down();
}

static void
changes_are_seen_at_once(void)
{
	set_up();
	CHECK_U64(directory_resolve(d, S("frank@example.org"))->verdict, DIRECTORY_UNKNOWN);
	(void)add(S("frank@example.org"));
	CHECK_U64(directory_resolve(d, S("frank@example.org"))->verdict, DIRECTORY_KNOWN);
	CHECK_ERR(directory_alias_remove(d, S("sales@example.org"), anna, S("")), ERR_OK);
	CHECK_U64(directory_resolve(d, S("sales@example.org"))->targets_n, 1);
	CHECK_ERR(directory_alias_remove(d, S("sales@example.org"), 0, S("")), ERR_OK);
	CHECK_U64(directory_resolve(d, S("sales@example.org"))->verdict, DIRECTORY_UNKNOWN);
	CHECK_ERR(directory_alias_remove(d, S("sales@example.org"), 0, S("")), ERR_NOTFOUND);
	CHECK_ERR(directory_catchall(d, S("catch.example"), 0), ERR_OK);
	CHECK_U64(directory_resolve(d, S("x@catch.example"))->verdict, DIRECTORY_UNKNOWN);
	CHECK_ERR(directory_configure(d, S(""), S("example.org")), ERR_OK);
	CHECK_U64(directory_resolve(d, S("anna+x@example.org"))->verdict, DIRECTORY_UNKNOWN);
	tear_down();
}

static void
quota_turns_the_verdict(void)
{
	set_up();
	CHECK_ERR(directory_account_quota(d, anna, 1000, 10), ERR_OK);
	directory_usage(d, anna, 999, 9);
	CHECK_U64(directory_resolve(d, S("anna@example.org"))->verdict, DIRECTORY_KNOWN);
	directory_usage(d, anna, 1000, 9);
	CHECK_U64(directory_resolve(d, S("anna@example.org"))->verdict, DIRECTORY_OVERQUOTA);
	CHECK_U64(directory_resolve(d, S("sales@example.org"))->verdict, DIRECTORY_KNOWN);
	CHECK_U64(directory_resolve(d, S("sales@example.org"))->targets_n, 2);
	directory_usage(d, anna, 0, 10);
	CHECK_U64(directory_resolve(d, S("anna@example.org"))->verdict, DIRECTORY_OVERQUOTA);
	CHECK_ERR(directory_account_quota(d, anna, 0, 0), ERR_OK);
	CHECK_U64(directory_resolve(d, S("anna@example.org"))->verdict, DIRECTORY_KNOWN);
	directory_usage(d, anna, UINT64_MAX, UINT64_MAX);
	CHECK_U64(directory_resolve(d, S("anna@example.org"))->verdict, DIRECTORY_KNOWN);
	CHECK_ERR(directory_account_quota(d, 999, 0, 0), ERR_NOTFOUND);
	tear_down();
}

static void
names_are_taken_once(void)
{
	struct directory_account want = { .address = S("anna@example.org") };
	uint64_t id;

	set_up();
	CHECK_ERR(directory_account_add(d, &want, false, NOW, &id), ERR_EXISTS);
	want.address = S("sales@example.org");
	CHECK_ERR(directory_account_add(d, &want, false, NOW, &id), ERR_EXISTS);
	want.address = S("anna@example.net");
	CHECK_ERR(directory_account_add(d, &want, false, NOW, &id), ERR_NOTFOUND);
	CHECK_ERR(add_alias(S("anna@example.org"), bert), ERR_EXISTS);
	CHECK_ERR(add_alias(S("sales@example.org"), anna), ERR_EXISTS);
	CHECK_ERR(add_alias(S("x@example.net"), anna), ERR_NOTFOUND);
	CHECK_ERR(add_alias(S("x@example.org"), 999), ERR_NOTFOUND);
	CHECK_ERR(directory_domain_add(d, S("example.org"), NOW), ERR_EXISTS);
	CHECK_ERR(directory_domain_remove(d, S("example.org")), ERR_DENIED);
	CHECK_ERR(directory_domain_remove(d, S("example.net")), ERR_NOTFOUND);
	CHECK_ERR(directory_domain_add(d, S("empty.example"), NOW), ERR_OK);
	CHECK_ERR(directory_domain_remove(d, S("empty.example")), ERR_OK);
	tear_down();
}

static void
alias_is_bounded(void)
{
	set_up();
	for (unsigned i = 0; i < DIRECTORY_ALIAS_MAX; i++) {
		CHECK_ERR(add_alias(S("all@example.org"),
			      add(arena_printf(arena, "u%u@example.org", i))),
		    ERR_OK);
	}
	CHECK_ERR(add_alias(S("all@example.org"), anna), ERR_TOOMANY);
	CHECK_U64(directory_resolve(d, S("all@example.org"))->targets_n, DIRECTORY_ALIAS_MAX);
	tear_down();
}

/* A deleted address is nobody's for a while, ids are never used again. */
static void
deleted_addresses_rest(void)
{
	struct directory_account want = { .address = S("anna@example.org") };
	struct directory_alias_new alias = { .alias = S("anna@example.org"), .now_s = NOW + 100 };
	int64_t deleted_s, later = NOW + 100 + DIRECTORY_TOMBSTONE_S;
	uint64_t id = 0;

	set_up();
	alias.account = bert;
	CHECK_ERR(directory_tombstone(d, S("anna@example.org"), &deleted_s), ERR_NOTFOUND);
	CHECK_ERR(directory_catchall(d, S("example.org"), anna), ERR_OK);
	CHECK_ERR(directory_account_delete(d, anna, NOW + 100), ERR_OK);
	CHECK_ERR(directory_account_delete(d, anna, NOW + 100), ERR_NOTFOUND);
	CHECK_U64(directory_resolve(d, S("anna@example.org"))->verdict, DIRECTORY_UNKNOWN);
	CHECK_U64(directory_resolve(d, S("sales@example.org"))->targets_n, 1);
	CHECK_ERR(directory_catchall(d, S("example.org"), bert), ERR_OK);
	CHECK_U64(directory_resolve(d, S("anybody+x@example.org"))->verdict, DIRECTORY_KNOWN);
	CHECK_U64(directory_resolve(d, S("anna@example.org"))->verdict, DIRECTORY_UNKNOWN);
	CHECK_U64(directory_resolve(d, S("anna+x@example.org"))->verdict, DIRECTORY_UNKNOWN);
	CHECK_ERR(directory_owns(d, bert, S("anna+x@example.org")), ERR_DENIED);
	CHECK_ERR(directory_tombstone(d, S("anna@example.org"), &deleted_s), ERR_OK);
	CHECK_U64(deleted_s, NOW + 100);
	CHECK_ERR(directory_account_add(d, &want, false, later, &id), ERR_DENIED);
	CHECK_ERR(directory_account_add(d, &want, true, later - 1, &id), ERR_DENIED);
	CHECK_ERR(directory_alias_add(d, &alias), ERR_DENIED);
	CHECK_ERR(directory_account_add(d, &want, true, later, &id), ERR_OK);
	CHECK(id > eve);
	CHECK_ERR(directory_tombstone(d, S("anna@example.org"), &deleted_s), ERR_NOTFOUND);
	tear_down();
}

static void
disabled_is_for_good(void)
{
	set_up();
	CHECK_ERR(directory_account_state(d, dora, DIRECTORY_STATE_ACTIVE), ERR_DENIED);
	CHECK_ERR(directory_account_state(d, dora, DIRECTORY_STATE_LOCKED), ERR_DENIED);
	CHECK_ERR(directory_account_state(d, dora, DIRECTORY_STATE_DISABLED), ERR_OK);
	CHECK_ERR(directory_account_state(d, eve, DIRECTORY_STATE_ACTIVE), ERR_OK);
	CHECK_ERR(directory_account_state(d, 999, DIRECTORY_STATE_ACTIVE), ERR_NOTFOUND);
	tear_down();
}

static void
finds_accounts(void)
{
	static const struct {
		str name;
		uint64_t *want;
	} rows[] = {
		{ S_INIT("anna@example.org"), &anna },
		{ S_INIT("ANNA@Example.ORG"), &anna },
		{ S_INIT("anna"), &anna },
		{ S_INIT("anna+x@example.org"), NULL },
		{ S_INIT("sales@example.org"), NULL },
		{ S_INIT("carl"), NULL },
		{ S_INIT("carl@catch.example"), &carl },
		{ S_INIT("dora"), &dora },
		{ S_INIT(""), NULL },
		{ S_INIT("a b"), NULL },
		{ S_INIT("@@"), NULL },
	};

	set_up();
	for (size_t i = 0; i < LEN(rows); i++) {
		struct directory_account a;

		if (rows[i].want == NULL) {
			CHECK_ERR(directory_account_find(d, rows[i].name, arena, &a), ERR_NOTFOUND);
		} else if (CHECK_ERR(directory_account_find(d, rows[i].name, arena, &a), ERR_OK)) {
			CHECK_U64(a.id, *rows[i].want);
		}
	}
	tear_down();
}

static void
batch_is_all_or_nothing(void)
{
	struct directory_account want = { .address = S("b1@example.org") };
	uint64_t id;

	set_up();
	CHECK_ERR(directory_begin(d), ERR_OK);
	CHECK_ERR(directory_account_add(d, &want, false, NOW, &id), ERR_OK);
	CHECK_U64(directory_resolve(d, S("b1@example.org"))->verdict, DIRECTORY_KNOWN);
	directory_cancel(d);
	CHECK_U64(directory_resolve(d, S("b1@example.org"))->verdict, DIRECTORY_UNKNOWN);
	CHECK_ERR(directory_begin(d), ERR_OK);
	CHECK_ERR(directory_account_add(d, &want, false, NOW, &id), ERR_OK);
	CHECK_ERR(directory_account_add(d, &want, false, NOW, &id), ERR_EXISTS);
	want.address = S("b2@example.org");
	CHECK_ERR(directory_account_add(d, &want, false, NOW, &id), ERR_OK);
	CHECK_ERR(directory_commit(d), ERR_OK);
	CHECK_U64(directory_resolve(d, S("b1@example.org"))->verdict, DIRECTORY_KNOWN);
	CHECK_U64(directory_resolve(d, S("b2@example.org"))->verdict, DIRECTORY_KNOWN);
	tear_down();
}

static struct directory_credential
credential(uint64_t account, str app)
{
	struct directory_credential c = {
		.account = account, .iterations = 4096, .created_s = NOW
	};

	c.app = app.n > 0;
	c.name = app;
	c.scope = DIRECTORY_SCOPE_IMAP;
	memset(c.stored_sha256, 0x5a, sizeof(c.stored_sha256));
	return c;
}

static void
keeps_credentials(void)
{
	struct directory_credential all[DIRECTORY_CREDENTIALS_MAX], c;
	uint8_t context[32] = { 1 };
	size_t n;

	set_up();
	CHECK_ERR(directory_cram_md5_set(d, anna, context), ERR_NOTFOUND);
	c = credential(anna, S("phone"));
	CHECK_ERR(directory_app_add(d, &c), ERR_OK);
	CHECK_ERR(directory_app_add(d, &c), ERR_EXISTS);
	c = credential(anna, S(""));
	CHECK_ERR(directory_password_set(d, &c), ERR_OK);
	c.iterations = 5000;
	CHECK_ERR(directory_password_set(d, &c), ERR_OK);
	CHECK_ERR(directory_cram_md5_set(d, anna, context), ERR_OK);
	CHECK_ERR(directory_credentials(d, anna, arena, all, &n), ERR_OK);
	if (CHECK_U64(n, 2)) {
		CHECK(!all[0].app && all[0].iterations == 5000 && all[0].has_cram_md5);
		CHECK_U64(all[0].scope, DIRECTORY_SCOPE_ALL);
		CHECK(all[1].app && !all[1].has_cram_md5);
		CHECK_STR(all[1].name, S("phone"));
		CHECK_U64(all[1].scope, DIRECTORY_SCOPE_IMAP);
		CHECK_U64(all[1].stored_sha256[31], 0x5a);
		CHECK_ERR(directory_credential_used(d, all[1].id, 20000), ERR_OK);
	}
	CHECK_ERR(directory_account_cram_md5(d, anna, false), ERR_OK);
	CHECK_ERR(directory_credentials(d, anna, arena, all, &n), ERR_OK);
	CHECK(!all[0].has_cram_md5);
	CHECK_U64(all[1].used_day, 20000);
	CHECK_ERR(directory_app_remove(d, anna, S("phone")), ERR_OK);
	CHECK_ERR(directory_app_remove(d, anna, S("phone")), ERR_NOTFOUND);
	CHECK_ERR(directory_credentials(d, bert, arena, all, &n), ERR_OK);
	CHECK_U64(n, 0);
	tear_down();
}

static void
app_passwords_are_bounded(void)
{
	struct directory_credential all[DIRECTORY_CREDENTIALS_MAX];
	size_t n;

	set_up();
	for (unsigned i = 0; i <= DIRECTORY_APPS_MAX; i++) {
		struct directory_credential c = credential(anna, arena_printf(arena, "app %u", i));

		CHECK_ERR(directory_app_add(d, &c), i < DIRECTORY_APPS_MAX ? ERR_OK : ERR_TOOMANY);
	}
	CHECK_ERR(directory_credentials(d, anna, arena, all, &n), ERR_OK);
	CHECK_U64(n, DIRECTORY_APPS_MAX);
	tear_down();
}

/* The account was deleted while its new password was hashed. */
static void
nobody_has_no_credentials(void)
{
	struct directory_credential all[DIRECTORY_CREDENTIALS_MAX], c;
	size_t n;

	set_up();
	CHECK_ERR(directory_account_delete(d, anna, NOW), ERR_OK);
	c = credential(anna, S(""));
	CHECK_ERR(directory_password_set(d, &c), ERR_NOTFOUND);
	c = credential(anna, S("phone"));
	CHECK_ERR(directory_app_add(d, &c), ERR_NOTFOUND);
	CHECK_ERR(directory_credentials(d, anna, arena, all, &n), ERR_OK);
	CHECK_U64(n, 0);
	tear_down();
}

static enum err
count_account(void *ctx, const struct directory_account *a)
{
	(*(unsigned *)ctx)++;
	return a->address.n > 0 ? ERR_OK : ERR_BUG;
}

static enum err
join_alias(void *ctx, const struct directory_alias *a)
{
	buf_printf(ctx, "%.*s>%.*s ", STR_ARG(a->alias), STR_ARG(a->target));
	return ERR_OK;
}

static enum err
join_domain(void *ctx, const struct directory_domain *row)
{
	buf_printf(ctx, "%.*s:%u:%u:%.*s ", STR_ARG(row->name), (unsigned)row->accounts,
	    (unsigned)row->aliases, STR_ARG(row->catchall));
	return ERR_OK;
}

static enum err
join_address(void *ctx, str address)
{
	buf_printf(ctx, "%.*s ", STR_ARG(address));
	return ERR_OK;
}

static void
lists_in_order(void)
{
	struct directory_alias_from from = { .alias = S("anna+special@example.org"),
		.target = S("bert@example.org") };
	struct directory_domain domain;
	unsigned n = 0;
	struct buf out;

	set_up();
	buf_init(&out, 4096);
	CHECK_ERR(directory_account_each(d, S(""), S(""), count_account, &n), ERR_OK);
	CHECK_U64(n, 5);
	n = 0;
	CHECK_ERR(directory_account_each(d, S("example.org"), S("anna@example.org"), count_account,
		      &n),
	    ERR_OK);
	CHECK_U64(n, 3);
	CHECK_ERR(directory_alias_each(d, &from, join_alias, &out), ERR_OK);
	CHECK_STR(buf_view(&out),
	    S("mixed@example.org>bert@example.org mixed@example.org>dora@example.org "
	      "sales@example.org>anna@example.org sales@example.org>bert@example.org "));
	buf_reset(&out);
	CHECK_ERR(directory_domain_each(d, S(""), join_domain, &out), ERR_OK);
	CHECK_STR(buf_view(&out), S("catch.example:1:0:carl@catch.example example.org:4:3: "));
	buf_reset(&out);
	CHECK_ERR(directory_address_each(d, bert, join_address, &out), ERR_OK);
	CHECK_STR(buf_view(&out),
	    S("anna+special@example.org bert@example.org mixed@example.org sales@example.org "));
	CHECK_ERR(directory_domain_get(d, S("catch.example"), arena, &domain), ERR_OK);
	CHECK_STR(domain.catchall, S("carl@catch.example"));
	CHECK_ERR(directory_domain_get(d, S("nowhere.example"), arena, &domain), ERR_NOTFOUND);
	buf_done(&out);
	tear_down();
}

static enum err
join_sharer(void *ctx, uint64_t account, str address)
{
	buf_printf(ctx, "%.*s ", STR_ARG(address));
	return ERR_OK;
}

static void
sharers_are(uint64_t guest, const char *want)
{
	struct buf out;

	buf_init(&out, 4096);
	CHECK_ERR(directory_sharers(d, guest, join_sharer, &out), ERR_OK);
	CHECK_STR(buf_view(&out), str_from(want));
	buf_done(&out);
}

static struct directory_account guest;

static enum err
share(uint64_t owner, str name, bool on)
{
	struct directory_share want = { .owner = owner, .name = name, .on = on };

	return directory_share(d, &want, arena, &guest);
}

static enum err
share_by(uint64_t by, uint64_t owner, str name)
{
	struct directory_share want = { owner, by, name, true };

	return directory_share(d, &want, arena, &guest);
}

/* By id: an address that changes hands brings nothing along. */
static void
shares_are_between_accounts(void)
{
	set_up();
	CHECK_ERR(share(anna, S("Bert@example.org"), true), ERR_OK);
	CHECK_U64(guest.id, bert);
	CHECK_STR(guest.address, S("bert@example.org"));
	CHECK_ERR(share(anna, S("bert"), true), ERR_OK);
	CHECK_ERR(share(carl, S("bert"), true), ERR_OK);
	CHECK_ERR(share(anna, S("anna"), true), ERR_DENIED);
	CHECK_ERR(share(anna, S("nobody"), true), ERR_NOTFOUND);
	CHECK_ERR(share(anna, S("sales"), true), ERR_NOTFOUND);
	CHECK_ERR(directory_share_check(d, anna, bert), ERR_OK);
	CHECK_ERR(directory_share_check(d, bert, anna), ERR_NOTFOUND);
	CHECK_ERR(directory_share_check(d, anna, eve), ERR_NOTFOUND);
	sharers_are(bert, "anna@example.org carl@catch.example ");
	sharers_are(anna, "");
	/* only who it is: nothing begins, nothing ends */
	CHECK_ERR(share(anna, S("bert"), false), ERR_OK);
	CHECK_U64(guest.id, bert);
	CHECK_ERR(share(anna, S("eve"), false), ERR_OK);
	CHECK_U64(guest.id, eve);
	sharers_are(bert, "anna@example.org carl@catch.example ");
	CHECK_ERR(directory_share_check(d, anna, eve), ERR_NOTFOUND);
	/* a guest may bring others, whoever is none may not */
	CHECK_ERR(share_by(eve, anna, S("carl@catch.example")), ERR_BADSTATE);
	CHECK_ERR(share_by(bert, anna, S("anna")), ERR_DENIED);
	CHECK_ERR(share_by(bert, anna, S("nobody")), ERR_NOTFOUND);
	CHECK_ERR(share_by(bert, anna, S("eve")), ERR_OK);
	CHECK_ERR(directory_share_check(d, anna, eve), ERR_OK);
	CHECK_ERR(directory_account_state(d, carl, DIRECTORY_STATE_LOCKED), ERR_OK);
	sharers_are(bert, "anna@example.org ");
	CHECK_ERR(directory_account_delete(d, bert, NOW), ERR_OK);
	CHECK_ERR(directory_share_check(d, carl, bert), ERR_NOTFOUND);
	tear_down();
}

/* The owner has room when its guests have none any more. */
static void
guests_add_up_to_half(void)
{
	char name[64];

	set_up();
	CHECK_ERR(share(anna, S("bert"), true), ERR_OK);
	for (int i = 1; i < DIRECTORY_SHARES_GUEST; i++) {
		snprintf(name, sizeof name, "n%d@example.org", i);
		(void)add(str_from(name));
		CHECK_ERR(share_by(bert, anna, str_from(name)), ERR_OK);
		arena_reset(arena);
	}
	CHECK_ERR(share_by(bert, anna, S("n1@example.org")), ERR_OK);
	CHECK_ERR(share_by(bert, anna, S("eve")), ERR_TOOMANY);
	CHECK_ERR(share(anna, S("eve"), true), ERR_OK);
	tear_down();
}

/* The n-th allocation of the engine fails: no wrong answer, no half change. */
static void
survives_want_of_memory(void)
{
	struct directory_account want = { .address = S("new@example.org") };
	bool made = false;

	db_fail_after(0); /* the engine must hear of it before it opens anything */
	set_up();
	for (uint64_t n = 1; n < 200; n++) {
		enum directory_verdict verdict;
		uint64_t id;

		CHECK_ERR(directory_configure(d, S("+"), S("example.org")), ERR_OK); /* no cache */
		db_fail_after(n);
		verdict = directory_resolve(d, S("anna+x@example.org"))->verdict;
		CHECK(verdict == DIRECTORY_KNOWN || verdict == DIRECTORY_TEMP);
		db_fail_after(n);
		if (directory_account_add(d, &want, false, NOW, &id) == ERR_OK) {
			CHECK(!made);
			made = true;
		}
		db_fail_after(0);
		CHECK_U64(directory_resolve(d, S("new@example.org"))->verdict,
		    made ? DIRECTORY_KNOWN : DIRECTORY_UNKNOWN);
	}
	CHECK(made);
	tear_down();
}

TEST_MAIN(survives_want_of_memory, resolves_by_rule, filters, owns_by_rule, the_deleted_are_nobody,
    changes_are_seen_at_once, quota_turns_the_verdict, names_are_taken_once, alias_is_bounded,
    deleted_addresses_rest, disabled_is_for_good, finds_accounts, batch_is_all_or_nothing,
    keeps_credentials, shares_are_between_accounts, guests_add_up_to_half,
    app_passwords_are_bounded, nobody_has_no_credentials, lists_in_order)
