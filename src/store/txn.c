/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Transactions of an open store. Each holds the folder's lock file shared, so that a rebuilt
 * index can be put in place only between transactions; a store that finds another index.db than
 * it opened opens the new one. Start reading with store_begin. The tables are here too; steps are
 * only ever added at the end, and doc/format/index.md says what the columns mean.
 */
#include "store/arrivals/take.h"
#include "store/store_priv.h"
#include "sys/clock.h"
#include "sys/file.h"
#include "sys/sys.h"

const struct db_migration store_schema[] = {
	{
	    "CREATE TABLE account(one INTEGER PRIMARY KEY, boot TEXT NOT NULL, clock INTEGER NOT"
	    " NULL,"
	    " clock_reserved INTEGER NOT NULL, mailbox_next INTEGER NOT NULL, pack INTEGER NOT"
	    " NULL,"
	    " pack_end INTEGER NOT NULL, uidvalidity INTEGER NOT NULL, key BLOB NOT NULL);"
	    "CREATE TABLE mailbox(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,"
	    " uidvalidity INTEGER NOT NULL, uidnext INTEGER NOT NULL, uid_reserved INTEGER NOT"
	    " NULL,"
	    " modseq INTEGER NOT NULL, gone_floor INTEGER NOT NULL, messages INTEGER NOT NULL,"
	    " unseen INTEGER NOT NULL, deleted INTEGER NOT NULL, octets INTEGER NOT NULL,"
	    " special INTEGER NOT NULL, keywords BLOB NOT NULL);"
	    "CREATE TABLE subscription(name TEXT PRIMARY KEY) WITHOUT ROWID;"
	    "CREATE TABLE page(id INTEGER PRIMARY KEY, last INTEGER NOT NULL, n INTEGER NOT NULL,"
	    " modseq INTEGER NOT NULL, unseen INTEGER NOT NULL, deleted INTEGER NOT NULL);"
	    "CREATE TABLE page_data(id INTEGER PRIMARY KEY, data BLOB NOT NULL);"
	    "CREATE TABLE gone(mailbox INTEGER NOT NULL, modseq INTEGER NOT NULL, lo INTEGER NOT"
	    " NULL,"
	    " hi INTEGER NOT NULL, PRIMARY KEY(mailbox, modseq, lo)) WITHOUT ROWID;"
	    "CREATE TABLE message(id INTEGER PRIMARY KEY, refs INTEGER NOT NULL, pack INTEGER"
	    " NOT NULL,"
	    " off INTEGER NOT NULL, octets INTEGER NOT NULL, size INTEGER NOT NULL,"
	    " header INTEGER NOT NULL, internal INTEGER NOT NULL, thread INTEGER NOT NULL,"
	    " envelope BLOB, structure BLOB);"
	    "CREATE TABLE thread(hash INTEGER PRIMARY KEY, thread INTEGER NOT NULL);"
	    "CREATE TABLE delivery(entry INTEGER NOT NULL, rcpt INTEGER NOT NULL,"
	    " mailbox INTEGER NOT NULL, uid INTEGER NOT NULL, message INTEGER NOT NULL,"
	    " PRIMARY KEY(entry, rcpt)) WITHOUT ROWID;"
	    "CREATE TABLE pack(id INTEGER PRIMARY KEY, dead INTEGER NOT NULL);",
	},
	{
	    "CREATE TABLE fact(key INTEGER PRIMARY KEY, last INTEGER NOT NULL,"
	    " data BLOB NOT NULL);",
	},
	{
	    "CREATE TABLE annotation(mailbox INTEGER NOT NULL, entry TEXT NOT NULL,"
	    " modseq INTEGER NOT NULL, value BLOB, PRIMARY KEY(mailbox, entry));"
	    "CREATE INDEX annotation_modseq ON annotation(modseq);",
	},
	{
	    "CREATE TABLE text(file INTEGER PRIMARY KEY, first INTEGER NOT NULL UNIQUE,"
	    " last INTEGER NOT NULL, octets INTEGER NOT NULL, messages INTEGER NOT NULL,"
	    " plain INTEGER NOT NULL, checked INTEGER NOT NULL);",
	},
	{
	    "ALTER TABLE message ADD COLUMN results BLOB;",
	},
};
const size_t store_schema_n = LEN(store_schema);

int64_t
store_now(const struct store *s)
{
	return s->wall_s != NULL ? s->wall_s() : sys_clock_wall_s();
}

enum err
store_account_load(struct db *db, struct store_account *ret)
{
	struct db_stmt *q = db_query(db,
	    "SELECT clock, clock_reserved, mailbox_next, pack_end, pack, uidvalidity, key FROM"
	    " account");
	enum err e = db_row(q);
	if (e == ERR_OK) {
		struct store_account a = {
			.clock = db_u64(q, 0),
			.clock_reserved = db_u64(q, 1),
			.mailbox_next = db_u64(q, 2),
			.pack_end = db_u64(q, 3),
			.pack = (uint32_t)db_u64(q, 4),
			.uidvalidity = (uint32_t)db_u64(q, 5),
		};
		str key = db_blob(q, 6);
		if (key.n == sizeof a.key) {
			memcpy(a.key, key.p, key.n);
			*ret = a;
		} else {
			e = ERR_CORRUPT;
		}
	}
	db_done(q);
	return e;
}

enum err
store_account_save(struct db *db, const struct store_account *a)
{
	struct db_stmt *q = db_query(db,
	    "UPDATE account SET clock = ?, clock_reserved = ?,"
	    " mailbox_next = ?, pack_end = ?, pack = ?, uidvalidity = ?");
	db_bind_u64(q, 1, a->clock);
	db_bind_u64(q, 2, a->clock_reserved);
	db_bind_u64(q, 3, a->mailbox_next);
	db_bind_u64(q, 4, a->pack_end);
	db_bind_u64(q, 5, a->pack);
	db_bind_u64(q, 6, a->uidvalidity);
	return db_run(q);
}

enum err
store_index_open(struct store *s)
{
	char path[DB_PATH_MAX + 16];
	struct sys_stat st;
	int n = snprintf(path, sizeof path, "%.*s/index.db", (int)s->path_n, s->path);
	TRY(sys_file_stat(s->dir, S("index.db"), &st));
	if (st.size == 0) {
		return ERR_NOTFOUND; /* being made; opened now, it would never get its log */
	}
	struct db_conf conf = { .path = { path, (size_t)n },
		.boot_id = str_make(s->boot, s->boot_n) };
	struct db *db;
	TRY(db_open(&conf, &db));
	enum err e = db_migrate(db, store_schema, store_schema_n);
	if (e != ERR_OK) {
		db_close(&db);
		return e;
	}
	db_close(&s->db);
	s->db = db;
	s->inode = st.inode;
	s->index++;
	s->page_id = 0;
	s->pages_ahead = (struct db_ahead){ 0 };
	s->text.id = 0;
	store_log_forget(s);
	return ERR_OK;
}

/* With the lock held: is index.db still the file we opened? */
static enum err
same_index(struct store *s)
{
	struct sys_stat st;
	if (s->dir < 0) {
		return ERR_OK; /* a rehearsal */
	}
	TRY(sys_file_stat(s->dir, S("index.db"), &st));
	return st.inode == s->inode ? ERR_OK : store_index_open(s);
}

static enum err
begin_locked(struct store *s, enum db_mode mode)
{
	TRY(same_index(s));
	TRY(db_begin(s->db, mode));
	enum err e = mode == DB_READ ? ERR_OK : store_account_load(s->db, &s->account);
	if (e != ERR_OK) {
		db_rollback(s->db);
	}
	return e == ERR_NOTFOUND ? ERR_CORRUPT : e;
}

/* End the read that is held, so that a write can begin or another view be taken. */
static void
let_go(struct store *s)
{
	if (s->held && s->in_txn && s->mode == DB_READ) {
		store_ahead_forget(s, false);
		(void)!db_commit(s->db); /* a read: nothing to lose */
		s->in_txn = false;
		sys_file_unlock(s->lock);
	}
}

enum err
store_hold(struct store *s)
{
	bool was = s->held;
	s->held = true;
	enum err e = store_begin(s, DB_READ);
	s->held = e == ERR_OK || was;
	return e;
}

void
store_release(struct store *s)
{
	let_go(s);
	store_ahead_forget(s, true);
	s->held = false;
}

void
store_hold_again(struct store *s)
{
	let_go(s);
}

void
store_restrict(struct store *s, const struct store_restriction *r)
{
	s->only = *r;
	s->restricted = true;
}

enum err
store_may(struct store *s, bool allowed)
{
	s->excused = allowed;
	return s->restricted && !allowed ? ERR_DENIED : ERR_OK;
}

uint32_t
store_may_bear(const struct store *s, uint32_t flags)
{
	return s->restricted ? flags & s->only.insert_flags : flags;
}

/* Every change comes by here, so what a restriction does not know is refused. */
static enum err
check_restriction(struct store *s)
{
	bool refused = s->restricted && !s->excused;
	s->excused = false;
	return refused ? ERR_DENIED : ERR_OK;
}

enum err
store_begin(struct store *s, enum db_mode mode)
{
	if (mode != DB_READ) {
		TRY(check_restriction(s));
	}
	if (s->held && s->in_txn && mode == DB_READ) {
		return ERR_OK;
	}
	let_go(s);
	if (s->opened && store_arrivals_news(s)) {
		/* On a failure they wait on, and what is in the index is served without them. */
		(void)(store_arrivals_take(s, mode != DB_READ) == ERR_OK);
	}
	return store_begin_now(s, mode);
}

enum err
store_begin_now(struct store *s, enum db_mode mode)
{
	ASSERT(s->magic == STORE_MAGIC && !s->in_txn);
	TRY(sys_file_lock(s->lock, false, true));
	enum err e = begin_locked(s, mode);
	if (e != ERR_OK) {
		sys_file_unlock(s->lock);
		return e;
	}
	s->in_txn = true;
	s->mode = mode;
	s->account_dirty = s->sync_after = s->log_checked = s->log_written = false;
	s->dead_n = 0;
	buf_reset(&s->log);
	return ERR_OK;
}

uint64_t
store_tick(struct store *s)
{
	struct store_account *a = &s->account;
	a->clock++;
	s->account_dirty = true;
	if (a->clock + STORE_MARGIN > a->clock_reserved) {
		a->clock_reserved = a->clock + STORE_MARGIN + STORE_RESERVE;
		s->sync_after = true;
	}
	return a->clock;
}

/* Everything a write transaction owes before its commit. */
static enum err
finish_writes(struct store *s)
{
	if (s->sync_after) {
		TRY(store_box_log(s, STORE_INBOX, false)); /* what was reserved, for a rebuild */
	}
	TRY(store_log_flush(s));
	if (s->log_written && (s->mode == DB_DURABLE || s->sync_after)) {
		TRY(store_log_sync(s));
	}
	TRY(store_log_dead_save(s));
	return s->account_dirty ? store_account_save(s->db, &s->account) : ERR_OK;
}

/*
 * Make what was committed durable: the log alone, since a checkpoint meanwhile has synced what it
 * took from there. A transaction that changes nothing would write nothing and sync nothing.
 */
static enum err
flush_index(struct store *s)
{
	SYS_FD_AUTO int fd = -1;
	TRY(sys_file_open(s->dir, S("index.db-wal"), SYS_READ | SYS_WRITE, &fd));
	return sys_file_datasync(fd);
}

enum err
store_end(struct store *s, enum err e)
{
	ASSERT(s->in_txn);
	if (s->held && s->mode == DB_READ) {
		return e;
	}
	if (e == ERR_OK && s->mode != DB_READ) {
		e = finish_writes(s);
	}
	if (e == ERR_OK) {
		e = db_commit(s->db);
	} else {
		db_rollback(s->db);
	}
	if (e != ERR_OK && s->mode != DB_READ) {
		s->page_id = 0; /* what it holds never happened */
		s->text.id = 0;
	}
	if (e == ERR_OK && s->sync_after && s->mode == DB_WRITE) {
		e = flush_index(s);
	}
	s->in_txn = false;
	sys_file_unlock(s->lock);
	return e;
}
