/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What fetch may do: TCP connections to port 443 (setting fetch.port), and its database. The
 * certificate authorities are read before it locks itself in.
 */
#include "conf/conf.h"
#include "svc/fetch/fetch.h"

/* What libcurl does beside connecting. */
static const char *const extra[] = { "poll", NULL };

enum err
svc_fetch_profile(struct svc_common *sc, struct sys_sandbox_profile *p)
{
	p->sets = SYS_SET_FILES | SYS_SET_SQLITE | SYS_SET_NET;
	p->syscalls = extra;
	p->connect_ports[p->connect_ports_n++] = (uint16_t)sc->conf->fetch_port;
	sys_sandbox_add(p, svc_common_state_path(sc, S("fetch")), SYS_MAY_ALL);
	return ERR_OK;
}
