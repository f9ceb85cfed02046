/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The folder text/ of an account, and the rows that say how far its files count. Who writes holds
 * text/lock; who reads needs nothing: octets below a row's end never change, and a file that went
 * is missing, which the reader notices.
 */
#include "store/text/text_priv.h"

#include "store/store_priv.h"
#include "sys/file.h"
#include "sys/sys.h"

enum err
store_text_begin(struct store_text *t, struct store *s)
{
	*t = (struct store_text){ .store = s, .dir = -1, .lock = -1 };
	mail_text_init(&t->text);
	store_text_new_init(&t->block);
	buf_init(&t->out, 8 * (size_t)STORE_TEXT_COLUMN_MAX);
	t->tree = arena_new(NULL, "text", STORE_TEXT_TREE, 0);
	if (t->tree == NULL) {
		return ERR_NOMEM;
	}
	enum err e = sys_dir_open(s->dir, S("text"), &t->dir);
	if (e == ERR_NOTFOUND) {
		e = sys_dir_make(s->dir, S("text"), 0700);
		TRY(e == ERR_EXISTS ? ERR_OK : e);
		TRY(sys_file_sync(s->dir));
		e = sys_dir_open(s->dir, S("text"), &t->dir);
	}
	TRY(e);
	return sys_file_open(t->dir, S("lock"), SYS_READ | SYS_WRITE | SYS_CREATE, &t->lock);
}

void
store_text_end(struct store_text *t)
{
	sys_close(&t->dir);
	sys_close(&t->lock);
	mail_text_done(&t->text);
	store_text_new_done(&t->block);
	buf_done(&t->out);
	arena_free(&t->tree);
}

/* ---- rows --------------------------------------------------------------------------------- */

static enum err
get_file(struct db_stmt *q, struct store_text_file *ret)
{
	enum err e = db_row(q);
	if (e == ERR_OK) {
		*ret = (struct store_text_file){ .number = (uint32_t)db_u64(q, 0),
			.first = db_u64(q, 1),
			.last = db_u64(q, 2),
			.end = db_u64(q, 3),
			.messages = db_u64(q, 4),
			.octets = db_u64(q, 5),
			.checked_s = db_i64(q, 6) };
	}
	db_done(q);
	return e;
}

enum err
store_text_file_next(struct store *s, uint64_t after, struct store_text_file *ret)
{
	TRY(store_begin(s, DB_READ));
	struct db_stmt *q = db_query(s->db,
	    "SELECT file, first, last, octets, messages, plain, checked FROM text WHERE first > ?"
	    " ORDER BY first LIMIT 1");
	db_bind_u64(q, 1, after);
	return store_end(s, get_file(q, ret));
}

enum err
store_text_file_last(struct store *s, struct store_text_file *ret)
{
	TRY(store_begin(s, DB_READ));
	struct db_stmt *q = db_query(s->db,
	    "SELECT file, first, last, octets, messages, plain, checked FROM text"
	    " ORDER BY first DESC LIMIT 1");
	return store_end(s, get_file(q, ret));
}

enum err
store_text_file_save(struct store *s, const struct store_text_file *f, uint32_t old)
{
	struct db_stmt *q = db_query(s->db, "DELETE FROM text WHERE file = ?");
	db_bind_u64(q, 1, old != 0 ? old : f->number);
	TRY(db_run(q));
	q = db_query(s->db,
	    "INSERT INTO text(file, first, last, octets, messages, plain, checked)"
	    " VALUES(?, ?, ?, ?, ?, ?, ?)");
	db_bind_u64(q, 1, f->number);
	db_bind_u64(q, 2, f->first);
	db_bind_u64(q, 3, f->last);
	db_bind_u64(q, 4, f->end);
	db_bind_u64(q, 5, f->messages);
	db_bind_u64(q, 6, f->octets);
	db_bind_i64(q, 7, f->checked_s);
	return db_run(q);
}

static enum err
ids_in(struct db_stmt *q, struct store_text_ids *ret)
{
	enum err e;
	ret->n = 0;
	while ((e = db_row(q)) == ERR_OK) {
		ret->v[ret->n++] = db_u64(q, 0);
	}
	db_done(q);
	return e == ERR_NOTFOUND ? ERR_OK : e;
}

enum err
store_text_ids(struct store *s, uint64_t after, uint64_t last, struct store_text_ids *ret)
{
	TRY(store_begin(s, DB_READ));
	struct db_stmt *q = db_query(s->db,
	    "SELECT id FROM message WHERE id > ? AND id <= ? ORDER BY id LIMIT ?");
	db_bind_u64(q, 1, after);
	db_bind_u64(q, 2, MIN(last, (uint64_t)INT64_MAX));
	db_bind_u64(q, 3, LEN(ret->v));
	return store_end(s, ids_in(q, ret));
}

enum err
store_text_count(struct store *s, uint64_t after, uint64_t last, uint64_t most, uint64_t *ret)
{
	TRY(store_begin(s, DB_READ));
	struct db_stmt *q = db_query(s->db,
	    "SELECT count(*) FROM (SELECT 1 FROM message WHERE id > ? AND id <= ? LIMIT ?)");
	db_bind_u64(q, 1, after);
	db_bind_u64(q, 2, MIN(last, (uint64_t)INT64_MAX));
	db_bind_u64(q, 3, MIN(most, (uint64_t)INT64_MAX));
	enum err e = db_row(q);
	*ret = db_u64(q, 0);
	db_done(q);
	return store_end(s, e);
}

/* ---- files -------------------------------------------------------------------------------- */

static str
name_of(uint32_t number, char out[16])
{
	return str_make(out, (size_t)snprintf(out, 16, "%06u", number));
}

enum err
store_text_file_open(struct store_text *t, uint32_t number, bool write, int *ret_fd)
{
	char name[16];
	return sys_file_open(t->dir, name_of(number, name), write ? SYS_READ | SYS_WRITE : SYS_READ,
	    ret_fd);
}

void
store_text_file_remove(struct store_text *t, uint32_t number)
{
	char name[16];
	/* What stays is removed when the next file is made. */
	(void)(sys_file_unlink(t->dir, name_of(number, name)) == ERR_OK);
}

static enum err
is_known(struct store *s, uint32_t number, bool *ret)
{
	TRY(store_begin(s, DB_READ));
	struct db_stmt *q = db_query(s->db, "SELECT 1 FROM text WHERE file = ?");
	db_bind_u64(q, 1, number);
	enum err e = db_row(q);
	db_done(q);
	*ret = e == ERR_OK;
	return store_end(s, e == ERR_NOTFOUND ? ERR_OK : e);
}

struct sweep {
	struct store_text *t;
	struct store_set seen;
};

static enum err
see_name(void *ctx, str name)
{
	struct sweep *w = ctx;
	uint32_t number;
	if (name.n >= 6 && name.n <= 10 && str_u32(name, &number) && number != 0) {
		store_set_add(&w->seen, number, number);
	}
	return store_set_err(&w->seen);
}

/* Remove the files that no row names: left by a crash, or by an index that was made again. */
static enum err
sweep(struct store_text *t, uint32_t *ret_highest)
{
	struct sweep w = { .t = t };
	bool known = false;
	store_set_init(&w.seen);
	enum err e = sys_dir_list(t->dir, see_name, &w);
	*ret_highest = e == ERR_OK && w.seen.n > 0 ? w.seen.v[w.seen.n - 1].hi : 0;
	for (size_t i = 0; e == ERR_OK && i < w.seen.n; i++) {
		for (uint64_t no = w.seen.v[i].lo; e == ERR_OK && no <= w.seen.v[i].hi; no++) {
			e = is_known(t->store, (uint32_t)no, &known);
			if (e == ERR_OK && !known) {
				store_text_file_remove(t, (uint32_t)no);
			}
		}
	}
	store_set_done(&w.seen);
	return e;
}

enum err
store_text_file_make(struct store_text *t, uint32_t *ret_number, int *ret_fd)
{
	uint32_t highest = 0;
	char name[16];
	TRY(sweep(t, &highest));
	if (highest == UINT32_MAX) {
		return ERR_TOOMANY;
	}
	str file = name_of(highest + 1, name);
	TRY(sys_file_open(t->dir, file, SYS_READ | SYS_WRITE | SYS_NEW, ret_fd));
	*ret_number = highest + 1;
	enum err e = sys_file_sync(t->dir);
	if (e != ERR_OK) {
		sys_close(ret_fd);
	}
	return e;
}
