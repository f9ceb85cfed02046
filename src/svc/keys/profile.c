/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the process keys may do: its own folder, the channels it was given, and computing. No
 * network, no other file.
 */
#include "svc/keys/keys.h"

enum err
svc_keys_profile(struct svc_common *sc, struct sys_sandbox_profile *p)
{
	p->sets = SYS_SET_FILES;
	sys_sandbox_add(p, svc_common_state_path(sc, S("keys")), SYS_MAY_ALL);
	return ERR_OK;
}
