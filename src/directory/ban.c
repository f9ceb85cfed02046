/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of bans.
 */
#include "directory/ban.h"

#include "directory/directory_priv.h"

static void
bind_prefix(struct db_stmt *q, const struct directory_ban *ban)
{
	db_bind_blob(q, 1, str_make(ban->ip, sizeof(ban->ip)));
	db_bind_u64(q, 2, ban->bits);
}

static enum err
replace(struct directory *d, const struct directory_ban *ban)
{
	struct db_stmt *q = db_query(d->db, "DELETE FROM bans WHERE ip = ? AND bits = ?");

	bind_prefix(q, ban);
	TRY(db_run(q));
	q = db_query(d->db,
	    "INSERT INTO bans (ip, bits, since_s, until_s, times, reason)"
	    " VALUES (?, ?, ?, ?, ?, ?)");
	bind_prefix(q, ban);
	db_bind_i64(q, 3, ban->since_s);
	db_bind_i64(q, 4, ban->until_s);
	db_bind_u64(q, 5, ban->times);
	db_bind_str(q, 6, ban->reason);
	return db_run(q);
}

enum err
directory_ban_put(struct directory *d, const struct directory_ban *ban)
{
	TRY(directory_change_begin(d));
	return directory_change_finish(d, replace(d, ban));
}

enum err
directory_ban_remove(struct directory *d, const struct directory_ban *ban)
{
	struct db_stmt *q;

	TRY(directory_change_begin(d));
	q = db_query(d->db, "DELETE FROM bans WHERE ip = ? AND bits = ?");
	bind_prefix(q, ban);
	return directory_change_finish(d, directory_run_one(d, q));
}

enum err
directory_ban_expire(struct directory *d, int64_t before_s)
{
	struct db_stmt *q = db_query(d->db, "DELETE FROM bans WHERE until_s < ?");

	db_bind_i64(q, 1, before_s);
	return db_run(q);
}

enum err
directory_ban_each(struct directory *d, enum err (*each)(void *ctx, const struct directory_ban *),
    void *ctx)
{
	struct db_stmt *q = db_query(d->db,
	    "SELECT ip, bits, since_s, until_s, times, reason FROM bans");
	enum err e;

	while ((e = db_row(q)) == ERR_OK) {
		struct directory_ban ban = {
			.bits = (uint8_t)db_u64(q, 1),
			.since_s = db_i64(q, 2),
			.until_s = db_i64(q, 3),
			.times = (uint32_t)db_u64(q, 4),
			.reason = db_str(q, 5),
		};
		str ip = db_blob(q, 0);

		if (ip.n != sizeof(ban.ip) || ban.bits > 128) {
			continue; /* no address: nothing to ban */
		}
		memcpy(ban.ip, ip.p, ip.n);
		e = each(ctx, &ban);
		if (e != ERR_OK) {
			break;
		}
	}
	db_done(q);
	return e == ERR_NOTFOUND ? ERR_OK : e;
}
