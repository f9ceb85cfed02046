/* SPDX-License-Identifier: Apache-2.0 */
/*
 * src/filter on the command line of test/filter/run: letters from a file, then orders on stdin, a
 * line each: "new shared|own", "learn N junk|good", "judge N", "size". Features are taken once, on
 * loading; "time" tells what that cost. Judging prints score, words and rules in thousandths.
 */
#include <inttypes.h>
#include <time.h>

#include "base/mem.h"
#include "filter/filter.h"
#include "filter/model.h"

enum { LETTERS_MAX = 20000, LETTER_MAX = 64 << 20, LINE_MAX_OCTETS = 200, ARENA = 256 << 20 };

struct letter {
	str features;
	int64_t rules;
	str why;
};

struct study {
	struct letter letters[LETTERS_MAX];
	size_t n;
	struct arena *kept;
	struct filter_model *model;
	double look_us, octets;
};

static const uint8_t key[FILTER_MODEL_KEY] = "for the test 16";

static double
cpu_us(void)
{
	struct timespec t;
	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static bool
look(struct study *s, str octets)
{
	struct arena *a = arena_new(NULL, "letter", ARENA, 0);
	struct letter *l = &s->letters[s->n++];
	struct filter_part parts[FILTER_HITS_MAX];
	struct mail_mime mime;
	struct filter_seen seen;
	struct buf why;
	double begun = cpu_us();
	bool ok = a != NULL && mail_mime_parse(octets, a, &mime) == ERR_OK &&
	    filter_features(&mime, S("mx.filter.test"), 0, a, &seen) == ERR_OK;
	s->look_us += cpu_us() - begun;
	s->octets += (double)octets.n;
	if (ok) {
		for (uint32_t i = 0; i < seen.hits_n; i++) {
			parts[i] = filter_rule_part((enum filter_rule)seen.hits[i], STR_NONE);
		}
		buf_init(&why, 10000);
		l->rules = filter_total(parts, seen.hits_n, &why);
		l->why = arena_dup(s->kept, buf_view(&why));
		l->features = arena_dup(s->kept, seen.octets);
		buf_done(&why);
	}
	arena_free(&a);
	return ok && l->features.p != NULL;
}

/* u32 length, octets; again and again. */
static bool
load(struct study *s, const char *path)
{
	FILE *f = fopen(path, "rb");
	char *room = mem_zalloc(1, LETTER_MAX);
	uint8_t head[4];
	bool ok = f != NULL && room != NULL;
	while (ok && fread(head, 1, 4, f) == 4) {
		size_t n = head[0] | (size_t)head[1] << 8 | (size_t)head[2] << 16 |
		    (size_t)head[3] << 24;
		ok = s->n < LETTERS_MAX && n <= LETTER_MAX && fread(room, 1, n, f) == n &&
		    look(s, str_make(room, n));
	}
	mem_drop(room);
	if (f != NULL) {
		(void)fclose(f);
	}
	return ok;
}

static void
judge(const struct study *s, const struct letter *l)
{
	struct filter_part parts[2] = {
		{ .kind = FILTER_RULE, .word = S("rules"), .points = l->rules },
		{ .kind = FILTER_WORDS_SHARED, .word = S("words") },
	};
	if (s->model != NULL) {
		parts[1].points = filter_model_words(s->model, l->features);
		parts[1].learned = filter_model_learned(s->model);
	}
	printf("%" PRId64 " %" PRId64 " %" PRId64 " %.*s\n", filter_total(parts, 2, NULL),
	    parts[1].points, l->rules, STR_ARG(l->why));
}

static bool
renew(struct study *s, str kind)
{
	filter_model_free(&s->model);
	enum filter_model_kind k = str_eq(kind, S("own")) ? FILTER_MODEL_OWN : FILTER_MODEL_SHARED;
	return filter_model_new(k, key, &s->model) == ERR_OK;
}

static void
tell_size(const struct study *s)
{
	struct buf b;
	buf_init(&b, FILTER_MODEL_BLOB_MAX);
	if (s->model != NULL) {
		filter_model_put(s->model, &b);
	}
	printf("%zu\n", b.n);
	buf_done(&b);
}

static bool
obey(struct study *s, str line)
{
	str order, rest, number, what;
	uint32_t n = 0;
	(void)str_cut(line, ' ', &order, &rest);
	(void)str_cut(rest, ' ', &number, &what);
	bool known = str_u32(number, &n) && n < s->n;
	if (str_eq(order, S("new"))) {
		return renew(s, rest);
	}
	if (str_eq(order, S("size"))) {
		tell_size(s);
		return true;
	}
	if (str_eq(order, S("time"))) {
		printf("%.1f %.1f\n", s->look_us / (double)MAX(s->n, (size_t)1),
		    s->look_us / MAX(s->octets / 4096, 1.0));
		return true;
	}
	if (str_eq(order, S("judge")) && known) {
		judge(s, &s->letters[n]);
		return true;
	}
	return str_eq(order, S("learn")) && known && s->model != NULL &&
	    filter_model_learn(s->model, s->letters[n].features, str_eq(what, S("junk")), false) ==
	    ERR_OK;
}

int
main(int argc, char **argv)
{
	static struct study s;
	char line[LINE_MAX_OCTETS];
	s.kept = arena_new(NULL, "kept", (size_t)ARENA * 2, 0);
	if (argc != 2 || s.kept == NULL || !load(&s, argv[1])) {
		return 2;
	}
	while (fgets(line, sizeof(line), stdin) != NULL) {
		if (!obey(&s, str_trim(str_from(line)))) {
			return 3;
		}
	}
	filter_model_free(&s.model);
	arena_free(&s.kept);
	return 0;
}
