/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A reader of HTML for search. It only goes forward: each octet is looked at a bounded number of
 * times. The rules are those of browsers where they matter for what is seen: quoted attribute
 * values may hold '>', a script ends at its end tag and nowhere else, "<" before anything but a
 * letter, '/', '!' or '?' is text. Start at mail_html_text.
 */
#include "mail/html.h"

#include "base/codec.h"

#include "mail/html_tables.h"

enum {
	REFERENCE_MAX = 32, /* octets between '&' and ';' */
};

struct reader {
	struct buf *out;
	str in; /* what is left */
};

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

/* ---- character references ----------------------------------------------------------------- */

static uint32_t
digit_value(char c)
{
	char low = ascii_lower(c);
	return ascii_is_digit(c)       ? (uint32_t)(c - '0')
	    : low >= 'a' && low <= 'f' ? (uint32_t)(low - 'a' + 10)
				       : 16;
}

/* "#233" or "#xe9", behind the '&'. Octets used; 0: no reference. */
static size_t
number(str s, uint32_t *ret)
{
	bool hex = s.n > 1 && ascii_lower(s.p[1]) == 'x';
	uint32_t base = hex ? 16 : 10, cp = 0;
	size_t first = hex ? 2 : 1, i = first;
	while (i < s.n && i < REFERENCE_MAX && digit_value(s.p[i]) < base) {
		cp = MIN(cp * base + digit_value(s.p[i]), 0x110000u);
		i++;
	}
	*ret = cp;
	return i == first ? 0 : i + (i < s.n && s.p[i] == ';');
}

static uint32_t
by_name(str name)
{
	size_t lo = 0, hi = LEN(html_names);
	while (lo < hi) {
		size_t mid = (lo + hi) / 2;
		int d = str_cmp(str_from(html_names[mid].name), name);
		if (d == 0) {
			return html_names[mid].cp;
		}
		if (d < 0) {
			lo = mid + 1;
		} else {
			hi = mid;
		}
	}
	return 0;
}

/* "eacute;"; the commonest names also without ';'. */
static size_t
named(str s, uint32_t *ret)
{
	static const str bare[] = { S_INIT("amp"), S_INIT("gt"), S_INIT("lt"), S_INIT("nbsp"),
		S_INIT("quot") };
	size_t n = 0;
	while (n < s.n && n < REFERENCE_MAX && ascii_is_alnum(s.p[n])) {
		n++;
	}
	str name = str_sub(s, 0, n);
	bool ended = n < s.n && s.p[n] == ';', may_be_bare = false;
	for (size_t i = 0; i < LEN(bare); i++) {
		may_be_bare |= str_eq(name, bare[i]);
	}
	*ret = ended || may_be_bare ? by_name(name) : 0;
	return *ret == 0 ? 0 : n + ended;
}

/* In windows-1252, what the numbers 128 to 159 mean to every browser; else the number. */
static void
put_code(struct buf *out, uint32_t cp)
{
	static const uint16_t late[32] = { 0x20ac, 0x81, 0x201a, 0x192, 0x201e, 0x2026, 0x2020,
		0x2021, 0x2c6, 0x2030, 0x160, 0x2039, 0x152, 0x8d, 0x17d, 0x8f, 0x90, 0x2018,
		0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014, 0x2dc, 0x2122, 0x161, 0x203a, 0x153,
		0x9d, 0x17e, 0x178 };
	utf8_put(out, cp >= 128 && cp < 160 ? late[cp - 128] : cp);
}

/* Append text with its references resolved. */
static void
put_text(struct buf *out, str s)
{
	while (s.n > 0) {
		ptrdiff_t at = str_chr(s, '&');
		if (at < 0) {
			buf_str(out, s);
			return;
		}
		buf_str(out, str_sub(s, 0, (size_t)at));
		s = str_from_off(s, (size_t)at + 1);
		uint32_t cp = 0;
		size_t used = s.n > 0 && s.p[0] == '#' ? number(s, &cp) : named(s, &cp);
		if (used == 0) {
			buf_ch(out, '&');
		} else {
			put_code(out, cp);
		}
		s = str_from_off(s, used);
	}
}

/* ---- tags --------------------------------------------------------------------------------- */

static bool
is_one_of(str name, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (str_ieq(name, str_from(names[i]))) {
			return true;
		}
	}
	return false;
}

/* Tags that can stand inside of a word. */
static bool
is_inline(str name)
{
	static const char *const names[] = { "a", "abbr", "acronym", "b", "bdi", "bdo", "big",
		"cite", "code", "del", "dfn", "em", "font", "i", "ins", "kbd", "label", "mark", "q",
		"s", "samp", "small", "span", "strike", "strong", "sub", "sup", "tt", "u", "var",
		"wbr" };
	return is_one_of(name, names, LEN(names));
}

/* Elements whose contents nobody sees. */
static bool
is_hidden(str name)
{
	static const char *const names[] = { "script", "style" };
	return is_one_of(name, names, LEN(names));
}

static bool
is_seen(str attribute)
{
	static const char *const names[] = { "alt", "title", "placeholder", "label" };
	return is_one_of(attribute, names, LEN(names));
}

static void
skip(struct reader *r, size_t n)
{
	r->in = str_from_off(r->in, n);
}

/* A run without white space and without the octets in `stops`. */
static str
take_word(struct reader *r, str stops)
{
	size_t n = 0;
	while (n < r->in.n && !is_space(r->in.p[n]) && str_chr(stops, r->in.p[n]) < 0) {
		n++;
	}
	str word = str_sub(r->in, 0, n);
	skip(r, n);
	return word;
}

static void
skip_space(struct reader *r)
{
	size_t n = 0;
	while (n < r->in.n && is_space(r->in.p[n])) {
		n++;
	}
	skip(r, n);
}

/* Behind '='. A quote that is never closed takes everything. */
static str
take_value(struct reader *r)
{
	skip_space(r);
	char quote = r->in.n > 0 ? r->in.p[0] : 0;
	if (quote != '"' && quote != '\'') {
		return take_word(r, S(">"));
	}
	skip(r, 1);
	ptrdiff_t end = str_chr(r->in, quote);
	str value = end < 0 ? r->in : str_sub(r->in, 0, (size_t)end);
	skip(r, value.n + (end >= 0));
	return value;
}

/* The attributes of a tag and its '>'. */
static void
take_attributes(struct reader *r)
{
	for (skip_space(r); r->in.n > 0 && r->in.p[0] != '>'; skip_space(r)) {
		str name = take_word(r, S("=>/")), value = STR_NONE;
		skip_space(r);
		if (r->in.n > 0 && r->in.p[0] == '=') {
			skip(r, 1);
			value = take_value(r);
		} else if (name.n == 0) {
			skip(r, 1); /* '/' */
		}
		if (value.n > 0 && is_seen(name)) {
			buf_ch(r->out, ' ');
			put_text(r->out, value);
			buf_ch(r->out, ' ');
		}
	}
	skip(r, 1);
}

/* Up to the end tag of `name`; everything when there is none. */
static void
skip_hidden(struct reader *r, str name)
{
	while (r->in.n > 0) {
		ptrdiff_t at = str_chr(r->in, '<');
		skip(r, at < 0 ? r->in.n : (size_t)at + 1);
		if (r->in.n > name.n && r->in.p[0] == '/' &&
		    str_istarts(str_from_off(r->in, 1), name)) {
			ptrdiff_t end = str_chr(r->in, '>');
			skip(r, end < 0 ? r->in.n : (size_t)end + 1);
			return;
		}
	}
}

/* "<!-- ... -->", "<!DOCTYPE ...>", "<?xml ...>"; r->in begins behind the '<'. */
static void
skip_markup(struct reader *r)
{
	bool comment = str_starts(r->in, S("!--"));
	str end = comment ? S("-->") : S(">");
	/* "<!-->" is a whole comment. */
	ptrdiff_t at = str_find(str_from_off(r->in, comment ? 1 : 0), end);
	skip(r, at < 0 ? r->in.n : (size_t)at + (comment ? 1 : 0) + end.n);
}

/* r->in begins behind the '<'. */
static void
take_tag(struct reader *r)
{
	bool closing = r->in.p[0] == '/';
	skip(r, closing);
	str name = take_word(r, S("/>"));
	if (!is_inline(name)) {
		buf_ch(r->out, ' ');
	}
	take_attributes(r);
	if (!closing && is_hidden(name)) {
		skip_hidden(r, name);
	}
}

static bool
begins_tag(str behind)
{
	char c = behind.n > 0 ? behind.p[0] : 0;
	char next = behind.n > 1 ? behind.p[1] : 0;
	return ascii_is_alpha(c) || (c == '/' && ascii_is_alpha(next));
}

void
mail_html_text(struct buf *out, str html)
{
	struct reader r = { .out = out, .in = html };
	while (r.in.n > 0) {
		ptrdiff_t at = str_chr(r.in, '<');
		put_text(out, at < 0 ? r.in : str_sub(r.in, 0, (size_t)at));
		skip(&r, at < 0 ? r.in.n : (size_t)at + 1);
		if (at < 0) {
			return;
		}
		char c = r.in.n > 0 ? r.in.p[0] : 0;
		if (begins_tag(r.in)) {
			take_tag(&r);
		} else if (c == '!' || c == '?') {
			skip_markup(&r);
		} else {
			buf_ch(out, '<');
		}
	}
}
