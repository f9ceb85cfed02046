/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A new index from the packs. What is committed is read while sessions go on; then, with the
 * folder's lock held exclusively, what came meanwhile, and the new file takes the old one's
 * place. A crash in between leaves the old index, or a finished new one that the next store_open
 * puts in place.
 */
#include "store/rebuild.h"

#include "base/mem.h"
#include "store/scan.h"
#include "sys/file.h"
#include "sys/random.h"
#include "sys/sys.h"

void
store_report_line(struct store_report *r, const char *fmt, ...)
{
	char text[512];
	va_list ap;
	if (r->line == NULL) {
		return;
	}
	va_start(ap, fmt);
	int n = vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	r->line(r->ctx, str_make(text, MIN((size_t)MAX(n, 0), sizeof text - 1)));
}

/* ---- putting it in place ------------------------------------------------------------------ */

static enum err
unlink_any(int dir, str name)
{
	enum err e = sys_file_unlink(dir, name);
	return e == ERR_NOTFOUND ? ERR_OK : e;
}

/* The old log must never meet the new file. */
static enum err
unlink_old(int dir)
{
	TRY(unlink_any(dir, S("index.db-wal")));
	TRY(unlink_any(dir, S("index.db-shm")));
	return sys_file_sync(dir);
}

enum err
store_swap_finish(int dir)
{
	struct sys_stat st;
	TRY(sys_file_stat(dir, S("index.db.new"), &st));
	TRY(unlink_old(dir));
	TRY(sys_file_rename(dir, S("index.db.new"), dir, S("index.db")));
	TRY(sys_file_sync(dir));
	return unlink_any(dir, S("index.db.old"));
}

static enum err
swap(int dir)
{
	SYS_FD_AUTO int fd = -1;
	TRY(sys_file_open(dir, S("index.db.tmp"), SYS_READ | SYS_WRITE, &fd));
	TRY(sys_file_sync(fd));
	TRY(unlink_any(dir, S("index.db.tmp-wal")));
	TRY(unlink_any(dir, S("index.db.tmp-shm")));
	TRY(sys_file_rename(dir, S("index.db.tmp"), dir, S("index.db.new")));
	TRY(sys_file_sync(dir));
	enum err e = sys_file_rename(dir, S("index.db"), dir, S("index.db.old"));
	return e == ERR_OK || e == ERR_NOTFOUND ? store_swap_finish(dir) : e;
}

/* ---- reading the packs -------------------------------------------------------------------- */

/* The next compaction shall rewrite this pack. */
static enum err
note_bad(struct rebuild *b, const struct store_place *at)
{
	b->r->bad_records++;
	store_report_line(b->r, "pack %06u offset %llu: bad record", at->pack,
	    (unsigned long long)at->off);
	return store_log_dead(b->new, at->pack, STORE_PACK_MAX);
}

static enum err
read_pack(struct rebuild *b, struct store_scan_pack *sc)
{
	struct store_record rec;
	struct store_place at;
	enum err e;
	while ((e = store_scan_next(sc, &rec, &at)) != ERR_NOTFOUND) {
		if (e == ERR_OK) {
			e = store_restore_record(b, &rec, &at);
		}
		bool bad = e == ERR_CORRUPT || e == ERR_VERSION;
		if (!bad && e != ERR_OK) {
			return e;
		}
		if (bad && !sc->torn) {
			TRY(note_bad(b, &at));
		}
		b->off = sc->off;
	}
	return ERR_OK;
}

static void
read_key(struct rebuild *b, int fd)
{
	char head[STORE_RECORD_HEAD];
	struct store_pack_head h;
	if (!b->has_key && sys_file_read_exact(fd, 0, head, sizeof head) == ERR_OK &&
	    store_pack_head_get(str_make(head, sizeof head), &h) == ERR_OK) {
		memcpy(b->key, h.key, sizeof b->key);
		b->has_key = true;
	}
}

/* One pack from where we are, up to `end` (0: all of it). */
static enum err
read_one(struct rebuild *b, uint32_t pack, uint64_t end)
{
	struct store_scan_pack sc;
	b->off = pack == b->pack ? b->off : 0;
	b->pack = pack;
	enum err e = store_scan_open(&sc, b->new->packs, pack, b->off);
	if (e == ERR_OK) {
		read_key(b, sc.fd);
		sc.end = end != 0 ? MIN(sc.end, end) : sc.end;
		e = read_pack(b, &sc);
	}
	store_scan_close(&sc);
	return e == ERR_NOTFOUND ? ERR_OK : e;
}

/*
 * All packs from where we are. `committed`: only up to the end that the old index knows; what a
 * writer is adding right now may still be taken back. Without, all sound records count: those
 * behind the end are of a transaction that a crash stopped, or the old index is older than the
 * packs, and then they are mail.
 */
static enum err
read_packs(struct rebuild *b, bool committed)
{
	struct store_set packs;
	store_set_init(&packs);
	enum err e = store_pack_list(b->new->packs, &packs);
	for (size_t i = 0; e == ERR_OK && i < packs.n; i++) {
		for (uint64_t no = packs.v[i].lo; e == ERR_OK && no <= packs.v[i].hi; no++) {
			bool last = committed && no == b->old_account.pack;
			bool beyond = committed && no > b->old_account.pack;
			if (no >= b->pack && !beyond) {
				e = read_one(b, (uint32_t)no, last ? b->old_account.pack_end : 0);
			}
		}
	}
	store_set_done(&packs);
	return e;
}

/* ---- the new account row ------------------------------------------------------------------ */

static enum err
boot_of_old(struct rebuild *b, struct store *s)
{
	if (!b->has_old) {
		return ERR_OK;
	}
	struct db_stmt *q = db_query(b->old->db, "SELECT boot FROM account");
	enum err e = db_row(q);
	if (e == ERR_OK) {
		str boot = str_sub(db_str(q, 0), 0, sizeof s->boot - 1);
		memcpy(s->boot, boot.p, boot.n);
		s->boot_n = boot.n;
	}
	db_done(q);
	return e;
}

/* Go on in a fresh pack, unless the last one is fresh. */
static enum err
next_pack(struct rebuild *b, struct store_account *a)
{
	struct store_pack_head h = { .number = MAX(b->pack, b->has_old ? b->old_account.pack : 0) };
	struct sys_stat st;
	char name[16];
	int fd = -1;
	if (h.number == 0 ||
	    sys_file_stat(b->new->packs, store_pack_name(h.number, name), &st) != ERR_OK ||
	    st.size != STORE_RECORD_HEAD) {
		h.number++;
	}
	memcpy(h.key, b->key, sizeof h.key);
	TRY(store_pack_create(b->new->packs, &h, &fd));
	enum err e = sys_file_datasync(fd);
	sys_close(&fd);
	a->pack = h.number;
	a->pack_end = STORE_RECORD_HEAD;
	return e == ERR_OK ? sys_file_sync(b->new->packs) : e;
}

static enum err
make_account(struct rebuild *b)
{
	struct store *s = b->new;
	struct store_account *a = &s->account;
	if (!b->has_key && b->has_old) {
		memcpy(b->key, b->old_account.key, sizeof b->key);
	} else if (!b->has_key) {
		sys_random(b->key, sizeof b->key);
	}
	*a = (struct store_account){ .clock = b->clock,
		.clock_reserved = b->clock + STORE_MARGIN + STORE_RESERVE,
		.mailbox_next = b->mailbox_max + 1,
		.uidvalidity = b->uidvalidity };
	if (b->has_old) {
		a->mailbox_next = MAX(a->mailbox_next, b->old_account.mailbox_next);
		a->uidvalidity = MAX(a->uidvalidity, b->old_account.uidvalidity);
	}
	memcpy(a->key, b->key, sizeof a->key);
	TRY(boot_of_old(b, s));
	TRY(next_pack(b, a));
	return store_account_insert(s);
}

/* ---- the whole ---------------------------------------------------------------------------- */

/* A store without index: folder, scratch and page buffers. */
static enum err
open_facade(struct rebuild *b, struct store **ret)
{
	struct store *s = NULL;
	TRY(store_new_bare(b->conf, &s));
	*ret = s;
	return ERR_OK;
}

static enum err
open_new(struct rebuild *b)
{
	static const str leftovers[] = { S_INIT("index.db.tmp"), S_INIT("index.db.tmp-wal"),
		S_INIT("index.db.tmp-shm"), S_INIT("index.db.new") };
	char path[DB_PATH_MAX + 16];
	struct store *s = b->new;
	for (size_t i = 0; i < LEN(leftovers); i++) {
		TRY(unlink_any(s->dir, leftovers[i]));
	}
	int n = snprintf(path, sizeof path, "%.*s/index.db.tmp", (int)s->path_n, s->path);
	struct db_conf conf = { .path = { path, (size_t)n },
		.flags = DB_CREATE | DB_SCRATCH,
		.cache_octets = 32 << 20 };
	TRY(db_open(&conf, &s->db));
	TRY(db_migrate(s->db, store_schema, store_schema_n));
	TRY(db_begin(s->db, DB_WRITE));
	return store_restore_begin(b);
}

/* The old index, as far as it lets itself be read. Only one from a newer program stops us. */
static enum err
open_old(struct rebuild *b)
{
	enum err e = store_index_open(b->old);
	if (e == ERR_OK) {
		e = store_account_load(b->old->db, &b->old_account);
	}
	b->has_old = e == ERR_OK;
	b->old_sound = b->has_old && db_check(b->old->db) == ERR_OK;
	if (e != ERR_OK && e != ERR_NOTFOUND) {
		store_report_line(b->r, "the old index cannot be read: %s", err_name(e));
	}
	return e == ERR_VERSION || e == ERR_NOMEM ? e : ERR_OK;
}

static enum err
last_part(struct rebuild *b)
{
	if (b->old_sound) {
		TRY(store_account_load(b->old->db, &b->old_account));
	}
	TRY(read_packs(b, false));
	TRY(store_restore_end(b));
	TRY(make_account(b));
	TRY(db_commit(b->new->db));
	TRY(db_seal(b->new->db));
	db_close(&b->new->db);
	db_close(&b->old->db);
	return swap(b->new->dir);
}

static enum err
rebuild(struct rebuild *b)
{
	TRY(open_facade(b, &b->new));
	TRY(open_facade(b, &b->old));
	SYS_FD_AUTO int care = -1;
	TRY(store_care_lock(b->new, &care));
	TRY(open_old(b));
	TRY(open_new(b));
	if (b->old_sound) {
		TRY(read_packs(b, true));
	}
	TRY(sys_file_lock(b->new->lock, true, true));
	enum err e = last_part(b);
	sys_file_unlock(b->new->lock);
	return e;
}

enum err
store_rebuild(const struct store_conf *conf, struct store_report *r)
{
	struct rebuild b = { .conf = conf, .r = r };
	enum err e = rebuild(&b);
	store_close(&b.new);
	store_close(&b.old);
	return e;
}

enum err
store_repair(struct store *s, struct store_report *r)
{
	struct store_conf conf = { .path = { s->path, s->path_n },
		.boot_id = { s->boot, s->boot_n },
		.pack_octets = s->pack_octets,
		.wall_s = s->wall_s };
	TRY(store_rebuild(&conf, r));
	r->mended = r->lost + r->found + r->bad_counts;
	return ERR_OK;
}

enum err
store_care_lock(struct store *s, int *ret_fd)
{
	TRY(sys_file_open(s->dir, S("care.lock"), SYS_READ | SYS_WRITE | SYS_CREATE, ret_fd));
	return sys_file_lock(*ret_fd, true, true);
}
