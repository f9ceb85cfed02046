/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One question, one answer. After a wait that was too long the answer could still come, so the
 * channel is given up then: no later handshake can mistake it for its own, or wait in vain again.
 */
#include "svc/gate/signer.h"

#include "ipc/gate_keys.h"
#include "svc/common/service.h"
#include "sys/chan.h"
#include "sys/clock.h"
#include "sys/sys.h"

enum { SCRATCH_OCTETS = 4096 };

static void
on_rewire(void *ctx)
{
	struct svc_gate_signer *s = ctx;
	svc_common_rewire(s->sc, S("gate_keys"), s->peer);
}

enum err
svc_gate_signer_init(struct svc_gate_signer *s, struct svc_common *sc)
{
	*s = (struct svc_gate_signer){ .sc = sc, .fd = -1, .wait_ms = SVC_GATE_SIGN_MS };
	buf_init(&s->out, SYS_CHAN_MESSAGE_MAX);
	buf_init(&s->in, SYS_CHAN_MESSAGE_MAX);
	sys_timer_init(&s->rewire, on_rewire, s);
	s->scratch = arena_new(sc->arena, "signature", SCRATCH_OCTETS, 0);
	/* Memory that is short for a moment must not cost the channel. */
	bool room = buf_room(&s->out, SYS_CHAN_MESSAGE_MAX) != NULL &&
	    buf_room(&s->in, SYS_CHAN_MESSAGE_MAX) != NULL;
	return s->scratch == NULL || !room ? ERR_NOMEM : ERR_OK;
}

void
svc_gate_signer_done(struct svc_gate_signer *s)
{
	sys_timer_stop(&s->rewire);
	sys_close(&s->fd);
	buf_done(&s->out);
	buf_done(&s->in);
}

void
svc_gate_signer_wire(struct svc_gate_signer *s, uint32_t peer, int fd)
{
	sys_timer_stop(&s->rewire);
	sys_close(&s->fd);
	s->fd = fd;
	s->peer = peer;
}

struct answer {
	uint64_t request;
	enum err result;
	struct svc_gate_signature *to;
};

static enum err
on_signature(void *ctx, const struct ipc_gate_keys_signature *m, int *fd)
{
	struct answer *a = ctx;
	if (m->request != a->request || m->octets.n > sizeof a->to->p ||
	    (m->result == ERR_OK && m->octets.n == 0)) {
		return ERR_PROTOCOL;
	}
	a->result = m->result;
	a->to->n = m->octets.n;
	memcpy(a->to->p, m->octets.p == NULL ? "" : m->octets.p, m->octets.n);
	return ERR_OK;
}

/* The answer, whatever it is; errors are those of the channel. */
static enum err
take(struct svc_gate_signer *s, struct answer *a)
{
	static const struct ipc_gate_keys_at_gate handlers = { .signature = on_signature };
	int passed = -1;
	TRY(sys_chan_send_wait(s->fd, &s->out, -1, s->wait_ms));
	TRY(sys_chan_recv_wait(s->fd, &s->in, &passed, s->wait_ms));
	arena_reset(s->scratch);
	enum err e = ipc_gate_keys_gate_dispatch(&handlers, a, buf_view(&s->in), &passed,
	    s->scratch);
	sys_close(&passed);
	return e;
}

static void
give_up(struct svc_gate_signer *s, enum err why)
{
	bool lives = why != ERR_EOF && why != ERR_UNAVAILABLE; /* else its successor is wired */
	sys_close(&s->fd);
	LOG(CHANNEL_CLOSED, F_CSTR("edge", "gate_keys"), F_U64("peer", s->peer), F_ERR(why));
	if (lives) {
		sys_timer_set(s->sc->loop, &s->rewire, SVC_GATE_REWIRE_MS);
	}
}

static void
count(struct svc_gate_signer *s, enum err e, int64_t since_us)
{
	int64_t took_us = sys_clock_us() - since_us;
	s->signatures += e == ERR_OK;
	s->failed += e != ERR_OK;
	s->waited_us += took_us;
	s->longest_us = MAX(s->longest_us, took_us);
}

enum err
svc_gate_signer_sign(struct svc_gate_signer *s, str key, uint16_t scheme, str digest,
    struct svc_gate_signature *ret)
{
	struct ipc_gate_keys_sign m = {
		.request = ++s->request, .key = key, .scheme = scheme, .digest = digest
	};
	struct answer a = { .request = m.request, .to = ret };
	int64_t now_us = sys_clock_us();
	enum err e = ERR_UNAVAILABLE;
	if (s->fd >= 0) {
		buf_reset(&s->out);
		ipc_gate_keys_sign_put(&s->out, &m);
		e = take(s, &a);
		if (e != ERR_OK) {
			give_up(s, e);
		}
	}
	e = e == ERR_OK ? a.result : e;
	count(s, e, now_us);
	return e;
}
