/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The path is cut at "/;UID=" and what follows into its ";NAME=" pieces; each is decoded for
 * itself, so that an encoded "/" or ";" is never taken for one.
 */
#include "proto/imap/url.h"

#include "base/codec.h"
#include "proto/imap/args.h"

/* Octets that may stand for themselves (bchar, and ";" of parameters). */
static bool
is_url_char(char ch)
{
	return ascii_is_alnum(ch) || (ch != '\0' && strchr("-._~!$'()*+,&=:@/;", ch) != NULL);
}

static enum err
decode(struct arena *a, str in, str *ret)
{
	struct buf b;
	buf_init(&b, IMAP_URL_MAX);
	enum err e = ERR_OK;
	for (size_t i = 0; e == ERR_OK && i < in.n; i++) {
		if (in.p[i] == '%') {
			e = hex_decode(&b, str_sub(in, i + 1, 2));
			e = i + 2 < in.n ? e : ERR_SYNTAX;
			i += 2;
		} else {
			e = is_url_char(in.p[i]) ? ERR_OK : ERR_SYNTAX;
			buf_ch(&b, in.p[i]);
		}
	}
	e = e == ERR_OK ? buf_err(&b) : e;
	str copy = e == ERR_OK ? arena_dup(a, buf_view(&b)) : STR_NONE;
	buf_done(&b);
	if (e == ERR_OK && copy.p == NULL) {
		e = ERR_BUDGET;
	}
	if (e == ERR_OK) {
		*ret = copy;
	}
	return e;
}

static enum err
parse_number(str text, uint32_t *ret)
{
	uint64_t n;
	if (!str_u64(text, &n) || n == 0 || n > UINT32_MAX) {
		return ERR_SYNTAX;
	}
	*ret = (uint32_t)n;
	return ERR_OK;
}

/* Where `name` begins in `in` without regard to case; in.n when it does not. */
static size_t
find(str in, str name)
{
	for (size_t i = 0; i + name.n <= in.n; i++) {
		if (str_ieq(str_sub(in, i, name.n), name)) {
			return i;
		}
	}
	return in.n;
}

/* enc-mailbox [";UIDVALIDITY=" nz-number] */
static enum err
parse_mailbox(struct arena *a, str path, struct imap_url *url)
{
	str name = S(";UIDVALIDITY="), raw;
	size_t at = find(path, name);
	if (at < path.n) {
		TRY(parse_number(str_from_off(path, at + name.n), &url->uidvalidity));
	}
	path = str_sub(path, 0, at);
	if (str_chr(path, ';') >= 0 || (path.n == 0 && url->uidvalidity != 0)) {
		return ERR_SYNTAX;
	}
	if (path.n == 0) {
		return ERR_OK;
	}
	TRY(decode(a, path, &raw));
	return imap_mailbox_decode(a, raw, true, &url->mailbox);
}

/* number ["." nz-number]; without a length: up to the end */
static enum err
parse_range(str text, struct imap_section *section)
{
	ptrdiff_t dot = str_chr(text, '.');
	str offset = dot < 0 ? text : str_sub(text, 0, (size_t)dot);
	section->partial = true;
	section->length = INT64_MAX;
	if (!str_u64(offset, &section->offset) || section->offset > INT64_MAX) {
		return ERR_SYNTAX;
	}
	if (dot < 0) {
		return ERR_OK;
	}
	uint32_t length;
	TRY(parse_number(str_from_off(text, (size_t)dot + 1), &length));
	section->length = length;
	return ERR_OK;
}

/* What follows the uid: ["/;SECTION=" enc-section] ["/;PARTIAL=" partial-range] */
static enum err
parse_part(struct arena *a, str rest, struct imap_section *section)
{
	str sec = S("/;SECTION="), part = S("/;PARTIAL="), text;
	size_t at = find(rest, part);
	if (at < rest.n) {
		TRY(parse_range(str_from_off(rest, at + part.n), section));
	}
	rest = str_sub(rest, 0, at);
	if (rest.n == 0) {
		return ERR_OK;
	}
	if (!str_istarts(rest, sec) || str_chr(str_from_off(rest, sec.n), ';') >= 0) {
		return ERR_UNSUPPORTED;
	}
	TRY(decode(a, str_from_off(rest, sec.n), &text));
	struct imap_cur c = imap_cur_make(a, text, true);
	imap_parse_section_spec(&c, section);
	return text.n == 0 ? ERR_SYNTAX : imap_cur_end(&c);
}

enum err
imap_url_parse(struct arena *a, str in, struct imap_url *ret)
{
	str uid = S("/;UID=");
	struct imap_url url = { .section = { .item = IMAP_ITEM_BODY, .peek = true } };
	if (in.n > IMAP_URL_MAX) {
		return ERR_TOOBIG;
	}
	bool bare = str_istarts(in, str_from_off(uid, 1));
	size_t at = bare ? 0 : find(in, uid);
	if (at == in.n || str_starts(in, S("//")) || (!bare && in.p[0] != '/')) {
		return ERR_UNSUPPORTED;
	}
	str rest = str_from_off(in, at + uid.n - bare);
	if (at > 0) {
		TRY(parse_mailbox(a, str_sub(in, 1, at - 1), &url));
	}
	ptrdiff_t slash = str_chr(rest, '/');
	size_t n = slash < 0 ? rest.n : (size_t)slash;
	TRY(parse_number(str_sub(rest, 0, n), &url.uid));
	TRY(parse_part(a, str_from_off(rest, n), &url.section));
	*ret = url;
	return ERR_OK;
}

void
imap_url_put(struct buf *out, str url)
{
	url = str_sub(url, 0, IMAP_URL_MAX);
	for (size_t i = 0; i < url.n; i++) {
		char ch = url.p[i];
		if (ch > ' ' && ch < 127 && ch != ']' && ch != '\\') {
			buf_ch(out, ch);
		} else {
			buf_printf(out, "%%%02X", (unsigned char)ch);
		}
	}
}
