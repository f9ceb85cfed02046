/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy.db: one table of rows for all kinds, by their hashes, and the secret of the hashes.
 *
 *	seen     id: the key; kind, last, v0 to v3: as in memory; who: text or ''
 *	fact     the secret
 *	model    statistics, see learned.c
 */
#include "policy/keep.h"

#include "base/codec.h"
#include "base/mem.h"
#include "db/db.h"
#include "sys/file.h"
#include "sys/random.h"

enum { DIRTY = POLICY_TABLE_VALUES - 1, PATH_MAX_ = 4000 }; /* the value that says so */

static const struct db_migration steps[] = {
	{ "CREATE TABLE fact (name TEXT PRIMARY KEY, value BLOB NOT NULL);"
	  "CREATE TABLE seen (id INTEGER PRIMARY KEY, kind INTEGER NOT NULL, last INTEGER NOT NULL,"
	  " v0 INTEGER NOT NULL, v1 INTEGER NOT NULL, v2 INTEGER NOT NULL, v3 INTEGER NOT NULL,"
	  " who TEXT NOT NULL);"
	  "CREATE TABLE model (account INTEGER PRIMARY KEY, learned INTEGER NOT NULL,"
	  " used INTEGER NOT NULL, octets BLOB NOT NULL)" },
};

struct changed {
	uint64_t key;
	uint32_t at, n; /* text, in whos */
	uint8_t kind;
	bool gone;
};

struct policy_keep {
	struct db *db;
	struct policy_table *tables[POLICY_KINDS];
	uint32_t keep_s[POLICY_KINDS], window_s;
	uint8_t secret[16];
	struct changed *changed;
	size_t changed_n;
	struct buf whos;
	enum err lost; /* of a flush that nobody asked for */
	size_t sweep_kind, sweep_at;
};

/* ---- open ----------------------------------------------------------------------------------- */

static enum err
read_secret(struct policy_keep *k)
{
	struct db_stmt *q = db_query(k->db, "SELECT value FROM fact WHERE name = 'secret'");
	enum err e = db_row(q);
	bool good = e == ERR_OK && db_blob(q, 0).n == sizeof k->secret;

	if (good) {
		memcpy(k->secret, db_blob(q, 0).p, sizeof k->secret);
	}
	db_done(q);
	if (e != ERR_NOTFOUND) {
		return e == ERR_OK && !good ? ERR_CORRUPT : e;
	}
	sys_random(k->secret, sizeof k->secret);
	q = db_query(k->db, "INSERT INTO fact (name, value) VALUES ('secret', ?)");
	db_bind_blob(q, 1, str_make(k->secret, sizeof k->secret));
	return db_run(q);
}

static bool
is_old(const struct policy_keep *k, enum policy_kind kind, const struct policy_row *row,
    uint32_t now_s)
{
	bool waits = kind == POLICY_GREY && row->v[POLICY_GREY_LET_IN] == 0;

	if (waits && row->v[POLICY_GREY_FIRST] + (uint64_t)k->window_s < now_s) {
		return true;
	}
	return row->last_s + (uint64_t)k->keep_s[kind] < now_s;
}

static struct changed *
note_any(struct policy_keep *k, enum policy_kind kind, uint64_t key)
{
	if (k->changed_n == POLICY_DIRTY_MAX) {
		enum err e = policy_keep_flush(k);
		k->lost = e != ERR_OK ? e : k->lost;
	}
	struct changed *c = &k->changed[k->changed_n++];
	*c = (struct changed){ .key = key, .at = (uint32_t)k->whos.n, .kind = (uint8_t)kind };
	return c;
}

/* A row that is to be written, as it is then. */
static void
note(struct policy_keep *k, enum policy_kind kind, uint64_t key, str who)
{
	note_any(k, kind, key)->n = (uint32_t)who.n;
	buf_str(&k->whos, who);
}

/* A row that is to go. One that comes back is noted behind this, and begins with its own text. */
static void
note_gone(struct policy_keep *k, enum policy_kind kind, uint64_t key)
{
	note_any(k, kind, key)->gone = true;
}

static void
take_row(struct policy_keep *k, struct db_stmt *q, uint32_t now_s)
{
	uint64_t key = (uint64_t)db_i64(q, 0);
	uint64_t kind = db_u64(q, 1);
	uint32_t last_s = (uint32_t)db_u64(q, 2);
	struct policy_row gone;

	if (key == 0 || kind >= POLICY_KINDS) {
		note_gone(k, POLICY_GREY, key);
		return;
	}
	struct policy_row *row = policy_table_put(k->tables[kind], key, MIN(last_s, now_s), &gone);
	for (int i = 0; i < DIRTY; i++) {
		row->v[i] = (uint32_t)db_u64(q, 3 + i);
	}
	if (is_old(k, (enum policy_kind)kind, row, now_s)) {
		policy_keep_drop(k, (enum policy_kind)kind, row);
	}
	if (gone.key != 0) {
		note_gone(k, (enum policy_kind)kind, gone.key);
	}
}

/* In portions: rows that are too old are deleted between them, and nothing is written while one
 * reads. */
static enum err
read_rows(struct policy_keep *k, uint32_t now_s)
{
	int64_t after = INT64_MIN;
	bool more = true;

	while (more) {
		struct db_stmt *q = db_query(k->db,
		    "SELECT id, kind, last, v0, v1, v2, v3 FROM seen WHERE id > ?"
		    " ORDER BY id LIMIT 8192");
		enum err e;
		size_t n = 0;
		db_bind_i64(q, 1, after);
		while ((e = db_row(q)) == ERR_OK) {
			after = db_i64(q, 0);
			take_row(k, q, now_s);
			n++;
		}
		db_done(q);
		if (e != ERR_NOTFOUND) {
			return e;
		}
		TRY(policy_keep_flush(k));
		more = n == 8192;
	}
	return ERR_OK;
}

static enum err
open_db(struct policy_keep *k, str path, uint32_t now_s)
{
	const struct db_conf c = { .path = path, .flags = DB_CREATE, .cache_octets = 16 << 20 };

	TRY(db_open(&c, &k->db));
	TRY(db_migrate(k->db, steps, LEN(steps)));
	TRY(read_secret(k));
	return read_rows(k, now_s);
}

/* Out of the way, with what lies beside it; an older one goes. */
static enum err
set_aside(str path)
{
	static const char *const tails[] = { "-wal", "-shm" };
	char text[PATH_MAX_];
	struct buf to;

	buf_init_fixed(&to, text, sizeof text);
	buf_printf(&to, "%.*s.damaged", STR_ARG(path));
	TRY(sys_file_rename(SYS_CWD, path, SYS_CWD, buf_view(&to)));
	for (size_t i = 0; i < LEN(tails); i++) {
		buf_reset(&to);
		buf_printf(&to, "%.*s%s", STR_ARG(path), tails[i]);
		(void)(sys_file_unlink(SYS_CWD, buf_view(&to)) == ERR_OK);
	}
	return ERR_OK;
}

static void
empty(struct policy_keep *k)
{
	for (size_t i = 0; i < POLICY_KINDS; i++) {
		size_t at = 0;
		struct policy_row *row;
		while ((row = policy_table_next(k->tables[i], &at)) != NULL) {
			policy_table_del(k->tables[i], row);
		}
	}
	k->changed_n = 0;
	buf_reset(&k->whos);
}

static enum err
init(struct policy_keep *k, const struct policy_keep_conf *conf)
{
	buf_init(&k->whos, (size_t)POLICY_DIRTY_MAX * POLICY_WHO_MAX);
	k->changed = mem_zalloc(POLICY_DIRTY_MAX, sizeof *k->changed);
	if (k->changed == NULL) {
		return ERR_NOMEM;
	}
	policy_keep_times(k, conf);
	for (size_t i = 0; i < POLICY_KINDS; i++) {
		k->tables[i] = policy_table_new(conf->kinds[i].max);
		if (k->tables[i] == NULL) {
			return ERR_NOMEM;
		}
	}
	return ERR_OK;
}

static bool
is_damage(enum err e)
{
	return e == ERR_CORRUPT || e == ERR_VERSION || e == ERR_DB;
}

enum err
policy_keep_open(const struct policy_keep_conf *conf, uint32_t now_s, struct policy_keep **ret,
    enum err *ret_anew)
{
	struct policy_keep *k = mem_zalloc(1, sizeof *k);
	enum err e = k == NULL ? ERR_NOMEM : init(k, conf);

	*ret_anew = ERR_OK;
	e = e == ERR_OK ? open_db(k, conf->path, now_s) : e;
	if (is_damage(e)) {
		*ret_anew = e;
		db_close(&k->db);
		empty(k);
		e = set_aside(conf->path);
		e = e == ERR_OK ? open_db(k, conf->path, now_s) : e;
	}
	if (e != ERR_OK) {
		policy_keep_close(&k);
		return e;
	}
	*ret = k;
	return ERR_OK;
}

void
policy_keep_close(struct policy_keep **kp)
{
	struct policy_keep *k = *kp;

	if (k == NULL) {
		return;
	}
	if (k->db != NULL) {
		(void)(policy_keep_flush(k) == ERR_OK);
		db_close(&k->db);
	}
	for (size_t i = 0; i < POLICY_KINDS; i++) {
		policy_table_free(&k->tables[i]);
	}
	mem_drop(k->changed);
	buf_done(&k->whos);
	mem_wipe(k->secret, sizeof k->secret);
	MEM_FREE(*kp);
}

void
policy_keep_times(struct policy_keep *k, const struct policy_keep_conf *conf)
{
	for (size_t i = 0; i < POLICY_KINDS; i++) {
		k->keep_s[i] = conf->kinds[i].keep_s;
	}
	k->window_s = conf->window_s;
}

const uint8_t *
policy_keep_secret(const struct policy_keep *k)
{
	return k->secret;
}

struct db *
policy_keep_db(struct policy_keep *k)
{
	return k->db;
}

/* ---- rows ----------------------------------------------------------------------------------- */

uint64_t
policy_keep_key(const struct policy_keep *k, enum policy_kind kind, str a, str b)
{
	char text[2100];
	struct buf in;

	/* what is longer than any address is cut, and shares its row with others like it */
	buf_init_fixed(&in, text, sizeof text);
	buf_ch(&in, (char)kind);
	buf_str(&in, str_sub(a, 0, 1024));
	buf_ch(&in, '\0');
	buf_str(&in, str_sub(b, 0, 1024));
	uint64_t key = siphash(k->secret, buf_view(&in));
	return key != 0 ? key : 1;
}

struct policy_row *
policy_keep_get(const struct policy_keep *k, enum policy_kind kind, uint64_t key, uint32_t now_s)
{
	struct policy_row *row = policy_table_get(k->tables[kind], key);

	return row == NULL || is_old(k, kind, row, now_s) ? NULL : row;
}

struct policy_row *
policy_keep_put(struct policy_keep *k, enum policy_kind kind, uint64_t key, uint32_t now_s, str who)
{
	struct policy_row gone;
	struct policy_row *row = policy_table_get(k->tables[kind], key);

	if (row != NULL && is_old(k, kind, row, now_s)) {
		memset(row->v, 0, sizeof row->v[0] * DIRTY);
	}
	row = policy_table_put(k->tables[kind], key, now_s, &gone);
	bool written = row->v[DIRTY] != 0;
	if (gone.key != 0) {
		note_gone(k, kind, gone.key);
	}
	if (!written) {
		/* noting may have flushed, which clears the mark: so it is set last */
		note(k, kind, key, str_sub(who, 0, POLICY_WHO_MAX));
		row->v[DIRTY] = 1;
	}
	return row;
}

void
policy_keep_drop(struct policy_keep *k, enum policy_kind kind, struct policy_row *row)
{
	uint64_t key = row->key;

	policy_table_del(k->tables[kind], row);
	note_gone(k, kind, key);
}

/* ---- writing behind ------------------------------------------------------------------------- */

static enum err
write_row(struct policy_keep *k, const struct policy_row *row, const struct changed *c)
{
	struct db_stmt *q = db_query(k->db,
	    "INSERT INTO seen (id, kind, last, v0, v1, v2, v3, who) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
	    " ON CONFLICT (id) DO UPDATE SET last = excluded.last, v0 = excluded.v0,"
	    " v1 = excluded.v1, v2 = excluded.v2, v3 = excluded.v3");

	db_bind_i64(q, 1, (int64_t)c->key);
	db_bind_u64(q, 2, c->kind);
	db_bind_u64(q, 3, row->last_s);
	for (int i = 0; i < DIRTY; i++) {
		db_bind_u64(q, 4 + i, row->v[i]);
	}
	db_bind_str(q, 8, str_sub(buf_view(&k->whos), c->at, c->n));
	return db_run(q);
}

static enum err
write_one(struct policy_keep *k, const struct changed *c)
{
	struct policy_row *row = policy_table_get(k->tables[c->kind], c->key);

	if (!c->gone) {
		return row == NULL ? ERR_OK : write_row(k, row, c); /* that it went is behind */
	}
	struct db_stmt *q = db_query(k->db, "DELETE FROM seen WHERE id = ?");
	db_bind_i64(q, 1, (int64_t)c->key);
	return db_run(q);
}

enum err
policy_keep_flush(struct policy_keep *k)
{
	enum err e = k->lost;

	k->lost = ERR_OK;
	if (k->changed_n == 0) {
		return e;
	}
	e = db_begin(k->db, DB_WRITE);
	for (size_t i = 0; i < k->changed_n; i++) {
		const struct changed *c = &k->changed[i];
		struct policy_row *row = policy_table_get(k->tables[c->kind], c->key);
		e = e == ERR_OK ? write_one(k, c) : e;
		if (row != NULL) {
			row->v[DIRTY] = 0;
		}
	}
	if (e == ERR_OK) {
		e = db_commit(k->db);
	} else {
		db_rollback(k->db);
	}
	k->changed_n = 0;
	buf_reset(&k->whos);
	return e;
}

bool
policy_keep_dirty(const struct policy_keep *k)
{
	return k->changed_n > 0 || k->lost != ERR_OK;
}

/* ---- forgetting ----------------------------------------------------------------------------- */

void
policy_keep_tidy(struct policy_keep *k, uint32_t now_s)
{
	struct policy_table *t = k->tables[k->sweep_kind];
	size_t end = k->sweep_at + POLICY_SWEEP;
	struct policy_row *row = NULL;

	while (k->sweep_at < end && (row = policy_table_next(t, &k->sweep_at)) != NULL) {
		if (is_old(k, (enum policy_kind)k->sweep_kind, row, now_s)) {
			policy_keep_drop(k, (enum policy_kind)k->sweep_kind, row);
		}
	}
	if (row == NULL) {
		k->sweep_kind = (k->sweep_kind + 1) % POLICY_KINDS;
		k->sweep_at = 0;
	}
}

void
policy_keep_forget(struct policy_keep *k, uint64_t account)
{
	struct policy_row *row;
	size_t at = 0;

	while ((row = policy_table_next(k->tables[POLICY_KNOWN], &at)) != NULL) {
		if (row->v[POLICY_KNOWN_ACCOUNT] == (uint32_t)account) {
			policy_keep_drop(k, POLICY_KNOWN, row);
		}
	}
}

/* ---- looking -------------------------------------------------------------------------------- */

enum err
policy_keep_list(struct policy_keep *k, const struct policy_keep_query *q,
    enum err (*fn)(void *ctx, const struct policy_seen *row), void *ctx)
{
	TRY(policy_keep_flush(k));
	struct db_stmt *s = db_query(k->db,
	    "SELECT id, last, v0, v1, v2, v3, who FROM seen WHERE id > ? AND kind = ?"
	    " AND (? = '' OR who = ?) ORDER BY id LIMIT ?");
	enum err e;

	db_bind_i64(s, 1, q->after == 0 ? INT64_MIN : (int64_t)q->after);
	db_bind_u64(s, 2, q->kind);
	db_bind_str(s, 3, q->who);
	db_bind_str(s, 4, q->who);
	db_bind_u64(s, 5, q->max);
	while ((e = db_row(s)) == ERR_OK) {
		const struct policy_seen row = { .key = (uint64_t)db_i64(s, 0),
			.last_s = (uint32_t)db_u64(s, 1),
			.v = { (uint32_t)db_u64(s, 2), (uint32_t)db_u64(s, 3),
			    (uint32_t)db_u64(s, 4), (uint32_t)db_u64(s, 5) },
			.who = db_str(s, 6) };
		e = fn(ctx, &row);
		if (e != ERR_OK) {
			break;
		}
	}
	db_done(s);
	return e == ERR_NOTFOUND ? ERR_OK : e;
}

size_t
policy_keep_count(const struct policy_keep *k, enum policy_kind kind)
{
	return policy_table_count(k->tables[kind]);
}

size_t
policy_keep_octets(const struct policy_keep *k)
{
	size_t n = POLICY_DIRTY_MAX * sizeof(struct changed) + k->whos.cap;

	for (size_t i = 0; i < POLICY_KINDS; i++) {
		n += policy_table_octets(k->tables[i]);
	}
	return n;
}

str
policy_keep_error(const struct policy_keep *k)
{
	return k->db == NULL ? S("") : db_error_text(k->db);
}
