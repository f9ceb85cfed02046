/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arguments of EXPUNGE, STORE, COPY, MOVE, UIDBATCHES, and the flag list. FETCH has its own file.
 *
 *	store = "STORE" SP sequence-set [SP "(" "UNCHANGEDSINCE" SP mod-sequence-value ")"]
 *	        SP ["+" / "-"] "FLAGS" [".SILENT"] SP (flag-list / (flag *(SP flag)))
 *	copy  = "COPY" SP sequence-set SP mailbox
 *	message-batches = "UIDBATCHES" SP nz-number [SP nz-number ":" nz-number]
 */
#include "proto/imap/args.h"

struct imap_seqset
imap_parse_set(struct imap_cur *c)
{
	struct imap_seqset set = { 0 };
	str text = imap_cur_run(c);
	if (imap_cur_ok(c)) {
		enum err e = imap_seqset_parse(c->arena, text, &set);
		if (e != ERR_OK) {
			imap_cur_fail(c, e);
			set = (struct imap_seqset){ 0 };
		}
	}
	return set;
}

static unsigned
system_flag(str flag)
{
	static const struct {
		str name;
		unsigned bit;
	} flags[] = {
		{ S_INIT("\\Seen"), IMAP_FLAG_SEEN },
		{ S_INIT("\\Answered"), IMAP_FLAG_ANSWERED },
		{ S_INIT("\\Flagged"), IMAP_FLAG_FLAGGED },
		{ S_INIT("\\Deleted"), IMAP_FLAG_DELETED },
		{ S_INIT("\\Draft"), IMAP_FLAG_DRAFT },
	};
	for (size_t i = 0; i < LEN(flags); i++) {
		if (str_ieq(flag, flags[i].name)) {
			return flags[i].bit;
		}
	}
	return 0;
}

static bool
has_keyword(const struct imap_vec *v, str flag)
{
	const str *have = v->p;
	for (size_t i = 0; i < v->n; i++) {
		if (str_ieq(have[i], flag)) {
			return true;
		}
	}
	return false;
}

static void
add_flag(struct imap_cur *c, struct imap_flags *flags, struct imap_vec *v)
{
	str flag = imap_cur_flag(c);
	if (!imap_cur_ok(c)) {
		return;
	}
	if (flag.p[0] == '\\') {
		unsigned bit = system_flag(flag);
		flags->bits |= bit;
		if (bit == 0 && !str_ieq(flag, S("\\Recent"))) {
			imap_cur_fail(c,
			    ERR_SYNTAX); /* RFC 9051 2.3.2: system flags are the ones defined */
		}
		return;
	}
	if (flag.n > IMAP_FLAG_MAX) {
		imap_cur_fail(c, ERR_TOOBIG);
		return;
	}
	str *slot = has_keyword(v, flag) ? NULL : imap_vec_add(c, v);
	if (slot != NULL) {
		*slot = flag;
	}
}

struct imap_flags
imap_parse_flags(struct imap_cur *c)
{
	struct imap_flags flags = { 0 };
	struct imap_vec v = { .max = IMAP_FLAGS_MAX, .size = sizeof(str) };
	bool list = imap_cur_try(c, '(');
	if (!list || !imap_cur_is(c, ')')) {
		do {
			add_flag(c, &flags, &v);
		} while (imap_cur_try(c, ' '));
	}
	if (list) {
		imap_cur_ch(c, ')');
	}
	flags.keywords = v.p;
	flags.n = v.n;
	return flags;
}

void
imap_args_expunge(struct imap_cur *c, struct imap_command *cmd)
{
	if (cmd->uid) {
		imap_cur_sp(c);
		cmd->u.expunge = imap_parse_set(c);
	}
}

void
imap_args_copy(struct imap_cur *c, struct imap_command *cmd)
{
	imap_cur_sp(c);
	cmd->u.copy.set = imap_parse_set(c);
	imap_cur_sp(c);
	cmd->u.copy.mailbox = imap_cur_mailbox(c);
}

static void
store_modifier(struct imap_cur *c, struct imap_store_args *store)
{
	imap_cur_ch(c, '(');
	if (!imap_cur_word(c, S("UNCHANGEDSINCE"))) {
		imap_cur_fail(c, ERR_SYNTAX);
	}
	imap_cur_sp(c);
	store->unchangedsince = imap_cur_number64(c);
	store->has_unchangedsince = true;
	imap_cur_ch(c, ')');
	imap_cur_sp(c);
}

void
imap_args_store(struct imap_cur *c, struct imap_command *cmd)
{
	struct imap_store_args *store = &cmd->u.store;
	imap_cur_sp(c);
	store->set = imap_parse_set(c);
	imap_cur_sp(c);
	if (imap_cur_is(c, '(')) {
		store_modifier(c, store);
	}
	if (imap_cur_try(c, '+')) {
		store->mode = IMAP_STORE_ADD;
	} else if (imap_cur_try(c, '-')) {
		store->mode = IMAP_STORE_REMOVE;
	}
	store->silent = imap_cur_word(c, S("FLAGS.SILENT"));
	if (!store->silent && !imap_cur_word(c, S("FLAGS"))) {
		imap_cur_fail(c, ERR_SYNTAX);
	}
	imap_cur_sp(c);
	store->flags = imap_parse_flags(c);
}

void
imap_args_uidbatches(struct imap_cur *c, struct imap_command *cmd)
{
	struct imap_batches_args *b = &cmd->u.batches;
	imap_cur_sp(c);
	*b = (struct imap_batches_args){
		.size = imap_cur_nz_number(c), .first = 1, .last = UINT32_MAX
	};
	if (imap_cur_try(c, ' ')) {
		b->first = imap_cur_nz_number(c);
		imap_cur_ch(c, ':');
		b->last = imap_cur_nz_number(c);
	}
}
