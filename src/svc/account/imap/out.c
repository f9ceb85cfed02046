/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Octets to the client: collected, then written in large pieces. Writing blocks, but keeps taking
 * control messages, so that a slow client never fills the channel of the accounts process.
 */
#include "svc/account/imap/session.h"

#include "proto/imap/write.h"
#include "sys/sock.h"

static void
give_up(struct svc_account_imap *s, enum err e)
{
	s->broken = true;
	s->end = e == ERR_EOF ? ERR_OK : e;
	buf_reset(&s->out);
}

/* Write all of what waits and then `big`. */
static void
write_all(struct svc_account_imap *s, str big)
{
	str rest = buf_view(&s->out);
	while (!s->broken && rest.n + big.n > 0) {
		const str pieces[] = { rest, big };
		size_t n = 0;
		enum err e = sys_sock_write_pieces(s->account->stream, pieces, LEN(pieces), &n);
		if (e == ERR_AGAIN) {
			e = svc_account_imap_wait(s, false, SVC_ACCOUNT_IMAP_STALL_MS);
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
svc_account_imap_flush(struct svc_account_imap *s)
{
	if (buf_err(&s->out) != ERR_OK && !s->broken) {
		give_up(s, buf_err(&s->out));
	}
	write_all(s, STR_NONE);
}

void
svc_account_imap_breathe(struct svc_account_imap *s)
{
	if (s->out.n >= SVC_ACCOUNT_IMAP_OUT_FLUSH || buf_err(&s->out) != ERR_OK) {
		svc_account_imap_flush(s);
	}
}

void
svc_account_imap_put(struct svc_account_imap *s, str octets)
{
	if (octets.n < SVC_ACCOUNT_IMAP_OUT_BIG) {
		buf_str(&s->out, octets);
		return;
	}
	if (buf_err(&s->out) != ERR_OK) {
		svc_account_imap_flush(s);
	}
	write_all(s, octets);
}

void
svc_account_imap_put_literal(struct svc_account_imap *s, str octets)
{
	imap_put_literal_header(&s->out, octets.n);
	svc_account_imap_put(s, octets);
}

void
svc_account_imap_line(struct svc_account_imap *s, const char *fmt, ...)
{
	char line[512];
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(line, sizeof line, fmt, ap);
	va_end(ap);
	ASSERT(n >= 0 && (size_t)n < sizeof line);
	buf_add(&s->out, line, (size_t)n);
	buf_cstr(&s->out, "\r\n");
}
