/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The octets of a parked session. They come back sealed, but they are read as if a stranger had
 * written them: every number is checked, leftovers are an error.
 */
#include "svc/account/imap/park.h"

struct part {
	uint8_t number;
	enum err (*put)(const struct svc_account_imap *s, struct buf *b);
	enum err (*get)(struct svc_account_imap *s, struct rd *r);
};

static const struct part parts[] = {
#define PARK_PART(number, name) \
	{ number, svc_account_imap_park_put_##name, svc_account_imap_park_get_##name },
#include "svc/account/imap/park_parts.def"
#undef PARK_PART
};

/* ---- numbers and sets ---- */

void
svc_account_imap_park_number(struct buf *b, uint32_t v)
{
	while (v >= 0x80) {
		wr_u8(b, (uint8_t)(v | 0x80));
		v >>= 7;
	}
	wr_u8(b, (uint8_t)v);
}

uint32_t
svc_account_imap_park_number_get(struct rd *r)
{
	uint64_t v = 0;
	for (unsigned shift = 0; shift < 35; shift += 7) {
		uint8_t octet = rd_u8(r);
		v |= (uint64_t)(octet & 0x7f) << shift;
		if (octet < 0x80) {
			r->bad |= v > UINT32_MAX || (octet == 0 && shift > 0);
			return r->bad ? 0 : (uint32_t)v;
		}
	}
	r->bad = true;
	return 0;
}

/* Ranges of a set never touch, so every gap but the first is at least one. */
void
svc_account_imap_park_set(struct buf *b, const struct store_set *set)
{
	uint32_t next = 0;
	svc_account_imap_park_number(b, (uint32_t)set->n);
	for (size_t i = 0; i < set->n; i++) {
		svc_account_imap_park_number(b, set->v[i].lo - next);
		svc_account_imap_park_number(b, set->v[i].hi - set->v[i].lo);
		next = set->v[i].hi + 1;
	}
}

enum err
svc_account_imap_park_set_get(struct rd *r, struct store_set *set)
{
	uint64_t next = 0;
	uint32_t n = svc_account_imap_park_number_get(r);
	for (uint32_t i = 0; i < n && !r->bad; i++) {
		uint64_t lo = next + svc_account_imap_park_number_get(r);
		uint64_t hi = lo + svc_account_imap_park_number_get(r);
		if (lo == 0 || hi > UINT32_MAX || (i > 0 && lo == next)) {
			r->bad = true;
		}
		if (!r->bad) {
			store_set_add(set, (uint32_t)lo, (uint32_t)hi);
		}
		next = hi + 1;
	}
	return r->bad ? ERR_SYNTAX : store_set_err(set);
}

/* ---- part core ---- */

enum err
svc_account_imap_park_put_core(const struct svc_account_imap *s, struct buf *b)
{
	wr_u8(b, s->state == IMAP_SELECTED);
	wr_u32(b, s->enabled);
	wr_i64(b, s->deadline_ms);
	wr_u64(b, s->octets_in);
	wr_u64(b, s->octets_out);
	wr_u32(b, s->errors);
	wr_u32(b, s->park.delay_ms);
	wr_i64(b, s->park.since_ms);
	return ERR_OK;
}

enum err
svc_account_imap_park_get_core(struct svc_account_imap *s, struct rd *r)
{
	uint8_t selected = rd_u8(r);
	s->enabled = s->reader.enabled = rd_u32(r);
	s->deadline_ms = rd_i64(r);
	s->octets_in = rd_u64(r);
	s->octets_out = rd_u64(r);
	s->errors = rd_u32(r);
	s->park.delay_ms = rd_u32(r);
	s->park.since_ms = rd_i64(r);
	s->state = selected != 0 ? IMAP_SELECTED : IMAP_AUTH;
	bool odd = selected > 1 || s->deadline_ms < 0 || s->park.since_ms < 0 ||
	    s->errors >= SVC_ACCOUNT_IMAP_ERRORS_MAX ||
	    s->park.delay_ms > SVC_ACCOUNT_IMAP_PARK_DELAY_MAX_MS;
	return odd ? ERR_SYNTAX : ERR_OK;
}

/* ---- part box ---- */

enum { BOX_READ_ONLY = 1, BOX_HELD = 2, BOX_EXPUNGED = 4, BOX_BITS = 7 };

static uint8_t
box_bits(const struct svc_account_imap_box *box)
{
	return (box->read_only ? BOX_READ_ONLY : 0) | (box->held ? BOX_HELD : 0) |
	    (box->expunged ? BOX_EXPUNGED : 0);
}

enum err
svc_account_imap_park_put_box(const struct svc_account_imap *s, struct buf *b)
{
	const struct store_view *v = &s->box.view;
	if (s->state != IMAP_SELECTED) {
		return ERR_OK;
	}
	if (s->store == NULL) {
		buf_str(b, s->park.box);
		return ERR_OK;
	}
	struct store_set uids;
	store_set_init(&uids);
	store_view_uids(v, 1, v->n, &uids);
	enum err e = store_set_err(&uids);
	wr_u64(b, s->box.id);
	wr_u8(b, box_bits(&s->box));
	wr_u8(b, (uint8_t)s->box.keywords.n);
	wr_u32(b, v->uidvalidity);
	wr_u32(b, v->uidnext);
	wr_u64(b, v->modseq);
	wr_u64(b, v->gone_modseq);
	svc_account_imap_park_set(b, &uids);
	store_set_done(&uids);
	return e;
}

/*
 * Keywords are read anew; those made meanwhile are not known to the client, who hears of them
 * before a flag list names one. A mailbox that was deleted has none: the refresh tells that.
 */
static enum err
restore_keywords(struct svc_account_imap *s, size_t known)
{
	enum err e = svc_account_imap_keywords(s, false);
	if (e == ERR_NOTFOUND) {
		return ERR_OK;
	}
	s->box.keywords.n = MIN(s->box.keywords.n, known);
	return e;
}

/* The store is closed: svc_account_imap_rouse reads the rest of it, if ever. */
static enum err
keep_box(struct svc_account_imap *s, struct rd *r)
{
	str octets = rd_bytes(r, r->n);
	struct rd first = rd_make(octets);
	s->park.box = arena_dup(s->arena, octets);
	s->box.id = s->box.view.mailbox = rd_u64(&first);
	if (s->park.box.p == NULL) {
		return ERR_NOMEM;
	}
	return first.bad || s->state != IMAP_SELECTED ? ERR_SYNTAX : ERR_OK;
}

enum err
svc_account_imap_park_get_box(struct svc_account_imap *s, struct rd *r)
{
	struct svc_account_imap_box *box = &s->box;
	struct store_set uids;
	if (s->store == NULL) {
		return keep_box(s, r);
	}
	box->id = rd_u64(r);
	uint8_t bits = rd_u8(r), known = rd_u8(r);
	box->read_only = (bits & BOX_READ_ONLY) != 0;
	box->held = (bits & BOX_HELD) != 0;
	box->expunged = (bits & BOX_EXPUNGED) != 0;
	box->view = (struct store_view){ .mailbox = box->id };
	box->view.uidvalidity = rd_u32(r);
	box->view.uidnext = rd_u32(r);
	box->view.modseq = rd_u64(r);
	box->view.gone_modseq = rd_u64(r);
	if (r->bad || s->state != IMAP_SELECTED || bits > BOX_BITS || known > STORE_KEYWORDS_MAX ||
	    box->view.gone_modseq > box->view.modseq) {
		return ERR_SYNTAX;
	}
	store_set_init(&uids);
	enum err e = svc_account_imap_park_set_get(r, &uids);
	e = e != ERR_OK ? e : store_view_restore(&box->view, s->store, &uids);
	store_set_done(&uids);
	return e != ERR_OK ? e : restore_keywords(s, known);
}

/* ---- parts saved and idle ---- */

enum err
svc_account_imap_park_put_saved(const struct svc_account_imap *s, struct buf *b)
{
	if (s->box.saved.n > 0) {
		svc_account_imap_park_set(b, &s->box.saved);
	}
	return ERR_OK;
}

enum err
svc_account_imap_park_get_saved(struct svc_account_imap *s, struct rd *r)
{
	return s->state == IMAP_SELECTED ? svc_account_imap_park_set_get(r, &s->box.saved)
					 : ERR_SYNTAX;
}

enum err
svc_account_imap_park_put_idle(const struct svc_account_imap *s, struct buf *b)
{
	if (s->idle_tag.p != NULL) {
		buf_str(b, s->idle_tag);
	}
	return ERR_OK;
}

enum err
svc_account_imap_park_get_idle(struct svc_account_imap *s, struct rd *r)
{
	str tag = rd_bytes(r, r->n);
	if (tag.n == 0 || tag.n > sizeof s->idle_room) {
		return ERR_SYNTAX;
	}
	for (size_t i = 0; i < tag.n; i++) {
		if (tag.p[i] <= ' ' || tag.p[i] > '~') {
			return ERR_SYNTAX;
		}
	}
	memcpy(s->idle_room, tag.p, tag.n);
	s->idle_tag = str_make(s->idle_room, tag.n);
	return ERR_OK;
}

/* ---- part client ---- */

enum err
svc_account_imap_park_put_client(const struct svc_account_imap *s, struct buf *b)
{
	buf_add(b, s->client, s->client_n);
	return ERR_OK;
}

enum err
svc_account_imap_park_get_client(struct svc_account_imap *s, struct rd *r)
{
	str name = rd_bytes(r, r->n);
	if (name.n == 0 || name.n > sizeof s->client) {
		return ERR_SYNTAX;
	}
	svc_account_imap_know_client(s, name);
	return ERR_OK;
}

/* ---- the whole ---- */

/* A part's length is known when it is there, so it is made aside. */
static enum err
put_part(const struct svc_account_imap *s, const struct part *part, struct buf *room,
    struct buf *ret)
{
	buf_reset(room);
	TRY(part->put(s, room));
	if (room->n > 0) {
		wr_u8(ret, part->number);
		wr_str(ret, buf_view(room));
	}
	return buf_err(room);
}

enum err
svc_account_imap_park_put(const struct svc_account_imap *s, struct buf *ret)
{
	struct buf room;
	enum err e = ERR_OK;
	size_t before = ret->n;
	buf_init(&room, SVC_ACCOUNT_IMAP_PARK_MAX);
	wr_u8(ret, SVC_ACCOUNT_IMAP_PARK_VERSION);
	for (size_t i = 0; i < LEN(parts) && e == ERR_OK; i++) {
		e = put_part(s, &parts[i], &room, ret);
	}
	buf_done(&room);
	e = e == ERR_OK ? buf_err(ret) : e;
	return e == ERR_OK && ret->n - before > SVC_ACCOUNT_IMAP_PARK_MAX ? ERR_TOOBIG : e;
}

static enum err
get_part(struct svc_account_imap *s, uint8_t number, str octets)
{
	for (size_t i = 0; i < LEN(parts); i++) {
		if (parts[i].number == number) {
			struct rd r = rd_make(octets);
			TRY(parts[i].get(s, &r));
			return rd_end(&r);
		}
	}
	return ERR_UNSUPPORTED;
}

enum err
svc_account_imap_park_get(struct svc_account_imap *s, str blob)
{
	struct rd r = rd_make(blob);
	uint8_t last = 0;
	if (rd_u8(&r) != SVC_ACCOUNT_IMAP_PARK_VERSION) {
		return ERR_UNSUPPORTED;
	}
	while (r.n > 0 && !r.bad) {
		uint8_t number = rd_u8(&r);
		str octets = rd_str(&r, SVC_ACCOUNT_IMAP_PARK_MAX);
		if (r.bad || number <= last) {
			return ERR_SYNTAX;
		}
		TRY(get_part(s, number, octets));
		last = number;
	}
	bool whole = last > 0 && (s->state != IMAP_SELECTED || s->box.view.mailbox != 0);
	return whole ? rd_end(&r) : ERR_SYNTAX;
}
