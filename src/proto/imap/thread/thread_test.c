/* SPDX-License-Identifier: Apache-2.0 */
/*
 * THREAD: each step of RFC 5256's REFERENCES alone, ORDEREDSUBJECT, writing; long chains and broad
 * trees; a million messages; random mailboxes, whose threads must be those of thread_plain.c.
 */
#include "proto/imap/thread/thread_plain.h"

#include "base/test.h"
#include "proto/imap/limits.h"

enum {
	MANY = 100000,
	MILLION = 1000000,
	MILLION_OCTETS = 70000000, /* a million messages, a third of them replies */
};

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
read_case(str in, struct imap_thread_letter *m, str (*refs)[8])
{
	size_t n = 0;
	str line;
	while (in.n > 0 && str_next(&in, ';', &line)) {
		uint64_t date = 0;
		CHECK(str_u64(word(&line), &date));
		m[n] = (struct imap_thread_letter){
			.sent_s = (int64_t)date, .id = word(&line), .refs = refs[n]
		};
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

/* The next message; its number is `at`. */
static enum err
add(struct imap_thread *t, const struct imap_thread_letter *m, uint32_t at)
{
	uint64_t refs[8];
	ASSERT(m->refs_n <= LEN(refs));
	for (size_t i = 0; i < m->refs_n; i++) {
		refs[i] = imap_thread_hash(t, m->refs[i]);
	}
	return imap_thread_add(t,
	    &(struct imap_thread_message){ at, m->reply, m->sent_s, m->subject,
		m->id.n > 0 ? imap_thread_hash(t, m->id) : 0, refs, m->refs_n });
}

/* Threads as text, written in pieces of about so many octets. */
static enum err
threads(struct arena *a, enum imap_thread_by by, const struct imap_thread_letter *m, size_t n,
    struct buf *out)
{
	struct imap_thread *t;
	TRY(imap_thread_new(a, by, key, &t));
	for (size_t i = 0; i < n; i++) {
		TRY(add(t, &m[i], (uint32_t)i + 1));
	}
	TRY(imap_thread_build(t));
	size_t most = n % 7 + 1;
	while (imap_thread_put(t, out, out->n + most)) {
		CHECK(out->n > 0);
	}
	return buf_err(out);
}

static void
follows_the_steps(void)
{
	for (size_t i = 0; i < LEN(cases); i++) {
		struct arena *a = arena_new(NULL, "thread", 1 << 21, 0);
		struct imap_thread_letter m[16] = { 0 };
		str refs[16][8];
		struct buf out;
		test_case = cases[i].name;
		buf_init(&out, 4096);
		size_t n = read_case(str_from(cases[i].in), m, refs);
		if (CHECK_ERR(threads(a, cases[i].by, m, n, &out), ERR_OK)) {
			CHECK_STR(buf_view(&out), str_from(cases[i].want));
		}
		CHECK_STR(imap_thread_plain(a, cases[i].by, m, n), str_from(cases[i].want));
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

static uint32_t seed = 3;

static uint32_t
random_below(uint32_t n)
{
	seed = seed * 1664525u + 1013904223u;
	return (uint32_t)((uint64_t)seed * n >> 32);
}

/* Any references at all (tangled), or those that mail has: parents' references and the parent. */
static void
make_mailbox(struct imap_thread_letter *m, size_t n, str (*refs)[8], bool tangled)
{
	static char ids[64][4];
	for (uint32_t i = 0; i < LEN(ids); i++) {
		snprintf(ids[i], sizeof ids[i], "%u", i);
	}
	uint32_t names = 1 + random_below(LEN(ids) - 1), dates = 1 + random_below(12);
	for (size_t i = 0; i < n; i++) {
		m[i] = (struct imap_thread_letter){ .refs = refs[i],
			.sent_s = (int64_t)random_below(dates) - 3,
			.reply = random_below(3) == 0,
			.subject = str_sub(S("ABCD"), random_below(5), 1) };
		m[i].id = random_below(8) == 0 ? STR_NONE : str_from(ids[random_below(names)]);
		uint32_t many = random_below(8), other = (uint32_t)random_below((uint32_t)n);
		if (!tangled && other < i) {
			memcpy(refs[i], refs[other], sizeof refs[i]);
			m[i].refs_n = MIN(m[other].refs_n, (size_t)7);
			refs[i][m[i].refs_n++] = m[other].id.n > 0 ? m[other].id : S("x");
		}
		for (uint32_t k = 0; tangled && k < many; k++) {
			refs[i][m[i].refs_n++] = str_from(ids[random_below(names)]);
		}
	}
}

static void
as_the_plain_way(void)
{
	static struct imap_thread_letter m[200];
	static str refs[200][8];
	for (uint32_t round = 0; round < 2100; round++) {
		size_t n = round < 2000 ? round % 12 : random_below(LEN(m));
		struct arena *a = arena_new(NULL, "thread", 1 << 24, 0);
		struct buf out;
		make_mailbox(m, n, refs, round % 2 == 0);
		for (int by = 0; by < 2; by++) {
			buf_init(&out, 1 << 20);
			CHECK_ERR(threads(a, (enum imap_thread_by)by, m, n, &out), ERR_OK);
			is_complete(buf_view(&out), n);
			CHECK_STR(buf_view(&out),
			    imap_thread_plain(a, (enum imap_thread_by)by, m, n));
			buf_done(&out);
		}
		arena_free(&a);
	}
}

static struct imap_thread_letter big[MANY];
static str big_refs[MANY];
static char big_ids[MANY][12];

enum shape { DEEP, DEEP_BACKWARDS, BROAD, SHAPES };

static size_t
above(enum shape shape, size_t i)
{
	return shape == DEEP ? i - 1 : shape == DEEP_BACKWARDS ? i + 1 : 0;
}

static void
make_big(enum shape shape)
{
	for (size_t i = 0; i < MANY; i++) {
		int n = snprintf(big_ids[i], sizeof big_ids[i], "%zu", i);
		bool top = shape == DEEP_BACKWARDS ? i + 1 == MANY : i == 0;
		big[i] = (struct imap_thread_letter){ .sent_s = (int64_t)i,
			.id = str_make(big_ids[i], (size_t)n),
			.refs = &big_refs[i],
			.refs_n = top ? 0 : 1 };
	}
	for (size_t i = 0; i < MANY; i++) {
		big_refs[i] = big[i].refs_n > 0 ? big[above(shape, i)].id : STR_NONE;
	}
}

/* A thread as deep as the mailbox, in both orders of arrival, and one as broad. */
static void
deep_and_broad(void)
{
	struct arena *a = arena_new(NULL, "thread", 1 << 26, 0);
	struct buf out;
	buf_init(&out, 1 << 20);
	for (int shape = 0; shape < SHAPES; shape++) {
		make_big((enum shape)shape);
		buf_reset(&out);
		arena_reset(a);
		CHECK_ERR(threads(a, IMAP_THREAD_REFERENCES, big, MANY, &out), ERR_OK);
		is_complete(buf_view(&out), MANY);
		str text = buf_view(&out);
		CHECK(str_starts(text,
		    shape == DEEP                 ? S("(1 2 3 4 5 6 ")
			: shape == DEEP_BACKWARDS ? S("(100000 99999 99998 ")
						  : S("(1 (2)(3)(4)")));
		CHECK_U64((uint64_t)(str_find(text, S("(1")) == 0), 1);
		CHECK(str_find(text, shape == BROAD ? S("))(") : S(")(")) < 0); /* one thread */
	}
	buf_done(&out);
	arena_free(&a);
}

static void
out_of_budget(void)
{
	struct buf out;
	buf_init(&out, 1 << 20);
	make_big(DEEP);
	for (int by = 0; by < 2; by++) {
		for (size_t budget = 1024; budget < 1 << 22; budget = budget * 5 / 4) {
			struct arena *a = arena_new(NULL, "small", budget, 0);
			CHECK_ERR(threads(a, (enum imap_thread_by)by, big, MANY, &out), ERR_BUDGET);
			arena_free(&a);
		}
	}
	buf_done(&out);
}

/* Every third one a reply to the one before it, as many subjects as a quarter of the messages. */
static enum err
add_million(struct imap_thread *t)
{
	char id[32], ref[32], subject[32];
	str refs[1];
	for (uint32_t i = 0; i < MILLION; i++) {
		int n = snprintf(id, sizeof id, "%u.kept@sender.test", i);
		int r = snprintf(ref, sizeof ref, "%u.kept@sender.test", i - 1);
		int s = snprintf(subject, sizeof subject, "TOPIC %u",
		    (uint32_t)((uint64_t)i * 104729 % (MILLION / 4)));
		refs[0] = str_make(ref, (size_t)r);
		TRY(add(t,
		    &(struct imap_thread_letter){ .id = str_make(id, (size_t)n),
			.subject = str_make(subject, (size_t)s),
			.sent_s = i * 61 % 31536000,
			.refs = refs,
			.refs_n = i % 3 == 2 },
		    i + 1));
	}
	return ERR_OK;
}

static void
million(void)
{
	struct arena *a = arena_new(NULL, "thread", MILLION_OCTETS, 0);
	struct imap_thread *t;
	struct buf out;
	size_t threads = 0;
	buf_init(&out, 100000);
	for (int by = 0; by < 2; by++) {
		arena_reset(a);
		CHECK_ERR(imap_thread_new(a, (enum imap_thread_by)by, key, &t), ERR_OK);
		CHECK_ERR(add_million(t), ERR_OK);
		CHECK_ERR(imap_thread_build(t), ERR_OK);
		for (bool more = true; more;) {
			more = imap_thread_put(t, &out, 65536);
			CHECK(more == (out.n >= 65536));
			for (size_t i = 0; i < out.n; i++) {
				threads += out.p[i] == '(';
				threads -= out.p[i] == ')';
			}
			buf_reset(&out);
		}
		CHECK_U64(threads, 0);
	}
	buf_done(&out);
	arena_free(&a);
}

/* With another key another hash, and a quoted identifier is that without quotes. */
static void
hashes(void)
{
	struct arena *a = arena_new(NULL, "thread", 1 << 22, 0);
	struct imap_thread *t, *other;
	CHECK_ERR(imap_thread_new(a, IMAP_THREAD_REFERENCES, key, &t), ERR_OK);
	CHECK_ERR(imap_thread_new(a, IMAP_THREAD_REFERENCES, (const uint8_t[16]){ 9 }, &other),
	    ERR_OK);
	CHECK(imap_thread_hash(t, S("a@b")) == imap_thread_hash(t, S("\"a\"@b")));
	CHECK(imap_thread_hash(t, S("a@b")) != imap_thread_hash(t, S("A@b")));
	CHECK(imap_thread_hash(t, S("a@b")) != imap_thread_hash(other, S("a@b")));
	arena_free(&a);
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

TEST_MAIN(follows_the_steps, as_the_plain_way, deep_and_broad, out_of_budget, million, hashes,
    normal_ids)
