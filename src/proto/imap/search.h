/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Search programs. Parsed into a flat array of nodes in prefix order; compiling gives every node
 * two jumps (where to go when it is true or false), so that evaluating is one loop without
 * recursion. Within an AND or OR the cheap keys are asked first: flags before header fields before
 * bodies.
 */
#ifndef PROTO_IMAP_SEARCH_H
#define PROTO_IMAP_SEARCH_H

#include "proto/imap/seqset.h"

enum imap_search_op {
	IMAP_SEARCH_AND,
	IMAP_SEARCH_OR,
	IMAP_SEARCH_NOT,
	IMAP_SEARCH_ALL,
	IMAP_SEARCH_FLAG,    /* number: IMAP_FLAG_* bits, all set */
	IMAP_SEARCH_KEYWORD, /* text: keyword */
	IMAP_SEARCH_SEQ,
	IMAP_SEARCH_UID, /* set */
	IMAP_SEARCH_BEFORE,
	IMAP_SEARCH_ON,
	IMAP_SEARCH_SINCE, /* number: day */
	IMAP_SEARCH_SAVEDBEFORE,
	IMAP_SEARCH_SAVEDON,
	IMAP_SEARCH_SAVEDSINCE, /* number: day */
	IMAP_SEARCH_OLDER,
	IMAP_SEARCH_YOUNGER, /* number: seconds before now (RFC 5032) */
	IMAP_SEARCH_LARGER,
	IMAP_SEARCH_SMALLER, /* number: octets */
	IMAP_SEARCH_MODSEQ,  /* number: at least */
	IMAP_SEARCH_EMAILID,
	IMAP_SEARCH_THREADID, /* text */
	IMAP_SEARCH_SENTBEFORE,
	IMAP_SEARCH_SENTON,
	IMAP_SEARCH_SENTSINCE, /* number: day */
	IMAP_SEARCH_HEADER,    /* name, text; empty text: the field exists */
	IMAP_SEARCH_BODY,
	IMAP_SEARCH_TEXT, /* text */
};

struct mail_fuzzy;

struct imap_search_node {
	enum imap_search_op op;
	uint16_t end;     /* index behind this node's subtree */
	uint16_t yes, no; /* where to go; IMAP_SEARCH_TRUE or _FALSE at the end */
	uint8_t cost;     /* 0 state, 1 cached fields, 2 header, 3 body */
	uint64_t number;
	struct imap_seqset set;
	str name, text;           /* text: UTF-8, as given */
	void *user;               /* the executor's own preparation (folded text, keyword bit) */
	bool fuzzy;               /* within FUZZY (RFC 6203) */
	struct mail_fuzzy *words; /* the executor's: of a fuzzy string */
};

enum { IMAP_SEARCH_TRUE = 0xfffe, IMAP_SEARCH_FALSE = 0xffff };

struct imap_search_program {
	struct imap_search_node *nodes;
	size_t n;
	bool has_modseq; /* a MODSEQ key: responses carry MODSEQ (RFC 7162 3.1.5) */
	bool has_seq;    /* a key of sequence numbers */
	bool has_fuzzy;  /* a FUZZY key: there are scores */
};

enum {
	IMAP_RETURN_MIN = 1,
	IMAP_RETURN_MAX = 2,
	IMAP_RETURN_ALL = 4,
	IMAP_RETURN_COUNT = 8,
	IMAP_RETURN_SAVE = 16,
	IMAP_RETURN_PARTIAL = 32,
	IMAP_RETURN_RELEVANCY = 64 /* only with a FUZZY key: RFC 6203 4 */
};

/* PARTIAL: results first to second, in either order, counted from 1, or back from the last one. */
struct imap_partial {
	uint32_t first, second; /* 0: not asked for */
	bool from_end;
};

struct imap_search_args {
	bool charset;  /* CHARSET was there */
	bool extended; /* RETURN was given: answer with ESEARCH */
	unsigned ret;  /* IMAP_RETURN_*; RETURN () means ALL */
	struct imap_partial partial;
	struct imap_search_program program;
};

/* Which mailboxes ESEARCH looks into (RFC 7377 2.2; 5465 6). */
enum imap_look_kind {
	IMAP_LOOK_SELECTED,
	IMAP_LOOK_INBOXES,
	IMAP_LOOK_PERSONAL,
	IMAP_LOOK_SUBSCRIBED,
	IMAP_LOOK_SUBTREE,
	IMAP_LOOK_SUBTREE_ONE,
	IMAP_LOOK_MAILBOXES
};

/* One of them; a list of names is spread over several. */
struct imap_look {
	enum imap_look_kind kind;
	str name; /* UTF-8; of the last three kinds */
};

struct imap_esearch_args {
	struct imap_search_args search;
	struct imap_look *looks; /* none given: SELECTED */
	size_t n;
};

/*
 * Resolve the jumps. Called by the parser once the nodes stand; public for tests.
 *
 * In      p: nodes in prefix order with end and cost set; the first node is the root
 */
void imap_search_compile(struct imap_search_program *p);

/*
 * Answer one leaf for the message at hand. AND, OR, NOT and ALL are never asked.
 *
 * Out     ret: whether it matches
 * Errors  any: ends the evaluation and is handed through
 */
typedef enum err imap_search_ask(void *ctx, const struct imap_search_node *leaf, bool *ret);

/* Does this leaf look for a string in messages? */
bool imap_search_is_string(const struct imap_search_node *node);

/*
 * The relevancy of a message that matches: the mean of keys that all have to match, the best of OR.
 * What is no fuzzy string, or is under NOT, matches or does not, and has no score.
 *
 * In      score: of each node; those of fuzzy strings are set, 0: no match; the rest is used here
 * Out     1 to 100; 100 when nothing has a score
 * RFC     6203 4
 */
unsigned imap_search_score(const struct imap_search_program *p, uint8_t *score);

/* Evaluate for one message. Time: each node is visited at most once. Errors: what `ask` gives. */
enum err imap_search_eval(const struct imap_search_program *p, imap_search_ask *ask, void *ctx,
    bool *ret);

#endif
