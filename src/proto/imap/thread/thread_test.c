/* SPDX-License-Identifier: Apache-2.0 */
/*
 * THREAD: each step of RFC 5256's REFERENCES alone, ORDEREDSUBJECT, writing; long chains and broad
 * trees; random references, where every message must come out once.
 */
#include "proto/imap/thread/thread.h"

#include "base/test.h"
#include "proto/imap/limits.h"

enum { MANY = 20000 };

static const uint8_t key[16] = { 1, 2, 3 };

/*
 * A case: messages as "date id ref,ref subject" with ";" between; "-" is nothing, a "+" before the
 * subject a reply. Numbers count from 1.
 */
static const struct {
	const char *name;
	enum imap_thread_by by;
	const char *in, *want;
} cases[] = {
	{ "nothing", IMAP_THREAD_REFERENCES, "", "" },
	{ "alone", IMAP_THREAD_REFERENCES, "1 a - S", "(1)" },
	{ "an answer", IMAP_THREAD_REFERENCES, "1 a - S;2 b a +S", "(1 2)" },
	{ "answers of an answer", IMAP_THREAD_REFERENCES, "1 a - S;2 b a +S;3 c a,b +S",
	    "(1 2 3)" },
	{ "two answers", IMAP_THREAD_REFERENCES, "1 a - S;2 b a +S;3 c a +S", "(1 (2)(3))" },
	{ "siblings by date", IMAP_THREAD_REFERENCES, "1 a - S;3 b a +S;2 c a +S", "(1 (3)(2))" },
	{ "same date: mailbox order", IMAP_THREAD_REFERENCES, "1 a - S;2 b a +S;2 c a +S",
	    "(1 (2)(3))" },
	{ "the answer came first", IMAP_THREAD_REFERENCES, "2 b a +S;1 a - S", "(2 1)" },
	{ "the example's shape", IMAP_THREAD_REFERENCES,
	    "1 2 - A;2 3 - B;3 6 3 +B;4 4 3,6 +B;5 23 3,6,4 +B;6 44 3,6 +B;7 7 44 +B;8 96 7 +B",
	    "(1)(2 3 (4 5)(6 7 8))" },
	{ "a parent that is not here, two children", IMAP_THREAD_REFERENCES, "1 a x A;2 b x B",
	    "((1)(2))" },
	{ "a parent that is not here, one child", IMAP_THREAD_REFERENCES, "1 a x A;2 b a A",
	    "(1 2)" },
	{ "dummies in between go", IMAP_THREAD_REFERENCES, "1 a - A;2 b a,x,y A", "(1 2)" },
	{ "dummies above go", IMAP_THREAD_REFERENCES, "1 a w,x,y A;2 b w,x,y B", "((1)(2))" },
	{ "a dummy below another", IMAP_THREAD_REFERENCES, "1 a w,x A;2 b w B;3 c w,x C",
	    "((1)(2)(3))" },
	{ "dummies' tops by their first child", IMAP_THREAD_REFERENCES,
	    "5 a x A;3 b - B;2 c x C;9 d - D", "((3)(1))(2)(4)" },
	{ "duplicate ids", IMAP_THREAD_REFERENCES, "1 a - A;2 a - B;3 b a C", "(1 3)(2)" },
	{ "no ids", IMAP_THREAD_REFERENCES, "1 - - A;2 - - B", "(1)(2)" },
	{ "refers to itself", IMAP_THREAD_REFERENCES, "1 a a A", "(1)" },
	{ "refers to each other", IMAP_THREAD_REFERENCES, "1 a b A;2 b a B", "(2 1)" },
	{ "a loop of three", IMAP_THREAD_REFERENCES, "1 a c A;2 b a B;3 c b C", "(3 1 2)" },
	{ "a loop in one list", IMAP_THREAD_REFERENCES, "1 a x,y,x,y A;2 b y B", "((1)(2))" },
	{ "1A does not change a link", IMAP_THREAD_REFERENCES, "1 a - A;2 b a B;3 c - C;4 d c,b D",
	    "(1 2 4)(3)" },
	{ "1B replaces a link", IMAP_THREAD_REFERENCES, "1 a - A;2 x a,c X;3 c - C", "(1)(3 2)" },
	{ "1B replaces a link by a better one", IMAP_THREAD_REFERENCES,
	    "1 a - A;2 b - B;3 x a,c X;4 c b C", "(1)(2 4 3)" },
	{ "same subjects: a dummy", IMAP_THREAD_REFERENCES, "1 a - S;2 b - S", "((1)(2))" },
	{ "same subjects, the second a reply", IMAP_THREAD_REFERENCES, "1 a - S;2 b - +S",
	    "(1 2)" },
	{ "same subjects, the first a reply", IMAP_THREAD_REFERENCES, "1 a - +S;2 b - S", "(2 1)" },
	{ "same subjects, both replies", IMAP_THREAD_REFERENCES, "1 a - +S;2 b - +S", "((1)(2))" },
	{ "three of one subject", IMAP_THREAD_REFERENCES, "1 a - S;2 b - S;3 c - S",
	    "((1)(2)(3))" },
	{ "two and a reply", IMAP_THREAD_REFERENCES, "1 a - S;2 b - S;3 c - +S", "((1)(2)(3))" },
	{ "a reply before two", IMAP_THREAD_REFERENCES, "1 a - +S;2 b - S;3 c - S", "((2 1)(3))" },
	{ "subject of a dummy and a message", IMAP_THREAD_REFERENCES, "1 a x S;2 b x T;3 c - S",
	    "((1)(2)(3))" },
	{ "two dummies of one subject", IMAP_THREAD_REFERENCES, "1 a x S;2 b x T;3 c y S;4 d y U",
	    "((1)(2)(3)(4))" },
	{ "empty subjects are not gathered", IMAP_THREAD_REFERENCES, "1 a - -;2 b - -", "(1)(2)" },
	{ "an answer's subject does not count", IMAP_THREAD_REFERENCES, "1 a - S;2 b a T;3 c - T",
	    "(1 2)(3)" },
	{ "subjects: one message each", IMAP_THREAD_ORDEREDSUBJECT, "1 a - A;2 b - B", "(1)(2)" },
	{ "subjects: children by date", IMAP_THREAD_ORDEREDSUBJECT,
	    "3 a - S;1 b - S;2 c - S;4 d - T", "(2 (3)(1))(4)" },
	{ "subjects: two", IMAP_THREAD_ORDEREDSUBJECT, "1 a - S;2 b - T;3 c - S", "(1 3)(2)" },
	{ "subjects: threads by their first date", IMAP_THREAD_ORDEREDSUBJECT,
	    "5 a - A;1 b - B;2 c - A;3 d - C", "(2)(3 1)(4)" },
	{ "subjects: references do not count", IMAP_THREAD_ORDEREDSUBJECT, "1 a - A;2 b a B",
	    "(1)(2)" },
	{ "subjects: the empty one is one", IMAP_THREAD_ORDEREDSUBJECT, "1 a - -;2 b - -",
	    "(1 2)" },
};

static str
word(str *line)
{
	str w = STR_NONE;
	(void)str_next(line, ' ', &w);
	return str_eq(w, S("-")) ? STR_NONE : w;
}

static size_t
read_case(str in, struct imap_thread_message *m, str (*refs)[8])
{
	size_t n = 0;
	str line;
	while (in.n > 0 && str_next(&in, ';', &line)) {
		uint64_t date = 0;
		CHECK(str_u64(word(&line), &date));
		m[n] = (struct imap_thread_message){ .number = (uint32_t)n + 1,
			.sent_s = (int64_t)date,
			.id = word(&line),
			.refs = refs[n] };
		str list = word(&line), one;
		while (list.n > 0 && str_next(&list, ',', &one)) {
			refs[n][m[n].refs_n++] = one;
		}
		m[n].subject = word(&line);
		m[n].reply = str_starts(m[n].subject, S("+"));
		m[n].subject = str_from_off(m[n].subject, m[n].reply);
		n++;
	}
	return n;
}

static void
put_all(struct buf *out, const struct imap_thread_tree *t)
{
	for (uint32_t at = t->nodes[0].child; at != 0; at = t->nodes[at].next) {
		imap_thread_put(out, t, at);
	}
}

static void
follows_the_steps(void)
{
	for (size_t i = 0; i < LEN(cases); i++) {
		struct arena *a = arena_new(NULL, "thread", 1 << 20, 0);
		struct imap_thread_message m[16] = { 0 };
		str refs[16][8];
		struct imap_thread_tree t;
		struct buf out;
		test_case = cases[i].name;
		buf_init(&out, 4096);
		size_t n = read_case(str_from(cases[i].in), m, refs);
		if (CHECK_ERR(imap_thread_build(&(struct imap_thread_input){ cases[i].by, m, n,
						    key },
				  &t, a),
			ERR_OK)) {
			put_all(&out, &t);
			CHECK_STR(buf_view(&out), str_from(cases[i].want));
		}
		buf_done(&out);
		arena_free(&a);
	}
	test_case = NULL;
}

/* Numbers in the text, each of 1 to n once; brackets closed. */
static void
is_complete(str text, size_t n)
{
	static uint8_t seen[MANY + 1];
	memset(seen, 0, sizeof seen);
	size_t depth = 0, found = 0;
	for (size_t i = 0; i < text.n; i++) {
		uint32_t v = 0;
		depth += text.p[i] == '(';
		depth -= text.p[i] == ')';
		while (i < text.n && ascii_is_digit(text.p[i])) {
			v = v * 10 + (uint32_t)(text.p[i++] - '0');
			if (i == text.n || !ascii_is_digit(text.p[i])) {
				found += v <= n && seen[v]++ == 0;
				i--;
				break;
			}
		}
	}
	CHECK_U64(depth, 0);
	CHECK_U64(found, n);
}

static void
tangled(void)
{
	static struct imap_thread_message m[300];
	static str refs[300][8];
	static char ids[40][4];
	uint32_t seed = 3;
	for (int i = 0; i < 40; i++) {
		snprintf(ids[i], sizeof ids[i], "%d", i);
	}
	for (int round = 0; round < 300; round++) {
		size_t n = (size_t)round;
		for (size_t i = 0; i < n; i++) {
			m[i] = (struct imap_thread_message){ .number = (uint32_t)i + 1,
				.refs = refs[i] };
			seed = seed * 1664525u + 1013904223u;
			m[i].id = seed >> 30 == 0 ? STR_NONE : str_from(ids[(seed >> 8) % 40]);
			m[i].sent_s = (int64_t)(seed >> 16) % 10;
			m[i].reply = (seed >> 5 & 1) != 0;
			m[i].subject = str_sub(S("ABC"), (seed >> 7) % 4, 1);
			for (size_t k = seed >> 29; k > 0; k--) {
				seed = seed * 1664525u + 1013904223u;
				refs[i][m[i].refs_n++] = str_from(ids[(seed >> 9) % 40]);
			}
		}
		struct arena *a = arena_new(NULL, "thread", 1 << 22, 0);
		struct imap_thread_tree t;
		struct buf out;
		buf_init(&out, 1 << 20);
		for (int by = 0; by < 2; by++) {
			buf_reset(&out);
			CHECK_ERR(
			    imap_thread_build(&(struct imap_thread_input){ (enum imap_thread_by)by,
						  m, n, key },
				&t, a),
			    ERR_OK);
			put_all(&out, &t);
			is_complete(buf_view(&out), n);
		}
		buf_done(&out);
		arena_free(&a);
	}
}

static struct imap_thread_message big[MANY];
static str big_refs[MANY];
static char big_ids[MANY][12];

/* A thread as deep as the mailbox, in both orders of arrival, and one as broad. */
static void
deep_and_broad(void)
{
	struct arena *a = arena_new(NULL, "thread", 1 << 26, 0);
	struct imap_thread_tree t;
	struct buf out;
	buf_init(&out, 1 << 20);
	for (int shape = 0; shape < 3; shape++) {
		for (size_t i = 0; i < MANY; i++) {
			size_t above = shape == 0 ? i - 1 : shape == 1 ? i + 1 : 0;
			int n = snprintf(big_ids[i], sizeof big_ids[i], "%zu", i);
			bool top = shape == 1 ? i + 1 == MANY : i == 0;
			big[i] = (struct imap_thread_message){ .number = (uint32_t)i + 1,
				.sent_s = (int64_t)i,
				.id = str_make(big_ids[i], (size_t)n),
				.refs = &big_refs[i],
				.refs_n = top ? 0 : 1 };
			big_refs[i] = STR_NONE;
			(void)above;
		}
		for (size_t i = 0; i < MANY; i++) {
			size_t above = shape == 0 ? i - 1 : shape == 1 ? i + 1 : 0;
			big_refs[i] = big[i].refs_n > 0 ? big[above].id : STR_NONE;
		}
		buf_reset(&out);
		arena_reset(a);
		CHECK_ERR(imap_thread_build(&(struct imap_thread_input){ IMAP_THREAD_REFERENCES,
						big, MANY, key },
			      &t, a),
		    ERR_OK);
		put_all(&out, &t);
		is_complete(buf_view(&out), MANY);
		CHECK(t.nodes[t.nodes[0].child].next == 0);
	}
	buf_done(&out);
	arena_free(&a);
}

static void
out_of_budget(void)
{
	struct imap_thread_tree t;
	for (size_t budget = 1024; budget < 1 << 20; budget *= 2) {
		struct arena *a = arena_new(NULL, "small", budget, 0);
		CHECK_ERR(imap_thread_build(&(struct imap_thread_input){ IMAP_THREAD_REFERENCES,
						big, MANY, key },
			      &t, a),
		    ERR_BUDGET);
		arena_free(&a);
	}
}

static void
normal_ids(void)
{
	static const char *const ids[][2] = { { "a@b", "a@b" }, { "\"01KF\"@x.y", "01KF@x.y" },
		{ "\"a b\"@x", "a b@x" }, { "\"a\\\"b\"@x", "a\"b@x" }, { "\"\\\\\"@x", "\\@x" },
		{ "a\\b@x", "a\\b@x" }, { "", "" }, { "\"", "" }, { "\"a\\", "a\\" } };
	for (size_t i = 0; i < LEN(ids); i++) {
		struct buf b;
		buf_init(&b, 64);
		imap_thread_id(&b, str_from(ids[i][0]));
		CHECK_STR(buf_view(&b), str_from(ids[i][1]));
		buf_done(&b);
	}
}

TEST_MAIN(follows_the_steps, tangled, deep_and_broad, out_of_budget, normal_ids)
