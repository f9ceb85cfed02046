/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IMAP before log-in (RFC 9051 6.1, 6.2).
 *
 *	authenticate = "AUTHENTICATE" SP auth-type [SP (base64 / "=")]
 *	login        = "LOGIN" SP astring SP astring
 *	id           = "ID" SP ("NIL" / "(" [string SP nstring *(SP string SP nstring)] ")")
 */
#include "proto/preauth/preauth_priv.h"

/* RFC 9051 6.1.1; LOGINDISABLED 6.2.3. The same as proto/imap says later, as far as it matters
 * here. */
static void
put_capabilities(struct preauth *x)
{
	str canonical;
	buf_str(&x->out, S("CAPABILITY IMAP4rev1 IMAP4rev2 LITERAL+ SASL-IR ID ENABLE"));
	if (x->conf->phase == PREAUTH_PRETLS) {
		buf_str(&x->out, S(" STARTTLS LOGINDISABLED"));
		return;
	}
	if (!preauth_sasl_offered(x, S("PLAIN"), &canonical)) {
		buf_str(&x->out, S(" LOGINDISABLED"));
	}
	preauth_sasl_list(x, &x->out, S(" AUTH="), S(""));
}

void
preauth_imap_greet(struct preauth *x)
{
	buf_str(&x->out, S("* OK ["));
	put_capabilities(x);
	buf_str(&x->out, S("] "));
	buf_str(&x->out, x->conf->hostname);
	buf_str(&x->out, S(" Postern ready\r\n"));
}

void
preauth_do_imap_capability(struct preauth *x, str args)
{
	buf_str(&x->out, S("* "));
	put_capabilities(x);
	buf_str(&x->out, S("\r\n"));
	preauth_say(x, PREAUTH_RE_OK);
}

static bool
id_is_valid(struct preauth *x, str args)
{
	str atom;
	if (!preauth_arg_space(&args)) {
		return false;
	}
	if (preauth_arg_atom(&args, &atom)) {
		return str_ieq(atom, S("NIL")) && args.n == 0;
	}
	if (!str_starts(args, S("("))) {
		return false;
	}
	args = str_from_off(args, 1);
	for (unsigned fields = 0; !str_eq(args, S(")")); fields++) {
		bool value = fields % 2 == 1, spaced = fields == 0 || preauth_arg_space(&args);
		buf_reset(&x->data);
		if (!spaced || fields >= PREAUTH_ID_FIELDS_MAX ||
		    !(preauth_arg_string(&args, &x->data) ||
			(value && preauth_arg_atom(&args, &atom) && str_ieq(atom, S("NIL"))))) {
			return false;
		}
		if (!value && str_eq(args, S(")"))) {
			return false;
		}
	}
	return true;
}

void
preauth_do_imap_id(struct preauth *x, str args)
{
	if (!id_is_valid(x, args)) {
		preauth_refuse(x, PREAUTH_RE_SYNTAX);
		return;
	}
	buf_str(&x->out, S("* ID (\"name\" \"Postern\")\r\n"));
	preauth_say(x, PREAUTH_RE_OK);
}

void
preauth_do_imap_authenticate(struct preauth *x, str args)
{
	preauth_sasl_command(x, args);
}

void
preauth_do_imap_login(struct preauth *x, str args)
{
	buf_wipe(&x->data);
	buf_ch(&x->data, '\0');
	bool good = preauth_arg_space(&args) && preauth_arg_astring(&args, &x->data);
	buf_ch(&x->data, '\0');
	good = good && preauth_arg_space(&args) && preauth_arg_astring(&args, &x->data) &&
	    args.n == 0;
	if (!good) {
		preauth_refuse(x, PREAUTH_RE_SYNTAX);
		return;
	}
	preauth_sasl_plain(x);
}
