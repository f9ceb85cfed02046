/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where sessions come from: a channel to each gate process.
 */
#include "ipc/gate_login.h"
#include "svc/login/login.h"
#include "sys/sys.h"

static enum err
on_session(void *ctx, const struct ipc_gate_login_session *m, int *fd)
{
	struct svc_login_gate *gate = ctx;
	int stream = *fd;
	*fd = -1;
	svc_login_session_new(gate->login, &m->session, stream);
	return ERR_OK;
}

static enum err
on_message(void *ctx, str datagram, int *fd)
{
	static const struct ipc_gate_login_at_login handlers = { .session = on_session };
	struct svc_login_gate *gate = ctx;
	arena_reset(gate->login->tick);
	return ipc_gate_login_login_dispatch(&handlers, gate, datagram, fd, gate->login->tick);
}

static void
on_closed(void *ctx, enum err why)
{
	struct svc_login_gate *gate = ctx;
	LOG(CHANNEL_CLOSED, F_CSTR("edge", "gate_login"), F_U64("peer", gate->index), F_ERR(why));
	sys_chan_free(&gate->chan);
	if (why != ERR_EOF) {
		svc_common_rewire(gate->login->sc, S("gate_login"), gate->index);
	}
}

static struct svc_login_gate *
place(struct svc_login *l, uint32_t index)
{
	struct svc_login_gate *empty = NULL;
	for (size_t i = 0; i < l->gates_n; i++) {
		if (l->gates[i].index == index) {
			return &l->gates[i];
		}
		empty = empty == NULL && l->gates[i].chan == NULL ? &l->gates[i] : empty;
	}
	if (empty == NULL && l->gates_n < LEN(l->gates)) {
		empty = &l->gates[l->gates_n++];
	}
	return empty;
}

enum err
svc_login_gate_wire(struct svc_login *l, uint32_t index, int fd)
{
	struct svc_login_gate *gate = place(l, index);
	if (gate == NULL) {
		sys_close(&fd);
		return ERR_TOOMANY;
	}
	sys_chan_free(&gate->chan);
	*gate = (struct svc_login_gate){ .login = l, .index = index };
	struct sys_chan_handler handler = {
		.on_message = on_message, .on_closed = on_closed, .ctx = gate
	};
	return sys_chan_new(l->sc->loop, fd, &handler, &gate->chan);
}

void
svc_login_gates_done(struct svc_login *l)
{
	for (size_t i = 0; i < l->gates_n; i++) {
		sys_chan_free(&l->gates[i].chan);
	}
}
