/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rules file. Its grammar for people stands at the top of dist/rules/replies.rules:
 *
 *	file   = *( line LF )
 *	line   = [ word *( 1*blank word ) ] [ "#" comment ]
 *	word   = 1*( any but blank, DQUOTE ) / DQUOTE *( any but DQUOTE; \" and \\ escape ) DQUOTE
 *
 * A first pass counts rows for the arrays, a second one reads them; a bad row is told of, left out.
 */
#include "reach/rules_priv.h"

enum { WORDS_MAX = 40 };

struct word {
	str text;
	unsigned column;
	bool quoted;
};

struct line {
	struct word words[WORDS_MAX];
	size_t n;
	char unescaped[REACH_RULE_LINE_MAX]; /* quoted words without their escapes */
	size_t unescaped_n;
};

struct parser {
	struct reach_rules *rules;
	struct arena *a;
	reach_complain *complain;
	void *ctx;
	unsigned number; /* of the line */
	struct line line;
	str *verbs, *vetoes;
};

/* Columns of a row of a rule. */
enum { KIND, ID, OPERATOR, PHASE, CODE, STATUS, CLASS, SCOPE, VERIFIED, SOURCE, PATTERN, HINT };

static bool
bad(struct parser *p, unsigned column, const char *what)
{
	if (p->complain != NULL) {
		p->complain(p->ctx, p->number, column, what);
	}
	return false;
}

/* ---- lines and words ------------------------------------------------------------------------- */

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* A quoted word whose quote is at text.p[0]; how many octets it took, 0: no end. */
static size_t
quoted_word(struct line *l, str text, struct word *w)
{
	char *out = l->unescaped + l->unescaped_n;
	size_t n = 0, i = 1;

	while (i < text.n && text.p[i] != '"') {
		if (text.p[i] == '\\' && i + 1 < text.n) {
			i++;
		}
		out[n++] = text.p[i++];
	}
	if (i >= text.n) {
		return 0;
	}
	w->text = str_make(out, n);
	w->quoted = true;
	l->unescaped_n += n;
	return i + 1;
}

static size_t
plain_word(str text, struct word *w)
{
	size_t n = 0;

	while (n < text.n && !is_blank(text.p[n]) && text.p[n] != '"') {
		n++;
	}
	w->text = str_sub(text, 0, n);
	return n;
}

static bool
split(struct parser *p, str text)
{
	struct line *l = &p->line;

	l->n = l->unescaped_n = 0;
	if (text.n >= REACH_RULE_LINE_MAX) {
		return bad(p, REACH_RULE_LINE_MAX, "the line is too long");
	}
	for (size_t at = 0; at < text.n;) {
		if (is_blank(text.p[at])) {
			at++;
			continue;
		}
		if (text.p[at] == '#') {
			break;
		}
		if (l->n == WORDS_MAX) {
			return bad(p, (unsigned)at + 1, "too many words");
		}
		struct word *w = &l->words[l->n++];
		*w = (struct word){ .column = (unsigned)at + 1 };
		str rest = str_from_off(text, at);
		size_t n = text.p[at] == '"' ? quoted_word(l, rest, w) : plain_word(rest, w);
		if (n == 0) {
			return bad(p, (unsigned)at + 1, "the closing quote is missing");
		}
		at += n;
	}
	return true;
}

/* ---- fields ---------------------------------------------------------------------------------- */

static bool
is_any(str s)
{
	return str_eq(s, S("-"));
}

static bool
keep(struct parser *p, str s, str *ret)
{
	*ret = arena_dup(p->a, s);
	return ret->p != NULL;
}

static bool
read_phases(struct parser *p, const struct word *w, uint32_t *ret)
{
	str rest = w->text, name;

	*ret = 0;
	while (!is_any(w->text) && str_next(&rest, ',', &name)) {
		enum reach_phase phase;
		if (!reach_phase_find(name, &phase)) {
			return bad(p, w->column, "no such phase");
		}
		*ret |= 1U << phase;
	}
	return true;
}

/* "550", "55x", "4xx" as a range; "-": 0. */
static bool
read_code(struct parser *p, const struct word *w, struct reach_rule *r)
{
	uint16_t low = 0, high = 0;
	bool open = false;

	if (is_any(w->text)) {
		return true;
	}
	for (size_t i = 0; i < w->text.n; i++) {
		char c = w->text.p[i];
		open = c == 'x';
		if (!ascii_is_digit(c) && !open) {
			return bad(p, w->column, "a code is 550, 55x or 5xx");
		}
		low = (uint16_t)(low * 10 + (open ? 0 : c - '0'));
		high = (uint16_t)(high * 10 + (open ? 9 : c - '0'));
		if (w->text.n != 3 || (i == 0 && c != '4' && c != '5')) {
			return bad(p, w->column, "a code has three places and begins with 4 or 5");
		}
	}
	r->code = low;
	r->code_to = high;
	return true;
}

/* "5.7.1", "x.7.25", "5.7.606-649"; "-": any. */
static bool
read_status_field(struct parser *p, const struct word *w, struct reach_status *ret)
{
	str s = w->text;
	struct reach_status st;
	char plain[16];
	uint32_t to;
	size_t n;

	*ret = (struct reach_status){ .subject = -1 };
	if (is_any(s)) {
		return true;
	}
	bool any = str_starts(s, S("x."));
	if (s.n >= sizeof(plain)) {
		return bad(p, w->column, "a status is 5.7.1, x.7.1 or 5.7.606-649");
	}
	memcpy(plain, s.p, s.n);
	plain[0] = any ? '5' : plain[0];
	if (!reach_status_read(str_make(plain, s.n), &st, &n)) {
		return bad(p, w->column, "a status is 5.7.1, x.7.1 or 5.7.606-649");
	}
	if (n < s.n) {
		str tail = str_from_off(s, n);
		if (tail.p[0] != '-' || !str_u32(str_from_off(tail, 1), &to) || to > 999 ||
		    (int16_t)to < st.detail) {
			return bad(p, w->column + (unsigned)n, "not a range of details");
		}
		st.detail_to = (int16_t)to;
	}
	st.class = any ? 0 : st.class;
	*ret = st;
	return true;
}

static bool
read_meaning(struct parser *p, struct reach_rule *r)
{
	const struct word *class = &p->line.words[CLASS], *scope = &p->line.words[SCOPE];

	if (!reach_class_find(class->text, &r->class)) {
		return bad(p, class->column, "no such class");
	}
	r->scope = reach_class_row(r->class)->scope;
	if (!is_any(scope->text) && !reach_scope_find(scope->text, &r->scope)) {
		return bad(p, scope->column, "no such scope");
	}
	return true;
}

static bool
is_date(str s)
{
	static const char form[] = "0000-00-00";

	for (size_t i = 0; i < s.n && s.n == sizeof(form) - 1; i++) {
		if (form[i] == '0' ? !ascii_is_digit(s.p[i]) : s.p[i] != form[i]) {
			return false;
		}
	}
	return s.n == sizeof(form) - 1;
}

static bool
read_pattern(struct parser *p, const struct word *w, struct reach_rule *r)
{
	char storage[REACH_PATTERN_MAX];
	struct buf folded;
	size_t at = 0;

	buf_init_fixed(&folded, storage, sizeof storage);
	reach_fold(&folded, w->text);
	if (buf_err(&folded) != ERR_OK) {
		return bad(p, w->column, "the pattern is too long");
	}
	switch (reach_pattern_read(buf_view(&folded), p->a, &r->pattern, &at)) {
	case ERR_OK: return true;
	case ERR_SYNTAX:
		return bad(p, w->column + 1 + (unsigned)at, "<...> is none of d w ip b ^ $ <");
	case ERR_TOOMANY: return bad(p, w->column, "the pattern has too many parts");
	default: return bad(p, w->column, "out of memory");
	}
}

/* ---- rows ------------------------------------------------------------------------------------ */

static bool
tier_of(struct parser *p, enum reach_tier *ret)
{
	const struct word *w = p->line.words;
	bool own = p->line.n > OPERATOR && !is_any(w[OPERATOR].text);

	if (str_eq(w[KIND].text, S("token"))) {
		*ret = own ? REACH_TIER_OPERATOR_TOKEN : REACH_TIER_ANYBODY;
	} else if (str_eq(w[KIND].text, S("phrase"))) {
		*ret = own ? REACH_TIER_OPERATOR : REACH_TIER_ANYBODY;
	} else if (str_eq(w[KIND].text, S("status"))) {
		*ret = own ? REACH_TIER_OPERATOR : REACH_TIER_STATUS;
	} else if (str_eq(w[KIND].text, S("code"))) {
		*ret = own ? REACH_TIER_OPERATOR : REACH_TIER_CODE;
	} else {
		return false;
	}
	return true;
}

static bool
is_taken(const struct reach_rules *rules, str id)
{
	for (size_t t = 0; t < REACH_TIER_COUNT; t++) {
		for (size_t i = 0; i < rules->tiers[t].n; i++) {
			if (str_eq(rules->tiers[t].v[i].id, id)) {
				return true;
			}
		}
	}
	return false;
}

static bool
read_fields(struct parser *p, struct reach_rule *r)
{
	const struct word *w = p->line.words;
	bool wordy = str_eq(w[KIND].text, S("token")) || str_eq(w[KIND].text, S("phrase"));

	if (p->line.n < PATTERN + 1 || p->line.n > HINT + 1) {
		return bad(p, 1, "a rule has 11 columns, and perhaps a hint");
	}
	if (!w[PATTERN].quoted || (p->line.n > HINT && !w[HINT].quoted)) {
		return bad(p, w[PATTERN].column, "pattern and hint stand in quotes");
	}
	if (w[ID].text.n > 64 || is_taken(p->rules, w[ID].text)) {
		return bad(p, w[ID].column, "the id is too long, or used before");
	}
	if (!is_any(w[VERIFIED].text) && !is_date(w[VERIFIED].text)) {
		return bad(p, w[VERIFIED].column, "a date is 2026-01-31, or -: unknown");
	}
	if (wordy == (w[PATTERN].text.n == 0)) {
		return bad(p, w[PATTERN].column, "tokens and phrases have a pattern, others none");
	}
	return read_phases(p, &w[PHASE], &r->phases) && read_code(p, &w[CODE], r) &&
	    read_status_field(p, &w[STATUS], &r->status) && read_meaning(p, r) &&
	    read_pattern(p, &w[PATTERN], r);
}

static bool
read_rule(struct parser *p, enum reach_tier tier)
{
	const struct word *w = p->line.words;
	struct reach_tier_rules *to = &p->rules->tiers[tier];
	struct reach_rule r = { 0 };

	if (!read_fields(p, &r)) {
		return false;
	}
	str hint = p->line.n > HINT ? w[HINT].text : S("");
	str operator= is_any(w[OPERATOR].text) ? S("") : w[OPERATOR].text;
	str verified = is_any(w[VERIFIED].text) ? S("") : w[VERIFIED].text;
	if (!keep(p, w[ID].text, &r.id) || !keep(p, operator, & r.operator) ||
	    !keep(p, hint, &r.remedy) || !keep(p, verified, &r.verified) ||
	    !keep(p, w[SOURCE].text, &r.source)) {
		return bad(p, 1, "out of memory");
	}
	to->v[to->n++] = r;
	return true;
}

static bool
read_operator(struct parser *p)
{
	const struct word *w = p->line.words;
	str name;

	if (p->line.n < 3) {
		return bad(p, 1, "an operator has a name and at least one suffix");
	}
	if (!keep(p, w[1].text, &name)) {
		return bad(p, 1, "out of memory");
	}
	for (size_t i = 2; i < p->line.n; i++) {
		struct reach_suffix *s = &p->rules->suffixes[p->rules->suffixes_n];
		if (w[i].text.n < 3 || w[i].text.p[0] != '.') {
			return bad(p, w[i].column, "a suffix begins with a dot");
		}
		if (p->rules->suffixes_n == REACH_OPERATORS_MAX) {
			return bad(p, w[i].column, "too many suffixes");
		}
		if (!keep(p, str_from_off(w[i].text, 1), &s->suffix)) {
			return bad(p, 1, "out of memory");
		}
		s->operator= name;
		p->rules->suffixes_n++;
	}
	return true;
}

static bool
read_word_row(struct parser *p, str *list, struct reach_words *words)
{
	char storage[REACH_PATTERN_MAX];
	struct buf folded;

	if (p->line.n != 2 || !p->line.words[1].quoted || p->line.words[1].text.n == 0) {
		return bad(p, 1, "words in quotes are missing");
	}
	buf_init_fixed(&folded, storage, sizeof storage);
	reach_fold(&folded, p->line.words[1].text);
	if (buf_err(&folded) != ERR_OK || !keep(p, buf_view(&folded), &list[words->n])) {
		return bad(p, p->line.words[1].column, "the words are too long");
	}
	words->n++;
	return true;
}

static void
read_row(struct parser *p)
{
	str kind = p->line.words[0].text;
	enum reach_tier tier;

	if (tier_of(p, &tier)) {
		(void)read_rule(p, tier);
	} else if (str_eq(kind, S("operator"))) {
		(void)read_operator(p);
	} else if (str_eq(kind, S("verb"))) {
		(void)read_word_row(p, p->verbs, &p->rules->verbs);
	} else if (str_eq(kind, S("veto"))) {
		(void)read_word_row(p, p->vetoes, &p->rules->vetoes);
	} else {
		(void)bad(p, p->line.words[0].column,
		    "a row begins with operator, token, phrase, "
		    "status, code, verb or veto");
	}
}

/* ---- the file -------------------------------------------------------------------------------- */

/* Arrays as long as the file has lines, at most the limit. */
static enum err
make_room(struct parser *p, size_t lines)
{
	struct reach_rules *r = ARENA_NEW(p->a, struct reach_rules);
	size_t n = MIN(lines, (size_t)REACH_RULES_MAX);

	if (r == NULL) {
		return ERR_BUDGET;
	}
	for (size_t t = 0; t < REACH_TIER_COUNT; t++) {
		r->tiers[t].v = arena_array(p->a, n, sizeof(struct reach_rule));
		if (r->tiers[t].v == NULL) {
			return ERR_BUDGET;
		}
	}
	r->suffixes = arena_array(p->a, REACH_OPERATORS_MAX, sizeof(struct reach_suffix));
	p->verbs = arena_array(p->a, n, sizeof(str));
	p->vetoes = arena_array(p->a, n, sizeof(str));
	if (r->suffixes == NULL || p->verbs == NULL || p->vetoes == NULL) {
		return ERR_BUDGET;
	}
	r->verbs.v = p->verbs;
	r->vetoes.v = p->vetoes;
	p->rules = r;
	return ERR_OK;
}

/* Lines that are neither empty nor a comment. */
static size_t
count_rows(str text)
{
	str line;
	size_t n = 0;

	while (text.n > 0 && str_next(&text, '\n', &line)) {
		line = str_trim(line);
		n += line.n > 0 && line.p[0] != '#';
	}
	return n + 1;
}

enum err
reach_rules_parse(str text, struct arena *a, reach_complain *complain, void *ctx,
    struct reach_rules **ret)
{
	struct parser p = { .a = a, .complain = complain, .ctx = ctx };
	str line;
	size_t rows = 0;

	if (text.n > REACH_RULES_FILE_MAX) {
		return ERR_TOOBIG;
	}
	TRY(make_room(&p, count_rows(text)));
	while (text.n > 0 && str_next(&text, '\n', &line)) {
		p.number++;
		if (!split(&p, line) || p.line.n == 0) {
			continue;
		}
		if (++rows > REACH_RULES_MAX) {
			(void)bad(&p, 1, "too many rows; the rest is left out");
			break;
		}
		read_row(&p);
	}
	*ret = p.rules;
	return ERR_OK;
}
