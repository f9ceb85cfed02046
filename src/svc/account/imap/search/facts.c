/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One pass over the header remembers the fields; then each kind of fact is written. Start with
 * svc_account_imap_search_facts_init.
 */
#include "svc/account/imap/search/facts.h"

#include "base/mem.h"
#include "base/wire.h"
#include "mail/address.h"
#include "mail/charset.h"
#include "mail/date.h"
#include "mail/header.h"
#include "mail/subject.h"
#include "mail/text.h"
#include "mail/word.h"
#include "svc/account/imap/shape.h"

enum {
	VERSION = 1,
	FILL_MIN = 128,    /* fewer messages without facts are not worth a block */
	FILL_BATCH = 4096, /* messages per transaction: blocks of a kind lie together */
	FILL_FACTOR = 4,   /* blocks are made for so many times the messages asked about */
	FILL_EXTRA = 2048, /* and so many more */
	HAS_SENT = 1,
	REPLY = 2,
	NAMES = 8,
	SAME_MAX = 8,         /* fields of one name whose places are remembered */
	RAW_MAX = 65536,      /* octets of one field */
	BATCH_MAX = 16777216, /* memory of one batch */
};

static_assert(SVC_ACCOUNT_IMAP_ENVELOPE == STORE_FACT_KINDS - 1, "a kind for each fact");
static_assert((int)STORE_FACT_KINDS * (int)SVC_ACCOUNT_IMAP_FACT_TEXT_MAX <= (int)BATCH_MAX / 2,
    "a letter never fails for its size: it would fail every search");

enum name { SUBJECT, FROM, TO, CC, BCC, MESSAGE_ID, IN_REPLY_TO, REFERENCES };

static const str names[NAMES] = { S_INIT("Subject"), S_INIT("From"), S_INIT("To"), S_INIT("Cc"),
	S_INIT("Bcc"), S_INIT("Message-ID"), S_INIT("In-Reply-To"), S_INIT("References") };

/* The fields of one header, and what is being written. */
struct making {
	struct arena *a; /* results; and scratch below it */
	struct arena *scratch;
	str header;
	str value[NAMES][SAME_MAX + 1]; /* the last one changes when there are more */
	size_t n[NAMES];
	str date; /* p == NULL: none */
	struct buf raw, text, out;
	struct store_fact *fact;
};

static void
find_fields(struct making *m)
{
	struct mail_header h = mail_header_make(m->header);
	struct mail_field field;
	while (mail_header_next(&h, &field)) {
		for (size_t i = 0; i < NAMES; i++) {
			if (str_ieq(field.name, names[i])) {
				m->value[i][MIN(m->n[i], (size_t)SAME_MAX)] = field.value;
				m->n[i]++;
			}
		}
		if (m->date.p == NULL && str_ieq(field.name, S("Date"))) {
			m->date = field.value;
		}
	}
}

/* The decoded text of a field in m->text. */
static void
decode(struct making *m, str value)
{
	buf_reset(&m->raw);
	buf_reset(&m->text);
	mail_header_unfold(&m->raw, value);
	mail_word_decode(&m->text, buf_view(&m->raw));
}

/* What is over the ceiling is left out; the rest counts. */
static enum err
keep(struct making *m, enum svc_account_imap_fact kind)
{
	if (buf_err(&m->out) == ERR_NOMEM) {
		return ERR_NOMEM;
	}
	m->fact->v[kind] = arena_dup(m->a, buf_view(&m->out));
	return m->fact->v[kind].p == NULL ? ERR_BUDGET : ERR_OK;
}

static void
begin(struct making *m)
{
	buf_reset(&m->out);
	wr_u8(&m->out, VERSION);
}

typedef void put_field(struct making *m, str value);

static void
put_folded(struct making *m, str value)
{
	decode(m, value);
	mail_text_fold(&m->out, buf_view(&m->text));
	buf_ch(&m->out, '\0');
}

static void
put_unfolded(struct making *m, str value)
{
	mail_header_unfold(&m->out, value);
	buf_ch(&m->out, '\0');
}

static void
put_fields(struct making *m, enum name name, put_field *put)
{
	for (size_t i = 0; i < MIN(m->n[name], (size_t)SAME_MAX); i++) {
		put(m, m->value[name][i]);
	}
	size_t skip = SAME_MAX;
	struct mail_header h = mail_header_make(m->n[name] > skip ? m->header : STR_NONE);
	struct mail_field field;
	while (mail_header_next(&h, &field)) {
		if (str_ieq(field.name, names[name])) {
			if (skip == 0) {
				put(m, field.value);
			}
			skip -= skip > 0;
		}
	}
}

/* A part: its length goes in front when it is known. */
static size_t
open_part(struct making *m)
{
	wr_u32(&m->out, 0);
	return m->out.n;
}

static void
close_part(struct making *m, size_t start)
{
	if (buf_err(&m->out) == ERR_OK) {
		uint32_t n = (uint32_t)(m->out.n - start);
		for (size_t i = 0; i < 4; i++) {
			m->out.p[start - 4 + i] = (char)(n >> (8 * i) & 0xff);
		}
	}
}

static enum err
make_texts(struct making *m)
{
	begin(m);
	put_fields(m, SUBJECT, put_folded);
	TRY(keep(m, SVC_ACCOUNT_IMAP_SUBJECT));
	begin(m);
	put_fields(m, FROM, put_folded);
	TRY(keep(m, SVC_ACCOUNT_IMAP_FROM));
	begin(m);
	for (enum name i = TO; i <= BCC; i++) {
		size_t start = open_part(m);
		put_fields(m, i, put_folded);
		close_part(m, start);
	}
	TRY(keep(m, SVC_ACCOUNT_IMAP_RCPT));
	begin(m);
	for (enum name i = MESSAGE_ID; i <= REFERENCES; i++) {
		size_t start = open_part(m);
		put_fields(m, i, put_unfolded);
		close_part(m, start);
	}
	return keep(m, SVC_ACCOUNT_IMAP_IDS);
}

static enum err
make_base(struct making *m, bool *ret_reply)
{
	begin(m);
	*ret_reply = false;
	if (m->n[SUBJECT] > 0) {
		decode(m, m->value[SUBJECT][0]);
		buf_reset(&m->raw);
		mail_subject_base(&m->raw, buf_view(&m->text), ret_reply);
		mail_charset_casemap(&m->out, buf_view(&m->raw));
	}
	return keep(m, SVC_ACCOUNT_IMAP_BASE);
}

static enum err
make_meta(struct making *m, const struct store_cold *cold, bool reply)
{
	struct mail_date date = { 0 };
	bool has = m->date.p != NULL && mail_date_parse(m->date, &date) == ERR_OK;
	begin(m);
	wr_i64(&m->out, cold->internal_s);
	wr_u64(&m->out, cold->thread);
	wr_u8(&m->out, (uint8_t)((has ? HAS_SENT : 0) | (reply ? REPLY : 0)));
	wr_i64(&m->out, has ? date.unix_s : 0);
	wr_u32(&m->out, has ? (uint32_t)mail_date_day(&date) : 0);
	return keep(m, SVC_ACCOUNT_IMAP_META);
}

/* What stands first in an address list, as ENVELOPE gives it; NULL when it is empty. */
static enum err
first_address(struct making *m, enum name name, const struct mail_address **ret)
{
	struct mail_address *list;
	size_t n = 0;
	*ret = NULL;
	for (size_t i = 0; i < MIN(m->n[name], (size_t)SAME_MAX) && *ret == NULL; i++) {
		TRY(mail_addresses_parse(m->scratch, str_sub(m->value[name][i], 0, RAW_MAX), 0,
		    &list, &n));
		*ret = n > 0 ? &list[0] : NULL;
	}
	return ERR_OK;
}

/* addr-mailbox: of a group its name stands there. */
static void
put_mailbox(struct making *m, const struct mail_address *a)
{
	size_t start = open_part(m);
	if (a != NULL) {
		str text = a->kind == MAIL_ADDRESS_GROUP ? a->name : a->local;
		buf_reset(&m->text);
		mail_word_decode(&m->text, text);
		mail_charset_casemap(&m->out, buf_view(&m->text));
	}
	close_part(m, start);
}

/* RFC 5957 3 */
static void
put_display(struct making *m, const struct mail_address *a)
{
	size_t start = open_part(m);
	buf_reset(&m->text);
	if (a != NULL && a->kind == MAIL_ADDRESS_GROUP) {
		mail_word_decode(&m->text, a->name);
	} else if (a != NULL) {
		mail_word_decode(&m->text, a->name);
		if (m->text.n == 0) {
			mail_word_decode(&m->text, a->local);
			buf_cstr(&m->text, a->domain.n > 0 ? "@" : "");
			mail_word_decode(&m->text, a->domain);
		}
	}
	mail_charset_casemap(&m->out, buf_view(&m->text));
	close_part(m, start);
}

static enum err
make_addresses(struct making *m)
{
	const struct mail_address *from, *to, *cc;
	TRY(first_address(m, FROM, &from));
	TRY(first_address(m, TO, &to));
	TRY(first_address(m, CC, &cc));
	begin(m);
	put_mailbox(m, from);
	put_mailbox(m, to);
	put_mailbox(m, cc);
	put_display(m, from);
	put_display(m, to);
	return keep(m, SVC_ACCOUNT_IMAP_ADDRESSES);
}

static enum err
make_all(struct making *m, const struct store_cold *cold)
{
	bool reply;
	str envelope;
	find_fields(m);
	TRY(make_texts(m));
	TRY(make_base(m, &reply));
	TRY(make_meta(m, cold, reply));
	TRY(make_addresses(m));
	arena_reset(m->scratch);
	enum err e = svc_account_imap_shape_envelope(m->scratch, m->header, &envelope);
	if (e == ERR_TOOBIG) {
		return ERR_OK; /* stays absent */
	}
	TRY(e);
	begin(m);
	buf_str(&m->out, envelope);
	return keep(m, SVC_ACCOUNT_IMAP_ENVELOPE);
}

/* All facts of a message; strings live in `a`. */
static enum err
make_facts(struct svc_account_imap *s, uint64_t id, struct arena *a, struct store_fact *ret)
{
	struct making m = { .a = a, .scratch = s->scratch, .fact = ret };
	struct store_cold cold;
	*ret = (struct store_fact){ .id = id };
	arena_reset(s->scratch);
	TRY(store_cold(s->store, id, NULL, &cold));
	TRY(store_header(s->store, id, &m.header));
	buf_init(&m.raw, SVC_ACCOUNT_IMAP_FACT_TEXT_MAX);
	buf_init(&m.text, SVC_ACCOUNT_IMAP_FACT_TEXT_MAX);
	buf_init(&m.out, SVC_ACCOUNT_IMAP_FACT_TEXT_MAX);
	enum err e = make_all(&m, &cold);
	buf_done(&m.raw);
	buf_done(&m.text);
	buf_done(&m.out);
	return e;
}

/* ---- filling ------------------------------------------------------------------------------ */

/* A message that cannot be read keeps empty facts: who asks about it learns why. */
static enum err
fill_batch(struct svc_account_imap *s, struct arena *a, const uint64_t *ids, size_t n)
{
	struct store_fact *list = arena_array(a, n, sizeof *list);
	size_t made = 0;
	if (list == NULL) {
		return ERR_BUDGET;
	}
	while (made < n && (made == 0 || arena_used(a) < BATCH_MAX / 2)) {
		struct store_fact *f = &list[made];
		enum err e = make_facts(s, ids[made], a, f);
		if (e == ERR_NOMEM || e == ERR_DB || e == ERR_BUSY || e == ERR_IO) {
			return e;
		}
		if (e != ERR_OK) {
			*f = (struct store_fact){ .id = ids[made] };
		}
		made++;
	}
	store_release(s->store);
	enum err e = store_facts_add(s->store, list, made);
	return e == ERR_EXISTS ? ERR_OK : e;
}

/* Make blocks for about `most` messages; ret_made: of how many they are. */
static enum err
fill(struct svc_account_imap *s, uint64_t most, uint64_t *ret_made)
{
	struct arena *a = arena_new(s->arena, "facts", BATCH_MAX, 0);
	uint64_t *ids = mem_zalloc(FILL_BATCH, sizeof *ids);
	enum err e = a == NULL || ids == NULL ? ERR_NOMEM : ERR_OK;
	*ret_made = 0;
	while (e == ERR_OK && *ret_made < most) {
		size_t n = 0, some = MAX(MIN(most - *ret_made, FILL_BATCH), FILL_MIN);
		e = store_hold(s->store);
		e = e == ERR_OK ? store_facts_missing(s->store, ids, some, &n) : e;
		if (e != ERR_OK || n < FILL_MIN) {
			break;
		}
		e = fill_batch(s, a, ids, n);
		svc_account_imap_progress(s, 0, 0);
		arena_reset(a);
		*ret_made += n;
	}
	store_release(s->store);
	mem_drop(ids);
	arena_free(&a);
	return e;
}

/* A cache: when it cannot be written, headers are read. */
static enum err
fill_or_not(struct svc_account_imap_facts *f, uint64_t most, uint64_t *ret_made)
{
	enum err e = fill(f->s, most, ret_made);
	bool spared = e == ERR_NOSPACE || e == ERR_BUSY || e == ERR_IO || e == ERR_BUDGET;
	f->left -= e == ERR_OK && *ret_made > 0 ? MIN(f->left, *ret_made) : f->left;
	return spared ? ERR_OK : e;
}

/* ---- reading ------------------------------------------------------------------------------ */

enum err
svc_account_imap_search_facts_init(struct svc_account_imap_facts *f, struct svc_account_imap *s,
    uint64_t wanted, bool now)
{
	uint64_t made;
	*f = (struct svc_account_imap_facts){ .s = s };
	f->arena = arena_new(s->arena, "fact", BATCH_MAX, 0);
	if (f->arena == NULL) {
		return ERR_NOMEM;
	}
	f->left = wanted < FILL_MIN ? 0 : FILL_FACTOR * wanted + FILL_EXTRA;
	return now && f->left > 0 ? fill_or_not(f, f->left, &made) : ERR_OK;
}

void
svc_account_imap_search_facts_done(struct svc_account_imap_facts *f)
{
	for (size_t i = 0; i < LEN(f->reader); i++) {
		if (f->reader[i] != NULL) {
			store_fact_reader_done(f->reader[i]);
			mem_drop(f->reader[i]);
		}
	}
	arena_free(&f->arena);
	*f = (struct svc_account_imap_facts){ 0 };
}

static enum err
from_blocks(struct svc_account_imap_facts *f, uint64_t id, enum svc_account_imap_fact kind,
    str *ret)
{
	if (f->reader[kind] == NULL) {
		f->reader[kind] = mem_zalloc(1, sizeof *f->reader[kind]);
		if (f->reader[kind] == NULL) {
			return ERR_NOMEM;
		}
		store_fact_reader_init(f->reader[kind], f->s->store, kind);
	}
	TRY(store_fact_get(f->reader[kind], id, ret));
	return ret->n > 0 && ret->p[0] == VERSION ? ERR_OK : ERR_NOTFOUND;
}

enum err
svc_account_imap_search_facts_more(struct svc_account_imap_facts *f, uint64_t id)
{
	str none;
	while (f->left > 0 &&
	    from_blocks(f, id, SVC_ACCOUNT_IMAP_ENVELOPE, &none) == ERR_NOTFOUND) {
		uint64_t made;
		TRY(fill_or_not(f, FILL_BATCH, &made));
		for (size_t i = 0; i < LEN(f->reader); i++) {
			if (f->reader[i] != NULL) {
				f->reader[i]->end_from = UINT64_MAX;
			}
		}
	}
	return ERR_OK;
}

enum err
svc_account_imap_search_fact_known(struct svc_account_imap_facts *f, uint64_t id,
    enum svc_account_imap_fact kind, str *ret)
{
	str v;
	TRY(from_blocks(f, id, kind, &v));
	*ret = str_from_off(v, 1);
	return ERR_OK;
}

enum err
svc_account_imap_search_fact_get(struct svc_account_imap_facts *f, uint64_t id,
    enum svc_account_imap_fact kind, str *ret)
{
	str v;
	enum err e = f->own_id == id ? ERR_NOTFOUND : from_blocks(f, id, kind, &v);
	if (e == ERR_NOTFOUND || e == ERR_CORRUPT) {
		if (f->own_id != id) {
			f->own_id = 0;
			arena_reset(f->arena);
			TRY(make_facts(f->s, id, f->arena, &f->own));
			f->own_id = id;
		}
		v = f->own.v[kind];
		e = ERR_OK;
	}
	TRY(e);
	*ret = str_from_off(v, 1);
	return ERR_OK;
}

enum err
svc_account_imap_search_fact_meta(struct svc_account_imap_facts *f, uint64_t id,
    struct svc_account_imap_meta *ret)
{
	str v;
	TRY(svc_account_imap_search_fact_get(f, id, SVC_ACCOUNT_IMAP_META, &v));
	return svc_account_imap_search_meta_read(v, ret);
}

enum err
svc_account_imap_search_meta_read(str fact, struct svc_account_imap_meta *ret)
{
	struct rd r = rd_make(fact);
	struct svc_account_imap_meta m = { .internal_s = rd_i64(&r), .thread = rd_u64(&r) };
	uint8_t flags = rd_u8(&r);
	m.sent_s = rd_i64(&r);
	m.sent_day = (int32_t)rd_u32(&r);
	m.has_sent = (flags & HAS_SENT) != 0;
	m.reply = (flags & REPLY) != 0;
	if (rd_end(&r) != ERR_OK) {
		return ERR_CORRUPT;
	}
	*ret = m;
	return ERR_OK;
}

str
svc_account_imap_search_fact_part(str fact, size_t at)
{
	struct rd r = rd_make(fact);
	str part = STR_NONE;
	for (size_t i = 0; i <= at; i++) {
		part = rd_str(&r, SVC_ACCOUNT_IMAP_FACT_TEXT_MAX);
	}
	return r.bad ? STR_NONE : part;
}
