/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reverse-paths there and back, and which addresses elsewhere an alias may have.
 */
#include "base/test.h"
#include "directory/account.h"
#include "directory/domain.h"
#include "svc/auth/forward.h"

enum { DAY_S = 86400 };

#define ALIAS S("team@here.example")

static struct svc_auth a;
static struct arena *arena;

static void
set_up(void)
{
	const struct directory_conf conf = {
		.path = S(":memory:"), .delimiter = S("+"), .default_domain = S("here.example")
	};

	a = (struct svc_auth){ .now_s = 1800000000 };
	arena = arena_new(NULL, "test", 1 << 20, 0);
	CHECK_ERR(directory_open(&conf, &a.directory), ERR_OK);
	CHECK_ERR(directory_domain_add(a.directory, S("here.example"), 1), ERR_OK);
	CHECK_ERR(svc_auth_forward_load(&a), ERR_OK);
}

static void
tear_down(void)
{
	directory_close(&a.directory);
	arena_free(&arena);
}

static void
there_and_back(void)
{
	static const struct {
		str path, back;
	} rows[] = {
		{ S_INIT("Ann@Far.Example"), S_INIT("Ann@far.example") },
		{ S_INIT("a+b=c@far.example"), S_INIT("a+b=c@far.example") },
		{ S_INIT("\"a b\"@far.example"), S_INIT("\"a b\"@far.example") },
		{ S_INIT("SRS0=x=yy=z.example=q@far.example"),
		    S_INIT("SRS0=x=yy=z.example=q@far.example") },
	};
	struct svc_auth_bounce b;
	str sender = STR_NONE;

	set_up();
	for (size_t i = 0; i < LEN(rows); i++) {
		CHECK_ERR(svc_auth_forward_sender(&a, arena, rows[i].path, ALIAS, &sender), ERR_OK);
		CHECK(str_ends(sender, S("@here.example")));
		CHECK_ERR(svc_auth_forward_back(&a, arena, sender, &b), ERR_OK);
		CHECK_STR(b.to, rows[i].back);
		CHECK(!b.local && str_ends(b.via, S("@here.example")));
	}
	tear_down();
}

static void
stays_as_it_is(void)
{
	char longest[230];
	struct svc_auth_bounce b;
	str sender = STR_NONE;

	set_up();
	CHECK_ERR(svc_auth_forward_sender(&a, arena, S(""), ALIAS, &sender), ERR_OK);
	CHECK_STR(sender, S(""));
	CHECK_ERR(svc_auth_forward_sender(&a, arena, S("U@Here.example"), ALIAS, &sender), ERR_OK);
	CHECK_STR(sender, S("U@Here.example"));
	CHECK_ERR(svc_auth_forward_sender(&a, arena, S("u@[192.0.2.1]"), ALIAS, &sender),
	    ERR_SYNTAX);
	memset(longest, 'x', sizeof longest);
	memcpy(longest + sizeof longest - 12, "@far.example", 12);
	CHECK_ERR(svc_auth_forward_sender(&a, arena, str_make(longest, sizeof longest), ALIAS,
		      &sender),
	    ERR_TOOBIG);
	CHECK_ERR(svc_auth_forward_back(&a, arena, S("anna@here.example"), &b), ERR_NOTFOUND);
	CHECK_ERR(svc_auth_forward_back(&a, arena, S("SRS0=a=b=c=d@far.example"), &b),
	    ERR_NOTFOUND);
	tear_down();
}

static void
refuses_forgeries(void)
{
	struct svc_auth_bounce b;
	str sender = STR_NONE;

	set_up();
	CHECK_ERR(svc_auth_forward_sender(&a, arena, S("Ann@far.example"), ALIAS, &sender), ERR_OK);
	char *text = (char *)(uintptr_t)sender.p;
	for (size_t i = 5; i < sender.n - 13; i++) { /* behind SRS0=, before our domain */
		char was = text[i];

		text[i] = was == 'q' ? 'r' : 'q';
		CHECK_ERR(svc_auth_forward_back(&a, arena, sender, &b), ERR_DENIED);
		text[i] = was;
	}
	CHECK_ERR(svc_auth_forward_back(&a, arena, S("SRS0=here@here.example"), &b), ERR_DENIED);
	a.now_s += 31LL * DAY_S;
	CHECK_ERR(svc_auth_forward_back(&a, arena, sender, &b), ERR_DENIED);
	a.now_s -= 31LL * DAY_S;
	CHECK_ERR(svc_auth_forward_back(&a, arena, sender, &b), ERR_OK);
	CHECK_ERR(directory_domain_add(a.directory, S("far.example"), 1), ERR_OK);
	CHECK_ERR(svc_auth_forward_back(&a, arena, sender, &b), ERR_OK);
	CHECK(b.local);
	a.srs.keys[0][0] ^= 9;
	CHECK_ERR(svc_auth_forward_back(&a, arena, sender, &b), ERR_DENIED);
	tear_down();
}

static str
rewrite(str path)
{
	str sender = STR_NONE;
	CHECK_ERR(svc_auth_forward_sender(&a, arena, path, ALIAS, &sender), ERR_OK);
	return sender;
}

/* What an earlier key wrote comes back until an address of it is too old anyway, and no longer. */
static void
keys_are_replaced(void)
{
	struct svc_auth_bounce b;

	set_up();
	CHECK_U64(a.srs.n, 1);
	CHECK(a.srs.made_s[0] == a.now_s);
	str first = rewrite(S("ann@far.example"));
	CHECK_ERR(svc_auth_forward_turn(&a, false), ERR_OK);
	CHECK_U64(a.srs.n, 2);
	str second = rewrite(S("ann@far.example"));
	CHECK(!str_eq(first, second)); /* the newest writes */
	CHECK_ERR(svc_auth_forward_back(&a, arena, first, &b), ERR_OK);
	CHECK_STR(b.to, S("ann@far.example"));
	CHECK_ERR(svc_auth_forward_back(&a, arena, second, &b), ERR_OK);
	a.now_s += 30 * DAY_S; /* its last day */
	CHECK_ERR(svc_auth_forward_back(&a, arena, first, &b), ERR_OK);
	a.now_s += DAY_S;
	CHECK_ERR(svc_auth_forward_back(&a, arena, first, &b), ERR_DENIED);
	/* a leaked key writes addresses of today: they are believed while it is, and then not */
	struct svc_auth thief = a;
	str forged = STR_NONE;
	memcpy(thief.srs.keys[0], a.srs.keys[1], sizeof thief.srs.keys[0]);
	CHECK_ERR(svc_auth_forward_sender(&thief, arena, S("ann@far.example"), ALIAS, &forged),
	    ERR_OK);
	CHECK_ERR(svc_auth_forward_back(&a, arena, forged, &b), ERR_OK);
	a.now_s += DAY_S;
	CHECK_ERR(svc_auth_forward_back(&a, arena, forged, &b), ERR_DENIED);
	tear_down();
}

static void
keys_are_forgotten(void)
{
	struct svc_auth_bounce b;

	set_up();
	str first = rewrite(S("ann@far.example"));
	for (int i = 1; i < DIRECTORY_RING_MAX; i++) {
		CHECK_ERR(svc_auth_forward_turn(&a, false), ERR_OK);
		CHECK_ERR(svc_auth_forward_back(&a, arena, first, &b), ERR_OK);
	}
	CHECK_ERR(svc_auth_forward_turn(&a, false), ERR_BUSY); /* nothing was changed */
	CHECK_U64(a.srs.n, DIRECTORY_RING_MAX);
	CHECK_ERR(svc_auth_forward_back(&a, arena, first, &b), ERR_OK);
	CHECK_ERR(svc_auth_forward_turn(&a, true), ERR_OK);
	CHECK_U64(a.srs.n, 1);
	CHECK_ERR(svc_auth_forward_back(&a, arena, first, &b), ERR_DENIED);
	CHECK_ERR(svc_auth_forward_back(&a, arena, rewrite(S("ann@far.example")), &b), ERR_OK);
	tear_down();
}

/* By itself when the settings say so, and another process finds the same keys. */
static void
keys_age(void)
{
	struct svc_auth_bounce b;

	set_up();
	str first = rewrite(S("ann@far.example"));
	a.now_s += 20 * DAY_S;
	svc_auth_forward_age(&a); /* 0: never */
	CHECK_U64(a.srs.n, 1);
	a.settings.srs_s = 21 * DAY_S;
	svc_auth_forward_age(&a);
	CHECK_U64(a.srs.n, 1);
	a.now_s += DAY_S;
	svc_auth_forward_age(&a);
	CHECK_U64(a.srs.n, 2);
	CHECK(a.srs.made_s[0] == a.now_s);
	svc_auth_forward_age(&a);
	CHECK_U64(a.srs.n, 2);
	const struct svc_auth before = a;
	memset(&a.srs, 0, sizeof a.srs);
	CHECK_ERR(svc_auth_forward_load(&a), ERR_OK);
	CHECK(memcmp(&before.srs, &a.srs, sizeof a.srs) == 0);
	CHECK_ERR(svc_auth_forward_back(&a, arena, first, &b), ERR_OK);
	a.now_s += 33 * DAY_S;
	CHECK_ERR(svc_auth_forward_load(&a), ERR_OK);
	CHECK_U64(a.srs.n, 1); /* what nobody believes is not even read */
	tear_down();
}

/* An alias to this account, or to elsewhere. */
static enum err
lead(str from, uint64_t account)
{
	const struct directory_alias_new want = { .alias = from,
		.account = account,
		.elsewhere = account == 0 ? S("x@far.example") : S(""),
		.now_s = 1 };

	return directory_alias_add(a.directory, &want);
}

/* Its reports are delivered here, by no name server's help. */
static void
readers(void)
{
	static const struct {
		str path;
		int want;
	} rows[] = { { S_INIT("Bob@Here.Example"), 0 }, { S_INIT("bob+x@here.example"), 0 },
		{ S_INIT("both@here.example"), 0 }, { S_INIT("far@here.example"), -1 },
		{ S_INIT("nobody@here.example"), -1 }, { S_INIT("bob@far.example"), -1 },
		{ S_INIT("bob@[192.0.2.1]"), -1 }, { S_INIT("bob"), -1 }, { S_INIT(""), -1 } };
	const struct directory_account bob = { .address = S("bob@here.example") };
	uint64_t id = 0;

	set_up();
	CHECK_ERR(directory_account_add(a.directory, &bob, false, 1, &id), ERR_OK);
	CHECK_ERR(lead(S("both@here.example"), id), ERR_OK);
	CHECK_ERR(lead(S("both@here.example"), 0), ERR_OK);
	CHECK_ERR(lead(S("far@here.example"), 0), ERR_OK);
	for (size_t i = 0; i < LEN(rows); i++) {
		uint64_t got = svc_auth_forward_reader(&a, arena, rows[i].path);
		CHECK_U64(got, rows[i].want < 0 ? 0 : id);
	}
	tear_down();
}

static void
targets(void)
{
	static const struct {
		str in;
		enum err want;
		str out;
	} rows[] = {
		{ S_INIT("Bob.X@B\xc3\xbc"
			 "cher.example"),
		    ERR_OK, S_INIT("Bob.X@xn--bcher-kva.example") },
		{ S_INIT("\"bob\"@b.example"), ERR_OK, S_INIT("bob@b.example") },
		{ S_INIT("b\xc3\xb6"
			 "b@b.example"),
		    ERR_CHARSET, S_INIT("") },
		{ S_INIT("bob@[192.0.2.1]"), ERR_SYNTAX, S_INIT("") },
		{ S_INIT("bob"), ERR_SYNTAX, S_INIT("") },
		{ S_INIT(""), ERR_SYNTAX, S_INIT("") },
	};
	str out = STR_NONE;

	set_up();
	for (size_t i = 0; i < LEN(rows); i++) {
		CHECK_ERR(svc_auth_forward_target(arena, rows[i].in, &out), rows[i].want);
		CHECK(rows[i].want != ERR_OK || str_eq(out, rows[i].out));
	}
	tear_down();
}

TEST_MAIN(there_and_back, stays_as_it_is, refuses_forgeries, keys_are_replaced, keys_are_forgotten,
    keys_age, readers, targets)
