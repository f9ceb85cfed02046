/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LIST and LSUB (RFC 9051 6.3.9, 5258; RFC 3501 6.3.9). The store gives all names in order; they
 * are matched one after the other.
 */
#include "svc/account/imap/session.h"

#include "proto/imap/match.h"
#include "proto/imap/write.h"

struct listing {
	struct svc_account_imap *s;
	const struct imap_list_args *args;
	const struct store_mailbox *all;
	size_t n;
	bool lsub;
	bool deep; /* LSUB with % or RECURSIVEMATCH: parents of selected names are wanted, too */
	str *patterns;                       /* with the reference in front */
	const struct store_mailbox **sorted; /* deep: all, by name */
	bool *below; /* deep: beside all: there is a selected name below it */
	str *lost;   /* deep: parents of selected names that are no rows of the store */
	size_t lost_n;
};

static enum err
make_patterns(struct listing *l)
{
	const struct imap_list_args *args = l->args;
	l->patterns = arena_array(l->s->work, args->n, sizeof(str));
	if (l->patterns == NULL) {
		return ERR_BUDGET;
	}
	for (size_t i = 0; i < args->n; i++) {
		l->patterns[i] = arena_printf(l->s->work, "%.*s%.*s", STR_ARG(args->reference),
		    STR_ARG(args->patterns[i]));
		if (l->patterns[i].p == NULL) {
			return ERR_BUDGET;
		}
	}
	return ERR_OK;
}

static bool
matches(const struct listing *l, str name)
{
	for (size_t i = 0; i < l->args->n; i++) {
		if (l->args->patterns[i].n > 0 && imap_match(l->patterns[i], name)) {
			return true;
		}
	}
	return false;
}

/* Does the mailbox satisfy the selection options? */
static bool
is_selected(const struct listing *l, const struct store_mailbox *m)
{
	unsigned want = l->args->select;
	if ((want & IMAP_LIST_SUBSCRIBED) != 0 && !m->subscribed) {
		return false;
	}
	if ((want & IMAP_LIST_SPECIAL_USE) != 0 && svc_account_imap_uses(m->special) == 0) {
		return false;
	}
	/* A name that is only subscribed is no mailbox; a missing parent is one without messages.
	 */
	return (want & IMAP_LIST_SUBSCRIBED) != 0 || m->id != 0 || m->children;
}

static void
put_attributes(const struct listing *l, const struct store_mailbox *m)
{
	struct buf *out = &l->s->out;
	unsigned shown = l->args->select | l->args->ret;
	buf_ch(out, '(');
	if (m->id == 0) {
		/* RFC 3501 clients know \Noselect alone; \NonExistent implies it (RFC 9051 7.3.1).
		 */
		buf_cstr(out, l->lsub || !l->args->extended ? "\\Noselect " : "\\NonExistent ");
	}
	if ((shown & IMAP_LIST_SUBSCRIBED) != 0 && m->subscribed && !l->lsub) {
		buf_cstr(out, "\\Subscribed ");
	}
	buf_cstr(out, m->children ? "\\HasChildren" : "\\HasNoChildren");
	imap_put_uses(out, svc_account_imap_uses(m->special), true);
	buf_ch(out, ')');
}

static void
put_row(const struct listing *l, const struct store_mailbox *m, bool childinfo)
{
	struct buf *out = &l->s->out;
	buf_cstr(out, l->lsub ? "* LSUB " : "* LIST ");
	put_attributes(l, m);
	buf_cstr(out, " \"/\" ");
	imap_put_mailbox(out, m->name, svc_account_imap_utf8(l->s));
	if (childinfo) {
		bool subscribed = (l->args->select & IMAP_LIST_SUBSCRIBED) != 0;
		buf_cstr(out, " (\"CHILDINFO\" (");
		buf_cstr(out, subscribed ? "\"SUBSCRIBED\"" : "\"SPECIAL-USE\"");
		buf_cstr(out, "))");
	}
	buf_cstr(out, "\r\n");
	if ((l->args->ret & IMAP_LIST_STATUS) != 0 && m->id != 0) {
		svc_account_imap_put_status(l->s, m, l->args->status);
	}
	if ((l->args->ret & IMAP_LIST_METADATA) != 0 && m->id != 0) {
		/* RFC 9590 3: when they cannot be had, the response is left out. */
		(void)!svc_account_imap_put_metadata(l->s, m, &l->args->metadata);
	}
	if ((l->args->ret & IMAP_LIST_MYRIGHTS) != 0 && m->id != 0) {
		/* RFC 8440 3: likewise */
		(void)!svc_account_imap_shared_put_myrights(l->s, m);
	}
	svc_account_imap_breathe(l->s);
}

static int
by_mailbox(const void *a, const void *b)
{
	const struct store_mailbox *const *x = a, *const *y = b;
	return str_cmp((*x)->name, (*y)->name);
}

static int
by_name(const void *a, const void *b)
{
	const str *x = a, *y = b;
	return str_cmp(*x, *y);
}

static const struct store_mailbox *
find_row(const struct listing *l, str name)
{
	struct store_mailbox key = { .name = name };
	const struct store_mailbox *wanted = &key;
	const struct store_mailbox **at = bsearch(&wanted, l->sorted, l->n, sizeof *l->sorted,
	    by_mailbox);
	return at == NULL ? NULL : *at;
}

/*
 * Mark the parents of a selected name. Those that are no rows are noted in l->lost when there is
 * room, and counted in any case.
 */
static void
mark_parents(struct listing *l, str name, size_t room)
{
	for (size_t cut = 1; cut < name.n; cut++) {
		if (name.p[cut] != '/') {
			continue;
		}
		str parent = str_sub(name, 0, cut);
		const struct store_mailbox *row = find_row(l, parent);
		if (row != NULL) {
			l->below[row - l->all] = true;
		} else if (matches(l, parent)) {
			if (l->lost_n < room) {
				l->lost[l->lost_n] = parent;
			}
			l->lost_n++;
		}
	}
}

static void
mark_all(struct listing *l, size_t room)
{
	l->lost_n = 0;
	for (size_t i = 0; i < l->n; i++) {
		if (is_selected(l, &l->all[i])) {
			mark_parents(l, l->all[i].name, room);
		}
	}
}

/* Only with l->deep: which rows have selected names below them, and which parents are missing. */
static enum err
find_parents(struct listing *l)
{
	l->sorted = arena_array(l->s->work, l->n + 1, sizeof *l->sorted);
	l->below = arena_array(l->s->work, l->n + 1, sizeof *l->below);
	if (l->sorted == NULL || l->below == NULL) {
		return ERR_BUDGET;
	}
	for (size_t i = 0; i < l->n; i++) {
		l->sorted[i] = &l->all[i];
	}
	qsort(l->sorted, l->n, sizeof *l->sorted, by_mailbox);
	mark_all(l, 0);
	if (l->lost_n > 0) {
		l->lost = arena_array(l->s->work, l->lost_n, sizeof *l->lost);
		if (l->lost == NULL) {
			return ERR_BUDGET;
		}
		mark_all(l, l->lost_n);
	}
	return ERR_OK;
}

static void
list_one(const struct listing *l, size_t at)
{
	const struct store_mailbox *m = &l->all[at];
	if (!matches(l, m->name)) {
		return;
	}
	bool below = l->deep && l->below[at];
	if (is_selected(l, m)) {
		put_row(l, m, below && !l->lsub);
	} else if (below && l->lsub) {
		/* RFC 3501 6.3.9: \Noselect says that a name below is subscribed. */
		put_row(l, &(struct store_mailbox){ .name = m->name, .children = true }, false);
	} else if (below) {
		put_row(l, m, true);
	}
}

/* Each missing parent once. */
static void
list_lost(const struct listing *l)
{
	if (l->lost_n == 0) {
		return;
	}
	qsort(l->lost, l->lost_n, sizeof *l->lost, by_name);
	for (size_t i = 0; i < l->lost_n; i++) {
		if (i == 0 || !str_eq(l->lost[i], l->lost[i - 1])) {
			put_row(l, &(struct store_mailbox){ .name = l->lost[i], .children = true },
			    !l->lsub);
		}
	}
}

/* RFC 3501 6.3.9: only a pattern with % makes LSUB answer with parents of subscribed names. */
static bool
stops_at_levels(const struct imap_list_args *args)
{
	for (size_t i = 0; i < args->n; i++) {
		if (memchr(args->patterns[i].p, '%', args->patterns[i].n) != NULL) {
			return true;
		}
	}
	return false;
}

static enum err
list_all(struct svc_account_imap *s, const struct imap_list_args *args, bool lsub)
{
	struct store_mailbox *all;
	struct listing l = { .s = s, .args = args, .lsub = lsub };
	l.deep = lsub ? stops_at_levels(args) : (args->select & IMAP_LIST_RECURSIVEMATCH) != 0;
	TRY(make_patterns(&l));
	TRY(store_mailboxes(s->store, s->work, &all, &l.n));
	TRY(svc_account_imap_shared_guest_filter(s, &all, &l.n));
	l.all = all;
	if (l.deep) {
		TRY(find_parents(&l));
	}
	for (size_t i = 0; i < l.n && !s->broken; i++) {
		list_one(&l, i);
	}
	list_lost(&l);
	return ERR_OK;
}

enum err
svc_account_imap_cmd_list(struct svc_account_imap *s, struct imap_command *cmd)
{
	const struct imap_list_args *list = &cmd->u.list;
	/* An empty pattern asks for the separator (RFC 9051 6.3.9). */
	if (!list->extended && list->patterns[0].n == 0) {
		svc_account_imap_line(s, "* LIST (\\Noselect) \"/\" \"\"");
		return ERR_OK;
	}
	TRY(list_all(s, list, false));
	return svc_account_imap_shared_visit_list(s, list);
}

enum err
svc_account_imap_cmd_lsub(struct svc_account_imap *s, struct imap_command *cmd)
{
	return list_all(s, &cmd->u.list, true);
}
