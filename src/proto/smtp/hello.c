/* SPDX-License-Identifier: Apache-2.0 */
/*
 * EHLO and HELO, and the list of extensions out of extensions.def.
 *
 *	ehlo = "EHLO" SP ( Domain / address-literal ) CRLF
 *	helo = "HELO" SP Domain CRLF
 */
#include "proto/smtp/smtp_priv.h"

static void
put_none(const struct smtp *s, struct buf *out)
{
}

static void
put_size(const struct smtp *s, struct buf *out)
{
	buf_ch(out, ' ');
	buf_u64(out, s->conf->max_size);
}

static void
put_limits(const struct smtp *s, struct buf *out)
{
	buf_cstr(out, " RCPTMAX=");
	buf_u64(out, s->conf->max_rcpts);
	buf_cstr(out, " MAILMAX=");
	buf_u64(out, s->conf->max_txns);
}

static void
put_auth(const struct smtp *s, struct buf *out)
{
	buf_str(out, s->peer.mechanisms);
}

static const struct {
	str keyword;
	unsigned where;
	void (*put)(const struct smtp *s, struct buf *out);
} extensions[] = {
#define EXTENSION(keyword, where, argument, rfc) { S_INIT(keyword), where, put_##argument },
#include "proto/smtp/extensions.def"
#undef EXTENSION
};

/*
 * What may stand in a Received field without quoting (RFC 5321 4.4, Extended-Domain). Names are
 * not checked further: many hosts do not know theirs.
 */
static bool
name_fits(str name)
{
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];
		if (!ascii_is_alnum(c) && (c == 0 || strchr("-._:[]", c) == NULL)) {
			return false;
		}
	}
	return name.n > 0 && name.n <= SMTP_HELO_MAX;
}

/* RFC 5321 4.1.4: a new EHLO does what RSET does. Authentication stays. */
static bool
begin(struct smtp *s, str name, bool ehlo)
{
	if (!name_fits(name)) {
		smtp_reply(s, SMTP_REPLY_HELO_BAD, S(""));
		return false;
	}
	memcpy(s->helo_room, name.p, name.n);
	s->helo = str_make(s->helo_room, name.n);
	s->ehlo = ehlo;
	smtp_enter(s, SMTP_READY);
	return true;
}

void
smtp_do_helo(struct smtp *s, str arg)
{
	if (begin(s, arg, false)) {
		smtp_reply(s, SMTP_REPLY_HELO, s->conf->hostname);
	}
}

static bool
offered(const struct smtp *s, size_t i)
{
	bool login = s->peer.submission && s->account == 0 && s->peer.mechanisms.n > 0;
	return extensions[i].where == EVERYWHERE || login;
}

void
smtp_do_ehlo(struct smtp *s, str arg)
{
	size_t last = 0;
	if (!begin(s, arg, true)) {
		return;
	}
	for (size_t i = 0; i < LEN(extensions); i++) {
		last = offered(s, i) ? i : last;
	}
	buf_cstr(&s->out, "250-");
	buf_str(&s->out, s->conf->hostname);
	buf_cstr(&s->out, "\r\n");
	for (size_t i = 0; i <= last; i++) {
		if (offered(s, i)) {
			buf_cstr(&s->out, i == last ? "250 " : "250-");
			buf_str(&s->out, extensions[i].keyword);
			extensions[i].put(s, &s->out);
			buf_cstr(&s->out, "\r\n");
		}
	}
}
