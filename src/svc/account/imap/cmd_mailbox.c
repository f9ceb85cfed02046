/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CREATE DELETE RENAME SUBSCRIBE UNSUBSCRIBE STATUS (RFC 9051 6.3.4 - 6.3.8, 6.3.11).
 */
#include "svc/account/imap/session.h"

#include "conf/conf.h"
#include "proto/imap/write.h"
#include "svc/account/imap/notify/notify.h"

static const struct {
	unsigned use, special;
} uses[] = {
	{ IMAP_USE_ARCHIVE, STORE_ARCHIVE },
	{ IMAP_USE_DRAFTS, STORE_DRAFTS },
	{ IMAP_USE_FLAGGED, STORE_SPECIAL_FLAGGED },
	{ IMAP_USE_JUNK, STORE_JUNK },
	{ IMAP_USE_SENT, STORE_SENT },
	{ IMAP_USE_TRASH, STORE_TRASH },
	{ IMAP_USE_ALL, STORE_ALL },
};

unsigned
svc_account_imap_uses(unsigned special)
{
	unsigned bits = 0;
	for (size_t i = 0; i < LEN(uses); i++) {
		bits |= (special & uses[i].special) != 0 ? uses[i].use : 0;
	}
	return bits;
}

unsigned
svc_account_imap_special(unsigned use)
{
	unsigned bits = 0;
	for (size_t i = 0; i < LEN(uses); i++) {
		bits |= (use & uses[i].use) != 0 ? uses[i].special : 0;
	}
	return bits;
}

/* Names with wildcards could never be listed alone (RFC 9051 5.1). */
static bool
is_usable(str name)
{
	return str_chr(name, '*') < 0 && str_chr(name, '%') < 0;
}

static enum err
name_error(struct svc_account_imap *s, enum err e)
{
	return e == ERR_SYNTAX
	    ? svc_account_imap_fail(s, ERR_DENIED, "CANNOT", "not a usable mailbox name")
	    : e;
}

enum err
svc_account_imap_cmd_create(struct svc_account_imap *s, struct imap_command *cmd)
{
	const struct imap_create_args *create = &cmd->u.create;
	uint64_t id;
	char room[STORE_ID_TEXT_MAX];
	if (!is_usable(create->mailbox)) {
		return name_error(s, ERR_SYNTAX);
	}
	enum err e = store_mailbox_create(s->store, create->mailbox,
	    svc_account_imap_special(create->use), &id);
	if (e == ERR_DENIED && create->use != 0) {
		return svc_account_imap_fail(s, e, "USEATTR",
		    "another mailbox has this special use");
	}
	if (e != ERR_OK) {
		return name_error(s, e);
	}
	str text = store_id_text('F', id, room);
	buf_printf(&s->code, "MAILBOXID (%.*s)", STR_ARG(text));
	svc_account_imap_changed(s, 0);
	svc_account_imap_notify_own(s, create->mailbox, STR_NONE);
	return ERR_OK;
}

enum err
svc_account_imap_cmd_delete(struct svc_account_imap *s, struct imap_command *cmd)
{
	struct store_mailbox m;
	str name = cmd->u.mailbox;
	if (str_eq(name, S("INBOX"))) {
		return svc_account_imap_fail(s, ERR_DENIED, "CANNOT", "INBOX stays");
	}
	TRY(store_mailbox_find(s->store, name, s->work, &m));
	enum err e = store_mailbox_delete(s->store, name);
	if (e == ERR_DENIED && s->account->guest == 0) {
		return svc_account_imap_fail(s, e, "HASCHILDREN", "only its inferiors exist");
	}
	TRY(e);
	if (s->state == IMAP_SELECTED && m.id == s->box.id) {
		svc_account_imap_deselect(s);
		svc_account_imap_line(s, "* OK [CLOSED] the mailbox is gone");
	}
	svc_account_imap_changed(s, m.id);
	svc_account_imap_changed(s, 0);
	svc_account_imap_notify_own(s, name, STR_NONE);
	return ERR_OK;
}

enum err
svc_account_imap_cmd_rename(struct svc_account_imap *s, struct imap_command *cmd)
{
	const struct imap_rename_args *rename = &cmd->u.rename;
	struct store_mailbox m;
	if (!is_usable(rename->to)) {
		return name_error(s, ERR_SYNTAX);
	}
	TRY(store_mailbox_find(s->store, rename->from, s->work, &m));
	enum err e = store_mailbox_rename(s->store, rename->from, rename->to);
	if (e != ERR_OK) {
		return name_error(s, e);
	}
	svc_account_imap_changed(s, m.id); /* INBOX was emptied */
	svc_account_imap_changed(s, 0);
	svc_account_imap_notify_own(s, rename->from, rename->to);
	return ERR_OK;
}

static enum err
subscribe(struct svc_account_imap *s, str name, bool on)
{
	enum err e = store_subscribe(s->store, name, on);
	if (e != ERR_OK) {
		return name_error(s, e);
	}
	svc_account_imap_changed(s, 0);
	svc_account_imap_notify_own(s, name, STR_NONE);
	return ERR_OK;
}

enum err
svc_account_imap_cmd_subscribe(struct svc_account_imap *s, struct imap_command *cmd)
{
	return subscribe(s, cmd->u.mailbox, true);
}

enum err
svc_account_imap_cmd_unsubscribe(struct svc_account_imap *s, struct imap_command *cmd)
{
	return subscribe(s, cmd->u.mailbox, false);
}

static void
put_item(struct svc_account_imap *s, unsigned items, unsigned item, const char *name,
    uint64_t value)
{
	if ((items & item) != 0) {
		if (s->out.p[s->out.n - 1] != '(') {
			buf_ch(&s->out, ' ');
		}
		buf_cstr(&s->out, name);
		buf_ch(&s->out, ' ');
		buf_u64(&s->out, value);
	}
}

/* Octets that EXPUNGE would set free (RFC 9208 4.1.4). */
static enum err
deleted_octets(struct svc_account_imap *s, const struct store_mailbox *m, uint64_t *ret)
{
	struct store_msg *msgs = arena_array(s->work, SVC_ACCOUNT_IMAP_SCAN, sizeof *msgs);
	struct store_scan scan = { .mailbox = m->id, .lo = 1, .hi = UINT32_MAX };
	size_t n = m->deleted > 0 ? 1 : 0;
	*ret = 0;
	if (msgs == NULL) {
		return ERR_BUDGET;
	}
	while (n > 0 && scan.lo != 0) {
		TRY(store_msgs(s->store, &scan, msgs, SVC_ACCOUNT_IMAP_SCAN, &n));
		for (size_t i = 0; i < n; i++) {
			*ret += (msgs[i].flags & STORE_DELETED) != 0 ? msgs[i].size : 0;
		}
		scan.lo = n > 0 ? msgs[n - 1].uid + 1 : 0;
	}
	return ERR_OK;
}

void
svc_account_imap_put_status(struct svc_account_imap *s, const struct store_mailbox *m,
    unsigned items)
{
	char room[STORE_ID_TEXT_MAX];
	buf_cstr(&s->out, "* STATUS ");
	imap_put_mailbox(&s->out, svc_account_imap_shared_full_name(s, m->name),
	    svc_account_imap_utf8(s));
	buf_cstr(&s->out, " (");
	if (buf_err(&s->out) != ERR_OK) {
		return;
	}
	put_item(s, items, IMAP_STATUS_MESSAGES, "MESSAGES", m->messages);
	put_item(s, items, IMAP_STATUS_RECENT, "RECENT", 0);
	put_item(s, items, IMAP_STATUS_UIDNEXT, "UIDNEXT", m->uidnext);
	put_item(s, items, IMAP_STATUS_UIDVALIDITY, "UIDVALIDITY", m->uidvalidity);
	put_item(s, items, IMAP_STATUS_UNSEEN, "UNSEEN", m->unseen);
	put_item(s, items, IMAP_STATUS_DELETED, "DELETED", m->deleted);
	put_item(s, items, IMAP_STATUS_SIZE, "SIZE", m->octets);
	put_item(s, items, IMAP_STATUS_HIGHESTMODSEQ, "HIGHESTMODSEQ", m->modseq);
	put_item(s, items, IMAP_STATUS_APPENDLIMIT, "APPENDLIMIT",
	    s->account->conf->imap_append_max);
	uint64_t octets;
	if ((items & IMAP_STATUS_DELETED_STORAGE) != 0 && deleted_octets(s, m, &octets) == ERR_OK) {
		put_item(s, items, IMAP_STATUS_DELETED_STORAGE, "DELETED-STORAGE", octets);
	}
	if ((items & IMAP_STATUS_MAILBOXID) != 0) {
		str id = store_id_text('F', m->id, room);
		bool first = s->out.p[s->out.n - 1] == '(';
		buf_printf(&s->out, "%sMAILBOXID (%.*s)", first ? "" : " ", STR_ARG(id));
	}
	buf_cstr(&s->out, ")\r\n");
}

enum err
svc_account_imap_cmd_status(struct svc_account_imap *s, struct imap_command *cmd)
{
	struct store_mailbox m;
	const struct imap_status_args *status = &cmd->u.status;
	TRY(store_mailbox_find(s->store, status->mailbox, s->work, &m));
	if (m.id == 0) {
		return ERR_NOTFOUND;
	}
	if ((status->items & IMAP_STATUS_HIGHESTMODSEQ) != 0) {
		svc_account_imap_condstore(s);
	}
	svc_account_imap_put_status(s, &m, status->items);
	return ERR_OK;
}

/* ---- access control lists: shared/acl.c --------------------------------------------------- */

enum err
svc_account_imap_cmd_setacl(struct svc_account_imap *s, struct imap_command *cmd)
{
	return svc_account_imap_shared_setacl(s, cmd);
}

enum err
svc_account_imap_cmd_deleteacl(struct svc_account_imap *s, struct imap_command *cmd)
{
	return svc_account_imap_shared_deleteacl(s, cmd);
}

enum err
svc_account_imap_cmd_getacl(struct svc_account_imap *s, struct imap_command *cmd)
{
	return svc_account_imap_shared_getacl(s, cmd);
}

enum err
svc_account_imap_cmd_listrights(struct svc_account_imap *s, struct imap_command *cmd)
{
	return svc_account_imap_shared_listrights(s, cmd);
}

enum err
svc_account_imap_cmd_myrights(struct svc_account_imap *s, struct imap_command *cmd)
{
	return svc_account_imap_shared_myrights(s, cmd);
}
