/* SPDX-License-Identifier: Apache-2.0 */
/*
 * BODY[...], BINARY[...] and the RFC822 items of one message. The message is borrowed from the
 * store and written from there; only header subsets and decoded parts are copied.
 */
#include "svc/account/imap/session.h"

#include "mail/mime.h"
#include "proto/imap/section.h"
#include "proto/imap/write.h"

struct wants {
	bool text, mime;
};

static struct wants
look(const struct imap_fetch_args *fetch)
{
	struct wants w = { 0 };
	for (size_t i = 0; i < fetch->n; i++) {
		w.text = w.text || !imap_section_needs_header_only(&fetch->sections[i]);
		w.mime = w.mime || imap_section_needs_mime(&fetch->sections[i]);
	}
	return w;
}

static enum err
get_source(struct svc_account_imap *s, uint64_t id, const struct wants *w, struct imap_source *ret)
{
	str header, text;
	TRY(store_header(s->store, id, &header));
	*ret = (struct imap_source){ .message = header, .header_n = header.n };
	if (w->text) {
		TRY(store_text(s->store, id, &text));
		ret->message = text;
	}
	if (w->mime) {
		struct mail_mime *mime = ARENA_NEW(s->scratch, struct mail_mime);
		if (mime == NULL) {
			return ERR_BUDGET;
		}
		TRY(mail_mime_parse(ret->message, s->scratch, mime));
		ret->mime = mime;
	}
	return ERR_OK;
}

/* nstring, or literal8 for BINARY with NUL octets (RFC 3516 4.1). */
static void
put_octets(struct svc_account_imap *s, const struct imap_section *section, str octets)
{
	if (section->item == IMAP_ITEM_BINARY && octets.n > 0 &&
	    memchr(octets.p, 0, octets.n) != NULL) {
		buf_ch(&s->out, '~');
	}
	svc_account_imap_put_literal(s, octets);
}

static enum err
put_section(struct svc_account_imap *s, const struct imap_source *src,
    const struct imap_section *section)
{
	struct buf room;
	str octets;
	buf_init(&room, src->message.n + 2);
	enum err e = imap_section_get(src, section, &room, &octets);
	bool absent = e == ERR_NOTFOUND;
	if (e == ERR_OK || absent) {
		imap_section_name_put(&s->out, section);
		buf_ch(&s->out, ' ');
		if (section->item == IMAP_ITEM_BINARY_SIZE) {
			buf_u64(&s->out, absent ? 0 : octets.n);
		} else if (absent) {
			buf_cstr(&s->out, "NIL");
		} else {
			put_octets(s, section, imap_section_partial(section, octets));
		}
		e = ERR_OK;
	}
	buf_done(&room);
	return e;
}

enum err
svc_account_imap_sections(struct svc_account_imap *s, uint64_t id,
    const struct imap_fetch_args *fetch, bool sp)
{
	struct wants w = look(fetch);
	struct imap_source src;
	TRY(get_source(s, id, &w, &src));
	for (size_t i = 0; i < fetch->n; i++) { /* large sections are gone once they are written */
		TRY(imap_section_check(&src, &fetch->sections[i]));
	}
	for (size_t i = 0; i < fetch->n; i++) {
		if (sp || i > 0) {
			buf_ch(&s->out, ' ');
		}
		TRY(put_section(s, &src, &fetch->sections[i]));
	}
	return ERR_OK;
}

enum err
svc_account_imap_section_octets(struct svc_account_imap *s, uint64_t id,
    const struct imap_section *section, struct buf *out)
{
	struct wants w = { !imap_section_needs_header_only(section),
		imap_section_needs_mime(section) };
	struct imap_source src;
	struct buf room;
	str octets;
	TRY(get_source(s, id, &w, &src));
	buf_init(&room, src.message.n + 2);
	enum err e = imap_section_get(&src, section, &room, &octets);
	if (e == ERR_OK) {
		buf_str(out, imap_section_partial(section, octets));
		e = buf_err(out);
	}
	buf_done(&room);
	return e;
}
