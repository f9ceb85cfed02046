/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tokens and parameters of Content-Type and its relatives. One cursor, one pass, no state.
 */
#include "mail/param.h"
#include "mail/charset.h"
#include "mail/word.h"

enum { CONTINUATIONS_MAX = 64 };

/* Past white space and comments (nested, RFC 5322 3.2.2); an unclosed comment ends the value. */
static str
skip_blank(str s)
{
	size_t depth = 0, i = 0;
	for (; i < s.n; i++) {
		char c = s.p[i];
		if (c == '(') {
			depth++;
		} else if (depth > 0 && c == ')') {
			depth--;
		} else if (depth > 0 && c == '\\') {
			i++;
		} else if (depth == 0 && c != ' ' && c != '\t' && c != '\r' && c != '\n') {
			break;
		}
	}
	return str_from_off(s, i);
}

static bool
is_token_char(char c)
{
	return (unsigned char)c > ' ' && c != 0x7f && str_chr(S("()<>@,;:\\\"/[]?="), c) < 0;
}

static str
take_token(str *s)
{
	size_t n = 0;
	while (n < s->n && is_token_char(s->p[n])) {
		n++;
	}
	str token = str_sub(*s, 0, n);
	*s = str_from_off(*s, n);
	return token;
}

bool
mail_param_head(str value, str *ret_type, str *ret_subtype, str *ret_rest)
{
	str s = skip_blank(value);
	str type = take_token(&s), subtype = STR_NONE;
	s = skip_blank(s);
	if (s.n > 0 && s.p[0] == '/') {
		s = skip_blank(str_from_off(s, 1));
		subtype = take_token(&s);
	}
	*ret_type = type;
	*ret_subtype = subtype;
	*ret_rest = s;
	return type.n > 0;
}

/* A quoted string with the opening quote gone; leaves *s behind the closing one. */
static str
take_quoted(str *s)
{
	size_t i = 0;
	while (i < s->n && s->p[i] != '"') {
		i += s->p[i] == '\\' && i + 1 < s->n ? 2 : 1;
	}
	str value = str_sub(*s, 0, i);
	*s = str_from_off(*s, i + 1);
	return value;
}

/* What senders write without quotes although they should: up to a semicolon or white space. */
static str
take_bare(str *s)
{
	size_t n = 0;
	while (n < s->n && s->p[n] != ';' && (unsigned char)s->p[n] > ' ') {
		n++;
	}
	str value = str_sub(*s, 0, n);
	*s = str_from_off(*s, n);
	return value;
}

static void
skip_to_semicolon(str *s)
{
	while (s->n > 0 && s->p[0] != ';') {
		bool quote = s->p[0] == '"';
		*s = str_from_off(*s, 1);
		if (quote) {
			(void)take_quoted(s);
		}
	}
}

bool
mail_param_next(str *rest, struct mail_param *ret)
{
	while (rest->n > 0) {
		skip_to_semicolon(rest);
		str s = skip_blank(str_from_off(*rest, 1));
		str name = take_token(&s);
		s = skip_blank(s);
		*rest = s;
		if (name.n == 0 || s.n == 0 || s.p[0] != '=') {
			continue;
		}
		s = skip_blank(str_from_off(s, 1));
		ret->name = name;
		ret->quoted = s.n > 0 && s.p[0] == '"';
		if (ret->quoted) {
			s = str_from_off(s, 1);
		}
		ret->value = ret->quoted ? take_quoted(&s) : take_bare(&s);
		*rest = s;
		return true;
	}
	return false;
}

bool
mail_param_find(str rest, str name, struct mail_param *ret)
{
	while (mail_param_next(&rest, ret)) {
		if (str_ieq(ret->name, name)) {
			return true;
		}
	}
	return false;
}

void
mail_param_value(struct buf *out, const struct mail_param *p)
{
	for (size_t i = 0; i < p->value.n; i++) {
		char c = p->value.p[i];
		if (c == '\\' && p->quoted && i + 1 < p->value.n) {
			c = p->value.p[++i];
		}
		if (c != '\r' && c != '\n') {
			buf_ch(out, c);
		}
	}
}

static int
hex_digit(char c)
{
	c = ascii_lower(c);
	return ascii_is_digit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void
add_percent_decoded(struct buf *out, str v)
{
	for (size_t i = 0; i < v.n; i++) {
		int hi = v.p[i] == '%' && i + 2 < v.n ? hex_digit(v.p[i + 1]) : -1;
		int lo = hi >= 0 ? hex_digit(v.p[i + 2]) : -1;
		buf_ch(out, lo >= 0 ? (char)(hi << 4 | lo) : v.p[i]);
		i += lo >= 0 ? 2 : 0;
	}
}

/* "charset'language'text": cut the first two off; false when the quotes are not there. */
static bool
cut_charset(str *value, str *ret_charset)
{
	str rest, language, text;
	if (!str_cut(*value, '\'', ret_charset, &rest) || !str_cut(rest, '\'', &language, &text)) {
		return false;
	}
	*value = text;
	return true;
}

/* Piece k of name*k or name*k*, with *ret_coded for the latter. */
static bool
find_piece(str rest, str name, unsigned k, struct mail_param *ret, bool *ret_coded)
{
	char want[320];
	int n = snprintf(want, sizeof want, "%.*s*%u", (int)MIN(name.n, (size_t)200), name.p, k);
	str plain = { want, (size_t)n };
	*ret_coded = false;
	if (mail_param_find(rest, plain, ret)) {
		return true;
	}
	want[n] = '*';
	*ret_coded = true;
	return mail_param_find(rest, (str){ want, (size_t)n + 1 }, ret);
}

static bool
joined_pieces(struct buf *raw, str rest, str name, str *ret_charset)
{
	struct mail_param p;
	bool coded;
	unsigned k = 0;
	for (; k < CONTINUATIONS_MAX && find_piece(rest, name, k, &p, &coded); k++) {
		if (k == 0 && coded) {
			(void)cut_charset(&p.value, ret_charset);
		}
		if (coded) {
			add_percent_decoded(raw, p.value);
		} else {
			mail_param_value(raw, &p);
		}
	}
	return k > 0;
}

bool
mail_param_text(struct buf *out, str rest, str name)
{
	struct mail_param p;
	char star[210];
	str charset = S("utf-8");
	struct buf raw;
	buf_init(&raw, 65536);
	int n = snprintf(star, sizeof star, "%.*s*", (int)MIN(name.n, (size_t)200), name.p);
	bool found = true;
	if (mail_param_find(rest, (str){ star, (size_t)n }, &p)) {
		(void)cut_charset(&p.value, &charset);
		add_percent_decoded(&raw, p.value);
		mail_charset_decode(out, charset, buf_view(&raw));
	} else if (joined_pieces(&raw, rest, name, &charset)) {
		mail_charset_decode(out, charset, buf_view(&raw));
	} else if (mail_param_find(rest, name, &p)) {
		mail_param_value(&raw, &p);
		mail_word_decode(out, buf_view(&raw));
	} else {
		found = false;
	}
	buf_done(&raw);
	return found;
}
