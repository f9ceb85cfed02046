/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The list of mailboxes: rows, parents that do not exist by themselves, and names that are only
 * subscribed, merged in order. Since '/' sorts lowest, what is below a name follows it directly.
 */
#include "store/store_priv.h"

struct items {
	struct arena *a;
	struct store_mailbox *v;
	size_t n, cap;
};

static enum err
push(struct items *l, const struct store_mailbox *m)
{
	if (l->n == l->cap) {
		size_t cap = l->cap == 0 ? 64 : l->cap * 2;
		struct store_mailbox *v = arena_array(l->a, cap, sizeof *v);
		if (v == NULL) {
			return ERR_BUDGET;
		}
		if (l->n > 0) {
			memcpy(v, l->v, l->n * sizeof *v);
		}
		l->v = v;
		l->cap = cap;
	}
	l->v[l->n++] = *m;
	return ERR_OK;
}

static int
by_name(const void *a, const void *b)
{
	return store_name_cmp(((const struct store_mailbox *)a)->name,
	    ((const struct store_mailbox *)b)->name);
}

static void
sort(struct items *l)
{
	if (l->n > 1) {
		qsort(l->v, l->n, sizeof *l->v, by_name);
	}
}

static enum err
rows_of(struct db_stmt *q, struct items *l)
{
	enum err e;
	while ((e = db_row(q)) == ERR_OK) {
		struct store_mailbox m = {
			.id = db_u64(q, 0),
			.name = arena_dup(l->a, db_str(q, 1)),
			.uidvalidity = (uint32_t)db_u64(q, 2),
			.uidnext = (uint32_t)db_u64(q, 3),
			.modseq = db_u64(q, 4),
			.messages = (uint32_t)db_u64(q, 5),
			.unseen = (uint32_t)db_u64(q, 6),
			.deleted = (uint32_t)db_u64(q, 7),
			.octets = db_u64(q, 8),
			.special = (unsigned)db_u64(q, 9),
		};
		e = m.name.p == NULL ? ERR_BUDGET : push(l, &m);
		if (e != ERR_OK) {
			break;
		}
	}
	db_done(q);
	return e == ERR_NOTFOUND ? ERR_OK : e;
}

/* The parents of item i that the item before it neither is nor lies below. */
static enum err
add_parents(struct items *l, size_t i)
{
	str name = l->v[i].name, before = i == 0 ? STR_NONE : l->v[i - 1].name;
	for (size_t at = 1; at < name.n; at++) {
		str parent = str_sub(name, 0, at);
		if (name.p[at] == '/' && !str_eq(before, parent) &&
		    !store_name_below(before, parent)) {
			struct store_mailbox m = { .name = parent };
			TRY(push(l, &m));
		}
	}
	return ERR_OK;
}

static void
mark_children(struct items *l)
{
	for (size_t i = 0; i + 1 < l->n; i++) {
		l->v[i].children = store_name_below(l->v[i + 1].name, l->v[i].name);
	}
}

static enum err
subscriptions_of(struct db_stmt *q, struct items *l)
{
	size_t rows = l->n;
	enum err e;
	while ((e = db_row(q)) == ERR_OK) {
		struct store_mailbox m = { .name = db_str(q, 0), .subscribed = true };
		struct store_mailbox *found = rows == 0
		    ? NULL
		    : bsearch(&m, l->v, rows, sizeof m, by_name);
		if (found != NULL) {
			found->subscribed = true;
			continue;
		}
		m.name = arena_dup(l->a, m.name);
		e = m.name.p == NULL ? ERR_BUDGET : push(l, &m);
		if (e != ERR_OK) {
			break;
		}
	}
	db_done(q);
	return e == ERR_NOTFOUND ? ERR_OK : e;
}

static enum err
list_in(struct store *s, struct items *l)
{
	TRY(rows_of(db_query(s->db,
			"SELECT id, name, uidvalidity, uidnext, modseq, messages, unseen,"
			" deleted, octets, special FROM mailbox"),
	    l));
	sort(l);
	size_t rows = l->n;
	for (size_t i = 0; i < rows; i++) {
		TRY(add_parents(l, i));
	}
	sort(l);
	mark_children(l);
	TRY(subscriptions_of(db_query(s->db, "SELECT name FROM subscription"), l));
	sort(l);
	return ERR_OK;
}

enum err
store_mailboxes(struct store *s, struct arena *a, struct store_mailbox **ret, size_t *ret_n)
{
	struct items l = { .a = a };
	TRY(store_begin(s, DB_READ));
	TRY(store_end(s, list_in(s, &l)));
	*ret = l.v;
	*ret_n = l.n;
	return ERR_OK;
}
