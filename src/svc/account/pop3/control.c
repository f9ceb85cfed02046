/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The control channel: the order to end, and telling the others what QUIT has changed. Notices of
 * theirs mean nothing here: the maildrop stays as it was at log-in.
 */
#include "svc/account/pop3/session.h"

#include "ipc/accounts_account.h"
#include "sys/chan.h"
#include "sys/clock.h"
#include "sys/sys.h"

static enum err
on_notice(void *ctx, const struct ipc_accounts_account_notice *m, int *fd)
{
	return ERR_OK;
}

/* Without a word: between commands nobody expects one (RFC 1939 3). */
static enum err
on_quit(void *ctx, const struct ipc_accounts_account_quit *m, int *fd)
{
	svc_account_pop3_end(ctx, ERR_OK);
	return ERR_OK;
}

/* The channel is gone or broken: the service is being restarted. */
static void
lose(struct svc_account_pop3 *s, enum err e)
{
	svc_account_pop3_end(s, e);
	s->account->control = -1;
}

void
svc_account_pop3_control(struct svc_account_pop3 *s)
{
	static const struct ipc_accounts_account_at_account handlers = { .notice = on_notice,
		.quit = on_quit };
	if (s->account->control < 0) {
		return;
	}
	struct buf in;
	buf_init(&in, SYS_CHAN_MESSAGE_MAX);
	enum err e = ERR_OK;
	while (e == ERR_OK) {
		int fd = -1;
		e = sys_chan_recv(s->account->control, &in, &fd);
		if (e == ERR_OK) {
			arena_reset(s->arena);
			e = ipc_accounts_account_account_dispatch(&handlers, s, buf_view(&in), &fd,
			    s->arena);
		}
		sys_close(&fd);
	}
	if (e != ERR_AGAIN) {
		lose(s, e);
	}
	buf_done(&in);
}

void
svc_account_pop3_changed(struct svc_account_pop3 *s)
{
	if (s->account->control < 0) {
		return;
	}
	struct ipc_accounts_account_changed m = { .mailbox = s->drop.mailbox };
	struct buf b;
	buf_init(&b, 64);
	ipc_accounts_account_changed_put(&b, &m);
	enum err e = sys_chan_send_wait(s->account->control, &b, -1, SVC_ACCOUNT_POP3_NOTICE_MS);
	if (e != ERR_OK && e != ERR_TIMEOUT) {
		lose(s, e);
	}
	buf_done(&b);
}

enum err
svc_account_pop3_wait(struct svc_account_pop3 *s, bool for_read, int64_t timeout_ms)
{
	struct sys_wait_item items[] = {
		{ .fd = s->account->stream, .want_read = for_read, .want_write = !for_read },
		{ .fd = s->account->control, .want_read = true },
	};
	int64_t end = sys_clock_ms() + timeout_ms;
	while (true) {
		int64_t left = MAX(end - sys_clock_ms(), 0);
		size_t n = s->account->control < 0 ? 1 : 2;
		TRY(sys_wait_any(items, n, (int)MIN(left, INT_MAX)));
		if (items[1].ready_read) {
			svc_account_pop3_control(s);
		}
		if (items[0].ready_read || items[0].ready_write) {
			return ERR_OK;
		}
		if (s->quit) {
			return ERR_AGAIN;
		}
	}
}
