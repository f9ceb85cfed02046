/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Octets to the client: collected, then written in large pieces. Writing blocks, but keeps taking
 * control messages, so that a slow client never fills the channel of the accounts process.
 */
#include "svc/account/pop3/session.h"

#include "sys/sock.h"

static void
give_up(struct svc_account_pop3 *s, enum err e)
{
	s->broken = true;
	s->end = e == ERR_EOF ? ERR_OK : e;
	buf_reset(&s->out);
}

/* Write all of what waits and then `big`. */
static void
write_all(struct svc_account_pop3 *s, str big)
{
	str rest = buf_view(&s->out);
	while (!s->broken && rest.n + big.n > 0) {
		const str pieces[] = { rest, big };
		size_t n = 0;
		enum err e = sys_sock_write_pieces(s->account->stream, pieces, LEN(pieces), &n);
		if (e == ERR_AGAIN) {
			e = svc_account_pop3_wait(s, false, SVC_ACCOUNT_POP3_STALL_MS);
			e = e == ERR_AGAIN ? ERR_OK : e;
			n = 0;
		}
		if (e != ERR_OK) {
			give_up(s, e);
			return;
		}
		s->octets_out += n;
		size_t first = MIN(n, rest.n);
		rest = str_from_off(rest, first);
		big = str_from_off(big, n - first);
	}
	buf_reset(&s->out);
}

void
svc_account_pop3_flush(struct svc_account_pop3 *s)
{
	if (buf_err(&s->out) != ERR_OK && !s->broken) {
		give_up(s, buf_err(&s->out));
	}
	write_all(s, STR_NONE);
}

void
svc_account_pop3_breathe(struct svc_account_pop3 *s)
{
	if (s->out.n >= SVC_ACCOUNT_POP3_OUT_FLUSH || buf_err(&s->out) != ERR_OK) {
		svc_account_pop3_flush(s);
	}
}

void
svc_account_pop3_put(struct svc_account_pop3 *s, str octets)
{
	if (octets.n < SVC_ACCOUNT_POP3_OUT_BIG) {
		buf_str(&s->out, octets);
		svc_account_pop3_breathe(s);
		return;
	}
	if (buf_err(&s->out) != ERR_OK) {
		svc_account_pop3_flush(s);
	}
	write_all(s, octets);
}

void
svc_account_pop3_say(struct svc_account_pop3 *s, enum pop3_reply id)
{
	pop3_say(&s->out, s->language, id);
}
