/* SPDX-License-Identifier: Apache-2.0 */
/*
 * UNAUTHENTICATE (RFC 8437): the session ends and its stream goes back to login. See leave.c.
 */
#ifndef SVC_ACCOUNT_IMAP_LEAVE_H
#define SVC_ACCOUNT_IMAP_LEAVE_H

#include "svc/account/imap/session.h"

/* Octets that came behind the command that has just run; nothing unless the session leaves. */
void svc_account_imap_leave_behind(struct svc_account_imap *s, str rest);
/* It does not leave after all: BYE with this text. */
void svc_account_imap_stay(struct svc_account_imap *s, enum err e, const char *bye);
/* Everything is said: wait for the end of a compressed stream, then give the stream away. */
void svc_account_imap_leave(struct svc_account_imap *s);

#endif
