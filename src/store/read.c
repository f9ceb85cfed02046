/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading messages back. What was decompressed last is kept, whole or the beginning of it, so
 * that a client that fetches a message in pieces costs one decompression.
 */
#include "base/mem.h"
#include "store/store_priv.h"
#include "sys/file.h"

#include <zstd.h>

enum {
	SMALL =
	    64 << 10, /* records up to this are read whole even when only the header is wanted */
	PIECE = 64 << 10, /* stored octets read at a time otherwise */
};

#define ROW_COLUMNS \
	"SELECT refs, pack, off, octets, size, header, internal, thread, id FROM message WHERE id"

static enum err
next_row(struct db_stmt *q, struct store_row *ret)
{
	enum err e = db_row(q);
	if (e == ERR_OK) {
		*ret = (struct store_row){
			.refs = (uint32_t)db_u64(q, 0),
			.place = { (uint32_t)db_u64(q, 1), db_u64(q, 2), db_u64(q, 3) },
			.size = (uint32_t)db_u64(q, 4),
			.header_octets = (uint32_t)db_u64(q, 5),
			.internal_s = db_i64(q, 6),
			.thread = db_u64(q, 7),
			.id = db_u64(q, 8),
		};
	}
	return e;
}

enum err
store_row_load(struct store *s, uint64_t id, struct store_row *ret)
{
	struct db_stmt *q = db_query(s->db, ROW_COLUMNS " = ?");
	db_bind_u64(q, 1, id);
	enum err e = next_row(q, ret);
	db_done(q);
	return e;
}

/* ---- reading ahead ------------------------------------------------------------------------ */

void
store_ahead_forget(struct store *s, bool free)
{
	s->ahead.n = s->ahead.at = 0;
	buf_reset(&s->ahead.octets);
	if (free) {
		MEM_FREE(s->ahead.rows);
		buf_done(&s->ahead.octets);
	}
}

/* The rows from this id on. */
static enum err
fill_ahead(struct store *s, uint64_t id)
{
	struct store_ahead *a = &s->ahead;
	enum err e = ERR_OK;
	if (a->rows == NULL) {
		a->rows = mem_zalloc(STORE_AHEAD_ROWS, sizeof *a->rows);
	}
	a->n = a->at = a->used = 0;
	if (a->rows == NULL) {
		return ERR_NOMEM;
	}
	struct db_stmt *q = db_query(s->db, ROW_COLUMNS " >= ? ORDER BY id LIMIT ?");
	db_bind_u64(q, 1, id);
	db_bind_u64(q, 2, STORE_AHEAD_ROWS);
	while (e == ERR_OK && a->n < STORE_AHEAD_ROWS) {
		e = next_row(q, &a->rows[a->n]);
		a->n += e == ERR_OK;
	}
	db_done(q);
	return e == ERR_NOTFOUND ? ERR_OK : e;
}

/* Is the row of this id among those that were read? Then it is the one at `at`. */
static bool
is_ahead(struct store_ahead *a, uint64_t id)
{
	if (a->n == 0 || id < a->rows[a->at].id || id > a->rows[a->n - 1].id) {
		return false;
	}
	while (a->rows[a->at].id < id) {
		a->at++;
	}
	return a->rows[a->at].id == id;
}

enum err
store_row_next(struct store *s, uint64_t id, struct store_row *ret)
{
	struct store_ahead *a = &s->ahead;
	bool in_order = s->held && id > a->last && id - a->last < STORE_AHEAD_GAP;
	a->streak = in_order ? a->streak + 1 : id == a->last ? a->streak : 0;
	a->last = id;
	if (!is_ahead(a, id)) {
		if (a->n > 0 && a->used < a->n / 4) {
			a->streak = 0; /* in order, but few of many */
			a->n = 0;
		}
		if (a->streak < STORE_AHEAD_STREAK) {
			return store_row_load(s, id, ret);
		}
		TRY(fill_ahead(s, id));
		if (!is_ahead(a, id)) {
			return ERR_NOTFOUND;
		}
	}
	a->used++;
	*ret = a->rows[a->at];
	return ERR_OK;
}

/* How much of the pack from this row on holds the rows behind it. */
static size_t
reach(const struct store_ahead *a)
{
	const struct store_place *first = &a->rows[a->at].place;
	uint64_t end = first->off + first->octets;
	for (size_t i = a->at + 1; i < a->n; i++) {
		const struct store_place *p = &a->rows[i].place;
		if (p->pack != first->pack || p->off < end ||
		    p->off + p->octets - first->off > STORE_AHEAD_OCTETS) {
			break;
		}
		end = p->off + p->octets;
	}
	return (size_t)(end - first->off);
}

/* Read on from this row. NOTFOUND: not from here; whatever it is, reading one record tells. */
static enum err
read_ahead(struct store *s)
{
	struct store_ahead *a = &s->ahead;
	const struct store_place *p = &a->rows[a->at].place;
	int fd;
	if (p->octets > STORE_AHEAD_OCTETS / 4) {
		return ERR_NOTFOUND;
	}
	size_t n = reach(a);
	buf_reset(&a->octets);
	char *to = buf_room(&a->octets, n);
	if (to == NULL || store_log_fd(s, p->pack, &fd) != ERR_OK ||
	    sys_file_read_exact(fd, p->off, to, n) != ERR_OK) {
		return ERR_NOTFOUND;
	}
	buf_grow(&a->octets, n);
	a->pack = p->pack;
	a->off = p->off;
	return ERR_OK;
}

static bool
covers(const struct store_ahead *a, const struct store_place *p)
{
	return a->octets.n > 0 && a->pack == p->pack && p->off >= a->off &&
	    p->octets <= a->octets.n && p->off - a->off <= a->octets.n - p->octets;
}

/* The record of a row, from what was read ahead if it is there. */
static enum err
get_record(struct store *s, const struct store_row *row, struct store_record *ret)
{
	struct store_ahead *a = &s->ahead;
	bool ahead = a->n > 0 && a->rows[a->at].id == row->id;
	if (!ahead || (!covers(a, &row->place) && read_ahead(s) != ERR_OK)) {
		return store_log_get(s, &row->place, &s->packed, ret);
	}
	str octets = str_sub(buf_view(&a->octets), row->place.off - a->off, row->place.octets);
	enum err e = store_record_get(octets, ret);
	return e == ERR_EOF ? ERR_CORRUPT : e;
}

/* ---- cold facts --------------------------------------------------------------------------- */

static enum err
get_caches(struct store *s, struct arena *a, struct store_cold *c)
{
	struct db_stmt *q = db_query(s->db, "SELECT envelope, structure FROM message WHERE id = ?");
	db_bind_u64(q, 1, c->id);
	enum err e = db_row(q);
	if (e == ERR_OK) {
		c->envelope = arena_dup(a, db_blob(q, 0));
		c->structure = arena_dup(a, db_blob(q, 1));
		e = c->envelope.p == NULL || c->structure.p == NULL ? ERR_BUDGET : ERR_OK;
	}
	db_done(q);
	return e;
}

static enum err
cold_in(struct store *s, uint64_t id, struct arena *a, struct store_cold *ret)
{
	struct store_row row;
	TRY(store_row_next(s, id, &row));
	struct store_cold c = { .id = id,
		.thread = row.thread,
		.internal_s = row.internal_s,
		.size = row.size,
		.header_octets = row.header_octets };
	TRY(a != NULL ? get_caches(s, a, &c) : ERR_OK);
	*ret = c;
	return ERR_OK;
}

enum err
store_cold(struct store *s, uint64_t id, struct arena *a, struct store_cold *ret)
{
	TRY(store_begin(s, DB_READ));
	return store_end(s, cold_in(s, id, a, ret));
}

/* NOTFOUND: no message, or nothing is kept of it. */
static enum err
results_in(struct store *s, uint64_t id, struct arena *a, struct mail_results *ret)
{
	struct db_stmt *q = db_query(s->db, "SELECT results FROM message WHERE id = ?");
	db_bind_u64(q, 1, id);
	enum err e = db_row(q);
	if (e == ERR_OK) {
		str octets = arena_dup(a, db_blob(q, 0));
		e = octets.p == NULL ? ERR_BUDGET
		    : octets.n == 0  ? ERR_NOTFOUND
				     : mail_results_get(octets, ret);
	}
	db_done(q);
	return e == ERR_SYNTAX ? ERR_CORRUPT : e;
}

enum err
store_results(struct store *s, uint64_t id, struct arena *a, struct mail_results *ret)
{
	TRY(store_begin(s, DB_READ));
	return store_end(s, results_in(s, id, a, ret));
}

/* ---- octets ------------------------------------------------------------------------------- */

enum err
store_need_unzip(struct store *s)
{
	if (s->unzip == NULL && (s->unzip = ZSTD_createDCtx()) == NULL) {
		return ERR_NOMEM;
	}
	return ERR_OK;
}

enum err
store_unpack(struct store *s, const struct store_record *r, struct buf *out)
{
	buf_reset(out);
	if ((r->flags & STORE_RECORD_ZSTD) == 0) {
		buf_str(out, r->payload);
		return buf_err(out);
	}
	TRY(store_need_unzip(s));
	char *to = buf_room(out, MAX(r->plain, 1u));
	if (to == NULL) {
		return buf_err(out);
	}
	size_t n = ZSTD_decompressDCtx(s->unzip, to, r->plain, r->payload.p, r->payload.n);
	if (ZSTD_isError(n) || n != r->plain) {
		return ERR_CORRUPT;
	}
	buf_grow(out, n);
	return ERR_OK;
}

/* A missing pack or a short file is damage, not absence. */
static enum err
as_damage(enum err e)
{
	return e == ERR_NOTFOUND || e == ERR_EOF || e == ERR_SYNTAX ? ERR_CORRUPT : e;
}

enum err
store_row_check(struct store *s, const struct store_row *row)
{
	struct store_record r;
	struct store_meta_message meta;
	enum err e = store_log_get(s, &row->place, &s->join, &r);
	if (e == ERR_OK && r.type != STORE_RECORD_MESSAGE) {
		e = ERR_CORRUPT;
	}
	if (e == ERR_OK) {
		e = store_meta_message_get(&r, &meta);
	}
	if (e == ERR_OK && (meta.id != row->id || r.plain != row->size)) {
		e = ERR_CORRUPT;
	}
	return as_damage(e);
}

static enum err
read_whole(struct store *s, const struct store_row *row)
{
	struct store_record r;
	TRY(get_record(s, row, &r));
	if (r.plain != row->size) {
		return ERR_CORRUPT;
	}
	TRY(store_unpack(s, &r, &s->text.octets));
	s->text.whole = true;
	return ERR_OK;
}

/* Feed one piece to the decompressor; its output goes to the text. */
static enum err
unzip_piece(struct store *s, str piece, size_t want)
{
	ZSTD_inBuffer in = { piece.p, piece.n, 0 };
	struct buf *out = &s->text.octets;
	while (in.pos < in.size && out->n < want) {
		char *to = buf_room(out, PIECE);
		if (to == NULL) {
			return buf_err(out);
		}
		ZSTD_outBuffer o = { to, PIECE, 0 };
		size_t rc = ZSTD_decompressStream(s->unzip, &o, &in);
		if (ZSTD_isError(rc)) {
			return ERR_CORRUPT;
		}
		buf_grow(out, o.pos);
		if (rc == 0) {
			return ERR_OK;
		}
	}
	return ERR_OK;
}

static enum err
unzip_front(struct store *s, int fd, uint64_t from, uint64_t to, size_t want)
{
	TRY(store_need_unzip(s));
	ZSTD_DCtx_reset(s->unzip, ZSTD_reset_session_only);
	while (from < to && s->text.octets.n < want) {
		size_t n = (size_t)MIN(to - from, (uint64_t)PIECE);
		buf_reset(&s->packed);
		char *at = buf_room(&s->packed, n);
		if (at == NULL) {
			return buf_err(&s->packed);
		}
		TRY(sys_file_read_exact(fd, from, at, n));
		TRY(unzip_piece(s, str_make(at, n), want));
		from += n;
	}
	return s->text.octets.n < want ? ERR_CORRUPT : ERR_OK;
}

/* Only the first `want` octets of a large message. The checksum is not looked at. */
static enum err
read_front(struct store *s, const struct store_row *row, size_t want)
{
	char front[STORE_RECORD_HEAD];
	struct store_record_head h;
	int fd;
	TRY(store_log_fd(s, row->place.pack, &fd));
	TRY(sys_file_read_exact(fd, row->place.off, front, sizeof front));
	TRY(store_record_head(str_make(front, sizeof front), &h));
	if (h.octets != row->place.octets || h.plain_n != row->size) {
		return ERR_CORRUPT;
	}
	uint64_t from = row->place.off + STORE_RECORD_HEAD + h.meta_n;
	buf_reset(&s->text.octets);
	s->text.whole = false;
	if ((h.flags & STORE_RECORD_ZSTD) != 0) {
		return unzip_front(s, fd, from, from + h.payload_n, want);
	}
	char *to = buf_room(&s->text.octets, want);
	if (to == NULL) {
		return buf_err(&s->text.octets);
	}
	TRY(sys_file_read_exact(fd, from, to, want));
	buf_grow(&s->text.octets, want);
	return ERR_OK;
}

static enum err
find_row(struct store *s, uint64_t id, struct store_row *ret)
{
	TRY(store_begin(s, DB_READ));
	return store_end(s, store_row_next(s, id, ret));
}

/* Is what is kept of a message enough? */
static bool
has(const struct store *s, uint64_t id, size_t want)
{
	return s->text.id == id && (s->text.whole || s->text.octets.n >= want);
}

/* Have at least the first `want` octets of the message (all: SIZE_MAX) in s->text. */
static enum err
have(struct store *s, struct store_row *row, size_t want)
{
	enum err e = ERR_OK;
	for (int i = 0; i < STORE_RETRIES; i++) {
		s->text.id = 0;
		bool front = want < row->size && row->place.octets > SMALL;
		e = front ? read_front(s, row, want) : read_whole(s, row);
		if (e == ERR_OK) {
			s->text.id = row->id;
			return ERR_OK;
		}
		if (e != ERR_NOTFOUND) {
			break; /* NOTFOUND: the pack was compacted away after we read the row */
		}
		store_hold_again(s);
		TRY(find_row(s, row->id, row));
	}
	return as_damage(e);
}

enum err
store_text(struct store *s, uint64_t id, str *ret)
{
	return store_part(s, id, 0, SIZE_MAX, ret);
}

enum err
store_header(struct store *s, uint64_t id, str *ret)
{
	struct store_row row;
	TRY(find_row(s, id, &row));
	size_t n = row.header_octets;
	TRY(has(s, id, n) ? ERR_OK : have(s, &row, n));
	*ret = str_sub(buf_view(&s->text.octets), 0, n);
	return ERR_OK;
}

enum err
store_part(struct store *s, uint64_t id, size_t off, size_t n, str *ret)
{
	struct store_row row;
	size_t want = off > SIZE_MAX - n ? SIZE_MAX : off + n;
	want = want > SMALL ? SIZE_MAX : want;
	if (!has(s, id, want)) {
		TRY(find_row(s, id, &row));
		TRY(have(s, &row, want));
	}
	*ret = str_sub(buf_view(&s->text.octets), off, n);
	return ERR_OK;
}
