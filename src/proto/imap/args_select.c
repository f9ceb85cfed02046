/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arguments of SELECT and EXAMINE (RFC 9051 6.3.2; 7162 3.1.8, 3.2.5).
 *
 *	select       = "SELECT" SP mailbox [SP "(" select-param *(SP select-param) ")"]
 *	select-param = "CONDSTORE" / "QRESYNC" SP "(" uidvalidity SP mod-sequence-value
 *	               [SP known-uids] [SP seq-match-data] ")"
 *	seq-match-data = "(" known-sequence-set SP known-uid-set ")"
 */
#include "proto/imap/args.h"

/* sequence-set of numbers alone: neither "*" nor "$" */
static struct imap_seqset
plain_set(struct imap_cur *c)
{
	struct imap_seqset set = imap_parse_set(c);
	if (set.saved || imap_seqset_has_star(&set)) {
		imap_cur_fail(c, ERR_SYNTAX);
	}
	return set;
}

/* Each range begins behind the one before it. */
static void
demand_ascending(struct imap_cur *c, const struct imap_seqset *set)
{
	for (size_t i = 0; i < set->n; i++) {
		if (set->r[i].lo > set->r[i].hi || (i > 0 && set->r[i].lo <= set->r[i - 1].hi)) {
			imap_cur_fail(c, ERR_SYNTAX);
		}
	}
}

static uint64_t
count(const struct imap_seqset *set)
{
	uint64_t n = 0;
	for (size_t i = 0; i < set->n; i++) {
		n += (uint64_t)set->r[i].hi - set->r[i].lo + 1;
	}
	return n;
}

/* Behind the "(". Each sequence number belongs to one uid, so both sets are of one size. */
static void
parse_match(struct imap_cur *c, struct imap_qresync *q)
{
	q->match_seqs = plain_set(c);
	imap_cur_sp(c);
	q->match_uids = plain_set(c);
	imap_cur_ch(c, ')');
	demand_ascending(c, &q->match_seqs);
	demand_ascending(c, &q->match_uids);
	if (imap_cur_ok(c) && count(&q->match_seqs) != count(&q->match_uids)) {
		imap_cur_fail(c, ERR_SYNTAX);
	}
}

static void
parse_qresync(struct imap_cur *c, struct imap_qresync *q)
{
	q->given = true;
	imap_cur_sp(c);
	imap_cur_ch(c, '(');
	q->uidvalidity = imap_cur_number(c);
	imap_cur_sp(c);
	q->modseq = imap_cur_number64(c);
	bool more = imap_cur_try(c, ' ');
	if (more && !imap_cur_is(c, '(')) {
		q->has_known = true;
		q->known = plain_set(c);
		more = imap_cur_try(c, ' ');
	}
	if (more) {
		imap_cur_ch(c, '(');
		parse_match(c, q);
	}
	imap_cur_ch(c, ')');
	if (q->uidvalidity == 0) {
		imap_cur_fail(c, ERR_SYNTAX);
	}
}

void
imap_args_select(struct imap_cur *c, struct imap_command *cmd)
{
	struct imap_select_args *select = &cmd->u.select;
	imap_cur_sp(c);
	select->mailbox = imap_cur_mailbox(c);
	if (!imap_cur_try(c, ' ')) {
		return;
	}
	imap_cur_ch(c, '(');
	do {
		if (!select->qresync.given && imap_cur_word(c, S("QRESYNC"))) {
			parse_qresync(c, &select->qresync);
		} else if (!select->condstore && imap_cur_word(c, S("CONDSTORE"))) {
			select->condstore = true;
		} else {
			imap_cur_fail(c, ERR_SYNTAX);
		}
	} while (imap_cur_try(c, ' '));
	imap_cur_ch(c, ')');
}
