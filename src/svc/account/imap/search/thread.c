/* SPDX-License-Identifier: Apache-2.0 */
/*
 * THREAD (RFC 5256): search; of each message found, hand its date, subject and identifiers to
 * proto/imap/thread/thread.h at once; then write the trees as they go out. Nothing else is kept.
 */
#include "svc/account/imap/search/search.h"

#include "mail/msgid.h"
#include "svc/account/imap/qresync.h"
#include "sys/random.h"

struct threading {
	const struct imap_thread_args *args;
	bool uid;
	struct svc_account_imap_facts *facts;
	struct imap_thread *threads;
	size_t n;
	uint64_t refs[IMAP_THREAD_REFS_MAX];
};

/* All identifiers of References, or else the first one of In-Reply-To. */
static void
take_refs(struct threading *x, str ids, struct imap_thread_message *m)
{
	str refs = svc_account_imap_search_fact_part(ids, 2), left = refs, id;
	size_t n = 0, skip;
	while (mail_msgid_next(&left, &id)) {
		n++;
	}
	if (n == 0) {
		left = refs = svc_account_imap_search_fact_part(ids, 1);
		n = mail_msgid_next(&left, &id);
	}
	skip = n - MIN(n, LEN(x->refs));
	for (size_t i = 0; i < n && mail_msgid_next(&refs, &id); i++) {
		if (i >= skip) {
			x->refs[i - skip] = imap_thread_hash(x->threads, id);
		}
	}
	m->refs = x->refs;
	m->refs_n = n - skip;
}

static enum err
take_ids(struct threading *x, uint64_t at, struct imap_thread_message *m)
{
	str ids, own, id;
	TRY(svc_account_imap_search_fact_get(x->facts, at, SVC_ACCOUNT_IMAP_IDS, &ids));
	own = svc_account_imap_search_fact_part(ids, 0);
	if (mail_msgid_next(&own, &id)) {
		m->id = imap_thread_hash(x->threads, id);
	}
	take_refs(x, ids, m);
	return ERR_OK;
}

/* The subject last: it is borrowed until the next question. */
static enum err
take_facts(struct threading *x, uint64_t at, struct imap_thread_message *m)
{
	struct svc_account_imap_meta meta;
	TRY(svc_account_imap_search_fact_meta(x->facts, at, &meta));
	m->sent_s = meta.has_sent ? meta.sent_s : meta.internal_s;
	m->reply = meta.reply;
	if (x->args->by == IMAP_THREAD_REFERENCES) {
		TRY(take_ids(x, at, m));
	}
	return svc_account_imap_search_fact_get(x->facts, at, SVC_ACCOUNT_IMAP_BASE, &m->subject);
}

/* What cannot be read stands alone. */
static enum err
found(void *ctx, const struct svc_account_imap_search *search)
{
	struct threading *x = ctx;
	const struct store_msg *m = search->msg;
	struct imap_thread_message message = { .number = x->uid ? m->uid : search->seq };
	enum err e = take_facts(x, m->id, &message);
	if (e != ERR_NOTFOUND && e != ERR_CORRUPT) {
		TRY(e);
	}
	x->n++;
	return imap_thread_add(x->threads, &message);
}

static enum err
put_threads(struct svc_account_imap *s, const struct threading *x)
{
	TRY(imap_thread_build(x->threads));
	buf_cstr(&s->out, x->n > 0 ? "* THREAD " : "* THREAD");
	while (imap_thread_put(x->threads, &s->out, SVC_ACCOUNT_IMAP_OUT_FLUSH)) {
		svc_account_imap_breathe(s);
	}
	buf_cstr(&s->out, "\r\n");
	return ERR_OK;
}

static enum err
thread(struct svc_account_imap *s, struct imap_command *cmd)
{
	struct imap_thread_args *args = &cmd->u.thread;
	struct threading *x = ARENA_NEW(s->work, struct threading);
	if (x == NULL) {
		return ERR_BUDGET;
	}
	struct svc_account_imap_search search = { .s = s,
		.box = &s->box,
		.program = &args->search.program,
		.found = found,
		.ctx = x,
		.asks_facts = true };
	uint8_t key[16];
	sys_random(key, sizeof key);
	*x = (struct threading){ .args = args, .uid = cmd->uid, .facts = &search.facts };
	TRY(imap_thread_new(s->work, args->by, key, &x->threads));
	TRY(svc_account_imap_search_begin(s, &args->search.program));
	enum err e = svc_account_imap_search_run(&search);
	svc_account_imap_search_done(&search);
	return e == ERR_OK ? put_threads(s, x) : e;
}

enum err
svc_account_imap_search_thread(struct svc_account_imap *s, struct imap_command *cmd)
{
	enum err e = svc_account_imap_refresh(s, svc_account_imap_may_expunge(cmd), NULL);
	if (e == ERR_OK && s->state == IMAP_SELECTED) {
		e = thread(s, cmd);
	}
	return e;
}
