/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The census from log-ins to rows: what is kept, for how long, and that nothing more is.
 */
#include "svc/auth/census/census.h"

#include "base/test.h"
#include "directory/account.h"
#include "directory/census.h"
#include "svc/auth/world_test.h"

enum { DAY_S = 86400, MONTH_S = 30 * DAY_S };

static struct svc_auth_session
session(uint64_t id, const char *tls, uint8_t last_octet)
{
	return (struct svc_auth_session){ .id = id,
		.protocol = SYS_IMAPS,
		.tls = true,
		.tls_version = str_from(tls),
		.tls_cipher = S("CIPHER"),
		.peer = { { [10] = 0xff, [11] = 0xff, 198, 51, 100, last_octet }, 4711 } };
}

static void
login(uint64_t account, uint64_t id, const char *tls, uint8_t last_octet)
{
	struct svc_auth_session s = session(id, tls, last_octet);

	svc_auth_census_login(&world.auth, account, &s, S("PLAIN"));
}

static enum err
put_row(void *ctx, const struct directory_census_row *r)
{
	struct buf *b = ctx;
	struct sys_prefix prefix = { .bits = r->bits };

	memcpy(prefix.ip, r->ip, sizeof(prefix.ip));
	buf_printf(b, "%.*s %.*s %.*s %.*s '%.*s' ", STR_ARG(r->protocol), STR_ARG(r->tls),
	    STR_ARG(r->cipher), STR_ARG(r->mechanism), STR_ARG(r->client));
	sys_prefix_text(b, &prefix);
	buf_printf(b, " %lld-%lld %llu\n", (long long)(r->first_s - WORLD_T0),
	    (long long)(r->last_s - WORLD_T0), (unsigned long long)r->times);
	return ERR_OK;
}

/* The rows of an account, times counted from the beginning of the world. */
static void
rows_are(uint64_t account, const char *want)
{
	struct buf b;

	buf_init(&b, 1 << 20);
	CHECK_ERR(directory_census_each(world.directory, account, put_row, &b), ERR_OK);
	CHECK_STR(buf_view(&b), str_from(want));
	buf_done(&b);
}

static void
set_up(void)
{
	world_open();
	world.auth.settings.census_s = MONTH_S;
	svc_auth_tick(&world.auth);
}

/* WORLD_T0 is a whole hour. Of the address the prefix is kept, of the time the hour. */
static void
counts_alike(void)
{
	set_up();
	world_pass_time(100);
	login(world.anna, 1, "TLSv1.3", 7);
	login(world.anna, 2, "TLSv1.3", 201);
	login(world.anna, 3, "TLSv1.2", 7);
	login(world.bert, 4, "TLSv1.3", 7);
	rows_are(world.anna, "");
	world_pass_time(SVC_AUTH_CENSUS_HOLD_MS / 1000);
	rows_are(world.anna,
	    "imaps TLSv1.2 CIPHER PLAIN '' 198.51.100.0/24 0-0 1\n"
	    "imaps TLSv1.3 CIPHER PLAIN '' 198.51.100.0/24 0-0 2\n");
	world_pass_time(4 * 3600);
	login(world.anna, 5, "TLSv1.3", 9);
	svc_auth_census_write(&world.auth, true);
	rows_are(world.anna,
	    "imaps TLSv1.3 CIPHER PLAIN '' 198.51.100.0/24 0-14400 3\n"
	    "imaps TLSv1.2 CIPHER PLAIN '' 198.51.100.0/24 0-0 1\n");
	rows_are(world.bert, "imaps TLSv1.3 CIPHER PLAIN '' 198.51.100.0/24 0-0 1\n");
	world_close();
}

/* A name fits its own session and account only; it is cut and made harmless. */
static void
learns_names(void)
{
	set_up();
	login(world.anna, 1, "TLSv1.3", 7);
	login(world.anna, 2, "TLSv1.3", 7);
	svc_auth_census_client(&world.auth, 1, world.anna, S("K-9\x1b[2J"));
	svc_auth_census_client(&world.auth, 2, world.bert, S("not mine"));
	svc_auth_census_client(&world.auth, 3, world.anna, S("nobody's"));
	svc_auth_census_write(&world.auth, true);
	svc_auth_census_client(&world.auth, 2, world.anna, S("too late"));
	svc_auth_census_write(&world.auth, true);
	rows_are(world.anna,
	    "imaps TLSv1.3 CIPHER PLAIN '' 198.51.100.0/24 0-0 1\n"
	    "imaps TLSv1.3 CIPHER PLAIN 'K-9?[2J' 198.51.100.0/24 0-0 1\n");
	world_close();
}

static void
keeps_v6_prefixes(void)
{
	struct svc_auth_session s = session(1, "TLSv1.3", 7);

	set_up();
	s.peer = (struct sys_addr){ { 0x20, 0x01, 0x0d, 0xb8, 1, 2, 3, 4, 5, 6, 7, 8, 9 }, 1 };
	svc_auth_census_login(&world.auth, world.anna, &s, S("PLAIN"));
	svc_auth_census_write(&world.auth, true);
	rows_are(world.anna, "imaps TLSv1.3 CIPHER PLAIN '' 2001:db8:102::/48 0-0 1\n");
	world_close();
}

/* 30 days after the last log-in of its kind a row is gone, and "first" is never older. */
static void
forgets(void)
{
	set_up();
	login(world.anna, 1, "TLSv1.2", 7);
	login(world.anna, 2, "TLSv1.3", 7);
	world_pass_time(20 * DAY_S);
	login(world.anna, 3, "TLSv1.3", 7);
	world_pass_time(10 * DAY_S);
	rows_are(world.anna,
	    "imaps TLSv1.3 CIPHER PLAIN '' 198.51.100.0/24 0-1728000 2\n"
	    "imaps TLSv1.2 CIPHER PLAIN '' 198.51.100.0/24 0-0 1\n");
	world_pass_time(DAY_S);
	rows_are(world.anna, "imaps TLSv1.3 CIPHER PLAIN '' 198.51.100.0/24 86400-1728000 2\n");
	world.auth.settings.census_s = 0; /* switched off: at once */
	login(world.anna, 4, "TLSv1.3", 7);
	svc_auth_tick(&world.auth);
	rows_are(world.anna, "");
	svc_auth_census_write(&world.auth, true);
	rows_are(world.anna, "");
	world_close();
}

static enum err
count_row(void *ctx, const struct directory_census_row *r)
{
	unsigned *n = ctx;

	*n += 1;
	CHECK(r->last_s >= WORLD_T0 + 3600); /* the oldest went */
	return ERR_OK;
}

/* A cipher that changes all day fills 64 rows and no more; more waiting than fits is written. */
static void
is_bounded(void)
{
	unsigned n = 0;

	set_up();
	for (unsigned i = 0; i < 2 * SVC_AUTH_CENSUS_MAX; i++) {
		struct svc_auth_session s = session(i, "TLSv1.3", 7);
		char cipher[16];

		world.auth.now_s = WORLD_T0 + (int64_t)(i / 100) * 3600;
		snprintf(cipher, sizeof(cipher), "C%u", i % 100);
		s.tls_cipher = str_from(cipher);
		svc_auth_census_login(&world.auth, world.anna, &s, S("PLAIN"));
	}
	svc_auth_census_write(&world.auth, true);
	CHECK_ERR(directory_census_each(world.directory, world.anna, count_row, &n), ERR_OK);
	CHECK_U64(n, DIRECTORY_CENSUS_ROWS_MAX);
	world_close();
}

static enum err
put_kind(void *ctx, const struct directory_census_kind *k)
{
	buf_printf(ctx, "%.*s %llu %llu\n", STR_ARG(k->tls), (unsigned long long)k->accounts,
	    (unsigned long long)k->times);
	return ERR_OK;
}

static enum err
put_user(void *ctx, const struct directory_census_user *u)
{
	buf_printf(ctx, "%.*s %llu\n", STR_ARG(u->address), (unsigned long long)u->times);
	return ERR_OK;
}

/* Who breaks if this is switched off? */
static void
answers(void)
{
	struct directory_census_whose old = { .tls = S("TLSv1.2") }, next = { S("TLSv1.2"), 1 };
	struct buf b;

	set_up();
	buf_init(&b, 4096);
	login(world.anna, 1, "TLSv1.3", 7);
	login(world.anna, 2, "TLSv1.2", 7);
	login(world.bert, 3, "TLSv1.2", 7);
	login(world.bert, 4, "TLSv1.2", 7);
	svc_auth_census_write(&world.auth, true);
	CHECK_ERR(directory_census_kinds(world.directory, put_kind, &b), ERR_OK);
	CHECK_STR(buf_view(&b), S("TLSv1.2 2 3\nTLSv1.3 1 1\n"));
	buf_reset(&b);
	CHECK_ERR(directory_census_users(world.directory, &old, put_user, &b), ERR_OK);
	CHECK_STR(buf_view(&b), S("anna@example.org 1\nbert@example.org 2\n"));
	buf_reset(&b);
	CHECK_ERR(directory_census_users(world.directory, &next, put_user, &b), ERR_OK);
	CHECK_STR(buf_view(&b), S("bert@example.org 2\n"));
	buf_done(&b);
	world_close();
}

/* A log-in that succeeds is noted by itself, one that fails is not; a restart loses neither. */
static void
follows_log_ins(void)
{
	struct svc_auth_request r = {
		.mechanism = S("PLAIN"), .has_initial = true, .session = session(0, "TLSv1.3", 0)
	};
	char good[] = "\0anna@example.org\0"
		      "anna's password",
	     bad[] = "\0anna@example.org\0wrong";

	set_up();
	r.initial = str_make(bad, sizeof(bad) - 1);
	world_start(&r);
	CHECK_ERR(world.last.result, ERR_AUTH);
	r.initial = str_make(good, sizeof(good) - 1);
	world_start(&r);
	CHECK_ERR(world.last.result, ERR_OK);
	svc_auth_census_write(&world.auth, true);
	rows_are(world.anna, "imaps TLSv1.3 CIPHER PLAIN '' 198.51.100.0/24 0-0 1\n");
	CHECK_ERR(directory_account_delete(world.directory, world.anna, WORLD_T0), ERR_OK);
	rows_are(world.anna, "");
	world_close();
}

TEST_MAIN(counts_alike, learns_names, keeps_v6_prefixes, forgets, is_bounded, answers,
    follows_log_ins)
