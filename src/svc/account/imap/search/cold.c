/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Facts first where there are many messages, else the message's row, else the message itself.
 */
#include "svc/account/imap/search/cold.h"

#include "proto/imap/write.h"

enum {
	STRUCTURE = IMAP_FETCH_BODY | IMAP_FETCH_BODYSTRUCTURE,
	KEPT_WITH_IT = STRUCTURE | IMAP_FETCH_PREVIEW,
	BULK_MIN = 128,
	KEPT_OCTETS = 4194304 /* memory for structures that wait to be kept */
};

/* What is told of one message. */
struct facts {
	int64_t internal_s;
	uint64_t thread;
	struct svc_account_imap_shape shape;
};

enum err
svc_account_imap_search_cold_init(struct svc_account_imap_search_cold *c,
    struct svc_account_imap *s, unsigned items, uint64_t wanted)
{
	c->s = s;
	c->items = items;
	c->n = 0;
	c->facts = (struct svc_account_imap_facts){ 0 };
	c->bulk = wanted >= BULK_MIN && (items & SVC_ACCOUNT_IMAP_COLD_ITEMS) != 0;
	c->kept = NULL;
	if ((items & KEPT_WITH_IT) != 0) {
		c->kept = arena_new(s->arena, "structures", KEPT_OCTETS, 0);
		if (c->kept == NULL) {
			return ERR_NOMEM;
		}
	}
	/* Dates alone are not worth making facts of everything. */
	uint64_t make = (items & IMAP_FETCH_ENVELOPE) != 0 ? wanted : 0;
	return c->bulk ? svc_account_imap_search_facts_init(&c->facts, s, make, false) : ERR_OK;
}

enum err
svc_account_imap_search_cold_ready(struct svc_account_imap_search_cold *c, uint64_t id)
{
	return svc_account_imap_search_facts_more(&c->facts, id);
}

/* A cache: when it cannot be kept, the next FETCH makes it again. */
static enum err
keep_all(struct svc_account_imap_search_cold *c)
{
	enum err e = c->n == 0 ? ERR_OK : store_cache_set(c->s->store, c->list, c->n);
	c->n = 0;
	arena_reset(c->kept);
	return e == ERR_NOMEM ? e : ERR_OK;
}

void
svc_account_imap_search_cold_done(struct svc_account_imap_search_cold *c)
{
	if (c->kept != NULL) {
		(void)!keep_all(c);
	}
	svc_account_imap_search_facts_done(&c->facts);
	arena_free(&c->kept);
}

static enum err
keep(struct svc_account_imap_search_cold *c, uint64_t id, str envelope, str structure)
{
	if (c->n == LEN(c->list)) {
		TRY(keep_all(c));
	}
	struct store_cached one = { id, arena_dup(c->kept, envelope),
		arena_dup(c->kept, structure) };
	if (one.envelope.p == NULL || one.structure.p == NULL) {
		return keep_all(c); /* no room: this one is made again next time */
	}
	c->list[c->n++] = one;
	return ERR_OK;
}

/* Is something wanted that the row does not have, and that costs a look at the whole message? */
static bool
lacks(unsigned items, const struct svc_account_imap_shape *shape)
{
	bool preview = (items & IMAP_FETCH_PREVIEW) != 0 && (items & IMAP_FETCH_LAZY) == 0;
	return ((items & STRUCTURE) != 0 && shape->structure.n == 0) ||
	    (preview && shape->preview.p == NULL);
}

/* From the message's row, or made now. */
static enum err
get_from_row(struct svc_account_imap_search_cold *c, uint64_t id, struct facts *ret)
{
	struct svc_account_imap *s = c->s;
	struct svc_account_imap_shape *shape = &ret->shape;
	struct store_cold cold;
	str text, envelope, structure;
	TRY(store_cold(s->store, id, s->scratch, &cold));
	ret->internal_s = cold.internal_s;
	ret->thread = cold.thread;
	svc_account_imap_shape_unpack(cold.envelope, cold.structure, shape);
	if (lacks(c->items, shape)) {
		TRY(store_text(s->store, id, &text));
		TRY(svc_account_imap_shape_make(s->scratch, text, cold.header_octets, shape));
		TRY(svc_account_imap_shape_pack(s->scratch, shape, &envelope, &structure));
		TRY(keep(c, id, envelope, structure));
	}
	if ((c->items & IMAP_FETCH_ENVELOPE) != 0 && shape->envelope.n == 0) {
		TRY(store_header(s->store, id, &text));
		TRY(svc_account_imap_shape_envelope(s->scratch, text, &shape->envelope));
	}
	return ERR_OK;
}

static enum err
get_from_facts(struct svc_account_imap_search_cold *c, uint64_t id, struct facts *ret)
{
	if ((c->items & (IMAP_FETCH_INTERNALDATE | IMAP_FETCH_THREADID)) != 0) {
		struct svc_account_imap_meta meta;
		str fact;
		TRY(svc_account_imap_search_fact_known(&c->facts, id, SVC_ACCOUNT_IMAP_META,
		    &fact));
		TRY(svc_account_imap_search_meta_read(fact, &meta));
		ret->internal_s = meta.internal_s;
		ret->thread = meta.thread;
	}
	if ((c->items & IMAP_FETCH_ENVELOPE) == 0) {
		return ERR_OK;
	}
	TRY(svc_account_imap_search_fact_known(&c->facts, id, SVC_ACCOUNT_IMAP_ENVELOPE,
	    &ret->shape.envelope));
	return ret->shape.envelope.n > 0 ? ERR_OK : ERR_NOTFOUND;
}

void
svc_account_imap_search_cold_id(struct buf *out, const char *name, char kind, uint64_t id)
{
	char room[STORE_ID_TEXT_MAX];
	buf_cstr(out, name);
	buf_str(out, store_id_text(kind, id, room));
	buf_ch(out, ')');
}

enum err
svc_account_imap_search_cold_put(struct svc_account_imap_search_cold *c, const struct store_msg *m)
{
	struct buf *out = &c->s->out;
	struct facts f = { 0 };
	TRY(store_hold(c->s->store));
	bool facts = c->bulk && (c->items & KEPT_WITH_IT) == 0;
	enum err e = facts ? get_from_facts(c, m->id, &f) : ERR_NOTFOUND;
	if (e == ERR_NOTFOUND || e == ERR_CORRUPT) {
		e = get_from_row(c, m->id, &f);
	}
	TRY(e);
	if ((c->items & IMAP_FETCH_INTERNALDATE) != 0) {
		buf_cstr(out, " INTERNALDATE ");
		imap_put_internaldate(out, f.internal_s);
	}
	if ((c->items & IMAP_FETCH_THREADID) != 0) {
		svc_account_imap_search_cold_id(out, " THREADID (", 'T', f.thread);
	}
	if ((c->items & IMAP_FETCH_ENVELOPE) != 0) {
		buf_cstr(out, " ENVELOPE ");
		buf_str(out, f.shape.envelope);
	}
	if ((c->items & IMAP_FETCH_BODY) != 0) {
		buf_cstr(out, " BODY ");
		buf_str(out, f.shape.body);
	}
	if ((c->items & IMAP_FETCH_BODYSTRUCTURE) != 0) {
		buf_cstr(out, " BODYSTRUCTURE ");
		buf_str(out, f.shape.structure);
	}
	if ((c->items & IMAP_FETCH_PREVIEW) != 0) {
		buf_cstr(out, " PREVIEW "); /* NIL: LAZY, and it is not there (RFC 8970 4.1) */
		imap_put_nstring(out, f.shape.preview, svc_account_imap_utf8(c->s));
	}
	return ERR_OK;
}
