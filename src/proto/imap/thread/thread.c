/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The six steps of RFC 5256 REFERENCES, numbered in the comments, and ORDEREDSUBJECT.
 * While links are made only parents are known; lists of children are made once, afterwards. Start
 * with imap_thread_build.
 */
#include "proto/imap/thread/thread.h"

#include "base/codec.h"
#include "proto/imap/limits.h"

enum { ROOT = 0, NODES_FIRST = 64 };

/* What is known of a node besides its place in the tree. */
struct fact {
	str id;
	uint64_t hash;
	uint32_t kids;   /* step 1: how many have it as parent; later: the last child */
	uint32_t family; /* a node of the same tree, towards one that stands for it */
};

struct builder {
	struct arena *a;
	const struct imap_thread_message *m;
	size_t n; /* messages */
	const uint8_t *key;
	struct imap_thread_node *node;
	struct fact *fact;
	size_t nodes, cap;
	uint32_t *table; /* ids to nodes: open addressing; 0: empty */
	size_t table_n;
	uint64_t steps;
};

static void *
grown(struct arena *a, const void *old, size_t n, size_t cap, size_t size)
{
	void *p = arena_array(a, cap, size);
	if (p != NULL && n > 0) {
		memcpy(p, old, n * size);
	}
	return p;
}

static enum err
add_node(struct builder *b, uint32_t *ret)
{
	if (b->nodes == b->cap) {
		size_t cap = MAX(b->cap * 2, (size_t)NODES_FIRST);
		if (cap > UINT32_MAX) {
			return ERR_TOOBIG;
		}
		b->node = grown(b->a, b->node, b->nodes, cap, sizeof *b->node);
		b->fact = grown(b->a, b->fact, b->nodes, cap, sizeof *b->fact);
		if (b->node == NULL || b->fact == NULL) {
			return ERR_BUDGET;
		}
		b->cap = cap;
	}
	*ret = (uint32_t)b->nodes++;
	b->fact[*ret].family = *ret;
	return ERR_OK;
}

static bool
is_dummy(const struct builder *b, uint32_t at)
{
	return at > b->n;
}

/* ---- the table of message ids ------------------------------------------------------------- */

static size_t
slot_of(const struct builder *b, str id, uint64_t hash)
{
	size_t i = (size_t)hash & (b->table_n - 1);
	while (b->table[i] != 0) {
		const struct fact *f = &b->fact[b->table[i]];
		if (f->hash == hash && str_eq(f->id, id)) {
			break;
		}
		i = (i + 1) & (b->table_n - 1);
	}
	return i;
}

static enum err
grow_table(struct builder *b)
{
	size_t old_n = b->table_n;
	const uint32_t *old = b->table;
	b->table_n = MAX(old_n * 2, (size_t)NODES_FIRST * 4);
	b->table = arena_array(b->a, b->table_n, sizeof *b->table);
	if (b->table == NULL) {
		return ERR_BUDGET;
	}
	for (size_t i = 0; i < old_n; i++) {
		if (old[i] != 0) {
			b->table[slot_of(b, b->fact[old[i]].id, b->fact[old[i]].hash)] = old[i];
		}
	}
	return ERR_OK;
}

/* The node of an id; `mine`: that node when the id is new, 0: a dummy then. */
static enum err
node_of(struct builder *b, str id, uint32_t mine, uint32_t *ret)
{
	if (b->nodes * 2 >= b->table_n) {
		TRY(grow_table(b));
	}
	uint64_t hash = siphash(b->key, id);
	size_t i = slot_of(b, id, hash);
	if (b->table[i] == 0) {
		if (mine == 0) {
			TRY(add_node(b, &mine));
		}
		b->fact[mine].id = id;
		b->fact[mine].hash = hash;
		b->table[i] = mine;
	}
	*ret = b->table[i];
	return ERR_OK;
}

/* ---- step 1: links ------------------------------------------------------------------------ */

static uint32_t
family_of(struct builder *b, uint32_t at)
{
	while (b->fact[at].family != at) {
		b->fact[at].family = b->fact[b->fact[at].family].family;
		at = b->fact[at].family;
	}
	return at;
}

/* Is `above` an ancestor of `at`, or the same? Trees that were never joined need no look. */
static enum err
is_above(struct builder *b, uint32_t above, uint32_t at, bool *ret)
{
	*ret = above == at;
	if (*ret || b->fact[above].kids == 0 || family_of(b, above) != family_of(b, at)) {
		return ERR_OK;
	}
	for (; at != 0 && !*ret; at = b->node[at].parent) {
		*ret = at == above;
		if (++b->steps > IMAP_THREAD_STEPS_MAX) {
			return ERR_TOOBIG;
		}
	}
	return ERR_OK;
}

/* Make `child` a child of `parent` unless that would be a loop; it has no parent. */
static enum err
link_to(struct builder *b, uint32_t parent, uint32_t child)
{
	bool loop;
	TRY(is_above(b, child, parent, &loop));
	if (!loop) {
		b->node[child].parent = parent;
		b->fact[parent].kids++;
		b->fact[family_of(b, child)].family = family_of(b, parent);
	}
	return ERR_OK;
}

static enum err
link_message(struct builder *b, uint32_t at)
{
	const struct imap_thread_message *m = &b->m[at - 1];
	size_t first = m->refs_n - MIN(m->refs_n, (size_t)IMAP_THREAD_REFS_MAX);
	uint32_t last = 0, ref;
	for (size_t i = first; i < m->refs_n; i++) { /* 1 (A) */
		TRY(node_of(b, m->refs[i], 0, &ref));
		if (last != 0 && b->node[ref].parent == 0) {
			TRY(link_to(b, last, ref));
		}
		last = ref;
	}
	if (b->node[at].parent != 0) { /* 1 (B) */
		b->fact[b->node[at].parent].kids--;
		b->node[at].parent = 0;
	}
	return last == 0 ? ERR_OK : link_to(b, last, at);
}

static enum err
link_all(struct builder *b)
{
	uint32_t at;
	for (size_t i = 0; i < b->n; i++) { /* the first message with an id has it */
		if (b->m[i].id.n > 0) {
			TRY(node_of(b, b->m[i].id, (uint32_t)i + 1, &at));
		}
	}
	for (size_t i = 0; i < b->n; i++) {
		TRY(link_message(b, (uint32_t)i + 1));
	}
	return ERR_OK;
}

/* ---- lists of children -------------------------------------------------------------------- */

/* From here on fact.kids is the last child. */
static void
append_list(struct builder *b, uint32_t parent, uint32_t first, uint32_t last)
{
	struct imap_thread_node *p = &b->node[parent];
	if (p->child == 0) {
		p->child = first;
	} else {
		b->node[b->fact[parent].kids].next = first;
	}
	b->fact[parent].kids = last;
}

static void
append_child(struct builder *b, uint32_t parent, uint32_t child)
{
	b->node[child].next = 0;
	append_list(b, parent, child, child);
}

/* Step 2: what has no parent is a child of the root. */
static void
list_children(struct builder *b)
{
	for (size_t i = 1; i < b->nodes; i++) {
		append_child(b, b->node[i].parent, (uint32_t)i);
	}
}

/* All nodes, each before its children. */
static uint32_t *
in_order(struct builder *b, size_t *ret_n)
{
	uint32_t *order = arena_array(b->a, b->nodes, sizeof *order);
	size_t n = 0;
	if (order == NULL) {
		return NULL;
	}
	order[n++] = ROOT;
	for (size_t i = 0; i < n; i++) {
		for (uint32_t k = b->node[order[i]].child; k != 0; k = b->node[k].next) {
			order[n++] = k;
		}
	}
	*ret_n = n;
	return order;
}

/* ---- step 3: dummies ---------------------------------------------------------------------- */

/* Take the dummies out of the children of `at`; those below are without already. */
static void
prune_children(struct builder *b, uint32_t at)
{
	uint32_t kid = b->node[at].child, next;
	b->node[at].child = 0;
	b->fact[at].kids = 0;
	for (; kid != 0; kid = next) {
		next = b->node[kid].next;
		uint32_t first = b->node[kid].child;
		bool several = first != 0 && b->node[first].next != 0;
		if (!is_dummy(b, kid) || (at == ROOT && several)) {
			append_child(b, at, kid);
		} else if (first != 0) {
			append_list(b, at, first, b->fact[kid].kids);
			b->node[kid].child = 0;
		}
	}
}

static enum err
prune(struct builder *b)
{
	size_t n = 0;
	const uint32_t *order = in_order(b, &n);
	if (order == NULL) {
		return ERR_BUDGET;
	}
	while (n > 0) {
		prune_children(b, order[--n]);
	}
	return ERR_OK;
}

/* ---- steps 4 and 6: sorting --------------------------------------------------------------- */

struct item {
	int64_t sent_s;
	uint32_t first, node; /* first: the message whose date counts; mailbox order breaks ties */
};

static int
by_date(const void *a, const void *b)
{
	const struct item *x = a, *y = b;
	if (x->sent_s != y->sent_s) {
		return x->sent_s < y->sent_s ? -1 : 1;
	}
	return x->first < y->first ? -1 : x->first > y->first;
}

/* The message that stands for a node: a dummy's first child. */
static uint32_t
face_of(const struct builder *b, uint32_t at)
{
	return is_dummy(b, at) ? b->node[at].child : at;
}

static void
sort_children(struct builder *b, uint32_t at, struct item *items)
{
	size_t n = 0;
	for (uint32_t k = b->node[at].child; k != 0; k = b->node[k].next) {
		uint32_t face = face_of(b, k);
		items[n++] = (struct item){ b->m[face - 1].sent_s, face, k };
	}
	if (n < 2) {
		return;
	}
	qsort(items, n, sizeof *items, by_date);
	b->node[at].child = 0;
	for (size_t i = 0; i < n; i++) {
		append_child(b, at, items[i].node);
	}
}

/* Step 4: the root's children, after the children of its dummies. */
static void
sort_top(struct builder *b, struct item *items)
{
	for (uint32_t k = b->node[ROOT].child; k != 0; k = b->node[k].next) {
		if (is_dummy(b, k)) {
			sort_children(b, k, items);
		}
	}
	sort_children(b, ROOT, items);
}

/* Step 6. The date of a message is its own, so only the root has to wait for others. */
static void
sort_all(struct builder *b, struct item *items)
{
	for (size_t i = b->nodes - 1; i > 0; i--) {
		sort_children(b, (uint32_t)i, items);
	}
	sort_children(b, ROOT, items);
}

/* ---- step 5: subjects --------------------------------------------------------------------- */

/* Base subjects to children of the root: open addressing by the subject of the node's face. */
struct subjects {
	struct slot {
		uint64_t hash;
		uint32_t node; /* 0: empty */
	} * slot;
	size_t n;
};

static str
subject_of(const struct builder *b, uint32_t at)
{
	return b->m[face_of(b, at) - 1].subject;
}

static struct slot *
find_subject(const struct builder *b, struct subjects *t, str subject)
{
	uint64_t hash = siphash(b->key, subject);
	size_t i = (size_t)hash & (t->n - 1);
	while (t->slot[i].node != 0 &&
	    !(t->slot[i].hash == hash && str_eq(subject_of(b, t->slot[i].node), subject))) {
		i = (i + 1) & (t->n - 1);
	}
	t->slot[i].hash = hash;
	return &t->slot[i];
}

static bool
is_reply(const struct builder *b, uint32_t at)
{
	return !is_dummy(b, at) && b->m[at - 1].reply;
}

/* 5 (B) */
static void
note_subject(struct builder *b, struct subjects *t, uint32_t at)
{
	str subject = subject_of(b, at);
	if (subject.n == 0) {
		return;
	}
	struct slot *s = find_subject(b, t, subject);
	bool better = s->node != 0 && !is_dummy(b, s->node) &&
	    (is_dummy(b, at) || (is_reply(b, s->node) && !is_reply(b, at)));
	if (s->node == 0 || better) {
		s->node = at;
	}
}

/* 5 (C): true when the node is no longer a child of the root. */
static enum err
merge_subject(struct builder *b, struct subjects *t, uint32_t at, bool *ret_moved)
{
	str subject = subject_of(b, at);
	struct slot *s = subject.n == 0 ? NULL : find_subject(b, t, subject);
	*ret_moved = s != NULL && s->node != at;
	if (!*ret_moved) {
		return ERR_OK;
	}
	uint32_t other = s->node;
	if (is_dummy(b, other) && is_dummy(b, at)) {
		append_list(b, other, b->node[at].child, b->fact[at].kids);
		b->node[at].child = 0;
	} else if (is_dummy(b, other) || (is_reply(b, at) && !is_reply(b, other))) {
		append_child(b, other, at);
	} else {
		uint32_t both;
		TRY(add_node(b, &both));
		b->node[both] = (struct imap_thread_node){ 0 };
		append_child(b, both, other);
		append_child(b, both, at);
		s->node = both;
	}
	return ERR_OK;
}

/* What stands at the top for `at` now: itself, or the dummy that took its place. */
static uint32_t
top_of(struct builder *b, struct subjects *t, uint32_t at)
{
	str subject = subject_of(b, at);
	uint32_t now = subject.n == 0 ? at : find_subject(b, t, subject)->node;
	return is_dummy(b, now) && !is_dummy(b, at) ? now : at;
}

static enum err
gather(struct builder *b)
{
	struct subjects t = { .n = NODES_FIRST };
	size_t n = 0;
	bool moved;
	for (uint32_t k = b->node[ROOT].child; k != 0; k = b->node[k].next) {
		n++;
	}
	while (t.n < n * 2) {
		t.n *= 2;
	}
	uint32_t *top = arena_array(b->a, n, sizeof *top);
	t.slot = arena_array(b->a, t.n, sizeof *t.slot);
	if (top == NULL || t.slot == NULL) {
		return ERR_BUDGET;
	}
	n = 0;
	for (uint32_t k = b->node[ROOT].child; k != 0; k = b->node[k].next) {
		top[n++] = k;
		note_subject(b, &t, k);
	}
	size_t kept = 0;
	for (size_t i = 0; i < n; i++) {
		uint32_t at = top[i];
		TRY(merge_subject(b, &t, at, &moved));
		if (!moved) {
			top[kept++] = at;
		}
	}
	b->node[ROOT].child = 0;
	for (size_t i = 0; i < kept; i++) {
		append_child(b, ROOT, top_of(b, &t, top[i]));
	}
	return ERR_OK;
}

static enum err
by_references(struct builder *b)
{
	TRY(link_all(b));
	for (size_t i = 0; i < b->nodes; i++) {
		b->node[i].child = b->node[i].next = 0;
		b->fact[i].kids = 0;
	}
	list_children(b);
	TRY(prune(b));
	struct item *items = arena_array(b->a, b->nodes, sizeof *items);
	if (items == NULL) {
		return ERR_BUDGET;
	}
	sort_top(b, items);
	TRY(gather(b));
	items = arena_array(b->a, b->nodes, sizeof *items);
	if (items == NULL) {
		return ERR_BUDGET;
	}
	sort_all(b, items);
	return ERR_OK;
}

/* ---- ORDEREDSUBJECT ----------------------------------------------------------------------- */

/* The first message of each subject by date becomes the parent of the others. */
static enum err
by_subject(struct builder *b)
{
	struct item *items = arena_array(b->a, b->n + 1, sizeof *items);
	struct subjects t = { .n = NODES_FIRST };
	while (t.n < b->n * 2) {
		t.n *= 2;
	}
	t.slot = arena_array(b->a, t.n, sizeof *t.slot);
	if (items == NULL || t.slot == NULL) {
		return ERR_BUDGET;
	}
	for (uint32_t i = 1; i <= b->n; i++) {
		items[i - 1] = (struct item){ b->m[i - 1].sent_s, i, i };
	}
	if (b->n > 1) {
		qsort(items, b->n, sizeof *items, by_date);
	}
	for (size_t i = 0; i < b->n; i++) {
		uint32_t at = items[i].node;
		struct slot *s = find_subject(b, &t, b->m[at - 1].subject);
		append_child(b, s->node, at); /* 0 is the root */
		s->node = s->node == 0 ? at : s->node;
	}
	return ERR_OK;
}

enum err
imap_thread_build(const struct imap_thread_input *in, struct imap_thread_tree *ret, struct arena *a)
{
	struct builder b = { .a = a, .m = in->messages, .n = in->n, .key = in->key };
	uint32_t at;
	for (size_t i = 0; i <= in->n; i++) {
		TRY(add_node(&b, &at));
	}
	TRY(in->by == IMAP_THREAD_REFERENCES ? by_references(&b) : by_subject(&b));
	size_t count = 0;
	const uint32_t *order = in_order(&b, &count);
	if (order == NULL) {
		return ERR_BUDGET;
	}
	for (size_t i = 0; i < count; i++) {
		for (uint32_t k = b.node[order[i]].child; k != 0; k = b.node[k].next) {
			b.node[k].parent = order[i];
		}
	}
	*ret = (struct imap_thread_tree){ b.node, in->messages, in->n };
	return ERR_OK;
}

/* ---- writing ------------------------------------------------------------------------------ */

/* A list of its own: a whole thread, or one of several siblings. */
static bool
is_list(const struct imap_thread_tree *t, uint32_t at, uint32_t top)
{
	uint32_t first = t->nodes[t->nodes[at].parent].child;
	return at == top || t->nodes[first].next != 0;
}

static void
put_node(struct buf *out, const struct imap_thread_tree *t, uint32_t at, uint32_t top)
{
	uint32_t child = t->nodes[at].child;
	bool list = is_list(t, at, top), dummy = at > t->n;
	if (list) {
		buf_ch(out, '(');
	} else if (t->nodes[at].parent <= t->n) {
		buf_ch(out, ' ');
	}
	if (!dummy) {
		buf_u64(out, t->messages[at - 1].number);
	}
	if (!dummy && child != 0 && t->nodes[child].next != 0) {
		buf_ch(out, ' '); /* before the nested lists */
	}
}

void
imap_thread_put(struct buf *out, const struct imap_thread_tree *t, uint32_t top)
{
	uint32_t at = top;
	put_node(out, t, at, top);
	for (;;) {
		if (t->nodes[at].child != 0) {
			at = t->nodes[at].child;
			put_node(out, t, at, top);
			continue;
		}
		while (at != top && t->nodes[at].next == 0) {
			buf_cstr(out, is_list(t, at, top) ? ")" : "");
			at = t->nodes[at].parent;
		}
		buf_cstr(out, is_list(t, at, top) ? ")" : "");
		if (at == top) {
			return;
		}
		at = t->nodes[at].next;
		put_node(out, t, at, top);
	}
}

void
imap_thread_id(struct buf *out, str id)
{
	bool quoted = false;
	for (size_t i = 0; i < id.n; i++) {
		if (id.p[i] == '"') {
			quoted = !quoted;
		} else {
			i += quoted && id.p[i] == '\\' && i + 1 < id.n;
			buf_ch(out, id.p[i]);
		}
	}
}
