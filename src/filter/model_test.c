/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The statistics: they learn, take back, forget, keep themselves, and refuse what is not theirs.
 */
#include "filter/model.h"

#include "base/mem.h"
#include "base/test.h"
#include "filter/filter.h"

enum { TAUGHT = 60, FAILURES_MAX = 100 };

static const uint8_t key[FILTER_MODEL_KEY] = { 7, 1 };
static const uint8_t other_key[FILTER_MODEL_KEY] = { 7, 2 };

/* A letter of 40 features, `seed`s of its own and 20 of its sort. */
static str
letter(struct buf *b, uint32_t sort, uint32_t seed)
{
	buf_reset(b);
	for (uint32_t i = 0; i < 40; i++) {
		uint32_t f = i < 20 ? 1000 * sort + i : 1000000 + 1000 * seed + i;
		char octets[4] = { (char)f, (char)(f >> 8), (char)(f >> 16), (char)(f >> 24) };
		buf_add(b, octets, sizeof(octets));
	}
	return buf_view(b);
}

static struct filter_model *
taught(enum filter_model_kind kind)
{
	struct filter_model *m = NULL;
	struct buf b;
	buf_init(&b, 1000);
	CHECK_ERR(filter_model_new(kind, key, &m), ERR_OK);
	for (uint32_t i = 0; i < TAUGHT; i++) {
		CHECK_ERR(filter_model_learn(m, letter(&b, i % 2, i), i % 2 == 1, false), ERR_OK);
	}
	buf_done(&b);
	return m;
}

static int64_t
words(const struct filter_model *m, uint32_t sort, uint32_t seed)
{
	struct buf b;
	buf_init(&b, 1000);
	int64_t w = filter_model_words(m, letter(&b, sort, seed));
	buf_done(&b);
	return w;
}

static void
learns(void)
{
	static const enum filter_model_kind kinds[] = { FILTER_MODEL_SHARED, FILTER_MODEL_OWN };
	for (size_t i = 0; i < LEN(kinds); i++) {
		struct filter_model *m = taught(kinds[i]);
		CHECK(words(m, 1, 900) > 2000 && words(m, 0, 901) < -2000);
		CHECK(words(m, 1, 900) <= FILTER_WORDS_MAX);
		CHECK(words(m, 0, 901) >= FILTER_WORDS_MIN);
		CHECK_U64(filter_model_learned(m), TAUGHT);
		filter_model_free(&m);
		CHECK(m == NULL);
	}
}

static void
says_nothing_early(void)
{
	struct filter_model *m = NULL;
	struct buf b;
	buf_init(&b, 1000);
	CHECK_ERR(filter_model_new(FILTER_MODEL_OWN, key, &m), ERR_OK);
	for (uint32_t i = 0; i < FILTER_MODEL_SPEAKS; i++) {
		CHECK(words(m, 1, 900) == 0);
		CHECK_ERR(filter_model_learn(m, letter(&b, 1, i), true, false), ERR_OK);
	}
	CHECK(words(m, 1, 900) == 0);
	for (uint32_t i = 0; i < FILTER_MODEL_SPEAKS; i++) {
		CHECK(words(m, 1, 900) == 0);
		CHECK_ERR(filter_model_learn(m, letter(&b, 0, i + 100), false, false), ERR_OK);
	}
	CHECK(words(m, 1, 900) > 0);
	buf_done(&b);
	filter_model_free(&m);
}

/* A letter put into Junk by mistake and moved back is good again, and so are those like it. */
static void
takes_back(void)
{
	struct filter_model *m = taught(FILTER_MODEL_OWN);
	struct buf b;
	buf_init(&b, 1000);
	int64_t before = words(m, 0, 77);
	CHECK_ERR(filter_model_learn(m, letter(&b, 0, 77), true, false), ERR_OK);
	CHECK(words(m, 0, 77) > before);
	CHECK_ERR(filter_model_learn(m, letter(&b, 0, 77), false, true), ERR_OK);
	CHECK(words(m, 0, 77) < -1000 && words(m, 0, 902) < -1000);
	CHECK(words(m, 1, 903) > 1000);
	CHECK_U64(filter_model_learned(m), TAUGHT + 1);
	buf_done(&b);
	filter_model_free(&m);
}

/* What is learned again and again does not grow without end; what is no more met fades. */
static void
forgets(void)
{
	struct filter_model *m = taught(FILTER_MODEL_OWN);
	struct buf b;
	buf_init(&b, 1000);
	int64_t before = words(m, 1, 900);
	for (uint32_t i = 0; i < 60000; i++) {
		CHECK_ERR(filter_model_learn(m, letter(&b, i % 2 + 5, i % 50), i % 2 == 1, false),
		    ERR_OK);
	}
	int64_t after = words(m, 1, 900);
	CHECK(after > 0 && after < before);
	buf_done(&b);
	filter_model_free(&m);
}

static void
refuses(void)
{
	static char unsorted[8] = { 2, 0, 0, 0, 1 }, twice[8] = { 1, 0, 0, 0, 1 };
	static char many[FILTER_FEATURES_OCTETS + 4];
	struct filter_model *m = taught(FILTER_MODEL_OWN);
	const str bad[] = { str_make(unsorted, 8), str_make(twice, 8), str_make(unsorted, 3),
		str_make(many, sizeof(many)) };
	for (size_t i = 0; i < LEN(bad); i++) {
		CHECK_ERR(filter_model_learn(m, bad[i], true, false), ERR_SYNTAX);
		CHECK(filter_model_words(m, bad[i]) == 0);
	}
	CHECK_U64(filter_model_learned(m), TAUGHT);
	CHECK_ERR(filter_model_learn(m, STR_NONE, true, false), ERR_OK);
	filter_model_free(&m);
}

static void
keeps(void)
{
	static const enum filter_model_kind kinds[] = { FILTER_MODEL_SHARED, FILTER_MODEL_OWN };
	static const size_t most[] = { FILTER_MODEL_BLOB_MAX, FILTER_MODEL_OWN_BLOB_MAX };
	for (size_t i = 0; i < LEN(kinds); i++) {
		struct filter_model *m = taught(kinds[i]), *again = NULL;
		struct buf b, c;
		buf_init(&b, most[i]);
		buf_init(&c, most[i]);
		filter_model_put(m, &b);
		CHECK_ERR(buf_err(&b), ERR_OK);
		CHECK(b.n < 20000);
		CHECK_ERR(filter_model_get(buf_view(&b), key, &again), ERR_OK);
		CHECK(words(again, 1, 900) == words(m, 1, 900));
		CHECK_U64(filter_model_learned(again), TAUGHT);
		filter_model_put(again, &c);
		CHECK_STR(buf_view(&c), buf_view(&b));
		filter_model_free(&again);
		CHECK_ERR(filter_model_get(buf_view(&b), other_key, &again), ERR_CORRUPT);
		filter_model_free(&m);
		buf_done(&b);
		buf_done(&c);
	}
}

/* The secret decides what a feature is called: the same lessons leave different tables. */
static void
tells_nothing(void)
{
	struct filter_model *m = NULL;
	struct buf lesson, b, c;
	buf_init(&lesson, 1000);
	buf_init(&b, FILTER_MODEL_OWN_BLOB_MAX);
	buf_init(&c, FILTER_MODEL_OWN_BLOB_MAX);
	CHECK_ERR(filter_model_new(FILTER_MODEL_OWN, key, &m), ERR_OK);
	CHECK_ERR(filter_model_learn(m, letter(&lesson, 1, 1), true, false), ERR_OK);
	filter_model_put(m, &b);
	filter_model_free(&m);
	CHECK_ERR(filter_model_new(FILTER_MODEL_OWN, other_key, &m), ERR_OK);
	CHECK_ERR(filter_model_learn(m, letter(&lesson, 1, 1), true, false), ERR_OK);
	filter_model_put(m, &c);
	filter_model_free(&m);
	CHECK(!str_eq(str_from_off(buf_view(&b), 32), str_from_off(buf_view(&c), 32)));
	buf_done(&lesson);
	buf_done(&b);
	buf_done(&c);
}

static void
damage(void)
{
	struct filter_model *m = taught(FILTER_MODEL_OWN), *again = NULL;
	struct buf b;
	buf_init(&b, FILTER_MODEL_OWN_BLOB_MAX);
	filter_model_put(m, &b);
	filter_model_free(&m);
	for (size_t n = 0; n < b.n; n++) {
		CHECK_ERR(filter_model_get(str_make(b.p, n), key, &again), ERR_CORRUPT);
	}
	/* The counts in the head are not covered by the sum: any number is one. */
	for (size_t i = 0; i < b.n; i += i == 15 ? 13 : 1) {
		b.p[i] = (char)(b.p[i] ^ 0x10);
		CHECK_ERR(filter_model_get(buf_view(&b), key, &again), ERR_CORRUPT);
		b.p[i] = (char)(b.p[i] ^ 0x10);
	}
	CHECK(again == NULL);
	buf_ch(&b, 0);
	CHECK_ERR(filter_model_get(buf_view(&b), key, &again), ERR_CORRUPT);
	buf_done(&b);
}

static void
no_memory(void)
{
	struct buf b;
	buf_init(&b, FILTER_MODEL_OWN_BLOB_MAX);
	struct filter_model *m = taught(FILTER_MODEL_OWN), *again = NULL;
	filter_model_put(m, &b);
	filter_model_free(&m);
	enum err e = ERR_NOMEM;
	uint64_t n = 1;
	for (; n < FAILURES_MAX && e == ERR_NOMEM; n++) {
		mem_fail_after(n);
		e = filter_model_get(buf_view(&b), key, &again);
		mem_fail_after(0);
	}
	CHECK_ERR(e, ERR_OK);
	CHECK(n > 2);
	filter_model_free(&again);
	buf_done(&b);
}

static void
lessons(void)
{
	static const struct {
		int64_t score, words;
		int want;
	} cases[] = { { 0, 0, 0 }, { 12000, 2000, 1 }, { 12000, 8000, 0 }, { 9999, 0, 0 },
		{ -1500, 0, -1 }, { -4000, -4000, 0 }, { -4000, -3000, -1 }, { -500, -500, 0 } };
	for (size_t i = 0; i < LEN(cases); i++) {
		CHECK(filter_model_lesson(cases[i].score, cases[i].words) == cases[i].want);
	}
}

TEST_MAIN(learns, says_nothing_early, takes_back, forgets, refuses, keeps, tells_nothing, damage,
    no_memory, lessons)
