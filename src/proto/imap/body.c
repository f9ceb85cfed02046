/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tree is walked along its links: a part is opened, its children follow, then it is closed.
 *
 *	body            = "(" (body-type-1part / body-type-mpart) ")"
 *	body-type-1part = media-type SP media-subtype SP body-fields [SP envelope SP body]
 *	                  [SP lines] [SP md5 SP disposition SP language SP location]
 *	body-type-mpart = 1*body SP media-subtype
 *	                  [SP params SP disposition SP language SP location]
 *	body-fields     = params SP id SP description SP encoding SP octets
 */
#include "proto/imap/body.h"

#include "mail/header.h"
#include "mail/mime.h"
#include "mail/param.h"
#include "proto/imap/envelope.h"
#include "proto/imap/limits.h"
#include "proto/imap/write.h"

enum field { TYPE, ID, DESCRIPTION, MD5, DISPOSITION, LANGUAGE, LOCATION, FIELDS };

struct shown {
	str value[FIELDS]; /* p == NULL: absent */
};

static struct shown
find_fields(str header)
{
	static const str names[FIELDS] = {
		[TYPE] = S_INIT("Content-Type"),
		[ID] = S_INIT("Content-ID"),
		[DESCRIPTION] = S_INIT("Content-Description"),
		[MD5] = S_INIT("Content-MD5"),
		[DISPOSITION] = S_INIT("Content-Disposition"),
		[LANGUAGE] = S_INIT("Content-Language"),
		[LOCATION] = S_INIT("Content-Location"),
	};
	struct shown shown = { 0 };
	struct mail_header h = mail_header_make(header);
	struct mail_field field;
	while (mail_header_next(&h, &field)) {
		for (size_t i = 0; i < FIELDS && str_istarts(field.name, S("Content-")); i++) {
			if (shown.value[i].p == NULL && str_ieq(field.name, names[i])) {
				shown.value[i] = field.value;
			}
		}
	}
	return shown;
}

static void
put_string(struct buf *out, str s)
{
	imap_put_string(out, str_sub(s, 0, IMAP_ENVELOPE_STRING_MAX), false);
}

/* A field value, unfolded, or NIL. */
static void
put_value(struct buf *out, str value)
{
	if (value.p == NULL) {
		buf_cstr(out, "NIL");
		return;
	}
	struct buf b;
	buf_init(&b, value.n + 1);
	mail_header_unfold(&b, value);
	put_string(out, buf_view(&b));
	buf_done(&b);
}

/* body-fld-param */
static void
put_params(struct buf *out, str rest)
{
	struct mail_param param;
	unsigned n = 0;
	while (n < IMAP_BODY_PARAMS_MAX && mail_param_next(&rest, &param)) {
		struct buf b;
		buf_init(&b, param.value.n + 1);
		mail_param_value(&b, &param);
		buf_ch(out, n++ == 0 ? '(' : ' ');
		put_string(out, param.name);
		buf_ch(out, ' ');
		put_string(out, buf_view(&b));
		buf_done(&b);
	}
	buf_cstr(out, n == 0 ? "NIL" : ")");
}

/* body-fld-dsp */
static void
put_disposition(struct buf *out, str value)
{
	str kind, sub, rest;
	if (value.p == NULL || !mail_param_head(value, &kind, &sub, &rest)) {
		buf_cstr(out, "NIL");
		return;
	}
	buf_ch(out, '(');
	put_string(out, kind);
	buf_ch(out, ' ');
	put_params(out, rest);
	buf_ch(out, ')');
}

/* body-fld-lang: one string, or a list */
static void
put_languages(struct buf *out, str value)
{
	str one;
	unsigned n = 0;
	struct buf b;
	buf_init(&b, value.n + 1);
	mail_header_unfold(&b, value);
	str all = buf_view(&b);
	while (n < IMAP_BODY_LANGUAGES_MAX && str_next(&all, ',', &one)) {
		one = str_trim(one);
		if (one.n > 0) {
			buf_ch(out, n++ == 0 ? '(' : ' ');
			put_string(out, one);
		}
	}
	buf_cstr(out, n == 0 ? "NIL" : ")");
	buf_done(&b);
}

static void
put_extension(struct buf *out, const struct shown *shown)
{
	put_disposition(out, shown->value[DISPOSITION]);
	buf_ch(out, ' ');
	put_languages(out, shown->value[LANGUAGE]);
	buf_ch(out, ' ');
	put_value(out, shown->value[LOCATION]);
}

static bool
is_type(const struct mail_mime_part *p, str type)
{
	return str_ieq(p->type, type);
}

/*
 * What a leaf is shown as. Parts that claim to hold others, but do not, would break the grammar:
 * they are shown as text, so that somebody can read them.
 */
static void
put_media(struct buf *out, const struct mail_mime_part *p, bool *ret_text)
{
	bool rfc822 = is_type(p, S("message")) &&
	    (str_ieq(p->subtype, S("rfc822")) || str_ieq(p->subtype, S("global")));
	bool broken = p->kind == MAIL_MIME_LEAF && (is_type(p, S("multipart")) || rfc822);
	*ret_text = broken || is_type(p, S("text"));
	if (p->kind == MAIL_MIME_MESSAGE && !rfc822) {
		buf_cstr(out, "\"message\" \"rfc822\"");
		return;
	}
	put_string(out, broken ? S("text") : p->type);
	buf_ch(out, ' ');
	put_string(out, broken ? S("plain") : p->subtype);
}

static void
put_fields(struct buf *out, const struct mail_mime_part *p, const struct shown *shown, bool text)
{
	if (shown->value[TYPE].p == NULL && text) {
		buf_cstr(out, "(\"charset\" \"us-ascii\")"); /* RFC 2045 5.2 */
	} else {
		put_params(out, p->content_type);
	}
	buf_ch(out, ' ');
	put_value(out, shown->value[ID]);
	buf_ch(out, ' ');
	put_value(out, shown->value[DESCRIPTION]);
	buf_ch(out, ' ');
	put_string(out, p->encoding);
	buf_ch(out, ' ');
	buf_u64(out, MIN((uint64_t)p->body_n, (uint64_t)UINT32_MAX));
}

/* body-fld-lines; the tree counts them only where a type asks for it. */
static uint32_t
count_lines(const struct mail_mime *m, const struct mail_mime_part *p)
{
	uint32_t n = p->lines;
	if (n == 0 && !is_type(p, S("text"))) {
		str body = mail_mime_body(m, p);
		for (ptrdiff_t at; (at = str_chr(body, '\n')) >= 0; n++) {
			body = str_from_off(body, (size_t)at + 1);
		}
	}
	return n;
}

struct walk {
	struct buf *out;
	const struct mail_mime *m;
	struct arena *arena;
	bool extended;
};

static enum err
open_part(struct walk *w, const struct mail_mime_part *p)
{
	buf_ch(w->out, '(');
	if (p->kind == MAIL_MIME_MULTIPART) {
		return ERR_OK;
	}
	struct shown shown = find_fields(mail_mime_header(w->m, p));
	bool text;
	put_media(w->out, p, &text);
	buf_ch(w->out, ' ');
	put_fields(w->out, p, &shown, text);
	if (p->kind == MAIL_MIME_MESSAGE) {
		const struct mail_mime_part *inner = &w->m->parts[p->child];
		buf_ch(w->out, ' ');
		TRY(imap_envelope_put(w->out, mail_mime_header(w->m, inner), w->arena));
		buf_ch(w->out, ' ');
	} else if (text) {
		buf_ch(w->out, ' ');
		buf_u64(w->out, count_lines(w->m, p));
	}
	return ERR_OK;
}

static void
close_part(struct walk *w, const struct mail_mime_part *p)
{
	struct shown shown = { 0 };
	if (w->extended) {
		shown = find_fields(mail_mime_header(w->m, p));
	}
	if (p->kind == MAIL_MIME_MULTIPART) {
		buf_ch(w->out, ' ');
		put_string(w->out, p->subtype);
		if (w->extended) {
			buf_ch(w->out, ' ');
			put_params(w->out, p->content_type);
		}
	} else {
		if (p->kind == MAIL_MIME_MESSAGE) {
			buf_ch(w->out, ' ');
			buf_u64(w->out, p->lines);
		}
		if (w->extended) {
			buf_ch(w->out, ' ');
			put_value(w->out, shown.value[MD5]);
		}
	}
	if (w->extended) {
		buf_ch(w->out, ' ');
		put_extension(w->out, &shown);
	}
	buf_ch(w->out, ')');
}

enum err
imap_body_put(struct buf *out, const struct mail_mime *m, bool extended, struct arena *a)
{
	struct walk w = { .out = out, .m = m, .arena = a, .extended = extended };
	int32_t at = 0;
	TRY(open_part(&w, &m->parts[0]));
	while (at != MAIL_MIME_NONE) {
		const struct mail_mime_part *p = &m->parts[at];
		if (p->child != MAIL_MIME_NONE) {
			at = p->child;
			TRY(open_part(&w, &m->parts[at]));
			continue;
		}
		/* Close this part and every parent it was the last child of. */
		while (at != MAIL_MIME_NONE) {
			close_part(&w, &m->parts[at]);
			int32_t next = at == 0 ? MAIL_MIME_NONE : m->parts[at].next;
			if (next != MAIL_MIME_NONE) {
				at = next;
				TRY(open_part(&w, &m->parts[at]));
				break;
			}
			at = m->parts[at].parent;
		}
	}
	return buf_err(out);
}
