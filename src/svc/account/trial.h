/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For the tests and fuzz targets of imap/ and pop3/: the descriptors of a session, with their far
 * ends in the hands of the test.
 */
#ifndef SVC_ACCOUNT_TRIAL_H
#define SVC_ACCOUNT_TRIAL_H

#include "base/buf.h"
#include "svc/account/account.h"

/* Give it stream and control; the ends of its client and of accounts. Checks fail if that does. */
void svc_account_trial_open(struct svc_account *a, int *ret_client, int *ret_accounts);
/* Close all four. */
void svc_account_trial_close(struct svc_account *a, int *client, int *accounts);
/* Append to `got` what was written to the client and not read yet. */
void svc_account_trial_take(int client, struct buf *got);

/* A stream for fuzz targets: a process that ends with ours reads and forgets what is written. */
int svc_account_trial_drain(void);

#endif
