/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the watch process may do: its own folder with the database, and the channels it was handed.
 * No network; its reports leave by queue and send like any letter.
 */
#include "svc/watch/watch.h"

enum err
svc_watch_profile(struct svc_common *sc, struct sys_sandbox_profile *p)
{
	p->sets = SYS_SET_FILES | SYS_SET_SQLITE;
	sys_sandbox_add(p, svc_common_state_path(sc, S("watch")), SYS_MAY_ALL);
	return ERR_OK;
}
