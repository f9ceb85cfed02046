/* SPDX-License-Identifier: Apache-2.0 */
/*
 * UNAUTHENTICATE (RFC 8437): the session ends and its stream goes back to login. See leave.c.
 */
#ifndef SVC_ACCOUNT_IMAP_LEAVE_H
#define SVC_ACCOUNT_IMAP_LEAVE_H

#include "svc/account/imap/session.h"

/* Octets that came behind the command that has just run; nothing unless the session leaves. */
void svc_account_imap_leave_behind(struct svc_account_imap *s, str rest);
/* Everything is said: give the stream away. */
void svc_account_imap_leave(struct svc_account_imap *s);

#endif
