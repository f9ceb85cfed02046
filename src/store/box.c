/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of the table mailbox: counters, reserved uids, keywords, and the record that tells the
 * packs what a mailbox is. Names are dealt with in mailbox.c. The keywords are one blob, a NUL
 * behind each; the place in the list is the flag bit, and nothing is ever taken off it.
 */
#include "store/store_priv.h"

enum err
store_box_load(struct store *s, uint64_t id, struct store_box *ret)
{
	struct db_stmt *q = db_query(s->db,
	    "SELECT modseq, gone_floor, octets, uidvalidity, uidnext, uid_reserved, messages,"
	    " unseen,"
	    " deleted FROM mailbox WHERE id = ?");
	db_bind_u64(q, 1, id);
	enum err e = db_row(q);
	if (e == ERR_OK) {
		*ret = (struct store_box){
			.id = id,
			.modseq = db_u64(q, 0),
			.gone_floor = db_u64(q, 1),
			.octets = db_u64(q, 2),
			.uidvalidity = (uint32_t)db_u64(q, 3),
			.uidnext = (uint32_t)db_u64(q, 4),
			.uid_reserved = (uint32_t)db_u64(q, 5),
			.messages = (uint32_t)db_u64(q, 6),
			.unseen = (uint32_t)db_u64(q, 7),
			.deleted = (uint32_t)db_u64(q, 8),
		};
	}
	db_done(q);
	return e;
}

enum err
store_box_save(struct store *s, const struct store_box *b)
{
	struct db_stmt *q = db_query(s->db,
	    "UPDATE mailbox SET modseq = ?, gone_floor = ?, octets = ?, uidnext = ?,"
	    " uid_reserved = ?,"
	    " messages = ?, unseen = ?, deleted = ? WHERE id = ?");
	db_bind_u64(q, 1, b->modseq);
	db_bind_u64(q, 2, b->gone_floor);
	db_bind_u64(q, 3, b->octets);
	db_bind_u64(q, 4, b->uidnext);
	db_bind_u64(q, 5, b->uid_reserved);
	db_bind_u64(q, 6, b->messages);
	db_bind_u64(q, 7, b->unseen);
	db_bind_u64(q, 8, b->deleted);
	db_bind_u64(q, 9, b->id);
	return db_run(q);
}

void
store_box_count(struct store_box *b, const struct store_msg *m, int by)
{
	uint32_t one = (uint32_t)by; /* +1 or -1, modulo 2^32 */
	b->messages += one;
	b->unseen += (m->flags & STORE_SEEN) == 0 ? one : 0;
	b->deleted += (m->flags & STORE_DELETED) != 0 ? one : 0;
	b->octets += by > 0 ? (uint64_t)m->size : 0 - (uint64_t)m->size;
}

enum err
store_box_reserve(struct store *s, struct store_box *b, uint32_t n)
{
	if (n > UINT32_MAX - 1 - b->uidnext) {
		return ERR_TOOMANY; /* the uids of this mailbox are used up: it must be made anew */
	}
	uint64_t need = (uint64_t)b->uidnext + n + STORE_MARGIN;
	if (need <= b->uid_reserved || b->uid_reserved == UINT32_MAX) {
		return ERR_OK;
	}
	b->uid_reserved = (uint32_t)MIN(need + STORE_RESERVE, UINT32_MAX);
	s->sync_after = true;
	TRY(store_box_save(s, b));
	return store_box_log(s, b->id, false);
}

static enum err
log_record(struct store *s, const struct store_meta_mailbox *m)
{
	struct store_place place;
	buf_reset(&s->blob);
	store_meta_mailbox_put(&s->blob, m);
	TRY(buf_err(&s->blob));
	struct store_record r = { .type = STORE_RECORD_MAILBOX, .meta = buf_view(&s->blob) };
	return store_log_put(s, &r, &place);
}

enum err
store_box_log(struct store *s, uint64_t id, bool deleted)
{
	struct db_stmt *q = db_query(s->db,
	    "SELECT uidvalidity, uid_reserved, special, name, keywords FROM mailbox WHERE id ="
	    " ?");
	db_bind_u64(q, 1, id);
	enum err e = db_row(q);
	if (e == ERR_OK) {
		struct store_meta_mailbox m = {
			.id = id,
			.modseq = s->account.clock,
			.clock = s->account.clock_reserved,
			.uidvalidity = (uint32_t)db_u64(q, 0),
			.uidnext = (uint32_t)db_u64(q, 1),
			.special = (uint32_t)db_u64(q, 2),
			.deleted = deleted,
			.name = db_str(q, 3),
			.keywords = db_blob(q, 4),
		};
		e = log_record(s, &m);
	}
	db_done(q);
	return e;
}

/* UIDVALIDITY: the time, but always more than any before (RFC 9051 2.3.1.1). */
static uint32_t
next_uidvalidity(struct store *s)
{
	int64_t now = store_now(s);
	uint32_t v = now > 0 && now < UINT32_MAX ? (uint32_t)now : 1;
	v = MAX(v, s->account.uidvalidity + 1);
	s->account.uidvalidity = v;
	s->account_dirty = true;
	return v;
}

enum err
store_box_new(struct store *s, str name, unsigned special, uint64_t *ret_id)
{
	uint64_t id = s->account.mailbox_next++;
	if (id > INT32_MAX) {
		return ERR_TOOMANY;
	}
	struct db_stmt *q = db_query(s->db,
	    "INSERT INTO mailbox VALUES(?, ?, ?, 1, ?, ?, 0, 0, 0, 0, 0, ?, ?)");
	db_bind_u64(q, 1, id);
	db_bind_str(q, 2, name);
	db_bind_u64(q, 3, next_uidvalidity(s));
	db_bind_u64(q, 4, STORE_MARGIN + STORE_RESERVE);
	db_bind_u64(q, 5, store_tick(s));
	db_bind_u64(q, 6, special);
	db_bind_blob(q, 7, STR_NONE);
	TRY(db_run(q));
	*ret_id = id;
	return store_box_log(s, id, false);
}

/* ---- keywords ----------------------------------------------------------------------------- */

/* RFC 9051 9: an atom; no "\" in front (those are the system's). */
static bool
is_atom(str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] <= ' ' || s.p[i] >= 0x7f || str_chr(S("(){%*\"\\]"), s.p[i]) >= 0) {
			return false;
		}
	}
	return s.n > 0;
}

static enum err
keywords_load(struct store *s, uint64_t mailbox, struct buf *out)
{
	struct db_stmt *q = db_query(s->db, "SELECT keywords FROM mailbox WHERE id = ?");
	db_bind_u64(q, 1, mailbox);
	enum err e = db_row(q);
	if (e == ERR_OK) {
		buf_reset(out);
		buf_str(out, db_blob(q, 0));
		e = buf_err(out);
	}
	db_done(q);
	return e;
}

static enum err
split(str blob, struct store_keywords *ret)
{
	ret->n = 0;
	while (blob.n > 0) {
		str name, rest;
		if (ret->n == STORE_KEYWORDS_MAX || !str_cut(blob, 0, &name, &rest)) {
			return ERR_CORRUPT;
		}
		ret->name[ret->n++] = name;
		blob = rest;
	}
	return ERR_OK;
}

enum err
store_keywords_in(struct store *s, uint64_t mailbox, struct buf *out, struct store_keywords *ret)
{
	TRY(keywords_load(s, mailbox, out));
	return split(buf_view(out), ret);
}

enum err
store_keywords(struct store *s, uint64_t mailbox, struct arena *a, struct store_keywords *ret)
{
	struct buf b;
	buf_init(&b, STORE_RECORD_META_MAX);
	TRY(store_begin(s, DB_READ));
	enum err e = store_end(s, keywords_load(s, mailbox, &b));
	str copy = e == ERR_OK ? arena_dup(a, buf_view(&b)) : STR_NONE;
	buf_done(&b);
	TRY(e);
	return copy.p == NULL ? ERR_BUDGET : split(copy, ret);
}

/* The bit of a name in the list, 0 when it is not there. */
static uint32_t
bit_of(const struct store_keywords *k, str name)
{
	for (size_t i = 0; i < k->n; i++) {
		if (str_ieq(k->name[i], name)) {
			return 1u << (STORE_KEYWORD_BIT + i);
		}
	}
	return 0;
}

enum err
store_keyword_in(struct store *s, uint64_t mailbox, str name, uint32_t *ret_bit)
{
	char storage[STORE_RECORD_META_MAX];
	struct buf b;
	struct store_keywords k;
	buf_init_fixed(&b, storage, sizeof storage);
	TRY(store_keywords_in(s, mailbox, &b, &k));
	uint32_t bit = bit_of(&k, name);
	if (bit != 0 || s->mode == DB_READ) {
		*ret_bit = bit;
		return ERR_OK;
	}
	if (k.n == STORE_KEYWORDS_MAX) {
		return ERR_TOOMANY;
	}
	buf_str(&b, name);
	buf_ch(&b, 0);
	TRY(buf_err(&b));
	struct db_stmt *q = db_query(s->db, "UPDATE mailbox SET keywords = ? WHERE id = ?");
	db_bind_blob(q, 1, buf_view(&b));
	db_bind_u64(q, 2, mailbox);
	TRY(db_run(q));
	(void)store_tick(s);
	*ret_bit = 1u << (STORE_KEYWORD_BIT + k.n);
	return store_box_log(s, mailbox, false);
}

/* Under a restriction: where others than the flags of the system may be changed, or come in. */
static bool
may_add_keywords(const struct store *s, uint64_t mailbox)
{
	const struct store_restriction *r = &s->only;
	uint32_t flags = (mailbox == r->mailbox ? r->flags : 0) |
	    (mailbox == r->insert ? r->insert_flags : 0);
	return (flags & ~(uint32_t)STORE_SYSTEM_FLAGS) != 0;
}

enum err
store_keyword(struct store *s, uint64_t mailbox, str name, uint32_t *ret_bit)
{
	uint32_t bit = 0;
	if (name.n > STORE_KEYWORD_OCTETS_MAX) {
		return ERR_TOOBIG;
	}
	if (!is_atom(name)) {
		return ERR_SYNTAX;
	}
	TRY(store_begin(s, DB_READ));
	TRY(store_end(s, store_keyword_in(s, mailbox, name, &bit)));
	if (bit == 0) {
		TRY(store_may(s, may_add_keywords(s, mailbox)));
		TRY(store_begin(s, DB_WRITE));
		TRY(store_end(s, store_keyword_in(s, mailbox, name, &bit)));
	}
	*ret_bit = bit;
	return ERR_OK;
}
