/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The administrators' socket of a process: accept, let in root and our own user only, one channel
 * each. The socket lies in a folder nobody else may enter; this is the second lock.
 */
#ifndef SVC_COMMON_ADMIN_H
#define SVC_COMMON_ADMIN_H

#include "sys/chan.h"
#include "sys/loop.h"

enum {
	SVC_COMMON_ADMINS_MAX = 16
}; /* administrators connected at a time; more are closed at once */

struct svc_common_admins;

/* One connected administrator; chan NULL: a free place. */
struct svc_common_admin {
	struct svc_common_admins *all;
	struct sys_chan *chan;
};

struct svc_common_admins {
	struct sys_loop *loop;
	struct sys_watch listener; /* fd -1: none */
	int reserve;
	struct sys_timer rest; /* the kernel cannot give us connections */
	struct svc_common_admin places[SVC_COMMON_ADMINS_MAX];
	enum err (*on_message)(void *ctx, struct sys_chan *from, str datagram, int *fd);
	void (*on_closed)(void *ctx,
	    struct sys_chan *from); /* may be NULL; `from` is freed after it */
	void *ctx;
};

/* No socket yet; set the two functions and ctx then. */
void svc_common_admins_init(struct svc_common_admins *a, struct sys_loop *loop);

/* Keep the listening socket, whose owner this is from now on, for svc_common_admins_start. */
void svc_common_admins_take(struct svc_common_admins *a, int fd);

/* Begin to accept; nothing to do without a socket or without on_message. ERR_NOFD, ERR_NOMEM. */
enum err svc_common_admins_start(struct svc_common_admins *a);

/* Close everything, without on_closed. */
void svc_common_admins_done(struct svc_common_admins *a);

#endif
