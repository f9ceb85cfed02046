/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Giving back the room of dead messages, and making an account durable. A pack that is more than
 * half dead is copied, record by record as it stands but without dead messages, to the end of the
 * current one in durable transactions, then removed. A crash leaves records twice, which means the
 * same as once.
 */
#include "store/care.h"

#include "store/arrivals/take.h"
#include "store/facts.h"
#include "store/scan.h"
#include "store/store_priv.h"
#include "sys/clock.h"
#include "sys/file.h"
#include "sys/sys.h"

enum {
	BATCH_OCTETS = 4 << 20, /* moved per transaction */
	YOUNG_MS = 600 * 1000,  /* a folder changed within this may not be on disk yet */
};

/* ---- compacting --------------------------------------------------------------------------- */

/* The first pack behind `after` that is worth it. */
static enum err
pick(struct store *s, uint32_t after, uint32_t *ret_pack, uint64_t *ret_octets)
{
	struct db_stmt *q = db_query(s->db,
	    "SELECT id, dead FROM pack WHERE id > ? AND id !="
	    " (SELECT pack FROM account) ORDER BY id");
	db_bind_u64(q, 1, after);
	enum err e;
	while ((e = db_row(q)) == ERR_OK) {
		struct sys_stat st = { 0 };
		char name[16];
		uint32_t pack = (uint32_t)db_u64(q, 0);
		enum err gone = sys_file_stat(s->packs, store_pack_name(pack, name), &st);
		if (gone == ERR_NOTFOUND || (gone == ERR_OK && db_u64(q, 1) > st.size / 2)) {
			*ret_pack = pack;
			*ret_octets = st.size;
			break;
		}
	}
	db_done(q);
	return e;
}

static enum err
has_row(struct store *s, const struct store_place *at, bool *ret)
{
	TRY(store_begin(s, DB_READ));
	struct db_stmt *q = db_query(s->db, "SELECT 1 FROM message WHERE pack = ? AND off = ?");
	db_bind_u64(q, 1, at->pack);
	db_bind_u64(q, 2, at->off);
	enum err e = db_row(q);
	db_done(q);
	*ret = e == ERR_OK;
	return store_end(s, e == ERR_NOTFOUND ? ERR_OK : e);
}

/* No message in it would be left behind: bad records are those of nobody. */
static enum err
is_sound(struct store *s, uint32_t pack, bool *ret)
{
	struct store_scan_pack sc;
	struct store_record rec;
	struct store_place at;
	bool needed = false;
	enum err e = store_scan_open(&sc, s->packs, pack, 0);
	while (e == ERR_OK && !needed) {
		e = store_scan_next(&sc, &rec, &at);
		if (e == ERR_VERSION) {
			needed = true; /* from a newer program: not ours to drop */
		} else if (e == ERR_CORRUPT) {
			e = sc.torn ? ERR_OK : has_row(s, &at, &needed);
		}
	}
	store_scan_close(&sc);
	*ret = !needed;
	return e == ERR_NOTFOUND || e == ERR_VERSION ? ERR_OK : e;
}

static enum err
move_message(struct store *s, const struct store_record *r, const struct store_place *at)
{
	struct store_meta_message m;
	struct store_row row;
	struct store_place to;
	TRY(store_meta_message_get(r, &m));
	enum err e = store_row_load(s, m.id, &row);
	if (e == ERR_NOTFOUND ||
	    (e == ERR_OK && (row.place.pack != at->pack || row.place.off != at->off))) {
		return ERR_OK; /* dead */
	}
	TRY(e);
	TRY(store_log_put(s, r, &to));
	struct db_stmt *q = db_query(s->db, "UPDATE message SET pack = ?, off = ? WHERE id = ?");
	db_bind_u64(q, 1, to.pack);
	db_bind_u64(q, 2, to.off);
	db_bind_u64(q, 3, m.id);
	return db_run(q);
}

/* One transaction's worth. NOTFOUND: the pack is done. */
static enum err
move_batch(struct store *s, struct store_scan_pack *sc)
{
	struct store_record rec;
	struct store_place at, to;
	uint64_t until = sc->off + BATCH_OCTETS;
	while (sc->off < until) {
		enum err e = store_scan_next(sc, &rec, &at);
		if (e == ERR_CORRUPT) {
			continue; /* nobody's: is_sound has looked */
		}
		TRY(e);
		TRY(rec.type == STORE_RECORD_MESSAGE ? move_message(s, &rec, &at)
						     : store_log_put(s, &rec, &to));
	}
	return ERR_OK;
}

static enum err
move_all(struct store *s, uint32_t pack)
{
	struct store_scan_pack sc;
	enum err e = store_scan_open(&sc, s->packs, pack, 0);
	while (e == ERR_OK) {
		uint64_t from = sc.off;
		e = store_begin(s, DB_DURABLE);
		if (e != ERR_OK) {
			break;
		}
		enum err moved = move_batch(s, &sc);
		e = store_end(s, moved == ERR_NOTFOUND ? ERR_OK : moved);
		if (e == ERR_OK && moved == ERR_NOTFOUND) {
			e = ERR_NOTFOUND;
		}
		ASSERT(e != ERR_OK || sc.off > from);
	}
	store_scan_close(&sc);
	return e == ERR_NOTFOUND ? ERR_OK : e;
}

static enum err
set_dead(struct store *s, uint32_t pack, uint64_t octets)
{
	TRY(store_begin(s, DB_WRITE));
	struct db_stmt *q = octets != 0
	    ? db_query(s->db, "UPDATE pack SET dead = ?2 WHERE id = ?1")
	    : db_query(s->db, "DELETE FROM pack WHERE id = ?1 AND ?2 = 0");
	db_bind_u64(q, 1, pack);
	db_bind_u64(q, 2, octets);
	return store_end(s, db_run(q));
}

static enum err
compact_pack(struct store *s, uint32_t pack, uint64_t octets, bool *ret_done)
{
	char name[16];
	bool sound = true;
	*ret_done = false;
	if (octets > 0) {
		TRY(is_sound(s, pack, &sound));
	}
	if (!sound) {
		return ERR_OK; /* store_repair first */
	}
	TRY(move_all(s, pack));
	TRY(set_dead(s, pack, MAX(octets, (uint64_t)1))); /* all of it: tried again after a crash */
	enum err e = sys_file_unlink(s->packs, store_pack_name(pack, name));
	if (e != ERR_OK && e != ERR_NOTFOUND) {
		return e;
	}
	*ret_done = true;
	return set_dead(s, pack, 0);
}

static enum err
forget_threads(struct store *s)
{
	TRY(store_begin(s, DB_WRITE));
	return store_end(s,
	    db_run(db_query(s->db,
		"DELETE FROM thread WHERE thread NOT IN (SELECT thread FROM message)")));
}

static enum err
pack_octets(struct store *s, uint64_t *ret)
{
	struct store_set packs;
	struct sys_stat st;
	char name[16];
	uint64_t sum = 0;
	store_set_init(&packs);
	enum err e = store_pack_list(s->packs, &packs);
	for (size_t i = 0; e == ERR_OK && i < packs.n; i++) {
		for (uint64_t no = packs.v[i].lo; no <= packs.v[i].hi; no++) {
			bool there = sys_file_stat(s->packs, store_pack_name((uint32_t)no, name),
					 &st) == ERR_OK;
			sum += there ? st.size : 0;
		}
	}
	store_set_done(&packs);
	*ret = sum;
	return e;
}

/* Letters that were taken in by readers, who left the file as it was. */
static enum err
empty_arrivals(struct store *s)
{
	return store_arrivals_waiting(s) ? store_arrivals_take(s, true) : ERR_OK;
}

enum err
store_compact(struct store *s, uint64_t *ret_octets)
{
	SYS_FD_AUTO int care = -1;
	uint64_t before = 0, after = 0, octets = 0;
	uint32_t pack = 0;
	bool any = false, done;
	*ret_octets = 0;
	TRY(store_care_lock(s, &care));
	TRY(empty_arrivals(s));
	TRY(pack_octets(s, &before));
	for (;;) {
		TRY(store_begin(s, DB_READ));
		enum err e = store_end(s, pick(s, pack, &pack, &octets));
		if (e == ERR_NOTFOUND) {
			break;
		}
		TRY(e);
		TRY(compact_pack(s, pack, octets, &done));
		any |= done;
	}
	if (any) {
		TRY(forget_threads(s));
		TRY(store_facts_prune(s));
	}
	TRY(pack_octets(s, &after));
	*ret_octets = before > after ? before - after : 0;
	return ERR_OK;
}

/* BUSY: somebody is at it. */
static enum err
is_due(struct store *s, bool *ret)
{
	SYS_FD_AUTO int care = -1;
	uint64_t octets;
	uint32_t pack;
	TRY(store_begin(s, DB_READ));
	enum err e = store_end(s, pick(s, 0, &pack, &octets));
	*ret = e == ERR_OK;
	if (e != ERR_OK) {
		return e == ERR_NOTFOUND ? ERR_OK : e;
	}
	TRY(sys_file_open(s->dir, S("care.lock"), SYS_READ | SYS_WRITE | SYS_CREATE, &care));
	return sys_file_lock(care, true, false);
}

enum err
store_tidy(struct store *s)
{
	uint64_t octets;
	bool due = false;
	TRY(empty_arrivals(s));
	enum err e = is_due(s, &due);
	if (e != ERR_OK) {
		return e == ERR_BUSY ? ERR_OK : e;
	}
	return due ? store_compact(s, &octets) : ERR_OK;
}

/* ---- syncing ------------------------------------------------------------------------------ */

static enum err
sync_file(int at, str name)
{
	SYS_FD_AUTO int fd = -1;
	enum err e = sys_file_open(at, name, SYS_READ | SYS_WRITE, &fd);
	if (e != ERR_OK) {
		return e == ERR_NOTFOUND ? ERR_OK : e;
	}
	return sys_file_datasync(fd);
}

/* A folder's entries, if they changed lately; older changes the kernel has written by itself. */
static enum err
sync_folder(int fd, bool *ret_young)
{
	struct sys_stat st;
	TRY(sys_file_stat_fd(fd, &st));
	int64_t age = sys_clock_wall_ms() - st.mtime_ms;
	*ret_young = age < YOUNG_MS; /* a clock that was set back: young */
	return *ret_young ? sys_file_sync(fd) : ERR_OK;
}

static enum err
sync_packs(int packs)
{
	struct store_set list;
	char name[16];
	bool young;
	store_set_init(&list);
	enum err e = store_pack_list(packs, &list);
	if (e == ERR_OK && list.n > 0) {
		e = sync_file(packs, store_pack_name(list.v[list.n - 1].hi, name));
	}
	store_set_done(&list);
	return e == ERR_OK ? sync_folder(packs, &young) : e;
}

enum err
store_sync(str account)
{
	SYS_FD_AUTO int dir = -1;
	SYS_FD_AUTO int packs = -1;
	bool young;
	TRY(sys_dir_open(SYS_CWD, account, &dir));
	TRY(sys_dir_open(dir, S("packs"), &packs));
	TRY(store_arrivals_sync_in(dir));
	TRY(sync_packs(packs));
	TRY(sync_file(dir, S("index.db-wal")));
	TRY(sync_folder(dir, &young));
	/* A checkpoint syncs the file itself; only its first page was written without. */
	return young ? sync_file(dir, S("index.db")) : ERR_OK;
}
