/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reverse-paths there and back, and which addresses elsewhere an alias may have.
 */
#include "base/test.h"
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

	a = (struct svc_auth){ .now_s = 1800000000, .srs_key = { 1, 2, 3 } };
	arena = arena_new(NULL, "test", 1 << 20, 0);
	CHECK_ERR(directory_open(&conf, &a.directory), ERR_OK);
	CHECK_ERR(directory_domain_add(a.directory, S("here.example"), 1), ERR_OK);
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
	a.srs_key[0] = 9;
	CHECK_ERR(svc_auth_forward_back(&a, arena, sender, &b), ERR_DENIED);
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

TEST_MAIN(there_and_back, stays_as_it_is, refuses_forgeries, targets)
