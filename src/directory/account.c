/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Accounts in the tables. Each change is one durable transaction or part of an open batch.
 */
#include "directory/account.h"

#include "directory/directory_priv.h"
#include "mail/address.h"

static enum err
expect_absent(struct db_stmt *q, enum err found)
{
	uint64_t n;
	enum err e = directory_number(q, &n);

	return e == ERR_OK ? found : e == ERR_NOTFOUND ? ERR_OK : e;
}

enum err
directory_tombstone(struct directory *d, str address, int64_t *ret_deleted_s)
{
	struct db_stmt *q = db_query(d->db, "SELECT deleted_s FROM tombstones WHERE address = ?");
	uint64_t deleted_s;

	db_bind_str(q, 1, address);
	TRY(directory_number(q, &deleted_s));
	*ret_deleted_s = (int64_t)deleted_s;
	return ERR_OK;
}

static enum err
check_tombstone(struct directory *d, const struct directory_claim *claim)
{
	int64_t deleted_s;
	enum err e = directory_tombstone(d, claim->address, &deleted_s);
	struct db_stmt *q;

	if (e != ERR_OK) {
		return e == ERR_NOTFOUND ? ERR_OK : e;
	}
	if (!claim->force || claim->now_s - deleted_s < DIRECTORY_TOMBSTONE_S) {
		return ERR_DENIED;
	}
	q = db_query(d->db, "DELETE FROM tombstones WHERE address = ?");
	db_bind_str(q, 1, claim->address);
	return db_run(q);
}

enum err
directory_claim(struct directory *d, const struct directory_claim *claim)
{
	struct db_stmt *q;
	str local, domain;
	uint64_t n;

	mail_address_split(claim->address, &local, &domain);
	q = db_query(d->db, "SELECT 1 FROM domains WHERE name = ?");
	db_bind_str(q, 1, domain);
	TRY(directory_number(q, &n));
	q = db_query(d->db, "SELECT 1 FROM addresses WHERE address = ?");
	db_bind_str(q, 1, claim->address);
	TRY(expect_absent(q, ERR_EXISTS));
	if (!claim->alias_ok) {
		q = db_query(d->db,
		    "SELECT 1 FROM aliases WHERE alias = ?"
		    " UNION SELECT 1 FROM forwards WHERE alias = ?");
		db_bind_str(q, 1, claim->address);
		db_bind_str(q, 2, claim->address);
		TRY(expect_absent(q, ERR_EXISTS));
	}
	return check_tombstone(d, claim);
}

static enum err
insert_account(struct directory *d, const struct directory_account *a)
{
	struct db_stmt *q = db_query(d->db,
	    "INSERT INTO accounts (id, address, domain, state, quota_octets, quota_messages,"
	    " cram_md5, created_s) VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
	str local, domain;

	mail_address_split(a->address, &local, &domain);
	db_bind_u64(q, 1, a->id);
	db_bind_str(q, 2, a->address);
	db_bind_str(q, 3, domain);
	db_bind_u64(q, 4, a->state);
	db_bind_u64(q, 5, a->quota_octets);
	db_bind_u64(q, 6, a->quota_messages);
	db_bind_u64(q, 7, a->cram_md5);
	db_bind_i64(q, 8, a->created_s);
	TRY(db_run(q));
	q = db_query(d->db, "INSERT INTO addresses (address, account) VALUES (?, ?)");
	db_bind_str(q, 1, a->address);
	db_bind_u64(q, 2, a->id);
	return db_run(q);
}

static enum err
add(struct directory *d, struct directory_account *a, const struct directory_claim *claim)
{
	TRY(directory_claim(d, claim));
	TRY(directory_next_id(d, S("account"), &a->id));
	return insert_account(d, a);
}

enum err
directory_account_add(struct directory *d, const struct directory_account *want, bool force,
    int64_t now_s, uint64_t *ret_id)
{
	struct directory_claim claim = { .address = want->address, .force = force, .now_s = now_s };
	struct directory_account a = *want;

	a.state = DIRECTORY_STATE_ACTIVE;
	a.created_s = now_s;
	TRY(directory_change_begin(d));
	TRY(directory_change_end(d, add(d, &a, &claim)));
	*ret_id = a.id;
	return ERR_OK;
}

#define COLUMNS                                                                                \
	"c.id, c.address, c.state, c.quota_octets, c.quota_messages, c.cram_md5, c.created_s," \
	" c.language, c.junk_at, c.reject_at"

/* The row at hand; the address is borrowed from the statement. */
static struct directory_account
from_row(struct db_stmt *q)
{
	return (struct directory_account){
		.id = db_u64(q, 0),
		.address = db_str(q, 1),
		.state = (enum directory_state)db_u64(q, 2),
		.quota_octets = db_u64(q, 3),
		.quota_messages = db_u64(q, 4),
		.cram_md5 = db_u64(q, 5) != 0,
		.created_s = db_i64(q, 6),
		.language = db_str(q, 7),
		.junk_at = db_i64(q, 8),
		.reject_at = db_i64(q, 9),
	};
}

static enum err
take_one(struct db_stmt *q, struct arena *a, struct directory_account *ret)
{
	enum err e = db_row(q);

	if (e == ERR_OK) {
		struct directory_account account = from_row(q);

		account.address = arena_dup(a, account.address);
		account.language = arena_dup(a, account.language);
		if (account.address.p == NULL || account.language.p == NULL) {
			e = ERR_BUDGET;
		} else {
			*ret = account;
		}
	}
	db_done(q);
	return e;
}

enum err
directory_account_get(struct directory *d, uint64_t id, struct arena *a,
    struct directory_account *ret)
{
	struct db_stmt *q = db_query(d->db, "SELECT " COLUMNS " FROM accounts c WHERE c.id = ?");

	db_bind_u64(q, 1, id);
	return take_one(q, a, ret);
}

enum err
directory_account_find(struct directory *d, str name, struct arena *a,
    struct directory_account *ret)
{
	char text[DIRECTORY_NAME_MAX], full[DIRECTORY_NAME_MAX];
	struct buf canonical, whole;
	struct db_stmt *q;

	buf_init_fixed(&canonical, text, sizeof(text));
	buf_init_fixed(&whole, full, sizeof(full));
	buf_str(&whole, name);
	if (str_chr(name, '@') < 0) {
		buf_ch(&whole, '@');
		buf_str(&whole, buf_view(&d->default_domain));
	}
	if (buf_err(&whole) != ERR_OK ||
	    mail_address_canonical(&canonical, buf_view(&whole)) != ERR_OK) {
		return ERR_NOTFOUND;
	}
	q = db_query(d->db,
	    "SELECT " COLUMNS " FROM addresses x JOIN accounts c ON c.id = x.account"
	    " WHERE x.address = ?");
	db_bind_str(q, 1, buf_view(&canonical));
	return take_one(q, a, ret);
}

static struct db_stmt *
list_statement(struct directory *d, str domain, str after)
{
	struct db_stmt *q;

	if (domain.n == 0) {
		q = db_query(d->db,
		    "SELECT " COLUMNS " FROM accounts c WHERE c.address > ?"
		    " ORDER BY c.address LIMIT ?");
		db_bind_str(q, 1, after);
		db_bind_u64(q, 2, DIRECTORY_PAGE_MAX);
		return q;
	}
	q = db_query(d->db,
	    "SELECT " COLUMNS " FROM accounts c WHERE c.domain = ? AND c.address > ?"
	    " ORDER BY c.address LIMIT ?");
	db_bind_str(q, 1, domain);
	db_bind_str(q, 2, after);
	db_bind_u64(q, 3, DIRECTORY_PAGE_MAX);
	return q;
}

enum err
directory_account_each(struct directory *d, str domain, str after,
    enum err (*each)(void *ctx, const struct directory_account *), void *ctx)
{
	struct db_stmt *q = list_statement(d, domain, after);
	enum err e;

	while ((e = db_row(q)) == ERR_OK) {
		struct directory_account a = from_row(q);

		e = each(ctx, &a);
		if (e != ERR_OK) {
			break;
		}
	}
	db_done(q);
	return e == ERR_NOTFOUND ? ERR_OK : e;
}

static enum err
change_state(struct directory *d, uint64_t id, enum directory_state state)
{
	struct db_stmt *q = db_query(d->db, "SELECT state FROM accounts WHERE id = ?");
	uint64_t now;

	db_bind_u64(q, 1, id);
	TRY(directory_number(q, &now));
	if (now == DIRECTORY_STATE_DISABLED && state != DIRECTORY_STATE_DISABLED) {
		return ERR_DENIED;
	}
	q = db_query(d->db, "UPDATE accounts SET state = ? WHERE id = ?");
	db_bind_u64(q, 1, state);
	db_bind_u64(q, 2, id);
	return db_run(q);
}

enum err
directory_account_state(struct directory *d, uint64_t id, enum directory_state state)
{
	TRY(directory_change_begin(d));
	return directory_change_end(d, change_state(d, id, state));
}

enum err
directory_account_quota(struct directory *d, uint64_t id, uint64_t octets, uint64_t messages)
{
	struct db_stmt *q;

	TRY(directory_change_begin(d));
	(void)map_del(d->full, id); /* the next delivery tells again */
	q = db_query(d->db,
	    "UPDATE accounts SET quota_octets = ?, quota_messages = ? WHERE id = ?");
	db_bind_u64(q, 1, octets);
	db_bind_u64(q, 2, messages);
	db_bind_u64(q, 3, id);
	return directory_change_end(d, directory_run_one(d, q));
}

enum err
directory_account_language(struct directory *d, uint64_t id, str language)
{
	TRY(directory_change_begin(d));
	struct db_stmt *q = db_query(d->db, "UPDATE accounts SET language = ? WHERE id = ?");
	db_bind_str(q, 1, language);
	db_bind_u64(q, 2, id);
	return directory_change_end(d, directory_run_one(d, q));
}

enum err
directory_account_threshold(struct directory *d, uint64_t id, enum directory_threshold which,
    int64_t at)
{
	TRY(directory_change_begin(d));
	struct db_stmt *q = db_query(d->db,
	    which == DIRECTORY_JUNK_AT ? "UPDATE accounts SET junk_at = ? WHERE id = ?"
				       : "UPDATE accounts SET reject_at = ? WHERE id = ?");
	db_bind_i64(q, 1, at);
	db_bind_u64(q, 2, id);
	return directory_change_end(d, directory_run_one(d, q));
}

static enum err
change_cram_md5(struct directory *d, uint64_t id, bool on)
{
	struct db_stmt *q = db_query(d->db, "UPDATE accounts SET cram_md5 = ? WHERE id = ?");

	db_bind_u64(q, 1, on);
	db_bind_u64(q, 2, id);
	TRY(directory_run_one(d, q));
	if (on) {
		return ERR_OK;
	}
	q = db_query(d->db, "UPDATE credentials SET cram_md5 = NULL WHERE account = ?");
	db_bind_u64(q, 1, id);
	return db_run(q);
}

enum err
directory_account_cram_md5(struct directory *d, uint64_t id, bool on)
{
	TRY(directory_change_begin(d));
	return directory_change_end(d, change_cram_md5(d, id, on));
}

static enum err
run_with_id(struct directory *d, const char *sql, uint64_t id)
{
	struct db_stmt *q = db_query(d->db, sql);

	db_bind_u64(q, 1, id);
	return db_run(q);
}

static enum err
delete_account(struct directory *d, uint64_t id, int64_t now_s)
{
	struct db_stmt *q = db_query(d->db,
	    "INSERT INTO tombstones (address, account, deleted_s)"
	    " SELECT address, account, ? FROM addresses WHERE account = ?");

	db_bind_i64(q, 1, now_s);
	db_bind_u64(q, 2, id);
	TRY(directory_run_one(d, q));
	TRY(run_with_id(d, "DELETE FROM addresses WHERE account = ?", id));
	TRY(run_with_id(d, "DELETE FROM aliases WHERE account = ?", id));
	TRY(run_with_id(d, "UPDATE domains SET catchall = 0 WHERE catchall = ?", id));
	TRY(run_with_id(d, "DELETE FROM credentials WHERE account = ?", id));
	TRY(run_with_id(d, "DELETE FROM shares WHERE owner = ?", id));
	TRY(run_with_id(d, "DELETE FROM shares WHERE guest = ?", id));
	TRY(run_with_id(d, "DELETE FROM census WHERE account = ?", id));
	return run_with_id(d, "DELETE FROM accounts WHERE id = ?", id);
}

enum err
directory_account_delete(struct directory *d, uint64_t id, int64_t now_s)
{
	TRY(directory_change_begin(d));
	(void)map_del(d->full, id);
	return directory_change_end(d, delete_account(d, id, now_s));
}
