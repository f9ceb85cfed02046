/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The SASL dialogue inside IMAP (9051 6.2.2, SASL-IR), POP3 (5034 4) and ManageSieve (5804 2.1):
 * base64 around it, "*" that cancels, and the server's last word, which all three send as a
 * challenge that wants an empty response. What the octets mean is auth's business.
 */
#include "base/codec.h"
#include "proto/preauth/preauth_priv.h"

bool
preauth_sasl_offered(const struct preauth *x, str mechanism, str *ret_canonical)
{
	for (size_t i = 0; i < x->conf->mechanisms_n; i++) {
		str have = x->conf->mechanisms[i];
		if (str_ieq(have, mechanism)) {
			*ret_canonical = have;
			return true;
		}
	}
	return false;
}

void
preauth_sasl_list(const struct preauth *x, struct buf *out, str prefix, str between)
{
	for (size_t i = 0; i < x->conf->mechanisms_n; i++) {
		buf_str(out, i == 0 ? STR_NONE : between);
		buf_str(out, prefix);
		buf_str(out, x->conf->mechanisms[i]);
	}
}

static void
start(struct preauth *x, str canonical, bool has_initial)
{
	if (buf_err(&x->data) != ERR_OK) {
		preauth_close(x, PREAUTH_CLOSE_MEMORY);
		return;
	}
	x->steps = 0;
	preauth_act(x, PREAUTH_ACT_SASL_START, PREAUTH_ST_ASKED);
	x->action.mechanism = canonical;
	x->action.has_data = has_initial;
	x->action.data = buf_view(&x->data);
}

void
preauth_sasl_begin(struct preauth *x, str mechanism, bool has_initial, str initial)
{
	str canonical;
	if (!preauth_sasl_offered(x, mechanism, &canonical)) {
		preauth_refuse(x, PREAUTH_RE_NO_MECHANISM);
		return;
	}
	buf_wipe(&x->data);
	if (has_initial && !str_eq(initial, S("=")) && base64_decode(&x->data, initial) != ERR_OK) {
		preauth_refuse(x, PREAUTH_RE_BAD_RESPONSE);
		return;
	}
	start(x, canonical, has_initial);
}

void
preauth_sasl_command(struct preauth *x, str args)
{
	str mechanism;
	bool good = preauth_arg_space(&args) && preauth_arg_atom(&args, &mechanism);
	bool has_initial = good && preauth_arg_space(&args);
	if (good && has_initial == (args.n > 0)) {
		preauth_sasl_begin(x, mechanism, has_initial, args);
	} else {
		preauth_refuse(x, PREAUTH_RE_SYNTAX);
	}
}

void
preauth_sasl_plain(struct preauth *x)
{
	str canonical;
	if (!preauth_sasl_offered(x, S("PLAIN"), &canonical)) {
		preauth_refuse(x, PREAUTH_RE_NO_MECHANISM);
		return;
	}
	start(x, canonical, true);
}

/* RFC 5804 4: quoted strings hold 1024 octets, longer ones go as literals. */
static void
sieve_challenge(struct preauth *x, str text)
{
	bool quote = text.n <= PREAUTH_QUOTED_MAX;
	if (quote) {
		buf_ch(&x->out, '"');
	} else {
		buf_printf(&x->out, "{%zu}\r\n", text.n);
	}
	buf_str(&x->out, text);
	buf_str(&x->out, quote ? S("\"\r\n") : S("\r\n"));
}

void
preauth_sasl_challenge(struct preauth *x, str challenge)
{
	buf_wipe(&x->word);
	base64_encode(&x->word, challenge);
	str text = buf_view(&x->word);
	if (x->conf->protocol == PREAUTH_SIEVE) {
		sieve_challenge(x, text);
	} else {
		buf_str(&x->out, S("+ "));
		buf_str(&x->out, text);
		buf_str(&x->out, S("\r\n"));
	}
	if (buf_err(&x->word) != ERR_OK) {
		preauth_close(x, PREAUTH_CLOSE_MEMORY);
	}
	buf_wipe(&x->word);
}

/* End the exchange from the client's side; auth is told unless it has finished already. */
static void
give_up(struct preauth *x, enum preauth_reply_id id)
{
	bool tell = x->state == PREAUTH_ST_RESPONSE;
	preauth_go(x, PREAUTH_ST_COMMAND);
	preauth_refuse(x, id);
	if (tell && x->state != PREAUTH_ST_CLOSED) {
		preauth_act(x, PREAUTH_ACT_SASL_ABORT, PREAUTH_ST_COMMAND);
	}
}

void
preauth_sasl_unreadable(struct preauth *x)
{
	give_up(x, PREAUTH_RE_BAD_RESPONSE);
}

/* The base64 text of a response line; ManageSieve wraps it in a string. */
static bool
response_text(struct preauth *x, str *ret_text)
{
	str line = buf_view(&x->cmd);
	if (x->conf->protocol != PREAUTH_SIEVE) {
		*ret_text = line;
		return true;
	}
	buf_wipe(&x->word);
	bool good = preauth_arg_string(&line, &x->word) && line.n == 0 &&
	    buf_err(&x->word) == ERR_OK;
	*ret_text = buf_view(&x->word);
	return good;
}

static void
decode_step(struct preauth *x, str text)
{
	buf_wipe(&x->data);
	if (base64_decode(&x->data, text) != ERR_OK || ++x->steps > PREAUTH_STEPS_MAX) {
		give_up(x, PREAUTH_RE_BAD_RESPONSE);
		return;
	}
	preauth_act(x, PREAUTH_ACT_SASL_STEP, PREAUTH_ST_ASKED);
	x->action.has_data = true;
	x->action.data = buf_view(&x->data);
}

void
preauth_sasl_response(struct preauth *x)
{
	str text;
	if (!response_text(x, &text)) {
		give_up(x, PREAUTH_RE_BAD_RESPONSE);
	} else if (str_eq(text, S("*"))) {
		give_up(x, PREAUTH_RE_CANCELLED);
	} else if (x->state == PREAUTH_ST_FINAL && text.n != 0) {
		give_up(x, PREAUTH_RE_BAD_RESPONSE);
	} else if (x->state == PREAUTH_ST_FINAL) {
		preauth_attach(x);
	} else {
		decode_step(x, text);
	}
	buf_wipe(&x->word);
}
