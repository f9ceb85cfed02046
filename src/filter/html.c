/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an HTML part is made of: tags, a few attributes, links, and what only those write who hide
 * something. The words a reader sees come from mail/html. It goes forward only, each octet is
 * looked at a bounded number of times. Start at filter_html_take.
 */
#include "filter/filter_priv.h"
#include "mail/html.h"

enum {
	ATTRIBUTES_MAX = 40, /* of a tag */
	VALUE_SHORT = 24,    /* longer values are no features */
	VALUE_MAX = 1000,
};

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

static str
skip_space(str s)
{
	size_t n = 0;
	while (n < s.n && is_space(s.p[n])) {
		n++;
	}
	return str_from_off(s, n);
}

static str
take_name(str *s)
{
	size_t n = 0;
	while (n < s->n && !is_space(s->p[n]) && s->p[n] != '>' && s->p[n] != '=' &&
	    (n == 0 || s->p[n] != '/')) {
		n++;
	}
	str name = str_sub(*s, 0, n);
	*s = str_from_off(*s, n);
	return name;
}

static str
take_value(str *s)
{
	*s = skip_space(*s);
	char quote = s->n > 0 ? s->p[0] : 0;
	size_t n = 0;
	bool quoted = quote == '"' || quote == '\'';
	if (quoted) {
		*s = str_from_off(*s, 1);
		ptrdiff_t end = str_chr(*s, quote);
		n = end < 0 ? s->n : (size_t)end;
	} else {
		while (n < s->n && !is_space(s->p[n]) && s->p[n] != '>') {
			n++;
		}
	}
	str value = str_sub(*s, 0, n);
	*s = str_from_off(*s, n + quoted);
	return value;
}

/* ---- attributes --------------------------------------------------------------------------- */

static bool
hides(str style)
{
	static const str signs[] = { S_INIT("display:none"), S_INIT("visibility:hidden"),
		S_INIT("font-size:0"), S_INIT("font-size:1px") };
	for (size_t i = 0; i < LEN(signs); i++) {
		if (str_ifind(style, signs[i]) >= 0) {
			return true;
		}
	}
	return false;
}

static bool
is_link(str name)
{
	return str_ieq(name, S("href")) || str_ieq(name, S("src")) || str_ieq(name, S("action")) ||
	    str_ieq(name, S("background"));
}

/* "&amp;" and the like in a link are resolved first. */
static void
take_link(struct filter_look *l, str value)
{
	if (str_chr(value, '&') >= 0) {
		char room[VALUE_MAX];
		struct buf out;
		buf_init_fixed(&out, room, sizeof(room));
		mail_html_text(&out, str_sub(value, 0, VALUE_MAX));
		filter_link_take(l, buf_view(&out));
		return;
	}
	filter_link_take(l, value);
}

static void
take_attribute(struct filter_look *l, str tag, str name, str value)
{
	uint64_t h = filter_hash_lower(filter_hash_begin(FILTER_AT_TAG), tag);
	h = filter_hash_lower(filter_hash_number(h, 0), name);
	if (is_link(name)) {
		take_link(l, value);
		value = STR_NONE;
	} else if (str_ieq(name, S("style"))) {
		l->signs.hidden += hides(value);
	}
	value = value.n > VALUE_SHORT ? STR_NONE : value;
	filter_set_add(l, filter_hash_end(filter_hash_lower(filter_hash_number(h, 1), value)));
}

/* ---- tags --------------------------------------------------------------------------------- */

static void
count_tag(struct filter_look *l, str name)
{
	struct filter_signs *s = &l->signs;
	s->tags++;
	s->images += str_ieq(name, S("img"));
	s->forms += str_ieq(name, S("form"));
	s->scripts += str_ieq(name, S("script")) || str_ieq(name, S("iframe")) ||
	    str_ieq(name, S("object")) || str_ieq(name, S("embed"));
}

/* Behind the '<'; gives what is behind the tag. */
static str
take_tag(struct filter_look *l, str in)
{
	str tag = take_name(&in);
	count_tag(l, tag);
	filter_add(l, FILTER_AT_TAG, str_sub(tag, 0, FILTER_WORD_MAX));
	for (int i = 0; i < ATTRIBUTES_MAX; i++) {
		in = skip_space(in);
		if (in.n == 0 || in.p[0] == '>') {
			return in;
		}
		str name = take_name(&in), value = STR_NONE;
		in = skip_space(in);
		if (in.n > 0 && in.p[0] == '=') {
			in = str_from_off(in, 1);
			value = take_value(&in);
		}
		if (name.n > 0 && name.n <= FILTER_WORD_MAX) {
			take_attribute(l, tag, name, value);
		}
	}
	return in;
}

static bool
is_letter_at(str s, size_t i)
{
	return i < s.n && ascii_is_alpha(s.p[i]);
}

/* "<!-- -->" between two letters: nobody writes so but to hide a word. Gives what is behind. */
static str
take_comment(struct filter_look *l, str all, size_t at)
{
	str in = str_from_off(all, at);
	bool comment = str_starts(in, S("<!--"));
	ptrdiff_t end = comment ? str_find(in, S("-->")) : str_chr(in, '>');
	size_t behind = end < 0 ? in.n : (size_t)end + (comment ? 3 : 1);
	l->signs.comments_in_words += at > 0 && is_letter_at(all, at - 1) &&
	    is_letter_at(in, behind);
	return str_from_off(in, behind);
}

void
filter_html_take(struct filter_look *l, str utf8)
{
	ptrdiff_t at;
	while (l->signs.tags < FILTER_TAGS_MAX && (at = str_chr(utf8, '<')) >= 0) {
		str in = str_from_off(utf8, (size_t)at + 1);
		if (is_letter_at(in, 0)) {
			utf8 = take_tag(l, in);
		} else if (in.n > 0 && in.p[0] == '!') {
			utf8 = take_comment(l, utf8, (size_t)at);
		} else {
			utf8 = in;
		}
	}
}
