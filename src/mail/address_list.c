/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Address lists of header fields, as they are and not only as they should be. One pass with a
 * cursor; each element is read as words, and the special that follows them says what they were.
 * All text is written into one block no larger than the value. Start with mail_addresses_parse.
 *
 *	address-list = (address *("," address)) / obs-addr-list
 *	address      = mailbox / group
 *	mailbox      = [phrase] "<" [obs-route] addr-spec ">" / addr-spec
 *	group        = phrase ":" [mailbox-list / CFWS / obs-group-list] ";"
 */
#include "base/codec.h"
#include "mail/address.h"
#include "mail/mail_priv.h"

enum join { JOIN_PHRASE, JOIN_LOCAL, JOIN_DOMAIN };

struct scan {
	struct arena *a;
	const char *p, *end;
	bool strict;
	bool bad; /* a fault was seen; final in strict mode */
	bool in_group;
	char *out;   /* next free octet of the block; never more than was read */
	str comment; /* the last comment of the element, raw, without its parentheses */
	struct mail_address *v;
	size_t n, cap;
};

static char
peek(const struct scan *l)
{
	return l->p < l->end ? *l->p : 0;
}

static bool
eat(struct scan *l, char c)
{
	if (l->p == l->end || *l->p != c) {
		return false;
	}
	l->p++;
	return true;
}

/* A comment, nested ones included; the cursor is behind its "(". */
static void
skip_comment(struct scan *l)
{
	const char *start = l->p;
	unsigned depth = 1;
	while (l->p < l->end && depth > 0) {
		char c = *l->p++;
		if (c == '\\' && l->p < l->end) {
			l->p++;
		}
		depth += c == '(';
		depth -= c == ')';
		l->bad |= depth > MAIL_COMMENT_DEPTH_MAX;
	}
	l->bad |= depth > 0;
	l->comment = str_make(start, (size_t)(l->p - start) - (depth == 0));
}

/* Comments and folding white space; true when there was any. */
static bool
skip_cfws(struct scan *l)
{
	const char *start = l->p;
	while (l->p < l->end) {
		char c = *l->p;
		if (c != ' ' && c != '\t' && c != '\r' && c != '\n' && c != '(') {
			break;
		}
		l->p++;
		if (c == '(') {
			skip_comment(l);
		}
	}
	return l->p > start;
}

static void
put(struct scan *l, char c)
{
	*l->out++ = c;
}

/* Quoted-string of RFC 5322 3.2.4; line ends within it are folding and go. */
static void
take_quoted(struct scan *l)
{
	while (l->p < l->end && *l->p != '"') {
		if (*l->p == '\\' && l->p + 1 < l->end) {
			l->p++;
		} else if (*l->p == '\r' || *l->p == '\n') {
			l->p++;
			continue;
		}
		put(l, *l->p++);
	}
	l->bad |= !eat(l, '"');
}

/* Domain-literal of RFC 5322 3.4.1, with its brackets and without white space. */
static void
take_literal(struct scan *l)
{
	put(l, '[');
	while (l->p < l->end && *l->p != ']' && *l->p != '[') {
		char c = *l->p++;
		if (c != ' ' && c != '\t' && c != '\r' && c != '\n') {
			put(l, c);
		}
	}
	if (eat(l, ']')) {
		put(l, ']');
	} else {
		l->bad = true;
	}
}

static bool
is_special(char c)
{
	return c == '<' || c == '>' || c == '@' || c == ',' || c == ';' || c == ':';
}

/* One atom, quoted string, literal or dot. False when a special or the end is next. */
static bool
take_word(struct scan *l, enum join join)
{
	char c = peek(l);
	if (l->p == l->end || is_special(c)) {
		return false;
	}
	if (eat(l, '"')) {
		l->bad |= join == JOIN_DOMAIN;
		take_quoted(l);
		return true;
	}
	if (join == JOIN_DOMAIN && eat(l, '[')) {
		take_literal(l);
		return true;
	}
	if (!mail_is_atext((unsigned char)c)) {
		l->bad |= c != '.';
		put(l, c);
		l->p++;
		return true;
	}
	while (l->p < l->end && mail_is_atext((unsigned char)*l->p)) {
		put(l, *l->p++);
	}
	return true;
}

/*
 * Words up to the next special or end. A phrase keeps one space where white space was; local parts
 * and domains have none: of faulty "a b@c d" the runs next to the "@" count.
 */
static str
take_words(struct scan *l, enum join join)
{
	char *start = l->out;
	bool dot_before = true;
	bool gap = false;
	skip_cfws(l);
	while (true) {
		char *word = l->out;
		bool dot = peek(l) == '.';
		if (gap && join == JOIN_DOMAIN && word > start && !dot && !dot_before) {
			break;
		}
		if (gap && join == JOIN_PHRASE && l->p < l->end && !is_special(peek(l))) {
			put(l, ' ');
		}
		if (!take_word(l, join)) {
			break;
		}
		if (join != JOIN_PHRASE && word > start && !dot && !dot_before) {
			l->bad = true;
			start = gap ? word : start;
		}
		dot_before = dot;
		gap = skip_cfws(l);
	}
	return str_make(start, (size_t)(l->out - start));
}

/* An empty or faulty dot-atom: parts that start or end with a dot, or have two together. */
static bool
dots_bad(str s)
{
	return s.n == 0 || s.p[0] == '.' || s.p[s.n - 1] == '.' || str_find(s, S("..")) >= 0;
}

/* Text as it stands, unquoted and with white space folded. */
static str
plain_text(struct scan *l, str raw)
{
	char *start = l->out;
	raw = str_trim(raw);
	for (size_t i = 0; i < raw.n; i++) {
		char c = raw.p[i];
		bool blank = c == ' ' || c == '\t' || c == '\r' || c == '\n';
		if (c == '\\' && i + 1 < raw.n) {
			put(l, raw.p[++i]);
		} else if (!blank) {
			put(l, c);
		} else if (l->out > start && l->out[-1] != ' ') {
			put(l, ' ');
		}
	}
	return str_make(start, (size_t)(l->out - start));
}

static enum err
add(struct scan *l, struct mail_address addr)
{
	if (l->n == MAIL_ADDRESSES_MAX) {
		return ERR_TOOMANY;
	}
	struct mail_address *v = arena_grow(l->a, l->v, l->n, &l->cap, sizeof *v);
	if (v == NULL) {
		return ERR_BUDGET;
	}
	l->v = v;
	l->v[l->n++] = addr;
	return ERR_OK;
}

/* "@" Domain behind a local part; absent in mended elements. */
static str
take_domain(struct scan *l)
{
	if (!eat(l, '@')) {
		l->bad = true;
		return str_make(l->out, 0);
	}
	str d = take_words(l, JOIN_DOMAIN);
	l->bad |= dots_bad(d);
	return d;
}

/* obs-route = obs-domain-list ":"; the cursor is at its "@" or ",". */
static str
take_route(struct scan *l)
{
	char *start = l->out;
	while (l->p < l->end && *l->p != ':' && *l->p != '>') {
		if (skip_cfws(l)) {
			continue;
		}
		put(l, *l->p++);
	}
	l->bad |= !eat(l, ':');
	return str_make(start, (size_t)(l->out - start));
}

/* What stands between "<" and ">"; the cursor is behind the "<". */
static void
take_angle(struct scan *l, struct mail_address *addr)
{
	skip_cfws(l);
	if (peek(l) == '@' || peek(l) == ',') {
		addr->route = take_route(l);
	}
	const char *before = l->p;
	addr->local = take_words(l, JOIN_LOCAL);
	bool quoted = memchr(before, '"', (size_t)(l->p - before)) != NULL;
	l->bad |= addr->local.n == 0 || (!quoted && dots_bad(addr->local));
	addr->domain = take_domain(l);
	l->bad |= !eat(l, '>');
}

/* Past an octet, or past a quoted string; a quote that is never closed is an octet. */
static void
skip_one(struct scan *l)
{
	const char *p = l->p + 1;
	bool quote = *l->p++ == '"';
	while (quote && p < l->end && *p != '"') {
		p += *p == '\\' && p + 1 < l->end ? 2 : 1;
	}
	l->p = quote && p < l->end ? p + 1 : l->p;
}

/* Forward to what ends an element, or to an angle. Anything skipped was a fault. */
static void
skip_to_separator(struct scan *l)
{
	skip_cfws(l);
	while (l->p < l->end && *l->p != ',' && *l->p != ';' && *l->p != '<') {
		l->bad = true;
		skip_one(l);
		skip_cfws(l);
	}
	l->bad |= peek(l) == '<';
}

static enum err
take_group(struct scan *l, str name)
{
	l->p++;
	l->bad |= l->in_group || name.n == 0;
	if (l->in_group) {
		return ERR_OK;
	}
	l->in_group = true;
	return add(l, (struct mail_address){ .kind = MAIL_ADDRESS_GROUP, .name = name });
}

/*
 * The words were a local part: they are read again as one, from `start`. Where an angle follows,
 * all of it was a name without quotes, "joe@example.org <joe@example.org>": the angle is what
 * readers show and answer.
 */
static void
take_bare(struct scan *l, const char *start, struct mail_address *addr)
{
	const char *end = l->p;
	char *out = l->out;
	l->p = start;
	addr->local = take_words(l, JOIN_LOCAL);
	bool quoted = memchr(start, '"', (size_t)(end - start)) != NULL;
	l->bad |= addr->local.n == 0 || (!quoted && dots_bad(addr->local));
	addr->domain = take_domain(l);
	skip_to_separator(l);
	if (peek(l) == '<') {
		l->out = out;
		addr->name = plain_text(l, str_make(start, (size_t)(l->p - start)));
		l->p++;
		take_angle(l, addr);
	}
}

static enum err
take_element(struct scan *l)
{
	struct mail_address addr = { .kind = MAIL_ADDRESS_MAILBOX };
	const char *start = l->p;
	char *out = l->out;
	l->comment = STR_NONE;
	str phrase = take_words(l, JOIN_PHRASE);
	bool was_bad = l->bad;
	if (peek(l) == ':') {
		return take_group(l, phrase);
	}
	if (eat(l, '<')) {
		addr.name = phrase.n == 0 ? STR_NONE : phrase;
		take_angle(l, &addr);
	} else {
		l->out = out;
		l->bad = was_bad;
		take_bare(l, start, &addr);
	}
	skip_to_separator(l);
	if (addr.name.p == NULL && l->comment.p != NULL) {
		addr.name = plain_text(l, l->comment);
	}
	bool nothing = addr.name.p == NULL && addr.local.n == 0 && addr.domain.n == 0;
	return nothing ? ERR_OK : add(l, addr);
}

static enum err
end_group(struct scan *l)
{
	if (!l->in_group) {
		l->bad = true;
		return ERR_OK;
	}
	TRY(add(l, (struct mail_address){ .kind = MAIL_ADDRESS_GROUP_END }));
	l->in_group = false;
	return ERR_OK;
}

static enum err
run(struct scan *l)
{
	while (skip_cfws(l), l->p < l->end) {
		if (eat(l, ',')) {
			continue;
		}
		if (eat(l, ';')) {
			TRY(end_group(l));
		} else {
			TRY(take_element(l));
		}
		if (l->bad && l->strict) {
			return ERR_SYNTAX;
		}
	}
	l->bad |= l->in_group;
	return l->in_group ? end_group(l) : ERR_OK;
}

/* The list was cut within a group: every GROUP keeps its GROUP_END. */
static void
close_cut_group(struct scan *l)
{
	struct mail_address *last = &l->v[l->n - 1];
	if (last->kind == MAIL_ADDRESS_GROUP) {
		l->n--;
	} else {
		*last = (struct mail_address){ .kind = MAIL_ADDRESS_GROUP_END };
	}
}

/* RFC 6532 3.2 and RFC 5322 2.2: UTF-8, and no control octets but those of folding. */
static bool
octets_valid(str s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if ((c < 0x20 && c != '\t' && c != '\r' && c != '\n') || c == 0x7f) {
			return false;
		}
	}
	return utf8_valid(s);
}

enum err
mail_addresses_parse(struct arena *a, str value, unsigned flags, struct mail_address **ret,
    size_t *ret_n)
{
	value = value.p == NULL ? S("") : value; /* no arithmetic on NULL */
	struct scan l = { .a = a, .p = value.p, .end = value.p + value.n };
	l.strict = (flags & MAIL_ADDRESSES_STRICT) != 0;
	if (l.strict && !octets_valid(value)) {
		return ERR_SYNTAX;
	}
	/* Every octet written was read, and no octet is written twice but after a step back. */
	l.out = arena_alloc(a, value.n + 1);
	if (l.out == NULL) {
		return ERR_BUDGET;
	}
	enum err e = run(&l);
	if (e != ERR_OK && (e != ERR_TOOMANY || l.strict)) {
		return e;
	}
	if (l.strict && (l.bad || l.n == 0)) {
		return ERR_SYNTAX;
	}
	if (e == ERR_TOOMANY && l.in_group) {
		close_cut_group(&l);
	}
	*ret = l.v;
	*ret_n = l.n;
	return ERR_OK;
}
