/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A session's map of sequence numbers and uids, and bringing it up to date. The new map is built
 * aside and put in place at the end, so a failure changes nothing.
 */
#include "store/store_priv.h"

#include "base/mem.h"

/* ---- the map ------------------------------------------------------------------------------ */

/* Index of the run that holds `seq` (1 .. n). */
static size_t
run_of_seq(const struct store_view *v, uint32_t seq)
{
	size_t lo = 0, hi = v->run_n;
	while (hi - lo > 1) {
		size_t mid = lo + (hi - lo) / 2;
		if (v->run[mid].seq <= seq) {
			lo = mid;
		} else {
			hi = mid;
		}
	}
	return lo;
}

/* Index of the first run that ends at or behind `uid`; run_n when there is none. */
static size_t
run_of_uid(const struct store_view *v, uint32_t uid)
{
	size_t lo = 0, hi = v->run_n;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (v->run[mid].uid + (v->run[mid].n - 1) < uid) {
			lo = mid + 1;
		} else {
			hi = mid;
		}
	}
	return lo;
}

uint32_t
store_view_uid(const struct store_view *v, uint32_t seq)
{
	if (seq == 0 || seq > v->n) {
		return 0;
	}
	const struct store_run *r = &v->run[run_of_seq(v, seq)];
	return r->uid + (seq - r->seq);
}

uint32_t
store_view_seq_from(const struct store_view *v, uint32_t uid)
{
	size_t at = run_of_uid(v, uid);
	if (at == v->run_n) {
		return v->n + 1;
	}
	const struct store_run *r = &v->run[at];
	return r->seq + (uid > r->uid ? uid - r->uid : 0);
}

uint32_t
store_view_seq(const struct store_view *v, uint32_t uid)
{
	uint32_t seq = store_view_seq_from(v, uid);
	return uid != 0 && store_view_uid(v, seq) == uid ? seq : 0;
}

void
store_view_uids(const struct store_view *v, uint32_t lo, uint32_t hi, struct store_set *uids)
{
	lo = MAX(lo, 1u);
	hi = MIN(hi, v->n);
	while (lo <= hi) {
		const struct store_run *r = &v->run[run_of_seq(v, lo)];
		uint32_t end = MIN(hi, r->seq + r->n - 1);
		store_set_add(uids, r->uid + (lo - r->seq), r->uid + (end - r->seq));
		lo = end + 1;
	}
}

/* The map as a set of uids. */
static void
as_set(const struct store_view *v, struct store_set *out)
{
	for (size_t i = 0; i < v->run_n; i++) {
		store_set_add(out, v->run[i].uid, v->run[i].uid + (v->run[i].n - 1));
	}
}

void
store_view_seqs(const struct store_view *v, const struct store_set *uids, struct store_set *seqs)
{
	for (size_t i = 0; i < uids->n; i++) {
		uint32_t lo = store_view_seq_from(v, uids->v[i].lo);
		uint32_t end = uids->v[i].hi == UINT32_MAX
		    ? v->n + 1
		    : store_view_seq_from(v, uids->v[i].hi + 1);
		if (lo < end) {
			store_set_add(seqs, lo, end - 1);
		}
	}
}

/* Put a set in place of the map. */
static enum err
take_set(struct store_view *v, const struct store_set *uids)
{
	if (uids->n > v->run_cap) {
		struct store_run *run = mem_resize(v->run, uids->n * sizeof *run);
		if (run == NULL) {
			return ERR_NOMEM;
		}
		v->run = run;
		v->run_cap = uids->n;
	}
	uint32_t seq = 1;
	for (size_t i = 0; i < uids->n; i++) {
		uint32_t n = uids->v[i].hi - uids->v[i].lo + 1;
		v->run[i] = (struct store_run){ uids->v[i].lo, n, seq };
		seq += n;
	}
	v->run_n = uids->n;
	v->n = seq - 1;
	return ERR_OK;
}

/* ---- maps that were left ------------------------------------------------------------------ */

static void
forget(struct store_left *left)
{
	store_view_done(&left->view);
	*left = (struct store_left){ 0 };
}

void
store_maps_forget(struct store *s)
{
	for (size_t i = 0; i < LEN(s->left); i++) {
		forget(&s->left[i]);
	}
}

/* An empty place, or the one that was left longest ago. */
static struct store_left *
oldest(struct store *s)
{
	struct store_left *found = &s->left[0];
	for (size_t i = 1; i < LEN(s->left); i++) {
		found = s->left[i].when < found->when ? &s->left[i] : found;
	}
	return found;
}

/* A place, and so few maps in the others that one with so many runs may be beside them. */
static struct store_left *
make_room(struct store *s, size_t runs)
{
	for (size_t i = 0; i < LEN(s->left); i++) {
		runs += s->left[i].view.run_cap;
	}
	while (runs > STORE_MAPS_RUNS) {
		size_t most = 0;
		for (size_t i = 1; i < LEN(s->left); i++) {
			bool more = s->left[i].view.run_cap > s->left[most].view.run_cap;
			most = more ? i : most;
		}
		runs -= s->left[most].view.run_cap;
		forget(&s->left[most]);
	}
	struct store_left *place = oldest(s);
	forget(place);
	return place;
}

/* A map that still has what is gone from the mailbox is of no use to anybody else. */
void
store_view_leave(struct store_view *v)
{
	struct store *s = v->store;
	bool whole = v->index != 0 && v->gone_modseq == v->modseq;
	if (s == NULL || !whole || v->run_cap > STORE_MAPS_RUNS) {
		store_view_done(v);
		return;
	}
	*make_room(s, v->run_cap) = (struct store_left){ *v, ++s->left_n };
	*v = (struct store_view){ 0 };
}

/*
 * Is this map of the mailbox as it is? Every change of which messages there are gives the mailbox
 * another modseq, which is what store_view_refresh goes by, too; within one index it never comes
 * again. The rest is looked at because it costs nothing.
 */
static bool
is_of(const struct store_view *left, const struct store *s, const struct store_box *b)
{
	return left->index == s->index && left->modseq == b->modseq &&
	    left->uidvalidity == b->uidvalidity && left->uidnext == b->uidnext &&
	    left->n == b->messages;
}

/* With the mailbox's row of this transaction: take its map if one was left. */
static bool
take_left(struct store_view *v, const struct store_box *b)
{
	struct store *s = v->store;
	bool taken = false;
	for (size_t i = 0; i < LEN(s->left); i++) {
		struct store_left *left = &s->left[i];
		if (left->view.mailbox != b->id) {
			continue;
		}
		if (!taken && is_of(&left->view, s, b)) {
			taken = true;
			*v = left->view;
			left->view = (struct store_view){ 0 };
		}
		forget(left); /* what does not fit now never will */
	}
	return taken;
}

/* ---- selecting ---------------------------------------------------------------------------- */

/* The uids of the map, or the whole of one that was left. */
static enum err
select_in(struct store_view *v, struct store_set *uids, bool *ret_has)
{
	struct store_box b;
	TRY(store_box_load(v->store, v->mailbox, &b));
	*ret_has = take_left(v, &b);
	if (*ret_has) {
		return ERR_OK;
	}
	TRY(store_map_in(v->store, v->mailbox, uids, &v->unseen_from));
	v->index = v->store->index;
	v->unseen_modseq = b.modseq;
	v->uidvalidity = b.uidvalidity;
	v->uidnext = b.uidnext;
	v->modseq = v->gone_modseq = b.modseq;
	return ERR_OK;
}

enum err
store_view_init(struct store_view *v, struct store *s, uint64_t mailbox)
{
	struct store_set uids;
	bool has = false;
	*v = (struct store_view){ .store = s, .mailbox = mailbox };
	store_set_init(&uids);
	TRY(store_begin(s, DB_READ));
	enum err e = store_end(s, select_in(v, &uids, &has));
	if (e == ERR_OK && !has) {
		e = take_set(v, &uids);
	}
	store_set_done(&uids);
	return e;
}

/* Ranges as a set keeps them: ascending, not touching, below uidnext. */
static bool
is_map(const struct store_view *v, const struct store_set *uids)
{
	uint64_t least = 1;
	for (size_t i = 0; i < uids->n; i++) {
		if (uids->v[i].lo < least || uids->v[i].hi < uids->v[i].lo) {
			return false;
		}
		least = (uint64_t)uids->v[i].hi + 2;
	}
	return uids->n == 0 || uids->v[uids->n - 1].hi < v->uidnext;
}

enum err
store_view_restore(struct store_view *v, struct store *s, const struct store_set *uids)
{
	v->store = s;
	return is_map(v, uids) ? take_set(v, uids) : ERR_SYNTAX;
}

void
store_view_done(struct store_view *v)
{
	MEM_FREE(v->run);
	*v = (struct store_view){ 0 }; /* the store may go before the view does */
}

void
store_view_changed(struct store_view *v, const struct store_changed *c)
{
	if (v->modseq == c->before && c->modseq != 0) {
		v->gone_modseq = v->gone_modseq == v->modseq ? c->modseq : v->gone_modseq;
		v->modseq = c->modseq;
	}
}

static enum err
first_unseen_in(struct store_view *v, uint32_t *ret_seq)
{
	struct store_box b;
	struct store_dir d;
	struct store_page *p;
	*ret_seq = 0;
	enum err e = store_box_load(v->store, v->mailbox, &b);
	if (e != ERR_OK) {
		return e == ERR_NOTFOUND ? ERR_OK : e;
	}
	bool same = v->unseen_modseq != 0 && b.modseq == v->unseen_modseq;
	if (b.unseen == 0 || (same && v->unseen_from == 0)) {
		return ERR_OK;
	}
	e = store_dir_unseen(v->store, v->mailbox, same ? v->unseen_from : 1, &d);
	for (; e == ERR_OK; e = store_dir_unseen(v->store, v->mailbox, (uint32_t)d.id + 1, &d)) {
		TRY(store_page_load(v->store, &d, &p));
		for (size_t i = 0; i < p->n; i++) {
			uint32_t seq = (p->msg[i].flags & STORE_SEEN) != 0
			    ? 0
			    : store_view_seq(v, p->msg[i].uid);
			if (seq != 0) {
				*ret_seq = seq;
				return ERR_OK;
			}
		}
	}
	return e == ERR_NOTFOUND ? ERR_OK : e;
}

enum err
store_view_first_unseen(struct store_view *v, uint32_t *ret_seq)
{
	TRY(store_begin(v->store, DB_READ));
	return store_end(v->store, first_unseen_in(v, ret_seq));
}

/* ---- what vanished ------------------------------------------------------------------------ */

/* Ranges removed after `since`; NOTFOUND when the log does not reach back so far. */
static enum err
gone_since(struct store *s, const struct store_box *b, uint64_t since, struct store_set *out)
{
	enum err e;
	if (since < b->gone_floor) {
		return ERR_NOTFOUND;
	}
	struct db_stmt *q = db_query(s->db,
	    "SELECT lo, hi FROM gone WHERE mailbox = ? AND modseq > ?");
	db_bind_u64(q, 1, b->id);
	db_bind_u64(q, 2, MIN(since, (uint64_t)INT64_MAX));
	while ((e = db_row(q)) == ERR_OK) {
		store_set_add(out, (uint32_t)db_u64(q, 0), (uint32_t)db_u64(q, 1));
	}
	db_done(q);
	return e == ERR_NOTFOUND ? store_set_err(out) : e;
}

/* Of `among`, what was removed after `since`, or simply is not there. */
static enum err
vanished_of(struct store *s, const struct store_box *b, uint64_t since,
    const struct store_set *among, struct store_set *ret)
{
	struct store_set found;
	store_set_init(&found);
	enum err e = gone_since(s, b, since, &found);
	if (e == ERR_OK) {
		store_set_both(among, &found, ret);
	} else if (e == ERR_NOTFOUND) {
		store_set_reset(&found);
		e = store_uids_in(s, b->id, 1, &found);
		if (e == ERR_OK) {
			store_set_minus(among, &found, ret);
		}
	}
	store_set_done(&found);
	return e == ERR_OK ? store_set_err(ret) : e;
}

static enum err
vanished_in(struct store *s, const struct store_scan *what, const struct store_set *known,
    struct store_set *ret)
{
	struct store_box b;
	struct store_set among;
	TRY(store_box_load(s, what->mailbox, &b));
	struct store_range all = { 1, b.uidnext - 1 };
	struct store_set ever = { .v = &all, .n = b.uidnext > 1 ? 1 : 0, .cap = 1 };
	store_set_init(&among);
	if (known != NULL) {
		store_set_both(&ever, known, &among); /* a client may "know" uids that never were */
	}
	enum err e = store_set_err(&among);
	if (e == ERR_OK) {
		e = vanished_of(s, &b, what->since, known != NULL ? &among : &ever, ret);
	}
	store_set_done(&among);
	return e;
}

enum err
store_vanished(struct store *s, uint64_t mailbox, uint64_t since, const struct store_set *known,
    struct store_set *ret)
{
	struct store_scan what = { .mailbox = mailbox, .since = since };
	TRY(store_begin(s, DB_READ));
	return store_end(s, vanished_in(s, &what, known, ret));
}

/* ---- refreshing --------------------------------------------------------------------------- */

struct refresh {
	struct store_view *v;
	struct arena *a;
	struct store_box box;
	struct store_set old, appeared, gone, now; /* uids */
	size_t changed_cap;
	struct store_news *news;
};

static enum err
add_changed(struct refresh *r, const struct store_msg *m)
{
	struct store_news *n = r->news;
	struct store_msg *v = arena_grow(r->a, n->changed, n->changed_n, &r->changed_cap,
	    sizeof *v);
	if (v == NULL) {
		return ERR_BUDGET;
	}
	n->changed = v;
	n->changed[n->changed_n++] = *m;
	return ERR_OK;
}

static enum err
find_changed(struct refresh *r)
{
	struct store_walk w;
	enum err e;
	store_walk_init(&w, r->v->store, r->v->mailbox, &r->old);
	w.since = r->v->modseq;
	while ((e = store_walk_next(&w)) == ERR_OK) {
		for (size_t i = 0; i < w.page->n; i++) {
			const struct store_msg *m = &w.page->msg[i];
			if (m->modseq > r->v->modseq && m->uid < r->v->uidnext) {
				TRY(add_changed(r, m));
			}
		}
	}
	return e == ERR_NOTFOUND ? ERR_OK : e;
}

static enum err
list_gone(struct refresh *r)
{
	struct store_news *n = r->news;
	size_t total = (size_t)store_set_count(&r->gone), at = total;
	n->vanished = arena_array(r->a, r->gone.n, sizeof *n->vanished);
	n->expunged = arena_array(r->a, total, sizeof *n->expunged);
	if (n->vanished == NULL || n->expunged == NULL) {
		return ERR_BUDGET;
	}
	for (size_t i = 0; i < r->gone.n; i++) {
		n->vanished[i] = r->gone.v[i];
		uint32_t seq = store_view_seq(r->v, r->gone.v[i].lo);
		uint32_t count = r->gone.v[i].hi - r->gone.v[i].lo + 1;
		for (uint32_t k = 0; k < count; k++) {
			n->expunged[--at] = seq + k;
		}
	}
	n->vanished_n = r->gone.n;
	n->expunged_n = total;
	return ERR_OK;
}

/* Was anything removed that the view has not been told of? */
static enum err
any_held(struct refresh *r, bool *ret)
{
	const struct store_view *v = r->v;
	*ret = v->gone_modseq < r->box.gone_floor;
	if (*ret || v->gone_modseq >= r->box.modseq) {
		return ERR_OK;
	}
	struct db_stmt *q = db_query(v->store->db,
	    "SELECT 1 FROM gone WHERE mailbox = ? AND modseq > ? LIMIT 1");
	db_bind_u64(q, 1, r->box.id);
	db_bind_u64(q, 2, v->gone_modseq);
	enum err e = db_row(q);
	db_done(q);
	*ret = e == ERR_OK;
	return e == ERR_NOTFOUND ? ERR_OK : e;
}

static enum err
refresh_in(struct refresh *r, bool expunges)
{
	struct store_view *v = r->v;
	enum err e = store_box_load(v->store, v->mailbox, &r->box);
	r->news->gone = e == ERR_NOTFOUND;
	r->news->renewed = e == ERR_OK && r->box.uidvalidity != v->uidvalidity;
	if (r->news->gone || r->news->renewed) {
		return ERR_OK;
	}
	TRY(e);
	if (!expunges) {
		TRY(any_held(r, &r->news->held));
	}
	if (r->box.modseq == v->modseq && (!expunges || v->gone_modseq == v->modseq)) {
		return ERR_OK;
	}
	as_set(v, &r->old);
	TRY(store_set_err(&r->old));
	TRY(find_changed(r));
	TRY(store_uids_in(v->store, v->mailbox, v->uidnext, &r->appeared));
	if (expunges) {
		TRY(vanished_of(v->store, &r->box, v->gone_modseq, &r->old, &r->gone));
	}
	return ERR_OK;
}

static enum err
finish(struct refresh *r, bool expunges)
{
	struct store_view *v = r->v;
	r->news->exists = v->n;
	if (r->news->gone || r->news->renewed ||
	    (r->box.modseq == v->modseq && (!expunges || v->gone_modseq == v->modseq))) {
		return ERR_OK;
	}
	TRY(list_gone(r));
	store_set_minus(&r->old, &r->gone, &r->now);
	for (size_t i = 0; i < r->appeared.n; i++) {
		store_set_add(&r->now, r->appeared.v[i].lo, r->appeared.v[i].hi);
	}
	TRY(store_set_err(&r->now));
	TRY(take_set(v, &r->now));
	v->uidnext = r->box.uidnext;
	v->modseq = r->box.modseq;
	v->gone_modseq = r->news->held ? v->gone_modseq : r->box.modseq;
	r->news->exists = v->n;
	r->news->appeared = (uint32_t)store_set_count(&r->appeared);
	return ERR_OK;
}

enum err
store_view_refresh(struct store_view *v, bool expunges, struct arena *a, struct store_news *ret)
{
	struct refresh r = { .v = v, .a = a, .news = ret };
	*ret = (struct store_news){ 0 };
	TRY(store_begin(v->store, DB_READ));
	enum err e = store_end(v->store, refresh_in(&r, expunges));
	if (e == ERR_OK) {
		e = finish(&r, expunges);
	}
	store_set_done(&r.old);
	store_set_done(&r.appeared);
	store_set_done(&r.gone);
	store_set_done(&r.now);
	return e;
}
