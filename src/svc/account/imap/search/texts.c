/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text keys of SEARCH over the store's blocks (RFC 9051 6.4.4). What text is, and that letters
 * match in any case and with or without accents, is mail/text.h's; substrings, as IMAP wants.
 */
#include "svc/account/imap/search/texts.h"

#include "mail/text.h"
#include "sys/clock.h"

#include <stdlib.h>

enum {
	NEWS_MS = 250, /* the control channel is looked at so often meanwhile */
	NO_KEY = UINT16_MAX,
	BITS = STORE_TEXT_KEYS_MAX, /* keys in one look */
};
static_assert((int)IMAP_SEARCH_NODES_MAX < (int)NO_KEY, "a key has a 16-bit number");

static enum err
fold(struct arena *a, str text, str *ret)
{
	struct buf b;
	buf_init(&b, 20 * (size_t)(IMAP_SEARCH_TEXT_MAX + 16));
	mail_text_fold(&b, text);
	enum err e = buf_err(&b);
	str folded = e == ERR_OK ? arena_dup(a, buf_view(&b)) : STR_NONE;
	buf_done(&b);
	TRY(e);
	if (folded.p == NULL) {
		return ERR_BUDGET;
	}
	*ret = folded;
	return ERR_OK;
}

enum err
svc_account_imap_search_texts_fold(struct arena *a, struct imap_search_program *p)
{
	for (size_t i = 0; i < p->n; i++) {
		struct imap_search_node *node = &p->nodes[i];
		if (!imap_search_is_string(node)) {
			continue;
		}
		TRY(fold(a, node->text, &node->text));
		if (node->fuzzy) {
			node->words = ARENA_NEW(a, struct mail_fuzzy);
			if (node->words == NULL) {
				return ERR_BUDGET;
			}
			mail_fuzzy_init(node->words, node->text);
		}
	}
	return ERR_OK;
}

static enum err
add_key(struct svc_account_imap_texts *t, const struct imap_search_node *leaf)
{
	struct store_text_key *key = &t->keys[t->keys_n++];
	*key = (struct store_text_key){ .needle = leaf->text, .fuzzy = leaf->words };
	if (leaf->words != NULL) {
		key->slot = t->slots++;
	}
	switch (leaf->op) {
	case IMAP_SEARCH_BODY: key->where = STORE_TEXT_BODY; return ERR_OK;
	case IMAP_SEARCH_TEXT: key->where = STORE_TEXT_ANY; return ERR_OK;
	default: key->where = STORE_TEXT_FIELD; return fold(t->s->work, leaf->name, &key->name);
	}
}

enum err
svc_account_imap_search_texts_init(struct svc_account_imap_texts *t, struct svc_account_imap *s,
    const struct imap_search_program *program, svc_account_imap_search_texts_is *is_text,
    size_t messages)
{
	*t = (struct svc_account_imap_texts){ .s = s, .program = program, .cap = messages };
	t->key_of = arena_array(s->work, MAX(program->n, (size_t)1), sizeof *t->key_of);
	t->keys = arena_array(s->work, MAX(program->n, (size_t)1), sizeof *t->keys);
	if (t->key_of == NULL || t->keys == NULL) {
		return ERR_BUDGET;
	}
	for (size_t i = 0; i < program->n; i++) {
		t->key_of[i] = NO_KEY;
		if (is_text(&program->nodes[i])) {
			t->key_of[i] = (uint16_t)t->keys_n;
			TRY(add_key(t, &program->nodes[i]));
		}
	}
	if (t->keys_n == 0) {
		return ERR_OK;
	}
	t->ids = arena_array(s->work, MAX(messages, (size_t)1), sizeof *t->ids);
	t->uids = arena_array(s->work, MAX(messages, (size_t)1), sizeof *t->uids);
	return t->ids == NULL || t->uids == NULL ? ERR_BUDGET : ERR_OK;
}

void
svc_account_imap_search_texts_note(struct svc_account_imap_texts *t, const struct store_msg *m)
{
	ASSERT(!t->looked && t->n < t->cap);
	t->ids[t->n] = m->id;
	t->uids[t->n++] = m->uid;
}

/* ---- looking ------------------------------------------------------------------------------ */

static int
by_number(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;
	return (*x > *y) - (*x < *y);
}

static void
put_in_order(struct svc_account_imap_texts *t)
{
	size_t kept = 0;
	bool ordered = true;
	for (size_t i = 1; i < t->n && ordered; i++) {
		ordered = t->ids[i - 1] < t->ids[i];
	}
	if (ordered) {
		return;
	}
	t->uids = NULL;
	qsort(t->ids, t->n, sizeof *t->ids, by_number);
	for (size_t i = 0; i < t->n; i++) {
		if (kept == 0 || t->ids[kept - 1] != t->ids[i]) {
			t->ids[kept++] = t->ids[i];
		}
	}
	t->n = kept;
}

enum err
svc_account_imap_search_texts_breathe(struct svc_account_imap_texts *t)
{
	int64_t now = sys_clock_ms();
	if (now >= t->s->search_end_ms) {
		return svc_account_imap_fail(t->s, ERR_TIMEOUT, "LIMIT",
		    "search takes too long; narrow it down");
	}
	if (now >= t->news_ms) {
		t->news_ms = now + NEWS_MS;
		svc_account_imap_control(t->s);
		svc_account_imap_progress(t->s, 0, 0);
	}
	return t->s->quit || t->s->broken ? ERR_UNAVAILABLE : ERR_OK;
}

static enum err
breathe(void *ctx)
{
	return svc_account_imap_search_texts_breathe(ctx);
}

enum err
svc_account_imap_search_texts_look(struct svc_account_imap_texts *t, bool scored)
{
	size_t groups = (t->keys_n + BITS - 1) / BITS;
	put_in_order(t);
	t->looked = true;
	t->hits = arena_array(t->s->work, MAX(t->n * groups, (size_t)1), sizeof *t->hits);
	if (scored && t->slots > 0) {
		t->scores = arena_array(t->s->work, MAX(t->n, (size_t)1), t->slots);
	}
	if (t->hits == NULL || (scored && t->slots > 0 && t->scores == NULL)) {
		return ERR_BUDGET;
	}
	for (size_t g = 0; g < groups; g++) {
		struct store_text_ask ask = { .keys = t->keys + g * BITS,
			.keys_n = MIN(t->keys_n - g * BITS, (size_t)BITS),
			.ids = t->ids,
			.n = t->n,
			.hits = t->hits + g * t->n,
			.scores = t->scores,
			.slots = t->slots,
			.breathe = breathe,
			.ctx = t };
		TRY(store_text_find(t->s->store, &ask));
	}
	return ERR_OK;
}

/* ---- answering ---------------------------------------------------------------------------- */

static size_t
place_of(const struct svc_account_imap_texts *t, uint64_t id)
{
	size_t lo = 0, hi = t->n;
	while (lo < hi) {
		size_t mid = (lo + hi) / 2;
		if (t->ids[mid] < id) {
			lo = mid + 1;
		} else {
			hi = mid;
		}
	}
	return lo;
}

static bool
has_hit(const struct svc_account_imap_texts *t, size_t key, size_t at)
{
	return (t->hits[key / BITS * t->n + at] >> key % BITS & 1) != 0;
}

bool
svc_account_imap_search_texts_hits(const struct svc_account_imap_texts *t,
    const struct imap_search_node *leaf, struct store_set *out)
{
	size_t key = t->key_of[leaf - t->program->nodes];
	if (t->uids == NULL || leaf->text.n == 0) {
		return false; /* an empty one is in every message: those were not all noted */
	}
	store_set_reset(out);
	for (size_t i = 0; i < t->n; i++) {
		if (has_hit(t, key, i)) {
			store_set_add(out, t->uids[i], t->uids[i]);
		}
	}
	return true;
}

/* A message whose other keys have another answer than the first time. */
static enum err
look_at_one(struct svc_account_imap_texts *t, uint64_t id, size_t key, bool *ret)
{
	uint64_t hits = 0;
	struct store_text_ask ask = { .keys = &t->keys[key],
		.keys_n = 1,
		.ids = &id,
		.n = 1,
		.hits = &hits,
		.breathe = breathe,
		.ctx = t };
	TRY(store_text_find(t->s->store, &ask));
	*ret = hits != 0;
	return ERR_OK;
}

enum err
svc_account_imap_search_texts_ask(struct svc_account_imap_texts *t, const struct store_msg *m,
    const struct imap_search_node *leaf, bool *ret)
{
	size_t key = t->key_of[leaf - t->program->nodes];
	ASSERT(key != NO_KEY);
	if (leaf->text.n == 0 && leaf->op != IMAP_SEARCH_HEADER) {
		*ret = true;
		return ERR_OK;
	}
	if (!t->looked) {
		svc_account_imap_search_texts_note(t, m);
		return ERR_AGAIN;
	}
	size_t at = place_of(t, m->id);
	if (at == t->n || t->ids[at] != m->id) {
		return look_at_one(t, m->id, key, ret);
	}
	*ret = has_hit(t, key, at);
	return ERR_OK;
}

unsigned
svc_account_imap_search_texts_score(const struct svc_account_imap_texts *t,
    const struct store_msg *m, const struct imap_search_node *leaf)
{
	size_t key = t->key_of[leaf - t->program->nodes], at = place_of(t, m->id);
	if (leaf->text.n == 0 && leaf->op != IMAP_SEARCH_HEADER) {
		return IMAP_SEARCH_SCORE_MAX;
	}
	bool noted = t->scores != NULL && at < t->n && t->ids[at] == m->id;
	return noted ? t->scores[at * t->slots + t->keys[key].slot] : 0;
}
