/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IMAP URLs that name a message, or a part of one, of the account that is logged in: the forms
 * that CATENATE takes. Absolute URLs, searches and URLAUTH are refused.
 */
#ifndef PROTO_IMAP_URL_H
#define PROTO_IMAP_URL_H

#include "proto/imap/fetch.h"

struct imap_url {
	str mailbox;          /* UTF-8 in canonical form; empty: the selected one */
	uint32_t uidvalidity; /* 0: not given */
	uint32_t uid;
	struct imap_section section; /* as BODY.PEEK[...]<partial> has it */
};

/*
 * Parse "/mailbox[;UIDVALIDITY=n]/;UID=n[/;SECTION=section][/;PARTIAL=n[.n]]", or the same
 * without mailbox.
 *
 * In      url: borrowed for the call
 * Out     ret: lives in `a`
 * Limits  IMAP_URL_MAX octets; those of FETCH sections
 * Errors  ERR_SYNTAX, ERR_CHARSET, ERR_UNSUPPORTED (a form that is not taken), ERR_TOOBIG,
 *         ERR_TOOMANY, ERR_BUDGET
 * RFC     5092 6, 7, 11; 4469 3
 */
enum err imap_url_parse(struct arena *a, str url, struct imap_url *ret);

/* Write a URL as a response code carries it: octets it may not hold are %-encoded (RFC 4469 5). */
void imap_url_put(struct buf *out, str url);

#endif
