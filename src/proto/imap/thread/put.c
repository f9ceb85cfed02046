/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing threads, a node at a time, so that a thread of any length and depth goes out in pieces.
 */
#include "proto/imap/thread/thread_priv.h"

/* A list of its own: a whole thread, or one of several siblings. */
static bool
is_list(const struct imap_thread *t, uint32_t at)
{
	uint32_t first = node(t, node(t, at)->parent)->child;
	return at == t->top || node(t, first)->next != 0;
}

static void
put_node(const struct imap_thread *t, struct buf *out)
{
	const struct imap_thread_node *n = node(t, t->at);
	if (is_list(t, t->at)) {
		buf_ch(out, '(');
	} else {
		buf_ch(out, ' '); /* the only child of a message: a dummy has several */
	}
	if (n->message != 0) {
		buf_u64(out, fact(t, n->message - 1)->number);
	}
	if (n->message != 0 && n->child != 0 && node(t, n->child)->next != 0) {
		buf_ch(out, ' '); /* before the nested lists */
	}
}

/* Go to what is written next, ending the lists that end here. */
static void
go_on(struct imap_thread *t, struct buf *out)
{
	uint32_t at = t->at;
	if (node(t, at)->child != 0) {
		t->at = node(t, at)->child;
		return;
	}
	for (;;) {
		if (is_list(t, at)) {
			buf_ch(out, ')');
		}
		if (at == t->top || node(t, at)->next != 0) {
			break;
		}
		at = node(t, at)->parent;
	}
	t->top = at == t->top ? node(t, at)->next : t->top;
	t->at = node(t, at)->next;
}

bool
imap_thread_put(struct imap_thread *t, struct buf *out, size_t most)
{
	while (t->at != 0 && out->n < most) {
		put_node(t, out);
		go_on(t, out);
	}
	return t->at != 0;
}
