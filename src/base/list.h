/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Intrusive doubly linked list. The node lies in the owner's struct; nothing is allocated.
 */
#ifndef BASE_LIST_H
#define BASE_LIST_H

struct list {
	struct list *prev, *next;
};

/* An empty list, or a node that is in none. */
static inline void
list_init(struct list *l)
{
	l->prev = l->next = l;
}

/* True for an empty list, and for a node that is in none. */
static inline bool
list_empty(const struct list *l)
{
	return l->next == l;
}

/* Insert `node` at the end of `head`. */
static inline void
list_push(struct list *head, struct list *node)
{
	node->prev = head->prev;
	node->next = head;
	head->prev->next = node;
	head->prev = node;
}

/* Take the node out; safe on a node that was only initialised. */
static inline void
list_remove(struct list *node)
{
	node->prev->next = node->next;
	node->next->prev = node->prev;
	list_init(node);
}

/* Move all nodes of `from` to the end of `to`. */
static inline void
list_move(struct list *from, struct list *to)
{
	while (!list_empty(from)) {
		struct list *node = from->next;
		list_remove(node);
		list_push(to, node);
	}
}

#define LIST_ENTRY(node, type, member) CONTAINER_OF(node, type, member)
/* The body may remove `it` itself, nothing else. */
#define LIST_EACH(it, head)                                                       \
	for (struct list *it = (head)->next, *it##_next = it->next; it != (head); \
	     it = it##_next, it##_next = it->next)

#endif
