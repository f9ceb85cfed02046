/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What link.c fills, thread.c orders and put.c writes: messages, and nodes that link them. Both lie
 * in pieces of a fixed size, so that growing copies nothing and leaves nothing behind.
 */
#ifndef PROTO_IMAP_THREAD_THREAD_PRIV_H
#define PROTO_IMAP_THREAD_THREAD_PRIV_H

#include "proto/imap/thread/thread.h"

enum {
	IMAP_THREAD_ROOT = 0, /* the node above all threads */
	IMAP_THREAD_PIECE_BITS = 12,
	IMAP_THREAD_PIECE = 1 << IMAP_THREAD_PIECE_BITS,
};

struct imap_thread_fact {
	int64_t sent_s;
	uint64_t subject; /* hash of the base subject; 0: it is empty */
	uint32_t number;
	uint32_t node : 31, reply : 1;
};

/* A dummy has message 0. While links are made, `child` and `next` hold other things: link.c. */
struct imap_thread_node {
	uint32_t parent, child, next; /* first child, next sibling; 0: none */
	uint32_t message;             /* its number among facts, from 1 */
};

/* An array in pieces of IMAP_THREAD_PIECE items. */
struct imap_thread_pieces {
	char **p;
	size_t n, cap; /* pieces, and places for them in p */
};

struct imap_thread {
	struct arena *a;
	enum imap_thread_by by;
	uint8_t key[16];
	struct imap_thread_pieces node, fact;
	uint32_t nodes, facts; /* node 0 is the root */

	struct arena *ids;              /* of `hash`; ends when all messages are linked */
	struct imap_thread_pieces hash; /* of each node's identifier; 0: none */
	struct arena *table_arena;      /* as it grows, another one */
	uint32_t *table;                /* identifiers to nodes: open addressing; 0: empty */
	size_t table_n;
	uint64_t steps;

	uint32_t at, top; /* what put.c writes next, and of which thread; 0: nothing */
};

/* Node and message by their numbers; the latter from 0. */
static inline struct imap_thread_node *
node(const struct imap_thread *t, uint32_t i)
{
	void *piece = t->node.p[i >> IMAP_THREAD_PIECE_BITS];
	return (struct imap_thread_node *)piece + (i & (IMAP_THREAD_PIECE - 1));
}

static inline struct imap_thread_fact *
fact(const struct imap_thread *t, uint32_t i)
{
	void *piece = t->fact.p[i >> IMAP_THREAD_PIECE_BITS];
	return (struct imap_thread_fact *)piece + (i & (IMAP_THREAD_PIECE - 1));
}

/* A node that is no message; the root is one, too. */
static inline bool
is_dummy(const struct imap_thread *t, uint32_t at)
{
	return node(t, at)->message == 0;
}

/* A new dummy without links. Errors: ERR_BUDGET, ERR_TOOBIG. */
enum err imap_thread_node_add(struct imap_thread *t, uint32_t *ret);

/* Forget the identifiers: `child` and `next` of all nodes are 0 afterwards. */
void imap_thread_linked(struct imap_thread *t);

#endif
