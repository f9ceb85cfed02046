/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Starting and stopping the core, and its slow heartbeat.
 */
#include "svc/auth/auth.h"

#include <gsasl.h>

#include "base/map.h"
#include "base/mem.h"
#include "directory/ban.h"
#include "directory/credential.h"
#include "svc/auth/bans.h"
#include "svc/auth/census/census.h"
#include "svc/auth/exchange.h"
#include "svc/auth/forward.h"
#include "svc/common/log.h"
#include "sys/random.h"

enum { BAN_ROWS_KEPT_S = 30 * 86400, BAN_ROWS_EVERY_S = 3600 };

static enum err
make_parts(struct svc_auth *a)
{
	uint8_t keys[48];

	sys_random(keys, sizeof(keys));
	a->guard = svc_auth_guard_new(keys);
	a->hasher = svc_auth_hasher_new();
	a->exchanges = map_new(keys + 32, SVC_AUTH_EXCHANGES_MAX);
	mem_wipe(keys, sizeof(keys));
	a->census = svc_auth_census_new();
	if (a->guard == NULL || a->hasher == NULL || a->exchanges == NULL || a->census == NULL) {
		return ERR_NOMEM;
	}
	if (gsasl_init(&a->gsasl) != GSASL_OK) {
		a->gsasl = NULL;
		return ERR_BUG;
	}
	TRY(directory_secret(a->directory, S("enumeration"), a->fake_secret));
	TRY(svc_auth_forward_load(a));
	return svc_auth_bans_load(a);
}

enum err
svc_auth_start(struct svc_auth *a, const struct svc_auth_init *init)
{
	enum err e;

	*a = (struct svc_auth){
		.directory = init->directory,
		.settings = init->settings,
		.hooks = init->hooks,
		.arena = init->arena,
		.now_s = init->now_s,
	};
	list_init(&a->by_age);
	e = make_parts(a);
	if (e != ERR_OK) {
		svc_auth_stop(a);
	}
	return e;
}

static void
write_used(struct svc_auth *a)
{
	enum err e;

	if (a->used_n == 0) {
		return;
	}
	e = directory_begin(a->directory);
	if (e == ERR_OK) {
		for (size_t i = 0; i < a->used_n && e == ERR_OK; i++) {
			e = directory_credential_used(a->directory, a->used[i], a->now_s / 86400);
		}
		if (e == ERR_OK) {
			e = directory_commit(a->directory);
		} else {
			directory_cancel(a->directory);
		}
	}
	if (e != ERR_OK) {
		LOG(FAILED, F_CSTR("what", "note days of use"), F_ERR(e));
	}
	a->used_n = 0; /* the next log-in of that day notes it again */
}

void
svc_auth_stop(struct svc_auth *a)
{
	if (a->exchanges != NULL) {
		svc_auth_exchange_end_all(a);
	}
	write_used(a);
	if (a->census != NULL) {
		svc_auth_census_write(a, true);
	}
	svc_auth_census_free(&a->census);
	map_free(&a->exchanges);
	svc_auth_guard_free(&a->guard);
	svc_auth_hasher_free(&a->hasher);
	if (a->gsasl != NULL) {
		gsasl_done(a->gsasl);
		a->gsasl = NULL;
	}
	mem_wipe(a->fake_secret, sizeof(a->fake_secret));
	mem_wipe(&a->srs, sizeof(a->srs));
}

/* Exchanges first: what they know of the account was read before it changed. */
void
svc_auth_revoke(struct svc_auth *a, uint64_t account)
{
	svc_auth_exchange_revoke(a, account);
	a->hooks.revoke(a->hooks.ctx, account, false);
}

void
svc_auth_deleted(struct svc_auth *a, uint64_t account)
{
	svc_auth_exchange_revoke(a, account);
	a->hooks.revoke(a->hooks.ctx, account, true);
}

void
svc_auth_used(struct svc_auth *a, uint64_t credential)
{
	for (size_t i = 0; i < a->used_n; i++) {
		if (a->used[i] == credential) {
			return;
		}
	}
	if (a->used_n == SVC_AUTH_USED_MAX) {
		write_used(a);
	}
	a->used[a->used_n++] = credential;
}

static void
expire_rows(struct svc_auth *a)
{
	enum err e = directory_ban_expire(a->directory, a->now_s - BAN_ROWS_KEPT_S);

	a->bans_expired_s = a->now_s;
	if (e != ERR_OK) {
		LOG(FAILED, F_CSTR("what", "expire bans"), F_ERR(e));
	}
}

void
svc_auth_tick(struct svc_auth *a)
{
	if (a->now_s - a->bans_expired_s >= BAN_ROWS_EVERY_S) {
		expire_rows(a);
		svc_auth_forward_age(a);
	}
	svc_auth_exchange_expire(a);
	svc_auth_guard_expire(a->guard, a->now_ms, a->now_s);
	write_used(a);
	svc_auth_census_write(a, false);
}
