/* SPDX-License-Identifier: Apache-2.0 */
/*
 *	unauthenticate = "UNAUTHENTICATE"        RFC 8437 3
 *
 * The connection goes back to login: this process gives its stream away, with the octets that came
 * behind the command, and ends. Nothing of the session is left to be reset.
 *
 * COMPRESS ends behind our OK and behind the client's CRLF (4.1), which it does not wait for: plain
 * octets may lie behind its stream, so the end of that is looked for, and waited for if need be.
 */
#include "svc/account/imap/leave.h"

#include "ipc/accounts_account.h"
#include "sys/chan.h"
#include "sys/clock.h"
#include "sys/sock.h"
#include "sys/sys.h"

/* NO is not permitted: who cannot be let go hears BYE. */
enum err
svc_account_imap_cmd_unauthenticate(struct svc_account_imap *s, struct imap_command *cmd)
{
	svc_account_imap_deselect(s);
	if (s->account->control < 0 || s->account->alone) {
		svc_account_imap_end(s, ERR_UNAVAILABLE, "[UNAVAILABLE] log in again");
		return ERR_OK;
	}
	s->leaving = true;
	svc_account_imap_end(s, ERR_OK, NULL);
	return ERR_OK;
}

void
svc_account_imap_stay(struct svc_account_imap *s, enum err e, const char *bye)
{
	s->leaving = false;
	s->end = e;
	s->bye = bye;
}

void
svc_account_imap_leave_behind(struct svc_account_imap *s, str rest)
{
	if (s->leaving && s->zip != NULL && rest.n > 0) {
		svc_account_imap_stay(s, ERR_PROTOCOL,
		    "commands behind UNAUTHENTICATE are not to be compressed");
	} else if (s->leaving) {
		buf_str(&s->behind, rest);
	}
}

/* OK is written: the client's stream has ended, or its end is on the way. */
static enum err
await_end(struct svc_account_imap *s)
{
	int64_t until = sys_clock_ms() + SVC_ACCOUNT_IMAP_ZIP_END_MS;
	char room[512];
	while (s->leaving && !svc_account_imap_zip_over(s)) {
		size_t n = 0;
		int64_t left = until - sys_clock_ms();
		enum err e = left > 0 ? svc_account_imap_wait(s, true, left) : ERR_TIMEOUT;
		if (e == ERR_OK) {
			e = sys_sock_read(s->account->stream, room, sizeof room, &n);
		}
		if (e == ERR_OK) {
			svc_account_imap_take(s, str_make(room, n));
		} else if (e != ERR_AGAIN) {
			return e;
		}
	}
	return ERR_OK;
}

static void
give_stream(struct svc_account_imap *s)
{
	struct ipc_accounts_account_leave m = { .unread = buf_view(&s->behind) };
	struct buf out;
	buf_init(&out, SYS_CHAN_MESSAGE_MAX);
	ipc_accounts_account_leave_put(&out, &m);
	s->end = sys_chan_send_wait(s->account->control, &out, s->account->stream,
	    SVC_ACCOUNT_IMAP_NOTICE_MS);
	buf_done(&out); /* failed: the stream ends with this process */
}

void
svc_account_imap_leave(struct svc_account_imap *s)
{
	if (!s->leaving || s->broken || buf_err(&s->behind) != ERR_OK) {
		return;
	}
	enum err e = await_end(s);
	if (e != ERR_OK) {
		svc_account_imap_stay(s, e, "the compressed stream does not end");
	}
	if (s->leaving) {
		give_stream(s);
	} else {
		svc_account_imap_line(s, "* BYE %s", s->bye);
		svc_account_imap_flush(s);
	}
}
