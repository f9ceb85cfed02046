/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Authentication-Results: words, writing, reading, and fields that claim to be ours.
 *
 *	field      = "Authentication-Results:" authserv-id [ version ] ( no-result / 1*resinfo )
 *	resinfo    = ";" method [ "/" version ] "=" result [ "reason" "=" value ] *propspec
 *	propspec   = ptype "." property "=" pvalue
 *	value      = token / quoted-string          ; comments and folds between all of them
 */
#include "mail/authres.h"

#include "mail/address.h"

/* --- words ----------------------------------------------------------------------------------- */

static const str words[MAIL_AUTHRES_RESULTS] = {
	[MAIL_AUTHRES_NONE] = S_INIT(""),
	[MAIL_AUTHRES_PASS] = S_INIT("pass"),
	[MAIL_AUTHRES_FAIL] = S_INIT("fail"),
	[MAIL_AUTHRES_SOFTFAIL] = S_INIT("softfail"),
	[MAIL_AUTHRES_NEUTRAL] = S_INIT("neutral"),
	[MAIL_AUTHRES_TEMPERROR] = S_INIT("temperror"),
	[MAIL_AUTHRES_PERMERROR] = S_INIT("permerror"),
	[MAIL_AUTHRES_POLICY] = S_INIT("policy"),
	[MAIL_AUTHRES_NONE_PUBLISHED] = S_INIT("none"),
};

str
mail_authres_word(enum mail_authres r)
{
	return (unsigned)r < MAIL_AUTHRES_RESULTS ? words[r] : S("");
}

enum mail_authres
mail_authres_find(str word)
{
	for (unsigned i = MAIL_AUTHRES_PASS; i < MAIL_AUTHRES_RESULTS; i++) {
		if (str_ieq(word, words[i])) {
			return (enum mail_authres)i;
		}
	}
	return MAIL_AUTHRES_NONE;
}

enum { SQUEEZED_MAX = 512, ODD_WORDS_MAX = 32 };

/* --- writing --------------------------------------------------------------------------------- */

/* A line being filled; folds where the next piece would make it longer than it should be. */
struct writer {
	struct buf *out;
	size_t start; /* of the line */
};

static bool
is_control(char c)
{
	return (unsigned char)c < ' ' || c == 0x7f;
}

/* token of RFC 2045 5.1, and UTF-8 (RFC 6532 3.2) */
static bool
is_token_octet(char c)
{
	return !is_control(c) && c != ' ' && strchr("()<>@,;:\\\"/[]?=", c) == NULL;
}

/* domain-name, and the dot-atom of a local part, behind which an "@" may stand bare. */
static bool
is_bare(str value)
{
	size_t at = 0;
	for (size_t i = 0; i < value.n; i++) {
		if (value.p[i] == '@') {
			at++;
		} else if (!is_token_octet(value.p[i])) {
			return false;
		}
	}
	return value.n > 0 && at <= 1 && value.p[value.n - 1] != '@';
}

static void
put_quoted(struct buf *out, str value)
{
	buf_ch(out, '"');
	for (size_t i = 0; i < value.n; i++) {
		char c = is_control(value.p[i]) ? '?' : value.p[i];
		if (c == '"' || c == '\\') {
			buf_ch(out, '\\');
		}
		buf_ch(out, c);
	}
	buf_ch(out, '"');
}

static void
put_value(struct buf *out, str value)
{
	if (is_bare(value)) {
		buf_str(out, value);
	} else {
		put_quoted(out, value);
	}
}

static void
put_comment(struct buf *out, str text)
{
	buf_ch(out, '(');
	for (size_t i = 0; i < text.n; i++) {
		char c = is_control(text.p[i]) ? '?' : text.p[i];
		if (c == '(' || c == ')' || c == '\\') {
			buf_ch(out, '\\');
		}
		buf_ch(out, c);
	}
	buf_ch(out, ')');
}

/* What was added since `from` goes to a line of its own if this one became too long. */
static void
fold_before(struct writer *w, size_t from)
{
	static const str fold = S_INIT("\r\n\t");
	char *gap;
	if (w->out->n - w->start <= MAIL_AUTHRES_LINE || from == w->start ||
	    buf_err(w->out) != ERR_OK) {
		return;
	}
	/* The space at `from` becomes the fold. */
	gap = buf_room(w->out, fold.n - 1);
	if (gap == NULL) {
		return;
	}
	memmove(w->out->p + from + fold.n, w->out->p + from + 1, w->out->n - from - 1);
	memcpy(w->out->p + from, fold.p, fold.n);
	buf_grow(w->out, fold.n - 1);
	w->start = from + 2;
}

static void
put_property(struct writer *w, const struct mail_authres_property *p)
{
	size_t from = w->out->n;
	buf_ch(w->out, ' ');
	buf_str(w->out, p->type);
	buf_ch(w->out, '.');
	buf_str(w->out, p->name);
	buf_ch(w->out, '=');
	put_value(w->out, p->value);
	fold_before(w, from);
}

static void
put_result(struct writer *w, const struct mail_authres_result *r)
{
	buf_str(w->out, S(";\r\n\t"));
	w->start = w->out->n - 1;
	buf_str(w->out, r->method);
	buf_ch(w->out, '=');
	buf_str(w->out, mail_authres_word(r->result));
	size_t from = w->out->n;
	if (r->comment.n > 0) {
		buf_ch(w->out, ' ');
		put_comment(w->out, r->comment);
		fold_before(w, from);
		from = w->out->n;
	}
	if (r->reason.n > 0) {
		buf_str(w->out, S(" reason="));
		put_value(w->out, r->reason);
		fold_before(w, from);
	}
	for (size_t i = 0; i < MIN(r->n, (size_t)MAIL_AUTHRES_PROPERTIES_MAX); i++) {
		put_property(w, &r->property[i]);
	}
}

void
mail_authres_payload_put(struct buf *out, str id, const struct mail_authres_result *r, size_t n)
{
	struct writer w = { out, out->n };
	bool any = false;
	put_value(out, id);
	for (size_t i = 0; i < n; i++) {
		if (mail_authres_word(r[i].result).n > 0) {
			put_result(&w, &r[i]);
			any = true;
		}
	}
	if (!any) {
		buf_str(out, S("; none"));
	}
}

void
mail_authres_put(struct buf *out, str id, const struct mail_authres_result *r, size_t n)
{
	buf_str(out, S("Authentication-Results: "));
	mail_authres_payload_put(out, id, r, n);
	buf_str(out, S("\r\n"));
}

/* --- fields that claim to be ours ------------------------------------------------------------ */

/* Octets of a domain, as a word of text: letters, digits, hyphen, underscore, dot, UTF-8. */
static bool
is_word_octet(char c)
{
	return ascii_is_alnum(c) || c == '-' || c == '_' || c == '.' || (unsigned char)c >= 0x80;
}

/*
 * The first semicolon that some reader may take for the end of the identifier, but the last such:
 * the one outside comments, whose nesting and escapes are honoured; without balance all of it.
 */
static str
until_results(str value)
{
	size_t depth = 0;
	for (size_t i = 0; i < value.n; i++) {
		switch (value.p[i]) {
		case '\\': i++; break;
		case '(': depth++; break;
		case ')': depth -= depth > 0; break;
		case ';':
			if (depth == 0) {
				return str_sub(value, 0, i);
			}
			break;
		default: break;
		}
	}
	return value;
}

/* Is the word our name, in U-labels or A-labels, with or without dots at the ends? */
static bool
is_name(str word, str id)
{
	char storage[MAIL_DOMAIN_MAX];
	struct buf out;
	while (word.n > 0 && word.p[word.n - 1] == '.') {
		word.n--;
	}
	while (word.n > 0 && word.p[0] == '.') {
		word = str_from_off(word, 1);
	}
	if (str_is_ascii(word) || word.n > MAIL_DOMAIN_MAX) {
		return str_ieq(word, id);
	}
	buf_init_fixed(&out, storage, sizeof storage);
	return mail_domain_put(&out, word) == ERR_OK && str_ieq(buf_view(&out), id);
}

/*
 * Our name as a word of the text, wherever it stands. U-labels take time to compare: a field with
 * many such words before its first semicolon is nobody's, and counts as ours.
 */
static bool
has_word(str text, str id)
{
	size_t start = 0, odd = 0;
	for (size_t i = 0; i <= text.n; i++) {
		if (i < text.n && is_word_octet(text.p[i])) {
			continue;
		}
		str word = str_sub(text, start, i - start);
		odd += !str_is_ascii(word);
		if (odd > ODD_WORDS_MAX || (word.n > 0 && is_name(word, id))) {
			return true;
		}
		start = i + 1;
	}
	return false;
}

/*
 * Our name once everything is gone that a reader may drop: comments (if `comments`), white space,
 * quotes, escapes and control characters. A version may follow.
 */
static bool
is_squeezed(str text, str id, bool comments)
{
	char storage[SQUEEZED_MAX];
	struct buf out;
	size_t depth = 0;
	buf_init_fixed(&out, storage, sizeof storage);
	for (size_t i = 0; i < text.n && out.n < SQUEEZED_MAX; i++) {
		char c = text.p[i];
		depth += comments && c == '(';
		if (depth == 0 && (is_word_octet(c) || c == '/')) {
			buf_ch(&out, c);
		}
		depth -= depth > 0 && c == ')';
	}
	str left = buf_view(&out);
	while (left.n > id.n && (ascii_is_digit(left.p[left.n - 1]) || left.p[left.n - 1] == '/')) {
		left.n--;
	}
	return is_name(left, id);
}

bool
mail_authres_claims(str value, str id)
{
	str head = until_results(value);
	return has_word(head, id) || is_squeezed(head, id, true) || is_squeezed(head, id, false);
}

bool
mail_authres_forged_next(struct mail_header *h, str id, struct mail_field *ret)
{
	while (mail_header_next(h, ret)) {
		if (str_ieq(ret->name, S("Authentication-Results")) &&
		    mail_authres_claims(ret->value, id)) {
			return true;
		}
	}
	return false;
}

/* --- reading --------------------------------------------------------------------------------- */

/* Past folding white space and comments, nested and escaped; all of it when one does not end. */
static str
skip_cfws(str s)
{
	size_t depth = 0, i = 0;
	for (; i < s.n; i++) {
		char c = s.p[i];
		if (c == '\\' && depth > 0) {
			i++;
		} else if (c == '(') {
			depth++;
		} else if (c == ')' && depth > 0) {
			depth--;
		} else if (depth == 0 && c != ' ' && c != '\t' && c != '\r' && c != '\n') {
			break;
		}
	}
	return str_from_off(s, MIN(i, s.n));
}

/* Take `c`, with comments before it. */
static bool
take_octet(str *s, char c)
{
	str rest = skip_cfws(*s);
	if (rest.n == 0 || rest.p[0] != c) {
		return false;
	}
	*s = str_from_off(rest, 1);
	return true;
}

/* A run of token octets, `also` among them; empty when there is none. */
static str
take_token(str *s, const char *also)
{
	str rest = skip_cfws(*s);
	size_t n = 0;
	while (n < rest.n &&
	    (is_token_octet(rest.p[n]) || (rest.p[n] != 0 && strchr(also, rest.p[n]) != NULL))) {
		n++;
	}
	*s = str_from_off(rest, n);
	return str_sub(rest, 0, n);
}

/* A value, its quotes and escapes removed, appended unless `out` is NULL. */
static bool
take_value(str *s, struct buf *out, const char *also)
{
	if (!take_octet(s, '"')) {
		str token = take_token(s, also);
		if (out != NULL) {
			buf_str(out, token);
		}
		return token.n > 0;
	}
	for (size_t i = 0; i < s->n; i++) {
		if (s->p[i] == '"') {
			*s = str_from_off(*s, i + 1);
			return true;
		}
		i += s->p[i] == '\\' && i + 1 < s->n;
		if (out != NULL && !is_control(s->p[i])) {
			buf_ch(out, s->p[i]);
		}
	}
	return false;
}

enum err
mail_authres_begin(str payload, struct buf *ret_id, struct mail_authres_reader *ret)
{
	if (!take_value(&payload, ret_id, "")) {
		return ERR_SYNTAX;
	}
	str version = take_token(&payload, "");
	*ret = (struct mail_authres_reader){ .rest = skip_cfws(payload) };
	TRY(buf_err(ret_id));
	if (version.n > 0 && !str_eq(version, S("1"))) {
		uint32_t v;
		return str_u32(version, &v) ? ERR_UNSUPPORTED : ERR_SYNTAX;
	}
	return ret->rest.n == 0 || ret->rest.p[0] == ';' ? ERR_OK : ERR_SYNTAX;
}

/* What a value behind "=" may hold bare: addresses, and what real writers leave unquoted. */
static const char pvalue_also[] = "@:/[]?=<>,";

/* "reason", or "type" and "name" with a dot between them, comments around it or not. */
static bool
take_key(str *s, str *ret_type, str *ret_name)
{
	str key = take_token(s, "");
	*ret_name = STR_NONE;
	if (!str_cut(key, '.', ret_type, ret_name) && !take_octet(s, '.')) {
		return key.n > 0;
	}
	if (ret_name->n == 0) {
		*ret_name = take_token(s, "");
	}
	return ret_type->n > 0 && ret_name->n > 0;
}

/* key "=" value */
static bool
take_pair(str *s, str *ret_type, str *ret_name, struct buf *out)
{
	return take_key(s, ret_type, ret_name) && take_octet(s, '=') &&
	    take_value(s, out, pvalue_also);
}

bool
mail_authres_next(struct mail_authres_reader *r, struct mail_authres_read *ret)
{
	str s = r->rest, type, name;
	if (r->results == MAIL_AUTHRES_READ_MAX || !take_octet(&s, ';')) {
		return false;
	}
	ret->method = take_token(&s, "");
	if (take_octet(&s, '/')) {
		(void)take_token(&s, "");
	}
	if (ret->method.n == 0 || !take_octet(&s, '=')) {
		return false;
	}
	ret->result = take_token(&s, "");
	str start = s;
	while (skip_cfws(s).n > 0 && skip_cfws(s).p[0] != ';') {
		if (!take_pair(&s, &type, &name, NULL)) {
			return false;
		}
	}
	ret->properties = str_sub(start, 0, start.n - s.n);
	r->rest = s;
	r->results++;
	return ret->result.n > 0;
}

bool
mail_authres_property(const struct mail_authres_read *r, str type, str name, struct buf *out)
{
	str s = r->properties, got, got_name;
	for (;;) {
		size_t before = out->n;
		if (!take_pair(&s, &got, &got_name, out)) {
			buf_truncate(out, before);
			return false;
		}
		if (str_ieq(got, type) && str_ieq(got_name, name)) {
			return true;
		}
		buf_truncate(out, before);
	}
}
