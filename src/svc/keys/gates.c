/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Edge gate_keys: signatures for handshakes.
 */
#include "ipc/gate_keys.h"
#include "svc/keys/keys.h"

static enum err
on_sign(void *ctx, const struct ipc_gate_keys_sign *m, int *fd)
{
	const struct svc_common_link *from = ctx;
	struct svc_keys *k = from->sc->ctx;
	struct svc_keys_octets octets = { 0 };
	struct ipc_gate_keys_signature a = { .request = m->request };
	a.result = svc_keys_tls_sign(&k->tls, m->key, m->scheme, m->digest, &octets);
	a.octets = str_make(octets.p, a.result == ERR_OK ? octets.n : 0);
	k->count.tls += a.result == ERR_OK;
	k->count.refused += a.result != ERR_OK;
	buf_reset(&k->out);
	ipc_gate_keys_signature_put(&k->out, &a);
	return svc_common_link_send(from, &k->out, -1);
}

enum err
svc_keys_on_gate(struct svc_common_link *from, str datagram, int *fd)
{
	static const struct ipc_gate_keys_at_keys handlers = { .sign = on_sign };
	struct svc_keys *k = from->sc->ctx;
	arena_reset(k->scratch);
	return ipc_gate_keys_keys_dispatch(&handlers, from, datagram, fd, k->scratch);
}
