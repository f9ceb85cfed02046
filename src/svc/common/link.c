/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Links by the service's table: found, wired, given up. link.h says what for.
 */
#include "svc/common/link.h"

#include "base/mem.h"
#include "svc/common/service.h"
#include "sys/sys.h"

static struct svc_common_link *
link_of(const struct svc_common *sc, const struct svc_common_edge *edge, uint32_t peer)
{
	return (void *)((char *)sc->ctx + edge->at + peer * edge->each);
}

static void
drop(struct svc_common_link *l)
{
	if (l->chan == NULL) {
		return;
	}
	bool was_up = l->up;
	sys_chan_free(&l->chan);
	l->up = false;
	if (was_up && l->edge->on_down != NULL) {
		l->edge->on_down(l);
	}
}

static void
up(struct svc_common_link *l)
{
	sys_chan_pause(l->chan, false);
	l->up = true;
	if (l->edge->on_up != NULL) {
		l->edge->on_up(l);
	}
}

static enum err
on_message(void *ctx, str datagram, int *fd)
{
	struct svc_common_link *l = ctx;
	enum err e = l->edge->on_message(l, datagram, fd);
	if (l->edge->secret) {
		mem_wipe((void *)(uintptr_t)datagram.p, datagram.n);
	}
	return e;
}

/* A peer that went is the parent's to tell of; it wires the next one by itself. */
static void
on_closed(void *ctx, enum err why)
{
	struct svc_common_link *l = ctx;
	drop(l);
	if (why != ERR_EOF) {
		LOG(CHANNEL_CLOSED, F_STR("edge", l->edge->name), F_U64("peer", l->peer),
		    F_ERR(why));
		svc_common_rewire(l->sc, l->edge->name, l->peer);
	}
}

static void
on_drained(void *ctx)
{
	struct svc_common_link *l = ctx;
	if (l->edge->on_drained != NULL) {
		l->edge->on_drained(l);
	}
}

static enum err
wire(struct svc_common_link *l, int fd)
{
	const struct sys_chan_handler h = {
		.on_message = on_message, .on_closed = on_closed, .on_drained = on_drained, .ctx = l
	};
	TRY(sys_chan_new(l->sc->loop, fd, &h, &l->chan));
	if (l->sc->starting) {
		sys_chan_pause(l->chan, true);
	} else {
		up(l);
	}
	return ERR_OK;
}

enum err
svc_common_wire_row(struct svc_common *sc, const struct svc_common_edge *row, uint32_t peer, int fd)
{
	if (peer >= row->n) {
		sys_close(&fd);
		return ERR_TOOMANY;
	}
	struct svc_common_link *l = link_of(sc, row, peer);
	drop(l);
	l->sc = sc;
	l->edge = row;
	l->peer = peer;
	l->times++;
	return wire(l, fd);
}

enum err
svc_common_wire(struct svc_common *sc, str edge, uint32_t peer, int fd)
{
	const struct svc_common_edge *e = sc->service->edges;
	while (e != NULL && e->name.n > 0 && !str_eq(e->name, edge)) {
		e++;
	}
	if (e == NULL || e->name.n == 0) {
		sys_close(&fd);
		return ERR_UNSUPPORTED;
	}
	return svc_common_wire_row(sc, e, peer, fd);
}

enum err
svc_common_link_send(const struct svc_common_link *l, const struct buf *out, int fd)
{
	if (l->chan == NULL) {
		sys_close(&fd);
		return ERR_UNAVAILABLE;
	}
	return sys_chan_send(l->chan, out, fd);
}

void
svc_common_link_fail(struct svc_common_link *l, enum err why)
{
	ASSERT(why != ERR_OK && why != ERR_EOF);
	if (l->chan != NULL) {
		sys_chan_fail(l->chan, why);
	}
}

static void
each(struct svc_common *sc, void (*fn)(struct svc_common_link *l))
{
	const struct svc_common_edge *e = sc->service->edges;
	for (; e != NULL && e->name.n > 0; e++) {
		for (uint32_t i = 0; i < e->n; i++) {
			struct svc_common_link *l = link_of(sc, e, i);
			if (l->chan != NULL) {
				fn(l);
			}
		}
	}
}

void
svc_common_links_start(struct svc_common *sc)
{
	sc->starting = false;
	each(sc, up);
}

static void
close_one(struct svc_common_link *l)
{
	sys_chan_free(&l->chan);
}

void
svc_common_links_close(struct svc_common *sc)
{
	each(sc, close_one);
}
