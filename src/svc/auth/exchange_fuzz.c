/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whole log-ins made of any messages: the first octet picks the mechanism and whether the session
 * can bind and whether there is an initial response; then come messages, each behind its length.
 * Whatever is sent, there is at most one outcome, and it is good for the only account alone.
 */
#include <openssl/evp.h>

#include "directory/account.h"
#include "directory/credential.h"
#include "directory/domain.h"
#include "proto/sasl/cram.h"
#include "proto/sasl/mechanism.h"
#include "svc/auth/exchange.h"
#include "svc/auth/scram.h"
#include "sys/log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct directory *directory;
static struct svc_auth auth;
static struct arena *arena;
static unsigned outcomes, turns;
static const struct svc_auth_hash_job *waiting[4];
static size_t waiting_n;

static void
derive(enum sasl_hash hash, str password, str salt, uint8_t key[32])
{
	bool sha1 = hash == SASL_HASH_SHA1;

	ASSERT(PKCS5_PBKDF2_HMAC(password.p, (int)password.n, (const unsigned char *)salt.p,
		   (int)salt.n, 1, sha1 ? EVP_sha1() : EVP_sha256(), sha1 ? 20 : 32, key) == 1);
}

static enum err
hash_send(void *ctx, const struct svc_auth_hash_job *job)
{
	ASSERT(waiting_n < LEN(waiting));
	waiting[waiting_n++] = job;
	return ERR_OK;
}

static void
pump(void)
{
	while (waiting_n > 0) {
		const struct svc_auth_hash_job *job = waiting[--waiting_n];
		uint8_t key[32];

		derive(job->hash, job->password, job->salt, key);
		ASSERT(svc_auth_hasher_answer(auth.hasher, 0, job->id, ERR_OK,
			   str_make(key, job->hash == SASL_HASH_SHA1 ? 20 : 32)) == ERR_OK);
	}
}

static void
on_challenge(const struct svc_auth_client *c, uint64_t request, str data)
{
	ASSERT(outcomes == 0);
	turns++;
}

static void
on_done(const struct svc_auth_client *c, uint64_t request, const struct svc_auth_outcome *o)
{
	outcomes++;
	ASSERT((o->result == ERR_OK) == (o->account == 1));
}

static enum err
on_grant(void *ctx, const struct svc_auth_grant *grant)
{
	return ERR_OK;
}

static void
on_revoke(void *ctx, uint64_t account, bool deleted)
{
}

static void
on_ban(void *ctx, const struct svc_auth_ban *ban)
{
}

static void
add_account(void)
{
	struct directory_account want = { .address = S("u@a.example"), .cram_md5 = true };
	struct directory_credential c = { .iterations = 1, .has_cram_md5 = true };
	str salt = str_make(c.salt, sizeof(c.salt));
	uint8_t key[32];

	ASSERT(directory_domain_add(directory, S("a.example"), 1) == ERR_OK);
	ASSERT(directory_account_add(directory, &want, false, 1, &c.account) == ERR_OK);
	derive(SASL_HASH_SHA256, S("p"), salt, key);
	ASSERT(svc_auth_scram_keys(SASL_HASH_SHA256, str_make(key, 32), c.stored_sha256,
		   c.server_sha256) == ERR_OK);
	derive(SASL_HASH_SHA1, S("p"), salt, key);
	ASSERT(svc_auth_scram_keys(SASL_HASH_SHA1, str_make(key, 20), c.stored_sha1,
		   c.server_sha1) == ERR_OK);
	sasl_cram_context(S("p"), c.cram_md5);
	ASSERT(directory_password_set(directory, &c) == ERR_OK);
}

static void
set_up(void)
{
	struct directory_conf conf = {
		.path = S(":memory:"), .default_domain = S("a.example"), .cache = 100
	};
	struct svc_auth_init init = {
		.settings = { .hostname = S("h"), .iterations = 1, .cram_md5 = true },
		.hooks = { on_grant, on_revoke, on_ban, NULL },
	};
	struct svc_auth_hash_worker worker = { .send = hash_send };

	sys_log_init(S("fuzz"), SYS_LOG_ERROR);
	arena = arena_new(NULL, "fuzz", 64 << 20, 0);
	ASSERT(arena != NULL && directory_open(&conf, &directory) == ERR_OK);
	add_account();
	init.directory = directory;
	init.arena = arena;
	ASSERT(svc_auth_start(&auth, &init) == ERR_OK);
	svc_auth_hasher_up(auth.hasher, 0, &worker);
}

static str
next_message(str *in)
{
	size_t n = in->n > 0 ? (uint8_t)in->p[0] : 0;
	str message = str_sub(*in, 1, n);

	*in = str_from_off(*in, 1 + message.n);
	return message;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct svc_auth_client client = { on_challenge, on_done, true, NULL };
	str in = str_make(data, size);
	unsigned pick = size > 0 ? data[0] : 0;
	struct svc_auth_request r = { .client = &client, .request = 1 };

	if (directory == NULL) {
		set_up();
	}
	auth.now_ms += 60000; /* slots of earlier attempts are free again */
	auth.now_s += 60;
	outcomes = turns = 0;
	in = str_from_off(in, 1);
	r.mechanism = sasl_mechanism_row((enum sasl_mechanism)(pick % SASL_MECHANISMS))->name;
	r.session.protocol = SYS_IMAPS;
	r.session.tls = true;
	r.session.exporter = (pick & 0x40) != 0 ? S("0123456789abcdef0123456789abcdef") : STR_NONE;
	r.has_initial = (pick & 0x80) != 0;
	r.initial = r.has_initial ? next_message(&in) : STR_NONE;
	svc_auth_exchange_start(&auth, &r);
	pump();
	while (outcomes == 0 && in.n > 0) {
		svc_auth_exchange_step(&auth, &client, 1, next_message(&in));
		pump();
	}
	svc_auth_exchange_abort(&auth, &client, 1);
	ASSERT(outcomes <= 1 && list_empty(&auth.by_age));
	return 0;
}
