/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SORT (RFC 5256, 5957, 5267 3, 6203 6): search, look up the keys of what was found, order. A
 * message whose keys cannot be read sorts as if it had none.
 */
#include "svc/account/imap/search/search.h"

#include "svc/account/imap/qresync.h"

enum { POOL = 65536 }; /* octets taken for strings at a time */

struct item {
	uint64_t id;
	uint32_t uid, size;
};

struct sorting {
	struct svc_account_imap *s;
	const struct imap_sort_args *args;
	struct arena *first; /* of items; ends when their keys are known */
	struct item *items;
	uint32_t *uids;
	uint64_t *modseqs; /* NULL: they do not matter */
	uint8_t *scores;   /* so of these */
	size_t n, cap;
	char *pool; /* where the next string goes */
	size_t pool_n;
};

static enum err
found(void *ctx, const struct svc_account_imap_search *search)
{
	struct sorting *x = ctx;
	const struct store_msg *m = search->msg;
	ASSERT(x->n < x->cap);
	if (x->modseqs != NULL) {
		x->modseqs[x->n] = m->modseq;
	}
	if (x->scores != NULL) {
		x->scores[x->n] = (uint8_t)search->score;
	}
	x->items[x->n++] = (struct item){ m->id, m->uid, m->size };
	return ERR_OK;
}

static bool
is_own(enum imap_sort_by by)
{
	return by == IMAP_SORT_SIZE || by == IMAP_SORT_RELEVANCY;
}

static bool
needs_scores(const struct imap_sort_args *args)
{
	bool needs = (args->search.ret & IMAP_RETURN_RELEVANCY) != 0;
	for (size_t i = 0; i < args->n; i++) {
		needs = needs || args->keys[i].by == IMAP_SORT_RELEVANCY;
	}
	return needs;
}

static bool
needs_facts(const struct imap_sort_args *args)
{
	for (size_t i = 0; i < args->n; i++) {
		if (!is_own(args->keys[i].by)) {
			return true;
		}
	}
	return false;
}

/* Which part of ADDRESSES a criterion is; -1: none. */
static int
part_of(enum imap_sort_by by)
{
	switch (by) {
	case IMAP_SORT_FROM: return 0;
	case IMAP_SORT_TO: return 1;
	case IMAP_SORT_CC: return 2;
	case IMAP_SORT_DISPLAYFROM: return 3;
	case IMAP_SORT_DISPLAYTO: return 4;
	default: return -1;
	}
}

/* Strings lie without gaps: there may be a million of them, and strangers write them. */
static enum err
keep_text(struct sorting *x, str text, struct imap_sort_value *ret)
{
	text = str_sub(text, 0, MIN(text.n, (size_t)SVC_ACCOUNT_IMAP_SORT_TEXT_MAX));
	*ret = imap_sort_text(S(""));
	if (text.n == 0) {
		return ERR_OK;
	}
	if (text.n > x->pool_n) {
		size_t n = MAX(text.n, (size_t)POOL);
		x->pool = arena_alloc(x->s->work, n);
		x->pool_n = x->pool == NULL ? 0 : n;
	}
	if (text.n > x->pool_n) {
		return ERR_BUDGET;
	}
	memcpy(x->pool, text.p, text.n);
	*ret = imap_sort_text(str_make(x->pool, text.n));
	x->pool += text.n;
	x->pool_n -= text.n;
	return ERR_OK;
}

static enum err
value_of(struct sorting *x, struct svc_account_imap_facts *facts, const struct item *item,
    enum imap_sort_by by, struct imap_sort_value *ret)
{
	struct svc_account_imap_meta meta;
	str text;
	int part = part_of(by);
	if (is_own(by)) {
		*ret = (struct imap_sort_value){ .number = by == IMAP_SORT_SIZE
			    ? item->size
			    : imap_sort_score(x->scores[item - x->items]) };
		return ERR_OK;
	}
	if (by == IMAP_SORT_ARRIVAL || by == IMAP_SORT_DATE) {
		TRY(svc_account_imap_search_fact_meta(facts, item->id, &meta));
		bool sent = by == IMAP_SORT_DATE && meta.has_sent;
		*ret = (struct imap_sort_value){ .number = imap_sort_date(sent ? meta.sent_s
									       : meta.internal_s) };
		return ERR_OK;
	}
	enum svc_account_imap_fact kind = part < 0 ? SVC_ACCOUNT_IMAP_BASE
						   : SVC_ACCOUNT_IMAP_ADDRESSES;
	TRY(svc_account_imap_search_fact_get(facts, item->id, kind, &text));
	text = part < 0 ? text : svc_account_imap_search_fact_part(text, (size_t)part);
	return keep_text(x, text, ret);
}

/* The keys of everything found, in its order; the items go. */
static enum err
look_up(struct sorting *x, struct svc_account_imap_facts *facts, struct imap_sort_value *v)
{
	size_t keys = x->args->n;
	TRY(store_hold(x->s->store));
	for (size_t i = 0; i < x->n; i++) {
		x->uids[i] = x->items[i].uid;
		for (size_t k = 0; k < keys; k++) {
			enum err e = value_of(x, facts, &x->items[i], x->args->keys[k].by,
			    &v[i * keys + k]);
			if (e != ERR_NOTFOUND && e != ERR_CORRUPT) {
				TRY(e);
			}
		}
	}
	store_release(x->s->store);
	arena_free(&x->first);
	return ERR_OK;
}

/* What was found, in the order asked for. */
static enum err
order(struct sorting *x, struct svc_account_imap_facts *facts, uint32_t **ret_at)
{
	struct arena *a = x->s->work;
	struct imap_sort_value *v = arena_array(a, x->n * x->args->n, sizeof *v);
	uint32_t *at = arena_array(a, x->n, sizeof *at);
	x->uids = arena_array(a, x->n, sizeof *x->uids);
	if (v == NULL || at == NULL || x->uids == NULL) {
		return ERR_BUDGET;
	}
	TRY(look_up(x, facts, v));
	for (size_t i = 0; i < x->n; i++) {
		at[i] = (uint32_t)i;
	}
	struct imap_sort_list list = { x->args->keys, x->args->n, v, at, x->n };
	TRY(imap_sort(&list, a));
	*ret_at = at;
	return ERR_OK;
}

/* "* SORT 2 84 882 (MODSEQ 917162500)" (RFC 5256 4, 7162 3.1.6) */
static void
put_sort(struct svc_account_imap_result *r, size_t n)
{
	struct buf *out = &r->s->out;
	buf_cstr(out, "* SORT");
	for (size_t i = 0; i < n; i++) {
		buf_ch(out, ' ');
		buf_u64(out, svc_account_imap_search_result_number(r, r->sorted[i]));
		svc_account_imap_breathe(r->s);
	}
	if (r->args->program.has_modseq && n > 0) {
		buf_printf(out, " (MODSEQ %llu)", (unsigned long long)r->highest);
	}
	buf_cstr(out, "\r\n");
}

static void
note_modseqs(const struct sorting *x, const uint32_t *at, struct svc_account_imap_result *r)
{
	for (size_t i = 0; i < x->n; i++) {
		r->highest = MAX(r->highest, x->modseqs[i]);
	}
	r->min_modseq = x->modseqs[at[0]];
	r->max_modseq = x->modseqs[at[x->n - 1]];
}

static enum err
answer(struct sorting *x, uint32_t *at, struct svc_account_imap_result *r)
{
	for (size_t i = 0; i < x->n; i++) {
		store_set_add(&r->found, x->uids[i], x->uids[i]);
	}
	if (x->n > 0) {
		r->min = x->uids[at[0]];
		r->max = x->uids[at[x->n - 1]];
	}
	if (x->n > 0 && x->modseqs != NULL) {
		note_modseqs(x, at, r);
	}
	for (size_t i = 0; i < x->n; i++) {
		if (r->scores != NULL) {
			r->scores[i] = x->scores[at[i]];
		}
		at[i] = x->uids[at[i]];
	}
	r->sorted = at;
	if (x->args->search.extended) {
		return svc_account_imap_search_result_answer(r, x->args->search.ret);
	}
	TRY(store_set_err(&r->found));
	put_sort(r, x->n);
	return ERR_OK;
}

/* Room for all messages of the mailbox. */
static enum err
make_room(struct sorting *x)
{
	x->first = arena_new(x->s->work, "sort items", SIZE_MAX / 2, 0);
	if (x->first == NULL) {
		return ERR_BUDGET;
	}
	x->items = arena_array(x->first, x->cap, sizeof *x->items);
	if (x->args->search.program.has_modseq) {
		x->modseqs = arena_array(x->s->work, x->cap, sizeof *x->modseqs);
	}
	if (needs_scores(x->args)) {
		x->scores = arena_alloc(x->s->work, MAX(x->cap, (size_t)1));
	}
	bool all = (x->modseqs != NULL || !x->args->search.program.has_modseq) &&
	    (x->scores != NULL || !needs_scores(x->args));
	return x->items == NULL || !all ? ERR_BUDGET : ERR_OK;
}

static enum err
sort(struct svc_account_imap *s, struct imap_command *cmd)
{
	struct imap_sort_args *args = &cmd->u.sort;
	struct sorting x = { .s = s, .args = args, .cap = s->box.view.n };
	struct svc_account_imap_search search = { .s = s,
		.box = &s->box,
		.program = &args->search.program,
		.found = found,
		.ctx = &x,
		.asks_facts = needs_facts(args),
		.scored = needs_scores(args) };
	struct svc_account_imap_result r = {
		.s = s, .args = &args->search, .box = &s->box, .uid = cmd->uid, .tag = cmd->tag
	};
	uint32_t *at = NULL;
	store_set_init(&r.found);
	TRY(svc_account_imap_search_result_init(&r));
	TRY(svc_account_imap_search_begin(s, &args->search.program));
	enum err e = make_room(&x);
	e = e == ERR_OK ? svc_account_imap_search_run(&search) : e;
	e = e == ERR_OK ? order(&x, &search.facts, &at) : e;
	svc_account_imap_search_done(&search);
	e = e == ERR_OK ? answer(&x, at, &r) : e;
	store_set_done(&r.found);
	return e;
}

enum err
svc_account_imap_search_sort(struct svc_account_imap *s, struct imap_command *cmd)
{
	enum err e = svc_account_imap_refresh(s, svc_account_imap_may_expunge(cmd), NULL);
	if (e == ERR_OK && s->state == IMAP_SELECTED) {
		e = sort(s, cmd);
		svc_account_imap_search_result_failed(s, cmd->u.sort.search.ret, e);
	}
	return e;
}
