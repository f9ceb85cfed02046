/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Walking over the pages of a mailbox that hold given uids, each page once. The pages in between
 * are not read. Also the two public ways to look at message states.
 */
#include "store/store_priv.h"

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

enum err
store_uids_in(struct store *s, uint64_t mailbox, uint32_t from, struct store_set *out)
{
	struct store_dir d;
	struct store_page *p;
	enum err e = store_dir_at(s, mailbox, from, &d);
	for (; e == ERR_OK; e = store_dir_next(s, &d, &d)) {
		uint32_t low = (uint32_t)d.id;
		if (low >= from && d.last - low + 1 == d.n) {
			store_set_add(out, low, d.last); /* no holes: the row tells all */
			continue;
		}
		TRY(store_page_load(s, &d, &p));
		for (size_t i = store_page_from(p, from); i < p->n; i++) {
			store_set_add(out, p->msg[i].uid, p->msg[i].uid);
		}
	}
	return e == ERR_NOTFOUND ? store_set_err(out) : e;
}
