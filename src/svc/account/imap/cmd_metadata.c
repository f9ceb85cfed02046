/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GETMETADATA and SETMETADATA (RFC 5464), METADATA for LIST (RFC 9590), and telling the client what
 * other sessions changed, once it said ENABLE METADATA. The annotations of the account stand for
 * those of the server: everybody has private ones; the only shared one is the administrator's.
 */
#include "svc/account/imap/park.h"

#include "conf/conf.h"
#include "proto/imap/write.h"
#include "store/limits.h"

static const str admin = S_INIT("/shared/admin");

/* What is asked of one mailbox, and what was too long. */
struct asking {
	struct svc_account_imap *s;
	const struct imap_metadata_args *args;
	struct store_annotation_list list;
	bool any;         /* "(" is written */
	uint64_t longest; /* of those beyond MAXSIZE */
	str mailbox;
};

static bool
is_private(str entry)
{
	return str_starts(entry, S("/private"));
}

/* ---- writing ------------------------------------------------------------------------------ */

/* nstring / literal8 (RFC 5464 5). */
static void
put_value(struct buf *out, str value)
{
	if (value.n > 0 && memchr(value.p, 0, value.n) != NULL) {
		buf_ch(out, '~');
		imap_put_literal_header(out, value.n);
		buf_str(out, value);
	} else {
		imap_put_nstring(out, value, false);
	}
}

static void
put_entry(struct asking *q, str entry, str value)
{
	struct buf *out = &q->s->out;
	if (value.p != NULL && q->args->has_maxsize && value.n > q->args->maxsize) {
		q->longest = MAX(q->longest, value.n);
		return;
	}
	if (!q->any) {
		buf_cstr(out, "* METADATA ");
		imap_put_mailbox(out, q->mailbox, svc_account_imap_utf8(q->s));
		buf_cstr(out, " (");
	} else {
		buf_ch(out, ' ');
	}
	q->any = true;
	imap_put_astring(out, entry);
	buf_ch(out, ' ');
	put_value(out, value);
}

/* ---- reading ------------------------------------------------------------------------------ */

/* Is `entry` `want`, or below it within the depth? */
static bool
is_wanted(const struct asking *q, str entry, str want)
{
	if (str_eq(entry, want)) {
		return true;
	}
	str below = str_from_off(entry, want.n);
	if (q->args->depth == IMAP_DEPTH_0 || !str_starts(entry, want) || below.n == 0 ||
	    below.p[0] != '/') {
		return false;
	}
	return q->args->depth == IMAP_DEPTH_ALL || str_chr(str_from_off(below, 1), '/') < 0;
}

/* Entries that two names of the command lead to are told once. */
static bool
is_told(const struct asking *q, str entry, size_t before)
{
	for (size_t i = 0; i < before; i++) {
		if (is_wanted(q, entry, q->args->entries[i].name)) {
			return true;
		}
	}
	return false;
}

static void
put_wanted(struct asking *q, size_t at)
{
	str want = q->args->entries[at].name;
	bool found = false;
	for (size_t i = 0; i < q->list.n; i++) {
		const struct store_annotation *one = &q->list.v[i];
		if (is_wanted(q, one->entry, want)) {
			found = true;
			if (!is_told(q, one->entry, at)) {
				put_entry(q, one->entry, one->value);
			}
		}
	}
	/* What is not there has the value NIL (RFC 5464 3.2); with DEPTH it is left out. */
	if (!found && q->args->depth == IMAP_DEPTH_0 && !is_told(q, want, at)) {
		put_entry(q, want, STR_NONE);
	}
}

/* /shared/admin is the server's own (RFC 5464 3.2.1.1). */
static enum err
add_admin(struct asking *q)
{
	str uri = q->s->account->conf->imap_admin;
	struct store_annotation *v = arena_array(q->s->work, q->list.n + 1, sizeof *v);
	if (v == NULL) {
		return ERR_BUDGET;
	}
	if (uri.n == 0) {
		return ERR_OK;
	}
	if (q->list.n > 0) {
		memcpy(v, q->list.v, q->list.n * sizeof *v);
	}
	v[q->list.n] = (struct store_annotation){ .entry = admin, .value = uri };
	q->list = (struct store_annotation_list){ v, q->list.n + 1 };
	return ERR_OK;
}

/* What is private is the owner's (RFC 5464 3.2); guests have nothing of their own here. */
static void
hide_private(struct asking *q)
{
	size_t kept = 0;
	for (size_t i = 0; i < q->list.n; i++) {
		if (!is_private(q->list.v[i].entry)) {
			q->list.v[kept++] = q->list.v[i];
		}
	}
	q->list.n = kept;
}

static enum err
answer(struct asking *q, uint64_t mailbox)
{
	TRY(store_annotations(q->s->store, mailbox, S("/"), q->s->work, &q->list));
	if (mailbox == 0) {
		TRY(add_admin(q));
	}
	if (q->s->account->guest != 0) {
		hide_private(q);
	}
	for (size_t i = 0; i < q->args->n; i++) {
		put_wanted(q, i);
	}
	if (q->any) {
		buf_cstr(&q->s->out, ")\r\n");
	}
	svc_account_imap_breathe(q->s);
	return ERR_OK;
}

enum err
svc_account_imap_put_metadata(struct svc_account_imap *s, const struct store_mailbox *m,
    const struct imap_metadata_args *args)
{
	struct asking q = { .s = s, .args = args, .mailbox = m->name };
	unsigned rights;
	TRY(svc_account_imap_shared_rights(s, m->id, &rights));
	return (rights & (IMAP_RIGHT_READ | IMAP_RIGHT_SEEN | IMAP_RIGHT_WRITE)) == 0
	    ? ERR_DENIED
	    : answer(&q, m->id);
}

/* The empty name is the server, id 0. */
static enum err
find_mailbox(struct svc_account_imap *s, str name, struct store_mailbox *ret)
{
	if (name.n == 0) {
		*ret = (struct store_mailbox){ .name = S("") };
		return ERR_OK;
	}
	TRY(store_mailbox_find(s->store, name, s->work, ret));
	return ret->id == 0 ? ERR_NOTFOUND : ERR_OK;
}

enum err
svc_account_imap_cmd_getmetadata(struct svc_account_imap *s, struct imap_command *cmd)
{
	struct store_mailbox m;
	struct asking q = { .s = s, .args = &cmd->u.metadata };
	TRY(find_mailbox(s, cmd->u.metadata.mailbox, &m));
	q.mailbox = svc_account_imap_shared_full_name(s, m.name);
	TRY(answer(&q, m.id));
	if (q.longest > 0) {
		buf_printf(&s->code, "METADATA LONGENTRIES %llu", (unsigned long long)q.longest);
	}
	return ERR_OK;
}

/* ---- changing ----------------------------------------------------------------------------- */

static enum err
check_entries(struct svc_account_imap *s, const struct imap_metadata_args *m)
{
	for (size_t i = 0; i < m->n; i++) {
		if (m->mailbox.n == 0 && !is_private(m->entries[i].name)) {
			return svc_account_imap_fail(s, ERR_DENIED, "NOPERM",
			    "shared entries of the server are the administrator's");
		}
		if (m->entries[i].value.n > STORE_ANNOTATION_VALUE_MAX) {
			buf_printf(&s->code, "METADATA MAXSIZE %d", STORE_ANNOTATION_VALUE_MAX);
			s->text = "value is too long";
			return ERR_TOOBIG;
		}
	}
	return ERR_OK;
}

static enum err
set(struct svc_account_imap *s, const struct imap_metadata_args *m, uint64_t mailbox)
{
	struct store_annotation *list = arena_array(s->work, m->n, sizeof *list);
	if (list == NULL) {
		return ERR_BUDGET;
	}
	for (size_t i = 0; i < m->n; i++) {
		str value = m->entries[i].value;
		list[i] = (struct store_annotation){
			.mailbox = mailbox, .entry = m->entries[i].name, .value = value
		};
	}
	TRY(svc_account_imap_metadata_news(s)); /* then what is left is our own change */
	enum err e = store_annotate(s->store, list, m->n, &s->metadata.own);
	if (e == ERR_TOOMANY) {
		return svc_account_imap_fail(s, e, "METADATA TOOMANY", "too many annotations");
	}
	TRY(e);
	svc_account_imap_changed(s, 0);
	return ERR_OK;
}

enum err
svc_account_imap_cmd_setmetadata(struct svc_account_imap *s, struct imap_command *cmd)
{
	struct store_mailbox m;
	TRY(find_mailbox(s, cmd->u.metadata.mailbox, &m));
	TRY(check_entries(s, &cmd->u.metadata));
	return set(s, &cmd->u.metadata, m.id);
}

/* ---- news --------------------------------------------------------------------------------- */

enum err
svc_account_imap_metadata_enable(struct svc_account_imap *s)
{
	s->metadata.dirty = false;
	return store_annotations_modseq(s->store, &s->metadata.seen);
}

/* "* METADATA name entry ..." without values (RFC 5464 4.4.2). */
static enum err
tell(struct svc_account_imap *s, const struct store_annotation *v, size_t n)
{
	struct store_mailbox m = { .name = S("") };
	if (v->mailbox != 0) {
		enum err e = store_mailbox_get(s->store, v->mailbox, s->scratch, &m);
		if (e != ERR_OK) {
			return e == ERR_NOTFOUND ? ERR_OK : e;
		}
	}
	buf_cstr(&s->out, "* METADATA ");
	imap_put_mailbox(&s->out, m.name, svc_account_imap_utf8(s));
	for (size_t i = 0; i < n; i++) {
		buf_ch(&s->out, ' ');
		imap_put_astring(&s->out, v[i].entry);
	}
	buf_cstr(&s->out, "\r\n");
	return ERR_OK;
}

enum err
svc_account_imap_metadata_news(struct svc_account_imap *s)
{
	struct store_annotation_list list;
	if ((s->enabled & IMAP_ENABLED_METADATA) == 0 || !s->metadata.dirty) {
		return ERR_OK;
	}
	s->metadata.dirty = false;
	arena_reset(s->scratch);
	TRY(store_annotations_since(s->store, s->metadata.seen, S("/"), s->scratch, &list));
	for (size_t i = 0, n; i < list.n; i += n) {
		const struct store_annotation *v = &list.v[i];
		for (n = 1;
		     i + n < list.n && v[n].mailbox == v->mailbox && v[n].modseq == v->modseq;
		     n++) {
		}
		if (v->modseq != s->metadata.own) {
			TRY(tell(s, v, n));
		}
		s->metadata.seen = v->modseq;
	}
	s->metadata.dirty = list.n == STORE_ANNOTATION_NEWS_MAX;
	return ERR_OK;
}

/* ---- parking ------------------------------------------------------------------------------ */

enum err
svc_account_imap_park_put_metadata(const struct svc_account_imap *s, struct buf *b)
{
	if ((s->enabled & IMAP_ENABLED_METADATA) != 0) {
		wr_u64(b, s->metadata.seen);
		wr_u64(b, s->metadata.own);
	}
	return ERR_OK;
}

/* Nobody told us of changes while we were away. */
enum err
svc_account_imap_park_get_metadata(struct svc_account_imap *s, struct rd *r)
{
	s->metadata.seen = rd_u64(r);
	s->metadata.own = rd_u64(r);
	s->metadata.dirty = true;
	bool odd = (s->enabled & IMAP_ENABLED_METADATA) == 0 || s->metadata.seen > INT64_MAX;
	return odd ? ERR_SYNTAX : ERR_OK;
}
