/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tag lists. Values may hold octets beyond ASCII, as RFC 6376 3.2 advises those to allow who think
 * of later times.
 */
#include "proto/dkim/tags.h"

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static str
trim(str s)
{
	while (s.n > 0 && is_space(s.p[0])) {
		s = str_from_off(s, 1);
	}
	while (s.n > 0 && is_space(s.p[s.n - 1])) {
		s.n--;
	}
	return s;
}

static bool
is_name(str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (!ascii_is_alnum(s.p[i]) && (i == 0 || s.p[i] != '_')) {
			return false;
		}
	}
	return s.n > 0 && ascii_is_alpha(s.p[0]);
}

static bool
is_value(str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if ((unsigned char)s.p[i] < ' ' && !is_space(s.p[i])) {
			return false;
		}
	}
	return true;
}

static enum err
take(str spec, struct dkim_tags *t)
{
	str name, value, other;
	if (!str_cut(spec, '=', &name, &value)) {
		return ERR_SYNTAX;
	}
	name = trim(name);
	value = trim(value);
	if (!is_name(name) || !is_value(value)) {
		return ERR_SYNTAX;
	}
	if (dkim_tags_find(t, name, &other)) {
		return ERR_EXISTS;
	}
	if (t->n == DKIM_TAGS_MAX) {
		return ERR_TOOMANY;
	}
	t->tag[t->n++] = (struct dkim_tag){ name, value };
	return ERR_OK;
}

enum err
dkim_tags_parse(str text, struct dkim_tags *ret)
{
	str spec, rest = text;
	ret->n = 0;
	while (str_next(&rest, ';', &spec)) {
		if (trim(spec).n == 0 && trim(rest).n == 0) {
			break; /* the semicolon at the end */
		}
		enum err e = take(spec, ret);
		if (e != ERR_OK) {
			ret->n = 0;
			return e;
		}
	}
	return ret->n > 0 ? ERR_OK : ERR_SYNTAX;
}

bool
dkim_tags_find(const struct dkim_tags *t, str name, str *ret)
{
	for (size_t i = 0; i < t->n; i++) {
		if (str_eq(t->tag[i].name, name)) {
			*ret = t->tag[i].value;
			return true;
		}
	}
	return false;
}

void
dkim_tag_bare(struct buf *out, str value)
{
	for (size_t i = 0; i < value.n; i++) {
		if (!is_space(value.p[i])) {
			buf_ch(out, value.p[i]);
		}
	}
}

bool
dkim_tag_number(str value, int64_t *ret)
{
	uint64_t v;
	if (value.n > 12 || !str_u64(value, &v)) {
		return false;
	}
	*ret = (int64_t)v;
	return true;
}

bool
dkim_tag_next(str *list, str *ret)
{
	if (!str_next(list, ':', ret)) {
		return false;
	}
	*ret = trim(*ret);
	return true;
}
