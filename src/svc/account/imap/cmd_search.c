/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SEARCH (RFC 9051 6.4.4, 7.3.4; 4731; 5182; 7162 3.1.5). The program is asked about every message
 * of the view, or of the uids its first set allows.
 */
#include "svc/account/imap/session.h"

#include "proto/imap/write.h"
#include "svc/account/imap/qresync.h"

struct searching {
	struct svc_account_imap *s;
	const struct imap_search_args *args;
	bool uid;
	uint32_t seq; /* of the message at hand */
	const struct store_msg *msg;
	struct store_cold cold; /* of it; id 0: not read yet */
	struct store_set found; /* uids */
	uint32_t min, max;      /* uids; 0: none */
	uint64_t min_modseq, max_modseq, highest;
};

static enum err
get_cold(struct searching *x)
{
	if (x->cold.id != 0) {
		return ERR_OK;
	}
	arena_reset(x->s->scratch);
	return store_cold(x->s->store, x->msg->id, x->s->scratch, &x->cold);
}

static enum err
ask_date(struct searching *x, const struct imap_search_node *leaf, bool *ret)
{
	TRY(get_cold(x));
	int64_t s = x->cold.internal_s, day = s / 86400 - (s % 86400 < 0),
		want = (int64_t)leaf->number;
	*ret = leaf->op == IMAP_SEARCH_BEFORE ? day < want
	    : leaf->op == IMAP_SEARCH_ON      ? day == want
					      : day >= want;
	return ERR_OK;
}

/* When it came into this mailbox (RFC 8514 4.3). */
static bool
is_saved(const struct searching *x, const struct imap_search_node *leaf)
{
	int64_t day = x->msg->saved_s / 86400 - (x->msg->saved_s % 86400 < 0),
		want = (int64_t)leaf->number;
	return leaf->op == IMAP_SEARCH_SAVEDBEFORE ? day < want
	    : leaf->op == IMAP_SEARCH_SAVEDON      ? day == want
						   : day >= want;
}

static enum err
ask_object(struct searching *x, const struct imap_search_node *leaf, bool *ret)
{
	char room[STORE_ID_TEXT_MAX];
	if (leaf->op == IMAP_SEARCH_EMAILID) {
		*ret = str_eq(leaf->text, store_id_text('M', x->msg->id, room));
		return ERR_OK;
	}
	TRY(get_cold(x));
	*ret = str_eq(leaf->text, store_id_text('T', x->cold.thread, room));
	return ERR_OK;
}

/* A leaf about a set: of uids in `user`, whatever the client wrote (see prepare). */
static bool
in_set(const struct searching *x, const struct imap_search_node *leaf)
{
	return leaf->user != NULL         ? store_set_has(leaf->user, x->msg->uid)
	    : leaf->op == IMAP_SEARCH_UID ? imap_seqset_has(&leaf->set, x->msg->uid)
					  : imap_seqset_has(&leaf->set, x->seq);
}

static enum err
ask(void *ctx, const struct imap_search_node *leaf, bool *ret)
{
	struct searching *x = ctx;
	switch (leaf->op) {
	case IMAP_SEARCH_FLAG:
	case IMAP_SEARCH_KEYWORD: *ret = (x->msg->flags & leaf->number) != 0; return ERR_OK;
	case IMAP_SEARCH_SEQ:
	case IMAP_SEARCH_UID: *ret = in_set(x, leaf); return ERR_OK;
	case IMAP_SEARCH_LARGER: *ret = x->msg->size > leaf->number; return ERR_OK;
	case IMAP_SEARCH_SMALLER: *ret = x->msg->size < leaf->number; return ERR_OK;
	case IMAP_SEARCH_MODSEQ: *ret = x->msg->modseq >= leaf->number; return ERR_OK;
	case IMAP_SEARCH_BEFORE:
	case IMAP_SEARCH_ON:
	case IMAP_SEARCH_SINCE: return ask_date(x, leaf, ret);
	case IMAP_SEARCH_SAVEDBEFORE:
	case IMAP_SEARCH_SAVEDON:
	case IMAP_SEARCH_SAVEDSINCE: *ret = is_saved(x, leaf); return ERR_OK;
	case IMAP_SEARCH_EMAILID:
	case IMAP_SEARCH_THREADID: return ask_object(x, leaf, ret);
	default: return svc_account_imap_search_text(x->s, x->msg->id, leaf, ret);
	}
}

/* The flag bit of a keyword; one that this mailbox does not have matches nothing. */
static uint64_t
keyword_bit(const struct svc_account_imap *s, str name)
{
	for (size_t i = 0; i < s->box.keywords.n; i++) {
		if (str_ieq(name, s->box.keywords.name[i])) {
			return UINT64_C(1) << (STORE_KEYWORD_BIT + i);
		}
	}
	return 0;
}

/* Give each leaf what it needs of this mailbox. */
static enum err
prepare(struct svc_account_imap *s, struct imap_search_program *p)
{
	const struct store_view *view = &s->box.view;
	uint32_t last = view->n == 0 ? view->uidnext : store_view_uid(view, view->n);
	for (size_t i = 0; i < p->n; i++) {
		struct imap_search_node *node = &p->nodes[i];
		if (node->op == IMAP_SEARCH_KEYWORD) {
			node->number = keyword_bit(s, node->text);
		}
		if (node->set.saved) {
			node->user = &s->box.saved;
		} else if (node->op == IMAP_SEARCH_SEQ) {
			if (imap_seqset_largest(&node->set) > view->n) {
				return svc_account_imap_fail(s, ERR_BADSTATE, "",
				    "no such message number");
			}
			imap_seqset_resolve(&node->set, view->n);
		} else if (node->op == IMAP_SEARCH_UID) {
			imap_seqset_resolve(&node->set, last);
		}
	}
	return svc_account_imap_search_fold(s->work, p);
}

/* The uids worth asking about: those of a set that everything depends on, else all. */
static void
candidates(struct svc_account_imap *s, const struct imap_search_program *p, struct store_set *uids)
{
	for (size_t i = 1; i < p->n; i = p->nodes[i].end) {
		const struct imap_search_node *node = &p->nodes[i];
		if (node->op != IMAP_SEARCH_UID && node->op != IMAP_SEARCH_SEQ) {
			continue;
		}
		for (size_t k = 0; k < node->set.n; k++) {
			if (node->op == IMAP_SEARCH_UID) {
				store_set_add(uids, node->set.r[k].lo, node->set.r[k].hi);
			} else {
				store_view_uids(&s->box.view, node->set.r[k].lo, node->set.r[k].hi,
				    uids);
			}
		}
		if (!node->set.saved) {
			return;
		}
	}
	store_set_add(uids, 1, UINT32_MAX);
}

static void
note_match(struct searching *x)
{
	const struct store_msg *m = x->msg;
	store_set_add(&x->found, m->uid, m->uid);
	if (x->min == 0) {
		x->min = m->uid;
		x->min_modseq = m->modseq;
	}
	x->max = m->uid;
	x->max_modseq = m->modseq;
	x->highest = MAX(x->highest, m->modseq);
}

static enum err
search_all(struct searching *x, const struct store_set *uids)
{
	struct svc_account_imap_scan *scan = svc_account_imap_scan_new(x->s, uids, 0);
	if (scan == NULL) {
		return ERR_BUDGET;
	}
	while (true) {
		bool match = false;
		TRY(svc_account_imap_scan_next(scan, &x->msg));
		if (x->msg == NULL) {
			return store_set_err(&x->found);
		}
		x->seq = scan->seq;
		x->cold.id = 0;
		enum err e = imap_search_eval(&x->args->program, ask, x, &match);
		if (e != ERR_OK && e != ERR_NOTFOUND && e != ERR_CORRUPT) {
			return e; /* a message that went or is damaged does not match */
		}
		if (e == ERR_OK && match) {
			note_match(x);
		}
	}
}

static uint32_t
number_of(const struct searching *x, uint32_t uid)
{
	return x->uid ? uid : store_view_seq(&x->s->box.view, uid);
}

static void
put_set(struct searching *x)
{
	struct imap_set_writer w = { .out = &x->s->out };
	for (size_t i = 0; i < x->found.n; i++) {
		for (uint64_t uid = x->found.v[i].lo; uid <= x->found.v[i].hi; uid++) {
			imap_set_writer_put(&w, number_of(x, (uint32_t)uid));
			svc_account_imap_breathe(x->s);
		}
	}
	imap_set_writer_end(&w);
}

/* "* SEARCH 2 84 882 (MODSEQ 917162500)" (RFC 3501 7.2.5, 7162 3.1.5) */
static void
put_search(struct searching *x)
{
	struct buf *out = &x->s->out;
	buf_cstr(out, "* SEARCH");
	for (size_t i = 0; i < x->found.n; i++) {
		for (uint64_t uid = x->found.v[i].lo; uid <= x->found.v[i].hi; uid++) {
			buf_ch(out, ' ');
			buf_u64(out, number_of(x, (uint32_t)uid));
			svc_account_imap_breathe(x->s);
		}
	}
	if (x->args->program.has_modseq && x->min != 0) {
		buf_printf(out, " (MODSEQ %llu)", (unsigned long long)x->highest);
	}
	buf_cstr(out, "\r\n");
}

static uint64_t
esearch_modseq(const struct searching *x, unsigned ret)
{
	uint64_t modseq = 0;
	if ((ret & (IMAP_RETURN_ALL | IMAP_RETURN_COUNT)) != 0) {
		return x->highest;
	}
	modseq = (ret & IMAP_RETURN_MIN) != 0 ? x->min_modseq : 0;
	return (ret & IMAP_RETURN_MAX) != 0 ? MAX(modseq, x->max_modseq) : modseq;
}

/* "* ESEARCH (TAG "a") UID MIN 2 COUNT 3 ALL 2,4:5" (RFC 9051 7.3.4) */
static void
put_esearch(struct searching *x, str tag, unsigned ret)
{
	struct buf *out = &x->s->out;
	buf_cstr(out, "* ESEARCH (TAG ");
	imap_put_string(out, tag, false);
	buf_cstr(out, x->uid ? ") UID" : ")");
	if (x->min != 0 && (ret & IMAP_RETURN_MIN) != 0) {
		buf_printf(out, " MIN %u", number_of(x, x->min));
	}
	if (x->min != 0 && (ret & IMAP_RETURN_MAX) != 0) {
		buf_printf(out, " MAX %u", number_of(x, x->max));
	}
	if (x->min != 0 && (ret & IMAP_RETURN_ALL) != 0) {
		buf_cstr(out, " ALL ");
		put_set(x);
	}
	if ((ret & IMAP_RETURN_COUNT) != 0) {
		buf_cstr(out, " COUNT ");
		buf_u64(out, store_set_count(&x->found));
	}
	if (x->args->program.has_modseq && x->min != 0) {
		buf_printf(out, " MODSEQ %llu", (unsigned long long)esearch_modseq(x, ret));
	}
	buf_cstr(out, "\r\n");
}

/* What "$" means from now on (RFC 5182 2.4): with MIN or MAX alone only those. */
static void
save(struct searching *x, unsigned ret)
{
	struct store_set *saved = &x->s->box.saved;
	store_set_reset(saved);
	bool all = (ret & (IMAP_RETURN_ALL | IMAP_RETURN_COUNT)) != 0 ||
	    (ret & (IMAP_RETURN_MIN | IMAP_RETURN_MAX)) == 0;
	for (size_t i = 0; all && i < x->found.n; i++) {
		store_set_add(saved, x->found.v[i].lo, x->found.v[i].hi);
	}
	if (!all && x->min != 0 && (ret & IMAP_RETURN_MIN) != 0) {
		store_set_add(saved, x->min, x->min);
	}
	if (!all && x->min != 0 && (ret & IMAP_RETURN_MAX) != 0) {
		store_set_add(saved, x->max, x->max);
	}
}

static void
answer(struct searching *x, str tag)
{
	const struct imap_search_args *args = x->args;
	unsigned ret = args->extended ? args->ret : (unsigned)IMAP_RETURN_ALL;
	if ((ret & IMAP_RETURN_SAVE) != 0) {
		save(x, ret);
	}
	if (ret == IMAP_RETURN_SAVE) {
		return; /* RFC 5182 2.1: nothing else was asked for */
	}
	if (args->extended || (x->s->enabled & IMAP_ENABLED_REV2) != 0) {
		put_esearch(x, tag, ret);
	} else {
		put_search(x);
	}
}

enum err
svc_account_imap_cmd_search(struct svc_account_imap *s, struct imap_command *cmd)
{
	struct imap_search_args *args = &cmd->u.search;
	struct searching x = { .s = s, .args = args, .uid = cmd->uid };
	struct store_set uids;
	if (args->charset && (s->enabled & IMAP_ENABLED_UTF8) != 0) {
		return ERR_BADSTATE; /* RFC 6855 3 */
	}
	if (args->program.has_modseq) {
		svc_account_imap_condstore(s);
	}
	store_set_init(&uids);
	store_set_init(&x.found);
	enum err e = svc_account_imap_refresh(s, svc_account_imap_may_expunge(cmd), NULL);
	if (e == ERR_OK && s->state == IMAP_SELECTED) {
		e = prepare(s, &args->program);
		if (e == ERR_OK) {
			candidates(s, &args->program, &uids);
			e = search_all(&x, &uids);
		}
		if (e == ERR_OK) {
			answer(&x, cmd->tag);
		} else if ((args->ret & IMAP_RETURN_SAVE) != 0 && e != ERR_BADSTATE) {
			store_set_reset(&s->box.saved); /* RFC 5182 2.1: NO empties it, BAD does not
							 */
		}
	}
	store_set_done(&x.found);
	store_set_done(&uids);
	return e;
}
