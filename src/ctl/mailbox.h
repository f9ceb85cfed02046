/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the commands that work on an account's mail share: mailbox.c (care) and transfer.c (files).
 */
#ifndef CTL_MAILBOX_H
#define CTL_MAILBOX_H

#include "ctl/find.h"
#include "ctl/worker.h"

/* How to open that account's store; strings live as long as the run and `found`. */
enum ctl_exit ctl_mailbox_conf(struct ctl *c, const struct ctl_found *found,
    struct store_conf *ret);
/* The same for the account that the first argument names. */
enum ctl_exit ctl_mailbox_find(struct ctl *c, struct ctl_found *ret_found, struct store_conf *ret);
/* Say why the work on an account failed, and what to do. */
enum ctl_exit ctl_mailbox_failed(struct ctl *c, const struct ctl_found *found, enum err e);
/* A finding: standard error, or with --json a member of the array that is open. */
void ctl_mailbox_line(struct ctl_worker *w, str text);

#endif
