/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Changing flags and removing messages. Each call is one transaction with one modseq; a page is
 * read and written once however many of its messages change.
 */
#include "store/store_priv.h"

#include "base/wire.h"

enum { RANGES_PER_RECORD = 65536 };

/* ---- flags -------------------------------------------------------------------------------- */

static uint32_t
flags_after(const struct store_change *c, uint32_t flags)
{
	switch (c->op) {
	case STORE_FLAGS_ADD: return flags | c->flags;
	case STORE_FLAGS_REMOVE: return flags & ~c->flags;
	default: return c->flags;
	}
}

struct changer {
	const struct store_change *c;
	struct store_box box;
	uint64_t modseq; /* of this call; 0: nothing changed yet */
	struct store_set *modified;
};

/* True when the message changed. */
static bool
change_one(struct store *s, struct changer *ch, struct store_msg *m)
{
	const struct store_change *c = ch->c;
	uint32_t mask = s->restricted ? s->only.flags : UINT32_MAX;
	uint32_t flags = (m->flags & ~mask) | (flags_after(c, m->flags) & mask);
	if (c->conditional && m->modseq > c->unchanged_since) {
		store_set_add(ch->modified, m->uid, m->uid);
		return false;
	}
	if (flags == m->flags) {
		return false;
	}
	if (ch->modseq == 0) {
		ch->modseq = store_tick(s);
	}
	store_box_count(&ch->box, m, -1);
	m->flags = flags;
	m->modseq = ch->modseq;
	store_box_count(&ch->box, m, 1);
	return true;
}

static enum err
change_page(struct store_walk *w, struct changer *ch)
{
	bool changed = false;
	for (size_t i = 0; i < w->page->n; i++) {
		struct store_msg *m = &w->page->msg[i];
		if (store_walk_wants(w, m->uid)) {
			changed |= change_one(w->s, ch, m);
		}
	}
	return changed ? store_page_save(w->s, &w->dir, w->page, ch->modseq) : ERR_OK;
}

static enum err
flags_in(struct store *s, const struct store_change *c, struct store_set *modified,
    struct store_changed *ret)
{
	struct store_walk w;
	struct changer ch = { .c = c, .modified = modified };
	enum err e;
	TRY(store_box_load(s, c->mailbox, &ch.box));
	uint64_t before = ch.box.modseq;
	store_walk_init(&w, s, c->mailbox, c->uids);
	while ((e = store_walk_next(&w)) == ERR_OK) {
		TRY(change_page(&w, &ch));
	}
	if (e != ERR_NOTFOUND) {
		return e;
	}
	if (ch.modseq != 0) {
		ch.box.modseq = ch.modseq;
		TRY(store_box_save(s, &ch.box));
	}
	*ret = (struct store_changed){ .modseq = ch.modseq, .before = before };
	return store_set_err(modified);
}

enum err
store_flags(struct store *s, const struct store_change *c, struct store_changed *ret,
    struct store_set *modified)
{
	struct store_set none;
	struct store_changed now = { 0 };
	store_set_init(&none);
	TRY(store_may(s, c->mailbox == s->only.mailbox));
	TRY(store_begin(s, DB_WRITE));
	enum err e = store_end(s, flags_in(s, c, modified != NULL ? modified : &none, &now));
	store_set_done(&none);
	if (e == ERR_OK) {
		*ret = now;
	}
	return e;
}

/* ---- removing ----------------------------------------------------------------------------- */

enum err
store_row_drop(struct store *s, uint64_t id)
{
	struct db_stmt *q = db_query(s->db,
	    "DELETE FROM message WHERE id = ? AND refs = 1 RETURNING pack, octets");
	db_bind_u64(q, 1, id);
	enum err e = db_row(q);
	uint32_t pack = e == ERR_OK ? (uint32_t)db_u64(q, 0) : 0;
	uint64_t octets = e == ERR_OK ? db_u64(q, 1) : 0;
	enum err end = e == ERR_OK ? db_run(q) : ERR_OK;
	if (e != ERR_OK) {
		db_done(q);
	}
	if (e == ERR_OK) {
		TRY(end);
		return store_log_dead(s, pack, octets);
	}
	if (e != ERR_NOTFOUND) {
		return e;
	}
	q = db_query(s->db, "UPDATE message SET refs = refs - 1 WHERE id = ?");
	db_bind_u64(q, 1, id);
	return db_run(q);
}

/* Take the wanted messages out of a page. */
static enum err
cut_page(struct store_walk *w, const struct store_removal *rm, struct store_box *b)
{
	struct store_page *p = w->page;
	size_t kept = 0;
	w->s->page_id = 0; /* until it is saved, the buffer is not what the index has */
	for (size_t i = 0; i < p->n; i++) {
		struct store_msg *m = &p->msg[i];
		bool cut = store_walk_wants(w, m->uid) &&
		    (!rm->only_deleted || (m->flags & STORE_DELETED) != 0);
		if (!cut) {
			p->msg[kept++] = *m;
			continue;
		}
		store_box_count(b, m, -1);
		store_set_add(rm->gone, m->uid, m->uid);
		if (!rm->keep_rows) {
			TRY(store_row_drop(w->s, m->id));
		}
	}
	if (kept == p->n) {
		return ERR_OK;
	}
	p->n = kept;
	return store_page_save(w->s, &w->dir, p, rm->modseq);
}

enum err
store_remove_in(struct store *s, struct store_box *b, const struct store_removal *rm)
{
	struct store_walk w;
	enum err e;
	store_walk_init(&w, s, b->id, rm->uids);
	w.deleted_only = rm->only_deleted;
	while ((e = store_walk_next(&w)) == ERR_OK) {
		TRY(cut_page(&w, rm, b));
	}
	return e == ERR_NOTFOUND ? store_set_err(rm->gone) : e;
}

/* The pack learns of it in records of bounded size. */
static enum err
gone_log(struct store *s, uint64_t mailbox, const struct store_set *uids, uint64_t modseq)
{
	char meta[32];
	for (size_t at = 0; at < uids->n; at += RANGES_PER_RECORD) {
		size_t n = MIN(uids->n - at, (size_t)RANGES_PER_RECORD);
		struct store_meta_gone m = { mailbox, modseq, (uint32_t)n };
		struct store_place place;
		struct buf b;
		buf_init_fixed(&b, meta, sizeof meta);
		store_meta_gone_put(&b, &m);
		buf_reset(&s->join);
		for (size_t i = at; i < at + n; i++) {
			wr_u32(&s->join, uids->v[i].lo);
			wr_u32(&s->join, uids->v[i].hi);
		}
		TRY(buf_err(&s->join));
		struct store_record r = { .type = STORE_RECORD_GONE,
			.plain = (uint32_t)s->join.n,
			.meta = buf_view(&b),
			.payload = buf_view(&s->join) };
		TRY(store_log_put(s, &r, &place));
	}
	return ERR_OK;
}

/* Keep the log of removals of a mailbox bounded: forget the older half when it is too long. */
static enum err
prune_gone(struct store *s, struct store_box *b)
{
	struct db_stmt *q = db_query(s->db,
	    "SELECT modseq FROM gone WHERE mailbox = ?"
	    " ORDER BY modseq DESC LIMIT 1 OFFSET ?");
	db_bind_u64(q, 1, b->id);
	db_bind_u64(q, 2, STORE_GONE_MAX);
	enum err e = db_row(q);
	db_done(q);
	if (e != ERR_OK) {
		return e == ERR_NOTFOUND ? ERR_OK : e;
	}
	q = db_query(s->db,
	    "SELECT modseq FROM gone WHERE mailbox = ? ORDER BY modseq DESC LIMIT 1 OFFSET ?");
	db_bind_u64(q, 1, b->id);
	db_bind_u64(q, 2, STORE_GONE_MAX / 2);
	e = db_row(q);
	uint64_t floor = e == ERR_OK ? db_u64(q, 0) : 0;
	db_done(q);
	TRY(e);
	q = db_query(s->db, "DELETE FROM gone WHERE mailbox = ? AND modseq <= ?");
	db_bind_u64(q, 1, b->id);
	db_bind_u64(q, 2, floor);
	b->gone_floor = MAX(b->gone_floor, floor);
	return db_run(q);
}

enum err
store_gone_row(struct db *db, uint64_t mailbox, uint64_t modseq, const struct store_range *r)
{
	struct db_stmt *q = db_query(db,
	    "INSERT INTO gone(mailbox, modseq, lo, hi) VALUES(?, ?, ?, ?)"
	    " ON CONFLICT(mailbox, modseq, lo) DO UPDATE SET hi = max(hi, excluded.hi)");
	db_bind_u64(q, 1, mailbox);
	db_bind_u64(q, 2, modseq);
	db_bind_u64(q, 3, r->lo);
	db_bind_u64(q, 4, r->hi);
	return db_run(q);
}

enum err
store_gone_add(struct store *s, struct store_box *b, const struct store_set *uids, uint64_t modseq)
{
	for (size_t i = 0; i < uids->n; i++) {
		TRY(store_gone_row(s->db, b->id, modseq, &uids->v[i]));
	}
	if (uids->n > STORE_GONE_MAX / 16 || modseq % 64 == 0) {
		TRY(prune_gone(s, b)); /* now and then: looking costs as much as the log is long */
	}
	return gone_log(s, b->id, uids, modseq);
}

static enum err
expunge_in(struct store *s, uint64_t mailbox, const struct store_set *uids, bool only_deleted,
    struct store_set *gone)
{
	struct store_box b;
	TRY(store_box_load(s, mailbox, &b));
	if (b.messages == 0 || (only_deleted && b.deleted == 0)) {
		return ERR_OK;
	}
	struct store_removal rm = {
		.uids = uids, .only_deleted = only_deleted, .gone = gone, .modseq = store_tick(s)
	};
	TRY(store_remove_in(s, &b, &rm));
	if (gone->n == 0) {
		return ERR_OK;
	}
	b.modseq = rm.modseq;
	TRY(store_gone_add(s, &b, gone, rm.modseq));
	return store_box_save(s, &b);
}

enum err
store_expunge(struct store *s, uint64_t mailbox, const struct store_set *uids, bool only_deleted,
    struct store_set *gone)
{
	struct store_set now;
	store_set_init(&now);
	TRY(store_may(s, mailbox == s->only.mailbox && s->only.expunge));
	TRY(store_begin(s, DB_DURABLE));
	enum err e = store_end(s, expunge_in(s, mailbox, uids, only_deleted, &now));
	for (size_t i = 0; e == ERR_OK && gone != NULL && i < now.n; i++) {
		store_set_add(gone, now.v[i].lo, now.v[i].hi);
	}
	store_set_done(&now);
	return e == ERR_OK && gone != NULL ? store_set_err(gone) : e;
}

enum err
store_box_empty(struct store *s, uint64_t mailbox)
{
	struct store_set gone;
	struct store_box b;
	TRY(store_box_load(s, mailbox, &b));
	store_set_init(&gone);
	struct store_removal rm = { .gone = &gone, .modseq = s->account.clock };
	enum err e = store_remove_in(s, &b, &rm);
	store_set_done(&gone);
	return e;
}
