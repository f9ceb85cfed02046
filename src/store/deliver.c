/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Delivery from the queue: a batch in one transaction that nobody waits for. Each (entry,
 * recipient) pair is remembered in the same transaction, so doing it again changes nothing; a
 * replay after a crash also looks whether the octets are really there, since they were not
 * synced.
 */
#include "store/arrivals/take.h"
#include "store/store_priv.h"

struct batch {
	struct store_tail tail;
	bool open; /* tail belongs to a mailbox */
	uint64_t modseq;
	uint64_t junk; /* the mailbox for it, once looked up */
};

enum err
store_pair_find(struct db *db, uint64_t entry, uint16_t rcpt, struct store_added *ret)
{
	struct db_stmt *q = db_query(db,
	    "SELECT mailbox, uid, message FROM delivery WHERE entry = ? AND rcpt = ?");
	db_bind_u64(q, 1, entry);
	db_bind_u64(q, 2, rcpt);
	enum err e = db_row(q);
	if (e == ERR_OK) {
		*ret = (struct store_added){
			.mailbox = db_u64(q, 0), .uid = (uint32_t)db_u64(q, 1), .id = db_u64(q, 2)
		};
	}
	db_done(q);
	return e;
}

enum err
store_pair_keep(struct db *db, uint64_t entry, uint16_t rcpt, const struct store_added *at)
{
	struct db_stmt *q = db_query(db,
	    "INSERT INTO delivery(entry, rcpt, mailbox, uid, message)"
	    " VALUES(?, ?, ?, ?, ?) ON CONFLICT(entry, rcpt) DO NOTHING");
	db_bind_u64(q, 1, entry);
	db_bind_u64(q, 2, rcpt);
	db_bind_u64(q, 3, at->mailbox);
	db_bind_u64(q, 4, at->uid);
	db_bind_u64(q, 5, at->id);
	return db_run(q);
}

enum err
store_pairs_forget(struct db *db, uint64_t oldest)
{
	struct db_stmt *q = db_query(db, "DELETE FROM delivery WHERE entry < ?");
	db_bind_u64(q, 1, oldest);
	return db_run(q);
}

static enum err
forget_pairs(struct store *s, const struct store_delivery *list, size_t n)
{
	uint64_t oldest = 0;
	for (size_t i = 0; i < n; i++) {
		oldest = MAX(oldest, list[i].oldest_live);
	}
	/* What has arrived and was not taken in may be known by nothing but its pair. */
	return oldest == 0 || store_arrivals_waiting(s) ? ERR_OK
							: store_pairs_forget(s->db, oldest);
}

static enum err
move_row(struct store *s, const struct store_row *row)
{
	struct db_stmt *q = db_query(s->db,
	    "UPDATE message SET pack = ?, off = ?, octets = ?, size = ?,"
	    " header = ? WHERE id = ?");
	db_bind_u64(q, 1, row->place.pack);
	db_bind_u64(q, 2, row->place.off);
	db_bind_u64(q, 3, row->place.octets);
	db_bind_u64(q, 4, row->size);
	db_bind_u64(q, 5, row->header_octets);
	db_bind_u64(q, 6, row->id);
	return db_run(q);
}

/* Write the octets of a delivered message again; it keeps uid and id. */
static enum err
mend(struct store *s, const struct store_delivery *d, const struct store_added *at,
    struct store_row *row)
{
	struct store_msg m = { 0 };
	enum err e = store_msg_in(s, at->mailbox, at->uid, &m);
	if (e != ERR_OK && e != ERR_NOTFOUND) {
		return e; /* NOTFOUND: it was moved; a link record says where */
	}
	struct store_meta_message meta = {
		.mailbox = at->mailbox,
		.modseq = m.modseq,
		.id = row->id,
		.thread = row->thread,
		.entry = d->entry,
		.rcpt = d->rcpt,
		.internal_s = row->internal_s,
		.saved_s = m.saved_s,
		.uid = at->uid,
		.flags = m.flags,
	};
	meta.refs_n = store_thread_hashes(s, &d->msg, meta.refs);
	TRY(store_log_dead(s, row->place.pack, row->place.octets));
	TRY(store_add_record(s, &meta, &d->msg, row));
	if (s->text.id == row->id) {
		s->text.id = 0;
	}
	return move_row(s, row);
}

static enum err
check_again(struct store *s, const struct store_delivery *d, const struct store_added *at)
{
	struct store_row row;
	enum err e = store_row_load(s, at->id, &row);
	if (e != ERR_OK) {
		return e == ERR_NOTFOUND ? ERR_OK : e; /* its reader removed it meanwhile */
	}
	e = store_row_check(s, &row);
	return e == ERR_CORRUPT ? mend(s, d, at, &row) : e;
}

/* Have the tail of the right mailbox open. */
static enum err
aim(struct store *s, struct batch *b, uint64_t mailbox)
{
	if (b->open && b->tail.box.id == mailbox) {
		return ERR_OK;
	}
	if (b->open) {
		TRY(store_tail_end(s, &b->tail));
	}
	b->open = false;
	enum err e = store_tail_begin(s, mailbox, b->modseq, &b->tail);
	if (e == ERR_NOTFOUND && mailbox != STORE_INBOX) {
		e = store_tail_begin(s, STORE_INBOX, b->modseq, &b->tail);
	}
	b->open = e == ERR_OK;
	return e;
}

static enum err
aim_at(struct store *s, struct batch *b, const struct store_delivery *d)
{
	uint64_t mailbox = d->mailbox == 0 ? STORE_INBOX : d->mailbox;
	if (d->junk && b->junk == 0) {
		enum err e = store_arrivals_junk_find(s, &b->junk);
		if (e != ERR_OK && e != ERR_NOTFOUND) {
			return e;
		}
		b->junk = e == ERR_OK ? b->junk : STORE_INBOX;
	}
	return aim(s, b, d->junk ? b->junk : mailbox);
}

static enum err
deliver_one(struct store *s, struct batch *b, const struct store_delivery *d,
    struct store_added *ret)
{
	enum err e = store_pair_find(s->db, d->entry, d->rcpt, ret);
	if (e == ERR_OK && d->replay && b->open) {
		e = store_tail_end(s, &b->tail); /* the check reads pages */
		b->open = false;
	}
	if (e != ERR_NOTFOUND) {
		return e == ERR_OK && d->replay ? check_again(s, d, ret) : e;
	}
	if (d->msg.prefix.n + d->msg.body.n > STORE_MESSAGE_MAX) {
		ret->err = ERR_TOOBIG;
		return ERR_OK;
	}
	ret->err = store_quota_take(s, d->msg.prefix.n + d->msg.body.n);
	if (ret->err != ERR_OK) {
		return ERR_OK;
	}
	TRY(aim_at(s, b, d));
	TRY(store_add(s, &b->tail, d, ret));
	return store_pair_keep(s->db, d->entry, d->rcpt, ret);
}

static enum err
deliver_in(struct store *s, const struct store_delivery *list, size_t n, struct store_added *ret)
{
	struct batch b = { .modseq = store_tick(s) };
	TRY(store_quota_load(s, &s->usage));
	TRY(forget_pairs(s, list, n));
	for (size_t i = 0; i < n; i++) {
		ret[i] = (struct store_added){ 0 };
		TRY(deliver_one(s, &b, &list[i], &ret[i]));
	}
	return b.open ? store_tail_end(s, &b.tail) : ERR_OK;
}

/* Its owner may have deleted it. Made beforehand: what clients see of a mailbox must be durable. */
static enum err
have_junk(struct store *s, const struct store_delivery *list, size_t n)
{
	uint64_t id;
	bool any = false;
	for (size_t i = 0; i < n; i++) {
		any |= list[i].junk;
	}
	if (!any) {
		return ERR_OK;
	}
	TRY(store_begin(s, DB_READ));
	enum err e = store_end(s, store_arrivals_junk_find(s, &id));
	return e == ERR_NOTFOUND ? store_arrivals_junk_make(s) : e;
}

enum err
store_deliver(struct store *s, const struct store_delivery *list, size_t n, struct store_added *ret)
{
	if (n > STORE_BATCH_MAX) {
		return ERR_TOOMANY;
	}
	TRY(have_junk(s, list, n));
	/* A batch that could use up what is reserved must not show its numbers before they are
	 * durable. */
	TRY(store_begin(s, n > STORE_MARGIN / 2 ? DB_DURABLE : DB_WRITE));
	return store_end(s, deliver_in(s, list, n, ret));
}
