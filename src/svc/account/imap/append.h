/* SPDX-License-Identifier: Apache-2.0 */
/*
 * APPEND and REPLACE do not run as a whole: the session hands their messages over in pieces, as the
 * reader gives them. cmd_append.c.
 */
#ifndef SVC_ACCOUNT_IMAP_APPEND_H
#define SVC_ACCOUNT_IMAP_APPEND_H

#include "svc/account/imap/session.h"

/* Octets of a message are announced; the reader gets its answer. */
void svc_account_imap_append_begin(struct svc_account_imap *s, const struct imap_append *append);
void svc_account_imap_append_body(struct svc_account_imap *s, str octets);
/* The command ended, well or not. */
void svc_account_imap_append_end(struct svc_account_imap *s, const struct imap_action *act);
/* Forget the octets of a command that is not to end. Fine without one. */
void svc_account_imap_append_drop(struct svc_account_imap *s);

#endif
