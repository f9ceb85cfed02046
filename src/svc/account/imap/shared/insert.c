/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages between a guest and its visitor: APPEND as octets, COPY into a mailbox as letters, and
 * COPY and MOVE out of one. Between the messages of one command nothing else may come; rights are
 * read when a command begins and again before anything is stored or removed.
 */
#include "svc/account/imap/shared/guest.h"

#include "proto/imap/seqset.h"
#include "svc/account/imap/append.h"
#include "svc/account/imap/shared/letters.h"
#include "sys/chan.h"

/* A command begins. DENIED: the selected mailbox was withdrawn. */
static enum err
begin(struct svc_account_imap_guest *g)
{
	g->idle = false;
	return svc_account_imap_shared_guest_begin(g);
}

static void
end(struct svc_account_imap_guest *g, enum err result)
{
	buf_reset(&g->s.code);
	g->s.text = NULL;
	g->busy = SVC_ACCOUNT_IMAP_SHARED_GUEST_FREE;
	svc_account_imap_shared_guest_tell(g, result);
}

/* ---- APPEND ------------------------------------------------------------------------------- */

struct feeding {
	bool taken; /* a message was announced and is wanted */
	bool over;  /* the command has ended, or a message is not wanted */
};

/* The visitor's reader has seen the same octets: it sends nothing but a whole, right APPEND. */
static enum err
take_action(struct svc_account_imap_guest *g, const struct imap_action *act, struct feeding *f)
{
	struct svc_account_imap *s = &g->s;
	switch (act->kind) {
	case IMAP_DO_CONTINUE: return ERR_OK; /* told by the visitor */
	case IMAP_DO_APPEND:
		svc_account_imap_append_begin(s, act->append);
		f->taken = s->append != NULL;
		f->over = !f->taken;
		return ERR_OK;
	case IMAP_DO_BODY: svc_account_imap_append_body(s, act->body); return ERR_OK;
	case IMAP_DO_APPEND_END:
		svc_account_imap_append_end(s, act);
		f->over = true;
		return ERR_OK;
	default: return ERR_PROTOCOL;
	}
}

static enum err
feed(struct svc_account_imap_guest *g, str octets, struct feeding *f)
{
	struct imap_action act;
	size_t used;
	while (octets.n > 0) {
		if (f->taken || f->over) {
			return ERR_PROTOCOL; /* the line that asks stands alone */
		}
		imap_reader_feed(&g->s.reader, octets, &used);
		octets = str_from_off(octets, used);
		while (imap_reader_next(&g->s.reader, &act)) {
			TRY(take_action(g, &act, f));
		}
	}
	return ERR_OK;
}

static enum err
begin_append(struct svc_account_imap_guest *g, unsigned enabled)
{
	struct svc_account_imap *s = &g->s;
	if (g->busy != SVC_ACCOUNT_IMAP_SHARED_GUEST_FREE) {
		return ERR_PROTOCOL;
	}
	imap_reader_reset(&s->reader);
	s->enabled = s->reader.enabled = enabled & SVC_ACCOUNT_IMAP_SHARED_GUEST_ENABLED;
	g->busy = SVC_ACCOUNT_IMAP_SHARED_GUEST_APPEND;
	return ERR_OK;
}

enum err
svc_account_imap_shared_guest_on_append(void *ctx, const struct ipc_account_guest_append *m,
    int *fd)
{
	struct svc_account_imap_guest *g = ctx;
	enum err e = ERR_OK;
	if (m->begin) {
		TRY(begin_append(g, m->enabled));
		e = begin(g);
	} else if (g->busy != SVC_ACCOUNT_IMAP_SHARED_GUEST_APPEND) {
		return ERR_PROTOCOL;
	} else if (m->asks) {
		e = svc_account_imap_shared_guest_check_target(&g->s);
		if (e != ERR_OK) {
			svc_account_imap_shared_guest_withdraw(g);
		}
	}
	if (e != ERR_OK) {
		end(g, e);
		return ERR_OK;
	}
	struct feeding f = { 0 };
	TRY(feed(g, m->octets, &f));
	if (m->asks != (f.taken || f.over)) {
		return ERR_PROTOCOL;
	}
	if (f.taken) {
		svc_account_imap_shared_guest_tell(g, ERR_OK);
	} else if (f.over) {
		imap_reader_reset(&g->s.reader);
		end(g, ERR_DENIED); /* or stored: its tagged response is written either way */
	}
	return ERR_OK;
}

/* ---- COPY into a mailbox ------------------------------------------------------------------ */

enum err
svc_account_imap_shared_guest_on_insert(void *ctx, const struct ipc_account_guest_insert *m,
    int *fd)
{
	struct svc_account_imap_guest *g = ctx;
	struct store_mailbox box;
	if (g->busy != SVC_ACCOUNT_IMAP_SHARED_GUEST_FREE) {
		return ERR_PROTOCOL;
	}
	enum err e = begin(g);
	e = e == ERR_OK ? svc_account_imap_shared_target(&g->s, m->mailbox, &box) : e;
	e = e == ERR_OK ? svc_account_imap_shared_spool_begin(&g->s, &g->spool, box.id, m->octets)
			: e;
	end(g, e);
	g->busy = e == ERR_OK ? SVC_ACCOUNT_IMAP_SHARED_GUEST_INSERT
			      : SVC_ACCOUNT_IMAP_SHARED_GUEST_FREE;
	return ERR_OK;
}

enum err
svc_account_imap_shared_guest_on_letter(void *ctx, const struct ipc_account_guest_own_letter *m,
    int *fd)
{
	struct svc_account_imap_guest *g = ctx;
	return g->busy == SVC_ACCOUNT_IMAP_SHARED_GUEST_INSERT
	    ? svc_account_imap_shared_spool_letter(&g->spool, &m->letter)
	    : ERR_PROTOCOL;
}

enum err
svc_account_imap_shared_guest_on_piece(void *ctx, const struct ipc_account_guest_own_piece *m,
    int *fd)
{
	struct svc_account_imap_guest *g = ctx;
	return g->busy == SVC_ACCOUNT_IMAP_SHARED_GUEST_INSERT
	    ? svc_account_imap_shared_spool_piece(&g->spool, m->octets)
	    : ERR_PROTOCOL;
}

static void
tell_kept(struct svc_account_imap_guest *g, const struct store_copied *added)
{
	struct ipc_account_guest_kept m = {
		.uidvalidity = added->uidvalidity, .first = added->first, .n = added->n
	};
	struct buf out;
	buf_init(&out, 64);
	ipc_account_guest_kept_put(&out, &m);
	/* A visitor that is gone is noticed with `done`. */
	(void)(sys_chan_send_wait(g->chan, &out, -1, SVC_ACCOUNT_IMAP_SHARED_GUEST_SEND_MS) ==
	    ERR_OK);
	buf_done(&out);
}

static enum err
keep(struct svc_account_imap_guest *g)
{
	struct store_copied added = { 0 };
	enum err e = svc_account_imap_shared_guest_check_target(&g->s);
	if (e != ERR_OK) {
		svc_account_imap_shared_guest_withdraw(g);
		return e;
	}
	TRY(svc_account_imap_shared_spool_store(&g->s, &g->spool, &added));
	tell_kept(g, &added);
	return ERR_OK;
}

enum err
svc_account_imap_shared_guest_on_keep(void *ctx, const struct ipc_account_guest_keep *m, int *fd)
{
	struct svc_account_imap_guest *g = ctx;
	struct svc_account_imap *s = &g->s;
	if (g->busy == SVC_ACCOUNT_IMAP_SHARED_GUEST_FREE ||
	    (m->all && g->busy != SVC_ACCOUNT_IMAP_SHARED_GUEST_INSERT)) {
		return ERR_PROTOCOL;
	}
	arena_reset(s->work);
	enum err e = m->all ? keep(g) : ERR_OK;
	svc_account_imap_shared_spool_done(&g->spool);
	svc_account_imap_append_drop(s);
	imap_reader_reset(&s->reader);
	end(g, e);
	return ERR_OK;
}

/* ---- COPY and MOVE out of a mailbox ------------------------------------------------------- */

static enum err
send_letters(struct svc_account_imap_guest *g, const struct ipc_account_guest_copy *m)
{
	struct svc_account_imap *s = &g->s;
	struct svc_account_imap_outlet outlet;
	struct imap_seqset seqs;
	struct store_set uids;
	if (s->state != IMAP_SELECTED) {
		return ERR_BADSTATE;
	}
	if (m->move && s->box.read_only) {
		return ERR_DENIED;
	}
	TRY(m->move ? svc_account_imap_shared_may_remove(s) : ERR_OK);
	TRY(imap_seqset_parse(s->work, m->set, &seqs));
	enum err e = svc_account_imap_uids(s, &seqs, m->uid, &uids);
	svc_account_imap_shared_outlet_init(&outlet, g->chan, false);
	e = e == ERR_OK ? svc_account_imap_shared_send_letters(s, &outlet, &uids, &g->sent) : e;
	svc_account_imap_shared_outlet_done(&outlet);
	store_set_done(&uids);
	if (e != ERR_OK || !m->move) {
		store_set_reset(&g->sent);
	}
	return e;
}

enum err
svc_account_imap_shared_guest_on_copy(void *ctx, const struct ipc_account_guest_copy *m, int *fd)
{
	struct svc_account_imap_guest *g = ctx;
	if (g->busy != SVC_ACCOUNT_IMAP_SHARED_GUEST_FREE) {
		return ERR_PROTOCOL;
	}
	store_set_reset(&g->sent);
	enum err e = begin(g);
	end(g, e == ERR_OK ? send_letters(g, m) : ERR_BADSTATE);
	return ERR_OK;
}

static enum err
remove_sent(struct svc_account_imap_guest *g)
{
	struct svc_account_imap *s = &g->s;
	if (s->state != IMAP_SELECTED || g->sent.n == 0 || s->box.read_only) {
		return ERR_DENIED;
	}
	TRY(svc_account_imap_shared_may_remove(s));
	TRY(store_expunge(s->store, s->box.id, &g->sent, false, NULL));
	svc_account_imap_changed(s, s->box.id);
	return svc_account_imap_refresh(s, true, &(struct svc_account_imap_own){ 0 });
}

enum err
svc_account_imap_shared_guest_on_remove(void *ctx, const struct ipc_account_guest_remove *m,
    int *fd)
{
	struct svc_account_imap_guest *g = ctx;
	if (g->busy != SVC_ACCOUNT_IMAP_SHARED_GUEST_FREE) {
		return ERR_PROTOCOL;
	}
	enum err e = begin(g);
	e = e == ERR_OK && m->all ? remove_sent(g) : e;
	store_set_reset(&g->sent);
	end(g, e);
	return ERR_OK;
}
