/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text keys of SEARCH: header fields and bodies, decoded to UTF-8 and folded, so that letters
 * match in any case and with or without accents (RFC 9051 6.4.4; 5051). Substrings, as IMAP wants.
 */
#include "svc/account/imap/session.h"

#include "mail/charset.h"
#include "mail/date.h"
#include "mail/header.h"
#include "mail/mime.h"
#include "mail/param.h"
#include "mail/text.h"
#include "mail/transfer.h"
#include "mail/word.h"

/* Reused between the fields and parts of one question. */
struct rooms {
	struct buf raw, text, folded;
};

static void
rooms_init(struct rooms *r)
{
	buf_init(&r->raw, SVC_ACCOUNT_IMAP_SEARCH_PART_MAX);
	buf_init(&r->text, 2 * SVC_ACCOUNT_IMAP_SEARCH_PART_MAX);
	buf_init(&r->folded, 4 * SVC_ACCOUNT_IMAP_SEARCH_PART_MAX);
}

static void
rooms_done(struct rooms *r)
{
	buf_done(&r->raw);
	buf_done(&r->text);
	buf_done(&r->folded);
}

static bool
is_text_key(enum imap_search_op op)
{
	return op == IMAP_SEARCH_HEADER || op == IMAP_SEARCH_BODY || op == IMAP_SEARCH_TEXT;
}

enum err
svc_account_imap_search_fold(struct arena *a, struct imap_search_program *p)
{
	for (size_t i = 0; i < p->n; i++) {
		struct imap_search_node *node = &p->nodes[i];
		if (!is_text_key(node->op)) {
			continue;
		}
		struct buf b;
		buf_init(&b, 16 * (IMAP_SEARCH_TEXT_MAX + 16));
		mail_text_fold(&b, node->text);
		str folded = arena_dup(a, buf_view(&b));
		enum err e = buf_err(&b) != ERR_OK ? buf_err(&b)
		    : folded.p == NULL             ? ERR_BUDGET
						   : ERR_OK;
		buf_done(&b);
		TRY(e);
		node->text = folded;
	}
	return ERR_OK;
}

/* What is over a room's ceiling is not searched; the rest is. */
static bool
found_in(struct rooms *r, str utf8, str needle)
{
	buf_reset(&r->folded);
	mail_text_fold(&r->folded, utf8);
	return str_find(buf_view(&r->folded), needle) >= 0;
}

static bool
found_in_field(struct rooms *r, str value, str needle)
{
	buf_reset(&r->raw);
	buf_reset(&r->text);
	mail_header_unfold(&r->raw, value);
	mail_word_decode(&r->text, buf_view(&r->raw));
	return found_in(r, buf_view(&r->text), needle);
}

/* An empty name means every field; then its name may match, too. */
static bool
found_in_header(struct rooms *r, str header, str name, str needle)
{
	struct mail_header h = mail_header_make(header);
	struct mail_field field;
	while (mail_header_next(&h, &field)) {
		bool wanted = name.n == 0 || str_ieq(field.name, name);
		if (wanted &&
		    (needle.n == 0 ||
			found_in_field(r, name.n == 0 ? field.raw : field.value, needle))) {
			return true;
		}
	}
	return false;
}

static bool
found_in_part(struct rooms *r, const struct mail_mime *m, const struct mail_mime_part *p,
    str needle)
{
	if (p->kind != MAIL_MIME_LEAF || !str_ieq(p->type, S("text"))) {
		return false;
	}
	struct mail_param charset = { 0 };
	(void)mail_param_find(p->content_type, S("charset"), &charset);
	str body = str_sub(mail_mime_body(m, p), 0, SVC_ACCOUNT_IMAP_SEARCH_PART_MAX);
	enum mail_transfer transfer = mail_transfer_by_name(p->encoding);
	if (transfer != MAIL_TRANSFER_IDENTITY && transfer != MAIL_TRANSFER_UNKNOWN) {
		buf_reset(&r->raw);
		mail_transfer_decode(&r->raw, transfer, body);
		body = buf_view(&r->raw);
	}
	buf_reset(&r->text);
	mail_charset_decode(&r->text, charset.value, body);
	return found_in(r, buf_view(&r->text), needle);
}

static enum err
found_in_body(struct svc_account_imap *s, struct rooms *r, str message, str needle, bool *ret)
{
	struct mail_mime m;
	arena_reset(s->scratch);
	TRY(mail_mime_parse(message, s->scratch, &m));
	*ret = needle.n == 0;
	for (uint32_t i = 0; i < m.n && !*ret; i++) {
		*ret = found_in_part(r, &m, &m.parts[i], needle);
		/* Headers of enclosed messages are part of the body. */
		if (!*ret && i > 0 && m.parts[m.parts[i].parent].kind == MAIL_MIME_MESSAGE) {
			*ret = found_in_header(r, mail_mime_header(&m, &m.parts[i]), STR_NONE,
			    needle);
		}
	}
	return ERR_OK;
}

static enum err
ask_sent(struct svc_account_imap *s, uint64_t id, const struct imap_search_node *leaf, bool *ret)
{
	str header;
	struct mail_field field;
	struct mail_date date;
	TRY(store_header(s->store, id, &header));
	*ret = false;
	if (mail_header_find(header, S("Date"), &field) &&
	    mail_date_parse(field.value, &date) == ERR_OK) {
		int64_t day = mail_date_day(&date), want = (int64_t)leaf->number;
		*ret = leaf->op == IMAP_SEARCH_SENTBEFORE ? day < want
		    : leaf->op == IMAP_SEARCH_SENTON      ? day == want
							  : day >= want;
	}
	return ERR_OK;
}

static enum err
ask_text(struct svc_account_imap *s, struct rooms *r, uint64_t id,
    const struct imap_search_node *leaf, bool *ret)
{
	str octets;
	*ret = false;
	if (leaf->op != IMAP_SEARCH_BODY) {
		TRY(store_header(s->store, id, &octets));
		str name = leaf->op == IMAP_SEARCH_HEADER ? leaf->name : STR_NONE;
		*ret = found_in_header(r, octets, name, leaf->text);
	}
	if (leaf->op != IMAP_SEARCH_HEADER && !*ret) {
		TRY(store_text(s->store, id, &octets));
		TRY(found_in_body(s, r, octets, leaf->text, ret));
	}
	return ERR_OK;
}

enum err
svc_account_imap_search_text(struct svc_account_imap *s, uint64_t id,
    const struct imap_search_node *leaf, bool *ret)
{
	if (!is_text_key(leaf->op)) {
		return ask_sent(s, id, leaf, ret);
	}
	struct rooms r;
	rooms_init(&r);
	enum err e = ask_text(s, &r, id, leaf, ret);
	rooms_done(&r);
	return e;
}
