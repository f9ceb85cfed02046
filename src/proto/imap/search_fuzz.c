/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any octets as the arguments of SEARCH. A program that parses is evaluated for a few made-up
 * messages and compared with a plain walk over its tree from the end to the start, which asks every
 * key.
 */
#include "proto/imap/command.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct trial {
	const struct imap_search_node *nodes;
	uint32_t seed;
};

/* What key number i says for the message of this seed. */
static bool
says(const struct trial *t, size_t i)
{
	uint32_t x = (t->seed + (uint32_t)i) * 2654435761u;
	return (x >> 15 & 1) != 0;
}

static enum err
ask(void *ctx, const struct imap_search_node *leaf, bool *ret)
{
	struct trial *t = ctx;
	*ret = says(t, (size_t)(leaf - t->nodes));
	return ERR_OK;
}

/* The children of node i, which is an AND, OR or NOT; their values stand in `value`. */
static bool
combine(const struct imap_search_program *p, size_t i, const bool *value)
{
	bool all = true, any = false;
	size_t child = i + 1;
	while (child < p->nodes[i].end) {
		ASSERT(p->nodes[child].end > child && p->nodes[child].end <= p->nodes[i].end);
		all = all && value[child];
		any = any || value[child];
		child = p->nodes[child].end;
	}
	return p->nodes[i].op == IMAP_SEARCH_AND ? all
	    : p->nodes[i].op == IMAP_SEARCH_OR   ? any
						 : !all;
}

static bool
plain(const struct imap_search_program *p, const struct trial *t, bool *value)
{
	for (size_t i = p->n; i > 0; i--) {
		enum imap_search_op op = p->nodes[i - 1].op;
		bool inner = op == IMAP_SEARCH_AND || op == IMAP_SEARCH_OR || op == IMAP_SEARCH_NOT;
		value[i - 1] = inner ? combine(p, i - 1, value)
				     : op == IMAP_SEARCH_ALL || says(t, i - 1);
	}
	return value[0];
}

static void
evaluate(struct arena *a, const struct imap_search_program *p)
{
	bool *value = arena_array(a, p->n, sizeof *value);
	uint8_t *score = arena_array(a, p->n, sizeof *score);
	for (uint32_t seed = 0; value != NULL && seed < 8; seed++) {
		struct trial t = { p->nodes, seed * 977 };
		bool match;
		ASSERT(imap_search_eval(p, ask, &t, &match) == ERR_OK);
		ASSERT(match == plain(p, &t, value));
		for (size_t i = 0; score != NULL && i < p->n; i++) {
			score[i] = value[i] ? (uint8_t)(1 + (seed + i) % IMAP_SEARCH_SCORE_MAX) : 0;
		}
		unsigned relevancy = score != NULL ? imap_search_score(p, score) : 1;
		ASSERT(relevancy >= 1 && relevancy <= IMAP_SEARCH_SCORE_MAX);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new(NULL, "command", IMAP_COMMAND_BUDGET, 0);
	struct buf b;
	struct imap_command cmd;
	buf_init(&b, IMAP_COMMAND_BUDGET);
	buf_str(&b, S("a UID SEARCH "));
	buf_str(&b, str_make(data, size));
	unsigned enabled = size % 2 == 0 ? IMAP_ENABLED_REV2 : 0;
	if (buf_err(&b) == ERR_OK &&
	    imap_command_parse(a, buf_view(&b), IMAP_SELECTED, enabled, &cmd) == ERR_OK) {
		evaluate(a, &cmd.u.search.program);
	}
	buf_done(&b);
	arena_free(&a);
	return 0;
}
