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

/* What there is of one parameter, found in one pass: a field may be as long as the message. */
struct found {
	struct mail_param plain, whole; /* "name", "name*" */
	struct mail_param piece[CONTINUATIONS_MAX];
	bool has_plain, has_whole;
	bool has[CONTINUATIONS_MAX], coded[CONTINUATIONS_MAX];
};

/* "name*7" or "name*7*"; of both the one without the second star counts, else the first. */
static void
note_piece(struct found *f, const struct mail_param *p, str number)
{
	uint32_t k;
	bool coded = str_ends(number, S("*"));
	number.n -= coded;
	bool zeros = number.n > 1 && number.p[0] == '0';
	if (zeros || !str_u32(number, &k) || k >= CONTINUATIONS_MAX) {
		return;
	}
	if (!f->has[k] || (f->coded[k] && !coded)) {
		f->piece[k] = *p;
		f->has[k] = true;
		f->coded[k] = coded;
	}
}

static void
note(struct found *f, const struct mail_param *p, str name)
{
	str behind = str_from_off(p->name, name.n);
	if (!str_istarts(p->name, name)) {
		return;
	}
	if (behind.n == 0 && !f->has_plain) {
		f->plain = *p;
		f->has_plain = true;
	} else if (str_eq(behind, S("*")) && !f->has_whole) {
		f->whole = *p;
		f->has_whole = true;
	} else if (behind.n > 1 && behind.p[0] == '*') {
		note_piece(f, p, str_from_off(behind, 1));
	}
}

static void
join_pieces(struct buf *raw, struct found *f, str *ret_charset)
{
	for (unsigned k = 0; k < CONTINUATIONS_MAX && f->has[k]; k++) {
		struct mail_param *p = &f->piece[k];
		if (k == 0 && f->coded[k]) {
			(void)cut_charset(&p->value, ret_charset);
		}
		if (f->coded[k]) {
			add_percent_decoded(raw, p->value);
		} else {
			mail_param_value(raw, p);
		}
	}
}

bool
mail_param_text(struct buf *out, str rest, str name)
{
	struct found f = { .has_plain = false };
	struct mail_param p;
	str charset = S("utf-8");
	struct buf raw;
	while (mail_param_next(&rest, &p)) {
		note(&f, &p, name);
	}
	buf_init(&raw, 65536);
	if (f.has_whole) {
		(void)cut_charset(&f.whole.value, &charset);
		add_percent_decoded(&raw, f.whole.value);
		mail_charset_decode(out, charset, buf_view(&raw));
	} else if (f.has[0]) {
		join_pieces(&raw, &f, &charset);
		mail_charset_decode(out, charset, buf_view(&raw));
	} else if (f.has_plain) {
		mail_param_value(&raw, &f.plain);
		mail_word_decode(out, buf_view(&raw));
	}
	buf_done(&raw);
	return f.has_whole || f.has[0] || f.has_plain;
}
