/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the client knows of the selected mailbox, and telling it what changed (RFC 9051 7.4, 7.5).
 */
#include "svc/account/imap/session.h"

#include "proto/imap/write.h"
#include "svc/account/imap/notify/notify.h"
#include "svc/account/imap/park.h"
#include "svc/account/imap/qresync.h"

static_assert((int)STORE_ANSWERED == (int)IMAP_FLAG_ANSWERED, "flag bits are the same");
static_assert((int)STORE_FLAGGED == (int)IMAP_FLAG_FLAGGED, "flag bits are the same");
static_assert((int)STORE_DELETED == (int)IMAP_FLAG_DELETED, "flag bits are the same");
static_assert((int)STORE_SEEN == (int)IMAP_FLAG_SEEN, "flag bits are the same");
static_assert((int)STORE_DRAFT == (int)IMAP_FLAG_DRAFT, "flag bits are the same");

void
svc_account_imap_put_flags(struct svc_account_imap *s, uint32_t flags)
{
	buf_ch(&s->out, '(');
	bool any = imap_put_system_flags(&s->out, flags & STORE_SYSTEM_FLAGS);
	uint32_t keywords = flags >> STORE_KEYWORD_BIT;
	for (size_t i = 0; keywords != 0 && i < s->box.keywords.n; i++, keywords >>= 1) {
		if ((keywords & 1) != 0) {
			buf_cstr(&s->out, any ? " " : "");
			buf_str(&s->out, s->box.keywords.name[i]);
			any = true;
		}
	}
	buf_ch(&s->out, ')');
}

/* "* FLAGS" and "[PERMANENTFLAGS]" (RFC 9051 7.3.5, 7.1). */
static void
tell_keywords(struct svc_account_imap *s)
{
	struct store_keywords *k = &s->box.keywords;
	buf_cstr(&s->out, "* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft");
	for (size_t i = 0; i < k->n; i++) {
		buf_ch(&s->out, ' ');
		buf_str(&s->out, k->name[i]);
	}
	buf_cstr(&s->out, ")\r\n* OK [PERMANENTFLAGS (");
	uint32_t may = s->box.read_only ? 0 : svc_account_imap_shared_flags_may(s);
	(void)imap_put_system_flags(&s->out, may & STORE_SYSTEM_FLAGS);
	if ((may & STORE_FLAGGED) != 0) {
		for (size_t i = 0; i < k->n; i++) {
			buf_ch(&s->out, ' ');
			buf_str(&s->out, k->name[i]);
		}
		buf_cstr(&s->out, k->n < STORE_KEYWORDS_MAX ? " \\*" : "");
	}
	buf_cstr(&s->out, ")] flags that stay\r\n");
}

enum err
svc_account_imap_keywords(struct svc_account_imap *s, bool tell)
{
	arena_reset(s->box_arena); /* it holds the names, and nothing else */
	s->box.keywords = (struct store_keywords){ 0 };
	TRY(store_keywords(s->store, s->box.id, s->box_arena, &s->box.keywords));
	if (tell) {
		tell_keywords(s);
	}
	return ERR_OK;
}

enum err
svc_account_imap_flag_bits(struct svc_account_imap *s, uint64_t mailbox,
    const struct imap_flags *flags, uint32_t *ret)
{
	uint32_t bits = flags->bits;
	for (size_t i = 0; i < flags->n; i++) {
		uint32_t bit;
		enum err e = store_keyword(s->store, mailbox, flags->keywords[i], &bit);
		if (e == ERR_TOOMANY || e == ERR_TOOBIG || e == ERR_SYNTAX) {
			return svc_account_imap_fail(s, ERR_TOOMANY, "LIMIT",
			    "no room for another keyword in this mailbox");
		}
		TRY(e);
		bits |= bit;
	}
	*ret = bits;
	return ERR_OK;
}

static const struct imap_search_program *
program_of(const struct imap_command *cmd)
{
	switch (cmd->verb) {
	case IMAP_SEARCH: return &cmd->u.search.program;
	case IMAP_SORT: return &cmd->u.sort.search.program;
	case IMAP_THREAD: return &cmd->u.thread.search.program;
	case IMAP_ESEARCH: return &cmd->u.esearch.search.program;
	default: return NULL;
	}
}

bool
svc_account_imap_may_expunge(const struct imap_command *cmd)
{
	const struct imap_search_program *p = program_of(cmd);
	return (imap_verbs[cmd->verb].flags & IMAP_VERB_NOEXPUNGE) == 0 ||
	    (cmd->uid && !(p != NULL && p->has_seq));
}

bool
svc_account_imap_uses_numbers(const struct imap_command *cmd)
{
	const struct imap_search_program *p = program_of(cmd);
	bool named = (imap_verbs[cmd->verb].flags & IMAP_VERB_UID) != 0 && !cmd->uid &&
	    cmd->verb != IMAP_EXPUNGE && cmd->verb != IMAP_ESEARCH;
	bool matched = (cmd->verb == IMAP_SELECT || cmd->verb == IMAP_EXAMINE) &&
	    cmd->u.select.qresync.match_seqs.n > 0;
	return named || matched || (p != NULL && p->has_seq);
}

void
svc_account_imap_condstore(struct svc_account_imap *s)
{
	if (svc_account_imap_has_condstore(s)) {
		return;
	}
	s->enabled |= IMAP_ENABLED_CONDSTORE;
	s->reader.enabled = s->enabled;
	if (s->state == IMAP_SELECTED && s->shared.at == NULL) {
		svc_account_imap_line(s, "* OK [HIGHESTMODSEQ %llu] from now on",
		    (unsigned long long)s->box.view.gone_modseq);
	}
}

void
svc_account_imap_deselect(struct svc_account_imap *s)
{
	svc_account_imap_shared_visit_leave(s);
	store_view_leave(&s->box.view);
	store_set_done(&s->box.saved);
	s->box = (struct svc_account_imap_box){ 0 };
	arena_reset(s->box_arena);
	s->state = IMAP_AUTH;
	s->dirty = false;
}

/* New messages may bring keywords; a SEARCH for them is to find them. */
static enum err
renew_keywords(struct svc_account_imap *s)
{
	size_t before = s->box.keywords.n;
	TRY(svc_account_imap_keywords(s, false));
	if (s->box.keywords.n != before) {
		tell_keywords(s);
	}
	return ERR_OK;
}

enum err
svc_account_imap_learn_keywords(struct svc_account_imap *s, const struct store_msg *v, size_t n)
{
	uint32_t seen = 0;
	for (size_t i = 0; i < n; i++) {
		seen |= v[i].flags >> STORE_KEYWORD_BIT;
	}
	bool fresh = s->box.keywords.n < STORE_KEYWORDS_MAX && seen >> s->box.keywords.n != 0;
	return fresh ? svc_account_imap_keywords(s, true) : ERR_OK;
}

void
svc_account_imap_put_fetch(struct svc_account_imap *s, uint32_t seq, uint32_t uid)
{
	bool only = svc_account_imap_has_uidonly(s);
	buf_cstr(&s->out, "* ");
	buf_u64(&s->out, only ? uid : seq);
	buf_cstr(&s->out, only ? " UIDFETCH " : " FETCH ");
}

static void
put_changed(struct svc_account_imap *s, const struct store_msg *m, bool flags)
{
	svc_account_imap_put_fetch(s, store_view_seq(&s->box.view, m->uid), m->uid);
	buf_cstr(&s->out, "(UID ");
	buf_u64(&s->out, m->uid);
	if (flags) {
		buf_cstr(&s->out, " FLAGS ");
		svc_account_imap_put_flags(s, m->flags);
	}
	if (svc_account_imap_has_condstore(s)) {
		buf_cstr(&s->out, " MODSEQ (");
		buf_u64(&s->out, m->modseq);
		buf_ch(&s->out, ')');
	}
	buf_cstr(&s->out, ")\r\n");
	svc_account_imap_breathe(s);
}

/*
 * With NOTIFY but without FlagChange, changes of others are not told; a client with CONDSTORE must
 * then not believe that it has heard of everything up to the modseqs it sees.
 */
static void
keep_quiet(struct svc_account_imap *s, const struct store_msg *m)
{
	if (s->box.quiet_modseq == 0 || s->box.quiet_modseq >= m->modseq) {
		s->box.quiet_modseq = m->modseq - 1;
	}
}

static void
tell_changed(struct svc_account_imap *s, const struct store_news *news,
    const struct svc_account_imap_own *own)
{
	bool wanted = (svc_account_imap_notify_selected(s) & IMAP_NOTIFY_FLAGS) != 0;
	for (size_t i = 0; i < news->changed_n; i++) {
		const struct store_msg *m = &news->changed[i];
		bool mine = own != NULL && own->uids != NULL && m->modseq == own->modseq &&
		    store_set_has(own->uids, m->uid);
		if (!mine && !wanted) {
			keep_quiet(s, m);
		} else if (!mine) {
			put_changed(s, m, true);
		} else if (own->silent && svc_account_imap_has_condstore(s)) {
			put_changed(s, m, false);
		}
	}
}

static void
tell_expunged(struct svc_account_imap *s, const struct store_news *news)
{
	s->box.expunged = s->box.expunged || news->expunged_n > 0;
	if (svc_account_imap_has_qresync(s) || svc_account_imap_has_uidonly(s)) {
		svc_account_imap_put_vanished(s, news->vanished, news->vanished_n, false);
		return;
	}
	for (size_t i = 0; i < news->expunged_n; i++) {
		buf_cstr(&s->out, "* ");
		buf_u64(&s->out, news->expunged[i]);
		buf_cstr(&s->out, " EXPUNGE\r\n");
		svc_account_imap_breathe(s);
	}
}

enum err
svc_account_imap_tell_changed(struct svc_account_imap *s, const struct store_set *uids,
    uint64_t since)
{
	struct svc_account_imap_scan *scan = svc_account_imap_scan_new(s, uids, since);
	const struct store_msg *m;
	if (scan == NULL) {
		return ERR_BUDGET;
	}
	while (true) {
		TRY(svc_account_imap_scan_next(scan, &m));
		if (m == NULL || s->broken) {
			return ERR_OK;
		}
		put_changed(s, m, true);
	}
}

/* What NOTIFY wants to know of new messages, but for those that the session made itself. */
static enum err
tell_appeared(struct svc_account_imap *s, uint32_t n)
{
	const struct imap_fetch_args *fetch = svc_account_imap_notify_fetch(s);
	const struct store_view *view = &s->box.view;
	struct store_set appeared, others;
	if (fetch == NULL) {
		return ERR_OK;
	}
	store_set_init(&appeared);
	store_set_init(&others);
	store_view_uids(view, view->n - n + 1, view->n, &appeared);
	store_set_minus(&appeared, &s->notify->mine, &others);
	enum err e = store_set_err(&appeared) != ERR_OK ? ERR_NOMEM : store_set_err(&others);
	if (e == ERR_OK && others.n > 0) {
		e = svc_account_imap_fetch_new(s, fetch, &others);
	}
	store_set_reset(&s->notify->mine);
	store_set_done(&appeared);
	store_set_done(&others);
	return e;
}

enum err
svc_account_imap_refresh(struct svc_account_imap *s, bool expunges,
    const struct svc_account_imap_own *own)
{
	struct store_news news = { 0 };
	if (s->store == NULL && !s->dirty) {
		return ERR_OK;
	}
	TRY(svc_account_imap_rouse(s));
	TRY(svc_account_imap_metadata_news(s));
	if (s->state != IMAP_SELECTED || s->shared.at != NULL ||
	    (own == NULL && svc_account_imap_notify_selected(s) == 0)) {
		return ERR_OK; /* RFC 5465 3.1: a client that wants no events keeps its snapshot */
	}
	store_release(s->store); /* what others did meanwhile is to be seen */
	s->dirty = false;
	arena_reset(s->scratch);
	TRY(store_view_refresh(&s->box.view, expunges, s->scratch, &news));
	if (news.gone || news.renewed) {
		svc_account_imap_deselect(s);
		svc_account_imap_end(s, ERR_OK, "the selected mailbox was deleted");
		return ERR_OK;
	}
	s->box.held = news.held;
	tell_expunged(s, &news);
	if (news.appeared > 0) {
		svc_account_imap_line(s, "* %u EXISTS", news.exists);
	}
	TRY(news.appeared > 0 ? renew_keywords(s)
			      : svc_account_imap_learn_keywords(s, news.changed, news.changed_n));
	tell_changed(s, &news, own);
	return news.appeared > 0 ? tell_appeared(s, news.appeared) : ERR_OK;
}

enum err
svc_account_imap_uids(struct svc_account_imap *s, struct imap_seqset *set, bool uid,
    struct store_set *uids)
{
	store_set_init(uids);
	if (set->saved) {
		for (size_t i = 0; i < s->box.saved.n; i++) {
			store_set_add(uids, s->box.saved.v[i].lo, s->box.saved.v[i].hi);
		}
		return store_set_err(uids);
	}
	const struct store_view *view = &s->box.view;
	bool absent = imap_seqset_largest(set) > view->n ||
	    (view->n == 0 && imap_seqset_has_star(set));
	if (!uid && absent) {
		return svc_account_imap_fail(s, ERR_BADSTATE, "", "no such message number");
	}
	uint32_t last = view->n == 0 ? view->uidnext : store_view_uid(view, view->n);
	imap_seqset_resolve(set, uid ? last : view->n);
	for (size_t i = 0; i < set->n; i++) {
		if (uid) {
			store_set_add(uids, set->r[i].lo, set->r[i].hi);
		} else {
			store_view_uids(view, set->r[i].lo, set->r[i].hi, uids);
		}
	}
	return store_set_err(uids);
}
