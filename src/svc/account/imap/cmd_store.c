/* SPDX-License-Identifier: Apache-2.0 */
/*
 * STORE (RFC 9051 6.4.6, 7162 3.1.3). News of others is told first. When nothing happened since the
 * client's last command, a message with the modseq of our change holds our change alone, and may be
 * left out when the client said .SILENT.
 */
#include "svc/account/imap/limit.h"

#include "proto/imap/seqset.h"
#include "svc/account/imap/teach/teach.h"

/* "MODIFIED 7,9": what UNCHANGEDSINCE kept, in the client's numbers. */
static enum err
put_modified(struct svc_account_imap *s, const struct store_set *modified, bool uid)
{
	struct store_set seqs;
	const struct store_set *shown = modified;
	store_set_init(&seqs);
	if (!uid) {
		store_view_seqs(&s->box.view, modified, &seqs);
		shown = &seqs;
	}
	if (shown->n > 0) {
		buf_cstr(&s->code, "MODIFIED ");
	}
	for (size_t i = 0; i < shown->n; i++) {
		buf_printf(&s->code, i > 0 ? ",%u" : "%u", shown->v[i].lo);
		if (shown->v[i].hi != shown->v[i].lo) {
			buf_printf(&s->code, ":%u", shown->v[i].hi);
		}
	}
	store_set_done(&seqs);
	/* Without its MODIFIED, OK would say that everything was changed. */
	return buf_err(&s->code) == ERR_OK
	    ? ERR_OK
	    : svc_account_imap_fail(s, ERR_TOOMANY, "LIMIT",
		  "so many were not changed that they cannot be named");
}

struct telling {
	const struct imap_store_args *args;
	bool uid;        /* UID STORE */
	uint64_t modseq; /* of our change; 0: none */
};

/*
 * Is a response due for this message beside what the refresh has told? Without .SILENT always. With
 * it: UNCHANGEDSINCE owes each message its modseq (RFC 7162 3.1.3). One that is not our change's
 * comes with flags: of a message that was kept, so that the client need not ask (example 6), or
 * that others changed since, where MODSEQ alone would make our change look like the last.
 */
static bool
is_due(const struct telling *t, const struct store_msg *m)
{
	return !t->args->silent || (t->args->has_unchangedsince && m->modseq != t->modseq);
}

static void
tell_one(struct svc_account_imap *s, const struct telling *t, uint32_t seq,
    const struct store_msg *m)
{
	bool modseq = svc_account_imap_has_condstore(s);
	svc_account_imap_put_fetch(s, seq, m->uid);
	buf_ch(&s->out, '(');
	if (t->uid || modseq) {
		buf_cstr(&s->out, "UID ");
		buf_u64(&s->out, m->uid);
		buf_ch(&s->out, ' ');
	}
	buf_cstr(&s->out, "FLAGS ");
	svc_account_imap_put_flags(s, m->flags);
	if (modseq) {
		buf_cstr(&s->out, " MODSEQ (");
		buf_u64(&s->out, m->modseq);
		buf_ch(&s->out, ')');
	}
	buf_cstr(&s->out, ")\r\n");
	svc_account_imap_breathe(s);
}

/* The state of every message named, changed or not. */
static enum err
tell_states(struct svc_account_imap *s, const struct store_set *uids, const struct telling *t)
{
	if (t->args->silent && !t->args->has_unchangedsince) {
		return ERR_OK;
	}
	struct svc_account_imap_scan *scan = svc_account_imap_scan_new(s, uids, 0);
	const struct store_msg *m;
	if (scan == NULL) {
		return ERR_BUDGET;
	}
	while (true) {
		TRY(svc_account_imap_scan_next(scan, &m));
		if (m == NULL || s->broken) {
			return ERR_OK;
		}
		if (is_due(t, m)) {
			tell_one(s, t, scan->seq, m);
		}
	}
}

static enum err
change(struct svc_account_imap *s, const struct imap_store_args *args, const struct store_set *uids,
    struct store_set *modified, struct store_changed *ret)
{
	static const enum store_flag_op ops[] = {
		[IMAP_STORE_SET] = STORE_FLAGS_REPLACE,
		[IMAP_STORE_ADD] = STORE_FLAGS_ADD,
		[IMAP_STORE_REMOVE] = STORE_FLAGS_REMOVE,
	};
	struct store_change c = { .mailbox = s->box.id,
		.uids = uids,
		.op = ops[args->mode],
		.conditional = args->has_unchangedsince,
		.unchanged_since = args->unchangedsince };
	size_t keywords = s->box.keywords.n;
	TRY(svc_account_imap_flag_bits(s, s->box.id, &args->flags, &c.flags));
	if (args->flags.n > 0) {
		TRY(svc_account_imap_keywords(s, false));
		if (s->box.keywords.n != keywords) {
			TRY(svc_account_imap_keywords(s, true));
		}
	}
	return store_flags(s->store, &c, ret, modified);
}

/*
 * In      before: the view's modseq when the command began. When the refresh since then has told of
 *         others, every state is told again: a client could not say whether what it was told is
 *         from before or after its own change (RFC 9051 6.4.6: without a race)
 */
static enum err
store(struct svc_account_imap *s, struct imap_command *cmd, uint64_t before,
    const struct store_set *uids, struct store_set *modified)
{
	const struct imap_store_args *args = &cmd->u.store;
	struct store_changed changed;
	TRY(change(s, args, uids, modified, &changed));
	if (changed.modseq != 0) {
		svc_account_imap_changed(s, s->box.id);
	}
	TRY(put_modified(s, modified, cmd->uid));
	struct svc_account_imap_own own = { .uids = changed.before == before ? uids : NULL,
		.modseq = changed.modseq,
		.silent = args->silent };
	if (own.uids != NULL && own.silent && !svc_account_imap_has_condstore(s)) {
		store_view_changed(&s->box.view, &changed); /* nothing to tell of it */
	}
	TRY(svc_account_imap_refresh(s, cmd->uid, &own));
	struct telling t = { .args = args, .uid = cmd->uid, .modseq = changed.modseq };
	return s->state == IMAP_SELECTED ? tell_states(s, uids, &t) : ERR_OK;
}

enum err
svc_account_imap_cmd_store(struct svc_account_imap *s, struct imap_command *cmd)
{
	struct store_set uids, modified;
	if (s->box.read_only) {
		return svc_account_imap_fail(s, ERR_DENIED, "NOPERM", "mailbox is open read-only");
	}
	if (cmd->u.store.has_unchangedsince) {
		svc_account_imap_condstore(s);
	}
	uint64_t before = s->box.view.modseq;
	store_set_init(&modified);
	enum err e = svc_account_imap_uids(s, &cmd->u.store.set, cmd->uid, &uids);
	e = e == ERR_OK ? svc_account_imap_limit_set(s, &uids) : e;
	if (e == ERR_OK) {
		e = svc_account_imap_refresh(s, false, NULL);
	}
	if (e == ERR_OK && s->state == IMAP_SELECTED) {
		e = store(s, cmd, before, &uids, &modified);
	}
	if (e == ERR_OK && s->state == IMAP_SELECTED && cmd->u.store.mode != IMAP_STORE_REMOVE) {
		svc_account_imap_teach_marked(s, &cmd->u.store.flags, &uids);
	}
	store_set_done(&modified);
	store_set_done(&uids);
	return e;
}
