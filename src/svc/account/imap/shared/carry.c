/* SPDX-License-Identifier: Apache-2.0 */
/*
 * COPY and MOVE between accounts, as the visitor's process leads them: letters come from our own
 * selected mailbox or from a guest, and go into a mailbox of ours or to a guest. Whoever has the
 * target keeps them apart until all are there and adds them in one transaction; only when that is
 * durable are those of a MOVE removed where they came from. Start reading at visit_copy.
 */
#include "svc/account/imap/shared/letters.h"

#include "proto/imap/seqset.h"
#include "svc/account/imap/limit.h"
#include "svc/account/imap/qresync.h"
#include "svc/account/imap/session.h"
#include "svc/account/imap/shared/spool.h"
#include "sys/chan.h"
#include "sys/clock.h"

enum { SET_MAX = 65536, SEND_MS = 60000 };

struct svc_account_imap_carry {
	struct svc_account_imap_visit *from, *to; /* NULL: our own account */
	bool move;
	struct svc_account_imap_spool spool;   /* to our own */
	struct svc_account_imap_outlet outlet; /* to a guest */
	struct store_set uids;                 /* that came, where they come from */
	struct store_copied added;
	enum err err; /* a letter could not be passed on */
};

/* ---- letters from a guest ----------------------------------------------------------------- */

static struct svc_account_imap_carry *
carry_from_talking(struct svc_account_imap *s)
{
	struct svc_account_imap_carry *c = s->shared.carry;
	return c != NULL && c->from != NULL && c->from == s->shared.talking ? c : NULL;
}

enum err
svc_account_imap_shared_on_letter(void *ctx, const struct ipc_account_guest_letter *m, int *fd)
{
	struct svc_account_imap_carry *c = carry_from_talking(ctx);
	if (c == NULL || m->letter.uid == 0 ||
	    (c->uids.n > 0 && m->letter.uid <= c->uids.v[c->uids.n - 1].hi)) {
		return ERR_PROTOCOL;
	}
	store_set_add(&c->uids, m->letter.uid, m->letter.uid);
	if (c->to == NULL) {
		return svc_account_imap_shared_spool_letter(&c->spool, &m->letter);
	}
	c->err = c->err != ERR_OK ? c->err
				  : svc_account_imap_shared_outlet_letter(&c->outlet, &m->letter);
	return ERR_OK;
}

enum err
svc_account_imap_shared_on_piece(void *ctx, const struct ipc_account_guest_piece *m, int *fd)
{
	struct svc_account_imap_carry *c = carry_from_talking(ctx);
	if (c == NULL) {
		return ERR_PROTOCOL;
	}
	if (c->to == NULL) {
		return svc_account_imap_shared_spool_piece(&c->spool, m->octets);
	}
	c->err = c->err != ERR_OK ? c->err
				  : svc_account_imap_shared_outlet_piece(&c->outlet, m->octets);
	return ERR_OK;
}

enum err
svc_account_imap_shared_on_kept(void *ctx, const struct ipc_account_guest_kept *m, int *fd)
{
	struct svc_account_imap *s = ctx;
	struct svc_account_imap_carry *c = s->shared.carry;
	if (c == NULL || c->to == NULL || c->to != s->shared.talking || c->added.n != 0) {
		return ERR_PROTOCOL;
	}
	c->added = (struct store_copied){
		.uidvalidity = m->uidvalidity, .first = m->first, .n = m->n
	};
	return ERR_OK;
}

/* ---- asking a guest ----------------------------------------------------------------------- */

/* Send it and wait; what the guest says of it. A guest that is gone: UNAVAILABLE, with its text. */
static enum err
ask(struct svc_account_imap *s, struct svc_account_imap_visit *v, struct buf *out)
{
	v->done = false;
	enum err e = sys_chan_send_wait(v->chan, out, -1, SEND_MS);
	buf_done(out);
	e = e == ERR_OK ? svc_account_imap_shared_visit_pump(s, v) : e;
	if (e != ERR_OK || v->ended) {
		return svc_account_imap_shared_visit_lost(s, v);
	}
	return v->result;
}

static enum err
ask_insert(struct svc_account_imap *s, struct svc_account_imap_carry *c, str mailbox,
    uint64_t octets)
{
	struct ipc_account_guest_insert m = { .mailbox = mailbox, .octets = octets };
	struct buf out;
	buf_init(&out, SYS_CHAN_MESSAGE_MAX);
	ipc_account_guest_insert_put(&out, &m);
	return ask(s, c->to, &out);
}

static enum err
ask_keep(struct svc_account_imap *s, struct svc_account_imap_carry *c, bool all)
{
	struct ipc_account_guest_keep m = { .all = all };
	struct buf out;
	buf_init(&out, 64);
	ipc_account_guest_keep_put(&out, &m);
	return ask(s, c->to, &out);
}

static enum err
ask_remove(struct svc_account_imap *s, struct svc_account_imap_carry *c, bool all)
{
	struct ipc_account_guest_remove m = { .all = all };
	struct buf out;
	buf_init(&out, 64);
	ipc_account_guest_remove_put(&out, &m);
	return ask(s, c->from, &out);
}

/* "1:3,$" and so on as the command had it. */
static enum err
set_text(struct svc_account_imap *s, const struct imap_command *cmd, str *ret)
{
	const struct imap_seqset *set = &cmd->u.copy.set;
	struct buf b;
	buf_init(&b, SET_MAX);
	if (set->saved) {
		buf_ch(&b, '$');
	}
	for (size_t i = 0; i < set->n && !set->saved; i++) {
		uint32_t ends[] = { set->r[i].lo, set->r[i].hi };
		buf_cstr(&b, i > 0 ? "," : "");
		for (size_t k = 0; k < LEN(ends); k++) {
			buf_cstr(&b, k > 0 ? ":" : "");
			buf_printf(&b, ends[k] == 0 ? "*" : "%u", ends[k]);
		}
	}
	enum err e = buf_err(&b);
	*ret = e == ERR_OK ? arena_dup(s->work, buf_view(&b)) : STR_NONE;
	buf_done(&b);
	return e != ERR_OK ? e : ret->p == NULL ? ERR_BUDGET : ERR_OK;
}

static enum err
ask_copy(struct svc_account_imap *s, const struct imap_command *cmd,
    struct svc_account_imap_carry *c)
{
	struct ipc_account_guest_copy m = { .uid = cmd->uid, .move = c->move };
	struct buf out;
	TRY(set_text(s, cmd, &m.set));
	buf_init(&out, SYS_CHAN_MESSAGE_MAX);
	ipc_account_guest_copy_put(&out, &m);
	return ask(s, c->from, &out);
}

/* ---- the steps ---------------------------------------------------------------------------- */

/* The uids the command means, in our own selected mailbox. */
static enum err
own_uids(struct svc_account_imap *s, struct imap_command *cmd, bool move, struct store_set *ret)
{
	if (move && s->box.read_only) {
		store_set_init(ret);
		return svc_account_imap_fail(s, ERR_DENIED, "NOPERM", "mailbox is open read-only");
	}
	TRY(svc_account_imap_uids(s, &cmd->u.copy.set, cmd->uid, ret));
	return move ? svc_account_imap_limit_set(s, ret) : svc_account_imap_limit_copy(s, ret);
}

static enum err
octets_of(struct svc_account_imap *s, const struct store_set *uids, uint64_t *ret)
{
	const struct store_msg *m;
	struct svc_account_imap_scan *scan = svc_account_imap_scan_new(s, uids, 0);
	*ret = 0;
	if (scan == NULL) {
		return ERR_BUDGET;
	}
	enum err e = svc_account_imap_scan_next(scan, &m);
	while (e == ERR_OK && m != NULL) {
		*ret += m->size;
		e = svc_account_imap_scan_next(scan, &m);
	}
	return e;
}

/* Get the place ready where they shall go; nothing was fetched yet. */
static enum err
open_target(struct svc_account_imap *s, struct svc_account_imap_carry *c, str name, uint64_t octets)
{
	struct store_mailbox m;
	if (c->to == NULL) {
		TRY(svc_account_imap_shared_target(s, name, &m));
		return svc_account_imap_shared_spool_begin(s, &c->spool, m.id, octets);
	}
	enum err e = ask_insert(s, c, name, octets);
	if (e == ERR_NOTFOUND) {
		return svc_account_imap_fail(s, e, "TRYCREATE", "no such mailbox");
	}
	if (e == ERR_DENIED) {
		return svc_account_imap_fail(s, e, "NOPERM", "you may add nothing there");
	}
	TRY(e);
	svc_account_imap_shared_outlet_init(&c->outlet, c->to->chan, true);
	return ERR_OK;
}

/* From our own selected mailbox to a guest. */
static enum err
give(struct svc_account_imap *s, struct imap_command *cmd, struct svc_account_imap_carry *c)
{
	struct store_set uids;
	uint64_t octets = 0;
	enum err e = own_uids(s, cmd, c->move, &uids);
	e = e == ERR_OK ? octets_of(s, &uids, &octets) : e;
	e = e == ERR_OK ? open_target(s, c, cmd->u.copy.mailbox, octets) : e;
	if (e == ERR_OK) {
		e = svc_account_imap_shared_send_letters(s, &c->outlet, &uids, &c->uids);
	}
	store_set_done(&uids);
	return e;
}

/* From a guest. */
static enum err
fetch(struct svc_account_imap *s, struct imap_command *cmd, struct svc_account_imap_carry *c)
{
	TRY(open_target(s, c, cmd->u.copy.mailbox, 0));
	enum err e = ask_copy(s, cmd, c);
	if (e == ERR_DENIED && s->code.n == 0) {
		return svc_account_imap_fail(s, e, "NOPERM", "you may not remove messages here");
	}
	TRY(e);
	TRY(c->err);
	return store_set_err(&c->uids);
}

/* All of them, or none. A failure here has left nothing in the target. */
static enum err
keep(struct svc_account_imap *s, struct svc_account_imap_carry *c)
{
	if (c->to == NULL) {
		return svc_account_imap_shared_spool_store(s, &c->spool, &c->added);
	}
	TRY(ask_keep(s, c, true));
	bool right = c->added.n == store_set_count(&c->uids);
	return right ? ERR_OK : svc_account_imap_shared_visit_lost(s, c->to);
}

static void
put_copyuid(struct buf *out, const struct svc_account_imap_carry *c)
{
	buf_printf(out, "COPYUID %u ", c->added.uidvalidity);
	for (size_t i = 0; i < c->uids.n; i++) {
		const struct store_range *r = &c->uids.v[i];
		buf_printf(out, i > 0 ? ",%u" : "%u", r->lo);
		if (r->hi != r->lo) {
			buf_printf(out, ":%u", r->hi);
		}
	}
	buf_printf(out, " %u", c->added.first);
	if (c->added.n > 1) {
		buf_printf(out, ":%u", c->added.first + c->added.n - 1);
	}
}

/* Remove the copies again that nobody asked for alone. */
static void
take_back(struct svc_account_imap *s, const struct svc_account_imap_carry *c)
{
	struct store_set added;
	store_set_init(&added);
	store_set_add(&added, c->added.first, c->added.first + c->added.n - 1);
	if (store_set_err(&added) == ERR_OK &&
	    store_expunge(s->store, c->spool.mailbox, &added, false, NULL) == ERR_OK) {
		svc_account_imap_changed(s, c->spool.mailbox);
	}
	store_set_done(&added);
}

/*
 * The copies are durable. COPYUID comes before the EXPUNGE responses (RFC 9051 6.4.8). Whether a
 * guest that is gone has removed anything is not known: then the copies stay, whatever it costs.
 */
static enum err
remove_sources(struct svc_account_imap *s, struct svc_account_imap_carry *c)
{
	buf_cstr(&s->out, "* OK [");
	put_copyuid(&s->out, c);
	buf_cstr(&s->out, "] moved\r\n");
	if (c->from == NULL) {
		TRY(store_expunge(s->store, s->box.id, &c->uids, false, NULL));
		svc_account_imap_changed(s, s->box.id);
		return svc_account_imap_refresh(s, true, &(struct svc_account_imap_own){ 0 });
	}
	enum err e = ask_remove(s, c, true);
	if (e != ERR_OK && !c->from->open) {
		return e;
	}
	if (e != ERR_OK && c->to == NULL) {
		take_back(s, c);
	}
	return e == ERR_DENIED
	    ? svc_account_imap_fail(s, e, "NOPERM", "you may not remove messages here any more")
	    : e;
}

/* What a guest still holds of a command that failed is forgotten. */
static void
forget(struct svc_account_imap *s, struct svc_account_imap_carry *c, bool asked)
{
	const char *text = s->text;
	struct buf code = s->code;
	buf_init(&s->code, SVC_ACCOUNT_IMAP_CODE_MAX);
	if (asked && c->to->open) {
		(void)(ask_keep(s, c, false) == ERR_OK);
	}
	buf_done(&s->code);
	s->code = code;
	s->text = text;
}

static enum err
carry(struct svc_account_imap *s, struct imap_command *cmd, struct svc_account_imap_carry *c)
{
	enum err e = c->from == NULL ? give(s, cmd, c) : fetch(s, cmd, c);
	e = e == ERR_OK ? c->err : e;
	if (e != ERR_OK) {
		forget(s, c, c->to != NULL && c->outlet.chan >= 0);
		return e;
	}
	TRY(keep(s, c));
	if (c->added.n == 0) {
		return ERR_OK;
	}
	if (c->move) {
		return remove_sources(s, c);
	}
	put_copyuid(&s->code, c);
	return ERR_OK;
}

enum err
svc_account_imap_shared_visit_copy(struct svc_account_imap *s, struct imap_command *cmd,
    struct svc_account_imap_visit *to)
{
	struct svc_account_imap_carry c = { .from = s->shared.at,
		.to = to,
		.move = cmd->verb == IMAP_MOVE,
		.spool.fd = -1,
		.outlet.chan = -1 };
	store_set_init(&c.uids);
	s->shared.carry = &c;
	s->tag = cmd->tag;
	s->tell_ms = sys_clock_ms() + SVC_ACCOUNT_IMAP_PROGRESS_MS;
	enum err e = carry(s, cmd, &c);
	s->tag = STR_NONE;
	s->shared.carry = NULL;
	svc_account_imap_shared_spool_done(&c.spool);
	svc_account_imap_shared_outlet_done(&c.outlet);
	store_set_done(&c.uids);
	enum err news = svc_account_imap_refresh(s, svc_account_imap_may_expunge(cmd), NULL);
	svc_account_imap_limit_tell(s, e);
	return e == ERR_OK ? news : e;
}
