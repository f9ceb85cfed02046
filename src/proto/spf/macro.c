/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Macros.
 *
 *	domain-spec  = macro-string domain-end
 *	domain-end   = ( "." toplabel [ "." ] ) / macro-expand
 *	macro-expand = ( "%{" letter *DIGIT [ "r" ] *delimiter "}" ) / "%%" / "%_" / "%-"
 */
#include "proto/spf/macro.h"

#include "proto/spf/record.h"

enum { PARTS_MAX = 1024, DIGITS_CAP = 1000000, GROUPS = 8 };

/* One element of a macro-string: a macro, or a single literal octet. */
struct element {
	bool macro; /* any macro-expand; letter is 0 for %% %_ %- */
	char letter;
	char literal; /* also '%', '_' and '-' of those */
	bool reverse;
	unsigned digits; /* 0: all */
	str delimiters;  /* empty: "." */
};

static bool
is_delimiter(char c)
{
	return c != 0 && strchr(".-+,/_=", c) != NULL;
}

/* "{" letter ... "}" at the start of *rest. */
static bool
take_braced(str *rest, struct element *ret)
{
	ptrdiff_t end = str_chr(*rest, '}');
	if (end < 2) {
		return false;
	}
	str in = str_sub(*rest, 1, (size_t)end - 1);
	*rest = str_from_off(*rest, (size_t)end + 1);
	ret->letter = in.p[0];
	in = str_from_off(in, 1);
	bool digits = in.n > 0 && ascii_is_digit(in.p[0]);
	for (; in.n > 0 && ascii_is_digit(in.p[0]); in = str_from_off(in, 1)) {
		ret->digits = MIN(ret->digits * 10 + (unsigned)(in.p[0] - '0'), DIGITS_CAP);
	}
	if (digits && ret->digits == 0) {
		return false; /* MUST be nonzero */
	}
	ret->reverse = in.n > 0 && ascii_lower(in.p[0]) == 'r';
	ret->delimiters = str_from_off(in, ret->reverse ? 1 : 0);
	for (size_t i = 0; i < ret->delimiters.n; i++) {
		if (!is_delimiter(ret->delimiters.p[i])) {
			return false;
		}
	}
	return true;
}

/* The next element; false at the end or where the grammar is broken (then *rest is not empty). */
static bool
take(str *rest, struct element *ret)
{
	*ret = (struct element){ 0 };
	if (rest->n == 0) {
		return false;
	}
	if (rest->p[0] != '%') {
		ret->literal = rest->p[0];
		*rest = str_from_off(*rest, 1);
		return true;
	}
	str after = str_from_off(*rest, 1);
	ret->macro = true;
	if (after.n == 0) {
		return false;
	}
	if (after.p[0] == '{') {
		bool ok = take_braced(&after, ret);
		*rest = ok ? after : *rest;
		return ok;
	}
	ret->literal = after.p[0];
	if (strchr("%_-", ret->literal) == NULL || ret->literal == 0) {
		return false;
	}
	*rest = str_from_off(after, 1);
	return true;
}

static bool
is_letter(char c, unsigned flags)
{
	const char *letters = flags & SPF_MACRO_EXPLAIN ? "slodipvhcrt" : "slodipvh";
	return c != 0 && strchr(letters, ascii_lower(c)) != NULL;
}

static bool
is_allowed(const struct element *e, unsigned flags)
{
	if (e->macro) {
		return e->letter == 0 || is_letter(e->letter, flags);
	}
	bool space = flags & SPF_MACRO_EXPLAIN && e->literal == ' ';
	return space || (e->literal >= 0x21 && e->literal <= 0x7e);
}

bool
spf_macro_valid(str text, unsigned flags)
{
	struct element e;
	while (take(&text, &e)) {
		if (!is_allowed(&e, flags)) {
			return false;
		}
	}
	return text.n == 0;
}

/* toplabel: letters, digits and hyphens, not digits alone, no hyphen at either end. */
static bool
is_toplabel(str label)
{
	bool digits = true;
	for (size_t i = 0; i < label.n; i++) {
		char c = label.p[i];
		if (!ascii_is_alnum(c) && c != '-') {
			return false;
		}
		digits = digits && ascii_is_digit(c);
	}
	return label.n > 0 && !digits && label.p[0] != '-' && label.p[label.n - 1] != '-';
}

bool
spf_domain_spec_valid(str text)
{
	struct element e;
	str rest = text, tail = text;
	if (text.n == 0 || !spf_macro_valid(text, 0)) {
		return false;
	}
	while (take(&rest, &e)) {
		tail = e.macro ? rest : tail;
	}
	if (tail.n == 0) {
		return true; /* ends in a macro */
	}
	tail.n -= tail.p[tail.n - 1] == '.';
	ptrdiff_t dot = str_rchr(tail, '.');
	return dot >= 0 && is_toplabel(str_from_off(tail, (size_t)dot + 1));
}

bool
spf_macro_has(str text, const char *letters)
{
	struct element e;
	while (take(&text, &e)) {
		if (e.letter != 0 && strchr(letters, ascii_lower(e.letter)) != NULL) {
			return true;
		}
	}
	return false;
}

/* As %{i} wants it: quads, or nibbles parted by dots. */
static void
put_dotted(struct buf *out, const uint8_t ip[16])
{
	static const char digits[] = "0123456789abcdef";
	if (spf_ip_is4(ip)) {
		buf_printf(out, "%u.%u.%u.%u", ip[12], ip[13], ip[14], ip[15]);
		return;
	}
	for (size_t i = 0; i < 32; i++) {
		if (i > 0) {
			buf_ch(out, '.');
		}
		buf_ch(out, digits[i % 2 == 0 ? ip[i / 2] >> 4 : ip[i / 2] & 15]);
	}
}

/* The first of the longest runs of zero groups; one group alone is not one (RFC 5952 4.2). */
static void
find_gap(const uint8_t ip[16], size_t *ret_start, size_t *ret_n)
{
	size_t run = 0;
	*ret_start = GROUPS;
	*ret_n = 1;
	for (size_t i = 0; i < GROUPS; i++) {
		run = ip[2 * i] == 0 && ip[2 * i + 1] == 0 ? run + 1 : 0;
		if (run > *ret_n) {
			*ret_n = run;
			*ret_start = i + 1 - run;
		}
	}
}

/* For people: RFC 5952 4. */
static void
put_readable(struct buf *out, const uint8_t ip[16])
{
	size_t gap, gap_n;
	if (spf_ip_is4(ip)) {
		put_dotted(out, ip);
		return;
	}
	find_gap(ip, &gap, &gap_n);
	for (size_t i = 0; i < GROUPS; i++) {
		if (i == gap) {
			buf_str(out, S("::"));
			i += gap_n - 1;
			continue;
		}
		bool first = i == 0 || i == gap + gap_n;
		buf_printf(out, first ? "%x" : ":%x", (unsigned)(ip[2 * i] << 8 | ip[2 * i + 1]));
	}
}

static str
or_unknown(str s)
{
	return s.n == 0 ? S("unknown") : s;
}

static void
put_value(struct buf *out, char letter, const struct spf_values *v)
{
	switch (letter) {
	case 's':
		buf_str(out, v->local);
		buf_ch(out, '@');
		buf_str(out, v->sender_domain);
		break;
	case 'l': buf_str(out, v->local); break;
	case 'o': buf_str(out, v->sender_domain); break;
	case 'd': buf_str(out, v->domain); break;
	case 'i': put_dotted(out, v->ip); break;
	case 'c': put_readable(out, v->ip); break;
	case 'v': buf_str(out, spf_ip_is4(v->ip) ? S("in-addr") : S("ip6")); break;
	case 'h': buf_str(out, v->helo); break;
	case 'p': buf_str(out, or_unknown(v->validated)); break;
	case 'r': buf_str(out, or_unknown(v->receiver)); break;
	default: buf_printf(out, "%lld", (long long)v->now_s); break;
	}
}

/* RFC 3986 2.3 */
static bool
is_unreserved(char c)
{
	return ascii_is_alnum(c) || (c != 0 && strchr("-._~", c) != NULL);
}

static void
put_escaped(struct buf *out, str text, bool escape)
{
	for (size_t i = 0; i < text.n; i++) {
		if (escape && !is_unreserved(text.p[i])) {
			buf_printf(out, "%%%02X", (unsigned)(uint8_t)text.p[i]);
		} else {
			buf_ch(out, text.p[i]);
		}
	}
}

/* Parts of the value, those beyond PARTS_MAX within the last one. */
static size_t
split(str value, str delimiters, str part[PARTS_MAX])
{
	size_t n = 0, start = 0;
	for (size_t i = 0; i < value.n && n + 1 < PARTS_MAX; i++) {
		if (str_chr(delimiters, value.p[i]) >= 0) {
			part[n++] = str_sub(value, start, i - start);
			start = i + 1;
		}
	}
	part[n++] = str_from_off(value, start);
	return n;
}

static void
put_transformed(struct buf *out, const struct element *e, str value)
{
	str part[PARTS_MAX];
	bool escape = ascii_lower(e->letter) != e->letter;
	if (e->digits == 0 && !e->reverse && e->delimiters.n == 0) {
		put_escaped(out, value, escape);
		return;
	}
	size_t n = split(value, e->delimiters.n == 0 ? S(".") : e->delimiters, part);
	size_t keep = e->digits == 0 ? n : MIN(e->digits, n);
	for (size_t i = n - keep; i < n; i++) {
		if (i > n - keep) {
			buf_ch(out, '.');
		}
		put_escaped(out, part[e->reverse ? n - 1 - i : i], escape);
	}
}

static void
put_element(struct buf *out, const struct element *e, const struct spf_values *v)
{
	char storage[SPF_VALUE_MAX];
	struct buf value;
	if (e->letter != 0) {
		buf_init_fixed(&value, storage, sizeof storage);
		put_value(&value, ascii_lower(e->letter), v);
		put_transformed(out, e, buf_view(&value));
	} else if (e->macro && e->literal == '_') {
		buf_ch(out, ' ');
	} else if (e->macro && e->literal == '-') {
		buf_str(out, S("%20"));
	} else {
		buf_ch(out, e->literal);
	}
}

void
spf_macro_expand(struct buf *out, str text, const struct spf_values *v)
{
	struct element e;
	while (take(&text, &e) && buf_err(out) == ERR_OK) {
		put_element(out, &e, v);
	}
}
