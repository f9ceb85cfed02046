/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copying, moving and replacing. The octets of a copy are shared: it is one more reference to the
 * message's row and a small link record in the pack. A move is a copy whose sources are removed in
 * the same transaction.
 */
#include "store/store_priv.h"

#include "base/wire.h"

enum { LINKS_PER_RECORD = 65536, DROPPED = UINT32_MAX };

struct copier {
	const struct store_copying *c;
	struct store_tail tail;
	struct store_keywords from;
	uint32_t bit[STORE_KEYWORDS_MAX]; /* in the target; 0: not asked yet */
	struct store_set *taken;
	uint32_t limit; /* uids from here on are copies of this very call */
	struct store_meta_link link;
	struct buf links;
};

static enum err
write_links(struct store *s, struct copier *k)
{
	char meta[64];
	struct store_place place;
	struct buf b;
	if (k->link.n == 0) {
		return ERR_OK;
	}
	buf_init_fixed(&b, meta, sizeof meta);
	store_meta_link_put(&b, &k->link);
	TRY(buf_err(&k->links));
	struct store_record r = { .type = STORE_RECORD_LINK,
		.plain = (uint32_t)k->links.n,
		.meta = buf_view(&b),
		.payload = buf_view(&k->links) };
	TRY(store_log_put(s, &r, &place));
	buf_reset(&k->links);
	k->link.n = 0;
	return ERR_OK;
}

static enum err
add_link(struct store *s, struct copier *k, const struct store_msg *m)
{
	if (k->link.n == LINKS_PER_RECORD) {
		TRY(write_links(s, k));
	}
	if (k->link.n == 0) {
		k->link.first = m->uid;
	}
	k->link.n++;
	wr_u64(&k->links, m->id);
	wr_u32(&k->links, m->flags);
	return ERR_OK;
}

/* The keywords of a message in the bits of the target mailbox. */
static enum err
translate(struct store *s, struct copier *k, uint32_t flags, uint32_t *ret)
{
	uint32_t out = store_may_bear(s, flags & STORE_SYSTEM_FLAGS);
	for (size_t i = 0; i < k->from.n; i++) {
		uint32_t was = 1u << (STORE_KEYWORD_BIT + i);
		if ((flags & was) == 0 || store_may_bear(s, was) == 0) {
			continue; /* a keyword that may not come along is not made either */
		}
		if (k->bit[i] == 0) {
			enum err e = store_keyword_in(s, k->c->to, k->from.name[i], &k->bit[i]);
			if (e == ERR_TOOMANY) {
				k->bit[i] = DROPPED;
			} else if (e != ERR_OK) {
				return e;
			}
		}
		out |= k->bit[i] == DROPPED ? 0 : k->bit[i];
	}
	*ret = k->c->from == k->c->to ? store_may_bear(s, flags) : out;
	return ERR_OK;
}

static enum err
one_more_ref(struct store *s, uint64_t id)
{
	struct db_stmt *q = db_query(s->db, "UPDATE message SET refs = refs + 1 WHERE id = ?");
	db_bind_u64(q, 1, id);
	return db_run(q);
}

static enum err
copy_one(struct store *s, struct copier *k, const struct store_msg *from)
{
	struct store_msg m = { .id = from->id, .size = from->size, .saved_s = k->link.saved_s };
	TRY(translate(s, k, from->flags, &m.flags));
	TRY(store_box_reserve(s, &k->tail.box, 1));
	if (!k->c->move) {
		TRY(store_quota_take(s, from->size));
		TRY(one_more_ref(s, from->id));
	}
	TRY(store_tail_add(s, &k->tail, &m));
	store_set_add(k->taken, from->uid, from->uid);
	return add_link(s, k, &m);
}

static enum err
copy_all(struct store *s, struct copier *k)
{
	struct store_walk w;
	enum err e;
	store_walk_init(&w, s, k->c->from, k->c->uids);
	while ((e = store_walk_next(&w)) == ERR_OK) {
		for (size_t i = 0; i < w.page->n; i++) {
			const struct store_msg *m = &w.page->msg[i];
			if (m->uid < k->limit && store_walk_wants(&w, m->uid)) {
				TRY(copy_one(s, k, m));
			}
		}
	}
	if (e != ERR_NOTFOUND) {
		return e;
	}
	TRY(store_set_err(k->taken));
	TRY(write_links(s, k));
	return store_tail_end(s, &k->tail);
}

static enum err
remove_sources(struct store *s, struct copier *k)
{
	struct store_set gone;
	struct store_box b;
	TRY(store_box_load(s, k->c->from, &b));
	store_set_init(&gone);
	struct store_removal rm = {
		.uids = k->taken, .keep_rows = true, .gone = &gone, .modseq = k->tail.modseq
	};
	enum err e = store_remove_in(s, &b, &rm);
	b.modseq = rm.modseq;
	if (e == ERR_OK) {
		e = store_gone_add(s, &b, &gone, rm.modseq);
	}
	store_set_done(&gone);
	return e == ERR_OK ? store_box_save(s, &b) : e;
}

static enum err
run(struct store *s, struct copier *k, struct store_copied *ret)
{
	char storage[STORE_RECORD_META_MAX];
	struct buf names;
	struct store_box source;
	buf_init_fixed(&names, storage, sizeof storage);
	TRY(store_box_load(s, k->c->from, &source));
	TRY(store_keywords_in(s, k->c->from, &names, &k->from));
	TRY(store_quota_load(s, &s->usage));
	TRY(store_tail_begin(s, k->c->to, store_tick(s), &k->tail));
	k->limit = k->c->from == k->c->to ? source.uidnext : UINT32_MAX;
	k->link = (struct store_meta_link){
		.mailbox = k->c->to, .modseq = k->tail.modseq, .saved_s = store_now(s)
	};
	uint32_t first = k->tail.box.uidnext;
	TRY(copy_all(s, k));
	if (k->c->move && k->taken->n > 0) {
		TRY(remove_sources(s, k));
	}
	*ret = (struct store_copied){ k->tail.box.uidvalidity, first, k->tail.box.uidnext - first,
		k->tail.modseq };
	return ERR_OK;
}

enum err
store_copy_in(struct store *s, const struct store_copying *c, struct store_copied *ret,
    struct store_set *copied_from)
{
	struct store_set taken;
	struct copier k = { .c = c, .taken = &taken };
	store_set_init(&taken);
	buf_init(&k.links, LINKS_PER_RECORD * 12);
	enum err e = run(s, &k, ret);
	for (size_t i = 0; e == ERR_OK && copied_from != NULL && i < taken.n; i++) {
		store_set_add(copied_from, taken.v[i].lo, taken.v[i].hi);
	}
	buf_done(&k.links);
	store_set_done(&taken);
	return e == ERR_OK && copied_from != NULL ? store_set_err(copied_from) : e;
}

enum err
store_copy(struct store *s, const struct store_copying *c, struct store_copied *ret,
    struct store_set *copied_from)
{
	const struct store_restriction *r = &s->only;
	TRY(store_may(s, c->to == r->insert && c->from == r->mailbox && (r->expunge || !c->move)));
	TRY(store_begin(s, DB_DURABLE));
	return store_end(s, store_copy_in(s, c, ret, copied_from));
}

/* ---- replacing ---------------------------------------------------------------------------- */

static enum err
remove_replaced(struct store *s, const struct store_replacing *r)
{
	struct store_set uids, gone;
	struct store_box b;
	TRY(store_box_load(s, r->from, &b));
	store_set_init(&uids);
	store_set_init(&gone);
	store_set_add(&uids, r->uid, r->uid);
	struct store_removal rm = { .uids = &uids, .gone = &gone, .modseq = store_tick(s) };
	enum err e = store_set_err(&uids);
	e = e == ERR_OK ? store_remove_in(s, &b, &rm) : e;
	b.modseq = rm.modseq;
	e = e == ERR_OK ? store_gone_add(s, &b, &gone, rm.modseq) : e;
	e = e == ERR_OK ? store_box_save(s, &b) : e;
	store_set_done(&gone);
	store_set_done(&uids);
	return e;
}

static enum err
replace_in(struct store *s, const struct store_replacing *r, struct store_added *ret)
{
	struct store_delivery d = { .msg = *r->msg };
	d.msg.flags = store_may_bear(s, d.msg.flags);
	struct store_msg old;
	struct store_tail t;
	TRY(store_msg_in(s, r->from, r->uid, &old));
	TRY(store_quota_load(s, &s->usage));
	s->usage.octets -= MIN(s->usage.octets, (uint64_t)old.size);
	s->usage.messages -= MIN(s->usage.messages, (uint64_t)1);
	TRY(store_quota_take(s, r->msg->prefix.n + r->msg->body.n));
	TRY(store_tail_begin(s, r->to, store_tick(s), &t));
	TRY(store_add(s, &t, &d, ret));
	TRY(store_tail_end(s, &t));
	return remove_replaced(s, r);
}

enum err
store_replace(struct store *s, const struct store_replacing *r, struct store_added *ret)
{
	struct store_added added;
	const struct store_restriction *only = &s->only;
	TRY(store_may(s, r->to == only->insert && r->from == only->mailbox && only->expunge));
	TRY(store_begin(s, DB_DURABLE));
	TRY(store_end(s, replace_in(s, r, &added)));
	*ret = added;
	return ERR_OK;
}
