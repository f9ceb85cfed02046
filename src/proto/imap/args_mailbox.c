/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arguments of the verbs about mailboxes and the session, but for SELECT and LIST.
 *
 *	create = "CREATE" SP mailbox [SP "(" "USE" SP "(" [use-attr *(SP use-attr)] ")" ")"]
 *	status = "STATUS" SP mailbox SP "(" status-att *(SP status-att) ")"
 *	enable = "ENABLE" 1*(SP capability)
 *	id     = "ID" SP (nil / "(" [string SP nstring *(SP string SP nstring)] ")")
 */
#include "proto/imap/args.h"

void
imap_args_none(struct imap_cur *c, struct imap_command *cmd)
{
	/* The table also holds verbs of other states whose arguments are never looked at. */
	if ((imap_verbs[cmd->verb].states & (IMAP_AUTH | IMAP_SELECTED)) == 0) {
		c->p = c->end;
	}
}

void
imap_args_id(struct imap_cur *c, struct imap_command *cmd)
{
	imap_cur_sp(c);
	if (imap_cur_word(c, S("NIL"))) {
		return;
	}
	imap_cur_ch(c, '(');
	for (size_t i = 0; imap_cur_ok(c) && !imap_cur_is(c, ')'); i++) {
		if (i == IMAP_ID_PAIRS_MAX) {
			imap_cur_fail(c, ERR_TOOMANY);
			return;
		}
		if (i > 0) {
			imap_cur_sp(c);
		}
		str field = imap_cur_string(c);
		imap_cur_sp(c);
		str value = imap_cur_nstring(c);
		if (str_ieq(field, S("name"))) {
			cmd->u.client = value;
		}
	}
	imap_cur_ch(c, ')');
}

/* compress = "COMPRESS" SP "DEFLATE" */
void
imap_args_compress(struct imap_cur *c, struct imap_command *cmd)
{
	imap_cur_sp(c);
	if (!str_ieq(imap_cur_atom(c), S("DEFLATE"))) {
		imap_cur_fail(c, ERR_SYNTAX);
	}
}

void
imap_args_enable(struct imap_cur *c, struct imap_command *cmd)
{
	size_t n = 0;
	do {
		imap_cur_sp(c);
		cmd->u.enable |= imap_enable_bit(imap_cur_atom(c));
		if (++n > IMAP_ENABLE_MAX) {
			imap_cur_fail(c, ERR_TOOMANY);
		}
	} while (imap_cur_is(c, ' '));
}

void
imap_args_mailbox(struct imap_cur *c, struct imap_command *cmd)
{
	imap_cur_sp(c);
	cmd->u.mailbox = imap_cur_mailbox(c);
}

static unsigned
use_bit(str attr)
{
	static const struct {
		str name;
		unsigned bit;
	} uses[] = {
		{ S_INIT("\\Archive"), IMAP_USE_ARCHIVE },
		{ S_INIT("\\Drafts"), IMAP_USE_DRAFTS },
		{ S_INIT("\\Flagged"), IMAP_USE_FLAGGED },
		{ S_INIT("\\Junk"), IMAP_USE_JUNK },
		{ S_INIT("\\Sent"), IMAP_USE_SENT },
		{ S_INIT("\\Trash"), IMAP_USE_TRASH },
		{ S_INIT("\\All"), IMAP_USE_ALL },
	};
	for (size_t i = 0; i < LEN(uses); i++) {
		if (str_ieq(attr, uses[i].name)) {
			return uses[i].bit;
		}
	}
	return 0;
}

void
imap_args_create(struct imap_cur *c, struct imap_command *cmd)
{
	imap_cur_sp(c);
	cmd->u.create.mailbox = imap_cur_mailbox(c);
	if (!imap_cur_try(c, ' ')) {
		return;
	}
	imap_cur_ch(c, '(');
	if (!imap_cur_word(c, S("USE"))) {
		imap_cur_fail(c, ERR_SYNTAX);
	}
	imap_cur_sp(c);
	imap_cur_ch(c, '(');
	for (bool first = true; imap_cur_ok(c) && !imap_cur_is(c, ')'); first = false) {
		if (!first) {
			imap_cur_sp(c);
		}
		unsigned bit = use_bit(imap_cur_flag(c));
		if (imap_cur_ok(c) && bit == 0) {
			imap_cur_fail(c, ERR_NOTFOUND);
		}
		cmd->u.create.use |= bit;
	}
	imap_cur_ch(c, ')');
	imap_cur_ch(c, ')');
}

void
imap_args_rename(struct imap_cur *c, struct imap_command *cmd)
{
	imap_cur_sp(c);
	cmd->u.rename.from = imap_cur_mailbox(c);
	imap_cur_sp(c);
	cmd->u.rename.to = imap_cur_mailbox(c);
}

static unsigned
status_bit(str name)
{
	static const struct {
		str name;
		unsigned bit;
	} items[] = {
		{ S_INIT("MESSAGES"), IMAP_STATUS_MESSAGES },
		{ S_INIT("UIDNEXT"), IMAP_STATUS_UIDNEXT },
		{ S_INIT("UIDVALIDITY"), IMAP_STATUS_UIDVALIDITY },
		{ S_INIT("UNSEEN"), IMAP_STATUS_UNSEEN },
		{ S_INIT("DELETED"), IMAP_STATUS_DELETED },
		{ S_INIT("SIZE"), IMAP_STATUS_SIZE },
		{ S_INIT("RECENT"), IMAP_STATUS_RECENT },
		{ S_INIT("HIGHESTMODSEQ"), IMAP_STATUS_HIGHESTMODSEQ },
		{ S_INIT("MAILBOXID"), IMAP_STATUS_MAILBOXID },
		{ S_INIT("APPENDLIMIT"), IMAP_STATUS_APPENDLIMIT },
		{ S_INIT("DELETED-STORAGE"), IMAP_STATUS_DELETED_STORAGE },
	};
	for (size_t i = 0; i < LEN(items); i++) {
		if (str_ieq(name, items[i].name)) {
			return items[i].bit;
		}
	}
	return 0;
}

unsigned
imap_parse_status_items(struct imap_cur *c)
{
	unsigned bits = 0;
	imap_cur_ch(c, '(');
	do {
		unsigned bit = status_bit(imap_cur_atom(c));
		if (bit == 0) {
			imap_cur_fail(c, ERR_SYNTAX);
		}
		bits |= bit;
	} while (imap_cur_try(c, ' '));
	imap_cur_ch(c, ')');
	return bits;
}

void
imap_args_status(struct imap_cur *c, struct imap_command *cmd)
{
	imap_cur_sp(c);
	cmd->u.status.mailbox = imap_cur_mailbox(c);
	imap_cur_sp(c);
	cmd->u.status.items = imap_parse_status_items(c);
}
