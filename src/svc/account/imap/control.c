/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The control channel: change notices both ways, and the order to end.
 */
#include "svc/account/imap/session.h"

#include "ipc/accounts_account.h"
#include "svc/account/imap/notify/notify.h"
#include "svc/account/child.h"
#include "sys/chan.h"
#include "sys/clock.h"
#include "sys/sys.h"

static enum err
on_notice(void *ctx, const struct ipc_accounts_account_notice *m, int *fd)
{
	struct svc_account_imap *s = ctx;
	s->park.notices++;
	bool metadata = m->mailbox == 0 && (s->enabled & IMAP_ENABLED_METADATA) != 0;
	bool ours = s->state == IMAP_SELECTED && m->mailbox == s->box.id;
	bool wanted = svc_account_imap_notify_notice(s, m->mailbox);
	s->metadata.dirty = s->metadata.dirty || metadata;
	bool rights = m->mailbox == 0 && s->account->guest != 0;
	bool dozes = s->store == NULL; /* only as long as nothing changes, whatever it is */
	s->dirty = s->dirty || metadata || ours || wanted || rights || dozes;
	return ERR_OK;
}

static enum err
on_quit(void *ctx, const struct ipc_accounts_account_quit *m, int *fd)
{
	struct svc_account_imap *s = ctx;
	const char *why = m->reason == SVC_ACCOUNT_QUIT_REVOKED ? "account is disabled"
	    : m->reason == SVC_ACCOUNT_QUIT_KILLED ? "the administrator has ended this session"
						   : "server is shutting down";
	svc_account_imap_end(s, ERR_OK, why);
	return ERR_OK;
}

static enum err
on_park_result(void *ctx, const struct ipc_accounts_account_park_result *m, int *fd)
{
	struct svc_account_imap *s = ctx;
	s->park.answered = true;
	s->park.answer = m->result;
	return ERR_OK;
}

/* The channel is gone or broken: without notices a session cannot be served truthfully. */
static void
lose(struct svc_account_imap *s, enum err e)
{
	svc_account_imap_end(s, e, "server is restarting this service");
	s->account->control = -1;
}

void
svc_account_imap_control(struct svc_account_imap *s)
{
	static const struct ipc_accounts_account_at_account handlers = {
		.notice = on_notice,
		.quit = on_quit,
		.park_result = on_park_result,
		.shared = svc_account_imap_shared_on_shared,
		.sharers = svc_account_imap_shared_on_sharers,
		.visiting = svc_account_imap_shared_on_visiting,
	};
	if (s->account->control < 0) {
		return;
	}
	char room[256];
	struct buf in;
	buf_init(&in, SYS_CHAN_MESSAGE_MAX);
	struct arena *scratch = arena_new(s->arena, "control", sizeof room * 16, 0);
	enum err e = scratch == NULL ? ERR_NOMEM : ERR_OK;
	while (e == ERR_OK) {
		int fd = -1;
		e = sys_chan_recv(s->account->control, &in, &fd);
		if (e == ERR_OK) {
			arena_reset(scratch);
			e = ipc_accounts_account_account_dispatch(&handlers, s, buf_view(&in), &fd,
			    scratch);
		}
		sys_close(&fd);
	}
	if (e != ERR_AGAIN) {
		lose(s, e);
	}
	arena_free(&scratch);
	buf_done(&in);
}

void
svc_account_imap_changed(struct svc_account_imap *s, uint64_t mailbox)
{
	if (s->account->control < 0) {
		return;
	}
	struct buf b;
	buf_init(&b, 64);
	ipc_accounts_account_changed_put(&b, &(struct ipc_accounts_account_changed){ mailbox });
	enum err e = sys_chan_send_wait(s->account->control, &b, -1, SVC_ACCOUNT_IMAP_NOTICE_MS);
	if (e != ERR_OK && e != ERR_TIMEOUT) {
		lose(s, e);
	}
	buf_done(&b);
}

/* A full channel loses nothing but that. */
void
svc_account_imap_tell_client(struct svc_account_imap *s, str name)
{
	struct ipc_accounts_account_client m = { .name = str_sub(name, 0, SVC_ACCOUNT_IMAP_NAME) };
	struct buf b;
	if (s->account->control < 0) {
		return;
	}
	buf_init(&b, 128);
	ipc_accounts_account_client_put(&b, &m);
	(void)(sys_chan_send_wait(s->account->control, &b, -1, 0) == ERR_OK);
	buf_done(&b);
}

enum err
svc_account_imap_wait(struct svc_account_imap *s, bool for_read, int64_t timeout_ms)
{
	struct sys_wait_item items[] = {
		{ .fd = s->account->stream, .want_read = for_read, .want_write = !for_read },
		{ .fd = s->account->control, .want_read = true },
		{ .fd = -1, .want_read = true },
		{ .fd = -1, .want_read = true },
	};
	/* A guest's octets go into what we write: only when we are not writing. */
	bool guest = for_read && s->shared.at != NULL && s->account->control >= 0;
	size_t n = s->account->control < 0 ? 1 : guest ? 4 : 2;
	items[2].fd = guest ? s->shared.at->stream : -1;
	items[3].fd = guest ? s->shared.at->chan : -1;
	int64_t end = sys_clock_ms() + timeout_ms;
	if (s->store != NULL) {
		store_release(s->store); /* nobody knows how long this takes */
	}
	while (true) {
		int64_t left = MAX(end - sys_clock_ms(), 0);
		TRY(sys_wait_any(items, n, (int)MIN(left, INT_MAX)));
		if (items[1].ready_read) {
			svc_account_imap_control(s);
		}
		if (guest && (items[2].ready_read || items[3].ready_read)) {
			svc_account_imap_shared_visit_news(s);
			return ERR_AGAIN;
		}
		if (items[0].ready_read || items[0].ready_write) {
			return ERR_OK;
		}
		if (s->dirty || s->quit) {
			return ERR_AGAIN;
		}
	}
}
