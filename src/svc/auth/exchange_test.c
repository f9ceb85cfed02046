/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whole log-ins against libgsasl's client side, every mechanism: right, wrong, nobody, locked,
 * expired, bound to the channel and bound to the wrong one; what is granted, counted and delayed.
 */
#include <gsasl.h>

#include "base/codec.h"
#include "base/mem.h"
#include "base/test.h"
#include "svc/auth/world_test.h"

static const uint8_t exporter[32] = { 'e', 'x', 'p' };
static const uint8_t other_exporter[32] = { 'o', 't', 'h' };

struct talk {
	const char *name;
	const char *mechanism, *user, *password, *authzid;
	bool server_binds, client_binds, wrong_binding; /* channel data on either side */
	enum sys_protocol protocol;
	enum err want;
	uint64_t *account;
};

static void
set_client_binding(Gsasl_session *c, bool wrong)
{
	char text[64];
	struct buf b;

	buf_init_fixed(&b, text, sizeof(text));
	base64_encode(&b, wrong ? str_make(other_exporter, 32) : str_make(exporter, 32));
	CHECK(gsasl_property_set_raw(c, GSASL_CB_TLS_EXPORTER, b.p, b.n) == GSASL_OK);
}

static Gsasl_session *
start_client(Gsasl *lib, const struct talk *t)
{
	Gsasl_session *c = NULL;

	CHECK(gsasl_client_start(lib, t->mechanism, &c) == GSASL_OK);
	CHECK(gsasl_property_set(c, GSASL_AUTHID, t->user) == GSASL_OK);
	CHECK(gsasl_property_set(c, GSASL_PASSWORD, t->password) == GSASL_OK);
	if (t->authzid != NULL) {
		CHECK(gsasl_property_set(c, GSASL_AUTHZID, t->authzid) == GSASL_OK);
	}
	if (t->client_binds) {
		set_client_binding(c, t->wrong_binding);
	}
	return c;
}

/* Feed the client what the server said; its answer goes back. False: the client has nothing to say.
 */
static bool
client_turn(Gsasl_session *c, str from_server, struct buf *out)
{
	char *p = NULL;
	size_t n = 0;
	int rc = gsasl_step(c, from_server.p == NULL ? "" : from_server.p, from_server.n, &p, &n);

	buf_reset(out);
	if (rc != GSASL_OK && rc != GSASL_NEEDS_MORE) {
		return false;
	}
	buf_str(out, str_make(p, n));
	gsasl_free(p);
	return true;
}

/* Run the whole dialogue; world.last holds the outcome. */
static void
converse(const struct talk *t)
{
	Gsasl *lib = NULL;
	Gsasl_session *c;
	struct buf out;

	CHECK(gsasl_init(&lib) == GSASL_OK);
	c = start_client(lib, t);
	buf_init(&out, 4096);
	world_start(&(struct svc_auth_request){ .mechanism = str_from(t->mechanism),
	    .session = { .protocol = t->protocol,
		.tls = true,
		.exporter = t->server_binds ? str_make(exporter, 32) : STR_NONE } });
	for (int turn = 0; turn < 10 && !world.over; turn++) {
		if (!client_turn(c, buf_view(&world.said), &out)) {
			world_abort();
			break;
		}
		world_step(buf_view(&out));
	}
	if (world.over && world.last.has_final) { /* the client checks the server's signature */
		CHECK(client_turn(c, buf_view(&world.final), &out));
	}
	buf_done(&out);
	gsasl_finish(c);
	gsasl_done(lib);
}

#define MECHANISMS "SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN", "LOGIN", "CRAM-MD5"

static const struct talk talks[] = {
	{ "right", NULL, "anna@example.org", "anna's password", .want = ERR_OK,
	    .account = &world.anna },
	{ "any spelling", NULL, "Anna@EXAMPLE.org", "anna's password", .want = ERR_OK,
	    .account = &world.anna },
	{ "short name", NULL, "anna", "anna's password", .want = ERR_OK, .account = &world.anna },
	{ "wrong password", NULL, "anna@example.org", "annas password", .want = ERR_AUTH },
	{ "password of another", NULL, "anna@example.org", "locked's password", .want = ERR_AUTH },
	{ "nobody", NULL, "nobody@example.org", "anna's password", .want = ERR_AUTH },
	{ "no address", NULL, "a b", "anna's password", .want = ERR_AUTH },
	{ "alias is no log-in name", NULL, "alias@example.org", "anna's password",
	    .want = ERR_AUTH },
	{ "sub-address neither", NULL, "anna+x@example.org", "anna's password", .want = ERR_AUTH },
	{ "locked, right", NULL, "locked@example.org", "locked's password", .want = ERR_DISABLED },
	{ "locked, wrong", NULL, "locked@example.org", "x", .want = ERR_AUTH },
	{ "disabled, right", NULL, "gone@example.org", "gone's password", .want = ERR_DISABLED },
	{ "submission", NULL, "anna@example.org", "anna's password", .protocol = SYS_SUBMISSIONS,
	    .want = ERR_OK, .account = &world.anna },
	{ "no log-in on the MX port", NULL, "anna@example.org", "anna's password",
	    .protocol = SYS_MX, .want = ERR_UNSUPPORTED },
};

static void
every_mechanism_judges_alike(void)
{
	static const char *const mechanisms[] = { MECHANISMS };
	char label[100];

	world_open();
	for (size_t m = 0; m < LEN(mechanisms); m++) {
		for (size_t i = 0; i < LEN(talks); i++) {
			struct talk t = talks[i];

			t.mechanism = mechanisms[m];
			if (t.protocol == 0 && t.want != ERR_UNSUPPORTED) {
				t.protocol = SYS_IMAPS;
			}
			snprintf(label, sizeof(label), "%s, %s", t.mechanism, t.name);
			test_case = label;
			converse(&t);
			CHECK(world.over);
			CHECK_ERR(world.last.result, t.want);
			CHECK_U64(world.last.account, t.account != NULL ? *t.account : 0);
			CHECK((world.last.delay_ms >= 1000) ==
			    (t.want == ERR_AUTH || t.want == ERR_DISABLED));
			world_pass_time(3600);
		}
	}
	test_case = NULL;
	world_close();
}

static void
binds_to_the_channel(void)
{
	static const struct talk rows[] = {
		{ "bound", "SCRAM-SHA-256-PLUS", "anna@example.org", "anna's password", NULL, true,
		    true, false, SYS_IMAPS, ERR_OK, &world.anna },
		{ "bound, SHA-1", "SCRAM-SHA-1-PLUS", "anna@example.org", "anna's password", NULL,
		    true, true, false, SYS_IMAPS, ERR_OK, &world.anna },
		{ "wrong channel", "SCRAM-SHA-256-PLUS", "anna@example.org", "anna's password",
		    NULL, true, true, true, SYS_IMAPS, ERR_AUTH, NULL },
		{ "wrong password", "SCRAM-SHA-256-PLUS", "anna@example.org", "x", NULL, true, true,
		    false, SYS_IMAPS, ERR_AUTH, NULL },
		{ "nobody", "SCRAM-SHA-256-PLUS", "nobody@example.org", "x", NULL, true, true,
		    false, SYS_IMAPS, ERR_AUTH, NULL },
		{ "not offered without data", "SCRAM-SHA-256-PLUS", "anna@example.org",
		    "anna's password", NULL, false, true, false, SYS_IMAPS, ERR_UNSUPPORTED, NULL },
		{ "a client that cannot bind", "SCRAM-SHA-256", "anna@example.org",
		    "anna's password", NULL, true, false, false, SYS_IMAPS, ERR_OK, &world.anna },
		{ "a server that cannot bind", "SCRAM-SHA-256", "anna@example.org",
		    "anna's password", NULL, false, true, false, SYS_IMAPS, ERR_OK, &world.anna },
	};

	world_open();
	for (size_t i = 0; i < LEN(rows); i++) {
		test_case = rows[i].name;
		converse(&rows[i]);
		CHECK_ERR(world.last.result, rows[i].want);
		CHECK_U64(world.last.account, rows[i].account != NULL ? *rows[i].account : 0);
	}
	test_case = NULL;
	world_close();
}

static void
authorizes_only_oneself(void)
{
	static const struct talk rows[] = {
		{ "itself", "PLAIN", "anna@example.org", "anna's password", "ANNA@example.org",
		    .want = ERR_OK, .account = &world.anna },
		{ "another", "PLAIN", "anna@example.org", "anna's password", "locked@example.org",
		    .want = ERR_AUTH },
		{ "nobody", "PLAIN", "anna@example.org", "anna's password", "x", .want = ERR_AUTH },
		{ "itself", "SCRAM-SHA-256", "anna@example.org", "anna's password", "anna",
		    .want = ERR_OK, .account = &world.anna },
		{ "another", "SCRAM-SHA-256", "anna@example.org", "anna's password", "locked",
		    .want = ERR_AUTH },
	};

	world_open();
	for (size_t i = 0; i < LEN(rows); i++) {
		struct talk t = rows[i];

		t.protocol = SYS_SUBMISSION;
		test_case = t.name;
		converse(&t);
		CHECK_ERR(world.last.result, t.want);
		CHECK_U64(world.last.account, t.account != NULL ? *t.account : 0);
	}
	test_case = NULL;
	world_close();
}

/* App passwords: scope, expiry, an older salt; PLAIN tries all, SCRAM those of the main salt. */
static void
app_passwords_have_scope_and_end(void)
{
	static const struct {
		const char *name, *mechanism, *password;
		enum sys_protocol protocol;
		int64_t later_s;
		enum err want;
	} rows[] = {
		{ "phone reads", "PLAIN", "phone's password", SYS_IMAPS, 0, ERR_OK },
		{ "phone reads by SCRAM", "SCRAM-SHA-256", "phone's password", SYS_IMAPS, 0,
		    ERR_OK },
		{ "phone reads by SCRAM-SHA-1", "SCRAM-SHA-1", "phone's password", SYS_IMAPS, 0,
		    ERR_OK },
		{ "phone may not send", "PLAIN", "phone's password", SYS_SUBMISSION, 0, ERR_AUTH },
		{ "phone may not send by SCRAM", "SCRAM-SHA-256", "phone's password",
		    SYS_SUBMISSION, 0, ERR_AUTH },
		{ "tablet has a salt of its own", "PLAIN", "tablet's password", SYS_IMAPS, 0,
		    ERR_OK },
		{ "and so not SCRAM", "SCRAM-SHA-256", "tablet's password", SYS_IMAPS, 0,
		    ERR_AUTH },
		{ "main still", "SCRAM-SHA-256", "bert's password", SYS_IMAPS, 0, ERR_OK },
		{ "no CRAM-MD5 without opting in", "CRAM-MD5", "bert's password", SYS_IMAPS, 0,
		    ERR_AUTH },
		{ "phone at its last second", "PLAIN", "phone's password", SYS_IMAPS, 86400 - 1,
		    ERR_OK },
		{ "phone expired", "PLAIN", "phone's password", SYS_IMAPS, 1, ERR_AUTH },
		{ "expired by SCRAM", "SCRAM-SHA-256", "phone's password", SYS_IMAPS, 0, ERR_AUTH },
		{ "main for ever", "PLAIN", "bert's password", SYS_SUBMISSION, 0, ERR_OK },
	};

	world_open();
	for (size_t i = 0; i < LEN(rows); i++) {
		struct talk t = { rows[i].name, rows[i].mechanism, "bert@example.org",
			rows[i].password, .protocol = rows[i].protocol };

		test_case = t.name;
		world_pass_time(rows[i].later_s);
		converse(&t);
		CHECK_ERR(world.last.result, rows[i].want);
	}
	test_case = NULL;
	world_close();
}

static void
grants_before_it_says_so(void)
{
	struct talk t = { "right", "PLAIN", "bert@example.org", "phone's password",
		.protocol = SYS_IMAPS };

	world_open();
	world.client.tickets = true;
	converse(&t);
	CHECK_ERR(world.last.result, ERR_OK);
	CHECK_U64(world.grants, 1);
	CHECK_U64(world.grant_at_done, 1);
	CHECK_U64(world.granted.account, world.bert);
	CHECK_U64(world.granted.scope, DIRECTORY_SCOPE_IMAP | DIRECTORY_SCOPE_POP3);
	CHECK(world.last.ticket.n == 16 &&
	    memcmp(world.ticket, world.granted_ticket, sizeof(world.ticket)) == 0);
	t.password = "x";
	converse(&t);
	CHECK_U64(world.grants, 1);
	world.grant_result = ERR_UNAVAILABLE;
	t.password = "phone's password";
	converse(&t);
	CHECK_ERR(world.last.result, ERR_UNAVAILABLE);
	world_close();
}

/* The dialogue with a name that does not exist has the same shape, and the same salt each time. */
static void
names_cannot_be_tried_out(void)
{
	static const char *const users[] = { "anna@example.org", "nobody@example.org",
		"NOBODY@example.org", "no.body@example.net" };
	str salts[LEN(users)];

	world_open();
	for (size_t i = 0; i < LEN(users); i++) {
		str first = arena_printf(world.arena, "n,,n=%s,r=abc", users[i]);
		str r = STR_NONE, s = STR_NONE, n = STR_NONE, rest = STR_NONE;

		world_start(&(struct svc_auth_request){ .mechanism = S("SCRAM-SHA-256"),
		    .has_initial = true,
		    .initial = first,
		    .session = { .protocol = SYS_IMAPS, .tls = true } });
		CHECK(!world.over);
		CHECK(str_cut(buf_view(&world.said), ',', &r, &rest) && str_cut(rest, ',', &s, &n));
		CHECK(str_starts(r, S("r=abc")));
		CHECK_STR(n, S("i=4096"));
		CHECK_U64(s.n, 26); /* 16 octets */
		salts[i] = arena_dup(world.arena, s);
		world_abort();
	}
	CHECK_STR(salts[1], salts[2]);
	CHECK(!str_eq(salts[1], salts[3]) && !str_eq(salts[0], salts[1]));
	world_restart();
	world_start(&(struct svc_auth_request){ .mechanism = S("SCRAM-SHA-256"),
	    .has_initial = true,
	    .initial = S("n,,n=nobody@example.org,r=abc"),
	    .session = { .protocol = SYS_IMAPS, .tls = true } });
	CHECK(str_find(buf_view(&world.said), salts[1]) > 0);
	world_abort();
	world_close();
}

/* PLAIN for a name that does not exist, or without a usable password, costs one sum too. */
static void
nobody_costs_a_sum(void)
{
	static const char *const users[] = { "anna@example.org", "nobody@example.org",
		"locked@example.org", "a b", "keyless@example.org" };

	world_open();
	for (size_t i = 0; i < LEN(users); i++) {
		struct talk t = { users[i], "PLAIN", users[i], "wrong", .protocol = SYS_IMAPS };
		uint64_t before = world.sums;

		test_case = users[i];
		converse(&t);
		CHECK_ERR(world.last.result, ERR_AUTH);
		CHECK_U64(world.sums - before, 1);
		CHECK_U64(world.last_iterations, 4096);
		CHECK_U64(world.last.delay_ms, 1000);
	}
	test_case = NULL;
	world_close();
}

static void
normalizes_passwords(void)
{
	static const struct {
		const char *mechanism, *password;
		enum err want;
	} rows[] = {
		{ "PLAIN", "caf\xc3\xa9 \xc2\xbd", ERR_OK }, /* as it was set */
		{ "PLAIN",
		    "cafe\xcc\x81 1\xe2\x81\x84"
		    "2",
		    ERR_OK }, /* decomposed: NFKC joins them */
		{ "SCRAM-SHA-256", "cafe\xcc\x81 \xc2\xbd", ERR_OK },
		{ "PLAIN", "cafe 1/2", ERR_AUTH },
		{ "PLAIN", "caf\xc3\xa9\x01", ERR_AUTH }, /* control characters are nobody's */
	};

	world_open();
	world_add("umlaut@example.org", "caf\xc3\xa9 \xc2\xbd");
	for (size_t i = 0; i < LEN(rows); i++) {
		struct talk t = { "", rows[i].mechanism, "umlaut@example.org", rows[i].password,
			.protocol = SYS_IMAPS };

		test_case = rows[i].password;
		converse(&t);
		CHECK_ERR(world.last.result, rows[i].want);
	}
	test_case = NULL;
	world_close();
}

static void
failures_of_all_protocols_count_together(void)
{
	static const enum sys_protocol protocols[] = { SYS_SUBMISSION, SYS_IMAPS, SYS_POP3S,
		SYS_MANAGESIEVE, SYS_SUBMISSIONS };
	char user[40];

	world_open();
	for (size_t i = 0; i < LEN(protocols); i++) {
		struct talk t = { "", i % 2 == 0 ? "PLAIN" : "SCRAM-SHA-256", user, "wrong",
			.protocol = protocols[i] };

		snprintf(user, sizeof(user), "n%u@example.org", (unsigned)i);
		CHECK_U64(world.bans, 0);
		converse(&t);
		CHECK_ERR(world.last.result, ERR_AUTH);
	}
	CHECK_U64(world.bans, 1);
	CHECK_U64(world.last_ban.prefix.bits, 128);
	world_restart(); /* the ban is still there */
	CHECK_U64(world_bans_in_force(), 1);
	world_pass_time(600);
	CHECK_U64(world_bans_in_force(), 0);
	world_close();
}

static void
bad_messages_are_refused(void)
{
	static const struct {
		const char *name;
		str mechanism, initial;
		enum err want;
	} rows[] = {
		{ "unknown mechanism", S_INIT("DIGEST-MD5"), S_INIT("x"), ERR_UNSUPPORTED },
		{ "PLAIN without NULs", S_INIT("PLAIN"), S_INIT("x"), ERR_SYNTAX },
		{ "PLAIN not UTF-8", S_INIT("PLAIN"), S_INIT("\0\xff\0x"), ERR_SYNTAX },
		{ "CRAM-MD5 with initial response", S_INIT("CRAM-MD5"), S_INIT("x"), ERR_SYNTAX },
		{ "LOGIN, empty user", S_INIT("LOGIN"), S_INIT(""), ERR_SYNTAX },
		{ "SCRAM nonsense", S_INIT("SCRAM-SHA-256"), S_INIT("nonsense"), ERR_SYNTAX },
		{ "SCRAM bound without -PLUS", S_INIT("SCRAM-SHA-256"),
		    S_INIT("p=tls-exporter,,n=a,r=b"), ERR_SYNTAX },
		{ "-PLUS unbound", S_INIT("SCRAM-SHA-256-PLUS"), S_INIT("n,,n=a,r=b"), ERR_SYNTAX },
		{ "-PLUS with another binding", S_INIT("SCRAM-SHA-256-PLUS"),
		    S_INIT("p=tls-unique,,n=a,r=b"), ERR_SYNTAX },
		{ "somebody hid -PLUS from the client", S_INIT("SCRAM-SHA-256"),
		    S_INIT("y,,n=a,r=b"), ERR_SYNTAX },
		{ "bad escape", S_INIT("SCRAM-SHA-256"), S_INIT("n,,n=a=2,r=b"), ERR_SYNTAX },
	};

	world_open();
	for (size_t i = 0; i < LEN(rows); i++) {
		test_case = rows[i].name;
		world_start(&(struct svc_auth_request){ .mechanism = rows[i].mechanism,
		    .has_initial = true,
		    .initial = rows[i].initial,
		    .session = {
			.protocol = SYS_IMAPS, .tls = true, .exporter = str_make(exporter, 32) } });
		CHECK(world.over);
		CHECK_ERR(world.last.result, rows[i].want);
		CHECK_U64(world.last.delay_ms, 0);
	}
	world_start(&(struct svc_auth_request){ .mechanism = S("SCRAM-SHA-256"),
	    .has_initial = true,
	    .initial = S("y,,n=a,r=b"),
	    .session = { .protocol = SYS_IMAPS, .tls = true } });
	CHECK(!world.over); /* we cannot bind either: "y" is the truth */
	world_abort();
	world_start(&(struct svc_auth_request){ .mechanism = S("PLAIN"),
	    .has_initial = true,
	    .initial = S("\0anna\0anna's password"),
	    .session = { .protocol = SYS_IMAPS } });
	CHECK_ERR(world.last.result, ERR_UNSUPPORTED); /* not inside TLS */
	world_step(S("more"));
	CHECK_ERR(world.last.result, ERR_TIMEOUT);
	test_case = NULL;
	world_close();
}

static void
ends_with_age_client_and_abort(void)
{
	struct svc_auth_request r = { .mechanism = S("PLAIN"),
		.session = { .protocol = SYS_IMAPS, .tls = true } };

	world_open();
	world_start(&r);
	world_pass_time(SVC_AUTH_EXCHANGE_MS / 1000 - 1);
	CHECK(!world.over);
	world_pass_time(2);
	CHECK(world.over);
	CHECK_ERR(world.last.result, ERR_TIMEOUT);
	world_start(&r);
	world_abort();
	world_step(S("\0anna\0anna's password"));
	CHECK_ERR(world.last.result, ERR_TIMEOUT);
	world.worker_asleep = true;
	r.has_initial = true;
	r.initial = S("\0anna\0anna's password");
	world_start(&r);
	CHECK(!world.over);
	svc_auth_exchange_client_gone(&world.auth, &world.client);
	CHECK(list_empty(&world.auth.by_age));
	world.worker_asleep = false;
	world_pump(); /* the sum nobody waits for any more */
	CHECK(!world.over);
	world_start(&r);
	CHECK_ERR(world.last.result, ERR_OK);
	world.worker_asleep = true;
	world_start(&r);
	svc_auth_hasher_down(world.auth.hasher, 0);
	CHECK(!world.over);
	world_worker_up(); /* the job is given again */
	world.worker_asleep = false;
	world_pump();
	CHECK_ERR(world.last.result, ERR_OK);
	world_close();
}

/* The n-th allocation fails: a log-in may fail for now, nothing else happens. */
static void
survives_want_of_memory(void)
{
	static const struct {
		const char *mechanism;
		str initial;
	} rows[] = {
		{ "PLAIN", S_INIT("\0anna\0anna's password") },
		{ "PLAIN", S_INIT("\0anna\0wrong") },
		{ "SCRAM-SHA-256", S_INIT("n,,n=anna,r=abc") },
	};

	world_open();
	world.client.tickets = true;
	for (uint64_t n = 1; n < 60; n++) {
		struct svc_auth_request r = { .has_initial = true,
			.session = { .protocol = SYS_IMAPS, .tls = true } };

		r.mechanism = str_from(rows[n % LEN(rows)].mechanism);
		r.initial = rows[n % LEN(rows)].initial;
		mem_fail_after(1 + n / LEN(rows));
		world_start(&r);
		mem_fail_after(0);
		CHECK(!world.over || err_class(world.last.result) == ERR_CLASS_TEMP ||
		    world.last.result == ERR_OK || world.last.result == ERR_AUTH);
		world_abort();
		CHECK(list_empty(&world.auth.by_age));
		world_pass_time(3600);
	}
	world_start(&(struct svc_auth_request){ .mechanism = S("PLAIN"),
	    .has_initial = true,
	    .initial = rows[0].initial,
	    .session = { .protocol = SYS_IMAPS, .tls = true } });
	CHECK_ERR(world.last.result, ERR_OK);
	world_close();
}

TEST_MAIN(every_mechanism_judges_alike, binds_to_the_channel, authorizes_only_oneself,
    app_passwords_have_scope_and_end, grants_before_it_says_so, names_cannot_be_tried_out,
    nobody_costs_a_sum, normalizes_passwords, failures_of_all_protocols_count_together,
    bad_messages_are_refused, ends_with_age_client_and_abort, survives_want_of_memory)
