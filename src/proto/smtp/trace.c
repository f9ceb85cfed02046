/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What we write into a message: one Received field in front, and on submission the Date and
 * Message-ID its author left out.
 *
 *	Time-stamp-line = "Received:" From-domain By-domain Opt-info [CFWS] ";" FWS date-time
 */
#include "base/codec.h"
#include "mail/date.h"
#include "mail/header.h"
#include "mail/msgid.h"
#include "proto/smtp/smtp_priv.h"

/* RFC 3848, RFC 6531 4.3. TLS is always on. */
static const char *
with_protocol(const struct smtp *s)
{
	if (!s->ehlo) {
		return "SMTP";
	}
	if (s->account != 0) {
		return s->txn.smtputf8 ? "UTF8SMTPSA" : "ESMTPSA";
	}
	return s->txn.smtputf8 ? "UTF8SMTPS" : "ESMTPS";
}

/*
 * The address and the name of an author's own machine are nobody's business, so a submission comes
 * "from client".
 */
static void
put_from(const struct smtp *s, struct buf *out)
{
	if (s->peer.submission) {
		buf_cstr(out, "client");
		return;
	}
	buf_str(out, s->helo);
	buf_cstr(out, " (");
	buf_str(out, s->peer.literal);
	buf_ch(out, ')');
}

/* RFC 5321 4.4: "for" only with a single recipient, lest it tell of the others. */
static void
put_for(const struct smtp *s, struct buf *out)
{
	if (s->txn.rcpts_n == 1) {
		buf_cstr(out, "\r\n\tfor <");
		buf_str(out, s->txn.rcpts->address);
		buf_ch(out, '>');
	}
}

void
smtp_trace_put(const struct smtp *s, struct buf *out)
{
	buf_cstr(out, "Received: from ");
	put_from(s, out);
	buf_cstr(out, "\r\n\tby ");
	buf_str(out, s->conf->hostname);
	buf_cstr(out, " with ");
	buf_cstr(out, with_protocol(s));
	buf_cstr(out, " (");
	smtp_put_safe(out, s->peer.tls_version, 16);
	buf_ch(out, ' ');
	smtp_put_safe(out, s->peer.tls_cipher, 64);
	buf_printf(out, ")\r\n\tid %016llx.%u", (unsigned long long)s->peer.session, s->txns);
	put_for(s, out);
	buf_cstr(out, "; ");
	mail_date_put(out, s->wall_s, 0);
	buf_cstr(out, "\r\n");
}

/* Sixteen octets nobody can guess, different for each message. */
static void
message_octets(const struct smtp *s, uint8_t octets[16])
{
	for (uint8_t half = 0; half < 2; half++) {
		char room[64];
		struct buf b;
		buf_init_fixed(&b, room, sizeof room);
		buf_u64(&b, s->peer.session);
		buf_ch(&b, (char)('a' + half));
		buf_u64(&b, s->txns);
		uint64_t v = siphash(s->peer.secret, buf_view(&b));
		memcpy(octets + 8 * half, &v, sizeof v);
	}
}

void
smtp_missing_put(const struct smtp *s, struct buf *out)
{
	str header = buf_view(&s->txn.header);
	struct mail_field f;
	if (!mail_header_find(header, S("Date"), &f)) {
		buf_cstr(out, "Date: ");
		mail_date_put(out, s->wall_s, 0);
		buf_cstr(out, "\r\n");
	}
	if (!mail_header_find(header, S("Message-ID"), &f)) {
		uint8_t octets[16];
		message_octets(s, octets);
		buf_cstr(out, "Message-ID: ");
		mail_msgid_put(out, octets, s->conf->hostname);
		buf_cstr(out, "\r\n");
	}
}

void
smtp_note_message_id(struct smtp *s)
{
	char room[2 * MAIL_MSGID_MAX];
	struct buf b;
	struct mail_field f;
	str value, id;
	buf_init_fixed(&b, room, sizeof room);
	if (mail_header_find(buf_view(&s->txn.header), S("Message-ID"), &f)) {
		mail_header_unfold(&b, f.value);
	} else {
		uint8_t octets[16];
		message_octets(s, octets);
		mail_msgid_put(&b, octets, s->conf->hostname);
	}
	value = buf_view(&b);
	if (mail_msgid_next(&value, &id) && id.n <= SMTP_MESSAGE_ID_MAX) {
		s->txn.message_id = arena_dup(s->txn_arena, id);
	}
}
