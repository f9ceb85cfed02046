/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Logistic regression, learned letter by letter: each feature has a weight, the sum of a letter's
 * weights over the square root of their number says how likely it is junk, and a lesson moves them
 * by how wrong that was. What is known well already moves nothing. Chosen by measuring: README.
 */
#include "filter/model.h"

#include <math.h>

#include "base/codec.h"
#include "base/mem.h"
#include "base/wire.h"
#include "filter/filter.h"

enum {
	SHARED_BITS = 18,
	OWN_BITS = 15,
	HEAD = 32,
	UNIT = 512,         /* weights are kept in these fractions: +-64 */
	STEPS_MAX = 3,      /* of one lesson */
	STEPS_BACK_MAX = 8, /* of one that takes another back */
	AGE_LESSONS = 1000, /* after so many all weights shrink by a 50th */
	RUN_MAX = 65535,
};
/* Measured on easy-ham-1 and spam-1 alone: README. */
static const double rate = 8.0;
static const double known = 0.05;     /* a lesson that is less wrong than this moves nothing */
static const double settled = 0.5;    /* one that is less wrong than this needs no second step */
static const double junk_logit = 1.2; /* what FILTER_JUNK_AT points stand for */

struct filter_model {
	enum filter_model_kind kind;
	uint8_t key[FILTER_MODEL_KEY];
	uint32_t bits;
	uint32_t good, junk, lessons;
	int16_t *weights;
};

/* ---- life --------------------------------------------------------------------------------- */

enum err
filter_model_new(enum filter_model_kind kind, const uint8_t *key, struct filter_model **ret)
{
	ASSERT(kind == FILTER_MODEL_SHARED || kind == FILTER_MODEL_OWN);
	struct filter_model *m = mem_zalloc(1, sizeof(*m));
	if (m == NULL) {
		return ERR_NOMEM;
	}
	m->kind = kind;
	m->bits = kind == FILTER_MODEL_SHARED ? SHARED_BITS : OWN_BITS;
	memcpy(m->key, key, sizeof(m->key));
	m->weights = mem_zalloc((size_t)1 << m->bits, sizeof(*m->weights));
	if (m->weights == NULL) {
		filter_model_free(&m);
		return ERR_NOMEM;
	}
	*ret = m;
	return ERR_OK;
}

void
filter_model_free(struct filter_model **m)
{
	if (*m != NULL) {
		mem_drop((*m)->weights);
		mem_wipe((*m)->key, sizeof((*m)->key));
		mem_drop(*m);
		*m = NULL;
	}
}

uint32_t
filter_model_learned(const struct filter_model *m)
{
	return m->good + m->junk;
}

/* ---- features ----------------------------------------------------------------------------- */

static uint32_t
feature_at(str features, size_t i)
{
	const uint8_t *p = (const uint8_t *)features.p + 4 * i;
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static bool
is_list(str features)
{
	if (features.n % 4 != 0 || features.n > FILTER_FEATURES_OCTETS) {
		return false;
	}
	for (size_t i = 1; i < features.n / 4; i++) {
		if (feature_at(features, i) <= feature_at(features, i - 1)) {
			return false;
		}
	}
	return true;
}

/* Which slots a letter's features have; how many. */
static size_t
slots_of(const struct filter_model *m, str features, uint32_t *ret)
{
	size_t n = features.n / 4;
	for (size_t i = 0; i < n; i++) {
		uint64_t h = siphash(m->key, str_sub(features, 4 * i, 4));
		ret[i] = (uint32_t)(h >> (64 - m->bits));
	}
	return n;
}

/* The logarithm of the odds that it is junk. */
static double
logit(const struct filter_model *m, const uint32_t *slots, size_t n)
{
	int64_t sum = 0;
	for (size_t i = 0; i < n; i++) {
		sum += m->weights[slots[i]];
	}
	return (double)sum / UNIT / sqrt((double)n + 1);
}

/* ---- learning ----------------------------------------------------------------------------- */

static void
move(struct filter_model *m, const uint32_t *slots, size_t n, double by)
{
	int32_t step = (int32_t)lrint(by * UNIT / sqrt((double)n + 1));
	for (size_t i = 0; i < n; i++) {
		int32_t w = m->weights[slots[i]] + step;
		m->weights[slots[i]] = (int16_t)MAX(MIN(w, INT16_MAX), INT16_MIN);
	}
}

/* What was learned long ago and is not met again fades: half of it in 34,000 lessons. */
static void
age(struct filter_model *m)
{
	if (++m->lessons < AGE_LESSONS) {
		return;
	}
	m->lessons = 0;
	for (size_t i = 0; i < (size_t)1 << m->bits; i++) {
		m->weights[i] = (int16_t)(m->weights[i] - m->weights[i] / 50);
	}
}

static void
count(uint32_t *learned, uint32_t *taken_back, bool undo)
{
	*learned += *learned < UINT32_MAX / 2;
	*taken_back -= undo && *taken_back > 0;
}

enum err
filter_model_learn(struct filter_model *m, str features, bool junk, bool undo)
{
	if (!is_list(features)) {
		return ERR_SYNTAX;
	}
	uint32_t slots[FILTER_FEATURES_MAX];
	size_t n = slots_of(m, features, slots);
	int steps = undo ? STEPS_BACK_MAX : STEPS_MAX;
	for (int i = 0; i < steps; i++) {
		double wrong = (junk ? 1.0 : 0.0) - 1.0 / (1.0 + exp(-logit(m, slots, n)));
		if (fabs(wrong) < (i == 0 ? known : settled)) {
			break;
		}
		move(m, slots, n, rate * wrong);
	}
	if (junk) {
		count(&m->junk, &m->good, undo);
	} else {
		count(&m->good, &m->junk, undo);
	}
	age(m);
	return ERR_OK;
}

int64_t
filter_model_words(const struct filter_model *m, str features)
{
	if (m->good < FILTER_MODEL_SPEAKS || m->junk < FILTER_MODEL_SPEAKS || !is_list(features)) {
		return 0;
	}
	uint32_t slots[FILTER_FEATURES_MAX];
	size_t n = slots_of(m, features, slots);
	int64_t points = llrint(logit(m, slots, n) / junk_logit * FILTER_JUNK_AT);
	return MAX(MIN(points, (int64_t)FILTER_WORDS_MAX), (int64_t)FILTER_WORDS_MIN);
}

int
filter_model_lesson(int64_t score, int64_t words)
{
	int64_t others = score - words;
	if (score >= FILTER_LESSON_JUNK && others >= FILTER_LESSON_JUNK / 2) {
		return 1;
	}
	return score <= FILTER_LESSON_GOOD && others <= FILTER_LESSON_GOOD / 2 ? -1 : 0;
}

/* ---- the blob ----------------------------------------------------------------------------- */

/*
 * Little-endian.
 *   OFFSET SIZE MEANING
 *   0      4    "PFM" and the version, 1
 *   4      1    enum filter_model_kind
 *   5      1    binary logarithm of the number of slots
 *   6      2    0
 *   8      8    check of the key
 *   16     4    good letters learned      20  4  junk letters learned
 *   24     4    lessons since the weights shrank last
 *   28     4    CRC-32C of what follows
 *   32     -    runs: u16 slots of weight 0, u16 n, then n weights of i16; until all slots are told
 */

static uint64_t
key_check(const uint8_t *key)
{
	return siphash(key, S("statistics of features, version 1"));
}

/* From `at` on: slots that are zero, or that are not. */
static uint32_t
run(const struct filter_model *m, uint32_t at, bool zero)
{
	uint32_t n = 0, slots = (uint32_t)1 << m->bits;
	while (at + n < slots && n < RUN_MAX && (m->weights[at + n] == 0) == zero) {
		n++;
	}
	return n;
}

static void
put_weights(struct buf *out, const int16_t *weights, uint32_t n)
{
	char *p = buf_room(out, 2 * (size_t)n);
	if (p != NULL) {
		for (uint32_t i = 0; i < n; i++) {
			p[2 * i] = (char)weights[i];
			p[2 * i + 1] = (char)(weights[i] >> 8);
		}
		buf_grow(out, 2 * (size_t)n);
	}
}

static void
put_runs(const struct filter_model *m, struct buf *out)
{
	uint32_t slots = (uint32_t)1 << m->bits;
	for (uint32_t at = 0; at < slots && buf_err(out) == ERR_OK;) {
		uint32_t zeros = run(m, at, true);
		uint32_t n = run(m, at + zeros, false);
		wr_u16(out, (uint16_t)zeros);
		wr_u16(out, (uint16_t)n);
		put_weights(out, m->weights + at + zeros, n);
		at += zeros + n;
	}
}

void
filter_model_put(const struct filter_model *m, struct buf *out)
{
	size_t at = out->n;
	buf_cstr(out, "PFM\001");
	wr_u8(out, (uint8_t)m->kind);
	wr_u8(out, (uint8_t)m->bits);
	wr_u16(out, 0);
	wr_u64(out, key_check(m->key));
	wr_u32(out, m->good);
	wr_u32(out, m->junk);
	wr_u32(out, m->lessons);
	wr_u32(out, 0);
	put_runs(m, out);
	if (buf_err(out) == ERR_OK) {
		uint32_t crc = crc32c(0, out->p + at + HEAD, out->n - at - HEAD);
		for (int i = 0; i < 4; i++) {
			out->p[at + HEAD - 4 + (size_t)i] = (char)(crc >> (8 * i));
		}
	}
}

static enum err
get_runs(struct filter_model *m, struct rd *r)
{
	uint32_t slots = (uint32_t)1 << m->bits, at = 0;
	while (at < slots) {
		uint32_t zeros = rd_u16(r), n = rd_u16(r);
		if (r->bad || zeros + n == 0 || zeros + n > slots - at) {
			return ERR_CORRUPT;
		}
		at += zeros;
		for (uint32_t i = 0; i < n; i++) {
			m->weights[at + i] = (int16_t)rd_u16(r);
		}
		at += n;
	}
	return rd_end(r) == ERR_OK ? ERR_OK : ERR_CORRUPT;
}

enum err
filter_model_get(str blob, const uint8_t *key, struct filter_model **ret)
{
	struct filter_model *m = NULL;
	struct rd r = rd_make(blob);
	bool ours = str_eq(rd_bytes(&r, 4), S("PFM\001"));
	uint8_t kind = rd_u8(&r), bits = rd_u8(&r);
	bool whole = rd_u16(&r) == 0 && rd_u64(&r) == key_check(key);
	uint32_t good = rd_u32(&r), junk = rd_u32(&r), lessons = rd_u32(&r), crc = rd_u32(&r);
	str rest = str_from_off(blob, HEAD);
	if (r.bad || !ours || !whole || crc32c(0, rest.p, rest.n) != crc ||
	    (kind != FILTER_MODEL_SHARED && kind != FILTER_MODEL_OWN)) {
		return ERR_CORRUPT;
	}
	TRY(filter_model_new(kind, key, &m));
	m->good = good;
	m->junk = junk;
	m->lessons = lessons;
	enum err e = m->bits == bits ? get_runs(m, &r) : ERR_CORRUPT;
	if (e != ERR_OK) {
		filter_model_free(&m);
		return e;
	}
	*ret = m;
	return ERR_OK;
}
