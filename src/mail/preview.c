/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text parts in their order, those that are attachments left out; a part is decoded in its
 * beginning alone. What HTML mails hide at their top to fill previews (white space of no width) is
 * white space here.
 */
#include "mail/preview.h"

#include "base/codec.h"
#include "mail/charset.h"
#include "mail/header.h"
#include "mail/html.h"
#include "mail/mime.h"
#include "mail/param.h"
#include "mail/transfer.h"

struct rooms {
	struct buf raw, utf8, plain;
};

static bool
is_html(const struct mail_mime_part *p)
{
	return str_ieq(p->subtype, S("html"));
}

static bool
is_attachment(const struct mail_mime *m, const struct mail_mime_part *p)
{
	struct mail_field field;
	str type, subtype, rest;
	return mail_header_find(mail_mime_header(m, p), S("Content-Disposition"), &field) &&
	    mail_param_head(field.value, &type, &subtype, &rest) && str_ieq(type, S("attachment"));
}

/* Has it words to show? text/calendar and the like have none for people. */
static bool
is_shown(const struct mail_mime *m, const struct mail_mime_part *p)
{
	return p->kind == MAIL_MIME_LEAF && str_ieq(p->type, S("text")) &&
	    (str_ieq(p->subtype, S("plain")) || is_html(p)) && !is_attachment(m, p);
}

static bool
is_blank(uint32_t cp)
{
	static const struct {
		uint32_t lo, hi;
	} blanks[] = {
		{ 0, 0x20 },      /* controls, SP */
		{ 0x7f, 0xa0 },   /* more controls, NBSP */
		{ 0xad, 0xad },   /* soft hyphen */
		{ 0x34f, 0x34f }, /* grapheme joiner */
		{ 0x1680, 0x1680 },
		{ 0x180e, 0x180e },
		{ 0x2000, 0x200f }, /* spaces, those without width, directions */
		{ 0x2028, 0x202f },
		{ 0x205f, 0x206f },
		{ 0x2800, 0x2800 }, /* Braille without dots */
		{ 0x3000, 0x3000 },
		{ 0x3164, 0x3164 },
		{ 0xfeff, 0xfeff },
		{ 0xfff9, 0xfffd }, /* U+FFFD: what could not be decoded */
		{ 0x110000, UINT32_MAX },
	};
	for (size_t i = 0; i < LEN(blanks); i++) {
		if (cp >= blanks[i].lo && cp <= blanks[i].hi) {
			return true;
		}
	}
	return false;
}

/* Append up to `max` characters of text; runs of blanks are one SP, none at either end. */
static size_t
put_words(struct buf *out, str text, size_t max, bool sp)
{
	size_t n = 0;
	while (text.n > 0 && n + sp < max) {
		uint32_t cp = utf8_next(&text);
		if (is_blank(cp)) {
			sp = sp || n > 0;
			continue;
		}
		if (sp) {
			buf_ch(out, ' ');
			n++;
			sp = false;
		}
		utf8_put(out, cp);
		n++;
	}
	return n;
}

/* Lines of plain text; quoted ones are left out unless `quotes`. */
static void
put_plain(struct buf *out, str text, bool quotes)
{
	size_t n = 0;
	str line;
	while (n < MAIL_PREVIEW_CHARS && str_next(&text, '\n', &line)) {
		if (str_starts(line, S("-- \r")) || str_eq(line, S("-- "))) {
			return; /* the signature */
		}
		if (quotes || !str_starts(line, S(">"))) {
			n += put_words(out, line, MAIL_PREVIEW_CHARS - n, n > 0);
		}
	}
}

static void
put_part(const struct mail_mime *m, const struct mail_mime_part *p, struct rooms *r,
    struct buf *out)
{
	struct mail_param charset = { 0 };
	str octets = str_sub(mail_mime_body(m, p), 0, MAIL_PREVIEW_LOOK);
	(void)mail_param_find(p->content_type, S("charset"), &charset);
	buf_reset(&r->raw);
	buf_reset(&r->utf8);
	buf_reset(&r->plain);
	mail_transfer_decode(&r->raw, mail_transfer_by_name(p->encoding), octets);
	mail_charset_decode(&r->utf8, charset.value, buf_view(&r->raw));
	str text = buf_view(&r->utf8);
	if (str_find(str_sub(text, 0, 1000), S("-----BEGIN PGP MESSAGE-----")) >= 0) {
		return;
	}
	if (is_html(p)) {
		mail_html_text(&r->plain, text);
		(void)put_words(out, buf_view(&r->plain), MAIL_PREVIEW_CHARS, false);
		return;
	}
	size_t before = out->n;
	put_plain(out, text, false);
	if (out->n == before) {
		put_plain(out, text, true);
	}
}

enum err
mail_preview(const struct mail_mime *m, struct buf *out)
{
	struct rooms r;
	size_t before = out->n, tried = 0;
	buf_init(&r.raw, MAIL_PREVIEW_LOOK);
	buf_init(&r.utf8, 4 * MAIL_PREVIEW_LOOK);
	buf_init(&r.plain, 4 * MAIL_PREVIEW_LOOK);
	for (uint32_t i = 0; i < m->n && out->n == before && tried < MAIL_PREVIEW_PARTS; i++) {
		if (is_shown(m, &m->parts[i])) {
			put_part(m, &m->parts[i], &r, out);
			tried++;
		}
	}
	bool nomem = buf_err(&r.raw) == ERR_NOMEM || buf_err(&r.utf8) == ERR_NOMEM ||
	    buf_err(&r.plain) == ERR_NOMEM;
	buf_done(&r.raw);
	buf_done(&r.utf8);
	buf_done(&r.plain);
	return nomem ? ERR_NOMEM : buf_err(out);
}
