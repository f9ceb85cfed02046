/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of the table annotation and their records in the packs. A removed one stays as a row without
 * value, so that other sessions can be told; such rows go when their room is needed.
 */
#include "store/store_priv.h"

struct list {
	struct arena *a;
	struct store_annotation *v;
	size_t n, cap;
};

static enum err
push(struct list *l, const struct store_annotation *one)
{
	struct store_annotation *v = arena_grow(l->a, l->v, l->n, &l->cap, sizeof *v);
	if (v == NULL) {
		return ERR_BUDGET;
	}
	l->v = v;
	l->v[l->n++] = *one;
	return ERR_OK;
}

/* Columns: mailbox, entry, modseq, and value where it is wanted. */
static enum err
rows_of(struct db_stmt *q, bool values, struct list *l)
{
	enum err e;
	while ((e = db_row(q)) == ERR_OK) {
		bool value = values && !db_is_null(q, 3);
		struct store_annotation one = {
			.mailbox = db_u64(q, 0),
			.entry = arena_dup(l->a, db_str(q, 1)),
			.modseq = db_u64(q, 2),
			.value = value ? arena_dup(l->a, db_blob(q, 3)) : STR_NONE,
		};
		bool whole = one.entry.p != NULL && (one.value.p != NULL || !value);
		e = whole ? push(l, &one) : ERR_BUDGET;
		if (e != ERR_OK) {
			break;
		}
	}
	db_done(q);
	return e == ERR_NOTFOUND ? ERR_OK : e;
}

static enum err
annotations_in(struct store *s, uint64_t mailbox, str start, struct list *l)
{
	struct db_stmt *q = db_query(s->db,
	    "SELECT mailbox, entry, modseq, value FROM annotation WHERE mailbox = ?1"
	    " AND substr(entry, 1, length(?2)) = ?2 AND value IS NOT NULL ORDER BY entry");
	db_bind_u64(q, 1, mailbox);
	db_bind_str(q, 2, start);
	return rows_of(q, true, l);
}

enum err
store_annotations(struct store *s, uint64_t mailbox, str start, struct arena *a,
    struct store_annotation_list *ret)
{
	struct list l = { .a = a };
	TRY(store_begin(s, DB_READ));
	TRY(store_end(s, annotations_in(s, mailbox, start, &l)));
	*ret = (struct store_annotation_list){ l.v, l.n };
	return ERR_OK;
}

enum err
store_annotations_since(struct store *s, uint64_t since, str start, struct arena *a,
    struct store_annotation_list *ret)
{
	struct list l = { .a = a };
	TRY(store_begin(s, DB_READ));
	struct db_stmt *q = db_query(s->db,
	    "SELECT mailbox, entry, modseq FROM annotation WHERE modseq > ?1"
	    " AND substr(entry, 1, length(?2)) = ?2 ORDER BY modseq, entry LIMIT ?3");
	db_bind_u64(q, 1, since);
	db_bind_str(q, 2, start);
	db_bind_u64(q, 3, STORE_ANNOTATION_NEWS_MAX);
	TRY(store_end(s, rows_of(q, false, &l)));
	*ret = (struct store_annotation_list){ l.v, l.n };
	return ERR_OK;
}

static enum err
number_of(struct db_stmt *q, uint64_t *ret)
{
	enum err e = db_row(q);
	if (e == ERR_OK) {
		*ret = db_u64(q, 0);
	}
	db_done(q);
	return e;
}

enum err
store_annotations_modseq(struct store *s, uint64_t *ret)
{
	TRY(store_begin(s, DB_READ));
	return store_end(s,
	    number_of(db_query(s->db, "SELECT coalesce(max(modseq), 0) FROM annotation"), ret));
}

enum err
store_annotation_put(struct db *db, const struct store_annotation *one)
{
	struct db_stmt *q = db_query(db,
	    "INSERT INTO annotation(mailbox, entry, modseq, value) VALUES(?, ?, ?, ?)"
	    " ON CONFLICT(mailbox, entry) DO UPDATE SET modseq = excluded.modseq,"
	    " value = excluded.value WHERE excluded.modseq >= annotation.modseq");
	db_bind_u64(q, 1, one->mailbox);
	db_bind_str(q, 2, one->entry);
	db_bind_u64(q, 3, one->modseq);
	if (one->value.p == NULL) {
		db_bind_null(q, 4);
	} else {
		db_bind_blob(q, 4, one->value);
	}
	return db_run(q);
}

static enum err
log_record(struct store *s, const struct store_annotation *one)
{
	struct store_place place;
	struct store_meta_annotation m = { one->mailbox, one->modseq, one->value.p != NULL,
		one->entry };
	buf_reset(&s->blob);
	store_meta_annotation_put(&s->blob, &m);
	TRY(buf_err(&s->blob));
	struct store_record r = { .type = STORE_RECORD_ANNOTATION,
		.plain = (uint32_t)one->value.n,
		.meta = buf_view(&s->blob),
		.payload = one->value };
	return store_log_put(s, &r, &place);
}

/* ---- limits ------------------------------------------------------------------------------- */

static enum err
count(struct store *s, uint64_t mailbox, bool removed, uint64_t *ret)
{
	struct db_stmt *q = db_query(s->db,
	    "SELECT count(*) FROM annotation WHERE mailbox = ? AND (value IS NOT NULL OR ?)");
	db_bind_u64(q, 1, mailbox);
	db_bind_u64(q, 2, removed);
	return number_of(q, ret);
}

/* After a change: does everything still fit? Rows of what was removed give way first. */
static enum err
check_room(struct store *s, uint64_t mailbox)
{
	uint64_t n = 0, octets = 0;
	TRY(count(s, mailbox, true, &n));
	if (n > STORE_ANNOTATIONS_MAX) {
		struct db_stmt *q = db_query(s->db,
		    "DELETE FROM annotation WHERE mailbox = ? AND value IS NULL");
		db_bind_u64(q, 1, mailbox);
		TRY(db_run(q));
		TRY(count(s, mailbox, false, &n));
	}
	TRY(number_of(db_query(s->db,
			  "SELECT coalesce(sum(length(entry) + length(value)), 0) FROM annotation"
			  " WHERE value IS NOT NULL"),
	    &octets));
	uint64_t most = s->restricted ? STORE_ANNOTATION_OCTETS_GUEST : STORE_ANNOTATION_OCTETS_MAX;
	return n > STORE_ANNOTATIONS_MAX || octets > most ? ERR_TOOMANY : ERR_OK;
}

static enum err
check_one(struct store *s, const struct store_annotation *one)
{
	struct store_box box;
	ASSERT(one->entry.n > 0);
	if (one->entry.n > STORE_ANNOTATION_ENTRY_MAX ||
	    one->value.n > STORE_ANNOTATION_VALUE_MAX) {
		return ERR_TOOBIG;
	}
	return one->mailbox == 0 ? ERR_OK : store_box_load(s, one->mailbox, &box);
}

/* ---- changing ----------------------------------------------------------------------------- */

static enum err
annotate_in(struct store *s, const struct store_annotation *list, size_t n)
{
	uint64_t modseq = store_tick(s);
	for (size_t i = 0; i < n; i++) {
		struct store_annotation one = list[i];
		one.modseq = modseq;
		TRY(check_one(s, &one));
		TRY(store_annotation_put(s->db, &one));
		TRY(log_record(s, &one));
	}
	for (size_t i = 0; i < n; i++) {
		if (i == 0 || list[i].mailbox != list[i - 1].mailbox) {
			TRY(check_room(s, list[i].mailbox));
		}
	}
	return ERR_OK;
}

enum err
store_annotate(struct store *s, const struct store_annotation *list, size_t n, uint64_t *ret_modseq)
{
	TRY(store_begin(s, DB_DURABLE));
	enum err e = annotate_in(s, list, n);
	uint64_t modseq = s->account.clock;
	TRY(store_end(s, e));
	if (ret_modseq != NULL) {
		*ret_modseq = modseq;
	}
	return ERR_OK;
}

static enum err
choose_in(struct store *s, const struct store_annotation_choice *c)
{
	struct list l = { .a = c->a };
	struct store_annotation one = { .mailbox = c->mailbox };
	TRY(annotations_in(s, c->mailbox, c->start, &l));
	struct store_annotation_list now = { l.v, l.n };
	TRY(c->choose(c->ctx, &now, &one));
	ASSERT(one.mailbox == c->mailbox && str_starts(one.entry, c->start));
	if (s->restricted && !str_eq(one.entry, s->only.entry)) {
		return ERR_DENIED;
	}
	return annotate_in(s, &one, 1);
}

enum err
store_annotate_by(struct store *s, const struct store_annotation_choice *c)
{
	TRY(store_may(s, s->only.annotate != 0 && s->only.annotate == c->mailbox));
	TRY(store_begin(s, DB_DURABLE));
	return store_end(s, choose_in(s, c));
}

/* The records of a mailbox that is deleted need no answer: a rebuild sees that it is gone. */
enum err
store_annotations_drop(struct store *s, uint64_t mailbox)
{
	struct db_stmt *q = db_query(s->db, "DELETE FROM annotation WHERE mailbox = ?");
	db_bind_u64(q, 1, mailbox);
	return db_run(q);
}

static enum err
copy_rows(struct store *s, struct db_stmt *q, uint64_t to)
{
	enum err e = ERR_OK;
	uint64_t modseq = store_tick(s);
	while (e == ERR_OK && (e = db_row(q)) == ERR_OK) {
		str value = db_blob(q, 1);
		struct store_annotation one = { to, modseq, db_str(q, 0),
			value.p == NULL ? S("") : value };
		e = store_annotation_put(s->db, &one);
		e = e == ERR_OK ? log_record(s, &one) : e;
	}
	db_done(q);
	return e == ERR_NOTFOUND ? ERR_OK : e;
}

enum err
store_annotations_copy(struct store *s, uint64_t from, uint64_t to)
{
	struct db_stmt *q = db_query(s->db,
	    "SELECT entry, value FROM annotation WHERE mailbox = ? AND value IS NOT NULL");
	db_bind_u64(q, 1, from);
	return copy_rows(s, q, to);
}

/* METADATA is a mailbox's own. */
enum err
store_annotations_hand_down(struct store *s, uint64_t from, uint64_t to)
{
	struct db_stmt *q = db_query(s->db,
	    "SELECT entry, value FROM annotation WHERE mailbox = ? AND value IS NOT NULL"
	    " AND substr(entry, 1, 1) != '/'");
	db_bind_u64(q, 1, from);
	TRY(copy_rows(s, q, to));
	return check_room(s, to);
}
