/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shared inside svc/common: the skeleton's own state, and the administrators' side of it.
 */
#ifndef SVC_COMMON_SERVICE_PRIV_H
#define SVC_COMMON_SERVICE_PRIV_H

#include "svc/common/service.h"

struct sys_sandbox;
struct svc_common_state;

/* One connected administrator. */
struct svc_common_admin {
	struct svc_common_state *state;
	struct sys_chan *chan; /* NULL: free slot */
};

/* How far the hand-over by the parent has come. */
enum svc_common_phase {
	SVC_COMMON_FRESH,   /* nothing came yet */
	SVC_COMMON_HANDED,  /* config is there, more may come */
	SVC_COMMON_RUNNING, /* inside the sandbox */
};

struct svc_common_state {
	struct svc_common sc;
	enum svc_common_phase phase;
	enum err failed; /* why the process must end, ERR_OK: it need not */
	struct sys_chan *parent;
	struct arena *conf_arena, *scratch;
	struct sys_sandbox *sandbox;
	struct sys_timer grace;
	struct buf out;
	uint64_t fd_limit;
	int admin_reserve;
	struct sys_watch admin_listener; /* fd -1: none */
	struct svc_common_admin admins[SVC_COMMON_ADMINS_MAX];
};

/* Keep the listening socket, whose owner this is from now on; svc_common_admin_start serves it. */
void svc_common_admin_take(struct svc_common_state *st, int fd);
enum err svc_common_admin_start(struct svc_common_state *st);

#endif
