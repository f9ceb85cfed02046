/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The channels of the policy process: who asks it, and whom it asks.
 */
#include "svc/policy/policy.h"

static const struct svc_policy_edge edges[] = {
	{ .name = S_INIT("smtp_policy"), .on_message = svc_policy_from_smtp },
	{ .name = S_INIT("scan_policy"), .on_message = svc_policy_from_scan },
	{ .name = S_INIT("accounts_policy"), .on_message = svc_policy_from_accounts },
	{ .name = S_INIT("policy_resolve"), .on_message = svc_policy_from_resolve },
	{ .name = S_INIT("policy_queue"),
	    .on_message = svc_policy_from_queue,
	    .on_up = svc_policy_submit_tell },
	{ .name = S_INIT("policy_auth"), .on_message = svc_policy_from_auth },
};

static struct svc_policy_peer *
place(struct svc_policy *p, size_t edge, uint32_t index)
{
	const struct {
		struct svc_policy_peer *first;
		size_t n;
	} places[LEN(edges)] = { { p->smtps, LEN(p->smtps) }, { p->scans, LEN(p->scans) },
		{ &p->accounts, 1 }, { &p->resolve, 1 }, { &p->queue, 1 }, { &p->auth, 1 } };

	ASSERT(index < places[edge].n);
	return &places[edge].first[index];
}

static void
close_peer(struct svc_policy_peer *peer)
{
	if (peer->chan == NULL) {
		return;
	}
	sys_chan_free(&peer->chan);
	if (peer->edge->on_down != NULL) {
		peer->edge->on_down(peer->p);
	}
}

static enum err
on_message(void *ctx, str datagram, int *fd)
{
	struct svc_policy_peer *peer = ctx;

	arena_reset(peer->p->scratch);
	return peer->edge->on_message(peer, datagram, fd);
}

static void
on_closed(void *ctx, enum err why)
{
	struct svc_policy_peer *peer = ctx;

	close_peer(peer);
	if (why != ERR_EOF) {
		LOG(CHANNEL_CLOSED, F_STR("edge", peer->edge->name), F_U64("peer", peer->index),
		    F_ERR(why));
		svc_common_rewire(peer->p->sc, peer->edge->name, peer->index);
	}
}

enum err
svc_policy_on_wire(struct svc_common *sc, str edge, uint32_t index, str set, int fd)
{
	struct svc_policy *p = sc->ctx;
	size_t i = 0;

	while (i < LEN(edges) && !str_eq(edges[i].name, edge)) {
		i++;
	}
	ASSERT(i < LEN(edges));
	struct svc_policy_peer *peer = place(p, i, index);
	const struct sys_chan_handler h = {
		.on_message = on_message, .on_closed = on_closed, .ctx = peer
	};
	close_peer(peer);
	*peer = (struct svc_policy_peer){
		.p = p, .edge = &edges[i], .born = ++p->next_born, .index = index
	};
	TRY(sys_chan_new(sc->loop, fd, &h, &peer->chan));
	sys_chan_pause(peer->chan, !p->started);
	if (p->started && peer->edge->on_up != NULL) {
		peer->edge->on_up(p);
	}
	return ERR_OK;
}

void
svc_policy_listen(struct svc_policy *p)
{
	p->started = true;
	for (size_t i = 0; i < LEN(edges); i++) {
		size_t n = i == 0 ? LEN(p->smtps) : i == 1 ? LEN(p->scans) : 1;
		for (uint32_t k = 0; k < n; k++) {
			struct svc_policy_peer *peer = place(p, i, k);
			if (peer->chan == NULL) {
				continue;
			}
			sys_chan_pause(peer->chan, false);
			if (edges[i].on_up != NULL) {
				edges[i].on_up(p);
			}
		}
	}
}

void
svc_policy_send(struct svc_policy_peer *to)
{
	if (to->chan != NULL) {
		(void)(sys_chan_send(to->chan, &to->p->out, -1) == ERR_OK);
	}
}
