/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AUTH: carries a SASL exchange between the client and whoever knows passwords. Nothing of it is
 * understood here but base64, "=" and "*".
 *
 *	auth-command     = "AUTH" SP sasl-mech [ SP initial-response ]
 *	                   *( CRLF [ base64 ] ) [ CRLF "*" ] CRLF
 *	initial-response = base64 / "="
 */
#include "base/codec.h"
#include "proto/smtp/smtp_priv.h"

/*
 * Offered is what stands in the list; nothing else is accepted. Out: the name there, which lives
 * longer than the line; empty when it is not.
 */
static str
offered(const struct smtp *s, str mechanism)
{
	str rest = s->peer.mechanisms, name;
	while (str_next(&rest, ' ', &name)) {
		if (name.n > 0 && str_ieq(name, mechanism)) {
			return name;
		}
	}
	return S("");
}

static bool
decode(struct smtp *s, str base64)
{
	buf_wipe(&s->secret);
	return base64_decode(&s->secret, base64) == ERR_OK;
}

static void
start(struct smtp *s, str mechanism, bool has_initial)
{
	s->final_sent = false;
	smtp_enter(s, SMTP_AUTH);
	s->wait = SMTP_WAIT_SASL;
	smtp_act(s,
	    (struct smtp_action){ .kind = SMTP_ASK_SASL_START,
		.mechanism = mechanism,
		.has_initial = has_initial,
		.text = buf_view(&s->secret) });
}

void
smtp_do_auth(struct smtp *s, str arg)
{
	str mechanism, initial;
	bool has_initial = str_cut(arg, ' ', &mechanism, &initial);
	initial = str_trim(initial);
	buf_wipe(&s->secret);
	if (!s->peer.submission) {
		smtp_reply(s, SMTP_REPLY_AUTH_NONE, S(""));
	} else if (s->account != 0) {
		smtp_reply(s, SMTP_REPLY_AUTH_TWICE, S(""));
	} else if (!s->ehlo) {
		smtp_reply(s, SMTP_REPLY_SEQUENCE, s->verb);
	} else if (offered(s, mechanism).n == 0) {
		smtp_reply(s, SMTP_REPLY_AUTH_MECHANISM, S(""));
	} else if (has_initial && !str_eq(initial, S("=")) && !decode(s, initial)) {
		smtp_reply(s, SMTP_REPLY_AUTH_BASE64, S(""));
	} else {
		start(s, offered(s, mechanism), has_initial);
	}
}

void
smtp_auth_refuse(struct smtp *s, enum smtp_reply why)
{
	s->verb = S("AUTH");
	if (!s->final_sent) {
		smtp_act(s, (struct smtp_action){ .kind = SMTP_SASL_ABORT });
	}
	s->account = 0;
	s->final_sent = false;
	smtp_reply(s, why, S(""));
	smtp_enter(s, SMTP_READY);
}

static void
succeed(struct smtp *s)
{
	s->final_sent = false;
	smtp_reply(s, SMTP_REPLY_AUTHENTICATED, S(""));
	smtp_enter(s, SMTP_READY);
}

void
smtp_auth_line(struct smtp *s, str line)
{
	s->verb = S("AUTH");
	if (str_eq(line, S("*"))) {
		smtp_auth_refuse(s, SMTP_REPLY_AUTH_CANCEL);
	} else if (!decode(s, line)) {
		smtp_auth_refuse(s, SMTP_REPLY_AUTH_BASE64);
	} else if (s->final_sent) {
		/* The answer to the mechanism's last word; it has none to give. */
		succeed(s);
	} else {
		s->wait = SMTP_WAIT_SASL;
		smtp_act(s,
		    (struct smtp_action){
			.kind = SMTP_ASK_SASL_STEP, .text = buf_view(&s->secret) });
	}
}

/* RFC 4954 4: "334", a space also when the challenge is empty. */
static void
put_challenge(struct smtp *s, str data)
{
	buf_cstr(&s->out, "334 ");
	base64_encode(&s->out, data);
	buf_cstr(&s->out, "\r\n");
}

void
smtp_answer_challenge(struct smtp *s, str data)
{
	smtp_answered(s, SMTP_WAIT_SASL);
	buf_wipe(&s->secret);
	put_challenge(s, data);
}

static enum smtp_reply
failure_reply(enum err e)
{
	switch (e) {
	case ERR_AUTH: return SMTP_REPLY_AUTH_WRONG;
	case ERR_DISABLED: return SMTP_REPLY_AUTH_DISABLED;
	case ERR_UNSUPPORTED: return SMTP_REPLY_AUTH_MECHANISM;
	case ERR_SYNTAX: return SMTP_REPLY_AUTH_SYNTAX;
	default: return SMTP_REPLY_AUTH_TEMP;
	}
}

void
smtp_answer_auth(struct smtp *s, const struct smtp_auth_result *r)
{
	smtp_answered(s, SMTP_WAIT_SASL);
	buf_wipe(&s->secret);
	s->verb = S("AUTH");
	if (r->result != ERR_OK) {
		smtp_delay(s, r->delay_ms);
		smtp_reply(s, failure_reply(r->result), r->name);
		smtp_enter(s, SMTP_READY);
		return;
	}
	s->account_name = arena_dup(s->arena, r->name);
	s->account_language = arena_dup(s->arena, r->language);
	if (s->account_name.p == NULL || s->account_language.p == NULL) {
		smtp_end(s, SMTP_END_MEMORY);
		return;
	}
	s->account = r->account;
	if (r->has_final) {
		s->final_sent = true;
		put_challenge(s, r->final);
	} else {
		succeed(s);
	}
}
