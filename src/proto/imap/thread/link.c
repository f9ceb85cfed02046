/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages as they come, and step 1 of REFERENCES: who is whose parent. Identifiers are hashes; a
 * node stands for each, and a message takes the node that references before it have made. While
 * links are made, a node's `child` tells whether it ever had one and `next` leads to a node of the
 * same tree that stands for it. Start with imap_thread_add.
 */
#include "proto/imap/thread/thread_priv.h"

#include "base/codec.h"
#include "mail/msgid.h"
#include "proto/imap/limits.h"

enum {
	TABLE_FIRST = 1024,
	NODES_MAX = INT32_MAX, /* a fact's reference to one has 31 bits */
};

/* ---- arrays in pieces --------------------------------------------------------------------- */

/* Have place for item i, zeroed; items come one after another. */
static enum err
more(struct arena *a, struct imap_thread_pieces *x, size_t i, size_t size)
{
	if (i >> IMAP_THREAD_PIECE_BITS < x->n) {
		return ERR_OK;
	}
	char **p = arena_grow(a, x->p, x->n, &x->cap, sizeof *p);
	if (p == NULL) {
		return ERR_BUDGET;
	}
	x->p = p;
	x->p[x->n] = arena_array(a, IMAP_THREAD_PIECE, size);
	if (x->p[x->n] == NULL) {
		return ERR_BUDGET;
	}
	x->n++;
	return ERR_OK;
}

static uint64_t *
hash_at(const struct imap_thread *t, uint32_t i)
{
	void *piece = t->hash.p[i >> IMAP_THREAD_PIECE_BITS];
	return (uint64_t *)piece + (i & (IMAP_THREAD_PIECE - 1));
}

enum err
imap_thread_node_add(struct imap_thread *t, uint32_t *ret)
{
	if (t->nodes == NODES_MAX) {
		return ERR_TOOBIG;
	}
	TRY(more(t->a, &t->node, t->nodes, sizeof(struct imap_thread_node)));
	*ret = t->nodes++;
	return ERR_OK;
}

/* One that takes part in linking. */
static enum err
add_linked(struct imap_thread *t, uint64_t hash, uint32_t *ret)
{
	if (t->by == IMAP_THREAD_REFERENCES) {
		TRY(more(t->ids, &t->hash, t->nodes, sizeof hash));
		*hash_at(t, t->nodes) = hash;
	}
	TRY(imap_thread_node_add(t, ret));
	node(t, *ret)->next = *ret;
	return ERR_OK;
}

/* ---- the table of identifiers ------------------------------------------------------------- */

static size_t
slot_of(const struct imap_thread *t, uint64_t hash)
{
	size_t i = (size_t)hash & (t->table_n - 1);
	while (t->table[i] != 0 && *hash_at(t, t->table[i]) != hash) {
		i = (i + 1) & (t->table_n - 1);
	}
	return i;
}

static enum err
grow_table(struct imap_thread *t)
{
	struct arena *old = t->table_arena, *a = arena_new(t->a, "thread table", SIZE_MAX / 2, 0);
	size_t n = MAX(t->table_n * 2, (size_t)TABLE_FIRST);
	uint32_t *table = a == NULL ? NULL : arena_array(a, n, sizeof *table);
	if (table == NULL) {
		arena_free(&a);
		return ERR_BUDGET;
	}
	t->table = table;
	t->table_n = n;
	t->table_arena = a;
	arena_free(&old);
	for (uint32_t i = 1; i < t->nodes; i++) {
		if (*hash_at(t, i) != 0) {
			t->table[slot_of(t, *hash_at(t, i))] = i;
		}
	}
	return ERR_OK;
}

/* The node of an identifier, a dummy when it is new. */
static enum err
node_of(struct imap_thread *t, uint64_t hash, uint32_t *ret)
{
	if ((size_t)t->nodes * 2 >= t->table_n) {
		TRY(grow_table(t));
	}
	uint32_t *slot = &t->table[slot_of(t, hash)];
	if (*slot == 0) {
		TRY(add_linked(t, hash, slot));
	}
	*ret = *slot;
	return ERR_OK;
}

/* ---- step 1: links ------------------------------------------------------------------------ */

static uint32_t
family_of(struct imap_thread *t, uint32_t at)
{
	while (node(t, at)->next != at) {
		node(t, at)->next = node(t, node(t, at)->next)->next;
		at = node(t, at)->next;
	}
	return at;
}

/* Is `above` an ancestor of `at`, or the same? Trees that were never joined need no look. */
static enum err
is_above(struct imap_thread *t, uint32_t above, uint32_t at, bool *ret)
{
	*ret = above == at;
	if (*ret || node(t, above)->child == 0 || family_of(t, above) != family_of(t, at)) {
		return ERR_OK;
	}
	for (; at != 0 && !*ret; at = node(t, at)->parent) {
		*ret = at == above;
		if (++t->steps > IMAP_THREAD_STEPS_MAX) {
			return ERR_TOOBIG;
		}
	}
	return ERR_OK;
}

/* Make `child` a child of `parent` unless that would be a loop; it has no parent. */
static enum err
link_to(struct imap_thread *t, uint32_t parent, uint32_t child)
{
	bool loop;
	TRY(is_above(t, child, parent, &loop));
	if (!loop) {
		node(t, child)->parent = parent;
		node(t, parent)->child = 1;
		node(t, family_of(t, child))->next = family_of(t, parent);
	}
	return ERR_OK;
}

static enum err
link_message(struct imap_thread *t, uint32_t at, const struct imap_thread_message *m)
{
	uint32_t last = 0, ref;
	for (size_t i = m->refs_n - MIN(m->refs_n, (size_t)IMAP_THREAD_REFS_MAX); i < m->refs_n;
	     i++) { /* 1 (A) */
		TRY(node_of(t, m->refs[i], &ref));
		if (last != 0 && node(t, ref)->parent == 0) {
			TRY(link_to(t, last, ref));
		}
		last = ref;
	}
	if (node(t, at)->parent == last) {
		return ERR_OK;
	}
	node(t, at)->parent = 0; /* 1 (B) */
	return last == 0 ? ERR_OK : link_to(t, last, at);
}

/* The first message with an identifier has its node; others, and those with none, their own. */
static enum err
place(struct imap_thread *t, uint64_t id, uint32_t *ret)
{
	if (id != 0 && t->by == IMAP_THREAD_REFERENCES) {
		TRY(node_of(t, id, ret));
		if (is_dummy(t, *ret)) {
			return ERR_OK;
		}
	}
	return add_linked(t, 0, ret);
}

enum err
imap_thread_add(struct imap_thread *t, const struct imap_thread_message *m)
{
	uint32_t at;
	TRY(more(t->a, &t->fact, t->facts, sizeof(struct imap_thread_fact)));
	TRY(place(t, m->id, &at));
	uint64_t subject = siphash(t->key, m->subject);
	*fact(t, t->facts) = (struct imap_thread_fact){ .sent_s = m->sent_s,
		.subject = m->subject.n == 0 ? 0 : subject | (subject == 0),
		.number = m->number,
		.node = at & NODES_MAX,
		.reply = m->reply };
	node(t, at)->message = ++t->facts;
	return t->by == IMAP_THREAD_REFERENCES ? link_message(t, at, m) : ERR_OK;
}

void
imap_thread_linked(struct imap_thread *t)
{
	arena_free(&t->ids);
	arena_free(&t->table_arena);
	for (uint32_t i = 0; i < t->nodes; i++) {
		node(t, i)->child = node(t, i)->next = 0;
	}
}

enum err
imap_thread_new(struct arena *a, enum imap_thread_by by, const uint8_t *key,
    struct imap_thread **ret)
{
	struct imap_thread *t = ARENA_NEW(a, struct imap_thread);
	uint32_t root;
	if (t == NULL) {
		return ERR_BUDGET;
	}
	t->a = a;
	t->by = by;
	memcpy(t->key, key, sizeof t->key);
	t->ids = arena_new(a, "thread ids", SIZE_MAX / 2, 0);
	if (t->ids == NULL) {
		return ERR_BUDGET;
	}
	TRY(add_linked(t, 0, &root));
	*ret = t;
	return ERR_OK;
}

/* ---- identifiers -------------------------------------------------------------------------- */

uint64_t
imap_thread_hash(const struct imap_thread *t, str id)
{
	char room[MAIL_MSGID_MAX];
	struct buf b;
	if (str_chr(id, '"') >= 0) {
		buf_init_fixed(&b, room, sizeof room);
		imap_thread_id(&b, id);
		id = buf_view(&b);
	}
	uint64_t hash = siphash(t->key, id);
	return hash | (hash == 0);
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
