/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Evaluating: jump code against the plain meaning of the tree, for random programs and all answers;
 * and that the cheap keys are asked first.
 */
#include "proto/imap/search.h"

#include "base/test.h"
#include "proto/imap/command.h"

struct world {
	uint64_t truth; /* bit n: the leaf with number n matches */
	uint64_t asked; /* bits of leaves asked */
	enum err fail;  /* what asking leaf 0 gives */
	uint8_t last_cost;
};

static enum err
ask(void *ctx, const struct imap_search_node *leaf, bool *ret)
{
	struct world *w = ctx;
	w->asked |= UINT64_C(1) << leaf->number;
	w->last_cost = leaf->cost;
	if (leaf->number == 0 && w->fail != ERR_OK) {
		return w->fail;
	}
	*ret = (w->truth >> leaf->number & 1) != 0;
	return ERR_OK;
}

/* The tree's value, computed from the last node to the first. */
static bool
plain_value(const struct imap_search_program *p, uint64_t truth)
{
	bool value[64] = { 0 };
	for (size_t i = p->n; i-- > 0;) {
		const struct imap_search_node *node = &p->nodes[i];
		switch (node->op) {
		case IMAP_SEARCH_NOT: value[i] = !value[i + 1]; break;
		case IMAP_SEARCH_AND:
		case IMAP_SEARCH_OR:
			value[i] = node->op == IMAP_SEARCH_AND;
			for (size_t kid = i + 1; kid < node->end; kid = p->nodes[kid].end) {
				value[i] = node->op == IMAP_SEARCH_AND ? value[i] && value[kid]
								       : value[i] || value[kid];
			}
			break;
		case IMAP_SEARCH_ALL: value[i] = true; break;
		default: value[i] = (truth >> node->number & 1) != 0; break;
		}
	}
	return value[0];
}

static uint32_t seed = 1;

static uint32_t
roll(uint32_t n)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 8) % n;
}

/* A random program text: leaves "LARGER n" (cost 0), "TO" would not carry a number. */
static void
random_text(struct buf *b, unsigned *leaves)
{
	unsigned owed = 1, open = 0;
	while (owed > 0) {
		uint32_t kind = *leaves + owed < 7 ? roll(5) : 4;
		owed--;
		if (kind == 0) {
			buf_cstr(b, "NOT ");
			owed++;
		} else if (kind == 1) {
			buf_cstr(b, "OR ");
			owed += 2;
		} else if (kind == 3) {
			buf_cstr(b, "FUZZY "); /* makes no difference to the tree */
			owed++;
		} else if (kind == 2 && open == 0) {
			buf_cstr(b, "(NOT ALL) ");
		} else {
			buf_printf(b, "LARGER %u ", (*leaves)++);
		}
	}
	buf_truncate(b, b->n - 1);
}

static void
one_program(struct buf *b)
{
	struct arena *a = arena_new(NULL, "test", IMAP_COMMAND_BUDGET, 0);
	unsigned leaves = 0;
	buf_reset(b);
	buf_cstr(b, "a SEARCH ");
	for (uint32_t i = 0, n = 1 + roll(3); i < n; i++) {
		buf_cstr(b, i > 0 ? " " : "");
		random_text(b, &leaves);
	}
	struct imap_command cmd;
	enum err e = imap_command_parse(a, buf_view(b), IMAP_SELECTED, 0, &cmd);
	CHECK_ERR(e, ERR_OK);
	struct imap_search_program *p = &cmd.u.search.program;
	for (size_t i = 0; e == ERR_OK && i < p->n; i++) {
		p->nodes[i].cost = (uint8_t)(p->nodes[i].op == IMAP_SEARCH_LARGER ? roll(4) : 0);
	}
	imap_search_compile(p);
	unsigned wrong = 0;
	for (uint64_t truth = 0; truth < UINT64_C(1) << leaves; truth++) {
		struct world w = { .truth = truth };
		bool got = false;
		wrong += imap_search_eval(p, ask, &w, &got) != ERR_OK ||
		    got != plain_value(p, truth);
	}
	CHECK_U64(wrong, 0);
	arena_free(&a);
}

static void
means_what_the_tree_says(void)
{
	struct buf b;
	buf_init(&b, 10000);
	for (unsigned i = 0; i < 2000; i++) {
		one_program(&b);
	}
	buf_done(&b);
}

static void
asks_cheap_keys_first(void)
{
	static const struct {
		const char *in;
		uint8_t
		    first; /* cost of the only leaf asked, everything being false (true for OR) */
		uint64_t truth;
	} cases[] = {
		{ "a SEARCH TEXT x SEEN", 0, 0 },
		{ "a SEARCH BODY x HEADER a b FROM x", 1, 0 },
		{ "a SEARCH (TEXT x) (NOT (OR TO x SEEN)) ANSWERED", 0, 0 },
		{ "a SEARCH OR TEXT x SEEN", 0, UINT64_MAX },
		{ "a SEARCH OR (BODY x) (NOT NOT HEADER a b)", 2, UINT64_MAX },
	};
	for (size_t i = 0; i < LEN(cases); i++) {
		test_case = cases[i].in;
		struct arena *a = arena_new(NULL, "test", IMAP_COMMAND_BUDGET, 0);
		struct imap_command cmd;
		CHECK_ERR(imap_command_parse(a, str_from(cases[i].in), IMAP_SELECTED, 0, &cmd),
		    ERR_OK);
		struct world w = { .truth = cases[i].truth, .last_cost = 9 };
		bool got;
		CHECK_ERR(imap_search_eval(&cmd.u.search.program, ask, &w, &got), ERR_OK);
		CHECK_U64(w.last_cost, cases[i].first);
		arena_free(&a);
	}
}

static void
errors_end_it(void)
{
	struct arena *a = arena_new(NULL, "test", IMAP_COMMAND_BUDGET, 0);
	struct imap_command cmd;
	CHECK_ERR(imap_command_parse(a, S("a SEARCH LARGER 0 LARGER 1"), IMAP_SELECTED, 0, &cmd),
	    ERR_OK);
	struct world w = { .fail = ERR_CORRUPT };
	bool got;
	CHECK_ERR(imap_search_eval(&cmd.u.search.program, ask, &w, &got), ERR_CORRUPT);
	CHECK_U64(w.asked, 1);
	arena_free(&a);
}

/* What a message scores when its strings, in the order they are written, have these scores. */
static void
scores(void)
{
	static const struct {
		const char *in;
		uint8_t score[4];
		unsigned want;
	} cases[] = {
		{ "a SEARCH FUZZY TEXT x", { 42 }, 42 },
		{ "a SEARCH FUZZY (TEXT x BODY y) SEEN", { 42, 60 }, 51 },
		{ "a SEARCH FUZZY TEXT x FROM y", { 42, 7 }, 42 }, /* only fuzzy ones have any */
		{ "a SEARCH FUZZY OR TEXT x BODY y", { 42, 60 }, 60 },
		{ "a SEARCH FUZZY OR TEXT x BODY y", { 42, 0 }, 42 },
		{ "a SEARCH FUZZY (TEXT x NOT BODY y)", { 42, 0 }, 42 },
		{ "a SEARCH FUZZY NOT BODY y", { 0 }, 100 },
		{ "a SEARCH FUZZY SEEN", { 0 }, 100 },
		{ "a SEARCH OR SEEN FUZZY TEXT x", { 0 }, 100 },
		{ "a SEARCH OR SEEN FUZZY TEXT x FUZZY BODY y", { 0, 30 }, 30 },
		{ "a SEARCH FUZZY OR (TEXT x BODY y) SUBJECT z", { 90, 0, 10 }, 10 },
		{ "a SEARCH FUZZY (OR (TEXT x BODY y) SUBJECT z TO u)", { 90, 50, 10, 30 }, 50 },
	};
	for (size_t i = 0; i < LEN(cases); i++) {
		test_case = cases[i].in;
		struct arena *a = arena_new(NULL, "test", IMAP_COMMAND_BUDGET, 0);
		struct imap_command cmd;
		uint8_t score[16] = { 0 };
		size_t strings = 0;
		CHECK_ERR(imap_command_parse(a, str_from(cases[i].in), IMAP_SELECTED, 0, &cmd),
		    ERR_OK);
		const struct imap_search_program *p = &cmd.u.search.program;
		for (size_t k = 0; k < p->n && p->n <= LEN(score); k++) {
			bool string = imap_search_is_string(&p->nodes[k]);
			score[k] = string ? cases[i].score[strings++] : 77;
		}
		CHECK_U64(imap_search_score(p, score), cases[i].want);
		arena_free(&a);
	}
}

TEST_MAIN(means_what_the_tree_says, asks_cheap_keys_first, errors_end_it, scores)
