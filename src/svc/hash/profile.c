/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What hash may do: read and write the channels it was given, and compute. No path, no port, no
 * further system calls: a password that leads to a bug here leads nowhere.
 */
#include "svc/hash/hash.h"
#include "sys/sandbox.h"

enum err
svc_hash_profile(struct svc_common *sc, struct sys_sandbox_profile *p)
{
	p->sets = 0;
	return ERR_OK;
}
