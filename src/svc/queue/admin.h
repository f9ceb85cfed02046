/* SPDX-License-Identifier: Apache-2.0 */
/*
 * postern queue: who waits for what. An administrator hears of what was moved when the journal
 * has it, and of a sync when nothing is left to sync.
 */
#ifndef SVC_QUEUE_ADMIN_H
#define SVC_QUEUE_ADMIN_H

#include "svc/common/service.h"

struct svc_queue;

struct svc_queue_waiter {
	struct sys_chan *admin;
	uint64_t request;
};

/* What an administrator moved; told when it is durable. */
struct svc_queue_mover {
	struct sys_chan *admin; /* NULL: none */
	uint64_t request, count, later, entry;
	enum err result;
	uint16_t rcpt;
	bool more;
};

/* A message of postern, and its end. */
enum err svc_queue_on_admin(struct svc_common *sc, struct sys_chan *from, str datagram, int *fd);
void svc_queue_on_admin_closed(struct svc_common *sc, struct sys_chan *from);
/* Nothing is left to sync. */
void svc_queue_admin_settled(struct svc_queue *q);
/* What was moved is durable, or the journal could not be written. */
void svc_queue_admin_flushed(struct svc_queue *q, enum err result);

#endif
