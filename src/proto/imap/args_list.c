/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arguments of LIST and LSUB.
 *
 *	list = "LIST" [SP list-select-opts] SP mailbox SP mbox-or-pat [SP list-return-opts]
 *	mbox-or-pat = list-mailbox / "(" list-mailbox *(SP list-mailbox) ")"
 *	list-return-opts = "RETURN" SP "(" [return-option *(SP return-option)] ")"
 *	lsub = "LSUB" SP mailbox SP list-mailbox
 */
#include "proto/imap/args.h"

static const struct {
	str name;
	unsigned bit;
	bool select, ret;
} options[] = {
	{ S_INIT("SUBSCRIBED"), IMAP_LIST_SUBSCRIBED, true, true },
	{ S_INIT("REMOTE"), IMAP_LIST_REMOTE, true, false },
	{ S_INIT("RECURSIVEMATCH"), IMAP_LIST_RECURSIVEMATCH, true, false },
	{ S_INIT("SPECIAL-USE"), IMAP_LIST_SPECIAL_USE, true, true },
	{ S_INIT("CHILDREN"), IMAP_LIST_CHILDREN, false, true },
	{ S_INIT("STATUS"), IMAP_LIST_STATUS, false, true },
	{ S_INIT("METADATA"), IMAP_LIST_METADATA, false, true },
	{ S_INIT("MYRIGHTS"), IMAP_LIST_MYRIGHTS, false, true },
};

static unsigned
option_bit(str name, bool select)
{
	for (size_t i = 0; i < LEN(options); i++) {
		if (str_ieq(name, options[i].name) &&
		    (select ? options[i].select : options[i].ret)) {
			return options[i].bit;
		}
	}
	return 0;
}

/* "(" [option *(SP option)] ")" */
static unsigned
parse_options(struct imap_cur *c, bool select, struct imap_list_args *list)
{
	unsigned bits = 0;
	imap_cur_ch(c, '(');
	for (bool first = true; imap_cur_ok(c) && !imap_cur_is(c, ')'); first = false) {
		if (!first) {
			imap_cur_sp(c);
		}
		unsigned bit = option_bit(imap_cur_atom(c), select);
		if (bit == 0) {
			imap_cur_fail(c, ERR_SYNTAX);
		}
		if (bit == IMAP_LIST_STATUS) {
			imap_cur_sp(c);
			list->status = imap_parse_status_items(c);
		} else if (bit == IMAP_LIST_METADATA) {
			imap_cur_sp(c);
			imap_parse_entries(c, false, &list->metadata);
		}
		bits |= bit;
	}
	imap_cur_ch(c, ')');
	return bits;
}

static void
add_pattern(struct imap_cur *c, struct imap_vec *v)
{
	str wire = imap_cur_list_mailbox(c), pattern = STR_NONE;
	if (!imap_cur_ok(c)) {
		return;
	}
	enum err e = imap_mailbox_decode(c->arena, wire, c->utf8, &pattern);
	if (e != ERR_OK) {
		imap_cur_fail(c, e);
		return;
	}
	str *slot = imap_vec_add(c, v);
	if (slot != NULL) {
		*slot = pattern;
	}
}

static void
parse_patterns(struct imap_cur *c, struct imap_list_args *list)
{
	struct imap_vec v = { .max = IMAP_PATTERNS_MAX, .size = sizeof(str) };
	if (imap_cur_try(c, '(')) {
		list->extended = true;
		do {
			add_pattern(c, &v);
		} while (imap_cur_try(c, ' '));
		imap_cur_ch(c, ')');
	} else {
		add_pattern(c, &v);
	}
	list->patterns = v.p;
	list->n = v.n;
}

void
imap_args_list(struct imap_cur *c, struct imap_command *cmd)
{
	struct imap_list_args *list = &cmd->u.list;
	imap_cur_sp(c);
	if (imap_cur_is(c, '(')) {
		list->extended = true;
		list->select = parse_options(c, true, list);
		imap_cur_sp(c);
	}
	/* RFC 9051 6.3.9.1: RECURSIVEMATCH needs a base option. */
	if ((list->select & IMAP_LIST_RECURSIVEMATCH) != 0 &&
	    (list->select & (IMAP_LIST_SUBSCRIBED | IMAP_LIST_SPECIAL_USE)) == 0) {
		imap_cur_fail(c, ERR_SYNTAX);
	}
	list->reference = imap_cur_mailbox(c);
	imap_cur_sp(c);
	parse_patterns(c, list);
	if (imap_cur_try(c, ' ')) {
		list->extended = true;
		if (!imap_cur_word(c, S("RETURN"))) {
			imap_cur_fail(c, ERR_SYNTAX);
		}
		imap_cur_sp(c);
		list->ret = parse_options(c, false, list);
	}
}

void
imap_args_lsub(struct imap_cur *c, struct imap_command *cmd)
{
	struct imap_list_args *list = &cmd->u.list;
	struct imap_vec v = { .max = 1, .size = sizeof(str) };
	imap_cur_sp(c);
	list->reference = imap_cur_mailbox(c);
	imap_cur_sp(c);
	add_pattern(c, &v);
	list->patterns = v.p;
	list->n = v.n;
	list->select = IMAP_LIST_SUBSCRIBED;
}
