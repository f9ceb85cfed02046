/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bans between guard, database, log and gates. The ban is in force even when the database fails:
 * then it ends with the process, and the log says so.
 */
#include "svc/auth/bans.h"

#include "directory/ban.h"
#include "svc/common/log.h"

static struct directory_ban
to_row(const struct svc_auth_ban *ban)
{
	struct directory_ban row = {
		.bits = ban->prefix.bits,
		.since_s = ban->since_s,
		.until_s = ban->until_s,
		.times = ban->times,
		.reason = str_from(ban->reason),
	};

	memcpy(row.ip, ban->prefix.ip, sizeof(row.ip));
	return row;
}

static void
log_ban(const struct svc_auth_ban *ban)
{
	struct buf prefix;

	buf_init(&prefix, SYS_ADDR_TEXT_MAX);
	sys_prefix_text(&prefix, &ban->prefix);
	LOG(AUTH_BAN, F_STR("prefix", buf_view(&prefix)),
	    F_I64("seconds", ban->until_s - ban->since_s), F_U64("times", ban->times),
	    F_CSTR("reason", ban->reason));
	buf_done(&prefix);
}

static enum err
announce(struct svc_auth *a, const struct svc_auth_ban *ban)
{
	struct directory_ban row = to_row(ban);

	a->counts.bans++;
	log_ban(ban);
	a->hooks.ban(a->hooks.ctx, ban);
	return directory_ban_put(a->directory, &row);
}

void
svc_auth_ban_new(struct svc_auth *a, const struct svc_auth_ban *ban)
{
	enum err e = announce(a, ban);

	if (e != ERR_OK) {
		LOG(FAILED, F_CSTR("what", "store ban"), F_ERR(e));
	}
}

enum err
svc_auth_ban_add(struct svc_auth *a, const struct sys_prefix *p, int64_t seconds)
{
	struct svc_auth_ban ban = { .prefix = *p, .since_s = a->now_s, .times = 1 };

	ban.until_s = seconds > 0 && seconds < SVC_AUTH_FOREVER_S - a->now_s ? a->now_s + seconds
									     : SVC_AUTH_FOREVER_S;
	snprintf(ban.reason, sizeof(ban.reason), "administrator");
	TRY(svc_auth_guard_ban(a->guard, &ban));
	return announce(a, &ban);
}

enum err
svc_auth_ban_remove(struct svc_auth *a, const struct sys_prefix *p)
{
	struct svc_auth_ban ban = { .prefix = *p, .since_s = a->now_s, .until_s = 0 };
	struct directory_ban row = to_row(&ban);
	struct buf text;
	enum err e;

	TRY(svc_auth_guard_unban(a->guard, p));
	a->hooks.ban(a->hooks.ctx, &ban);
	buf_init(&text, SYS_ADDR_TEXT_MAX);
	sys_prefix_text(&text, p);
	LOG(AUTH_UNBAN, F_STR("prefix", buf_view(&text)));
	buf_done(&text);
	e = directory_ban_remove(a->directory, &row);
	return e == ERR_NOTFOUND ? ERR_OK : e;
}

static enum err
load_one(void *ctx, const struct directory_ban *row)
{
	struct svc_auth *a = ctx;
	struct svc_auth_ban ban = {
		.since_s = row->since_s, .until_s = row->until_s, .times = row->times
	};

	memcpy(ban.prefix.ip, row->ip, sizeof(ban.prefix.ip));
	ban.prefix.bits = row->bits;
	snprintf(ban.reason, sizeof(ban.reason), "%.*s", STR_ARG(row->reason));
	(void)!svc_auth_guard_ban(a->guard, &ban); /* more than fit are let go */
	return ERR_OK;
}

enum err
svc_auth_bans_load(struct svc_auth *a)
{
	return directory_ban_each(a->directory, load_one, a);
}
