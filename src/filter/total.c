/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Adding up: the parts of each kind between that kind's bounds, both statistics as one, then the
 * reasons, heaviest first. Nothing here weighs anything anew: points come with the parts. Start at
 * filter_total.
 */
#include "filter/filter.h"

enum {
	/* So many letters taught by an account weigh as much as the shared statistics. */
	OWN_HALF = 40,
	EXPLAINED_MIN = 50, /* thousandths; less is no reason */
};

/* What a kind's sum is cut to: no kind alone can make a letter good that two others call bad. */
static const struct {
	int64_t lo, hi;
} bounds[FILTER_KINDS] = {
	[FILTER_AUTH] = { -1500, 9000 },
	[FILTER_LIST] = { -5000, 10000 },
	[FILTER_FAME] = { -3000, 5000 },
	[FILTER_KNOWN] = { -5000, 0 },
	[FILTER_RULE] = { -1000, 7000 },
	[FILTER_WORDS_SHARED] = { -8000, 8000 },
	[FILTER_WORDS_OWN] = { -8000, 8000 },
	[FILTER_OTHER] = { -20000, 20000 },
};

static int64_t
clamp(int64_t v, int64_t lo, int64_t hi)
{
	return v < lo ? lo : v > hi ? hi : v;
}

/* Each clamped before it is added: no sum can overflow. */
static void
add_kinds(const struct filter_part *parts, size_t n, int64_t *sums, uint32_t *ret_own)
{
	*ret_own = 0;
	for (size_t i = 0; i < n; i++) {
		ASSERT(parts[i].kind < FILTER_KINDS);
		sums[parts[i].kind] += clamp(parts[i].points, -100000, 100000);
		if (parts[i].kind == FILTER_WORDS_OWN) {
			*ret_own = MAX(*ret_own, parts[i].learned);
		}
	}
	for (int k = 0; k < FILTER_KINDS; k++) {
		sums[k] = clamp(sums[k], bounds[k].lo, bounds[k].hi);
	}
}

/* The account's own statistics take the place of the shared ones as they learn. */
static int64_t
mix(int64_t shared, int64_t own, uint32_t learned)
{
	if (own == 0) {
		return shared;
	}
	return (shared * OWN_HALF + own * learned) / ((int64_t)OWN_HALF + learned);
}

static int64_t
weight(const struct filter_part *p)
{
	return p->points < 0 ? -p->points : p->points;
}

/* Indexes by weight, heaviest first; insertion is enough for so few. */
static size_t
order(const struct filter_part *parts, size_t n, uint16_t *ret)
{
	size_t used = 0;
	for (size_t i = 0; i < MIN(n, (size_t)FILTER_TOTAL_MAX); i++) {
		if (weight(&parts[i]) < EXPLAINED_MIN) {
			continue;
		}
		size_t at = used++;
		while (at > 0 && weight(&parts[ret[at - 1]]) < weight(&parts[i])) {
			ret[at] = ret[at - 1];
			at--;
		}
		ret[at] = (uint16_t)i;
	}
	return used;
}

/* "spf-fail(example.org)=2.500" */
static void
explain(struct buf *why, const struct filter_part *p)
{
	int64_t w = weight(p);
	if (why->n > 0) {
		buf_ch(why, ' ');
	}
	buf_str(why, p->word);
	if (p->detail.n > 0) {
		buf_ch(why, '(');
		buf_str(why, p->detail);
		buf_ch(why, ')');
	}
	buf_printf(why, "=%s%lld.%03lld", p->points < 0 ? "-" : "", (long long)(w / 1000),
	    (long long)(w % 1000));
}

int64_t
filter_total(const struct filter_part *parts, size_t n, struct buf *why)
{
	int64_t sums[FILTER_KINDS] = { 0 }, total = 0;
	uint16_t sorted[FILTER_TOTAL_MAX];
	uint32_t own = 0;
	add_kinds(parts, n, sums, &own);
	sums[FILTER_WORDS_SHARED] = mix(sums[FILTER_WORDS_SHARED], sums[FILTER_WORDS_OWN], own);
	sums[FILTER_WORDS_OWN] = 0;
	for (int k = 0; k < FILTER_KINDS; k++) {
		total += sums[k];
	}
	size_t used = why == NULL ? 0 : order(parts, n, sorted);
	for (size_t i = 0; i < used; i++) {
		explain(why, &parts[sorted[i]]);
	}
	return total;
}
