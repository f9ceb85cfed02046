/* SPDX-License-Identifier: Apache-2.0 */
/*
 * THREAD: building the trees of ORDEREDSUBJECT and REFERENCES from what the caller knows of each
 * message, and writing them. Everything is iterative; memory is a few nodes per message.
 */
#ifndef PROTO_IMAP_THREAD_THREAD_H
#define PROTO_IMAP_THREAD_THREAD_H

#include "base/arena.h"
#include "base/buf.h"
#include "proto/imap/search.h"

enum imap_thread_by { IMAP_THREAD_ORDEREDSUBJECT, IMAP_THREAD_REFERENCES };

struct imap_thread_args {
	struct imap_search_args search;
	enum imap_thread_by by;
};

/* One message that was found. Strings live as long as the tree is being built. */
struct imap_thread_message {
	uint32_t number; /* what is told: sequence number or uid */
	bool reply;      /* a reply or forward by its subject */
	int64_t sent_s;  /* sent date */
	str subject;     /* base subject, prepared for i;unicode-casemap; may be empty */
	str id;          /* normalised message identifier; empty: none */
	const str *refs; /* normalised, oldest first; at most IMAP_THREAD_REFS_MAX are looked at */
	size_t refs_n;
};

/* Node 0 is the root; 1 to n are the messages in their order; the rest are dummies. */
struct imap_thread_node {
	uint32_t parent, child, next; /* first child, next sibling; 0: none */
};

struct imap_thread_tree {
	struct imap_thread_node *nodes;
	const struct imap_thread_message *messages;
	size_t n; /* messages */
};

/* The messages to build a tree of. */
struct imap_thread_input {
	enum imap_thread_by by;
	const struct imap_thread_message *messages; /* in mailbox order */
	size_t n;
	const uint8_t *key; /* 16 random octets for the tables */
};

/*
 * Build the tree.
 *
 * In      in: its messages are borrowed as long as the tree is used
 * Out     ret: in `a`, whose budget bounds everything
 * Limits  IMAP_THREAD_STEPS_MAX steps of looking for loops: the trees of real mail need none
 * Errors  ERR_BUDGET; ERR_TOOBIG: the references are so tangled that it would take too long
 * RFC     5256 3 (BASE.6.4.THREAD)
 */
enum err imap_thread_build(const struct imap_thread_input *in, struct imap_thread_tree *ret,
    struct arena *a);

/*
 * Write one thread, a child of the root: "(3 6 (4 23)(44 7 96))". Go on with nodes[at].next.
 *
 * RFC     5256 4, 5 (thread-list)
 */
void imap_thread_put(struct buf *out, const struct imap_thread_tree *t, uint32_t at);

/*
 * The normal form of an identifier as mail_msgid_next gives it: quotes and escapes removed where
 * they need not be. Appends to out.
 *
 * RFC     5256 3 (Message ID); 5322 3.6.4
 */
void imap_thread_id(struct buf *out, str id);

#endif
