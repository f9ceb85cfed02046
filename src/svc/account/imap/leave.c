/* SPDX-License-Identifier: Apache-2.0 */
/*
 *	unauthenticate = "UNAUTHENTICATE"        RFC 8437 3
 *
 * The connection goes back to login: this process gives its stream away, with the octets that came
 * behind the command, and ends. Nothing of the session is left to be reset. COMPRESS ends behind
 * our OK and behind the client's CRLF; octets in the same read would be either, so they end it.
 */
#include "svc/account/imap/leave.h"

#include "ipc/accounts_account.h"
#include "sys/chan.h"
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
svc_account_imap_leave_behind(struct svc_account_imap *s, str rest)
{
	if (s->leaving && s->zip != NULL && rest.n > 0) {
		s->leaving = false;
		s->bye = "octets behind UNAUTHENTICATE in a compressed stream";
	} else if (s->leaving) {
		buf_str(&s->behind, rest);
	}
}

void
svc_account_imap_leave(struct svc_account_imap *s)
{
	struct ipc_accounts_account_leave m = { .unread = buf_view(&s->behind) };
	struct buf out;
	if (!s->leaving || s->broken || buf_err(&s->behind) != ERR_OK) {
		return;
	}
	buf_init(&out, SYS_CHAN_MESSAGE_MAX);
	ipc_accounts_account_leave_put(&out, &m);
	s->end = sys_chan_send_wait(s->account->control, &out, s->account->stream,
	    SVC_ACCOUNT_IMAP_NOTICE_MS);
	buf_done(&out); /* failed: the stream ends with this process */
}
