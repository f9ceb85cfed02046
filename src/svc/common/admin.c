/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Administrators: accept on the socket the parent bound, let in root and our own user only, and
 * hand their messages to the service. The socket lies in a folder nobody else may enter; this is
 * the second lock.
 */
#include "svc/common/service_priv.h"
#include "sys/sys.h"

#include <unistd.h>

void
svc_common_admin_take(struct svc_common_state *st, int fd)
{
	sys_close(&st->admin_listener.fd);
	st->admin_listener.fd = fd;
}

static enum err
on_message(void *ctx, str datagram, int *fd)
{
	struct svc_common_admin *a = ctx;
	struct svc_common *sc = &a->state->sc;
	return sc->service->on_admin(sc, a->chan, datagram, fd);
}

static void
on_closed(void *ctx, enum err why)
{
	struct svc_common_admin *a = ctx;
	struct svc_common *sc = &a->state->sc;
	if (sc->service->on_admin_closed != NULL) {
		sc->service->on_admin_closed(sc, a->chan);
	}
	sys_chan_free(&a->chan);
}

/* Takes fd. */
static void
let_in(struct svc_common_state *st, int fd)
{
	uint32_t uid;
	struct svc_common_admin *free_slot = NULL;
	for (size_t i = 0; i < LEN(st->admins) && free_slot == NULL; i++) {
		if (st->admins[i].chan == NULL) {
			free_slot = &st->admins[i];
		}
	}
	if (free_slot == NULL || sys_sock_peer_user(fd, &uid) != ERR_OK ||
	    (uid != 0 && uid != geteuid()) || sys_chan_prepare(fd) != ERR_OK) {
		sys_close(&fd);
		return;
	}
	free_slot->state = st;
	struct sys_chan_handler h = {
		.on_message = on_message, .on_closed = on_closed, .ctx = free_slot
	};
	enum err e = sys_chan_new(st->sc.loop, fd, &h, &free_slot->chan);
	if (e != ERR_OK) {
		LOG(FAILED, F_CSTR("what", "admin"), F_ERR(e));
	}
}

static void
on_knock(void *ctx, unsigned events)
{
	struct svc_common_state *st = ctx;
	int fd;
	if (sys_sock_accept(st->admin_listener.fd, &st->admin_reserve, &fd, NULL) == ERR_OK) {
		let_in(st, fd);
	}
}

enum err
svc_common_admin_start(struct svc_common_state *st)
{
	if (st->admin_listener.fd < 0 || st->sc.service->on_admin == NULL) {
		return ERR_OK;
	}
	TRY(sys_dup(st->admin_listener.fd, &st->admin_reserve));
	st->admin_listener.fn = on_knock;
	st->admin_listener.ctx = st;
	return sys_watch_start(st->sc.loop, &st->admin_listener, SYS_IN);
}
