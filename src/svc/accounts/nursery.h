/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process that forks account processes for accounts (nursery.c, doc/why/028-nursery.md).
 */
#ifndef SVC_ACCOUNTS_NURSERY_H
#define SVC_ACCOUNTS_NURSERY_H

#include "sys/spawn.h"

struct svc_account_start;
struct svc_accounts;

/* In place of one that may be there. NOFD, NOMEM. */
enum err svc_accounts_nursery_new(struct svc_accounts *s);
void svc_accounts_nursery_done(struct svc_accounts *s);
/* Tell it the configuration that is in force now. */
void svc_accounts_nursery_conf(struct svc_accounts *s);
/*
 * A new account process, our child. The descriptors in `start` stay ours; its folder, boot_id, conf
 * and sandbox are not looked at: the nursery knows them.
 *
 * Errors  ERR_NOMEM, ERR_NOFD, ERR_IO; ERR_UNAVAILABLE: there is no nursery
 */
enum err svc_accounts_nursery_fork(struct svc_accounts *s, const struct svc_account_start *start,
    struct sys_child *ret);

#endif
