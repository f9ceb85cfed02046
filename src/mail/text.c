/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a message to what search looks into. Fields are unfolded and their encoded words decoded;
 * text parts are decoded by their transfer encoding and charset, HTML is reduced to what is read.
 * Start at mail_text_read.
 */
#include "mail/text.h"

#include "mail/charset.h"
#include "mail/header.h"
#include "mail/html.h"
#include "mail/mime.h"
#include "mail/param.h"
#include "mail/transfer.h"
#include "mail/word.h"

void
mail_text_init(struct mail_text *t)
{
	for (int i = 0; i < MAIL_TEXT_COLUMNS; i++) {
		buf_init(&t->column[i], MAIL_TEXT_MAX);
	}
	buf_init(&t->raw, MAIL_TEXT_MAX);
	buf_init(&t->utf8, 3 * (size_t)MAIL_TEXT_MAX);
	buf_init(&t->plain, 3 * (size_t)MAIL_TEXT_MAX);
	t->nomem = false;
}

void
mail_text_done(struct mail_text *t)
{
	for (int i = 0; i < MAIL_TEXT_COLUMNS; i++) {
		buf_done(&t->column[i]);
	}
	buf_done(&t->raw);
	buf_done(&t->utf8);
	buf_done(&t->plain);
}

enum mail_text_column
mail_text_column_of(str name)
{
	static const str names[] = { S_INIT("from"), S_INIT("sender"), S_INIT("reply-to"),
		S_INIT("to"), S_INIT("cc"), S_INIT("bcc"), S_INIT("subject") };
	for (size_t i = 0; i < LEN(names); i++) {
		if (str_ieq(name, names[i])) {
			return MAIL_TEXT_MAIN;
		}
	}
	return MAIL_TEXT_FIELDS;
}

/* Going over a ceiling cuts the text; running out of memory does not pass for that. */
static void
note(struct mail_text *t, const struct buf *b)
{
	t->nomem |= buf_err(b) == ERR_NOMEM;
}

/* From `at` on: runs of white space and controls become one SP. */
static void
join_space(struct buf *b, size_t at)
{
	size_t to = at;
	bool space = false;
	for (size_t i = at; i < b->n; i++) { /* no branches: words are short */
		char c = b->p[i];
		bool is = (uint8_t)c <= ' ';
		b->p[to] = is ? ' ' : c;
		to += !(is & space);
		space = is;
	}
	buf_truncate(b, to);
}

void
mail_text_fold(struct buf *out, str utf8)
{
	size_t at = out->n;
	mail_charset_fold(out, utf8);
	join_space(out, at);
}

/* "name: text" LF, after `mark` unless that is 0. A line that is no field has no name. */
static void
put_field(struct mail_text *t, struct buf *out, const struct mail_field *f, char mark)
{
	buf_reset(&t->raw);
	buf_reset(&t->utf8);
	mail_header_unfold(&t->raw, f->value);
	mail_word_decode(&t->utf8, buf_view(&t->raw));
	note(t, &t->raw);
	note(t, &t->utf8);
	if (mark != 0) {
		buf_ch(out, mark);
	}
	if (f->name.n > 0) {
		mail_text_fold(out, f->name);
		buf_cstr(out, ": ");
	}
	mail_text_fold(out, buf_view(&t->utf8));
	buf_ch(out, '\n');
}

static void
put_header(struct mail_text *t, str header)
{
	struct mail_header h = mail_header_make(header);
	struct mail_field f;
	while (mail_header_next(&h, &f)) {
		struct buf *out = &t->column[mail_text_column_of(f.name)];
		put_field(t, out, &f, f.name.n > 0 ? 0 : MAIL_TEXT_PART);
	}
}

/* A file name in the spelling of RFC 2231, or in encoded words where they do not belong. */
static void
put_file_name(struct mail_text *t, const struct mail_field *f, str parameter)
{
	str type, subtype, rest;
	if ((str_chr(f->value, '*') < 0 && str_find(f->value, S("=?")) < 0) ||
	    !mail_param_head(f->value, &type, &subtype, &rest)) {
		return;
	}
	buf_reset(&t->utf8);
	if (mail_param_text(&t->utf8, rest, parameter)) {
		struct buf *out = &t->column[MAIL_TEXT_FIELDS];
		buf_ch(out, MAIL_TEXT_PART);
		mail_text_fold(out, buf_view(&t->utf8));
		buf_ch(out, '\n');
	}
}

/* The header of a part: its own words, and the names of files in plain. */
static void
put_part_header(struct mail_text *t, str header, bool enclosed)
{
	struct mail_header h = mail_header_make(header);
	struct mail_field f;
	while (mail_header_next(&h, &f)) {
		put_field(t, &t->column[enclosed ? MAIL_TEXT_BODY : MAIL_TEXT_FIELDS], &f,
		    enclosed ? 0 : MAIL_TEXT_PART);
		if (str_ieq(f.name, S("Content-Disposition"))) {
			put_file_name(t, &f, S("filename"));
		} else if (str_ieq(f.name, S("Content-Type"))) {
			put_file_name(t, &f, S("name"));
		}
	}
}

static bool
is_html(const struct mail_mime_part *p)
{
	return str_ieq(p->subtype, S("html")) || str_ieq(p->subtype, S("xhtml+xml"));
}

static bool
is_text(const struct mail_mime_part *p)
{
	bool text = str_ieq(p->type, S("text"));
	return p->kind == MAIL_MIME_LEAF &&
	    (text || (str_ieq(p->type, S("application")) && is_html(p)));
}

static void
put_body(struct mail_text *t, const struct mail_mime *m, const struct mail_mime_part *p)
{
	struct mail_param charset = { 0 };
	struct buf *out = &t->column[MAIL_TEXT_BODY];
	enum mail_transfer transfer = mail_transfer_by_name(p->encoding);
	str octets = str_sub(mail_mime_body(m, p), 0, MAIL_TEXT_MAX);
	(void)mail_param_find(p->content_type, S("charset"), &charset);
	if (transfer == MAIL_TRANSFER_BASE64 || transfer == MAIL_TRANSFER_QP) {
		buf_reset(&t->raw);
		mail_transfer_decode(&t->raw, transfer, octets);
		octets = buf_view(&t->raw);
		note(t, &t->raw);
	}
	buf_reset(&t->utf8);
	mail_charset_decode(&t->utf8, charset.value, octets);
	str text = buf_view(&t->utf8);
	if (is_html(p)) {
		buf_reset(&t->plain);
		mail_html_text(&t->plain, text);
		text = buf_view(&t->plain);
	}
	note(t, &t->utf8);
	note(t, &t->plain);
	mail_text_fold(out, text);
	buf_ch(out, '\n');
}

enum err
mail_text_read(struct mail_text *t, str message, struct arena *a)
{
	struct mail_mime m;
	for (int i = 0; i < MAIL_TEXT_COLUMNS; i++) {
		buf_reset(&t->column[i]);
	}
	t->nomem = false;
	arena_reset(a);
	TRY(mail_mime_parse(message, a, &m));
	put_header(t, mail_mime_header(&m, &m.parts[0]));
	for (uint32_t i = 0; i < m.n; i++) {
		const struct mail_mime_part *p = &m.parts[i];
		if (i > 0) {
			bool enclosed = m.parts[p->parent].kind == MAIL_MIME_MESSAGE;
			put_part_header(t, mail_mime_header(&m, p), enclosed);
		}
		if (is_text(p)) {
			put_body(t, &m, p);
		}
	}
	for (int i = 0; i < MAIL_TEXT_COLUMNS; i++) {
		note(t, &t->column[i]);
	}
	return t->nomem ? ERR_NOMEM : ERR_OK;
}
