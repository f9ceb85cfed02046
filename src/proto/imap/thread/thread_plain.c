/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The steps of RFC 5256, word by word; no table, no hash. Start with imap_thread_plain.
 */
#include "proto/imap/thread/thread_plain.h"

enum {
	NONE = -1, /* no message, or no parent: a child of the root */
	NODES = 3 * IMAP_THREAD_PLAIN_MAX,
};

struct plain {
	const struct imap_thread_letter *m;
	int n; /* nodes */
	struct {
		str id; /* empty: found by nobody */
		int message, parent;
		bool gone;
	} node[NODES];
};

static int
add(struct plain *x, str id, int message)
{
	ASSERT(x->n < NODES);
	x->node[x->n].id = id;
	x->node[x->n].message = message;
	x->node[x->n].parent = NONE;
	x->node[x->n].gone = false;
	return x->n++;
}

static int
find(struct plain *x, str id)
{
	for (int i = 0; i < x->n; i++) {
		if (x->node[i].id.n > 0 && str_eq(x->node[i].id, id)) {
			return i;
		}
	}
	return add(x, id, NONE);
}

static bool
is_above(const struct plain *x, int above, int at)
{
	while (at != NONE && at != above) {
		at = x->node[at].parent;
	}
	return at == above;
}

static void
link_messages(struct plain *x, int messages)
{
	for (int i = 0; i < messages; i++) {
		int at = x->m[i].id.n > 0 ? find(x, x->m[i].id) : add(x, STR_NONE, i);
		at = x->node[at].message != NONE && x->node[at].message != i ? add(x, STR_NONE, i)
									     : at;
		x->node[at].message = i;
		int last = NONE;
		for (size_t k = 0; k < x->m[i].refs_n; k++) {
			int ref = find(x, x->m[i].refs[k]);
			if (last != NONE && x->node[ref].parent == NONE &&
			    !is_above(x, ref, last)) {
				x->node[ref].parent = last;
			}
			last = ref;
		}
		x->node[at].parent = NONE;
		if (last != NONE && !is_above(x, at, last)) {
			x->node[at].parent = last;
		}
	}
}

/* The next child of a node behind `at` by number; NONE: there is no more. */
static int
next_child(const struct plain *x, int parent, int at)
{
	for (at++; at < x->n; at++) {
		if (!x->node[at].gone && x->node[at].parent == parent) {
			return at;
		}
	}
	return NONE;
}

static int
count_children(const struct plain *x, int parent)
{
	int n = 0;
	for (int k = next_child(x, parent, -1); k != NONE; k = next_child(x, parent, k)) {
		n++;
	}
	return n;
}

static void
move_children(struct plain *x, int from, int to)
{
	for (int k = next_child(x, from, -1); k != NONE; k = next_child(x, from, k)) {
		x->node[k].parent = to;
	}
	x->node[from].gone = true;
}

static void
prune(struct plain *x)
{
	for (bool again = true; again;) {
		again = false;
		for (int i = 0; i < x->n; i++) {
			bool stays = x->node[i].gone || x->node[i].message != NONE ||
			    (x->node[i].parent == NONE && count_children(x, i) > 1);
			if (!stays) {
				move_children(x, i, x->node[i].parent);
				again = true;
			}
		}
	}
}

static bool
is_earlier(const struct plain *x, int a, int b)
{
	return x->m[a].sent_s != x->m[b].sent_s ? x->m[a].sent_s < x->m[b].sent_s : a < b;
}

/* The message that a node is sorted by and has its subject from. */
static int
face_of(const struct plain *x, int at)
{
	int face = x->node[at].message;
	if (face != NONE) {
		return face;
	}
	for (int k = next_child(x, at, -1); k != NONE; k = next_child(x, at, k)) {
		if (face == NONE || is_earlier(x, x->node[k].message, face)) {
			face = x->node[k].message;
		}
	}
	return face;
}

/* Children by date. */
static int
sorted_children(const struct plain *x, int parent, int ret[NODES])
{
	int n = 0;
	for (int k = next_child(x, parent, -1); k != NONE; k = next_child(x, parent, k)) {
		int at = n++;
		for (; at > 0 && is_earlier(x, face_of(x, k), face_of(x, ret[at - 1])); at--) {
			ret[at] = ret[at - 1];
		}
		ret[at] = k;
	}
	return n;
}

static bool
is_reply(const struct plain *x, int at)
{
	return x->node[at].message != NONE && x->m[x->node[at].message].reply;
}

/* 5 (B): which of the root's children the subject table has. */
static int
entry_of(const struct plain *x, const int *top, int n, str subject, const str *subjects)
{
	int best = NONE;
	for (int i = 0; i < n; i++) {
		if (!str_eq(subjects[i], subject)) {
			continue;
		}
		bool dummy = x->node[top[i]].message == NONE;
		bool better = best == NONE ||
		    (x->node[best].message != NONE &&
			(dummy || (is_reply(x, best) && !is_reply(x, top[i]))));
		best = better ? top[i] : best;
	}
	return best;
}

static void
gather(struct plain *x)
{
	int top[NODES], entry[NODES], n = sorted_children(x, NONE, top);
	str subjects[NODES];
	for (int i = 0; i < n; i++) {
		subjects[i] = x->m[face_of(x, top[i])].subject;
	}
	for (int i = 0; i < n; i++) {
		entry[i] = entry_of(x, top, n, subjects[i], subjects);
	}
	for (int i = 0; i < n; i++) {
		int at = top[i], other = entry[i];
		if (subjects[i].n == 0 || other == at) {
			continue;
		}
		bool dummy = x->node[other].message == NONE;
		if (dummy && x->node[at].message == NONE) {
			move_children(x, at, other);
		} else if (dummy || (is_reply(x, at) && !is_reply(x, other))) {
			x->node[at].parent = other;
		} else {
			int both = add(x, STR_NONE, NONE);
			x->node[at].parent = x->node[other].parent = both;
			for (int k = 0; k < n; k++) {
				entry[k] = entry[k] == other && k > i ? both : entry[k];
			}
		}
	}
}

static void
by_subject(struct plain *x, int messages)
{
	for (int i = 0; i < messages; i++) {
		add(x, STR_NONE, i);
	}
	for (int i = 0; i < messages; i++) {
		int first = i;
		for (int k = 0; k < messages; k++) {
			bool same = str_eq(x->m[k].subject, x->m[i].subject);
			first = same && is_earlier(x, k, first) ? k : first;
		}
		x->node[i].parent = first == i ? NONE : first;
	}
}

/* What a node's children add behind it, when their texts are known. */
static str
text_of(struct arena *a, const struct plain *x, int at, const str *texts)
{
	int kids[NODES], n = sorted_children(x, at, kids);
	bool message = at != NONE && x->node[at].message != NONE;
	str text = message ? arena_printf(a, "%d", x->node[at].message + 1) : S("");
	if (n > 0 && message) {
		text = arena_printf(a, "%.*s ", STR_ARG(text));
	}
	for (int i = 0; i < n; i++) {
		bool list = n > 1 || at == NONE;
		text = arena_printf(a, "%.*s%s%.*s%s", STR_ARG(text), list ? "(" : "",
		    STR_ARG(texts[kids[i]]), list ? ")" : "");
	}
	return text;
}

static int
depth_of(const struct plain *x, int at)
{
	int depth = 0;
	for (; x->node[at].parent != NONE; at = x->node[at].parent) {
		depth++;
	}
	return depth;
}

str
imap_thread_plain(struct arena *a, enum imap_thread_by by, const struct imap_thread_letter *m,
    size_t n)
{
	static struct plain x;
	static str texts[NODES];
	ASSERT(n <= IMAP_THREAD_PLAIN_MAX);
	x.m = m;
	x.n = 0;
	if (by == IMAP_THREAD_REFERENCES) {
		link_messages(&x, (int)n);
		prune(&x);
		gather(&x);
	} else {
		by_subject(&x, (int)n);
	}
	for (int depth = x.n; depth >= 0; depth--) { /* children before their parents */
		for (int i = 0; i < x.n; i++) {
			if (!x.node[i].gone && depth_of(&x, i) == depth) {
				texts[i] = text_of(a, &x, i, texts);
			}
		}
	}
	return text_of(a, &x, NONE, texts);
}
