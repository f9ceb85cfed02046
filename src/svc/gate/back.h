/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sessions that are not authenticated any more and go back to login: see back.c.
 */
#ifndef SVC_GATE_BACK_H
#define SVC_GATE_BACK_H

#include "svc/gate/gate.h"

/*
 * relay.c, for back.c: the service has ended and given back its end of the stream, of which it has
 * read all but `unread`. What it said goes to the client; what it did not read will go to the next
 * one (svc_gate_relay_begin). False: the connection ended meanwhile, or somebody goes on writing
 * into that stream (log line close, why=flood). theirs stays the caller's.
 */
bool svc_gate_relay_reclaim(struct svc_gate_conn *c, int theirs, str unread);

struct ipc_gate_accounts_unauthenticated;
/* What accounts says: that process has ended. */
enum err svc_gate_back_on_unauthenticated(void *gate,
    const struct ipc_gate_accounts_unauthenticated *m, int *fd);

#endif
