/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the policy process may do: its own folder with the database, and the channels it was handed.
 * No network: DNS is asked through resolve.
 */
#include "svc/policy/policy.h"

enum err
svc_policy_profile(struct svc_common *sc, struct sys_sandbox_profile *p)
{
	p->sets = SYS_SET_FILES | SYS_SET_SQLITE;
	sys_sandbox_add(p, svc_common_state_path(sc, S("policy")), SYS_MAY_ALL);
	return ERR_OK;
}
