/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Questions to accounts over the control channel, one at a time. Notices and the order to end may
 * come before the answer.
 */
#include "svc/account/imap/session.h"

#include "ipc/accounts_account.h"
#include "sys/chan.h"
#include "sys/clock.h"
#include "sys/sys.h"

/* An answer to another question came too late and is nobody's. */
static bool
is_ours(const struct svc_account_imap *s, uint64_t request)
{
	return s->shared.request == request && !s->shared.answered;
}

static enum err
keep_sharer(struct svc_account_imap *s, uint64_t account, str name,
    struct svc_account_imap_sharer *ret)
{
	ret->account = account;
	ret->name = arena_dup(s->shared.arena, name);
	return ret->name.p == NULL ? ERR_BUDGET : ERR_OK;
}

enum err
svc_account_imap_shared_on_shared(void *ctx, const struct ipc_accounts_account_shared *m, int *fd)
{
	struct svc_account_imap *s = ctx;
	if (is_ours(s, m->request)) {
		enum err e = keep_sharer(s, m->account, m->name, &s->shared.who);
		s->shared.result = m->result != ERR_OK ? m->result : e;
		s->shared.answered = true;
	}
	return ERR_OK;
}

enum err
svc_account_imap_shared_on_sharers(void *ctx, const struct ipc_accounts_account_sharers *m, int *fd)
{
	struct svc_account_imap *s = ctx;
	struct svc_account_imap_shared *w = &s->shared;
	if (!is_ours(s, m->request)) {
		return ERR_OK;
	}
	w->list = arena_array(w->arena, m->sharers_n + 1, sizeof *w->list);
	w->result = w->list == NULL ? ERR_BUDGET : m->result;
	w->list_n = 0;
	for (size_t i = 0; i < m->sharers_n && w->result == ERR_OK; i++) {
		w->result = keep_sharer(s, m->sharers[i].account, m->sharers[i].name,
		    &w->list[w->list_n]);
		w->list_n++;
	}
	w->answered = true;
	return ERR_OK;
}

enum err
svc_account_imap_shared_on_visiting(void *ctx, const struct ipc_accounts_account_visiting *m,
    int *fd)
{
	struct svc_account_imap *s = ctx;
	if (!is_ours(s, m->request)) {
		return ERR_OK;
	}
	int *slot = m->stream ? &s->shared.stream : &s->shared.chan;
	sys_close(slot);
	*slot = *fd;
	*fd = -1;
	s->shared.result = m->result;
	s->shared.answered = !m->stream;
	return ERR_OK;
}

static uint64_t
begin(struct svc_account_imap *s)
{
	struct svc_account_imap_shared *w = &s->shared;
	arena_reset(w->arena);
	sys_close(&w->stream);
	sys_close(&w->chan);
	w->list = NULL;
	w->list_n = 0;
	w->answered = false;
	w->result = ERR_UNAVAILABLE;
	return ++w->request;
}

static enum err
ask(struct svc_account_imap *s, struct buf *question)
{
	struct svc_account_imap_shared *w = &s->shared;
	int64_t end = sys_clock_ms() + SVC_ACCOUNT_IMAP_ASK_MS;
	enum err e = s->account->control < 0 || s->account->alone
	    ? ERR_UNAVAILABLE
	    : sys_chan_send_wait(s->account->control, question, -1, SVC_ACCOUNT_IMAP_ASK_MS);
	buf_done(question);
	while (e == ERR_OK && !w->answered && !s->quit && s->account->control >= 0) {
		int64_t left = MAX(end - sys_clock_ms(), 0);
		e = sys_wait(s->account->control, true, (int)left);
		if (e == ERR_OK) {
			svc_account_imap_control(s);
		}
	}
	bool answered = w->answered;
	w->answered = true;
	return e == ERR_OK && answered ? w->result : ERR_UNAVAILABLE;
}

enum err
svc_account_imap_shared_ask_share(struct svc_account_imap *s, str name, bool on)
{
	struct buf out;
	struct ipc_accounts_account_share m = { begin(s), on, name };
	buf_init(&out, SYS_CHAN_MESSAGE_MAX);
	ipc_accounts_account_share_put(&out, &m);
	return ask(s, &out);
}

enum err
svc_account_imap_shared_ask_sharers(struct svc_account_imap *s)
{
	struct buf out;
	struct ipc_accounts_account_sharers_get m = { begin(s) };
	buf_init(&out, SYS_CHAN_MESSAGE_MAX);
	ipc_accounts_account_sharers_get_put(&out, &m);
	return ask(s, &out);
}

enum err
svc_account_imap_shared_ask_visit(struct svc_account_imap *s, uint64_t owner)
{
	struct buf out;
	struct ipc_accounts_account_visit m = { begin(s), owner };
	buf_init(&out, SYS_CHAN_MESSAGE_MAX);
	ipc_accounts_account_visit_put(&out, &m);
	return ask(s, &out);
}
