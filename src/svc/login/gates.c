/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where sessions come from: the gate processes.
 */
#include "ipc/gate_login.h"
#include "svc/login/login.h"

static enum err
on_session(void *ctx, const struct ipc_gate_login_session *m, int *fd)
{
	int stream = *fd;
	*fd = -1;
	svc_login_session_new(ctx, &m->session, stream);
	return ERR_OK;
}

enum err
svc_login_from_gate(struct svc_common_link *from, str datagram, int *fd)
{
	static const struct ipc_gate_login_at_login handlers = { .session = on_session };
	struct svc_login *l = from->sc->ctx;
	arena_reset(l->tick);
	return ipc_gate_login_login_dispatch(&handlers, l, datagram, fd, l->tick);
}
