/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Edge gate_keys: signatures for handshakes; and the channels of this process, one per gate and
 * send.
 */
#include "ipc/gate_keys.h"
#include "svc/keys/keys.h"
#include "sys/sys.h"

static enum err
on_sign(void *ctx, const struct ipc_gate_keys_sign *m, int *fd)
{
	struct svc_keys_peer *p = ctx;
	struct svc_keys_octets octets = { 0 };
	struct ipc_gate_keys_signature a = { .request = m->request };
	a.result = svc_keys_tls_sign(&p->k->tls, m->key, m->scheme, m->digest, &octets);
	a.octets = str_make(octets.p, a.result == ERR_OK ? octets.n : 0);
	p->k->count.tls += a.result == ERR_OK;
	p->k->count.refused += a.result != ERR_OK;
	buf_reset(&p->k->out);
	ipc_gate_keys_signature_put(&p->k->out, &a);
	return sys_chan_send(p->chan, &p->k->out, -1);
}

enum err
svc_keys_on_gate(struct svc_keys_peer *from, str datagram, int *fd)
{
	static const struct ipc_gate_keys_at_keys handlers = { .sign = on_sign };
	arena_reset(from->k->scratch);
	return ipc_gate_keys_keys_dispatch(&handlers, from, datagram, fd, from->k->scratch);
}

static enum err
on_gate(void *ctx, str datagram, int *fd)
{
	return svc_keys_on_gate(ctx, datagram, fd);
}

static enum err
on_send(void *ctx, str datagram, int *fd)
{
	return svc_keys_on_send(ctx, datagram, fd);
}

static void
on_closed(void *ctx, enum err why)
{
	struct svc_keys_peer *p = ctx;
	sys_chan_free(&p->chan); /* the peer's successor gets a new one */
	if (why != ERR_EOF) {
		LOG(CHANNEL_CLOSED, F_CSTR("edge", p->edge), F_U64("peer", p->index), F_ERR(why));
		svc_common_rewire(p->k->sc, str_from(p->edge), p->index);
	}
}

/* The peer's own place, or a free one. */
static struct svc_keys_peer *
place(struct svc_keys_peer *peers, size_t n, uint32_t index)
{
	struct svc_keys_peer *empty = NULL;
	for (size_t i = 0; i < n; i++) {
		if (peers[i].chan != NULL && peers[i].index == index) {
			return &peers[i];
		}
		empty = empty == NULL && peers[i].chan == NULL ? &peers[i] : empty;
	}
	return empty;
}

enum err
svc_keys_wire(struct svc_keys *k, str edge, uint32_t index, int fd)
{
	bool gate = str_eq(edge, S("gate_keys"));
	ASSERT(gate || str_eq(edge, S("send_keys")));
	struct svc_keys_peer *p = gate ? place(k->gates, LEN(k->gates), index)
				       : place(k->sends, LEN(k->sends), index);
	if (p == NULL) {
		sys_close(&fd);
		return ERR_TOOMANY;
	}
	sys_chan_free(&p->chan);
	*p = (struct svc_keys_peer){
		.k = k, .edge = gate ? "gate_keys" : "send_keys", .index = index
	};
	struct sys_chan_handler h = {
		.on_message = gate ? on_gate : on_send, .on_closed = on_closed, .ctx = p
	};
	return sys_chan_new(k->sc->loop, fd, &h, &p->chan);
}

void
svc_keys_wire_done(struct svc_keys *k)
{
	for (size_t i = 0; i < LEN(k->gates); i++) {
		sys_chan_free(&k->gates[i].chan);
	}
	for (size_t i = 0; i < LEN(k->sends); i++) {
		sys_chan_free(&k->sends[i].chan);
	}
}
