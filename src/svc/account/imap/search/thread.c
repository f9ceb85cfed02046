/* SPDX-License-Identifier: Apache-2.0 */
/*
 * THREAD (RFC 5256): search, look up identifiers, subjects and dates, build the tree (which is
 * proto/imap/thread/thread.h's), write it thread by thread.
 */
#include "svc/account/imap/search/search.h"

#include "svc/account/imap/qresync.h"
#include "mail/msgid.h"
#include "sys/random.h"

struct threading {
	struct svc_account_imap *s;
	const struct imap_thread_args *args;
	bool uid;
	struct imap_thread_message *messages;
	uint64_t *ids;
	size_t n, cap;
};

static enum err
found(void *ctx, const struct store_msg *m, uint32_t seq)
{
	struct threading *x = ctx;
	ASSERT(x->n < x->cap);
	x->messages[x->n].number = x->uid ? m->uid : seq;
	x->ids[x->n++] = m->id;
	return ERR_OK;
}

/* A copy of an identifier in its normal form. */
static str
normal_id(struct threading *x, str id)
{
	char room[MAIL_MSGID_MAX];
	struct buf b;
	buf_init_fixed(&b, room, sizeof room);
	imap_thread_id(&b, id);
	return arena_dup(x->s->work, buf_view(&b));
}

/* All identifiers of References, or else the first one of In-Reply-To. */
static enum err
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
	skip = n - MIN(n, (size_t)IMAP_THREAD_REFS_MAX);
	m->refs_n = n - skip;
	str *list = arena_array(x->s->work, m->refs_n, sizeof *list);
	if (list == NULL) {
		return ERR_BUDGET;
	}
	m->refs = list;
	for (size_t i = 0; i < n && mail_msgid_next(&refs, &id); i++) {
		if (i >= skip) {
			list[i - skip] = normal_id(x, id);
			if (list[i - skip].p == NULL) {
				return ERR_BUDGET;
			}
		}
	}
	return ERR_OK;
}

static enum err
take_ids(struct threading *x, struct svc_account_imap_facts *facts, size_t at)
{
	struct imap_thread_message *m = &x->messages[at];
	str ids, own, id;
	TRY(svc_account_imap_search_fact_get(facts, x->ids[at], SVC_ACCOUNT_IMAP_IDS, &ids));
	own = svc_account_imap_search_fact_part(ids, 0);
	if (mail_msgid_next(&own, &id)) {
		m->id = normal_id(x, id);
		if (m->id.p == NULL) {
			return ERR_BUDGET;
		}
	}
	return take_refs(x, ids, m);
}

static enum err
take_facts(struct threading *x, struct svc_account_imap_facts *facts, size_t at)
{
	struct imap_thread_message *m = &x->messages[at];
	struct svc_account_imap_meta meta;
	str base;
	TRY(svc_account_imap_search_fact_meta(facts, x->ids[at], &meta));
	m->sent_s = meta.has_sent ? meta.sent_s : meta.internal_s;
	m->reply = meta.reply;
	TRY(svc_account_imap_search_fact_get(facts, x->ids[at], SVC_ACCOUNT_IMAP_BASE, &base));
	m->subject = arena_dup(x->s->work, base);
	if (m->subject.p == NULL) {
		return ERR_BUDGET;
	}
	return x->args->by == IMAP_THREAD_REFERENCES ? take_ids(x, facts, at) : ERR_OK;
}

static enum err
put_threads(struct threading *x)
{
	struct svc_account_imap *s = x->s;
	struct imap_thread_tree tree;
	uint8_t key[16];
	sys_random(key, sizeof key);
	struct imap_thread_input in = { x->args->by, x->messages, x->n, key };
	TRY(imap_thread_build(&in, &tree, s->work));
	buf_cstr(&s->out, x->n > 0 ? "* THREAD " : "* THREAD");
	for (uint32_t at = tree.nodes[0].child; at != 0; at = tree.nodes[at].next) {
		imap_thread_put(&s->out, &tree, at);
		svc_account_imap_breathe(s);
	}
	buf_cstr(&s->out, "\r\n");
	return ERR_OK;
}

static enum err
look_up(struct threading *x, struct svc_account_imap_facts *facts)
{
	TRY(store_hold(x->s->store));
	for (size_t i = 0; i < x->n; i++) {
		enum err e = take_facts(x, facts, i);
		if (e != ERR_NOTFOUND && e != ERR_CORRUPT) {
			TRY(e); /* what cannot be read stands alone */
		}
	}
	store_release(x->s->store);
	return ERR_OK;
}

static enum err
thread(struct svc_account_imap *s, struct imap_command *cmd)
{
	struct imap_thread_args *args = &cmd->u.thread;
	struct threading x = { .s = s, .args = args, .uid = cmd->uid, .cap = s->box.view.n };
	struct svc_account_imap_search search = { .s = s,
		.box = &s->box,
		.program = &args->search.program,
		.found = found,
		.ctx = &x,
		.asks_facts = true };
	TRY(svc_account_imap_search_begin(s, &args->search.program));
	x.messages = arena_array(s->work, x.cap, sizeof *x.messages);
	x.ids = arena_array(s->work, x.cap, sizeof *x.ids);
	enum err e = x.messages == NULL || x.ids == NULL ? ERR_BUDGET
							 : svc_account_imap_search_run(&search);
	e = e == ERR_OK ? look_up(&x, &search.facts) : e;
	svc_account_imap_search_done(&search);
	return e == ERR_OK ? put_threads(&x) : e;
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
