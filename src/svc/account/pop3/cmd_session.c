/* SPDX-License-Identifier: Apache-2.0 */
/*
 * About the session itself (RFC 1939 5, 2449 5, 6856 3).
 *
 *	noop = "NOOP"    capa = "CAPA"    lang = "LANG" [SP lang-range]
 */
#include "svc/account/pop3/session.h"

#include "conf/conf.h"
#include "proto/sasl/mechanism.h"

void
svc_account_pop3_cmd_noop(struct svc_account_pop3 *s, const struct pop3_command *c)
{
	svc_account_pop3_say(s, POP3_RE_DONE);
}

/* What was announced before log-in is announced again (RFC 2449 5). */
void
svc_account_pop3_cmd_capa(struct svc_account_pop3 *s, const struct pop3_command *c)
{
	struct sasl_offer offer = { .tls = true, .cram_md5 = s->account->conf->auth_cram_md5 };
	svc_account_pop3_say(s, POP3_RE_CAPA);
	buf_cstr(&s->out,
	    "TOP\r\nUIDL\r\nRESP-CODES\r\nAUTH-RESP-CODE\r\nPIPELINING\r\nUSER\r\nSASL");
	sasl_mechanism_list(&s->out, &offer, S(" "));
	buf_cstr(&s->out,
	    "\r\nEXPIRE NEVER\r\nUTF8 USER\r\nLANG\r\nIMPLEMENTATION Postern\r\n.\r\n");
}

void
svc_account_pop3_cmd_lang(struct svc_account_pop3 *s, const struct pop3_command *c)
{
	if (c->language.n == 0) {
		pop3_say_languages(&s->out, s->language);
	} else if (pop3_language_find(c->language, &s->language)) {
		pop3_say_language(&s->out, s->language);
	} else {
		svc_account_pop3_say(s, POP3_RE_NO_LANGUAGE);
	}
}

/* The table gives this handler to verbs that end here never: the parser refuses them before. */
void
svc_account_pop3_cmd_refuse(struct svc_account_pop3 *s, const struct pop3_command *c)
{
	svc_account_pop3_say(s, POP3_RE_LOGGED_ON);
}
