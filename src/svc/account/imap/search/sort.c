/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SORT (RFC 5256, 5957, 5267 3): search, look up the keys of what was found, order. A message whose
 * keys cannot be read sorts as if it had none.
 */
#include "svc/account/imap/search/search.h"

#include "svc/account/imap/qresync.h"

struct item {
	uint64_t id, modseq;
	uint32_t uid, size;
};

struct sorting {
	struct svc_account_imap *s;
	const struct imap_sort_args *args;
	struct item *items;
	size_t n, cap;
};

static enum err
found(void *ctx, const struct store_msg *m, uint32_t seq)
{
	struct sorting *x = ctx;
	ASSERT(x->n < x->cap);
	x->items[x->n++] = (struct item){ m->id, m->modseq, m->uid, m->size };
	return ERR_OK;
}

static bool
needs_facts(const struct imap_sort_args *args)
{
	for (size_t i = 0; i < args->n; i++) {
		if (args->keys[i].by != IMAP_SORT_SIZE) {
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

static enum err
keep_text(struct sorting *x, str text, struct imap_sort_value *ret)
{
	text = text.n > 0 ? arena_dup(x->s->work, text) : S("");
	*ret = imap_sort_text(text);
	return text.p == NULL ? ERR_BUDGET : ERR_OK;
}

static enum err
value_of(struct sorting *x, struct svc_account_imap_facts *facts, const struct item *item,
    enum imap_sort_by by, struct imap_sort_value *ret)
{
	struct svc_account_imap_meta meta;
	str text;
	int part = part_of(by);
	if (by == IMAP_SORT_SIZE) {
		*ret = (struct imap_sort_value){ .number = item->size };
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

/* The uids in the order asked for. */
static enum err
order(struct sorting *x, struct svc_account_imap_facts *facts, uint32_t **ret_uids)
{
	size_t keys = x->args->n;
	struct imap_sort_value *v = arena_array(x->s->work, x->n * keys, sizeof *v);
	uint32_t *at = arena_array(x->s->work, x->n, sizeof *at);
	if (v == NULL || at == NULL) {
		return ERR_BUDGET;
	}
	TRY(store_hold(x->s->store));
	for (size_t i = 0; i < x->n; i++) {
		at[i] = (uint32_t)i;
		for (size_t k = 0; k < keys; k++) {
			enum err e = value_of(x, facts, &x->items[i], x->args->keys[k].by,
			    &v[i * keys + k]);
			if (e != ERR_NOTFOUND && e != ERR_CORRUPT) {
				TRY(e);
			}
		}
	}
	store_release(x->s->store);
	struct imap_sort_list list = { x->args->keys, keys, v, at, x->n };
	TRY(imap_sort(&list, x->s->work));
	*ret_uids = at;
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

static enum err
answer(struct sorting *x, uint32_t *at, struct svc_account_imap_result *r)
{
	for (size_t i = 0; i < x->n; i++) {
		store_set_add(&r->found, x->items[i].uid, x->items[i].uid);
		r->highest = MAX(r->highest, x->items[i].modseq);
	}
	if (x->n > 0) {
		const struct item *first = &x->items[at[0]], *last = &x->items[at[x->n - 1]];
		r->min = first->uid;
		r->min_modseq = first->modseq;
		r->max = last->uid;
		r->max_modseq = last->modseq;
	}
	for (size_t i = 0; i < x->n; i++) {
		at[i] = x->items[at[i]].uid;
	}
	r->sorted = at;
	if (x->args->search.extended) {
		return svc_account_imap_search_result_answer(r, x->args->search.ret);
	}
	TRY(store_set_err(&r->found));
	put_sort(r, x->n);
	return ERR_OK;
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
		.asks_facts = needs_facts(args) };
	struct svc_account_imap_result r = {
		.s = s, .args = &args->search, .box = &s->box, .uid = cmd->uid, .tag = cmd->tag
	};
	uint32_t *at = NULL;
	store_set_init(&r.found);
	TRY(svc_account_imap_search_begin(s, &args->search.program));
	x.items = arena_array(s->work, x.cap, sizeof *x.items);
	enum err e = x.items == NULL ? ERR_BUDGET : svc_account_imap_search_run(&search);
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
