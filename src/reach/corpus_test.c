/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Replies that others have collected (ZoneMTA's bounces.txt, KumoMTA's bounces.toml and iana.toml)
 * must be classified by more than their bare code, 95 of 100 at least. Prints how many came to each
 * class and by which rule. The collections are not part of this tree; without them it says so.
 *
 *	reach_corpus_test FOLDER [-v]
 */
#include "base/buf.h"
#include "base/mem.h"
#include "base/test.h"
#include "reach/classify.h"
#include "sys/file.h"

enum { FILE_OCTETS = 1 << 20, SAMPLE_OCTETS = 2000, HITS_MAX = 2000 };

static str folder;
static bool verbose;

struct count {
	struct reach_rules *rules;
	unsigned samples, known;
	unsigned by_class[REACH_CLASS_COUNT];
	struct {
		str rule;
		unsigned n;
	} hits[HITS_MAX];
	size_t hits_n;
};

static void
hit(struct count *c, str rule)
{
	for (size_t i = 0; i < c->hits_n; i++) {
		if (str_eq(c->hits[i].rule, rule)) {
			c->hits[i].n++;
			return;
		}
	}
	if (c->hits_n < HITS_MAX) {
		c->hits[c->hits_n].rule = rule;
		c->hits[c->hits_n++].n = 1;
	}
}

/* A bare code, with or without an enhanced one, is no reply. */
static bool
has_words(str sample)
{
	for (size_t i = 0; i < sample.n; i++) {
		if (ascii_is_alpha(sample.p[i])) {
			return true;
		}
	}
	return false;
}

static void
classify(struct count *c, str sample)
{
	struct reach_seen seen = { .phase = REACH_PHASE_RCPT, .reply = sample };
	struct reach_found found;
	uint32_t code = 0;

	if (!str_u32(str_sub(sample, 0, 3), &code) || code < 400 || code > 599 ||
	    !has_words(sample)) {
		return;
	}
	seen.code = code;
	reach_classify(c->rules, &seen, &found);
	c->samples++;
	c->known += found.evidence != REACH_BY_CODE;
	c->by_class[found.class]++;
	hit(c, found.rule);
	if (verbose || found.evidence == REACH_BY_CODE) {
		printf("%-4.*s %-20.*s %.*s\n", STR_ARG(reach_class_row(found.class)->code),
		    STR_ARG(found.rule), STR_ARG(str_sub(sample, 0, 150)));
	}
}

/* ---- from a regular expression to a text it stands for -------------------------------------- */

/* Skip to the closing octet of a group or set; the index behind it. */
static size_t
behind(str re, size_t at, char close)
{
	while (at < re.n && re.p[at] != close) {
		at++;
	}
	return at + 1;
}

static size_t
escape(str re, size_t at, struct buf *out)
{
	char c = at + 1 < re.n ? re.p[at + 1] : ' ';

	if (c == 's') {
		buf_ch(out, ' ');
	} else if (c == 'd') {
		buf_ch(out, out->n == 0 ? '5' : '0');
	} else if (c != 'b') {
		buf_ch(out, c);
	}
	return at + 2;
}

/* One item of the expression; groups give their first alternative. */
static size_t
item(str re, size_t at, struct buf *out)
{
	char c = re.p[at];

	switch (c) {
	case '\\': return escape(re, at, out);
	case '^':
	case '$':
	case ')':
	case '?': return at + 1;
	case '(': /* a look-ahead stands for nothing */
		return at + 1 < re.n && re.p[at + 1] == '?' ? behind(re, at, ')') : at + 1;
	case '|': return behind(re, at, ')');
	case '{':
		for (unsigned i = at > 0 && re.p[at + 1] == '2' ? 1 : 0; i > 0; i--) {
			buf_ch(out, '0');
		}
		return behind(re, at, '}');
	case '[':
		if (str_starts(str_from_off(re, at + 1), S("\\d\\."))) {
			buf_cstr(out, "192.0.2.1");
		} else {
			buf_ch(out, at + 1 < re.n ? re.p[at + 1] : ' ');
		}
		return behind(re, at, ']');
	case '.':
		if (at + 1 < re.n && (re.p[at + 1] == '+' || re.p[at + 1] == '*')) {
			buf_cstr(out, " ");
			return at + 2;
		}
		buf_ch(out, '.');
		return at + 1;
	case '+':
	case '*': return at + 1;
	default: buf_ch(out, c); return at + 1;
	}
}

static void
classify_expression(struct count *c, str re)
{
	struct buf sample;

	buf_init(&sample, SAMPLE_OCTETS);
	for (size_t at = 0; at < re.n;) {
		at = item(re, at, &sample);
	}
	classify(c, buf_view(&sample));
	buf_done(&sample);
}

/* ---- the files ------------------------------------------------------------------------------- */

static bool
load(const char *name, struct buf *out)
{
	struct buf path;

	buf_init(&path, 4000);
	buf_str(&path, folder);
	buf_ch(&path, '/');
	buf_cstr(&path, name);
	enum err e = sys_file_load(SYS_CWD, buf_view(&path), out);
	buf_done(&path);
	return e == ERR_OK;
}

/* Comment lines that hold a reply, and rules before their action. */
static void
read_zone(struct count *c, str text)
{
	str line, re, rest;

	while (text.n > 0 && str_next(&text, '\n', &line)) {
		if (str_starts(line, S("#"))) {
			classify(c, str_trim(str_from_off(line, 1)));
		} else if (str_starts(line, S("^")) && str_cut(line, ',', &re, &rest)) {
			classify_expression(c, re);
		}
	}
}

/* "expression", with doubled backslashes. */
static void
read_kumo(struct count *c, str text)
{
	str line;

	while (text.n > 0 && str_next(&text, '\n', &line)) {
		char plain[SAMPLE_OCTETS];
		struct buf re;
		ptrdiff_t close = str_rchr(line, '"');

		line = str_trim(str_sub(line, 0, close > 0 ? (size_t)close : 0));
		if (!str_starts(line, S("\""))) {
			continue;
		}
		buf_init_fixed(&re, plain, sizeof plain);
		for (size_t i = 1; i < line.n; i++) {
			if (line.p[i] != '\\' || i + 1 == line.n || line.p[i + 1] != '\\') {
				buf_ch(&re, line.p[i]);
			}
		}
		classify_expression(c, buf_view(&re));
	}
}

static void
report(const struct count *c)
{
	printf("%u of %u replies known by more than their code\n", c->known, c->samples);
	for (size_t i = 0; i < REACH_CLASS_COUNT; i++) {
		if (c->by_class[i] > 0) {
			const struct reach_class_row *row = reach_class_row((enum reach_class)i);
			printf("%5u %-3.*s %.*s\n", c->by_class[i], STR_ARG(row->code),
			    STR_ARG(row->what));
		}
	}
	printf("rules hit: %zu of %zu\n", c->hits_n, reach_rules_count(c->rules));
	for (size_t i = 0; i < c->hits_n; i++) {
		printf("%5u %.*s\n", c->hits[i].n, STR_ARG(c->hits[i].rule));
	}
}

static void
knows_what_others_collected(void)
{
	struct arena *a = arena_new(NULL, "corpus", REACH_RULES_ARENA, 0);
	struct count *c = mem_zalloc(1, sizeof(*c));
	struct buf text;

	CHECK(a != NULL && c != NULL);
	CHECK_ERR(reach_rules_parse(reach_rules_builtin(), a, NULL, NULL, &c->rules), ERR_OK);
	buf_init(&text, FILE_OCTETS);
	if (!load("zone-mta/bounces.txt", &text)) {
		printf("skipped: no collections of replies in %.*s\n", STR_ARG(folder));
	} else {
		read_zone(c, buf_view(&text));
		buf_reset(&text);
		CHECK(load("kumomta/bounces.toml", &text));
		read_kumo(c, buf_view(&text));
		buf_reset(&text);
		CHECK(load("kumomta/iana.toml", &text));
		read_kumo(c, buf_view(&text));
		report(c);
		CHECK(c->samples > 300);
		CHECK(c->known * 100 >= c->samples * 95);
	}
	buf_done(&text);
	MEM_FREE(c);
	arena_free(&a);
}

int
main(int argc, char **argv)
{
	static test_fn *const tests[] = { knows_what_others_collected };

	folder = argc > 1 ? str_from(argv[1]) : S("../shared/suites/bounces");
	verbose = argc > 2;
	return test_run(tests, LEN(tests));
}
