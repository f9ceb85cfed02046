/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arguments of the relatives of SEARCH.
 *
 *	sort    = "SORT" [SP "RETURN" ...] SP "(" criterion *(SP criterion) ")" SP charset keys
 *	criterion = ["REVERSE" SP] sort-key            ; keys: 1*(SP search-key)
 *	thread  = "THREAD" SP ("ORDEREDSUBJECT" / "REFERENCES") SP charset keys
 *	esearch = "ESEARCH" [SP "IN" SP "(" source *(SP source) ")"] [SP "RETURN" ...] SP program
 *	source  = "selected" / "inboxes" / "personal" / "subscribed"
 *	          / ("subtree" / "subtree-one" / "mailboxes") SP (mailbox / "(" mailboxes ")")
 */
#include "proto/imap/args.h"

static const struct {
	str name;
	enum imap_sort_by by;
} sort_keys[] = {
	{ S_INIT("ARRIVAL"), IMAP_SORT_ARRIVAL },
	{ S_INIT("CC"), IMAP_SORT_CC },
	{ S_INIT("DATE"), IMAP_SORT_DATE },
	{ S_INIT("FROM"), IMAP_SORT_FROM },
	{ S_INIT("SIZE"), IMAP_SORT_SIZE },
	{ S_INIT("SUBJECT"), IMAP_SORT_SUBJECT },
	{ S_INIT("TO"), IMAP_SORT_TO },
	{ S_INIT("DISPLAYFROM"), IMAP_SORT_DISPLAYFROM },
	{ S_INIT("DISPLAYTO"), IMAP_SORT_DISPLAYTO },
	{ S_INIT("RELEVANCY"), IMAP_SORT_RELEVANCY },
};

static void
parse_criterion(struct imap_cur *c, struct imap_sort_args *sort)
{
	struct imap_sort_key key = { 0 };
	str name = imap_cur_atom(c);
	if (str_ieq(name, S("REVERSE"))) {
		key.reverse = true;
		imap_cur_sp(c);
		name = imap_cur_atom(c);
	}
	size_t i = 0;
	while (i < LEN(sort_keys) && !str_ieq(name, sort_keys[i].name)) {
		i++;
	}
	if (i == LEN(sort_keys)) {
		imap_cur_fail(c, ERR_SYNTAX);
	} else if (sort->n == LEN(sort->keys)) {
		imap_cur_fail(c, ERR_TOOMANY);
	} else {
		key.by = sort_keys[i].by;
		sort->keys[sort->n++] = key;
	}
}

void
imap_args_sort(struct imap_cur *c, struct imap_command *cmd)
{
	struct imap_sort_args *sort = &cmd->u.sort;
	imap_cur_sp(c);
	imap_parse_return(c, &sort->search);
	imap_cur_ch(c, '(');
	do {
		parse_criterion(c, sort);
	} while (imap_cur_try(c, ' '));
	imap_cur_ch(c, ')');
	imap_cur_sp(c);
	imap_parse_charset(c);
	imap_parse_program(c, &sort->search);
	for (size_t i = 0; i < sort->n; i++) {
		if (sort->keys[i].by == IMAP_SORT_RELEVANCY && !sort->search.program.has_fuzzy) {
			imap_cur_fail(c, ERR_SYNTAX); /* RFC 6203 6 */
		}
	}
}

void
imap_args_thread(struct imap_cur *c, struct imap_command *cmd)
{
	struct imap_thread_args *thread = &cmd->u.thread;
	imap_cur_sp(c);
	str name = imap_cur_atom(c);
	if (str_ieq(name, S("REFERENCES"))) {
		thread->by = IMAP_THREAD_REFERENCES;
	} else if (str_ieq(name, S("ORDEREDSUBJECT"))) {
		thread->by = IMAP_THREAD_ORDEREDSUBJECT;
	} else {
		imap_cur_fail(c, ERR_SYNTAX);
	}
	imap_cur_sp(c);
	imap_parse_charset(c);
	imap_parse_program(c, &thread->search);
}

static const struct {
	str name;
	enum imap_look_kind kind;
	bool names;
} sources[] = {
	{ S_INIT("selected"), IMAP_LOOK_SELECTED, false },
	{ S_INIT("inboxes"), IMAP_LOOK_INBOXES, false },
	{ S_INIT("personal"), IMAP_LOOK_PERSONAL, false },
	{ S_INIT("subscribed"), IMAP_LOOK_SUBSCRIBED, false },
	{ S_INIT("subtree"), IMAP_LOOK_SUBTREE, true },
	{ S_INIT("subtree-one"), IMAP_LOOK_SUBTREE_ONE, true },
	{ S_INIT("mailboxes"), IMAP_LOOK_MAILBOXES, true },
};

static void
add_source(struct imap_cur *c, struct imap_vec *v, enum imap_look_kind kind, str name)
{
	struct imap_look *s = imap_vec_add(c, v);
	if (s != NULL) {
		*s = (struct imap_look){ kind, name };
	}
}

static void
parse_source(struct imap_cur *c, struct imap_vec *v)
{
	str name = imap_cur_atom(c);
	size_t i = 0;
	while (i < LEN(sources) && !str_ieq(name, sources[i].name)) {
		i++;
	}
	if (i == LEN(sources)) {
		imap_cur_fail(c, ERR_SYNTAX);
		return;
	}
	if (!sources[i].names) {
		add_source(c, v, sources[i].kind, STR_NONE);
		return;
	}
	imap_cur_sp(c);
	if (!imap_cur_try(c, '(')) {
		add_source(c, v, sources[i].kind, imap_cur_mailbox(c));
		return;
	}
	do {
		add_source(c, v, sources[i].kind, imap_cur_mailbox(c));
	} while (imap_cur_try(c, ' '));
	imap_cur_ch(c, ')');
}

/* No scope-options are defined (RFC 7377 4): any is a mistake. */
static void
parse_sources(struct imap_cur *c, struct imap_esearch_args *esearch)
{
	struct imap_vec v = { .max = IMAP_LOOKS_MAX, .size = sizeof(struct imap_look) };
	imap_cur_sp(c);
	imap_cur_ch(c, '(');
	do {
		parse_source(c, &v);
	} while (imap_cur_try(c, ' '));
	imap_cur_ch(c, ')');
	imap_cur_sp(c);
	esearch->looks = v.p;
	esearch->n = v.n;
}

void
imap_args_esearch(struct imap_cur *c, struct imap_command *cmd)
{
	struct imap_esearch_args *esearch = &cmd->u.esearch;
	imap_cur_sp(c);
	if (imap_cur_word(c, S("IN"))) {
		parse_sources(c, esearch);
	}
	imap_parse_return(c, &esearch->search);
	if (!esearch->search.extended) {
		esearch->search.ret = IMAP_RETURN_ALL;
	}
	esearch->search.charset = imap_cur_word(c, S("CHARSET"));
	if (esearch->search.charset) {
		imap_cur_sp(c);
		imap_parse_charset(c);
	}
	imap_parse_program(c, &esearch->search);
}
