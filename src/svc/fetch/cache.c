/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of policies. A domain without a policy whose fetch failed has a row with mode none and
 * until_s 0.
 */
#include "svc/fetch/cache.h"
#include "base/buf.h"
#include "svc/fetch/limits.h"

static const struct db_migration steps[] = {
	{ "CREATE TABLE policy ("
	  "domain TEXT PRIMARY KEY, "
	  "id TEXT NOT NULL, "
	  "mode INTEGER NOT NULL, "
	  "fetched_s INTEGER NOT NULL, "
	  "until_s INTEGER NOT NULL, "
	  "mx TEXT NOT NULL, "
	  "tried_id TEXT NOT NULL, "
	  "tried_s INTEGER NOT NULL, "
	  "failure TEXT NOT NULL)" },
};

static const char keep_sql[] =
    "INSERT INTO policy (domain, id, mode, fetched_s, until_s, mx, tried_id, tried_s, failure) "
    "VALUES (?, ?, ?, ?, ?, ?, '', 0, '') ON CONFLICT (domain) DO UPDATE SET id = excluded.id, "
    "mode = excluded.mode, fetched_s = excluded.fetched_s, until_s = excluded.until_s, "
    "mx = excluded.mx, tried_id = '', tried_s = 0, failure = ''";

static const char failed_sql[] =
    "INSERT INTO policy (domain, id, mode, fetched_s, until_s, mx, tried_id, tried_s, failure) "
    "VALUES (?, '', 0, 0, 0, '', ?, ?, ?) ON CONFLICT (domain) DO UPDATE SET "
    "tried_id = excluded.tried_id, tried_s = excluded.tried_s, failure = excluded.failure";

enum err
svc_fetch_cache_open(str path, struct db **ret)
{
	const struct db_conf conf = { .path = path, .flags = DB_CREATE };
	TRY(db_open(&conf, ret));
	enum err e = db_migrate(*ret, steps, LEN(steps));
	if (e != ERR_OK) {
		db_close(ret);
	}
	return e;
}

enum err
svc_fetch_cache_find(struct db *db, str domain, struct arena *a, struct svc_fetch_entry *ret)
{
	*ret = (struct svc_fetch_entry){
		.kept = { .id = S(""), .tried_id = S("") }, .mx = S(""), .failure = S("")
	};
	struct db_stmt *q = db_query(db,
	    "SELECT id, mode, fetched_s, until_s, mx, tried_id, tried_s, failure FROM policy "
	    "WHERE domain = ?");
	db_bind_str(q, 1, domain);
	enum err e = db_row(q);
	if (e == ERR_OK) {
		uint64_t mode = db_u64(q, 1);
		ret->kept = (struct mtasts_kept){ .have = db_i64(q, 3) > 0,
			.id = arena_dup(a, db_str(q, 0)),
			.fetched_s = db_i64(q, 2),
			.until_s = db_i64(q, 3),
			.tried_id = arena_dup(a, db_str(q, 5)),
			.tried_s = db_i64(q, 6) };
		ret->mode = mode > MTASTS_ENFORCE ? MTASTS_NONE : (enum mtasts_mode)mode;
		ret->mx = arena_dup(a, db_str(q, 4));
		ret->failure = arena_dup(a, db_str(q, 7));
		bool full = ret->kept.id.p == NULL || ret->kept.tried_id.p == NULL ||
		    ret->mx.p == NULL || ret->failure.p == NULL;
		e = full ? ERR_BUDGET : ERR_OK;
	}
	db_done(q);
	return e;
}

enum err
svc_fetch_cache_keep(struct db *db, str domain, str id, const struct mtasts_policy *p,
    int64_t now_s)
{
	struct buf mx;
	buf_init(&mx, SVC_FETCH_MX_TEXT_MAX);
	for (size_t i = 0; i < p->mx_n; i++) {
		if (i > 0) {
			buf_ch(&mx, '\n');
		}
		buf_str(&mx, p->mx[i]);
	}
	enum err e = buf_err(&mx);
	e = e == ERR_OK ? db_begin(db, DB_DURABLE) : e;
	if (e == ERR_OK) {
		struct db_stmt *q = db_query(db, keep_sql);
		db_bind_str(q, 1, domain);
		db_bind_str(q, 2, id);
		db_bind_u64(q, 3, p->mode);
		db_bind_i64(q, 4, now_s);
		db_bind_i64(q, 5, now_s + (int64_t)p->max_age_s);
		db_bind_str(q, 6, p->mx_n == 0 ? S("") : buf_view(&mx));
		e = db_run(q);
		if (e == ERR_OK) {
			e = db_commit(db);
		} else {
			db_rollback(db);
		}
	}
	buf_done(&mx);
	return e;
}

enum err
svc_fetch_cache_failed(struct db *db, str domain, str id, str failure, int64_t now_s)
{
	struct db_stmt *q = db_query(db, failed_sql);
	db_bind_str(q, 1, domain);
	db_bind_str(q, 2, id);
	db_bind_i64(q, 3, now_s);
	db_bind_str(q, 4, failure);
	return db_run(q);
}

enum err
svc_fetch_cache_prune(struct db *db, int64_t now_s)
{
	struct db_stmt *q = db_query(db, "DELETE FROM policy WHERE until_s <= ? AND tried_s <= ?");
	db_bind_i64(q, 1, now_s);
	db_bind_i64(q, 2, now_s - SVC_FETCH_FAILED_S);
	TRY(db_run(q));
	q = db_query(db,
	    "DELETE FROM policy WHERE domain IN (SELECT domain FROM policy "
	    "ORDER BY until_s DESC, tried_s DESC LIMIT 1000000 OFFSET ?)");
	db_bind_u64(q, 1, SVC_FETCH_ROWS_MAX);
	return db_run(q);
}
