/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sections are slices of the message wherever they can be.
 */
#include "proto/imap/section.h"

#include "mail/header.h"
#include "mail/mime.h"
#include "mail/transfer.h"

static bool
is_header(enum imap_section_text text)
{
	return text == IMAP_TEXT_HEADER || text == IMAP_TEXT_FIELDS || text == IMAP_TEXT_FIELDS_NOT;
}

bool
imap_section_needs_mime(const struct imap_section *s)
{
	return s->path_n > 0;
}

bool
imap_section_needs_header_only(const struct imap_section *s)
{
	return s->item == IMAP_ITEM_RFC822_HEADER || (s->path_n == 0 && is_header(s->text));
}

static bool
is_listed(const struct imap_section *s, str name)
{
	for (size_t i = 0; i < s->fields_n; i++) {
		if (str_ieq(s->fields[i], name)) {
			return true;
		}
	}
	return false;
}

/* Fields that are named, or those that are not, and the empty line. */
static str
subset(const struct imap_section *s, str header, struct buf *room)
{
	bool want = s->text == IMAP_TEXT_FIELDS;
	struct mail_header h = mail_header_make(header);
	struct mail_field field;
	while (mail_header_next(&h, &field)) {
		if (field.name.n > 0 && is_listed(s, field.name) == want) {
			buf_str(room, field.raw);
		}
	}
	buf_cstr(room, "\r\n");
	return buf_view(room);
}

static str
of_header(const struct imap_section *s, str header, struct buf *room)
{
	return s->text == IMAP_TEXT_HEADER ? header : subset(s, header, room);
}

/* Sections of the message itself. */
static str
of_message(const struct imap_source *src, const struct imap_section *s, struct buf *room)
{
	if (s->item == IMAP_ITEM_RFC822_HEADER) {
		return str_sub(src->message, 0, src->header_n);
	}
	if (s->item == IMAP_ITEM_RFC822_TEXT || s->text == IMAP_TEXT_TEXT) {
		return str_from_off(src->message, src->header_n);
	}
	if (is_header(s->text)) {
		return of_header(s, str_sub(src->message, 0, src->header_n), room);
	}
	return src->message;
}

static enum err
decode(const struct mail_mime *m, const struct mail_mime_part *p, struct buf *room, str *ret)
{
	enum mail_transfer transfer = mail_transfer_by_name(p->encoding);
	str body = mail_mime_body(m, p);
	if (p->kind != MAIL_MIME_LEAF || transfer == MAIL_TRANSFER_IDENTITY) {
		*ret = body;
		return ERR_OK;
	}
	if (transfer == MAIL_TRANSFER_UNKNOWN) {
		return ERR_UNSUPPORTED;
	}
	mail_transfer_decode(room, transfer, body);
	*ret = buf_view(room);
	return ERR_OK;
}

static bool
is_binary(const struct imap_section *s)
{
	return s->item == IMAP_ITEM_BINARY || s->item == IMAP_ITEM_BINARY_SIZE;
}

enum err
imap_section_check(const struct imap_source *src, const struct imap_section *s)
{
	const struct mail_mime_part *p = is_binary(s) && s->path_n > 0
	    ? mail_mime_section(src->mime, s->path, s->path_n)
	    : NULL;
	bool decoded = p != NULL && p->kind == MAIL_MIME_LEAF;
	return decoded && mail_transfer_by_name(p->encoding) == MAIL_TRANSFER_UNKNOWN
	    ? ERR_UNSUPPORTED
	    : ERR_OK;
}

/* HEADER, its subsets, and TEXT exist in an enclosed message only. */
static enum err
of_enclosed(const struct mail_mime *m, const struct mail_mime_part *p, const struct imap_section *s,
    struct buf *room, str *ret)
{
	if (p->kind != MAIL_MIME_MESSAGE) {
		return ERR_NOTFOUND;
	}
	const struct mail_mime_part *inner = &m->parts[p->child];
	*ret = s->text == IMAP_TEXT_TEXT ? mail_mime_body(m, inner)
					 : of_header(s, mail_mime_header(m, inner), room);
	return ERR_OK;
}

enum err
imap_section_get(const struct imap_source *src, const struct imap_section *s, struct buf *room,
    str *ret)
{
	buf_reset(room);
	if (s->path_n == 0) {
		*ret = of_message(src, s, room);
		return buf_err(room);
	}
	const struct mail_mime_part *p = mail_mime_section(src->mime, s->path, s->path_n);
	if (p == NULL) {
		return ERR_NOTFOUND;
	}
	if (is_binary(s)) {
		TRY(decode(src->mime, p, room, ret));
	} else if (s->text == IMAP_TEXT_ALL) {
		*ret = mail_mime_body(src->mime, p);
	} else if (s->text == IMAP_TEXT_MIME) {
		*ret = mail_mime_header(src->mime, p);
	} else {
		TRY(of_enclosed(src->mime, p, s, room, ret));
	}
	return buf_err(room);
}

str
imap_section_partial(const struct imap_section *s, str whole)
{
	if (!s->partial) {
		return whole;
	}
	size_t off = (size_t)MIN(s->offset, (uint64_t)whole.n);
	return str_sub(whole, off, (size_t)MIN(s->length, (uint64_t)whole.n));
}
