/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checking an account: the index in itself (counters, page rows, references), then the packs from
 * front to back beside the rows that point into them, both in order of place. Changes nothing.
 */
#include "base/mem.h"
#include "base/wire.h"
#include "store/rebuild.h"
#include "store/scan.h"
#include "sys/sys.h"

/* Uids that records say were removed from one mailbox. */
struct removed {
	uint64_t mailbox;
	struct store_set uids;
};

/* A record that no row points to: fine when what it brought was removed later. */
struct orphan {
	uint64_t mailbox, id;
	uint32_t uid;
};

struct verify {
	struct store *s;
	struct store_report *r;
	uint64_t *ids; /* of every message in every page */
	size_t ids_n, ids_cap;
	struct removed *removed;
	size_t removed_n;
	struct orphan *orphans;
	size_t orphans_n;
	struct db_stmt *rows; /* in order of place */
	struct store_place next;
	uint64_t next_id;
	bool rows_end;
};

/* One more element of a heap array whose capacity is the next power of two. */
static enum err
grow(void **v, size_t n, size_t size)
{
	if ((n & (n - 1)) != 0 && n != 0) {
		return ERR_OK;
	}
	void *p = mem_resize(*v, (n == 0 ? 1 : n * 2) * size);
	if (p == NULL) {
		return ERR_NOMEM;
	}
	*v = p;
	return ERR_OK;
}

/* ---- the index in itself ------------------------------------------------------------------ */

static void
bad_count(struct verify *v, uint64_t mailbox, const char *what)
{
	v->r->bad_counts++;
	store_report_line(v->r, "mailbox %llu: %s", (unsigned long long)mailbox, what);
}

static enum err
check_page(struct verify *v, const struct store_dir *d, struct store_box *sum)
{
	struct store_box page = { 0 };
	struct store_page *p;
	v->s->page_id = 0; /* what the index has, not what we remember */
	enum err e = store_page_load(v->s, d, &p);
	if (e == ERR_CORRUPT || e == ERR_VERSION) {
		bad_count(v, d->id >> 32, "a page cannot be read");
		return ERR_OK;
	}
	TRY(e);
	for (size_t i = 0; i < p->n; i++) {
		store_box_count(&page, &p->msg[i], 1);
		store_box_count(sum, &p->msg[i], 1);
		TRY(grow((void **)&v->ids, v->ids_n, sizeof *v->ids));
		v->ids[v->ids_n++] = p->msg[i].id;
		if (p->msg[i].modseq > d->modseq) {
			bad_count(v, d->id >> 32, "a message is newer than its page");
		}
	}
	if (page.unseen != d->unseen || page.deleted != d->deleted ||
	    (uint32_t)d->id > p->msg[0].uid) {
		bad_count(v, d->id >> 32, "a page row does not fit its page");
	}
	sum->uidnext = d->last;
	sum->modseq = MAX(sum->modseq, d->modseq);
	v->r->messages += p->n;
	return ERR_OK;
}

static enum err
check_mailbox(struct verify *v, uint64_t id)
{
	struct store_box box, sum = { 0 };
	struct store_dir d;
	TRY(store_box_load(v->s, id, &box));
	enum err e = store_dir_at(v->s, id, 1, &d);
	for (; e == ERR_OK; e = store_dir_next(v->s, &d, &d)) {
		if ((uint32_t)d.id <= sum.uidnext) {
			bad_count(v, id, "pages overlap");
		}
		TRY(check_page(v, &d, &sum));
	}
	if (sum.messages != box.messages || sum.unseen != box.unseen ||
	    sum.deleted != box.deleted || sum.octets != box.octets) {
		bad_count(v, id, "counters do not fit the pages");
	}
	if (sum.uidnext >= box.uidnext || sum.modseq > box.modseq ||
	    box.uidnext > box.uid_reserved) {
		bad_count(v, id, "UIDNEXT or HIGHESTMODSEQ is too low");
	}
	return e == ERR_NOTFOUND ? ERR_OK : e;
}

static enum err
check_mailboxes(struct verify *v)
{
	enum err e = ERR_OK;
	struct db_stmt *q = db_query(v->s->db, "SELECT id FROM mailbox");
	while (e == ERR_OK && (e = db_row(q)) == ERR_OK) {
		e = check_mailbox(v, db_u64(q, 0));
	}
	db_done(q);
	return e == ERR_NOTFOUND ? ERR_OK : e;
}

static int
by_number(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return x < y ? -1 : x > y;
}

/* Every id in the pages has a row, and the row counts its references. */
static enum err
check_references(struct verify *v)
{
	size_t at = 0;
	enum err e;
	if (v->ids_n > 1) {
		qsort(v->ids, v->ids_n, sizeof *v->ids, by_number);
	}
	struct db_stmt *q = db_query(v->s->db, "SELECT id, refs FROM message ORDER BY id");
	while ((e = db_row(q)) == ERR_OK) {
		uint64_t id = db_u64(q, 0), refs = 0;
		for (; at < v->ids_n && v->ids[at] < id; at++) {
			bad_count(v, 0, "a message has no row");
		}
		for (; at < v->ids_n && v->ids[at] == id; at++) {
			refs++;
		}
		if (refs != db_u64(q, 1)) {
			bad_count(v, 0, "references to a message are miscounted");
		}
	}
	db_done(q);
	for (; at < v->ids_n; at++) {
		bad_count(v, 0, "a message has no row");
	}
	return e == ERR_NOTFOUND ? ERR_OK : e;
}

/* ---- rows beside records ------------------------------------------------------------------ */

static enum err
next_row(struct verify *v)
{
	enum err e = db_row(v->rows);
	v->rows_end = e != ERR_OK;
	if (e == ERR_OK) {
		v->next_id = db_u64(v->rows, 0);
		v->next = (struct store_place){ (uint32_t)db_u64(v->rows, 1), db_u64(v->rows, 2),
			db_u64(v->rows, 3) };
	}
	return e == ERR_NOTFOUND ? ERR_OK : e;
}

static bool
before(const struct store_place *a, const struct store_place *b)
{
	return a->pack != b->pack ? a->pack < b->pack : a->off < b->off;
}

static enum err
lost_row(struct verify *v)
{
	v->r->lost++;
	store_report_line(v->r, "message %llu: no sound record at pack %06u offset %llu",
	    (unsigned long long)v->next_id, v->next.pack, (unsigned long long)v->next.off);
	return next_row(v);
}

/* Rows in front of this place have no record. */
static enum err
rows_before(struct verify *v, const struct store_place *at)
{
	while (!v->rows_end && before(&v->next, at)) {
		TRY(lost_row(v));
	}
	return ERR_OK;
}

static enum err
add_orphan(struct verify *v, const struct store_meta_message *m)
{
	TRY(grow((void **)&v->orphans, v->orphans_n, sizeof *v->orphans));
	v->orphans[v->orphans_n++] = (struct orphan){ m->mailbox, m->id, m->uid };
	return ERR_OK;
}

static enum err
see_message(struct verify *v, const struct store_record *r, const struct store_place *at)
{
	struct store_meta_message m;
	bool here = !v->rows_end && v->next.pack == at->pack && v->next.off == at->off;
	TRY(store_meta_message_get(r, &m));
	if (!here) {
		return add_orphan(v, &m);
	}
	return m.id == v->next_id && at->octets == v->next.octets ? next_row(v) : lost_row(v);
}

static enum err
removed_of(struct verify *v, uint64_t mailbox, struct store_set **ret)
{
	size_t i = 0;
	while (i < v->removed_n && v->removed[i].mailbox != mailbox) {
		i++;
	}
	if (i == v->removed_n) {
		TRY(grow((void **)&v->removed, v->removed_n, sizeof *v->removed));
		v->removed[v->removed_n++] = (struct removed){ .mailbox = mailbox };
	}
	*ret = &v->removed[i].uids;
	return ERR_OK;
}

static enum err
see_gone(struct verify *v, const struct store_record *r)
{
	struct store_meta_gone m;
	struct store_set *uids;
	TRY(store_meta_gone_get(r, &m));
	TRY(removed_of(v, m.mailbox, &uids));
	struct rd in = rd_make(r->payload);
	for (uint32_t i = 0; i < m.n; i++) {
		uint32_t lo = rd_u32(&in);
		store_set_add(uids, lo, rd_u32(&in));
	}
	return store_set_err(uids);
}

static enum err
see_record(struct verify *v, const struct store_record *r, const struct store_place *at)
{
	v->r->records++;
	v->r->octets += at->octets;
	TRY(rows_before(v, at));
	if (r->type == STORE_RECORD_MESSAGE) {
		return see_message(v, r, at);
	}
	return r->type == STORE_RECORD_GONE ? see_gone(v, r) : ERR_OK;
}

static enum err
see_all(struct verify *v, struct store_scan_pack *sc)
{
	struct store_record rec;
	struct store_place at;
	enum err e;
	while ((e = store_scan_next(sc, &rec, &at)) != ERR_NOTFOUND) {
		if (e == ERR_OK) {
			e = see_record(v, &rec, &at);
		}
		bool bad = e == ERR_CORRUPT || e == ERR_VERSION;
		if (bad && !sc->torn) {
			v->r->bad_records++;
			store_report_line(v->r, "pack %06u offset %llu: bad record", at.pack,
			    (unsigned long long)at.off);
		} else if (!bad && e != ERR_OK) {
			return e;
		}
	}
	return ERR_OK;
}

static enum err
see_pack(struct verify *v, uint32_t pack, uint64_t end)
{
	struct store_scan_pack sc;
	enum err e = store_scan_open(&sc, v->s->packs, pack, 0);
	if (e == ERR_OK) {
		sc.end = MIN(sc.end, end);
		e = see_all(v, &sc);
	}
	store_scan_close(&sc);
	return e == ERR_NOTFOUND ? ERR_OK : e;
}

static enum err
see_packs(struct verify *v, const struct store_set *packs)
{
	const struct store_account *a = &v->s->account;
	for (size_t i = 0; i < packs->n; i++) {
		for (uint64_t no = packs->v[i].lo; no <= packs->v[i].hi && no <= a->pack; no++) {
			TRY(see_pack(v, (uint32_t)no, no == a->pack ? a->pack_end : UINT64_MAX));
		}
	}
	while (!v->rows_end) {
		TRY(lost_row(v));
	}
	return ERR_OK;
}

/* Does the index know this message, or was it removed? */
static enum err
check_orphan(struct verify *v, const struct orphan *o)
{
	struct store_box box;
	struct store_row row;
	struct store_set *uids;
	enum err e = store_box_load(v->s, o->mailbox, &box);
	if (e != ERR_OK) {
		return e == ERR_NOTFOUND ? ERR_OK : e; /* removed with its mailbox */
	}
	TRY(removed_of(v, o->mailbox, &uids));
	if (store_set_has(uids, o->uid)) {
		return ERR_OK;
	}
	e = store_row_load(v->s, o->id, &row);
	if (e == ERR_NOTFOUND) {
		v->r->found++;
		store_report_line(v->r, "mailbox %llu uid %u: in a pack, but not in the index",
		    (unsigned long long)o->mailbox, o->uid);
		return ERR_OK;
	}
	return e; /* an older record of a message that was written again */
}

static enum err
check_packs(struct verify *v)
{
	struct store_set packs;
	store_set_init(&packs);
	enum err e = store_pack_list(v->s->packs, &packs);
	v->rows = db_query(v->s->db,
	    "SELECT id, pack, off, octets FROM message ORDER BY pack, off");
	if (e == ERR_OK) {
		e = next_row(v);
	}
	if (e == ERR_OK) {
		e = see_packs(v, &packs);
	}
	db_done(v->rows);
	store_set_done(&packs);
	for (size_t i = 0; e == ERR_OK && i < v->orphans_n; i++) {
		e = check_orphan(v, &v->orphans[i]);
	}
	return e;
}

/* ---- the whole ---------------------------------------------------------------------------- */

static enum err
verify_in(struct verify *v)
{
	TRY(store_account_load(v->s->db, &v->s->account));
	TRY(check_mailboxes(v));
	TRY(check_references(v));
	return check_packs(v);
}

enum err
store_verify(struct store *s, struct store_report *r)
{
	struct verify v = { .s = s, .r = r };
	SYS_FD_AUTO int care = -1;
	TRY(store_care_lock(s, &care)); /* no pack goes away meanwhile */
	TRY(store_begin(s, DB_READ));
	enum err e = db_check(s->db);
	if (e == ERR_CORRUPT) {
		r->bad_counts++;
		store_report_line(r, "the index file is damaged");
	}
	e = store_end(s, e == ERR_OK || e == ERR_CORRUPT ? verify_in(&v) : e);
	for (size_t i = 0; i < v.removed_n; i++) {
		store_set_done(&v.removed[i].uids);
	}
	mem_drop(v.removed);
	mem_drop(v.orphans);
	mem_drop(v.ids);
	return e;
}
