/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SELECT EXAMINE CLOSE UNSELECT (RFC 9051 6.3.2, 6.3.3, 6.4.1, 6.4.2).
 */
#include "svc/account/imap/session.h"

#include "proto/imap/write.h"
#include "svc/account/imap/qresync.h"

/* What RFC 3501 clients expect beside what both revisions want. */
static enum err
tell_rev1(struct svc_account_imap *s)
{
	uint32_t unseen;
	svc_account_imap_line(s, "* 0 RECENT");
	TRY(store_view_first_unseen(&s->box.view, &unseen));
	if (unseen != 0 && !svc_account_imap_has_uidonly(s)) {
		svc_account_imap_line(s, "* OK [UNSEEN %u] first unseen", unseen);
	}
	return ERR_OK;
}

static enum err
tell_box(struct svc_account_imap *s, const struct store_mailbox *m)
{
	const struct store_view *view = &s->box.view;
	char room[STORE_ID_TEXT_MAX];
	svc_account_imap_line(s, "* %u EXISTS", view->n);
	if ((s->enabled & IMAP_ENABLED_REV2) == 0) {
		TRY(tell_rev1(s));
	}
	svc_account_imap_line(s, "* OK [UIDVALIDITY %u] uids are valid", view->uidvalidity);
	svc_account_imap_line(s, "* OK [UIDNEXT %u] next uid", view->uidnext);
	svc_account_imap_line(s, "* OK [HIGHESTMODSEQ %llu] highest",
	    (unsigned long long)view->modseq);
	str id = store_id_text('F', m->id, room);
	svc_account_imap_line(s, "* OK [MAILBOXID (%.*s)] mailbox", STR_ARG(id));
	if ((s->enabled & IMAP_ENABLED_REV2) != 0) {
		buf_cstr(&s->out, "* LIST () \"/\" ");
		imap_put_mailbox(&s->out, svc_account_imap_shared_full_name(s, m->name), true);
		buf_cstr(&s->out, "\r\n");
	}
	return ERR_OK;
}

static enum err
open_held(struct svc_account_imap *s, const struct imap_select_args *args, bool read_only)
{
	struct store_mailbox m;
	TRY(store_mailbox_find(s->store, args->mailbox, s->work, &m));
	if (m.id == 0) {
		return ERR_NOTFOUND;
	}
	TRY(store_view_init(&s->box.view, s->store, m.id));
	s->box.id = m.id;
	s->box.read_only = read_only;
	s->state = IMAP_SELECTED;
	TRY(svc_account_imap_keywords(s, true));
	return tell_box(s, &m);
}

/* All of it as of one moment, and one transaction. */
static enum err
open_box(struct svc_account_imap *s, struct imap_select_args *args, bool read_only)
{
	enum err e = store_hold(s->store);
	e = e == ERR_OK ? open_held(s, args, read_only) : e;
	store_release(s->store);
	TRY(e);
	return args->qresync.given ? svc_account_imap_resync(s, &args->qresync) : ERR_OK;
}

static enum err
select_box(struct svc_account_imap *s, struct imap_select_args *args, bool read_only)
{
	if (args->qresync.given && !svc_account_imap_has_qresync(s)) {
		/* RFC 7162 3.2.5; whatever was selected stays so */
		return svc_account_imap_fail(s, ERR_BADSTATE, "", "QRESYNC is not enabled");
	}
	if (s->state == IMAP_SELECTED) {
		svc_account_imap_deselect(s);
		svc_account_imap_line(s, "* OK [CLOSED] previous mailbox is closed");
	}
	if (args->condstore) {
		svc_account_imap_condstore(s);
	}
	enum err e = open_box(s, args, read_only);
	if (e != ERR_OK) {
		svc_account_imap_deselect(s);
		return e;
	}
	buf_cstr(&s->code, read_only ? "READ-ONLY" : "READ-WRITE");
	return ERR_OK;
}

enum err
svc_account_imap_cmd_select(struct svc_account_imap *s, struct imap_command *cmd)
{
	return select_box(s, &cmd->u.select, false);
}

enum err
svc_account_imap_cmd_examine(struct svc_account_imap *s, struct imap_command *cmd)
{
	return select_box(s, &cmd->u.select, true);
}

enum err
svc_account_imap_cmd_unselect(struct svc_account_imap *s, struct imap_command *cmd)
{
	svc_account_imap_deselect(s);
	return ERR_OK;
}

enum err
svc_account_imap_cmd_close(struct svc_account_imap *s, struct imap_command *cmd)
{
	enum err e = ERR_OK;
	struct store_set gone;
	store_set_init(&gone);
	if (!s->box.read_only) {
		e = store_expunge(s->store, s->box.id, NULL, true, &gone);
		if (e == ERR_OK && gone.n > 0) {
			svc_account_imap_changed(s, s->box.id);
		}
	}
	store_set_done(&gone);
	svc_account_imap_deselect(s);
	return e;
}
