/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SMTP before STARTTLS, MX and submission alike: 220, EHLO, and the way into TLS (RFC 3207). Only
 * what is true now is listed; after STARTTLS the client asks again (RFC 3207 4.2).
 *
 *	ehlo = "EHLO" SP ( Domain / address-literal ) CRLF
 */
#include "proto/preauth/preauth_priv.h"

void
preauth_smtp_greet(struct preauth *x)
{
	buf_str(&x->out, S("220 "));
	buf_str(&x->out, x->conf->hostname);
	buf_str(&x->out, S(" ESMTP Postern\r\n"));
}

void
preauth_do_smtp_ehlo(struct preauth *x, str args)
{
	if (str_trim(args).n == 0) {
		preauth_refuse(x, PREAUTH_RE_SYNTAX);
		return;
	}
	buf_str(&x->out, S("250-"));
	buf_str(&x->out, x->conf->hostname);
	buf_str(&x->out, S("\r\n250-ENHANCEDSTATUSCODES\r\n250 STARTTLS\r\n"));
}
