/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What gate may do: use the descriptors it was handed, accept on them, make socket pairs. No file,
 * no name look-up, no connection of its own. Everything that needs more (OpenSSL's start, random
 * octets for keys) happens before the sandbox.
 */
#include "svc/gate/service.h"

enum err
svc_gate_profile(struct svc_common *sc, struct sys_sandbox_profile *p)
{
	*p = (struct sys_sandbox_profile){ .name = "gate" };
	return ERR_OK;
}
