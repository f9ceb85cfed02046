/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packed pages in the database: a small row per page in `page` (read in order, cheap) and its
 * blob in `page_data`. The id of both is the mailbox and the lowest uid the page was made for, so
 * it never changes. One decoded page is kept; its modseq tells whether it is still the one in the
 * database.
 */
#include "store/store_priv.h"

#define DIR_COLUMNS "SELECT id, modseq, last, n, unseen, deleted FROM page"

static enum err
next_dir(struct db_stmt *q, struct store_dir *ret)
{
	enum err e = db_row(q);
	if (e == ERR_OK) {
		*ret = (struct store_dir){
			.id = db_u64(q, 0),
			.modseq = db_u64(q, 1),
			.last = (uint32_t)db_u64(q, 2),
			.n = (uint32_t)db_u64(q, 3),
			.unseen = (uint32_t)db_u64(q, 4),
			.deleted = (uint32_t)db_u64(q, 5),
		};
	}
	return e;
}

static enum err
read_dir(struct db_stmt *q, struct store_dir *ret)
{
	enum err e = next_dir(q, ret);
	db_done(q);
	return e;
}

static enum err
first_after(struct store *s, uint64_t from, uint64_t to, struct store_dir *ret)
{
	struct db_stmt *q = db_query(s->db,
	    DIR_COLUMNS " WHERE id >= ? AND id <= ? ORDER BY id LIMIT 1");
	db_bind_u64(q, 1, from);
	db_bind_u64(q, 2, to);
	return read_dir(q, ret);
}

static enum err
last_before(struct store *s, uint64_t from, uint64_t to, struct store_dir *ret)
{
	struct db_stmt *q = db_query(s->db,
	    DIR_COLUMNS " WHERE id >= ? AND id <= ? ORDER BY id DESC LIMIT 1");
	db_bind_u64(q, 1, from);
	db_bind_u64(q, 2, to);
	return read_dir(q, ret);
}

enum err
store_dir_at(struct store *s, uint64_t mailbox, uint32_t uid, struct store_dir *ret)
{
	struct store_dir d;
	enum err e = last_before(s, store_page_id(mailbox, 0), store_page_id(mailbox, uid), &d);
	if (e == ERR_OK && d.last >= uid) {
		*ret = d;
		return ERR_OK;
	}
	if (e != ERR_OK && e != ERR_NOTFOUND) {
		return e;
	}
	return first_after(s, store_page_id(mailbox, uid), store_page_id(mailbox, UINT32_MAX), ret);
}

enum err
store_dir_next(struct store *s, const struct store_dir *d, struct store_dir *ret)
{
	return first_after(s, d->id + 1, d->id | UINT32_MAX, ret);
}

enum err
store_dir_unseen(struct store *s, uint64_t mailbox, uint32_t uid, struct store_dir *ret)
{
	struct db_stmt *q = db_query(s->db,
	    DIR_COLUMNS " WHERE id >= ? AND id <= ? AND unseen > 0 ORDER BY id LIMIT 1");
	db_bind_u64(q, 1, store_page_id(mailbox, uid));
	db_bind_u64(q, 2, store_page_id(mailbox, UINT32_MAX));
	return read_dir(q, ret);
}

enum err
store_dir_last(struct store *s, uint64_t mailbox, struct store_dir *ret)
{
	return last_before(s, store_page_id(mailbox, 0), store_page_id(mailbox, UINT32_MAX), ret);
}

enum err
store_page_load(struct store *s, const struct store_dir *d, struct store_page **ret)
{
	*ret = s->page;
	if (s->page_id == d->id && s->page_modseq == d->modseq) {
		return ERR_OK;
	}
	s->page_id = 0;
	db_ahead(s->db, &s->pages_ahead, "page_data", d->id, d->id | UINT32_MAX);
	struct db_stmt *q = db_query(s->db, "SELECT data FROM page_data WHERE id = ?");
	db_bind_u64(q, 1, d->id);
	enum err e = db_row(q);
	if (e == ERR_OK) {
		e = store_page_decode(db_blob(q, 0), s->page);
	} else if (e == ERR_NOTFOUND) {
		e = ERR_CORRUPT;
	}
	db_done(q);
	if (e == ERR_OK && (s->page->n != d->n || s->page->msg[d->n - 1].uid != d->last)) {
		e = ERR_CORRUPT;
	}
	if (e == ERR_OK) {
		s->page_id = d->id;
		s->page_modseq = d->modseq;
	}
	return e;
}

static enum err
remove_page(struct store *s, uint64_t id)
{
	struct db_stmt *q = db_query(s->db, "DELETE FROM page WHERE id = ?");
	db_bind_u64(q, 1, id);
	TRY(db_run(q));
	q = db_query(s->db, "DELETE FROM page_data WHERE id = ?");
	db_bind_u64(q, 1, id);
	return db_run(q);
}

static enum err
write_dir(struct store *s, const struct store_dir *d)
{
	struct db_stmt *q = db_query(s->db,
	    "INSERT INTO page(id, modseq, last, n, unseen, deleted) VALUES(?, ?, ?, ?, ?, ?)"
	    " ON CONFLICT(id) DO UPDATE SET modseq = excluded.modseq, last = excluded.last,"
	    " n = excluded.n, unseen = excluded.unseen, deleted = excluded.deleted");
	db_bind_u64(q, 1, d->id);
	db_bind_u64(q, 2, d->modseq);
	db_bind_u64(q, 3, d->last);
	db_bind_u64(q, 4, d->n);
	db_bind_u64(q, 5, d->unseen);
	db_bind_u64(q, 6, d->deleted);
	return db_run(q);
}

static enum err
write_data(struct store *s, uint64_t id, const struct store_page *p)
{
	buf_reset(&s->blob);
	store_page_encode(p, &s->blob);
	TRY(buf_err(&s->blob));
	struct db_stmt *q = db_query(s->db,
	    "INSERT INTO page_data(id, data) VALUES(?, ?)"
	    " ON CONFLICT(id) DO UPDATE SET data = excluded.data");
	db_bind_u64(q, 1, id);
	db_bind_blob(q, 2, buf_view(&s->blob));
	return db_run(q);
}

static void
recount(struct store_dir *d, const struct store_page *p)
{
	d->n = (uint32_t)p->n;
	d->last = p->msg[p->n - 1].uid;
	d->unseen = d->deleted = 0;
	for (size_t i = 0; i < p->n; i++) {
		d->unseen += (p->msg[i].flags & STORE_SEEN) == 0;
		d->deleted += (p->msg[i].flags & STORE_DELETED) != 0;
	}
}

enum err
store_page_save(struct store *s, struct store_dir *d, const struct store_page *p, uint64_t modseq)
{
	if (s->page_id == d->id) {
		s->page_id = 0;
	}
	if (p->n == 0) {
		return remove_page(s, d->id);
	}
	recount(d, p);
	d->modseq = modseq;
	TRY(write_dir(s, d));
	TRY(write_data(s, d->id, p));
	if (p == s->page) {
		s->page_id = d->id;
		s->page_modseq = modseq;
	}
	return ERR_OK;
}

enum err
store_tail_begin(struct store *s, uint64_t mailbox, uint64_t modseq, struct store_tail *ret)
{
	struct store_tail t = { .modseq = modseq };
	struct store_page *p;
	TRY(store_box_load(s, mailbox, &t.box));
	enum err e = store_dir_last(s, mailbox, &t.dir);
	if (e == ERR_OK && t.dir.n < STORE_PAGE_RECORDS) {
		TRY(store_page_load(s, &t.dir, &p));
		memcpy(s->tail, p, offsetof(struct store_page, msg) + p->n * sizeof p->msg[0]);
		t.begun = true;
	} else if (e != ERR_OK && e != ERR_NOTFOUND) {
		return e;
	}
	*ret = t;
	return ERR_OK;
}

enum err
store_tail_add(struct store *s, struct store_tail *t, struct store_msg *m)
{
	if (t->begun && s->tail->n == STORE_PAGE_RECORDS) {
		TRY(store_page_save(s, &t->dir, s->tail, t->modseq));
		t->begun = false;
	}
	if (!t->begun) {
		t->dir = (struct store_dir){ .id = store_page_id(t->box.id, t->box.uidnext) };
		s->tail->n = 0;
		t->begun = true;
	}
	m->uid = t->box.uidnext++;
	m->modseq = t->modseq;
	s->tail->msg[s->tail->n++] = *m;
	store_box_count(&t->box, m, 1);
	return ERR_OK;
}

enum err
store_tail_end(struct store *s, struct store_tail *t)
{
	t->box.modseq = t->modseq;
	if (t->begun && s->tail->n > 0) {
		TRY(store_page_save(s, &t->dir, s->tail, t->modseq));
	}
	return store_box_save(s, &t->box);
}

/* ---- walking ------------------------------------------------------------------------------ */

void
store_walk_init(struct store_walk *w, struct store *s, uint64_t mailbox,
    const struct store_set *uids)
{
	*w = (struct store_walk){ .s = s, .mailbox = mailbox, .uids = uids, .from = 1 };
}

/* The first wanted uid >= from, or 0. */
static uint32_t
wanted_from(const struct store_walk *w, uint32_t from)
{
	if (w->uids == NULL) {
		return from;
	}
	size_t at = store_set_from(w->uids, from);
	return at == w->uids->n ? 0 : MAX(from, w->uids->v[at].lo);
}

enum err
store_walk_next(struct store_walk *w)
{
	for (;;) {
		uint32_t uid = w->from == 0 ? 0 : wanted_from(w, w->from);
		if (uid == 0) {
			return ERR_NOTFOUND;
		}
		TRY(store_dir_at(w->s, w->mailbox, uid, &w->dir));
		w->low = uid;
		w->from = w->dir.last == UINT32_MAX ? 0 : w->dir.last + 1;
		uint32_t low = MAX(uid, (uint32_t)w->dir.id);
		uint32_t hit = wanted_from(w, low);
		bool skip = hit == 0 || hit > w->dir.last || w->dir.modseq <= w->since ||
		    (w->deleted_only && w->dir.deleted == 0);
		if (!skip) {
			return store_page_load(w->s, &w->dir, &w->page);
		}
	}
}

bool
store_walk_wants(const struct store_walk *w, uint32_t uid)
{
	return uid >= w->low && (w->uids == NULL || store_set_has(w->uids, uid));
}

static enum err
msgs_in(struct store *s, const struct store_scan *scan, struct store_msg *out, size_t cap,
    size_t *ret_n)
{
	struct store_range range = { MAX(scan->lo, 1u), scan->hi };
	struct store_set uids = { .v = &range, .n = range.lo <= range.hi ? 1 : 0, .cap = 1 };
	struct store_walk w;
	enum err e = ERR_NOTFOUND;
	size_t n = 0;
	store_walk_init(&w, s, scan->mailbox, &uids);
	w.since = scan->since;
	while (n < cap && (e = store_walk_next(&w)) == ERR_OK) {
		size_t i = store_page_from(w.page, range.lo);
		for (; i < w.page->n && n < cap && w.page->msg[i].uid <= range.hi; i++) {
			if (w.page->msg[i].modseq > scan->since) {
				out[n++] = w.page->msg[i];
			}
		}
	}
	*ret_n = n;
	return e == ERR_NOTFOUND ? ERR_OK : e;
}

enum err
store_msgs(struct store *s, const struct store_scan *scan, struct store_msg *out, size_t cap,
    size_t *ret_n)
{
	size_t n = 0;
	TRY(store_begin(s, DB_READ));
	TRY(store_end(s, msgs_in(s, scan, out, cap, &n)));
	*ret_n = n;
	return ERR_OK;
}

enum err
store_msg_in(struct store *s, uint64_t mailbox, uint32_t uid, struct store_msg *ret)
{
	struct store_dir d;
	struct store_page *p;
	TRY(store_dir_at(s, mailbox, uid, &d));
	if ((uint32_t)d.id > uid) {
		return ERR_NOTFOUND;
	}
	TRY(store_page_load(s, &d, &p));
	size_t i = store_page_from(p, uid);
	if (i == p->n || p->msg[i].uid != uid) {
		return ERR_NOTFOUND;
	}
	*ret = p->msg[i];
	return ERR_OK;
}

enum err
store_msg(struct store *s, uint64_t mailbox, uint32_t uid, struct store_msg *ret)
{
	TRY(store_begin(s, DB_READ));
	return store_end(s, store_msg_in(s, mailbox, uid, ret));
}

static enum err
add_uids_of(struct store *s, const struct store_dir *d, uint32_t from, struct store_set *out)
{
	struct store_page *p;
	uint32_t low = (uint32_t)d->id;
	if (low >= from && d->last - low + 1 == d->n) {
		store_set_add(out, low, d->last); /* no holes: the row tells all */
		return ERR_OK;
	}
	TRY(store_page_load(s, d, &p));
	for (size_t i = store_page_from(p, from); i < p->n; i++) {
		store_set_add(out, p->msg[i].uid, p->msg[i].uid);
	}
	return ERR_OK;
}

/* Of all pages from this id on, in one question. */
static enum err
add_uids_from(struct store *s, uint64_t id, uint32_t from, struct store_set *out,
    uint32_t *ret_unseen)
{
	struct store_dir d;
	enum err e;
	struct db_stmt *q = db_query(s->db, DIR_COLUMNS " WHERE id >= ? AND id <= ? ORDER BY id");
	db_bind_u64(q, 1, id);
	db_bind_u64(q, 2, id | UINT32_MAX);
	*ret_unseen = 0;
	while ((e = next_dir(q, &d)) == ERR_OK && (e = add_uids_of(s, &d, from, out)) == ERR_OK) {
		if (*ret_unseen == 0 && d.unseen > 0) {
			*ret_unseen = (uint32_t)d.id;
		}
	}
	db_done(q);
	return e == ERR_NOTFOUND ? store_set_err(out) : e;
}

enum err
store_uids_in(struct store *s, uint64_t mailbox, uint32_t from, struct store_set *out)
{
	struct store_dir d;
	uint32_t unseen;
	enum err e = store_dir_at(s, mailbox, from, &d);
	if (e != ERR_OK) {
		return e == ERR_NOTFOUND ? ERR_OK : e;
	}
	return add_uids_from(s, d.id, from, out, &unseen);
}

enum err
store_map_in(struct store *s, uint64_t mailbox, struct store_set *out, uint32_t *ret_unseen)
{
	return add_uids_from(s, store_page_id(mailbox, 0), 1, out, ret_unseen);
}
