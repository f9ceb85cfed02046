/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The small world of the tests of auth; see world_test.h.
 */
#include "svc/auth/world_test.h"

#include <openssl/evp.h>

#include "base/test.h"
#include "directory/account.h"
#include "directory/domain.h"
#include "sys/file.h"
#include "sys/random.h"

struct world world;

static char folder[64], path[100];

/* ---- what auth calls ----------------------------------------------------------------------- */

static enum err
on_grant(void *ctx, const struct svc_auth_grant *grant)
{
	if (world.grant_result != ERR_OK) {
		return world.grant_result;
	}
	world.grants++;
	world.granted = *grant;
	memcpy(world.granted_ticket, grant->ticket.p, sizeof(world.granted_ticket));
	return ERR_OK;
}

static void
on_revoke(void *ctx, uint64_t account, bool deleted)
{
	world.revokes++;
	world.deleted += deleted;
}

static void
on_ban(void *ctx, const struct svc_auth_ban *ban)
{
	world.bans++;
	world.last_ban = *ban;
}

static void
on_challenge(const struct svc_auth_client *c, uint64_t request, str data)
{
	CHECK(!world.over && request == world.request);
	buf_reset(&world.said);
	buf_str(&world.said, data);
}

static void
on_done(const struct svc_auth_client *c, uint64_t request, const struct svc_auth_outcome *outcome)
{
	world.over = true;
	world.last = *outcome;
	world.grant_at_done = world.grants;
	buf_reset(&world.final);
	buf_str(&world.final, outcome->final);
	if (outcome->ticket.n == sizeof(world.ticket)) {
		memcpy(world.ticket, outcome->ticket.p, sizeof(world.ticket));
	}
}

/* ---- the worker ---------------------------------------------------------------------------- */

static enum err
worker_send(void *ctx, const struct svc_auth_hash_job *job)
{
	struct world_job *to = &world.jobs[world.jobs_n++];

	ASSERT(world.jobs_n <= WORLD_JOBS && job->password.n <= sizeof(to->password));
	to->id = job->id;
	to->hash = job->hash;
	memcpy(to->password, job->password.p, job->password.n);
	to->password_n = job->password.n;
	memcpy(to->salt, job->salt.p, job->salt.n);
	to->salt_n = job->salt.n;
	to->iterations = job->iterations;
	return ERR_OK;
}

void
world_worker_up(void)
{
	struct svc_auth_hash_worker worker = { .send = worker_send };

	world.jobs_n = 0;
	svc_auth_hasher_up(world.auth.hasher, 0, &worker);
}

void
world_pump(void)
{
	while (!world.worker_asleep && world.jobs_n > 0) {
		struct world_job job = world.jobs[0];
		bool sha1 = job.hash == SASL_HASH_SHA1;
		uint8_t key[32];

		memmove(world.jobs, world.jobs + 1, --world.jobs_n * sizeof(world.jobs[0]));
		CHECK(PKCS5_PBKDF2_HMAC(job.password, (int)job.password_n, job.salt,
			  (int)job.salt_n, (int)job.iterations, sha1 ? EVP_sha1() : EVP_sha256(),
			  sha1 ? 20 : 32, key) == 1);
		world.sums++;
		world.last_iterations = job.iterations;
		CHECK_ERR(svc_auth_hasher_answer(world.auth.hasher, 0, job.id, ERR_OK,
			      str_make(key, sha1 ? 20 : 32)),
		    ERR_OK);
	}
}

/* ---- accounts ------------------------------------------------------------------------------ */

static void
on_verifier(struct svc_auth_verifier *v, enum err e)
{
	CHECK_ERR(e, ERR_OK);
	*(bool *)v->ctx = true;
}

/* All that is stored for a password, with a salt of the given first octet. */
static struct directory_credential
make_credential(uint64_t account, const char *password, uint8_t salt, bool cram_md5)
{
	struct svc_auth_verifier v = {
		.auth = &world.auth, .cram_md5 = cram_md5, .done = on_verifier
	};
	bool done = false;

	v.ctx = &done;
	CHECK_ERR(svc_auth_password_prepare(world.arena, str_from(password), &v.password), ERR_OK);
	v.credential.account = account;
	v.credential.salt[0] = salt;
	v.credential.salt[1] = (uint8_t)account;
	v.credential.iterations = 4096;
	v.credential.created_s = WORLD_T0;
	CHECK_ERR(svc_auth_verifier_start(&v), ERR_OK);
	world_pump();
	CHECK(done);
	return v.credential;
}

static uint64_t
add_account(const char *address, const char *password, bool cram_md5)
{
	struct directory_account want = { .address = str_from(address), .cram_md5 = cram_md5 };
	struct directory_credential c;
	uint64_t id = 0;

	CHECK_ERR(directory_account_add(world.directory, &want, false, WORLD_T0, &id), ERR_OK);
	if (password != NULL) {
		c = make_credential(id, password, 1, cram_md5);
		CHECK_ERR(directory_password_set(world.directory, &c), ERR_OK);
	}
	return id;
}

uint64_t
world_add(const char *address, const char *password)
{
	return add_account(address, password, false);
}

struct app {
	const char *name, *password;
	uint8_t salt;
	uint32_t scope;
	int64_t expires_s;
};

static void
add_app(uint64_t account, const struct app *app)
{
	struct directory_credential c = make_credential(account, app->password, app->salt, false);

	c.app = true;
	c.name = str_from(app->name);
	c.scope = app->scope;
	c.expires_s = app->expires_s;
	CHECK_ERR(directory_app_add(world.directory, &c), ERR_OK);
}

static void
people(void)
{
	static const struct app phone = { "phone", "phone's password", 1,
		DIRECTORY_SCOPE_IMAP | DIRECTORY_SCOPE_POP3, WORLD_T0 + 86400 };
	static const struct app tablet = { "tablet", "tablet's password", 2, DIRECTORY_SCOPE_ALL,
		0 };
	struct directory_alias_new alias = { .alias = S("alias@example.org"), .now_s = WORLD_T0 };

	CHECK_ERR(directory_domain_add(world.directory, S("example.org"), WORLD_T0), ERR_OK);
	world.anna = add_account("anna@example.org", "anna's password", true);
	world.bert = add_account("bert@example.org", "bert's password", false);
	world.locked = add_account("locked@example.org", "locked's password", true);
	world.gone = add_account("gone@example.org", "gone's password", true);
	world.keyless = add_account("keyless@example.org", NULL, false);
	add_app(world.bert, &phone);
	add_app(world.bert, &tablet);
	alias.account = world.anna;
	CHECK_ERR(directory_alias_add(world.directory, &alias), ERR_OK);
	CHECK_ERR(directory_account_state(world.directory, world.locked, DIRECTORY_STATE_LOCKED),
	    ERR_OK);
	CHECK_ERR(directory_account_state(world.directory, world.gone, DIRECTORY_STATE_DISABLED),
	    ERR_OK);
}

/* ---- life ---------------------------------------------------------------------------------- */

static void
start_process(void)
{
	struct svc_auth_guard_conf guard = {
		.ban_after = 5, .ban_after_prefix = 1000, .ban_s = 600, .ban_max_s = 7200
	};
	struct directory_conf conf = {
		.path = str_from(path), .delimiter = S("+"), .default_domain = S("example.org")
	};
	struct svc_auth_init init = {
		.settings = { .hostname = S("mail.example.org"),
		    .iterations = 4096,
		    .password_min = 10,
		    .cram_md5 = true },
		.hooks = { on_grant, on_revoke, on_ban, NULL },
		.arena = world.arena,
	};

	CHECK_ERR(directory_open(&conf, &world.directory), ERR_OK);
	init.directory = world.directory;
	CHECK_ERR(svc_auth_start(&world.auth, &init), ERR_OK);
	CHECK_ERR(svc_auth_guard_configure(world.auth.guard, &guard), ERR_OK);
	world_worker_up();
}

static void
stop_process(void)
{
	svc_auth_stop(&world.auth);
	directory_close(&world.directory);
}

void
world_open(void)
{
	world = (struct world){ .client = { .challenge = on_challenge, .done = on_done } };
	world.arena = arena_new(NULL, "world", 64 << 20, 0);
	buf_init(&world.said, 20000);
	buf_init(&world.final, 20000);
	snprintf(folder, sizeof(folder), "/tmp/postern-auth-%016llx",
	    (unsigned long long)sys_random_u64());
	snprintf(path, sizeof(path), "%s/directory.db", folder);
	CHECK_ERR(sys_dir_make(SYS_CWD, str_from(folder), 0700), ERR_OK);
	start_process();
	world.auth.now_s = WORLD_T0;
	world.auth.now_ms = 1000000;
	people();
}

void
world_close(void)
{
	stop_process();
	CHECK_ERR(sys_dir_remove_tree(SYS_CWD, str_from(folder)), ERR_OK);
	buf_done(&world.said);
	buf_done(&world.final);
	arena_free(&world.arena);
}

void
world_restart(void)
{
	int64_t now_s = world.auth.now_s, now_ms = world.auth.now_ms;

	stop_process();
	start_process();
	world.auth.now_s = now_s;
	world.auth.now_ms = now_ms;
}

void
world_pass_time(int64_t seconds)
{
	world.auth.now_s += seconds;
	world.auth.now_ms += seconds * 1000;
	svc_auth_tick(&world.auth);
}

/* ---- the client ---------------------------------------------------------------------------- */

void
world_start(const struct svc_auth_request *r)
{
	struct svc_auth_request mine = *r;

	mine.client = &world.client;
	mine.request = ++world.request;
	mine.session.id = world.request;
	mine.session.peer = (struct sys_addr){ { [10] = 0xff, [11] = 0xff, 198, 51, 100, 7 },
		4711 };
	world.over = false;
	buf_reset(&world.said);
	svc_auth_exchange_start(&world.auth, &mine);
	world_pump();
}

void
world_step(str data)
{
	svc_auth_exchange_step(&world.auth, &world.client, world.request, data);
	world_pump();
}

void
world_abort(void)
{
	svc_auth_exchange_abort(&world.auth, &world.client, world.request);
}

static enum err
count(void *ctx, const struct svc_auth_ban *ban)
{
	(*(unsigned *)ctx)++;
	return ERR_OK;
}

unsigned
world_bans_in_force(void)
{
	unsigned n = 0;

	CHECK_ERR(svc_auth_guard_bans(world.auth.guard, world.auth.now_s, count, &n), ERR_OK);
	return n;
}
