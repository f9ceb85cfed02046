/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Quick resynchronisation (RFC 7162 3.2): VANISHED, what happened while the client was away, and
 * the HIGHESTMODSEQ that it may remember. Modseqs are always kept, so NOMODSEQ is never said.
 */
#include "svc/account/imap/qresync.h"

#include "proto/imap/seqset.h"

void
svc_account_imap_put_vanished(struct svc_account_imap *s, const struct store_range *v, size_t n,
    bool earlier)
{
	const char *open = earlier ? "* VANISHED (EARLIER) " : "* VANISHED ";
	size_t line = 0;
	for (size_t i = 0; i < n; i++) {
		size_t before = s->out.n;
		if (line > SVC_ACCOUNT_IMAP_VANISHED_LINE) {
			buf_cstr(&s->out, "\r\n");
			line = 0;
		}
		buf_cstr(&s->out, line == 0 ? open : ",");
		buf_u64(&s->out, v[i].lo);
		if (v[i].hi != v[i].lo) {
			buf_ch(&s->out, ':');
			buf_u64(&s->out, v[i].hi);
		}
		line += s->out.n - before;
		svc_account_imap_breathe(s);
	}
	buf_cstr(&s->out, n > 0 ? "\r\n" : "");
}

void
svc_account_imap_tell_modseq(struct svc_account_imap *s, bool tagged)
{
	uint64_t quiet = s->box.quiet_modseq;
	unsigned long long modseq = s->box.view.gone_modseq;
	if (s->state != IMAP_SELECTED || !svc_account_imap_has_condstore(s) ||
	    (!s->box.held && !s->box.expunged && quiet == 0)) {
		return;
	}
	modseq = quiet != 0 ? MIN(modseq, quiet) : modseq;
	s->box.expunged = false;
	if (tagged && s->code.n == 0) {
		buf_printf(&s->code, "HIGHESTMODSEQ %llu", modseq);
	} else {
		svc_account_imap_line(s, "* OK [HIGHESTMODSEQ %llu] for now", modseq);
	}
}

/* ---- what happened since -------------------------------------------------------------------- */

/* Tell `uids` without those that the view holds: of these the client hears by VANISHED alone. */
static enum err
put_earlier(struct svc_account_imap *s, const struct store_set *uids)
{
	struct store_set mine, rest;
	store_set_init(&mine);
	store_set_init(&rest);
	store_view_uids(&s->box.view, 1, s->box.view.n, &mine);
	store_set_minus(uids, &mine, &rest);
	enum err e = store_set_err(&mine) != ERR_OK ? ERR_NOMEM : store_set_err(&rest);
	if (e == ERR_OK) {
		svc_account_imap_put_vanished(s, rest.v, rest.n, true);
	}
	store_set_done(&mine);
	store_set_done(&rest);
	return e;
}

/* A modseq that was never given out is no knowledge: then everything is told. */
static uint64_t
trusted(const struct svc_account_imap *s, uint64_t modseq)
{
	return modseq <= s->box.view.modseq ? modseq : 0;
}

enum err
svc_account_imap_vanished(struct svc_account_imap *s, uint64_t since, const struct store_set *uids)
{
	struct store_set gone;
	store_set_init(&gone);
	enum err e = store_vanished(s->store, s->box.id, trusted(s, since), uids, &gone);
	if (e == ERR_OK) {
		e = put_earlier(s, &gone);
	}
	store_set_done(&gone);
	return e;
}

/* The last of the `n` pairs (seq, uid), (seq + 1, uid + 1), ... that are so; 0: none. */
static uint32_t
last_match(const struct store_view *v, uint32_t seq, uint32_t uid, uint32_t n)
{
	uint32_t good = 0,
		 bad = n; /* pairs before `good` match, `bad` and those behind it do not */
	while (good < bad) {
		uint32_t mid = good + (bad - good) / 2;
		if (seq + mid >= seq && store_view_uid(v, seq + mid) == uid + mid) {
			good = mid + 1;
		} else {
			bad = mid;
		}
	}
	return good == 0 ? 0 : uid + good - 1;
}

/*
 * The highest uid up to which the client knows of all expunges: that of its last true pair before
 * the first wrong one (RFC 7162 3.2.5.2). 0: none.
 */
static uint32_t
known_up_to(const struct store_view *v, const struct imap_qresync *q)
{
	size_t i = 0, k = 0;
	uint32_t si = 0, uk = 0, known = 0; /* offsets in match_seqs.r[i] and match_uids.r[k] */
	while (i < q->match_seqs.n && k < q->match_uids.n) {
		const struct imap_range *a = &q->match_seqs.r[i], *b = &q->match_uids.r[k];
		uint32_t n = MIN(a->hi - a->lo - si, b->hi - b->lo - uk) + 1;
		uint32_t uid = last_match(v, a->lo + si, b->lo + uk, n);
		known = uid != 0 ? uid : known;
		if (uid != b->lo + uk + (n - 1)) {
			break;
		}
		si += n;
		uk += n;
		i += si > a->hi - a->lo;
		k += uk > b->hi - b->lo;
		si = si > a->hi - a->lo ? 0 : si;
		uk = uk > b->hi - b->lo ? 0 : uk;
	}
	return known;
}

/* The uids that the client asks about. */
static enum err
known_uids(struct svc_account_imap *s, struct imap_qresync *q, struct store_set *known)
{
	uint32_t uidnext = s->box.view.uidnext;
	imap_seqset_resolve(&q->known, uidnext);
	for (size_t i = 0; i < q->known.n; i++) {
		store_set_add(known, q->known.r[i].lo, q->known.r[i].hi);
	}
	if (!q->has_known && uidnext > 1) {
		store_set_add(known, 1, uidnext - 1);
	}
	return store_set_err(known);
}

/* The same without those up to which all expunges are known. */
static enum err
tell_vanished(struct svc_account_imap *s, const struct imap_qresync *q,
    const struct store_set *known)
{
	uint32_t upto = known_up_to(&s->box.view, q);
	if (upto == UINT32_MAX) {
		return ERR_OK;
	}
	struct store_range above = { upto + 1, UINT32_MAX };
	struct store_set limit = { .v = &above, .n = 1, .cap = 1 }, among;
	store_set_init(&among);
	store_set_both(known, &limit, &among);
	enum err e = store_set_err(&among);
	if (e == ERR_OK && among.n > 0) {
		e = svc_account_imap_vanished(s, q->modseq, &among);
	}
	store_set_done(&among);
	return e;
}

enum err
svc_account_imap_resync(struct svc_account_imap *s, struct imap_qresync *q)
{
	struct store_set known;
	if (q->uidvalidity != s->box.view.uidvalidity) {
		return ERR_OK; /* RFC 7162 3.2.5: the client sees it by itself */
	}
	store_set_init(&known);
	enum err e = known_uids(s, q, &known);
	if (e == ERR_OK) {
		e = tell_vanished(s, q, &known);
	}
	if (e == ERR_OK) {
		e = svc_account_imap_tell_changed(s, &known, trusted(s, q->modseq));
	}
	store_set_done(&known);
	return e;
}
