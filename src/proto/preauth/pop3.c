/* SPDX-License-Identifier: Apache-2.0 */
/*
 * POP3 before log-in (RFC 1939 4 and 7, CAPA 2449, STLS 2595, AUTH 5034, UTF8 and LANG 6856).
 *
 *	user = "USER" SP name CRLF          pass = "PASS" SP *(any but CR, LF, NUL) CRLF
 *	auth = "AUTH" [SP mechanism [SP (base64 / "=")]] CRLF
 *	utf8 = "UTF8" CRLF                  lang = "LANG" [SP lang-range] CRLF
 */
#include "proto/preauth/preauth_priv.h"

void
preauth_pop3_greet(struct preauth *x)
{
	buf_str(&x->out, S("+OK "));
	buf_str(&x->out, x->conf->hostname);
	buf_str(&x->out, S(" Postern ready\r\n")); /* no timestamp: there is no APOP */
}

void
preauth_do_pop3_capa(struct preauth *x, str args)
{
	str canonical;
	buf_str(&x->out, S("+OK Capabilities\r\nTOP\r\nUIDL\r\nRESP-CODES\r\nAUTH-RESP-CODE\r\n"));
	if (x->conf->phase == PREAUTH_PRETLS) {
		buf_str(&x->out, S("STLS\r\n"));
	} else {
		bool plain = preauth_sasl_offered(x, S("PLAIN"), &canonical);
		buf_str(&x->out, plain ? S("PIPELINING\r\nUSER\r\n") : S("PIPELINING\r\n"));
		buf_str(&x->out, S("SASL"));
		preauth_sasl_list(x, &x->out, S(" "), S(""));
		buf_str(&x->out, S("\r\n"));
	}
	buf_str(&x->out, S("EXPIRE NEVER\r\nUTF8 USER\r\nLANG\r\nIMPLEMENTATION Postern\r\n.\r\n"));
}

/* Messages are sent as they are in any case: there is nothing to remember (RFC 6856 2.1). */
void
preauth_do_pop3_utf8(struct preauth *x, str args)
{
	preauth_say(x, PREAUTH_RE_OK);
}

/* One language before log-in; more after it, where people may be shown the words. */
void
preauth_do_pop3_lang(struct preauth *x, str args)
{
	if (args.n == 0) {
		buf_str(&x->out, S("+OK Languages\r\nen English\r\n.\r\n"));
		return;
	}
	bool fits = str_eq(args, S(" *")) || str_ieq(args, S(" en")) ||
	    str_istarts(args, S(" en-"));
	if (fits) {
		buf_str(&x->out, S("+OK en This is the language now\r\n"));
		return;
	}
	preauth_refuse(x, preauth_arg_space(&args) ? PREAUTH_RE_NO_LANGUAGE : PREAUTH_RE_SYNTAX);
}

void
preauth_do_pop3_user(struct preauth *x, str args)
{
	if (!preauth_arg_space(&args) || args.n == 0 || args.n > PREAUTH_USER_MAX) {
		preauth_refuse(x, PREAUTH_RE_SYNTAX);
		return;
	}
	buf_wipe(&x->word);
	buf_str(&x->word, args);
	preauth_say(x, PREAUTH_RE_USER_OK);
}

void
preauth_do_pop3_pass(struct preauth *x, str args)
{
	if (x->word.n == 0 || !preauth_arg_space(&args)) {
		preauth_refuse(x, x->word.n == 0 ? PREAUTH_RE_USER_FIRST : PREAUTH_RE_SYNTAX);
		return;
	}
	buf_wipe(&x->data);
	buf_ch(&x->data, '\0');
	buf_str(&x->data, buf_view(&x->word));
	buf_ch(&x->data, '\0');
	buf_str(&x->data, args); /* spaces belong to the password (RFC 1939 7) */
	buf_wipe(&x->word);
	preauth_sasl_plain(x);
}

void
preauth_do_pop3_auth(struct preauth *x, str args)
{
	if (args.n == 0) {
		buf_str(&x->out, S("+OK Mechanisms"));
		preauth_sasl_list(x, &x->out, S("\r\n"), S(""));
		buf_str(&x->out, S("\r\n.\r\n"));
		return;
	}
	preauth_sasl_command(x, args);
}
