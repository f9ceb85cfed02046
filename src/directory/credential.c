/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Credentials in the tables. Octet strings of the wrong length in the file are ERR_CORRUPT: a
 * verifier is never guessed.
 */
#include "directory/credential.h"

#include "directory/directory_priv.h"

static bool
take_octets(struct db_stmt *q, int col, uint8_t *to, size_t n)
{
	str s = db_blob(q, col);

	if (s.n != n) {
		return false;
	}
	memcpy(to, s.p, n);
	return true;
}

static enum err
from_row(struct db_stmt *q, struct arena *a, struct directory_credential *c)
{
	*c = (struct directory_credential){
		.id = db_u64(q, 0),
		.account = db_u64(q, 1),
		.app = db_u64(q, 2) != 0,
		.name = arena_dup(a, db_str(q, 3)),
		.scope = (uint32_t)db_u64(q, 4),
		.expires_s = db_i64(q, 5),
		.iterations = (uint32_t)db_u64(q, 7),
		.has_cram_md5 = !db_is_null(q, 12),
		.created_s = db_i64(q, 13),
		.used_day = db_i64(q, 14),
	};
	if (c->name.p == NULL) {
		return ERR_BUDGET;
	}
	if (!take_octets(q, 6, c->salt, sizeof(c->salt)) ||
	    !take_octets(q, 8, c->stored_sha256, sizeof(c->stored_sha256)) ||
	    !take_octets(q, 9, c->server_sha256, sizeof(c->server_sha256)) ||
	    !take_octets(q, 10, c->stored_sha1, sizeof(c->stored_sha1)) ||
	    !take_octets(q, 11, c->server_sha1, sizeof(c->server_sha1))) {
		return ERR_CORRUPT;
	}
	if (c->has_cram_md5 && !take_octets(q, 12, c->cram_md5, sizeof(c->cram_md5))) {
		return ERR_CORRUPT;
	}
	return c->iterations > 0 ? ERR_OK : ERR_CORRUPT;
}

enum err
directory_credentials(struct directory *d, uint64_t account, struct arena *a,
    struct directory_credential ret[DIRECTORY_CREDENTIALS_MAX], size_t *ret_n)
{
	struct db_stmt *q = db_query(d->db,
	    "SELECT id, account, app, name, scope, expires_s, salt, iterations, stored_sha256,"
	    " server_sha256, stored_sha1, server_sha1, cram_md5, created_s, used_day"
	    " FROM credentials WHERE account = ? ORDER BY app, name LIMIT ?");
	size_t n = 0;
	enum err e;

	db_bind_u64(q, 1, account);
	db_bind_u64(q, 2, DIRECTORY_CREDENTIALS_MAX);
	while ((e = db_row(q)) == ERR_OK) {
		e = from_row(q, a, &ret[n]);
		if (e != ERR_OK) {
			break;
		}
		n++;
	}
	db_done(q);
	if (e != ERR_NOTFOUND) {
		return e;
	}
	*ret_n = n;
	return ERR_OK;
}

static enum err
insert(struct directory *d, const struct directory_credential *c)
{
	struct db_stmt *q;
	uint64_t id;

	TRY(directory_next_id(d, S("credential"), &id));
	q = db_query(d->db,
	    "INSERT INTO credentials (id, account, app, name, scope, expires_s, salt, iterations,"
	    " stored_sha256, server_sha256, stored_sha1, server_sha1, cram_md5, created_s,"
	    " used_day) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)");
	db_bind_u64(q, 1, id);
	db_bind_u64(q, 2, c->account);
	db_bind_u64(q, 3, c->app);
	db_bind_str(q, 4, c->app ? c->name : S(""));
	db_bind_u64(q, 5, c->app ? c->scope : DIRECTORY_SCOPE_ALL);
	db_bind_i64(q, 6, c->expires_s);
	db_bind_blob(q, 7, str_make(c->salt, sizeof(c->salt)));
	db_bind_u64(q, 8, c->iterations);
	db_bind_blob(q, 9, str_make(c->stored_sha256, sizeof(c->stored_sha256)));
	db_bind_blob(q, 10, str_make(c->server_sha256, sizeof(c->server_sha256)));
	db_bind_blob(q, 11, str_make(c->stored_sha1, sizeof(c->stored_sha1)));
	db_bind_blob(q, 12, str_make(c->server_sha1, sizeof(c->server_sha1)));
	if (c->has_cram_md5) {
		db_bind_blob(q, 13, str_make(c->cram_md5, sizeof(c->cram_md5)));
	} else {
		db_bind_null(q, 13);
	}
	db_bind_i64(q, 14, c->created_s);
	return db_run(q);
}

/* A password takes its time to be hashed; the account may have been deleted meanwhile. */
static enum err
check_account(struct directory *d, uint64_t account)
{
	struct db_stmt *q = db_query(d->db, "SELECT id FROM accounts WHERE id = ?");
	uint64_t id;

	db_bind_u64(q, 1, account);
	return directory_number(q, &id);
}

static enum err
replace_password(struct directory *d, const struct directory_credential *c)
{
	struct db_stmt *q;

	TRY(check_account(d, c->account));
	q = db_query(d->db, "DELETE FROM credentials WHERE account = ? AND app = 0");
	db_bind_u64(q, 1, c->account);
	TRY(db_run(q));
	return insert(d, c);
}

enum err
directory_password_set(struct directory *d, const struct directory_credential *c)
{
	ASSERT(!c->app);
	TRY(directory_change_begin(d));
	return directory_change_end(d, replace_password(d, c));
}

static enum err
add_app(struct directory *d, const struct directory_credential *c)
{
	struct db_stmt *q;
	uint64_t n;

	TRY(check_account(d, c->account));
	q = db_query(d->db, "SELECT COUNT(*) FROM credentials WHERE account = ? AND app = 1");
	db_bind_u64(q, 1, c->account);
	TRY(directory_number(q, &n));
	return n < DIRECTORY_APPS_MAX ? insert(d, c) : ERR_TOOMANY;
}

enum err
directory_app_add(struct directory *d, const struct directory_credential *c)
{
	ASSERT(c->app && c->name.n > 0 && c->name.n <= DIRECTORY_APP_NAME_MAX);
	TRY(directory_change_begin(d));
	return directory_change_end(d, add_app(d, c));
}

enum err
directory_app_remove(struct directory *d, uint64_t account, str name)
{
	struct db_stmt *q;

	TRY(directory_change_begin(d));
	q = db_query(d->db, "DELETE FROM credentials WHERE account = ? AND app = 1 AND name = ?");
	db_bind_u64(q, 1, account);
	db_bind_str(q, 2, name);
	return directory_change_end(d, directory_run_one(d, q));
}

enum err
directory_cram_md5_set(struct directory *d, uint64_t account, const uint8_t context[32])
{
	struct db_stmt *q;

	TRY(directory_change_begin(d));
	q = db_query(d->db, "UPDATE credentials SET cram_md5 = ? WHERE account = ? AND app = 0");
	db_bind_blob(q, 1, str_make(context, 32));
	db_bind_u64(q, 2, account);
	return directory_change_end(d, directory_run_one(d, q));
}

enum err
directory_credential_used(struct directory *d, uint64_t id, int64_t day)
{
	struct db_stmt *q = db_query(d->db, "UPDATE credentials SET used_day = ? WHERE id = ?");

	db_bind_i64(q, 1, day);
	db_bind_u64(q, 2, id);
	return db_run(q);
}
