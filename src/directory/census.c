/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of the census.
 */
#include "directory/census.h"

#include "directory/directory_priv.h"

static enum err
add(struct directory *d, const struct directory_census_row *r)
{
	struct db_stmt *q = db_query(d->db,
	    "INSERT INTO census (account, protocol, tls, cipher, mechanism, client, ip, bits,"
	    " first_s, last_s, times) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
	    " ON CONFLICT (account, protocol, tls, cipher, mechanism, client, ip, bits)"
	    " DO UPDATE SET last_s = excluded.last_s, times = census.times + excluded.times");

	db_bind_u64(q, 1, r->account);
	db_bind_str(q, 2, r->protocol);
	db_bind_str(q, 3, r->tls);
	db_bind_str(q, 4, r->cipher);
	db_bind_str(q, 5, r->mechanism);
	db_bind_str(q, 6, r->client);
	db_bind_blob(q, 7, str_make(r->ip, sizeof(r->ip)));
	db_bind_u64(q, 8, r->bits);
	db_bind_i64(q, 9, r->last_s);
	db_bind_i64(q, 10, r->last_s);
	db_bind_u64(q, 11, r->times);
	return db_run(q);
}

/* Rows of the same hour go in any order. */
static enum err
trim(struct directory *d, uint64_t account)
{
	uint64_t n = 0;
	struct db_stmt *q = db_query(d->db, "SELECT count(*) FROM census WHERE account = ?");

	db_bind_u64(q, 1, account);
	TRY(directory_number(q, &n));
	if (n <= DIRECTORY_CENSUS_ROWS_MAX) {
		return ERR_OK;
	}
	q = db_query(d->db,
	    "DELETE FROM census WHERE account = ? AND id IN ("
	    "SELECT id FROM census WHERE account = ? ORDER BY last_s, id LIMIT ?)");
	db_bind_u64(q, 1, account);
	db_bind_u64(q, 2, account);
	db_bind_u64(q, 3, n - DIRECTORY_CENSUS_ROWS_MAX);
	return db_run(q);
}

enum err
directory_census_add(struct directory *d, const struct directory_census_row *row)
{
	TRY(directory_change_begin(d));
	enum err e = add(d, row);
	return directory_change_finish(d, e == ERR_OK ? trim(d, row->account) : e);
}

enum err
directory_census_expire(struct directory *d, int64_t before_s)
{
	struct db_stmt *q = db_query(d->db, "DELETE FROM census WHERE last_s < ?");

	db_bind_i64(q, 1, before_s);
	TRY(db_run(q));
	q = db_query(d->db, "UPDATE census SET first_s = ? WHERE first_s < ?");
	db_bind_i64(q, 1, before_s);
	db_bind_i64(q, 2, before_s);
	return db_run(q);
}

enum err
directory_census_each(struct directory *d, uint64_t account,
    enum err (*each)(void *ctx, const struct directory_census_row *), void *ctx)
{
	struct db_stmt *q = db_query(d->db,
	    "SELECT protocol, tls, cipher, mechanism, client, ip, bits, first_s, last_s, times"
	    " FROM census WHERE account = ? ORDER BY last_s DESC, id DESC LIMIT ?");
	enum err e;

	db_bind_u64(q, 1, account);
	db_bind_u64(q, 2, DIRECTORY_CENSUS_ROWS_MAX);
	while ((e = db_row(q)) == ERR_OK) {
		struct directory_census_row r = {
			.account = account,
			.protocol = db_str(q, 0),
			.tls = db_str(q, 1),
			.cipher = db_str(q, 2),
			.mechanism = db_str(q, 3),
			.client = db_str(q, 4),
			.bits = (uint8_t)db_u64(q, 6),
			.first_s = db_i64(q, 7),
			.last_s = db_i64(q, 8),
			.times = db_u64(q, 9),
		};
		str ip = db_blob(q, 5);

		memcpy(r.ip, ip.n > 0 ? ip.p : "", MIN(ip.n, sizeof(r.ip)));
		e = each(ctx, &r);
		if (e != ERR_OK) {
			break;
		}
	}
	db_done(q);
	return e == ERR_NOTFOUND ? ERR_OK : e;
}

enum err
directory_census_kinds(struct directory *d,
    enum err (*each)(void *ctx, const struct directory_census_kind *), void *ctx)
{
	struct db_stmt *q = db_query(d->db,
	    "SELECT tls, cipher, count(DISTINCT account), sum(times), max(last_s) FROM census"
	    " GROUP BY tls, cipher ORDER BY tls, cipher LIMIT ?");
	enum err e;

	db_bind_u64(q, 1, DIRECTORY_CENSUS_KINDS_MAX);
	while ((e = db_row(q)) == ERR_OK) {
		struct directory_census_kind k = { db_str(q, 0), db_str(q, 1), db_u64(q, 2),
			db_u64(q, 3), db_i64(q, 4) };

		e = each(ctx, &k);
		if (e != ERR_OK) {
			break;
		}
	}
	db_done(q);
	return e == ERR_NOTFOUND ? ERR_OK : e;
}

enum err
directory_census_users(struct directory *d, const struct directory_census_whose *whose,
    enum err (*each)(void *ctx, const struct directory_census_user *), void *ctx)
{
	struct db_stmt *q = db_query(d->db,
	    "SELECT a.address, c.protocol, c.client, sum(c.times), max(c.last_s)"
	    " FROM census c JOIN accounts a ON a.id = c.account WHERE c.tls = ?"
	    " GROUP BY a.address, c.protocol, c.client"
	    " ORDER BY a.address, c.protocol, c.client LIMIT ? OFFSET ?");
	enum err e;

	db_bind_str(q, 1, whose->tls);
	db_bind_u64(q, 2, DIRECTORY_CENSUS_PAGE);
	db_bind_u64(q, 3, whose->skip);
	while ((e = db_row(q)) == ERR_OK) {
		struct directory_census_user u = { db_str(q, 0), db_str(q, 1), db_str(q, 2),
			db_u64(q, 3), db_i64(q, 4) };

		e = each(ctx, &u);
		if (e != ERR_OK) {
			break;
		}
	}
	db_done(q);
	return e == ERR_NOTFOUND ? ERR_OK : e;
}
