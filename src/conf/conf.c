/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parser: lines into tokens, tokens into rows of the table, then defaults and the rules between
 * settings. It never stops at the first problem. Start reading at conf_parse.
 */
#include "conf/conf.h"
#include "conf/value_priv.h"

static const struct conf_row rows[] = {
#define SETTING(field, section, key, type, def, min, max, text) \
	{ section, key, #type, def, text, min, max, false },
#define AT_START(field, section, key, type, def, min, max, text) \
	{ section, key, #type, def, text, min, max, true },
#include "conf/settings.def"
#undef SETTING
};

static const struct {
	enum conf_type type;
	size_t offset;
} places[] = {
#define SETTING(field, section, key, type, def, min, max, text) \
	{ CONF_##type, offsetof(struct conf, field) },
#include "conf/settings.def"
#undef SETTING
};

struct parser {
	struct arena *a;
	conf_complain *complain;
	void *ctx;
	struct conf *conf;
	unsigned line, section_line;
	bool failed, nomem;
	str section;
	unsigned set_on[LEN(rows)]; /* line that set it, 0: not yet */
	str values[CONF_VALUES_MAX + 1];
	size_t values_n;
};

size_t
conf_rows(const struct conf_row **ret_rows)
{
	*ret_rows = rows;
	return LEN(rows);
}

static void complain(struct parser *p, str key, const char *fmt, ...) PRINTF(3, 4);

static void
complain(struct parser *p, str key, const char *fmt, ...)
{
	char text[1024];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	p->failed = true;
	p->complain(p->ctx, p->line, key, text);
}

/* One quoted or bare token at the front of *rest. False at the end of the line or after a
 * complaint. */
static bool
next_token(struct parser *p, str *rest, str *ret)
{
	while (rest->n > 0 && (rest->p[0] == ' ' || rest->p[0] == '\t')) {
		*rest = str_from_off(*rest, 1);
	}
	if (rest->n == 0 || rest->p[0] == '#') {
		return false;
	}
	if (rest->p[0] != '"') {
		size_t n = 0;
		while (n < rest->n && rest->p[n] != ' ' && rest->p[n] != '\t') {
			n++;
		}
		*ret = arena_dup(p->a, str_sub(*rest, 0, n));
		*rest = str_from_off(*rest, n);
		p->nomem |= ret->p == NULL;
		return true;
	}
	char *out = arena_alloc(p->a, rest->n + 1);
	size_t n = 0, i = 1;
	while (out != NULL && i < rest->n && rest->p[i] != '"') {
		i += rest->p[i] == '\\' && i + 1 < rest->n;
		out[n++] = rest->p[i++];
	}
	if (out == NULL || i >= rest->n) {
		p->nomem |= out == NULL;
		complain(p, STR_NONE,
		    "the quoted value is not closed: end it with \" on the same line");
		return false;
	}
	*rest = str_from_off(*rest, i + 1);
	*ret = (str){ out, n };
	return true;
}

static size_t
find_row(str section, str key)
{
	size_t i = 0;
	while (i < LEN(rows) &&
	    !(str_eq(str_from(rows[i].section), section) && str_eq(str_from(rows[i].key), key))) {
		i++;
	}
	return i;
}

static bool
is_section(str name)
{
	for (size_t i = 0; i < LEN(rows); i++) {
		if (rows[i].section[0] != '\0' && str_eq(str_from(rows[i].section), name)) {
			return true;
		}
	}
	return false;
}

static bool
is_list(enum conf_type t)
{
	return t == CONF_ADDRS || t == CONF_NETS || t == CONF_HOSTS || t == CONF_PATHS ||
	    t == CONF_SOCKETS || t == CONF_RULES;
}

static bool
is_number(enum conf_type t)
{
	return t == CONF_NUM || t == CONF_LIMIT || t == CONF_SIZE || t == CONF_TIME ||
	    t == CONF_POINTS;
}

static bool
list_eq(const struct conf_list *a, const struct conf_list *b)
{
	bool same = a->n == b->n;
	for (size_t i = 0; same && i < a->n; i++) {
		same = str_eq(a->v[i], b->v[i]);
	}
	return same;
}

static size_t
size_of(enum conf_type t)
{
	return t == CONF_BOOL ? sizeof(bool)
	    : is_number(t)    ? sizeof(uint64_t)
	    : is_list(t)      ? sizeof(struct conf_list)
			      : sizeof(str);
}

static bool
value_eq(enum conf_type t, const void *a, const void *b)
{
	if (is_list(t)) {
		return list_eq(a, b);
	}
	if (t == CONF_BOOL || is_number(t)) {
		return memcmp(a, b, size_of(t)) == 0;
	}
	return str_eq(*(const str *)a, *(const str *)b);
}

void
conf_keep(const struct conf *old, struct conf *now,
    void (*tell)(void *ctx, const struct conf_row *row), void *ctx)
{
	for (size_t i = 0; i < LEN(rows); i++) {
		enum conf_type t = places[i].type;
		const void *from = (const char *)old + places[i].offset;
		void *to = (char *)now + places[i].offset;
		if (rows[i].at_start && !value_eq(t, from, to)) {
			memcpy(to, from, size_of(t));
			tell(ctx, &rows[i]);
		}
	}
}

/* A number as the operator would write it, for messages. */
static const char *
show(enum conf_type t, uint64_t v, char room[32])
{
	static const struct {
		uint64_t factor;
		const char *unit;
	} times[] = { { 86400000, "d" }, { 3600000, "h" }, { 60000, "m" }, { 1000, "s" },
		{ 1, "ms" } },
	  sizes[] = { { 1ULL << 40, "T" }, { 1 << 30, "G" }, { 1 << 20, "M" }, { 1024, "K" },
		  { 1, "" } };
	for (size_t i = 0; i < LEN(times) && t != CONF_NUM && t != CONF_LIMIT; i++) {
		uint64_t factor = t == CONF_TIME ? times[i].factor : sizes[i].factor;
		if (v != 0 && v % factor == 0) {
			snprintf(room, 32, "%llu%s", (unsigned long long)(v / factor),
			    t == CONF_TIME ? times[i].unit : sizes[i].unit);
			return room;
		}
	}
	snprintf(room, 32, "%llu", (unsigned long long)v);
	return room;
}

/* Points as one writes them; all others as show does. */
static const char *
show_bound(enum conf_type t, uint64_t v, char room[32])
{
	if (t != CONF_POINTS) {
		return show(t, v, room);
	}
	snprintf(room, 32, "%llu.%03u", (unsigned long long)(v / 1000), (unsigned)(v % 1000));
	return room;
}

static void
store_number(struct parser *p, size_t i, str v)
{
	char lo[32], hi[32];
	uint64_t n = 0;
	enum conf_type t = places[i].type;
	bool none = t == CONF_LIMIT && str_eq(v, S("0"));
	if (!none && (!conf_value_number(t, v, &n) || n < rows[i].min || n > rows[i].max)) {
		complain(p, str_from(rows[i].key), "'%.*s' is not allowed: give %s from %s to %s",
		    STR_ARG(v),
		    t == CONF_TIME        ? "a time with unit (ms s m h d)"
			: t == CONF_SIZE  ? "a size (K M G T)"
			: t == CONF_LIMIT ? "0 for none, or a number"
					  : "a number",
		    show_bound(t, rows[i].min, lo), show_bound(t, rows[i].max, hi));
		return;
	}
	memcpy((char *)p->conf + places[i].offset, &n, sizeof n);
}

static bool
one_of(str words, str v)
{
	str word;
	while (str_next(&words, '|', &word)) {
		if (str_eq(word, v)) {
			return true;
		}
	}
	return false;
}

static void
store_text(struct parser *p, size_t i, str v)
{
	const char *why = "";
	char *at = (char *)p->conf + places[i].offset;
	if (!conf_value_fits(places[i].type, v, &why)) {
		complain(p, str_from(rows[i].key), "'%.*s' is not allowed: give %s", STR_ARG(v),
		    why);
	} else if (places[i].type == CONF_WORD && !one_of(str_from(rows[i].def), v)) {
		complain(p, str_from(rows[i].key), "'%.*s' is not allowed: give one of %s",
		    STR_ARG(v), rows[i].def);
	} else if (places[i].type == CONF_STR && (v.n < rows[i].min || v.n > rows[i].max)) {
		complain(p, str_from(rows[i].key), "must have %llu to %llu octets",
		    (unsigned long long)rows[i].min, (unsigned long long)rows[i].max);
	} else if (places[i].type == CONF_BOOL) {
		*(bool *)at = str_eq(v, S("yes"));
	} else {
		memcpy(at, &v, sizeof v);
	}
}

static void
store_list(struct parser *p, size_t i)
{
	const char *why = "";
	if (p->values_n < rows[i].min || p->values_n > rows[i].max) {
		complain(p, str_from(rows[i].key), "has %zu values: give %llu to %llu", p->values_n,
		    (unsigned long long)rows[i].min, (unsigned long long)rows[i].max);
		return;
	}
	for (size_t k = 0; k < p->values_n; k++) {
		if (!conf_value_fits(places[i].type, p->values[k], &why)) {
			complain(p, str_from(rows[i].key), "'%.*s' is not allowed: give %s",
			    STR_ARG(p->values[k]), why);
		}
	}
	str *copy = arena_array(p->a, p->values_n, sizeof *copy);
	if (copy == NULL) {
		p->nomem = true;
		return;
	}
	memcpy(copy, p->values, p->values_n * sizeof *copy);
	struct conf_list list = { copy, p->values_n };
	memcpy((char *)p->conf + places[i].offset, &list, sizeof list);
}

static void
store(struct parser *p, size_t i)
{
	if (is_list(places[i].type)) {
		store_list(p, i);
	} else if (p->values_n != 1) {
		complain(p, str_from(rows[i].key),
		    "takes one value, not %zu (quote a value with spaces)", p->values_n);
	} else if (is_number(places[i].type)) {
		store_number(p, i, p->values[0]);
	} else {
		store_text(p, i, p->values[0]);
	}
}

static void
take_setting(struct parser *p, str key)
{
	size_t i = find_row(p->section, key);
	if (i == LEN(rows)) {
		bool outside = p->section.n != 0 && find_row(STR_NONE, key) != LEN(rows);
		complain(p, key,
		    outside ? "belongs outside of section '%.*s'"
			: p->section.n != 0
			? "is not a setting of section '%.*s' (see postern check-config --list)"
			: "is not a setting%.*s (see postern check-config --list)",
		    STR_ARG(p->section));
		return;
	}
	if (p->set_on[i] != 0) {
		complain(p, key, "was set on line %u already: keep one of them", p->set_on[i]);
		return;
	}
	p->set_on[i] = p->line;
	store(p, i);
}

static void
take_section(struct parser *p, str name)
{
	if (p->section.n != 0) {
		complain(p, name,
		    "a section cannot be inside section '%.*s' (line %u): close that with }",
		    STR_ARG(p->section), p->section_line);
		return;
	}
	if (!is_section(name)) {
		complain(p, name, "is not a section (see postern check-config --list)");
	}
	p->section = name;
	p->section_line = p->line;
}

static void
take_close(struct parser *p)
{
	if (p->section.n == 0) {
		complain(p, S("}"), "closes nothing: remove it, or add the section's opening line");
	}
	p->section = STR_NONE;
}

static void
take_line(struct parser *p, str line)
{
	str rest = line, first;
	if (!next_token(p, &rest, &first)) {
		return;
	}
	p->values_n = 0;
	while (p->values_n <= CONF_VALUES_MAX && next_token(p, &rest, &p->values[p->values_n])) {
		p->values_n++;
	}
	if (p->values_n > CONF_VALUES_MAX) {
		complain(p, first, "has more than %d values", CONF_VALUES_MAX);
	} else if (str_eq(first, S("}")) && p->values_n == 0) {
		take_close(p);
	} else if (p->values_n == 1 && str_eq(p->values[0], S("{"))) {
		take_section(p, first);
	} else {
		take_setting(p, first);
	}
}

/* Split a default the way a line is split, so that defaults obey the same rules as the file. */
static void
take_default(struct parser *p, size_t i)
{
	str rest = str_from(rows[i].def), word;
	p->values_n = 0;
	if (places[i].type == CONF_WORD) {
		str_cut(rest, '|', &p->values[0], &word);
		p->values_n = 1;
	} else if (!is_list(places[i].type)) {
		p->values[p->values_n++] = rest;
	} else {
		while (next_token(p, &rest, &p->values[p->values_n])) {
			p->values_n++;
		}
	}
	store(p, i);
}

static void
take_defaults(struct parser *p)
{
	p->line = 0;
	for (size_t i = 0; i < LEN(rows); i++) {
		if (p->set_on[i] != 0) {
			continue;
		}
		if (strcmp(rows[i].def, "-") == 0) {
			complain(p, str_from(rows[i].key), "is missing: %s", rows[i].text);
		} else {
			take_default(p, i);
		}
	}
}

static unsigned
line_of(const struct parser *p, const char *section, const char *key)
{
	return p->set_on[find_row(str_from(section), str_from(key))];
}

static void
check_together(struct parser *p)
{
	const struct conf *c = p->conf;
	if (c->tls_certificate.n != c->tls_key.n) {
		p->line = line_of(p, "tls",
		    c->tls_key.n > c->tls_certificate.n ? "key" : "certificate");
		complain(p, S("key"),
		    "there are %zu certificates and %zu keys: give a key for each, in order",
		    c->tls_certificate.n, c->tls_key.n);
	}
	if (c->auth_ban_max < c->auth_ban_time) {
		p->line = line_of(p, "auth", "ban-max");
		complain(p, S("ban-max"), "is shorter than ban-time: make it at least as long");
	}
	if (c->dkim_keep <= c->queue_expiry) {
		p->line = line_of(p, "dkim", "keep-published");
		complain(p, S("keep-published"),
		    "is not longer than queue expiry: a letter's key must outlast the letter");
	}
	if (!str_eq(c->log, S("stderr")) && (c->log.n == 0 || c->log.p[0] != '/')) {
		p->line = line_of(p, "", "log");
		complain(p, S("log"), "must be stderr or an absolute path");
	}
}

static void
take_text(struct parser *p, str text)
{
	str line;
	while (text.n > 0 && str_next(&text, '\n', &line)) {
		p->line++;
		if (line.n > CONF_LINE_MAX) {
			complain(p, STR_NONE, "the line is longer than %d octets", CONF_LINE_MAX);
			continue;
		}
		take_line(p,
		    line.n > 0 && line.p[line.n - 1] == '\r' ? str_sub(line, 0, line.n - 1) : line);
	}
	if (p->section.n != 0) {
		p->line = p->section_line;
		complain(p, p->section, "the section is never closed: add a line with }");
	}
}

enum err
conf_parse(str text, struct arena *a, conf_complain *complain_fn, void *ctx, struct conf *ret)
{
	struct parser *p = ARENA_NEW(a, struct parser);
	struct conf *c = ARENA_NEW(a, struct conf);
	if (p == NULL || c == NULL) {
		return ERR_BUDGET;
	}
	*p = (struct parser){ .a = a, .complain = complain_fn, .ctx = ctx, .conf = c };
	if (text.n > CONF_FILE_MAX) {
		complain(p, STR_NONE, "the file is larger than %d octets", CONF_FILE_MAX);
		return ERR_CONFIG;
	}
	take_text(p, text);
	take_defaults(p);
	if (!p->failed) {
		check_together(p);
	}
	if (p->nomem) {
		return ERR_BUDGET;
	}
	if (p->failed) {
		return ERR_CONFIG;
	}
	*ret = *c;
	return ERR_OK;
}

static void
put_quoted(struct buf *out, str v)
{
	buf_cstr(out, " \"");
	for (size_t i = 0; i < v.n; i++) {
		if (v.p[i] == '"' || v.p[i] == '\\') {
			buf_ch(out, '\\');
		}
		buf_ch(out, v.p[i]);
	}
	buf_ch(out, '"');
}

static void
put_value(struct buf *out, size_t i, const void *at)
{
	const struct conf_list *list = at;
	uint64_t n;
	switch (places[i].type) {
	case CONF_NUM:
	case CONF_LIMIT:
	case CONF_SIZE:
	case CONF_TIME:
		memcpy(&n, at, sizeof n);
		buf_printf(out, " %llu%s", (unsigned long long)n,
		    places[i].type == CONF_TIME ? "ms" : "");
		return;
	case CONF_POINTS:
		memcpy(&n, at, sizeof n);
		buf_printf(out, " %llu.%03u", (unsigned long long)(n / 1000), (unsigned)(n % 1000));
		return;
	case CONF_BOOL: buf_cstr(out, *(const bool *)at ? " yes" : " no"); return;
	case CONF_ADDRS:
	case CONF_NETS:
	case CONF_HOSTS:
	case CONF_PATHS:
	case CONF_SOCKETS:
	case CONF_RULES:
		for (size_t k = 0; k < list->n; k++) {
			put_quoted(out, list->v[k]);
		}
		return;
	default: put_quoted(out, *(const str *)at);
	}
}

void
conf_encode(const struct conf *c, struct buf *out)
{
	const char *section = "";
	for (size_t i = 0; i < LEN(rows); i++) {
		if (strcmp(section, rows[i].section) != 0) {
			buf_printf(out, "%s%s {\n", section[0] == '\0' ? "" : "}\n",
			    rows[i].section);
			section = rows[i].section;
		}
		buf_cstr(out, rows[i].key);
		put_value(out, i, (const char *)c + places[i].offset);
		buf_ch(out, '\n');
	}
	buf_cstr(out, section[0] == '\0' ? "" : "}\n");
}

static void
ignore_complaint(void *ctx, unsigned line, str key, const char *what)
{
}

enum err
conf_decode(str text, struct arena *a, struct conf *ret)
{
	return conf_parse(text, a, ignore_complaint, NULL, ret);
}
