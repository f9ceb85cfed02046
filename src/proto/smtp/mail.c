/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MAIL: a transaction begins. On submission the sender must belong to the account.
 *
 *	mail = "MAIL FROM:" Reverse-path [ SP Mail-parameters ] CRLF
 */
#include "mail/address.h"
#include "proto/smtp/param.h"
#include "proto/smtp/smtp_priv.h"

bool
smtp_param_size(struct smtp *s, str value)
{
	/* 20 digits: RFC 1870 4 */
	return value.n <= 20 && str_u64(value, &s->txn.size);
}

bool
smtp_param_body(struct smtp *s, str value)
{
	s->txn.body8bit = str_ieq(value, S("8BITMIME"));
	return s->txn.body8bit || str_ieq(value, S("7BIT"));
}

bool
smtp_param_smtputf8(struct smtp *s, str value)
{
	return s->txn.smtputf8 = true;
}

bool
smtp_param_ret(struct smtp *s, str value)
{
	bool full = str_ieq(value, S("FULL"));
	s->txn.ret = full ? SMTP_RET_FULL : SMTP_RET_HDRS;
	return full || str_ieq(value, S("HDRS"));
}

bool
smtp_param_envid(struct smtp *s, str value)
{
	s->txn.envid = arena_dup(s->txn_arena, value);
	return s->txn.envid.p != NULL && smtp_xtext_valid(value, SMTP_ENVID_MAX) &&
	    value.n <= SMTP_ENVID_MAX;
}

/* RFC 4954 5: a server that does not trust the client for it treats it as AUTH=<>. */
bool
smtp_param_auth(struct smtp *s, str value)
{
	return smtp_xtext_valid(value, SMTP_ORCPT_MAX);
}

/* The connection is under TLS, or no command would have come here (RFC 8689 2). */
bool
smtp_param_requiretls(struct smtp *s, str value)
{
	return s->txn.requiretls = true;
}

static void
refuse(struct smtp *s, enum smtp_reply why, str arg)
{
	smtp_reply(s, why, arg);
	smtp_enter(s, SMTP_READY);
}

/* The two forms of the sender that the transaction keeps. */
static enum err
keep_sender(struct smtp *s, const struct mail_path *path)
{
	char room[MAIL_CANONICAL_MAX], given_room[MAIL_CANONICAL_MAX];
	struct buf canonical, given;
	if (path->local.n == 0) {
		return ERR_OK;
	}
	buf_init_fixed(&canonical, room, sizeof room);
	buf_init_fixed(&given, given_room, sizeof given_room);
	TRY(mail_address_put(&canonical, path->local, path->domain));
	mail_local_put(&given, path->local);
	buf_ch(&given, '@');
	buf_str(&given, path->domain);
	TRY(buf_err(&given));
	s->txn.canonical = arena_dup(s->txn_arena, buf_view(&canonical));
	s->txn.reverse_path = arena_dup(s->txn_arena, buf_view(&given));
	bool room_left = s->txn.canonical.p != NULL && s->txn.reverse_path.p != NULL;
	return room_left ? ERR_OK : ERR_BUDGET;
}

static void
refuse_path(struct smtp *s, enum err e)
{
	refuse(s,
	    e == ERR_BUDGET        ? SMTP_REPLY_BUDGET
		: e == ERR_CHARSET ? SMTP_REPLY_UTF8_NEEDED
				   : SMTP_REPLY_SENDER_BAD,
	    S(""));
}

static void
accept(struct smtp *s)
{
	s->txns++;
	smtp_enter(s, SMTP_MAIL);
	smtp_reply(s, SMTP_REPLY_MAIL, S(""));
}

/* After path and parameters were read: what else may speak against the message. */
static void
decide(struct smtp *s, bool utf8_path)
{
	if (utf8_path && !s->txn.smtputf8) {
		refuse(s, SMTP_REPLY_UTF8_NEEDED, S(""));
	} else if (s->txn.size > s->conf->max_size) {
		char room[20];
		struct buf b;
		buf_init_fixed(&b, room, sizeof room);
		buf_u64(&b, s->conf->max_size);
		refuse(s, SMTP_REPLY_TOOBIG, buf_view(&b));
	} else if (s->peer.submission && s->txn.canonical.n > 0) {
		s->wait = SMTP_WAIT_SENDER;
		smtp_act(s,
		    (struct smtp_action){ .kind = SMTP_ASK_SENDER, .text = s->txn.canonical });
	} else {
		accept(s);
	}
}

void
smtp_do_mail(struct smtp *s, str arg)
{
	struct mail_path path;
	size_t used;
	if (!str_istarts(arg, S("FROM:"))) {
		smtp_reply_syntax(s, SMTP_CMD_MAIL);
		return;
	}
	if (s->txns >= s->conf->max_txns) {
		smtp_reply(s, SMTP_REPLY_TXNS, S(""));
		return;
	}
	/* A space behind the colon is wrong, and common. */
	str text = str_trim(str_from_off(arg, 5));
	enum err e = mail_path_parse(s->txn_arena, text, MAIL_PATH_UTF8 | MAIL_PATH_NULL, &path,
	    &used);
	if (e == ERR_OK) {
		e = keep_sender(s, &path);
	}
	text = str_from_off(text, e == ERR_OK ? used : 0);
	if (e != ERR_OK || (text.n > 0 && text.p[0] != ' ')) {
		refuse_path(s, e);
	} else if (smtp_params(s, SMTP_CMD_MAIL, text)) {
		decide(s, path.utf8);
	} else {
		smtp_enter(s, SMTP_READY);
	}
}

void
smtp_answer_sender(struct smtp *s, enum err result)
{
	smtp_answered(s, SMTP_WAIT_SENDER);
	if (s->state == SMTP_FINAL) {
		smtp_data_sender(s, result);
	} else if (result == ERR_OK) {
		accept(s);
	} else if (result == ERR_DENIED) {
		refuse(s, SMTP_REPLY_SENDER_DENIED, s->txn.canonical);
	} else {
		refuse(s, SMTP_REPLY_TEMP, S(""));
	}
}
