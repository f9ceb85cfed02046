/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Questions of sessions about shared mailboxes: share.c. Handlers of the edges accounts_account
 * (their ctx is a child) and accounts_auth (ours).
 */
#ifndef SVC_ACCOUNTS_SHARE_H
#define SVC_ACCOUNTS_SHARE_H

#include "svc/accounts/accounts.h"

struct ipc_accounts_account_share;
struct ipc_accounts_account_sharers_get;
struct ipc_accounts_account_visit;
struct ipc_accounts_auth_shared;
struct ipc_accounts_auth_sharers;
struct ipc_accounts_auth_visit_result;

/* A session or guest process names somebody to share with: asked of auth. */
enum err svc_accounts_on_share(void *child, const struct ipc_accounts_account_share *m, int *fd);
/* A session asks who shares with its account: asked of auth. */
enum err svc_accounts_on_sharers_get(void *child, const struct ipc_accounts_account_sharers_get *m,
    int *fd);
/* A session wants to look into another's mailboxes: asked of auth. */
enum err svc_accounts_on_visit(void *child, const struct ipc_accounts_account_visit *m, int *fd);
/* What auth says to the first: passed on. */
enum err svc_accounts_on_shared(void *s, const struct ipc_accounts_auth_shared *m, int *fd);
/* What auth says to the second: passed on. */
enum err svc_accounts_on_sharers(void *s, const struct ipc_accounts_auth_sharers *m, int *fd);
/* What auth says to the third: a guest process is started when it may, and handed over. */
enum err svc_accounts_on_visit_result(void *s, const struct ipc_accounts_auth_visit_result *m,
    int *fd);
/* Forget what a process that ended asked; NULL: what all asked, auth is gone. */
void svc_accounts_questions_drop(struct svc_accounts *s, const struct svc_accounts_child *child);

#endif
