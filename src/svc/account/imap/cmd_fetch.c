/* SPDX-License-Identifier: Apache-2.0 */
/*
 * FETCH (RFC 9051 6.4.5, 7.5.2; 7162 3.1.4; 8474 5; 8514; 8970). Flags of whole mailboxes come
 * straight from the scan's pages; colder facts are looked up message by message.
 */
#include "svc/account/imap/limit.h"

#include "proto/imap/write.h"
#include "svc/account/imap/notify/notify.h"
#include "svc/account/imap/qresync.h"
#include "svc/account/imap/search/cold.h"

struct fetching {
	struct svc_account_imap *s;
	const struct imap_fetch_args *args;
	unsigned items;
	struct store_set seen; /* uids that this command marks \Seen: their FLAGS are told */
	bool missing;          /* a message of the view is not in the store any more */
	struct svc_account_imap_search_cold cold;
};

/* What the scan knows; each item with a SP in front. */
static void
put_hot(struct fetching *f, const struct store_msg *m)
{
	struct buf *out = &f->s->out;
	unsigned items = f->items;
	if ((items & IMAP_FETCH_UID) != 0) {
		buf_cstr(out, " UID ");
		buf_u64(out, m->uid);
	}
	if ((items & IMAP_FETCH_FLAGS) != 0 || store_set_has(&f->seen, m->uid)) {
		buf_cstr(out, " FLAGS ");
		svc_account_imap_put_flags(f->s, m->flags);
	}
	if ((items & IMAP_FETCH_SIZE) != 0) {
		buf_cstr(out, " RFC822.SIZE ");
		buf_u64(out, m->size);
	}
	if ((items & IMAP_FETCH_MODSEQ) != 0) {
		buf_cstr(out, " MODSEQ (");
		buf_u64(out, m->modseq);
		buf_ch(out, ')');
	}
	if ((items & IMAP_FETCH_EMAILID) != 0) {
		svc_account_imap_search_cold_id(out, " EMAILID (", 'M', m->id);
	}
	if ((items & IMAP_FETCH_SAVEDATE) != 0) {
		buf_cstr(out, " SAVEDATE ");
		imap_put_internaldate(out, m->saved_s);
	}
}

/*
 * One FETCH response. Items are written with SP in front; the first SP becomes the parenthesis.
 * When an item fails before anything was sent, the whole response is taken back.
 */
static enum err
fetch_one(struct fetching *f, uint32_t seq, const struct store_msg *m)
{
	struct svc_account_imap *s = f->s;
	svc_account_imap_breathe(s);
	TRY(svc_account_imap_search_cold_ready(&f->cold, m->id));
	size_t start = s->out.n;
	uint64_t sent = s->octets_out;
	svc_account_imap_put_fetch(s, seq, m->uid);
	size_t open = s->out.n;
	put_hot(f, m);
	arena_reset(s->scratch);
	enum err e = (f->items & SVC_ACCOUNT_IMAP_COLD_ITEMS) != 0
	    ? svc_account_imap_search_cold_put(&f->cold, m)
	    : ERR_OK;
	if (e == ERR_OK && s->out.n > open) {
		s->out.p[open] = '(';
		open = SIZE_MAX;
	}
	if (e == ERR_OK && f->args->n > 0) {
		if (open != SIZE_MAX) {
			buf_ch(&s->out, '(');
		}
		e = store_hold(s->store); /* one transaction for many messages */
		e = e == ERR_OK ? svc_account_imap_sections(s, m->id, f->args, open == SIZE_MAX)
				: e;
	}
	if (e != ERR_OK) {
		if (s->octets_out == sent && s->out.n >= start) {
			buf_truncate(&s->out, start);
		} else {
			svc_account_imap_end(s, e, "a message cannot be read");
			s->broken = true;
		}
		return e;
	}
	buf_cstr(&s->out, ")\r\n");
	return ERR_OK;
}

/* One bad message costs one message (its error is told in the tagged response), not the command. */
static enum err
fetch_all(struct fetching *f, const struct store_set *uids)
{
	struct svc_account_imap_scan *scan = svc_account_imap_scan_new(f->s, uids,
	    f->args->has_changedsince ? f->args->changedsince : 0);
	const struct store_msg *m;
	enum err worst = ERR_OK;
	if (scan == NULL) {
		return ERR_BUDGET;
	}
	while (!f->s->broken) {
		TRY(svc_account_imap_scan_next(scan, &m));
		if (m == NULL) {
			break;
		}
		enum err e = fetch_one(f, scan->seq, m);
		if (e == ERR_NOTFOUND) {
			f->missing = true;
		} else if (e == ERR_CORRUPT || e == ERR_UNSUPPORTED || e == ERR_TOOBIG ||
		    e == ERR_BUDGET) {
			worst = e;
		} else {
			TRY(e);
		}
	}
	return worst;
}

/* Mark what is about to be read, so that FLAGS and MODSEQ of the responses are the new ones. */
static enum err
mark_seen(struct fetching *f, const struct store_set *uids)
{
	struct svc_account_imap *s = f->s;
	struct svc_account_imap_scan *scan = svc_account_imap_scan_new(s, uids,
	    f->args->has_changedsince ? f->args->changedsince : 0);
	const struct store_msg *m;
	if (scan == NULL) {
		return ERR_BUDGET;
	}
	while (true) {
		TRY(svc_account_imap_scan_next(scan, &m));
		if (m == NULL) {
			break;
		}
		if ((m->flags & STORE_SEEN) == 0) {
			store_set_add(&f->seen, m->uid, m->uid);
		}
	}
	TRY(store_set_err(&f->seen));
	if (f->seen.n == 0) {
		return ERR_OK;
	}
	struct store_changed changed;
	struct store_change c = {
		.mailbox = s->box.id, .uids = &f->seen, .op = STORE_FLAGS_ADD, .flags = STORE_SEEN
	};
	TRY(store_flags(s->store, &c, &changed, NULL));
	svc_account_imap_changed(s, s->box.id);
	struct svc_account_imap_own own = { .uids = &f->seen, .modseq = changed.modseq };
	return svc_account_imap_refresh(s, false, &own);
}

/* The responses of all messages, and what they need of a FETCH as a whole. */
static enum err
respond(struct fetching *f, const struct store_set *uids)
{
	uint64_t n = MIN(store_set_count(uids), (uint64_t)f->s->box.view.n);
	enum err e = svc_account_imap_search_cold_init(&f->cold, f->s, f->items, n);
	e = e == ERR_OK ? fetch_all(f, uids) : e;
	svc_account_imap_search_cold_done(&f->cold);
	store_release(f->s->store);
	return e;
}

static enum err
fetch(struct svc_account_imap *s, const struct imap_fetch_args *args, const struct store_set *uids)
{
	struct fetching f = { .s = s, .args = args, .items = args->items };
	store_set_init(&f.seen);
	enum err e = ERR_OK;
	if (args->sets_seen && !s->box.read_only) {
		e = mark_seen(&f, uids);
	}
	if (f.seen.n > 0 && svc_account_imap_has_condstore(s)) {
		f.items |= IMAP_FETCH_MODSEQ | IMAP_FETCH_UID; /* RFC 7162 3.2.4 */
	}
	if (e == ERR_OK && s->state == IMAP_SELECTED) {
		e = respond(&f, uids);
	}
	store_set_done(&f.seen);
	if (e == ERR_OK && f.missing) {
		return svc_account_imap_fail(s, ERR_NOTFOUND, "EXPUNGEISSUED",
		    "some messages are gone");
	}
	return e;
}

/* PARTIAL names a number of messages, which is all right or not (RFC 9738 3.1). */
static enum err
narrow(struct svc_account_imap *s, const struct imap_partial *p, struct store_set *uids)
{
	if (p->first == 0) {
		return svc_account_imap_limit_set(s, uids);
	}
	TRY(svc_account_imap_limit_places(&s->box.view, p, uids));
	return svc_account_imap_limit_all(s, &s->box.view, uids, false);
}

enum err
svc_account_imap_fetch_new(struct svc_account_imap *s, const struct imap_fetch_args *args,
    const struct store_set *uids)
{
	struct fetching f = { .s = s, .args = args, .items = args->items };
	if (svc_account_imap_has_condstore(s)) {
		f.items |= IMAP_FETCH_UID | IMAP_FETCH_MODSEQ; /* RFC 7162 3.2.4 */
	}
	/* A message that cannot be read is no reason to end: the client may ask for it. */
	enum err e = respond(&f, uids);
	return e == ERR_NOMEM || e == ERR_DB ? e : ERR_OK;
}

enum err
svc_account_imap_cmd_fetch(struct svc_account_imap *s, struct imap_command *cmd)
{
	struct store_set uids;
	struct imap_fetch_args *args = &cmd->u.fetch;
	if (args->vanished && !svc_account_imap_has_qresync(s)) {
		return svc_account_imap_fail(s, ERR_BADSTATE, "", "QRESYNC is not enabled");
	}
	if ((args->items & IMAP_FETCH_MODSEQ) != 0) {
		svc_account_imap_condstore(s);
	}
	/* Keywords that another session made are known before a flag list names them. */
	enum err e = svc_account_imap_refresh(s, cmd->uid, NULL);
	if (e == ERR_OK && s->state == IMAP_SELECTED) {
		e = svc_account_imap_uids(s, &args->set, cmd->uid, &uids);
		if (e == ERR_OK && args->vanished) {
			e = svc_account_imap_vanished(s, args->changedsince, &uids);
		}
		e = e == ERR_OK ? narrow(s, &args->partial, &uids) : e;
		if (e == ERR_OK) {
			e = fetch(s, args, &uids);
		}
		store_set_done(&uids);
	}
	return e;
}
