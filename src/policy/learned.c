/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of statistics. A blob is up to some megabytes, so it is written when it has changed and
 * some time has passed, never with the rows of each second.
 */
#include "policy/learned.h"

#include "db/db.h"

enum err
policy_learned_read(struct policy_keep *k, uint64_t account, struct buf *out)
{
	struct db_stmt *q = db_query(policy_keep_db(k),
	    "SELECT octets FROM model WHERE account = ?");

	db_bind_u64(q, 1, account);
	enum err e = db_row(q);
	if (e == ERR_OK) {
		buf_str(out, db_blob(q, 0));
		e = buf_err(out);
	}
	db_done(q);
	return e;
}

enum err
policy_learned_write(struct policy_keep *k, uint64_t account, str octets,
    const uint32_t now_learned[2])
{
	struct db_stmt *q = db_query(policy_keep_db(k),
	    "INSERT INTO model (account, used, learned, octets) VALUES (?, ?, ?, ?)"
	    " ON CONFLICT (account) DO UPDATE SET used = excluded.used,"
	    " learned = excluded.learned, octets = excluded.octets");

	db_bind_u64(q, 1, account);
	db_bind_u64(q, 2, now_learned[0]);
	db_bind_u64(q, 3, now_learned[1]);
	db_bind_blob(q, 4, octets);
	return db_run(q);
}

enum err
policy_learned_drop(struct policy_keep *k, uint64_t account)
{
	struct db_stmt *q = db_query(policy_keep_db(k), "DELETE FROM model WHERE account = ?");

	db_bind_u64(q, 1, account);
	return db_run(q);
}

enum err
policy_learned_each(struct policy_keep *k, enum err (*fn)(void *ctx, uint64_t account), void *ctx)
{
	struct db_stmt *q = db_query(policy_keep_db(k), "SELECT account FROM model");
	enum err e;

	while ((e = db_row(q)) == ERR_OK) {
		e = fn(ctx, db_u64(q, 0));
		if (e != ERR_OK) {
			break;
		}
	}
	db_done(q);
	return e == ERR_NOTFOUND ? ERR_OK : e;
}
