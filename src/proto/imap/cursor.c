/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Token reading with one sticky error. Strings are borrowed from the command where they stand
 * verbatim; only quoted strings with escapes and mailbox names in UTF-7 are copied.
 */
#include "proto/imap/cursor.h"

#include "base/buf.h"
#include "base/codec.h"
#include "proto/imap/limits.h"
#include "proto/imap/utf7.h"

struct imap_cur
imap_cur_make(struct arena *a, str raw, bool utf8)
{
	const char *p = raw.p == NULL ? "" : raw.p;
	return (struct imap_cur){
		.p = p, .end = p + raw.n, .arena = a, .err = ERR_OK, .utf8 = utf8
	};
}

void
imap_cur_fail(struct imap_cur *c, enum err e)
{
	if (c->err == ERR_OK) {
		c->err = e;
	}
	c->p = c->end;
}

enum err
imap_cur_end(struct imap_cur *c)
{
	if (c->err == ERR_OK && c->p != c->end) {
		c->err = ERR_SYNTAX;
	}
	return c->err;
}

bool
imap_cur_is(const struct imap_cur *c, char ch)
{
	return c->p < c->end && *c->p == ch;
}

bool
imap_cur_try(struct imap_cur *c, char ch)
{
	if (!imap_cur_is(c, ch)) {
		return false;
	}
	c->p++;
	return true;
}

void
imap_cur_ch(struct imap_cur *c, char ch)
{
	if (!imap_cur_try(c, ch)) {
		imap_cur_fail(c, ERR_SYNTAX);
	}
}

/* atom-specials: "(" ")" "{" SP CTL list-wildcards quoted-specials resp-specials */
bool
imap_is_atom_char(char ch)
{
	return ch > 0x20 && ch < 0x7f && ch != '(' && ch != ')' && ch != '{' && ch != '%' &&
	    ch != '*' && ch != '"' && ch != '\\' && ch != ']';
}

bool
imap_is_astring_char(char ch)
{
	return imap_is_atom_char(ch) || ch == ']';
}

static bool
is_list_char(char ch)
{
	return imap_is_astring_char(ch) || ch == '%' || ch == '*';
}

static bool
is_run_char(char ch)
{
	return ch > 0x20 && ch < 0x7f && ch != '(' && ch != ')';
}

/* One or more octets that `is` accepts. */
static str
take(struct imap_cur *c, bool (*is)(char))
{
	const char *start = c->p;
	while (c->p < c->end && is(*c->p)) {
		c->p++;
	}
	str s = { start, (size_t)(c->p - start) };
	if (s.n == 0) {
		imap_cur_fail(c, ERR_SYNTAX);
	}
	return s;
}

str
imap_cur_atom(struct imap_cur *c)
{
	return take(c, imap_is_atom_char);
}

str
imap_cur_run(struct imap_cur *c)
{
	return take(c, is_run_char);
}

bool
imap_cur_word(struct imap_cur *c, str word)
{
	str rest = { c->p, (size_t)(c->end - c->p) };
	if (!str_istarts(rest, word) || (rest.n > word.n && imap_is_atom_char(rest.p[word.n]))) {
		return false;
	}
	c->p += word.n;
	return true;
}

/* Copy a quoted string's inside without its backslashes. */
static str
unescape(struct imap_cur *c, str s)
{
	char *p = arena_alloc(c->arena, s.n + 1);
	if (p == NULL) {
		imap_cur_fail(c, ERR_BUDGET);
		return STR_NONE;
	}
	size_t n = 0;
	for (size_t i = 0; i < s.n; i++) {
		i += s.p[i] == '\\';
		p[n++] = s.p[i];
	}
	return (str){ p, n };
}

/* After the opening DQUOTE. */
static str
quoted(struct imap_cur *c)
{
	const char *start = c->p;
	bool escaped = false, high = false;
	for (; c->p < c->end && *c->p != '"'; c->p++) {
		high |= (unsigned char)*c->p >= 0x80;
		if (*c->p == '\\') {
			escaped = true;
			c->p++;
			if (c->p == c->end || (*c->p != '"' && *c->p != '\\')) {
				break;
			}
		}
		if (*c->p == '\r' || *c->p == '\n' || *c->p == '\0') {
			break;
		}
	}
	if (!imap_cur_is(c, '"')) {
		imap_cur_fail(c, ERR_SYNTAX);
		return STR_NONE;
	}
	str s = { start, (size_t)(c->p - start) };
	c->p++;
	if (high && !utf8_valid(s)) {
		imap_cur_fail(c, ERR_SYNTAX);
		return STR_NONE;
	}
	return escaped ? unescape(c, s) : s;
}

/* After "{": number64 ["+"] "}" CRLF and the octets. */
static str
literal(struct imap_cur *c, bool binary)
{
	uint64_t n = imap_cur_number64(c);
	(void)imap_cur_try(c, '+');
	imap_cur_ch(c, '}');
	imap_cur_ch(c, '\r');
	imap_cur_ch(c, '\n');
	if (c->err != ERR_OK || n > (uint64_t)(c->end - c->p)) {
		imap_cur_fail(c, ERR_SYNTAX);
		return STR_NONE;
	}
	str s = { c->p, (size_t)n };
	c->p += n;
	if (!binary && s.n > 0 && memchr(s.p, 0, s.n) != NULL) {
		imap_cur_fail(c, ERR_SYNTAX);
		return STR_NONE;
	}
	return s;
}

str
imap_cur_string(struct imap_cur *c)
{
	if (imap_cur_try(c, '"')) {
		return quoted(c);
	}
	bool binary = imap_cur_try(c, '~');
	imap_cur_ch(c, '{');
	return c->err == ERR_OK ? literal(c, binary) : STR_NONE;
}

str
imap_cur_nstring(struct imap_cur *c)
{
	return imap_cur_word(c, S("NIL")) ? STR_NONE : imap_cur_string(c);
}

static str
string_or(struct imap_cur *c, bool (*is)(char))
{
	if (imap_cur_is(c, '"') || imap_cur_is(c, '{')) {
		return imap_cur_string(c);
	}
	return take(c, is);
}

str
imap_cur_astring(struct imap_cur *c)
{
	return string_or(c, imap_is_astring_char);
}

str
imap_cur_list_mailbox(struct imap_cur *c)
{
	return string_or(c, is_list_char);
}

uint64_t
imap_cur_number64(struct imap_cur *c)
{
	str s = take(c, ascii_is_digit);
	uint64_t v = 0;
	if (c->err != ERR_OK) {
		return 0;
	}
	if (!str_u64(s, &v) || v > INT64_MAX) {
		imap_cur_fail(c, ERR_SYNTAX);
		return 0;
	}
	return v;
}

uint32_t
imap_cur_number(struct imap_cur *c)
{
	uint64_t v = imap_cur_number64(c);
	if (v > UINT32_MAX) {
		imap_cur_fail(c, ERR_SYNTAX);
		return 0;
	}
	return (uint32_t)v;
}

uint32_t
imap_cur_nz_number(struct imap_cur *c)
{
	uint32_t n = imap_cur_number(c);
	if (n == 0) {
		imap_cur_fail(c, ERR_SYNTAX);
	}
	return n;
}

str
imap_cur_mailbox(struct imap_cur *c)
{
	str wire = imap_cur_astring(c), name = STR_NONE;
	if (c->err == ERR_OK) {
		enum err e = imap_mailbox_decode(c->arena, wire, c->utf8, &name);
		if (e != ERR_OK) {
			imap_cur_fail(c, e);
		}
	}
	return name;
}

str
imap_cur_flag(struct imap_cur *c)
{
	const char *start = c->p;
	(void)imap_cur_try(c, '\\');
	(void)imap_cur_atom(c);
	return c->err == ERR_OK ? (str){ start, (size_t)(c->p - start) } : STR_NONE;
}

/* "inbox" and "inbox/..." in place. */
static void
inbox_upper(char *p, size_t n)
{
	if (n >= 5 && (n == 5 || p[5] == '/') && str_istarts((str){ p, n }, S("INBOX"))) {
		memcpy(p, "INBOX", 5);
	}
}

enum err
imap_mailbox_decode(struct arena *a, str wire, bool utf8, str *ret)
{
	if (wire.n > IMAP_MAILBOX_NAME_MAX) {
		return ERR_TOOBIG;
	}
	char room[IMAP_MAILBOX_NAME_MAX];
	struct buf b;
	buf_init_fixed(&b, room, sizeof room);
	if (utf8) {
		buf_str(&b, wire);
		if (!utf8_valid(wire)) {
			return ERR_CHARSET;
		}
	} else {
		TRY(imap_utf7_decode(&b, wire));
	}
	if (buf_err(&b) != ERR_OK) {
		return ERR_TOOBIG;
	}
	inbox_upper(b.p, b.n);
	str s = arena_dup(a, buf_view(&b));
	if (s.p == NULL) {
		return ERR_BUDGET;
	}
	*ret = s;
	return ERR_OK;
}
