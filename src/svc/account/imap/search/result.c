/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ESEARCH responses (also RFC 6203 4) and the saved result, for searches and sorts. The options
 * MIN, MAX, ALL, PARTIAL and RELEVANCY follow the order of the answer: mailbox order, or the one
 * that SORT made.
 */
#include "svc/account/imap/search/search.h"

#include "proto/imap/write.h"

enum err
svc_account_imap_search_result_init(struct svc_account_imap_result *r)
{
	if ((r->args->ret & IMAP_RETURN_RELEVANCY) == 0) {
		return ERR_OK;
	}
	r->scores = arena_alloc(r->s->work, MAX(r->box->view.n, 1u));
	return r->scores == NULL ? ERR_BUDGET : ERR_OK;
}

static enum err
found(void *ctx, const struct svc_account_imap_search *x)
{
	struct svc_account_imap_result *r = ctx;
	const struct store_msg *m = x->msg;
	if (r->scores != NULL) {
		ASSERT(r->noted < r->box->view.n);
		r->scores[r->noted++] = (uint8_t)x->score;
	}
	store_set_add(&r->found, m->uid, m->uid);
	if (r->min == 0) {
		r->min = m->uid;
		r->min_modseq = m->modseq;
	}
	r->max = m->uid;
	r->max_modseq = m->modseq;
	r->highest = MAX(r->highest, m->modseq);
	return ERR_OK;
}

enum err
svc_account_imap_search_result_run(struct svc_account_imap_result *r,
    struct imap_search_program *program)
{
	struct svc_account_imap_search x = { .s = r->s,
		.box = r->box,
		.program = program,
		.found = found,
		.ctx = r,
		.limited = true,
		.scored = (r->args->ret & IMAP_RETURN_RELEVANCY) != 0 };
	store_set_init(&r->found);
	TRY(svc_account_imap_search_result_init(r));
	enum err e = svc_account_imap_search_run(&x);
	svc_account_imap_search_done(&x);
	return e;
}

uint32_t
svc_account_imap_search_result_number(const struct svc_account_imap_result *r, uint32_t uid)
{
	return r->uid ? uid : store_view_seq(&r->box->view, uid);
}

/* Places from .. to - 1 of n results that PARTIAL asks for. */
struct places {
	uint64_t from, to;
};

static struct places
places_of(const struct imap_partial *p, uint64_t n)
{
	uint64_t lo = MIN(p->first, p->second), hi = MAX(p->first, p->second);
	if (p->from_end) {
		return (struct places){ n - MIN(hi, n), n - MIN(lo - 1, n) };
	}
	return (struct places){ MIN(lo - 1, n), MIN(hi, n) };
}

/* Walk over the uids at these places, in the order of the answer. */
struct walk {
	const struct svc_account_imap_result *r;
	struct places left;
	size_t range;
	uint64_t skip; /* ascending: places before .from still to pass */
	uint32_t uid;
};

static struct walk
walk_over(const struct svc_account_imap_result *r, struct places places)
{
	return (struct walk){ .r = r, .left = places, .skip = places.from };
}

static bool
walk_next(struct walk *w)
{
	if (w->left.from >= w->left.to) {
		return false;
	}
	if (w->r->sorted != NULL) {
		w->uid = w->r->sorted[w->left.from++];
		return true;
	}
	const struct store_range *v = &w->r->found.v[w->range];
	while (w->skip > v->hi - v->lo) {
		w->skip -= (uint64_t)v->hi - v->lo + 1;
		v = &w->r->found.v[++w->range];
	}
	w->uid = v->lo + (uint32_t)w->skip++;
	w->left.from++;
	return true;
}

static void
put_places(struct svc_account_imap_result *r, struct places places)
{
	struct imap_set_writer w = { .out = &r->s->out };
	struct walk walk = walk_over(r, places);
	while (walk_next(&walk)) {
		imap_set_writer_put(&w, svc_account_imap_search_result_number(r, walk.uid));
		svc_account_imap_breathe(r->s);
	}
	imap_set_writer_end(&w);
}

static void
add_places(const struct svc_account_imap_result *r, struct places places, struct store_set *out)
{
	struct walk walk = walk_over(r, places);
	while (walk_next(&walk)) {
		store_set_add(out, walk.uid, walk.uid);
	}
}

/* "PARTIAL (-1:-100 4:5,9)" (RFC 9394 4) */
static void
put_partial(struct svc_account_imap_result *r)
{
	const struct imap_partial *p = &r->args->partial;
	struct places places = places_of(p, store_set_count(&r->found));
	const char *sign = p->from_end ? "-" : "";
	buf_printf(&r->s->out, " PARTIAL (%s%u:%s%u ", sign, p->first, sign, p->second);
	if (places.from < places.to) {
		put_places(r, places);
	} else {
		buf_cstr(&r->s->out, "NIL");
	}
	buf_ch(&r->s->out, ')');
}

/* "RELEVANCY (4 99 42)" of what ALL or PARTIAL tell, in their order (RFC 6203 4) */
static void
put_scores(struct svc_account_imap_result *r, unsigned ret)
{
	struct buf *out = &r->s->out;
	struct places places = { 0, store_set_count(&r->found) };
	if ((ret & IMAP_RETURN_PARTIAL) != 0) {
		places = places_of(&r->args->partial, places.to);
	}
	buf_cstr(out, " RELEVANCY (");
	for (uint64_t i = places.from; i < places.to; i++) {
		buf_cstr(out, i > places.from ? " " : "");
		buf_u64(out, r->scores[i]);
		svc_account_imap_breathe(r->s);
	}
	buf_ch(out, ')');
}

/* The highest MODSEQ of what is told (RFC 7162 3.1.5). */
static uint64_t
told_modseq(const struct svc_account_imap_result *r, unsigned ret)
{
	if ((ret & (IMAP_RETURN_ALL | IMAP_RETURN_COUNT)) != 0) {
		return r->highest;
	}
	uint64_t modseq = (ret & IMAP_RETURN_PARTIAL) != 0 ? r->partial_modseq : 0;
	modseq = (ret & IMAP_RETURN_MIN) != 0 ? MAX(modseq, r->min_modseq) : modseq;
	return (ret & IMAP_RETURN_MAX) != 0 ? MAX(modseq, r->max_modseq) : modseq;
}

/* "(TAG "a" MAILBOX b UIDVALIDITY 1)" */
static void
put_correlator(struct svc_account_imap_result *r)
{
	struct buf *out = &r->s->out;
	buf_cstr(out, "* ESEARCH (TAG ");
	imap_put_string(out, r->tag, false);
	if (r->mailbox.n > 0) {
		buf_cstr(out, " MAILBOX ");
		imap_put_mailbox(out, r->mailbox, svc_account_imap_utf8(r->s));
		buf_printf(out, " UIDVALIDITY %u", r->box->view.uidvalidity);
	}
	buf_cstr(out, r->uid ? ") UID" : ")");
}

/* "* ESEARCH (TAG "a") UID MIN 2 COUNT 3 ALL 2,4:5" (RFC 9051 7.3.4) */
static void
put_esearch(struct svc_account_imap_result *r, unsigned ret)
{
	struct buf *out = &r->s->out;
	uint64_t n = store_set_count(&r->found);
	put_correlator(r);
	if (n > 0 && (ret & IMAP_RETURN_MIN) != 0) {
		buf_printf(out, " MIN %u", svc_account_imap_search_result_number(r, r->min));
	}
	if (n > 0 && (ret & IMAP_RETURN_MAX) != 0) {
		buf_printf(out, " MAX %u", svc_account_imap_search_result_number(r, r->max));
	}
	if (n > 0 && (ret & IMAP_RETURN_ALL) != 0) {
		buf_cstr(out, " ALL ");
		put_places(r, (struct places){ 0, n });
	}
	if ((ret & IMAP_RETURN_COUNT) != 0) {
		buf_cstr(out, " COUNT ");
		buf_u64(out, n);
	}
	if ((ret & IMAP_RETURN_PARTIAL) != 0) {
		put_partial(r);
	}
	if ((ret & IMAP_RETURN_RELEVANCY) != 0) {
		put_scores(r, ret);
	}
	if (r->args->program.has_modseq && n > 0) {
		uint64_t modseq = told_modseq(r, ret);
		if (modseq > 0) {
			buf_printf(out, " MODSEQ %llu", (unsigned long long)modseq);
		}
	}
	buf_cstr(out, "\r\n");
}

/* RFC 5182 2.4 and 9394 3.2: everything, or what MIN, MAX and PARTIAL tell when only they do. */
static enum err
save(struct svc_account_imap_result *r, unsigned ret)
{
	struct store_set *saved = &r->s->box.saved;
	unsigned some = IMAP_RETURN_MIN | IMAP_RETURN_MAX | IMAP_RETURN_PARTIAL;
	store_set_reset(saved);
	if ((ret & (IMAP_RETURN_ALL | IMAP_RETURN_COUNT)) != 0 || (ret & some) == 0) {
		for (size_t i = 0; i < r->found.n; i++) {
			store_set_add(saved, r->found.v[i].lo, r->found.v[i].hi);
		}
		return store_set_err(saved);
	}
	if ((ret & IMAP_RETURN_PARTIAL) != 0) {
		add_places(r, places_of(&r->args->partial, store_set_count(&r->found)), saved);
	}
	if (r->min != 0 && (ret & IMAP_RETURN_MIN) != 0) {
		store_set_add(saved, r->min, r->min);
	}
	if (r->min != 0 && (ret & IMAP_RETURN_MAX) != 0) {
		store_set_add(saved, r->max, r->max);
	}
	return store_set_err(saved);
}

/* PARTIAL with MODSEQ: look at those messages once more. */
static enum err
find_partial_modseq(struct svc_account_imap_result *r)
{
	struct store_set uids;
	store_set_init(&uids);
	add_places(r, places_of(&r->args->partial, store_set_count(&r->found)), &uids);
	struct svc_account_imap_scan *scan = svc_account_imap_scan_box(r->s, r->box, &uids, 0);
	const struct store_msg *m = NULL;
	enum err e = scan == NULL ? ERR_BUDGET : store_set_err(&uids);
	while (e == ERR_OK && (e = svc_account_imap_scan_next(scan, &m)) == ERR_OK && m != NULL) {
		r->partial_modseq = MAX(r->partial_modseq, m->modseq);
	}
	store_set_done(&uids);
	return e;
}

enum err
svc_account_imap_search_result_answer(struct svc_account_imap_result *r, unsigned ret)
{
	TRY(store_set_err(&r->found));
	if ((ret & IMAP_RETURN_SAVE) != 0) {
		TRY(save(r, ret));
	}
	if (ret == IMAP_RETURN_SAVE) {
		return ERR_OK; /* RFC 5182 2.1: nothing else was asked for */
	}
	if ((ret & IMAP_RETURN_PARTIAL) != 0 && r->args->program.has_modseq) {
		TRY(find_partial_modseq(r));
	}
	put_esearch(r, ret);
	return ERR_OK;
}

void
svc_account_imap_search_result_failed(struct svc_account_imap *s, unsigned ret, enum err e)
{
	if ((ret & IMAP_RETURN_SAVE) != 0 && e != ERR_OK && e != ERR_BADSTATE) {
		store_set_reset(&s->box.saved);
	}
}
