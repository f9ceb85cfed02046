/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The verbs that change next to nothing: RSET NOOP QUIT VRFY EXPN HELP STARTTLS, and those that
 * show that the peer does not speak to us. One line of grammar each: see commands.def.
 */
#include "proto/smtp/smtp_priv.h"

void
smtp_do_rset(struct smtp *s, str arg)
{
	smtp_enter(s, s->state == SMTP_START ? SMTP_START : SMTP_READY);
	smtp_reply(s, SMTP_REPLY_DONE, S(""));
}

void
smtp_do_noop(struct smtp *s, str arg)
{
	smtp_reply(s, SMTP_REPLY_DONE, S(""));
}

void
smtp_do_quit(struct smtp *s, str arg)
{
	smtp_reply(s, SMTP_REPLY_BYE, S(""));
}

/* RFC 5321 3.5.3, 7.3: no answer that tells who exists. */
void
smtp_do_vrfy(struct smtp *s, str arg)
{
	smtp_reply(s, SMTP_REPLY_VRFY, S(""));
}

void
smtp_do_expn(struct smtp *s, str arg)
{
	smtp_reply(s, SMTP_REPLY_EXPN, S(""));
}

void
smtp_do_help(struct smtp *s, str arg)
{
	char room[SMTP_REPLY_ARG_MAX];
	struct buf verbs;
	buf_init_fixed(&verbs, room, sizeof room);
	for (unsigned c = 0; c < SMTP_COMMANDS; c++) {
		const struct smtp_command_row *row = smtp_command_row(c);
		if ((row->flags & (ENDS | HIDDEN)) == 0) {
			buf_ch(&verbs, ' ');
			buf_str(&verbs, row->verb);
		}
	}
	smtp_reply(s, SMTP_REPLY_HELP, buf_view(&verbs));
}

/* RFC 3207 4.2: not within TLS, and TLS is always active here. */
void
smtp_do_starttls(struct smtp *s, str arg)
{
	smtp_reply(s, SMTP_REPLY_TLS_ALREADY, S(""));
}

/*
 * BDAT was not offered, and its octets would be read as commands; HTTP comes from a browser that
 * was tricked. Nothing that follows may be believed.
 */
void
smtp_do_ends(struct smtp *s, str arg)
{
	smtp_reply(s, SMTP_REPLY_NOT_SMTP, S(""));
}
