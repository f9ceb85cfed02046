/* SPDX-License-Identifier: Apache-2.0 */
/*
 * COPY MOVE EXPUNGE (RFC 9051 6.4.3, 6.4.7 - 6.4.9).
 */
#include "svc/account/imap/limit.h"

#include "conf/conf.h"
#include "proto/imap/seqset.h"
#include "svc/account/imap/notify/notify.h"
#include "svc/account/imap/teach/teach.h"

/* "COPYUID uidvalidity old-uids new-uids" (RFC 4315 3). */
static void
put_copyuid(struct buf *out, const struct store_copied *copied, const struct store_set *from)
{
	buf_printf(out, "COPYUID %u ", copied->uidvalidity);
	for (size_t i = 0; i < from->n; i++) {
		buf_cstr(out, i > 0 ? "," : "");
		buf_u64(out, from->v[i].lo);
		if (from->v[i].hi != from->v[i].lo) {
			buf_ch(out, ':');
			buf_u64(out, from->v[i].hi);
		}
	}
	buf_ch(out, ' ');
	buf_u64(out, copied->first);
	if (copied->n > 1) {
		buf_ch(out, ':');
		buf_u64(out, (uint64_t)copied->first + copied->n - 1);
	}
}

struct copying {
	struct store_set uids, from;
	struct store_copied copied;
	uint64_t to;
};

static enum err
copy(struct svc_account_imap *s, struct imap_command *cmd, bool move, struct copying *c)
{
	struct imap_copy_args *args = &cmd->u.copy;
	struct store_mailbox m;
	TRY(svc_account_imap_uids(s, &args->set, cmd->uid, &c->uids));
	TRY(move ? svc_account_imap_limit_set(s, &c->uids)
		 : svc_account_imap_limit_copy(s, &c->uids));
	TRY(svc_account_imap_shared_target(s, args->mailbox, &m));
	struct store_copying want = {
		.from = s->box.id, .to = m.id, .uids = &c->uids, .move = move
	};
	TRY(store_copy(s->store, &want, &c->copied, &c->from));
	c->to = m.id;
	if (c->copied.n > 0) {
		svc_account_imap_notify_mine(s, m.id, c->copied.first,
		    c->copied.first + c->copied.n - 1);
		svc_account_imap_changed(s, m.id);
	}
	return ERR_OK;
}

/* The copies have consecutive uids. */
static void
teach(struct svc_account_imap *s, const struct copying *c)
{
	struct store_range range = { c->copied.first, c->copied.first + c->copied.n - 1 };
	struct store_set uids = { .v = &range, .n = 1 };
	svc_account_imap_teach_moved(s, s->box.id, c->to, &uids);
}

enum err
svc_account_imap_cmd_copy(struct svc_account_imap *s, struct imap_command *cmd)
{
	struct copying c = { 0 };
	store_set_init(&c.from);
	enum err e = copy(s, cmd, false, &c);
	if (e == ERR_OK && c.copied.n > 0) {
		put_copyuid(&s->code, &c.copied, &c.from);
		teach(s, &c);
	}
	store_set_done(&c.uids);
	store_set_done(&c.from);
	return e;
}

/* COPYUID comes before the EXPUNGE responses, untagged (RFC 9051 6.4.8). */
enum err
svc_account_imap_cmd_move(struct svc_account_imap *s, struct imap_command *cmd)
{
	struct copying c = { 0 };
	if (s->box.read_only) {
		return svc_account_imap_fail(s, ERR_DENIED, "NOPERM", "mailbox is open read-only");
	}
	TRY(svc_account_imap_shared_may_remove(s));
	store_set_init(&c.from);
	enum err e = copy(s, cmd, true, &c);
	if (e == ERR_OK && c.copied.n > 0) {
		buf_cstr(&s->out, "* OK [");
		put_copyuid(&s->out, &c.copied, &c.from);
		buf_cstr(&s->out, "] moved\r\n");
		svc_account_imap_changed(s, s->box.id);
		teach(s, &c);
		e = svc_account_imap_refresh(s, true, &(struct svc_account_imap_own){ 0 });
	}
	store_set_done(&c.uids);
	store_set_done(&c.from);
	return e;
}

static enum err
expunge(struct svc_account_imap *s, const struct store_set *uids)
{
	struct store_set gone;
	store_set_init(&gone);
	enum err e = store_expunge(s->store, s->box.id, uids, true, &gone);
	bool any = gone.n > 0;
	store_set_done(&gone);
	TRY(e);
	if (any) {
		svc_account_imap_changed(s, s->box.id);
	}
	return svc_account_imap_refresh(s, true, any ? &(struct svc_account_imap_own){ 0 } : NULL);
}

/* UID EXPUNGE: the limit counts what goes; EXPUNGE has none (RFC 9738 3.1). */
static enum err
only_deleted(struct svc_account_imap *s, struct store_set *uids)
{
	struct store_set deleted;
	const struct store_msg *m;
	struct svc_account_imap_scan *scan = svc_account_imap_scan_new(s, uids, 0);
	if (scan == NULL) {
		return ERR_BUDGET;
	}
	store_set_init(&deleted);
	enum err e = svc_account_imap_scan_next(scan, &m);
	while (e == ERR_OK && m != NULL) {
		if ((m->flags & STORE_DELETED) != 0) {
			store_set_add(&deleted, m->uid, m->uid);
		}
		e = svc_account_imap_scan_next(scan, &m);
	}
	e = e == ERR_OK ? store_set_err(&deleted) : e;
	store_set_done(uids);
	*uids = deleted;
	return e == ERR_OK ? svc_account_imap_limit_set(s, uids) : e;
}

enum err
svc_account_imap_cmd_expunge(struct svc_account_imap *s, struct imap_command *cmd)
{
	if (s->box.read_only) {
		return svc_account_imap_fail(s, ERR_DENIED, "NOPERM", "mailbox is open read-only");
	}
	if (!cmd->uid) {
		return expunge(s, NULL);
	}
	struct store_set uids;
	enum err e = svc_account_imap_uids(s, &cmd->u.expunge, true, &uids);
	if (e == ERR_OK && s->account->conf->imap_message_limit != 0) {
		e = only_deleted(s, &uids);
	}
	if (e == ERR_OK) {
		e = expunge(s, &uids);
	}
	store_set_done(&uids);
	return e;
}
