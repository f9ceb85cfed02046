/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The MIME tree as features: types in their places, encodings, charsets, what files are called;
 * and the words of the text parts. Start at filter_parts_take and filter_text_take.
 */
#include "filter/filter_priv.h"

#include "base/find.h"
#include "mail/charset.h"
#include "mail/html.h"
#include "mail/param.h"
#include "mail/transfer.h"

enum { NAME_MAX_OCTETS = 255, SHAPE_MAX = 16, PLAIN_LINKS_SHARE = 400 };

/* ---- structure ---------------------------------------------------------------------------- */

static uint64_t
hash_type(uint64_t h, const struct mail_mime_part *p)
{
	h = filter_hash_lower(h, str_sub(p->type, 0, FILTER_WORD_MAX));
	return filter_hash_lower(filter_hash_number(h, '/'),
	    str_sub(p->subtype, 0, FILTER_WORD_MAX));
}

/* The type alone, and below its parent's. */
static void
take_type(struct filter_look *l, const struct mail_mime_part *p)
{
	uint64_t h = hash_type(filter_hash_begin(FILTER_AT_MIME), p);
	filter_set_add(l, filter_hash_end(h));
	if (p->parent != MAIL_MIME_NONE) {
		h = hash_type(filter_hash_number(h, '<'), &l->mime->parts[p->parent]);
		filter_set_add(l, filter_hash_end(h));
	}
}

static void
take_parameters(struct filter_look *l, const struct mail_mime_part *p)
{
	struct mail_param param;
	str rest = p->content_type;
	for (int i = 0; i < 10 && mail_param_next(&rest, &param); i++) {
		uint64_t h = filter_hash_lower(filter_hash_begin(FILTER_AT_MIME),
		    str_sub(param.name, 0, FILTER_WORD_MAX));
		h = filter_hash_number(h, param.quoted ? 2 : 3);
		bool random = str_ieq(param.name, S("boundary"));
		str value = random ? STR_NONE : str_sub(param.value, 0, FILTER_WORD_MAX);
		filter_set_add(l, filter_hash_end(filter_hash_lower(h, value)));
		if (random) {
			/* Which program wrote it shows in how it begins. */
			h = filter_hash(h, str_sub(param.value, 0, 6));
			filter_set_add(l, filter_hash_end(h));
		}
	}
}

static bool
is_one_of(str extension, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (str_ieq(extension, str_from(list[i]))) {
			return true;
		}
	}
	return false;
}

static bool
is_program(str extension)
{
	static const char *const list[] = { "ade", "adp", "apk", "application", "bat", "chm", "cmd",
		"com", "cpl", "dll", "exe", "hta", "img", "ins", "iso", "jar", "js", "jse", "lnk",
		"mde", "msc", "msi", "msp", "mst", "pif", "ps1", "reg", "scr", "sct", "shb", "sys",
		"vb", "vbe", "vbs", "vhd", "vxd", "wsc", "wsf", "wsh", "xll" };
	return is_one_of(extension, list, LEN(list));
}

static bool
is_document(str extension)
{
	static const char *const list[] = { "doc", "docx", "gif", "htm", "html", "jpeg", "jpg",
		"mp3", "mpg", "pdf", "png", "ppt", "pptx", "rtf", "txt", "wav", "xls", "xlsx",
		"zip" };
	return is_one_of(extension, list, LEN(list));
}

static bool
has_macros(str extension)
{
	static const char *const list[] = { "docm", "dotm", "potm", "ppam", "pptm", "xlam", "xlsm",
		"xltm" };
	return is_one_of(extension, list, LEN(list));
}

static bool
is_page(str extension)
{
	static const char *const list[] = { "htm", "html", "shtml", "svg", "xht", "xhtml" };
	return is_one_of(extension, list, LEN(list));
}

/* The extension is what counts; one behind another ("invoice.pdf.exe") is a disguise. */
static void
take_file(struct filter_look *l, str name)
{
	struct filter_signs *s = &l->signs;
	name = str_trim(name);
	ptrdiff_t dot = str_rchr(name, '.');
	if (name.n == 0) {
		return;
	}
	if (dot < 0) {
		filter_add(l, FILTER_AT_FILE, S("none"));
		return;
	}
	str extension = str_trim(str_from_off(name, (size_t)dot + 1));
	str stem = str_trim(str_sub(name, 0, (size_t)dot));
	ptrdiff_t inner = str_rchr(stem, '.');
	bool program = is_program(extension);
	filter_add(l, FILTER_AT_FILE, str_sub(extension, 0, FILTER_WORD_MAX));
	s->programs += program;
	s->macros += has_macros(extension);
	s->pages += is_page(extension);
	s->disguised += program && inner >= 0 && is_document(str_from_off(stem, (size_t)inner + 1));
}

/* The name of a file by Content-Disposition, else by Content-Type. */
static void
take_disposition(struct filter_look *l, const struct mail_mime_part *p)
{
	struct mail_field field;
	str type, subtype, rest;
	buf_reset(&l->plain);
	if (mail_header_find(mail_mime_header(l->mime, p), S("Content-Disposition"), &field) &&
	    mail_param_head(str_sub(field.value, 0, 4096), &type, &subtype, &rest)) {
		filter_add(l, FILTER_AT_MIME, str_sub(type, 0, FILTER_WORD_MAX));
		if (mail_param_text(&l->plain, rest, S("filename"))) {
			take_file(l, str_sub(buf_view(&l->plain), 0, NAME_MAX_OCTETS));
			return;
		}
	}
	buf_reset(&l->plain);
	if (mail_param_text(&l->plain, p->content_type, S("name"))) {
		take_file(l, str_sub(buf_view(&l->plain), 0, NAME_MAX_OCTETS));
	}
}

void
filter_parts_take(struct filter_look *l)
{
	uint32_t n = MIN(l->mime->n, (uint32_t)FILTER_PARTS_MIME);
	for (uint32_t i = 0; i < n; i++) {
		const struct mail_mime_part *p = &l->mime->parts[i];
		take_type(l, p);
		take_parameters(l, p);
		filter_add(l, FILTER_AT_MIME, str_sub(p->encoding, 0, FILTER_WORD_MAX));
		if (p->kind == MAIL_MIME_LEAF) {
			l->signs.leaves++;
			take_disposition(l, p);
			filter_note(l);
		}
	}
	filter_add_number(l, FILTER_AT_MIME, "parts", filter_log2(l->mime->n));
	filter_add_number(l, FILTER_AT_MIME, "octets", filter_log2(l->mime->message.n));
}

/* ---- text --------------------------------------------------------------------------------- */

static bool
is_html(const struct mail_mime_part *p)
{
	return str_ieq(p->subtype, S("html")) || str_ieq(p->subtype, S("xhtml+xml"));
}

static bool
is_text(const struct mail_mime_part *p)
{
	return p->kind == MAIL_MIME_LEAF &&
	    (str_ieq(p->type, S("text")) || (str_ieq(p->type, S("application")) && is_html(p)));
}

/* The part in UTF-8, in l->utf8; charged to what is left of FILTER_TEXT_MAX. */
static str
decode(struct filter_look *l, const struct mail_mime_part *p)
{
	struct mail_param charset = { 0 };
	enum mail_transfer transfer = mail_transfer_by_name(p->encoding);
	str octets = str_sub(mail_mime_body(l->mime, p), 0, l->text_left);
	l->text_left -= octets.n;
	(void)mail_param_find(p->content_type, S("charset"), &charset);
	buf_reset(&l->raw);
	buf_reset(&l->utf8);
	if (transfer == MAIL_TRANSFER_BASE64 || transfer == MAIL_TRANSFER_QP) {
		mail_transfer_decode(&l->raw, transfer, octets);
		octets = buf_view(&l->raw);
		l->signs.coded_ascii += transfer == MAIL_TRANSFER_BASE64 && octets.n > 0 &&
		    str_is_ascii(octets);
	}
	mail_charset_decode(&l->utf8, charset.value, octets);
	return buf_view(&l->utf8);
}

static void
take_html(struct filter_look *l, const struct mail_mime_part *p)
{
	str utf8 = decode(l, p);
	l->limit = FILTER_SHAPE_SHARE;
	filter_html_take(l, utf8);
	buf_reset(&l->plain);
	mail_html_text(&l->plain, utf8);
	l->limit = l->signs.plain_parts > 0 ? FILTER_HTML_SHARE : FILTER_FEATURES_MAX;
	l->signs.html_words += filter_words_take(l, buf_view(&l->plain));
}

static const char test_line[] =
    "XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X";

static void
take_plain(struct filter_look *l, const struct mail_mime_part *p)
{
	str utf8 = decode(l, p);
	l->limit = MIN(l->seen->n + PLAIN_LINKS_SHARE, (uint32_t)FILTER_FEATURES_MAX);
	filter_links_in_text(l, utf8);
	l->limit = FILTER_FEATURES_MAX;
	l->signs.plain_words += filter_words_take(l, utf8);
	const struct find test = find_make(str_from(test_line));
	l->signs.has_test_line |= find_in(&test, utf8) >= 0;
}

static void
count_texts(struct filter_look *l, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		const struct mail_mime_part *p = &l->mime->parts[i];
		l->signs.html_parts += is_text(p) && is_html(p);
		l->signs.plain_parts += is_text(p) && !is_html(p);
	}
}

/* HTML first: it is what readers show. */
void
filter_text_take(struct filter_look *l)
{
	uint32_t n = MIN(l->mime->n, (uint32_t)FILTER_PARTS_MIME);
	count_texts(l, n);
	for (uint32_t i = 0; i < 2 * n; i++) {
		const struct mail_mime_part *p = &l->mime->parts[i % n];
		if (!is_text(p) || is_html(p) != (i < n)) {
			continue;
		}
		if (i < n) {
			take_html(l, p);
		} else {
			take_plain(l, p);
		}
		filter_note(l);
	}
}
