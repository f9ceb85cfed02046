/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compiling and evaluating search programs. Inner nodes keep in `yes` the kid to ask first.
 */
#include "proto/imap/search.h"

#include "proto/imap/limits.h"

enum { COSTS = 4, UNSCORED = 0xff };

static bool
is_inner(const struct imap_search_node *node)
{
	return node->op == IMAP_SEARCH_AND || node->op == IMAP_SEARCH_OR ||
	    node->op == IMAP_SEARCH_NOT;
}

/* An inner node costs what its dearest leaf costs. */
static void
set_cost(struct imap_search_program *p, size_t at)
{
	struct imap_search_node *node = &p->nodes[at];
	for (size_t i = at + 1; is_inner(node) && i < node->end; i++) {
		node->cost = MAX(node->cost, is_inner(&p->nodes[i]) ? 0 : p->nodes[i].cost);
	}
}

/* Chain the kids of an AND or OR, cheap ones first, and leave the first in the node's yes. */
static void
link_kids(struct imap_search_program *p, size_t at)
{
	struct imap_search_node *nodes = p->nodes, *node = &nodes[at];
	uint16_t yes = node->yes, no = node->no, prev = 0;
	bool all = node->op != IMAP_SEARCH_OR;
	for (unsigned cost = 0; cost < COSTS; cost++) {
		for (uint16_t kid = (uint16_t)(at + 1); kid < node->end; kid = nodes[kid].end) {
			if (nodes[kid].cost != cost) {
				continue;
			}
			nodes[kid].yes = yes;
			nodes[kid].no = no;
			if (prev == 0) {
				node->yes = node->no = kid;
			} else if (all) {
				nodes[prev].yes = kid;
			} else {
				nodes[prev].no = kid;
			}
			prev = kid;
		}
	}
}

void
imap_search_compile(struct imap_search_program *p)
{
	static_assert((int)IMAP_SEARCH_NODES_MAX < (int)IMAP_SEARCH_TRUE,
	    "node indexes fit beside the two ends");
	for (size_t i = 0; i < p->n; i++) {
		set_cost(p, i);
	}
	p->nodes[0].yes = IMAP_SEARCH_TRUE;
	p->nodes[0].no = IMAP_SEARCH_FALSE;
	for (size_t i = 0; i < p->n; i++) {
		struct imap_search_node *node = &p->nodes[i];
		if (node->op == IMAP_SEARCH_NOT) {
			p->nodes[i + 1].yes = node->no;
			p->nodes[i + 1].no = node->yes;
			node->yes = node->no = (uint16_t)(i + 1);
		} else if (is_inner(node)) {
			link_kids(p, i);
		}
	}
}

bool
imap_search_is_string(const struct imap_search_node *node)
{
	return node->op == IMAP_SEARCH_HEADER || node->op == IMAP_SEARCH_BODY ||
	    node->op == IMAP_SEARCH_TEXT;
}

/* Of an inner node, whose kids have theirs. */
static uint8_t
combine(const struct imap_search_program *p, size_t at, const uint8_t *score)
{
	const struct imap_search_node *nodes = p->nodes;
	unsigned sum = 0, n = 0, best = 0;
	bool unscored = false, failed = false;
	for (size_t kid = at + 1; kid < nodes[at].end; kid = nodes[kid].end) {
		unscored = unscored || score[kid] == UNSCORED;
		failed = failed || score[kid] == 0;
		if (score[kid] != UNSCORED) {
			sum += score[kid];
			n++;
			best = MAX(best, (unsigned)score[kid]);
		}
	}
	if (nodes[at].op == IMAP_SEARCH_OR) {
		return best > 0 || !unscored ? (uint8_t)best : UNSCORED;
	}
	bool mean = nodes[at].op == IMAP_SEARCH_AND && n > 0;
	return !mean ? UNSCORED : failed ? 0 : (uint8_t)(sum / n);
}

unsigned
imap_search_score(const struct imap_search_program *p, uint8_t *score)
{
	for (size_t i = p->n; i-- > 0;) {
		const struct imap_search_node *node = &p->nodes[i];
		if (is_inner(node)) {
			score[i] = combine(p, i, score);
		} else if (!node->fuzzy || !imap_search_is_string(node)) {
			score[i] = UNSCORED;
		}
	}
	return score[0] > 0 && score[0] != UNSCORED ? score[0] : (unsigned)IMAP_SEARCH_SCORE_MAX;
}

enum err
imap_search_eval(const struct imap_search_program *p, imap_search_ask *ask, void *ctx, bool *ret)
{
	size_t at = 0;
	while (at < p->n) {
		const struct imap_search_node *node = &p->nodes[at];
		bool match = true;
		if (!is_inner(node) && node->op != IMAP_SEARCH_ALL) {
			TRY(ask(ctx, node, &match));
		}
		at = match ? node->yes : node->no;
	}
	*ret = at == IMAP_SEARCH_TRUE;
	return ERR_OK;
}
