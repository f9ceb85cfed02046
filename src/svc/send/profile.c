/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the send process may do: connect to one TCP port, from an address of its choice. No file is
 * opened once it runs; certificates of authorities were read before.
 */
#include "svc/send/send.h"

enum err
svc_send_profile(struct svc_common *sc, struct sys_sandbox_profile *p)
{
	p->sets = SYS_SET_NET;
	p->connect_ports[p->connect_ports_n++] = (uint16_t)sc->conf->send_port;
	p->choose_source = true; /* one may be set by a reload */
	return ERR_OK;
}
