/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Steps 2 to 6 of RFC 5256 REFERENCES, numbered in the comments, and ORDEREDSUBJECT. Only parents
 * are moved about; lists of children are made from them in one go, in the order of dates, as often
 * as they are needed. Start with imap_thread_build.
 */
#include "proto/imap/thread/thread_priv.h"

enum {
	ROOT = IMAP_THREAD_ROOT,
	SLOTS_FIRST = 64,
	DIGIT_SMALL = 8, /* bits sorted by at a time */
	DIGIT_LARGE = 16,
	LARGE = 16384, /* messages from which the larger digit pays */
};

/* ---- the order of dates ------------------------------------------------------------------- */

/* Messages from 0; mailbox order where dates are the same. */
struct order {
	uint32_t *at, *room;
	uint32_t *place; /* of each digit */
	unsigned bits;
};

/* Dates as numbers that ascend. */
static uint64_t
date_of(const struct imap_thread *t, uint32_t i)
{
	return (uint64_t)fact(t, i)->sent_s ^ UINT64_C(1) << 63;
}

static void
sort_by_digit(const struct imap_thread *t, struct order *o, unsigned shift)
{
	size_t digits = (size_t)1 << o->bits;
	uint32_t sum = 0;
	memset(o->place, 0, digits * sizeof *o->place);
	for (uint32_t i = 0; i < t->facts; i++) {
		o->place[date_of(t, i) >> shift & (digits - 1)]++;
	}
	for (size_t i = 0; i < digits; i++) {
		uint32_t count = o->place[i];
		o->place[i] = sum;
		sum += count;
	}
	for (uint32_t i = 0; i < t->facts; i++) {
		uint32_t at = o->at[i];
		o->room[o->place[date_of(t, at) >> shift & (digits - 1)]++] = at;
	}
	uint32_t *other = o->at;
	o->at = o->room;
	o->room = other;
}

/* All messages by sent date; o->at is in the arena. */
static enum err
sort_dates(const struct imap_thread *t, struct order *o)
{
	o->bits = t->facts < LARGE ? DIGIT_SMALL : DIGIT_LARGE;
	o->at = arena_array(t->a, t->facts, sizeof *o->at);
	o->room = arena_array(t->a, t->facts, sizeof *o->room);
	o->place = arena_array(t->a, (size_t)1 << o->bits, sizeof *o->place);
	if (o->at == NULL || o->room == NULL || o->place == NULL) {
		return ERR_BUDGET;
	}
	uint64_t differ = 0;
	for (uint32_t i = 0; i < t->facts; i++) {
		o->at[i] = i;
		differ |= date_of(t, i) ^ date_of(t, 0);
	}
	for (unsigned shift = 0; shift < 64; shift += o->bits) {
		if ((differ >> shift & ((UINT64_C(1) << o->bits) - 1)) != 0) {
			sort_by_digit(t, o, shift);
		}
	}
	return ERR_OK;
}

/* ---- lists of children -------------------------------------------------------------------- */

static void
put_first(struct imap_thread *t, uint32_t parent, uint32_t at)
{
	node(t, at)->next = node(t, parent)->child;
	node(t, parent)->child = at;
}

/*
 * Make all lists from the parents, each by date: those of the threads first, then the root's, where
 * a dummy stands in the place of its first child. What is no message's ancestor is in no list.
 */
static void
list_children(struct imap_thread *t, const struct order *o)
{
	for (uint32_t i = 0; i < t->nodes; i++) {
		node(t, i)->child = node(t, i)->next = 0;
	}
	for (uint32_t i = t->facts; i > 0; i--) {
		uint32_t at = fact(t, o->at[i - 1])->node;
		if (node(t, at)->parent != ROOT) {
			put_first(t, node(t, at)->parent, at);
		}
	}
	for (uint32_t i = t->facts; i > 0; i--) {
		uint32_t at = fact(t, o->at[i - 1])->node;
		uint32_t parent = node(t, at)->parent;
		if (parent == ROOT) {
			put_first(t, ROOT, at);
		} else if (is_dummy(t, parent) && node(t, parent)->child == at) {
			put_first(t, ROOT, parent);
		}
	}
}

/* ---- step 3: dummies ---------------------------------------------------------------------- */

/* From a dummy up to the next message or else the dummy below the root; others then know it. */
static uint32_t
above_dummies(struct imap_thread *t, uint32_t dummy)
{
	uint32_t at = dummy;
	while (is_dummy(t, at) && node(t, at)->parent != ROOT) {
		at = node(t, at)->parent;
	}
	while (dummy != at) {
		uint32_t parent = node(t, dummy)->parent;
		node(t, dummy)->parent = at;
		dummy = parent;
	}
	return at;
}

/* Dummies stay below the root alone, and only with several children, counted in `child`. */
static void
prune(struct imap_thread *t)
{
	for (uint32_t i = 0; i < t->facts; i++) {
		struct imap_thread_node *n = node(t, fact(t, i)->node);
		if (n->parent != ROOT && is_dummy(t, n->parent)) {
			n->parent = above_dummies(t, n->parent);
			node(t, n->parent)->child++;
		}
	}
	for (uint32_t i = 0; i < t->facts; i++) {
		struct imap_thread_node *n = node(t, fact(t, i)->node);
		if (is_dummy(t, n->parent) && node(t, n->parent)->child < 2) {
			n->parent = ROOT;
		}
	}
}

/* ---- step 5: subjects --------------------------------------------------------------------- */

/* Base subjects to children of the root: open addressing by the subject of the node's face. */
struct subjects {
	uint32_t *slot; /* 0: empty */
	size_t n;
};

static enum err
subjects_init(const struct imap_thread *t, size_t n, struct subjects *ret)
{
	ret->n = SLOTS_FIRST;
	while (ret->n < n * 2) {
		ret->n *= 2;
	}
	ret->slot = arena_array(t->a, ret->n, sizeof *ret->slot);
	return ret->slot == NULL ? ERR_BUDGET : ERR_OK;
}

/* What is known of the message that stands for a node: a dummy's first child. */
static const struct imap_thread_fact *
face_of(const struct imap_thread *t, uint32_t at)
{
	at = is_dummy(t, at) ? node(t, at)->child : at;
	return fact(t, node(t, at)->message - 1);
}

static uint32_t *
find_subject(const struct imap_thread *t, struct subjects *s, uint64_t subject)
{
	size_t i = (size_t)subject & (s->n - 1);
	while (s->slot[i] != 0 && face_of(t, s->slot[i])->subject != subject) {
		i = (i + 1) & (s->n - 1);
	}
	return &s->slot[i];
}

static bool
is_reply(const struct imap_thread *t, uint32_t at)
{
	return !is_dummy(t, at) && face_of(t, at)->reply;
}

/* 5 (B) */
static void
note_subject(const struct imap_thread *t, struct subjects *s, uint32_t at)
{
	uint64_t subject = face_of(t, at)->subject;
	if (subject == 0) {
		return;
	}
	uint32_t *slot = find_subject(t, s, subject);
	bool better = *slot != 0 && !is_dummy(t, *slot) &&
	    (is_dummy(t, at) || (is_reply(t, *slot) && !is_reply(t, at)));
	if (*slot == 0 || better) {
		*slot = at;
	}
}

/* A new dummy above two children of the root, whose lists stay as they are. */
static enum err
join(struct imap_thread *t, uint32_t first, uint32_t second, uint32_t *ret)
{
	TRY(imap_thread_node_add(t, ret));
	node(t, *ret)->child = first; /* its face */
	node(t, first)->parent = node(t, second)->parent = *ret;
	return ERR_OK;
}

/* 5 (C) */
static enum err
merge_subject(struct imap_thread *t, struct subjects *s, uint32_t at)
{
	uint64_t subject = face_of(t, at)->subject;
	uint32_t *slot = subject == 0 ? NULL : find_subject(t, s, subject);
	uint32_t other = slot == NULL ? at : *slot;
	if (other == at) {
		return ERR_OK;
	}
	if (is_dummy(t, other) && is_dummy(t, at)) {
		for (uint32_t k = node(t, at)->child; k != 0; k = node(t, k)->next) {
			node(t, k)->parent = other;
		}
	} else if (is_dummy(t, other) || (is_reply(t, at) && !is_reply(t, other))) {
		node(t, at)->parent = other;
	} else {
		return join(t, other, at, slot);
	}
	return ERR_OK;
}

/* Only parents change: the root's list stays as it is meanwhile. */
static enum err
gather(struct imap_thread *t)
{
	struct subjects s;
	size_t n = 0;
	for (uint32_t k = node(t, ROOT)->child; k != 0; k = node(t, k)->next) {
		n++;
	}
	TRY(subjects_init(t, n, &s));
	for (uint32_t k = node(t, ROOT)->child; k != 0; k = node(t, k)->next) {
		note_subject(t, &s, k);
	}
	for (uint32_t k = node(t, ROOT)->child; k != 0; k = node(t, k)->next) {
		TRY(merge_subject(t, &s, k));
	}
	return ERR_OK;
}

/* ---- ORDEREDSUBJECT ----------------------------------------------------------------------- */

/* The first message of each subject by date becomes the parent of the others. */
static enum err
by_subject(struct imap_thread *t, const struct order *o)
{
	struct subjects s;
	TRY(subjects_init(t, t->facts, &s));
	for (uint32_t i = 0; i < t->facts; i++) {
		const struct imap_thread_fact *f = fact(t, o->at[i]);
		uint32_t *slot = find_subject(t, &s, f->subject);
		node(t, f->node)->parent = *slot; /* 0 is the root */
		*slot = *slot == 0 ? f->node : *slot;
	}
	return ERR_OK;
}

enum err
imap_thread_build(struct imap_thread *t)
{
	struct order o;
	imap_thread_linked(t);
	if (t->facts == 0) {
		return ERR_OK;
	}
	TRY(sort_dates(t, &o));
	if (t->by == IMAP_THREAD_REFERENCES) {
		prune(t);
		list_children(t, &o); /* 4 */
		TRY(gather(t));
	} else {
		TRY(by_subject(t, &o));
	}
	list_children(t, &o); /* 6 */
	t->at = t->top = node(t, ROOT)->child;
	return ERR_OK;
}
