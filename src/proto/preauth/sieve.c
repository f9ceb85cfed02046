/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ManageSieve before log-in (RFC 5804 1.7, 2.1 to 2.4, 2.13).
 *
 *	authenticate = "AUTHENTICATE" SP string [SP string] CRLF     ; mechanism, base64
 *	noop         = "NOOP" [SP string] CRLF
 */
#include "proto/preauth/preauth_priv.h"

/* RFC 5804 1.7. SIEVE is empty as long as no extension is served. */
static void
put_capabilities(struct preauth *x)
{
	buf_str(&x->out, S("\"IMPLEMENTATION\" \"Postern\"\r\n\"SIEVE\" \"\"\r\n\"SASL\" \""));
	if (x->conf->phase == PREAUTH_LOGIN) {
		preauth_sasl_list(x, &x->out, S(""), S(" "));
	}
	buf_str(&x->out, S("\"\r\n"));
	if (x->conf->phase == PREAUTH_PRETLS) {
		buf_str(&x->out, S("\"STARTTLS\"\r\n"));
	}
	buf_str(&x->out, S("\"VERSION\" \"1.0\"\r\n"));
}

void
preauth_sieve_greet(struct preauth *x)
{
	put_capabilities(x);
	buf_str(&x->out, S("OK \""));
	buf_str(&x->out, x->conf->hostname);
	buf_str(&x->out, S(" Postern ready\"\r\n"));
}

void
preauth_do_sieve_capability(struct preauth *x, str args)
{
	put_capabilities(x);
	preauth_say(x, PREAUTH_RE_OK);
}

void
preauth_do_sieve_noop(struct preauth *x, str args)
{
	if (args.n == 0) {
		preauth_say(x, PREAUTH_RE_OK);
		return;
	}
	buf_reset(&x->data);
	bool good = preauth_arg_space(&args) && preauth_arg_string(&args, &x->data) && args.n == 0;
	if (!good || x->data.n > PREAUTH_TAG_MAX) {
		preauth_refuse(x, PREAUTH_RE_SYNTAX);
		return;
	}
	buf_printf(&x->out, "OK (TAG {%zu}\r\n", x->data.n); /* as in the RFC's own example */
	buf_str(&x->out, buf_view(&x->data));
	buf_str(&x->out, S(") \"Done\"\r\n"));
}

void
preauth_do_sieve_authenticate(struct preauth *x, str args)
{
	char name[PREAUTH_MECHANISM_MAX];
	struct buf mechanism;
	buf_init_fixed(&mechanism, name, sizeof name);
	bool good = preauth_arg_space(&args) && preauth_arg_string(&args, &mechanism);
	bool has_initial = good && preauth_arg_space(&args);
	buf_wipe(&x->word);
	good = good && (!has_initial || preauth_arg_string(&args, &x->word)) && args.n == 0;
	if (!good || buf_err(&mechanism) != ERR_OK || buf_err(&x->word) != ERR_OK) {
		preauth_refuse(x, PREAUTH_RE_SYNTAX);
	} else {
		preauth_sasl_begin(x, buf_view(&mechanism), has_initial, buf_view(&x->word));
	}
	buf_wipe(&x->word);
}
