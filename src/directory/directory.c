/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening and closing, transactions, numbers and secrets: what the other files of the folder stand
 * on.
 */
#include "directory/directory_priv.h"

#include "base/mem.h"
#include "sys/file.h"
#include "sys/random.h"
#include "sys/sys.h"

enum { MAGIC = 0x44495231, FULL_MAX = 1000000 };

static void
drop_kept(void *value)
{
	mem_drop(*(void **)value);
}

/*
 * What the engine syncs is of use only when the file's name and its first page last, which it does
 * not see to. Once per start.
 */
static enum err
make_last(const struct directory_conf *conf)
{
	bool kept = !conf->readonly && !str_eq(conf->path, S(":memory:"));
	return kept ? sys_file_sync_name(SYS_CWD, conf->path) : ERR_OK;
}

/* The engine would make the file readable for all; ours are for auth alone. */
static enum err
make_private(str path)
{
	int fd SYS_FD_AUTO = -1;

	if (str_eq(path, S(":memory:"))) {
		return ERR_OK;
	}
	return sys_file_open(SYS_CWD, path, SYS_READ | SYS_WRITE | SYS_CREATE, &fd);
}

static enum err
set_up(struct directory *d, const struct directory_conf *conf)
{
	struct db_conf db = { .path = conf->path,
		.flags = conf->readonly ? DB_READONLY : DB_CREATE };

	d->cache = lru_new(conf->key, conf->cache != 0 ? conf->cache : DIRECTORY_CACHE_MAX,
	    sizeof(void *), drop_kept);
	d->full = map_new(conf->key, FULL_MAX);
	if (d->cache == NULL || d->full == NULL) {
		return ERR_NOMEM;
	}
	TRY(directory_configure(d, conf->delimiter, conf->default_domain));
	if (!conf->readonly) {
		TRY(make_private(conf->path));
	}
	TRY(db_open(&db, &d->db));
	TRY(db_migrate(d->db, directory_schema, directory_schema_n));
	return make_last(conf);
}

enum err
directory_open(const struct directory_conf *conf, struct directory **ret)
{
	struct directory *d = mem_zalloc(1, sizeof(*d));
	enum err e;

	if (d == NULL) {
		return ERR_NOMEM;
	}
	d->magic = MAGIC;
	buf_init(&d->delimiter, 16);
	buf_init(&d->default_domain, DIRECTORY_NAME_MAX);
	e = set_up(d, conf);
	if (e != ERR_OK) {
		directory_close(&d);
		return e;
	}
	*ret = d;
	return ERR_OK;
}

void
directory_close(struct directory **dp)
{
	struct directory *d = *dp;

	if (d == NULL) {
		return;
	}
	ASSERT(d->magic == MAGIC);
	lru_free(&d->cache);
	map_free(&d->full);
	db_close(&d->db);
	buf_done(&d->delimiter);
	buf_done(&d->default_domain);
	d->magic = 0;
	MEM_FREE(*dp);
}

enum err
directory_configure(struct directory *d, str delimiter, str default_domain)
{
	struct buf a, b;

	buf_init(&a, 16);
	buf_init(&b, DIRECTORY_NAME_MAX);
	buf_str(&a, delimiter);
	buf_str(&b, default_domain);
	if (buf_err(&a) != ERR_OK || buf_err(&b) != ERR_OK) {
		buf_done(&a);
		buf_done(&b);
		return ERR_NOMEM;
	}
	buf_done(&d->delimiter);
	buf_done(&d->default_domain);
	d->delimiter = a;
	d->default_domain = b;
	directory_changed(d);
	return ERR_OK;
}

void
directory_changed(struct directory *d)
{
	lru_clear(d->cache);
}

enum err
directory_begin(struct directory *d)
{
	ASSERT(!d->batch);
	TRY(db_begin(d->db, DB_DURABLE));
	d->batch = true;
	return ERR_OK;
}

enum err
directory_commit(struct directory *d)
{
	ASSERT(d->batch);
	d->batch = false;
	return db_commit(d->db);
}

void
directory_cancel(struct directory *d)
{
	d->batch = false;
	db_rollback(d->db);
}

enum err
directory_change_begin(struct directory *d)
{
	return d->batch ? db_exec(d->db, "SAVEPOINT change") : db_begin(d->db, DB_DURABLE);
}

static enum err
end_in_batch(struct directory *d, enum err e)
{
	if (e == ERR_OK) {
		return db_exec(d->db, "RELEASE change");
	}
	if (!db_in_transaction(d->db)) {
		return e; /* the engine gave the whole batch up; its commit will say so */
	}
	TRY(db_exec(d->db, "ROLLBACK TO change"));
	TRY(db_exec(d->db, "RELEASE change"));
	return e;
}

enum err
directory_change_end(struct directory *d, enum err e)
{
	directory_changed(d);
	return directory_change_finish(d, e);
}

enum err
directory_change_finish(struct directory *d, enum err e)
{
	if (d->batch) {
		return end_in_batch(d, e);
	}
	if (e != ERR_OK) {
		db_rollback(d->db);
		return e;
	}
	return db_commit(d->db);
}

enum err
directory_number(struct db_stmt *q, uint64_t *ret)
{
	enum err e = db_row(q);

	if (e == ERR_OK) {
		*ret = db_u64(q, 0);
	}
	db_done(q);
	return e;
}

enum err
directory_next_id(struct directory *d, str sequence, uint64_t *ret)
{
	struct db_stmt *q = db_query(d->db, "SELECT next FROM sequences WHERE name = ?");
	uint64_t id;

	db_bind_str(q, 1, sequence);
	TRY(directory_number(q, &id));
	q = db_query(d->db, "UPDATE sequences SET next = ? WHERE name = ?");
	db_bind_u64(q, 1, id + 1);
	db_bind_str(q, 2, sequence);
	TRY(db_run(q));
	*ret = id;
	return ERR_OK;
}

enum err
directory_run_one(struct directory *d, struct db_stmt *q)
{
	TRY(db_run(q));
	return db_changes(d->db) > 0 ? ERR_OK : ERR_NOTFOUND;
}

static enum err
load_secret(struct directory *d, str name, uint8_t out[DIRECTORY_SECRET_OCTETS])
{
	struct db_stmt *q = db_query(d->db, "SELECT value FROM secrets WHERE name = ?");
	enum err e;

	db_bind_str(q, 1, name);
	e = db_row(q);
	if (e == ERR_OK) {
		str value = db_blob(q, 0);

		if (value.n != DIRECTORY_SECRET_OCTETS) {
			e = ERR_CORRUPT;
		} else {
			memcpy(out, value.p, value.n);
		}
	}
	db_done(q);
	return e;
}

enum err
directory_secret(struct directory *d, str name, uint8_t out[DIRECTORY_SECRET_OCTETS])
{
	uint8_t fresh[DIRECTORY_SECRET_OCTETS];
	struct db_stmt *q;
	enum err e = load_secret(d, name, out);

	if (e != ERR_NOTFOUND) {
		return e;
	}
	sys_random(fresh, sizeof(fresh));
	TRY(directory_change_begin(d));
	q = db_query(d->db, "INSERT INTO secrets (name, value) VALUES (?, ?)");
	db_bind_str(q, 1, name);
	db_bind_blob(q, 2, str_make(fresh, sizeof(fresh)));
	TRY(directory_change_end(d, db_run(q)));
	memcpy(out, fresh, sizeof(fresh));
	mem_wipe(fresh, sizeof(fresh));
	return ERR_OK;
}

str
directory_error(const struct directory *d)
{
	return db_error_text(d->db);
}
