/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From records to an index. Records say where messages came to be (message, link) and what was
 * removed (gone); since a uid is never used again, their order does not matter. Only of mailbox
 * records the one with the highest modseq counts. Start reading with store_restore_end.
 */
#include "base/wire.h"
#include "store/arrivals/take.h"
#include "store/rebuild.h"

#include <zstd.h>

static const char scratch_tables[] =
    "CREATE TABLE entry(mailbox INTEGER, uid INTEGER, id INTEGER, flags INTEGER, saved INTEGER,"
    " PRIMARY KEY(mailbox, uid)) WITHOUT ROWID;"
    "CREATE TABLE box(id INTEGER PRIMARY KEY, modseq INTEGER, uidvalidity INTEGER, uidnext"
    " INTEGER,"
    " special INTEGER, deleted INTEGER, name TEXT, keywords BLOB);"
    "CREATE TABLE sub(name TEXT PRIMARY KEY, modseq INTEGER, on_off INTEGER) WITHOUT ROWID;"
    "CREATE TABLE lost(id INTEGER PRIMARY KEY);";

enum err
store_restore_begin(struct rebuild *b)
{
	return db_exec(b->new->db, scratch_tables);
}

/* ---- one record --------------------------------------------------------------------------- */

static enum err
put_entry(struct rebuild *b, uint64_t mailbox, const struct store_msg *m)
{
	struct db_stmt *q = db_query(b->new->db,
	    "INSERT INTO entry(mailbox, uid, id, flags, saved)"
	    " VALUES(?, ?, ?, ?, ?) ON CONFLICT(mailbox, uid) DO UPDATE"
	    " SET id = excluded.id, flags = excluded.flags");
	db_bind_u64(q, 1, mailbox);
	db_bind_u64(q, 2, m->uid);
	db_bind_u64(q, 3, m->id);
	db_bind_u64(q, 4, m->flags);
	db_bind_i64(q, 5, m->saved_s);
	return db_run(q);
}

static enum err
count_dead(struct rebuild *b, uint32_t pack, uint64_t octets)
{
	return store_log_dead(b->new, pack, octets);
}

/* A row that is there already is of an older copy of the record: the new one replaces it. */
static enum err
put_row(struct rebuild *b, const struct store_row *row)
{
	struct db_stmt *q = db_query(b->new->db, "DELETE FROM message WHERE id = ?");
	db_bind_u64(q, 1, row->id);
	TRY(db_run(q));
	return store_row_add(b->new->db, row, STR_NONE, STR_NONE);
}

/* The beginning of a message; nothing when it cannot be decompressed. */
static enum err
unpack_front(struct store *s, const struct store_record *r, size_t want, struct buf *out)
{
	if ((r->flags & STORE_RECORD_ZSTD) == 0) {
		buf_str(out, str_sub(r->payload, 0, want));
		return buf_err(out);
	}
	char *to = buf_room(out, want);
	if (to == NULL) {
		return buf_err(out);
	}
	TRY(store_need_unzip(s));
	ZSTD_DCtx_reset(s->unzip, ZSTD_reset_session_only);
	ZSTD_inBuffer in = { r->payload.p, r->payload.n, 0 };
	ZSTD_outBuffer o = { to, want, 0 };
	size_t rc = 1;
	while (rc != 0 && !ZSTD_isError(rc) && o.pos < o.size && in.pos < in.size) {
		rc = ZSTD_decompressStream(s->unzip, &o, &in);
	}
	buf_grow(out, ZSTD_isError(rc) ? 0 : o.pos);
	return ERR_OK;
}

/* What we said of a letter from the queue, as when it was delivered. */
static enum err
read_results(struct store *s, const struct store_record *r, const struct store_meta_message *m,
    struct buf *out)
{
	size_t want = MIN(m->header_octets, (uint32_t)MAIL_RESULTS_HEADER_MAX);
	if (m->entry == 0) {
		return ERR_OK;
	}
	buf_reset(&s->packed);
	TRY(unpack_front(s, r, want, &s->packed));
	mail_results_keep(buf_view(&s->packed), out);
	return ERR_OK;
}

static enum err
take_message(struct rebuild *b, const struct store_record *r, const struct store_place *at)
{
	char room[MAIL_RESULTS_PUT_MAX];
	struct store_meta_message m;
	struct buf results;
	TRY(store_meta_message_get(r, &m));
	buf_init_fixed(&results, room, sizeof room);
	TRY(read_results(b->new, r, &m, &results));
	b->clock = MAX(b->clock, MAX(m.modseq, m.id));
	struct store_row row = { .id = m.id,
		.thread = m.thread,
		.internal_s = m.internal_s,
		.place = *at,
		.size = r->plain,
		.header_octets = m.header_octets,
		.results = buf_view(&results) };
	TRY(put_row(b, &row));
	struct store_msg msg = { .uid = m.uid, .flags = m.flags, .id = m.id, .saved_s = m.saved_s };
	TRY(put_entry(b, m.mailbox, &msg));
	for (size_t i = 0; i < m.refs_n; i++) {
		TRY(store_thread_keep(b->new->db, m.refs[i] & INT64_MAX, m.thread));
	}
	TRY(count_dead(b, at->pack, at->octets)); /* taken back for those that live, at the end */
	struct store_added pair = { .mailbox = m.mailbox, .uid = m.uid, .id = m.id };
	b->r->messages++;
	return m.entry == 0 || m.entry > INT64_MAX
	    ? ERR_OK
	    : store_pair_keep(b->new->db, m.entry, m.rcpt, &pair);
}

static enum err
take_link(struct rebuild *b, const struct store_record *r)
{
	struct store_meta_link m;
	TRY(store_meta_link_get(r, &m));
	struct rd in = rd_make(r->payload);
	b->clock = MAX(b->clock, m.modseq);
	for (uint32_t i = 0; i < m.n; i++) {
		uint64_t id = rd_u64(&in);
		struct store_msg msg = {
			.uid = m.first + i, .flags = rd_u32(&in), .id = id, .saved_s = m.saved_s
		};
		TRY(put_entry(b, m.mailbox, &msg));
	}
	return ERR_OK;
}

static enum err
take_gone(struct rebuild *b, const struct store_record *r)
{
	struct store_meta_gone m;
	TRY(store_meta_gone_get(r, &m));
	struct rd in = rd_make(r->payload);
	b->clock = MAX(b->clock, m.modseq);
	for (uint32_t i = 0; i < m.n; i++) {
		struct store_range range = { .lo = rd_u32(&in) };
		range.hi = rd_u32(&in);
		if (range.lo > range.hi) {
			return ERR_CORRUPT;
		}
		TRY(store_gone_row(b->new->db, m.mailbox, m.modseq, &range));
	}
	return ERR_OK;
}

static enum err
put_box(struct rebuild *b, const struct store_meta_mailbox *m)
{
	b->uidvalidity = MAX(b->uidvalidity, m->uidvalidity);
	b->mailbox_max = MAX(b->mailbox_max, m->id);
	struct db_stmt *q = db_query(b->new->db,
	    "INSERT INTO box(id, modseq, uidvalidity, uidnext, special, deleted, name, keywords)"
	    " VALUES(?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT(id) DO UPDATE SET modseq ="
	    " excluded.modseq,"
	    " uidvalidity = excluded.uidvalidity, uidnext = max(uidnext, excluded.uidnext),"
	    " special = excluded.special, deleted = excluded.deleted, name = excluded.name,"
	    " keywords = excluded.keywords WHERE excluded.modseq >= box.modseq");
	db_bind_u64(q, 1, m->id);
	db_bind_u64(q, 2, m->modseq);
	db_bind_u64(q, 3, m->uidvalidity);
	db_bind_u64(q, 4, m->uidnext);
	db_bind_u64(q, 5, m->special);
	db_bind_u64(q, 6, m->deleted);
	db_bind_str(q, 7, m->name);
	db_bind_blob(q, 8, m->keywords);
	return db_run(q);
}

static enum err
take_mailbox(struct rebuild *b, const struct store_record *r)
{
	char storage[STORE_NAME_MAX];
	struct store_meta_mailbox m;
	struct buf name;
	TRY(store_meta_mailbox_get(r, &m));
	buf_init_fixed(&name, storage, sizeof storage);
	if (store_name_check(m.name, &name) != ERR_OK) {
		return ERR_CORRUPT;
	}
	b->clock = MAX(b->clock, MAX(m.modseq, m.clock));
	return put_box(b, &m);
}

static enum err
take_subscription(struct rebuild *b, const struct store_record *r)
{
	struct store_meta_subscription m;
	TRY(store_meta_subscription_get(r, &m));
	b->clock = MAX(b->clock, m.modseq);
	struct db_stmt *q = db_query(b->new->db,
	    "INSERT INTO sub(name, modseq, on_off) VALUES(?, ?, ?) ON CONFLICT(name) DO UPDATE"
	    " SET modseq = excluded.modseq, on_off = excluded.on_off"
	    " WHERE excluded.modseq >= sub.modseq");
	db_bind_str(q, 1, m.name);
	db_bind_u64(q, 2, m.modseq);
	db_bind_u64(q, 3, m.on);
	return db_run(q);
}

static enum err
take_annotation(struct rebuild *b, const struct store_record *r)
{
	struct store_meta_annotation m;
	TRY(store_meta_annotation_get(r, &m));
	b->clock = MAX(b->clock, m.modseq);
	struct store_annotation one = { m.mailbox, m.modseq, m.entry,
		m.set ? r->payload : STR_NONE };
	if (m.set && one.value.p == NULL) {
		one.value = S("");
	}
	return store_annotation_put(b->new->db, &one);
}

enum err
store_restore_record(struct rebuild *b, const struct store_record *r, const struct store_place *at)
{
	b->r->records++;
	b->r->octets += at->octets;
	switch (r->type) {
	case STORE_RECORD_MESSAGE: return take_message(b, r, at);
	case STORE_RECORD_LINK: return take_link(b, r);
	case STORE_RECORD_GONE: return take_gone(b, r);
	case STORE_RECORD_MAILBOX: return take_mailbox(b, r);
	case STORE_RECORD_SUBSCRIPTION: return take_subscription(b, r);
	case STORE_RECORD_ANNOTATION: return take_annotation(b, r);
	default: return ERR_VERSION;
	}
}

/* ---- one mailbox -------------------------------------------------------------------------- */

struct mailbox {
	struct store_box box, old;
	bool in_old;
	struct store_dir dir;
	struct store_page *page; /* being filled */
	struct store_set gone, have;
};

static enum err
flush_page(struct rebuild *b, struct mailbox *m)
{
	uint64_t modseq = 0;
	if (m->page->n == 0) {
		return ERR_OK;
	}
	for (size_t i = 0; i < m->page->n; i++) {
		modseq = MAX(modseq, m->page->msg[i].modseq);
	}
	m->dir = (struct store_dir){ .id = store_page_id(m->box.id, m->page->msg[0].uid) };
	TRY(store_page_save(b->new, &m->dir, m->page, modseq));
	m->page->n = 0;
	return ERR_OK;
}

/* Count a reference; NOTFOUND: the record of this message was not readable. */
static enum err
refer(struct rebuild *b, struct store_msg *m)
{
	struct db_stmt *q = db_query(b->new->db,
	    "UPDATE message SET refs = refs + 1 WHERE id = ? RETURNING size");
	db_bind_u64(q, 1, m->id);
	enum err e = db_row(q);
	m->size = e == ERR_OK ? (uint32_t)db_u64(q, 0) : 0;
	if (e != ERR_OK) {
		db_done(q);
		return e;
	}
	return db_run(q);
}

static enum err
note_lost(struct rebuild *b, const struct mailbox *m, const struct store_msg *msg)
{
	b->r->lost++;
	store_report_line(b->r, "mailbox %llu uid %u: its record is lost",
	    (unsigned long long)m->box.id, msg->uid);
	struct db_stmt *q = db_query(b->new->db,
	    "INSERT INTO lost(id) VALUES(?) ON CONFLICT(id) DO NOTHING");
	db_bind_u64(q, 1, msg->id);
	return db_run(q);
}

/* What the old index knows better than the pack: flags and modseq. */
static void
overlay(struct rebuild *b, struct mailbox *m, struct store_msg *msg)
{
	struct store_msg old;
	enum err e = m->in_old ? store_msg_in(b->old, m->box.id, msg->uid, &old) : ERR_NOTFOUND;
	msg->modseq = b->modseq;
	if (e == ERR_OK && old.id == msg->id) {
		msg->flags = old.flags;
		msg->modseq = old.modseq;
		msg->saved_s = old.saved_s;
	} else if (m->in_old) {
		b->r->found++;
		m->box.modseq = b->modseq;
	}
}

static enum err
take_entry(struct rebuild *b, struct mailbox *m, struct store_msg *msg)
{
	if (store_set_has(&m->gone, msg->uid)) {
		return ERR_OK;
	}
	enum err e = refer(b, msg);
	if (e == ERR_NOTFOUND) {
		return m->in_old ? ERR_OK
				 : note_lost(b, m, msg); /* else it is told with what vanished */
	}
	TRY(e);
	overlay(b, m, msg);
	m->page->msg[m->page->n++] = *msg;
	store_box_count(&m->box, msg, 1);
	m->box.modseq = MAX(m->box.modseq, msg->modseq);
	store_set_add(&m->have, msg->uid, msg->uid);
	return m->page->n == STORE_PAGE_RECORDS ? flush_page(b, m) : ERR_OK;
}

static enum err
take_entries(struct rebuild *b, struct mailbox *m)
{
	enum err e = ERR_OK;
	struct db_stmt *q = db_query(b->new->db,
	    "SELECT uid, id, flags, saved FROM entry WHERE mailbox = ? ORDER BY uid");
	db_bind_u64(q, 1, m->box.id);
	while (e == ERR_OK && (e = db_row(q)) == ERR_OK) {
		struct store_msg msg = { .uid = (uint32_t)db_u64(q, 0),
			.id = db_u64(q, 1),
			.flags = (uint32_t)db_u64(q, 2),
			.saved_s = db_i64(q, 3) };
		m->box.uidnext = MAX(m->box.uidnext, msg.uid + 1);
		e = take_entry(b, m, &msg);
	}
	db_done(q);
	return e == ERR_NOTFOUND ? flush_page(b, m) : e;
}

static enum err
load_gone(struct rebuild *b, struct mailbox *m)
{
	enum err e;
	struct db_stmt *q = db_query(b->new->db, "SELECT lo, hi FROM gone WHERE mailbox = ?");
	db_bind_u64(q, 1, m->box.id);
	while ((e = db_row(q)) == ERR_OK) {
		uint32_t hi = (uint32_t)db_u64(q, 1);
		store_set_add(&m->gone, (uint32_t)db_u64(q, 0), hi);
		m->box.uidnext = MAX(m->box.uidnext, hi == UINT32_MAX ? hi : hi + 1);
	}
	db_done(q);
	return e == ERR_NOTFOUND ? store_set_err(&m->gone) : e;
}

/* Uids the old index has and the packs have not: sessions and clients must see them vanish. */
static enum err
tell_vanished(struct rebuild *b, struct mailbox *m)
{
	struct store_set was, missing;
	enum err e = ERR_OK;
	if (!m->in_old) {
		return ERR_OK;
	}
	store_set_init(&was);
	store_set_init(&missing);
	if (store_uids_in(b->old, m->box.id, 1, &was) == ERR_OK) { /* damaged: we do not know */
		store_set_minus(&was, &m->have, &missing);
		e = store_set_err(&missing);
	}
	for (size_t i = 0; e == ERR_OK && i < missing.n; i++) {
		m->box.modseq = b->modseq;
		e = store_gone_row(b->new->db, m->box.id, b->modseq, &missing.v[i]);
		for (uint64_t uid = missing.v[i].lo; e == ERR_OK && uid <= missing.v[i].hi; uid++) {
			struct store_msg msg = { .uid = (uint32_t)uid };
			(void)!store_msg_in(b->old, m->box.id, (uint32_t)uid, &msg);
			e = store_set_has(&m->gone, msg.uid) ? ERR_OK : note_lost(b, m, &msg);
		}
	}
	store_set_done(&was);
	store_set_done(&missing);
	return e;
}

static enum err
save_box(struct rebuild *b, const struct mailbox *m, str name)
{
	struct db_stmt *q = db_query(b->new->db,
	    "INSERT INTO mailbox SELECT id, ?, uidvalidity, ?, ?, ?, ?, ?, ?, ?, ?, special,"
	    " keywords "
	    " FROM box WHERE id = ?");
	db_bind_str(q, 1, name);
	db_bind_u64(q, 2, m->box.uidnext);
	db_bind_u64(q, 3,
	    MIN((uint64_t)m->box.uidnext + STORE_MARGIN + STORE_RESERVE, (uint64_t)UINT32_MAX));
	db_bind_u64(q, 4, m->box.modseq);
	db_bind_u64(q, 5, m->box.gone_floor);
	db_bind_u64(q, 6, m->box.messages);
	db_bind_u64(q, 7, m->box.unseen);
	db_bind_u64(q, 8, m->box.deleted);
	db_bind_u64(q, 9, m->box.octets);
	db_bind_u64(q, 10, m->box.id);
	return db_run(q);
}

/* Two mailboxes may claim a name when records are missing; the second gets its id behind it. */
static enum err
save_named(struct rebuild *b, const struct mailbox *m, str name)
{
	char storage[STORE_NAME_MAX + 32];
	enum err e = save_box(b, m, name);
	if (e != ERR_EXISTS) {
		return e;
	}
	int n = snprintf(storage, sizeof storage, "%.*s (%llu)", (int)MIN(name.n, (size_t)900),
	    name.p, (unsigned long long)m->box.id);
	return save_box(b, m, str_make(storage, (size_t)n));
}

static enum err
build_mailbox(struct rebuild *b, struct mailbox *m, str name)
{
	m->in_old = b->has_old && store_box_load(b->old, m->box.id, &m->old) == ERR_OK;
	m->box.modseq = m->in_old ? m->old.modseq : b->modseq;
	m->box.gone_floor = m->in_old ? m->old.gone_floor : 0;
	/* Without the old index, uids that were reserved may have been used. */
	m->box.uidnext = m->in_old ? m->old.uidnext : MAX(m->box.uidnext, 1u);
	m->page->n = 0;
	TRY(load_gone(b, m));
	TRY(take_entries(b, m));
	TRY(tell_vanished(b, m));
	return save_named(b, m, name);
}

static enum err
build_mailboxes(struct rebuild *b)
{
	enum err e = ERR_OK;
	struct db_stmt *q = db_query(b->new->db,
	    "SELECT id, uidnext, name FROM box WHERE deleted = 0");
	while (e == ERR_OK && (e = db_row(q)) == ERR_OK) {
		struct mailbox m = { .box.id = db_u64(q, 0),
			.box.uidnext = (uint32_t)db_u64(q, 1),
			.page = b->new->tail };
		e = build_mailbox(b, &m, db_str(q, 2));
		store_set_done(&m.gone);
		store_set_done(&m.have);
	}
	db_done(q);
	return e == ERR_NOTFOUND ? ERR_OK : e;
}

/* ---- what no record told ------------------------------------------------------------------ */

static enum err
invent_box(struct rebuild *b, uint64_t id)
{
	char name[48];
	int n = snprintf(name, sizeof name, "Recovered/%llu", (unsigned long long)id);
	struct store_meta_mailbox m = { .id = id,
		.uidvalidity = ++b->uidvalidity,
		.uidnext = 1,
		.name = id == STORE_INBOX ? S("INBOX") : str_make(name, (size_t)n) };
	store_report_line(b->r, "mailbox %llu: no record of it; now called %.*s",
	    (unsigned long long)id, STR_ARG(m.name));
	return put_box(b, &m);
}

/* Mailboxes that have messages but no record. */
static enum err
invent_boxes(struct rebuild *b)
{
	enum err e = ERR_OK;
	uint64_t id = 0;
	struct db_stmt *q = db_query(b->new->db, "SELECT 1 FROM box WHERE id = 1");
	bool inbox = db_row(q) == ERR_OK;
	db_done(q);
	if (b->uidvalidity == 0) {
		b->uidvalidity = (uint32_t)MAX(store_now(b->new), (int64_t)1);
	}
	if (!inbox) {
		TRY(invent_box(b, STORE_INBOX));
	}
	while (e == ERR_OK) {
		q = db_query(b->new->db,
		    "SELECT min(mailbox) FROM entry WHERE mailbox > ?"
		    " AND mailbox NOT IN (SELECT id FROM box)");
		db_bind_u64(q, 1, id);
		e = db_row(q);
		id = e == ERR_OK ? db_u64(q, 0) : 0;
		db_done(q);
		if (e != ERR_OK || id == 0) {
			break;
		}
		e = invent_box(b, id);
	}
	return e;
}

/* The old index could not be read on: octets that are wrong, or a table that is not there. */
static bool
is_damage(const struct rebuild *b, enum err e)
{
	return e == ERR_CORRUPT || (e == ERR_DB && !b->old_sound);
}

/* Mailboxes only the old index knows, and its newer facts about others. */
static enum err
boxes_of_old(struct rebuild *b)
{
	enum err e = ERR_OK;
	if (!b->has_old) {
		return ERR_OK;
	}
	struct db_stmt *q = db_query(b->old->db,
	    "SELECT id, uidvalidity, uid_reserved, special, name, keywords FROM mailbox");
	while (e == ERR_OK && (e = db_row(q)) == ERR_OK) {
		struct store_meta_mailbox m = {
			.id = db_u64(q, 0),
			.modseq = b->old_account.clock, /* later records know better */
			.uidvalidity = (uint32_t)db_u64(q, 1),
			.uidnext = (uint32_t)db_u64(q, 2),
			.special = (uint32_t)db_u64(q, 3),
			.name = db_str(q, 4),
			.keywords = db_blob(q, 5),
		};
		e = put_box(b, &m);
	}
	db_done(q);
	return is_damage(b, e) || e == ERR_NOTFOUND ? ERR_OK : e;
}

/* ---- what the old index still gives ------------------------------------------------------- */

static enum err
caches_of_old(struct rebuild *b)
{
	enum err e = ERR_OK;
	struct db_stmt *q = db_query(b->old->db,
	    "SELECT id, envelope, structure FROM message WHERE envelope IS NOT NULL OR structure"
	    " IS NOT NULL");
	while (e == ERR_OK && (e = db_row(q)) == ERR_OK) {
		struct db_stmt *up = db_query(b->new->db,
		    "UPDATE message SET envelope = ?, structure = ? WHERE id = ?");
		str envelope = db_blob(q, 1), structure = db_blob(q, 2);
		if (envelope.n > 0) {
			db_bind_blob(up, 1, envelope);
		}
		if (structure.n > 0) {
			db_bind_blob(up, 2, structure);
		}
		db_bind_u64(up, 3, db_u64(q, 0));
		e = db_run(up);
	}
	db_done(q);
	return e;
}

static enum err
pairs_of_old(struct rebuild *b)
{
	enum err e = ERR_OK;
	uint64_t oldest = 0;
	struct db_stmt *q = db_query(b->old->db,
	    "SELECT entry, rcpt, mailbox, uid, message FROM delivery ORDER BY entry, rcpt");
	while (e == ERR_OK && (e = db_row(q)) == ERR_OK) {
		struct store_added pair = {
			.mailbox = db_u64(q, 2), .uid = (uint32_t)db_u64(q, 3), .id = db_u64(q, 4)
		};
		oldest = oldest == 0 ? db_u64(q, 0) : oldest;
		e = store_pair_keep(b->new->db, db_u64(q, 0), (uint16_t)db_u64(q, 1), &pair);
	}
	db_done(q);
	/* Older ones in the packs are done with; what waits may be known by nothing else. */
	if (e == ERR_NOTFOUND && b->old_sound && !store_arrivals_waiting(b->new)) {
		q = db_query(b->new->db, "DELETE FROM delivery WHERE entry < ? OR ? = 0");
		db_bind_u64(q, 1, oldest);
		db_bind_u64(q, 2, oldest);
		TRY(db_run(q));
	}
	return e;
}

static enum err
threads_of_old(struct rebuild *b)
{
	enum err e = ERR_OK;
	struct db_stmt *q = db_query(b->old->db, "SELECT hash, thread FROM thread");
	while (e == ERR_OK && (e = db_row(q)) == ERR_OK) {
		e = store_thread_keep(b->new->db, db_u64(q, 0), db_u64(q, 1));
	}
	db_done(q);
	return e;
}

/* Added as if by a record of the old index's last moment. */
static enum err
subscriptions_of_old(struct rebuild *b)
{
	enum err e = ERR_OK;
	struct db_stmt *q = db_query(b->old->db, "SELECT name FROM subscription");
	while (e == ERR_OK && (e = db_row(q)) == ERR_OK) {
		struct db_stmt *in = db_query(b->new->db,
		    "INSERT INTO sub(name, modseq, on_off) VALUES(?, ?, 1) ON CONFLICT(name) DO"
		    " UPDATE"
		    " SET on_off = 1 WHERE sub.modseq <= excluded.modseq");
		db_bind_str(in, 1, db_str(q, 0));
		db_bind_u64(in, 2, b->old_account.clock);
		e = db_run(in);
	}
	db_done(q);
	return e;
}

static enum err
annotations_of_old(struct rebuild *b)
{
	enum err e = ERR_OK;
	struct db_stmt *q = db_query(b->old->db,
	    "SELECT mailbox, entry, modseq, value FROM annotation");
	while (e == ERR_OK && (e = db_row(q)) == ERR_OK) {
		str value = db_blob(q, 3);
		struct store_annotation one = { db_u64(q, 0), db_u64(q, 2), db_str(q, 1),
			db_is_null(q, 3)      ? STR_NONE
			    : value.p == NULL ? S("")
					      : value };
		e = store_annotation_put(b->new->db, &one);
	}
	db_done(q);
	return e;
}

static enum err
take_over(struct rebuild *b)
{
	static enum err (*const steps[])(struct rebuild *) = { caches_of_old, pairs_of_old,
		threads_of_old, subscriptions_of_old, annotations_of_old };
	for (size_t i = 0; b->has_old && i < LEN(steps); i++) {
		enum err e = steps[i](b);
		if (is_damage(b, e)) {
			store_report_line(b->r,
			    "the old index is damaged; part of it could not be used");
		} else if (e != ERR_NOTFOUND) {
			return e == ERR_OK ? ERR_BUG : e;
		}
	}
	return db_run(db_query(b->new->db,
	    "DELETE FROM delivery WHERE message IN (SELECT id FROM lost)"));
}

/* ---- the end ------------------------------------------------------------------------------ */

static enum err
prune(struct rebuild *b)
{
	static const char *const sql[] = {
		"INSERT INTO subscription SELECT name FROM sub WHERE on_off = 1",
		"DELETE FROM annotation WHERE mailbox != 0 AND mailbox NOT IN (SELECT id FROM"
		" mailbox)",
		"DELETE FROM message WHERE refs = 0",
		"DELETE FROM gone WHERE mailbox NOT IN (SELECT id FROM mailbox)",
		"DELETE FROM gone WHERE modseq <= (SELECT gone_floor FROM mailbox WHERE id ="
		" gone.mailbox)",
		"UPDATE pack SET dead = dead - (SELECT coalesce(sum(octets), 0) FROM message"
		" WHERE pack = pack.id)",
		"DROP TABLE entry",
		"DROP TABLE box",
		"DROP TABLE sub",
		"DROP TABLE lost",
	};
	TRY(store_log_dead_save(b->new));
	for (size_t i = 0; i < LEN(sql); i++) {
		TRY(db_exec(b->new->db, sql[i]));
	}
	return ERR_OK;
}

enum err
store_restore_end(struct rebuild *b)
{
	if (b->has_old) {
		b->clock = MAX(b->clock, MAX(b->old_account.clock, b->old_account.clock_reserved));
	}
	b->modseq = ++b->clock;
	TRY(boxes_of_old(b));
	TRY(invent_boxes(b));
	TRY(build_mailboxes(b));
	TRY(take_over(b));
	return prune(b);
}
