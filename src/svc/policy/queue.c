/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The edge policy_queue: what became of notices and releases. Holding and releasing is told in
 * submit.c.
 */
#include "ipc/policy_queue.h"
#include "svc/policy/policy.h"

static enum err
on_noticed(void *ctx, const struct ipc_policy_queue_noticed *m, int *fd)
{
	struct svc_policy *p = ctx;

	svc_policy_notice_ended(p, m->txn, m->result);
	return ERR_OK;
}

static enum err
on_released(void *ctx, const struct ipc_policy_queue_released *m, int *fd)
{
	svc_policy_submit_released(ctx, m->account, m->mark);
	return ERR_OK;
}

enum err
svc_policy_from_queue(struct svc_common_link *from, str datagram, int *fd)
{
	static const struct ipc_policy_queue_at_policy handlers = { .noticed = on_noticed,
		.released = on_released };
	struct svc_policy *p = svc_policy_of(from);

	arena_reset(p->scratch);
	return ipc_policy_queue_policy_dispatch(&handlers, p, datagram, fd, p->scratch);
}
