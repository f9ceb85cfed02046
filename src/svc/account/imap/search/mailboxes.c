/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ESEARCH (RFC 7377): one program over several mailboxes, each once, in the order of LIST. The
 * answers carry uids and say of which mailbox they are. The selection stays as it is.
 */
#include "svc/account/imap/search/search.h"

struct several {
	struct svc_account_imap *s;
	const struct imap_esearch_args *args;
	const struct store_mailbox *all;
	size_t n;
	bool *wanted; /* of each of `all` */
};

static bool
is_below(str name, str parent, bool one)
{
	bool below = name.n > parent.n + 1 && str_starts(name, parent) && name.p[parent.n] == '/';
	return below && (!one || str_chr(str_from_off(name, parent.n + 1), '/') < 0);
}

static bool
is_meant(const struct several *v, const struct imap_look *look, const struct store_mailbox *m)
{
	const struct svc_account_imap *s = v->s;
	switch (look->kind) {
	case IMAP_LOOK_SELECTED: return s->state == IMAP_SELECTED && m->id == s->box.id;
	case IMAP_LOOK_INBOXES: return str_eq(m->name, S("INBOX")); /* where mail is delivered to */
	case IMAP_LOOK_PERSONAL: return true;
	case IMAP_LOOK_SUBSCRIBED: return m->subscribed;
	case IMAP_LOOK_SUBTREE:
	case IMAP_LOOK_SUBTREE_ONE:
		if (is_below(m->name, look->name, look->kind == IMAP_LOOK_SUBTREE_ONE)) {
			return true;
		}
		break;
	case IMAP_LOOK_MAILBOXES: break;
	}
	return str_eq(m->name, look->name);
}

/* Only "selected", which is also what no source at all means. */
static bool
only_selected(const struct imap_esearch_args *args)
{
	for (size_t i = 0; i < args->n; i++) {
		if (args->looks[i].kind != IMAP_LOOK_SELECTED) {
			return false;
		}
	}
	return true;
}

static enum err
choose(struct several *v)
{
	static const struct imap_look selected = { .kind = IMAP_LOOK_SELECTED };
	const struct imap_look *looks = v->args->n > 0 ? v->args->looks : &selected;
	size_t looks_n = MAX(v->args->n, (size_t)1), sum = 0;
	v->wanted = arena_array(v->s->work, v->n, sizeof *v->wanted);
	if (v->wanted == NULL) {
		return ERR_BUDGET;
	}
	for (size_t i = 0; i < v->n; i++) {
		for (size_t k = 0; v->all[i].id != 0 && k < looks_n && !v->wanted[i]; k++) {
			v->wanted[i] = is_meant(v, &looks[k], &v->all[i]);
		}
		sum += v->wanted[i];
	}
	if (sum > SVC_ACCOUNT_IMAP_ESEARCH_MAILBOXES) {
		return svc_account_imap_fail(v->s, ERR_TOOMANY, "LIMIT", "too many mailboxes");
	}
	return ERR_OK;
}

static enum err
look_into(struct several *v, const struct store_mailbox *m, const struct svc_account_imap_box *box,
    str tag)
{
	const struct imap_search_args *args = &v->args->search;
	struct imap_search_program program = args->program;
	struct svc_account_imap_result r = {
		.s = v->s, .args = args, .box = box, .uid = true, .tag = tag, .mailbox = m->name
	};
	enum err e = svc_account_imap_search_result_run(&r, &program);
	if (e == ERR_OK && (r.found.n > 0 || args->ret == IMAP_RETURN_SAVE)) {
		e = svc_account_imap_search_result_answer(&r, args->ret);
	} else if (e == ERR_OK && (args->ret & IMAP_RETURN_SAVE) != 0) {
		store_set_reset(&v->s->box.saved);
	}
	store_set_done(&r.found);
	svc_account_imap_breathe(v->s);
	return e;
}

/* A mailbox that is not selected; one that is gone by now has nothing. */
static enum err
look_elsewhere(struct several *v, const struct store_mailbox *m, str tag)
{
	struct svc_account_imap_box box = { .id = m->id, .read_only = true };
	enum err e = store_view_init(&box.view, v->s->store, m->id);
	if (e != ERR_OK) {
		return e == ERR_NOTFOUND ? ERR_OK : e;
	}
	e = store_keywords(v->s->store, m->id, v->s->work, &box.keywords);
	e = e == ERR_OK ? look_into(v, m, &box, tag) : e;
	store_view_done(&box.view);
	return e == ERR_NOTFOUND ? ERR_OK : e;
}

/* What one mailbox needs of the work arena is given back before the next. */
static enum err
look_at(struct several *v, const struct store_mailbox *m, str tag)
{
	struct svc_account_imap *s = v->s;
	struct arena *work = s->work;
	s->work = arena_new(work, "one mailbox", SVC_ACCOUNT_IMAP_BUDGET / 4, 0);
	if (s->work == NULL) {
		s->work = work;
		return ERR_BUDGET;
	}
	enum err e = s->state == IMAP_SELECTED && m->id == s->box.id ? look_into(v, m, &s->box, tag)
								     : look_elsewhere(v, m, tag);
	arena_free(&s->work);
	s->work = work;
	return e;
}

static enum err
esearch(struct svc_account_imap *s, struct imap_command *cmd)
{
	struct several v = { .s = s, .args = &cmd->u.esearch };
	struct store_mailbox *all;
	TRY(store_mailboxes(s->store, s->work, &all, &v.n));
	v.all = all;
	TRY(choose(&v));
	TRY(svc_account_imap_search_begin(s, &cmd->u.esearch.search.program));
	for (size_t i = 0; i < v.n && !s->broken; i++) {
		if (v.wanted[i]) {
			TRY(look_at(&v, &all[i], cmd->tag));
		}
	}
	return ERR_OK;
}

static bool
has_selected(const struct imap_esearch_args *args)
{
	bool has = args->n == 0;
	for (size_t i = 0; i < args->n; i++) {
		has = has || args->looks[i].kind == IMAP_LOOK_SELECTED;
	}
	return has;
}

enum err
svc_account_imap_search_mailboxes(struct svc_account_imap *s, struct imap_command *cmd)
{
	struct imap_esearch_args *args = &cmd->u.esearch;
	if (args->search.charset && (s->enabled & IMAP_ENABLED_UTF8) != 0) {
		return ERR_BADSTATE; /* RFC 6855 3 */
	}
	if (has_selected(args) && s->state != IMAP_SELECTED) {
		return svc_account_imap_fail(s, ERR_BADSTATE, "", "no mailbox is selected");
	}
	if ((args->search.ret & IMAP_RETURN_SAVE) != 0 && !only_selected(args)) {
		return svc_account_imap_fail(s, ERR_BADSTATE, "",
		    "SAVE is for the selected mailbox alone");
	}
	TRY(svc_account_imap_refresh(s, !args->search.program.has_seq, NULL));
	if (has_selected(args) && s->state != IMAP_SELECTED) {
		return ERR_OK; /* it was deleted: BYE is on its way */
	}
	enum err e = esearch(s, cmd);
	svc_account_imap_search_result_failed(s, args->search.ret, e);
	return e;
}
