/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Marks and their end (RFC 1939 5, 6): nothing is removed before QUIT, and then everything that is
 * marked in one durable transaction.
 *
 *	dele = "DELE" SP msg    rset = "RSET"    quit = "QUIT"
 */
#include "svc/account/pop3/session.h"

void
svc_account_pop3_cmd_dele(struct svc_account_pop3 *s, const struct pop3_command *c)
{
	struct svc_account_pop3_msg *m = svc_account_pop3_drop_find(s, c->msg);
	if (m != NULL) {
		svc_account_pop3_drop_mark(&s->drop, m);
		svc_account_pop3_say(s, POP3_RE_MARKED);
	}
}

void
svc_account_pop3_cmd_rset(struct svc_account_pop3 *s, const struct pop3_command *c)
{
	svc_account_pop3_drop_unmark_all(&s->drop);
	svc_account_pop3_say(s, POP3_RE_RESET);
}

/* The maildrop is let go before the answer: who has it may log in again at once. */
void
svc_account_pop3_cmd_quit(struct svc_account_pop3 *s, const struct pop3_command *c)
{
	bool marked = s->drop.left < s->drop.n;
	enum err e = svc_account_pop3_drop_update(s);
	svc_account_pop3_drop_done(&s->drop);
	svc_account_pop3_say(s,
	    e != ERR_OK  ? POP3_RE_KEPT
		: marked ? POP3_RE_REMOVED
			 : POP3_RE_BYE);
	svc_account_pop3_end(s, e);
}
