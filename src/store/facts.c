/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Blocks of facts. A row of the table `fact` is one kind of up to STORE_FACT_BLOCK messages;
 * its key is kind << 56 | id of the first one. All kinds end at the same message.
 *
 *	OFFSET  SIZE     MEANING
 *	0       2        messages, n
 *	2       4        octets of the rest, plain
 *	6       ...      the rest, compressed: n ids (8 octets each), n lengths (4), the strings
 */
#include "store/facts.h"

#include "base/wire.h"
#include "store/store_priv.h"

#include <zstd.h>

enum {
	KIND_SHIFT = 56,
	HEAD = 6,
	LEVEL = 1,
	ENTRY = 12,          /* id and length */
	BLOCK_OCTETS = 65536 /* a block is closed when its strings reach this */
};

static_assert(STORE_FACT_KINDS <= 127, "a key is a positive 64-bit number");

static uint64_t
key_of(unsigned kind, uint64_t id)
{
	return (uint64_t)kind << KIND_SHIFT | id;
}

/* The last message that has facts; 0: none. */
static enum err
end_of_facts(struct store *s, uint64_t *ret)
{
	struct db_stmt *q = db_query(s->db,
	    "SELECT last FROM fact WHERE key < ? ORDER BY key DESC LIMIT 1");
	db_bind_u64(q, 1, key_of(1, 0));
	enum err e = db_row(q);
	*ret = e == ERR_OK ? db_u64(q, 0) : 0;
	db_done(q);
	return e == ERR_NOTFOUND ? ERR_OK : e;
}

static enum err
missing_in(struct store *s, uint64_t *ids, size_t cap, size_t *ret_n)
{
	uint64_t end;
	size_t n = 0;
	TRY(end_of_facts(s, &end));
	struct db_stmt *q = db_query(s->db, "SELECT id FROM message WHERE id > ? ORDER BY id");
	db_bind_u64(q, 1, end);
	enum err e = ERR_OK;
	while (n < cap && (e = db_row(q)) == ERR_OK) {
		ids[n++] = db_u64(q, 0);
	}
	db_done(q);
	*ret_n = n;
	return e == ERR_NOTFOUND ? ERR_OK : e;
}

enum err
store_facts_missing(struct store *s, uint64_t *ids, size_t cap, size_t *ret_n)
{
	TRY(store_begin(s, DB_READ));
	return store_end(s, missing_in(s, ids, cap, ret_n));
}

/* ---- adding ------------------------------------------------------------------------------- */

/* What is being added: a part of one kind. */
struct adding {
	unsigned kind;
	const struct store_fact *list;
	size_t n;
	struct buf *plain; /* scratch */
};

static str
kept(const struct store_fact *f, unsigned kind)
{
	str v = f->v[kind];
	return v.n > STORE_FACT_MAX ? STR_NONE : v;
}

/* The blob of one block in `out`. */
static enum err
pack_block(struct store *s, const struct adding *x, size_t n, struct buf *out)
{
	if (s->zip == NULL && (s->zip = ZSTD_createCCtx()) == NULL) {
		return ERR_NOMEM;
	}
	struct buf *plain = x->plain;
	const struct store_fact *list = x->list;
	unsigned kind = x->kind;
	buf_reset(plain);
	buf_reset(out);
	for (size_t i = 0; i < n; i++) {
		wr_u64(plain, list[i].id);
	}
	for (size_t i = 0; i < n; i++) {
		wr_u32(plain, (uint32_t)kept(&list[i], kind).n);
	}
	for (size_t i = 0; i < n; i++) {
		buf_str(plain, kept(&list[i], kind));
	}
	TRY(buf_err(plain));
	wr_u16(out, (uint16_t)n);
	wr_u32(out, (uint32_t)plain->n);
	size_t room = ZSTD_compressBound(plain->n);
	char *to = buf_room(out, room);
	if (to == NULL) {
		return buf_err(out);
	}
	size_t got = ZSTD_compressCCtx(s->zip, to, room, plain->p, plain->n, LEVEL);
	if (ZSTD_isError(got)) {
		return ERR_NOMEM;
	}
	buf_grow(out, got);
	return ERR_OK;
}

static enum err
add_block(struct store *s, const struct adding *x, size_t n)
{
	TRY(pack_block(s, x, n, &s->packed));
	struct db_stmt *q = db_query(s->db, "INSERT INTO fact(key, last, data) VALUES(?, ?, ?)");
	db_bind_u64(q, 1, key_of(x->kind, x->list[0].id));
	db_bind_u64(q, 2, x->list[n - 1].id);
	db_bind_blob(q, 3, buf_view(&s->packed));
	return db_run(q);
}

/* How many messages from the front of the list make one block. */
static size_t
block_of(const struct adding *x)
{
	size_t octets = 0, i = 0;
	while (i < x->n && i < STORE_FACT_BLOCK && octets < BLOCK_OCTETS) {
		octets += kept(&x->list[i++], x->kind).n;
	}
	return i;
}

static enum err
add_kind(struct store *s, struct adding x)
{
	while (x.n > 0) {
		size_t some = block_of(&x);
		TRY(add_block(s, &x, some));
		x.list += some;
		x.n -= some;
	}
	return ERR_OK;
}

static enum err
add_in(struct store *s, struct adding x)
{
	uint64_t end;
	TRY(end_of_facts(s, &end));
	if (x.list[0].id <= end) {
		return ERR_EXISTS;
	}
	for (x.kind = 0; x.kind < STORE_FACT_KINDS; x.kind++) {
		TRY(add_kind(s, x));
	}
	return ERR_OK;
}

enum err
store_facts_add(struct store *s, const struct store_fact *list, size_t n)
{
	struct buf plain;
	if (n == 0) {
		return ERR_OK;
	}
	TRY(store_may(s, true));
	TRY(store_begin(s, DB_WRITE));
	buf_init(&plain, BLOCK_OCTETS + STORE_FACT_MAX + STORE_FACT_BLOCK * ENTRY);
	enum err e = add_in(s, (struct adding){ 0, list, n, &plain });
	buf_done(&plain);
	return store_end(s, e);
}

enum err
store_facts_prune(struct store *s)
{
	TRY(store_begin(s, DB_WRITE));
	struct db_stmt *q = db_query(s->db,
	    "DELETE FROM fact WHERE last < (SELECT max(id) FROM message) AND NOT EXISTS"
	    " (SELECT 1 FROM message WHERE id >= fact.key % 72057594037927936"
	    " AND id <= fact.last)");
	return store_end(s, db_run(q));
}

/* ---- reading ------------------------------------------------------------------------------ */

void
store_fact_reader_init(struct store_fact_reader *r, struct store *s, unsigned kind)
{
	*r = (struct store_fact_reader){ .store = s, .kind = kind, .end_from = UINT64_MAX };
	buf_init(&r->block, STORE_FACT_BLOCK * (STORE_FACT_MAX + ENTRY));
}

void
store_fact_reader_done(struct store_fact_reader *r)
{
	buf_done(&r->block);
	r->n = 0;
}

/* Decompress into r->block. */
static enum err
unzip_block(struct store_fact_reader *r, str data, size_t plain)
{
	struct store *s = r->store;
	TRY(store_need_unzip(s));
	buf_reset(&r->block);
	char *to = buf_room(&r->block, MAX(plain, (size_t)1));
	if (to == NULL) {
		return buf_err(&r->block) == ERR_TOOBIG ? ERR_CORRUPT : buf_err(&r->block);
	}
	size_t got = ZSTD_decompressDCtx(s->unzip, to, plain, data.p, data.n);
	if (ZSTD_isError(got) || got != plain) {
		return ERR_CORRUPT;
	}
	buf_grow(&r->block, got);
	return ERR_OK;
}

static enum err
read_block(struct store_fact_reader *r, str blob)
{
	struct rd head = rd_make(blob);
	size_t n = rd_u16(&head), plain = rd_u32(&head);
	if (head.bad || n == 0 || n > STORE_FACT_BLOCK || plain < n * ENTRY) {
		return ERR_CORRUPT;
	}
	TRY(unzip_block(r, str_from_off(blob, HEAD), plain));
	struct rd in = rd_make(buf_view(&r->block));
	for (size_t i = 0; i < n; i++) {
		r->id[i] = rd_u64(&in);
	}
	uint64_t off = n * ENTRY;
	for (size_t i = 0; i < n; i++) {
		r->off[i] = (uint32_t)off;
		off += rd_u32(&in);
		if (off > plain || (i > 0 && r->id[i] <= r->id[i - 1])) {
			return ERR_CORRUPT;
		}
	}
	r->off[n] = (uint32_t)off;
	r->n = n;
	return off == plain ? ERR_OK : ERR_CORRUPT;
}

/* Have the block that would hold `id`. NOTFOUND: there is none. */
static enum err
load_block(struct store_fact_reader *r, uint64_t id)
{
	db_ahead(r->store->db, &r->ahead, "fact", key_of(r->kind, id), key_of(r->kind + 1, 0) - 1);
	struct db_stmt *q = db_query(r->store->db,
	    "SELECT last, data FROM fact WHERE key <= ? AND key >= ? ORDER BY key DESC LIMIT 1");
	db_bind_u64(q, 1, key_of(r->kind, id));
	db_bind_u64(q, 2, key_of(r->kind, 0));
	enum err e = db_row(q);
	r->n = r->at = 0;
	if (e == ERR_OK && db_u64(q, 0) < id) {
		e = ERR_NOTFOUND;
		r->end_from = MIN(r->end_from, id); /* messages below the end all have facts */
	} else if (e == ERR_OK) {
		e = read_block(r, db_blob(q, 1));
		r->n = e == ERR_OK ? r->n : 0;
	}
	db_done(q);
	return e;
}

/* Where `id` stands in the block, looking on from the last answer. */
static enum err
look_up(struct store_fact_reader *r, uint64_t id, str *ret)
{
	size_t lo = r->id[r->at] <= id ? r->at : 0, hi = r->n;
	if (r->at + 1 < r->n && r->id[r->at + 1] == id) {
		lo = r->at + 1;
		hi = lo + 1;
	}
	while (hi - lo > 1) {
		size_t mid = lo + (hi - lo) / 2;
		if (r->id[mid] <= id) {
			lo = mid;
		} else {
			hi = mid;
		}
	}
	if (r->id[lo] != id) {
		return ERR_NOTFOUND;
	}
	r->at = lo;
	*ret = str_make(r->block.p + r->off[lo], r->off[lo + 1] - r->off[lo]);
	return ERR_OK;
}

enum err
store_fact_get(struct store_fact_reader *r, uint64_t id, str *ret)
{
	if (r->n == 0 || id < r->id[0] || id > r->id[r->n - 1]) {
		if (id >= r->end_from) {
			return ERR_NOTFOUND;
		}
		TRY(store_begin(r->store, DB_READ));
		TRY(store_end(r->store, load_block(r, id)));
	}
	return look_up(r, id, ret);
}
