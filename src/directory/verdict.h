/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the directory says of a recipient. Numbers travel in `rcpt_result` of edge smtp_auth, so
 * they never change. Everyone may include this; the rest of directory/ is for auth alone.
 */
#ifndef DIRECTORY_VERDICT_H
#define DIRECTORY_VERDICT_H

enum directory_verdict {
	DIRECTORY_KNOWN = 1, /* leads to one or more accounts: 250 2.1.5 */
	DIRECTORY_UNKNOWN,   /* our domain, nobody there: 550 5.1.1 */
	DIRECTORY_REMOTE,    /* not our domain: 550 5.7.1 */
	DIRECTORY_DISABLED,  /* every account behind it is disabled: 550 5.2.1 */
	DIRECTORY_OVERQUOTA, /* every account behind it is full: 452 4.2.2 */
	DIRECTORY_TEMP,      /* cannot tell now: 451 4.3.0 */
	DIRECTORY_SENDER,    /* takes nothing from this sender: 550 5.7.1 */
};

/* Bits of a credential's scope, and of `scope` in `grant` of edge accounts_auth. */
enum directory_scope {
	DIRECTORY_SCOPE_IMAP = 1,
	DIRECTORY_SCOPE_POP3 = 2,
	DIRECTORY_SCOPE_SIEVE = 4,
	DIRECTORY_SCOPE_SMTP = 8,
	DIRECTORY_SCOPE_ALL = 15,
};

#endif
