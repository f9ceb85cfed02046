/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Domains, catch-alls and aliases in the tables.
 */
#include "directory/domain.h"

#include "directory/directory_priv.h"
#include "mail/address.h"

static enum err
count(struct directory *d, const char *sql, str name, uint64_t *ret)
{
	struct db_stmt *q = db_query(d->db, sql);

	db_bind_str(q, 1, name);
	return directory_number(q, ret);
}

enum err
directory_domain_find(struct directory *d, str name)
{
	uint64_t n;

	return count(d, "SELECT 1 FROM domains WHERE name = ?", name, &n);
}

static enum err
add_domain(struct directory *d, str name, int64_t now_s)
{
	struct db_stmt *q = db_query(d->db, "SELECT COUNT(*) FROM domains");
	uint64_t n;

	TRY(directory_number(q, &n));
	if (n >= DIRECTORY_DOMAINS_MAX) {
		return ERR_TOOMANY;
	}
	q = db_query(d->db, "INSERT INTO domains (name, catchall, created_s) VALUES (?, 0, ?)");
	db_bind_str(q, 1, name);
	db_bind_i64(q, 2, now_s);
	return db_run(q);
}

enum err
directory_domain_add(struct directory *d, str name, int64_t now_s)
{
	TRY(directory_change_begin(d));
	return directory_change_end(d, add_domain(d, name, now_s));
}

static enum err
count_inhabitants(struct directory *d, str name, struct directory_domain *ret)
{
	TRY(count(d, "SELECT COUNT(*) FROM accounts WHERE domain = ?", name, &ret->accounts));
	struct db_stmt *q = db_query(d->db,
	    "SELECT COUNT(*) FROM (SELECT alias FROM aliases WHERE domain = ?"
	    " UNION SELECT alias FROM forwards WHERE domain = ?) y");

	db_bind_str(q, 1, name);
	db_bind_str(q, 2, name);
	return directory_number(q, &ret->aliases);
}

static enum err
remove_domain(struct directory *d, str name)
{
	struct directory_domain domain;
	struct db_stmt *q;

	TRY(count_inhabitants(d, name, &domain));
	if (domain.accounts > 0 || domain.aliases > 0) {
		return ERR_DENIED;
	}
	q = db_query(d->db, "DELETE FROM domains WHERE name = ?");
	db_bind_str(q, 1, name);
	return directory_run_one(d, q);
}

enum err
directory_domain_remove(struct directory *d, str name)
{
	TRY(directory_change_begin(d));
	return directory_change_end(d, remove_domain(d, name));
}

enum err
directory_domain_dmarc(struct directory *d, str name, enum directory_dmarc what)
{
	TRY(directory_change_begin(d));
	struct db_stmt *q = db_query(d->db, "UPDATE domains SET dmarc = ? WHERE name = ?");

	db_bind_u64(q, 1, (uint64_t)what);
	db_bind_str(q, 2, name);
	return directory_change_end(d, directory_run_one(d, q));
}

enum err
directory_domain_get(struct directory *d, str name, struct arena *a, struct directory_domain *ret)
{
	struct directory_domain domain = { .name = arena_dup(a, name) };
	struct db_stmt *q;
	enum err e;

	TRY(directory_domain_find(d, name));
	TRY(count_inhabitants(d, name, &domain));
	q = db_query(d->db,
	    "SELECT c.address FROM domains x JOIN accounts c ON c.id = x.catchall"
	    " WHERE x.name = ?");
	db_bind_str(q, 1, name);
	e = db_row(q);
	domain.catchall = arena_dup(a, e == ERR_OK ? db_str(q, 0) : S(""));
	db_done(q);
	if (e != ERR_OK && e != ERR_NOTFOUND) {
		return e;
	}
	if (domain.name.p == NULL || domain.catchall.p == NULL) {
		return ERR_BUDGET;
	}
	*ret = domain;
	return ERR_OK;
}

enum err
directory_domain_each(struct directory *d, str after,
    enum err (*each)(void *ctx, const struct directory_domain *), void *ctx)
{
	struct db_stmt *q = db_query(d->db,
	    "SELECT x.name, COALESCE(c.address, ''),"
	    " (SELECT COUNT(*) FROM accounts y WHERE y.domain = x.name),"
	    " (SELECT COUNT(*) FROM (SELECT z.alias FROM aliases z WHERE z.domain = x.name"
	    " UNION SELECT f.alias FROM forwards f WHERE f.domain = x.name) y), x.dmarc"
	    " FROM domains x LEFT JOIN accounts c ON c.id = x.catchall"
	    " WHERE x.name > ? ORDER BY x.name LIMIT ?");
	enum err e;

	db_bind_str(q, 1, after);
	db_bind_u64(q, 2, DIRECTORY_PAGE_MAX);
	while ((e = db_row(q)) == ERR_OK) {
		struct directory_domain row = {
			.name = db_str(q, 0),
			.catchall = db_str(q, 1),
			.accounts = db_u64(q, 2),
			.aliases = db_u64(q, 3),
			.dmarc = (enum directory_dmarc)db_u64(q, 4),
		};

		e = each(ctx, &row);
		if (e != ERR_OK) {
			break;
		}
	}
	db_done(q);
	return e == ERR_NOTFOUND ? ERR_OK : e;
}

enum err
directory_catchall(struct directory *d, str domain, uint64_t account)
{
	struct db_stmt *q;

	TRY(directory_change_begin(d));
	q = db_query(d->db, "UPDATE domains SET catchall = ? WHERE name = ?");
	db_bind_u64(q, 1, account);
	db_bind_str(q, 2, domain);
	return directory_change_end(d, directory_run_one(d, q));
}

static enum err
add_account(struct directory *d, const struct directory_alias_new *want, str domain)
{
	struct db_stmt *q = db_query(d->db, "SELECT 1 FROM accounts WHERE id = ?");
	uint64_t n;

	db_bind_u64(q, 1, want->account);
	TRY(directory_number(q, &n));
	q = db_query(d->db,
	    "INSERT INTO aliases (alias, account, domain, created_s) VALUES (?, ?, ?, ?)");
	db_bind_str(q, 1, want->alias);
	db_bind_u64(q, 2, want->account);
	db_bind_str(q, 3, domain);
	db_bind_i64(q, 4, want->now_s);
	return db_run(q);
}

static enum err
add_elsewhere(struct directory *d, const struct directory_alias_new *want, str domain)
{
	struct db_stmt *q;
	str local, target_domain;

	mail_address_split(want->elsewhere, &local, &target_domain);
	enum err e = directory_domain_find(d, target_domain);
	if (e != ERR_NOTFOUND) {
		return e == ERR_OK ? ERR_SYNTAX : e;
	}
	q = db_query(d->db,
	    "INSERT INTO forwards (alias, target, target_domain, domain, created_s)"
	    " VALUES (?, ?, ?, ?, ?)");
	db_bind_str(q, 1, want->alias);
	db_bind_str(q, 2, want->elsewhere);
	db_bind_str(q, 3, target_domain);
	db_bind_str(q, 4, domain);
	db_bind_i64(q, 5, want->now_s);
	return db_run(q);
}

static enum err
add_alias(struct directory *d, const struct directory_alias_new *want)
{
	struct directory_claim claim = {
		.address = want->alias, .force = want->force, .alias_ok = true, .now_s = want->now_s
	};
	uint64_t accounts, others;
	str local, domain;

	TRY(directory_claim(d, &claim));
	TRY(count(d, "SELECT COUNT(*) FROM aliases WHERE alias = ?", want->alias, &accounts));
	TRY(count(d, "SELECT COUNT(*) FROM forwards WHERE alias = ?", want->alias, &others));
	if (accounts + others >= DIRECTORY_ALIAS_MAX) {
		return ERR_TOOMANY;
	}
	mail_address_split(want->alias, &local, &domain);
	return want->elsewhere.n > 0 ? add_elsewhere(d, want, domain)
				     : add_account(d, want, domain);
}

enum err
directory_alias_add(struct directory *d, const struct directory_alias_new *want)
{
	TRY(directory_change_begin(d));
	return directory_change_end(d, add_alias(d, want));
}

/* Both tables; ERR_NOTFOUND when neither had it. */
static enum err
remove_all(struct directory *d, str alias)
{
	struct db_stmt *q = db_query(d->db, "DELETE FROM aliases WHERE alias = ?");
	enum err e;

	db_bind_str(q, 1, alias);
	e = directory_run_one(d, q);
	if (e != ERR_OK && e != ERR_NOTFOUND) {
		return e;
	}
	q = db_query(d->db, "DELETE FROM forwards WHERE alias = ?");
	db_bind_str(q, 1, alias);
	TRY(db_run(q));
	return db_changes(d->db) > 0 ? ERR_OK : e;
}

static enum err
remove_one(struct directory *d, str alias, uint64_t account, str elsewhere)
{
	struct db_stmt *q = elsewhere.n > 0
	    ? db_query(d->db, "DELETE FROM forwards WHERE alias = ? AND target = ?")
	    : db_query(d->db, "DELETE FROM aliases WHERE alias = ? AND account = ?");

	db_bind_str(q, 1, alias);
	if (elsewhere.n > 0) {
		db_bind_str(q, 2, elsewhere);
	} else {
		db_bind_u64(q, 2, account);
	}
	return directory_run_one(d, q);
}

enum err
directory_alias_remove(struct directory *d, str alias, uint64_t account, str elsewhere)
{
	TRY(directory_change_begin(d));
	return directory_change_end(d,
	    account == 0 && elsewhere.n == 0 ? remove_all(d, alias)
					     : remove_one(d, alias, account, elsewhere));
}

#define ALIAS_ROWS                                                               \
	"SELECT x.alias, x.target, x.account FROM"                               \
	" (SELECT y.alias AS alias, c.address AS target, c.id AS account,"       \
	" y.domain AS domain FROM aliases y JOIN accounts c ON c.id = y.account" \
	" UNION ALL SELECT alias, target, 0, domain FROM forwards) x"
#define AFTER "(x.alias > ? OR (x.alias = ? AND x.target > ?))"
#define ORDER " ORDER BY x.alias, x.target LIMIT ?"

static struct db_stmt *
alias_statement(struct directory *d, const struct directory_alias_from *from)
{
	bool all = from->domain.n == 0;
	struct db_stmt *q = all
	    ? db_query(d->db, ALIAS_ROWS " WHERE " AFTER ORDER)
	    : db_query(d->db, ALIAS_ROWS " WHERE x.domain = ? AND " AFTER ORDER);
	int at = 1;

	if (!all) {
		db_bind_str(q, at++, from->domain);
	}
	db_bind_str(q, at++, from->alias);
	db_bind_str(q, at++, from->alias);
	db_bind_str(q, at++, from->target);
	db_bind_u64(q, at, DIRECTORY_PAGE_MAX);
	return q;
}

enum err
directory_alias_each(struct directory *d, const struct directory_alias_from *from,
    enum err (*each)(void *ctx, const struct directory_alias *), void *ctx)
{
	struct db_stmt *q = alias_statement(d, from);
	enum err e;

	while ((e = db_row(q)) == ERR_OK) {
		struct directory_alias row = { db_str(q, 0), db_str(q, 1), db_u64(q, 2) };

		e = each(ctx, &row);
		if (e != ERR_OK) {
			break;
		}
	}
	db_done(q);
	return e == ERR_NOTFOUND ? ERR_OK : e;
}

enum err
directory_address_each(struct directory *d, uint64_t account,
    enum err (*each)(void *ctx, str address), void *ctx)
{
	struct db_stmt *q = db_query(d->db,
	    "SELECT address FROM addresses WHERE account = ?"
	    " UNION ALL SELECT alias FROM aliases WHERE account = ? ORDER BY 1 LIMIT ?");
	enum err e;

	db_bind_u64(q, 1, account);
	db_bind_u64(q, 2, account);
	db_bind_u64(q, 3, DIRECTORY_PAGE_MAX);
	while ((e = db_row(q)) == ERR_OK) {
		e = each(ctx, db_str(q, 0));
		if (e != ERR_OK) {
			break;
		}
	}
	db_done(q);
	return e == ERR_NOTFOUND ? ERR_OK : e;
}
