/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the smtp process may do: make files without a name in spool/tmp and in memory, and use the
 * streams and channels it was handed. No network of its own, no other file, no mailbox.
 */
#include "svc/smtp/server.h"

static const char *const extra[] = { "memfd_create", NULL };

enum err
svc_smtp_profile(struct svc_common *sc, struct sys_sandbox_profile *p)
{
	p->sets = SYS_SET_FILES;
	p->syscalls = extra;
	sys_sandbox_add(p, svc_common_state_path(sc, S("spool/tmp")), SYS_MAY_ALL);
	return ERR_OK;
}
