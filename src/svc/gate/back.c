/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A session is not authenticated any more (RFC 8437): its process has ended, accounts brings its
 * end of the stream, and login gets the connection over a new one, as after the handshake. What the
 * process had not read goes there first, so no octet of the client is lost or read twice.
 */
#include "svc/gate/back.h"

#include "ipc/gate_accounts.h"
#include "sys/sys.h"

static void
hand_back(struct svc_gate_conn *c, int theirs, str unread)
{
	struct svc_gate_tls_facts f;
	int stream = -1;
	if (!svc_gate_relay_reclaim(c, theirs, unread)) {
		return;
	}
	c->greeted = true; /* login is not to greet */
	svc_gate_tls_tell(&c->tls, &f);
	if (svc_gate_hand_out(c, &f, &stream) != ERR_OK) {
		c->g->facts.nobody++;
		svc_gate_conn_close(c, "nobody");
		return;
	}
	svc_gate_relay_begin(c, stream);
}

enum err
svc_gate_back_on_unauthenticated(void *gate, const struct ipc_gate_accounts_unauthenticated *m,
    int *fd)
{
	struct svc_gate *g = gate;
	struct svc_gate_conn *c = map_get(g->sessions, m->session);
	if (c != NULL && c->state == SVC_GATE_RELAY && !c->app_ended && !g->quitting) {
		hand_back(c, *fd, m->unread);
	}
	return ERR_OK; /* else the client has left, or the stream ends with this descriptor */
}
