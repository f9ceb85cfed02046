/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Adding messages: APPEND and delivery. The record goes to the pack log, the row to `message`,
 * the state to the last page of the mailbox, all in one transaction. Start reading with
 * store_append.
 */
#include "store/store_priv.h"

#include "base/codec.h"
#include "mail/results.h"

#include <zstd.h>

enum { LEVEL = 1 }; /* of compression: mail is written once and mostly read soon */

/* The message in one piece. */
static enum err
join(struct store *s, const struct store_new *msg, str *ret)
{
	if (msg->prefix.n > STORE_MESSAGE_MAX || msg->body.n > STORE_MESSAGE_MAX - msg->prefix.n) {
		return ERR_TOOBIG;
	}
	if (msg->prefix.n == 0) {
		*ret = msg->body;
		return ERR_OK;
	}
	buf_reset(&s->join);
	buf_str(&s->join, msg->prefix);
	buf_str(&s->join, msg->body);
	*ret = buf_view(&s->join);
	return buf_err(&s->join);
}

/* Up to and with the empty line; all of it when there is none. */
static uint32_t
header_of(str text)
{
	if (str_starts(text, S("\r\n"))) {
		return 2;
	}
	ptrdiff_t at = str_find(text, S("\r\n\r\n"));
	return (uint32_t)(at < 0 ? text.n : (size_t)at + 4);
}

/* The payload of a message record: compressed where that helps. */
static enum err
pack(struct store *s, str text, struct store_record *r)
{
	r->flags = 0;
	r->plain = (uint32_t)text.n;
	r->payload = text;
	if (text.n <= STORE_RAW_MAX) {
		return ERR_OK;
	}
	if (s->zip == NULL && (s->zip = ZSTD_createCCtx()) == NULL) {
		return ERR_NOMEM;
	}
	buf_reset(&s->packed);
	size_t room = ZSTD_compressBound(text.n);
	char *to = buf_room(&s->packed, room);
	if (to == NULL) {
		return buf_err(&s->packed);
	}
	size_t n = ZSTD_compressCCtx(s->zip, to, room, text.p, text.n, LEVEL);
	if (!ZSTD_isError(n) && n < text.n) {
		r->flags = STORE_RECORD_ZSTD;
		r->payload = str_make(to, n);
	}
	return ERR_OK;
}

enum err
store_add_record(struct store *s, struct store_meta_message *meta, const struct store_new *msg,
    struct store_row *row)
{
	struct store_record r = { .type = STORE_RECORD_MESSAGE };
	str text;
	TRY(join(s, msg, &text));
	TRY(pack(s, text, &r));
	meta->header_octets = msg->header_octets != 0 ? msg->header_octets : header_of(text);
	meta->header_octets = (uint32_t)MIN(meta->header_octets, text.n);
	buf_reset(&s->blob);
	store_meta_message_put(&s->blob, meta);
	TRY(buf_err(&s->blob));
	r.meta = buf_view(&s->blob);
	row->size = r.plain;
	row->header_octets = meta->header_octets;
	return store_log_put(s, &r, &row->place);
}

static void
bind_cache(struct db_stmt *q, int at, str blob)
{
	if (blob.n == 0 || blob.n > STORE_CACHE_BLOB_MAX) {
		db_bind_null(q, at);
	} else {
		db_bind_blob(q, at, blob);
	}
}

enum err
store_row_add(struct db *db, const struct store_row *row, str envelope, str structure)
{
	struct db_stmt *q = db_query(db,
	    "INSERT INTO message(id, refs, pack, off, octets, size, header,"
	    " internal, thread, envelope, structure, results)"
	    " VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
	db_bind_u64(q, 1, row->id);
	db_bind_u64(q, 2, row->refs);
	db_bind_u64(q, 3, row->place.pack);
	db_bind_u64(q, 4, row->place.off);
	db_bind_u64(q, 5, row->place.octets);
	db_bind_u64(q, 6, row->size);
	db_bind_u64(q, 7, row->header_octets);
	db_bind_i64(q, 8, row->internal_s);
	db_bind_u64(q, 9, row->thread);
	bind_cache(q, 10, envelope);
	bind_cache(q, 11, structure);
	bind_cache(q, 12, row->results);
	return db_run(q);
}

/* What store_add_record has just logged, still in one piece. */
static str
results_of(struct store *s, const struct store_delivery *d, uint32_t header_octets,
    struct buf *room)
{
	str text = d->msg.prefix.n > 0 ? buf_view(&s->join) : d->msg.body;
	if (d->entry != 0) {
		mail_results_keep(str_sub(text, 0, header_octets), room);
	}
	return buf_view(room);
}

static enum err
cache_in(struct store *s, const struct store_cached *c)
{
	struct db_stmt *q = db_query(s->db,
	    "UPDATE message SET envelope = ?, structure = ? WHERE id = ?");
	bind_cache(q, 1, c->envelope);
	bind_cache(q, 2, c->structure);
	db_bind_u64(q, 3, c->id);
	return db_run(q);
}

enum err
store_cache_set(struct store *s, const struct store_cached *list, size_t n)
{
	enum err e = ERR_OK;
	TRY(store_may(s, true));
	TRY(store_begin(s, DB_WRITE));
	for (size_t i = 0; e == ERR_OK && i < n; i++) {
		e = cache_in(s, &list[i]);
	}
	return store_end(s, e);
}

/* ---- quota -------------------------------------------------------------------------------- */

enum err
store_quota_load(struct store *s, struct store_quota *ret)
{
	struct db_stmt *q = db_query(s->db, "SELECT sum(octets), sum(messages) FROM mailbox");
	enum err e = db_row(q);
	if (e == ERR_OK) {
		*ret = (struct store_quota){ db_u64(q, 0), db_u64(q, 1), s->quota_octets,
			s->quota_messages };
	}
	db_done(q);
	return e;
}

enum err
store_quota(struct store *s, struct store_quota *ret)
{
	TRY(store_begin(s, DB_READ));
	return store_end(s, store_quota_load(s, ret));
}

void
store_quota_set(struct store *s, uint64_t octets_max, uint64_t messages_max)
{
	s->quota_octets = octets_max;
	s->quota_messages = messages_max;
}

enum err
store_quota_take(struct store *s, uint64_t octets)
{
	struct store_quota *q = &s->usage;
	if ((q->octets_max != 0 && octets > q->octets_max - MIN(q->octets, q->octets_max)) ||
	    (q->messages_max != 0 && q->messages >= q->messages_max)) {
		return ERR_QUOTA;
	}
	q->octets += octets;
	q->messages++;
	return ERR_OK;
}

/* ---- threads ------------------------------------------------------------------------------ */

/*
 * A message joins the thread of the first known message id among its own, then its references
 * from the newest back; else it begins one. A thread is never changed afterwards (RFC 8474 5.2),
 * so two threads that turn out to belong together stay two. Ids are kept as keyed hashes.
 */
static str
bare(str id)
{
	id = str_trim(id);
	if (id.n >= 2 && id.p[0] == '<' && id.p[id.n - 1] == '>') {
		id = str_sub(id, 1, id.n - 2);
	}
	return id;
}

/* Above INT64_MAX the database would not take it. */
static uint64_t
hash_of(const struct store *s, str id)
{
	return siphash(s->account.key, id) >> 1;
}

uint8_t
store_thread_hashes(const struct store *s, const struct store_new *msg, uint64_t *out)
{
	uint8_t n = 0;
	str own = bare(msg->message_id);
	if (own.n > 0) {
		out[n++] = hash_of(s, own);
	}
	for (size_t i = msg->refs_n; i > 0 && n < STORE_REFS_MAX; i--) {
		str ref = bare(msg->refs[i - 1]);
		if (ref.n > 0) {
			out[n++] = hash_of(s, ref);
		}
	}
	return n;
}

static enum err
look_up(struct store *s, uint64_t hash, uint64_t *ret_thread)
{
	struct db_stmt *q = db_query(s->db, "SELECT thread FROM thread WHERE hash = ?");
	db_bind_u64(q, 1, hash);
	enum err e = db_row(q);
	if (e == ERR_OK) {
		*ret_thread = db_u64(q, 0);
	}
	db_done(q);
	return e;
}

enum err
store_thread_keep(struct db *db, uint64_t hash, uint64_t thread)
{
	struct db_stmt *q = db_query(db,
	    "INSERT INTO thread(hash, thread) VALUES(?, ?) ON CONFLICT(hash) DO NOTHING");
	db_bind_u64(q, 1, hash);
	db_bind_u64(q, 2, thread);
	return db_run(q);
}

enum err
store_thread_find(struct store *s, const uint64_t *hashes, size_t n, uint64_t id,
    uint64_t *ret_thread)
{
	enum err e = ERR_NOTFOUND;
	uint64_t thread = id;
	size_t known = 0;
	while (known < n && e == ERR_NOTFOUND) {
		e = look_up(s, hashes[known++], &thread);
	}
	if (e != ERR_OK && e != ERR_NOTFOUND) {
		return e;
	}
	/* A known thread gains this message; a new one also what it answers: that may come later.
	 */
	size_t keep = e == ERR_OK ? MIN(n, (size_t)1) : n;
	for (size_t i = 0; i < keep; i++) {
		TRY(store_thread_keep(s->db, hashes[i], thread));
	}
	*ret_thread = thread;
	return ERR_OK;
}

/* ---- adding ------------------------------------------------------------------------------- */

enum err
store_add(struct store *s, struct store_tail *t, const struct store_delivery *d,
    struct store_added *ret)
{
	const struct store_new *msg = &d->msg;
	struct store_row row = { .id = store_tick(s), .refs = 1, .internal_s = msg->internal_s };
	char room[MAIL_RESULTS_PUT_MAX];
	struct buf results;
	TRY(store_box_reserve(s, &t->box, 1));
	struct store_meta_message meta = {
		.mailbox = t->box.id,
		.modseq = t->modseq,
		.id = row.id,
		.entry = d->entry,
		.rcpt = d->rcpt,
		.internal_s = msg->internal_s,
		.saved_s = d->saved_s != 0 ? d->saved_s : store_now(s),
		.uid = t->box.uidnext,
		.flags = msg->flags,
	};
	meta.refs_n = store_thread_hashes(s, msg, meta.refs);
	TRY(store_thread_find(s, meta.refs, meta.refs_n, row.id, &row.thread));
	meta.thread = row.thread;
	TRY(store_add_record(s, &meta, msg, &row));
	buf_init_fixed(&results, room, sizeof room);
	row.results = results_of(s, d, row.header_octets, &results);
	TRY(store_row_add(s->db, &row, msg->envelope, msg->structure));
	struct store_msg m = {
		.flags = msg->flags, .id = row.id, .size = row.size, .saved_s = meta.saved_s
	};
	TRY(store_tail_add(s, t, &m));
	*ret = (struct store_added){ ERR_OK, m.uid, t->box.uidvalidity, t->box.id, row.id,
		t->modseq };
	return ERR_OK;
}

static enum err
append_in(struct store *s, struct store_tail *t, const struct store_new *msgs, size_t n,
    struct store_added *ret)
{
	for (size_t i = 0; i < n; i++) {
		struct store_delivery d = { .msg = msgs[i] };
		d.msg.flags = store_may_bear(s, d.msg.flags);
		TRY(store_quota_take(s, msgs[i].prefix.n + msgs[i].body.n));
		TRY(store_add(s, t, &d, &ret[i]));
	}
	return store_tail_end(s, t);
}

enum err
store_append(struct store *s, uint64_t mailbox, const struct store_new *msgs, size_t n,
    struct store_added *ret)
{
	struct store_tail t;
	if (n > STORE_APPEND_MAX) {
		return ERR_TOOMANY;
	}
	TRY(store_may(s, mailbox == s->only.insert));
	TRY(store_begin(s, DB_DURABLE));
	enum err e = store_quota_load(s, &s->usage);
	if (e == ERR_OK) {
		e = store_tail_begin(s, mailbox, store_tick(s), &t);
	}
	return store_end(s, e == ERR_OK ? append_in(s, &t, msgs, n, ret) : e);
}
