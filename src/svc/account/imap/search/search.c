/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Evaluating search programs. Start with svc_account_imap_search_run.
 */
#include "svc/account/imap/search/search.h"

#include "conf/conf.h"
#include "mail/text.h"
#include "svc/account/imap/limit.h"
#include "sys/clock.h"

/* Where a header field lies among the facts. */
static const struct {
	str name;
	enum svc_account_imap_fact fact;
	int part; /* -1: the whole fact */
	bool fold;
} fields[] = {
	{ S_INIT("Subject"), SVC_ACCOUNT_IMAP_SUBJECT, -1, false },
	{ S_INIT("From"), SVC_ACCOUNT_IMAP_FROM, -1, false },
	{ S_INIT("To"), SVC_ACCOUNT_IMAP_RCPT, 0, false },
	{ S_INIT("Cc"), SVC_ACCOUNT_IMAP_RCPT, 1, false },
	{ S_INIT("Bcc"), SVC_ACCOUNT_IMAP_RCPT, 2, false },
	{ S_INIT("Message-ID"), SVC_ACCOUNT_IMAP_IDS, 0, true },
	{ S_INIT("In-Reply-To"), SVC_ACCOUNT_IMAP_IDS, 1, true },
	{ S_INIT("References"), SVC_ACCOUNT_IMAP_IDS, 2, true },
};

static int
field_of(str name)
{
	for (size_t i = 0; i < LEN(fields); i++) {
		if (str_ieq(name, fields[i].name)) {
			return (int)i;
		}
	}
	return -1;
}

/* The score of a fuzzy leaf in fields of its name; 0: they do not match. */
static unsigned
fuzzy_score(str texts, const struct mail_fuzzy *words, bool fold)
{
	struct mail_fuzzy_found seen = { 0 };
	struct buf b;
	str one;
	if (!fold && texts.n > 0) {
		mail_fuzzy_look(words, texts, MAIL_FUZZY_BEST, &seen);
		return mail_fuzzy_score(words, &seen);
	}
	buf_init(&b, SVC_ACCOUNT_IMAP_FACT_TEXT_MAX);
	while (texts.n > 0 && str_next(&texts, '\0', &one)) {
		buf_reset(&b);
		mail_text_fold(&b, one);
		mail_fuzzy_look(words, buf_view(&b), MAIL_FUZZY_BEST, &seen);
	}
	buf_done(&b);
	return mail_fuzzy_score(words, &seen);
}

/* Each field of that name ends with NUL; an empty text means that there is one. */
static bool
holds(str texts, str needle, bool fold)
{
	if (needle.n == 0 || !fold) {
		return texts.n > 0 && str_find(texts, needle) >= 0;
	}
	struct buf b;
	str one;
	bool found = false;
	buf_init(&b, SVC_ACCOUNT_IMAP_FACT_TEXT_MAX);
	while (!found && texts.n > 0 && str_next(&texts, '\0', &one)) {
		buf_reset(&b);
		mail_text_fold(&b, one);
		found = str_find(buf_view(&b), needle) >= 0;
	}
	buf_done(&b);
	return found;
}

/* The texts of the fields that are the fact number `at`. */
static enum err
get_field(struct svc_account_imap_search *x, int at, str *ret)
{
	str fact;
	TRY(svc_account_imap_search_fact_get(&x->facts, x->msg->id, fields[at].fact, &fact));
	bool part = fields[at].part >= 0;
	*ret = part ? svc_account_imap_search_fact_part(fact, (size_t)fields[at].part) : fact;
	return ERR_OK;
}

static enum err
ask_header(struct svc_account_imap_search *x, const struct imap_search_node *leaf, bool *ret)
{
	int at = field_of(leaf->name);
	str texts;
	if (at < 0) {
		return svc_account_imap_search_texts_ask(&x->texts, x->msg, leaf, ret);
	}
	TRY(get_field(x, at, &texts));
	*ret = leaf->words != NULL ? fuzzy_score(texts, leaf->words, fields[at].fold) > 0
				   : holds(texts, leaf->text, fields[at].fold);
	return ERR_OK;
}

static enum err
ask_meta(struct svc_account_imap_search *x, const struct imap_search_node *leaf, bool *ret)
{
	struct svc_account_imap_meta m;
	char room[STORE_ID_TEXT_MAX];
	TRY(svc_account_imap_search_fact_meta(&x->facts, x->msg->id, &m));
	int64_t s = m.internal_s, day = s / 86400 - (s % 86400 < 0), want = (int64_t)leaf->number;
	switch (leaf->op) {
	case IMAP_SEARCH_BEFORE: *ret = day < want; break;
	case IMAP_SEARCH_ON: *ret = day == want; break;
	case IMAP_SEARCH_SINCE: *ret = day >= want; break;
	case IMAP_SEARCH_OLDER: *ret = s <= x->now_s - want; break;
	case IMAP_SEARCH_YOUNGER: *ret = s >= x->now_s - want; break;
	case IMAP_SEARCH_SENTBEFORE: *ret = m.has_sent && m.sent_day < want; break;
	case IMAP_SEARCH_SENTON: *ret = m.has_sent && m.sent_day == want; break;
	case IMAP_SEARCH_SENTSINCE: *ret = m.has_sent && m.sent_day >= want; break;
	default: *ret = str_eq(leaf->text, store_id_text('T', m.thread, room)); break;
	}
	return ERR_OK;
}

/* When it came into this mailbox (RFC 8514 4.3). */
static bool
is_saved(const struct svc_account_imap_search *x, const struct imap_search_node *leaf)
{
	int64_t day = x->msg->saved_s / 86400 - (x->msg->saved_s % 86400 < 0),
		want = (int64_t)leaf->number;
	return leaf->op == IMAP_SEARCH_SAVEDBEFORE ? day < want
	    : leaf->op == IMAP_SEARCH_SAVEDON      ? day == want
						   : day >= want;
}

/* A leaf about a set: of uids in `user`, whatever the client wrote (see prepare). */
static bool
in_set(const struct svc_account_imap_search *x, const struct imap_search_node *leaf)
{
	return leaf->user != NULL && store_set_has(leaf->user, x->msg->uid);
}

static enum err
ask(void *ctx, const struct imap_search_node *leaf, bool *ret)
{
	struct svc_account_imap_search *x = ctx;
	char room[STORE_ID_TEXT_MAX];
	switch (leaf->op) {
	case IMAP_SEARCH_FLAG: *ret = (x->msg->flags & leaf->number) != 0; return ERR_OK;
	case IMAP_SEARCH_KEYWORD:
		*ret = leaf->user != NULL && (x->msg->flags & *(const uint32_t *)leaf->user) != 0;
		return ERR_OK;
	case IMAP_SEARCH_SEQ:
	case IMAP_SEARCH_UID: *ret = in_set(x, leaf); return ERR_OK;
	case IMAP_SEARCH_LARGER: *ret = x->msg->size > leaf->number; return ERR_OK;
	case IMAP_SEARCH_SMALLER: *ret = x->msg->size < leaf->number; return ERR_OK;
	case IMAP_SEARCH_MODSEQ: *ret = x->msg->modseq >= leaf->number; return ERR_OK;
	case IMAP_SEARCH_SAVEDBEFORE:
	case IMAP_SEARCH_SAVEDON:
	case IMAP_SEARCH_SAVEDSINCE: *ret = is_saved(x, leaf); return ERR_OK;
	case IMAP_SEARCH_EMAILID:
		*ret = str_eq(leaf->text, store_id_text('M', x->msg->id, room));
		return ERR_OK;
	case IMAP_SEARCH_HEADER: return ask_header(x, leaf, ret);
	case IMAP_SEARCH_BODY:
	case IMAP_SEARCH_TEXT:
		return svc_account_imap_search_texts_ask(&x->texts, x->msg, leaf, ret);
	default: return ask_meta(x, leaf, ret);
	}
}

/* ---- giving each leaf what it needs of this mailbox ----------------------------------------- */

/* The flag bit of a keyword; one that this mailbox does not have matches nothing. */
static enum err
prepare_keyword(struct svc_account_imap_search *x, struct imap_search_node *node)
{
	node->user = NULL;
	for (size_t i = 0; i < x->box->keywords.n; i++) {
		if (str_ieq(node->text, x->box->keywords.name[i])) {
			uint32_t *bit = arena_alloc(x->s->work, sizeof *bit);
			if (bit == NULL) {
				return ERR_BUDGET;
			}
			*bit = UINT32_C(1) << (STORE_KEYWORD_BIT + i);
			node->user = bit;
		}
	}
	return ERR_OK;
}

/* The uids a set means here; the sets are given back by svc_account_imap_search_done. */
static enum err
prepare_set(struct svc_account_imap_search *x, struct imap_search_node *node)
{
	const struct store_view *view = &x->box->view;
	struct store_set *uids = ARENA_NEW(x->s->work, struct store_set);
	if (uids == NULL) {
		return ERR_BUDGET;
	}
	store_set_init(uids);
	node->user = uids;
	if (node->set.saved) {
		const struct store_set *saved = &x->box->saved;
		for (size_t i = 0; i < saved->n; i++) {
			store_set_add(uids, saved->v[i].lo, saved->v[i].hi);
		}
		return store_set_err(uids);
	}
	bool seq = node->op == IMAP_SEARCH_SEQ;
	uint32_t last = seq ? view->n : view->n == 0 ? 0 : store_view_uid(view, view->n);
	for (size_t i = 0; i < node->set.n; i++) {
		struct imap_range r = node->set.r[i];
		uint32_t a = r.lo == 0 ? last : r.lo, b = r.hi == 0 ? last : r.hi;
		if (seq) {
			store_view_uids(view, MIN(a, b), MAX(a, b), uids);
		} else if (MAX(a, b) > 0) {
			store_set_add(uids, MAX(MIN(a, b), 1u), MAX(a, b));
		}
	}
	return store_set_err(uids);
}

static bool
is_set(const struct imap_search_node *node)
{
	return node->op == IMAP_SEARCH_SEQ || node->op == IMAP_SEARCH_UID;
}

static enum err
prepare(struct svc_account_imap_search *x)
{
	enum err e = ERR_OK;
	for (size_t i = 0; i < x->program->n; i++) { /* what a run before this one left */
		x->program->nodes[i].user = NULL;
	}
	for (size_t i = 0; e == ERR_OK && i < x->program->n; i++) {
		struct imap_search_node *node = &x->program->nodes[i];
		if (node->op == IMAP_SEARCH_KEYWORD) {
			e = prepare_keyword(x, node);
		} else if (is_set(node)) {
			e = prepare_set(x, node);
		}
	}
	return e;
}

/* Is this answered from texts? The other fields are facts. */
static bool
is_text(const struct imap_search_node *leaf)
{
	return leaf->op == IMAP_SEARCH_BODY || leaf->op == IMAP_SEARCH_TEXT ||
	    (leaf->op == IMAP_SEARCH_HEADER && field_of(leaf->name) < 0);
}

/* Does a leaf ask for more than the packed pages, sets and texts tell? */
static bool
needs_facts(const struct imap_search_program *p)
{
	for (size_t i = 0; i < p->n; i++) {
		enum imap_search_op op = p->nodes[i].op;
		bool hot = op <= IMAP_SEARCH_UID || op == IMAP_SEARCH_LARGER ||
		    op == IMAP_SEARCH_SMALLER || op == IMAP_SEARCH_MODSEQ ||
		    op == IMAP_SEARCH_SAVEDBEFORE || op == IMAP_SEARCH_SAVEDON ||
		    op == IMAP_SEARCH_SAVEDSINCE || op == IMAP_SEARCH_EMAILID ||
		    is_text(&p->nodes[i]);
		if (!hot) {
			return true;
		}
	}
	return false;
}

/* The uids worth asking about: those of a set that everything depends on, else all. */
static const struct store_set *
candidates(const struct imap_search_program *p, struct store_set *all)
{
	for (size_t i = 1; i < p->n; i = p->nodes[i].end) {
		if (is_set(&p->nodes[i])) {
			return p->nodes[i].user;
		}
	}
	store_set_add(all, 1, UINT32_MAX);
	return all;
}

/* ---- scores ------------------------------------------------------------------------------- */

static enum err
score_leaf(struct svc_account_imap_search *x, const struct imap_search_node *leaf, uint8_t *ret)
{
	int at = leaf->op == IMAP_SEARCH_HEADER ? field_of(leaf->name) : -1;
	str texts;
	if (at < 0) {
		*ret = (uint8_t)svc_account_imap_search_texts_score(&x->texts, x->msg, leaf);
		return ERR_OK;
	}
	TRY(get_field(x, at, &texts));
	*ret = (uint8_t)fuzzy_score(texts, leaf->words, fields[at].fold);
	return ERR_OK;
}

/* All fuzzy strings are asked, also those that did not decide. */
static enum err
score(struct svc_account_imap_search *x)
{
	const struct imap_search_program *p = x->program;
	for (size_t i = 0; i < p->n; i++) {
		if (p->nodes[i].words != NULL) {
			TRY(score_leaf(x, &p->nodes[i], &x->scores[i]));
		}
	}
	x->score = imap_search_score(p, x->scores);
	return ERR_OK;
}

static enum err
tell(struct svc_account_imap_search *x)
{
	if (x->scores != NULL) {
		TRY(score(x));
	}
	return x->found(x->ctx, x);
}

/* ---- looking ------------------------------------------------------------------------------ */

/* The message at hand: found, or, while texts are only noted, worth another look. */
static enum err
look_at_one(struct svc_account_imap_search *x, struct store_set *worth)
{
	bool match = false;
	enum err e = imap_search_eval(x->program, ask, x, &match);
	if (e == ERR_NOTFOUND || e == ERR_CORRUPT) {
		return ERR_OK; /* a message that went or is damaged does not match */
	}
	bool unknown = worth != NULL && e == ERR_AGAIN;
	TRY(unknown ? ERR_OK : e);
	if (worth == NULL) {
		return match ? tell(x) : ERR_OK;
	}
	if (match && x->scores != NULL && x->texts.slots > 0) {
		svc_account_imap_search_texts_note(&x->texts, x->msg);
	}
	if (match || unknown) {
		store_set_add(worth, x->msg->uid, x->msg->uid);
	}
	return ERR_OK;
}

/* In  worth: NULL, or gets the uids that match or whose texts are not known yet */
static enum err
look_at_all(struct svc_account_imap_search *x, const struct store_set *uids,
    struct store_set *worth)
{
	struct svc_account_imap_scan *scan = svc_account_imap_scan_box(x->s, x->box, uids, 0);
	if (scan == NULL) {
		return ERR_BUDGET;
	}
	for (;;) {
		if (scan->at == scan->n) {
			TRY(store_hold(x->s->store)); /* one transaction for many reads */
			svc_account_imap_progress(x->s, x->seq,
			    x->box == &x->s->box ? x->box->view.n : 0);
			TRY(svc_account_imap_search_texts_breathe(&x->texts));
		}
		TRY(svc_account_imap_scan_next(scan, &x->msg));
		if (x->msg == NULL) {
			return ERR_OK;
		}
		x->seq = scan->seq;
		TRY(look_at_one(x, worth));
	}
}

/* What is left to look at when a text is asked for that everything depends on: where it is. */
static void
keep_hits(struct svc_account_imap_search *x, struct store_set *worth)
{
	const struct imap_search_program *p = x->program;
	for (size_t i = 1; i < p->n; i = p->nodes[i].end) {
		if (is_text(&p->nodes[i]) &&
		    svc_account_imap_search_texts_hits(&x->texts, &p->nodes[i], worth)) {
			return;
		}
	}
}

/* Once; twice when the program asks for texts (texts.h). */
static enum err
look(struct svc_account_imap_search *x, const struct store_set *uids)
{
	struct store_set worth;
	TRY(svc_account_imap_search_texts_init(&x->texts, x->s, x->program, is_text,
	    x->box->view.n));
	if (x->texts.keys_n == 0) {
		return look_at_all(x, uids, NULL);
	}
	store_set_init(&worth);
	enum err e = look_at_all(x, uids, &worth);
	e = e == ERR_OK ? store_set_err(&worth) : e;
	e = e == ERR_OK ? svc_account_imap_search_texts_look(&x->texts, x->scores != NULL) : e;
	if (e == ERR_OK) {
		keep_hits(x, &worth);
		e = store_set_err(&worth);
	}
	e = e == ERR_OK ? look_at_all(x, &worth, NULL) : e;
	store_set_done(&worth);
	return e;
}

enum err
svc_account_imap_search_begin(struct svc_account_imap *s, struct imap_search_program *program)
{
	if (program->has_modseq) {
		svc_account_imap_condstore(s);
	}
	int64_t most = s->account->conf->imap_search_time;
	s->search_end_ms = most == 0 ? INT64_MAX : sys_clock_ms() + most;
	return svc_account_imap_search_texts_fold(s->work, program);
}

/* RFC 9738 3.1: of the messages looked at, not of those found. In another mailbox all or none. */
static enum err
limit(struct svc_account_imap_search *x, const struct store_set *uids, struct store_set *room)
{
	if (x->box != &x->s->box) {
		return svc_account_imap_limit_all(x->s, &x->box->view, uids, false);
	}
	for (size_t i = 0; uids != room && i < uids->n; i++) {
		store_set_add(room, uids->v[i].lo, uids->v[i].hi);
	}
	TRY(store_set_err(room));
	return svc_account_imap_limit_set(x->s, room);
}

enum err
svc_account_imap_search_run(struct svc_account_imap_search *x)
{
	struct store_set all;
	store_set_init(&all);
	x->now_s = sys_clock_wall_s();
	x->score = IMAP_SEARCH_SCORE_MAX;
	if (x->scored) {
		x->scores = arena_alloc(x->s->work, x->program->n);
	}
	enum err e = x->scored && x->scores == NULL ? ERR_BUDGET : prepare(x);
	const struct store_set *uids = e == ERR_OK ? candidates(x->program, &all) : &all;
	if (e == ERR_OK && x->limited) {
		e = limit(x, uids, &all);
		uids = x->box == &x->s->box ? &all : uids;
	}
	uint64_t wanted = MIN(store_set_count(uids), (uint64_t)x->box->view.n);
	if (e == ERR_OK) {
		e = svc_account_imap_search_facts_init(&x->facts, x->s,
		    x->asks_facts || needs_facts(x->program) ? wanted : 0, true);
	}
	if (e == ERR_OK) {
		e = look(x, uids);
	}
	store_release(x->s->store);
	store_set_done(&all);
	return e;
}

void
svc_account_imap_search_done(struct svc_account_imap_search *x)
{
	for (size_t i = 0; i < x->program->n; i++) {
		struct imap_search_node *node = &x->program->nodes[i];
		if (is_set(node) && node->user != NULL) {
			store_set_done(node->user);
		}
		node->user = NULL;
	}
	svc_account_imap_search_facts_done(&x->facts);
	store_release(x->s->store);
}
