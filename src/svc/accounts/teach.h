/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lessons of account holders on their way from account processes to policy: teach.c. They are
 * lost, and counted as told, when policy is not there or does not keep up.
 */
#ifndef SVC_ACCOUNTS_TEACH_H
#define SVC_ACCOUNTS_TEACH_H

#include "svc/accounts/accounts.h"

struct ipc_accounts_account_learn;

/* A message of the edge accounts_policy. */
enum err svc_accounts_from_policy(struct svc_common_link *from, str datagram, int *fd);

/* The account is no more: policy drops its statistics and correspondents. */
void svc_accounts_forget_lessons(struct svc_accounts *s, uint64_t account);

/* A handler of the edge accounts_account; ctx: the child that says it. */
enum err svc_accounts_on_learn(void *ctx, const struct ipc_accounts_account_learn *m, int *fd);

#endif
