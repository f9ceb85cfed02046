/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What auth may do: its database folder, and the channels it was handed. No network, no other
 * process's files, no new processes.
 */
#include "svc/auth/server.h"

enum err
svc_auth_profile(struct svc_common *sc, struct sys_sandbox_profile *p)
{
	p->sets = SYS_SET_FILES | SYS_SET_SQLITE;
	sys_sandbox_add(p, svc_common_state_path(sc, S("directory")), SYS_MAY_ALL);
	return ERR_OK;
}
