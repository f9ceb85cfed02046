/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Administrators come and go here; what they say is the owner's business.
 */
#include "svc/common/admin.h"

#include "svc/common/log.h"
#include "sys/sock.h"
#include "sys/sys.h"

#include <unistd.h>

static void
listen_again(void *ctx)
{
	struct svc_common_admins *a = ctx;
	if (sys_watch_start(a->loop, &a->listener, SYS_IN) != ERR_OK) {
		sys_timer_set(a->loop, &a->rest, SYS_ACCEPT_PAUSE_MS);
	}
}

void
svc_common_admins_init(struct svc_common_admins *a, struct sys_loop *loop)
{
	*a = (struct svc_common_admins){ .loop = loop, .reserve = -1, .listener = { .fd = -1 } };
	sys_timer_init(&a->rest, listen_again, a);
}

void
svc_common_admins_take(struct svc_common_admins *a, int fd)
{
	sys_close(&a->listener.fd);
	a->listener.fd = fd;
}

static enum err
on_message(void *ctx, str datagram, int *fd)
{
	struct svc_common_admin *one = ctx;
	return one->all->on_message(one->all->ctx, one->chan, datagram, fd);
}

static void
on_closed(void *ctx, enum err why)
{
	struct svc_common_admin *one = ctx;
	if (one->all->on_closed != NULL) {
		one->all->on_closed(one->all->ctx, one->chan);
	}
	sys_chan_free(&one->chan);
}

static struct svc_common_admin *
free_place(struct svc_common_admins *a)
{
	for (size_t i = 0; i < LEN(a->places); i++) {
		if (a->places[i].chan == NULL) {
			return &a->places[i];
		}
	}
	return NULL;
}

/* Takes fd. */
static void
let_in(struct svc_common_admins *a, int fd)
{
	uint32_t uid;
	struct svc_common_admin *place = free_place(a);
	if (place == NULL || sys_sock_peer_user(fd, &uid) != ERR_OK ||
	    (uid != 0 && uid != geteuid()) || sys_chan_prepare(fd) != ERR_OK) {
		sys_close(&fd);
		return;
	}
	place->all = a;
	struct sys_chan_handler h = {
		.on_message = on_message, .on_closed = on_closed, .ctx = place
	};
	enum err e = sys_chan_new(a->loop, fd, &h, &place->chan);
	if (e != ERR_OK) {
		LOG(FAILED, F_CSTR("what", "admin"), F_ERR(e));
	}
}

static void
on_knock(void *ctx, unsigned events)
{
	struct svc_common_admins *a = ctx;
	int fd;
	enum err e = sys_sock_accept(a->listener.fd, &a->reserve, &fd, NULL);
	if (e == ERR_OK) {
		let_in(a, fd);
	} else if (e == ERR_NOMEM) { /* it would be told of at once again, for ever */
		sys_watch_stop(a->loop, &a->listener);
		sys_timer_set(a->loop, &a->rest, SYS_ACCEPT_PAUSE_MS);
	}
}

enum err
svc_common_admins_start(struct svc_common_admins *a)
{
	if (a->listener.fd < 0 || a->on_message == NULL) {
		return ERR_OK;
	}
	TRY(sys_dup(a->listener.fd, &a->reserve));
	a->listener.fn = on_knock;
	a->listener.ctx = a;
	return sys_watch_start(a->loop, &a->listener, SYS_IN);
}

void
svc_common_admins_done(struct svc_common_admins *a)
{
	sys_timer_stop(&a->rest);
	sys_watch_stop(a->loop, &a->listener);
	sys_close(&a->listener.fd);
	sys_close(&a->reserve);
	for (size_t i = 0; i < LEN(a->places); i++) {
		sys_chan_free(&a->places[i].chan);
	}
}
