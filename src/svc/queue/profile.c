/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the queue process may do: its journal folder, and the channels and files of arrivals it was
 * handed. No network, no other file, no mailbox; it reads a message only to return it in a report.
 */
#include "svc/queue/queue.h"

static const char *const extra[] = { "memfd_create", NULL };

enum err
svc_queue_profile(struct svc_common *sc, struct sys_sandbox_profile *p)
{
	p->sets = SYS_SET_FILES;
	p->syscalls = extra;
	sys_sandbox_add(p, svc_common_state_path(sc, S("spool/journal")), SYS_MAY_ALL);
	return ERR_OK;
}
