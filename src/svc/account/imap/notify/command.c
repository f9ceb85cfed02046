/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NOTIFY (RFC 5465 3.1): SET replaces what the session wants to hear of, NONE ends it. What is kept
 * is a copy of the command's own text, parsed again.
 */
#include "svc/account/imap/notify/notify.h"

#include "base/wire.h"

static enum err
keep(struct svc_account_imap *s, str given, bool utf8)
{
	struct svc_account_imap_notify *n = s->notify;
	n->args = (struct imap_notify_args){ 0 };
	n->others = false;
	n->pending_n = 0;
	n->all = n->list = false;
	arena_reset(n->arena);
	str text = arena_dup(n->arena, given);
	if (text.p == NULL) {
		return ERR_BUDGET;
	}
	TRY(imap_notify_parse(n->arena, text, utf8, &n->args));
	n->utf8 = utf8;
	for (size_t i = 0; i < n->args.n; i++) {
		const struct imap_notify_group *g = &n->args.groups[i];
		n->others = n->others || (g->filter > IMAP_NOTIFY_DELAYED && g->events != 0);
	}
	return n->others ? svc_account_imap_notify_begin(s) : ERR_OK;
}

static enum err
make(struct svc_account_imap *s)
{
	if (s->notify != NULL) {
		return ERR_OK;
	}
	struct svc_account_imap_notify *n = ARENA_NEW(s->arena, struct svc_account_imap_notify);
	if (n == NULL) {
		return ERR_BUDGET;
	}
	n->arena = arena_new(s->arena, "notify", IMAP_COMMAND_BUDGET, 0);
	for (size_t i = 0; i < LEN(n->rows_arena); i++) {
		n->rows_arena[i] = arena_new(s->arena, "mailboxes", SVC_ACCOUNT_IMAP_NOTIFY_BUDGET,
		    0);
	}
	store_set_init(&n->mine);
	if (n->arena == NULL || n->rows_arena[0] == NULL || n->rows_arena[1] == NULL) {
		return ERR_NOMEM; /* the session's arena takes the rest along */
	}
	s->notify = n;
	return ERR_OK;
}

void
svc_account_imap_notify_free(struct svc_account_imap *s)
{
	if (s->notify != NULL) {
		store_set_done(&s->notify->mine);
		s->notify = NULL;
	}
}

/* What STATUS must say at the beginning (RFC 5465 3.1). */
static unsigned
status_items(unsigned events)
{
	unsigned items = IMAP_STATUS_UIDVALIDITY;
	if ((events & IMAP_NOTIFY_NEW) != 0) {
		items |= IMAP_STATUS_MESSAGES | IMAP_STATUS_UIDNEXT;
	}
	if ((events & IMAP_NOTIFY_FLAGS) != 0) {
		items |= IMAP_STATUS_HIGHESTMODSEQ | IMAP_STATUS_UNSEEN;
	}
	return items;
}

static void
tell_all(struct svc_account_imap *s)
{
	const struct svc_account_imap_notify *n = s->notify;
	for (size_t i = 0; i < n->n && !s->broken; i++) {
		const struct store_mailbox *m = &n->rows[i];
		unsigned events = svc_account_imap_notify_events(n, m) & IMAP_NOTIFY_MESSAGES;
		if (m->id != 0 && events != 0 && m->id != s->box.id) {
			svc_account_imap_put_status(s, m, status_items(events));
			svc_account_imap_breathe(s);
		}
	}
}

static enum err
refuse_events(struct svc_account_imap *s)
{
	buf_reset(&s->code);
	buf_cstr(&s->code, "BADEVENT (");
	imap_notify_events_put(&s->code);
	buf_ch(&s->code, ')');
	s->text = "no such event here";
	return ERR_DENIED;
}

enum err
svc_account_imap_notify_command(struct svc_account_imap *s, const struct imap_notify_args *args)
{
	struct svc_account_imap_own own = { 0 };
	if (args->unknown) {
		return refuse_events(s);
	}
	TRY(make(s));
	if (args->set) {
		TRY(svc_account_imap_refresh(s, true, &own)); /* an implied NOOP */
	}
	enum err e = keep(s, args->text, svc_account_imap_utf8(s));
	if (e != ERR_OK) {
		s->notify->args = (struct imap_notify_args){ 0 };
		s->notify->others = false;
		return e == ERR_TOOMANY || e == ERR_BUDGET
		    ? svc_account_imap_fail(s, e, "NOTIFICATIONOVERFLOW", "too much to watch")
		    : e;
	}
	if (args->status && s->notify->others) {
		tell_all(s);
	}
	return ERR_OK;
}

/* ---- parking: u8 utf8, u64 quiet_modseq, text ----------------------------------------------- */

enum err
svc_account_imap_notify_park_put(const struct svc_account_imap *s, struct buf *b)
{
	if (s->notify != NULL) {
		str text = s->notify->args.text;
		wr_u8(b, s->notify->utf8);
		wr_u64(b, s->box.quiet_modseq);
		buf_str(b, text.n > 0 ? text : S(" NONE"));
	}
	return ERR_OK;
}

enum err
svc_account_imap_notify_park_get(struct svc_account_imap *s, struct rd *r)
{
	uint8_t utf8 = rd_u8(r);
	s->box.quiet_modseq = rd_u64(r);
	str text = rd_bytes(r, r->n);
	if (r->bad || utf8 > 1) {
		return ERR_SYNTAX;
	}
	TRY(make(s));
	TRY(keep(s, text, utf8 != 0));
	return s->notify->others ? ERR_SYNTAX : ERR_OK;
}
