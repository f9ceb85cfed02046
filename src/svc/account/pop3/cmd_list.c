/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is in the maildrop (RFC 1939 5, 7). Everything comes from the list taken at log-in.
 *
 *	stat = "STAT"    list = "LIST" [SP msg]    uidl = "UIDL" [SP msg]
 *
 * A message's size is the octets RETR sends, doubled dots not counted (RFC 6856 2.1). Its unique
 * identifier is UIDVALIDITY "." UID of IMAP: neither is ever used for another message.
 */
#include "svc/account/pop3/session.h"

void
svc_account_pop3_cmd_stat(struct svc_account_pop3 *s, const struct pop3_command *c)
{
	buf_cstr(&s->out, "+OK ");
	buf_u64(&s->out, s->drop.left);
	buf_ch(&s->out, ' ');
	buf_u64(&s->out, s->drop.octets);
	buf_cstr(&s->out, "\r\n");
}

/* "msg size" or "msg unique-id" */
static void
put_line(struct svc_account_pop3 *s, const struct svc_account_pop3_msg *m, bool uid)
{
	buf_u64(&s->out, (uint64_t)(m - s->drop.msg) + 1);
	buf_ch(&s->out, ' ');
	if (uid) {
		buf_u64(&s->out, s->drop.uidvalidity);
		buf_ch(&s->out, '.');
	}
	buf_u64(&s->out, uid ? m->uid : m->size);
	buf_cstr(&s->out, "\r\n");
}

static void
put_one(struct svc_account_pop3 *s, uint32_t msg, bool uid)
{
	const struct svc_account_pop3_msg *m = svc_account_pop3_drop_find(s, msg);
	if (m != NULL) {
		buf_cstr(&s->out, "+OK ");
		put_line(s, m, uid);
	}
}

static void
put_all(struct svc_account_pop3 *s, bool uid)
{
	for (size_t i = 0; i < s->drop.n && !s->broken; i++) {
		if (!s->drop.msg[i].marked) {
			put_line(s, &s->drop.msg[i], uid);
			svc_account_pop3_breathe(s);
		}
	}
	buf_cstr(&s->out, ".\r\n");
}

void
svc_account_pop3_cmd_list(struct svc_account_pop3 *s, const struct pop3_command *c)
{
	if (c->has_msg) {
		put_one(s, c->msg, false);
		return;
	}
	pop3_say_number(&s->out, s->language, POP3_RE_MESSAGES, s->drop.left);
	put_all(s, false);
}

void
svc_account_pop3_cmd_uidl(struct svc_account_pop3 *s, const struct pop3_command *c)
{
	if (c->has_msg) {
		put_one(s, c->msg, true);
		return;
	}
	svc_account_pop3_say(s, POP3_RE_UIDS);
	put_all(s, true);
}
