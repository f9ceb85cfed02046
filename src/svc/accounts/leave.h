/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sessions that go back to "not authenticated" (RFC 8437): see leave.c.
 */
#ifndef SVC_ACCOUNTS_LEAVE_H
#define SVC_ACCOUNTS_LEAVE_H

#include "svc/accounts/accounts.h"

struct ipc_accounts_account_leave;
struct svc_accounts_leaving;

/* A process gives its stream back; it has SVC_ACCOUNTS_LEAVE_MS to end. PROTOCOL, NOMEM. */
enum err svc_accounts_on_leave(void *child, const struct ipc_accounts_account_leave *m, int *fd);
/* The process has ended: what it gave back goes to gate. *l may be NULL, and is then. */
void svc_accounts_left(struct svc_accounts *s, struct svc_accounts_leaving **l, uint64_t session);
/* parked.c: send s->out to the gate that has the session; fd is taken, errors included. */
enum err svc_accounts_gate_send(struct svc_accounts *s, uint64_t session, int fd);

#endif
